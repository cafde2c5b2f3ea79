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
# (page-metrics)=
# # Metrics
#
# *Paper §4.1–4.3 · Eq. 12–28*
#
# :::{admonition} This page
# :class: tip page-contract
#
# **You will learn** how the paper measures an image and a list of stars, equation by equation, each with the
# function that computes it here and a value that you can check; how far the same pair of images moves when a
# convention changes that the paper leaves open; and why a signal-to-noise ratio can rise although nothing was
# learnt about the star.
#
# **You need** [Noise model](#page-noise-model). From the [losses](#page-losses) page we use [Eq. (9)](#eq-9).
#
# **Reading time** 25 minutes.
# :::
#
# A number that judges an image answers a question. "By how much do pixels differ?" is one, "are the same stars
# found?" another, "are their fluxes right?" a third. No number answers all three, and an image can be good by
# one and useless by another. So for each measure on this page we ask two things: what is the question, and what
# has to be agreed before the answer means anything?
#
# Throughout we score one field: a simulated star cluster, a {term}`short exposure` of it, and an independent
# {term}`long exposure` twice as long. The "method" under test is deliberately simple, a Gaussian blur as wide
# as the {term}`point-spread function`. Nobody would publish it. It will do surprisingly well.

# %%
import numpy as np
import torch
from skimage.metrics import structural_similarity

from astrounet_core import figures, metrics, photometry
from astrounet_core.evaluation import detected_stars, expose, free_method
from astrounet_core.figures import Column
from astrounet_core.fluxes import error_statistics, forced_fluxes
from astrounet_core.instrument import FILTERS
from astrounet_core.noise import noise_variance, physical
from astrounet_core.psf import encircled_energy, hst_psf
from astrounet_core.scenes import fields, render
from astrounet_core.starlists import cut_marks, stacking_factor

page = figures.open_page("metrics", profile=profile, seed=seed)
field = fields("test")[6]
shot = expose(field, render(field), "independent", 2.0, noise_seed=seed)
blurred = free_method("gaussian_blur")(shot)
long_time, short_time = field.exposure_time, shot.exposure_time
images = {"own": (shot.noisy, short_time), "matched": (shot.noisy, long_time), "blurred": (blurred, long_time)}

# %%
window = (slice(156, 356), slice(156, 356))
page.figure(
    figures.sky_panels(
        [
            ("Long exposure", shot.long[window]),
            ("Short exposure", shot.noisy[window]),
            ("The short one, blurred", blurred[window]),
        ]
    ),
    name="fig-metric-images",
    caption="The images of this page, 200 × 200 pixels of them, at one stretch. Left: "
    "the reference. Middle: the input, $r = 2$. Right: the input, blurred.",
    alt="Three panels of the same star field. The middle one is grainier than the "
    "left; the right one is smooth and its stars are wider.",
)

# %% [markdown]
# ## Pixels
#
# ### Mean squared error and PSNR
#
# The mean squared error compares pixel by pixel. {term}`PSNR` puts it on a logarithmic scale, relative to a
# "maximum value" $\mathrm{MAX}_I$:
#
# (eq-12)=
# $$
# \mathrm{MSE} = \frac{1}{mn} \sum_{i=0}^{m-1} \sum_{j=0}^{n-1} \left[ I(i,j) - I_\mathrm{noise}(i,j) \right]^2
# \tag{12}
# $$
#
# [Code and test](#page-equations)
#
# (eq-13)=
# $$
# \mathrm{PSNR} = 10 \log_{10} \left( \frac{\mathrm{MAX}_I^2}{\mathrm{MSE}} \right)
# \tag{13}
# $$
#
# [Code and test](#page-equations)
#
# `metrics.mse` and `metrics.psnr` compute them. An example to do in the head: two images that differ by 0.1
# everywhere have MSE = 0.01, and with MAX = 1 a PSNR of 20 dB.

# %% tags=["hide-input"]
tenth = np.full((16, 16), 0.1)
page.text(
    f"Computed: MSE = {page.value(metrics.mse(tenth, 0 * tenth), '.2f')}, "
    f"PSNR = {page.value(metrics.psnr(tenth, 0 * tenth, data_range=1), '.1f', 'dB')}."
)

# %% [markdown]
# Two things must be agreed first. **MAX**: for an 8-bit photograph it is 255; for an image in electrons the
# paper says "the maximum value of image $I$", with which its own numbers can't be obtained (the
# [errata](#page-errata) and the [discussion](#page-discussion) say what is known). **Units**: the paper
# evaluates in electrons. A short exposure of a star has half the electrons of a long one, so unless it is
# multiplied by $r$, the "error" of the input is mostly its missing flux. Whether the paper multiplied isn't
# stated; the pixel histograms in the authors' repository show the input at half the flux.
#
# The table scores one pair of images under six choices of MAX and two of units.

# %%
maxima = {"the reference's maximum": None, "65,535 e⁻": 65535, "255 e⁻": 255, "87 e⁻": 87, "1 e⁻": 1}
rows = [
    {"maximum": name}
    | {key: metrics.psnr_paper(image, shot.long, time, long_time, value) for key, (image, time) in images.items()}
    for name, value in maxima.items()
]
ours = {key: metrics.psnr(image, shot.long) for key, (image, _) in images.items() if key != "own"}
rows.append({"maximum": "100 e⁻/s, images in e⁻/s (ours)", "own": "as matched"} | ours)
page.table(
    rows,
    name="table-psnr",
    caption="PSNR [dB] of one input and of the same input blurred, against the long "
    "exposure. Own electrons: as a short exposure counts them. Flux-matched: "
    "multiplied by $r$, which in e⁻/s is the input as it is.",
    columns=[
        Column("maximum", "MAX"),
        Column("own", "input, own electrons", ".1f"),
        Column("matched", "input, flux-matched", ".1f"),
        Column("blurred", "input, blurred", ".1f"),
    ],
)

# %% tags=["hide-input"]
gain, loss = (rows[0]["matched"] - rows[0][other] for other in ("own", "blurred"))
page.text(
    "Each choice of MAX moves a whole row, and no comparison within it. The units do more: multiplying the input by "
    f"two, and nothing else, gains {page.value(gain, '.1f', 'dB')}. In the paper's Table 2 PSNR rises by 29.6 dB from "
    "input to Network 1. How much of that is a change of units can't be told from the paper, but an input that isn't "
    "flux-matched has no place in the comparison. In this book images are compared in e⁻/s, with MAX declared. By PSNR "
    f"the blur is a disaster: {page.value(loss, '.0f', 'dB')} below the input that it was made from. Keep that in mind "
    "until the stars are counted."
)

# %% [markdown]
# PSNR has a second weakness that no convention cures: a sum of squares belongs to the brightest pixels. The
# {term}`noise-normalised MSE`, $\langle (I - \mu)^2 / V \rangle$ with the noise variance $V$ and the noise-free
# scene $\mu$, counts every pixel alike; it is 1 for an image as noisy as the input
# (`metrics.noise_normalised_mse`).
#
# ### Structural similarity
#
# {term}`SSIM` {cite:p}`wang2004` looks through a small window and asks three questions: have the two images the
# same mean there, the same contrast, the same pattern?
#
# (eq-14)=
# $$
# l(x,y) = \frac{2 \mu_x \mu_y + c_1}{\mu_x^2 + \mu_y^2 + c_1}
# \tag{14}
# $$
#
# [Code and test](#page-equations)
#
# (eq-15)=
# $$
# c(x,y) = \frac{2 \sigma_{xy} + c_2}{\sigma_x^2 + \sigma_y^2 + c_2}
# \tag{15}
# $$
#
# [Code and test](#page-equations)
#
# (eq-16)=
# $$
# s(x,y) = \frac{\sigma_{xy} + c_3}{\sigma_x \sigma_y + c_3}
# \tag{16}
# $$
#
# [Code and test](#page-equations)
#
# with constants that keep the fractions finite where an image is flat,
#
# (eq-17)=
# $$
# c_1 = (k_1 L)^2
# \tag{17}
# $$
#
# [Code and test](#page-equations)
#
# (eq-18)=
# $$
# c_2 = (k_2 L)^2
# \tag{18}
# $$
#
# [Code and test](#page-equations)
#
# (eq-19)=
# $$
# c_3 = \frac{c_2}{2}
# \tag{19}
# $$
#
# [Code and test](#page-equations)
#
# and the product of the three, with weights,
#
# (eq-20)=
# $$
# \mathrm{SSIM}(x,y) = \left[ l(x,y)^\alpha \cdot c(x,y)^\beta \cdot s(x,y)^\gamma \right]
# \tag{20}
# $$
#
# [Code and test](#page-equations)
#
# which for $\alpha = \beta = \gamma = 1$ is said to reduce to
#
# (eq-21)=
# $$
# \mathrm{SSIM}(x,y) = \frac{(2 \mu_x \mu_y + c_1)(2 \sigma_{xy} + c_2)}
# {(\mu_x^2 + \mu_y^2 + c_1)(\sigma_x^2 + \sigma_y^2 + c_2)} .
# \tag{21}
# $$
#
# [Code and test](#page-equations)
#
# The functions are `metrics.luminance`, `contrast`, `structure`, `ssim_constants` and `ssim_map`. Does Eq. 21
# follow? As printed, [Eq. (15)](#eq-15) has the *covariance* $\sigma_{xy}$ in its numerator. In the original it
# is $2 \sigma_x \sigma_y$, the product of the standard deviations (the text calls $\sigma$ a variance, another
# slip). Numbers settle it.

# %%
x, y = (np.arcsinh(image[window].astype(float) / metrics.SKY_SIGMA) for image in (shot.noisy, shot.long))
(mean_x, mean_y), (sigma_x, sigma_y), covariance = metrics.local_moments(x, y)
c1, c2, c3 = metrics.ssim_constants(data_range=9.0)
light, pattern = metrics.luminance(mean_x, mean_y, c1), metrics.structure(covariance, sigma_x, sigma_y, c3)
original, printed = metrics.contrast(sigma_x, sigma_y, c2), (2 * covariance + c2) / (sigma_x**2 + sigma_y**2 + c2)
values = {
    "[Eq. (21)](#eq-21)": light * printed,
    "[Eq. (20)](#eq-20), $c$ as in Wang et al., $2 \\sigma_x \\sigma_y$": light * original * pattern,
    "[Eq. (20)](#eq-20), $c$ as printed, $2 \\sigma_{xy}$": light * printed * pattern,
}
library = structural_similarity(x, y, data_range=9.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
rows = [{"formula": name, "ssim": value.mean().item()} for name, value in values.items()]
page.table(
    [*rows, {"formula": "scikit-image", "ssim": library}],
    name="table-ssim-misprint",
    caption="Mean SSIM of one pair of images by the paper's formulae. Only with the "
    "original contrast does Eq. 21 follow from Eq. 14–20.",
    columns=[Column("formula", "formula"), Column("ssim", "SSIM", ".4f")],
)

# %% [markdown]
# The misprint is one of the page, not necessarily of the paper's calculation: anybody who used a library got
# Eq. 21.
#
# What has to be agreed is $L$, "the dynamic range of pixel values". It enters through $c_1$ and $c_2$: where an
# image varies less than about $k_2 L$, SSIM is 1 whatever is in it. With the full range of a star field, five
# decades, everything that is not a bright star counts as flat. With $L = 1$ all noise counts as structure.

# %%
ranges = {"maximum − minimum": None, "65,535 e⁻": 65535, "1000 e⁻": 1000, "255 e⁻": 255, "87 e⁻": 87, "1 e⁻": 1}
rows = [
    {"range": name}
    | {key: metrics.ssim_paper(image, shot.long, time, long_time, value) for key, (image, time) in images.items()}
    for name, value in ranges.items()
]
ours = {key: metrics.ssim(image, shot.long) for key, (image, _) in images.items() if key != "own"}
rows.append({"range": "asinh scale (ours)", "own": "as matched"} | ours)
page.table(
    rows,
    name="table-ssim",
    caption="SSIM of one input and of the same input blurred, against the long "
    "exposure, for six ranges $L$. The paper's Table 2 has 0.45 for the input "
    "and 0.64 for Network 1; its $L$ is not stated.",
    columns=[
        Column("range", "$L$"),
        Column("own", "input, own electrons", ".3f"),
        Column("matched", "input, flux-matched", ".3f"),
        Column("blurred", "input, blurred", ".3f"),
    ],
)

# %% tags=["hide-input"]
spread = [row["matched"] for row in rows[:-1]]
page.text(
    f"One and the same input scores between {page.value(min(spread), '.2f')} and {page.value(max(spread), '.2f')}. "
    "Our own choice is to compress the pixel values first, asinh(*I*/σ), so that faint structure counts, and to "
    "declare the range (`metrics.ssim`). Even so, SSIM against a *noisy* reference rewards an image for having noise "
    "of the right size; against the noise-free scene it doesn't."
)

# %% [markdown]
# ### Pixel distributions
#
# §4.2 compares the *distribution* of pixel values by the {term}`KL divergence`, [Eq. (9)](#eq-9). An image
# isn't a distribution, and there is more than one way to make it one. (a) Its histogram: which values occur how
# often? (b) The image itself, divided by its sum: where is the light? The first is blind to position, the
# second to brightness; and (b) needs a floor, because pixels below zero have no logarithm.

# %%
sigma = float(np.sqrt(np.median(shot.variance)))
ways = {f"(b) image as distribution, floor {floor:g} e⁻": floor for floor in (1, 0.01)}
rows = [
    {"way": name}
    | {key: metrics.kl_paper(image, shot.long, time, long_time, floor) for key, (image, time) in images.items()}
    for name, floor in ways.items()
]
histogram = {
    key: metrics.kl_histogram(image * time / long_time, shot.long, sigma=sigma) for key, (image, time) in images.items()
}
page.table(
    [{"way": "(a) histogram of *I*/σ (ours)"} | histogram, *rows],
    name="table-kl",
    caption="KL divergence of the long exposure's pixels from the input's and from "
    "the blurred input's, three ways. The paper's Table 2: 0.0231 for the "
    "input, 0.0070 for Network 1.",
    columns=[
        Column("way", "distribution"),
        Column("own", "input, own electrons", ".3f"),
        Column("matched", "input, flux-matched", ".3f"),
        Column("blurred", "input, blurred", ".3f"),
    ],
)

# %% tags=["hide-input"]
ways = [histogram, *rows]
names = {"own": "the input in its own electrons", "matched": "the flux-matched input", "blurred": "the blurred input"}
best = [names[min(names, key=way.get)] for way in ways]
page.text(
    f"Which is closest to the long exposure? By the first line {best[0]}, by the second {best[1]}, by the third "
    f"{best[2]}. Of the readings that we tried, (b) comes nearest to the paper's values; that is a guess, not a "
    "finding."
)

# %% [markdown]
# ## Stars
#
# ### Finding them
#
# The paper runs Source Extractor {cite:p}`bertin1996` on both images with the settings that its repository
# lists: a pixel counts if it is 7σ above the background, a source needs ten such pixels in touch, and the image
# is not filtered first. We use the same code as a library, sep {cite:p}`barbary2016`, with the same settings
# (`photometry.PAPER_SETTINGS`). Detections in the output are then matched with those in the long exposure,
# which the paper calls the truth.

# %%
stars = {"input": detected_stars(shot, shot.noisy), "blurred": detected_stars(shot, blurred)}
page.figure(
    figures.sky_panels(
        [("Short exposure", shot.noisy[window]), ("The same, blurred", blurred[window])],
        marks={panel: cut_marks(each.marks, (156, 156), 200) for panel, each in enumerate(stars.values())},
    ),
    name="fig-detections",
    caption="Stars at the paper's settings. Circles: found in this image and in the "
    "long exposure. Squares: in the long exposure only. Diamonds: in this "
    "image only, and therefore counted as false. Look at what they mark.",
    alt="Two panels of one star field with marks around stars. On the left about half "
    "of the marks are squares, missed. On the right all of these have become "
    "circles, found, and as many diamonds have appeared, each on a star that can "
    "be seen by eye.",
)

# %% [markdown]
# ### Counting them
#
# Matched detections are true positives (TP), the others in the output false positives (FP), the unmatched stars
# of the reference false negatives (FN). {term}`Precision` asks how many detections are real, {term}`recall` how
# many stars were found (the paper's *true positive rate*, TPR), and the {term}`F-measure` is their harmonic
# mean:
#
# (eq-22)=
# $$
# \mathrm{Precision} = \frac{\mathrm{TP}}{\mathrm{TP} + \mathrm{FP}}
# \tag{22}
# $$
#
# [Code and test](#page-equations)
#
# (eq-23)=
# $$
# \mathrm{Recall} = \frac{\mathrm{TP}}{\mathrm{TP} + \mathrm{FN}}
# \tag{23}
# $$
#
# [Code and test](#page-equations)
#
# (eq-24)=
# $$
# \text{F-measure} = 2 \cdot \frac{\mathrm{Precision} \cdot \mathrm{Recall}}{\mathrm{Precision} + \mathrm{Recall}}
# \tag{24}
# $$
#
# [Code and test](#page-equations)
#
# `metrics.precision`, `metrics.recall` and `metrics.f_measure` compute them from counts, `starlists.Stars` from
# lists. By hand: 8 true positives, 2 false ones and 8 missed stars have P = 0.8, R = 0.5 and F = 0.8 / 1.3 =
# 0.62.

# %%
scene = free_method("ceiling")(shot)
outputs = {"input": shot.noisy, "input, blurred": blurred, "the noise-free scene itself": scene}
rows = []
for name, output in outputs.items():
    counts = detected_stars(shot, output).counts
    rates = {"recall": counts.recall, "precision": counts.precision, "f": counts.f_measure}
    rows.append({"image": name, "tp": counts.tp, "fp": counts.fp, "fn": counts.fn} | rates)
by_hand = metrics.f_measure(metrics.precision(8, 2), metrics.recall(8, 8))
page.table(
    [{"image": "by hand", "tp": 8, "fp": 2, "fn": 8, "recall": 0.5, "precision": 0.8, "f": by_hand}, *rows],
    name="table-counts",
    caption="Star counts against the long exposure, at the paper's settings.",
    columns=[
        Column("image", "image"),
        *(Column(key, key.upper(), "d") for key in ("tp", "fp", "fn")),
        *(Column(key, title, ".2f") for key, title in (("recall", "recall"), ("precision", "precision"), ("f", "F"))),
    ],
)

# %% tags=["hide-input"]
x_false, y_false = stars["blurred"].marks["false"]
catalogue = shot.scene.catalogue
real = len(photometry.match(x_false, y_false, catalogue["x"], catalogue["y"], 0.5)[0])
page.text(
    f"The blur raises recall from {page.value(100 * rows[0]['recall'], '.0f')} to "
    f"{page.value(100 * rows[1]['recall'], '.0f', '%')}. It has added no information; it has done what the detection "
    "step left out, and what Source Extractor would do by itself with FILTER Y. And it lowers precision from "
    f"{page.value(100 * rows[0]['precision'], '.0f')} to {page.value(100 * rows[1]['precision'], '.0f', '%')}. But of "
    f"its {len(x_false)} false stars {real} lie within half a pixel of a star of the true catalogue: they are real, "
    "and the long exposure's own detection misses them."
)

# %% tags=["hide-input"]
page.text(
    f"The last row shows that this test has no meaning at its upper end. The *truth itself* finds only "
    f"{page.value(100 * rows[2]['recall'], '.0f', '%')} of the “true” stars, and "
    f"{page.value(100 * (1 - rows[2]['precision']), '.0f', '%')} of what it shows is called false: its background has "
    "next to no noise, so that 7σ is next to nothing, neighbours run together, and the faintest stars surface."
)

# %% [markdown]
# A count of found stars therefore means something only at a stated rate of false ones, against a list that is
# true. That is what the [Scorecard](#page-scorecard) does.
#
# ### Matching them
#
# Who is whose? The paper matches with STILTS {cite:p}`taylor2006` and does not give the radius. If it is too
# small, real pairs are lost; if it is too large, strangers are paired. Ours is one to one: two detections are a
# pair if each is the other's nearest and they are at most two pixels apart (`photometry.match`). A random place
# has a source within $R$ pixels with probability $1 - \exp(-\pi n R^2)$ for $n$ sources a square pixel
# (`photometry.chance_match_rate`). To check it we move one list by 25 pixels, which leaves only strangers.

# %%
found, reference = stars["input"].found, stars["input"].reference
density = len(reference["x"]) / shot.long.size
rows = [
    {
        "radius": radius,
        "pairs": len(photometry.match(found["x"], found["y"], reference["x"], reference["y"], radius)[0]),
        "chance": len(found["x"]) * photometry.chance_match_rate(density, radius),
        "moved": len(photometry.match(found["x"] + 25, found["y"], reference["x"], reference["y"], radius)[0]),
    }
    for radius in (0.5, 1, 2, 4, 8)
]
page.table(
    rows,
    name="table-matching",
    caption="Pairs between input and long exposure by matching radius; pairs expected "
    "by chance if stars were spread evenly; pairs after moving one list by 25 "
    "pixels (stars cluster, and mutual matching turns some away).",
    columns=[
        Column("radius", "radius", "g", "px"),
        Column("pairs", "pairs", "d"),
        Column("chance", "by chance", ".1f"),
        Column("moved", "moved list", "d"),
    ],
)

# %% [markdown]
# ### Their fluxes
#
# For matched stars the paper compares fluxes in an aperture of ten pixels' diameter, by the
# {term}`relative flux error`:
#
# (eq-25)=
# $$
# \mathrm{RFE} = \frac{F_\mathrm{GT} - F_\mathrm{O}}{F_\mathrm{GT}}
# \tag{25}
# $$
#
# [Code and test](#page-equations)
#
# Mind the sign: an output that is too *faint* has a *positive* RFE (`metrics.relative_flux_error`). "We report
# the mean", says §4.3; the caption of Fig. 6 says "absolute". That matters, because errors of both signs cancel
# in one and add up in the other.

# %%
page.table(
    [
        {
            "image": name,
            "n": len(each.errors),
            "mean": np.mean(each.errors),
            "absolute": np.mean(np.abs(each.errors)),
            "median": np.median(each.errors),
            "scatter": np.std(each.errors),
        }
        for name, each in stars.items()
    ],
    name="table-rfe",
    caption="Relative flux errors of matched stars on one field, summarised in four ways [%].",
    columns=[
        Column("image", "image"),
        Column("n", "stars", "d"),
        Column("mean", "mean", ".2f"),
        Column("absolute", "mean absolute", ".2f"),
        Column("median", "median", ".2f"),
        Column("scatter", "standard deviation", ".2f"),
    ],
)

# %% [markdown]
# A mean over *matched* stars has another trap: methods that find fainter stars have larger errors, for finding
# them. The paper says so itself. The remedy is to measure every star at its true place, found or not: *forced*
# photometry, in our own tables.
#
# ## Signal-to-noise ratio
#
# The paper takes each star's flux $F_i$ and error $E_i$ from Source Extractor, and the background $B$:
#
# (eq-26)=
# $$
# \mathrm{SNR} = \frac{1}{N} \sum_{i=1}^{N} \frac{F_i}{\sqrt{E_i^2 + B^2}}
# \tag{26}
# $$
#
# [Code and test](#page-equations)
#
# Stacking $I$ equal images gains a factor
#
# (eq-27)=
# $$
# \mathrm{SNR}_\mathrm{f} = \sqrt{I} = \frac{\mathrm{SNR}_\mathrm{stack}}{\mathrm{SNR}_\mathrm{single}}
# \tag{27}
# $$
#
# [Code and test](#page-equations)
#
# and the paper asks how many inputs would have to be stacked to reach the output:
#
# (eq-28)=
# $$
# \mathrm{SNR}_\mathrm{f} = \sqrt{I} = \frac{\mathrm{SNR}_\mathrm{O}}{\mathrm{SNR}_\mathrm{I}}
# \tag{28}
# $$
#
# [Code and test](#page-equations)
#
# (`photometry.snr`, `photometry.stacking_factor`; two stars of flux 30 and 60 e⁻ with errors of 3 and 4 and
# $B = 0$ and 3 have SNR = (10 + 12) / 2 = 11.)
#
# The catch is $E_i$. It is not a scatter that somebody measured. It is a formula, $E^2 = A \sigma^2 + F/g$: the
# aperture's area $A$ times the variance $\sigma^2$ of a pixel of *this* image's background, plus the star's own
# photons. Smooth the image, and $\sigma$ falls, although the aperture's sum and its true error remain what they
# were. Call the image a long exposure, and $F/g$ is reckoned with $r$ times the electrons. Both happen to a
# network's output.

# %%
outputs = {"input": shot.noisy, "input, called a long exposure": shot.noisy.copy()}
outputs |= {"input, blurred": blurred, "long exposure": shot.long}
rows = []
for name, output in outputs.items():
    factor = stacking_factor(detected_stars(shot, output), stars["input"])
    scatter = error_statistics(forced_fluxes(shot, output), 10)["scatter"]
    rows.append({"image": name, "factor": factor, "stack": factor**2, "scatter": scatter})
page.table(
    [row | {"true": rows[0]["scatter"] / row["scatter"]} for row in rows],
    name="table-snr",
    caption="What Eq. 28 says of four images, and what happened to the fluxes. "
    "Scatter: of forced aperture fluxes about the truth, in units of the "
    "Cramér–Rao bound of the *input*. True gain: the input's scatter over "
    "this one.",
    columns=[
        Column("image", "image"),
        Column("factor", "SNR$_\\mathrm{f}$, Eq. 28", ".2f"),
        Column("stack", "“stacked images”", ".1f"),
        Column("scatter", "scatter", ".2f", "σ"),
        Column("true", "true gain", ".2f"),
    ],
)

# %% tags=["hide-input"]
same, called, blur, long = rows
example = photometry.snr(np.array([30.0, 60.0]), np.array([3.0, 4.0]), np.array([0.0, 3.0]))
page.text(
    f"(The example, computed: {page.value(example, '.0f')}.) Merely to *call* the input a long exposure raises "
    f"SNR$_\\mathrm{{f}}$ to {page.value(called['factor'], '.2f')}, with not a pixel changed. Blurring it raises it to "
    f"{page.value(blur['factor'], '.2f')}, “worth {page.value(blur['stack'], '.1f')} images”, while the fluxes scatter "
    f"by {page.value(blur['scatter'], '.2f')} σ instead of {page.value(same['scatter'], '.2f')} σ: nothing is gained. "
    f"A real exposure twice as long has {page.value(long['factor'], '.2f')}, and its fluxes are in truth better by "
    f"{page.value(same['scatter'] / long['scatter'], '.2f')}; photon statistics allow √2 = 1.41. The paper reports "
    "1.63 for Network 1, more than the exposure that the network imitates could have. In this table, that is where the "
    "blur stands."
)

# %% [markdown]
# The honest signal-to-noise ratio is the scatter of many measured fluxes about the true one. Simulations give
# it directly; at the telescope one needs repeated exposures.
#
# ## How good can a flux be?
#
# For a star alone on a known sky, with a known PSF $P$ and pixels of variance $V$, no unbiased measurement has
# a smaller error than the {term}`Cramér–Rao bound` {cite:p}`mendez2014`:
#
# $$
# \sigma_F^2 \ge \frac{1}{\sum_i P_i^2 / V_i} .
# $$
#
# A fit of the PSF reaches it (`photometry.psf_flux`, `photometry.cramer_rao_sigma`). An aperture doesn't: it
# sums pixels that hold mostly sky, and leaves part of the star outside. {numref}`fig-bound` compares them on
# the input's noise.

# %%
kernel = hst_psf(FILTERS[field.band], size=255)
psf = kernel[96:159, 96:159]
fluxes = torch.logspace(-0.5, 3, 8)
terms = {"sky": field.sky, "reads": float(np.ceil(field.reads / 2))}
noise = noise_variance(fluxes[:, None, None] * psf, short_time, 1.0, **terms).numpy()
bound = np.array([photometry.cramer_rao_sigma(psf.numpy(), one) for one in noise])
ratios = {}
for diameter in (10, 6, 3):
    area = [photometry.aperture_flux(one, np.array([31.0]), np.array([31.0]), diameter)[0] for one in noise]
    ratios[f"aperture of {diameter} px"] = (fluxes, np.sqrt(area) / encircled_energy(kernel, diameter / 2) / bound)
generator = torch.Generator().manual_seed(seed)
draws = [
    physical((flux * psf).expand(300, 63, 63), short_time, 1.0, generator=generator, **terms).numpy() for flux in fluxes
]
fitted = [
    np.std([photometry.psf_flux(draw, 31.0, 31.0, psf.numpy(), one)[0][0] for draw in stars_drawn])
    for stars_drawn, one in zip(draws, noise, strict=True)
]
ratios["PSF fit, 300 simulated stars"] = (fluxes, np.array(fitted) / bound)

# %%
page.figure(
    figures.curves(
        ratios, xlabel="flux of the star (e⁻/s)", ylabel="error / Cramér–Rao bound", logx=True, markers=True
    ),
    name="fig-bound",
    caption="The error of a star's flux in units of the Cramér–Rao bound, for three "
    "apertures (calculated) and for PSF fits (measured on simulated stars; "
    "their scatter about 1 is that of 300 draws). The paper's aperture has 10 "
    "px.",
    alt="Four curves of error over bound against flux on a logarithmic axis. For "
    "faint stars the 10-pixel aperture is nearly three times worse than the "
    "bound, smaller apertures less; all approach one for bright stars. The PSF "
    "fit stays at one.",
)

# %% tags=["hide-input"]
worst = float(ratios["aperture of 10 px"][1][0])
page.text(
    f"For a faint star the paper's aperture of ten pixels is {page.value(worst, '.1f')} times worse than the bound. So "
    "a gain in SNR of up to that factor *over aperture photometry* is to be had from the same image, without a "
    "network, by fitting the PSF. A method that claims to beat the bound has either used knowledge about the sky that "
    "the bound doesn't have, and pays with {term}`bias`, or has made an error."
)

# %% [markdown]
# ## What to remember
#
# * Before a metric is compared, three things must be agreed: units, range (MAX, $L$, bins or floor), and what
#   counts as truth. The paper leaves most of them open.
# * In e⁻/s the unchanged input is flux-matched. It belongs into every table, and so does a blur.
# * Recall rises with smoothing, whoever smooths. It means something only at a stated rate of false detections.
# * [Eq. (26)](#eq-26) uses a *calculated* error. Smoothing an image, or relabelling it, raises the ratio and
#   improves nothing.
# * The {term}`Cramér–Rao bound` says what can be had. Aperture photometry of faint stars leaves a factor of two
#   or three on the table.
#
# **Next:** [The paper's own tools](#page-independent-check) checks the photometry with the paper's programs.
