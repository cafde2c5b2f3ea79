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
# (page-noise-model)=
# # Noise model
#
# *Paper §2.1 · Eq. 1–4*
#
# :::{admonition} This page
# :class: tip page-contract
#
# **You will learn** where the noise of a CCD image comes from and how each source is drawn; how the paper makes a
# short exposure from a long one; how that recipe, the authors' script and a detector differ; and what it means that
# input and target share their noise.
#
# **You need** to know what a mean and a variance are. [Data](#page-data) says what the scenes are.
#
# **Reading time** 20 minutes.
# :::
#
# A network that removes noise learns what noise is from the examples it is shown. The model that makes these examples
# is therefore the most important page of this book that has no network in it.
#
# Two units run through it. A detector counts **electrons**: they come in whole numbers, and noise is a matter of
# counting. An image is stored as a **rate**, e⁻/s: electrons divided by the exposure time $t$. In a rate image a star
# has the same brightness whether it was exposed for a minute or an hour; only the noise differs.

# %%
import numpy as np
import torch
from scipy.stats import norm, poisson

from astrounet_core import figures, noise
from astrounet_core.figures import Column
from astrounet_core.instrument import F606W, RELEASED, WFC3_UVIS, rate_from_magnitude
from astrounet_core.psf import hst_psf
from astrounet_core.scenes import fields, render

page = figures.open_page("noise_model", profile=profile, seed=seed)
generator = torch.Generator().manual_seed(seed)

# %% [markdown]
# ## Three sources of noise
#
# ### Light arrives in pieces
#
# Point a pixel at a steady source of which you expect $S$ electrons. You will not count $S$ each time. Photons arrive
# independently of each other, and such counts follow the Poisson law, whose mean and variance are both $S$:
#
# (eq-1)=
# $$
# N_\mathrm{photon} = \mathrm{Pois}(S)
# \tag{1}
# $$
#
# [Code and test](#page-equations)
#
# This is {term}`shot noise`. It belongs to the light itself: no better detector removes it, and the light of the sky
# has it just as a star's does.
#
# ### A warm detector counts in the dark
#
# Heat frees electrons too: the {term}`dark current` DK, per second and pixel. Its mean can be subtracted; its shot
# noise stays. The paper replaces the Poisson law by a Gaussian one of mean zero and standard deviation
# $\sqrt{\mathrm{DK} \cdot t}$:
#
# (eq-2)=
# $$
# N_\mathrm{dark} = \mathcal{N}\left(0, \sqrt{\mathrm{DK} \cdot t}\right)
# \tag{2}
# $$
#
# [Code and test](#page-equations)
#
# ### Reading costs a fixed price
#
# The amplifier that reads a pixel adds Gaussian {term}`read noise`, RON, once per read. It doesn't care how long the
# exposure was. That is why one long exposure is worth more than many short ones of the same total.
#
# :::{admonition} Predict
# :class: important
# A pixel of faint nebula expects four electrons. In which fraction of exposures does it count none at all? And which
# is the largest of the three after a thousand seconds: the shot noise of these four electrons, the dark noise, or the
# read noise?
# :::

# %%
detector, time, expected = WFC3_UVIS, 1000.0, 4.0
flat = torch.full((512, 512), expected)
dark_sigma = (detector.dark_current * time) ** 0.5
drawn = {
    "photons": noise.photon_noise(flat, generator),
    "dark": noise.dark_noise(flat, detector.dark_current, time, generator),
    "read": noise.read_noise(flat, detector.read_noise, generator),
}
wide = np.linspace(-12, 12, 49)
page.figure(
    figures.densities(
        {
            "Photons, Eq. 1": (drawn["photons"], np.arange(-0.5, 14), lambda n: poisson.pmf(n, expected)),
            "Dark current, Eq. 2": (drawn["dark"], wide, norm(0, dark_sigma).pdf),
            "Read noise": (drawn["read"], wide, norm(0, detector.read_noise).pdf),
        },
        xlabel="electrons",
    ),
    name="fig-noise-terms",
    caption="The three terms of Eq. 4 in 512 × 512 pixels (bars), and the laws that they should follow (points): four "
    "expected photo-electrons, and the dark current and read noise of WFC3/UVIS in 1000 s.",
    alt="Three histograms. Photon counts are whole numbers from 0 to about 12, lopsided, highest at 3 and 4. Dark "
    "noise and read noise are symmetric bells about zero, the read noise nearly twice as wide. Points of the law lie "
    "on the tops of all bars.",
)

# %%
pixels = flat.numel()
laws = {"photons": (expected, expected), "dark": (0.0, dark_sigma**2), "read": (0.0, detector.read_noise**2)}
titles = {"photons": "photons, $S = 4$", "dark": "dark current, $t = 1000$ s", "read": "read noise"}
page.table(
    [
        {"term": titles[name], "mean": draws.mean().item(), "mean_law": mean, "mean_error": (variance / pixels) ** 0.5}
        | {"variance": draws.var().item(), "variance_law": variance, "variance_error": variance * (2 / pixels) ** 0.5}
        for (name, draws), (mean, variance) in zip(drawn.items(), laws.values(), strict=True)
    ],
    name="table-noise-terms",
    caption="Mean and variance of the draws of {numref}`fig-noise-terms`, in e⁻ and (e⁻)², beside their laws. After ± "
    "stands how far a measured value may stray by chance (for the variance as if the draws were Gaussian).",
    columns=[
        Column("term", "term"),
        Column("mean", "mean, drawn", ".3f", spread="mean_error"),
        Column("mean_law", "law", ".3f"),
        Column("variance", "variance, drawn", ".3f", spread="variance_error"),
        Column("variance_law", "law", ".3f"),
    ],
)

# %% tags=["hide-input"]
empty = (drawn["photons"] == 0).float().mean().item()
page.text(
    f"Four expected electrons are none in {page.value(100 * empty, '.2f', '%')} of the pixels; the Poisson law says "
    f"$e^{{-4}}$ = {page.value(100 * np.exp(-4), '.2f', '%')}. The read noise wins, with "
    f"{page.value(detector.read_noise, '.1f')} e⁻ against {page.value(expected**0.5, '.1f')} e⁻ of shot noise and "
    f"{page.value(dark_sigma, '.2f')} e⁻ of dark noise. The Gaussian of Eq. 2 stands for a Poisson law of mean "
    f"{page.value(dark_sigma**2, '.1f')} e⁻, which is visibly lopsided (its skewness is "
    f"{page.value(1 / dark_sigma, '.2f')}). Since read noise is added on top, nobody will notice."
)

# %% [markdown]
# :::{admonition} Whose constants?
# :class: note
# The paper takes read noise and dark current "from the handbook". The dark current of WFC3/UVIS has grown about
# fourfold since launch, so that a value without a year says little. The authors' script has RON = 3 e⁻ and DK = 7 e⁻
# per hour. Our constants stand in `astrounet_core.instrument`, each with its source and date.
# :::
#
# ### Who dominates, where?
#
# Variances add. So the noise of a pixel is a budget, and it is worth knowing its largest entry before fighting any of
# them. For single exposures in F606W:

# %%
star_peak = (rate_from_magnitude(24.0, F606W) * hst_psf(size=21).max()).item()
budget = [("blank sky", 350.0, 0.0), ("blank sky", 2800.0, 0.0), ("peak of a star of magnitude 24", 350.0, star_peak)]
page.table(
    [
        {"where": f"{where}, {seconds:.0f} s", "source": rate * seconds, "sky": F606W.sky * seconds}
        | {"dark": detector.dark_current * seconds, "read": detector.read_noise**2}
        for where, seconds, rate in budget
    ],
    name="table-noise-budget",
    caption="Variance of one pixel of one WFC3/UVIS exposure, in (e⁻)², by source.",
    columns=[
        Column("where", "pixel"),
        Column("source", "source", ".1f"),
        Column("sky", "sky", ".1f"),
        Column("dark", "dark current", ".1f"),
        Column("read", "one read", ".1f"),
    ],
)

# %% [markdown]
# Even in the shortest exposure of our fields the light of the sky outweighs a read, in the long one by far; a star's
# peak is ruled by its own light. Keep the sky's column in mind: it is about to disappear.
#
# ## A short exposure made from a long one
#
# The paper has one archive image per field, a long exposure. It makes the short one from it: divide by the
# {term}`exposure ratio` $r$,
#
# (eq-3)=
# $$
# I_\mathrm{short} = I_\mathrm{long} / r
# \tag{3}
# $$
#
# [Code and test](#page-equations)
#
# and add the noise that an exposure of this length would have:
#
# (eq-4)=
# $$
# I_\mathrm{input} = \mathrm{Pois}(I_\mathrm{short}) + \mathcal{N}\left(0, \sqrt{\mathrm{DK} \cdot t}\right)
# + \mathcal{N}(0, \mathrm{RON})
# \tag{4}
# $$
#
# [Code and test](#page-equations)
#
# Three things need saying before this can be computed.
#
# 1. **Units.** Pois needs electrons, the images are in e⁻/s. So multiply by the exposure time, apply [Eq.
#    (4)](#eq-4), and divide by $t/r$. The star then has its old rate again.
# 2. **Which $t$?** The paper doesn't say whether $t$ in the dark term is the long or the short exposure time. It must
#    be the short one, $t/r$, for that is the exposure that is being imitated.
# 3. **What of negative pixels?** Archive mosaics are sky-subtracted: their sky scatters about zero, so half of its
#    pixels are negative. A Poisson law of negative mean doesn't exist. Something has to be done to these pixels, and
#    the paper doesn't say what.
#
# ## Three models
#
# The library has three readings of [Eq. (4)](#eq-4), behind one signature.
#
# `published`
# : [Eq. (4)](#eq-4) as printed. The image is clipped at zero for the Poisson draw, as it must be, and nowhere else.
#
# `released`
# : What the authors' training script does: the image is clipped at zero first, and *the input is set to exactly zero
#   wherever the clipped image is zero*.
#
# `physical`
# : What a detector does, and our own choice: start from the {term}`noise-free scene`, add the sky and the dark
#   current, draw, read, and subtract the *mean* of sky and dark. Nothing is clipped: the rate before the draw is
#   positive.
#
# The first two start from a noisy long exposure, which the paper calls its ground truth.
#
# :::{admonition} Predict
# :class: important
# An archive image is mostly empty sky. What fraction of the pixels of a `released` input is exactly zero?
# :::

# %%
field = fields("validation")[5]
sparse = render(field)
scene, stars = sparse.image, sparse.catalogue
time, ratio, reads = field.exposure_time, 2.0, field.reads
settings = {"sky": field.sky, "reads": reads}
long = noise.physical(scene, time, 1.0, WFC3_UVIS, generator, **settings)
inputs = {
    "published": noise.published(long, time, ratio, WFC3_UVIS, generator),
    "released": noise.released(long, time, ratio, RELEASED, generator),
    "physical": noise.physical(scene, time, ratio, WFC3_UVIS, generator, sky=field.sky, reads=np.ceil(reads / ratio)),
}

# %%
third = np.argsort(stars["flux_e_s"])[-3]
corner = tuple(
    slice(place, place + 64) for place in np.clip([stars["y"][third] - 40, stars["x"][third] - 24], 0, 448).astype(int)
)
page.figure(
    figures.sky_panels(
        [("Long exposure", long[corner]), *((f"Input, {name}", image[corner]) for name, image in inputs.items())],
        stretch_from=3,
    ),
    name="fig-three-models",
    caption=f"A star in a simulated sparse field: the long exposure of {time:.0f} s, and three inputs of half that "
    f"time, all at one stretch. The even dark patches of the released input are exact zeros.",
    alt="Four panels with the same star. The long exposure has fine grain of light and dark. The published "
    "input has fewer dark grains; in the released one half of the sky is one even dark grey; the physical one has the "
    "coarsest grain of all.",
)

# %%
blank = torch.zeros(512, 512)
blank_long = noise.physical(blank, time, 1.0, WFC3_UVIS, generator, **settings)
blanks = {
    "the long exposure itself": blank_long,
    "`published`": noise.published(blank_long, time, ratio, WFC3_UVIS, generator),
    "`released`": noise.released(blank_long, time, ratio, RELEASED, generator),
    "`released`, sky in the frame": noise.released(blank_long, time, ratio, RELEASED, generator, sky=field.sky),
    "`physical`": noise.physical(blank, time, ratio, WFC3_UVIS, generator, sky=field.sky, reads=np.ceil(reads / ratio)),
}

# %%
page.table(
    [
        {"model": name, "mean": 1e3 * image.mean().item(), "sigma": 1e3 * image.std().item()}
        | {"zero": 100 * (image == 0).double().mean().item(), "negative": 100 * (image < 0).double().mean().item()}
        for name, image in blanks.items()
    ],
    name="table-blank-sky",
    caption=f"Empty sky, whose true rate is zero, in a long exposure of {time:.0f} s and in inputs of half that time; "
    f"white noise.",
    columns=[
        Column("model", "image"),
        Column("mean", "mean", ".2f", "10⁻³ e⁻/s"),
        Column("sigma", "scatter", ".2f", "10⁻³ e⁻/s"),
        Column("zero", "exactly zero", ".1f", "%"),
        Column("negative", "negative", ".1f", "%"),
    ],
)

# %% tags=["hide-input"]
sigma_long = noise.noise_variance(blank[:1, :1], time, 1.0, **settings).item() ** 0.5
true_ratio = blanks["`physical`"].std().item() / blank_long.std().item()
page.text(
    f"Three things stand out. **Zeros.** "
    f"{page.value(100 * (blanks['`released`'] == 0).double().mean().item(), '.0f', '%')} of the sky is exactly zero in "
    f"the `released` input, everywhere that the long exposure happened to be negative. A network can read there which "
    f"pixels of its target are low. **A pedestal.** Clipping a Gaussian of width σ at zero lifts its mean to "
    f"$\\sigma/\\sqrt{{2\\pi}}$, here {page.value(1e3 * sigma_long / (2 * np.pi) ** 0.5, '.2f')} × 10⁻³ e⁻/s, and that "
    f"is what both models show. **Too little noise.** A true exposure of half the time has "
    f"{page.value(true_ratio, '.2f')} times the scatter of the long one. The paper's recipe leaves the input with "
    f"*less* scatter than its own target "
    f"({page.value(blanks['`published`'].std().item() / blank_long.std().item(), '.2f')} times): the sky's light was "
    f"subtracted from the archive image, and with it went the shot noise that it should have brought in."
)

# %% tags=["hide-input"]
kept = blanks["`released`, sky in the frame"]
zeros, ratio_kept = 100 * (kept == 0).double().mean().item(), kept.std().item() / blank_long.std().item()
page.text(
    "Were the paper's frames sky-subtracted? The one archive mosaic that we could measure is. But two pixel histograms "
    "in the authors' repository show the long exposure's pixels around 55 to 70 e⁻ and the input's around half of "
    "that: frames with their sky. So all three models take a `sky`, which is in the frame while the noise is drawn and "
    f"subtracted again. With it the mask is harmless ({page.value(zeros, '.0f', '%')} zeros), the pedestal is gone, "
    f"and the input has {page.value(ratio_kept, '.2f')} times the long exposure's scatter, even more than a true "
    "exposure of half the time, because the long exposure's own noise is in it too. Our presets `paper` and `code`, "
    "and the protocol `paper`, work on such frames; the literal script on sky-subtracted frames is scored beside them, "
    "as protocol `released`."
)

# %% [markdown]
# This is for empty sky. Where there is light, things turn round, as the next table shows: there the paper's input
# carries the long exposure's noise *and* a complete short exposure's noise on top.
#
# ### Means and variances, drawn and calculated
#
# For `physical`, with $V$ in (e⁻/s)²,
#
# $$
# \mathrm{E}[x] = I, \qquad
# V = \left[ (I + \mathrm{sky} + \mathrm{DK})\,\frac{t}{r} + n_\mathrm{reads}\,\mathrm{RON}^2 \right]
# \left(\frac{r}{t}\right)^{2} ,
# $$
#
# and for `published`, given its long exposure, the same without the sky. Flat patches of five brightnesses test both:

# %%
levels = torch.tensor([0.0, 0.01, 0.1, 1.0, 10.0])
patches = levels[:, None, None].expand(-1, 512, 512)
short = {"sky": field.sky, "reads": float(np.ceil(reads / ratio))}
patch_long = noise.physical(patches, time, 1.0, WFC3_UVIS, generator, **settings)
patch_paper = noise.published(patch_long, time, ratio, WFC3_UVIS, generator)
patch_real = noise.physical(patches, time, ratio, WFC3_UVIS, generator, **short)
law = noise.noise_variance(levels, time, ratio, **short).sqrt()

# %%
page.table(
    [
        {"level": level, "mean": patch_real[i].mean().item(), "error": law[i].item() / 512}
        | {"sigma": 1e3 * patch_real[i].std().item(), "law": 1e3 * law[i].item()}
        | {"paper": 1e3 * patch_paper[i].std().item(), "ratio": (patch_paper[i].std() / law[i]).item()}
        for i, level in enumerate(levels.tolist())
    ],
    name="table-noise-laws",
    caption="Flat patches of 512 × 512 pixels at half exposure: mean and scatter of `physical` as drawn, its law, and "
    "the scatter of the paper's recipe. The last column is the paper's scatter over that of a real half exposure.",
    columns=[
        Column("level", "true rate [e⁻/s]", "g"),
        Column("mean", "mean drawn [e⁻/s]", ".5f", spread="error"),
        Column("sigma", "scatter drawn", ".2f", "10⁻³ e⁻/s"),
        Column("law", "law", ".2f", "10⁻³ e⁻/s"),
        Column("paper", "paper's recipe", ".2f", "10⁻³ e⁻/s"),
        Column("ratio", "paper / real", ".2f"),
    ],
)

# %% tags=["hide-input"]
page.text(
    f"On bright gas the paper's input is {page.value((patch_paper[-1].std() / law[-1]).item(), '.2f')} times as noisy "
    f"as a true half exposure. That, too, can be calculated. The long exposure has variance $I/t$, the added noise "
    f"$rI/t$, together $(1 + r)\\,I/t$ against $rI/t$ for a real one: a factor of $\\sqrt{{(1 + r)/r}}$ = "
    f"{page.value(1.5**0.5, '.2f')} at $r = 2$. Too little noise on the sky, too much on the stars: the recipe doesn't "
    f"make the images that a telescope makes."
)

# %% [markdown]
# ## What an exposure is worth
#
# What does halving the exposure cost? For a star of flux $F$, fitted with the {term}`point-spread function` $P$, the
# best possible signal-to-noise ratio follows from the variance (the {term}`Cramér–Rao bound`, {cite:t}`mendez2014`):
#
# $$
# \mathrm{SNR} = F \sqrt{\textstyle\sum_i P_i^2 / V_i} .
# $$

# %%
times = torch.logspace(1.5, 4.5, 61)
profile_of_star = hst_psf(size=21)
magnitudes = (20, 24, 27)
fluxes = [rate_from_magnitude(magnitude, F606W) for magnitude in magnitudes]
variances = [noise.noise_variance(flux * profile_of_star, times[:, None, None]) for flux in fluxes]
snr = [
    flux * (profile_of_star**2 / variance).sum((1, 2)).sqrt() for flux, variance in zip(fluxes, variances, strict=True)
]
page.figure(
    figures.curves(
        {f"magnitude {magnitude}": (times, values) for magnitude, values in zip(magnitudes, snr, strict=True)}
        | {"∝ √t": (times, 0.05 * times**0.5), "∝ t": (times[:31], 0.0005 * times[:31])},
        xlabel="exposure time [s], one exposure",
        ylabel="best possible SNR of a star",
        logx=True,
        logy=True,
    ),
    name="fig-snr-time",
    caption="Best possible signal-to-noise ratio of a star in F606W against exposure time, in one exposure with one "
    "read, and two slopes to compare with.",
    alt="Three rising lines on logarithmic axes. The bright star's has slope one half throughout; the faint star's has "
    "slope one at short times and bends to one half beyond a few hundred seconds.",
)

# %% tags=["hide-input"]
gains = [[(s[i + 6] / s[i]).item() for i in (0, 54)] for s in snr]
page.text(
    f"A doubling of the exposure time gains a factor of √2 = {page.value(2**0.5, '.2f')} where photons set the noise, "
    f"and up to 2 where reading does. The star of magnitude {magnitudes[0]} gains {page.value(gains[0][0], '.2f')} at "
    f"half a minute, the one of magnitude {magnitudes[-1]} {page.value(gains[-1][0], '.2f')}; at four hours they gain "
    f"{page.value(gains[0][1], '.2f')} and {page.value(gains[-1][1], '.2f')}. No unbiased measurement on the short "
    f"image, whatever is done to it first, can rise above these curves: they are what the photons know. Keep that in "
    f"mind when a denoised image claims the signal-to-noise ratio of a longer exposure."
)

# %% [markdown]
# ## The leak
#
# Take two exposures of one field, a short and a long one. Their noise has nothing in common. In the paper's pair, the
# input was *made from* the target: what noise the target has, the input has too, plus its own.
#
# :::{admonition} Predict
# :class: important
# Subtract the true scene from the target, from the paper's input, and from an independent exposure. Which two of the
# three noise images will look alike?
# :::

# %%
gas = render(fields("validation")[3]).image[:128, :128]
pair_long = noise.physical(gas, time, 1.0, WFC3_UVIS, generator, **settings)
pair_paper = noise.published(pair_long, time, ratio, WFC3_UVIS, generator)
pair_real = noise.physical(gas, time, ratio, WFC3_UVIS, generator, **short)
zoom = (slice(52, 76), slice(52, 76))
page.figure(
    figures.sky_panels(
        [("Scene without noise", gas[zoom])],
        residual=[
            ("Noise of an exposure of its own", (pair_real - gas)[zoom]),
            ("Noise of the target", (pair_long - gas)[zoom]),
            ("Noise of the paper's input", (pair_paper - gas)[zoom]),
        ],
    ),
    name="fig-leak",
    caption=f"A patch of nebula of 24 × 24 pixels, and what three exposures of it add: an independent one of "
    f"{time / ratio:.0f} s, the long one of {time:.0f} s that is the target, and the input that the paper would make "
    f"from that. The noise panels share one stretch.",
    alt="A smooth patch of gas and three noise images in red and blue. The pattern of the target's noise recurs, pixel "
    "by pixel, in that of the paper's input beside it; the noise of the independent exposure shows nothing of it.",
)

# %% [markdown]
# How alike can be calculated. The target's noise has variance $V_\mathrm{long}$; the input's is the same noise plus
# fresh noise of variance $V_\mathrm{new}$. So the correlation of the two is
#
# $$
# \rho = \sqrt{\frac{V_\mathrm{long}}{V_\mathrm{long} + V_\mathrm{new}}} ,
# $$
#
# for pixels bright enough not to be clipped. Where light dominates, $V_\mathrm{new} = r\,V_\mathrm{long}$ and
# $\rho = 1/\sqrt{1 + r}$.

# %%
v_long = noise.noise_variance(levels, time, 1.0, **settings)
v_new = noise.noise_variance(levels, time, ratio, sky=0.0)
expected_leak = (v_long / (v_long + v_new)).sqrt()
pairs = [[patch.flatten() for patch in (*images,)] for images in zip(patch_long, patch_paper, patch_real, strict=True)]
measured = [torch.corrcoef(torch.stack(triple))[0, 1:].tolist() for triple in pairs]
page.table(
    [
        {"level": level, "paper": both[0], "law": expected_leak[i].item() if i > 1 else "(clipped)", "own": both[1]}
        for i, (level, both) in enumerate(zip(levels.tolist(), measured, strict=True))
    ],
    name="table-leak",
    caption="Correlation of the input's noise with the target's, over 512 × 512 pixels: in the paper's pairs, by the "
    "formula, and for an exposure of its own, whose chance value is of the order of 0.002.",
    columns=[
        Column("level", "true rate [e⁻/s]", "g"),
        Column("paper", "paper's pair", ".3f"),
        Column("law", "formula", ".3f"),
        Column("own", "independent exposure", ".3f"),
    ],
)

# %% tags=["hide-input"]
share = (v_long / (v_long + v_new))[-1].item()
page.text(
    f"Why does it matter? A network trained to reproduce the target does best if it keeps the part of the input's "
    f"noise that the target has too. For pixels of known brightness, the least mean squared error is reached by the "
    f"true rate plus a share $V_\\mathrm{{long}}/(V_\\mathrm{{long}} + V_\\mathrm{{new}})$ of the input's noise, on "
    f"bright gas {page.value(100 * share, '.0f', '%')}. A perfect denoiser, one that returned the scene itself, would "
    f"score *worse*. So on the paper's pairs a score says how well a network imitates one noisy image, and not how "
    f"well it finds the sky. Every network of this book is scored twice: on such pairs, to compare with the paper, and "
    f"on independent exposures against the noise-free scene."
)

# %% [markdown]
# ## Noise with neighbours: drizzle
#
# Hubble mosaics are resampled: several dithered exposures are put on a common grid by {term}`drizzle`
# {cite:p}`fruchter2002`. Every output pixel mixes a few input pixels, so that the noise of neighbours is correlated.
# Simulated fields get the correlation that was measured on a real mosaic, by convolving the noise (not the scene)
# with a 3 × 3 kernel.

# %%
correlation = noise.DRIZZLE_CORRELATION
exposure = {"sky": field.sky, "reads": reads}
white, drizzled = (
    noise.physical(blank, time, 1.0, WFC3_UVIS, generator.manual_seed(seed), correlation=rho, **exposure)
    for rho in (0.0, correlation)
)
tap = noise.drizzle_kernel(correlation)[0, 1].item() / noise.drizzle_kernel(correlation)[1, 1].item()

# %%
lag_laws = [1.0, 2 * tap / (1 + 2 * tap**2), tap**2 / (1 + 2 * tap**2), 0.0]
page.table(
    [
        {"lag": lag, "law": lag_laws[lag]}
        | {
            name: (image * image.roll(lag, -1)).mean().item() / image.var().item()
            for name, image in (("white", white), ("drizzled", drizzled))
        }
        for lag in range(4)
    ],
    name="table-drizzle",
    caption="Correlation of the noise of pixels a number of columns apart, without and with drizzle, measured on blank "
    "sky, and the law of the kernel.",
    columns=[
        Column("lag", "columns apart", "d"),
        Column("white", "white noise", ".3f"),
        Column("drizzled", "drizzled", ".3f"),
        Column("law", "law", ".3f"),
    ],
)

# %% tags=["hide-input"]
blocks = [image.unfold(0, 16, 16).unfold(1, 16, 16).sum((-1, -2)) for image in (white, drizzled)]
page.text(
    f"The same draws, drizzled, scatter only {page.value((drizzled.std() / white.std()).item(), '.2f')} times as much "
    f"from pixel to pixel. It looks like a better image. But sums over 16 × 16 pixels scatter "
    f"{page.value((blocks[1].std() / blocks[0].std()).item(), '.2f')} times as much: almost nothing was gained for "
    f"anything larger than a few pixels. Whoever estimates the error of an aperture from the scatter of single pixels "
    f"underestimates it {{cite:p}}`casertano2000`. A denoiser's output has the same property, and much more of it."
)

# %% [markdown]
# ## What is an exposure ratio of 2.7?
#
# $r$ is a ratio of times, so any real number from one upwards makes sense: the model exposes for $t/r$ seconds.
# Nothing in [Eq. (4)](#eq-4) wants a whole number. What does come in whole numbers is reads: an exposure that was
# added up from six reads has, at $r = 2.7$, no 2.2 reads. We take the next whole number, rounded up, which shows as
# small steps in the noise of the sky.

# %%
ratios = np.linspace(1, 6, 101)
patch, deep = blank[:256, :256], [{"sky": field.sky, "reads": np.ceil(6 / r - 1e-9)} for r in ratios]
law_line = [
    noise.noise_variance(patch[:1, :1], 2800.0, r, **how).item() ** 0.5 for r, how in zip(ratios, deep, strict=True)
]
drawn_line = [
    noise.physical(patch, 2800.0, r, WFC3_UVIS, generator, **how).std().item()
    for r, how in zip(ratios, deep, strict=True)
]
page.figure(
    figures.curves(
        {"drawn": (ratios, 1e3 * np.array(drawn_line)), "law": (ratios, 1e3 * np.array(law_line))},
        xlabel="exposure ratio r",
        ylabel="scatter of the sky [10⁻³ e⁻/s]",
    ),
    name="fig-real-ratio",
    caption="Scatter of blank sky when a deep image of 2800 s and six reads is shortened by a real ratio from 1 to 6, "
    "in steps of 0.05: by the closed form, and in 256 × 256 pixels drawn at each ratio.",
    alt="Two nearly identical rising lines: the scatter grows from about 6 to about 16 thousandths of an electron per "
    "second, with small steps downwards at ratios of 1.2, 1.5, 2, 3 and 6, where one read fewer is needed.",
)

# %% [markdown]
# The network is told $r$ as a plain number, so it accepts 2.7 as well. Whether it has learnt anything about 2.7 from
# training at 2, 3, 4 and 5 is a question for [Results](#page-results).
#
# ## What to remember
#
# - Noise has three sources: counting (variance equal to the mean), dark current, and reading (a fixed price per
#   read). Variances add.
# - The paper makes its input *from its target*, and everywhere the target shares noise with it. In a frame without its
#   sky that gives too little noise in the sky, in a frame with its sky too much.
# - The authors' script also sets pixels to exactly zero where the target is not positive. In a frame without its sky
#   that is every other pixel, and tells the network about its target.
# - `physical` draws every exposure from the noise-free scene, with sky and dark current in the draw. Its mean and
#   variance have closed forms, and the draws agree with them.
# - Half the exposure time costs a factor between √2 and 2 in signal-to-noise ratio; no later processing brings it back.
#
# **Next:** [Convolutional networks in pictures](#page-convolution).
