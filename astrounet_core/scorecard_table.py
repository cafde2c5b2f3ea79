"""The scorecard's record as pages show it: a row a method, a row a goal, a row a case, curves."""

from collections.abc import Iterable, Sequence

from .completeness import LONGER, REFERENCE
from .score_record import Record, pick

ALARMS = "10 alarms per arcmin2"
"""The density of false alarms that all methods were given."""

STANDARD = f"standard, {ALARMS}"
DEPTHS = {"isolated": "isolated stars", "crowded": "crowded field", "extended": "extended sources"}
"""Key of a depth -> the kind of sky that it is measured on."""

HELD_OUT = {"wider": "isolated stars, another PSF", "king": "crowded field, King profile"}
FAINT = 27.5
"""AB, of stars with a signal-to-noise ratio of about 4."""

INVENTED = (
    ("blank sky", "standard"),
    ("blank sky", "drizzled"),
    ("blank sky", "cosmic rays"),
    ("near bright stars", "standard"),
    ("near bright galaxies", "standard"),
    ("negative blank sky", "standard"),
    ("negative near bright stars", "standard"),
    ("negative near bright galaxies", "standard"),
    ("negated input", "standard"),
)
"""Kinds of sky and protocol of the cases of invention; the first is the calibrated one."""


def cell(record: Record, method: str, quantity: str, key: str, **conditions: object) -> dict:
    """{key, key_low, key_high} of one row, empty where it was not measured."""
    found = record.value(method, quantity, **conditions)
    return {key: found["value"], f"{key}_low": found["low"], f"{key}_high": found["high"]} if found else {}


def summary(record: Record, methods: Iterable[str] | None = None) -> list[dict]:
    """A row a method: how much deeper than the input (``isolated``, ``crowded``, ``extended``, mag), ``bias`` of bright
    isolated stars, %, ``bias_faint``, sigma, and ``efficiency`` of faint ones, ``invented`` near bright stars per
    arcmin², ``coverage`` of 68 % intervals, %, ``seconds`` a megapixel on one thread; in the order of the record."""
    rows = []
    for name in record.methods if methods is None else methods:
        row = {"method": name, "title": record.title(name), "group": record.methods.get(name, {}).get("group", "")}
        for key, fields in DEPTHS.items():
            row |= cell(record, name, "delta_m90", key, fields=fields, protocol=STANDARD)
        alone = {"fields": "isolated stars", "protocol": "standard"}
        row |= cell(record, name, "bias_psf", "bias", **alone)
        row |= cell(record, name, "bias_psf_sigma", "bias_faint", magnitude=FAINT, **alone)
        row |= cell(record, name, "efficiency", "efficiency", magnitude=FAINT, **alone)
        row |= cell(record, name, f"invented, {ALARMS}", "invented", fields="near bright stars")
        row |= cell(record, name, "coverage_68", "coverage", fields="test fields")
        row |= cell(record, name, "seconds_per_megapixel", "seconds", magnitude=1.0)
        rows.append(row)
    return rows


def depth_rows(record: Record, methods: Iterable[str]) -> list[dict]:
    """A row a method: m90 of isolated stars, and by how much each kind of sky is deeper, held-out kinds included."""
    rows = []
    for name in methods:
        row = {"method": name, "title": record.title(name)}
        row |= cell(record, name, "m90", "m90", fields=DEPTHS["isolated"], protocol=STANDARD)
        for key, fields in (DEPTHS | HELD_OUT).items():
            row |= cell(record, name, "delta_m90", key, fields=fields, protocol=STANDARD)
        rows.append(row)
    return rows


def curve(record: Record, method: str, quantity: str, **conditions: object) -> tuple[list, ...]:
    """Magnitudes, values, lower and upper limits of a quantity, NaN for a limit that is not there."""
    rows = [row for row in pick(record.rows, method=method, quantity=quantity, **conditions) if row["magnitude"]]
    rows.sort(key=lambda row: row["magnitude"])
    limits = ([row["value"] if row[key] is None else row[key] for row in rows] for key in ("low", "high"))
    return [row["magnitude"] for row in rows], [row["value"] for row in rows], *limits


def curves(record: Record, methods: Iterable[str], quantity: str, **conditions: object) -> dict[str, tuple]:
    """`curve` of several methods by title; those without a row are left out."""
    found = {record.title(name): curve(record, name, quantity, **conditions) for name in methods}
    return {title: each for title, each in found.items() if each[0]}


def invention_rows(record: Record, methods: Sequence[str]) -> list[dict]:
    """A row a case of `INVENTED`: false detections per arcmin² of each method, and what of them comes back, %."""
    rows = []
    for fields, protocol in INVENTED:
        row: dict = {"case": fields if protocol == "standard" else f"{fields}, {protocol}"}
        for name in methods:
            row |= cell(record, name, f"invented, {ALARMS}", name, fields=fields, protocol=protocol)
            row |= cell(record, name, f"persistence, {ALARMS}", f"{name}_back", fields=fields, protocol=protocol)
        rows.append(row)
    return rows


def shape_rows(record: Record, methods: Iterable[str], magnitudes: Sequence[float]) -> list[dict]:
    """A row a method and magnitude of isolated stars: FWHM over the true one, ellipticity, astrometric scatter, mas."""
    rows = []
    for name in methods:
        for magnitude in magnitudes:
            row = {"method": name, "title": record.title(name), "magnitude": magnitude}
            for quantity in ("fwhm_ratio", "ellipticity", "astrometric_scatter"):
                given = {"fields": "isolated stars", "protocol": "standard", "magnitude": magnitude}
                row |= cell(record, name, quantity, quantity, **given)
            rows.append(row)
    return rows


def deeper_exposure(record: Record) -> dict | None:
    """What twice the exposure gains for isolated stars: the row of its ``delta_m90``."""
    return record.value(LONGER, "delta_m90", fields=DEPTHS["isolated"], protocol=STANDARD)


def reference(record: Record, quantity: str, **conditions: object) -> float | None:
    """A number of the unchanged input."""
    found = record.value(REFERENCE, quantity, **conditions)
    return found["value"] if found else None
