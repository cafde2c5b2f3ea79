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
# (page-experiments)=
# # Which choices matter?
#
# *Paper §3.1, §3.3, §4.4.1 · Table 1*
#
# :::{admonition} This page
# :class: tip page-contract
#
# **You will learn** which of the paper's choices make a difference that repeats, and how to tell one from luck.
#
# **You need** [Losses and experiments](#page-losses), where each experiment is explained, and
# [Training](#page-training).
#
# **Reading time** 15 minutes.
# :::
#
# Train one network twice, from other random numbers, and you get two networks. They differ a little in everything that
# can be measured. A choice matters if it makes a larger difference than that. The paper trained every experiment once,
# so its Table 1 can't say which of its differences would come again.
#
# Here every experiment has the same compute, and some are trained several times. All are far from converged: the line
# under each table says how many updates they had, the paper's had 800,000. What follows is about networks after so
# many updates, and about simulated skies.

# %%
from astrounet_core import experiment_table, figures, report
from astrounet_core.experiments import EXPERIMENTS, VARIANTS
from astrounet_core.figures import Column

page = figures.open_page("experiments", profile=profile, seed=seed)
records = [record for name in EXPERIMENTS for record in experiment_table.seeds(name, profile)]

# %% [markdown]
# ## All rows
#
# Click on a column's head to sort by it. The paper's numbers, from its Tables 1 and 2, stand above ours; they are from
# other skies, and its PSNR, SSIM and KL have ranges that nobody knows ([Metrics](#page-metrics)).

# %% tags=["hide-input"]
rows = experiment_table.beside_the_paper(profile)
page.table(
    rows,
    name="table-choices",
    caption="Every experiment at $r = 2$ on the paper's terms, each of ours with as many updates. ±: bootstrap over "
    "fields and spread over training seeds. Minutes: one CPU thread, at the pace of the quickest tenth of a run, for "
    "the machine had other work.",
    columns=[
        Column("title", "Experiment"),
        Column("who", ""),
        Column("rfe", "RFE", ".2f", "%", spread="rfe_uncertainty"),
        Column("tpr", "TPR", ".1f", "%", spread="tpr_uncertainty"),
        Column("f_measure", "F", ".2f", spread="f_measure_uncertainty"),
        Column("snr_factor", "SNR$_\\mathrm{f}$", ".2f", spread="snr_factor_uncertainty"),
        *(Column(key, head, fmt) for key, head, fmt in (("psnr", "PSNR", ".1f"), ("ssim", "SSIM", ".2f"))),
        Column("kl", "KL", ".4f"),
        *(Column(key, key, ",.0f") for key in ("seeds", "minutes")),
    ],
    record=records,
)

# %% tags=["hide-input"]
shown = [row for row in rows if row["who"] == "ours"]
theirs = [experiment_table.printed_row(row["key"]) for row in shown]
quantities = {"rfe": "RFE [%]", "tpr": "TPR [%]", "f_measure": "F", "snr_factor": "SNR$_\\mathrm{f}$"}
page.figure(
    figures.dot_panels(
        [row["title"] for row in shown],
        {
            head: {
                who: ([row.get(key) for row in table], [row.get(f"{key}_uncertainty") for row in table])
                for who, table in (("paper", theirs), ("ours", shown))
            }
            for key, head in quantities.items()
        },
    ),
    name="fig-table1",
    caption="The star measures of {numref}`table-choices`, the paper's beside ours. Look for the order of rows within "
    "one colour, not for agreement of the two: skies and compute differ. The paper prints no errors but RFE's.",
    alt="Four panels side by side: flux error, true positive rate, F and signal-to-noise factor. A line for each "
    "experiment, with a dot for the paper's value and one with a bar for ours. Ours lie apart from the paper's.",
    record=records,
    view="explore",
)

# %% [markdown]
# ## Which differences are real?
#
# Two experiments see the same fields with the same noise, so what makes a field hard cancels in their difference. Let
# $\bar d$ be its mean over $n$ fields and $s$ its scatter. Training has its own luck, $\sigma_\mathrm{seed}$, the
# scatter between networks that differ in nothing else; with $K$ and $K'$ of them
#
# $$
# \sigma^2(\bar d) = \frac{s^2}{n} + \sigma_\mathrm{seed}^2 \left(\frac{1}{K} + \frac{1}{K'}\right).
# $$
#
# $\sigma_\mathrm{seed}$ is pooled over all experiments with several seeds whose networks predict the same kind of
# thing: the image itself, or the noise in it. `modern` does the latter, and its trainings are far more alike; where two
# kinds are compared, each brings its own. A difference counts beyond $2 \sigma$. Of twenty that are nothing, one will
# count by chance: don't trust a single one that barely does.

# %%
measures = ["mae", "nmse", "rfe", "f_measure"]
losses = ["exp02", "exp03", "exp04", "exp04_poisson", "exp05", "network1"]
others = ["exp06", "exp07", "exp07_oracle", "exp08", "exp09", "exp10", "exp11", "ratio_added"]
others += ["upsample_nearest", "upsample_bilinear", "network1_physical"]
columns = experiment_table.columns(measures)

# %% tags=["hide-input"]
page.table(
    experiment_table.difference_rows(losses, "exp01", measures, profile),
    name="table-losses-differ",
    caption="Each minus *$L_1$ loss* (Experiment 1); bold: beyond $2 \\sigma$. MAE and noise-normalised MSE against "
    "the noise-free scene, from pairs with independent noise: smaller is better. RFE, without its sign, and F on the "
    "paper's terms. The last row is Experiment 1 that is told $r$, a constant here.",
    columns=columns,
    record=records,
)

# %% tags=["hide-input"]
page.table(
    experiment_table.difference_rows(others, "network1", measures, profile),
    name="table-others-differ",
    caption="Each minus *Network 1*, that has $r$ at its bottleneck and the leaky ReLU; columns as above. The oracle's "
    "map is made from the truth: no one has it.",
    columns=columns,
    record=records,
)

# %% tags=["hide-input"]
pairs = [(name, "exp01") for name in losses] + [(name, "network1") for name in others]
compared = [experiment_table.compare(*pair, "nmse", profile) for pair in pairs]
page.figure(
    figures.dots(
        [f"{report.title(name)}, minus {report.title(reference)}" for name, reference in pairs],
        {"difference": tuple([each[key] for each in compared] for key in ("value", "error"))},
        xlabel="difference in noise-normalised MSE [dB]",
    ),
    name="fig-choices",
    caption="The second column of both tables. Bars: one standard error, training seeds included.",
    alt="A line for each experiment, with a dot for its difference in noise-normalised error and a bar for the error "
    "of that difference. Where a bar doubled would cross zero, the experiment can't be told from its reference.",
    record=records,
)

# %% [markdown]
# The paper's questions, answered by these tables alone:

# %% tags=["hide-input"]
questions = {
    "Does $L_2$ fail?": [("exp02", "exp01")],
    "Do sums of losses help?": [("exp03", "exp01"), ("exp04", "exp01"), ("exp04_poisson", "exp04")],
    "Does it help to be told $r$, where it is a constant? How?": [
        ("network1", "exp01"), ("exp06", "network1"), ("ratio_added", "network1")
    ],
    "Does knowing the filter help, or a map of the sources?": [
        ("exp05", "exp01"), ("exp07", "network1"), ("exp07_oracle", "network1")
    ],
    "Several ratios, and in which order?": [("exp08", "network1"), ("exp08", "network2")],
    "Which activation?": [(name, "network1") for name in ("exp09", "exp10", "exp11")],
    "Which up-sampling?": [(name, "network1") for name in ("upsample_nearest", "upsample_bilinear")],
    "Do independent pairs help?": [("network1_physical", "network1")],
}  # fmt: skip
answers = {
    question: " ".join(experiment_table.verdict(*pair, measures, profile) for pair in pairs)
    for question, pairs in questions.items()
}
page.text("\n".join(f"- **{question}** {answer}" for question, answer in answers.items()))

# %% [markdown]
# *No difference beyond chance* is no proof that there is none: it says that these runs can't show one. An experiment
# with a single seed has an error that is mostly the luck of its one training.

# %% [markdown]
# ## Misaligned pairs
#
# Real pairs are never aligned to the pixel. The paper (§4.4.1) shifts its pairs at random and tries three sums of
# losses. The one without an $L_1$ term has a flux error of 15 %. One explanation would be its {term}`KL divergence`:
# that of normalised images does not see the brightness of the whole ([Losses](#page-losses)), and features hardly do,
# so nothing in that sum keeps the flux. The row with the Poisson divergence in its place, which does see it, tests
# this.

# %% tags=["hide-input"]
shifted = ["misaligned_a", "misaligned_a_poisson", "misaligned_b", "misaligned_c"]
page.table(
    experiment_table.difference_rows(shifted, "network1", measures, profile),
    name="table-misaligned-differ",
    caption="Each minus Network 1, trained on aligned pairs; all are scored on aligned ones.",
    columns=columns,
    record=[record for name in shifted for record in experiment_table.seeds(name, profile)],
)

# %% tags=["hide-input"]
verdicts = [experiment_table.verdict(name, "network1", measures, profile) for name in shifted]
verdicts.append(experiment_table.verdict("misaligned_a_poisson", "misaligned_a", measures, profile))
rfe = {name: experiment_table.row(name, profile).get("rfe") for name in ("misaligned_a", "misaligned_a_poisson")}
page.text(
    " ".join(verdicts) + f" Their mean flux errors, with sign: {page.value(rfe['misaligned_a'], '.1f', '%')} and "
    f"{page.value(rfe['misaligned_a_poisson'], '.1f', '%')}; the paper's is 15 %."
)

# %% [markdown]
# ## What the paper leaves open
#
# One change at a time to Network 1, of what the paper does not say or where its code does otherwise
# ([Forensics](#page-forensics)).

# %% tags=["hide-input"]
settings = ["rate_1e5", "rate_1e3", "slope_002", "unleaked", "skyless", "skyless_unleaked"]
page.table(
    experiment_table.difference_rows(settings, "network1", measures, profile),
    name="table-sensitivity",
    caption="Each minus Network 1, whose learning rate is $10^{-4}$, its slope 0.2, with the zero mask, and whose "
    "frames have their sky.",
    columns=columns,
    record=records,
)

# %% tags=["hide-input"]
page.text(" ".join(experiment_table.verdict(name, "network1", measures, profile) for name in settings))

# %% [markdown]
# ## From Network 1 to `modern`
#
# `modern` has Network 1's layers. What it is taught differs: it predicts the noise in units of the noise's standard
# deviation; its loss, $L_2$, counts errors in these units, with the bias of twins on top; it sees independent pairs at
# four ratios, with stars added, under a learning rate that falls along a cosine. Which of these helps? First one
# change at a time, to Network 1.

# %% tags=["hide-input"]
deep = ["nmse", "psnr", "sky_rms", "flux_bias", "flux_scatter"]
steps = ["network1_physical", "network1_loss", "network1_output", "network1_schedule", "modern"]
page.table(
    experiment_table.difference_rows(steps, "network1", deep, profile),
    name="table-steps",
    caption="Each minus Network 1, scored on independent pairs; negative is better, but for PSNR, which the brightest "
    "stars decide. Bias without its sign. The last row is the sum of all changes; the last column is no difference: "
    "the median flux error of faint stars.",
    columns=experiment_table.columns(deep, Column("bias_faint", "bias, SNR 5-10", ".2f", "σ")),
    record=records,
)

# %% [markdown]
# Then the other way: what is lost when one thing is taken from `modern`.

# %% tags=["hide-input"]
without = [name for name in VARIANTS if name.startswith("modern")]
page.table(
    experiment_table.difference_rows(without, "modern", deep, profile),
    name="table-ablation",
    caption="Each minus `modern`: positive (of PSNR, negative) is what the thing taken away was good for.",
    columns=experiment_table.columns(deep, Column("bias_faint", "bias, SNR 5-10", ".2f", "σ")),
    record=records,
)

# %% tags=["hide-input"]
page.figure(
    figures.dot_panels(
        [report.title(name) for name in without],
        experiment_table.difference_panels(without, "modern", deep[:-1], profile),
        zero=True,
    ),
    name="fig-ablation",
    caption="Most of {numref}`table-ablation` as a picture. To the right of zero `modern` is the better one, with PSNR "
    "to the left of it.",
    alt="Four panels side by side, a line for each variant of modern, with a dot for its difference from modern and a "
    "bar for the error of it, in noise-normalised error, PSNR, sky noise and flux bias.",
    record=records,
)

# %% tags=["hide-input"]
questions = {
    "Is it the noise units?": [("network1_output", "network1"), ("modern_direct", "modern")],
    "Is it $L_2$ in noise units?": [("network1_loss", "network1_physical"), ("modern_plain_l1", "modern_plain")],
    "Is it the twins?": [("modern_plain", "modern")],
    "Is it the pairs?": [("network1_physical", "network1"), ("modern_noisy_target", "modern_plain")],
    "Is it the schedule?": [("network1_schedule", "network1"), ("modern_step", "modern")],
    "Is it the added stars, the four ratios, the many small crops?": [
        (name, "modern") for name in ("modern_starless", "modern_one_ratio", "modern_large_crops")
    ],
}
answers = {
    question: " ".join(experiment_table.verdict(*pair, deep, profile) for pair in pairs)
    for question, pairs in questions.items()
}
page.text("\n".join(f"- **{question}** {answer}" for question, answer in answers.items()))

# %% tags=["hide-input"]
all_pairs = pairs + [(name, "network1") for name in [*settings, *shifted, *steps]]
ranked = experiment_table.ranking(dict.fromkeys(all_pairs), "nmse", profile)
page.text(
    f"All changes to Network 1 or Experiment 1 together, by what they do to the noise-normalised MSE. The clear ones, "
    f"the largest first: {'; '.join(ranked)}."
    if ranked
    else "No change to Network 1 or Experiment 1 makes a clear difference."
)

# %% [markdown]
# How fast do they learn? The validation pairs of a preset are made as its training pairs are, so curves can be compared
# where the pairs are alike: here, independent noise and the scene for a target.

# %% tags=["hide-input"]
alike = [
    "network1_physical",
    "network1_loss",
    "modern_direct",
    "modern_plain_l1",
    "modern_plain",
    "modern_step",
    "modern",
]
page.figure(
    figures.curves(
        experiment_table.learning_curves(alike, profile),
        xlabel="minutes of compute, one thread",
        ylabel="validation PSNR [dB]",
        markers=True,
    ),
    name="fig-minutes",
    caption="Learning curves of networks on physical pairs, minutes as in {numref}`table-choices`. Band: spread "
    "between training seeds.",
    alt="A line for each variant: validation PSNR against minutes of compute.",
    record=[record for name in alike for record in experiment_table.seeds(name, profile)],
)

# %% tags=["hide-input"]
todo = [name for name in [*EXPERIMENTS, *VARIANTS] if not experiment_table.seeds(name, profile)]
page.text(
    f"Not run: {len(todo)} of them. To obtain: `astrounet train {' '.join(todo)} --profile retrain`, then "
    f"`astrounet evaluate` with the same names, `--profile retrain --fields 20 --ratios 2`."
    if todo
    else "All of them were run."
)

# %% [markdown]
# ## What to remember
#
# - Train twice before you believe a difference.
# - Compare on the same fields with the same noise: the difference is then far better known than either number.
# - A verdict holds for the compute it was reached with.
# - Look for the learning rate before the architecture: it is cheaper to change, and here it decides more than most
#   rows of Table 1.
#
# **Next:** [Edges and tiles](#page-edges).
