"""sha256 of files whose publisher gives none, as they first came, in ``hla.lock.json`` in the cache.

It can't tell whether the first one was right, only that all later ones are the same.
"""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from .downloads import alone
from .provenance import read_json, sha256, write_json
from .transfer import Download


def pinned(wanted: Download, lock: Path) -> Download:
    """The same download with the size and sha256 it first came with; unchanged where it has its own or never came.

    Raises ValueError for a lock file that can't be read.
    """
    entry = _entries(lock).get(wanted.file) if wanted.sha256 is None else None
    if entry is None:
        return wanted
    hint = f", or, if the archive has made it anew since {entry['first_seen']}, delete its entry in {lock}"
    return replace(wanted, bytes=entry["bytes"], sha256=entry["sha256"], hint=hint)


def record(path: Path, lock: Path) -> None:
    """Note a file that the lock file doesn't know yet."""
    entry = {"sha256": sha256(path), "bytes": path.stat().st_size, "first_seen": f"{datetime.now(UTC):%Y-%m-%d}"}
    with alone(lock):
        write_json(lock, {path.name: entry} | _entries(lock))


def _entries(lock: Path) -> dict[str, dict]:
    return read_json(lock) if lock.exists() else {}
