"""The table of simulated fields, ``data_manifest/fields.toml``, and the fields of each split, made from it by rule."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import torch

from ._paths import MANIFEST_DIR

VERSION = "fields-v1"


@dataclass(frozen=True)
class Field:
    """One simulated field: which scene, through which filter, exposed how.

    exposure_time in s, the sum of ``reads`` equal exposures; sky in e-/s/pixel; drizzle_correlation:
    autocorrelation of the noise at a lag of one pixel; family "held_out" for a kind of scene that training
    never sees, made by its overrides.
    """

    name: str
    split: str
    kind: str
    seed: int
    band: str
    exposure_time: float
    size: int
    reads: int
    sky: float
    drizzle_correlation: float
    family: str = "training"
    overrides: Mapping[str, float | str | list[float]] = field(default_factory=dict, hash=False)


@lru_cache(maxsize=1)
def field_table(version: str = VERSION) -> dict:
    """The whole table. Raises ValueError where it isn't the version asked for."""
    with open(MANIFEST_DIR / "fields.toml", "rb") as file:
        table = tomllib.load(file)
    if version != table["version"]:
        raise ValueError(f"no fields {version!r}: data_manifest/fields.toml holds {table['version']!r}; ask for that.")
    return table


def fields(split: str, version: str = VERSION) -> list[Field]:
    """The fields of a split, in a fixed order: 160 of "training", 20 of "validation", 20 of "test"; 12 of "realistic".

    Kinds alternate, so that any first few fields are a fair sample; the first six of "test" are the six kinds.
    Each kind gets the split's proportion of bands; exposures come equally often, in an order shuffled by the
    split's first seed. Raises ValueError for a split or a version that the table doesn't hold.
    """
    table = field_table(version)
    if split not in table["split"]:
        raise ValueError(f"no split {split!r}: choose one of {', '.join(table['split'])}.")
    rules = table["split"][split]
    labels = spread(rules["kinds"]) + spread(rules.get("held_out", {}))
    bands = _stratified(labels, spread(rules["bands"]))
    choices = table["exposure"]["seconds_and_reads"]
    turns = torch.randperm(len(labels), generator=torch.Generator().manual_seed(rules["first_seed"])) % len(choices)
    exposures = [choices[turn] for turn in turns]
    return [_field(table, split, i, *row) for i, row in enumerate(zip(labels, bands, exposures, strict=True))]


def spread(counts: Mapping[str, int]) -> list[str]:
    """Each label as often as counts say, evenly interleaved: every step takes the label furthest behind its share."""
    total, taken = sum(counts.values()), dict.fromkeys(counts, 0)
    order = []
    for step in range(1, total + 1):
        label = max(counts, key=lambda name: counts[name] * (step / total) - taken[name])
        taken[label] += 1
        order.append(label)
    return order


def _stratified(labels: list[str], values: list[str]) -> list[str]:
    """One value per label, dealt out kind by kind, so that every kind gets each value in the same proportion."""
    dealt = dict(zip(sorted(range(len(labels)), key=labels.__getitem__), values, strict=True))
    return [dealt[i] for i in range(len(labels))]


def _field(table: dict, split: str, index: int, label: str, band: str, exposure: tuple[float, int]) -> Field:
    """Field number ``index`` of a split; label is a kind or the name of a held-out family."""
    family, seed = table["family"].get(label), table["split"][split]["first_seed"] + index
    correlations = table["split"][split].get("drizzle_correlation", table["exposure"]["drizzle_correlation"])
    pick = int(torch.randint(len(correlations), (1,), generator=torch.Generator().manual_seed(seed)))
    return Field(
        name=f"{split}_{index:03d}_{label}_{band.lower()}",
        split=split,
        kind=family["kind"] if family else label,
        seed=seed,
        band=band,
        exposure_time=float(exposure[0]),
        size=table["size"],
        reads=exposure[1],
        sky=table["exposure"]["sky"][band],
        drizzle_correlation=correlations[pick],
        family="held_out" if family else "training",
        overrides={name: value for name, value in family.items() if name != "kind"} if family else {},
    )
