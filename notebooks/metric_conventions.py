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
# (page-metric-conventions)=
# # One pair, many scores
#
# *Paper §4.1–4.3 · Table 2*
#
# :::{admonition} This page
# :class: tip page-contract
#
# **You will learn** how far the score of one and the same image moves when a convention changes that a text may leave
# open; which choices only shift all numbers and which change the order of the images; and what aperture, forced fit
# and free fit make of the same stars.
#
# **You need** [Metrics](#page-metrics), where every measure is defined.
#
# **Reading time** 12 minutes.
# :::
#
# [Metrics](#page-metrics) changes one convention at a time, for an input and its blur. Here all of them change
# together. We take one field at $r = 2$, its simulated {term}`long exposure` with its sky put back, a
# {term}`short exposure` made from it as in the paper, and four images that claim to be better: two networks' outputs,
# a Gaussian blur and the noise-free scene. Then we compute each column of the paper's Table 2 under every combination
# of choices (`conventions.CHOICES`). Nothing else differs: the same pixels, the same noise.

# %%
import numpy as np

from astrounet_core import conventions, figures, paper, psf_photometry
from astrounet_core.evaluation import expose, free_method
from astrounet_core.figures import Column
from astrounet_core.fluxes import error_statistics
from astrounet_core.scenes import fields, render
from astrounet_core.scoring import methods

page = figures.open_page("metric_conventions", profile=profile, seed=seed)
field = fields("test")[6]
scene = render(field)
shot = expose(field, scene, "paper", 2.0, noise_seed=seed)
names = {"network1": "Network 1", "modern": "modern"}
networks = {names[name]: method for name, method in methods(list(names), profile).items()}
free = {"Gaussian blur": free_method("gaussian_blur"), "noise-free scene": free_method("ceiling")}
outputs = {"input": shot.noisy} | {name: method(shot) for name, method in (networks | free).items()}

# %% tags=["hide-input"]
window = (slice(156, 356), slice(156, 356))
page.figure(
    figures.sky_panels(
        [("long exposure", shot.long[window]), *((k, v[window]) for k, v in outputs.items())], columns=3
    ),
    name="fig-convention-images",
    caption="The images that are scored on this page, 200 × 200 pixels of them, at one stretch.",
    alt="Six panels of one star field: the long exposure, the grainier input, the outputs of two networks, a "
    "blurred image and the smooth noise-free scene. Stars stand in the same places in all of them.",
)

# %% [markdown]
# ## How far the scores move
#
# Each tick in {numref}`fig-conventions` is one image under one combination of choices. For PSNR they are: what
# counts as truth, whether the sky is left in, whose electrons the input is counted in, and $\mathrm{MAX}$. The
# {numref}`table-influence` names those of the others.

# %%
titles = {"psnr": "PSNR (dB)", "ssim": "SSIM", "kl": "KL divergence", "tpr": "TPR (%)", "rfe": "RFE (%)"}
titles |= {"snr_factor": "SNR$_\\mathrm{f}$"}
scores = {measure: conventions.scores(measure, shot, outputs) for measure in titles}
reading = {measure: conventions.chosen(found).values for measure, found in scores.items()}
own = {measure: conventions.chosen(scores[measure], **way).values for measure, way in conventions.DEFAULTS.items()}
table2 = {row["key"]: row for row in paper.table(2)}
printed = {"input": table2["input@2"], "Network 1": table2["network1@2"]}
marks = {
    title: {
        "the text, as we read it": reading[measure],
        "this book's own": {k: v for k, v in own.get(measure, {}).items() if np.isfinite(v)},
        "the paper's Table 2": {image: row[measure] for image, row in printed.items() if image in outputs},
    }
    for measure, title in titles.items()
}

# %% tags=["hide-input"]
page.figure(
    figures.strips(
        {title: conventions.spread(scores[measure]) for measure, title in titles.items()},
        marks,
        logarithmic=[titles["kl"]],
    ),
    name="fig-conventions",
    caption="One pair of images, many scores. Grey: every combination of choices. Circles: the text as we read it, "
    "which is how our Table 2 is scored. Squares: what this book uses elsewhere. Triangles: the paper's values, for "
    "its own fields, which are not ours. A perfect PSNR is infinite and not shown.",
    alt="Six panels, one for each measure, with a row of grey ticks for every image. PSNR ticks reach from about "
    "minus 50 to plus 90, SSIM from 0.1 to 1, TPR from a few per cent to 100. Rows of different images overlap nearly "
    "everywhere. Circles, squares and triangles lie far apart.",
)

# %%
rows = []
for image in outputs:
    row = {"image": image}
    for measure, found in scores.items():
        row[measure] = reading[measure][image]
        row[f"{measure}_low"], row[f"{measure}_high"] = conventions.limits(found)[image]
    rows.append(row)
rows += [{"image": f"*paper: {image}*"} | row for image, row in printed.items()]
formats = {"psnr": ".1f", "ssim": ".2f", "kl": ".2g", "tpr": ".0f", "rfe": ".1f", "snr_factor": ".2f"}
page.table(
    rows,
    name="table-conventions",
    caption="The paper's columns for one pair of images: the text as we read it, with the lowest and the highest value "
    "under all conventions in brackets; below, what the paper prints for its own fields.",
    columns=[
        Column("image", "image"),
        *(Column(k, titles[k], formats[k], interval=(f"{k}_low", f"{k}_high")) for k in titles),
    ],
)

# %% tags=["hide-input"]
low, high = conventions.limits(scores["psnr"])["input"]
inside = [
    f"{title} of {image}"
    for measure, title in titles.items()
    for image, row in printed.items()
    if image in outputs
    and conventions.limits(scores[measure])[image][0] <= row[measure] <= conventions.limits(scores[measure])[image][1]
]
page.text(
    f"The PSNR of one input lies anywhere between {page.value(low, '.0f')} and {page.value(high, '.0f', 'dB')}. "
    f"Of the {len(printed) * len(titles)} values that the paper prints for these two images, {len(inside)} lie between "
    "the lowest and the highest of ours. That is no confirmation: a range this wide holds nearly everything. It says "
    "that a value without its convention can't be checked, and that ours must not be chosen to meet it."
)

# %% [markdown]
# ## Which choice does it
#
# A choice may shift all images alike. Then only the number is without meaning, and a comparison *within* one table
# still holds. Or it moves some images and not the others; then it decides who is better. To tell one from the other
# we change a single choice at a time, all others being equal, and look whether the images change their order.

# %%
rows = [{"measure": titles[measure]} | row for measure, found in scores.items() for row in conventions.influence(found)]
page.table(
    rows,
    name="table-influence",
    caption="What each choice does by itself: differences between two of its options, over all images and all other "
    "choices, and the share of such changes that put the images into another order.",
    columns=[
        Column("measure", "measure"),
        Column("choice", "choice"),
        Column("median", "median change", ".2g"),
        Column("largest", "largest change", ".3g"),
        Column("reordered", "another order", ".0f", "%"),
    ],
)

# %% tags=["hide-input"]
effect = {(row["measure"], row["choice"]): row for row in rows}
maximum, units = (effect[titles["psnr"], choice] for choice in ("MAX", "electrons of the input"))
truth, search = (effect[titles["tpr"], choice] for choice in ("truth", "detection filter"))
page.text(
    f"**MAX** moves PSNR by up to {page.value(maximum['largest'], '.0f', 'dB')} and changes the order in "
    f"{page.value(maximum['reordered'], '.0f', '%')} of cases: it can't, since it is one number for all images. "
    f"**Whose electrons** the input is counted in moves no image but the input, by up to "
    f"{page.value(units['largest'], '.0f', 'dB')}, and that changes the order in "
    f"{page.value(units['reordered'], '.0f', '%')}. The unknown MAX is a nuisance; the units are the question. "
    "Detection, whose threshold is relative, hardly cares for units. It cares for the list of stars that is called "
    f"true ({page.value(truth['reordered'], '.0f', '%')} of orders change) and for a filter before the search "
    f"({page.value(search['reordered'], '.0f', '%')})."
)

# %% [markdown]
# ## Who wins?
#
# With the noise-free scene left out, which of the others is best? For SNR$_\mathrm{f}$ the input is left out too: its
# value compares it with the long exposure, the others' compare them with the input.

# %%
kept = {measure: conventions.without(found, "noise-free scene") for measure, found in scores.items()}
kept["snr_factor"] = conventions.without(kept["snr_factor"], "input")
wins = {measure: conventions.winners(found) for measure, found in kept.items()}
page.table(
    [
        {"measure": titles[m], "n": len(kept[m])}
        | {image: f"{wins[m][image]:d}" if image in kept[m][0].values else "–" for image in outputs}
        for m in titles
    ],
    name="table-winners",
    caption="Under how many conventions each image is the best of those compared. RFE: the one nearest to zero.",
    columns=[
        Column("measure", "measure"),
        Column("n", "conventions", "d"),
        *(Column(image, image) for image in outputs if image != "noise-free scene"),
    ],
)

# %% tags=["hide-input"]
several = [titles[measure] for measure in titles if len(wins[measure]) > 1]
page.text(
    f"{len(several)} of {len(titles)} measures have more than one winner: {', '.join(several)}. For these, a table "
    "that names one method the best is as much a statement about its conventions."
)

# %% [markdown]
# ## A star's flux, five ways
#
# Fluxes have conventions, too. {numref}`table-psf-fits` measures the same isolated stars by apertures, by our forced
# fit of the PSF (`photometry.psf_flux`), and by photutils {cite:p}`photutils`, once with the place given and once
# fitted (`psf_photometry.psf_photometry`). These are independent exposures with known truth, neighbours are subtracted
# and the background is known: nothing is left to differ but the method. Errors are in units of the
# {term}`Cramér–Rao bound` of the *input*.

# %%
repeats = [expose(field, scene, "independent", 2.0, noise_seed=seed + k) for k in range(1 if profile == "smoke" else 2)]
ways = {"input": lambda one: one.noisy} | {name: networks[name] for name in ("modern",) if name in networks}
images = {name: [way(one) for one in repeats] for name, way in ways.items()}
limits = {"faint": (5, 10), "middle": (10, 50), "bright": (50, np.inf)}
rows = []
for image, results in images.items():
    single = [psf_photometry.measured_fluxes(one, result) for one, result in zip(repeats, results, strict=True)]
    for way in single[0]:
        stars = np.concatenate([each[way] for each in single], axis=1)
        row = {"image": image, "way": way}
        for key, edges in limits.items():
            row |= {f"{key}_{name}": value for name, value in error_statistics(stars, *edges).items()}
        rows.append(row)
page.table(
    rows,
    name="table-psf-fits",
    caption="Median error, with its standard error, and scatter of star fluxes, in units of the input's Cramér–Rao "
    "bound, by signal-to-noise ratio in the input.",
    columns=[Column("image", "image"), Column("way", "method")]
    + [
        Column(f"{key}_{name}", f"{title}, SNR {low}–{high}".replace("–inf", " and more"), ".2f", "σ", spread=error)
        for key, (low, high) in limits.items()
        for name, title, error in (("bias_sigma", "bias", f"{key}_bias_error"), ("scatter", "scatter", None))
    ],
)

# %% tags=["hide-input"]
by = {(row["image"], row["way"]): row for row in rows}
counts = [row["faint_n"] + row["middle_n"] + row["bright_n"] for row in rows]
paper_way, fit, theirs = (by["input", way] for way in ("aperture of 10 px", "forced PSF fit", "photutils, place known"))
page.text(
    f"{counts[0]} fluxes each. For the faintest stars on the input the paper's aperture scatters by "
    f"{page.value(paper_way['faint_scatter'], '.1f', 'σ')}, both fits at known places by "
    f"{page.value(fit['faint_scatter'], '.2f')} and {page.value(theirs['faint_scatter'], '.2f', 'σ')}: they reach the "
    "bound, and they are two programs that share nothing but the PSF. A gain over aperture photometry of the input, up "
    f"to a factor of {page.value(paper_way['faint_scatter'] / fit['faint_scatter'], '.1f')}, is therefore to be had "
    "without a network. On a denoised image read bias and scatter together: a scatter below 1 σ that comes with a bias "
    "is bought with it."
)

# %% [markdown]
# Last, the error that a catalogue states. Source Extractor's FLUXERR is reckoned from the scatter of the background
# in the image that it is given. Divided by it, the true errors of honest fluxes scatter by 1.

# %%
described = images | {"Gaussian blur": [free["Gaussian blur"](one) for one in repeats]}
stated = {
    image: np.concatenate(list(map(psf_photometry.stated_errors, repeats, results)), axis=1)
    for image, results in described.items()
}
page.table(
    [{"image": k, "median": np.median(v[1])} | error_statistics(v, 10) for k, v in stated.items()],
    name="table-fluxerr",
    caption="FLUXERR of detections at the paper's settings (gain 1, stars of a stated signal-to-noise ratio above 10), "
    "and the scatter of their true errors in units of it.",
    columns=[
        Column("image", "image"),
        Column("n", "stars", "d"),
        Column("median", "FLUXERR, median", ".0f", "e⁻"),
        Column("scatter", "scatter / FLUXERR", ".2f"),
    ],
)

# %% tags=["hide-input"]
worst = max(error_statistics(value, 10)["scatter"] for value in stated.values())
page.note(
    "**FLUXERR of a denoised image means nothing.** Denoising lowers the scatter of the background far more than "
    f"the error of a flux. True errors reach {page.value(worst, '.1f')} times what the catalogue states. Take "
    "the error from the noise of the exposure, as the fits above do, or from injected stars.",
    kind="warning",
)

# %% [markdown]
# ## What to remember
#
# * A score without its convention is not a number that can be compared. Neither is ours: see the caption.
# * MAX moves every PSNR and changes no order. The electrons of the input move one row, and with it the verdict.
# * For stars, what counts as truth and whether the image is filtered before the search decide more than the radius.
# * Two independent PSF fits agree and reach the Cramér–Rao bound on the input. Ten-pixel apertures don't.
# * Never quote FLUXERR of a denoised image.
#
# **Next:** [Results](#page-results), where one convention is kept throughout, and named.
