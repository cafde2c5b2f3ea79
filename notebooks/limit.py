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

# %% tags=["parameters"]
profile = "quick"
seed = 0

# %% [markdown]
# (page-limit)=
# # The limit
#
# :::{admonition} This page
# :class: tip page-contract
#
# **You will learn** how precisely a star can be measured in an exposure, and how faint a star can be found in it,
# whatever is done to the image first; why a denoiser that beats this limit has brought a belief along; and where a
# denoiser has room to help.
#
# **You need** [Noise model](#page-noise-model) and a little probability.
#
# **Reading time** 20 minutes.
# :::
#
# A denoised image looks as if it held more. It was computed from the noisy one, so it can't: whoever has the noisy
# image has everything. This page makes that exact, for one star, in three steps: how well can its flux be *measured*,
# how faint can it be *found*, and what does it mean to do better?

# %%
import numpy as np

from astrounet_core import exposures, figures, limits, photometry
from astrounet_core.bounds import star_stamps
from astrounet_core.exposures import STANDARD
from astrounet_core.figures import Column
from astrounet_core.instrument import rate_from_magnitude
from astrounet_core.psf_photometry import psf_model

page = figures.open_page("limit", profile=profile, seed=seed)
double = limits.longer(STANDARD, 2)

# %% [markdown]
# ## How well can a flux be measured?
#
# A star of flux $F$ sends the share $P_i$ of its light to pixel $i$. The sky is subtracted, the noise has the variance
# $V_i$. Then the pixel's value is $d_i = F P_i + n_i$, and the probability of all pixels together is largest for the
# flux that
#
# $$
# T = \frac{\sum_i P_i d_i / V_i}{\sum_i P_i^2 / V_i}
# $$
#
# names. $T$ has the mean $F$: it is unbiased. Its variance is
#
# $$
# \sigma^2 = \frac{1}{\sum_i P_i^2 / V_i} .
# $$
#
# Is there anything better? Write the {term}`likelihood` of all pixels as a function of $F$. Up to a factor that doesn't
# depend on $F$ it is $\exp(-(T - F)^2 / 2 \sigma^2)$. The pixels come in through $T$ *alone*: two images with the same
# $T$ say the same about the star. $T$ is called *sufficient*. And by the theorem of Cramér and Rao no unbiased
# measurement of any kind has a variance below $\sigma^2$, which $T$ reaches.
#
# Now let a network change the image first. Its output is computed from the pixels, so a measurement of the output is a
# measurement of the input: one more function of the same $d_i$, and bound by the same $\sigma$. This is the
# {term}`Cramér–Rao bound` that all our pages draw.
#
# If the background under the star or its place are unknown too, and fitted along, the flux is known somewhat less well.
# An aperture collects the sky's noise of all its pixels, with no regard to where the star's light is.

# %%
magnitudes = np.arange(20.0, 29.0)
errors, deeper = (limits.star_errors(magnitudes, conditions) for conditions in (STANDARD, double))
rows = [
    {"magnitude": magnitude} | {key: values[i] for key, values in errors.items()} | {"deep": deeper["error_flux"][i]}
    for i, magnitude in enumerate(magnitudes)
]
for row in rows:
    row |= {f"snr_{key.removeprefix('error_')}": row["flux"] / row[key] for key in row if key.startswith("error_")}
    row["snr_deep"] = row["flux"] / row["deep"]

# %% tags=["hide-input"]
heads = {
    "snr_flux": "flux alone",
    "snr_flux_and_background": "+ background",
    "snr_all": "+ place",
    "snr_aperture_6": "aperture, 6 px",
    "snr_aperture_10": "aperture, 10 px",
    "snr_deep": "flux alone, twice the exposure",
}
page.table(
    rows,
    name="table-limit",
    caption="Signal-to-noise ratio $F / \\sigma$ of a star in an exposure of 500 s, by what is fitted, and in "
    "apertures. The paper's aperture has 10 pixels.",
    columns=[Column("magnitude", "AB", ".0f", "mag"), *(Column(key, head, ".1f") for key, head in heads.items())],
)

# %% tags=["hide-input"]
faint = rows[7]
page.text(
    f"At {faint['magnitude']:.0f} mag the bound is a signal-to-noise ratio of {page.value(faint['snr_flux'], '.1f')}, "
    f"and the paper's aperture gets {page.value(faint['snr_aperture_10'], '.1f')} from the same pixels. Fitting the "
    f"PSF gains a factor of {page.value(faint['snr_flux'] / faint['snr_aperture_10'], '.2f')} without any network; "
    f"twice the exposure time with the aperture gains less than that."
)

# %% [markdown]
# That is the first room for a denoiser: **it can repair a measurement that is worse than need be.** An aperture on a
# denoised image may come close to the PSF fit on the noisy one. It can't come closer to the star than that fit.
#
# A check by trial: a sky full of stars of one magnitude, exposed once, and $T$ for each.

# %%
size, magnitude = 640, 26.0
x, y = (place.ravel().astype(float) for place in np.meshgrid(*2 * [np.arange(24, size - 24, 34)]))
scene = exposures.point_sources(x, y, np.full(x.shape, magnitude), size)
noisy = exposures.expose(scene, STANDARD, seed)
stamp = star_stamps(psf_model(STANDARD.filter), 0.0, 0.0)[0]
flux, _ = photometry.psf_flux(noisy, x, y, stamp, exposures.variance(scene, STANDARD))
true = float(rate_from_magnitude(magnitude, STANDARD.filter))
bound = limits.star_errors(magnitude)["error_flux"].item()

# %% tags=["hide-input"]
spread = flux.std() / bound
page.text(
    f"{len(flux)} stars of {magnitude:.0f} mag: the mean flux is off by "
    f"{page.value(100 * (flux.mean() / true - 1), '.2f', '%')} "
    f"(± {page.value(100 * bound / true / len(flux) ** 0.5, '.2f', '%')} expected), the scatter is "
    f"{page.value(spread, '.3f')} times the bound (± {page.value((2 * len(flux)) ** -0.5, '.3f')} expected)."
)

# %% [markdown]
# ## How faint can a star be found?
#
# Finding asks: star or no star? Every detector draws a line somewhere, and to compare two of them, both must be equally
# credulous: as many false alarms on an empty sky. By the lemma of Neyman and Pearson, at a given rate of false alarms
# no test finds more stars of a known flux and place than the one that compares the likelihoods with and without the
# star. And that is a threshold on $T$, the {term}`matched filter`. With the threshold at $t \sigma$ it finds the share
#
# $$
# C(F) = \Phi \left( \frac{F}{\sigma} - t \right) ,
# $$
#
# with $\Phi$ the normal distribution's cumulative. One half is found at $F = t \sigma$, 90 % at
# $F = (t + 1.28) \sigma$.
#
# Filtered noise has peaks of its own. Above a high threshold there are
#
# $$
# n = \frac{L}{(2 \pi)^{3/2}} \, t \, e^{-t^2 / 2}
# $$
#
# of them a unit of area, where $L$ says how quickly filtered noise changes from place to place: a sharp PSF has more
# independent places than a broad one.

# %%
threshold = limits.threshold_at(1.0)
found_at = {share: limits.magnitude_found(share, threshold) for share in (0.5, 0.9)}
further = limits.magnitude_found(0.9, threshold, double) - found_at[0.9]

# %% tags=["hide-input"]
page.text(
    f"One false alarm per square minute of arc needs $t$ = {page.value(threshold, '.2f')}, ten need "
    f"{page.value(limits.threshold_at(10.0), '.2f')}. At the former, half of the stars of "
    f"{page.value(found_at[0.5], '.2f')} mag are found and 90 % of those of {page.value(found_at[0.9], '.2f')} mag, in "
    f"500 s. An exposure twice as long goes {page.value(further, '.2f')} mag deeper, without any denoiser."
)

# %%
trials, grid = np.arange(25.5, 28.6, 0.5), np.linspace(25.0, 29.0, 200)
seen = []
for i, each in enumerate(trials):
    sky = exposures.expose(exposures.point_sources(x, y, np.full(x.shape, each), size), STANDARD, 100 + i)
    filtered = photometry.matched_filter(sky, stamp, limits.empty_variance(STANDARD))
    seen.append(np.mean(filtered[y.astype(int), x.astype(int)] > threshold))
curve = {
    name: limits.completeness(rate_from_magnitude(grid, STANDARD.filter) / limits.faint_error(conditions), threshold)
    for name, conditions in (("500 s", STANDARD), ("1000 s", double))
}

# %% tags=["hide-input"]
page.figure(
    figures.curves(
        {name: (grid, share) for name, share in curve.items()} | {"500 s, by trial": (trials, seen)},
        xlabel="magnitude [AB]",
        ylabel="share of stars found",
    ),
    name="fig-limit-found",
    caption="Completeness of the matched filter at one false alarm per square minute of arc, for stars of known place. "
    "No method that sees the exposure of 500 s can lie to the right of its curve.",
    alt="Two falling S-shaped curves, that of the longer exposure four tenths of a magnitude to the right. The "
    "points of the trial lie on the curve of the shorter one.",
)

# %% [markdown]
# So for isolated stars the best that a denoiser can do for detection is **nothing**: not to lose what a matched filter
# on its input would have found. On the [scorecard](#page-scorecard) this is $\Delta m_{90} = 0$.
#
# ## How to beat the bound, and what it costs
#
# The bound holds for *unbiased* measurements. A network trained with a squared loss strives for something else: the
# mean of all fluxes that could have made this image, weighed by how common they are,
#
# $$
# \hat F = E[F \mid T] .
# $$
#
# How common, the network has learnt from its training images. Say that at a place there is no star with the probability
# $p_0$, else a star of any brightness, each factor as often as the other. Then a faint bump is more likely noise than
# star, and $\hat F$ lies below $T$: **{term}`shrinkage`**.

# %%
snr = np.geomspace(1.0, 50.0, 120)
shrunk = {f"$p_0$ = {empty:g}": limits.shrinkage(snr, empty) for empty in (0.5, 0.9, 0.99, 0.999)}

# %% tags=["hide-input"]
page.figure(
    figures.curves(
        {name: (snr, found["bias"]) for name, found in shrunk.items()},
        xlabel="true signal-to-noise ratio",
        ylabel="bias [σ]",
        logx=True,
    ),
    name="fig-limit-bias",
    caption="Bias of the ideal shrinking measurement, by how empty it believes the sky to be. The emptier the sky that "
    "a network was trained on, the more it takes from faint stars.",
    alt="Four curves that start at minus a half to minus one, dip to between minus a half and minus two and a half, "
    "deeper for emptier skies, and are back near zero at a signal-to-noise ratio of ten.",
)

# %% tags=["hide-input"]
page.figure(
    figures.curves(
        {name: (snr, found["efficiency"]) for name, found in shrunk.items()},
        xlabel="true signal-to-noise ratio",
        ylabel="efficiency σ² / MSE",
        logx=True,
        logy=True,
    ),
    name="fig-limit-efficiency",
    caption="Efficiency of the same: above 1 the mean squared error is below the bound. It is so for the faintest "
    "alone, where zero is a good guess, and is paid for between two and six.",
    alt="Four curves, some above one at the left end. All fall below one between signal-to-noise ratios of two and "
    "six, deepest for emptier skies, and rise to one at ten and beyond.",
)

# %% tags=["hide-input"]
believer, sceptic = (limits.shrinkage([5.0], empty)["bias"].item() for empty in (0.5, 0.999))
page.text(
    f"A star of a signal-to-noise ratio of 5 loses {page.value(-believer, '.1f')} σ of its flux if half of all places "
    f"are believed to hold a star, and {page.value(-sceptic, '.1f')} σ if one in a thousand is. Nothing in the image "
    f"decides between the two. Bright stars keep their light under any belief."
)

# %% [markdown]
# An efficiency above 1 is no discovery about *this* star. It is what we knew about stars in general, and it is right
# only as far as they are like those of the training. Average a thousand such fluxes, as a luminosity function does, and
# the noise is gone while the bias stays.
#
# ## Where there is room
#
# The proofs above have assumptions. Where one fails, a denoiser can help honestly:
#
# - **A worse tool downstream.** An aperture, a threshold without a filter: repaired, up to the PSF fit's level.
# - **Extended sources.** No filter matches all shapes at once. A method that has learnt what galaxies look like may
#   find more of them than a bank of filters does.
# - **Crowding.** Next to a bright star the noise is not the only problem.
# - **Noise that isn't white.** Correlated noise, cosmic rays: who models them better measures better, up to *their*
#   bound.
# - **People.** We see faint structure better in a clean picture.
#
# ## What to remember
#
# - All that an exposure says of an isolated star's flux is one number, and the matched filter computes it.
# - A denoised image holds no more. It may hold the same in a handier form.
# - A smaller error than the bound is a belief at work. Ask for its bias.
# - Compare detectors at equal false alarms, on an empty sky.
#
# **Next:** [Peers](#page-peers): what other denoisers believe about the sky.
