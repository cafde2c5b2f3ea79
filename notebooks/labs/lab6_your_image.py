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
# (page-lab6-your-image)=
# # Lab 6: your own image
#
# :::{admonition} This lab
# :class: tip page-contract
#
# **You will learn** to denoise a FITS file, to judge the result by its residual, and to find out by stars of known flux
# what was done to *this* image.
#
# **You need** [Lab 4](#page-lab4-stars); an image of your own if you have one, in FITS, with its exposure time.
#
# **Reading time** 40 minutes with the tasks. [Denoise your own image](#page-denoise-your-own) does the same from the
# command line.
# :::
#
# Replace every `...` in the cells that say *your turn*. The cell after each of them checks your answer.

# %% tags=["parameters"]
quick = False
seed = 6

# %%
# %matplotlib inline
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import torch
from astropy.io import fits

from astrounet_core import added_stars, check_report, figures, inspection, noise, teaching
from astrounet_core.fits_io import read_image
from astrounet_core.frames import denoise_frame, load
from astrounet_core.instrument import WFC3_UVIS
from astrounet_core.scenes import make_scene
from astrounet_core.star_shapes import star_shape

page = figures.open_page("lab6_your_image", profile="smoke" if quick else "quick", seed=seed)
trained = load("modern")

# %% [markdown]
# ## An image to work on
#
# This writes a simulated image, with a header as a telescope's would have. **Run the lab with it once.** Then put the
# path of your own image into `path`, and run again from there.

# %%
scene = make_scene("galaxy_field", 512, seed).image
image = noise.physical(scene, 1200.0, 1.0, generator=torch.Generator().manual_seed(seed), reads=2)
cards = {"EXPTIME": 1200.0, "BUNIT": "ELECTRONS/S", "INSTRUME": "WFC3", "DETECTOR": "UVIS", "FILTER": "F606W"}
step = WFC3_UVIS.pixel_scale / 3600
cards |= {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -step, "CDELT2": step}
path = Path(mkdtemp()) / "simulated.fits"
fits.writeto(path, image.numpy(), fits.Header(cards))

# %%
read = read_image(path)  # for a file without exposure time: read_image(path, exposure_time=...)
print(
    f"{read.image.shape} pixels, {read.exposure_time:g} s, unit {read.unit}, {read.instrument} {read.band}", *read.notes
)
blank = inspection.blank_sky(read.image)  # True where no source is seen

# %% [markdown]
# ## Predict first
#
# :::{admonition} Predict
# :class: important
# The residual is input minus output: what the network took for noise. Divide it by the noise that the input has, pixel
# by pixel. What should the standard deviation of the quotient be?
# :::

# %% tags=["solution"]
# Your turn: your guess.
prediction = 0.97

# %% tags=["check"]
teaching.guess(prediction)

# %% [markdown]
# ## 1. Denoise, and look at the residual first
#
# **Task.** `denoise_frame(image, exposure_ratio, exposure_time, trained)` gives a frame with `.image`, the output, and
# `.input_error`, the noise of the input. Ask for twice the exposure time. Then make the residual in units of the noise.

# %% tags=["solution"]
# Your turn: the frame, and (input - output) / noise.
frame = denoise_frame(read.image, 2.0, read.exposure_time, trained)
residual = (read.image - frame.image) / frame.input_error

# %% tags=["check"]
spread = teaching.answered(residual).std()
teaching.within(spread, 1.0, 0.3, hint="Input minus output, over the noise of the input.")
teaching.compare(prediction, residual[blank].std())

# %%
page.figure(
    figures.sky_panels(
        [("Input", read.image), ("Output", frame.image)], residual=("Residual [σ]", residual), kind="asinh", unit=""
    ),
    name="fig-lab6-residual",
    caption="Input, output, and what was taken away, in units of the noise. The residual should look like grain: no "
    "source should be seen in it.",
    alt="Three panels of a field of galaxies: grainy input, smooth output, and the residual, which is even grain.",
)

# %% [markdown]
# ## 2. Is it grain?
#
# If only noise was removed, the residual on blank sky has mean zero, hardly less than the noise's standard deviation,
# and neighbours that know nothing of each other (or as much as in the input, if that was drizzled).
#
# **Task.** Three numbers on blank sky: mean and standard deviation of `residual`, and its correlation between
# neighbouring pixels.
#
# :::{dropdown} Hint
# `residual[blank]` are the blank pixels. `inspection.lag_correlation(residual, blank)` is the correlation.
# :::

# %% tags=["solution"]
# Your turn: mean, standard deviation, correlation of neighbours.
grain = [residual[blank].mean(), residual[blank].std(), inspection.lag_correlation(residual, blank)]

# %% tags=["check"]
teaching.answered(grain)
expected = [np.mean(residual[blank]), np.std(residual[blank]), inspection.lag_correlation(residual, blank)]
teaching.within(grain, expected, 1e-3, hint="On blank sky alone, and in this order.")
print(f"correlation of neighbours in the input: {inspection.lag_correlation(read.image, blank):.2f}")

# %% [markdown]
# ## 3. Is light missing where sources are?
#
# Bright sources that shine through in the residual have lost light, or got some.
#
# **Task.** The rms of `residual` on the pixels brighter than 20 times the sky's noise, `frame.sigma`, above the sky,
# `frame.sky`. What would it be if only noise had been removed?
#
# :::{dropdown} Hint
# `bright = read.image - frame.sky > 20 * frame.sigma`, then `.std()` over those.
# :::

# %% tags=["solution"]
# Your turn: standard deviation of the residual on bright pixels.
bright = read.image - frame.sky > 20 * frame.sigma
under_sources = residual[bright].std()

# %% tags=["check"]
teaching.answered(under_sources)
high = np.nonzero(read.image > frame.sky + 20 * frame.sigma)
teaching.value(
    under_sources, np.std(residual[high]), hint="Only the bright pixels, and the residual in units of noise."
)

# %% [markdown]
# Around 1 means: as much as the noise there. Well below 1 means that the network left bright pixels alone, noise and
# all. Well above means that it changed what it should have kept.
#
# ## 4. Ask with stars of known flux
#
# The residual tells what was taken. It can't tell how much of it was true. So add stars whose flux you know.
#
# **Task.** Call `added_stars.check_image(image, exposure_time, method, psf, stars=stars, seed=seed)`.
#
# :::{dropdown} Hint
# The method is a function of image and time: `denoiser` below. The image and its time are in `read`.
# :::

# %%
stars = 60 if quick else 300
psf = star_shape(read.image, read.band, read.pixel_scale)


def denoiser(image, exposure_time):
    """What is checked: the image denoised, for twice its exposure time."""
    return denoise_frame(image, 2.0, exposure_time, trained).image


# %% tags=["solution"]
# Your turn: add stars, measure before and after.
result = added_stars.check_image(read.image, read.exposure_time, denoiser, psf, stars=stars, seed=seed)

# %% tags=["check"]
if not isinstance(result, added_stars.CheckResult):
    raise teaching.NotYet("not yet: this has to be what check_image gives; see the hint.")
teaching.within(len(result.flux), stars, 0.5, hint="Ask for as many stars as `stars` says.")
pull = np.median(result.before.error / result.bound)
teaching.within(pull, 0.0, 0.5, hint="Before denoising fluxes should be unbiased; is the image sky-subtracted?")

# %%
print(check_report.table(result))
print(*check_report.conclusions(result), sep="\n")

# %% [markdown]
# ## To discuss
#
# - For what would you use the denoised version of this image, and for what the original?
# - The residual looked like grain and the faint stars lost light. How do these go together?

# %% [markdown] tags=["solution"]
# :::{dropdown} Answers
# Looking, and finding extended sources: the denoised one. Fluxes and their errors: the original. A star of a
# signal-to-noise ratio of 3 spread over ten pixels is at most one sigma in each of them: its loss hides in the grain.
# :::

# %% [markdown] tags=["instructor"]
# :::{admonition} For instructors
# :class: note
# **Own images** bring the trouble that teaches: no exposure time in the header, data numbers instead of electrons,
# another pixel scale. The error messages say what to give. Have one or two files tried beforehand.
#
# **Misconceptions.** "The residual is grain, so nothing was lost" (task 4). "After denoising the errors are smaller, my
# program says so" (its errors assume independent pixels: Lab 2, task 3).
#
# Large files: cut out 1024 × 1024 pixels first, or the lab takes longer than its minute.
# :::

# %% [markdown]
# ## What to remember
#
# - Look at the residual first: it should be grain.
# - A residual can't show what faint stars lost. Stars of known flux can.
# - Measure on the original. Look at the denoised.
#
# **Next:** the [Instructor guide](#page-instructor-guide) and the quiz; [Denoise your own
# image](#page-denoise-your-own) is for whole nights.
