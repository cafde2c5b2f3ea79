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
# (page-denoise-your-own)=
# # Denoise your own image
#
# *Beyond the paper: the tool*
#
# :::{admonition} This page
# :class: tip page-contract
#
# **You will learn** to denoise a FITS file with one command, to read what comes out, to ask the tool what it does to
# *your* image, and when not to use it.
#
# **You need** [Quickstart](#page-quickstart).
#
# **Reading time** 10 minutes.
# :::
#
# Everything below is run on one file, as you would run it on yours. The file is the one of the Quickstart, a piece of a
# WFC3/UVIS mosaic through F606W; where it can't be had, a simulated one takes its place.

# %%
import warnings
from contextlib import chdir
from tempfile import mkdtemp

import numpy as np
from astropy.io import fits
from astropy.nddata import CCDData

import astrounet_core
from astrounet_core import demo, figures, inspection, report
from astrounet_core.cli import main as astrounet
from astrounet_core.figures import Column
from astrounet_core.large_apertures import RECORD as LIGHT
from astrounet_core.precision import RECORD
from astrounet_core.provenance import read_json

page = figures.open_page("denoise_your_own", profile=profile, seed=seed)
folder = mkdtemp()
file, real = demo.fits_file("horseshoe_f606w", folder, seed)
shot = demo.real_or_simulated("horseshoe_f606w", seed)

# %% tags=["hide-input"]
page.note(shot.note, kind="note" if real else "warning", title=shot.title)

# %% [markdown]
# ## One command
#
# ```console
# $ astrounet denoise horseshoe_f606w.fits --exptime 2900
# ```
#
# The mosaic's header has no exposure time, so the command gets one; it is the one that leaves blank sky as noisy as
# this. Without it the answer is a sentence and nothing else:

# %%
with chdir(folder):
    code = astrounet(["denoise", file.name])
    astrounet(["denoise", file.name, "--exptime", f"{shot.exposure_time:.0f}"])

# %% [markdown]
# Lines that begin with *warning* say where the image is unlike those that the network learnt from, and what was
# assumed. They are also written into the output's header. A network never says such things itself: whatever it is
# shown, it answers.
#
# ## What comes out

# %% tags=["hide-input"]
with chdir(folder), fits.open(f"{file.stem}_denoised.fits") as hdus:
    image = next(hdu for hdu in hdus if hdu.data is not None)
    output, header = np.array(image.data, dtype=np.float32), image.header
    error, flags = np.array(hdus["INPUT_ERR"].data), np.array(hdus["MASK"].data)
    contents = [(hdu.name, hdu.shape, str(hdu.data.dtype.name)) for hdu in hdus if hdu.data is not None]
meaning = {
    "RESIDUAL": "input minus output",
    "INPUT_ERR": "noise of the input, pixel by pixel",
    "MASK": "bits: 1 no data, 2 saturated, 4 brighter than any in training, 8 masked, 16 was a cosmic ray",
}
page.table(
    [
        {"name": name, "size": " × ".join(map(str, shape)), "type": kind}
        | {"meaning": meaning.get(name, "the denoised image, in the input's unit")}
        for name, shape, kind in contents
    ],
    name="table-denoise-output",
    caption="The images in the output file. Its headers are the input's, with world coordinates.",
    columns=[Column("name", "Name"), Column("size", "Size"), Column("type", "Type"), Column("meaning", "What it is")],
)

# %% tags=["hide-input"]
page.figure(
    figures.sky_panels(
        [("Input", shot.image), ("Output", output)],
        residual=("RESIDUAL", shot.image - output),
        pixel_scale=shot.pixel_scale,
    ),
    name="fig-denoise-output",
    caption="The file's image before and after, at one stretch, and the residual at five of its standard deviations. "
    "Look at the residual first: it should be grain.",
    alt="Three panels: a noisy image of galaxies, the same with a smooth sky, and grain with faint traces of the "
    "brightest galaxies.",
    view="compare",
)

# %% tags=["hide-input"]
page.text(
    "The header keeps the story, in `HISTORY` cards: "
    + "; ".join(f"*{' '.join(line.split())}*" for line in str(header["HISTORY"]).splitlines()[:4])
    + ". Pixels without data, padding of zeros and masked pixels come back as they were; so do saturated ones. Here "
    + f"{page.value(int((flags > 0).sum()), '.0f')} pixels have a bit set."
)

# %% [markdown]
# ## What not to do with it
#
# A photometry program that measures on the output will print an error beside each flux. **That error means nothing.**
# It is computed as if each pixel's noise were its own, and after denoising it isn't: neighbours err together. Take
# errors from `INPUT_ERR`, or measure on the input where the denoised image has shown you a source.

# %% tags=["hide-input"]
blank = inspection.blank_sky(shot.image)
sky = inspection.compare_sky(shot.image, output, blank)
wide = [1, 9]
before, after = (inspection.aperture_scatter(image, blank, wide) for image in (shot.image, output))
naive = after[0] * np.pi**0.5 / 2 * wide[1]
page.text(
    f"On blank sky, the scatter of a pixel falls by a factor of {page.value(before[0] / after[0], '.1f')}, that of the "
    f"sum in an aperture of {wide[1]} pixels by {page.value(before[1] / after[1], '.2f')}. From the pixels of the "
    f"output a program expects apertures to scatter by {page.value(naive, '.3f')} e⁻/s; they do by "
    f"{page.value(after[1], '.3f')}, {page.value(after[1] / naive, '.1f')} times as much. The correlation of "
    f"neighbouring pixels goes from {page.value(sky['lag_before'], '.2f')} to {page.value(sky['lag_after'], '.2f')}."
)

# %% [markdown]
# ## Ask what it does to *this* image
#
# ```console
# $ astrounet check horseshoe_f606w.fits --exptime 2900 --fwhm 1.64
# ```
#
# adds stars whose flux it knows, with their own photon noise, at random places of your image, denoises it with and
# without them, and measures them before and after. Where the header names WFC3/UVIS the stars are Hubble's; here it
# doesn't, so the command is told how wide they are, in pixels.

# %%
stars = {"smoke": "20"}.get(profile, "300")
with chdir(folder):
    wanted = ["--exptime", f"{shot.exposure_time:.0f}", "--stars", stars, "--fwhm", "1.64"]
    astrounet(["check", file.name, *wanted])
    found = read_json(f"{file.stem}_check.json")

# %% tags=["hide-input"]
page.table(
    [row | {"snr": f"{row['snr_low']:g} to {row['snr_high']:g}"} for row in found["rows"]],
    name="table-denoise-check",
    caption=f"Stars added to this image, {found['stars']} in all, by the signal-to-noise ratio of the best measurement "
    "of the input. Found: share that is detected. Bias: median flux error. Scatter: of the flux, in units of the "
    "Cramér–Rao bound.",
    columns=[
        Column("snr", "SNR"),
        Column("stars", "Stars", ".0f"),
        Column("completeness_before", "Found before", ".0f", "%"),
        Column("completeness_after", "after", ".0f", "%"),
        Column("bias_before", "Bias before", ".1f", "%", spread="bias_before_error"),
        Column("bias_after", "after", ".1f", "%", spread="bias_after_error"),
        Column("scatter_before", "Scatter before", ".2f", spread="scatter_before_error"),
        Column("scatter_after", "after", ".2f", spread="scatter_after_error"),
    ],
)

# %% [markdown]
# ## From Python
#
# `astrounet_core.denoise` takes an array, a torch tensor, or an astropy `CCDData`, and gives back the same kind, in the
# same unit and with the same sky.

# %%
ccd = CCDData(shot.image * shot.exposure_time, unit="electron", meta={"EXPTIME": shot.exposure_time})
ccd.mask = flags > 0
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the same that the command gave
    result = astrounet_core.denoise(ccd, exposure_ratio=2)
same = np.abs(result.data / shot.exposure_time - output)[flags == 0].max()
print(type(result).__name__, result.unit, f"{same:.1e} e-/s from the command's answer at most")

# %% [markdown]
# ## When it will warn you
#
# - **Another exposure ratio** than those in training: `network1` knows 2 alone, the others 2 to 5.
# - **Another pixel scale**: the networks learnt with 0.04″. On wider pixels stars are sharper than any that they know,
#   and a faint star of one pixel looks like noise.
# - **Another filter or camera**, a shorter or longer exposure, brighter pixels than in training, saturated ones.
#
# None of this forbids anything. It says that scores of this book don't speak of your image, and that `astrounet check`
# should.

# %%
other, _ = demo.fits_file("ngc1261_f336w", folder, seed)
with chdir(folder):
    astrounet(["denoise", other.name, "--ratio", "8", "--clean-cosmic-rays"])

# %% [markdown]
# ## Many files, large files
#
# ```console
# $ astrounet denoise night/*.fits --out-dir denoised
# $ make survey IMAGES='night/*.fits' OUT=denoised
# ```
#
# The first loads one network for all files, and reads the next and writes the last while one is computed. The second
# makes every file a job of its own, on all cores or on a cluster: what is done isn't done again, and a file that fails
# is named at the end.

# %% [markdown]
# ## How fast
#
# The paper runs a window of 256 pixels over the image in steps of 32, and averages: inner pixels go through the network
# 64 times. Tiles with enough context give what one pass over the whole image gives, once, and in memory that does not
# grow with it ([Edges and tiles](#page-edges)).

# %% tags=["hide-input"]
speed = report.benchmark("inference")
page.table(
    [row for row in report.benchmark_rows("inference") if row["precision"] == "fp32"],
    name="table-denoise-speed",
    caption="Float32, each case in a process of its own. × mosaic: how many times faster than the paper's way, that "
    "is timed on nine windows and extrapolated by their number. Of peak: of the machine's matrix multiplication, all "
    "work counted, that of overlaps too. Memory: beyond the arrays themselves. Width 32 is the paper's, 16 the "
    "published.",
    columns=[
        Column("size", "side", ".0f", "pixels"),
        Column("width", "width", ".0f"),
        Column("way", "how"),
        Column("seconds", "time", ".1f", "s"),
        Column("ratio", "× mosaic", ".1f"),
        Column("peak", "of peak", ".0f", "%"),
        Column("memory_mb", "memory", ".0f", "MB"),
    ],
    record=speed,
) if speed else page.note("`benchmarks/inference.py --record results` measures it.", title="Not run")

# %% [markdown]
# Bfloat16 halves the memory and is faster on GPUs and on CPUs with AMX. `--precision auto` uses it there, and only for
# a network whose stars it leaves alone: no flux above SNR 10 may move by more than 0.1 %, or a twentieth of its
# Cramér–Rao bound where that is larger.

# %% tags=["hide-input"]
record = read_json(RECORD)
page.table(
    [row | {"title": report.title(row["network"])} for row in record["networks"]],
    name="table-denoise-rounding",
    caption="How far bfloat16 moves the fluxes of isolated stars of SNR above 10, in units of what is allowed, r = 2.",
    columns=[
        Column("title", "Network"),
        Column("stars", "Stars", ".0f"),
        Column("median", "median", ".2f"),
        Column("worst", "worst", ".2f"),
    ],
    record=record["run"],
)

# %% [markdown]
# ## Is light lost?
#
# Denoise scenes whose light is known, and compare sums over boxes of 64 pixels a side: far larger than any star, so
# what a network only blurs is still inside. A bias here is light that the network took away or made up.

# %% tags=["hide-input"]
conserved = read_json(LIGHT)
page.table(
    [row | {"title": report.title(row["method"])} for row in conserved["rows"]],
    name="table-denoise-light",
    caption="Sums over boxes of 64 × 64 pixels, against the noise-free scene. Bias in % of a box's mean light, ± its "
    "standard error over fields; scatter of single boxes, the input's own noise included. *test*: fields of the kinds "
    "seen in training and four of a kind never seen; *realistic*: lens fields and old clusters, never seen.",
    columns=[
        Column("split", "Fields"),
        Column("exposure_ratio", "$r$", ".0f"),
        Column("title", "Method"),
        Column("bias_percent", "bias", ".2f", "%"),
        Column("standard_error_percent", "±", ".2f", "%"),
        Column("scatter", "scatter", ".1f", "e⁻/s"),
    ],
    record=conserved["run"],
)

# %% [markdown]
# The input is unbiased, as it must be. `modern` keeps the fluxes of bright stars ([Results](#page-results)), so what
# it loses is in sources too faint to be told from noise, and no aperture gets that back. Where the total matters (a
# galaxy's halo, a cluster), sum the input: noise hardly hurts a large sum, as the scatters show.

# %% [markdown]
# ## What to remember
#
# - One command; header, unit, sky and gaps stay as they were. Look at the residual first.
# - A flux error measured on a denoised image means nothing.
# - Warnings say where your image is unlike the training data. `astrounet check` says what that does.
#
# **Next:** [Score your own denoiser](#page-benchmark), or [the house](#page-house) for how all this is built.
