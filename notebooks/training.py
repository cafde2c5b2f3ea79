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
# (page-training)=
# # Training
#
# *Paper §3.2–3.4 · Fig. 5*
#
# :::{admonition} This page
# :class: tip page-contract
#
# **You will learn** what a network is shown in one update, why the paper's pairs of images tell it more than a
# telescope could, how the learning rate falls, what "2 % of the paper's schedule" means, and how to read a loss
# curve, the paper's Fig. 5 included.
#
# **You need** [Noise model](#page-noise-model) and [Losses and experiments](#page-losses).
#
# **Reading time** 15 minutes. Nothing is trained while you read: the curves come from runs made earlier.
# :::
#
# Training is one small step, repeated. Take a {term}`crop` of an image and a noisier version of it. Let the
# network guess the first from the second. Measure how far it is off, and move every weight a little in the
# direction that would have made the error smaller ([Eq. (6)](#eq-6)). The paper does this 800,000 times for
# Network 1.
#
# So a training recipe answers four questions: what are the pairs, what is the error, how large are the steps,
# and how many are there. This page takes them in turn.

# %%
from dataclasses import asdict, replace

import numpy as np
import torch

from astrounet_core import figures, report
from astrounet_core.charts import running_mean
from astrounet_core.experiments import EXPERIMENTS, PRESETS, learning_rate
from astrounet_core.figures import Column
from astrounet_core.losses import l1, l2, noise_normalised, squared_bias
from astrounet_core.pairs import FieldSet, PairMaker
from astrounet_core.scenes import fields, render

page = figures.open_page("training", profile=profile, seed=seed)
sets = [FieldSet.of([field], render(field).image[None]) for field in fields("validation")[:3]]
cluster, galaxies, spiral = sets
network1, network2 = EXPERIMENTS["network1"], EXPERIMENTS["network2"]

# %% [markdown]
# ## What a network sees in one update
#
# In the paper the *target* is a real HST image, the {term}`long exposure`, and the *input* is made from that
# same image with [Eq. (4)](#eq-4). Our `paper` {term}`preset` does likewise with simulated fields: it exposes a
# {term}`noise-free scene` once, calls the noisy result the target, and makes the input from it. The `modern`
# preset has the scene itself, so it draws the input from the scene and takes the scene as the target.
#
# The two look much alike at first. The difference image shows that they are not.

# %%
recipes = {"paper": PRESETS["paper"], "modern": replace(PRESETS["modern"], extra_stars=0, bias_weight=0)}
makers = {name: PairMaker(spiral, network1, recipe, 1, 128, seed) for name, recipe in recipes.items()}
shown = {name: maker(7) for name, maker in makers.items()}
page.figure(
    figures.sky_panels(
        [
            (f"{name}: {part}", image)
            for name, batch in shown.items()
            for part, image in (("input", batch.noisy), ("target", batch.target))
        ],
        residual=[(f"{name}: input − target", batch.noisy - batch.target) for name, batch in shown.items()],
    ),
    name="fig-pairs",
    caption="One training pair, $r = 2$, made by two recipes from the same 128 × 128 "
    "pixels. Upper row: the `paper` preset, whose target is a noisy long "
    "exposure. Middle row: the `modern` preset, whose target is the "
    "noise-free scene. Lower row: input minus target, at one stretch. What "
    "the network has to remove is nearly the same; what it is asked to keep "
    "is not.",
    alt="Six panels of one part of a galaxy in three rows. Upper row: a grainy input "
    "and a slightly less grainy target. Middle row: a grainy input and a "
    "perfectly smooth target. Lower row: two noise images, in which bright stars "
    "show as noisier discs.",
)

# %% [markdown]
# ### The leak, in numbers
#
# A target with noise is not a mistake in itself. If the noise of input and target are independent, the network
# cannot predict the target's noise, and the best it can do is the scene {cite:p}`lehtinen2018`. But here the
# input was *made from* the target: part of the target's noise is in the input, and a network that keeps it
# scores better than one that removes it. No pair of exposures taken at a telescope has that property. We call
# it the {term}`leak`.
#
# The table measures it. For each recipe we take a whole field, subtract the scene from input and target, and
# correlate what is left.

# %%
independent = replace(PRESETS["modern"], target="long")
recipes = PRESETS | {"code, frames without their sky": replace(PRESETS["code"], keeps_sky=False)}
recipes |= {"modern, but a noisy long exposure as target": independent}
rows = []
for name, recipe in recipes.items():
    pair, scene = PairMaker(galaxies, network1, recipe, 1, 128, seed).whole(2.0), galaxies.scenes[0]
    noise, kept = (pair.noisy[0, 0] - scene).numpy(), (pair.target[0, 0] - scene).numpy()
    row = {"recipe": name, "input": noise.std(), "target": kept.std(), "level": noise.mean() / noise.std()}
    row["correlation"] = np.corrcoef(noise.ravel(), kept.ravel())[0, 1] if kept.any() else "no noise to share"
    rows.append(row | {"zeros": 100 * float((pair.noisy == 0).float().mean())})

# %% tags=["hide-input"]
page.table(
    rows,
    name="table-pairs-leak",
    caption="Noise of input and target on one galaxy field, $r = 2$. Correlation: how "
    "much of the target's noise is in the input; 0 for two exposures taken "
    "one after the other. Level: mean of the input's noise, in units of its "
    "standard deviation; 0 if the sky level is kept.",
    columns=[
        Column("recipe", "recipe"),
        Column("input", "noise of the input", ".4f", "e⁻/s"),
        Column("target", "of the target", ".4f", "e⁻/s"),
        Column("correlation", "correlation", ".2f"),
        Column("level", "level", ".2f", "σ"),
        Column("zeros", "pixels exactly 0", ".0f", "%"),
    ],
)

# %% tags=["hide-input"]
by_name = {row["recipe"]: row for row in rows}
leaking, bare = by_name["paper"], by_name["code, frames without their sky"]
page.text(
    f"With the `paper` recipe the noises of input and target correlate by {page.value(leaking['correlation'], '.2f')}. "
    "Our `paper` and `code` presets leave the sky in the frame while the noise is drawn. In the line *without their "
    "sky* it has been subtracted before, as it is in most archive mosaics, and two more effects come in: a Poisson law "
    "needs a mean that is not negative, so negative sky pixels of the long exposure count as zero, and the input's sky "
    f"is too bright by {page.value(bare['level'], '.2f')} of its own σ; and {page.value(bare['zeros'], '.0f', '%')} of "
    "the input's pixels are exactly zero, namely those where the target was not positive. A network can learn to read "
    "them. None of this is easy to see in an image, and none of it exists at a telescope. [Noise "
    "model](#page-noise-model) explains each step, and every network of this book is also scored on pairs that don't "
    "leak ([Results](#page-results))."
)

# %% [markdown]
# ### One ratio, or four
#
# Network 1 sees only $r = 2$. Network 2 sees "the same random image crop, with all exposure time ratios in
# order" (§3.4.2): four {term}`updates <update>` in a row on one crop, at $r = 2, 3, 4, 5$. An epoch of Network
# 2 is therefore 640 updates, not 160. The paper's Experiment 8, and our `modern`, draw a ratio at random for
# every crop instead.

# %%
ordered = PairMaker(spiral, network2, PRESETS["paper"], 1, 128, seed)
batches = [ordered(update) for update in range(28, 32)]
page.figure(
    figures.sky_panels(
        [(f"update {28 + i}: r = {batch.exposure_ratio.item():g}", batch.noisy) for i, batch in enumerate(batches)],
    ),
    name="fig-ordered-ratios",
    caption="Four updates of Network 2 in a row: one crop at $r = 2, 3, 4, 5$, each "
    "with noise of its own. In e⁻/s the stars keep their brightness, and only "
    "the noise grows.",
    alt="Four panels of the same part of a galaxy. From the first to the fourth the "
    "background becomes grainier while the stars keep their brightness.",
)

# %% [markdown]
# ### The same batch, whenever it is asked for
#
# A batch is a function of the seed and of the update's number, and of nothing else: no state is carried along.
# That makes a run repeatable, and it makes it *resumable*. If a run is stopped after update 1000, it takes the
# weights and the optimiser's state from its last checkpoint, asks for batch 1001, and gets what it would have
# got.

# %%
again = PairMaker(spiral, network1, PRESETS["paper"], 1, 128, seed)
other = PairMaker(spiral, network1, PRESETS["paper"], 1, 128, seed + 1)
page.table(
    [
        {
            "asked": "batch 7 again, after batch 8",
            "same": str(torch.equal((again(8), again(7))[1].noisy, shown["paper"].noisy)),
        },
        {"asked": "batch 7 with another seed", "same": str(torch.equal(other(7).noisy, shown["paper"].noisy))},
    ],
    name="table-repeat",
    caption="Is a batch the same, bit for bit, when it is asked for again?",
    columns=[Column("asked", "asked for"), Column("same", "identical")],
)

# %% [markdown]
# The seed also fixes the weights that a network starts from. One seed is one draw: two runs that differ in
# nothing else end at different scores, and the difference between two recipes means something only if it
# exceeds that. So the `retrain` profile has three seeds for the networks that matter.
#
# ## The recipes
#
# A {term}`preset` says how pairs are made and how the weights move. `paper` is what the paper prints, `code`
# what the authors' script does; they differ by a factor of ten in two places, the learning rate and the slope
# of the {term}`activation function`. The experiments of this book are trained with `code` unless a table says
# otherwise. `physical` changes the data and nothing else, so that data and recipe can be told apart.

# %% tags=["hide-input"]
page.table(
    [{"preset": f"`{name}`"} | asdict(preset) for name, preset in PRESETS.items()],
    name="table-recipes",
    caption="The presets. Source and target: the image from which the input is made "
    "and the image that it should become; `long`, a noisy exposure, or "
    "`scene`, noise-free. The rate falls at once after 40 % of the updates "
    "(`step`) or along a cosine (`cosine`). The last three columns are explained "
    "with the modern recipe below. The optimiser is Adam in all.",
    columns=[
        Column("preset", "preset"),
        Column("noise", "noise model"),
        Column("source", "source"),
        Column("target", "target"),
        Column("learning_rate", "learning rate", ".0e"),
        Column("final_rate", "at the end", ".0e"),
        Column("shape", "fall"),
        Column("slope", "slope", ".2f"),
        Column("extra_stars", "stars added", "d"),
        Column("bias_weight", "weight of bias²", "g"),
        Column("clip_norm", "longest gradient", "g"),
    ],
)

# %% [markdown]
# ### How the learning rate falls
#
# The {term}`learning rate` is the length of a step. The paper starts with $10^{-5}$ and goes to a tenth of it
# after 2000 of 5000 epochs: 40 % of the way. The `modern` recipe may take steps a hundred times longer, because
# its loss is measured in units of the noise (below); it warms up over the first 2 % of the updates, while Adam
# is still learning how large gradients are, and then falls along half a cosine.

# %%
total = 1000
page.figure(
    figures.curves(
        {
            f"{name}": (
                np.arange(total) / total,
                [learning_rate(PRESETS[name], update, total) for update in range(total)],
            )
            for name in ("paper", "code", "modern")
        },
        xlabel="part of the schedule",
        ylabel="learning rate",
        logy=True,
    ),
    name="fig-rate-schedule",
    caption="The learning rate over a training run, for three presets. `physical` has the rates of `code`.",
    alt="Three curves of learning rate against the part of the schedule. Two step "
    "down by a factor of ten at 0.4; the third rises quickly to 0.001 and falls "
    "smoothly to a millionth.",
)

# %% [markdown]
# ### The modern recipe: everything in units of the noise
#
# Pixel values span five decades: a sky pixel scatters by a hundredth of an electron per second, the core of a
# bright star holds a thousand. The paper hands them to the network as they are, "no normalisation" (§2), and
# takes their error in e⁻/s. A few star cores then outweigh the rest of the image.
#
# The `modern` network is asked for something that is of order one everywhere. It gets the image $x$ on a scale
# that bends where the {term}`shot noise` of stars takes over, and what it predicts is the *noise*, in units of
# its own standard deviation:
#
# $$
# \hat{x} = x - \sigma(x)\, f_\theta\!\left(\operatorname{asinh}\frac{x - b}{\sigma_\mathrm{sky}},\ r\right),
# \qquad
# \sigma(x)^2 = \sigma_\mathrm{sky}^2 + \frac{\max(\bar{x} - b,\, 0)}{t} .
# $$
#
# Here $b$ and $\sigma_\mathrm{sky}$ are the level and the noise of the sky, measured once per image, $\bar{x}$
# is the image smoothed over 3 × 3 pixels, $t$ the exposure time, and $f_\theta$ the [U-net](#page-unet). The
# loss counts errors in the same units, with the true noise $\sigma$ of each pixel and the target $y$:
#
# $$
# L = \frac{1}{N} \sum_{i=1}^{N} \left( \frac{\hat{x}_i - y_i}{\sigma_i} \right)^2 .
# $$
#
# A network that answers zero everywhere returns its input, and has $L = 1$ if the target is noise-free. A star
# can't be damaged by more than the noise allows. `Denoiser` in `astrounet_core.unet` computes the first
# equation, `noise_normalised` in `astrounet_core.losses` the second. How much of each loss do the stars make
# up?

# %%
batch = PairMaker(cluster, network1, PRESETS["modern"], 1, 128, seed).whole(2.0)
noisy, target, sigma = batch.noisy, batch.target, batch.sigma
bright = target > target.quantile(0.99)
losses = {
    "$L_1$, Eq. 7": (l1(noisy, target), l1(noisy[bright], target[bright]), "e⁻/s"),
    "$L_2$, Eq. 8": (l2(noisy, target), l2(noisy[bright], target[bright]), "(e⁻/s)²"),
    "noise units": (
        noise_normalised(noisy, target, sigma),
        noise_normalised(noisy[bright], target[bright], sigma[bright]),
        "none",
    ),
}
share = bright.float().mean().item()

# %% tags=["hide-input"]
page.table(
    [
        {
            "loss": name,
            "value": f"{all_pixels.item():.3g}",
            "unit": unit,
            "share": 100 * share * (stars / all_pixels).item(),
        }
        for name, (all_pixels, stars, unit) in losses.items()
    ],
    name="table-loss-share",
    caption="The loss of the input itself on one star cluster, $r = 2$, and the part "
    "of it that the brightest 1 % of the pixels make.",
    columns=[
        Column("loss", "loss"),
        Column("value", "of the input"),
        Column("unit", "unit"),
        Column("share", "brightest 1 %", ".0f", "%"),
    ],
)

# %% [markdown]
# In units of the noise 1 % of the pixels make 1 % of the loss, as they should: every pixel counts alike.
#
# ### The modern recipe: do not dim the faint stars
#
# The network with the smallest mean squared error answers with the *mean of all scenes* that could have made this
# image. Where a bump of five σ was a star in nine of ten training images and noise in the tenth, it answers with
# nine tenths of the star. That is the best answer for the mean square, and a bad one for photometry: every faint
# star comes out too faint, and no statistics over many images will mend it. The error is a {term}`bias`.
#
# Two things in `modern` act against it.
#
# **Stars are added.** Every crop gets twelve more, anywhere, with signal-to-noise ratios from 3 to 60 equally often
# per factor (`injection.StarInjector`): a faint bump is now more often a star.
#
# **Bias costs extra.** A squared error is a variance plus a squared bias, and a loss can weigh the two apart if it
# can tell them apart. Show the network each crop twice, under independent noise (*twins*), with errors $e_1$ and
# $e_2$ in units of the noise. The noise of the two has nothing in common, so the mean of $e_1 e_2$ is the squared bias
# and nothing else:
#
# $$
# L = \frac{1}{N} \sum_{i} e_i^2 \; + \; \lambda \, \frac{2}{N} \sum_{\mathrm{twins}} e_1 e_2 ,
# \qquad
# \langle e_1 e_2 \rangle = \langle e \rangle^2 .
# $$
#
# With $\lambda = 0$ this is the mean squared error. With $\lambda$ large, the only answer left is the input itself,
# which has no bias and all of the noise. We take $\lambda = 4$: a squared bias counts five times a variance
# (`losses.squared_bias`). Does the estimate work? Give it errors that we know.

# %%
twins = PairMaker(cluster, network1, PRESETS["modern"], 64, 128, seed)(0)
known = {"input": twins.noisy, "target itself": twins.target}
known |= {f"{name}, 0.3 σ too bright": image + 0.3 * twins.sigma for name, image in known.items()}
page.table(
    [
        {
            "image": name,
            "square": noise_normalised(image, twins.target, twins.sigma).item(),
            "bias": squared_bias(image, twins.target, twins.sigma).item(),
        }
        for name, image in known.items()
    ],
    name="table-squared-bias",
    caption="Mean squared error and squared bias by twins, in units of the noise, of four "
    "images whose bias is known: 0, 0, 0.3 and 0.3, so squared 0, 0, 0.09 and 0.09. "
    "64 crops of one star cluster.",
    columns=[
        Column("image", "image"),
        Column("square", "mean of $e^2$", ".3f"),
        Column("bias", "mean of $e_1 e_2$", ".3f"),
    ],
)

# %% [markdown]
# A third change is about steps, not about answers. The gradients of this loss have a long tail, and Adam remembers a
# single huge one for hundreds of updates. Gradients longer than 1 are shortened to 1 ("clipping").
#
# What this buys, star by star, is in [Results](#page-results).
#
# Units of the noise also decide how coarse the arithmetic may be. On GPUs, and on CPUs that multiply matrices in
# hardware (AMX), most of the work is done in *bfloat16*, numbers with the range of float32 but only eight significant
# bits, because it is faster there. (On a CPU without AMX it is slower, and we stay with float32.)

# %% tags=["hide-input"]
step = torch.finfo(torch.bfloat16).eps / 2
star = target.max().item()
sky = sigma.median().item()
page.text(
    f"Rounding to bfloat16 moves a number by up to {page.value(100 * step, '.1f', '%')}. For the brightest pixel here, "
    f"{page.value(star, '.0f', 'e⁻/s')}, that is {page.value(star * step, '.1f', 'e⁻/s')}: "
    f"{page.value(star * step / sky, '.0f')} times the noise of the sky. A residual of one σ is moved by "
    f"{page.value(step, '.3f')} σ. That is why `modern` may be trained in bfloat16 where the hardware is good at it."
)

# %% [markdown]
# ## How long: schedules, and shares of them
#
# The paper trains Network 1 for 5000 {term}`epochs <epoch>` of 160 crops, one crop an update: 800,000 updates
# in 48 hours. Network 2 takes four updates a crop, 3,200,000 in all. We call that *the paper's schedule*; it
# needs a GPU. A {term}`profile` says how much of it is run.

# %% tags=["hide-input"]
page.table(
    report.schedule_rows(),
    name="table-schedules",
    caption="The profiles that train, for Network 1. Share: updates over the paper's "
    "800,000. Pixels: how many billions pass through the network in all. "
    "Minutes: of the run in this book's records, with the updates that it "
    "had.",
    columns=[
        Column("profile", "profile"),
        Column("updates", "updates", ",d"),
        Column("share", "share", ".3g", "%"),
        Column("width", "width", "d"),
        Column("batch", "crops an update", "d"),
        Column("crop", "crop", "d", "px"),
        Column("pixels", "pixels", ".2g", "10⁹"),
        Column("ran", "updates run", ",d"),
        Column("minutes", "minutes", ".1f"),
    ],
)

# %% [markdown]
# **"x % of the paper's schedule"** stands in the {term}`provenance strip` of everything that rests on a network
# with fewer updates than the paper's. It counts *updates*, and updates are not quite the same thing: ours of
# the `retrain` profile see eight crops of 128 pixels at once, twice the pixels of one crop of 256, and the
# network is half as wide. But the order of magnitude is honest. A network that has seen a hundredth of its
# schedule isn't a reproduction of the paper's network, and if something beats it, that proves nothing about the
# paper. It does prove that the machinery works from end to end.
#
# Every experiment of the book, and the run behind it:

# %% tags=["hide-input"]
page.table(
    report.experiment_rows(profile),
    name="table-experiments",
    caption="What can be trained, by name. *Differs*: the network's settings other "
    "than Network 1's. The last three columns are those of the run that this "
    "book shows.",
    columns=[
        Column("name", "name"),
        Column("title", "experiment"),
        Column("loss", "loss"),
        Column("ratios", "$r$"),
        Column("differs", "differs"),
        Column("updates", "updates", ",d"),
        Column("share", "share", ".2g", "%"),
        Column("minutes", "minutes", ".0f"),
    ],
    record=[report.training(name, profile) for name in EXPERIMENTS],
)

# %% [markdown]
# `astrounet train NAME --profile retrain` trains one of them, `--resume` goes on from its last checkpoint,
# `--seed 1` draws again. [Reproduce it](#page-reproduce) has the rest.
#
# ## Reading a loss curve
#
# The loss of a single update jumps about: it depends on which crop was drawn, and a crop with a bright star
# costs more than one of blank sky. To see the trend one averages. *How* one averages decides what the curve
# says.
#
# The script that the authors released goes on collecting losses, without ever starting anew, and reports their
# mean. The curve of the paper's Fig. 5 is consistent with that: it is a mean over *everything since the start*.
# {numref}`fig-5` shows ours in the same manner, over the raw values.

# %%
curves = report.loss_curves(profile, ["network1", "network2"])
page.figure(
    figures.curves(curves, xlabel="update", ylabel="$L_1$ loss (e⁻/s)", window=10**9, logy=True),
    name="fig-5",
    caption="Paper Fig. 5 · Training loss, [Eq. (7)](#eq-7). Faint: as recorded, each "
    "value a mean over a few updates. Bold: the mean of everything since the "
    "start, which is what the paper's figure appears to show.",
    alt="Loss against update on a logarithmic axis. A faint jagged line falls quickly "
    "and then fluctuates; a bold smooth line above it falls more slowly and lags "
    "behind.",
    record=[report.training(name, profile) for name in ("network1", "network2")],
)

# %%
missing = report.not_run(["network1", "network2"], profile, holding="history.csv")
page.note(missing, title="Not run") if missing else None

# %% [markdown]
# Three things follow from such a mean, whatever the network does.
#
# 1. It is smooth, so that fluctuations can't be judged from it.
# 2. It lags. Early, large losses stay in the average forever, so the curve still falls when the network has
#    long stopped learning.
# 3. It has a memory that a restart erases. The paper explains the bump in Network 1's curve by "a technical
#    problem that briefly paused the training"; a pause as such does nothing to a loss, but if the list of
#    losses begins anew, the curve jumps to the *current* loss.
#
# We can do the last one to our own curve: forget everything at 60 % of the run.

# %%
label, (updates, loss) = next(iter(curves.items()))
cut = int(0.6 * len(loss))
restarted = np.concatenate([running_mean(loss[:cut], 10**9), running_mean(loss[cut:], 10**9)])
page.figure(
    figures.curves(
        {
            "mean since the start": (updates, running_mean(loss, 10**9)),
            "the same, restarted at 60 %": (updates, restarted),
            "mean of the last 10 values": (updates, running_mean(loss, 10)),
        },
        xlabel="update",
        ylabel="$L_1$ loss (e⁻/s)",
        logy=True,
    ),
    name="fig-restart",
    caption="One and the same run, Network 1's, averaged in three ways. A restart of "
    "the average makes a step where the training has none.",
    alt="Three curves against update. One falls smoothly; the second follows it, "
    "drops at 60 percent of the run and wiggles; the third, a mean over ten "
    "values, lies lowest and fluctuates throughout.",
    record=report.training("network1", profile),
)

# %% tags=["hide-input"]
late = np.mean(loss[-max(1, len(loss) // 10) :]) if loss else np.nan
whole = np.mean(loss) if loss else np.nan
page.text(
    f"Our run of Network 1 ends with a mean since the start of {page.value(whole, '.3g', 'e⁻/s')}; the last tenth of "
    f"its updates has {page.value(late, '.3g', 'e⁻/s')}. It is the same network. So the heights of two such curves "
    "can't be compared either: that Network 2's lies below Network 1's after equally many epochs may mean that it "
    "learns faster, or that its average has forgotten its start sooner, with four times as many updates in it."
)

# %% [markdown]
# ### Which weights are kept
#
# A loss on training crops says little about new fields. Every so often a run scores itself on *validation*
# fields, which it is never trained on, and keeps the weights with the highest {term}`PSNR`. The paper does this
# every thousand epochs. It is a choice made by looking at the validation fields, so these can't be used for the
# results; those are from the *test* fields. Of the paper's 40 test and validation images 17 come from files
# that also feed its training set ([errata](#page-errata), E19); our three sets are made from different seeds.
#
# ## Ten minutes on a laptop
#
# Who has no GPU and no evening can still train a network worth using. The profile `short` gives `modern` a thousand
# updates of eight crops of 128 pixels:
#
# ```bash
# astrounet train modern --profile short
# ```
#
# What to expect of it, on the test fields and beside the networks of this book that had more:

# %% tags=["hide-input"]
runs = [("modern", "short"), *((name, profile) for name in ("network1", "network2", "modern"))]
measures = {"mae": "MAE [e⁻/s]", "nmse": "NMSE", "sky_rms": "sky [σ]", "flux_bias": "flux bias [%]"}
page.table(
    [row for ratio in (2, 5) for row in report.compute_rows(runs, ratio, list(measures))],
    name="table-ten-minutes",
    caption="What minutes on a CPU buy: independent exposures against the noise-free scene. The input has a "
    "noise-normalised MSE of 1 by definition, and a flux bias of 0.",
    columns=[
        Column("title", "network"),
        Column("profile", "profile"),
        Column("minutes", "minutes", ".0f"),
        Column("updates", "updates", ",d"),
        Column("exposure_ratio", "$r$", "g"),
        *(Column(key, head, ".4f" if key == "mae" else ".2f") for key, head in measures.items()),
    ],
    record=[report.training(name, where) for name, where in runs],
)

# %% tags=["hide-input"]
alone = [row["updates_per_second"] for row in report.benchmark_rows("training") if row["way"] == "as trained: modern"]
minutes = 1000 / alone[0] / 60 if alone else None
page.text(
    "The minutes of the table are those of the records: these runs shared their cores with one another. At the speed "
    f"that the next section measures on an idle core, a thousand updates take {page.value(minutes, '.0f', 'minutes')}; "
    "noting the sky of every training field comes before, about one minute more. Even so short a run comes nearer to "
    "the scene than Networks 1 and 2 after four times the updates; what more training gives it is the faint stars."
)

# %% [markdown]
# ## Speed, and what limits it
#
# An update is a forward pass, a backward pass of twice its work, and an optimiser's step. Nearly all of it is
# convolutions, that is, multiplications of matrices. So there is a ceiling: how fast the machine multiplies matrices
# and nothing else. The benchmark (`make bench`) measures that too, and says what share of it each way of training
# reaches.

# %% tags=["hide-input"]
benchmarks = report.benchmark("training")
page.table(
    report.benchmark_rows("training"),
    name="table-training-speed",
    caption="Ways to compute an update, in one run, each in its turn. `retrain`: half width, eight crops of 128 pixels "
    "an update; `paper`: full width, one crop of 256. Peak: the share of the machine's measured matrix "
    "multiplication in float32. *As trained*: with crops and noise.",
    columns=[
        Column("device", "device"),
        Column("profile", "profile"),
        Column("way", "how"),
        Column("updates_per_second", "updates/s", ".2f"),
        Column("crops_per_second", "crops/s", ".2f"),
        Column("ratio", "× plain", ".2f"),
        Column("peak", "of peak", ".0f", "%"),
        Column("data_share", "crops and noise", ".0f", "%"),
    ],
    record=benchmarks,
) if benchmarks else page.note("`benchmarks/training.py --record results` measures it.", title="Not run")

# %% [markdown]
# *Channels last* keeps the feature maps of one pixel side by side in memory, as the matrix multiplication wants them.
# *Fused Adam* moves all weights in one sweep. Bfloat16 helps only where the processor multiplies it in hardware. What
# remains between "as trained" and the ceiling are the first and last layers, whose few feature maps leave the
# multipliers idle. On a GPU, where launching so many small operations takes its time too, the whole update is recorded
# once as a graph and replayed.

# %% tags=["hide-input"]
best = max((row["ratio"] for row in report.benchmark_rows("training") if row["device"] == "cpu"), default=None)
on_gpu = any(row["device"] != "cpu" for row in report.benchmark_rows("training"))
page.text(
    f"We had aimed at three times plain float32 on a CPU. The best of the table is {page.value(best, '.1f')} times: "
    "the processor that measured it has no AMX, plain float32 already reaches a good part of its ceiling, and nothing "
    "can pass that. " + ("" if on_gpu else "No GPU has run this benchmark yet.")
)

# %% [markdown]
# ## What to remember
#
# * A training pair decides what a network learns. The paper's inputs are made from their own targets, and so
#   they share noise: a {term}`leak` that no telescope has.
# * A batch depends on the seed and the update alone. That makes runs repeatable and resumable.
# * With errors in units of the noise every pixel counts alike, and coarse arithmetic does no harm.
# * The smallest mean squared error dims faint stars. Weighing bias apart from variance, by twins, lessens it.
# * *x % of the paper's schedule* says how far a network is from the paper's. Beating a network that is not yet
#   trained is not a result.
# * A mean since the start hides fluctuations, lags behind, and jumps at a restart. Look at the raw curve too.
#
# **Next:** [Metrics](#page-metrics), how an output is judged.
