"""Parameters of the peers, chosen on validation fields: `python -m astrounet_core.tuning [NAME...]`.

Every point of a method's grid is scored on the same exposures: the middle of the first validation fields, exposed half
as long as the field's long exposure. The criterion is the noise-normalised squared error against the noise-free scene,
averaged over fields in the logarithm, so that a crowded field, where all errors are large, does not decide alone.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np

from .evaluation import exposures
from .exposures import Method
from .field_table import VERSION, fields
from .metrics import noise_normalised_mse
from .peer_entry import Peer
from .peers import PEERS, TUNED, tuned
from .provenance import replacing

FIELDS, SIZE, SLOW_SIZE, RATIO = 6, 256, 128, 2.0
"""Validation fields that are looked at; side of the part that is, pixels, and that for slow methods; exposure ratio."""


@dataclass(frozen=True)
class Sample:
    """A noisy image (H, W), e-/s, of exposure_time s, the scene without noise, and the variance of its noise."""

    noisy: np.ndarray
    exposure_time: float
    truth: np.ndarray
    variance: np.ndarray


@lru_cache(maxsize=2)
def samples(count: int = FIELDS, size: int = SIZE) -> list[Sample]:
    """The middle of the first ``count`` validation fields, one noise seed each."""
    found = []
    for shot in exposures(fields("validation")[:count], 1, [RATIO], ["independent"]):
        first = (shot.noisy.shape[-1] - size) // 2
        images = (part[first : first + size, first : first + size] for part in (shot.noisy, shot.target, shot.variance))
        noisy, truth, variance = images
        found.append(Sample(noisy, shot.exposure_time, truth, variance))
    return found


def criterion(method: Method, chosen: Sequence[Sample]) -> float:
    """exp of the mean over samples of the log of `metrics.noise_normalised_mse`: 1 for the input, 0 for the truth."""
    outputs = (method(one.noisy, one.exposure_time, RATIO) for one in chosen)
    errors = [noise_normalised_mse(out, s.truth, s.variance) for out, s in zip(outputs, chosen, strict=True)]
    return float(np.exp(np.mean(np.log(errors))))


def search(peer: Peer, chosen: Sequence[Sample]) -> list[dict]:
    """One row {parameter: value, ..., "nmse": criterion} for each point of the peer's grid, in its order."""
    points = [dict(zip(peer.grid, values, strict=True)) for values in product(*peer.grid.values())]
    return [point | {"nmse": round(criterion(peer.make(**point), chosen), 5)} for point in points]


def tune(name: str) -> dict:
    """Search a peer's grid, keep the best in ``peers.toml`` and return its entry.

    Raises ValueError for a name that is no peer's, or that of one without parameters.
    """
    names = [known for known, peer in PEERS.items() if peer.grid]
    if name not in names:
        raise ValueError(f"{name!r} is no peer with parameters; choose from {', '.join(names)}.")
    peer = PEERS[name]
    size = SLOW_SIZE if peer.slow else SIZE
    tried = search(peer, samples(FIELDS, size))
    best = min(tried, key=lambda row: row["nmse"])
    chosen = {key: best[key] for key in peer.grid}
    entry = {"field_table": VERSION, "fields": FIELDS, "size": size, "nmse": best["nmse"], "chosen": chosen}
    write(tuned() | {name: entry | {"tried": tried}})
    return entry | {"tried": tried}


def write(entries: dict[str, dict]) -> None:
    """``peers.toml``, in the registry's order; written beside and renamed."""
    lines = ["# Parameters of the peers, made by `python -m astrounet_core.tuning`; nmse: see there. Not to be edited."]
    for name in (name for name in PEERS if name in entries):
        lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in entries[name].items())]
    with replacing(TUNED) as beside:
        beside.write_text("\n".join(lines) + "\n")


def _toml(value) -> str:
    """A number, a text, a table of them in one line, or a list of tables."""
    if isinstance(value, list):
        return "[\n" + "".join(f"  {_toml(row)},\n" for row in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
    return json.dumps(value)


def main(names: Sequence[str]) -> None:
    """Tune the named peers, or all that have parameters, and print what came out."""
    for name in names or [name for name, peer in PEERS.items() if peer.grid]:
        entry = tune(name)
        print(name, entry["chosen"], "of", *(row["nmse"] for row in entry["tried"]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
