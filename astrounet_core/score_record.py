"""The scorecard's record: one file of rows with provenance, how it is written, found, and read by pages.

``_build/results/<profile>/scorecard.json`` is this machine's own, ``results/<profile>/scorecard.json`` is published. It
holds ``version`` (`exposures.VERSION`; only numbers of one version compare), ``runs`` (the provenance of each method's
sections), ``methods`` (title, group and what each assumes), ``columns`` (`score_rows.KEYS`) and ``rows``, a list each.
"""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import records
from ._paths import BUILD_DIR, RESULTS_DIR
from .exposures import VERSION
from .provenance import read_json, replacing
from .score_rows import KEYS

NAME = "scorecard.json"


@dataclass(frozen=True)
class Record:
    """path of the file; runs: method -> section -> provenance; methods: name -> {title, group, assumes}; rows."""

    path: Path
    runs: Mapping[str, dict]
    methods: Mapping[str, dict]
    rows: list[dict]

    def value(self, method: str, quantity: str, magnitude: float | None = None, **conditions: object) -> dict | None:
        """The one row of a quantity, of all magnitudes together unless one is given; None where it was not measured.
        Raises ValueError where the conditions leave several."""
        found = pick(self.rows, method=method, quantity=quantity, magnitude=(magnitude,), **conditions)
        if len(found) > 1:
            raise ValueError(f"{len(found)} rows of {quantity!r} of {method!r}; name fields or protocol.")
        return found[0] if found else None

    def made_by(self, *methods: str, section: str | None = None) -> list[dict]:
        """Provenance of a section, or of all, of these methods, of all where none is named."""
        chosen = [self.runs[name] for name in (methods or self.runs) if name in self.runs]
        return [run for each in chosen for kind, run in each.items() if section in (None, kind)]

    def title(self, method: str) -> str:
        return self.methods.get(method, {}).get("title", method)


def places(profile: str) -> tuple[Path, Path]:
    """Where this machine's own record of a profile lies, and where the published one."""
    return BUILD_DIR / "results" / profile / NAME, RESULTS_DIR / profile / NAME


def load(profile: str, own: bool = False) -> Record | None:
    """The record that a page of ``profile`` shows: the fullest published one; for ``smoke``, and where ``own`` is
    asked for, this machine's; None where there is none. Raises ValueError for a record of another version."""
    published = [places(name)[1] for name in dict.fromkeys((*records.ORDER[:2], profile))]
    candidates = [places(profile)[0]] if own or profile == "smoke" else [*published, places(profile)[0]]
    for path in candidates:
        if path.exists():
            return read(path)
    return None


def read(path: Path) -> Record:
    """A record from its file. Raises ValueError for one of another version, whose numbers don't compare."""
    found = read_json(path)
    if found.get("version") != VERSION:
        raise ValueError(f"{path} holds {found.get('version')}, not {VERSION}; run `astrounet evaluate --methods all`.")
    rows = [dict(zip(found["columns"], values, strict=True)) for values in found["rows"]]
    return Record(path, found["runs"], found["methods"], rows)


def write(path: Path, runs: Mapping, methods: Mapping, rows: Iterable[Mapping]) -> None:
    """Write a record, a line a row, numbers to five digits, beside and renamed; and the rows as CSV beside it."""
    values = [[_short(each[key]) for key in KEYS] for each in rows]
    head = json.dumps({"version": VERSION, "methods": methods, "runs": runs, "columns": KEYS}, indent=1)
    lines = ",\n".join(json.dumps(each, ensure_ascii=False, allow_nan=False) for each in values)
    with replacing(path) as beside:
        beside.write_text(f'{head[:-2]},\n "rows": [\n{lines}\n ]\n}}\n')
    with replacing(path.with_suffix(".csv")) as beside, open(beside, "w", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([KEYS, *values])


def pick(rows: Sequence[Mapping], **conditions: object) -> list[dict]:
    """Rows with these values, in order; a condition that is a tuple allows each of its values, None all."""
    wanted = {key: each if isinstance(each, tuple) else (each,) for key, each in conditions.items() if each is not None}
    return [row for row in rows if all(row[key] in allowed for key, allowed in wanted.items())]


def _short(value):
    return float(f"{value:.5g}") if isinstance(value, float) else value
