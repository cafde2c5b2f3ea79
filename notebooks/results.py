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
# (page-results)=
# # Results
#
# *Paper §4.1–4.3 · Table 2 · Fig. 6–9*
#
# :::{admonition} This page
# :class: tip page-contract
#
# **You will learn** what the networks of this book score on the paper's own terms, beside the paper's numbers
# and beside methods that nobody has to train; what they score on terms that we can defend; and which
# differences are larger than their errors.
#
# **You need** [Metrics](#page-metrics), above all its warnings.
#
# **Reading time** 20 minutes. Tables come from records of evaluations, figures are computed while the page is
# made.
# :::
#
# Two warnings first. Our skies are simulated, and the paper's images are not ours, so equal numbers would be a
# coincidence and different ones prove little; what can be compared is the *pattern*: which method does better
# than which. And our networks have seen little of the paper's schedule:

# %%
import numpy as np

from astrounet_core import figures, paper_rows, report
from astrounet_core.cluster_figures import Clusters, clearly_larger
from astrounet_core.evaluation import expose
from astrounet_core.figures import Column
from astrounet_core.scenes import fields, render
from astrounet_core.scoring import methods
from astrounet_core.starlists import cut_marks

page = figures.open_page("results", profile=profile, seed=seed)
networks = ["network1", "network2", "modern"]
free = ["unchanged", "gaussian_blur", "matched_filter"]
everyone = [*free, *networks, "ceiling"]
evaluated = [report.scored(name, profile) for name in everyone]
trained = [report.training(name, profile) for name in networks]
labels = {"unchanged": "Input"} | {name: report.title(name) for name in networks}

# %% tags=["hide-input"]
page.table(
    report.experiment_rows(profile, networks),
    name="table-networks",
    caption="The networks of this page: how long they were trained. Share: updates over the paper's.",
    columns=[
        Column("title", "network"),
        Column("loss", "loss"),
        Column("ratios", "$r$"),
        Column("updates", "updates", ",d"),
        Column("share", "share of the schedule", ".2g", "%"),
        Column("minutes", "minutes", ".0f"),
        Column("profile", "profile"),
    ],
    record=trained,
)

# %% tags=["hide-input"]
missing = report.not_run(everyone, profile, holding="fields.csv")
page.note(missing, title="Not run") if missing else None

# %% [markdown]
# ## Three protocols
#
# **`paper`.** The input is made from the long exposure with the noise of the authors' script, and compared with that
# same long exposure. Part of the target's noise is in the input: these pairs {term}`leak` ([Training](#page-training)).
# The frames have their sky, as two histograms that the authors published show it: the long exposure's pixels peak
# at 55 to 70 e⁻, the input's at half of that ([Forensics](#page-forensics)).
#
# **`released`.** The same on sky-subtracted frames, as archives serve them. The script then sets half of the input's
# pixels to exactly zero. A control, at $r = 2$ only.
#
# **`independent`.** The input is an exposure of its own of the {term}`noise-free scene`, and is compared with the
# scene. This is what a telescope does, with a truth that no telescope has.
#
# Table 2 and the paper's figures use the first, our own table the last.
#
# ## Table 2, on the paper's terms
#
# Counts of stars are those of all fields together, as in the paper; PSNR, SSIM and KL are means over fields. ± is a
# bootstrap over fields, a little too narrow where these are few (`tests/test_tally.py` says by how much). PSNR has
# the reference's maximum for MAX and SSIM the reference's range for $L$. The paper's choices are unknown, so **its
# last three columns cannot be compared with ours**; within our rows they can. [One pair, many
# scores](#page-metric-conventions) shows how far they move.

# %% tags=["hide-input"]
page.table(
    paper_rows.table2_rows(profile),
    name="table-2",
    caption="Paper Table 2 · Results of Networks 1 and 2, each row as printed and as "
    "measured here. RFE: mean of [Eq. (25)](#eq-25) over the matched stars. "
    "SNR$_\\mathrm{f}$ of the input is relative to the long exposure, that of "
    "the networks relative to the input.",
    columns=[
        Column("title", "images"),
        Column("who", ""),
        Column("exposure_ratio", "$r$", "g"),
        Column("rfe", "RFE", ".2f", "%", spread="rfe_uncertainty"),
        Column("tpr", "TPR", ".1f", "%", spread="tpr_uncertainty"),
        Column("f_measure", "F", ".2f", spread="f_measure_uncertainty"),
        Column("snr_factor", "SNR$_\\mathrm{f}$", ".2f", spread="snr_factor_uncertainty"),
        Column("psnr", "PSNR", ".1f", "dB", spread="psnr_uncertainty"),
        Column("ssim", "SSIM", ".2f", spread="ssim_uncertainty"),
        Column("kl", "KL", ".4f", spread="kl_uncertainty"),
    ],
    record=evaluated,
)

# %% [markdown]
# ### Rows that the paper doesn't have
#
# The paper compares its networks with the input and with nothing else. To know what a number means, one must
# know what it costs. So here are the input at every $r$, as the paper counts it and *called* a long exposure (its
# electrons multiplied by $r$; in e⁻/s, not a pixel changes), and four more methods: a Gaussian as wide as the
# {term}`point-spread function`; the {term}`matched filter`; our `modern` network; and the noise-free scene,
# which no denoiser can surpass.

# %% tags=["hide-input"]
page.table(
    paper_rows.control_rows(profile, (2, 3, 4, 5), ["gaussian_blur", "matched_filter", "modern", "ceiling"]),
    name="table-controls",
    caption="More rows for Table 2, on the same images and terms.",
    columns=[
        Column("title", "images"),
        Column("exposure_ratio", "$r$", "g"),
        Column("rfe", "RFE", ".2f", "%", spread="rfe_uncertainty"),
        Column("tpr", "TPR", ".1f", "%", spread="tpr_uncertainty"),
        Column("precision", "precision", ".1f", "%", spread="precision_uncertainty"),
        Column("f_measure", "F", ".2f"),
        Column("snr_factor", "SNR$_\\mathrm{f}$", ".2f", spread="snr_factor_uncertainty"),
        Column("psnr", "PSNR", ".1f", "dB"),
        Column("ssim", "SSIM", ".3f"),
        Column("kl", "KL", ".4f"),
    ],
    record=evaluated,
)

# %% tags=["hide-input"]
two = {row["title"]: row for row in paper_rows.control_rows(profile, [2], ["gaussian_blur", "ceiling"])}
renamed, blur, ceiling = (
    two[name].get("snr_factor") for name in ("Input, flux-matched", "Gaussian blur", "Noise-free scene")
)
page.text(
    f"Look at SNR$_\\mathrm{{f}}$ at $r = 2$. The paper has 1.63 for Network 1. Here a change of label gives "
    f"{page.value(renamed, '.2f')}, a blur {page.value(blur, '.2f')} and the noise-free scene "
    f"{page.value(ceiling, '.2f')}. Between doing nothing and knowing everything this measure leaves a network little "
    "room to show what it has learnt."
)

# %% [markdown]
# *The truth doesn't win.* Compare the noise-free scene's TPR and precision with the others'. With no noise in the
# background, "7σ" loses its meaning ([Metrics](#page-metrics)): the scene shows sources that the long exposure lacks,
# which count as false. A test that the truth fails can't be used to rank methods. {numref}`table-purity` asks the
# other question: how many of the detections lie on a source that is really there, and bright enough for the long
# exposure? Part of them would by chance; and an image that is better than the long exposure still loses by what it
# shows beyond.

# %% tags=["hide-input"]
asked = {"precision": ".1f", "purity": ".1f", "chance_match": ".1f"}
page.table(
    report.score_rows(profile, [2], everyone, asked, protocol="paper"),
    name="table-purity",
    caption="Detections at the paper's settings, $r = 2$, protocol `paper`, means over fields. Precision: share that "
    "the long exposure shows too. Purity: share within 2 pixels of a true source that is at least 3 σ of the long "
    "exposure's sky. Chance: the same for random places.",
    columns=[
        Column("title", "images"),
        *(
            Column(key, key.split("_")[0], fmt, "%", interval=(f"{key}_low", f"{key}_high"))
            for key, fmt in asked.items()
        ),
    ],
    record=evaluated,
)

# %% [markdown]
# *Frames without their sky.* On sky-subtracted frames the script's mask makes half of the input exactly zero. Where it
# is a little more than half, Source Extractor's method measures a background without noise, and takes what noise is
# left for stars.

# %% tags=["hide-input"]
counted = {"tp": ".0f", "fp": ".0f", "fn": ".0f", "precision": ".1f", "mae": ".4f"}
page.table(
    [
        row | {"protocol": f"`{protocol}`"}
        for protocol in ("paper", "released")
        for row in report.score_rows(
            profile, [2], ["unchanged", "gaussian_blur", *networks], counted, protocol=protocol
        )
    ],
    name="table-released",
    caption="With the sky in the frame while the noise is drawn, and without: stars found, false and missed in a field "
    "(means over fields), precision, and MAE against the long exposure; $r = 2$. The networks were trained on "
    "frames with their sky.",
    columns=[
        Column("protocol", "protocol"),
        Column("title", "images"),
        *(Column(key, key.upper(), ".0f") for key in ("tp", "fp", "fn")),
        Column("precision", "precision", ".1f", "%"),
        Column("mae", "MAE", ".4f", "e⁻/s"),
    ],
    record=evaluated,
)

# %% [markdown]
# ### Who beats whom, beyond doubt
#
# All methods were scored on the same fields with the same noise, so their differences can be taken field by
# field, and what makes one field harder than another cancels. We rank two methods only where the mean
# difference exceeds twice its standard error. The input is the flux-matched one.

# %%
paper_measures = {
    "tpr": ".1f",
    "precision": ".1f",
    "rfe_absolute": ".2f",
    "snr_factor_matched": ".2f",
    "psnr_matched": ".1f",
    "ssim_matched": ".3f",
    "kl_paper": ".3f",
}
names = ["TPR [%]", "precision [%]", "absolute RFE [%]", "SNR$_\\mathrm{f}$", "PSNR [dB]", "SSIM", "KL"]
page.table(
    report.comparison_rows(profile, "paper", 2, networks, free, paper_measures),
    name="table-paired-paper",
    caption="Paper's protocol, $r = 2$: mean difference over fields ± its standard "
    "error. Bold where it exceeds twice that; ↑ the network is better, ↓ it "
    "is worse. All fields, each counted once.",
    columns=[
        Column("title", "difference"),
        *(Column(key, name) for key, name in zip(paper_measures, names, strict=True)),
    ],
    record=evaluated,
)

# %% tags=["hide-input"]
label = dict(zip(paper_measures, names, strict=True))
lost = {name: report.beaten_by(name, free, paper_measures, "paper", 2, profile) for name in networks}
said = [
    f"{report.title(name)} by “{report.title(rival).lower()}” in {', '.join(label[m].split(' [')[0] for m in measures)}"
    for name, rivals in lost.items()
    for rival, measures in rivals.items()
    if measures
]
page.text(
    "Networks beaten beyond doubt, on these fields: " + "; ".join(said) + "."
    if said
    else "In no measure is a network beaten beyond doubt by a method that nobody trained, on these fields."
)

# %% [markdown]
# A dash means that fewer than three fields had a value.
#
# ## Our own table
#
# On independent exposures, against the scene, with measures of which a blur can please some, but not all:
#
# * **MAE**: mean absolute error of a pixel; **NMSE**: the {term}`noise-normalised MSE`, 1 for the input.
# * **sky**: rms error of dark pixels, in units of the input's noise, on fields that have some.
# * **PSNR** in e⁻/s with MAX = 100 e⁻/s.
# * **flux bias** and **flux scatter** of isolated stars above 10σ, measured in an aperture at their true
#   places, found or not; the scatter in units of the {term}`Cramér–Rao bound`. A denoiser that leaves stars
#   alone has no bias, and a scatter no larger than the input's.

# %%
honest = {"mae": ".4f", "nmse": ".3f", "sky_rms": ".2f", "psnr": ".1f", "flux_bias": ".2f", "flux_scatter": ".2f"}
heads = ["MAE [e⁻/s]", "NMSE", "sky [σ]", "PSNR [dB]", "flux bias [%]", "flux scatter [σ]"]
page.table(
    report.score_rows(profile, (2, 5), everyone, honest),
    name="table-honest",
    caption="Independent exposures against the noise-free scene; in parentheses the "
    "68 % interval of the mean over fields. The noise-free scene is without "
    "error, so its PSNR has no value.",
    columns=[
        Column("title", "method"),
        Column("exposure_ratio", "$r$", "g"),
        *(
            Column(key, head, honest[key], interval=(f"{key}_low", f"{key}_high"))
            for key, head in zip(honest, heads, strict=True)
        ),
    ],
    record=evaluated,
)

# %% tags=["hide-input"]
page.table(
    report.comparison_rows(profile, "independent", 2, networks, free, honest),
    name="table-paired-honest",
    caption="The same at $r = 2$, as differences field by field, with ± their "
    "standard error. Bold where it exceeds twice that; ↑ the network is "
    "better, ↓ worse. Of the flux bias the absolute value counts.",
    columns=[Column("title", "difference"), *(Column(key, head) for key, head in zip(honest, heads, strict=True))],
    record=evaluated,
)

# %% tags=["hide-input"]
table = {row["title"]: row for row in report.score_rows(profile, [2], ["unchanged", "modern"], honest)}
plain, new = (table[report.title(name)] for name in ("unchanged", "modern"))
page.text(
    f"For `modern` the noise-normalised MSE is {page.value(new.get('nmse'), '.2f')}, against the input's "
    f"{page.value(plain.get('nmse'), '.2f')}. The light of its stars is off by "
    f"{page.value(new.get('flux_bias'), '.1f', '%')} (input: {page.value(plain.get('flux_bias'), '.1f', '%')}), and "
    f"scatters by {page.value(new.get('flux_scatter'), '.2f')} σ (input: "
    f"{page.value(plain.get('flux_scatter'), '.2f')} σ). These are different questions: most pixels are sky, and pixel "
    "measures are about most pixels. Who wants fluxes must look at fluxes."
)

# %% [markdown]
# {numref}`fig-ratio` follows the noise-normalised MSE over all exposure ratios. It is 1 for the input by
# definition, and below 1 an image is closer to the scene than its input. A blur pays for its smooth sky with
# the cores of stars.

# %%
rows = report.score_rows(profile, (2, 3, 4, 5), ["unchanged", "gaussian_blur", *networks], ["nmse"])
found = [row for row in rows if "nmse" in row]
curves = {row["title"]: ([], []) for row in found} or {"not run": ([], [])}
for row in found:
    ratios, values = curves[row["title"]]
    ratios.append(row["exposure_ratio"])
    values.append(row["nmse"])
page.figure(
    figures.curves(curves, xlabel="exposure ratio r", ylabel="noise-normalised MSE", logy=True, markers=True),
    name="fig-ratio",
    caption="Noise-normalised MSE against the exposure ratio, independent exposures, "
    "mean over fields. 1 is as noisy as the input.",
    alt="Curves of noise-normalised mean squared error against exposure ratio on a "
    "logarithmic axis. The unchanged input stays at one; the blur lies above it "
    "and falls with the ratio; the modern network lies far below one.",
    record=evaluated,
)

# %% [markdown]
# Most test fields are of the kinds seen in training. A few belong to *held-out* families, which no training
# field belongs to: another luminosity function, another galaxy population. They are scored apart, in the full
# evaluation.

# %%
rows = report.score_rows(profile, [2], everyone, honest, fields="held_out")
columns = [Column(key, head, honest[key]) for key, head in zip(honest, heads, strict=True)]
page.table(
    rows,
    name="table-held-out",
    caption="As {numref}`table-honest`, on fields of families that training never saw, $r = 2$.",
    columns=[Column("title", "method"), *columns],
    record=evaluated,
) if any("mae" in row for row in rows) else page.note(
    "The fields that this profile scores include none of these families; those of `paper` and `retrain` do."
)

# %% [markdown]
# ## The light of stars, by signal-to-noise ratio
#
# One number for all stars hides what matters. Bright stars survive any treatment; whether a denoiser may be used
# for photometry is decided by the faint ones. So here are the errors of forced fluxes against the signal-to-noise
# ratio (SNR) that the star has in the *input*: all isolated stars of all fields, in an aperture at the true place, in
# units of the {term}`Cramér–Rao bound` of the input.
#
# An unbiased measurement that gets all there is out of the input lies at 0 in {numref}`fig-flux-bias` and at 1 in
# {numref}`fig-flux-scatter`. A scatter below 1 is no feat: it can be had by answering with what stars are usually
# like, and the price is a bias.

# %%
compared = ["unchanged", "gaussian_blur", *networks]
page.figure(
    figures.curves(
        report.flux_curves(profile, compared, "bias_sigma", 2),
        xlabel="signal-to-noise ratio of the star in the input",
        ylabel="flux bias (σ of the bound)",
        logx=True,
        markers=True,
    ),
    name="fig-flux-bias",
    caption="Median error of forced fluxes against the star's SNR, $r = 2$, independent exposures, training families. "
    "Bands: standard error. Below 0 stars are dimmed.",
    alt="Curves of flux bias against signal-to-noise ratio. The input stays near zero; blur and the direct networks "
    "fall far below it for bright stars; modern lies slightly below zero, most of all for faint stars.",
    record=evaluated,
)

# %%
page.figure(
    figures.curves(
        report.flux_curves(profile, ["unchanged", *networks], "scatter", 2),
        xlabel="signal-to-noise ratio of the star in the input",
        ylabel="flux scatter (σ of the bound)",
        logx=True,
        logy=True,
        markers=True,
    ),
    name="fig-flux-scatter",
    caption="Scatter of the same fluxes about their median. 1 is the least that an unbiased measurement can have.",
    alt="Curves of flux scatter against signal-to-noise ratio. Input and modern stay between one and two; the direct "
    "networks rise steeply for bright stars.",
    record=evaluated,
)

# %% tags=["hide-input"]
page.table(
    report.flux_rows(profile, compared, (2, 3, 4, 5)),
    name="table-flux-targets",
    caption="What we ask of a denoiser: a bias below 0.3 σ between SNR 5 and 10 and below 1 % above, and "
    "a scatter above 10 of at most 1.15 σ. Below SNR 5 we promise nothing.",
    columns=[
        Column("title", "method"),
        Column("exposure_ratio", "$r$", "g"),
        Column("bias_sigma", "bias, SNR 5–10", ".2f", "σ", spread="bias_error"),
        Column("faint", "stars", ".0f"),
        Column("bias", "bias, SNR > 10", ".2f", "%"),
        Column("scatter", "scatter, SNR > 10", ".2f", "σ"),
        Column("stars", "stars", ".0f"),
    ],
    record=evaluated,
)

# %% [markdown]
# ## Made again on this machine
#
# The tables above are published records: 20 fields, three noise seeds. `make book` with the profile `quick` scores a
# few of these fields again, with one noise seed, from the same weights. Here is how the two agree, field by field.

# %% tags=["hide-input"]
again = ["mae", "nmse", "psnr", "tpr", "precision", "flux_bias"]
rows = [
    row | {"protocol": f"`{protocol}`"}
    for protocol in ("paper", "independent")
    for row in paper_rows.recomputed_rows(profile, everyone, again, protocol, 2.0)
]
page.table(
    rows,
    name="table-again",
    caption="Scores made on this machine beside the published ones, means over the same n fields, $r = 2$.",
    columns=[
        Column("protocol", "protocol"),
        Column("title", "method"),
        Column("measure", "measure"),
        Column("here", "here", ".4g"),
        Column("published", "published", ".4g"),
        Column("difference", "difference", ".2g", spread="error"),
        Column("n", "n", "d"),
    ],
    record=evaluated,
) if rows else page.note("Nothing was scored here besides what the tables above show.")

# %% tags=["hide-input"]
outside = [f"{row['title']}: {row['measure']} ({row['protocol']})" for row in rows if not row["agrees"]]
page.text(
    f"Of {len(rows)} comparisons {len(outside)} differ by more than twice the standard error of the difference"
    + (f" ({'; '.join(outside)}). With so few fields some do by chance." if outside else ".")
    if rows
    else "With another profile than `quick` there is nothing to compare."
)

# %% [markdown]
# ## Looking at it
#
# The figures below are computed now, at $r = 2$ and by the paper's protocol: Fig. 6 on the test fields with star
# clusters of the training families, the others on the first of them.

# %%
applied = methods(["unchanged", *networks], profile)
clusters = Clusters.of(applied, seed)
shot, outputs, stars = clusters.shots[0], clusters.outputs[0], clusters.stars[0]

# %% [markdown]
# ### Flux errors
#
# The paper's Fig. 6 shows stars that were found in the ground truth, in the outputs, *and* in the input, so
# that everyone is judged on the same stars.

# %%
errors = {labels[name]: sample for name, sample in clusters.errors.items()}
page.figure(
    figures.errors_vs_flux(errors, xlabel="flux in the long exposure (e⁻)", ylabel="relative flux error (%)"),
    name="fig-6",
    caption="Paper Fig. 6 · Relative flux error, [Eq. (25)](#eq-25), against flux, "
    "for stars found in the long exposure, the input and every output. Large "
    "symbols: median of a bin, with the 16th and 84th percentile. Positive: "
    "the output is too faint.",
    alt="Scatter of relative flux errors against flux on a logarithmic axis, one "
    "colour a method. Errors are a few percent for the faintest stars and shrink "
    "towards bright ones; the methods' medians lie close to zero.",
    record=trained,
)

# %% tags=["hide-input"]
n = {len(error) for _, error in errors.values()}
means = (
    f"{name.lower()} {page.value(abs(error).mean(), '.2f', '%', spread=abs(error).std() / len(error) ** 0.5)} "
    f"(signed {page.value(error.mean(), '.2f', spread=error.std() / len(error) ** 0.5)})"
    for name, (_, error) in errors.items()
)
base = abs(errors["Input"][1]) if "Input" in errors else np.zeros(0)
worse = [name for name, (_, error) in errors.items() if name != "Input" and clearly_larger(abs(error), base)]
page.text(
    f"On these {max(n, default=0)} common stars in {len(clusters.shots)} fields the mean absolute error is "
    + ", ".join(means)
    + f". Beyond doubt larger than the input's: {', '.join(worse).lower() or 'none'}. In the paper: 1.39 ± 0.19 % "
    "(input), 1.45 ± 0.13 % (Network 1), 1.35 ± 0.13 % (Network 2): no difference beyond the errors. The flux in an "
    "aperture is a sum over 79 pixels already, so there is little to be gained by smoothing, and something to be lost."
)

# %% [markdown]
# ### Distribution of pixels
#
# In the pixel histograms of the authors' repository the input peaks at half the sky of the ground truth: it is
# shown in its own electrons. Any output, even the input times two, is closer. So we show the input both ways.

# %%
time = shot.field.exposure_time
images = {"long exposure": (shot.long + shot.sky) * time, "input, own electrons": (shot.noisy + shot.sky) * time / 2}
images |= {"input, flux-matched": (shot.noisy + shot.sky) * time}
images |= {labels[name]: (output + shot.sky) * time for name, output in outputs.items() if name != "unchanged"}
page.figure(
    figures.histograms(images, xlabel="electrons", limits=(0, 3 * shot.sky * time)),
    name="fig-7",
    caption="Paper Fig. 7 · Distribution of pixel values in electrons, with the sky. "
    "In its own electrons the input lies at half of the long exposure's sky; "
    "multiplied by $r$ it lies where the long exposure does, and is broader.",
    alt="Histograms of pixel values on a logarithmic axis. The input in its own "
    "electrons peaks at half the value of the others; the flux-matched input is "
    "the broadest at the common peak, the networks' peaks are narrower than the "
    "long exposure's.",
    record=trained,
)

# %% [markdown]
# An output whose noise is lower than the long exposure's *cannot* have the same distribution; the better the
# denoiser, the larger its KL divergence from a noisy truth. Agreement of histograms is not the aim.
#
# ### The images

# %%
corner, size = (110, 275), 110
window = (slice(corner[1], corner[1] + size), slice(corner[0], corner[0] + size))
shown = [("Long exposure", shot.long[window]), *((labels[name], image[window]) for name, image in outputs.items())]
marks = {1 + panel: cut_marks(each.marks, corner, size) for panel, each in enumerate(stars.values())}
page.figure(
    figures.sky_panels(shown, marks=marks, kind="asinh"),
    name="fig-8",
    caption="Paper Fig. 8 · Part of a star cluster: the long exposure, the input at "
    "$r = 2$, and the networks' outputs, at one stretch. Circles: stars found "
    "there and in the long exposure. Squares: in the long exposure only. "
    "Diamonds: in this image only.",
    alt="Panels of one crowded star field: the long exposure without marks, the input "
    "and the outputs with circles around found stars, a few squares around missed "
    "ones and diamonds around stars that only this image shows.",
    record=trained,
)

# %% [markdown]
# ### Residuals
#
# What is left when the output is subtracted from the long exposure? Noise, if all is well; stars, if their
# fluxes or their shapes are wrong.

# %%
residuals = [
    (
        f"{labels[name]}\nmean {page.value(image.mean(), '.2f')}, σ {page.value(image.std(), '.1f', 'e⁻')}",
        image[window] / time,
    )
    for name, image in clusters.residuals.items()
]
page.figure(
    figures.sky_panels([("Long exposure", shot.long[window])], residual=residuals, kind="asinh"),
    name="fig-9",
    caption="Paper Fig. 9 · Long exposure minus image, for the input and the "
    "networks, at one symmetric stretch. Mean and standard deviation, in "
    "electrons, are of the whole field. The paper has means of 0.14 and 0.26 "
    "and standard deviations of 18.1 and 13.3 for Networks 1 and 2.",
    alt="The long exposure of a star field and residual images in red and blue. The "
    "residuals are noise-like between the stars; at bright stars they are "
    "stronger, as discs for the input and with structure for Network 1.",
    record=trained,
)

# %% [markdown]
# The standard deviation of such a residual is the sum of two noises, the long exposure's and the output's own
# error, and is dominated by the photons of bright stars. The map says more than the number.
#
# ### A galaxy, against the truth
#
# Last, the honest protocol: an exposure of its own, and the scene to compare with.

# %%
galaxy = fields("test")[2]
other = expose(galaxy, render(galaxy), "independent", 4.0, noise_seed=seed)
part = (slice(180, 340), slice(180, 340))
truth = other.target[part]
answers = {labels[name]: method(other)[part] for name, method in applied.items()}
page.figure(
    figures.sky_panels(
        [("Noise-free scene", truth), *answers.items()],
        residual=[(f"{name} − scene", image - truth) for name, image in answers.items()],
        columns=3,
    ),
    name="fig-galaxy",
    caption="Part of a simulated galaxy at $r = 4$, an exposure of its own: the "
    "scene, the input and the outputs at one stretch, and what they differ "
    "from the scene by. The first residual is the noise; in the others, "
    "structure that follows the galaxy is structure that was lost or "
    "invented.",
    alt="Panels of part of a galaxy with knots: the smooth true scene, the grainy "
    "input, the networks' smoother outputs, and residuals, strongest for the "
    "input and faintest for the modern network.",
    record=trained,
    view="compare",
)

# %% [markdown]
# ## What to remember
#
# * Never compare with the input alone. A blur and a relabelled input belong in the table, and so does the
#   truth.
# * On our fields and the paper's terms, a change of label and a blur reach much of what SNR$_\mathrm{f}$ can
#   reach, and the truth itself fails the star test. That doesn't make a network bad; it makes the terms unfit
#   for ranking.
# * Against the noise-free scene, on independent exposures, methods come apart. But a closer image isn't the
#   same as better photometry: look at flux bias and scatter before the pixel measures.
# * Differences are ranked only where they exceed twice their error, field by field.
# * Our networks have had a small share of the paper's schedule. What is shown here is the machinery, and a
#   direction.
#
# **Next:** [Which choices matter?](#page-experiments)
