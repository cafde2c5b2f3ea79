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
# (page-edges)=
# # Edges and tiles
#
# *Paper §3.2 and §5.2*
#
# :::{admonition} This page
# :class: tip page-contract
#
# **You will learn** what a network does near the border of an image, where half of what it looks at is missing; what
# the paper's mosaic adds to that; and why our tiles leave no seams.
#
# **You need** [The network](#page-unet).
#
# **Reading time** 6 minutes.
# :::
#
# The paper's §5.2 reports artefacts at the edges of images. An image is larger than the 256 × 256 pixels that its
# network was trained on, so the paper moves a window over it in steps of 32 pixels, and averages. Every inner pixel
# is computed 64 times. Three ways to do it are compared here:
#
# mosaic
# : such windows, the last ones moved back to fit. A pixel at the edge is in few of them, always at their border.
#
# mosaic in zeros
# : the authors' script. It surrounds the image with zeros, so that pixels at the edge are in 64 windows as well. The
#   network sees the image stop. (Here in steps of 64, 16 windows a pixel, to save time.)
#
# tiles
# : ours. Each tile is computed once, with a margin as wide as the network looks; beyond the image's border that margin
#   is the image's own mirror image.
#
# How would a pixel at the edge have come out, had the image gone on? With simulated fields one can know: an exposure is
# cut down to its middle, and the network also gets it whole.

# %%
import numpy as np

from astrounet_core import demo, edges, figures, report
from astrounet_core.figures import Column
from astrounet_core.inference import denoise, mosaic, released_mosaic
from astrounet_core.scenes import fields

page = figures.open_page("edges", profile=profile, seed=seed)
networks = {name: demo.page_network(name, profile) for name in ("network1", "modern")}
trained = [report.training(name, profile) for name in networks]
size, tile, count = (288, 224, 2) if profile == "smoke" else (320, 320, 3)
open_sky = [field for field in fields("test") if field.kind in ("star_cluster", "galaxy_field", "sparse_field")]
shots = [edges.cut_out(field, size, 2.0, seed) for field in open_sky[:count]]

# %%
complete, outputs = {}, {}
for name, network in networks.items():
    complete[name] = [edges.middle(denoise(shot.whole, 2, shot.exposure_time, network)) for shot in shots]
    outputs[name, "tiles"] = [denoise(shot.image, 2, shot.exposure_time, network, tile=tile) for shot in shots]
    outputs[name, "mosaic"] = [mosaic(shot.image, 2, shot.exposure_time, network) for shot in shots]
outputs["network1", "mosaic in zeros"] = [
    released_mosaic(shot.image, 2, shot.exposure_time, networks["network1"], stride=64) for shot in shots
]

# %%
distance = edges.edge_distance((size, size))
truth = [edges.middle(shot.truth) for shot in shots]
change = {key: edges.profile_over_fields(images, complete[key[0]], shots, distance) for key, images in outputs.items()}
error = {key: edges.profile_over_fields(images, truth, shots, distance) for key, images in outputs.items()}
whole = {name: edges.profile_over_fields(images, truth, shots, distance) for name, images in complete.items()}

# %% tags=["hide-input"]
near = edges.DISTANCE_EDGES[:-1] + 1
page.figure(
    figures.curves(
        {f"{report.title(name)}, {way}": (near, *profile) for (name, way), profile in change.items()},
        xlabel="distance to the edge, pixels (1: outermost row)",
        ylabel="change, input's σ",
        logx=True,
        logy=True,
        markers=True,
    ),
    name="fig-edges",
    caption=f"What the missing surroundings cost: rms difference between the answer for the image cut out and that for "
    f"the whole exposure, on dark sky, in units of the input's noise. Mean of {count} test fields of {size} × {size} "
    "pixels, exposure ratio 2, and its standard error. A mark stands at the near end of its bin of distances.",
    alt="Curves against distance on logarithmic axes. Those of tiles fall steeply to nothing within a hundred "
    "pixels; those of mosaics level off.",
    record=trained,
)

# %% tags=["hide-input"]
rows = []
for (name, way), (mean, spread) in error.items():
    row = {"name": report.title(name), "way": way}
    for label, index in (("0", 0), ("4", 3), ("32", 6), ("128", 9)):
        row |= {f"d{label}": mean[index], f"s{label}": spread[index], f"w{label}": whole[name][0][index]}
    rows.append(row)
page.table(
    rows,
    name="table-edges",
    caption="The error itself, output minus true scene on dark sky, in units of the input's noise: in the outermost "
    "row, at distances of 4 to 7, 32 to 63 and 128 to 159 pixels, with the standard error over fields. Last: "
    "in the outermost row, had the image gone on.",
    columns=[
        Column("name", "Network"),
        Column("way", "way"),
        Column("d0", "edge", ".3f", "σ", spread="s0"),
        Column("d4", "4", ".3f", "σ", spread="s4"),
        Column("d32", "32", ".3f", "σ", spread="s32"),
        Column("d128", "128", ".3f", "σ", spread="s128"),
        Column("w0", "edge, whole", ".3f", "σ"),
    ],
    record=trained,
)

# %% [markdown]
# ## No seams
#
# Inside the image tiles meet. If a tile saw less than it needs, the error would grow towards the border between two
# of them. It may not. Best of all, tiles give what one pass over the whole image gives.

# %% tags=["hide-input"]
core = tile - 192
seam = edges.tile_distance((size, size), core)
inner = np.where(distance >= 32, seam, np.inf)
for name, network in networks.items():
    outputs[name, "one pass"] = [denoise(shot.image, 2, shot.exposure_time, network) for shot in shots]
profiles = {
    f"{report.title(name)}, {way}": edges.profile_over_fields(
        outputs[name, way], truth, shots, inner, edges.DISTANCE_EDGES[:8]
    )
    for name in networks
    for way in ("tiles", "one pass")
}

# %% tags=["hide-input"]
page.figure(
    figures.curves(
        {name: (near[:7], *profile) for name, profile in profiles.items()},
        xlabel="distance to the border between tiles, pixels (1: next to it)",
        ylabel="error, input's σ",
        logx=True,
        markers=True,
    ),
    name="fig-tiles",
    caption=f"The error on dark sky against the distance from the border between two tiles, for cores of {core} "
    "pixels; the image's own edge left out. Both ways give one curve: what is not level is where stars happen to lie.",
    alt="Two curves, one for each network, without a rise at the border; tiles and one pass coincide.",
    record=trained,
)

# %% tags=["hide-input"]
largest = max(
    np.abs((tiled - once) / edges.middle(shot.sigma)).max()
    for name in networks
    for tiled, once, shot in zip(outputs[name, "tiles"], outputs[name, "one pass"], shots, strict=True)
)
# %% tags=["hide-input"]
outer, inside = ({key: mean[index] for key, (mean, _) in change.items()} for index in (0, -1))
n1 = {way: ("network1", way) for way in ("tiles", "mosaic", "mosaic in zeros")}
first = {way: error[key][0][0] for way, key in n1.items()}
page.text(
    f"The largest difference of any pixel between tiles and one pass is {page.value(largest, '.1g')} σ. At the image's "
    "edge the first row of Network 1 changes by "
    + ", ".join(f"{page.value(outer[key], '.3f')} σ ({way})" for way, key in n1.items())
    + "; in the middle by "
    + ", ".join(f"{page.value(inside[key], '.1g')} σ ({way})" for way, key in n1.items())
    + ". The middle of so small an image lies far from the borders of all windows of a plain mosaic. In the mosaic in "
    "zeros, as in the middle of any large image, every pixel is near the border of some of its windows: averaging "
    "thins out what they do without removing it. Modern's answer keeps a change of "
    f"{page.value(inside['modern', 'tiles'], '.1g')} σ beyond its reach: it measures sky and noise on the "
    "image that it is given, and a piece of an image has slightly other ones."
)

# %% tags=["hide-input"]
modern = {way: error["modern", way][0][0] for way in ("tiles", "mosaic")}
page.text(
    "A change need not be for the worse. The error of Network 1 in the outermost row is "
    + ", ".join(f"{page.value(value, '.2f')} σ ({way})" for way, value in first.items())
    + ". Beyond a window's border its convolutions see zeros, and on sky-subtracted dark sky zero happens to be the "
    "truth: there a border of zeros may even help. The same row of Modern: "
    + ", ".join(f"{page.value(value, '.2f')} σ ({way})" for way, value in modern.items())
    + ". Where a galaxy crosses the edge, or sky is left in the image, zeros are wrong for both."
)

# %% [markdown]
# ## What to remember
#
# - An edge changes the answer whatever one does: what lies beyond it is not known. The change fades inwards, over the
#   network's reach.
# - Zeros beyond a border are no neutral choice: they are right on dark, subtracted sky and wrong elsewhere.
# - The paper's mosaic has an edge at every window, inside the image too. Exact tiles have none, and compute each pixel
#   once instead of 64 times.
#
# **Next:** [Real and misaligned data](#page-real-data).
