"""A receipt of a reproduction, ``astrounet receipt``: are files, versions, records and claims what was published?

Nothing is computed again here: it says whether what lies in this folder is what the book's numbers were made from.
"""

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from . import claims, manifest
from ._paths import RESULTS_DIR, ROOT
from .doctor import examine
from .provenance import read_json, replacing, sha256, write_json
from .records import Record
from .records import check as check_record

LOCK = ROOT / "requirements.lock"
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def make(folder: Path = Path(".")) -> dict:
    """Check everything, write ``receipt.md`` and ``receipt.json`` to a folder, and return what they say.

    ``good`` is False where a file is damaged, a network is missing, a version is another than the locked one, a record
    is stale, or a claim is declared otherwise than its numbers say. What isn't installed or fetched is no fault.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = examine()
    checks = {"data": data(), "networks": networks(), "environment": environment(), "records": records()}
    checks |= {"claims": declared_claims()}
    receipt = {key: found[key] for key in ("astrounet", "commit", "versions", "devices")}
    receipt |= {"lock_sha256": sha256(LOCK), "checks": checks}
    receipt |= {"good": not any(one["faults"] for one in checks.values())}
    write_json(folder / "receipt.json", receipt)
    with replacing(folder / "receipt.md") as beside:
        beside.write_text(text(receipt))
    return receipt


def data() -> dict:
    """The real images that are here, by sha256."""
    names = {each.name for each in manifest.entries()}
    files = [file for file in manifest.status() if file["name"] in names]
    here = sum(file["state"] == "present" for file in files)
    damaged = [f"{file['where']} has another sha256; fetch it again" for file in files if file["state"] == "corrupt"]
    return {"says": f"{here} of {len(files)} real images are here and whole", "faults": damaged}


def networks() -> dict:
    """The published networks, by sha256; each must be here."""
    names = {each.name for each in manifest.entries()}
    files = [file for file in manifest.status() if file["name"] not in names]
    bad = [f"the network {file['name']} is {file['state']}" for file in files if file["state"] != "present"]
    return {"says": f"{len(files) - len(bad)} of {len(files)} published networks are whole", "faults": bad}


def environment(lock: Path = LOCK) -> dict:
    """Installed versions against the locked ones."""
    pins = dict(PIN.findall(lock.read_text()))
    installed = {name: found for name in pins if (found := _version(name))}
    other = [f"{name} {installed[name]}, locked {pins[name]}" for name in installed if not _same(name, pins, installed)]
    says = f"{len(installed) - len(other)} of {len(pins)} locked packages are here in their version"
    return {"says": f"{says}, {len(pins) - len(installed)} are not installed", "faults": other}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _same(name: str, pins: dict, installed: dict) -> bool:
    """Whether versions agree; 2.13.0+cpu and 2.13.0 do, which differ in where they run."""
    return installed[name].split("+")[0] == pins[name]


def records(folder: Path = RESULTS_DIR) -> dict:
    """The published records: readable, of today's fields and recipes, of the published weights."""
    files = sorted(folder.rglob("*.json"))
    faults = list(_stale(files))
    return {
        "says": f"{len(files) - len(faults)} of {len(files)} published records are whole and current",
        "faults": faults,
    }


def _stale(files: list[Path]) -> Iterator[str]:
    for file in files:
        try:
            read_json(file)
            if file.name == "run.json" and file.parent.name.startswith("seed"):
                check_record(Record(file.parent))
        except (ValueError, OSError) as error:
            yield str(error)


def declared_claims() -> dict:
    """Every claim of the ledger: does its number say what the ledger says?"""
    known = claims.read()
    faults = []
    for claim in known.values():
        try:
            sentence = claims.complaint(claims.judge(claim, known))
        except ValueError as error:
            sentence = str(error)
        faults += [sentence] if sentence else []
    return {"says": f"{len(known) - len(faults)} of {len(known)} claims follow from their numbers", "faults": faults}


def text(receipt: dict) -> str:
    """The receipt as Markdown, to attach to an issue."""
    verdict = "all well" if receipt["good"] else "**not as published**"
    lines = ["# Receipt", "", f"astrounet {receipt['astrounet']}, commit {receipt['commit']}: {verdict}.", ""]
    lines += ["| what | found | |", "|---|---|---|"]
    for name, one in receipt["checks"].items():
        lines.append(f"| {name} | {one['says']} | {'✗' if one['faults'] else '✓'} |")
    faults = [f"- {name}: {fault}" for name, one in receipt["checks"].items() for fault in one["faults"]]
    lines += ["", "## Faults", "", *faults] if faults else []
    lines += ["", "## Machine", "", *(f"- {device}" for device in receipt["devices"])]
    lines += [f"- {name} {number}" for name, number in receipt["versions"].items()]
    lines += [f"- requirements.lock {receipt['lock_sha256'][:12]}…"]
    return "\n".join(lines) + "\n"
