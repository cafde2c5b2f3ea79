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
# (page-losses)=
# # Losses and experiments
#
# *Paper §3.3 · Eq. 7–11 · Table 1*
#
# :::{admonition} This page
# :class: tip page-contract
#
# **You will learn** what each loss asks of a network, and so what a network trained with it will do to your stars;
# what a KL divergence of images is and what it doesn't see; how activation functions differ; and what the paper's
# eleven experiments say, with their uncertainties.
#
# **You need** [Noise model](#page-noise-model) and [The U-net](#page-unet).
#
# **Reading time** 25 minutes.
# :::
#
# A loss is a wish. Training grants it literally: if the least loss is reached by blurring faint stars away, the
# network will learn to blur faint stars away. So before comparing networks it pays to ask of each loss, *for which
# answer is it smallest?*

# %%
import numpy as np
import torch
from torch.nn import functional as F

from astrounet_core import features, figures, losses, noise, paper, report
from astrounet_core.evaluation import expose
from astrounet_core.figures import Column
from astrounet_core.records import command, in_paper_columns, lookup
from astrounet_core.scenes import KINDS, fields, render
from astrounet_core.unet import ACTIVATION_LAYERS

page = figures.open_page("losses", profile=profile, seed=seed)
generator = torch.Generator().manual_seed(seed)

# %% [markdown]
# ## Two distances
#
# With $y$ the {term}`ground truth <long exposure>` and $y'$ the network's output, over $N$ pixels:
#
# (eq-7)=
# $$
# L_1 = \frac{1}{N} \sum_{i=1}^{N} \left| y_i - y'_i \right|
# \tag{7}
# $$
#
# [Code and test](#page-equations)
#
# (eq-8)=
# $$
# L_2 = \frac{1}{N} \sum_{i=1}^{N} \left( y_i - y'_i \right)^2
# \tag{8}
# $$
#
# [Code and test](#page-equations)
#
# One counts errors, the other counts their squares. That small difference decides what an outlier can do. Ten
# readings of one sky pixel, in e⁻; the last one was hit by a {term}`cosmic ray`. If you had to name one number for
# all ten, which would it be?
#
# :::{admonition} Predict
# :class: important
# Which constant minimises $L_2$ over the ten readings, and which minimises $L_1$? Which of the two notices the cosmic
# ray?
# :::

# %%
readings = torch.cat([noise.photon_noise(torch.full((9,), 30.0), generator), torch.tensor([90.0])])
candidates = torch.linspace(20, 60, 401)
curves = {
    name: (candidates, torch.stack([loss(candidate, readings) for candidate in candidates]))
    for name, loss in (("L1", losses.l1), ("√L2", lambda a, b: losses.l2(a, b).sqrt()))
}
page.figure(
    figures.curves(curves, xlabel="one number for all ten readings [e⁻]", ylabel="loss [e⁻]"),
    name="fig-outlier",
    caption="Loss of a constant guess for nine Poisson readings of mean 30 e⁻ and one of 90 e⁻. The square root "
    "of $L_2$ is drawn, so that both are in e⁻; it has its minimum where $L_2$ has.",
    alt="Two curves. L1 is a polygon with its lowest point near 30; the root of L2 is smooth, higher, and lowest "
    "near 35.",
)

# %% tags=["hide-input"]
best = {name: candidates[values.argmin()].item() for name, (_, values) in curves.items()}
page.text(
    f"$L_1$ is least at {page.value(best['L1'], '.1f')} e⁻, between the middle readings: the *median* "
    f"({page.value(np.median(readings), '.1f')}). $L_2$ is least at {page.value(best['√L2'], '.1f')} e⁻, the *mean* "
    f"({page.value(readings.mean().item(), '.1f')}), dragged upwards by one reading. This is why the paper prefers "
    f"$L_1$: it is robust."
)

# %% [markdown]
# ### The other side of robustness
#
# A star, too, is an outlier. Take places in an image of which one in fifty holds a star of a given brightness, and
# the rest nothing; at each, the image gives one measurement, with noise of unit variance. From that measurement
# Bayes' rule gives the chance $c$ that a star is there. The mean of the possible truths is $c$ times the star. Their
# *median* is the whole star if $c$ is above one half, and else *nothing*.
#
# :::{admonition} Predict
# :class: important
# Add up everything that such a perfect $L_2$ network draws over the whole image, and everything that a perfect $L_1$
# network draws. Which share of the true starlight does each return?
# :::

# %%
rate, places = 0.02, 1_000_000
there = torch.rand(places, generator=generator) < rate
scatter = torch.randn(places, generator=generator)
rows = []
for brightness in (1.0, 2.0, 3.0, 4.0, 5.0, 7.0):
    odds = torch.exp(brightness * (brightness * there + scatter) - brightness**2 / 2) * rate / (1 - rate)
    mean, median = odds / (1 + odds), (odds > 1).float()
    totals = {name: 100 * (x.sum() / there.sum()).item() for name, x in (("l2", mean), ("l1", median))}
    at_stars = {name: 100 * x[there].mean().item() for name, x in (("star2", mean), ("star1", median))}
    rows.append({"snr": brightness} | totals | at_stars)

# %%
page.table(
    rows,
    name="table-median",
    caption="Starlight returned by the best possible answer for $L_2$ (mean) and for $L_1$ (median), in % of the "
    "true light: summed over all places, and at the stars alone. One place in fifty holds a star.",
    columns=[
        Column("snr", "SNR of the stars", ".0f"),
        Column("l2", "all, $L_2$", ".1f", "%"),
        Column("l1", "all, $L_1$", ".1f", "%"),
        Column("star2", "at stars, $L_2$", ".1f", "%"),
        Column("star1", "at stars, $L_1$", ".1f", "%"),
    ],
)

# %% [markdown]
# The mean keeps the total: what it takes from the stars it lays, thinly, over places that might have held one. The
# median drops the faintest stars altogether, and returns too little light at every brightness below five or so.
# *$L_1$ sheds faint stars*, even in a perfect network with endless training. Both shrink a faint star where it
# stands; no loss gives back what the noise has taken. What our networks do is measured in [Results](#page-results).
#
# ### Where a loss looks
#
# An image has both sky and stars. Take a star cluster with the paper's input at $r = 2$, let the "network" return its
# input unchanged, and ask how much of each loss comes from the brightest one percent of the pixels.

# %%
chosen = {name: fields("validation")[i] for i, name in ((0, "star cluster"), (3, "nebula"), (1, "galaxy field"))}
shots = {name: expose(field, render(field), "paper", 2.0) for name, field in chosen.items()}
cluster = shots["star cluster"]
bright = cluster.long >= np.quantile(cluster.long, 0.99)
error = cluster.noisy - cluster.long
squared = error**2 / np.maximum(cluster.variance, 1e-12)
shares = {"$L_1$": np.abs(error), "$L_2$": error**2, "$L_2$ in units of the noise": squared}
page.table(
    [
        {"loss": name, "share": 100 * part[bright].sum() / part.sum(), "top": 100 * part.max() / part.sum()}
        for name, part in shares.items()
    ],
    name="table-attention",
    caption="Share of the loss that comes from the brightest 1 % of the pixels of a star cluster, and from the "
    "single worst pixel.",
    columns=[
        Column("loss", "loss"),
        Column("share", "brightest 1 %", ".0f", "%"),
        Column("top", "worst pixel", ".2g", "%"),
    ],
)

# %% [markdown]
# With $L_2$ in e⁻/s the network is paid for bright pixels and for nothing else: their noise is the largest, however
# small it is *relative* to their light. With $L_1$ the sky has a say. The last line is the loss of our own recipe:
# errors in units of each pixel's own noise,
#
# $$
# L = \frac{1}{N} \sum_i \left( \frac{y_i - y'_i}{\sigma_i} \right)^2 ,
# $$
#
# in which sky and star count alike. So "is not suitable for our problem", as the paper writes of $L_2$, may be a
# verdict on the *unit* and not on the square.
#
# ## Images as distributions: the KL divergence
#
# The {term}`KL divergence` compares two distributions, $p$ (true) and $q$ (predicted):
#
# (eq-9)=
# $$
# \mathrm{KL}(p \,\|\, q) = \sum_{i=1}^{N} p_i \log\left( \frac{p_i}{q_i} \right)
# \tag{9}
# $$
#
# [Code and test](#page-equations)
#
# It is zero when they are equal and positive otherwise. But an image is not a distribution, and the paper doesn't say
# how it becomes one. There are two common ways. The *histogram* of pixel values asks how many pixels have each value,
# and forgets where they are; it has no useful gradient. The image *divided by its sum* is a distribution of light
# over the pixels: $p_i$ is the chance that the next photon lands in pixel $i$. As a loss we take the second; this is
# our choice.
#
# Next photon, but of which light? The images are sky-subtracted. Half of their empty pixels are negative, and a
# logarithm allows neither that nor zero. Raising all of them to a tiny floor would let ratios $p_i/q_i$ of noise
# decide everything (how much so, we measure below). But no detector counted negative photons; a sky was there, and
# was taken away. So we put a typical one back, 0.1 e⁻/s, before dividing by the sum. What is still below 0.01 e⁻/s is
# raised to that.
#
# :::{admonition} Predict
# :class: important
# A network returns the right image, but everything in it, sky included, twice as bright. What does the KL divergence
# say? And if only the objects are twice as bright?
# :::

# %%
images = {
    name: [torch.from_numpy(image)[None, None] for image in (shot.noisy, shot.long)] for name, shot in shots.items()
}
output, target = images["nebula"]
factors = torch.logspace(-0.5, 0.5, 41)
sky = losses.SKY_PEDESTAL
names = {"L1": losses.l1, "KL": losses.kl_divergence, "Poisson": losses.poisson_divergence}
brighter = [factor * (output + sky) - sky for factor in factors]
scaled = {name: torch.stack([loss(image, target) for image in brighter]) for name, loss in names.items()}
scaled["KL, objects alone"] = torch.stack([losses.kl_divergence(factor * output, target) for factor in factors])
page.figure(
    figures.curves(
        {name: (factors, values / values[20]) for name, values in scaled.items()},
        xlabel="output multiplied by",
        ylabel="loss / loss at 1",
        logx=True,
        logy=True,
    ),
    name="fig-scale",
    caption="Losses when the output, here the input of a nebula, is brightened or dimmed together with its sky, "
    "each relative to its value for the output as it is; and KL when the sky keeps its brightness.",
    alt="L1 and the Poisson divergence rise steeply to both sides of one. The KL divergence is a horizontal line "
    "at one, but rises to both sides where only the objects are made brighter or fainter.",
)

# %% [markdown]
# Of the first, nothing at all. Dividing by the sum removes the brightness of the whole. Of the second it sees the
# *contrast*: how far the objects stand out from the sky. That holds the photometry loosely, and only as long as the
# sky is known. KL alone would be a poor loss for astronomy; added to $L_1$ it can act as a regulariser.
#
# The paper adds that minimising KL "is equivalent to maximising the likelihood between a Poisson model and the data".
# That holds for a close relative, the Poisson *I-divergence*,
#
# $$
# D = \frac{1}{N} \sum_i \left( y_i \log\frac{y_i}{y'_i} - y_i + y'_i \right) ,
# $$
#
# which is the negative logarithm of the Poisson likelihood of $y$ under the model $y'$, up to what doesn't depend on
# $y'$. Poisson noise belongs to the counts as they fell on the detector, so here, too, the sky is put back. With $Y$
# and $M$ the sums of $y$ and $y'$, the two are related by
#
# $$
# N D = Y \cdot \mathrm{KL} + Y \log \frac{Y}{M} - Y + M .
# $$
#
# The last three terms are what KL leaves out: they compare the total brightness.

# %% tags=["hide-input"]
y, model = losses.with_sky(target.double()), losses.with_sky(output.double())
total, predicted = y.sum(), model.sum()
left = y.numel() * losses.poisson_divergence(output.double(), target.double())
right = total * losses.kl_divergence(output.double(), target.double())
right = right + total * (total / predicted).log() - total + predicted
empty = [100 * (images["galaxy field"][1] < limit).double().mean().item() for limit in (0, losses.FLOOR - sky)]
page.text(
    f"On the nebula the left side is {page.value(left.item(), '.6f')} e⁻/s and the right side "
    f"{page.value(right.item(), '.6f')} e⁻/s. The sky matters: of the galaxy field's target "
    f"{page.value(empty[0], '.0f', '%')} of the pixels are negative, and with the sky put back "
    f"{page.value(empty[1], '.1g', '%')} lie below the floor."
)

# %% [markdown]
# ## What looks alike: the perceptual loss
#
# The {term}`perceptual loss` {cite:p}`johnson2016` compares images not pixel by pixel but in the {term}`feature maps
# <feature map>` of a network that was trained to classify photographs. Two images that "look" alike then count as
# close. The paper doesn't say which network and which layers.
#
# :::{admonition} What we do instead
# :class: warning
# Our perceptual loss uses a small **classifier of astronomical scenes**: three layers of convolutions, trained on
# noisy crops of the simulated training fields to tell star clusters, galaxies, nebulae and empty sky apart. It knows
# nothing of cats and cars. Rows made with it ("$L_1$ + perceptual", and two of the misaligned ones) are therefore not
# the paper's experiment to the letter. Whoever wants the classifier of photographs has it with
# `astrounet train exp03 --features vgg16`: VGG16, read at the four layers of {cite:t}`johnson2016`, half a gigabyte
# to download.
# :::
#
# What it adds can be seen by comparing two faulty outputs that $L_2$ finds equally bad: the truth blurred, and the
# truth with noise.

# %%
truth = shots["nebula"].scene.image[None, None]
blurred = F.avg_pool2d(F.pad(truth, (1, 1, 1, 1), mode="reflect"), 3, stride=1)
grain = torch.randn(truth.shape, generator=generator)
noisy = truth + grain * (losses.l2(blurred, truth) / grain.square().mean()).sqrt()
network = features.load_features()
judges = {
    "$L_1$ [e⁻/s]": losses.l1,
    "$L_2$ [(e⁻/s)²]": losses.l2,
    "KL": losses.kl_divergence,
    "perceptual": lambda a, b: losses.perceptual(a, b, network),
}
page.table(
    [
        {"loss": name, "blurred": judge(blurred, truth).item(), "noisy": judge(noisy, truth).item()}
        for name, judge in judges.items()
    ],
    name="table-perceptual",
    caption="Two outputs with the same $L_2$, a blurred truth and a noisy truth, as other losses see them.",
    columns=[Column("loss", "loss"), Column("blurred", "blurred", ".3g"), Column("noisy", "with noise", ".3g")],
)

# %% tags=["hide-input"]
accuracy = report.recorded("scene_features", "retrain", "validation_accuracy")
verdicts = [KINDS[network.classify(image).argmax()].replace("_", " ") for image in (blurred, noisy)]
preference = {name: (judge(noisy, truth) / judge(blurred, truth)).item() for name, judge in judges.items()}
page.text(
    f"All but $L_2$ call the blurred one better: $L_1$ by a factor of "
    f"{page.value(preference['$L_1$ [e⁻/s]'], '.0f')}, KL by {page.value(preference['KL'], '.0f')}, and our perceptual "
    f"loss by {page.value(preference['perceptual'], ',.0f')}. The classifier, which names the kind of "
    f"{page.value(100 * accuracy, '.0f', '%')} of noisy crops of the validation fields rightly "
    f"(chance: one in six), takes the blurred image for a {verdicts[0]} and the grainy one for a {verdicts[1]}. "
    f"Don't expect this loss to guard the sharpness of stars."
)

# %% [markdown]
# ## Adding losses adds their slopes
#
# "$L_1$ + KL" looks like a fair mixture. But a network follows the *gradient*, and the gradients of two losses in
# different units have no reason to be of one size. How long is each, relative to that of $L_1$, when the output is
# the unchanged input?

# %%
everyone = judges | {
    "KL, no sky put back": lambda a, b: losses.kl_divergence(a, b, floor=1e-6, pedestal=0.0),
    "Poisson divergence [e⁻/s]": losses.poisson_divergence,
}
slopes = {name: {} for name in everyone}
for kind, (short, long) in images.items():
    for name, judge in everyone.items():
        answer = short.clone().requires_grad_()
        (slope,) = torch.autograd.grad(judge(answer, long), answer)
        slopes[name][kind] = slope.norm().item()
unit = slopes["$L_1$ [e⁻/s]"]
page.table(
    [{"loss": name} | {kind: length / unit[kind] for kind, length in row.items()} for name, row in slopes.items()],
    name="table-slopes",
    caption="Length of the gradient of each loss with respect to the output, relative to that of $L_1$, on three "
    "fields.",
    columns=[Column("loss", "loss"), *(Column(kind, kind, ".4g") for kind in images)],
)

# %% tags=["hide-input"]
excess = {name: {kind: slopes[name][kind] / unit[kind] for kind in images} for name in everyone}
bare, ours = excess["KL, no sky put back"], excess["KL"]
page.text(
    f"Without a sky, KL pulls {page.value(bare['galaxy field'], ',.0f')} times as hard as $L_1$ on a galaxy field: "
    f"where the output is nearly zero and the target isn't, $p_i/q_i$ explodes, and in the sum $L_1$ would have no "
    f"say. With the sky put back it pulls {page.value(min(ours.values()), '.2g')} to "
    f"{page.value(max(ours.values()), '.2g')} times as hard. The paper gives no weights and doesn't say what "
    f"it does with pixels that aren't positive; we add with weight one, as its notation suggests. The perceptual "
    f"loss pulls {page.value(min(excess['perceptual'].values()), '.0f')} to "
    f"{page.value(max(excess['perceptual'].values()), '.0f')} times as hard as $L_1$, hardest where "
    f"the sky is dark: its input is stretched, so that noise weighs as much as stars. (The size of a *single* loss "
    f"doesn't matter much: Adam divides it out.)"
)

# %% [markdown]
# ## Activation functions
#
# Between two convolutions something must be bent, or all layers would collapse into one. The rectifiers keep what is
# positive and shrink, by a factor $a$, what is negative:
#
# (eq-10)=
# $$
# f(x) = \begin{cases} x, & x > 0 \cr a x, & x \le 0 \end{cases}
# \tag{10}
# $$
#
# [Code and test](#page-equations)
#
# $a = 0$ is ReLU {cite:p}`nair2010`, a small constant LeakyReLU, and a learnt $a$ PReLU {cite:p}`he2015`. The paper
# has $a = 0.02$ in the text; the authors' script has 0.2. SWISH {cite:p}`ramachandran2017` is smooth:
#
# (eq-11)=
# $$
# f(x) = x \cdot \mathrm{sigmoid}(\beta x)
# \tag{11}
# $$
#
# [Code and test](#page-equations)
#
# with $\beta = 1$ here as there.

# %%
x = torch.linspace(-4, 2, 241)
bends = {
    "ReLU": ("relu", 0.0),
    "LeakyReLU, a = 0.02": ("leaky_relu", 0.02),
    "LeakyReLU, a = 0.2": ("leaky_relu", 0.2),
    "SWISH": ("swish", 0.0),
}
activations = {title: ACTIVATION_LAYERS[kind](slope)(x) for title, (kind, slope) in bends.items()}
page.figure(
    figures.curves({title: (x, y) for title, y in activations.items()}, xlabel="x", ylabel="f(x)"),
    name="fig-activations",
    caption="Activation functions, Eq. 10 and Eq. 11, as the network computes them.",
    alt="Four curves, equal to x or nearly so for positive x. For negative x ReLU is zero, the leaky ones fall "
    "with small slopes, and SWISH dips below zero and returns to it.",
)

# %% tags=["hide-input"]
lowest = activations["SWISH"].argmin()
page.text(
    f"Below zero a ReLU has no slope: a filter whose sums are always negative gets no gradient and never recovers. The "
    f"others leave a way back. SWISH isn't monotonic: it falls to "
    f"{page.value(activations['SWISH'][lowest].item(), '.3f')} at $x$ = {page.value(x[lowest].item(), '.2f')} and "
    f"rises again."
)

# %% [markdown]
# ## The eleven experiments
#
# Each of the paper's experiments changes one thing.
#
# | Experiments | Question | Changed |
# | :--- | :--- | :--- |
# | 1–4 | which loss? | $L_1$, $L_2$, $L_1$ + perceptual, $L_1$ + KL; the network isn't told $r$ |
# | 5 | does it help to know the filter? | two input channels, the image in that of its filter |
# | 6 | how should $r$ enter? | input multiplied by $r$; added to it is worse, says the paper |
# | 7 | does it help to know where the sources are? | a second input channel with a map of them |
# | 8 | in which order should ratios come? | $r$ = 2 to 5 at random |
# | 9–11 | which activation? | ReLU, PReLU, SWISH |
#
# For Experiment 7 the paper doesn't say from which image the map is made. We make it from the *input*: a map from the
# ground truth would tell the network where the stars are.
#
# {numref}`table-1` puts the paper's numbers beside ours. They are measured on different skies, with networks that had
# different amounts of training, which the line under the table names. Ours are scored on the paper's own terms, its
# leaking pairs and its star test, as far as these are known. **PSNR, SSIM and KL are not comparable between the
# two**: nobody knows with which range the paper computed them ([Metrics](#page-metrics)).

# %%
runs = {row["key"]: lookup(row["key"], profile, holding="fields.csv") for row in paper.table(1)}
rows = []
for printed in paper.table(1):
    key = printed["key"]
    rows.append(printed | {"title": f"{int(key[3:])} · {report.title(key)}", "who": "paper", "updates": "–"})
    updates = report.recorded(key, profile, "updates")
    rows.append(in_paper_columns(runs[key]) | {"title": "", "who": "ours", "updates": updates})

# %% tags=["hide-input"]
page.table(
    rows,
    name="table-1",
    caption="Paper Table 1 · The experiments at $r = 2$, as printed and as run here. RFE: mean relative flux "
    "error of the stars found; TPR: share of the stars of the long exposure that are found; "
    "SNR$_\\mathrm{f}$: Eq. 28. Updates: of ours; a row with few is no verdict on its experiment.",
    columns=[
        Column("title", "Experiment"),
        Column("who", ""),
        Column("rfe", "RFE", ".2f", "%", spread="rfe_uncertainty"),
        Column("tpr", "TPR", ".1f", "%"),
        Column("f_measure", "F", ".2f"),
        Column("snr_factor", "SNR$_\\mathrm{f}$", ".2f"),
        Column("psnr", "PSNR", ".1f", "dB"),
        Column("ssim", "SSIM", ".2f"),
        Column("kl", "KL", ".4f"),
        Column("updates", "updates", ",d"),
    ],
    record=list(runs.values()),
)

# %% tags=["hide-input"]
missing = [key for key in runs if runs[key] is None]
wanted = "smoke" if profile == "smoke" else "retrain"
page.text(
    f"{len(missing)} of the {len(runs)} rows have not been run for this page. `{command(missing[0], wanted)}` runs the "
    f"first of them."
    if missing
    else "All rows were run."
)

# %%
ours = "ours" if len(missing) < len(runs) else "ours: not run"
page.figure(
    figures.dots(
        [report.title(key) for key in runs],
        {
            who: ([row.get("rfe") for row in part], [row.get("rfe_uncertainty") for row in part])
            for who, part in (("paper", rows[::2]), (ours, rows[1::2]))
        },
        xlabel="mean relative flux error of the stars found [%]",
    ),
    name="fig-table-1",
    caption="The first column of Table 1, with its uncertainties: the paper's, and ours, by a bootstrap over the "
    "fields.",
    alt="Eleven lines with a dot and an error bar each. Of the paper's values nine lie between 2.2 and 2.7 per "
    "cent with overlapping bars; the L2 loss at 4.9 and the segmentation map at 8.5 stand apart.",
    record=list(runs.values()),
    view="explore",
)

# %% [markdown]
# ### What the paper's column says
#
# Before ranking, look at the uncertainties.

# %% tags=["hide-input"]
table = {row["key"]: row for row in paper.table(1)}
first = table["exp01"]
again = next(row for row in paper.table(2) if row["key"] == "network1@2")
limit = 2 * np.hypot(first["rfe_uncertainty"], first["rfe_uncertainty"])
alike = [int(key[3:]) for key, row in table.items() if key != "exp01" and abs(row["rfe"] - first["rfe"]) < limit]
apart = [int(key[3:]) for key, row in table.items() if abs(row["rfe"] - first["rfe"]) >= limit]
page.text(
    f"The flux errors carry ± {page.value(first['rfe_uncertainty'], '.2f')} %. Two such numbers differ visibly if they "
    f"are more than {page.value(limit, '.2f')} % apart (twice the error of a difference, if the two are independent; "
    f"they were measured on the same stars, so take it as a rough guide). By that measure Experiments "
    f"{', '.join(map(str, alike))} can't be told from Experiment 1; only {' and '.join(map(str, apart))} can. And "
    f"chance alone, between two trainings of what is in effect one network ([The U-net](#page-unet)), makes a "
    f"difference of {page.value(first['rfe'] - again['rfe'], '.2f')} %."
)

# %% [markdown]
# Ours are trained again from other random numbers, to see how far luck goes. Of ten differences from Experiment 1 most
# are luck; $L_2$'s is not: [Which choices matter?](#page-experiments)

# %% tags=["hide-input"]
precision = {key: paper.implied_precision(row["tpr"] / 100, row["f_measure"]) for key, row in table.items()}
page.text(
    f"F tells another story than RFE. From recall and F the {{term}}`precision` follows: "
    f"{page.value(precision['exp01'], '.2f')} for Experiment 1, {page.value(precision['exp02'], '.2f')} for $L_2$ and "
    f"{page.value(precision['exp07'], '.2f')} for the segmentation map. The two experiments that the paper discards "
    f"for their flux errors report the fewest false stars. A table with eight columns has no single winner; which one "
    f"wins depends on what the images are for."
)

# %% [markdown]
# ## What to remember
#
# - $L_1$ asks for the median, $L_2$ for the mean. The median is robust against cosmic rays and, in the same way,
#   against faint stars.
# - In e⁻/s, $L_2$ sees bright stars only. In units of the noise it sees everything.
# - KL on normalised images is blind to the brightness of the whole. The Poisson divergence isn't. Both need the sky
#   that was subtracted.
# - Adding losses means adding gradients: look at their sizes.
# - Most differences in the paper's Table 1 are within its uncertainties, and our perceptual loss needn't be the
#   paper's.
#
# **Next:** [Training](#page-training).
