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
# (page-scorecard)=
# # Scorecard
#
# :::{admonition} This page
# :class: tip page-contract
#
# **You will learn** whether to denoise an image before you find stars or galaxies in it, before you measure them, or
# before you show it; how more than twenty methods compare on the same skies; and which gains of denoising are real.
#
# **You need** [The limit](#page-limit), which says what no method can do, and [Peers](#page-peers), where the methods
# are introduced.
#
# **Reading time** 25 minutes.
# :::
#
# The paper compares its network with no other method: that was "beyond scope". Here every method it names, and those
# that are used today, see the same skies under the same noise. All of these skies hold sources of known place and
# brightness, so nothing has to be compared with another noisy image. Nothing was tuned on them. The seeds are fixed,
# and the set has a name, `scorecard-v1`, so that numbers from different months can be compared, and
# [yours can be added](../benchmark.md).

# %%
from astrounet_core import (
    colour_magnitude,
    figures,
    score_methods,
    score_record,
    scorecard_claims,
    scorecard_goals,
    scorecard_table,
)
from astrounet_core.figures import Column
from astrounet_core.scorecard_table import STANDARD

page = figures.open_page("scorecard", profile=profile, seed=seed)
record = score_record.load(profile)
own = score_record.load(profile, own=True)
shown = scorecard_table.present(record, ("modern", "network1", "starlet", "bm3d", "unchanged", "longer exposure"))

# %% [markdown]
# ## One line a method
#
# The first three columns of numbers say how much deeper, in magnitudes, a catalogue of the denoised image goes than one
# of the noisy image itself, at the same number of false alarms. The noisy image is searched with the filter that is
# best for it, which for isolated stars nothing can beat ([The limit](#page-limit)). Click on a head to sort.

# %% tags=["hide-input"]
page.table(
    scorecard_table.summary(record, scorecard_table.in_order(record)),
    name="table-scorecard",
    caption="Every method on the same skies; intervals are in the tables below. Positive is deeper in the first three "
    "columns; the bias of bright stars (SNR above 10) and of faint ones (SNR 4.3, in units of the error that a star of "
    "that flux must have) should be 0; an efficiency above 1 is shrinkage; invented: on dark sky near bright stars. In "
    "parentheses: at far more false alarms than allowed ({numref}`table-depth`).",
    columns=[
        Column("title", "method"),
        Column("isolated", "stars $\\Delta m_{90}$", "+.2f", "mag"),
        Column("crowded", "crowded $\\Delta m_{90}$", "+.2f", "mag"),
        Column("extended", "galaxies $\\Delta m_{90}$", "+.2f", "mag"),
        Column("bias", "bias", "+.2f", "%"),
        Column("bias_faint", "faint bias", "+.2f", "σ"),
        Column("efficiency", "efficiency", ".2f"),
        Column("invented", "invented", ".0f", "arcmin$^{-2}$"),
        Column("coverage", "68 % covers", ".0f", "%"),
        Column("seconds", "time", ".2f", "s/Mpx"),
    ],
    record=record.made_by(),
)

# %% [markdown]
# ## Detection: how faint?
#
# One detector for all: the image is correlated with the PSF, or with discs of several sizes where galaxies are looked
# for, and peaks count that stand above a threshold. Each method gets the threshold at which its *own* empty sky, 10
# square arcminutes of it, shows ten false alarms per square arcminute. A smoother image gets a lower one; that it looks
# cleaner earns nothing.

# %% tags=["hide-input"]
panels = {
    fields: scorecard_table.curves(record, shown, "completeness", fields=fields, protocol=STANDARD)
    for fields in scorecard_table.DEPTHS.values()
}
page.figure(
    figures.curve_panels(panels, xlabel="AB magnitude", ylabel="completeness", limits=(-0.02, 1.02), level=0.9),
    name="fig-completeness",
    caption="Share of added sources that is found, by magnitude, at 10 false alarms per square arcminute of empty sky. "
    "Bands: binomial errors. The line marks 90 %. Twice the exposure moves the curves of stars and galaxies to the "
    "right; denoising hardly moves them, or moves them to the left. In clusters neighbours hide more stars than noise "
    "does.",
    alt="Three panels of falling curves: isolated stars, stars in clusters, and galaxies. Curves of the methods lie on "
    "top of each other for stars; the longer exposure's lies to the right.",
    record=record.made_by(section="detection"),
    view="explore",
)

# %% tags=["hide-input"]
kinds = (("isolated", "isolated"), ("crowded", "crowded"), ("extended", "galaxies"))
held = (("wider", "another PSF"), ("king", "King clusters"))
page.table(
    scorecard_table.depth_rows(record, scorecard_table.in_order(record)),
    name="table-depth",
    caption="Magnitude at which 90 % of isolated stars are found, and how much deeper than the noisy input each "
    "kind of source is found (mag, 68 % interval). The last two are skies that training never made: a PSF "
    "wider by a quarter, and clusters of another profile and luminosity function. In parentheses: not comparable, as "
    "the method adapts to the image, and shows more than 30 false detections per square arcminute (last column) once "
    "there are stars in it.",
    columns=[
        Column("title", "method"),
        Column("m90", "$m_{90}$", ".2f"),
        *(Column(key, head, "+.3f", interval=(f"{key}_low", f"{key}_high")) for key, head in (*kinds, *held)),
        Column("false", "false", ".0f", "arcmin$^{-2}$"),
    ],
    record=record.made_by(section="detection"),
)

# %% [markdown]
# ## Purity
#
# How much of a catalogue is real, at the magnitude that was *measured*? This depends on how many stars there are: here
# every method had the same.

# %% tags=["hide-input"]
panels = {
    fields: scorecard_table.curves(record, shown, "purity", fields=fields, protocol=STANDARD)
    for fields in ("isolated stars", "extended sources")
}
page.figure(
    figures.curve_panels(panels, xlabel="measured AB magnitude", ylabel="purity", limits=(-0.02, 1.02), level=1.0),
    name="fig-purity",
    caption="Share of detections that lie on an added source, by measured magnitude. Bands: binomial errors. Methods "
    "that pull faint sources down fill the faint bins with real ones.",
    alt="Two panels, stars and galaxies: purity is 1 for bright detections and falls where noise peaks mix in.",
    record=record.made_by(section="detection"),
    view="explore",
)

# %% [markdown]
# ## Photometry: how well?
#
# Forced photometry at the true places of *all* added stars, found or not. The grey line is no bias; the noisy input has
# none. Below a signal-to-noise ratio of 5 a network says less than there is: it believes that a faint excess is noise,
# as most of them are.

# %% tags=["hide-input"]
alone = {"fields": "isolated stars", "protocol": "standard"}
measured = [name for name in shown if name != "longer exposure"]
panels = {
    "bias, PSF fit [σ]": scorecard_table.curves(record, measured, "bias_psf_sigma", **alone),
    "bias, aperture [σ]": scorecard_table.curves(record, measured, "bias_aperture_sigma", **alone),
}
page.figure(
    figures.curve_panels(panels, xlabel="AB magnitude", ylabel="median error / bound"),
    name="fig-scorecard-bias",
    caption="Median error of fluxes in units of the Cramér–Rao bound of the input: the error that no unbiased "
    "measurement of that image can undercut. Bands: 68 % intervals.",
    alt="Two panels. The input's bias is zero at all magnitudes; the networks' is zero for bright stars and falls "
    "below minus one towards the faintest.",
    record=record.made_by(section="stars"),
    view="explore",
)

# %% tags=["hide-input"]
panels = {
    "scatter, PSF fit [σ]": scorecard_table.curves(record, measured, "scatter_psf", **alone),
    "efficiency": scorecard_table.curves(record, measured, "efficiency", **alone),
}
page.figure(
    figures.curve_panels(panels, xlabel="AB magnitude", ylabel="in units of the bound", level=1.0),
    name="fig-efficiency",
    caption="Left: scatter of fluxes over the Cramér–Rao bound. Right: the bound squared over the mean squared error. "
    "The line at 1 is the bound. Above it on the right lies shrinkage: a smaller error, bought with a bias.",
    alt="Two panels with a line at one. The input lies on it; networks scatter less than the bound for faint stars.",
    record=record.made_by(section="stars"),
    view="explore",
)

# %% [markdown]
# A cluster in two bands, before and after. Each band is denoised by itself, and every star is measured at its true
# place.

# %% tags=["hide-input"]
pair = colour_magnitude.cluster(size=320)
chosen = score_methods.methods(["unchanged", "modern"])
diagram = colour_magnitude.diagram(chosen, pair)
page.figure(
    figures.colour_magnitude_panels(diagram, {name: record.title(name) for name in chosen}),
    name="fig-colour-magnitude",
    caption="Colour-magnitude diagram of one simulated cluster from the noisy images and from denoised ones. The line "
    "is the true sequence, which has no width; all spread is error. Faint stars that came out with no light in one "
    "band are missing.",
    alt="Two scatter plots of magnitude against colour around the same curved line; the spread grows towards faint "
    "stars in both.",
)

# %% tags=["hide-input"]
page.table(
    scorecard_table.colour_rows(record, measured),
    name="table-colours",
    caption="Error of F555W − F606W by F606W magnitude, in clusters: bias, scatter and share of stars without a "
    "colour; the bound is the Cramér–Rao bound of both fluxes.",
    columns=[
        Column("magnitude", "F606W", ".0f"),
        Column("title", "method"),
        Column("colour_bias", "bias", "+.3f", "mag"),
        Column("colour_scatter", "scatter", ".3f", "mag"),
        Column("colour_lost", "lost", ".1f", "%"),
    ],
    record=record.made_by(section="galaxies"),
)

# %% [markdown]
# ## Invention: what was never there
#
# The thresholds stay, the skies change: noise that is correlated by drizzling, cosmic rays, the surroundings of bright
# stars and galaxies, images times −1. A detection is false if the noise-free sky has no peak there. Near bright sources
# the noise itself is larger, which a threshold for empty sky does not know; on the *dark sky* near them it is not.

# %% tags=["hide-input"]
methods = scorecard_table.present(record, ("unchanged", "modern", "network1", "starlet", "bm3d"))
page.table(
    scorecard_table.invention_rows(record, methods),
    name="table-invention",
    caption="False detections per square arcminute at thresholds that allow 10 on standard empty sky, with 68 % "
    "intervals. On cosmic rays every method fails: they are as sharp as stars and have to be removed first.",
    columns=[
        Column("case", "where"),
        *(Column(name, record.title(name), ".1f", interval=(f"{name}_low", f"{name}_high")) for name in methods),
    ],
    record=record.made_by(section="detection"),
)

# %% tags=["hide-input"]
page.table(
    scorecard_table.persistence_rows(record, methods),
    name="table-persistence",
    caption="Share of false detections that are there again, at the same place, under independent noise, %. What comes "
    "back is made by the method or by the sky, what does not is made by noise.",
    columns=[Column("case", "where"), *(Column(name, record.title(name), ".1f") for name in methods)],
    record=record.made_by(section="detection"),
)

# %% [markdown]
# ## Shape and place

# %% tags=["hide-input"]
page.table(
    scorecard_table.shape_rows(record, measured, (21.5, 23.5, 25.5)),
    name="table-shapes",
    caption="Isolated stars after each method: width over the true width, ellipticity that is not theirs, and "
    "scatter of places per axis.",
    columns=[
        Column("magnitude", "AB", ".1f"),
        Column("title", "method"),
        Column("fwhm_ratio", "FWHM / true", ".3f", interval=("fwhm_ratio_low", "fwhm_ratio_high")),
        Column("ellipticity", "ellipticity", ".3f"),
        Column("astrometric_scatter", "place", ".3f", "px"),
    ],
    record=record.made_by(section="stars"),
)

# %% tags=["hide-input"]
page.table(
    scorecard_table.galaxy_rows(record, measured),
    name="table-galaxies",
    caption="Galaxies of half-light radius 0.24″ after each method: radius over the true one (both with the PSF), and "
    "error of the light within 0.8″.",
    columns=[
        Column("fields", "galaxies"),
        Column("magnitude", "AB", ".0f"),
        Column("title", "method"),
        Column("half_light_radius_ratio", "radius / true", ".3f", interval=("radius_low", "radius_high")),
        Column("bias_galaxy", "light", "+.1f", "%"),
    ],
    record=record.made_by(section="galaxies"),
)

# %% [markdown]
# ## Goals, met and missed
#
# What this project set out to reach with `modern`, before it was measured. Errors of pixels and apertures, residuals
# and the worst cases have a page of their own, [Uncertainty and failure modes](#page-failure-modes).

# %% tags=["hide-input"]
page.table(
    scorecard_goals.goals(record),
    name="table-goals",
    caption="Goals for the network modern and what was measured, on skies that nothing was tuned on; 68 % intervals.",
    columns=[Column("goal", "goal"), Column("measured", "measured"), Column("verdict", "verdict")],
    record=record.made_by("modern"),
)

# %% [markdown]
# What is missed, and what physics forbids:
#
# - **Deeper by 0.2 mag in crowded fields.** At the magnitude where nine of ten stars are found, noise is not what hides
#   the tenth: its neighbours do. Twice the exposure doesn't bring it back either ({numref}`table-depth`).
# - **Deeper by 0.2 mag for galaxies.** On empty sky the bank of matched filters is close to the best test there is, so
#   there was little room: gains over *one* PSF filter, as in {cite:t}`roscani2020`, are gains over a filter of the
#   wrong size. A bank that looks for large discs only has fewer false alarms to allow for, and goes deeper for large
#   galaxies; but that is knowing beforehand what to look for. `modern` was shown many stars and flattens faint, wide
#   light.
# - **Faint stars.** A network that is trained on squared errors answers with the mean of what it finds likely. A faint
#   excess is more often noise than a star, so the mean lies below the star ([The limit](#page-limit) derives by how
#   much). No amount of training changes that; a loss that forbids it would give the noise back.
# - **Imprints.** A residual of a bright star that is 0.1 % of its light is many standard errors high in a stack of
#   hundreds.
#
# ## What is real?

# %% tags=["hide-input"]
page.table(
    scorecard_claims.claims(record, profile),
    name="table-scorecard-claims",
    caption="What can be said for denoising with the network modern, sorted by what is behind it.",
    columns=[Column("claim", "claim"), Column("number", "number"), Column("kind", "kind"), Column("why", "why")],
    record=record.made_by("modern"),
)

# %% [markdown]
# ## What to do

# %% tags=["hide-input"]
page.definitions(scorecard_claims.answers(record, profile))

# %% [markdown]
# ## Made again here
#
# The numbers above are from the full run. This build has measured a part of it anew, on fewer skies.

# %% tags=["hide-input"]
page.table(
    scorecard_table.recomputed_rows(record, own),
    name="table-recomputed",
    caption="Numbers of the published record beside those of this build, which saw fewer skies; 68 % intervals.",
    columns=[
        Column("title", "method"),
        Column("quantity", "quantity"),
        Column("published", "published", ".2f", interval=("published_low", "published_high")),
        Column("own", "this build", ".2f", interval=("own_low", "own_high")),
    ],
    record=own.made_by() if own else None,
)

# %% [markdown]
# ## What to remember
#
# - At the same number of false alarms, no method finds fainter isolated stars than the matched filter on the noisy
#   image. Twice the exposure does.
# - Bright stars keep their flux; faint ones lose light to the prior.
# - A smaller scatter than the Cramér–Rao bound is a bias, not a better measurement.
# - Denoise to look. Detect and measure on the image you took.
#
# **Next:** [Uncertainty and failure modes](#page-failure-modes).
