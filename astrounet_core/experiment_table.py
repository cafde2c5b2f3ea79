"""Table 1 again, every experiment with the same compute and some with several training seeds: which differences count.

The published networks had more updates than the rest, so they are no part of this: its records are those of the
`retrain` schedule, in ``results/table1``, or this machine's own runs of that profile.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from . import paper
from .experiments import EXPERIMENTS, KNOWN, SCHEDULES, find
from .records import TABLE, Record, check, command, folder, in_paper_columns
from .report import title
from .tables import Column, number
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
        scored = sorted(place.parent.glob("seed*/fields.csv"))
        records = [_record(path.parent, path.stat().st_mtime_ns) for path in scored]
        if chosen := [record for record in records if record.run.get("updates") == SCHEDULES[wanted].updates]:
            for record in chosen:
                check(record)
            return chosen
    return []


@lru_cache(maxsize=256)
def _record(place: Path, changed: int) -> Record:
    """One object a folder, so that its files are read once."""
    return Record(place)


@dataclass(frozen=True)
class Measure:
    """What two experiments are compared by. key: column of ``fields.csv``, made comparable by ``derive``; best: the
    direction in which it gets better, +1 or -1; head, fmt, unit: of a table's column; words: its name in a sentence."""

    key: str
    protocol: str
    head: str
    words: str
    fmt: str
    unit: str = ""
    best: int = -1
    derive: Callable[[float], float] = float


def decibel(value: float) -> float:
    """10 log10 of a ratio, so that no single field decides the mean over fields."""
    return 10 * math.log10(value)


MEASURES = {
    "mae": Measure("mae", "independent", "MAE", "MAE", ".4f", "e⁻/s"),
    "nmse": Measure("nmse", "independent", "nMSE", "noise-normalised MSE", ".2f", "dB", derive=decibel),
    "psnr": Measure("psnr", "independent", "PSNR", "PSNR", ".1f", "dB", best=1),
    "sky_rms": Measure("sky_rms", "independent", "sky rms", "sky noise", ".3f", "σ"),
    "flux_bias": Measure("flux_bias", "independent", "abs. bias, SNR > 10", "flux bias", ".2f", "%", derive=abs),
    "flux_scatter": Measure("flux_scatter", "independent", "scatter, SNR > 10", "flux scatter", ".2f", "σ"),
    "rfe": Measure("rfe_absolute", "paper", "abs. RFE", "absolute flux error", ".2f", "%"),
    "f_measure": Measure("f_measure", "paper", "F", "F", ".3f", best=1),
    "snr_factor": Measure("snr_factor", "paper", "SNR$_\\mathrm{f}$", "SNR$_\\mathrm{f}$", ".2f", best=1),
}
"""Of the paper's protocol and of independent pairs."""


def values(record: Record, measure: str) -> dict[str, float]:
    """{field: value} of one run at `RATIO`, fields of families seen in training, finite values only."""
    what = MEASURES[measure]
    wanted = {"protocol": what.protocol, "exposure_ratio": RATIO, "fields": "training"}
    rows = (row for row in record.fields if wanted.items() <= row.items())
    return {row["field"]: what.derive(row[what.key]) for row in rows if math.isfinite(row.get(what.key, math.nan))}


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


def difference(ours: np.ndarray, theirs: np.ndarray, between_seeds: tuple[float, float]) -> dict:
    """Mean difference of two experiments, ours - theirs, as {value, error, n, clear}.

    ours, theirs: (seeds, fields), the same fields; between_seeds: the `seed_variance` of each. The training seed is a
    random effect: error^2 = s^2 / n + v / K + v' / K', with s the scatter over n fields of the difference of the
    means over K and K' seeds, v and v' the variances between these. clear: beyond `FIRMNESS` errors. NaN and not clear
    for fewer than three fields, or where nothing is known of seeds.
    """
    change = ours.mean(axis=0) - theirs.mean(axis=0) if ours.size and theirs.size else np.empty(0)
    if len(change) < 3 or not all(map(math.isfinite, between_seeds)):
        return {"value": math.nan, "error": math.nan, "n": len(change), "clear": False}
    seeds_part = between_seeds[0] / len(ours) + between_seeds[1] / len(theirs)
    value, error = float(change.mean()), math.sqrt(change.var(ddof=1) / len(change) + seeds_part)
    return {"value": value, "error": error, "n": len(change), "clear": abs(value) > FIRMNESS * error}


def compare(name: str, reference: str, measure: str, profile: str = PROFILE) -> dict:
    """`difference` of two experiments in one of `MEASURES`, each with the `between_seeds` of its kind."""
    ours, theirs = seeds(name, profile), seeds(reference, profile)
    both = aligned([values(record, measure) for record in (*ours, *theirs)] if ours and theirs else [])
    spread = tuple(between_seeds(each, measure, profile)[0] for each in (name, reference))
    return difference(both[: len(ours)], both[len(ours) :], spread)


def between_seeds(name: str, measure: str, profile: str = PROFILE) -> tuple[float, int]:
    """`seed_variance` for an experiment, pooled over all of its kind that have several seeds, or over all there are.

    Its kind: networks that predict the image itself, or the noise in units of its standard deviation, which differ
    far less from one training to the next.
    """
    runs = {each: records for each in KNOWN if len(records := seeds(each, profile)) > 1}
    alike = [records for each, records in runs.items() if _kind(each) == _kind(name)] or list(runs.values())
    return seed_variance(aligned([values(record, measure) for record in records]) for records in alike)


def _kind(name: str) -> str:
    return find("experiment", name, KNOWN).network.get("output", "direct")


BLANK = dict.fromkeys(("psnr", "ssim", "kl", "tpr", "f_measure", "updates", "minutes"), "–")
"""What the paper does not print of every row."""


def printed_row(name: str) -> dict:
    """The paper's row of an experiment at r = 2, from its Tables 1 and 2 and section 4.4.1; empty where it has none."""
    printed = [*paper.table(1), *paper.table("misaligned"), *paper.table(2)]
    return next((row for row in printed if row["key"].removesuffix("@2") == name), {})


def beside_the_paper(profile: str = PROFILE) -> list[dict]:
    """Rows of Table 1 and its relatives: an experiment's as printed, where it is, and below it ours (`row`)."""
    rows = []
    for name in EXPERIMENTS:
        if name in ("modern", "exp07_oracle"):
            continue
        if printed := printed_row(name):
            rows.append(BLANK | printed | {"title": title(name), "who": "paper", "seeds": 1})
        rows.append(row(name, profile) | {"key": name, "who": "ours"})
    return rows


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
    effort["minutes"] = mean_of_finite([minutes(record) for record in records])
    return {"title": title(name)} | means | _uncertainties(columns, means) | effort


def minutes(record: Record) -> float:
    """Compute of a training: updates times the seconds of one in the quickest tenth of the run, so that pauses and
    other work on the machine don't count; NaN without a history."""
    updates, seconds = ([row[key] for row in record.history] for key in ("update", "seconds"))
    pace = np.diff([0, *seconds]) / np.diff([0, *updates])
    return float(np.percentile(pace, 10)) * record.run["updates"] / 60 if len(pace) else math.nan


def learning_curves(names: Iterable[str], profile: str = PROFILE) -> dict[str, tuple[np.ndarray, ...]]:
    """Validation PSNR, dB, against minutes of compute, for a figure: {title: (minutes, mean over seeds, spread)}.

    Comparable between experiments of one training pair alone: the validation pairs are made like those.
    """
    curves = {}
    for name in names:
        runs = [_validations(record) for record in seeds(name, profile)]
        if runs:
            update, psnr = np.array(runs).transpose(1, 0, 2)
            pace = mean_of_finite([minutes(record) / record.run["updates"] for record in seeds(name, profile)])
            spread = psnr.std(axis=0, ddof=1) if len(runs) > 1 else np.zeros(len(psnr[0]))
            curves[title(name)] = (pace * update[0], psnr.mean(axis=0), spread)
    return curves


def _validations(record: Record) -> tuple[list[float], list[float]]:
    rows = [row for row in record.history if row["validation_psnr"] is not None]
    return [row["update"] for row in rows], [row["validation_psnr"] for row in rows]


def star_bias(name: str, low: float, high: float, profile: str = PROFILE) -> float:
    """Median flux error, in units of its Cramér-Rao bound, of stars with signal-to-noise ratios of a bin of
    `fluxes.SNR_EDGES`; mean over seeds, NaN without a run."""
    wanted = {"fields": "training", "exposure_ratio": RATIO, "snr_low": low, "snr_high": high}
    found = [row["bias_sigma"] for run in seeds(name, profile) for row in run.fluxes if wanted.items() <= row.items()]
    return mean_of_finite(found)


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
    names: Iterable[str], reference: str, measures: Iterable[str], profile: str = PROFILE
) -> list[dict]:
    """A row an experiment: its `compare` with a reference in each of the measures, as text, bold where it is clear.

    Also seeds, bias_faint and bias_bright: `star_bias` itself, not a difference. None for what was not run.
    """
    rows = []
    for name in names:
        cells = {"title": title(name), "seeds": len(seeds(name, profile)) or None}
        for measure in measures:
            found, what = compare(name, reference, measure, profile), MEASURES[measure]
            text = number(found["value"], what.fmt, spread=found["error"])
            cells[measure] = f"**{text}**" if found["clear"] else text
        for key, edges in {"bias_faint": (5.0, 10.0), "bias_bright": (20.0, 50.0)}.items():
            cells[key] = star_bias(name, *edges, profile)
        rows.append(cells)
    return rows


def columns(measures: Iterable[str], *more: Column) -> list[Column]:
    """The columns of `difference_rows`."""
    heads = [Column(measure, MEASURES[measure].head, unit=MEASURES[measure].unit) for measure in measures]
    return [Column("title", "Experiment"), Column("seeds", "seeds", ".0f"), *heads, *more]


def difference_panels(
    names: Sequence[str], reference: str, measures: Iterable[str], profile: str = PROFILE
) -> dict[str, dict]:
    """`compare` of experiments with a reference for `charts.dot_panels`: a panel a measure."""
    panels = {}
    for measure in measures:
        found = [compare(name, reference, measure, profile) for name in names]
        what = MEASURES[measure]
        head = f"{what.head} [{what.unit}]".removesuffix(" []").replace(", ", "\n")
        panels[head] = {"difference": tuple([each[key] for each in found] for key in ("value", "error"))}
    return panels


def ranking(pairs: Iterable[tuple[str, str]], measure: str, profile: str = PROFILE) -> list[str]:
    """The clear differences of (experiment, reference) pairs, the largest first, in words: "title +1.2 ± 0.3 dB"."""
    what = MEASURES[measure]
    found = [(title(name), compare(name, reference, measure, profile)) for name, reference in pairs]
    clear = sorted((each for each in found if each[1]["clear"]), key=lambda each: -abs(each[1]["value"]))
    texts = [number(each["value"], "+" + what.fmt, what.unit, spread=each["error"]) for _, each in clear]
    return [f"{name} {text.replace('± +', '± ')}" for (name, _), text in zip(clear, texts, strict=True)]


def verdict(name: str, reference: str, measures: Iterable[str], profile: str = PROFILE) -> str:
    """A sentence: in which measures an experiment is better or worse than its reference, beyond `FIRMNESS` errors."""
    found = {measure: compare(name, reference, measure, profile) for measure in measures}
    pair = f"{title(name)} against {title(reference)}"
    if not any(math.isfinite(each["value"]) for each in found.values()):
        return f"{pair}: not run."
    sides: dict[str, list[str]] = {"better": [], "worse": []}
    for measure, each in found.items():
        if each["clear"]:
            what = MEASURES[measure]
            sides["better" if each["value"] * what.best > 0 else "worse"].append(what.words)
    parts = [f"{side} in {', '.join(words)}" for side, words in sides.items() if words]
    return f"{pair}: {'; '.join(parts) or 'no difference beyond chance'}."
