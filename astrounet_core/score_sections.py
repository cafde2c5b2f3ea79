"""The sections of the scorecard: which measures, on which skies, on how many of them.

A section takes methods, which share the skies, and returns a part for each: ``rows``, and where
it detects also ``found``, what was found of every source by kind of sky, and ``fields``, the kinds' names, so that any
two methods can be compared later.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from . import (
    colour_magnitude,
    completeness,
    cost,
    coverage,
    exposures,
    galaxy_sizes,
    invention,
    known_stars,
    limits,
    residuals,
    robustness,
    shapes,
    star_photometry,
)
from .completeness import LONGER, REFERENCE, Found
from .detection import Detector, bank, calibrate_banks
from .exposures import STANDARD, Method
from .field_table import fields
from .score_rows import row

Methods = Mapping[str, Method]
Parts = dict[str, dict]


@dataclass(frozen=True)
class Counts:
    """How much is measured. skies: of each kind, exposed noise_seeds times; fields: of each split of the table; alarms
    that set a threshold, at ``density`` per arcmin²; size: pixels a side of skies of the scorecard's own."""

    skies: int = 20
    noise_seeds: int = 3
    fields: int = 20
    alarms: int = 100
    density: float = 10.0
    size: int = 384


FULL = Counts()
COUNTS = {
    "smoke": Counts(skies=1, noise_seeds=1, fields=2, alarms=4, size=320),
    "quick": Counts(skies=2, noise_seeds=1, fields=3, alarms=20, size=320),
    "retrain": FULL,
    "paper": FULL,
}
"""Profile -> counts."""

STRICT = "detection_1"
"""The section that repeats "detection" at one false alarm per arcmin², on ten times as much empty sky."""


def noises(kind: str, counts: Counts) -> int:
    """How many noises each sky of a kind gets: the held-out kinds one."""
    return 1 if kind in ("wider", "king") else counts.noise_seeds


def area(kind: str, counts: Counts) -> float:
    """All skies of a kind with all their noises, arcmin²."""
    return counts.skies * noises(kind, counts) * exposures.arcmin2(np.empty((counts.size, counts.size)))


def skies(kind: str, counts: Counts) -> list[completeness.Sky]:
    """Skies of a kind, each with all its noises."""
    threshold = limits.threshold_at(counts.density)
    makers = {
        "isolated": completeness.isolated_stars,
        "wider": completeness.wider_stars,
        "crowded": completeness.crowded_stars,
        "king": lambda *given: completeness.crowded_stars(
            *given, first_seed=5_650_000, fields="crowded field, King profile", **completeness.KING
        ),
    }
    if kind == "extended":
        made = completeness.galaxies(counts.skies, STANDARD, size=counts.size)
    else:
        made = makers[kind](counts.skies, STANDARD, threshold, counts.size)
    return completeness.again(made, noises(kind, counts))


BANKS = {"isolated": "point", "wider": "point", "crowded": "point", "king": "point", "extended": "extended"}
"""Kind of sky -> the detector's kernels."""

CROWDED = ("crowded", "king")
ALONE = tuple(kind for kind in BANKS if kind not in CROWDED)


def detection(methods: Methods, counts: Counts) -> Parts:
    """Thresholds on each method's empty sky, what is found of sources far from others, and what is invented."""
    made = {kind: skies(kind, counts) for kind in ALONE}
    parts = {}
    for name, method in methods.items():
        detectors = _calibrated(name, method, counts, ("point", "extended"))
        rows = _thresholds(name, detectors, counts)
        if name != LONGER:
            given = {"count": counts.skies, "noise_seeds": min(2, counts.noise_seeds)}
            label = f"{counts.density:g} alarms per arcmin2"
            for each in invention.score({name: method}, {name: detectors["point"]}, **given):
                rows.append(each | {"quantity": f"{each['quantity']}, {label}"})
        parts[name] = {"rows": rows} | _found(name, method, made, detectors)
    return parts


def crowding(methods: Methods, counts: Counts) -> Parts:
    """What is found of stars in clusters, at the same thresholds."""
    made = {kind: skies(kind, counts) for kind in CROWDED}
    return {
        name: {"rows": []} | _found(name, method, made, _calibrated(name, method, counts, ("point",)))
        for name, method in methods.items()
    }


def _longer(name: str) -> float:
    return STANDARD.exposure_ratio if name == LONGER else 1.0


def _calibrated(name: str, method: Method, counts: Counts, banks: Sequence[str]) -> dict[str, Detector]:
    given = {"density": counts.density, "alarms": counts.alarms, "longer": _longer(name)}
    return calibrate_banks(method, {each: bank(each) for each in banks}, **given)


def _thresholds(name: str, detectors: Mapping[str, Detector], counts: Counts) -> list[dict]:
    about, rows = labels(name, counts) | {"fields": "blank sky"}, []
    for label, each in detectors.items():
        spread = {"low": each.threshold - each.error, "high": each.threshold + each.error}
        rows.append(row(about, f"threshold_{label}", each.threshold, n=counts.alarms, **spread))
        rows.append(row(about, f"alarm_density_{label}", each.density, n=counts.alarms))
    return rows


def _found(name: str, method: Method, made: Mapping, detectors: Mapping[str, Detector]) -> dict:
    """What is found on skies by kind, as JSON takes it, and what the kinds are called."""
    found = {
        kind: packed(completeness.find(each, method, detectors[BANKS[kind]], _longer(name)))
        for kind, each in made.items()
    }
    return {"found": found, "fields": {kind: each[0].fields for kind, each in made.items()}}


def stars(methods: Methods, counts: Counts) -> Parts:
    """Fluxes, shapes and residuals of known stars, alone and in the fields of the table."""
    measures = (star_photometry, shapes, residuals)
    alone = known_stars.isolated(counts.skies, counts.noise_seeds, size=counts.size)
    rows = known_stars.score(methods, alone, *measures)
    chosen = fields("test")[: counts.fields]
    rows += known_stars.score(methods, known_stars.of_fields(chosen, counts.noise_seeds), *measures)
    realistic = known_stars.of_fields(fields("realistic")[: counts.fields], 1)
    found = known_stars.score(methods, realistic, star_photometry)
    return _by_method(methods, rows + [each | {"fields": f"{each['fields']}, realistic"} for each in found])


def galaxies(methods: Methods, counts: Counts) -> Parts:
    """Sizes of galaxies, and a cluster's colours."""
    rows = []
    for index in galaxy_sizes.INDICES:
        rows += galaxy_sizes.score(methods, galaxy_sizes.galaxies(counts.skies, 1, index, size=counts.size))
    return _by_method(methods, rows + colour_magnitude.score(methods, max(1, counts.skies // 4)))


def uncertainty(methods: Methods, counts: Counts) -> Parts:
    """Coverage of errors that are calibrated on validation fields."""
    return _by_method(methods, coverage.score(methods, chosen=fields("test")[: counts.fields], noise_seeds=1))


def off_road(methods: Methods, counts: Counts) -> Parts:
    """Errors where an image is not what a method expects."""
    chosen = [each for each in fields("test") if each.kind in ("sparse_field", "star_cluster")][: counts.fields]
    found = robustness.skies(chosen, counts.size)
    rows = robustness.score(methods, found, noise_seeds=1)
    return _by_method(methods, rows + robustness.equivariance(methods, found[:2]))


def costs(methods: Methods, counts: Counts) -> Parts:
    """Time, memory and size."""
    return _by_method(methods, cost.score(methods, size=1024 if counts == FULL else 256, repeats=3))


def _by_method(methods: Methods, rows: list[dict]) -> Parts:
    """Rows of no method, those of a bound, go with the reference's."""
    parts: Parts = {name: {"rows": []} for name in methods}
    for each in rows:
        name = each["method"] if each["method"] in methods else REFERENCE
        if name in parts:
            parts[name]["rows"].append(each)
    return parts


SECTIONS: Mapping[str, Callable[[Methods, Counts], Parts]] = {
    "detection": detection,
    "crowding": crowding,
    STRICT: lambda methods, counts: detection(methods, replace(counts, density=1.0)),
    "stars": stars,
    "galaxies": galaxies,
    "uncertainty": uncertainty,
    "robustness": off_road,
    "cost": costs,
}
"""Name -> what makes the parts."""


def labels(name: str, counts: Counts) -> dict:
    """What rows of "detection" have in common but for their fields; the protocol says which density of alarms."""
    protocol = f"{STANDARD.name}, {counts.density:g} alarms per arcmin2"
    return {"method": name, "protocol": protocol, "exposure_ratio": STANDARD.exposure_ratio}


FOUND = tuple(Found.__dataclass_fields__)


def packed(found: Found) -> dict:
    """`Found` as JSON takes it: booleans as a string of 0 and 1."""
    return {
        key: "".join("01"[int(each)] for each in value) if value.dtype == bool else np.round(value, 4).tolist()
        for key, value in asdict(found).items()
    }


def unpacked(plain: Mapping) -> Found:
    """The opposite of `packed`."""
    bits = {key: list(map(int, value)) for key, value in plain.items() if isinstance(value, str)}
    kinds = {"seen": bool, "real": bool}
    return Found(**{key: np.array(bits.get(key, plain[key]), kinds.get(key)) for key in FOUND})
