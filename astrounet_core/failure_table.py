"""What the page on uncertainty and failure shows of a scorecard's record: coverage, residuals, robustness.

Rows for tables and {panel: {title of a method: (x, y, low, high)}} for `charts.curve_panels`. A method that the record
doesn't have reads *not run* in tables and is left out of figures.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from . import score_methods, score_record
from .coverage import STRATA
from .residuals import FREQUENCIES
from .robustness import PERTURBATIONS
from .score_record import Record, pick
from .scorecard_goals import COVERED, IMPRINT, verdict
from .scorecard_table import cell, curves
from .uncertainty import DIAMETERS, LEVELS, ONE_SIGMA, TWO_SIGMA, ErrorModel

SECTIONS = ("stars", "uncertainty", "robustness")
"""Of the scorecard, those that this page shows."""

SHOWN = ("modern", "network1", "starlet", "unchanged")
FAMILIES = {"test fields": "test fields", "held_out": "fields unlike training's"}
"""Where intervals are checked, and what tables call it."""

APERTURES = ("below5", "to20", "above20")
"""Keys of the signal-to-noise ratios between `uncertainty.APERTURE_EDGES`."""

ALONE = {"fields": "isolated stars", "protocol": "standard"}


def load(profile: str) -> Record:
    """The record that pages of a profile show, `score_record.load`; an empty one where there is none."""
    return score_record.load(profile) or Record(score_record.places(profile)[0], {}, {}, [])


def not_run(record: Record, methods: Iterable[str], profile: str) -> str:
    """Methods that the record lacks a section of, and the command that measures them, MyST; empty where it has all."""
    missing = [name for name in methods if not set(SECTIONS) <= set(record.runs.get(name, {}))]
    if not missing:
        return ""
    command = f"astrounet evaluate --methods {' '.join(missing)} --profile {profile} --sections {' '.join(SECTIONS)}"
    return f"`{command}` measures what is *not run* below."


def title(record: Record, method: str) -> str:
    """A method's title, whether or not the record has it."""
    return record.title(method) if method in record.methods else score_methods.about(method)["title"]


def value(record: Record, method: str, quantity: str, magnitude: float | None = None, **conditions) -> float | None:
    """One number of the record for prose; None where it was not measured. Errors as of `Record.value`."""
    found = record.value(method, quantity, magnitude, **conditions)
    return found["value"] if found else None


def imprinted(record: Record, method: str) -> tuple[int, int]:
    """At how many magnitudes isolated stars leave an imprint beyond `scorecard_goals.IMPRINT`, and of how many."""
    found = pick(record.rows, method=method, quantity="imprint", **ALONE)
    return sum(abs(row["value"]) > IMPRINT for row in found), len(found)


def goals(record: Record, method: str = "modern") -> list[dict]:
    """Goals of this page, held as `scorecard_goals` holds them, on test fields and others, pixels and apertures."""
    rows = []
    for what, end in (("pixels", ""), ("apertures", "_aperture")):
        for fields, name in FAMILIES.items():
            found = pick(record.rows, method=method, quantity=f"coverage_68{end}", fields=fields)
            goal = f"68 % intervals of {what} cover {COVERED[0]:g} to {COVERED[1]:g} %, {name}"
            rows.append(verdict(goal, found, lambda row: judgement(row["value"]) == "met", ".1f", "%"))
    for fields in ("isolated stars", "crowded field", "held_out"):
        found = pick(record.rows, method=method, quantity="imprint", fields=fields)
        found.sort(key=lambda row: -abs(row["value"]))
        goal = f"no imprint in stacked residuals: within ± {IMPRINT:g} standard errors, {FAMILIES.get(fields, fields)}"
        rows.append(verdict(goal, found, lambda row: abs(row["value"]) <= IMPRINT, "+.0f", "standard errors"))
    return rows


def factor_rows(model: ErrorModel) -> list[dict]:
    """A row a diameter: f of 68 % and of 95 % intervals, ``below5_68`` to ``above20_95``, by the aperture's visible
    signal-to-noise ratio."""
    return [
        {"diameter": diameter}
        | {
            f"{key}_{name}": float(model.inflation[index, stratum, LEVELS.index(level)])
            for stratum, key in enumerate(APERTURES)
            for name, level in ((68, ONE_SIGMA), (95, TWO_SIGMA))
        }
        for index, diameter in enumerate(DIAMETERS)
    ]


def coverage_rows(record: Record, methods: Sequence[str], fields: str = "test fields") -> list[dict]:
    """A row a method and stratum, all together first: coverage of 68 % and 95 % intervals of ``pixels`` and
    ``apertures``, %, with 68 % intervals, and the `judgement` of the first of each."""
    rows = []
    for name in methods:
        for stratum in ("all, equal weight", *STRATA):
            end = f" at {stratum}" if stratum in STRATA else ""
            row = {"method": name, "title": title(record, name), "stratum": stratum}
            for key, what in (("pixels", ""), ("apertures", "_aperture")):
                for level in (68, 95):
                    quantity = f"coverage_{level}{what}{end}"
                    row |= cell(record, name, quantity, f"{key}_{level}", fields=fields)
                row[f"{key}_verdict"] = judgement(row.get(f"{key}_68"))
            rows.append(row)
    return rows


def judgement(coverage: float | None) -> str | None:
    """Of 68 % intervals that cover so many %: met within `scorecard_goals.COVERED`, else too wide or too narrow."""
    if coverage is None:
        return None
    low, high = COVERED
    return "met" if low <= coverage <= high else "**too narrow**" if coverage < low else "**too wide**"


def reliability(record: Record, methods: Sequence[str], strata: Sequence[str] = STRATA, fields: str = "test fields"):
    """Panels of actual against nominal coverage of pixels, %, by stratum, with the diagonal; none without rows."""
    nominal = [100 * level for level in LEVELS]
    panels = {}
    for stratum in strata:
        found = curves(record, methods, f"reliability at {stratum}", fields=fields)
        if found:
            series = {name: ([100 * x for x in each[0]], *each[1:]) for name, each in found.items()}
            panels[stratum] = series | {"as promised": (nominal,) * 4}
    return panels


def error_ratios(record: Record, methods: Sequence[str], strata: Sequence[str] = STRATA, fields: str = "test fields"):
    """Panels of ``aperture_error_ratio`` against diameter, pixels, by stratum; none without rows."""
    found = {each: curves(record, methods, f"aperture_error_ratio at {each}", fields=fields) for each in strata}
    return {stratum: series for stratum, series in found.items() if series}


def worse_rows(record: Record, methods: Sequence[str]) -> list[dict]:
    """A row a method: in how many ``cases`` of diameter, stratum and fields, of all, ``aperture_error_ratio`` lies
    above 1 with all of its interval, so that the input is measured better; and the ``worst`` of them, ``where``."""
    return [{"title": title(record, name)} | _worse(record, name) for name in methods]


def _worse(record: Record, method: str) -> dict:
    names = {f"aperture_error_ratio at {each}": each for each in STRATA}
    found = pick(record.rows, method=method, quantity=tuple(names), fields=tuple(FAMILIES))
    if not found:
        return {}
    worse = [row for row in found if (row["value"] if row["low"] is None else row["low"]) > 1]
    row = {"cases": f"{len(worse)} of {len(found)}", "worst": "–", "where": "–"}
    if worse:
        worst = max(worse, key=lambda each: each["value"])
        where = f"{worst['magnitude']:g} pixels, {names[worst['quantity']]}, {FAMILIES[worst['fields']]}"
        row |= {"worst": worst["value"], "where": where}
    return row


def residual_rows(record: Record, methods: Sequence[str]) -> list[dict]:
    """A row a method, a perfect one first: mean, variance and lag-1 autocorrelation of what it takes away."""
    names = ("residual_mean", "residual_variance", "residual_lag1_x", "residual_lag1_y")
    rows = [{"title": "the noise itself"} | dict(zip(names, (0.0, 1.0, 0.0, 0.0), strict=True))]
    for name in methods:
        row = {"title": title(record, name)}
        for quantity in names:
            row |= cell(record, name, quantity, quantity, **ALONE)
        rows.append(row)
    return rows


def transfer(record: Record, methods: Sequence[str]) -> dict[str, tuple]:
    """{title: (cycles per pixel, power of the residual over the noise's)} on skies with isolated stars."""
    found = {}
    for name in methods:
        rings = {sum(ring) / 2: f"transfer {ring[0]:g}-{ring[1]:g}" for ring in pairwise(FREQUENCIES)}
        powers = {middle: value(record, name, quantity, **ALONE) for middle, quantity in rings.items()}
        if None not in powers.values():
            found[record.title(name)] = (list(powers), list(powers.values()))
    return found


def robustness_rows(record: Record, methods: Sequence[str], quantity: str, fields: str) -> list[dict]:
    """A row a perturbation, "none" first: ``quantity`` (robust_nmse, robust_bias or robust_peaks) of each method."""
    rows = []
    for what in PERTURBATIONS:
        row = {"perturbation": what}
        for name in methods:
            row |= cell(record, name, f"{quantity}:{what}", name, fields=fields)
        rows.append(row)
    return rows


def robustness_dots(record: Record, methods: Sequence[str], quantity: str, fields: str) -> dict[str, tuple]:
    """{title: (values, errors)} of `robustness_rows` without "none", for `charts.dot_panels`; none without rows."""
    rows = robustness_rows(record, methods, quantity, fields)[1:]
    found = {}
    for name in methods:
        if any(row.get(name) is not None for row in rows):
            found[record.title(name)] = ([row.get(name) for row in rows], [_reach(row, name) for row in rows])
    return found


def _reach(row: dict, key: str) -> tuple[float, float]:
    """How far an interval goes below its value and above; 0 where there is none."""
    low, high = row.get(f"{key}_low"), row.get(f"{key}_high")
    return (0.0, 0.0) if low is None or high is None else (max(row[key] - low, 0.0), max(high - row[key], 0.0))
