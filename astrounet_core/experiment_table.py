"""Table 1 again, every experiment with the same compute and some with several training seeds: which differences count.

The published networks had more updates than the rest, so they are no part of this: its records are those of the
`retrain` schedule, in ``results/table1``, or this machine's own runs of that profile.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from .experiments import KNOWN, SCHEDULES
from .records import TABLE, Record, check, command, folder, in_paper_columns
from .report import title
from .tally import mean_of_finite

PROFILE = "retrain"
RATIO = 2.0
FIRMNESS = 2.0
"""Two rows are called different where they are further apart than so many standard errors."""


def seeds(name: str, profile: str = PROFILE) -> list[Record]:
    """The scored runs of an experiment with equal compute, by training seed; this machine's own before published ones.

    A ``smoke`` page sees smoke runs. Raises ValueError for a record of another preset or version of the fields.
    """
    wanted = "smoke" if profile == "smoke" else PROFILE
    places = [folder(wanted, name), folder(TABLE, name, published=True)][: 1 if profile == "smoke" else 2]
    for place in places:
        records = [Record(path.parent) for path in sorted(place.parent.glob("seed*/fields.csv"))]
        if chosen := [record for record in records if record.run.get("updates") == SCHEDULES[wanted].updates]:
            for record in chosen:
                check(record)
            return chosen
    return []


def values(record: Record, measure: str, protocol: str) -> dict[str, float]:
    """{field: value} of one run at `RATIO`, fields of families seen in training, finite values only."""
    wanted = {"protocol": protocol, "exposure_ratio": RATIO, "fields": "training"}
    rows = (row for row in record.fields if wanted.items() <= row.items())
    return {row["field"]: row[measure] for row in rows if math.isfinite(row.get(measure, math.nan))}


def by_field(records: Sequence[Record], measure: str, protocol: str) -> np.ndarray:
    """(seeds, fields): a measure of several runs on the fields that all have a value on; and nothing else."""
    return aligned([values(record, measure, protocol) for record in records])


def aligned(runs: Sequence[dict[str, float]]) -> np.ndarray:
    """(runs, fields): values by field, of the fields that all runs have."""
    common = sorted(set.intersection(*map(set, runs))) if runs else []
    return np.array([[run[field] for field in common] for run in runs]).reshape(len(runs), len(common))


def seed_variance(groups: Iterable[np.ndarray]) -> tuple[float, int]:
    """Variance of a run's mean between training seeds, pooled over experiments, and its degrees of freedom.

    groups: one (seeds, fields) array an experiment: same fields, same noise, so that only training differs. NaN and 0
    where no experiment has two seeds.
    """
    squares, freedom = 0.0, 0
    for group in groups:
        if len(group) > 1 and group.shape[1]:
            means = group.mean(axis=1)
            squares, freedom = squares + float(((means - means.mean()) ** 2).sum()), freedom + len(means) - 1
    return (squares / freedom if freedom else math.nan), freedom


def difference(ours: np.ndarray, theirs: np.ndarray, between_seeds: float) -> dict:
    """Mean difference of two experiments, ours - theirs, as {value, error, n, clear}.

    ours, theirs: (seeds, fields), the same fields; between_seeds: `seed_variance`. The training seed is a random
    effect: error^2 = s^2 / n + between_seeds (1/K + 1/K'), with s the scatter over n fields of the difference of the
    means over K and K' seeds. clear: beyond `FIRMNESS` errors. NaN and not clear for fewer than three fields, or where
    nothing is known of seeds.
    """
    change = ours.mean(axis=0) - theirs.mean(axis=0) if ours.size and theirs.size else np.empty(0)
    if len(change) < 3 or not math.isfinite(between_seeds):
        return {"value": math.nan, "error": math.nan, "n": len(change), "clear": False}
    variance = change.var(ddof=1) / len(change) + between_seeds * (1 / len(ours) + 1 / len(theirs))
    value, error = float(change.mean()), math.sqrt(variance)
    return {"value": value, "error": error, "n": len(change), "clear": abs(value) > FIRMNESS * error}


def compare(name: str, reference: str, measure: str, protocol: str, profile: str = PROFILE) -> dict:
    """`difference` of two experiments, with the variance between seeds of all experiments that have several."""
    runs = {each: seeds(each, profile) for each in KNOWN}
    known = [by_field(records, measure, protocol) for records in runs.values() if len(records) > 1]
    pair = [values(record, measure, protocol) for record in (*runs[name], *runs[reference])]
    both = aligned(pair) if runs[name] and runs[reference] else np.empty((0, 0))
    split = len(runs[name])
    return difference(both[:split], both[split:], seed_variance(known)[0])


def row(name: str, profile: str = PROFILE) -> dict:
    """An experiment in the columns of Table 1, means over seeds with ``..._uncertainty``; updates, seeds, minutes.

    The uncertainty is the bootstrap's over fields of one run, with the spread between seeds added in quadrature where
    there are several. Only ``command`` and ``title`` where it was not run.
    """
    records = seeds(name, profile)
    if not records:
        return {"title": title(name), "command": f"`{command(name, 'smoke' if profile == 'smoke' else PROFILE)}`"}
    columns = [_known(in_paper_columns(record, RATIO)) for record in records]
    means = {
        key: mean_of_finite([column[key] for column in columns]) for key in columns[0] if "_uncertainty" not in key
    }
    effort = {"updates": records[0].run["updates"], "seeds": len(records)}
    effort["minutes"] = mean_of_finite([record.run["seconds"] / 60 for record in records])
    return {"title": title(name)} | means | _uncertainties(columns, means) | effort


def _known(columns: dict) -> dict[str, float]:
    return {key: math.nan if value is None else value for key, value in columns.items()}


def _uncertainties(columns: Sequence[dict], means: dict) -> dict[str, float]:
    found = {}
    for key in means:
        fields = mean_of_finite([column.get(f"{key}_uncertainty") or math.nan for column in columns])
        spread = np.std([column[key] for column in columns], ddof=1) if len(columns) > 1 else 0.0
        fields = fields if math.isfinite(fields) else 0.0
        found[f"{key}_uncertainty"] = math.hypot(fields, spread / math.sqrt(len(columns)))
    return found


def difference_rows(
    names: Iterable[str], reference: str, measures: dict[str, str], profile: str = PROFILE
) -> list[dict]:
    """A row an experiment: its `compare` with a reference in each measure, {measure: its protocol}.

    Cells: value, ``measure_error`` and ``measure_verdict``, in words.
    """
    rows = []
    for name in names:
        cells = {"title": title(name), "seeds": len(seeds(name, profile)) or None}
        for measure, protocol in measures.items():
            found = compare(name, reference, measure, protocol, profile)
            known = math.isfinite(found["value"])
            cells |= {measure: found["value"] if known else None, f"{measure}_error": found["error"] if known else None}
            cells[f"{measure}_clear"] = ("real" if found["clear"] else "no") if known else None
        rows.append(cells)
    return rows


LABELS = {"mae": "MAE", "nmse": "noise-normalised MSE", "rfe_absolute": "absolute flux error", "f_measure": "F"}
HIGHER_IS_BETTER = ("f_measure",)


def verdict(name: str, reference: str, measures: dict[str, str], profile: str = PROFILE) -> str:
    """A sentence: in which measures an experiment is better or worse than its reference, beyond `FIRMNESS` errors."""
    found = {measure: compare(name, reference, measure, protocol, profile) for measure, protocol in measures.items()}
    pair = f"{title(name)} against {title(reference)}"
    if not any(math.isfinite(each["value"]) for each in found.values()):
        return f"{pair}: not run."
    sides: dict[str, list[str]] = {"better": [], "worse": []}
    for measure, each in found.items():
        if each["clear"]:
            better = (each["value"] > 0) == (measure in HIGHER_IS_BETTER)
            sides["better" if better else "worse"].append(LABELS[measure])
    parts = [f"{side} in {', '.join(labels)}" for side, labels in sides.items() if labels]
    return f"{pair}: {'; '.join(parts) or 'no difference beyond chance'}."
