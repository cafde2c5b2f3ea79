"""Where our side of a claim comes from: one small function a kind of reference (see ``book/claims.yml``).

A reference is looked up each time, so that no number of ours is ever typed into the ledger.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import torch
from torch import nn

from . import records
from ._paths import ROOT
from .experiments import EXPERIMENTS, PRESETS, SCHEDULES, learning_rate, updates_of
from .manifest import HLA, hla_files
from .provenance import read_json, sha256
from .unet import ACTIVATION_LAYERS, STRIDE, UNet


@dataclass(frozen=True)
class Value:
    """Our number: its standard error where it has one, and the file it was read from, relative to the repository."""

    value: float
    error: float | None
    file: str


def _of_record(ours: dict, source: str, paper: Mapping) -> Value | None:
    """A column of the paper's tables in the published record that ``source`` names; None where it was not scored."""
    found = _columns(source, float(ours["exposure_ratio"]))
    if found is None:
        return None
    (columns, file), name = found, ours["column"]
    if not _finite(columns.get(name)):
        raise ValueError(f"{file} has no {name!r} on the paper's terms; evaluate it again.")
    error = columns.get(f"{name}_uncertainty")
    return Value(columns[name], error if _finite(error) else None, file)


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


@cache
def _columns(source: str, exposure_ratio: float) -> tuple[dict, str] | None:
    for profile in records.ORDER:
        folder = ROOT / source.replace("*", profile)
        if (folder / "fields.csv").exists():
            record = records.Record(folder)
            records.check(record)
            columns = records.in_paper_columns(record, exposure_ratio)
            return (columns, _relative(folder / "fields.csv")) if columns else None
    return None


def _of_page(ours: dict, source: str, paper: Mapping) -> Value | None:
    """An entry of a published JSON file, by its keys; a dict {value, error} or a number. None without the file."""
    if not (ROOT / source).exists():
        return None
    entry = read_json(ROOT / source)
    for name, measured in entry.get("run", {}).get("weights", {}).items():
        if sha256(records.WEIGHTS_DIR / f"{name}.safetensors") != measured:
            raise ValueError(f"{source} belongs to other weights of {name} than those published; run `make checks`.")
    try:
        for key in ours["key"]:
            entry = entry[key]
    except (KeyError, IndexError):
        raise ValueError(f"{source} has no entry {ours['key']}; publish it again.") from None
    entry = entry if isinstance(entry, dict) else {"value": entry}
    return Value(float(entry["value"]), entry.get("error"), source)


def _of_library(ours: dict, source: str | None, paper: Mapping) -> Value:
    """A dotted name in astrounet_core such as ``unet.UNet().up.0.kernel_size.0``, divided by that of ``per``."""
    value = _named(ours["library"]) / (_named(ours["per"]) if "per" in ours else 1)
    return Value(float(value), None, f"astrounet_core/{ours['library'].split('.')[0]}.py")


def _named(path: str):
    module, *names = path.split(".")
    thing = import_module(f"astrounet_core.{module}")
    for name in names:
        thing = _member(thing, name.removesuffix("()"))
        thing = thing() if name.endswith("()") else thing
    return thing


def _member(thing, name: str):
    if isinstance(thing, Mapping) and name in thing:
        return thing[name]
    return thing[int(name)] if name.isdecimal() else getattr(thing, name)


def _of_fact(ours: dict, source: str | None, paper: Mapping) -> Value:
    return Value(float(FACTS[ours["fact"]]()), None, "astrounet_core/claim_values.py")


def _of_files(ours: dict, source: str | None, paper: Mapping) -> Value:
    """How many entries the authors' file lists have, in all or of one split."""
    entries = [row for row in hla_files() if ours["files"] in ("all", row["split"])]
    return Value(float(len(entries)), None, _relative(HLA))


def _of_arithmetic(ours: dict, source: str | None, paper: Mapping) -> Value:
    """A calculation on numbers that the paper itself prints. paper: claim -> its number in the paper."""
    return Value(
        float(CALCULATIONS[ours["calculate"]](*(paper[name] for name in ours["of"]))), None, "the paper itself"
    )


def _relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _convolutions(block: nn.Module) -> int:
    return sum(isinstance(layer, nn.Conv2d) for layer in block)


def _epochs_before_the_rate_falls() -> float:
    schedule, preset = SCHEDULES["paper"], PRESETS["paper"]
    total = updates_of(EXPERIMENTS["network1"], schedule)
    epochs = range(total // schedule.fields)
    return sum(learning_rate(preset, epoch * schedule.fields, total) == preset.learning_rate for epoch in epochs)


def _beta_of_swish() -> float:
    """Eq. 11 at x = 1 solved for beta."""
    return float(torch.logit(ACTIVATION_LAYERS["swish"](0.0)(torch.ones(1, dtype=torch.float64))))


FACTS = {
    "convolutions_of_a_block": lambda: _convolutions(UNet().down[0]),
    "convolutions_at_the_bottom": lambda: _convolutions(UNet().bottom),
    "side_of_pooling": lambda: STRIDE ** (1 / len(UNet().down)),
    "epochs_before_the_rate_falls": _epochs_before_the_rate_falls,
    "beta_of_swish": _beta_of_swish,
}
"""Properties of the library that have no name of their own in it."""

CALCULATIONS = {
    "whole_images_to_stack": lambda factor: math.ceil(factor**2),
    "inverse_of_product": lambda first, second: 1 / (first * second),
    "unpadded_convolution": lambda size, kernel: size - kernel + 1,
}
"""Arithmetic on the paper's own numbers; the first is Eq. 27 solved for I, rounded up."""

SIMULATED = {"column": _of_record, "key": _of_page}
SETTINGS = {"library": _of_library, "fact": _of_fact}
PAPERS_OWN = {"files": _of_files, "calculate": _of_arithmetic}
KINDS = SIMULATED | SETTINGS | PAPERS_OWN
"""Kinds of reference -> how each is looked up, from (ours, source, the paper's numbers)."""


def kind_of(ours: dict) -> str:
    """Which of `KINDS` a reference is. ValueError where it isn't exactly one."""
    kinds = sorted(KINDS.keys() & ours.keys())
    if len(kinds) != 1:
        raise ValueError(f"{ours} is no reference to a number; give one of {', '.join(KINDS)}.")
    return kinds[0]
