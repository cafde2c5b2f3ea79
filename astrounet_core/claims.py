"""The claim ledger, ``book/claims.yml``: every number the paper states, ours beside it, and a verdict that is checked.

``python -m astrounet_core.claims`` prints the status of every claim as declared and as its numbers say.
"""

import math
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from textwrap import indent

import yaml

from . import paper
from ._paths import ROOT
from .claim_values import KINDS, PAPERS_OWN, SETTINGS, Value, kind_of
from .tables import number

LEDGER = ROOT / "book" / "claims.yml"

REPRODUCED = "reproduced on the paper's data"
SAME_SETTING = "same setting"
SAME_DIRECTION = "same direction on simulated data"
DIFFERS = "differs"
NOT_RUN = "not run"
NOT_REPRODUCIBLE = "not reproducible"
STATUSES = {
    REPRODUCED: "✓",
    SAME_SETTING: "=",
    SAME_DIRECTION: "↗",
    DIFFERS: "≠",
    NOT_RUN: "…",
    NOT_REPRODUCIBLE: "∅",
}
"""The verdicts that there are, with their signs. A setting is taken over, not reproduced: hence its own."""


@dataclass(frozen=True)
class Claim:
    """One number of the paper. ours: reference to our number, see `claim_values`, None for *not reproducible*;
    tolerance: {absolute or relative: limit}; against: the claim, or number, from which a direction is counted;
    magnitude: compare without signs; format: of numbers in text."""

    id: str
    where: str
    quantity: str
    paper: float
    status: str
    unit: str = ""
    ours: dict | None = None
    source: str | None = None
    tolerance: dict | None = None
    note: str = ""
    against: str | float | None = None
    magnitude: bool = False
    format: str = "g"

    def allows(self, value: float) -> bool:
        """Whether a number of ours is within the tolerance; a relative one is a share of the paper's number."""
        limit = self.tolerance.get("absolute", self.tolerance.get("relative", 0) * abs(self.paper))
        return abs(self._signless(value) - self._signless(self.paper)) <= limit * (1 + 1e-9)

    def steps(self, reference: float, ours: Value, our_reference: Value) -> tuple[float, float, float]:
        """From the reference to the claim: the paper's step, ours, and the standard error of ours, which is that of the
        two numbers in quadrature."""
        step = self._signless(self.paper) - self._signless(reference)
        our_step = self._signless(ours.value) - self._signless(our_reference.value)
        return step, our_step, math.hypot(ours.error or 0, our_reference.error or 0)

    def _signless(self, value: float) -> float:
        return abs(value) if self.magnitude else value


@dataclass(frozen=True)
class Verdict:
    """A claim with our number (None: not run, or not reproducible), the status that follows, and why."""

    claim: Claim
    ours: Value | None
    status: str
    why: str


def read(path: Path = LEDGER) -> dict[str, Claim]:
    """The claims of a ledger by id, tables expanded to one a cell and quotations to what they quote.

    Raises ValueError, naming the claim, for an entry that is incomplete, has unknown fields, or is there twice.
    """
    ledger = yaml.safe_load(path.read_text())
    cells = [cell for name, block in ledger["tables"].items() for cell in _cells(name, block)]
    claims: dict[str, Claim] = {}
    for entry in [*cells, *ledger["claims"]]:
        claim = _quotation(entry, claims) if "repeats" in entry else _claim(entry, ledger["tolerances"])
        if claim.id in claims:
            raise ValueError(f"claim {claim.id} is in the ledger twice; remove one.")
        claims[claim.id] = claim
    missing = [claim for claim in claims.values() if isinstance(claim.against, str) and claim.against not in claims]
    if missing:
        raise ValueError(f"claim {missing[0].id} is against {missing[0].against}, which is no claim; name another.")
    return claims


def _cells(name: str, block: dict) -> list[dict]:
    """One entry for each number of a table, as the ledger's block about it says."""
    entries, rows = [], paper.table(name.removeprefix("table-"))
    statuses = _statuses(name, block, {row["key"] for row in rows})
    for row in rows:
        source = block["source"].format(name=_record(row["key"]))
        if row.keys() - {"key", "name", *block.get("labels", ())} != block["columns"].keys():
            raise ValueError(f"{name} of the ledger has other columns than the paper's table; name each, or a label.")
        for column, rules in block["columns"].items():
            key = f"{row['key']}/{column}"
            entry = {"id": f"{name}/{key}", "where": f"{block['where']}, {row['name']}", "paper": row[column]}
            entry |= {"against": f"{block['against'].format(**row)}/{column}", "source": source}
            entry |= rules | {"ours": _reference(source, row, column)}
            entries.append(entry | {"status": statuses.get(key, statuses.get(row["key"]))})
    return entries


def _statuses(name: str, block: dict, rows: set[str]) -> dict[str, str]:
    """{row or row/column: status}. ValueError for a name that is no row or cell, or that is there twice."""
    stated = [(cell, status) for status, cells in block["status"].items() for cell in cells]
    known = rows | {f"{row}/{column}" for row in rows for column in block["columns"]}
    for cell, status in stated:
        if cell not in known or [name for name, _ in stated].count(cell) > 1:
            raise ValueError(f"{name} of the ledger has {cell!r} as {status!r}: no row or cell, or named twice.")
    return dict(stated)


def _record(key: str) -> str:
    """The record of a table's row: network1@2 -> network1; the input is the method ``unchanged``."""
    return {"input": "unchanged"}.get(key.split("@")[0], key.split("@")[0])


def _reference(source: str, row: dict, column: str) -> dict:
    if source.endswith(".json"):
        return {"key": [row["key"], column]}
    return {"column": column, "exposure_ratio": row.get("exposure_ratio", 2)}


def _claim(entry: dict, tolerances: Mapping[str, dict]) -> Claim:
    name, known = entry.get("id", entry), {field.name for field in fields(Claim)}
    needed = {"id", "where", "quantity", "paper", "status"} | ({"tolerance"} if entry.get("ours") else {"note"})
    for problem, keys in (("unknown", entry.keys() - known), ("missing", needed - entry.keys())):
        if keys:
            raise ValueError(
                f"claim {name} of the ledger has a field too many or too few: {problem} {sorted(keys)[0]}."
            )
    if entry["status"] not in STATUSES:
        raise ValueError(f"claim {name} has the status {entry['status']!r}; choose one of {', '.join(STATUSES)}.")
    if entry.get("ours") and kind_of(entry["ours"]) not in SETTINGS | PAPERS_OWN and not entry.get("source"):
        raise ValueError(f"claim {name} names no source; say which result file holds our number.")
    return Claim(**entry | {"tolerance": _tolerance(entry, tolerances)})


def _tolerance(entry: dict, tolerances: Mapping[str, dict]) -> dict | None:
    limit = entry.get("tolerance")
    if isinstance(limit, str) and limit not in tolerances:
        raise ValueError(
            f"claim {entry['id']} has an unknown tolerance {limit!r}; choose one of {', '.join(tolerances)}."
        )
    limit = tolerances[limit] if isinstance(limit, str) else limit
    if limit is not None and len({"absolute", "relative"} & limit.keys()) != 1:
        raise ValueError(f"claim {entry['id']} has no absolute or relative tolerance; state one of the two.")
    return limit


def _quotation(entry: dict, claims: Mapping[str, Claim]) -> Claim:
    """A claim that quotes another: the same in all but place and rounding."""
    if entry["repeats"] not in claims:
        raise ValueError(
            f"claim {entry['id']} repeats {entry['repeats']}, which no table holds; name one of its cells."
        )
    original, digits = claims[entry["repeats"]], entry.get("digits")
    changes = {"id": entry["id"], "where": entry["where"], "note": f"repeats `{original.id}`"}
    if original.against == original.id:
        changes |= {"against": None}
    if digits is not None:
        changes |= {"paper": round(original.paper, digits), "format": f".{digits}f"}
    return Claim(**vars(original) | changes)


def judge(claim: Claim, claims: Mapping[str, Claim]) -> Verdict:
    """Look our number up and compare. Raises ValueError, naming the claim, for a result that is stale or incomplete."""
    ours = _look_up(claim, claims)
    if claim.ours is None:
        return Verdict(claim, None, NOT_REPRODUCIBLE, claim.note)
    if ours is None:
        return Verdict(claim, None, NOT_RUN, "no such result is published")
    kind, inside = kind_of(claim.ours), claim.allows(ours.value)
    if kind in PAPERS_OWN | SETTINGS:
        return Verdict(claim, ours, (REPRODUCED if kind in PAPERS_OWN else SAME_SETTING) if inside else DIFFERS, "")
    return Verdict(claim, ours, SAME_DIRECTION, "within the tolerance") if inside else _by_step(claim, ours, claims)


def _by_step(claim: Claim, ours: Value, claims: Mapping[str, Claim]) -> Verdict:
    """The verdict on a number outside its tolerance: the same direction if our step from the reference has the sign of
    the paper's and exceeds two standard errors."""
    if claim.against is None or claim.against == claim.id:
        return Verdict(claim, ours, DIFFERS, "outside the tolerance")
    if isinstance(claim.against, str):
        reference, our_reference = claims[claim.against].paper, _look_up(claims[claim.against], claims)
    else:
        reference, our_reference = claim.against, Value(claim.against, None, "")
    if our_reference is None:
        raise ValueError(f"claim {claim.id} is against {claim.against}, of which no result is published; publish it.")
    step, our_step, error = claim.steps(reference, ours, our_reference)
    why = f"step {our_step:+.2g} ± {error:.2g}, the paper's {step:+.2g}".replace("-", "\N{MINUS SIGN}")
    clear = step * our_step > 0 and abs(our_step) > 2 * error
    return Verdict(claim, ours, SAME_DIRECTION if clear else DIFFERS, why)


def _look_up(claim: Claim, claims: Mapping[str, Claim]) -> Value | None:
    if claim.ours is None:
        return None
    try:
        printed = {name: claims[name].paper for name in claim.ours.get("of", ())}
        return KINDS[kind_of(claim.ours)](claim.ours, claim.source, printed)
    except (ValueError, KeyError, AttributeError, IndexError) as error:
        raise ValueError(f"claim {claim.id} cannot be looked up: {error}") from error


def complaint(verdict: Verdict) -> str:
    """A sentence where the declared status is not what the numbers say; empty where it is."""
    claim = verdict.claim
    if claim.status == verdict.status:
        return ""
    if verdict.ours is None and claim.ours is not None:
        missing = f"{claim.source} holds no such result; publish it or say 'not run'."
        return f"claim {claim.id} says {claim.status!r}, but {missing}"
    return (
        f"claim {claim.id} says {claim.status!r}, but its numbers say {verdict.status!r} ({verdict.why}); "
        "see `python -m astrounet_core.claims`, and change book/claims.yml if that is so."
    )


@cache
def ledger() -> dict[str, Verdict]:
    """All verdicts by claim. Raises ValueError for the first whose declared status is not what its numbers say."""
    claims = read()
    verdicts = {name: judge(claim, claims) for name, claim in claims.items()}
    for verdict in verdicts.values():
        if sentence := complaint(verdict):
            raise ValueError(sentence)
    return verdicts


def value(name: str) -> str:
    """The paper's number for prose, with its unit: ``value("table-2/network1@2/tpr")`` is ``95.9 %``."""
    claim = _find(name).claim
    return number(claim.paper, claim.format, claim.unit)


def ours(name: str) -> str:
    """Our number for prose, with its error and unit; *not run* where there is none."""
    found = _find(name)
    return number(
        found.ours and found.ours.value, found.claim.format, found.claim.unit, found.ours and found.ours.error
    )


def _find(name: str) -> Verdict:
    if name not in ledger():
        raise ValueError(f"there is no claim {name!r}; book/claims.yml and its tables list what there is.")
    return ledger()[name]


def main() -> int:
    """Print every claim: paper, ours, status as declared and as computed; then the ``status`` block of each table where
    they differ, as its numbers say. 1 where any two differ, else 0."""
    claims = read()
    verdicts = [judge(claim, claims) for claim in claims.values()]
    for verdict in verdicts:
        claim, found = verdict.claim, verdict.ours
        text = number(found.value, claim.format, spread=found.error) if found else "–"
        says = claim.status if claim.status == verdict.status else f"{claim.status} -> {verdict.status}"
        print(f"{claim.id:36s} {number(claim.paper, claim.format, claim.unit):>12s} {text:>18s}  {says}")
    changed = [verdict for verdict in verdicts if complaint(verdict)]
    for table in dict.fromkeys(verdict.claim.id.split("/")[0] for verdict in changed):
        if table.startswith("table-"):
            print(status_block(table, verdicts))
    print(f"{len(verdicts)} claims, {len(changed)} of them declared otherwise than computed.")
    return int(bool(changed))


def status_block(table: str, verdicts: list[Verdict]) -> str:
    """The ``status`` block of a table as its numbers say: a row under its most frequent status, other cells by name."""
    rows: dict[str, dict[str, str]] = {}
    for verdict in verdicts:
        name, *cell = verdict.claim.id.split("/")
        if name == table:
            rows.setdefault(cell[0], {})["/".join(cell)] = verdict.status
    names: dict[str, list[str]] = {}
    for row, cells in rows.items():
        most, _ = Counter(cells.values()).most_common(1)[0]
        for name, status in {row: most, **{cell: each for cell, each in cells.items() if each != most}}.items():
            names.setdefault(status, []).append(name)
    block = yaml.safe_dump({"status": names}, sort_keys=False, width=110, default_flow_style=None)
    return f"  {table}:\n{indent(block, ' ' * 4)}"


if __name__ == "__main__":
    sys.exit(main())
