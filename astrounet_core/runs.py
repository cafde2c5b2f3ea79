"""Runs by name: render or load the fields, train or evaluate, leave records where `records` looks for them."""

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tqdm import tqdm

from . import evaluation
from ._paths import BUILD_DIR, MANIFEST_DIR, WEIGHTS_DIR
from .experiments import EXPERIMENTS
from .field_table import VERSION, fields
from .inference import load_network
from .pairs import FieldSet
from .provenance import Stopwatch, digest, replacing, run_record, sha256, write_json
from .records import folder, lookup
from .scenes import render
from .training import Trainer, finished, pick_device, recipe


def field_set(split: str, count: int, device: torch.device | str = "cpu", progress: bool = False) -> FieldSet:
    """The first ``count`` fields of a split, rendered once and kept in ``_build/fields``."""
    chosen = fields(split)[:count]
    path = BUILD_DIR / "fields" / f"{VERSION}-{split}-{len(chosen)}-{_fields_hash()[:12]}.safetensors"
    if not path.exists():
        images = [render(field).image for field in tqdm(chosen, f"{split} fields", disable=not progress)]
        with replacing(path) as beside:
            save_file({"scenes": torch.stack(images)}, beside)
    return FieldSet.of(chosen, load_file(path, device=str(device))["scenes"])


def _fields_hash() -> str:
    """What decides a rendered field: the table and the modules that draw it."""
    here = Path(__file__).parent
    drawing = ("diffuse", "field_table", "instrument", "populations", "psf", "rendering", "scenes")
    return digest([MANIFEST_DIR / "fields.toml", *(here / f"{name}.py" for name in drawing)])


def train(
    name: str,
    profile: str,
    *,
    preset: str | None = None,
    seed: int = 0,
    updates: int | None = None,
    device: str = "auto",
    resume: bool = False,
    out: Path | None = None,
    progress: bool = True,
) -> Path:
    """Train one experiment; returns its folder, ``<out>/<profile>/<name>/seed<seed>``.

    A finished run of the same recipe is left alone. Raises ValueError for unknown names or an absent device.
    """
    plan, where = recipe(name, profile, preset, seed, updates), pick_device(device)
    place = (out or BUILD_DIR / "results") / profile / name / f"seed{seed}"
    if resume and finished(place, plan):
        return place
    training = field_set("training", plan.schedule.fields, where, progress)
    validation = field_set("validation", plan.schedule.validation_fields, where, progress)
    trainer = Trainer(plan, training, validation, place, data_hash=_fields_hash())
    with tqdm(total=plan.updates, desc=f"{name} seed {seed}", disable=not progress) as bar:

        def report(row: dict) -> None:
            bar.update(row["update"] - bar.n)
            bar.set_postfix(loss=row["loss"], refresh=False)

        return trainer.run(resume, report)


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
        data_sha256=_fields_hash(),
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
