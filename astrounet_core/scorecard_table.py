"""The scorecard's record as pages show it: a row a method, a row a goal, a row a case, curves."""

from collections.abc import Iterable, Sequence

from . import galaxy_sizes
from .completeness import LONGER, REFERENCE
from .score_record import Record, pick
from .tables import number

ALARMS = "10 alarms per arcmin2"
"""The density of false alarms that all methods were given."""

STANDARD = f"standard, {ALARMS}"
DEPTHS = {"isolated": "isolated stars", "crowded": "crowded field", "extended": "extended sources"}
"""Key of a depth -> the kind of sky that it is measured on."""

HELD_OUT = {"wider": "isolated stars, another PSF", "king": "crowded field, King profile"}
CREDULOUS = 30.0
"""False detections per arcmin² beside the sources, where 10 were allowed: from here a depth is not comparable."""

FAINT = 27.5
"""AB, of stars with a signal-to-noise ratio of about 4."""

INVENTED = (
    ("blank sky", "standard"),
    ("blank sky", "drizzled"),
    ("blank sky", "cosmic rays"),
    ("near bright stars", "standard"),
    ("near bright galaxies", "standard"),
    ("dark sky near bright stars", "standard"),
    ("dark sky near bright galaxies", "standard"),
    ("negative blank sky", "standard"),
    ("negative near bright stars", "standard"),
    ("negative near bright galaxies", "standard"),
    ("negated input", "standard"),
)
"""Kinds of sky and protocol of the cases of invention; the first is the calibrated one."""

NAMES = {"held_out": "fields unlike training's", "held_out, realistic": "fields unlike training's, realistic"}
"""Fields that tables call by another name."""


def cell(record: Record, method: str, quantity: str, key: str, **conditions: object) -> dict:
    """{key, key_low, key_high} of one row, empty where it was not measured."""
    found = record.value(method, quantity, **conditions)
    return {key: found["value"], f"{key}_low": found["low"], f"{key}_high": found["high"]} if found else {}


def deeper(record: Record, method: str, key: str) -> dict:
    """{key: delta_m90 of a kind of sky, ...}; in parentheses, as text, where the method shows more than `CREDULOUS`
    false detections per arcmin² beside the sources, so that it isn't comparable. Of crowded fields, where these
    can't be told apart, the false detections among isolated stars decide."""
    fields = (DEPTHS | HELD_OUT)[key]
    found = cell(record, method, "delta_m90", key, fields=fields, protocol=STANDARD)
    alone = fields if key in ("isolated", "extended", "wider") else DEPTHS["isolated"]
    false = record.value(method, "false_density", fields=alone, protocol=STANDARD)
    if found and false and false["value"] > CREDULOUS:
        return {key: f"({number(found[key], '+.2f')})"}
    return found


def in_order(record: Record) -> list[str]:
    """The record's methods: the references first, then group by group."""
    groups = ("network", "free", "classical", "learned", "own")
    found = {name: record.methods[name].get("group") for name in record.methods}
    ranks = {name: groups.index(group) if group in groups else len(groups) for name, group in found.items()}
    return sorted(record.methods, key=lambda name: -1 if name in (REFERENCE, LONGER) else ranks[name])


def summary(record: Record, methods: Iterable[str] | None = None) -> list[dict]:
    """A row a method: how much deeper than the input (``isolated``, ``crowded``, ``extended``, mag), ``bias`` of bright
    isolated stars, %, ``bias_faint``, sigma, and ``efficiency`` of faint ones, ``invented`` on dark sky near bright
    stars per arcmin², ``coverage`` of 68 % intervals, %, ``seconds`` a megapixel on one thread."""
    rows = []
    for name in record.methods if methods is None else methods:
        row = {"method": name, "title": record.title(name), "group": record.methods.get(name, {}).get("group", "")}
        for key in DEPTHS:
            row |= deeper(record, name, key)
        alone = {"fields": "isolated stars", "protocol": "standard"}
        row |= cell(record, name, "bias_psf", "bias", **alone)
        row |= cell(record, name, "bias_psf_sigma", "bias_faint", magnitude=FAINT, **alone)
        row |= cell(record, name, "efficiency", "efficiency", magnitude=FAINT, **alone)
        row |= cell(record, name, f"invented, {ALARMS}", "invented", fields="dark sky near bright stars")
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
        for key in DEPTHS | HELD_OUT:
            row |= deeper(record, name, key)
        row |= cell(record, name, "false_density", "false", fields=DEPTHS["isolated"], protocol=STANDARD)
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


def present(record: Record | None, methods: Iterable[str]) -> list[str]:
    """Those of the methods that a record has rows of."""
    return [name for name in methods if record and name in record.methods]


def case(fields: str, protocol: str) -> str:
    return fields if protocol == "standard" else f"{fields}, {protocol}"


def invention_rows(record: Record, methods: Sequence[str]) -> list[dict]:
    """A row a case of `INVENTED`: false detections per arcmin² of each method."""
    return [{"case": case(*where)} | _of_each(record, methods, f"invented, {ALARMS}", *where) for where in INVENTED]


def persistence_rows(record: Record, methods: Sequence[str]) -> list[dict]:
    """A row a case: what comes back of each method's false detections, %, and what would by chance."""
    rows = []
    for where in (("near bright stars", "standard"), ("near bright galaxies", "standard")):
        for quantity, end in (("persistence", ""), ("persistence_chance", ", if scattered evenly")):
            rows.append({"case": where[0] + end} | _of_each(record, methods, f"{quantity}, {ALARMS}", *where))
    return rows


def _of_each(record: Record, methods: Sequence[str], quantity: str, fields: str, protocol: str) -> dict:
    found: dict = {}
    for name in methods:
        found |= cell(record, name, quantity, name, fields=fields, protocol=protocol)
    return found


def colour_rows(record: Record, methods: Iterable[str], magnitudes: Sequence[float] = (22.0, 24.0, 26.0)) -> list[dict]:
    """A row a magnitude and method, the bound first: bias, scatter and share of stars without a colour."""
    rows = []
    for magnitude in magnitudes:
        for name in ("bound", *methods):
            row = {"magnitude": magnitude, "title": "Cramér–Rao bound" if name == "bound" else record.title(name)}
            row |= {"colour_bias": "", "colour_lost": ""} if name == "bound" else {}
            for quantity in ("colour_bias", "colour_scatter", "colour_lost"):
                row |= cell(record, name, quantity, quantity, fields="crowded field", magnitude=magnitude)
            rows.append(row)
    return rows


def galaxy_rows(record: Record, methods: Iterable[str], magnitudes: Sequence[float] = (22.0, 24.0)) -> list[dict]:
    """A row a kind of galaxy, magnitude and method: half-light radius over the true one, error of the light, %."""
    rows = []
    for fields in galaxy_sizes.INDICES.values():
        for magnitude in magnitudes:
            for name in methods:
                row = {"fields": fields, "magnitude": magnitude, "title": record.title(name)}
                given = {"fields": fields, "magnitude": magnitude}
                ratio = cell(record, name, "half_light_radius_ratio", "radius", **given)
                row |= ratio | {"half_light_radius_ratio": ratio.get("radius")}
                rows.append(row | cell(record, name, "bias_galaxy", "bias_galaxy", **given))
    return rows


RECOMPUTED = (
    ("stars: delta m90 [mag]", "delta_m90", {"fields": "isolated stars", "protocol": STANDARD}),
    ("crowded: delta m90 [mag]", "delta_m90", {"fields": "crowded field", "protocol": STANDARD}),
    ("galaxies: delta m90 [mag]", "delta_m90", {"fields": "extended sources", "protocol": STANDARD}),
    ("bias, SNR above 10 [%]", "bias_psf", {"fields": "isolated stars", "protocol": "standard"}),
    ("68 % intervals cover [%]", "coverage_68", {"fields": "test fields"}),
)
"""What a build measures anew, as its table calls it: quantity and conditions."""


def recomputed_rows(record: Record, own: Record | None) -> list[dict]:
    """A row a method and number of `RECOMPUTED` that both records have."""
    rows = []
    for name in present(own, record.methods):
        for label, quantity, given in RECOMPUTED:
            row = cell(record, name, quantity, "published", **given) | cell(own, name, quantity, "own", **given)
            if row.get("own") is not None:
                rows.append({"title": record.title(name), "quantity": label} | row)
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
