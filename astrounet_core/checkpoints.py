"""What a run leaves as it goes: its history, its last checkpoint and the one before; clear words where that fails."""

import csv
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError

from .provenance import replacing

LAST, PREVIOUS = "checkpoint.pt", "checkpoint.previous.pt"
HISTORY_COLUMNS = ("update", "loss", "learning_rate", "validation_psnr", "validation_ssim", "seconds")


@contextmanager
def said_clearly(path: Path) -> Iterator[None]:
    """Writing that fails, on a full disk above all, becomes a ValueError that says how to go on."""
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise ValueError(
            f"cannot write {path} ({reason}); make room there, then --resume goes on from the last checkpoint."
        ) from error


def save(folder: Path, state: dict) -> None:
    """Write the last checkpoint; what was the last becomes the previous. ValueError where the disk is full."""
    last = folder / LAST
    with said_clearly(last), replacing(last) as beside:
        torch.save(state, beside)
        if last.exists():
            os.replace(last, folder / PREVIOUS)


def load(folder: Path, plan: list) -> dict | None:
    """The state of the last checkpoint, or of the previous where that is gone; None where there is neither.

    plan: what the state's own ``plan`` has to equal. ValueError for a checkpoint of another run, and for a damaged one
    (every part is checked against the checksum it was written with).
    """
    path = next((folder / name for name in (LAST, PREVIOUS) if (folder / name).exists()), None)
    if path is None:
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            if damaged := archive.testzip():
                raise ValueError(f"{damaged} is damaged")
        state = torch.load(path, map_location="cpu", weights_only=True)
        written_for = state["plan"]
    except Exception as error:
        other = path.name == LAST and (folder / PREVIOUS).exists()
        instead = f"go on from {PREVIOUS}" if other else "start again"
        raise ValueError(f"cannot resume from {path} ({type(error).__name__}); delete it to {instead}.") from error
    if written_for != plan:
        raise ValueError(f"{path} belongs to another run {written_for}; delete it or change --out.")
    return state


def clear(folder: Path) -> None:
    """Take away what an earlier run left, so that it cannot pass for the one that begins; not its weights."""
    for name in ("run.json", LAST, PREVIOUS, "history.csv"):
        (folder / name).unlink(missing_ok=True)


def write_history(path: Path, rows: list[dict]) -> None:
    """Write rows of `HISTORY_COLUMNS` as CSV; what a row lacks stays empty."""
    with replacing(path) as beside, open(beside, "w", newline="") as stream:
        writer = csv.DictWriter(stream, HISTORY_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_history(path: Path) -> list[dict[str, float | None]]:
    """``history.csv`` as numbers; empty cells are None."""
    with open(path, newline="") as stream:
        return [{k: float(v) if v else None for k, v in row.items()} for row in csv.DictReader(stream)]
