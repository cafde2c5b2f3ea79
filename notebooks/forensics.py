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
# (page-forensics)=
# # What the paper says, what its code does
#
# *Paper §2–4 · Tables 1–3 · Eq. 4, 22–28*
#
# :::{admonition} This page
# :class: tip page-contract
#
# **You will learn** where the paper, its released script and its own numbers differ; which of the differences
# matter, by measurement; and what doing nothing, blurring and real stacking score on the paper's terms.
#
# **You need** [Metrics](#page-metrics) and [Results](#page-results). The [errata](#page-errata) have the
# arithmetic of single sentences, the [discussion](#page-discussion) what follows from it.
#
# **Reading time** 20 minutes.
# :::
#
# A printed recipe leaves things out, and a script does things that nobody thought worth a sentence. Most papers
# could not be examined like this one, because their scripts cannot be read. "Script" on this page is the
# authors' public repository, [Sponka/Astro_U-net](https://github.com/Sponka/Astro_U-net), at commit `8ab007e`,
# and "notes" are the result files in it. We report what reading them establishes, and measure what it does. The
# full list is [at the end](#forensics-list); two tests come first.

# %%
from dataclasses import replace

import numpy as np

from astrounet_core import figures, forensics, hla, manifest, paper, paper_rows, photometry, report
from astrounet_core.evaluation import expose, paper_scores
from astrounet_core.experiments import EXPERIMENTS, SCHEDULES, updates_of
from astrounet_core.figures import Column
from astrounet_core.instrument import RELEASED, WFC3_UVIS
from astrounet_core.scenes import fields, render

page = figures.open_page("forensics", profile=profile, seed=seed)
printed = {row["key"]: row for row in paper.table(2)}
everyone = ["unchanged", "gaussian_blur", "ceiling", "network1", "network2"]
records = [report.scored(name, profile) for name in everyone]
effects = {}

# %% tags=["hide-input"]
missing = report.not_run(everyone, profile, holding="fields.csv")
page.note(missing, title="Not run") if missing else None

# %% [markdown]
# ## Test 1: does the input, called a long exposure, match the networks?
#
# The paper evaluates "in electrons". A short exposure has $1/r$ of the electrons of a long one, and two
# published histograms show the input at half the flux ([below](#forensics-half)). Multiply by $r$, or work in
# e⁻/s, and the difference is gone. How much of the distance between input and network is then left, by the
# paper's own measures?

# %% tags=["hide-input"]
page.table(
    paper_rows.control_rows(profile, [2], ["network1", "network2", "gaussian_blur", "ceiling"]),
    name="table-relabelled",
    caption="The paper's measures at $r = 2$, protocol `paper`, means over test "
    "fields of the kinds trained on. The first two rows are one and the same image.",
    columns=[
        Column("title", "images"),
        Column("psnr", "PSNR", ".1f", "dB", spread="psnr_uncertainty"),
        Column("ssim", "SSIM", ".3f", spread="ssim_uncertainty"),
        Column("kl", "KL", ".4f", spread="kl_uncertainty"),
        Column("snr_factor", "SNR$_\\mathrm{f}$", ".2f", spread="snr_factor_uncertainty"),
        Column("tpr", "TPR", ".1f", "%", spread="tpr_uncertainty"),
        Column("precision", "precision", ".1f", "%", spread="precision_uncertainty"),
    ],
    record=records,
)

# %% [markdown]
# The same fields and the same noise for all, so that differences can be taken field by field. A difference
# counts only beyond twice its standard error.

# %%
measures = {"psnr_matched": ".1f", "ssim_matched": ".4f", "kl_paper": ".4f", "snr_factor_matched": ".2f"}
labels = dict(zip(measures, ["PSNR", "SSIM", "KL", "SNR$_\\mathrm{f}$"], strict=True))
pairs = [("network1", 2), *(("network2", ratio) for ratio in (2, 3, 4, 5))]
page.table(
    [
        row | {"exposure_ratio": ratio}
        for name, ratio in pairs
        for row in report.comparison_rows(profile, "paper", ratio, [name], ["unchanged"], measures)
    ],
    name="table-against-input",
    caption="Network minus flux-matched input, mean over all test fields ± standard "
    "error. Bold beyond two standard errors; ↑ the network is better, ↓ the input.",
    columns=[
        Column("title", "difference"),
        Column("exposure_ratio", "$r$", "g"),
        *(Column(key, label) for key, label in labels.items()),
    ],
    record=records,
)

# %% tags=["hide-input"]
outcomes = {pair: forensics.sort_out(pair[0], "unchanged", labels, "paper", pair[1], profile) for pair in pairs}
said = [
    forensics.verdict(found, f"{report.title(name)} at $r = {ratio}$", "the input")
    for (name, ratio), found in outcomes.items()
]
won = sum(len(found["better"]) for found in outcomes.values())
lost = sum(len(found["worse"]) for found in outcomes.values())
tests = sum(len(found["better"] + found["worse"] + found["undecided"]) for found in outcomes.values())
page.text(
    "\n".join(f"* {sentence}" for sentence in said)
    + (f"\n\nOf {tests} comparisons the networks win {won} and lose {lost} beyond doubt." if tests else "")
    + "\n\nOur networks had a small part of the paper's schedule: where one loses, a longer training may win. But "
    "where nothing but the label lifts the input to a network's score or above it, that measure does not show what the "
    "network has learnt."
)

# %% tags=["hide-input"]
moves = {column: forensics.relabelled(column, profile) or {} for column in ("psnr", "ssim")}
change = {
    key: page.value(one.get("value"), fmt, spread=one.get("error"))
    for (key, one), fmt in zip(moves.items(), (".1f", ".3f"), strict=True)
}
effects["half_flux"] = f"label alone: PSNR {change['psnr']} dB, SSIM {change['ssim']}"
gap = printed["network1@2"]["psnr"] - printed["input@2"]["psnr"]
page.text(
    f"From own to flux-matched electrons, with no pixel's e⁻/s changed, PSNR moves by {change['psnr']} dB and SSIM "
    f"by {change['ssim']} (all test fields, each with its own maximum as MAX and range as $L$). The paper's step "
    f"from input to Network 1 is {page.value(gap, '.1f', 'dB')}. How much of it is a label cannot be told without "
    "its images and its MAX."
)

# %% [markdown]
# ## Test 2: does a blur move TPR as much as a network does?
#
# The abstract's 95.9 % is a TPR at the settings of the released configuration: 7σ in ten pixels, without a
# detection filter, σ being the image's own. We blur the input with a Gaussian of the width of the
# {term}`point-spread function`, and count again.

# %% tags=["hide-input"]
counts = {"tpr": ".1f", "precision": ".1f", "f_measure": ".3f"}
page.table(
    [
        row | {"exposure_ratio": ratio}
        for ratio, network in ((2, "network1"), (2, "network2"), (5, "network2"))
        for ours, theirs in (("gaussian_blur", "unchanged"), (network, "unchanged"), (network, "gaussian_blur"))
        for row in report.comparison_rows(profile, "paper", ratio, [ours], [theirs], counts)
        if (ours, network) != ("gaussian_blur", "network2") or ratio == 5
    ],
    name="table-blur-tpr",
    caption="Star counts against the long exposure's detections: paired differences ± "
    "standard error, protocol `paper`.",
    columns=[
        Column("title", "difference"),
        Column("exposure_ratio", "$r$", "g"),
        *(Column(key, label) for key, label in zip(counts, ["TPR [%]", "precision [%]", "F"], strict=True)),
    ],
    record=records,
)

# %% tags=["hide-input"]
gains = {
    name: report.comparison(name, "unchanged", "tpr", "paper", 2.0, profile) or {}
    for name in ("gaussian_blur", "network1")
}
ahead = forensics.sort_out("network1", "gaussian_blur", {"tpr": "TPR", "precision": "precision"}, "paper", 2, profile)
blur, net = (page.value(one.get("value"), "+.1f", "%", spread=one.get("error")) for one in gains.values())
certain = all(gains.values()) and gains["network1"]["clear"]
share = 100 * gains["gaussian_blur"]["value"] / gains["network1"]["value"] if certain else None
page.text(
    f"At $r = 2$ the blur changes TPR by {blur.replace('± +', '± ')}, Network 1 by {net.replace('± +', '± ')}. "
    + (f"The blur makes {page.value(share, '.0f', '%')} of the network's change. " if certain else "")
    + forensics.verdict(ahead, "Network 1", "the blur")
    + " A blur adds no information. Whatever share of the gain it makes is the detection step's missing filter, which "
    "Source Extractor applies by itself with FILTER Y. The paper's own gain is from "
    f"{page.value(printed['input@2']['tpr'], '.1f')} to {page.value(printed['network1@2']['tpr'], '.1f', '%')}."
)

# %% [markdown]
# ## Is SNR$_\mathrm{f}$ a stacking factor?
#
# [Eq. (27)](#eq-27) says that $I$ stacked images have $\sqrt{I}$ times the signal-to-noise ratio of one. That
# is true of photons. Is it true of [Eq. (26)](#eq-26)? We need not argue: expose a scene seven times, add the
# exposures up, and score the sum exactly like a network's output.

# %%
clusters = [fields("test")[index] for index in (6, 15)]
stacks = forensics.stacking_rows(clusters, most=7)
exposures = [row["exposures"] for row in stacks]
names = {
    "expected": "√I, Eq. 27",
    "levelless": "sum, Eq. 26 with B = 0",
    "summed": "sum, Eq. 26",
    "labelled": "mean, called a long exposure",
    "scatter": "measured: fall of the scatter",
}

# %% tags=["hide-input"]
curves = {label: (exposures, [row[key] for row in stacks]) for key, label in names.items()}
known = {
    name: record and record.row("snr_factor", "paper", 2.0, fields="training")
    for name, record in zip(everyone, records, strict=True)
}
limits = {report.title(name): known[name]["value"] for name in ("ceiling", "gaussian_blur") if known[name]}
curves |= {f"{name} (record)": (exposures, [value] * len(exposures)) for name, value in limits.items()}
page.figure(
    figures.curves(curves, xlabel="exposures stacked, I", ylabel="SNR over that of one exposure", markers=True),
    name="fig-stacks",
    caption="Real stacks of $I$ independent exposures of two star clusters ($r = 2$, "
    "so that two make a long exposure), scored by [Eqs. (26)](#eq-26)–[(28)](#eq-28). Level lines: what the "
    "noise-free scene, worth infinitely many exposures, and a blur of one exposure score in the published records.",
    alt="Curves of signal-to-noise ratio against the number of exposures stacked. The "
    "square root, Eq. 26 without its background term and the measured scatter rise together; Eq. 26 as printed "
    "rises more slowly; the mean called a long exposure flattens. Two level lines mark the noise-free scene and a "
    "blur.",
)

# %% tags=["hide-input"]
page.table(
    stacks,
    name="table-stacks",
    caption="The numbers of {numref}`fig-stacks`. Sum: counted in its own electrons. "
    "Mean: counted in those of a long exposure, as every output of a network is in the paper.",
    columns=[Column("exposures", "$I$", "d"), *(Column(key, label, ".2f") for key, label in names.items())],
)

# %% tags=["hide-input"]
claimed, far, last = printed["network1@2"]["snr_factor"], printed["network2@5"]["snr_factor"], stacks[-1]
reads = {key: [row[key] for row in stacks] for key in ("summed", "labelled")}
read_off = {
    key: page.value(float(np.interp(claimed, values, exposures)), ".1f")
    if values[0] <= claimed <= values[-1]
    else f"{'fewer than' if claimed < values[0] else 'more than'} {exposures[0 if claimed < values[0] else -1]}"
    for key, values in reads.items()
}
effects["stacked"] = f"{claimed}² = {page.value(claimed**2, '.2f')}; read off real stacks: {read_off['summed']}"
page.text(
    f"$\\sqrt{{I}}$ comes out if $B$ is left out of Eq. 26: seven exposures give "
    f"{page.value(last['levelless'], '.2f')}, and $\\sqrt{{7}} = $ {page.value(last['expected'], '.2f')}. With the "
    f"background *level* for $B$ the sum of seven gives {page.value(last['summed'], '.2f')}, because a level grows "
    f"with $I$ and noise with $\\sqrt{{I}}$. So squaring SNR$_\\mathrm{{f}}$ is no count of exposures. The paper's "
    f"{claimed} is {page.value(claimed**2, '.2f')} images by Eq. 28 (the text says three); a sum of exposures has "
    f"that factor at $I = $ {read_off['summed']}, and a mean that is called a long exposure, as an output is, at "
    f"{read_off['labelled']}. The label alone, without a second exposure, gives "
    f"{page.value(stacks[0]['labelled'], '.2f')}. The number of images depends on the convention more than on the "
    f"images. At $r = 5$ the paper has {far}² = {page.value(far**2, '.2f')} for “at least 7”."
)

# %% tags=["hide-input"]
scene_factor, blur_factor = ((known[name] or {}).get("value") for name in ("ceiling", "gaussian_blur"))
squares = [None if value is None else value**2 for value in (scene_factor, blur_factor)]
page.text(
    "Why it still measures no exposures: called a long exposure, as every output is, the noise-free scene scores "
    f"{page.value(scene_factor, '.2f')}, by Eq. 28 worth {page.value(squares[0], '.1f')} images; and a blur of a "
    f"single exposure scores {page.value(blur_factor, '.2f')}, worth {page.value(squares[1], '.1f')} images without "
    f"a further photon. The last column of {{numref}}`table-stacks` shows what cannot be had by a blur: the "
    f"*scatter* of measured fluxes about the truth falls as $1/\\sqrt{{I}}$ (within its own error, some hundred "
    "stars)."
)

# %% [markdown]
# ## Numbers beside each other
#
# ### Of how many stars?
#
# The notes count the stars that were found. A count and a percentage give the number of stars that there were
# to find, within what rounding allows.

# %% tags=["hide-input"]
noted = {row["key"]: row | {"title": row["name"]} for row in paper.table("counts")}
cases = [*noted.values(), noted["network2@2"] | {"title": "Network 2, Table 2", "tpr": printed["network2@2"]["tpr"]}]
rows = []
for row in cases:
    low, high, whole = paper.implied_totals(row["found"], row["tpr"])
    rows.append(row | {"low": low, "high": high, "whole": ", ".join(map(str, whole)) or "none"})
totals = {row["title"]: (row["low"] + row["high"]) / 2 for row in rows}
page.table(
    rows,
    name="table-denominators",
    caption="Stars found by the authors' notes, their percentage, and the total that "
    "these imply: limits from rounding, and whole numbers between them. None: the count and the percentage don't "
    "belong together to the last digit.",
    columns=[
        Column("title", "images"),
        Column("found", "found", "d"),
        Column("tpr", "TPR", ".2f", "%"),
        Column("low", "of at least", ".1f"),
        Column("high", "of at most", ".1f"),
        Column("whole", "whole numbers"),
    ],
)

# %% tags=["hide-input"]
found, before, after = noted["network1@2"]["found"], totals["Input"], totals["Network 1"]
swapped = [100 * found / before, 100 * noted["input@2"]["found"] / after]
effects["denominators"] = f"{before:.0f} and {after:.0f}: Network 1 at {swapped[0]:.1f} % of the larger"
effects["tpr_network1"] = f"{found} stars are 98.94 % of {100 * found / 98.94:.0f}"
effects["tpr_network2"] = f"one digit; {noted['network2@2']['found']} stars fit the notes, not the table"
page.text(
    f"The input's percentage is of {page.value(before, '.0f')} stars, Network 1's of about "
    f"{page.value(after, '.0f')}. Of the larger number, Network 1 would have found "
    f"{page.value(swapped[0], '.1f', '%')} and the gain would be "
    f"{page.value(swapped[0] - printed['input@2']['tpr'], '.1f')} points in place of "
    f"{page.value(printed['network1@2']['tpr'] - printed['input@2']['tpr'], '.1f')}; of the smaller one, the input "
    f"would have found {page.value(swapped[1], '.1f', '%')}. Which list is the right one cannot be told from outside."
)

# %% [markdown]
# ### At what price in false stars?
#
# TPR and F-measure fix the precision, by [Eq. (24)](#eq-24) solved for it. {numref}`table-implied-precision`
# does it for every row of Tables 1 and 2. It takes for granted that TPR and F of a row are counted on one list
# of stars.

# %% tags=["hide-input"]
implied = paper.precision_rows()
page.table(
    [row | {key: 100 * row[key] for key in ("precision", "low", "high")} for row in implied],
    name="table-implied-precision",
    caption="Precision that the printed TPR and F-measure imply; in parentheses what rounding allows.",
    columns=[
        Column("table", "table", "d"),
        Column("name", "row"),
        Column("exposure_ratio", "$r$", "g"),
        Column("precision", "precision", ".1f", "%", interval=("low", "high")),
        Column("false_per_true", "false stars a true one", ".2f"),
    ],
)

# %% tags=["hide-input"]
two = [row for row in implied if row["table"] == 2]
first, network, five = two[0], two[1], two[-1]
effects["false_stars"] = f"precision {100 * first['precision']:.0f} → {100 * network['precision']:.0f} %"
best = max((row for row in implied if row["table"] == 1), key=lambda row: row["precision"])
sample = paper.smallest_sample({row["tpr"] for row in paper.table(3)})
parts = sorted({round(sample * row["tpr"] / 100) for row in paper.table(3)})
effects["sixteen"] = f"{', '.join(f'{part}/{sample}' for part in parts)}: the smallest sample that fits"
scatter = [
    paper.per_star_scatter(printed[key]["rfe_uncertainty"], noted[key]["found"]) for key in ("input@2", "network1@2")
]
effects["per_star"] = f"{scatter[1]:.0f} % a star ({scatter[0]:.0f} % in the input)"
page.text(
    f"For the input there are {page.value(first['false_per_true'], '.2f')} false stars to a true one, for Network 1 "
    f"{page.value(network['false_per_true'], '.2f')}, for Network 2 at $r = 5$ "
    f"{page.value(five['false_per_true'], '.2f')}. The fewest in Table 1 has “{best['name']}”.\n\nTwo more sums. The "
    f"percentages of Table 3 are those of {page.value(sample, 'd')} stars, or a multiple: "
    f"{', '.join(f'{part}/{sample}' for part in parts)}. And if the uncertainty of a mean flux error in Table 2 is a "
    f"standard error, a single star scatters by {page.value(scatter[0], '.1f', '%')} in the input and "
    f"{page.value(scatter[1], '.1f', '%')} in Network 1's output. The 2.26 ± 0.18 % is the accuracy of a mean, not "
    "of a star."
)

# %% [markdown]
# ### Who was tested on what?
#
# [The data page](#page-data) has the lists; here are the sums, beside a division in which no proposal stands
# twice.

# %% tags=["hide-input"]
divisions = {"the paper's lists": "split", "ours, by proposal": "leak_free_split"}
shared = [{"title": title} | hla.overlap(column) for title, column in divisions.items()]
theirs = shared[0]
effects["split"] = f"{theirs['test']} of 20 test rows from files trained on, {theirs['test_proposal']} from proposals"
bands = [sum(row["dataset"].endswith(band) for row in manifest.hla_files()) for band in ("f555w", "f606w")]
effects["filters"] = f"{bands[0]} and {bands[1]} of the rows"
page.table(
    shared,
    name="table-split-leak",
    caption="The 200 rows of the paper's lists, divided in two ways. Test and "
    "validation: rows whose file is also trained on, and whose proposal is.",
    columns=[
        Column("title", "division"),
        Column("files", "files", "d"),
        Column("repeated", "in several rows", "d"),
        Column("shared", "in several sets", "d"),
        Column("test", "test, by file", "d"),
        Column("test_proposal", "by proposal", "d"),
        Column("validation", "validation, by file", "d"),
        Column("validation_proposal", "by proposal", "d"),
    ],
)

# %% [markdown]
# (forensics-half)=
# ## Half the flux
#
# Two histograms in the repository show pixels in electrons: the ground truth peaks at about 55 to 70 e⁻, the
# input at about 25 to 35. Neither sky-subtracted frames nor flux-matched ones can do that. Frames that have
# kept their sky, each in the electrons of its own exposure, must: sky times $t$, and half of it. We expose one
# field that way.

# %%
field = fields("test")[7]
scene = render(field)
shots = {
    protocol: expose(field, scene, protocol, 2.0, noise_seed=seed) for protocol in ("paper", "released", "independent")
}
shot = shots["paper"]
electrons = {
    "long exposure": (shot.long + shot.sky) * field.exposure_time,
    "input, own electrons": (shot.noisy + shot.sky) * shot.exposure_time,
    "input, flux-matched": (shot.noisy + shot.sky) * field.exposure_time,
}
page.figure(
    figures.histograms(electrons, xlabel="pixel value (e⁻)", limits=(0, 150), logy=False),
    name="fig-half-flux",
    caption=f"Pixels of one field with its sky, {field.exposure_time:.0f} s, $r = 2$. The paper's published histograms "
    "look like the first two.",
    alt="Three histograms of pixel values. Long exposure and flux-matched input peak "
    "at the same number of electrons, the input in its own electrons at half of it.",
)

# %% tags=["hide-input"]
modes = [forensics.histogram_mode(image) for image in electrons.values()]
background, scores = field.sky * field.exposure_time, paper_scores(shot, shot.noisy)
effects["modes"] = f"sky kept, {field.exposure_time:.0f} s: modes {modes[0]:.0f} and {modes[1]:.0f} e⁻"
effects["output_units"] = (
    f"1/{shot.exposure_ratio:g} of the long exposure's electrons, if that is what it is compared with"
)
page.text(
    f"The sky is {page.value(background, '.0f', 'e⁻')} in the long exposure and half of that in the short one; the "
    f"modes are {page.value(modes[0], '.0f')} and {page.value(modes[1], '.0f', 'e⁻')}, and "
    f"{page.value(modes[2], '.0f', 'e⁻')} for the input once it counts like the long exposure. So an exposure of "
    "some 700 s with its sky is all that the published histograms need. On this field the label alone moves PSNR "
    f"from {page.value(scores['psnr_paper'], '.1f')} to {page.value(scores['psnr_matched'], '.1f', 'dB')} and SSIM "
    f"from {page.value(scores['ssim_paper'], '.3f')} to {page.value(scores['ssim_matched'], '.3f')}. Whether the "
    "scores of Table 2 were taken from these very arrays is not known: no script for them was released."
)

# %% [markdown]
# ## Frames without their sky
#
# What if the sky has been subtracted, as in the archive's mosaics? Then half of the sky's pixels are negative,
# and three lines of the script matter that the paper doesn't mention: negatives are clipped; where the clipped
# long exposure is zero, so is the input; and the sky's own photons are missing from the noise. The protocol
# `released` does it to the letter. No training is needed to see what it does to an input.

# %%
drawn = {4: "sparse, not drizzled", 6: "stars, not drizzled", 7: "galaxies, drizzled"}
rows = []
for index, title in drawn.items():
    other = fields("test")[index]
    sky_scene = scene if other == field else render(other)
    for protocol in shots:
        chosen = shots[protocol] if other == field else expose(other, sky_scene, protocol, 2.0, noise_seed=seed)
        rows.append({"title": title, "protocol": f"`{protocol}`"} | forensics.input_summary(chosen))
page.table(
    rows,
    name="table-inputs",
    caption="Inputs at $r = 2$ by three protocols, on three fields. Noise and level: of "
    "input minus scene on dark pixels, in electrons of the input. Correlation: with the long exposure's noise. "
    "Detections at the paper's settings: in the input, those of them that lie on a true source, and in the long "
    "exposure.",
    columns=[
        Column("title", "field"),
        Column("protocol", "protocol"),
        Column("zero", "exactly 0", ".1f", "%"),
        Column("negative", "negative", ".1f", "%"),
        *(Column(key, key, fmt, unit) for key, fmt, unit in (("noise", ".1f", "e⁻"), ("level", "z.1f", "e⁻"))),
        Column("correlation", "correlation", "z.2f"),
        *(Column(key, key, "d") for key in ("detected", "real", "reference")),
    ],
)

# %% tags=["hide-input"]
kept, literal, true = rows[3:6]
others = " and ".join(f"{rows[i]['detected']} ({rows[i]['real']} real)" for i in (1, 7))
ratios = [f"{rows[i]['noise'] / rows[i + 2]['noise']:.2f}" for i in (3, 6)]
effects["input_noise"] = f"sky kept: {ratios[0]} times a real exposure's noise, {ratios[1]} times on drizzled pixels"
effects["zero_mask"] = (
    f"untrained, sky subtracted: {literal['zero']:.0f} % zeros; {literal['detected']} detections, {literal['real']} "
    f"real (sky kept: {kept['detected']}, {kept['real']})"
)
effects["pedestal"] = f"untrained, sky subtracted: + {literal['level']:.1f} e⁻ (sky kept: {kept['level']:z.1f})"
effects["negative_input"] = (
    f"sky subtracted: {literal['negative']:.0f} % of the pixels; sky kept: {kept['negative']:.0f} %"
)
page.text(
    f"On the star field {page.value(literal['zero'], '.0f', '%')} of the literal input is exactly zero. Its sky sits "
    f"{page.value(literal['level'], '.1f', 'e⁻')} too high, and the noise that is left has a σ of "
    f"{page.value(literal['noise'], '.1f', 'e⁻')} where a real exposure has "
    f"{page.value(true['noise'], '.1f', 'e⁻')}. Source Extractor's method finds "
    f"{page.value(literal['detected'], 'd')} sources in it, of which {page.value(literal['real'], 'd')} are real; "
    f"with the sky in the frame it finds {page.value(kept['detected'], 'd')}, {page.value(kept['real'], 'd')} of "
    f"them real. Of the other two fields {{numref}}`table-inputs` has {others}: where half of the sky is zero, its "
    "measured noise can be next to nothing, and what noise is left stands out. Together with the histograms above "
    "this suggests that the authors' frames had their sky, and our presets keep it."
)

# %% tags=["hide-input"]
page.text(
    "With the sky in the frame one thing remains: the input's noise comes on top of the long exposure's own. It is "
    f"{ratios[0]} times a real exposure's, and on drizzled pixels {ratios[1]} times, because drizzling smooths real "
    "noise and not what is added afterwards. And it is correlated with the target's by "
    f"{page.value(kept['correlation'], '.2f')}: the {{term}}`leak`. For two exposures of one scene it is "
    f"{page.value(true['correlation'], 'z.2f')}."
)

# %% tags=["hide-input"]
time = shot.exposure_time
dark = [np.sqrt(one.dark_current * time) for one in (RELEASED, WFC3_UVIS)]
effects["dark"] = (
    f"σ {dark[0]:.1f} e⁻ in {time:.0f} s; by the handbook {dark[1]:.1f}. Sky: {np.sqrt(field.sky * time):.1f}"
)
effects["read_noise"] = (
    f"σ {RELEASED.read_noise:.1f} e⁻; six reads, as in our deepest fields: {WFC3_UVIS.read_noise * 6**0.5:.1f}"
)
settings = [replace(photometry.PAPER_SETTINGS, gain=gain) for gain in (1.0, 1.5)]
found = [photometry.detect(electrons["long exposure"], each) for each in settings]
unit, released = (photometry.snr(one["flux"], one["flux_error"], one["background"]) for one in found)
effects["gain"] = f"Eq. 26 × {released / unit:.2f} on a long exposure"
networks = [updates_of(EXPERIMENTS[name], SCHEDULES["paper"]) for name in ("network1", "network2")]
effects["updates"] = f"{networks[0]:,} and {networks[1]:,} in all"
passes = (256 // 32) ** 2
effects["mosaic"] = f"{passes} passes a pixel; the edge: [Edges and tiles](#page-edges)"
page.text(
    "Three smaller effects, computed for the list below: the script's dark current has a σ of "
    f"{page.value(dark[0], '.1f', 'e⁻')} in {page.value(time, '.0f', 's')}, against "
    f"{page.value(float(np.sqrt(field.sky * time)), '.1f', 'e⁻')} of the sky; a gain of 1.5 for images in electrons "
    f"multiplies Eq. 26 by {page.value(released / unit, '.2f')}; the mosaic asks for {passes} passes a pixel."
)

# %% [markdown]
# (forensics-list)=
# ## The list
#
# Every difference that we know of, with the place where it can be checked. Where it takes a training to see what one
# does, two networks of equal compute are compared, with the luck of training in the error
# ([Which choices matter?](#page-experiments)). What this book does about each is on the page
# [Paper versus reproduction](#page-paper-versus-reproduction).

# %% tags=["hide-input"]
heads = [
    ("item", "what"),
    ("paper", "paper"),
    ("code", "script or other place"),
    ("evidence", "evidence"),
    ("effect", "effect"),
]
columns = [Column(key, head) for key, head in heads]
page.table(
    forensics.disagreement_rows("pairs", profile, effects),
    name="table-forensics-pairs",
    caption="Data and training pairs.",
    columns=columns,
)

# %% tags=["hide-input"]
page.table(
    forensics.disagreement_rows("training", profile, effects),
    name="table-forensics-training",
    caption="Network and its training.",
    columns=columns,
)

# %% tags=["hide-input"]
page.table(
    forensics.disagreement_rows("inference", profile, effects)
    + forensics.disagreement_rows("measuring", profile, effects),
    name="table-forensics-measuring",
    caption="Using the network, and measuring.",
    columns=columns,
)

# %% tags=["hide-input"]
page.table(
    forensics.disagreement_rows("numbers", profile, effects),
    name="table-forensics-numbers",
    caption="Numbers of the paper beside those of the authors' notes, or beside each other.",
    columns=columns,
)

# %% [markdown]
# ## What to remember
#
# - Score the unchanged input in the output's units before any network. Without that row a change of label and a
#   network's work look alike.
# - A gain in recovered stars means something beside the gain of a blur, and beside its false stars.
# - [Eq. (26)](#eq-26) does not give $\sqrt{I}$ for a true stack of $I$ exposures, so its square counts no
#   exposures. The scatter of measured fluxes does.
# - A mask, a clip or a subtracted sky that a paper doesn't mention can be seen in the input without training
#   anything.
#
# **Next:** [Paper versus reproduction](#page-paper-versus-reproduction).
