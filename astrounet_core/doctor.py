"""What is installed, on which device, and which data and weights are there: ``astrounet doctor``."""

import os

import torch

from . import __version__, manifest
from ._paths import ROOT
from .provenance import commit, library_versions


def examine() -> dict:
    """Everything that a report of a problem should hold. ``healthy`` is False where a file is corrupt."""
    name, dirty = commit()
    files = manifest.status()
    return {
        "astrounet": __version__,
        "commit": name + (" with local changes" if dirty else ""),
        "folder": str(ROOT),
        "versions": library_versions(),
        "devices": devices(),
        "files": files,
        "healthy": not any(file["state"] == "corrupt" for file in files),
    }


def devices() -> list[str]:
    """The CPU with its threads, and every GPU that torch sees."""
    bfloat16 = "with bfloat16" if torch.cpu._is_avx512_bf16_supported() else "without bfloat16"
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return [f"cpu, {os.cpu_count()} threads, {bfloat16}", *gpus]


def report(found: dict) -> str:
    """The findings as text, one line each."""
    lines = [f"astrounet {found['astrounet']}, commit {found['commit']}, in {found['folder']}"]
    lines += [f"{name} {version}" for name, version in found["versions"].items()]
    lines += [f"device: {device}" for device in found["devices"]]
    lines += [f"{file['state']:8s} {file['name']}  {file['where'] or ''}".rstrip() for file in found["files"]]
    verdict = "all well." if found["healthy"] else "a file is corrupt: fetch it again, or restore it from git."
    return "\n".join([*lines, verdict])
