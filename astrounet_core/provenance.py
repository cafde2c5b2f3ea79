"""What every result file carries: where it came from, so that a number can be traced to a run (DESIGN section 8)."""

import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ._paths import ROOT

LIBRARIES = ("torch", "numpy", "scipy", "astropy", "scikit-image", "sep", "safetensors")


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file's bytes."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest(paths: list[Path]) -> str:
    """One sha256 over the names and contents of several files: changes when any of them does, whatever their times."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(f"{path.name}:{sha256(path)}\n".encode())
    return total.hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write beside, then rename: gives a temporary path that becomes ``path`` only if the block succeeds."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield beside
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_json(path: Path, content, indent: int | None = 1) -> None:
    """Write JSON atomically, sorted as given, with a final newline."""
    with replacing(path) as beside:
        beside.write_text(json.dumps(content, indent=indent, allow_nan=False) + "\n")


def read_json(path: Path):
    """Read JSON; a file that is not JSON is a ValueError that names it."""
    try:
        return json.loads(Path(path).read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not a readable record ({error.msg}); delete it and run again.") from None


def commit() -> tuple[str, bool]:
    """The commit of the source tree, and whether library or manifest differ from it; ("unknown", False) outside git."""
    git = ["git", "-C", str(ROOT)]
    try:
        name = subprocess.run([*git, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True, check=True)
        changes = [*git, "status", "--porcelain", "--", "astrounet_core", "data_manifest"]
        state = subprocess.run(changes, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown", False
    return name.stdout.strip(), bool(state.stdout.strip())


def library_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that numbers depend on; those not installed are left out."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def peak_memory_mb() -> float:
    """The largest resident memory of this process so far, MB."""
    import resource

    unit = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


class Stopwatch:
    """Seconds since it was made, plus those carried over from an earlier part of the same run."""

    def __init__(self, carried: float = 0.0):
        self.start = time.monotonic() - carried

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.start


def run_record(
    *,
    profile: str,
    preset: str | None,
    seed: int,
    device: str,
    seconds: float,
    source: tuple[str, bool] | None = None,
    **more,
) -> dict:
    """The content of a ``run.json``: what was run, from which source, with which versions, where and for how long.

    ``source`` is what `commit` said when the run began; ``more`` holds what the kind of run adds: experiment, data
    version and hash, weights hash, updates, ...
    """
    name, dirty = source or commit()
    return {
        "commit": name,
        "dirty": dirty,
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "profile": profile,
        "preset": preset,
        "seed": seed,
        **more,
        "versions": library_versions(),
        "device": device,
        "threads": int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count()),
        "seconds": round(seconds, 1),
        "peak_memory_mb": round(peak_memory_mb()),
    }
