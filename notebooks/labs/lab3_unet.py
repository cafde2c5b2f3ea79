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
# (page-lab3-unet)=
# # Lab 3: build and train a small U-net
#
# :::{admonition} This lab
# :class: tip page-contract
#
# **You will learn** to put a U-net together from its parts, to say how far it sees, to train it for 80 seconds on
# simulated pairs, and to go on from where ten minutes lead.
#
# **You need** [Lab 1](#page-lab1-noise), and what a convolution is ([Convolutional networks](#page-convolution)).
#
# **Reading time** 45 minutes with the tasks, of which training takes a minute and a half. [The U-net](#page-unet) is
# the page on the paper's network.
# :::
#
# Replace every `...` in the cells that say *your turn*. The cell after each of them checks your answer.

# %% tags=["parameters"]
quick = False
seed = 3
seconds = 80

# %%
# %matplotlib inline
import time
from copy import deepcopy
from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from astrounet_core import exposures, figures, teaching
from astrounet_core.baselines import BASELINES
from astrounet_core.experiments import EXPERIMENTS, PRESETS
from astrounet_core.inference import denoise, load_network
from astrounet_core.metrics import noise_normalised_mse
from astrounet_core.pairs import FieldSet
from astrounet_core.scenes import fields, render
from astrounet_core.unet import Denoiser, NetworkSettings, count_parameters

page = figures.open_page("lab3_unet", profile="smoke" if quick else "quick", seed=seed)
torch.manual_seed(seed)
ratio = torch.ones(1)

# %% [markdown]
# ## Predict first
#
# :::{admonition} Predict
# :class: important
# The network below halves its image twice; a block is two convolutions of 3 × 3 pixels. How many pixels wide is the
# part of the image that *one* output pixel sees?
# :::

# %% tags=["solution"]
# Your turn: your guess, in pixels.
prediction = 44

# %% tags=["check"]
teaching.guess(prediction)

# %% [markdown]
# ## 1. A block
#
# **Task.** Two convolutions of 3 × 3 that keep the size, each followed by a LeakyReLU of slope 0.2.
#
# :::{dropdown} Hint
# `nn.Sequential(...)` runs layers one after another; `nn.Conv2d(inputs, outputs, 3, padding=1)` keeps height and
# width; `nn.LeakyReLU(0.2)`.
# :::


# %% tags=["solution"]
# Your turn: two convolutions with their activations.
def block(inputs, outputs):
    """Layers: (N, inputs, H, W) -> (N, outputs, H, W)."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.LeakyReLU(0.2),
    )


# %% tags=["check"]
teaching.shape(block(1, 8), (1, 8, 32, 32), torch.zeros(1, 1, 32, 32), hint="Without padding an image shrinks.")
teaching.value(count_parameters(block(1, 8)), 8 * 9 + 8 + 64 * 9 + 8, hint="Two convolutions, with their biases.")

# %% [markdown]
# ## 2. A U-net
#
# These are its parts: blocks on the way down, one at the bottom, two up-samplings and two blocks that merge what comes
# from below with what was kept.


# %%
class SmallUNet(nn.Module):
    """Two poolings, where the paper's network has four; how data flow through it is up to `assemble`."""

    def __init__(self, width=12):
        super().__init__()
        self.down = nn.ModuleList([block(1, width), block(width, 2 * width)])
        self.bottom = block(2 * width, 4 * width)
        sides = [(4 * width, 2 * width), (2 * width, width)]
        self.up = nn.ModuleList([nn.ConvTranspose2d(i, o, 2, stride=2) for i, o in sides])
        self.merge = nn.ModuleList([block(i, o) for i, o in sides])
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, image, exposure_ratio):
        return assemble(self, image)


# %% [markdown]
# **Task.** Write `assemble`: block, keep, pool; block, keep, pool; bottom; up, put beside what was kept, merge; up, put
# beside, merge; head.
#
# :::{dropdown} Hint
# `F.max_pool2d(x, 2)` halves the size. `torch.cat([up, kept], 1)` puts maps side by side. What is kept *last* is needed
# *first*.
# :::


# %% tags=["solution"]
# Your turn: from the image to the output, through all layers.
def assemble(layers, image):
    """(N, 1, H, W) -> (N, 1, H, W), H and W multiples of 4."""
    fine = layers.down[0](image)
    middle = layers.down[1](F.max_pool2d(fine, 2))
    coarse = layers.bottom(F.max_pool2d(middle, 2))
    middle = layers.merge[0](torch.cat([layers.up[0](coarse), middle], 1))
    fine = layers.merge[1](torch.cat([layers.up[1](middle), fine], 1))
    return layers.head(fine)


# %% tags=["check"]
grain = torch.randn(1, 1, 32, 32)
teaching.shape(SmallUNet(), (1, 1, 32, 32), grain, ratio, hint="Print the shape after every step.")
cut = SmallUNet().requires_grad_(False)
_ = [weights.zero_() for weights in cut.up.parameters()]
teaching.at_least(cut(grain, ratio).std().item(), 1e-6, hint="Cut the way through the bottom: do the skips carry on?")
teaching.compare(prediction, teaching.field_of_view(SmallUNet(1)), ".0f")

# %% [markdown]
# **Task.** Count how far it sees. A convolution of 3 × 3 adds 2 pixels to the width, each as large as the pixels are at
# that depth: 1, 2, 4, and on the way up 2 and 1 again. A pooling adds one pixel of the size before it.
#
# :::{dropdown} Hint
# Start from the one pixel itself. The two convolutions of the first block add 4 × 1, the pooling after it 1, the two of
# the second block 4 × 2, the pooling after it 2, and so on; up-samplings add nothing.
# :::

# %% tags=["solution"]
# Your turn: the width of the field of view, in pixels.
view = 1 + 4 * 1 + 1 + 4 * 2 + 2 + 4 * 4 + 4 * 2 + 4 * 1

# %% tags=["check"]
teaching.value(view, teaching.field_of_view(SmallUNet(1)), 0.01, hint="Five blocks of two convolutions, two poolings.")

# %% [markdown]
# The paper's network, with four poolings, sees about 200 pixels ([The U-net](#page-unet)).
#
# ## 3. Train it
#
# Pairs come from the library: random crops of simulated fields, with noise of exposures two to five times too short.
# `Denoiser` scales the image for the network and lets it predict *the noise, in units of its own standard deviation*.

# %%
chosen = [replace(field, size=256) for field in fields("training")[: 6 if quick else 12]]
data = FieldSet.of(chosen, torch.stack([render(field).image for field in chosen]))
preset = replace(PRESETS["modern"], bias_weight=0.0)
pairs = data.maker(EXPERIMENTS["modern"], preset, batch=4 if quick else 8, crop=64, seed=seed)
small = Denoiser(NetworkSettings(output="noise_units"))
small.net = SmallUNet()
_ = [nn.init.zeros_(weights) for weights in small.net.head.parameters()]  # at first it changes nothing

# %% [markdown]
# **Task.** The loss of a batch, and one update. `batch.target` is the truth, `batch.sigma` the noise's standard
# deviation in each pixel; `denoiser(**batch.shown())` gives the denoised images.
#
# :::{dropdown} Hint
# Loss: mean of $((\text{output} - \text{target}) / \sigma)^2$. An update: `optimiser.zero_grad()`, `loss.backward()`,
# `optimiser.step()`. Return `loss.item()`.
# :::


# %% tags=["solution"]
# Your turn: mean squared error in units of the noise.
def loss_of(output, batch):
    """1 for an output that is the noisy image itself, 0 for the truth."""
    return (((output - batch.target) / batch.sigma) ** 2).mean()


# Your turn: one step of the optimiser.
def learn(denoiser, optimiser, batch):
    """The loss before the step."""
    loss = loss_of(denoiser(**batch.shown()), batch)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


# %% tags=["check"]
batch, trial = pairs(0), deepcopy(small)
loss = loss_of(batch.noisy, batch)
teaching.value(loss, 1.0, 0.1, hint="Noise in units of its own standard deviation has a mean square of 1.")
first = learn(trial, torch.optim.Adam(trial.parameters(), 1e-3), batch)
teaching.value(first, loss, 1e-3, hint="Return the loss of before the step: this network changes nothing yet.")
moved = (trial.net.head.weight - small.net.head.weight).abs().max().item()
teaching.at_least(moved, 1e-4, hint="The weights haven't moved: zero_grad, backward, step, in this order.")


# %%
def train(denoiser, rate, seconds, updates):
    """Losses of a training that stops after so many seconds, or updates."""
    optimiser, losses, started = torch.optim.Adam(denoiser.parameters(), rate), [], time.perf_counter()
    while time.perf_counter() - started < seconds and len(losses) < updates:
        losses.append(learn(denoiser, optimiser, pairs(len(losses))))
    return losses


# %% tags=["training"]
most = 150 if quick else 10**6
losses = train(small, 2e-3, seconds, most)
print(f"{len(losses)} updates of a network with {count_parameters(small):,} parameters")

# %%
page.figure(
    figures.curves({"training": (range(len(losses)), losses)}, xlabel="update", ylabel="loss", window=20, logy=True),
    name="fig-lab3-training",
    caption="The loss while your network learns, a running mean over 20 updates. It starts at 1, where the network "
    "changes nothing. Single batches scatter, since some crops hold a bright star and most hold none.",
    alt="One falling curve, on a logarithmic axis: loss against update. It starts near one, falls steeply at first and "
    "slowly later, with spikes.",
)

# %% [markdown]
# ## 4. Was it worth it?
#
# **Task.** For each validation image: the noise-normalised mean squared error of your network's output. (1: as far from
# the truth as the input; less is better.)
#
# :::{dropdown} Hint
# `denoise(noisy, 2.0, 500.0, small)`, then `noise_normalised_mse(output, truth, variance)`.
# :::

# %%
validation = [replace(field, size=128) for field in fields("validation")[:12]]
truths = [render(field).image for field in validation]
exposed = [exposures.expose(truth, exposures.STANDARD, seed + i) for i, truth in enumerate(truths)]
variances = [exposures.variance(truth, exposures.STANDARD) for truth in truths]
shots = list(zip(exposed, [truth.numpy() for truth in truths], variances, strict=True))


# %% tags=["solution"]
# Your turn: noise-normalised error of a network on each of the shots.
def errors(network):
    """One number for every (noisy, truth, variance) of shots."""
    return [noise_normalised_mse(denoise(noisy, 2.0, 500.0, network), truth, v) for noisy, truth, v in shots]


# %% tags=["check"]
mine = teaching.answered(errors(small))
teaching.value(mine.size, len(shots), hint="One number for each of the shots.")
times = 1 / np.median(mine)  # better than the input
teaching.at_least(times, 1.0 if quick else 2.0, hint="Hardly better than the input: train longer, look at the loss.")

# %% [markdown]
# The check takes the median, since errors of fields differ a hundredfold: one field of bright stars would decide any
# mean.
#
# ## 5. Go on from ten minutes
#
# The published file `lab3_unet` holds the weights of this very network after ten minutes of the same training: 6316
# updates, on one CPU thread of a shared machine. `teaching.resume(network, "lab3_unet")` puts them into a network.
#
# **Task.** Make `further`, a copy of `small` with these weights in `further.net`, and train it for `more` seconds at a
# rate of 5e-4, a quarter of the first. Is it better than yours?
#
# :::{dropdown} Hint
# `deepcopy(small)` makes the copy; `train(further, rate, seconds, most)` trains it.
# :::

# %%
more = 10

# %% tags=["solution"]
# Your turn: the network that goes on from the published weights, trained.
further = deepcopy(small)
teaching.resume(further.net, "lab3_unet")
print(f"{len(train(further, 5e-4, more, most))} more updates")

# %% tags=["check"]
if not isinstance(further, Denoiser):
    raise teaching.NotYet("not yet: a copy of `small` is wanted; see the hint.")
later = errors(further)
teaching.at_least(np.median(mine / later), 1.0, hint="Were the weights put in before the training?")

# %%
published = load_network("modern")
scores = {
    "Gaussian blur": [
        noise_normalised_mse(BASELINES["gaussian_blur"](noisy, 500.0, 2.0), truth, v) for noisy, truth, v in shots
    ],
    "yours": mine,
    "ten minutes, and more": later,
    "modern": errors(published),
}
for name, found in scores.items():
    print(f"{name:22s} median {np.median(found):6.3f}   worst {max(found):8.2f}")

# %% [markdown]
# `modern` is the published network of our own recipe: four poolings, 16 feature maps at the top, and 6000 updates of 8
# crops of 128 × 128 pixels, 66 minutes of one CPU thread (`results/retrain/modern`).

# %%
noisy, truth, _ = shots[3]
yours, theirs = (denoise(noisy, 2.0, 500.0, network) for network in (small, published))
page.figure(
    figures.sky_panels([("Input", noisy), ("Yours", yours), ("modern", theirs), ("Truth", truth)], kind="asinh"),
    name="fig-lab3-panels",
    caption="A validation field that no network has seen. Look at the faintest structure of the truth: what of it is "
    "in your output, and what is there that isn't true?",
    alt="Four panels of one small field: the noisy input, the output of the small network, that of the published "
    "network, and the noise-free truth. Both outputs are smooth where the input is grainy.",
)

# %% [markdown]
# ## To discuss
#
# - What would you have to see before you said that the ten further seconds made the published network better?
# - Why is the blur so bad on some fields, if it makes the sky so smooth?

# %% [markdown] tags=["solution"]
# :::{dropdown} Answers
# A difference that is large against what another seed of the same training gives, on fields not trained on: one run
# tells nothing. The blur moves the light of bright stars, and in units of the noise that is an enormous error: the
# worst field decides.
# :::

# %% [markdown] tags=["instructor"]
# :::{admonition} For instructors
# :class: note
# **Machines differ**: the training stops by the clock, so students get different numbers of updates. Let them plot
# error against updates across the class: it makes a learning curve.
#
# **Misconceptions.** "Deeper layers see more, so the skips aren't needed": cut them and look. "The loss still falls, so
# it isn't trained": ask what the loss can fall to. It isn't 0, since noise cannot be told from faint structure.
#
# **If time is short** give `block` and start with `assemble`; run the training while discussing the field of view.
# :::

# %% [markdown]
# ## What to remember
#
# - A U-net is blocks, poolings, up-samplings, and skips. Count how far it sees.
# - A loss in units of the noise counts a bright star and the sky alike.
# - A minute of training beats the input. The rest costs hours, and differences between trainings need several seeds.
#
# **Next:** [Lab 4](#page-lab4-stars).
