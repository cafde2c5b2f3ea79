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
# (page-failure-modes)=
# # Uncertainty and failure modes
#
# :::{admonition} This page
# :class: tip page-contract
#
# **You will learn** what an error bar on a denoised pixel can mean, how ours are made and how often they hold; what a
# method takes away besides noise; what happens to an image that isn't as expected; and the worst that our best network
# did in a search for it.
#
# **You need** [The limit](#page-limit) and [Scorecard](#page-scorecard).
#
# **Reading time** 20 minutes.
# :::
#
# A denoised image comes without error bars, and looks as if it needed none. This page gives it some, checks them where
# the truth is known, and shows where they fail.

# %%
from astrounet_core import (
    failure_figures,
    failure_table,
    figures,
    known_stars,
    residuals,
    score_methods,
    scorecard_table,
    uncertainty,
    worst_cases,
)
from astrounet_core.figures import Column
from astrounet_core.robustness import PERTURBATIONS

page = figures.open_page("failure_modes", profile=profile, seed=seed)
record = failure_table.load(profile)
shown = failure_table.SHOWN
missing = failure_table.not_run(record, shown, profile)
nothing = page.text("This figure was *not run*.")

# %% tags=["hide-input"]
page.note(missing, title="Not run") if missing else None

# %% [markdown]
# ## What can an error mean?
#
# Of the noisy image one knows: a pixel's error is the noise, and its standard deviation follows from electrons counted
# and read ([Noise model](#page-noise-model)). Of a denoised pixel, three things are called its error.
#
# How much it would change if the exposure were repeated
# : A network that always answers "sky" repeats itself perfectly. This number says how *stable* an output is, not how
#   right.
#
# How widely the skies differ that could have made this image
# : The width of a posterior. It is right as far as the prior is: the skies of the training.
#
# How far the output is from the truth, over many images of known truth
# : This includes noise that came through, light that was taken away and anything invented. It can be measured for any
#   method, without looking into it. **This is what we use.**
#
# Our errors are made in two steps. On one half of the validation fields, errors of pixels are sorted by what can be
# *seen* without the truth: the output's signal over the input's noise, the brightest pixel nearby, how correlated the
# noise is. Each class gets its 68th percentile. On the other half these numbers are multiplied by a factor for each
# class of signal and each nominal coverage, so that there they hold as often as they should: split-conformal
# calibration (Angelopoulos & Bates 2021). For $n$ new errors that are exchangeable with the $n$ of the calibration
# it guarantees the coverage to $1 / (n + 1)$.
#
# **What this promises:** over many fields like those, intervals of *visible* classes hold as often as they say. **What
# it doesn't promise:** coverage for each field, for skies of another kind, or for sources of one *true* brightness. A
# star that the network has removed looks like sky, and gets the small error of sky. No interval that is made from the
# output alone can know.
#
# ### From pixels to apertures
#
# Errors of neighbouring denoised pixels go together: what was wrongly taken from one was taken from the next. So they
# don't add in quadrature. Our recipe for an aperture of diameter $d$ is
#
# $$
# \sigma_\mathrm{aperture} = f(d) \, \sqrt{\sum_i \sigma_i^2} ,
# $$
#
# with $f$ measured on the second half of the fields. For independent errors $f$ would be 1.

# %% tags=["hide-input"]
classes = {"below5": "SNR below 5", "to20": "5 to 20", "above20": "above 20"}
page.table(
    failure_table.factor_rows(uncertainty.load("modern")),
    name="table-aperture-factors",
    caption="Factor $f$ for the network modern, by visible signal-to-noise ratio of the aperture (the output's light "
    "over the input's noise). The last three columns hold for intervals of 95 %; Gaussian errors would have twice the "
    "first three. The wider and the fainter the aperture, the more the errors of its pixels agree.",
    columns=[
        Column("diameter", "$d$", ".0f", "pixels"),
        *(Column(f"{key}_{level}", f"{level} %: {head}", ".2f") for level in (68, 95) for key, head in classes.items()),
    ],
)

# %% [markdown]
# ## Do they hold?
#
# On test fields, by *true* signal-to-noise ratio, which is what the promise excludes and what one wants to know. All
# strata count alike in the mean; otherwise sky pixels would decide it.

# %% tags=["hide-input"]
strata = ("sky", "SNR 1-5", "SNR 5-20", "SNR above 20")
panels = failure_table.reliability(record, ("modern", "unchanged"), strata)
page.figure(
    figures.curve_panels(panels, xlabel="nominal coverage [%]", ylabel="actual coverage [%]", limits=(0, 100)),
    name="fig-reliability",
    caption="Reliability of intervals of pixels: how often they hold the truth against how often they should, by true "
    "signal-to-noise ratio. Above the diagonal they are too wide, below too narrow. Bands: 68 % intervals, by drawing "
    "fields again.",
    alt="Four panels with a diagonal each. The curves of the unchanged input lie on the diagonal; that of the "
    "network lies above it on the sky and near it elsewhere.",
    record=record.made_by("modern", "unchanged", section="uncertainty"),
) if panels else nothing

# %% tags=["hide-input"]
kinds = [(f"{what}_{level}", f"{what}, {level} %") for what in ("pixels", "apertures") for level in (68, 95)]
between = [Column(key, head, ".1f", "%", interval=(f"{key}_low", f"{key}_high")) for key, head in kinds]
page.table(
    failure_table.coverage_rows(record, ("modern", "network1", "unchanged")),
    name="table-coverage",
    caption="Actual coverage on the test fields by true signal-to-noise ratio, of pixels and of apertures 6 pixels "
    "across, with 68 % intervals. The goal for 68 % intervals is 66 to 70 %: above, they are too wide; below, too "
    "narrow.",
    columns=[
        Column("title", "method"),
        Column("stratum", "true signal"),
        *between[:2],
        Column("pixels_verdict", "68 % of pixels"),
        *between[2:],
        Column("apertures_verdict", "68 % of apertures"),
    ],
    record=record.made_by("modern", "network1", "unchanged", section="uncertainty"),
)

# %% tags=["hide-input"]
page.table(
    failure_table.coverage_rows(record, ("modern", "unchanged"), "held_out"),
    name="table-coverage-held-out",
    caption="The same on fields of kinds that training never made: clusters with another profile and luminosity "
    "function, compact galaxies. Calibration was not done for these, and there are few of them.",
    columns=[
        Column("title", "method"),
        Column("stratum", "true signal"),
        between[0],
        Column("pixels_verdict", "68 % of pixels"),
        between[2],
        Column("apertures_verdict", "68 % of apertures"),
    ],
    record=record.made_by("modern", "unchanged", section="uncertainty"),
)

# %% tags=["hide-input"]
page.table(
    failure_table.goals(record),
    name="table-failure-goals",
    caption="The goals of this page for the network modern, what was measured on the record's skies, and whether that "
    "meets them; 68 % intervals. The imprint is that of the worst magnitude, in standard errors of its stack.",
    columns=[Column("goal", "goal"), Column("measured", "measured"), Column("verdict", "verdict")],
    record=record.made_by("modern"),
)

# %% [markdown]
# The mean over the strata can be right while none of them is. A network's errors on dark sky are smaller than on what
# merely *looks* dark, where a faint source may have been removed. The interval has to serve both, so it is too wide for
# the one and too narrow for the other. That is no fault of the calibration: it is the price of not knowing the truth.
#
# ### Where the noisy image is the better place to measure

# %% tags=["hide-input"]
others = [name for name in shown if name != "unchanged"]
panels = failure_table.error_ratios(record, others, strata)
page.figure(
    figures.curve_panels(panels, xlabel="diameter [pixels]", ylabel="error / input's error", level=1.0),
    name="fig-aperture-error",
    caption="Error of an aperture's sum in the denoised image over that in the noisy one, by true signal-to-noise "
    "ratio of the aperture. Above the line, measure on the noisy image. Below it the error is smaller, a prior's bias "
    "included.",
    alt="Four panels. The network modern stays below the line at one, near it for bright apertures; the paper's "
    "network crosses it for bright ones.",
    record=record.made_by(*shown, section="uncertainty"),
) if panels else nothing

# %% tags=["hide-input"]
page.table(
    failure_table.worse_rows(record, others),
    name="table-worse-apertures",
    caption="In how many combinations of diameter, true signal and kind of fields an aperture's error is larger in the "
    "denoised image than in the noisy one, with all of its 68 % interval; and the worst of these.",
    columns=[
        Column("title", "method"),
        Column("cases", "larger in"),
        Column("worst", "at worst", ".2f"),
        Column("where", "where"),
    ],
    record=record.made_by(*others, section="uncertainty"),
)

# %% [markdown]
# ## What is taken away
#
# The residual $r = (\mathrm{input} - \mathrm{output}) / \sigma$ should be the noise and nothing else: mean 0, variance
# 1, no correlation from pixel to pixel, the same power at all frequencies, and nothing where stars are.

# %% tags=["hide-input"]
page.table(
    failure_table.residual_rows(record, shown),
    name="table-residuals",
    caption="Residuals on skies with isolated stars and white noise: mean, variance, and correlation of neighbours "
    "along rows and columns. A variance below 1 means that noise was left in; above 1, that light was moved. The input "
    "itself has no residual, so no correlation either.",
    columns=[
        Column("title", "method"),
        Column("residual_mean", "mean", ".3f", "σ"),
        Column("residual_variance", "variance", ".3f", "σ²"),
        Column("residual_lag1_x", "correlation, rows", "+.3f"),
        Column("residual_lag1_y", "correlation, columns", "+.3f"),
    ],
    record=record.made_by(*shown, section="stars"),
)

# %% tags=["hide-input"]
powers = failure_table.transfer(record, others)
page.figure(
    figures.curves(powers, xlabel="frequency [cycles per pixel]", ylabel="residual / noise", markers=True),
    name="fig-residual-power",
    caption="Power of the residual over that of the noise, by spatial frequency; it should be 1. At low frequencies "
    "noise can't be told from faint extended light, and networks leave it in: this is why errors of wide apertures "
    "don't average out.",
    alt="Curves that rise from a few tenths at low frequencies towards one at high ones.",
    record=record.made_by(*others, section="stars"),
) if powers else nothing

# %% tags=["hide-input"]
shares = scorecard_table.curves(record, others, "imprint_share", **failure_table.ALONE)
shares = {name: (magnitude, share) for name, (magnitude, share, *limits) in shares.items()}
page.figure(
    figures.curves(shares, xlabel="AB magnitude", ylabel="star's light in the residual [%]", markers=True),
    name="fig-imprint-share",
    caption="How much of a star's light has gone into the residual: median, isolated stars. It should be nothing. "
    "Bright stars keep theirs; the faintest lose most of it.",
    alt="Curves near zero for bright stars that rise steeply towards the faintest, later for the network modern.",
    record=record.made_by(*others, section="stars"),
) if shares else nothing

# %% [markdown]
# One sky with a few hundred stars shows the same without a table. All stars of a magnitude are cut out of the residual
# and averaged, so that noise averages out and what is common to them stays.

# %%
magnitudes = {"22.5 mag": (50, 1000), "25.5 mag": (8, 50), "28.0 mag": (1, 8)}
(sky,) = known_stars.isolated(1, 1, magnitudes=(22.5, 25.5, 28.0), size=640, first_seed=worst_cases.FIRST_SEED + seed)
chosen = score_methods.methods(["modern", "starlet", "gaussian_blur"])
seen = {name: worst_cases.look(method, sky) for name, method in chosen.items()}
stacks = {
    score_methods.about(name)["title"]: {key: residuals.stacked(each, *snr)[0] for key, snr in magnitudes.items()}
    for name, each in seen.items()
}

# %% tags=["hide-input"]
page.figure(
    failure_figures.residual_stamps(stacks),
    name="fig-imprint",
    caption=f"Mean residual around {len(sky.x)} stars of three magnitudes, 31 pixels a side, one sky. Noise alone "
    "would leave a grain of a tenth of σ. A red middle is light of the stars that was taken for noise; blue is light "
    "where there was none.",
    alt="A grid of small images, a row a method. The network's are even for bright stars; the other two methods have "
    "blue discs there. At 28 magnitudes all have a red spot in the middle.",
)

# %% tags=["hide-input"]
faint, bright = (
    failure_table.value(record, "modern", "imprint_share", magnitude, **failure_table.ALONE)
    for magnitude in (28.0, 24.5)
)
missed, of = failure_table.imprinted(record, "modern")
page.text(
    f"The goal of no imprint is missed at {missed} of {of} magnitudes, for two reasons. Of a star of 24.5 mag `modern` "
    f"takes {page.value(bright, '.2f', '%')}: little, but it is seen in a stack of many stars, the more as this "
    f"network leaves the noise on bright stars where it is, so that the stack hardly scatters. Of a star of 28 mag it "
    f"takes {page.value(faint, '.0f', '%')}: that is shrinkage ([The limit](#page-limit))."
)

# %% [markdown]
# ## Off the road
#
# Networks are trained on images of one kind. What if yours is another? Each of these perturbations changes the sky,
# the exposure, or what the method is told; the truth is changed alike.

# %% tags=["hide-input"]
labels = [name for name in PERTURBATIONS if name != "none"]
crowded = {"squared error": "robust_nmse", "change of bias [%]": "robust_bias"}
panels = {key: failure_table.robustness_dots(record, shown, name, "crowded field") for key, name in crowded.items()}
scales = {"squared error": {"value": "log"}, "change of bias [%]": {"value": "symlog", "linthresh": 1.0}}
page.figure(
    figures.dot_panels(labels, panels, zero=True, scales=scales),
    name="fig-robustness",
    caption="Left: squared error over that of the unperturbed image, noise-normalised, clusters. The input stays at 1 "
    "but for cosmic rays. Right: change of the bias of stars of a signal-to-noise ratio of 10 to 50, in percentage "
    "points.",
    alt="Two panels of dots, a line a perturbation. The network modern is near one and zero on most; cosmic rays raise "
    "its error about a hundredfold. The paper's network fails on backgrounds below zero.",
    record=record.made_by(*shown, section="robustness"),
) if all(panels.values()) else nothing

# %% tags=["hide-input"]
page.table(
    failure_table.robustness_rows(record, shown, "robust_peaks", "crowded field"),
    name="table-invented-peaks",
    caption="Peaks of output minus truth that a detection at 5 σ of the input's noise would take for sources, per "
    'square arcminute, clusters: "none" as it is, the others as a difference from it. Cosmic rays are kept by all.',
    columns=[
        Column("perturbation", "perturbation"),
        *(Column(name, failure_table.title(record, name), ".0f") for name in shown),
    ],
    record=record.made_by(*shown, section="robustness"),
)

# %% tags=["hide-input"]
panels = {
    fields: scorecard_table.curves(record, others, "equivariance", fields=fields)
    for fields in ("sparse field", "crowded field")
}
panels = {fields: series for fields, series in panels.items() if series}
page.figure(
    figures.curve_panels(panels, xlabel="shift [pixels]", ylabel="rms change [σ]"),
    name="fig-equivariance",
    caption="What changes when the sky is shifted by whole pixels before denoising: rms, in units of the sky's noise. "
    "It should be nothing. A U-net halves its grid four times; shifts by multiples of 2, 4 and 8 change less than odd "
    "ones.",
    alt="Saw-tooth curves for networks: high at odd shifts, lower at even ones, lowest at multiples of eight.",
    record=record.made_by(*others, section="robustness"),
) if panels else nothing

# %% tags=["hide-input"]
ratio, rays, told = (
    failure_table.value(record, "modern", f"robust_nmse:{what}", fields="crowded field")
    for what in ("PSF of 1.5 times the wavelength", "cosmic rays", "told r = 10")
)
page.text(
    f"For `modern` a wrong exposure ratio does no harm: told 10 instead of 2, its squared error is "
    f"{page.value(told, '.3f')} times what it was. A PSF half as wide again as the filter's makes it "
    f"{page.value(ratio, '.2f')} times. Cosmic rays make it {page.value(rays, '.0f')} times: they look like stars, and "
    f"have to be removed first ([Denoise your own](#page-denoise-your-own))."
)

# %% [markdown]
# ## The worst that was found
#
# Means hide what annoys. So here is a search, made anew with this page: six fields, one of each kind, that nothing else
# has used. Six rules choose, not we.
#
# 1. On dark sky: the highest excess of output over truth, in a matched filter.
# 2. Of all stars with a signal-to-noise ratio of 3 to 10: the one whose flux falls most from input to output.
# 3. The 15 × 15 pixels where the output's error exceeds the input's by most.
# 4. With cosmic rays: the largest error.
# 5. With everything ten times brighter and clipped at a tenth of a full well: the pixel that was made worse by most.
# 6. The same with optics at 0.7 times the wavelength, so sharper than in training.

# %%
cases = worst_cases.search(chosen["modern"], seed)

# %% tags=["hide-input"]
page.figure(
    failure_figures.worst_cases(cases),
    name="fig-worst-cases",
    caption="The worst of its kind that `modern` did: input, truth, output at one stretch, and the output's error in "
    "units of the input's noise. Each is 41 pixels wide (1.6″), with the place that the rule names in the middle, or "
    "as near to it as the border allows.",
    alt="Six rows of four small images. Errors in the last column are faint blobs for most; that of cosmic rays "
    "is covered with saturated red spots.",
)

# %% tags=["hide-input"]
page.definitions({f"{number} · {case.title}": [case.sentence] for number, case in enumerate(cases, 1)})

# %% [markdown]
# On the road there are two kinds of error: noise that was believed, and faint light that was not. A stricter network
# would make less of the one and more of the other. Nothing in an image says which of its bumps is which; only a longer
# exposure does. Cosmic rays are another matter: they are bright, and what is wrong with them is their shape.
#
# ## What to remember
#
# - An error of a denoised pixel is a statement about many skies. It holds for skies like those, on average.
# - It can't know which faint source was removed. On dark sky intervals are too wide, around faint sources too narrow.
# - Errors of denoised pixels don't add in quadrature. Use $f(d)$, or measure on the noisy image.
# - Remove cosmic rays before denoising, not by it.
# - Every residual of faint stars has stars in it.
#
# **Next:** [What the paper says, what its code does](#page-forensics); or [score your own denoiser](../benchmark.md).
