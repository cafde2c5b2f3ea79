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
# (page-unet)=
# # The U-net
#
# *Paper §3.2 · Fig. 4*
#
# :::{admonition} This page
# :class: tip page-contract
#
# **You will learn** how the network is built and where its 7.8 million numbers sit; how far it sees; where the
# exposure ratio enters, and what that can and cannot do; what its variants cost; how our own recipe lets it predict
# noise rather than images; and how a network of fixed field of view handles an image of any size.
#
# **You need** [Convolutional networks in pictures](#page-convolution).
#
# **Reading time** 20 minutes.
# :::
#
# Everything on this page is about the network's shape. No weights were learnt for it: where a network is run, its
# weights are random, and the page says so.

# %%
import time
from dataclasses import replace

import numpy as np
import torch

from astrounet_core import diagrams, figures, noise, paper
from astrounet_core.figures import Column
from astrounet_core.inference import HALO, TILE, denoise, mosaic
from astrounet_core.scenes import fields, render
from astrounet_core.settings import UPSAMPLINGS, NetworkSettings
from astrounet_core.unet import Denoiser, UNet, count_parameters, noise_sigma, reach, sky_statistics

page = figures.open_page("unet", profile=profile, seed=seed)
generator = torch.manual_seed(seed)

# %% [markdown]
# ## The shape
#
# A {term}`U-net` {cite:p}`ronneberger2015` goes down and up again. On the way down, four times, two 3 × 3
# convolutions look at the image and a max-pooling halves it, while the number of {term}`feature maps <feature map>`
# doubles: the deeper, the coarser the picture and the richer its description. On the way up a {term}`transposed
# convolution` doubles the size again, and the maps of equal size from the way down are put beside it, the {term}`skip
# connections <skip connection>`. So the last layers know both *what* is there, from below, and *where* exactly, from
# across.
#
# The drawing is made from the network itself: an empty image was sent through it, and every block reported what it
# received and returned.

# %%
network = UNet()
page.figure(
    figures.network_diagram(network, size=256),
    name="fig-4",
    caption="Paper Fig. 4 · The network, drawn from the module that is trained. Numbers above a block: its feature "
    "maps; below the dashed lines: height and width in pixels for an input of 256 × 256. The dotted arrow marks where "
    "the exposure ratio $r$ enters.",
    alt="A U-shaped diagram. Four blocks with 32, 64, 128 and 256 feature maps go down from 256 to 32 pixels, a bottom "
    "block has 512 at 16 by 16, four blocks go up again to one output image. Dashed lines join blocks of equal size; "
    "an arrow marked r points at the first block on the way up.",
)

# %% [markdown]
# ### Where the parameters sit
#
# :::{admonition} Predict
# :class: important
# A 3 × 3 convolution from $a$ to $b$ feature maps has $9ab + b$ numbers to learn. Which part of the U holds most of
# them: the top, where the images are large, or the bottom, where they are small?
# :::

# %%
blocks = diagrams.network_blocks(network, size=256)
parameters = {name: count_parameters(network.get_submodule(name)) for name in blocks}
up_again = [f"{part}.{i}" for i in range(4) for part in ("up", "merge")]
order = [*(f"down.{i}" for i in range(4)), "bottom", *up_again, "head"]
rows = [
    {"name": f"`{name}`", "maps": f"{blocks[name].channels_in} → {blocks[name].channels}"}
    | {"size": f"{blocks[name].size} × {blocks[name].size}", "parameters": parameters[name]}
    | {"share": 100 * parameters[name] / count_parameters(network)}
    for name in order
]
rows.append({"name": "**all**", "maps": "", "size": "", "parameters": count_parameters(network), "share": 100.0})

# %%
page.table(
    rows,
    name="table-parameters",
    caption="The blocks of the network, in the order in which an image passes them: feature maps in and out, size of "
    "the output for an input of 256 × 256, and numbers to learn.",
    columns=[
        Column("name", "block"),
        Column("maps", "feature maps"),
        Column("size", "size"),
        Column("parameters", "parameters", ",d"),
        Column("share", "share", ".1f", "%"),
    ],
)

# %% tags=["hide-input"]
parts = ("down.3", "bottom", "up.0", "merge.0"), ("down.0", "merge.3", "head")
deep, shallow = (100 * sum(parameters[name] for name in part) / count_parameters(network) for part in parts)
page.text(
    f"The network has {page.value(count_parameters(network), ',d')} parameters, and {page.value(deep, '.0f', '%')} of "
    f"them are in the four blocks at the bottom of the U, at an eighth and a sixteenth of the image's resolution. What "
    f"happens at full resolution, where stars are two pixels wide, is done by {page.value(shallow, '.1f', '%')} of the "
    f"numbers."
)

# %% [markdown]
# ## Where the exposure ratio enters
#
# The network should do more when the exposure was shorter, so it is told the {term}`exposure ratio` $r$. The paper
# puts it in "at the bottom of the U-net", as a matrix filled with the value of $r$. The authors' script appends it
# *after* the first transposed convolution, at an eighth of the resolution, and so do we: `merge.0` receives the 256
# maps from below, the 256 from across, and one constant map.
#
# What can a constant map do? A convolution of a constant is a constant. So the extra map acts like a *bias* that
# depends on $r$: it shifts feature maps up or down and lets the activations after it do the rest. For Network 1,
# which only ever sees $r = 2$, it cannot carry any information at all. We can show that by removing it: take its
# weights, times $r$, into the bias of the next convolution, and drop the map.

# %% tags=["hide-input"]
told = UNet(NetworkSettings(width=8))
deaf = UNet(replace(told.settings, ratio_mode="none"))
weights = told.state_dict()
first = "merge.0.0"
constant = 2.0 * weights[f"{first}.weight"][:, -1].sum((1, 2))
absorbed = {f"{first}.weight": weights[f"{first}.weight"][:, :-1], f"{first}.bias": weights[f"{first}.bias"] + constant}
deaf.load_state_dict(weights | absorbed)
image = torch.randn(1, 1, 512, 512)
with torch.no_grad():
    answers = [net(image, torch.full((1,), r)) for net, r in ((told, 2.0), (deaf, 2.0), (told, 5.0))]
inside = (..., slice(144, 368), slice(144, 368))
scale = answers[0].std().item()
apart = [(answers[0][inside] - answer[inside]).abs().max().item() / scale for answer in answers[1:]]
page.text(
    f"With random weights of width 8, told $r = 2$: without the map, and with the bias in its place, the output "
    f"differs by at most {page.value(apart[0], '.0e')} of its own scatter, which is rounding. Told $r = 5$ instead, "
    f"the output of the network with the map changes by up to {page.value(apart[1], '.0e')}. (Pixels within "
    f"{page.value(144, 'd')} of the border are left out: there the zeros of the padding, which are not $r$, come into "
    f"view.)"
)

# %% tags=["hide-input"]
one, first_row = (
    next(row for row in paper.table(number) if row["key"] == key) for number, key in ((2, "network1@2"), (1, "exp01"))
)
page.text(
    f"This gives one of the paper's comparisons another meaning. Its Experiment 1 and its Network 1 differ, as far as "
    f"the text says, by this map alone, and report mean flux errors of {page.value(first_row['rfe'], '.2f')} ± "
    f"{page.value(first_row['rfe_uncertainty'], '.2f')} % and {page.value(one['rfe'], '.2f')} ± "
    f"{page.value(one['rfe_uncertainty'], '.2f')} %. Since the map carries no information at a single ratio, that "
    f"difference shows how much two trainings of one network differ by chance. It is a useful yardstick for the other "
    f"rows of [Table 1](#table-1)."
)

# %% [markdown]
# ## How far it sees
#
# The {term}`receptive field` of an output pixel is the part of the input that can influence it. For the shape of a
# U-net one can count it, but it is easy to miscount. So measure: make one column of the input *not a number*. NaN is
# like dye. Whatever is computed from it turns into NaN as well, through convolutions, maxima and activations alike,
# whatever the weights. The output columns that come out clean are those that cannot see the column.
#
# :::{admonition} Predict
# :class: important
# Two 3 × 3 convolutions at each of five scales. Will an output pixel see some 20 pixels, some 200, or the whole 256 ×
# 256 crop? Will every pixel see equally far?
# :::

# %%
sides = {kind: reach(NetworkSettings(upsampling=kind)) for kind in UPSAMPLINGS}
page.table(
    [
        {"kind": kind, "least": int((side.sum(1) + 1).min()), "most": int((side.sum(1) + 1).max())}
        | {"side": int(side.max()), "core": max(int(side[0, 0]), int(side[-1, 1])), "halo": HALO[kind]}
        for kind, side in sides.items()
    ],
    name="table-reach",
    caption="Measured receptive field, in pixels, by kind of up-sampling: its width, which depends on where the pixel "
    "lies on the grid of 16 that four poolings make; its farthest side; how far a block of pixels aligned to that grid "
    "looks beyond its own edge; and the margin that our tiles have.",
    columns=[
        Column("kind", "up-sampling"),
        Column("least", "width, least", "d"),
        Column("most", "width, most", "d"),
        Column("side", "farthest side", "d"),
        Column("core", "beyond an aligned block", "d"),
        Column("halo", "margin of a tile", "d"),
    ],
)

# %% [markdown]
# About 200 pixels, 8″ of sky, and not the same for all: the poolings lay a grid of 16 pixels over the image, and a
# pixel near the edge of its cell sees farther to one side. (That is also why a U-net isn't quite the same after
# shifting the image by a pixel.) The paper's crops of 256 are only just wider than one field of view.
#
# Being *able* to see is not the same as looking. The gradient of one output pixel with respect to the input says how
# much each input pixel counts; {numref}`fig-receptive-field` shows it for random weights, averaged over a few noise
# images.

# %%
images = torch.randn(2, 1, 272, 272, requires_grad=True)
centre = network(images, torch.full((2,), 2.0))[:, 0, 136, 136].sum()
influence = torch.autograd.grad(centre, images)[0].abs().mean((0, 1))
rows = torch.arange(272) - 136
distance = (rows[:, None] ** 2 + rows**2).sqrt()
page.figure(
    figures.feature_maps(
        [influence.clamp_min(1e-12).log10(), influence[124:149, 124:149].log10()],
        ["The whole field of view", "The central 25 pixels"],
    ),
    name="fig-receptive-field",
    caption="How much each input pixel counts for one output pixel: decadic logarithm of the absolute gradient, mean "
    "over two images of noise, random weights. The left panel is 272 pixels wide; outside the square nothing counts at "
    "all. The bright 9 × 9 pixels at right are what the four convolutions at full resolution reach.",
    alt="Left: a bright patch at the centre of a square of about 200 pixels with fading rounded corners and sharp "
    "borders, on an even dark ground. Right: the centre enlarged, a bright square of nine by nine pixels on a fainter "
    "patchy ground.",
)

# %% tags=["hide-input"]
beyond = [100 * (influence[distance > radius].sum() / influence.sum()).item() for radius in (5, 20, 50)]
page.text(
    f"Beyond 5 pixels from the centre lie {page.value(beyond[0], '.1f', '%')} of the total influence, beyond 20 pixels "
    f"{page.value(beyond[1], '.1g', '%')}, beyond 50 pixels {page.value(beyond[2], '.1g', '%')}. A network with random "
    f"weights is short-sighted, since the way across the top of the U is so much shorter. Training changes these "
    f"shares; it cannot move the border."
)

# %% [markdown]
# ## Variants
#
# The experiments of the paper vary this network in a few places, each an argument of `NetworkSettings`: the
# {term}`activation function`, the way $r$ enters, the up-sampling, the input channels. What they cost:

# %%
variants = {
    "as in the paper": {},
    "LeakyReLU with slope 0.2 (the script's)": {"slope": 0.2},
    "ReLU (Experiment 9)": {"activation": "relu"},
    "PReLU (Experiment 10)": {"activation": "prelu"},
    "SWISH (Experiment 11)": {"activation": "swish"},
    "$r$ not told (Experiments 1–5)": {"ratio_mode": "none"},
    "input multiplied by $r$ (Experiment 6)": {"ratio_mode": "multiply"},
    "$r$ added to the input (§3.3.3)": {"ratio_mode": "add"},
    "one channel a filter (Experiment 5)": {"ratio_mode": "none", "inputs": "filters"},
    "segmentation map (Experiment 7)": {"inputs": "segmentation"},
    "nearest-neighbour up-sampling (§3.1)": {"upsampling": "nearest"},
    "bilinear up-sampling (§3.1)": {"upsampling": "bilinear"},
    "half the width": {"width": 16},
}

# %%
counts = {name: count_parameters(UNet(NetworkSettings(**changes))) for name, changes in variants.items()}
page.table(
    [{"name": n, "count": count, "more": count - count_parameters(network)} for n, count in counts.items()],
    name="table-variants",
    caption="Variants of the network and their numbers of parameters.",
    columns=[
        Column("name", "variant"),
        Column("count", "parameters", ",d"),
        Column("more", "more than the paper's", "+,d"),
    ],
)

# %% [markdown]
# Most variants cost next to nothing: whatever they gain or lose isn't a matter of size. The exception is up-sampling,
# where a 3 × 3 convolution with bias takes the place of a 2 × 2 transposed one.
#
# ## Predicting noise, not images
#
# The paper feeds e⁻/s to the network and reads e⁻/s from it, without any normalisation (`direct`). That asks a lot of
# it: it must carry sky pixels of some thousandths and star pixels of hundreds of e⁻/s through the same layers,
# unharmed, and take noise off both.
#
# Our own recipe, `modern`, lets the network predict *the noise, in units of its own standard deviation*:
#
# $$
# \hat{x} = x - \sigma(x)\; \mathrm{net}\!\left( \operatorname{asinh} \frac{x - b}{\sigma_\mathrm{sky}},\; r \right),
# \qquad
# \sigma(x) = \sqrt{\sigma_\mathrm{sky}^2 + \frac{\max(\bar{x} - b,\, 0)}{t}} .
# $$
#
# Here $b$ and $\sigma_\mathrm{sky}$ are the level and the scatter of the sky, measured once per image, $\bar{x}$ is
# the image smoothed over 3 × 3 pixels, and $t$ is the exposure time. The inverse hyperbolic sine is linear for faint
# pixels and logarithmic for bright ones. Whatever the brightness, the answer that is asked for is a number of order
# one. (The scatter is that of differences between pixels three apart, in blocks of 32 × 32 pixels, of which the
# quietest tenth decides: so neither slopes, nor stars, nor a crowded half of the image count as noise.)

# %%
field = fields("validation")[5]
scene = render(field).image
sky = {"sky": field.sky, "reads": np.ceil(field.reads / 2)}
short = noise.physical(scene, field.exposure_time, 2.0, generator=generator, **sky)[None, None]
shot_time = torch.tensor(field.exposure_time / 2)
background, sky_sigma = sky_statistics(short)[0]
scaled = torch.asinh((short - background) / sky_sigma)
sigma = noise_sigma(short - background, shot_time, sky_sigma)
wanted = (short - scene) / sigma

# %%
quantities = {
    "input of `direct`: $x$ [e⁻/s]": short,
    "what it should return: scene [e⁻/s]": scene,
    "input of `noise_units`: asinh(…)": scaled,
    "what it should return: noise / σ(x)": wanted,
}
page.table(
    [
        {"what": what} | dict(zip(("low", "middle", "high", "top"), np.quantile(x, [0.01, 0.5, 0.99, 1]), strict=True))
        for what, x in quantities.items()
    ],
    name="table-scaling",
    caption=f"What goes into the network and what should come out of it, on a sparse field of {shot_time:.0f} s: "
    f"percentiles and maximum over the pixels.",
    columns=[
        Column("what", "quantity"),
        Column("low", "1 %", ".3g"),
        Column("middle", "50 %", ".3g"),
        Column("high", "99 %", ".3g"),
        Column("top", "largest", ".3g"),
    ],
)

# %% [markdown]
# :::{admonition} Predict
# :class: important
# Before any training the weights are random. How much damage does each kind of network do to the sky, and how much to
# the brightest star?
# :::

# %%
inputs = (short, shot_time[None], torch.tensor([2.0]))
peak = int(short.argmax())
rows = []
for output in ("direct", "noise_units"):
    torch.manual_seed(seed)
    with torch.no_grad():
        change = (Denoiser(NetworkSettings(width=16, output=output))(*inputs) - short) / sigma
    spread, star = change.abs().median().item(), change.flatten()[peak].item()
    rows.append({"output": f"`{output}`", "spread": spread, "peak": star})
page.table(
    rows,
    name="table-untrained",
    caption="What networks with random weights change in the image, in units of the noise of the pixel.",
    columns=[
        Column("output", "output"),
        Column("spread", "median change", ".2g", "σ"),
        Column("peak", "brightest pixel", ".3g", "σ"),
    ],
)

# %% tags=["hide-input"]
crowded = fields("validation")[4]
deep = {"sky": crowded.sky, "reads": crowded.reads}
dense = noise.physical(render(crowded).image, crowded.exposure_time, 1.0, generator=generator, **deep)[None, None]
truths = [
    noise.noise_variance(torch.zeros(1), seconds, **how).sqrt().item()
    for seconds, how in ((float(shot_time), sky), (crowded.exposure_time, deep))
]
excess = sky_sigma.item() / truths[0], sky_statistics(dense)[0, 1].item() / truths[1]
page.text(
    f"How well is $\\sigma_\\mathrm{{sky}}$ known? On the sparse field the image itself gives "
    f"{page.value(excess[0], '.2f')} times the true value. In the core of a dense star cluster, where no pixel is free "
    f"of stars, even the quietest blocks give {page.value(excess[1], '.1f')} times the true value, and the network "
    f"sees its image in units that are too large. It is trained on such fields with the same units, but this is a "
    f"weakness of the recipe, and a place to improve it."
)

# %% [markdown]
# The `direct` network has to learn first of all to leave a star alone. The other one starts where the first hopes to
# arrive. The price is that the noise of the image must be known, and that a wrong exposure time in the header does
# harm. What it gains, and what it doesn't, is shown in [Results](#page-results).
#
# ## Images of any size
#
# Nothing in a fully convolutional network fixes the size of the image, except memory. So cut it up. There are two ways.
#
# The paper's *mosaic*: move a window of 256 pixels in steps of 32 over the image and average what the windows say.
# Every inner pixel is computed $(256/32)^2$ times. And since a window is hardly wider than the receptive field, most
# of the answers are given with a part of the view blocked by zeros at the window's edge.
#
# *Tiles*: compute each pixel once, in tiles that carry a margin as wide as the network can see
# ({numref}`table-reach`), and throw the margin away. Then no pixel notices that there was a cut.

# %% tags=["hide-input"]
size = 4096
windows = ((size - 256) // 32 + 1) ** 2
tiles = -((-size // (TILE - 2 * HALO["transposed"])) ** 2)
page.text(
    f"On an image of {size} × {size} pixels the mosaic needs {page.value(windows, ',d')} windows and sends every pixel "
    f"through the network {page.value(windows * 256**2 / size**2, '.1f')} times, inner ones "
    f"{page.value((256 // 32) ** 2, 'd')} times. Tiles of {page.value(TILE, 'd')} pixels send it "
    f"{page.value((TILE / (TILE - 2 * HALO['transposed'])) ** 2, '.2f')} times."
)

# %%
torch.manual_seed(seed)
small, test_image = Denoiser(NetworkSettings(width=4)), short[0, 0]
exposure = (2.0, float(shot_time), small)
ways = {
    "one pass": lambda: denoise(test_image, *exposure),
    "tiles of 416 pixels": lambda: denoise(test_image, *exposure, tile=416),
    "the paper's mosaic": lambda: mosaic(test_image, *exposure),
}
results, seconds = {}, {}
for name, way in ways.items():
    started = time.perf_counter()
    results[name] = way()
    seconds[name] = time.perf_counter() - started

# %%
whole = results.pop("one pass")
differences = {name: (answer - whole).abs() for name, answer in results.items()}
page.table(
    [
        {"way": name, "time": seconds[name] / seconds["one pass"], "worst": (apart.max() / whole.abs().max()).item()}
        | {"typical": (apart.median() / whole.abs().median()).item()}
        for name, apart in differences.items()
    ],
    name="table-tiles",
    caption="Two ways of cutting up one image of 512 × 512 pixels for one network (random weights, width 4): time "
    "relative to a single pass over the whole, and difference from that, largest over largest pixel and median over "
    "median.",
    columns=[
        Column("way", "way"),
        Column("time", "relative time", ".1f"),
        Column("worst", "largest difference", ".0e"),
        Column("typical", "median difference", ".0e"),
    ],
)

# %% [markdown]
# Tiles reproduce the single pass to the rounding of single precision. The mosaic doesn't: it is a different, blurred
# answer, the mean of answers given with restricted views. How different depends on how far a trained network really
# looks; what it costs doesn't.
#
# ## What to remember
#
# - Down: look, halve, describe more richly. Up: enlarge, and put the fine detail of the way down beside it.
# - Most parameters sit where the image is smallest.
# - $r$ enters as a constant map, which is a bias that depends on $r$. At a single ratio it carries nothing.
# - An output pixel sees about 200 input pixels, and not always the same number. Tiles with a margin of that reach are
#   exact.
# - `direct` networks return e⁻/s, as in the paper. `noise_units` networks return noise of order one, and cannot do
#   much harm to a bright star.
#
# **Next:** [Losses and experiments](#page-losses).
