"""The claim ledger as tables of a page: claims counted by status, one by one, and as the paper's tables."""

from collections import Counter

from ._paths import ROOT
from .claims import STATUSES, Verdict, ledger
from .records import Record
from .tables import Column, number

SECTIONS = {
    "Abstract": ("abstract",),
    "Data (§2)": ("data", "fig-1"),
    "Network (§3.1–3.2)": ("fig-2", "network", "fig-4"),
    "Training (§3.2–3.4)": ("training", "exp05", "exp08", "network1", "network2"),
    "Table 1": ("table-1",),
    "Table 2": ("table-2",),
    "Results in the text (§4.2–4.3)": ("text",),
    "Figures 6, 8 and 9": ("fig-6", "fig-8", "fig-9"),
    "Real data (§4.4)": ("real", "fig-10", "fig-11"),
    "Table 3": ("table-3",),
    "Misaligned data (§4.4.1)": ("table-misaligned", "misaligned"),
    "Similar work (§5.1)": ("similar",),
}
"""Parts of the paper -> first parts of the ids of their claims."""


def section(*groups: str) -> list[Verdict]:
    """The claims whose ids begin with any of the groups, in the ledger's order."""
    return [verdict for name, verdict in ledger().items() if name.split("/")[0] in groups]


def runs(*groups: str) -> list[Record]:
    """The records that the claims' numbers of ours are from, each once."""
    files = (verdict.ours.file for verdict in section(*groups) if verdict.ours)
    return [Record((ROOT / file).parent) for file in dict.fromkeys(files) if file.endswith("fields.csv")]


def count_rows() -> list[dict]:
    """A row a section, a cell a status: how many claims; and their sum."""
    counts = {title: Counter(verdict.status for verdict in section(*groups)) for title, groups in SECTIONS.items()}
    total = sum(counts.values(), Counter())
    return [
        {"section": title, "all": count.total()} | {status: count[status] or "" for status in STATUSES}
        for title, count in {**counts, "All": total}.items()
    ]


def claim_rows(*groups: str) -> list[dict]:
    """A row a claim: its id, place, quantity, the paper's number, ours, status, source, note."""
    return [
        {
            "id": f"`{verdict.claim.id}`",
            "where": verdict.claim.where,
            "quantity": verdict.claim.quantity,
            "paper": number(verdict.claim.paper, verdict.claim.format, verdict.claim.unit),
            "ours": _ours(verdict) or "–",
            "status": f"{STATUSES[verdict.status]} {verdict.status}",
            "source": _source(verdict),
            "note": "; ".join(dict.fromkeys(filter(None, (verdict.claim.note, verdict.why)))),
        }
        for verdict in section(*groups)
    ]


def _ours(verdict: Verdict) -> str:
    found, claim = verdict.ours, verdict.claim
    return number(found.value, claim.format, claim.unit, found.error) if found else ""


def _source(verdict: Verdict) -> str:
    """The file that our number is from, or, where there is none, the one that would hold it."""
    name = verdict.ours.file if verdict.ours else verdict.claim.source
    return f"`{name}`" if name and "/" in name else name or "–"


def grid_rows(table: str) -> list[dict]:
    """A row a row of the paper's table, a cell a number: the paper's, ours below it, and the sign of its status."""
    rows: dict[str, dict] = {}
    for verdict in section(table):
        _, key, column = verdict.claim.id.split("/")
        name = verdict.claim.where.partition(", ")[2]
        row = rows.setdefault(key, {"name": f"{name}, `{key}`", "source": _source(verdict)})
        printed, ours = number(verdict.claim.paper, verdict.claim.format), verdict.ours
        found = number(ours.value, verdict.claim.format, spread=ours.error) if ours else ""
        row[column] = f"{printed} {STATUSES[verdict.status]} {found}"
    return list(rows.values())


def grid_columns(table: str) -> list[Column]:
    """The columns of `grid_rows`, in the paper's order."""
    heads = {verdict.claim.id.split("/")[2]: verdict.claim for verdict in section(table)}
    measured = [Column(column, claim.quantity, unit=claim.unit) for column, claim in heads.items()]
    return [Column("name", "row"), *measured, Column("source", "source of ours")]
