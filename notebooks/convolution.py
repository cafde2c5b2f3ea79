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
# (page-convolution)=
# # Convolutional networks in pictures
#
# *Paper §3.1 · Eq. 5–6 · Fig. 2–3*
#
# :::{admonition} This page
# :class: tip page-contract
#
# **You will learn** what a convolutional layer, a pooling layer and the three kinds of up-sampling compute, by
# numbers small enough to check in your head; why "convolution" means something else to torch than to
# [Eq. (5)](#eq-5); where checkerboards come from; how far each layer of a real network sees, and what it does when a
# connection is cut; and what one step of gradient descent does.
#
# **You need** to know what a sum over pixels is. No earlier page.
#
# **Reading time** 20 minutes.
# :::
#
# Everything that a {term}`U-net` does to an image is one of four operations: it slides small filters over it,
# keeps the larger of neighbouring values, enlarges what is left, and bends values at zero. This page shows the
# first three, one at a time. The fourth, the {term}`activation function`, is on
# [the page about losses and experiments](#page-losses).

# %%
import numpy as np
import torch
from scipy.signal import convolve2d, correlate2d
from torch.nn import functional as F

from astrounet_core import exposures, figures, psf, steps
from astrounet_core.dissection import views, without
from astrounet_core.figures import Column
from astrounet_core.inference import load_network
from astrounet_core.metrics import noise_normalised_mse
from astrounet_core.scenes import fields, render

page = figures.open_page("convolution", profile=profile, seed=seed)
_ = torch.manual_seed(seed)

# %% [markdown]
# ## A layer is a sliding sum
#
# A convolutional layer takes an image $I$ and a small filter $F$, and returns an image $O$, one
# {term}`feature map`:
#
# (eq-5)=
# $$
# O(i,j) = (I * F)(i,j) = \sum_m \sum_n I_{m,n}\, F_{i-m,\,j-n}
# \tag{5}
# $$
#
# [Code and test](#page-equations)
#
# Each output pixel is a weighted sum of the input pixels around it, with the same weights everywhere. That is
# why nine numbers suffice for a 3 × 3 filter, whatever the size of the image. {numref}`fig-2` works it out for
# the smallest interesting case: a 4 × 4 image and a 3 × 3 filter, without padding, leave 2 × 2 positions, so
# the answer has four numbers.
#
# The lower half shows the same thing as a product of a matrix with the flattened image. Each row of the matrix
# is the filter, laid out at one position; all the rest is zero. Nobody computes it that way, but it makes plain
# that the layer is *linear*, and it will tell us in a moment what a "transposed" convolution is.

# %%
image = torch.tensor([[1.0, 0, 2, 1], [0, 3, 1, 0], [2, 1, 0, 1], [0, 1, 2, 0]])
kernel = torch.tensor([[1.0, 0, 2], [0, 1, 0], [1, 0, 0]])
page.figure(
    figures.convolution_diagram(kernel, image),
    name="fig-2",
    caption="Paper Fig. 2 · A convolutional layer in numbers (top) and as a product "
    "of a matrix with the flattened input (bottom). The filter is 3 × 3, the "
    "input 4 × 4 without zero-padding, the output 2 × 2.",
    alt="Top: a 3 by 3 filter and a 4 by 4 image give a 2 by 2 output. Bottom: a 4 by "
    "16 matrix, mostly zero, multiplies the image written as a column of 16 "
    "numbers and gives the same four numbers.",
)

# %% [markdown]
# Slowly, one position after the other. The filter has four numbers that aren't zero, so each sum has four terms:

# %%
page.figure(
    figures.step_strip(steps.convolution_steps(kernel, image)),
    name="fig-convolution-steps",
    caption="The convolution of {numref}`fig-2` in four steps: the pixels that the filter covers (red, left), the sum, "
    "filter times pixel, and the pixel that it gives (red, right).",
    alt="Four steps. In each, a red square of 3 by 3 cells lies on the 4 by 4 image, first at the upper left, then a "
    "cell to the right, then below; a sum of four products gives 10, 4, 3 and 4, written one by one into a 2 by 2 "
    "output.",
)

# %% [markdown]
# ## Convolution, or correlation?
#
# Look at the signs in [Eq. (5)](#eq-5): the image is read at $m, n$ and the filter at $i-m, j-n$. As $m$ goes
# up, the filter's index goes *down*. The filter is turned by 180° before it slides. That is convolution as
# every textbook of signal processing has it, and as a telescope does it to the sky.
#
# :::{admonition} Predict
# :class: important
# `torch.nn.functional.conv2d` is called a convolution. Slide the filter of {numref}`fig-2` over an image with a
# single bright pixel. Does the output show the filter as it is, or turned round?
# :::

# %%
point = torch.zeros(5, 5)
point[2, 2] = 1.0
answer = F.conv2d(point[None, None], kernel[None, None])[0, 0]
page.figure(
    figures.feature_maps(
        [kernel.flip(0), answer.flip(0)], ["The filter", "torch, on a single pixel"]
    ),  # first row on top
    name="fig-point-response",
    caption="torch's answer to a single bright pixel is the filter turned by 180°. A "
    "true convolution, Eq. 5, would return the filter itself, as a telescope "
    "returns its point-spread function.",
    alt="Two 3 by 3 grids of colours. The right one is the left one turned by 180 degrees.",
)

# %% [markdown]
# Turned round. So torch does not turn the filter *before* sliding: it computes a {term}`cross-correlation`,
# $\sum_{m,n} I_{i+m,\,j+n}\, F_{m,n}$. The same comparison on a random image, against a library that offers
# both:

# %%
noise = torch.randn(32, 32)
output = F.conv2d(noise[None, None], kernel[None, None])[0, 0].numpy()
others = {
    "cross-correlation with the filter": correlate2d(noise, kernel, mode="valid"),
    "convolution with the filter, Eq. 5": convolve2d(noise, kernel, mode="valid"),
    "convolution with the turned filter": convolve2d(noise, kernel.flip(0, 1), mode="valid"),
}
page.table(
    [{"what": what, "difference": np.abs(output - other).max()} for what, other in others.items()],
    name="table-correlation",
    caption="Largest difference between torch's conv2d and three calculations by scipy, on one random image.",
    columns=[Column("what", "scipy computes"), Column("difference", "largest difference", ".1e")],
)

# %% [markdown]
# Does it matter? For a filter that is *learnt*, no: a network that correlates learns the turned filter, and
# computes the same function. For a filter that is *given*, a point-spread function with spikes or coma, it
# does; there the filter has to be turned first. The [errata](#page-errata) list Eq. 5 for this reason.
#
# ## Stride and padding
#
# Two numbers set the size of the output. The *stride* $s$ says how far the filter moves between two sums;
# *padding* $p$ puts a margin of zeros round the image. A filter of size $k$ on $n$ pixels gives
#
# $$
# n_\mathrm{out} = \left\lfloor \frac{n + 2p - k}{s} \right\rfloor + 1 .
# $$

# %%
cases = [(3, 1, 0), (3, 1, 1), (3, 2, 1), (2, 2, 0), (5, 1, 2), (1, 1, 0)]
row = torch.zeros(1, 1, 256, 256)
sizes = [F.conv2d(row, torch.zeros(1, 1, k, k), stride=s, padding=p).shape[-1] for k, s, p in cases]
page.table(
    [
        {"k": k, "s": s, "p": p, "rule": (256 + 2 * p - k) // s + 1, "torch": size}
        for (k, s, p), size in zip(cases, sizes, strict=True)
    ],
    name="table-sizes",
    caption="Output size for an input of 256 pixels: by the rule above, and as torch "
    "returns it. The second line is the U-net's own layer: with one pixel of "
    "padding a 3 × 3 filter keeps the size.",
    columns=[
        Column("k", "filter $k$"),
        Column("s", "stride $s$"),
        Column("p", "padding $p$"),
        Column("rule", "rule"),
        Column("torch", "torch"),
    ],
)

# %% [markdown]
# Padding has a price. Near the border a sum contains zeros that are not sky, so the outermost pixels of a
# network's output are less trustworthy than the rest. The paper notes artefacts near the edges (§5.2); our
# `denoise` works on overlapping tiles and reflects the image at its border instead.
#
# ## Pooling
#
# Max-pooling keeps the largest of each 2 × 2 block and so halves the image. It has no weights.

# %%
page.figure(
    figures.step_strip(steps.pooling_steps(image)),
    name="fig-pooling-steps",
    caption="Max-pooling in four steps: of each block of 2 × 2 pixels (red, left) the largest is kept (red, right).",
    alt="Four steps. A red square of 2 by 2 cells moves over the four quarters of a 4 by 4 image without overlap; the "
    "largest values 3, 2, 2 and 2 fill a 2 by 2 output.",
)

# %% [markdown]
# It keeps a star's peak where averaging would dilute it:

# %%
star = psf.hst_psf(size=32)[None, None]
pooled = [F.max_pool2d(star, 2), F.avg_pool2d(star, 2)]
page.figure(
    figures.feature_maps(
        [star[0, 0, 8:24, 8:24].sqrt(), *(half[0, 0, 4:12, 4:12].sqrt() for half in pooled)],
        ["A star (square root)", "2 × 2 max-pool", "2 × 2 mean"],
        columns=3,
    ),
    name="fig-pooling",
    caption="A Hubble star in F606W, 16 pixels across, and the same after pooling: "
    "the maximum keeps the peak's height, the mean spreads it over the block. "
    "Square roots, so that the wings show.",
    alt="Three panels: a compact star; the same at half the resolution with the peak "
    "as high; the same at half the resolution with a lower peak.",
)

# %% [markdown]
# What the picture does not show is what a maximum does to *noise*. The largest of four numbers scattered about
# zero is, on average, above zero; for Gaussian noise the mean of the maximum of four is 1.029 standard
# deviations. A network that pools by maximum must learn to undo that bias, and has to learn it anew for every
# level of noise:

# %%
white = torch.randn(1, 1, 2048, 2048)
largest, mean = F.max_pool2d(white, 2).mean().item(), F.avg_pool2d(white, 2).mean().item()
page.text(
    f"On {white.numel():,} pixels of Gaussian noise with mean zero and standard deviation one, the max-pooled "
    f"image has a mean of {page.value(largest, '.3f')}, the mean-pooled one of {page.value(mean, '.4f')}."
)

# %% [markdown]
# ## Making an image larger
#
# The way back up has three common forms, all in the paper's §3.1. *Nearest-neighbour* interpolation repeats
# each pixel. *Bilinear* interpolation takes the weighted mean of the four nearest. A
# {term}`transposed convolution` has weights of its own, to be learnt: every input pixel stamps a copy of the
# filter, times its own value, on the output, and the stamps add up.
#
# {numref}`fig-3` shows why it is called *transposed*: its matrix is that of an ordinary convolution, mirrored
# at the diagonal.

# %%
small = torch.tensor([[1.0, 2], [0, 3]])
page.figure(
    figures.transposed_convolution_diagram(kernel, small),
    name="fig-3",
    caption="Paper Fig. 3 · A transposed convolution: the 2 × 2 input becomes 4 × 4. "
    "As a product of matrices (right) it is the matrix of Paper Fig. 2, "
    "transposed.",
    alt="A 3 by 3 filter and a 2 by 2 input give a 4 by 4 output. Beside it a 16 by 4 "
    "matrix, mostly zero, multiplies the four inputs and gives the same sixteen "
    "numbers.",
)

# %% [markdown]
# Transposed is not inverse. What the transpose does satisfy is
# $\langle A x, y\rangle = \langle x, A^\top y\rangle$ for every $x$ and $y$, and that can be checked without
# writing down a matrix:

# %%
x, y = torch.randn(1, 1, 9, 9, dtype=torch.float64), torch.randn(1, 1, 4, 4, dtype=torch.float64)
weights = kernel[None, None].double()
left = (F.conv2d(x, weights, stride=2) * y).sum().item()
right = (x * F.conv_transpose2d(y, weights, stride=2)).sum().item()
page.text(
    f"With random $x$ and $y$ and a stride of 2: $\\langle A x, y\\rangle$ = {page.value(left, '.6f')} and "
    f"$\\langle x, A^\\top y\\rangle$ = {page.value(right, '.6f')}."
)

# %% [markdown]
# ## The checkerboard
#
# If filter size and stride don't fit, the stamps overlap unevenly: some output pixels receive more
# contributions than their neighbours, and a perfectly flat input comes out with a pattern {cite:p}`odena2016`.
# Watch it arise, with all weights and all pixels one, so that the output counts the stamps:

# %%
page.figure(
    figures.step_strip(steps.transposed_steps(torch.ones(3, 3), torch.ones(2, 2))),
    name="fig-stamps",
    caption="A transposed convolution with a 3 × 3 filter at stride 2, in four steps: each input pixel (red, left) "
    "adds its stamp (red, right). Neighbouring stamps share a column or a row, and all four share one pixel: 1, 2 and "
    "4 contributions, where the input is flat.",
    alt="Four steps. For each pixel of a 2 by 2 input of ones, a stamp of 3 by 3 ones is added to a 5 by 5 output, two "
    "cells apart. At the end the corners hold 1, the middle row and column 2, and the cell at the centre 4.",
)

# %% [markdown]
# The same for other sizes of filter:

# %%
flat = torch.ones(1, 1, 6, 6)
shapes = [(3, "3 × 3, stride 2"), (4, "4 × 4, stride 2"), (2, "2 × 2, stride 2")]
counts = [F.conv_transpose2d(flat, torch.ones(1, 1, k, k), stride=2)[0, 0, 2:10, 2:10] for k, _ in shapes]
learnt = F.conv_transpose2d(flat, 1 + 0.1 * torch.randn(1, 1, 2, 2), stride=2)[0, 0, 2:10, 2:10]
page.figure(
    figures.feature_maps([*counts, learnt], [*(title for _, title in shapes), "2 × 2, uneven weights"], columns=2),
    name="fig-checkerboard",
    caption="A transposed convolution of a flat image; one filter size a panel, "
    "weights all one but in the last. A 3 × 3 filter at stride 2 overlaps "
    "unevenly: a checkerboard. 4 × 4 and 2 × 2 don't. The last panel has the "
    "U-net's 2 × 2 with weights that differ by some 10 %, as learnt ones "
    "will.",
    alt="Four panels of 8 by 8 pixels. The first shows a regular pattern of the "
    "values 1, 2 and 4; the second is flat at 4, the third flat at 1; the last "
    "repeats a 2 by 2 tile of four slightly different values.",
)

# %% [markdown]
# The U-net's 2 × 2 filter at stride 2 gives every output pixel exactly one contribution, so the *geometry* is
# even. That is not the whole story: the four weights are learnt separately, and if they differ, the pattern is
# back (last panel). Only training, and the two convolutions that follow, can remove it. Nearest-neighbour
# up-sampling followed by a convolution has no such pattern to remove; it is one of the variants in
# [Losses and experiments](#page-losses).
#
# ## How far a layer sees
#
# Put together, these layers make a {term}`U-net`: blocks of two convolutions, with a pooling after each on the way
# down and an up-sampling before each on the way up. A filter of 3 × 3 sees one pixel to each side. But a pixel after a
# pooling stands for two of the image, after four poolings for sixteen, and so the view widens from layer to layer
# ({numref}`fig-views`). It is measured on the network itself: one column of the image is made *not a number*, and
# every pixel that turns into NaN has seen it.
#
# :::{admonition} Predict
# :class: important
# Which share of its field of view does the network gain on the way *up*?
# :::

# %%
seen = {view.layer: view for view in views()}
stages = {2: "1st block", 4: "1 pooling", 6: "2 poolings", 8: "3 poolings", 10: "bottom", 19: "output"}
field = next(field for field in fields("validation")[19:] if field.kind == "star_cluster")
crowd = exposures.expose(render(field).image, exposures.STANDARD, seed)
page.figure(
    figures.views_picture(crowd[100:372, 100:372], {name: seen[layer].most for layer, name in stages.items()}),
    name="fig-views",
    caption="What one pixel sees of a star cluster in each stage of the paper's U-net, in pixels of the image: after "
    "the first block, after each pooling and its block, at the bottom, and in the output. No star outside the largest "
    "square can change the pixel in the middle.",
    alt="A field of stars with six squares about its middle, one inside the other, 5, 14, 32, 68, 140 and 204 pixels "
    "wide. The largest covers about half of the field and holds some hundred stars.",
)

# %%
page.text(
    f"Down to the bottom the view grows to {seen[10].most} pixels, and on the way up to "
    f"{page.value(seen[19].least, 'd')}–{page.value(seen[19].most, 'd')}, depending on where a pixel lies on the grid "
    f"of 16 that four poolings make. [The U-net](#page-unet) tells what follows for the tiles in which we cut images."
)

# %% [markdown]
# ## What the skips carry
#
# A pooling throws places away: of four pixels one remains, and nobody knows which it was. So the U-net keeps the
# feature maps from before each pooling, and puts them beside the enlarged ones of the same size on the way up: the
# {term}`skip connections <skip connection>`. What do they carry? Take a trained network, replace what comes through
# one connection by zeros, and look.
#
# :::{admonition} Predict
# :class: important
# Cut the skip at full resolution: will the stars be blurred, moved, or gone? Now leave that skip and cut everything
# from below instead, 99 % of the network's weights: how much worse is the image?
# :::

# %%
cuts = {"whole": {}} | {f"skip, 1/{2**k}": {"skips": (k,)} for k in range(4)}
cuts |= {"all skips": {"skips": (0, 1, 2, 3)}, "below full resolution": {"below": (0,)}}
chosen = [next(f for f in fields("validation") if f.kind == kind) for kind in ("galaxy_field", "nebula")] + [field]
scenes = torch.stack([render(one).image[128:384, 128:384] for one in chosen])[:, None]
shots = torch.from_numpy(np.stack([exposures.expose(one[0], exposures.STANDARD, seed) for one in scenes]))[:, None]
told = torch.full((len(shots),), exposures.STANDARD.exposure_time), torch.full((len(shots),), 2.0)
outputs = {}
for name in ("network1", "modern"):
    network = load_network(name)
    for cut, connections in cuts.items():
        with without(network, **connections), torch.inference_mode():
            outputs[name, cut] = network(shots, *told)

# %%
corner = (-1, 0, slice(0, 96), slice(0, 96))
shown = {"Truth": scenes, "Whole": outputs["network1", "whole"]}
shown |= {"Without the skip, 1/1": outputs["network1", "skip, 1/1"]}
shown |= {"Without what is below": outputs["network1", "below full resolution"]}
page.figure(
    figures.sky_panels(
        [(title, pictures[corner]) for title, pictures in shown.items()],
        residual=[(f"{title} − truth", shown[title][corner] - scenes[corner]) for title in list(shown)[2:]],
        kind="asinh",
        columns=2,
    ),
    name="fig-skips",
    caption="A part of a star cluster, denoised by our Network 1: whole, with zeros in place of the skip connection at "
    "full resolution, and with zeros in place of all that comes from below it. Last two panels: output minus truth.",
    alt="Six panels of stars. The whole network's output looks as the truth does; without the skip at full resolution "
    "the panel is almost black; without what comes from below, the stars are all there. Of the residuals, the one "
    "without the skip shows every star and a fine checkerboard, the other only specks at bright stars.",
)

# %%
variances = [exposures.variance(one[0], exposures.STANDARD) for one in scenes]
rows = [
    {"cut": cut}
    | {
        f"{name} {i}": noise_normalised_mse(outputs[name, cut][i, 0], scenes[i, 0], variances[i])
        for name in ("network1", "modern")
        for i in range(len(chosen))
    }
    for cut in cuts
]
page.table(
    rows,
    name="table-cuts",
    caption="Noise-normalised mean squared error of two of our trained networks without some of their connections, on "
    "one field of each kind. 1 is as far from the truth as the noisy image.",
    columns=[Column("cut", "without")]
    + [
        Column(f"{name} {i}", f"{label}, {one.kind.replace('_', ' ')}", ".3g")
        for name, label in (("network1", "Network 1"), ("modern", "modern"))
        for i, one in enumerate(chosen)
    ],
)

# %% tags=["hide-input"]
whole, bare = (
    {name: max(row[f"{name} {i}"] for i in range(len(chosen))) for name in ("network1", "modern")}
    for row in (rows[0], rows[-1])
)
page.text(
    f"At worst, the error of Network 1 goes from {page.value(whole['network1'])} to {page.value(bare['network1'])} "
    f"without all that is below full resolution, that of modern from {page.value(whole['modern'])} to "
    f"{page.value(bare['modern'])}."
)

# %% [markdown]
# The skip at full resolution *is* the image: without it, Network 1 loses every star, and its faint output shows the
# checkerboard of the last transposed convolution. `modern`, which predicts the noise that is to be subtracted, then
# finds none, and returns the image about as it came, an error of 1. The skips farther down matter less and less.
#
# And the other way round: what comes from below full resolution, some 99 % of the weights, adds little for our Network
# 1. For `modern` it is worth more where there are faint extended sources to be told from noise, and less among stars.
# So a wide view is of use, but not to everyone: a network uses what its loss and its time of training taught it to
# use, and these two had a small part of the paper's. (Zeros are also something that no network was trained with. A
# network trained without the connection could do better; cutting shows what *this one* relies on.)
#
# ## Learning is going downhill
#
# The weights of all filters start small and random. A loss $L$ says how wrong the output is, and each
# {term}`update` moves every weight against the loss's slope:
#
# (eq-6)=
# $$
# \mathbf{w}_t = \mathbf{w}_{t-1} - \alpha \nabla L(\mathbf{w})
# \tag{6}
# $$
#
# [Code and test](#page-equations)
#
# with the {term}`learning rate` $\alpha$. Work one step by hand. Let a "network" of a single weight predict
# $y' = w x$ for $x = 1, 2, 3$, while the data say $y = 2, 4, 6$; so $w = 2$ is right. Start at $w_0 = 0$ with
# the mean squared error, [Eq. (8)](#eq-8):
#
# $$
# \nabla L = \frac{2}{3} \sum_i x_i (w x_i - y_i) = \frac{28}{3}\,(w - 2),
# \qquad
# w_1 = 0 + 0.05 \cdot \frac{56}{3} = 0.9333 \quad\text{for}\quad \alpha = 0.05 .
# $$
#
# torch finds the gradient by itself, going backwards through every operation (*backpropagation*), and its
# optimiser takes the same step:

# %%
data, truth = torch.tensor([1.0, 2, 3]), torch.tensor([2.0, 4, 6])
weight = torch.zeros(1, requires_grad=True)
optimiser = torch.optim.SGD([weight], lr=0.05)
torch.mean((weight * data - truth) ** 2).backward()
optimiser.step()
page.table(
    [
        {"who": "by hand", "gradient": -56 / 3, "weight": 0.05 * 56 / 3},
        {"who": "`torch.optim.SGD`", "gradient": weight.grad.item(), "weight": weight.item()},
    ],
    name="table-descent",
    caption="One step of gradient descent, Eq. 6, by hand and by torch.",
    columns=[
        Column("who", "computed"),
        Column("gradient", "$\\nabla L$ at $w_0 = 0$", ".4f"),
        Column("weight", "$w_1$", ".4f"),
    ],
)

# %% [markdown]
# Repeat it, and the error shrinks by the same factor every time:
# $w_t - 2 = (1 - \tfrac{28}{3}\alpha)\,(w_{t-1} - 2)$. This tells all there is to know about the learning rate.
# Too small, and nothing happens. Larger is faster, up to a point. Beyond $\alpha = 3/14 \approx 0.214$ the
# factor is below $-1$, and every step makes things worse.

# %%
steps = np.arange(13)
rates = (0.01, 0.05, 0.2, 0.22)
page.figure(
    figures.curves(
        {f"α = {rate}": (steps, 2 - 2 * (1 - 28 / 3 * rate) ** steps) for rate in rates},
        xlabel="update",
        ylabel="weight (2 is right)",
        markers=True,
    ),
    name="fig-learning-rate",
    caption="Gradient descent on one weight from $w_0 = 0$, at four learning rates: "
    "too small, good, nearly too large, too large.",
    alt="Four curves of the weight against the number of updates. The first creeps "
    "upwards, the second reaches 2 within six updates, the third swings about 2 "
    "and settles slowly, the fourth swings ever more widely.",
)

# %% [markdown]
# A U-net has millions of weights, and Astro U-net's optimiser is Adam {cite:p}`kingma2014`, which keeps a
# running mean of the gradient and of its square and so gives every weight a step length of its own. The picture
# stays: too small a rate wastes time, too large a one diverges. (The paper writes [Eq. (6)](#eq-6) once per
# epoch; what is done, there as here, is one update per {term}`crop`.)
#
# ## What to remember
#
# - A convolutional layer is a sliding weighted sum with the same weights everywhere: linear, local, and small.
# - torch correlates. For learnt filters it makes no difference; for a given point-spread function it does.
# - Max-pooling has no weights, keeps peaks, and lifts noise.
# - A transposed convolution stamps the filter; when size and stride fit, the stamps don't overlap unevenly, but
#   learnt weights can still draw a pattern.
# - Poolings widen the view: 5 pixels after one block, 140 at the bottom of the U, about 200 in the output.
# - The skip at full resolution carries the image. What comes from below it refines.
# - Learning takes small steps down the slope of the loss; the learning rate decides whether that converges.
#
# **Next:** [The U-net](#page-unet) puts these pieces together, and counts them.
