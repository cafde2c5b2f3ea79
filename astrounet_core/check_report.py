"""The answer of ``astrounet check``: a table by signal-to-noise ratio, what it says in sentences, and a figure."""

from itertools import pairwise

import numpy as np
from astropy.stats import binom_conf_interval
from astropy.table import Table
from matplotlib.figure import Figure
from scipy.stats import binomtest, median_abs_deviation

from .added_stars import CheckResult, Measured
from .style import SYMBOLS, WIDTH, figure_style

SNR_EDGES = (3.0, 5.0, 10.0, 20.0, 50.0, 100.0)
"""Stars between two of these are counted together."""

FEWEST = 5
"""Fewer stars than this give neither bias nor scatter: None."""

CHANCE = 0.01
"""A verdict falls only where luck alone would do as much less often than this, by the sign test."""

CLEAR = 3.0
"""A bias is told as one from so many standard errors on."""

SIDES = ("before", "after")


def rows(result: CheckResult) -> list[dict]:
    """A row for each range of `SNR_EDGES` that has stars: snr_low, snr_high, stars, and before and after denoising

    found_*; completeness_*, %, with completeness_*_low and _high, Wilson's interval of 68 %; bias_*, %: the median of
    (flux with star - flux without - truth) / truth; scatter_*: 1.4826 MAD of (flux with star - truth) / bound, 1 for
    the best unbiased measurement of the input; each with its standard error, bias_*_error and scatter_*_error.
    """
    found = []
    for low, high in pairwise(SNR_EDGES):
        here = (result.snr >= low) & (result.snr < high)
        if here.any():
            row = {"snr_low": low, "snr_high": high, "stars": int(here.sum())}
            found.append(
                row | _side(result, result.before, here, "before") | _side(result, result.after, here, "after")
            )
    return found


def _side(result: CheckResult, measured: Measured, here: np.ndarray, side: str) -> dict:
    count, stars = int(measured.found[here].sum()), int(here.sum())
    limits = binom_conf_interval(count, stars, interval="wilson")
    bias, bias_error, _ = _median(100 * measured.change[here] / result.flux[here])
    _, _, scatter = _median(measured.error[here] / result.bound[here])
    return {
        f"found_{side}": count,
        f"completeness_{side}": 100 * count / stars,
        f"completeness_{side}_low": 100 * float(limits[0]),
        f"completeness_{side}_high": 100 * float(limits[1]),
        f"bias_{side}": bias,
        f"bias_{side}_error": bias_error,
        f"scatter_{side}": scatter,
        f"scatter_{side}_error": None if scatter is None else 1.166 * scatter / stars**0.5,
    }


def _median(values: np.ndarray) -> tuple[float | None, float | None, float | None]:
    """Median, its standard error by the law of Gaussian samples, 1.2533 scatter / sqrt(n), and 1.4826 MAD."""
    if len(values) < FEWEST:
        return None, None, None
    scatter = float(median_abs_deviation(values, scale="normal"))
    return float(np.median(values)), 1.2533 * scatter / len(values) ** 0.5, scatter


def conclusions(result: CheckResult) -> list[str]:
    """What the numbers say, a sentence or two each: stars found, their fluxes' bias, their fluxes' errors."""
    faint = result.snr < 10
    return [
        _on_finding(result),
        *(_on_bias(row) for row in rows(result) if row["bias_after"] is not None),
        *(_on_errors(result, *group) for group in ((faint, "below 10"), (~faint, "above 10")) if group[0].any()),
    ]


def _on_finding(result: CheckResult) -> str:
    before, after = result.before.found, result.after.found
    more, fewer = int((after & ~before).sum()), int((before & ~after).sum())
    verdicts = "Denoising helps to find stars here", "Denoising loses stars here", "That shows no difference"
    return (
        f"Of {len(before)} stars {before.sum()} are found before and {after.sum()} after denoising: {more} won,"
        f" {fewer} lost. {_verdict(more, fewer, verdicts)}."
    )


def _on_bias(row: dict) -> str:
    bias, error = row["bias_after"], row["bias_after_error"]
    stars = f"{row['stars']} stars of SNR {row['snr_low']:g} to {row['snr_high']:g}"
    if abs(bias) <= CLEAR * error or not bias:
        return f"Denoised, {stars} show no clear bias in flux: {bias:+.1f} ± {error:.1f} %."
    return f"Denoised, {stars} come out {abs(bias):.1f} ± {error:.1f} % {'fainter' if bias < 0 else 'brighter'}."


def _on_errors(result: CheckResult, here: np.ndarray, which: str) -> str:
    before, after = (np.abs(side.error[here]) for side in (result.before, result.after))
    better, worse = int((after < before).sum()), int((after > before).sum())
    verdicts = "Denoising makes fluxes better here", "For fluxes, use the image as it was", "That shows no difference"
    return (
        f"Of {here.sum()} stars of SNR {which}, {better} have a flux nearer the truth after denoising and {worse} one"
        f" farther from it. {_verdict(better, worse, verdicts)}."
    )


def _verdict(better: int, worse: int, verdicts: tuple[str, str, str]) -> str:
    """The first, second or third: better, worse, or nothing that a sign test tells from luck."""
    if better + worse == 0 or binomtest(better, better + worse).pvalue > CHANCE:
        return verdicts[2]
    return verdicts[0] if better > worse else verdicts[1]


def describe(result: CheckResult) -> list[str]:
    """What was done, in sentences: where stars were added, and what counts as found."""
    limits = result.thresholds
    places = ", ".join(f"{h} x {w} from row {r}, column {c}" for r, c, h, w in result.windows)
    return [
        f"{len(result.flux)} stars were added in {result.images} copies, at quiet places of {places}.",
        "Found: by sep in the PSF-filtered image, within 2 pixels, above what noise alone reaches about once in an"
        f" image of this size: {limits[0]:.1f} sigma before, {limits[1]:.1f} of the same sigma after denoising.",
        f"Without added stars the image shows {result.sources[0]} such sources before and {result.sources[1]} after;"
        " which of them are real, this check can't tell.",
        "Bias: what a star adds to the forced PSF flux at its place, against its true flux. Scatter: of that flux about"
        " the truth, in units of the Cramer-Rao bound of the image as it was. Errors are standard errors.",
        f"A difference is one where luck alone would do as much in fewer than {100 * CHANCE:g} of 100 such checks.",
    ]


def table(result: CheckResult) -> str:
    """The rows as text, a line each, with their uncertainties."""
    lines = []
    for row in rows(result):
        line = {"SNR": f"{row['snr_low']:g} to {row['snr_high']:g}", "stars": row["stars"]}
        for side in SIDES:
            share, low, high = (row[f"completeness_{side}{limit}"] for limit in ("", "_low", "_high"))
            line[f"found {side}, %"] = f"{share:.0f} ({low:.0f} to {high:.0f})"
        for name, unit in (("bias", "%"), ("scatter", "bound")):
            for side in SIDES:
                value, error = row[f"{name}_{side}"], row[f"{name}_{side}_error"]
                line[f"{name} {side}, {unit}"] = "too few" if value is None else f"{value:.2f} ± {error:.2f}"
        lines.append(line)
    return "\n".join(Table(lines).pformat(max_lines=-1, max_width=-1, align=">"))


@figure_style
def check_figure(result: CheckResult, title: str) -> Figure:
    """Completeness, bias and scatter against signal-to-noise ratio, before and after, with standard errors."""
    measured = [row for row in rows(result) if row["bias_after"] is not None]
    if not measured:
        raise ValueError(
            f"fewer than {FEWEST} stars in every range of SNR are too few to draw; give more with --stars."
        )
    centres = np.array([(row["snr_low"] * row["snr_high"]) ** 0.5 for row in measured])
    fig = Figure(figsize=(WIDTH, 1.15 * WIDTH), layout="constrained")
    axes = fig.subplots(3, sharex=True)
    for index, side in enumerate(SIDES):
        column = {key: np.array([row[key] for row in measured]) for key in measured[0]}
        share = column[f"completeness_{side}"]
        limits = [share - column[f"completeness_{side}_low"], column[f"completeness_{side}_high"] - share]
        limits = np.maximum(limits, 0)  # at 0 and 100 % rounding makes them negative
        errors = (limits, column[f"bias_{side}_error"], column[f"scatter_{side}_error"])
        for ax, name, error in zip(axes, ("completeness", "bias", "scatter"), errors, strict=True):
            style = {"fmt": SYMBOLS[index] + "-", "capsize": 3, "label": f"{side} denoising"}
            ax.errorbar(centres * 1.03 ** (2 * index - 1), column[f"{name}_{side}"], error, **style)
    for ax, label, ideal in zip(
        axes, ("stars found [%]", "flux bias [%]", "flux scatter [bound]"), (100, 0, 1), strict=True
    ):
        ax.axhline(ideal, color="black", linewidth=0.8, linestyle=":")
        ax.set_ylabel(label)
    axes[0].set(title=title, xscale="log")
    axes[-1].set_xticks(SNR_EDGES, [f"{edge:g}" for edge in SNR_EDGES])
    axes[-1].set_xlabel("signal-to-noise ratio of the star in the image as it was")
    axes[0].legend()
    return fig
