"""Evaluation by name: pick the network or method, score it on test fields, leave the record."""

from collections.abc import Sequence
from pathlib import Path

from . import evaluation
from ._paths import WEIGHTS_DIR
from .experiments import KNOWN
from .field_table import VERSION, fields
from .fluxes import write_fluxes
from .inference import load_network
from .provenance import Stopwatch, run_record, sha256, write_json
from .records import folder, lookup
from .runs import fields_hash
from .tally import summarise, write_fields


def evaluate(
    names: Sequence[str],
    profile: str,
    *,
    seed: int = 0,
    count: int = 6,
    noise_seeds: int = 1,
    exposure_ratios: Sequence[float] = (2, 3, 4, 5),
    progress: bool = True,
) -> list[Path]:
    """Score methods on the same exposures of the first ``count`` test fields; returns their ``metrics.json``.

    ``fields.csv`` beside it has the same field by field, ``fluxes.csv`` the errors of
    stars by signal-to-noise ratio. A network trained under this profile on this machine is scored
    if there is one, else the published weights of that name; methods without training are scored as they are. Raises
    ValueError or FileNotFoundError where there is neither.
    """
    watch, places = Stopwatch(), {name: folder(profile, name, seed) for name in names}
    found = {name: _method(name, place) for name, place in places.items()}
    methods = {name: method for name, (method, _) in found.items()}
    rows, stars = evaluation.score(methods, fields("test")[:count], noise_seeds, exposure_ratios, progress)
    for name, place in places.items():
        weights = found[name][1]
        record = run_record(
            profile=profile,
            preset=None,
            seed=seed,
            device="cpu",
            seconds=watch.seconds / len(names),
            experiment=name,
            data=VERSION,
            data_sha256=fields_hash(),
            weights_sha256=sha256(weights) if weights else None,
            test_fields=count,
            noise_seeds=noise_seeds,
        )
        _leave_record(place, rows[name], stars[name], record, _origin(name, weights))
    return [place / "metrics.json" for place in places.values()]


def _leave_record(place: Path, rows: list[dict], stars: list[dict], record: dict, origin: dict) -> None:
    """Write the scores and how they came about; where the network was trained here, its run.json stays."""
    if not (place / "weights.safetensors").exists():
        write_json(place / "run.json", record | origin)
    write_json(place / "evaluation.json", record)
    write_fields(place / "fields.csv", rows)
    write_fluxes(place / "fluxes.csv", stars)
    write_json(place / "metrics.json", summarise(rows))


def methods(names: Sequence[str], profile: str, seed: int = 0) -> dict[str, evaluation.Method]:
    """Those of the named methods that can be applied: without training, trained under this profile, or published."""
    places = {name: folder(profile, name, seed) for name in names}
    return {name: _method(name, place)[0] for name, place in places.items() if _available(name, place)}


def _available(name: str, place: Path) -> bool:
    files = (place / "weights.safetensors", WEIGHTS_DIR / f"{name}.safetensors")
    return name not in KNOWN or any(file.exists() for file in files)


def _method(name: str, place: Path) -> tuple[evaluation.Method, Path | None]:
    """A method by name, and the weight file behind it."""
    if name not in KNOWN:
        return evaluation.free_method(name), None
    trained, published = place / "weights.safetensors", WEIGHTS_DIR / f"{name}.safetensors"
    weights = trained if trained.exists() else published
    return evaluation.network_method(load_network(weights if trained.exists() else name)), weights


def _origin(name: str, weights: Path | None) -> dict:
    """How the published weights that were scored came about: from the record of their training."""
    published = lookup(name, holding="history.csv") if weights else None
    kept = ("preset", "updates", "paper_updates", "width", "batch", "crop")
    trained = {key: published.run[key] for key in kept if key in published.run} if published else {}
    return trained | ({"trained_by": published.run} if published else {})
