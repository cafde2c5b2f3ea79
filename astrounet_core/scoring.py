"""Evaluation by name: pick the network or method, score it on test fields, leave the record."""

from collections.abc import Sequence
from pathlib import Path

from . import evaluation
from ._paths import WEIGHTS_DIR
from .experiments import EXPERIMENTS
from .field_table import VERSION, fields
from .inference import load_network
from .provenance import Stopwatch, run_record, sha256, write_json
from .records import folder, lookup
from .runs import fields_hash


def evaluate(
    name: str,
    profile: str,
    *,
    seed: int = 0,
    count: int = 6,
    noise_seeds: int = 1,
    exposure_ratios: Sequence[float] = (2, 3, 4, 5),
    progress: bool = True,
) -> Path:
    """Score one method on the first ``count`` test fields; returns its ``metrics.json``.

    A network trained under this profile on this machine is scored if there is one, else the published weights of that
    name. Methods without training are scored as they are. Raises ValueError or FileNotFoundError where there is
    neither.
    """
    watch, place = Stopwatch(), folder(profile, name, seed)
    method, weights = _method(name, place)
    rows = evaluation.score(method, fields("test")[:count], noise_seeds, exposure_ratios, progress=progress)
    write_json(place / "metrics.json", rows)
    record = run_record(
        profile=profile,
        preset=None,
        seed=seed,
        device="cpu",
        seconds=watch.seconds,
        experiment=name,
        data=VERSION,
        data_sha256=fields_hash(),
        weights_sha256=sha256(weights) if weights else None,
    )
    write_json(place / "evaluation.json", record)
    if not (place / "run.json").exists():
        write_json(place / "run.json", _origin(name, weights) | record)
    return place / "metrics.json"


def _method(name: str, place: Path) -> tuple[evaluation.Method, Path | None]:
    """A method by name, and the weight file behind it."""
    if name not in EXPERIMENTS:
        return evaluation.free_method(name), None
    trained, published = place / "weights.safetensors", WEIGHTS_DIR / f"{name}.safetensors"
    weights = trained if trained.exists() else published
    return evaluation.network_method(load_network(weights if trained.exists() else name)), weights


def _origin(name: str, weights: Path | None) -> dict:
    """How the published weights that were scored came about: from the record of their training."""
    published = lookup(name) if weights else None
    kept = ("preset", "updates", "paper_updates", "width", "batch", "crop")
    trained = {key: published.run[key] for key in kept if key in published.run} if published else {}
    return trained | ({"trained_by": published.run} if published else {})
