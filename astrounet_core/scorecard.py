"""The scorecard: every method under every measure on the same skies, one section at a time, and one record of it all.

A section of a method is a part, ``_build/scorecard/<profile>/<method>/<section>.json``, with its provenance; parts that
are there and were made with the same counts, weights and version are kept, so that a run which was stopped goes on.
`merge` makes the record, with each method against the unchanged input on the same sources and noise.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from . import completeness, peers, score_record
from ._paths import BUILD_DIR
from .baselines import unchanged
from .completeness import LONGER, REFERENCE
from .exposures import VERSION, Method
from .provenance import Stopwatch, commit, digest, read_json, run_record, write_json
from .score_methods import about, weights_hash
from .score_sections import ALONE, COUNTS, CROWDED, SECTIONS, STRICT, Counts, area, labels, unpacked

DEFAULT = tuple(name for name in SECTIONS if name != STRICT)
"""Sections that are run unless others are named."""

MEASURES = {
    "detection": ("completeness", "detection", "invention"),
    "crowding": ("completeness", "detection"),
    STRICT: ("completeness", "detection", "invention"),
    "stars": ("bounds", "known_stars", "residuals", "shapes", "star_photometry"),
    "galaxies": ("bounds", "colour_magnitude", "galaxy_sizes", "known_stars"),
    "uncertainty": ("coverage", "uncertainty"),
    "robustness": ("known_stars", "robustness"),
    "cost": ("cost",),
}
"""Section -> modules whose change makes its parts stale, with `exposures` and `score_rows` for all."""

FINDING = {"detection": ALONE, STRICT: ALONE, "crowding": CROWDED}
"""Section that finds sources -> on what kinds of sky."""

TOGETHER = 4
"""Methods that are measured together: they share skies and bounds; what is stopped loses their section."""


def run(
    methods: Mapping[str, Method],
    profile: str,
    sections: Sequence[str] = DEFAULT,
    say: Callable[[str], None] = lambda text: None,
) -> Path:
    """Measure what is not there yet, the references included, merge all parts of the profile, and return the record.

    say: is told what is begun. Raises ValueError for an unknown profile or section.
    """
    for kind, given, known in (("profile", [profile], COUNTS), ("section", sections, SECTIONS)):
        for name in given:
            if name not in known:
                raise ValueError(f"no {kind} {name!r}; choose one of {', '.join(known)}.")
    everyone = {REFERENCE: unchanged, LONGER: unchanged} | dict(methods)
    for section in sections:
        wanted = [name for name in everyone if not _is_there(profile, name, section)]
        for names in (wanted[first : first + TOGETHER] for first in range(0, len(wanted), TOGETHER)):
            say(f"{section}: {', '.join(names)}")
            _measure(profile, section, {name: everyone[name] for name in names})
    return merge(profile)


def _is_there(profile: str, name: str, section: str) -> bool:
    """Whether a part needs no measurement; a longer exposure is only there to detect in."""
    path = part(profile, name, section)
    if name == LONGER and section not in FINDING:
        return True
    return path.exists() and read_json(path)["settings"] == _settings(profile, name, section)


def part(profile: str, name: str, section: str) -> Path:
    """Where the part of a method and section lies."""
    return BUILD_DIR / "scorecard" / profile / name.replace(":", ".") / f"{section}.json"


def _settings(profile: str, name: str, section: str) -> dict:
    """What a part depends on: counts, weights, and the code of the measures."""
    modules = ("exposures", "score_rows", *MEASURES.get(section, ()))
    code = digest([Path(__file__).with_name(f"{module}.py") for module in modules])
    given = {"method": name, "version": VERSION, "weights_sha256": weights_hash(name), "measures_sha256": code}
    return given | {"chosen": peers.tuned().get(name, {}).get("chosen")} | asdict(COUNTS[profile])


def _measure(profile: str, section: str, methods: Mapping[str, Method]) -> None:
    """Write the parts of a few methods; each is said to have taken its share of the time."""
    watch, source = Stopwatch(), commit()
    found = SECTIONS[section](methods, COUNTS[profile])
    given = {"preset": None, "seed": 0, "device": "cpu", "source": source, "seconds": watch.seconds / len(methods)}
    for name, each in found.items():
        record = run_record(profile=profile, experiment=name, measured_with=len(methods), **given)
        content = {"settings": _settings(profile, name, section), "run": record, **each}
        write_json(part(profile, name, section), content, indent=None)


def merge(profile: str) -> Path:
    """The record of all parts that a profile has; see `score_record`. Raises FileNotFoundError where there is none."""
    found = sorted((BUILD_DIR / "scorecard" / profile).glob("*/*.json"))
    if not found:
        raise FileNotFoundError(f"no parts of profile {profile}; run `astrounet evaluate --methods all` first.")
    parts: dict[str, dict[str, dict]] = {}
    for path in found:
        each = read_json(path)
        parts.setdefault(each["settings"]["method"], {})[path.stem] = each
    rows = [row for sections in parts.values() for each in sections.values() for row in each["rows"]]
    rows += [row for name, sections in parts.items() for row in _depths(name, sections, parts.get(REFERENCE, {}))]
    runs = {name: {section: each["run"] for section, each in sections.items()} for name, sections in parts.items()}
    path = score_record.places(profile)[0]
    score_record.write(path, runs, {name: about(name) for name in runs}, rows)
    return path


def _depths(name: str, sections: Mapping[str, dict], reference: Mapping[str, dict]) -> list[dict]:
    """Rows of `completeness.rows` for every kind of sky, against the reference's part of the same section."""
    rows = []
    for section in sections.keys() & reference.keys() & FINDING.keys():
        counts = Counts(**{key: sections[section]["settings"][key] for key in Counts.__dataclass_fields__})
        counts = replace(counts, density=1.0) if section == STRICT else counts
        for kind in FINDING[section]:
            of = labels(name, counts) | {"fields": sections[section]["fields"][kind]}
            ours, theirs = (unpacked(each[section]["found"][kind]) for each in (sections, reference))
            rows += completeness.rows(of, ours, theirs, crowded=kind in CROWDED)
            rows += completeness.false_density(of, ours, area(kind, counts))
    return rows
