# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# (page-lab1-noise)=
# # Lab 1: noise by hand
#
# :::{admonition} This lab
# :class: tip page-contract
#
# **You will learn** to draw the noise of a CCD pixel with your own hands: photons, dark current, read noise; and what
# an exposure twice as long buys.
#
# **You need** Python with NumPy, and what a Poisson and a normal distribution are.
#
# **Reading time** 30 minutes with the tasks. The book's page on this is [Noise model](#page-noise-model).
# :::
#
# Cells that say *your turn* are yours to fill in: replace every `...`. The cell after each of them checks your answer.
# Run from top to bottom; a check that says *not yet* stops the run, and tells what to look at.

# %% tags=["parameters"]
quick = False
seed = 1

# %%
# %matplotlib inline
import numpy as np
import torch

from astrounet_core import figures, noise, teaching
from astrounet_core.instrument import F606W, WFC3_UVIS

page = figures.open_page("lab1_noise", profile="smoke" if quick else "quick", seed=seed)
rng = np.random.default_rng(seed)
draws = 20_000 if quick else 200_000
sky, dark, read_noise = F606W.sky, WFC3_UVIS.dark_current, WFC3_UVIS.read_noise
print(f"sky {sky:.3f} e-/s, dark current {dark:.4f} e-/s, read noise {read_noise} e-, all per pixel")

# %% [markdown]
# ## Predict first
#
# :::{admonition} Predict
# :class: important
# A faint pixel is exposed for 4 s, and then for 16 s instead. By what factor does its signal-to-noise ratio grow?
# Write down a number before you go on. A wrong one costs nothing.
# :::

# %% tags=["solution"]
# Your turn: your guess of the factor.
prediction = 4.0

# %% tags=["check"]
teaching.guess(prediction)

# %% [markdown]
# ## 1. Photons
#
# A pixel that collects `rate` electrons per second, on average, holds a number of electrons after $t$ seconds that
# scatters from exposure to exposure, by Poisson's law ([Eq. (1)](#eq-1)).
#
# **Task.** Write a function that draws `n` such numbers.
#
# :::{dropdown} Hint
# `rng.poisson(mean, n)` draws integers of a given mean. What is the mean after $t$ seconds?
# :::


# %% tags=["solution"]
# Your turn: electrons counted in n exposures of t seconds.
def photons(rate, t, n):
    """n draws of the electrons that photons of `rate` e-/s leave after t s."""
    return rng.poisson(rate * t, n)


# %% tags=["check"]
counted = photons(0.5, 100.0, draws)
teaching.mean(counted, 50.0, hint="Is the mean of your draws rate times t?")
teaching.variance(counted, 50.0, hint="A Poisson law's variance equals its mean.")

# %% [markdown]
# ## 2. A whole exposure
#
# The sky and the dark current fill the pixel as well, and reading it out adds a normal error of $\sigma_R$ electrons.
# What observers call the image is the count less the *mean* of sky and dark current, over the exposure time:
#
# $$
# x = \frac{\mathrm{Pois}\big((f + s + d)\,t\big) + N(0, \sigma_R)}{t} - s - d .
# $$
#
# **Task.** Write `expose`, with `sky`, `dark` and `read_noise` from above, in e⁻/s.
#
# :::{dropdown} Hint
# Use `photons` for all that arrives as single electrons, at the sum of the rates. `rng.normal(0, read_noise, n)` is the
# reading. Divide by $t$ first, subtract then.
# :::


# %% tags=["solution"]
# Your turn: n exposures of t seconds of a pixel with a source of f e-/s.
def expose(f, t, n):
    """n draws of the pixel's value in e-/s, sky and dark current subtracted."""
    electrons = photons(f + sky + dark, t, n) + rng.normal(0, read_noise, n)
    return electrons / t - sky - dark


# %% tags=["check"]
source, seconds = 0.2, 300.0
exposed = expose(source, seconds, draws)
teaching.mean(exposed, source, hint="Subtract the sky and the dark current, in e-/s, after dividing by t.")
library = noise.noise_variance(torch.tensor(source), seconds).item()
teaching.variance(exposed, library, hint="Does every source of noise enter once, the read noise in electrons?")

# %% [markdown]
# That was the library's own formula which judged you. Subtracting the sky takes away its level. It doesn't take away
# its noise.
#
# ## 3. The formula
#
# **Task.** Now without drawing: variance of $x$ in (e⁻/s)², from $f$ and $t$.
#
# :::{dropdown} Hint
# Variances of independent errors add. Dividing electrons by $t$ divides their variance by $t^2$. The variance of
# electrons is $(f + s + d)\,t + \sigma_R^2$.
# :::


# %% tags=["solution"]
# Your turn: the variance of a pixel, by formula.
def variance_of(f, t):
    """Variance of the pixel's value, (e-/s)^2."""
    return (f + sky + dark) / t + (read_noise / t) ** 2


# %% tags=["check"]
cases = [(0.0, 30.0), (0.0, 1000.0), (0.5, 30.0), (20.0, 500.0)]
expected = [noise.noise_variance(torch.tensor(f), t).item() for f, t in cases]
teaching.value([variance_of(f, t) for f, t in cases], expected, 1e-4, hint="Look at the power of t in each term.")

# %% [markdown]
# ## 4. More exposure
#
# **Task.** The signal-to-noise ratio $f / \sigma$ of a faint pixel, $f$ = 0.02 e⁻/s, at each time of `times`, *from
# draws*: mean over scatter of `draws` exposures. Use `expose`.
#
# :::{dropdown} Hint
# A list: `[... for t in times]`, with `one = expose(0.02, t, draws)` and then `one.mean() / one.std()`. For the mean
# you may as well take the true flux, whose draws average out slowly at short times.
# :::

# %%
times = np.geomspace(2, 8000, 13)

# %% tags=["solution"]
# Your turn: signal-to-noise ratio of a pixel of 0.02 e-/s at each of the times.
snr = [0.02 / expose(0.02, t, draws).std() for t in times]

# %% tags=["check"]
short, long = slice(4), slice(-4, None)
teaching.slope(times, snr, 1.0, part=short, hint="Short: read noise decides. Is it drawn at every t?")
teaching.slope(times, snr, 0.5, part=long, hint="Long: photons decide, those of the sky. Is the sky in there?")
teaching.compare(prediction, variance_of(0.02, 4.0) ** 0.5 / variance_of(0.02, 16.0) ** 0.5)

# %%
page.figure(
    figures.curves(
        {
            "from draws": (times, snr),
            "proportional to t": (times[:7], snr[0] * times[:7] / times[0]),
            "proportional to √t": (times[6:], snr[-1] * (times[6:] / times[-1]) ** 0.5),
        },
        xlabel="exposure time [s]",
        ylabel="signal-to-noise ratio",
        logx=True,
        logy=True,
    ),
    name="fig-lab1-exposure",
    caption="Signal-to-noise ratio of a faint pixel against exposure time. Short exposures follow the line that grows "
    "with t, long ones that with its root.",
    alt="A curve on logarithmic axes that rises from 2 to 8000 seconds, with two straight lines beside it: it follows "
    "the steeper one on the left, and bends to the shallower one, which it follows on the right.",
)

# %% [markdown]
# The curve bends where the sky's electrons are as many as $\sigma_R^2$. **Task.** At what time is that?

# %% tags=["solution"]
# Your turn: the time, s, at which sky and dark current leave as much variance as the reading.
bend = read_noise**2 / (sky + dark)

# %% tags=["check"]
teaching.value(bend, WFC3_UVIS.read_noise**2 / (sky + dark), hint="Set (s + d) t equal to the read noise squared.")

# %% [markdown]
# ## To discuss
#
# - A program of 1000 s is split into 10 exposures of 100 s, so that cosmic rays can be told. What does it cost?
# - "The sky has been subtracted, so it no longer matters." What is right about this sentence?

# %% [markdown] tags=["solution"]
# :::{dropdown} Answers
# Ten reads add $10\,\sigma_R^2$ instead of $\sigma_R^2$ electrons², beside $(s + d) \cdot 1000$ s of sky and dark
# current: in numbers, 96 instead of 9.6, beside 93. The noise of the faint sky grows by a factor of 1.36. The sky's
# *level* is gone after subtraction; its photons have left their scatter in every pixel.
# :::

# %% [markdown] tags=["instructor"]
# :::{admonition} For instructors
# :class: note
# **Where students get stuck.** They add the read noise to the rate instead of the electrons (task 2: the variance is
# far too large). They expect that subtracting the sky removes its noise. They predict a factor of 2 ($\sqrt t$) at 4 s:
# the most useful wrong answer of this lab, since $\sqrt t$ holds for photons only.
#
# **If time is short** skip task 3. **If there is more** let them split 1000 s into 1, 2, 5, 10 reads and plot.
# :::

# %% [markdown]
# ## What to remember
#
# - Photons scatter with the square root of their number. The reading adds a constant.
# - Short exposures are limited by the reading: there the signal-to-noise ratio grows with $t$, later with $\sqrt t$.
# - Subtracting the sky leaves its noise.
#
# **Next:** [Lab 2](#page-lab2-filters).
