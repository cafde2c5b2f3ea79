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
# (page-lab4-stars)=
# # Lab 4: measure stars honestly
#
# :::{admonition} This lab
# :class: tip page-contract
#
# **You will learn** to measure a star's flux as well as anybody can, to see what a denoiser does to it, and to compare
# how many stars two methods find: at equal false alarms.
#
# **You need** [Lab 2](#page-lab2-filters). The argument behind it is the page [The limit](#page-limit).
#
# **Reading time** 45 minutes with the tasks.
# :::
#
# Replace every `...` in the cells that say *your turn*. The cell after each of them checks your answer.

# %% tags=["parameters"]
quick = False
seed = 4

# %%
# %matplotlib inline
import numpy as np

from astrounet_core import exposures, figures, limits, photometry, teaching
from astrounet_core.baselines import matched_filter
from astrounet_core.bounds import star_stamps
from astrounet_core.detection import peaks
from astrounet_core.exposures import STANDARD
from astrounet_core.inference import denoise
from astrounet_core.instrument import F606W, rate_from_magnitude
from astrounet_core.known_stars import isolated
from astrounet_core.psf_photometry import psf_model

page = figures.open_page("lab4_stars", profile="smoke" if quick else "quick", seed=seed)
count, side = (2, 512) if quick else (6, 1024)


# %% [markdown]
# The method on trial is the published network `modern`. (Any function from image to image, in e⁻/s, will do.)


# %%
def method(image):
    """The image denoised."""
    return matched_filter(image, 500.0, 2.0) if quick else denoise(image, 2.0, 500.0, "modern")


# %% [markdown]
# ## Predict first
#
# :::{admonition} Predict
# :class: important
# A star has a signal-to-noise ratio of 5 in the exposure: its flux can be measured to 20 %. You measure it on the
# denoised image, many times. By how many per cent is the *mean* of your fluxes too low?
# :::

# %% tags=["solution"]
# Your turn: your guess, in per cent.
prediction = 20

# %% tags=["check"]
teaching.guess(prediction)

# %% [markdown]
# ## 1. The best flux
#
# A star's share of light in pixel $i$ is $P_i$, the variance of the noise $V_i$, the pixel's value $d_i$. Then
#
# $$
# T = \frac{\sum_i P_i d_i / V_i}{\sum_i P_i^2 / V_i}
# $$
#
# is its flux, unbiased, with the least variance that there can be, $\sigma^2 = 1 / \sum_i P_i^2 / V_i$: the
# {term}`Cramér–Rao bound`.
#
# **Task.** Write it for many stars at once.
#
# :::{dropdown} Hint
# All three are arrays of (stars, 31, 31). Sum over the last two axes: `.sum((1, 2))`.
# :::


# %% tags=["solution"]
# Your turn: fluxes of many stars, from stamps of pixels, of the PSF, and of 1 / V.
def flux_of(pixels, psf, weight):
    """(n, 31, 31) each -> (n,), e-/s."""
    return (psf * pixels * weight).sum((1, 2)) / (psf**2 * weight).sum((1, 2))


# %% tags=["check"]
faint = (25.5, 26.0, 26.5, 27.0, 27.5)
skies = list(isolated(count, 2, magnitudes=faint, first_seed=seed))
scores = [(flux_of(sky.cut(sky.noisy), sky.psf, sky.weight), sky) for sky in skies]
pulls = np.concatenate([(teaching.answered(flux) - sky.flux) / sky.sigma for flux, sky in scores])
teaching.mean(pulls, 0.0, hint="Is the weight in both sums, and the PSF squared in the lower one?")
teaching.variance(pulls, 1.0, hint="Each star's errors are divided by its bound: their variance should be 1.")

# %% [markdown]
# Your errors have the variance of the bound: nobody can do better without a bias.
#
# ## 2. After denoising
#
# **Task.** The same on the denoised skies: for each magnitude of `faint` the mean of (flux − true flux) / true flux, in
# per cent. `denoised` holds the images, `skies` what is known of each.
#
# :::{dropdown} Hint
# Make two long arrays with `np.concatenate`: relative errors, and magnitudes (`sky.magnitude`). Then
# `[100 * error[np.isclose(magnitude, m)].mean() for m in faint]`.
# :::

# %%
denoised = [method(sky.noisy) for sky in skies]

# %% tags=["solution"]
# Your turn: mean relative error of the flux after denoising, in per cent, for each magnitude of faint.
magnitude = np.concatenate([sky.magnitude for sky in skies])
fluxes = [flux_of(sky.cut(image), sky.psf, sky.weight) for image, sky in zip(denoised, skies, strict=True)]
error = np.concatenate([flux / sky.flux - 1 for flux, sky in zip(fluxes, skies, strict=True)])
bias = [100 * error[np.isclose(magnitude, m)].mean() for m in faint]

# %% tags=["check"]
known = np.concatenate([sky.magnitude for sky in skies])
change = np.concatenate(
    [(sky.psf * sky.cut(im) * sky.weight).sum((1, 2)) for im, sky in zip(denoised, skies, strict=True)]
)
truth = np.concatenate([sky.flux * (sky.psf**2 * sky.weight).sum((1, 2)) for sky in skies])
ratios = [100 * (change / truth - 1)[np.isclose(known, m)].mean() for m in faint]
teaching.within(bias, ratios, 0.5, hint="Per cent of the true flux; minus where flux is lost.")

# %%
snr = rate_from_magnitude(np.array(faint), F606W) / limits.faint_error()
ideal = limits.shrinkage(snr, 0.99)["bias"]

# %%
page.figure(
    figures.curves(
        {"denoised": (snr, bias), "ideal shrinking, one place in 100 a star": (snr, 100 * ideal / snr)},
        xlabel="signal-to-noise ratio",
        ylabel="bias [%]",
        markers=True,
    ),
    name="fig-lab4-bias",
    caption="Mean error of the flux after denoising, in per cent of the true flux, against the star's signal-to-noise "
    "ratio; and what an ideal method would do that shrinks what is probably noise.",
    alt="Two curves below zero: bias in per cent against signal-to-noise ratio. Both are near zero for the brightest "
    "stars on the right and fall to the left, the ideal one by a few per cent, the denoised one by several times more.",
)

# %%
teaching.compare(prediction, -np.interp(5.0, snr[::-1], bias[::-1]), ".0f")

# %% [markdown]
# This is {term}`shrinkage`. A faint bump is more often noise than star, and a network that was rewarded for small
# errors acts on that. A thousand stars averaged keep the bias. The network shrinks more than the ideal method, which
# expects a star at one place in a hundred; whether stars were rarer where it learnt, or it isn't ideal, this lab can't
# tell.
#
# ## 3. How many are found?
#
# Comparing detections is fair only at equal false alarms. Both detectors below filter with the PSF and look for peaks;
# what differs is the image. `stars` are 26 to 28.5 mag, one in the middle of a pixel every 40.

# %%
stamp = star_stamps(psf_model(F606W), 0.0, 0.0)[0]
columns, rows = (place.ravel() for place in np.meshgrid(*2 * [np.arange(30, side - 30, 40)]))
stars = np.random.default_rng(seed).uniform(26.0, 28.5, len(columns))
noisy = exposures.expose(exposures.point_sources(columns, rows, stars, side), STANDARD, seed)
empty = exposures.blank(STANDARD, seed + 1, side)
variance, threshold = limits.empty_variance(STANDARD), 3.8


def statistic(image):
    """The image filtered with the PSF; for an exposure, in units of its noise."""
    return photometry.matched_filter(image, stamp, variance)


before, after = statistic(noisy), statistic(method(noisy))
alarms = peaks(statistic(empty), threshold)[2]
heights = np.sort(peaks(statistic(method(empty)), 0.0)[2])[::-1]
print(f"{len(alarms)} false alarms on {exposures.arcmin2(empty):.2f} arcmin² of empty sky, threshold {threshold}")

# %% [markdown]
# **Task.** `alarms` are the peaks of the empty exposure above `threshold`, `heights` all peaks of the empty image after
# denoising, the highest first. Choose the threshold for denoised images that lets as many false alarms pass.
#
# :::{dropdown} Hint
# Halfway between the last that may pass and the first that may not.
# :::

# %% tags=["solution"]
# Your turn: the threshold for denoised images.
equal = (heights[len(alarms) - 1] + heights[len(alarms)]) / 2

# %% tags=["check"]
passed = (heights > teaching.answered(equal)).sum()
teaching.within(passed, len(alarms), 0.5, hint="Count how many of the heights are above your threshold.")

# %% [markdown]
# **Task.** Completeness: in every half magnitude, how many stars are there, and how many are found in the exposure, and
# in the denoised image? A star is found where the statistic *at its place* is above the threshold.
#
# :::{dropdown} Hint
# `found = before[rows, columns] > threshold`. `np.histogram(stars, edges)[0]` counts all stars,
# `np.histogram(stars[found], edges)[0]` those found.
# :::

# %%
edges = np.arange(26.0, 28.6, 0.5)

# %% tags=["solution"]
# Your turn: number of stars in each bin; found in the exposure; found in the denoised image.
tried = np.histogram(stars, edges)[0]
found = np.histogram(stars[before[rows, columns] > threshold], edges)[0]
found_after = np.histogram(stars[after[rows, columns] > equal], edges)[0]

# %% tags=["check"]
share = limits.completeness(rate_from_magnitude(stars, F606W) / limits.faint_error(), threshold)
expected = [share[(stars >= low) & (stars < low + 0.5)].mean() for low in edges[:-1]]
teaching.shares(found, tried, expected, hint="The threshold for the exposure, and its statistic, `before`.")
total = int((after[rows, columns] > equal).sum())
teaching.within(np.sum(found_after), total, 0.5, hint="The threshold for denoised images, and `after`.")

# %%
centres = (edges[1:] + edges[:-1]) / 2
shares = {"exposure": found / tried, "denoised": found_after / tried, "theory, for the exposure": np.array(expected)}
errors = [np.sqrt(s * (1 - s) / tried) for s in shares.values()]

# %%
page.figure(
    figures.curves(
        {name: (centres, s, e) for (name, s), e in zip(shares.items(), errors, strict=True)},
        xlabel="magnitude [AB]",
        ylabel="share found, with binomial errors",
        markers=True,
    ),
    name="fig-lab4-completeness",
    caption="The share of stars that is found, by magnitude, at equal false alarms: in the exposure, in the denoised "
    "image, and by theory in the exposure.",
    alt="Three falling curves of the share found against magnitude, from nearly one at 26.25 mag towards zero at 28.25 "
    "mag: exposure and theory lie on each other, and the denoised image close to them.",
)

# %% [markdown]
# ## To discuss
#
# - The network finds no more stars than the matched filter. On which images could it?
# - A colleague shows that after denoising "SExtractor finds 30 % more stars". What do you ask?

# %% [markdown] tags=["solution"]
# :::{dropdown} Answers
# For isolated stars in white noise nothing can find more; where stars crowd, where galaxies have many shapes, where
# noise is correlated or has cosmic rays, the matched filter's assumptions fail. The colleague: how many false alarms,
# before and after, on sky known to be empty? And what did the detector find with a matched filter switched on?
# :::

# %% [markdown] tags=["instructor"]
# :::{admonition} For instructors
# :class: note
# **The point** is the pair of tasks 2 and 3: a bias for faint stars, and no gain in finding. Both follow from one
# theorem ([The limit](#page-limit)); don't let it look like a defect of this one network.
#
# **Misconceptions.** "Completeness rose, so it works" (at which false alarms?). "The scatter fell below the bound, so
# the bound is wrong" (it holds for unbiased measurements). "Take stars above 5σ and the bias is gone" (selection by
# measured flux biases the other way: good students find this).
# :::

# %% [markdown]
# ## What to remember
#
# - The PSF fit reaches the bound; no denoiser measures an isolated star better without a bias.
# - Compare detections at equal false alarms, counted on empty sky.
# - Ask for the bias of faint stars first.
#
# **Next:** [Lab 5](#page-lab5-break).
