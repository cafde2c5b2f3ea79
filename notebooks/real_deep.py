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
# (page-real-deep)=
# # Real images with a known truth
#
# *Paper §4.4*
#
# :::{admonition} This page
# :class: tip page-contract
#
# **You will learn** how a deep image of the sky can take the place of the truth; how far the networks come on real
# galaxies that nobody simulated; how much of an error is the truth's own noise; and what cosmic rays and their removal
# do to a short exposure before a network sees it.
#
# **You need** [Noise model](#page-noise-model) and [Metrics](#page-metrics).
#
# **Reading time** 15 minutes.
# :::
#
# A network that was trained on simulated scenes may have learned the simulation. Two tests with real pixels follow.
#
# :::{list-table}
# :header-rows: 1
#
# * - Data
#   - can show
#   - cannot show
# * - deep mosaics, to which noise is added
#   - errors against real galaxies and stars, real optics, real neighbours
#   - the noise of a real short exposure: what is added is our model's
# * - short exposures, as they came
#   - what changes with real noise, cosmic rays, another camera, another filter
#   - whether a change is right: there is no truth
# :::

# %%
from dataclasses import replace
from functools import partial

import numpy as np

from astrounet_core import deep_truth, demo, figures, real_images, repeats, report
from astrounet_core.cosmic_rays import clean_cosmic_rays
from astrounet_core.figures import Column

page = figures.open_page("real_deep", profile=profile, seed=seed)
networks = {name: demo.page_network(name, profile) for name in deep_truth.RATIOS}
trained = [report.training(name, profile) for name in networks]
record, current = real_images.published()
deep = [demo.real_or_simulated(name, seed + i) for i, name in enumerate(deep_truth.DEEP)]
short = [demo.real_or_simulated(name, seed) for name in real_images.SHORT]

# %% tags=["hide-input"]
here = all(shot.is_real for shot in (*deep, *short))
page.note(
    (
        "The real images are on this machine: figures are made from them. "
        if here
        else "**Not all real images are on this machine.** Figures of missing ones show simulated stand-ins, "
        "whose titles say so; they cannot show what real images show. "
    )
    + "The tables marked *published* were measured on the real images, with the published networks, by "
    "`python -m astrounet_core.real_images`."
    + ("" if current else " Those networks have been replaced since: run it again."),
    kind="note" if here and current else "warning",
    title="Where the images and numbers of this page come from",
)

# %% [markdown]
# ## A deep image in place of the truth
#
# Take a mosaic of long exposures, call it the scene, and expose it again for a short time, by the
# [physical noise model](#page-noise-model): WFC3/UVIS through F606W, with sky, dark current and read noise. What a
# denoiser makes of that can be compared with the mosaic, pixel by pixel and galaxy by galaxy.
#
# A mosaic is not noise-free. Its own noise $n$ is in the truth and, unchanged, in the input. The true scene, if
# somebody had it, would therefore differ from the mosaic by $n$: nothing that removes noise can score better than
# that *floor*. The shorter the exposure, the less the floor matters. Here the exposure is the longest that makes
# the added noise five times the noisiest mosaic's own.

# %%
images = [shot.image for shot in deep]
time = deep_truth.exposure_time_for(images)
shots = [deep_truth.degrade(image, time, seed) for image in images]

# %% tags=["hide-input"]
page.table(
    [
        {
            "title": shot.title,
            "pixels": f"{len(shot.image)} × {shot.image.shape[1]}",
            "scale": shot.pixel_scale,
            "equal": shot.exposure_time,
            "factor": made.noise_factor,
            "floor": 100 * deep_truth.floor(made)["nmse"],
        }
        for shot, made in zip(deep, shots, strict=True)
    ],
    name="table-deep-images",
    caption=f"The deep images of this page, all degraded to one exposure of {time:.0f} s. As deep as: the WFC3/UVIS "
    "exposure that would be as noisy. Factor: added noise over the image's own, measured on blank sky. Floor: the "
    "variance of its own noise in units of the added.",
    columns=[
        Column("title", "Image"),
        Column("pixels", "pixels"),
        Column("scale", "pixel", ".2f", "″"),
        Column("equal", "as deep as", ".0f", "s"),
        Column("factor", "factor", ".1f"),
        Column("floor", "floor", ".1f", "%"),
    ],
)

# %% [markdown]
# Three of the four come from another camera, ACS/WFC, on larger pixels. Its {term}`point-spread function` is wider in
# arcseconds and, on these pixels, about as wide in pixels as that of WFC3. The noise of all four is correlated between
# neighbours, by {term}`drizzling <drizzle>`; what is added is not. And "deep" is relative: the third column says how
# long WFC3 would have needed.

# %%
shot, image = shots[-1], deep[-1]
tested = {key: method for key, method in deep_truth.methods(networks).items() if key[1] in (None, 2)}
outputs = {name: method(shot.noisy, time) for (name, _), method in tested.items()}
shown = ("network1", "modern")
page.figure(
    figures.sky_panels(
        [
            (f"{time:.0f} s, the input", shot.noisy),
            *((report.title(name), outputs[name]) for name in shown),
            ("Deep image", shot.truth),
        ],
        residual=[(f"{report.title(name)} − deep image", outputs[name] - shot.truth) for name in shown],
        pixel_scale=image.pixel_scale,
        columns=3,
    ),
    name="fig-deep",
    caption=f"{image.title}: the degraded image, two networks asked for twice the time, the deep image, all at one "
    "stretch, and what the networks' images have that the deep one has not.",
    alt="Six panels of a small field with a few galaxies: a grainy input, two smoother outputs, the deep image in "
    "which fainter galaxies show, and two residual maps of grain.",
    record=trained,
    view="compare",
)

# %% [markdown]
# ### Pixels

# %% tags=["hide-input"]
names = {"floor": "*a perfect denoiser*"} | {name: report.title(name) for name, _ in deep_truth.methods(networks)}
rows = [row | {"name": names[row["name"]], "ratio": row["ratio"] or "–"} for row in record["deep"]]
page.table(
    [row | {"ratio": str(row["ratio"])} for row in rows],
    name="table-deep",
    caption=f"Published · Errors against {len(record['images'])} real deep images, degraded to "
    f"{record['exposure_time']:.0f} s; mean over images, each with {record['run']['noise_seeds']} noise seeds, and "
    "its standard error from image to image. MAE; noise-normalised MSE; rms error of blank sky in units of the "
    "added noise. The first row is the floor that the deep images' own noise sets.",
    columns=[
        Column("name", "Method"),
        Column("ratio", "$r$"),
        Column("mae", "MAE", ".2f", "10⁻³ e⁻/s", spread="mae_error"),
        Column("nmse", "noise-normalised MSE", ".3f", spread="nmse_error"),
        Column("sky", "sky", ".3f", spread="sky_error"),
    ],
    record=record["run"],
)

# %% tags=["hide-input"]
score = {(row["name"], row["ratio"]): row for row in record["deep"]}
rivals = {name: score[name, 2 if name in networks else None] for name in (*networks, "gaussian_blur", "matched_filter")}
best = min(rivals, key=lambda name: rivals[name]["nmse"])
bottom = score["floor", None]["nmse"]
asked = {name: [score[name, r]["mae"] for r in deep_truth.RATIOS[name]] for name in ("network2", "modern")}
page.text(
    f"At $r = 2$ the smallest noise-normalised error is that of **{names[best]}**, "
    f"{page.value(rivals[best]['nmse'], '.3f')}, where the input has 1. The floor is {page.value(bottom, '.3f')}. "
    + ", ".join(f"{names[name]} has {page.value(row['nmse'], '.3f')}" for name, row in rivals.items() if name != best)
    + ". The input is the same at every $r$, and so, almost, is the output: from $r = 2$ to 5 the MAE changes by "
    + " and ".join(
        f"{page.value(100 * (errors[-1] / errors[0] - 1), '+.1f')} % ({names[name]})" for name, errors in asked.items()
    )
    + "."
)

# %% [markdown]
# ### Real galaxies and stars
#
# Sources are detected in the deep image, and their light is measured at the same places in an aperture of 6 pixels, in
# the deep image and in each output. No source is lost for not being found, and neighbours and background cancel in the
# difference. Errors are in units of the noise that was added in the aperture. By that definition the unchanged input
# has a {term}`bias` of 0 and a {term}`scatter` of 1.

# %% tags=["hide-input"]
chosen = [row for row in record["fluxes"] if row["ratio"] in (None, 2)]
bins = sorted({row["snr_low"] for row in chosen})
spread = {(row["name"], row["snr_low"]): row for row in chosen}
rows = [
    {"name": names[name]}
    | {f"{key}{low:g}": spread[name, low][key] for low in bins for key in ("bias_sigma", "bias_error", "scatter")}
    for name in dict.fromkeys(row["name"] for row in chosen)
]
heads = [(low, f"SNR {low:g}–{high:g}" if high < np.inf else f"> {low:g}") for low, high in deep_truth.SNR_BINS]
errors = [Column(f"bias_sigma{low:g}", head, ".2f", "σ", spread=f"bias_error{low:g}") for low, head in heads]
scatters = [Column(f"scatter{low:g}", "scatter", ".2f") for low in bins]

# %% tags=["hide-input"]
page.table(
    rows,
    name="table-deep-fluxes",
    caption=f"Published · Fluxes of the {record['sources']} sources of {{numref}}`table-deep`, $r = 2$, by their "
    "signal-to-noise ratio in the degraded image, all noise seeds together: median error with its own error, and "
    "in the following column the scatter, both in units of the added noise.",
    columns=[Column("name", "Method"), *(column for pair in zip(errors, scatters, strict=True) for column in pair)],
    record=record["run"],
)

# %% tags=["hide-input"]
faint, bright = ({name: spread[name, low] for name in networks} for low in (2.0, 10.0))
page.text(
    "Bias and scatter must be read together: a method that pulls faint sources towards what it expects has a small "
    "scatter that is no skill, and one that smooths puts the same share of every source outside the aperture. At an "
    "SNR of 2 to 5 the median source loses or gains: "
    + ", ".join(f"{names[name]} {page.value(row['bias'], '+.1f')} %" for name, row in faint.items())
    + ". At 10 to 50: "
    + ", ".join(f"{names[name]} {page.value(row['bias'], '+.1f')} %" for name, row in bright.items())
    + f". Those are {page.value(bright['modern']['n'], 'd')} measurements of few sources, each seen several times "
    "with other noise; a single odd galaxy weighs much."
)

# %% [markdown]
# ### The same on this page
#
# The published numbers are means over noise seeds. Here is one seed, with the networks and the images that this page
# was made with.

# %% tags=["hide-input"]
small, _ = deep_truth.score_deep(images, tested, time, [seed])
page.table(
    [row | {"name": names[row["name"]]} for row in small],
    name="table-deep-here",
    caption="As {numref}`table-deep`, $r = 2$, one noise seed, on the images of {numref}`table-deep-images`"
    + ("." if all(each.is_real for each in deep) else ": **simulated stand-ins are among them**."),
    columns=[
        Column("name", "Method"),
        Column("mae", "MAE", ".2f", "10⁻³ e⁻/s", spread="mae_error"),
        Column("nmse", "noise-normalised MSE", ".3f", spread="nmse_error"),
        Column("sky", "sky", ".3f", spread="sky_error"),
    ],
    record=trained,
)

# %% [markdown]
# What this shows is limited in four ways. The added noise is the noise model of which all training images were
# made, so that the test is kind to the networks; the real noise of a detector comes below. Three of four images are
# ACS's. Sources fainter than the deep image can show are missing from the truth. And the fields are small: a few
# dozen sources, none in a crowd.
#
# ## Short exposures, as they are
#
# Now nothing is added. The first image is a gravitational lens in a filter that spans the whole visible range,
# drizzled; the second the middle of a globular cluster, one exposure of an older camera, with its sky.

# %% tags=["hide-input"]
page.note(
    "\n\n".join(f"**{one.title}.** {one.note}" for one in short),
    kind="note" if all(one.is_real for one in short) else "warning",
    title="The images",
)

# %% [markdown]
# Each is shown in four states: as it is; cleaned of cosmic rays by L.A.Cosmic {cite:p}`vandokkum2001`; denoised; and
# cleaned, then denoised. L.A.Cosmic needs to know the noise: sky, read noise and exposure time of the camera that took
# the image. Its [function](#page-house) is `cosmic_rays.clean_cosmic_rays`.

# %%
method = partial(deep_truth.apply_network, networks["modern"], 2)
lens = real_images.four_states(short[0], method)
middle = replace(short[1], image=np.ascontiguousarray(short[1].image[128:384, 128:384]))
cluster = real_images.four_states(middle, method)
labels = {"as_is": "As it is", "cleaned": "Cleaned", "denoised": "Denoised", "both": "Cleaned, denoised"}

# %% tags=["hide-input"]
page.figure(
    figures.sky_panels(
        [(labels[key], found) for key, found in lens.images.items()], pixel_scale=lens.shot.pixel_scale, columns=4
    ),
    name="fig-short-lens",
    caption=f"{lens.shot.title}, {lens.shot.exposure_time:g} s, in four states at one stretch; denoised by "
    f"{report.title('modern')}, asked for twice the time.",
    alt="Four panels of a small field around a galaxy. The first two have the same grain, the last two a smoother sky.",
    record=trained,
)

# %% tags=["hide-input"]
corner = np.s_[32:160, 112:240]
page.figure(
    figures.sky_panels(
        [(labels[key], found[corner]) for key, found in cluster.images.items()],
        pixel_scale=cluster.shot.pixel_scale,
        columns=4,
        kind="asinh",
    ),
    name="fig-short-cluster",
    caption=f"{cluster.shot.title}, {cluster.shot.exposure_time:g} s: 128 × 128 pixels near the middle, as "
    "{numref}`fig-short-lens`, on an asinh stretch."
    + (" Of the long track, a cosmic ray, L.A.Cosmic takes a part." if cluster.shot.is_real else ""),
    alt="Four panels of a crowded field of stars. The first and the third have streaks and dots that the second "
    "and the fourth mostly lack; the last two have a smoother sky.",
    record=trained,
)

# %% tags=["hide-input"]
struck, hit = repeats.strike(short[0].image, short[0].exposure_time, seed)
_, found = clean_cosmic_rays(struck, short[0].exposure_time, short[0].detector, sky=short[0].sky)
page.text(
    f"Flagged are {page.value(100 * cluster.hit.mean(), '.2f')} % of the pixels of the second image, and "
    f"{page.value(100 * lens.hit.mean(), '.2f')} % of the first. An exposure like the first collects some "
    f"{page.value(100 * hit.mean(), '.1f')} %. When we lay as many on it, "
    f"{page.value(100 * found[hit].mean(), '.0f')} % "
    "of the pixels that they cross are flagged."
    + (
        ""
        if lens.hit.any()
        else " Either its own had been removed before it was published, or drizzling has made them as soft as stars."
    )
)

# %% tags=["hide-input"]
measures = {
    "sky": "Sky, scatter of a pixel [10⁻³ e⁻/s]",
    "aperture": "Sky, scatter in apertures 7 px wide [10⁻³ e⁻/s]",
    "lag": "Sky, correlation of neighbours",
    "lag_residual": "Residual, correlation of neighbours",
    "sources": "Sources above the image's own 5 σ",
    "same_level": "Sources above the level of 5 σ before denoising",
    "near_hits": "Sources on cosmic rays",
    "flux_ratio": "Flux over the one before, median",
    "flux_shift": "Flux moved, scatter [error bars]",
}
counts = ("sources", "same_level", "near_hits")
rows = [
    {"image": row["image"].split(",")[0], "name": names[row["name"]], "quantity": measures[row["quantity"]]}
    | {
        key: "–" if row[key] is None else f"{row[key]:{'.0f' if row['quantity'] in counts else '.3g'}}"
        for key in labels
    }
    for row in record["short"]
]

# %% tags=["hide-input"]
page.table(
    [row for row in rows if row["name"] == names["modern"]],
    name="table-short",
    caption=f"Published · Two short exposures in four states, whole images, denoised by {names['modern']} at $r = "
    "2$. Cleaned is compared with as it is, denoised with as it is, cleaned and denoised with cleaned. All on the "
    "same blank sky.",
    columns=[Column("image", "Image"), Column("quantity", "Quantity")]
    + [Column(key, label) for key, label in labels.items()],
    record=record["run"],
)

# %% tags=["hide-input"]
wanted = ("sky", "lag_residual", "sources", "flux_ratio", "flux_shift")
page.table(
    [row for row in rows if row["name"] != names["modern"] and row["quantity"] in [measures[key] for key in wanted]],
    name="table-short-networks",
    caption="Published · The same for the other networks, $r = 2$: the quantities in which denoising shows.",
    columns=[Column("image", "Image"), Column("name", "Network"), Column("quantity", "Quantity")]
    + [Column(key, label) for key, label in labels.items()],
    record=record["run"],
)

# %% tags=["hide-input"]
table = {(row["image"], row["name"], row["quantity"]): row for row in record["short"]}
stars = record["short"][-1]["image"]
sky, rays, seen = (table[stars, "modern", key] for key in ("sky", "near_hits", "sources"))
page.text(
    f"In the cluster, {page.value(rays['as_is'], 'd')} of {page.value(seen['as_is'], 'd')} detections lie on "
    f"pixels that L.A.Cosmic flags, and {page.value(rays['cleaned'], 'd')} after cleaning, where stars lie there "
    f"too. Denoised without cleaning there are {page.value(rays['denoised'], 'd')}; cleaned first, "
    f"{page.value(rays['both'], 'd')}. The network leaves the cosmic rays to the reader. The sky of a pixel gets "
    f"quieter by a factor of {page.value(sky['as_is'] / sky['denoised'], '.2f')}, and by "
    f"{page.value(sky['cleaned'] / sky['both'], '.2f')} on the cleaned image: cleaning matters for the sources "
    "more than for the sky."
)

# %% [markdown]
# Three readings of these tables. The residual of an ideal denoiser is noise, and has the correlation that the noise
# had in the input. A lower one says that the network took the pixel-to-pixel part and left the smooth part. More
# sources above an image's own 5 σ mean a lower bar and nothing else; the next row holds the bar where it was. And a
# ratio of fluxes that differs from one is a bias only if the input's photometry had none: in a crowd, or on a
# sloping background, it is not the truth either.
#
# Cleaning has its price. Hubble's stars are hardly wider than a pixel, and L.A.Cosmic's idea of a cosmic ray is
# something too sharp to be a star. Its settings here spare stars that a quicker version of its filter, the default of
# the package, takes for rays almost without exception; some stars it still touches. Where several exposures exist,
# comparing them is the better way.
#
# ## What to remember
#
# - A deep image can stand in for the truth if its own noise is stated. Here that floor is part of every table.
# - Judge sources at known places, bias and scatter together, in units of the noise.
# - A small error in pixels doesn't protect the light of faint galaxies: look at both. Added noise isn't real noise.
# - On images as they are, only changes can be measured. Whether they are right, a second exposure must tell.
# - Remove cosmic rays before denoising, with the camera's own noise, and look at what was removed.
#
# **Next:** [Discussion](#page-discussion) asks which conclusions stand.
