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
# (page-lab5-break)=
# # Lab 5: break the network
#
# :::{admonition} This lab
# :class: tip page-contract
#
# **You will learn** how a trained network fails: on a wrong exposure ratio, on cosmic rays, on stars of another width;
# and which of its failures one can see, be warned of, or mend.
#
# **You need** [Lab 3](#page-lab3-unet) or [Quickstart](#page-quickstart).
#
# **Reading time** 40 minutes with the tasks.
# :::
#
# Replace every `...` in the cells that say *your turn*. The cell after each of them checks your answer.

# %% tags=["parameters"]
quick = False
seed = 5

# %%
# %matplotlib inline
from dataclasses import replace

from astrounet_core import figures, robustness, teaching
from astrounet_core.baselines import gaussian_blur
from astrounet_core.concerns import concerns
from astrounet_core.cosmic_rays import clean_cosmic_rays
from astrounet_core.frames import load
from astrounet_core.inference import denoise
from astrounet_core.metrics import noise_normalised_mse
from astrounet_core.robustness import NONE, PERTURBATIONS, Perturbation
from astrounet_core.scenes import fields

page = figures.open_page("lab5_break", profile="smoke" if quick else "quick", seed=seed)
field = next(field for field in fields("test") if field.kind == "sparse_field")
sky = robustness.skies([replace(field, size=160 if quick else 384)])[0]


def method(image, exposure_time, exposure_ratio):
    """The image denoised by the published network `modern`."""
    if quick:
        return gaussian_blur(image, exposure_time, exposure_ratio)
    return denoise(image, exposure_ratio, exposure_time, "modern")


# %% [markdown]
# The library knows a list of things that can go wrong with an image, or with what the network is told about it:

# %%
print(*PERTURBATIONS, sep=", ")

# %% [markdown]
# `robustness.perturbed(sky, what, seed)` exposes a sky under one of them: `.image`, and `.truth`, the noise-free sky
# changed in the same way, and `.variance`.
#
# ## Predict first
#
# :::{admonition} Predict
# :class: important
# The network learnt on exposures without cosmic rays. Now they are left in: 2 % of the pixels hit in 1000 s. By what
# factor does its noise-normalised error grow?
# :::

# %% tags=["solution"]
# Your turn: your guess of the factor.
prediction = 1000

# %% tags=["check"]
teaching.guess(prediction)

# %% [markdown]
# ## 1. How bad is it?
#
# **Task.** The noise-normalised mean squared error of a method under a perturbation. What the method is *told* is 500 s
# times `what.time`, and `what.ratio`, or 2 where that is `None`.
#
# :::{dropdown} Hint
# `shot = robustness.perturbed(sky, what, seed)`; call the method on `shot.image`; then
# `noise_normalised_mse(output, shot.truth, shot.variance)`.
# :::


# %% tags=["solution"]
# Your turn: the error of a method under a perturbation, with noise of a seed.
def error(method, what, seed):
    """Mean of ((output - truth) / sigma)^2: 1 for the image as it is, without defects."""
    shot = robustness.perturbed(sky, what, seed)
    output = method(shot.image, 500.0 * what.time, what.ratio or 2.0)
    return noise_normalised_mse(output, shot.truth, shot.variance)


# %% tags=["check"]
cases = [NONE, PERTURBATIONS["told half the time"], PERTURBATIONS["background +3 sigma"]]
expected = [robustness.measure(method, robustness.perturbed(sky, what, seed), what, sky)["nmse"] for what in cases]
teaching.value([error(method, what, seed) for what in cases], expected, 1e-3, hint="Is the method told what.time?")

# %% [markdown]
# ## 2. Which is worst?
#
# **Task.** For each of `names`, the error over that of the unperturbed image (`NONE`), for the same seed.
#
# :::{dropdown} Hint
# `PERTURBATIONS[name]` is the perturbation of a name.
# :::

# %%
names = [
    "told r = 5",
    "told twice the time",
    "drizzled",
    "cosmic rays",
    "PSF of 0.7 times the wavelength",
    "PSF of 1.5 times the wavelength",
]

# %% tags=["solution"]
# Your turn: for each name, how many times larger the error is.
unperturbed = error(method, NONE, seed)
factors = [error(method, PERTURBATIONS[name], seed) / unperturbed for name in names]

# %% tags=["check"]
unit = robustness.measure(method, robustness.perturbed(sky, NONE, seed), NONE, sky)["nmse"]
shots = [(robustness.perturbed(sky, PERTURBATIONS[name], seed), PERTURBATIONS[name]) for name in names]
expected = [robustness.measure(method, shot, what, sky)["nmse"] / unit for shot, what in shots]
teaching.value(factors, expected, 1e-3, hint="Divide by the error of NONE, with the same seed.")
teaching.compare(prediction, factors[3])

# %%
for name, factor in zip(names, factors, strict=True):
    print(f"{name:34s} {factor:6.3g}")

# %%
page.figure(
    figures.dots(names, {"error, times that of the unperturbed image": (factors, [0.0] * len(names))}, xlabel="factor"),
    name="fig-lab5-factors",
    caption="How many times larger the noise-normalised error becomes under each perturbation.",
    alt="A dot for each of six perturbations. Cosmic rays stand far to the right, hundreds of times; all others are "
    "close to the left border.",
)

# %%
shot = shots[names.index("cosmic rays")][0]
output = method(shot.image, 500.0, 2.0)

# %%
page.figure(
    figures.sky_panels(
        [("Cosmic rays left in", shot.image), ("Denoised", output), ("Truth", shot.truth)], kind="asinh"
    ),
    name="fig-lab5-rays",
    caption="An exposure with its cosmic rays, the same denoised, and the truth. Count what was kept that isn't sky.",
    alt="Three panels of stars on a grid: the exposure full of short bright streaks, the denoised image with a "
    "smooth sky and the streaks still there, and the truth with the stars alone.",
)

# %% [markdown]
# A wrong $r$ hardly hurts: what the network is told counts for little, since it can see how noisy the image is. A
# cosmic ray looks like the brightest, sharpest star there ever was, and stars are to be kept.
#
# ## 3. Does it say so?
#
# A network answers whatever it is shown. `concerns` compares the image with the training data instead.
#
# **Task.** Which of these three would you be warned of? Call `concerns(trained, exposure_ratio, exposure_time, ...)`
# and count the sentences: for $r$ = 8 at 500 s; for pixels of 0.1″ (`pixel_scale=0.1`) at $r$ = 2 and 500 s; for an
# exposure full of cosmic rays at $r$ = 2 and 500 s, of which all that is known is its time.

# %%
trained = load("modern")

# %% tags=["solution"]
# Your turn: number of warnings for each of the three.
warnings = [
    len(concerns(trained, 8.0, 500.0)),
    len(concerns(trained, 2.0, 500.0, pixel_scale=0.1)),
    len(concerns(trained, 2.0, 500.0)),
]

# %% tags=["check"]
teaching.within(warnings, [1, 1, 0], 0.5, hint="`concerns` gives a list of sentences; take its length.")

# %% [markdown]
# The worst of them comes without a warning: nothing in the header tells of cosmic rays.
#
# ## 4. Mend it
#
# **Task.** Write a method that removes cosmic rays before it denoises.
#
# :::{dropdown} Hint
# `clean_cosmic_rays(image, exposure_time)` gives two things: the mended image, and where it was hit.
# :::


# %% tags=["solution"]
# Your turn: clean, then denoise.
def mended(image, exposure_time, exposure_ratio):
    """The image without cosmic rays, denoised."""
    cleaned, _ = clean_cosmic_rays(image, exposure_time)
    return method(cleaned, exposure_time, exposure_ratio)


# %% tags=["check"]
rays, noises = PERTURBATIONS["cosmic rays"], range(seed, seed + (3 if quick else 5))
teaching.answered(mended(shot.image, 500.0, 2.0))
cleaned, plain = ([error(each, rays, noise) for noise in noises] for each in (mended, method))
teaching.smaller(cleaned, plain, hint="Denoise the cleaned image, not the one with cosmic rays.")

# %% [markdown]
# Better by far, and not as good as without: a few rays stay, and some stars lose a pixel.
#
# ## 5. Break it yourself
#
# **Task.** Find a `Perturbation` *without cosmic rays* that makes the error at least three times as large. What you
# may change: `brightness` (of all sources), `wavelength` (of the PSF), `ratio` and `time` (what the method is told),
# `offset` (of the background, in units of its noise), `full_well` (share of it at which pixels saturate).
#
# :::{dropdown} Hint
# Numbers far from 1 are allowed. What would make every star unlike any that was trained on?
# :::

# %% tags=["solution"]
# Your turn: a perturbation of your own.
mine = Perturbation(brightness=100.0, wavelength=0.3)

# %% tags=["check"]
if mine is ... or mine.conditions is not NONE.conditions:
    raise teaching.NotYet("not yet: give a Perturbation(...) that leaves the conditions of exposure as they are.")
teaching.at_least(error(method, mine, seed) / error(method, NONE, seed), 3.0, hint="Go further, or change two things.")

# %% [markdown]
# ## To discuss
#
# - Which failures would you have seen in the output alone? Which in the residual?
# - Somebody wants to use the network on ground-based images, with stars of 4 pixels. What do you test first?

# %% [markdown] tags=["solution"]
# :::{dropdown} Answers
# Cosmic rays are seen by anyone who knows them; a wrong ratio or time is not seen at all, and hardly matters. Stars
# narrower than those trained on leave rings or holes in the residual. For other stars: add stars of that width and of
# known flux to a real image, and measure bias and completeness (`astrounet check` does it).
# :::

# %% [markdown] tags=["instructor"]
# :::{admonition} For instructors
# :class: note
# **Let groups compete** in task 5: largest factor with one number changed. It gets them to think about what training
# contained. Collect on the board what was visible by eye.
#
# **Misconceptions.** "r tells the network how much noise to remove" (it sees the noise, in its own units). "It was
# trained on noise, so cosmic rays are noise to it" (they weren't in the noise that it saw).
#
# The book's numbers for all methods are on the [scorecard](#page-scorecard).
# :::

# %% [markdown]
# ## What to remember
#
# - A network answers whatever it is shown. Compare your image with its training data.
# - Cosmic rays go first, by a tool made for them.
# - What you are told of a network's quality holds for images like those it was tested on.
#
# **Next:** [Lab 6](#page-lab6-your-image).
