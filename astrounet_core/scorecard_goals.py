"""Goals of the scorecard for one method, each with what was measured, and whether that meets it.

A goal is met where the measured value meets it; its 68 % interval is shown beside it, so that a narrow verdict is seen
to be one. Nothing was tuned on the skies that decide.
"""

from collections.abc import Callable, Iterator

from .completeness import REFERENCE
from .score_record import Record, pick
from .scorecard_table import ALARMS, DEPTHS, INVENTED, NAMES, STANDARD
from .tables import NOT_RUN, number

WITHIN, BEYOND, PRECISION = 0.05, 0.2, 0.02
"""Magnitudes: how near the matched filter isolated stars are to be, how far beyond it other sources, and how well all
of this is to be known."""

BRIGHT = 10.0
"""Signal-to-noise ratio above which a bias is to be below 1 %, and below which it is to be below its own error."""

COVERED = (66.0, 70.0)
IMPRINT = 2.0
"""Standard errors of a stack of residuals."""


def goals(record: Record, method: str = "modern") -> list[dict]:
    """A row a goal: ``goal``, ``measured`` and ``verdict``: met, missed or *not run*."""
    return [
        *(_depth(record, method, kind) for kind in DEPTHS),
        _precision(record, method),
        *_biases(record, method),
        *_inventions(record, method),
        _coverage(record, method),
        _imprint(record, method),
    ]


def verdict(goal: str, rows: list[dict], met: Callable[[dict], bool], fmt: str, unit: str = "") -> dict:
    """A goal's row from what was measured; all rows have to meet it, and the one that is shown is the worst.

    rows: the worst first.
    """
    if not rows:
        return {"goal": goal, "measured": None, "verdict": NOT_RUN}
    text = number(rows[0]["value"], fmt, unit, interval=(rows[0]["low"], rows[0]["high"]))
    return {"goal": goal, "measured": text, "verdict": "met" if all(map(met, rows)) else "**missed**"}


def _rows(record: Record, method: str, quantity: str, **conditions: object) -> list[dict]:
    return pick(record.rows, method=method, quantity=quantity, **conditions)


def _depth(record: Record, method: str, kind: str) -> dict:
    found = _rows(record, method, "delta_m90", fields=DEPTHS[kind], protocol=STANDARD)
    if kind == "isolated":
        goal = f"$\\Delta m_{{90}}$, isolated stars: within {WITHIN:g} mag of the matched filter"
        return verdict(goal, found, lambda row: abs(row["value"]) <= WITHIN, "+.3f", "mag")
    goal = f"$\\Delta m_{{90}}$, {DEPTHS[kind]}: more than {BEYOND:g} mag beyond the matched filter"
    return verdict(goal, found, lambda row: row["value"] > BEYOND, "+.3f", "mag")


def _precision(record: Record, method: str) -> dict:
    found = [
        row | {"value": (row["high"] - row["low"]) / 2, "low": None, "high": None}
        for fields in DEPTHS.values()
        for row in _rows(record, method, "delta_m90", fields=fields, protocol=STANDARD)
        if row["low"] is not None
    ]
    found.sort(key=lambda row: -row["value"])
    return verdict(
        f"$\\Delta m_{{90}}$ known to ± {PRECISION:g} mag, the worst",
        found,
        lambda row: row["value"] <= PRECISION,
        ".3f",
        "mag",
    )


def _biases(record: Record, method: str) -> Iterator[dict]:
    """Bright stars of every kind of field, and faint isolated ones magnitude by magnitude."""
    bright = [row for row in _rows(record, method, "bias_psf") if row["magnitude"] is None]
    for row in sorted(bright, key=lambda row: (row["fields"] != "isolated stars", row["fields"])):
        goal = f"|flux bias| below 1 % at SNR above {BRIGHT:g}, {NAMES.get(row['fields'], row['fields'])}"
        yield verdict(goal, [row], lambda row: abs(row["value"]) < 1, "+.2f", "%")
    snr = {row["magnitude"]: row["value"] for row in _rows(record, method, "snr", fields="isolated stars")}
    faint = [
        row
        for row in _rows(record, method, "bias_psf_sigma", fields="isolated stars", protocol="standard")
        if row["magnitude"] is not None and snr.get(row["magnitude"], BRIGHT) < BRIGHT
    ]
    for row in faint:
        goal = f"|flux bias| below one standard error at SNR {snr[row['magnitude']]:.1f}, isolated stars"
        yield verdict(goal, [row], lambda row: abs(row["value"]) < 1, "+.2f", "σ")


def _inventions(record: Record, method: str) -> Iterator[dict]:
    """Every case off calibration, against the matched filter: its interval may overlap."""
    for fields, protocol in INVENTED[1:]:
        given = {"fields": fields, "protocol": protocol}
        ours, theirs = (_rows(record, name, f"invented, {ALARMS}", **given) for name in (method, REFERENCE))
        case = fields if protocol == "standard" else f"{fields}, {protocol}"
        limit = number(theirs[0]["value"], ".1f") if theirs else NOT_RUN
        goal = f"invention no higher than the matched filter's {limit} per arcmin², {case}"
        yield verdict(goal, ours if theirs else [], lambda row, most=theirs: row["value"] <= most[0]["value"], ".1f")


def _coverage(record: Record, method: str) -> dict:
    found = _rows(record, method, "coverage_68", fields="test fields")
    goal = f"68 % intervals cover {COVERED[0]:g} to {COVERED[1]:g} %, test fields"
    return verdict(goal, found, lambda row: COVERED[0] <= row["value"] <= COVERED[1], ".1f", "%")


def _imprint(record: Record, method: str) -> dict:
    found = _rows(record, method, "imprint", fields="isolated stars", protocol="standard")
    found.sort(key=lambda row: -abs(row["value"]))
    goal = f"no imprint of stars in stacked residuals: within ± {IMPRINT:g} standard errors, the worst magnitude"
    return verdict(goal, found, lambda row: abs(row["value"]) <= IMPRINT, "+.1f", "σ")
