"""Scores of one method on many fields: kept field by field, averaged with an interval, compared pair by pair.

Rows are those of `evaluation.score`: {field, fields, protocol, exposure_ratio, measure: value, ...}, NaN where a
measure has no value.
"""

import csv
import math
from pathlib import Path

import numpy as np
from scipy.stats import bootstrap

from .metrics import f_measure, precision, recall
from .provenance import replacing

KEYS = ("field", "fields", "protocol", "exposure_ratio")
"""What a row is about; the rest of it are measures."""

TEXT = ("field", "fields", "protocol")


def mean_of_finite(values: list[float]) -> float:
    """Mean of the finite values; NaN for none."""
    finite = [value for value in values if math.isfinite(value)]
    return float(np.mean(finite)) if finite else math.nan


def summarise(rows: list[dict]) -> list[dict]:
    """Averages over fields: {fields, protocol, exposure_ratio, metric, value, low, high, n}, as in ``metrics.json``.

    low, high: 68 % bootstrap interval of the mean, None for fewer than two different values; n: fields with a value.
    """
    single: dict[tuple, list[float]] = {}
    for row in rows:
        for metric in row.keys() - set(KEYS):
            if math.isfinite(row[metric]):
                single.setdefault((*(row[key] for key in KEYS[1:]), metric), []).append(row[metric])
    names = (*KEYS[1:], "metric")
    return [dict(zip(names, key, strict=True)) | _interval(values) for key, values in sorted(single.items())]


def _interval(values: list[float]) -> dict:
    if len(values) < 2 or np.ptp(values) == 0:
        return {"value": values[0], "low": None, "high": None, "n": len(values)}
    spread = bootstrap((values,), np.mean, confidence_level=0.68, n_resamples=1000, method="percentile", rng=0)
    low, high = spread.confidence_interval
    return {"value": float(np.mean(values)), "low": float(low), "high": float(high), "n": len(values)}


def paired_difference(
    ours: list[dict], theirs: list[dict], measure: str, protocol: str, exposure_ratio: float, *, absolute: bool = False
) -> dict:
    """Mean difference, ours - theirs, over the fields that both have a value on, as {value, error, n, clear}.

    Same fields and same noise, so that what makes a field hard cancels. error: standard error of the mean, s / sqrt(n);
    clear: whether the difference exceeds two of them, so that the two may be ranked. absolute: of absolute values, for
    a measure whose best value is zero. NaN and not clear for fewer than three fields in common.
    """
    first, second = (_by_field(rows, measure, protocol, exposure_ratio) for rows in (ours, theirs))
    values = np.array([(first[field], second[field]) for field in first.keys() & second.keys()]).reshape(-1, 2)
    change = np.diff(-(np.abs(values) if absolute else values), axis=1)[:, 0]
    if len(change) < 3:
        return {"value": math.nan, "error": math.nan, "n": len(change), "clear": False}
    value, error = float(np.mean(change)), float(np.std(change, ddof=1) / math.sqrt(len(change)))
    return {"value": value, "error": error, "n": len(change), "clear": abs(value) > 2 * error}


def pooled(rows: list[dict], protocol: str, exposure_ratio: float, fields: str = "training") -> dict[str, float]:
    """Star measures over all stars of all fields together, as the paper counts them; NaN where there are none.

    tpr, precision in %, f_measure: Eq. 22-24 of the summed counts; rfe, rfe_absolute: mean over the matched stars, %;
    ``..._uncertainty``: standard error of each by bootstrap over fields, NaN where all draws are alike.
    """
    wanted = {"protocol": protocol, "exposure_ratio": exposure_ratio, "fields": fields}
    chosen = [row for row in rows if wanted.items() <= row.items()]
    sums = np.array([[row["tp"], row["fp"], row["fn"], *_summed_errors(row)] for row in chosen]).reshape(-1, 5)
    values = _pooled(sums.sum(axis=0))
    again = np.random.default_rng(0).integers(max(1, len(chosen)), size=(1000, len(chosen)))
    spread = np.array([_pooled(sample) for sample in sums[again].sum(axis=1)]).reshape(-1, len(POOLED)).T
    uncertainty = {f"{name}_uncertainty": _scatter(column) for name, column in zip(POOLED, spread, strict=True)}
    return dict(zip(POOLED, values, strict=True)) | uncertainty


POOLED = ("tpr", "precision", "f_measure", "rfe", "rfe_absolute")


def _summed_errors(row: dict) -> tuple[float, float]:
    return (row["rfe"] * row["tp"], row["rfe_absolute"] * row["tp"]) if row["tp"] else (0.0, 0.0)


def _scatter(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.std(finite)) if finite.size and np.ptp(finite) else math.nan


def _pooled(sums: np.ndarray) -> tuple[float, ...]:
    """Values of `POOLED` from TP, FP, FN and the summed errors, signed and absolute."""
    tp, fp, fn, signed, absolute = sums.tolist()
    purity, completeness = precision(tp, fp), recall(tp, fn)
    means = (signed / tp, absolute / tp) if tp else (math.nan, math.nan)
    return (100 * completeness, 100 * purity, f_measure(purity, completeness), *means)


def _by_field(rows: list[dict], measure: str, protocol: str, exposure_ratio: float) -> dict[str, float]:
    wanted = (protocol, exposure_ratio)
    chosen = (row for row in rows if (row["protocol"], row["exposure_ratio"]) == wanted and measure in row)
    return {row["field"]: row[measure] for row in chosen if math.isfinite(row[measure])}


def write_fields(path: Path, rows: list[dict]) -> None:
    """``fields.csv``: a line a row, a column a measure, to seven digits; empty where a measure has no value."""
    columns = [*KEYS, *sorted({name for row in rows for name in row} - set(KEYS))]
    with replacing(path) as beside, open(beside, "w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)


def _cell(value: str | float | None) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.7g}" if value is not None and math.isfinite(value) else ""


def read_fields(path: Path) -> list[dict]:
    """The rows that `write_fields` wrote; NaN for empty cells."""
    with open(path, newline="") as stream:
        return [{k: v if k in TEXT else float(v or "nan") for k, v in row.items()} for row in csv.DictReader(stream)]
