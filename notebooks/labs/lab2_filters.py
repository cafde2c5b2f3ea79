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
# (page-lab2-filters)=
# # Lab 2: filters and what they cost
#
# :::{admonition} This lab
# :class: tip page-contract
#
# **You will learn** what a Gaussian, a median and a matched filter do to the sky's noise, to a star's peak and to its
# flux; and why a picture that looks better need not measure better.
#
# **You need** [Lab 1](#page-lab1-noise).
#
# **Reading time** 40 minutes with the tasks.
# :::
#
# Replace every `...` in the cells that say *your turn*. The cell after each of them checks your answer.

# %% tags=["parameters"]
quick = False
seed = 2

# %%
# %matplotlib inline
import numpy as np
from scipy.signal import fftconvolve

from astrounet_core import exposures, figures, inspection, photometry, teaching
from astrounet_core.baselines import BASELINES, PSF_SIZE
from astrounet_core.exposures import STANDARD
from astrounet_core.instrument import F606W
from astrounet_core.known_stars import jittered_grid
from astrounet_core.limits import empty_variance
from astrounet_core.psf import hst_psf

page = figures.open_page("lab2_filters", profile="smoke" if quick else "quick", seed=seed)
size = 420 if quick else 640
x, y = jittered_grid(size, seed)
columns, rows = np.rint(x).astype(int), np.rint(y).astype(int)
stars = exposures.point_sources(x, y, np.full(len(x), 25.0), size)
scene, noisy = stars.numpy(), exposures.expose(stars, STANDARD, seed)
blank = exposures.blank(STANDARD, seed + 1, size)

# %% [markdown]
# `scene` holds stars of 25 mag without noise, `noisy` one exposure of it of 500 s, `blank` an exposure of the empty
# sky; all in e⁻/s. Their places are `x`, `y`, and `columns`, `rows` the nearest pixels. The filters:

# %%
gaussian, median, matched = (BASELINES[name] for name in ("gaussian_blur", "median", "matched_filter"))
exposure = (STANDARD.exposure_time, STANDARD.exposure_ratio)
part = np.s_[:128, :128]
shown = {"Input": noisy, "Gaussian": gaussian(noisy, *exposure), "Median": median(noisy, *exposure)}
shown["Matched filter"] = matched(noisy, *exposure)

# %%
page.figure(
    figures.sky_panels([(name, image[part]) for name, image in shown.items()], kind="asinh"),
    name="fig-lab2-filters",
    caption="A part of the exposure, and what three filters make of it, all at the same stretch. The sky becomes "
    "smoother from panel to panel, and the stars lose their peaks.",
    alt="Four panels with the same stars on a grid: sharp on a grainy sky; a little wider on a smooth sky after the "
    "Gaussian; faint on a blotchy sky after the median; dimmer and wider on the smoothest sky after the matched one.",
)

# %% [markdown]
# ## Predict first
#
# :::{admonition} Predict
# :class: important
# The matched filter makes the sky look much smoother. You measure fluxes in apertures of 9 pixels on the filtered
# image. By what factor does the error that the sky's noise leaves in a flux *fall*?
# :::

# %% tags=["solution"]
# Your turn: your guess of the factor.
prediction = 1.3

# %% tags=["check"]
teaching.guess(prediction)

# %% [markdown]
# ## 1. How quiet is the sky?
#
# **Task.** The rms of the filtered blank sky over that of `blank` itself.
#
# :::{dropdown} Hint
# A filter is called as `matched(image, *exposure)` and gives an image. Use `.std()`.
# :::


# %% tags=["solution"]
# Your turn: rms of the blank sky after a filter, over that before.
def sky_noise(filter_):
    """1 for a filter that does nothing, smaller for a smoother sky."""
    return filter_(blank, *exposure).std() / blank.std()


# %% tags=["check"]
psf = hst_psf(F606W, size=PSF_SIZE).double().numpy()
closed = (psf**2).sum() ** 0.5
teaching.value(sky_noise(matched), closed, 0.03, hint="Filter the blank image, not the one with stars.")

# %% [markdown]
# A linear filter replaces a pixel by $\sum_i k_i x_i$. For white noise of variance $V$ that has the variance
# $V \sum_i k_i^2$, so the rms falls by $\sqrt{\sum_i k_i^2}$: that is what judged you.

# %%
print({name: f"{sky_noise(filter_):.2f}" for name, filter_ in BASELINES.items()})

# %% [markdown]
# ## 2. What happens to the stars?
#
# **Task.** For every star, the flux in an aperture of 5 pixels across on the filtered `noisy`, over the same on the
# noise-free `scene`; and the same of the pixel at the star's place, its peak.
#
# :::{dropdown} Hint
# `photometry.aperture_flux(image, x, y, 5)` gives all fluxes at once. The peaks are `image[rows, columns]`.
# :::


# %% tags=["solution"]
# Your turn: flux of each star after a filter, over its true one, in apertures of 5 pixels.
def flux_kept(filter_):
    """One number a star; 1 on average where the filter takes nothing away."""
    after = photometry.aperture_flux(filter_(noisy, *exposure), x, y, 5)
    return after / photometry.aperture_flux(scene, x, y, 5)


# Your turn: the same of the pixel at the star's place.
def peak_kept(filter_):
    """One number a star."""
    return filter_(noisy, *exposure)[rows, columns] / scene[rows, columns]


# %% tags=["check"]
for filter_ in (gaussian, matched):
    clean = filter_(scene, *exposure)
    flux = photometry.aperture_flux(clean, x, y, 5) / photometry.aperture_flux(scene, x, y, 5)
    kept = teaching.answered(flux_kept(filter_))
    teaching.mean(kept - flux, 0.0, hint="Divide by the flux in the scene, in the same aperture.")
    peak = clean[rows, columns] / scene[rows, columns]
    teaching.mean(teaching.answered(peak_kept(filter_)) - peak, 0.0, hint="Rows first, then columns.")

# %%
for name, filter_ in BASELINES.items():
    flux, peak = flux_kept(filter_), peak_kept(filter_)
    print(f"{name:15s} flux {flux.mean():.3f} ± {flux.std() / len(x) ** 0.5:.3f}   peak {peak.mean():.2f}")

# %% [markdown]
# Every filter that smooths the sky moves light out of the aperture. Nothing of this is noise: it is a
# {term}`bias`, the same in every exposure, and no averaging takes it away.
#
# ## 3. Does the flux get better?
#
# **Task.** The scatter of the flux in apertures of 9 pixels on the *blank* sky, filtered, over that of the blank sky
# itself. That is the error which the sky leaves in a flux.
#
# :::{dropdown} Hint
# `inspection.aperture_scatter(image, usable, [9])[0]` measures it, at all places at once; `usable` says which pixels
# are blank sky: here `np.ones_like(blank, bool)`.
# :::


# %% tags=["solution"]
# Your turn: scatter of aperture fluxes on blank sky after a filter, over that before.
def aperture_noise(filter_):
    """1 for a filter that does nothing to fluxes, smaller for one that makes them better."""
    usable = np.ones_like(blank, bool)
    after, before = (inspection.aperture_scatter(image, usable, [9])[0] for image in (filter_(blank, *exposure), blank))
    return after / before


# %% tags=["check"]
disc = inspection.aperture(9).astype(float)
expected = (fftconvolve(disc, psf) ** 2).sum() ** 0.5 / (disc**2).sum() ** 0.5
teaching.value(
    aperture_noise(matched), expected, 0.05, hint="The same aperture on both, and the scatter, not the mean."
)
teaching.compare(prediction, 1 / aperture_noise(matched))

# %% [markdown]
# The pixels became quieter by a factor of three, the fluxes by a third at most: neighbouring pixels now err together.
# (Even that third is light from outside the aperture, which the filter shared out; task 2 shows what else it shared.)
# Whoever computes a flux error from the filtered pixels as if each had its own noise is wrong by that much.
#
# ## 4. What a filter is good for
#
# To *find* a faint star, look for high pixels: the higher above the sky's rms, the surer.
#
# **Task.** For a filter: the filtered value at each star's place over the rms of the filtered blank sky.
#
# :::{dropdown} Hint
# You have both halves already, in tasks 1 and 2.
# :::


# %% tags=["solution"]
# Your turn: how many rms of the filtered sky each star stands out of it.
def significance(filter_):
    """One number a star."""
    return filter_(noisy, *exposure)[rows, columns] / filter_(blank, *exposure).std()


# %% tags=["check"]
clean = matched(scene, *exposure)[rows, columns]
expected = clean / (closed * empty_variance(STANDARD) ** 0.5)
teaching.mean(
    teaching.answered(significance(matched)) / expected, 1.0, hint="Divide by the rms of the *filtered* blank sky."
)
teaching.smaller(significance(gaussian), significance(matched), hint="The matched filter finds best.")

# %%
print({name: f"{significance(filter_).mean():.1f}" for name, filter_ in BASELINES.items()})

# %% [markdown]
# ## To discuss
#
# - The filter that damages peaks most finds most. Why is that no contradiction?
# - Which of today's numbers would you ask for in a paper on a new denoiser? Which could a blur improve?

# %% [markdown] tags=["solution"]
# :::{dropdown} Answers
# Finding compares a pixel with its own noise: the peak falls by less than the noise does. Measuring asks for the light
# itself. A blur improves the sky's rms, any signal-to-noise ratio computed from it, and the look. It doesn't improve
# the scatter of fluxes, and adds a bias: ask for bias and scatter of fluxes against the truth.
# :::

# %% [markdown] tags=["instructor"]
# :::{admonition} For instructors
# :class: note
# **The point** is task 3. Most students predict the factor of task 1. Let them say why before they run it. It is the
# paper's measure of signal-to-noise ratio in small; [Discussion](#page-discussion), E, has the argument.
#
# **Misconceptions.** "A median keeps edges, so it keeps stars": stars this sharp are edges on all sides. "Filters lose
# flux": they move it; an aperture wide enough has it all, and more noise.
# :::

# %% [markdown]
# ## What to remember
#
# - A smooth sky is no better measurement: noise that neighbours share doesn't average out in an aperture.
# - Filters move light out of apertures and peaks. That is bias, and more exposures don't cure it.
# - The matched filter is for finding.
#
# **Next:** [Lab 3](#page-lab3-unet).
