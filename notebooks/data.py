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
# (page-data)=
# # Data
#
# *Paper §2 · Fig. 1*
#
# :::{admonition} This page
# :class: tip page-contract
#
# **You will learn** what the paper was trained on and what is odd about its lists; what stands in for it here, and
# why; how the simulated fields are divided; and how far they resemble a real Hubble image, and where they don't.
#
# **You need** nothing but curiosity. Technical terms lead to the [Glossary](#page-glossary).
#
# **Reading time** 15 minutes.
# :::
#
# A network knows the sky only from the images that it was shown. So before any network comes the question: which sky
# was that?

# %%
from collections import Counter
from itertools import groupby

import numpy as np
import torch

from astrounet_core import demo, figures, inspection, manifest, noise, photometry
from astrounet_core.evaluation import expose
from astrounet_core.figures import Column
from astrounet_core.instrument import F606W, FILTERS, magnitude_from_rate
from astrounet_core.noise import DRIZZLE_CORRELATION, noise_variance
from astrounet_core.psf import hst_psf
from astrounet_core.scenes import KINDS, fields, make_scene, render

page = figures.open_page("data", profile=profile, seed=seed)
splits = {name: fields(name) for name in ("training", "validation", "test")}

# %% [markdown]
# ## What the paper used
#
# The paper takes 200 images of the Hubble archive: WFC3/UVIS, in the two wide filters F555W and F606W, chosen by hand
# from more than a thousand so that they hold "astronomical objects of various scales": clusters, nebulae, galaxies
# near and far. They are drizzled mosaics in e⁻/s, sky-subtracted, thousands of pixels wide. 160 are for training, 20
# to watch the training (the paper calls them evaluation images, we say *validation*), 20 for the tests.
#
# The authors published the names of the files. Every name tells the proposal, the visit, the camera and the filter,
# so the lists can be checked without a single pixel.
#
# :::{admonition} Predict
# :class: important
# 200 images, three lists. How many different files are there? And how many of the 20 test images come from a file
# that is also trained on?
# :::

# %%
listed = manifest.hla_files()
uses = Counter(row["dataset"] for row in listed)
homes = {name: {row["split"] for row in listed if row["dataset"] == name} for name in uses}
trained = {row["dataset"] for row in listed if row["split"] == "training"}
programmes = {manifest.proposal(name) for name in trained}
rows = [
    {"split": split, "rows": len(part), "files": len({row["dataset"] for row in part})}
    | {band: sum(row["dataset"].endswith(band) for row in part) for band in ("f555w", "f606w")}
    | {"leaks": sum(row["dataset"] in trained for row in part) if split != "training" else "–"}
    | {
        "proposals": sum(manifest.proposal(row["dataset"]) in programmes for row in part)
        if split != "training"
        else "–"
    }
    for split, part in ((name, list(group)) for name, group in groupby(listed, lambda row: row["split"]))
]

# %%
page.table(
    rows,
    name="table-archive",
    caption="The paper's own lists: how many images and how many different files, their filters, and how many of the "
    "images share their file, or their proposal, with an image of the training list.",
    columns=[
        Column("split", "list"),
        Column("rows", "images", "d"),
        Column("files", "different files", "d"),
        Column("f555w", "F555W", "d"),
        Column("f606w", "F606W", "d"),
        Column("leaks", "file also trained on"),
        Column("proposals", "proposal also trained on"),
    ],
)

# %% tags=["hide-input"]
page.text(
    f"The {page.value(len(listed), 'd')} images are {page.value(len(uses), 'd')} different files. "
    f"{page.value(sum(n > 1 for n in uses.values()), 'd')} files are used more than once, up to "
    f"{page.value(max(uses.values()), 'd')} times (the authors note that such files were cut into several images), and "
    f"{page.value(sum(len(places) > 1 for places in homes.values()), 'd')} stand in more than one list. Whether the "
    f"pieces overlap cannot be told from the names. But images from one visit share their stars' colours, their PSF, "
    f"their background and their reduction; a test on them is not a test on a new field."
)

# %% [markdown]
# We keep the list, with a division of our own in which no proposal stands in two splits (`data_manifest/hla.csv`).
# The pixels are not needed for anything that follows. Each file can be fetched by name from the Hubble Legacy
# Archive.
#
# ## What this book uses
#
# There is a deeper problem with real images: *nobody knows the truth*. A long exposure is noisy too. Whoever takes it
# as ground truth can't tell a network that finds the sky from one that copies the noise ([Noise
# model](#page-noise-model) shows by how much). So this book draws its own skies, {term}`noise-free scenes <noise-free
# scene>` with a catalogue of every source, and exposes them. The table that fixes them, densities, fluxes, sizes and
# exposure times, was set from real images and handbooks before any result was seen; it stands with its sources in
# `data_manifest/fields.toml`.
#
# Six kinds of field are meant to span what the paper selected:

# %%
examples = {field.kind: field for field in splits["test"][:6]}
shots = {kind: expose(field, render(field), "independent", 2.0) for kind, field in examples.items()}
titles = {kind: f"{kind.replace('_', ' ')}, {shot.field.exposure_time:.0f} s" for kind, shot in shots.items()}
bright, faint = ("star_cluster", "resolved_galaxy", "nebula"), ("galaxy_field", "sparse_field", "blank_field")
page.figure(
    figures.sky_panels([(titles[kind], shots[kind].long) for kind in bright], kind="asinh", stretch_from=2),
    name="fig-bright-kinds",
    caption="Three of the six kinds of field, as the long exposures that play the part of archive images: 512 × 512 "
    "pixels of 0.04″, at one asinh stretch.",
    alt="Three panels: a star cluster with hundreds of stars, the brightest with four-pointed spikes; a spiral galaxy "
    "with knots along its arms; glowing gas with dark lanes and a few stars.",
)

# %%
page.figure(
    figures.sky_panels([(titles[kind], shots[kind].long) for kind in faint]),
    name="fig-faint-kinds",
    caption="The other three kinds, at the ZScale of the first: galaxies, a short parallel exposure with little in it, "
    "and nothing but noise.",
    alt="Three panels of grainy sky: with a handful of small galaxies; with a few stars; and with nothing.",
)

# %%
page.table(
    [
        {"what": what.replace("_", " ")}
        | {name: sum(test(field) for field in chosen) for name, chosen in splits.items()}
        for what, test in (
            *((kind, lambda f, kind=kind: f.kind == kind and f.family == "training") for kind in KINDS),
            ("held-out families", lambda f: f.family == "held_out"),
            ("all", lambda f: True),
            *((f"of these in {band}", lambda f, band=band: f.band == band) for band in FILTERS),
        )
    ],
    name="table-splits",
    caption="Fields by kind, filter and split. Sizes and the balance of the filters are the paper's; the mix of kinds "
    "is ours, since the paper gives no numbers.",
    columns=[Column("what", "kind"), *(Column(name, name, "d") for name in splits)],
)

# %% [markdown]
# Every field has a seed of its own, and the splits draw from separate ranges of seeds: no two fields share a star.
#
# ### Families that training never sees
#
# A network might learn our generator rather than the sky. So some test fields are made differently: clusters with
# another profile and another luminosity function (King's with a tidal edge, log-normal), and galaxy fields of compact
# spheroids only, half the usual size. No training field is like them, and they are scored apart.

# %%
strangers = {f.overrides.get("profile", "spheroids"): f for f in splits["test"] if f.family == "held_out"}
middle = (slice(128, 384), slice(128, 384))
king, spheroids = (
    expose(strangers[name], render(strangers[name]), "independent", 2.0) for name in ("king", "spheroids")
)
page.figure(
    figures.sky_panels(
        [
            ("training: star cluster", shots["star_cluster"].long[middle]),
            ("held out: tidal cluster", king.long[middle]),
        ],
        kind="asinh",
    ),
    name="fig-clusters",
    caption="A star cluster as training knows them, and one of the family held out for the test; the central 256 × 256 "
    "pixels, one asinh stretch.",
    alt="Two clusters of stars. The left one has many faint stars among a few bright ones; in the right one most stars "
    "are of similar brightness.",
)

# %%
page.figure(
    figures.sky_panels(
        [
            ("training: galaxy field", shots["galaxy_field"].long),
            ("held out: spheroids", spheroids.long),
        ]
    ),
    name="fig-galaxies",
    caption="A galaxy field as training knows them, and one of the held-out family; 512 × 512 pixels, at "
    "the left one's ZScale.",
    alt="Two fields of faint galaxies on grainy sky. The left ones are discs of all inclinations, the right ones round "
    "and compact.",
)

# %% [markdown]
# ### How deep the exposures are
#
# Seven exposures, from a snapshot to a deep image, are dealt out equally often. The deepest has the noise of a real
# mosaic, shown below; the others are steps down from it.

# %%
choices = sorted({(field.exposure_time, field.reads) for field in splits["training"]})
point = hst_psf(size=21)
depth = {
    choice: (point.square() / noise_variance(torch.zeros(1), choice[0], reads=choice[1])).sum().sqrt().item()
    for choice in choices
}

# %%
page.table(
    [
        {"time": time, "reads": reads, "fields": sum(f.exposure_time == time for f in splits["training"])}
        | {
            "sigma": 1e3
            * noise_variance(torch.zeros(8, 8), time, reads=reads, correlation=DRIZZLE_CORRELATION)[4, 4].item() ** 0.5
        }
        | {"limit": magnitude_from_rate(5 / depth[time, reads], F606W)}
        for time, reads in choices
    ],
    name="table-exposures",
    caption="Exposures of the training fields: total time and number of reads, number of fields, scatter of a sky "
    "pixel after drizzling in F606W, and the magnitude of a star with a signal-to-noise ratio of 5 at best (no "
    "drizzle, known PSF).",
    columns=[
        Column("time", "exposure", ".0f", "s"),
        Column("reads", "reads", "d"),
        Column("fields", "fields", "d"),
        Column("sigma", "sky scatter", ".1f", "10⁻³ e⁻/s"),
        Column("limit", "5 σ limit", ".2f", "AB mag"),
    ],
)

# %% [markdown]
# ## The paper's Fig. 1
#
# The paper shows NGC 3603, a nebula around a young cluster, in its long exposure and at 1/2 and 1/5 of the exposure
# time. Here is a nebula of ours, treated by the paper's recipe.
#
# :::{admonition} Predict
# :class: important
# All three panels are in e⁻/s and have one stretch. Will the nebula look fainter in the short exposures? What will
# change?
# :::

# %%
nebula = next(field for field in splits["validation"] if field.kind == "nebula")
scene = render(nebula)
half, fifth = (expose(nebula, scene, "paper", ratio) for ratio in (2.0, 5.0))
images = {"Long exposure": half.long, "1/2 exposure": half.noisy, "1/5 exposure": fifth.noisy}
zoom = (slice(200, 280), slice(200, 280))
page.figure(
    figures.sky_panels(
        [*images.items(), *((f"{title}, enlarged", image[zoom]) for title, image in images.items())],
        columns=3,
    ),
    name="fig-1",
    caption=f"Paper Fig. 1 · A validation field with a nebula: the long exposure of {nebula.exposure_time:.0f} s that "
    f"plays the ground truth (left), and the inputs made from it at 1/2 (middle) and 1/5 (right) of its time; ZScale "
    f"of the first, for all. Below, the central 80 pixels. Simulated, not the authors' image.",
    alt="Top: the same glowing cloud with dark lanes and a few bright stars three times, hardly different. Bottom: a "
    "part of it enlarged; smooth in the long exposure, grainy at one half, and coarsely grained at one fifth.",
)

# %% tags=["hide-input"]
gas = (scene.image > 0.2).numpy() & (scene.image < 1.0).numpy()
grain = {title: (image - scene.image.numpy())[gas].std() for title, image in images.items()}
level = {title: image[gas].mean() for title, image in images.items()}
page.text(
    f"No fainter: a rate is a rate. On the gas between 0.2 and 1 e⁻/s the mean is "
    f"{page.value(level['Long exposure'], '.4f')}, {page.value(level['1/2 exposure'], '.4f')} and "
    f"{page.value(level['1/5 exposure'], '.4f')} e⁻/s. What changes is the grain: "
    f"{page.value(grain['Long exposure'], '.3f')}, {page.value(grain['1/2 exposure'], '.3f')} and "
    f"{page.value(grain['1/5 exposure'], '.3f')} e⁻/s about the true scene."
)

# %% [markdown]
# ## How real is it?
#
# Here is a real image: a cutout of an archive mosaic, WFC3/UVIS F606W, of the field of a gravitational lens. Beside
# it a simulated galaxy field, exposed to the same noise. It is *not* an independent test. The noise of the deepest
# exposure, the drizzle correlation and, among others, the galaxy counts were measured on this image. What the
# comparison can show is whether the simulation then follows it in what was *not* set.

# %%
real = demo.real_or_simulated("horseshoe_f606w", seed=seed)
page.note(
    real.note, kind="note" if real.is_real else "warning", title="The image on the left" if real.is_real else None
)

# %%
generator = torch.Generator().manual_seed(seed)
deep = {"reads": 6, "correlation": DRIZZLE_CORRELATION, "generator": generator}
mocks = [
    noise.physical(
        make_scene("galaxy_field", real.image.shape[-1], seed=k).image, real.exposure_time, 1.0, **deep
    ).numpy()
    for k in range(seed + 1, seed + 7)
]
page.figure(
    figures.sky_panels([("Real" if real.is_real else "Stand-in", real.image), ("Simulated", mocks[0])]),
    name="fig-real-or-not",
    caption=f"{real.title[0].upper() + real.title[1:]} (left), and a simulated galaxy field of "
    f"{real.exposure_time:.0f} s (right), at the left one's ZScale.",
    alt="Two panels of faint galaxies on grainy sky. The left one has a bright red galaxy surrounded by an almost "
    "complete blue arc, here in grey; the right one has galaxies only, of similar sizes and brightness.",
)

# %%
half_side, lens = real.image.shape[0] / 2, 170
away = np.hypot(*(np.indices(real.image.shape) - half_side)) > lens
area, measured = away.sum() * (real.pixel_scale / 60) ** 2, []
for image in (real.image, *mocks):
    blank = inspection.blank_sky(image) & away
    found = photometry.detect(image * real.exposure_time, inspection.FIVE_SIGMA)
    counted = np.hypot(found["x"] - half_side, found["y"] - half_side) > lens
    measured.append(
        {
            "scatter of a sky pixel [10⁻³ e⁻/s]": 1e3 * inspection.sky_scatter(image, blank),
            "correlation of neighbours": inspection.lag_correlation(image, blank),
            "correlation at two pixels": inspection.lag_correlation(image, blank, lag=2),
            "scatter in apertures 6 px wide [10⁻³ e⁻/s]": 1e3 * inspection.aperture_scatter(image, blank, [6.0])[0],
            "5 σ sources per arcmin²": counted.sum() / area,
        }
    )

# %%
page.table(
    [
        {"what": what, "real": measured[0][what], "mock": np.mean([one[what] for one in measured[1:]])}
        | {"spread": np.std([one[what] for one in measured[1:]], ddof=1)}
        for what in measured[0]
    ],
    name="table-real-or-not",
    caption=f"The image on the left of {{numref}}`fig-real-or-not` and {len(mocks)} simulated galaxy fields of the "
    f"same size and exposure, outside a circle of {lens} pixels round the centre, where the lens is. Simulated: mean, "
    f"and scatter from field to field.",
    columns=[
        Column("what", "quantity"),
        Column("real", "real" if real.is_real else "stand-in", ".3g"),
        Column("mock", "simulated", ".3g", spread="spread"),
    ],
)

# %%
page.figure(
    figures.histograms(
        {"real" if real.is_real else "stand-in": real.image[away], "simulated": mocks[0][away]},
        xlabel="e⁻/s",
        limits=(-0.03, 0.15),
    ),
    name="fig-pixel-values",
    caption="Distribution of the pixels' values in the two images of {numref}`fig-real-or-not`, outside the same "
    "circle.",
    alt="Two curves that rise and fall together about zero, and have long ragged tails towards positive values.",
)

# %% tags=["hide-input"]
sources, apertures = "5 σ sources per arcmin²", "scatter in apertures 6 px wide [10⁻³ e⁻/s]"
mean, spread = (f([one[sources] for one in measured[1:]]) for f in (np.mean, lambda x: np.std(x, ddof=1)))
page.text(
    f"Noise and correlation agree, as they must: they were set here. So does what was not set, the scatter in "
    f"apertures: {page.value(measured[0][apertures], '.1f')} against "
    f"{page.value(np.mean([one[apertures] for one in measured[1:]]), '.1f')}. The real field has "
    f"{page.value(measured[0][sources] / mean, '.1f')} times as many sources as the simulated ones on average, "
    f"{page.value((measured[0][sources] - mean) / spread, '.1f')} times their scatter, and more pixels of 0.02 to 0.04 "
    f"e⁻/s. One field is no census; but our galaxies lie at random where real ones cluster, and ours are smooth where "
    f"real ones are lumpy."
    if real.is_real
    else "With a stand-in on the left the table compares the simulation with itself, and shows only how much fields "
    "differ. Run the page again with the real image to see more."
)

# %% [markdown]
# What the simulation leaves out, whatever the numbers say:
#
# - one PSF per filter: the real one changes over the detector and with the telescope's breathing;
# - what detectors do: trails of delayed charge, bleeding from saturated stars, hot pixels and {term}`cosmic rays
#   <cosmic ray>` that were not quite removed, the seams of a mosaic;
# - what galaxies are: ours are smooth profiles or stylised spirals; mergers, rings, lenses and jets are missing;
# - diffuse light that isn't ours: scattered light, imperfect sky subtraction.
#
# A network that does well on these fields has passed an examination with known answers. It hasn't passed the sky's.
# [Real and misaligned data](#page-real-data) looks at that.
#
# (acknowledgement)=
# ## Acknowledgement
#
# The real images of this book are, in the archives' own words, "based on observations made with the NASA/ESA Hubble
# Space Telescope, and obtained from the Hubble Legacy Archive, which is a collaboration between the Space Telescope
# Science Institute (STScI/NASA), the Space Telescope European Coordinating Facility (ST-ECF/ESA) and the Canadian
# Astronomy Data Centre (CADC/NRC/CSA)", or "obtained from the data archive at the Space Telescope Science Institute.
# STScI is operated by the Association of Universities for Research in Astronomy, Inc. under NASA contract NAS 5-26555".
# They belong to programmes 9822, 11602, 11665, 11975, 12440 and 16773 and, where headers no longer tell, to others.
#
# These are the files. Each comes from a public repository that holds a copy or a cutout of the archive's; the address,
# the commit and the sha256 stand in `data_manifest/demo_images.toml`.

# %% tags=["hide-input"]
page.table(
    [
        {"name": f"`{each.name}`", "instrument": each.instrument, "filter": each.filter, "kind": each.kind}
        | {"file": f"`{each.file}`"}
        for each in manifest.entries()
    ],
    name="table-observations",
    caption="Real images, headers and models that pages and tests of this book use, where they are at hand.",
    columns=[
        Column("name", "name"),
        Column("kind", "what it shows"),
        Column("instrument", "instrument"),
        Column("filter", "filter"),
        Column("file", "file"),
    ],
)

# %% [markdown]
# ## What to remember
#
# - The paper's 200 images are fewer files than that, and some stand in more than one list.
# - Here skies are simulated, because only then the truth is known: 160 fields to train on, 20 to watch, 20 to test,
#   four of the latter of families that training never sees.
# - In e⁻/s a short exposure is as bright as a long one. Only its grain is coarser.
# - The simulation follows a real mosaic in noise and correlation, which were set from real images, and roughly in
#   source counts; it lacks much that real detectors and galaxies do.
#
# **Next:** [How real is the simulated sky?](#page-simulated-sky)
