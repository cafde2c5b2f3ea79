"""Do intervals hold the truth? Coverage of calibrated errors by *true* signal-to-noise ratio: sky decides little.

Quantities: ``coverage_68``, ``coverage_95``: share of pixels whose truth lies within the interval of 68.27 or 95.45 %,
%, and ``..._aperture``, of aperture sums; ``reliability``: that share at magnitude = nominal level, %;
``interval_width``: mean half-width of the 68 % interval over the input's true noise, 1 for an honest error of the input
itself. Each for all, the mean of `STRATA` of true light over noise, all with equal weight, and stratum by stratum
("coverage_68 at SNR 1-5"; of an aperture, its light over its noise in quadrature). ``aperture_error_ratio``: what 68 %
of the errors of aperture sums stay below, over the same of the input, at magnitude = diameter, pixels: from where it
reaches 1 the input's own aperture error is the honest one, and the denoised image the worse place to measure.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from . import evaluation
from .exposures import Method
from .field_table import Field, fields
from .fluxes import APERTURE
from .photometry import aperture_flux
from .score_rows import rows_of
from .uncertainty import (
    DIAMETERS,
    LEVELS,
    ONE_SIGMA,
    TWO_SIGMA,
    ErrorModel,
    calibrate,
    look,
    places,
    quadrature,
)

EDGES = (-np.inf, 0.1, 1.0, 5.0, 20.0, np.inf)
STRATA = ("sky", "SNR 0.1-1", "SNR 1-5", "SNR 5-20", "SNR above 20")
"""True light over the input's noise, and names."""

FEWEST = 100
"""Fewer pixels or apertures of a stratum say nothing."""

NAMED = {ONE_SIGMA: "coverage_68", TWO_SIGMA: "coverage_95"}


def score(
    methods: Mapping[str, Method],
    models: Mapping[str, ErrorModel] | None = None,
    chosen: Sequence[Field] | None = None,
    noise_seeds: int = 3,
    exposure_ratio: float = 2.0,
) -> list[dict]:
    """The scorecard's rows of methods on ``chosen`` fields, by default all of split "test", held-out families apart.

    models: calibrated errors by name; a method without is calibrated first, on all validation fields.
    """
    models = {name: (models or {}).get(name) or calibrate(method) for name, method in methods.items()}
    chosen = fields("test") if chosen is None else chosen
    collected: dict[tuple, list[dict]] = {}
    for shot in evaluation.exposures(chosen, noise_seeds, [exposure_ratio], ["independent"]):
        family = "held_out" if shot.field.family == "held_out" else "test fields"
        for name, method in methods.items():
            output = method(shot.noisy, shot.exposure_time, shot.exposure_ratio)
            found = collect(shot, output, models[name]) | {"group": shot.field.seed}
            collected.setdefault((name, family, shot.protocol, shot.exposure_ratio), []).append(found)
    named = ("method", "fields", "protocol", "exposure_ratio")
    return [row for key, parts in collected.items() for row in rows(dict(zip(named, key, strict=True)), parts)]


def collect(shot: evaluation.Exposure, output: np.ndarray, model: ErrorModel) -> dict[str, np.ndarray]:
    """What one exposure adds: pixels and aperture, `tallied`, and of apertures by diameter, (diameters, 3, n): true
    signal-to-noise ratio and errors of output and input, e-/s."""
    visible, error = look(output, shot.noisy, shot.exposure_time), output - shot.target
    noise, truth = np.sqrt(shot.variance), shot.target
    widths = np.stack([model.half_width(visible, level) for level in LEVELS])
    x, y = places(shot)
    sums = [_apertures(truth, noise, error, shot.noisy - truth, x, y, diameter) for diameter in DIAMETERS]
    snr, change, _ = _apertures(truth, noise, error, error, x, y, APERTURE)
    widths_aperture = np.stack([model.aperture_errors(visible, x, y, APERTURE, level) for level in LEVELS])
    return {
        "pixels": tallied(truth / noise, error, widths, noise),
        "aperture": tallied(snr, change, widths_aperture, quadrature(noise, x, y, APERTURE)),
        "sums": np.stack(sums),
    }


def tallied(snr: np.ndarray, error: np.ndarray, widths: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """(STRATA, levels + 2): how many errors lie within their half-widths (levels, ...), the sum of the 68 % ones over
    the input's ``noise``, and how many there are, by true signal-to-noise ratio."""
    stratum = np.digitize(snr, EDGES[1:-1]).ravel()
    hits = (np.abs(error) <= widths).reshape(len(widths), -1)
    width = (widths[LEVELS.index(ONE_SIGMA)] / noise).ravel()
    count = partial(np.bincount, stratum, minlength=len(STRATA))
    return np.stack([*(count(each) for each in hits), count(width), count()], axis=1)


def rows(about: Mapping[str, object], collected: Sequence[Mapping[str, np.ndarray]]) -> list[dict]:
    """The scorecard's rows of many exposures of one kind; intervals are drawn over fields."""
    group = np.array([part["group"] for part in collected])
    found = []
    for what, end in (("pixels", ""), ("aperture", "_aperture")):
        columns = np.stack([part[what].ravel() for part in collected], axis=1)
        found += rows_of(about, columns, partial(coverages, end=end), groups=group)
        for level in LEVELS:
            found += rows_of(about, columns, partial(_reliability, level=level, end=end), magnitude=level, groups=group)
    groups = np.concatenate([np.full(part["sums"].shape[-1], part["group"]) for part in collected])
    for index, diameter in enumerate(DIAMETERS):
        sums = np.concatenate([part["sums"][index] for part in collected], axis=1)
        found += rows_of(about, sums, error_ratios, magnitude=diameter, groups=groups)
    return found


def coverages(columns: np.ndarray, end: str = "") -> dict[str, float]:
    """``coverage_68``, ``coverage_95`` and ``interval_width`` from columns of `tallied`, flattened, (k, exposures)."""
    tally = _together(columns)
    shares = {name: 100 * tally[:, LEVELS.index(level)] for level, name in NAMED.items()}
    shares["interval_width"] = tally[:, len(LEVELS)]
    return {key: value for name, each in shares.items() for key, value in _by_stratum(f"{name}{end}", each).items()}


def error_ratios(sums: np.ndarray) -> dict[str, float]:
    """``aperture_error_ratio`` of one diameter from (3, n), as `collect` has them."""
    snr, ours, inputs = sums
    stratum, ratios = np.digitize(snr, EDGES[1:-1]), np.full(len(STRATA), np.nan)
    for index in range(len(STRATA)):
        here = stratum == index
        if here.sum() >= FEWEST:
            of_output, of_input = (np.quantile(np.abs(each[here]), ONE_SIGMA) for each in (ours, inputs))
            ratios[index] = of_output / of_input
    return _by_stratum("aperture_error_ratio", ratios)


def _reliability(columns: np.ndarray, level: float, end: str) -> dict[str, float]:
    return _by_stratum(f"reliability{end}", 100 * _together(columns)[:, LEVELS.index(level)])


def _together(columns: np.ndarray) -> np.ndarray:
    """(STRATA, levels + 1): shares within and mean relative width; NaN for strata with too few."""
    total = columns.sum(1).reshape(len(STRATA), -1)
    return np.where(total[:, -1:] >= FEWEST, total[:, :-1] / np.maximum(total[:, -1:], 1), np.nan)


def _by_stratum(name: str, values: np.ndarray) -> dict[str, float]:
    """The mean of the strata under the plain name, NaN where there is none, and each under its own."""
    mean = float(np.nanmean(values)) if np.isfinite(values).any() else np.nan
    return {name: mean} | {f"{name} at {each}": float(value) for each, value in zip(STRATA, values, strict=True)}


def _apertures(truth, noise, error, input_error, x, y, diameter: float) -> np.ndarray:
    """(3, n): true signal-to-noise ratio and both errors of aperture sums."""
    light, change, before = (aperture_flux(each, x, y, diameter) for each in (truth, error, input_error))
    return np.stack([light / quadrature(noise, x, y, diameter), change, before])
