"""Training by name: render or load the fields, train, leave a record where `records` looks for it.

Like everything that trains it needs only torch, numpy and safetensors; tqdm draws the bar where it is installed.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from ._paths import BUILD_DIR, MANIFEST_DIR
from .devices import pick_device
from .distributed import processes
from .field_table import VERSION, fields
from .hla import hla_field_set, tile_file
from .manifest import weights_path
from .pairs import FieldSet
from .progress import progress_bar, stop_signals
from .provenance import digest, replacing, sha256
from .recorded import pairs_hash, read_pairs
from .scenes import render
from .training import Data, Recipe, Trainer, finished, recipe
from .weights import load_weights

GENTLY = 0.1
"""Learning rate of a network that has something to lose, in terms of the preset's: the full one is for beginners."""

_PREPARING = threading.Lock()
"""Fields are rendered, and initial weights drawn from torch's one generator, for one run at a time."""


def field_set(split: str, count: int, device: torch.device | str = "cpu", progress: bool = False) -> FieldSet:
    """The first ``count`` fields of a split, rendered once and kept in ``_build/fields``."""
    chosen = fields(split)[:count]
    path = BUILD_DIR / "fields" / f"{VERSION}-{split}-{len(chosen)}-{fields_hash()[:12]}.safetensors"
    if not path.exists():
        with progress_bar(len(chosen), f"{split} fields", progress) as report:
            images = [(render(field).image, report({"update": i + 1}))[0] for i, field in enumerate(chosen)]
        with replacing(path) as beside:
            save_file({"scenes": torch.stack(images)}, beside)
    return FieldSet.of(chosen, load_file(path, device=str(device))["scenes"])


def fields_hash() -> str:
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
    batch: int | None = None,
    features: str = "scenes",
    start: str | None = None,
    data: str | None = None,
    device: str = "auto",
    resume: bool = False,
    out: Path | None = None,
    progress: bool = True,
) -> Path:
    """Train one experiment; returns its folder, ``<out>/<profile>/<label>/seed<seed>``.

    batch: crops an update, in place of the profile's; features: of a perceptual loss, see `losses`. start: a network
    to begin with, see `starting_from`. data: a folder of `recorded` pairs, or ``hla`` for the paper's own files
    (`hla`), in place of the simulated fields. label: the name, and what of features, start and data is not the
    default.
    A finished run of the same recipe is left alone. Raises ValueError for unknown names or an absent device, and what
    reading the data raises.
    """
    plan, where = recipe(name, profile, preset, seed, updates, features), pick_device(device)
    plan = replace(plan, schedule=replace(plan.schedule, batch=batch or plan.schedule.batch))
    with _PREPARING:
        plan = _on(data, starting_from(start, plan))
        place = (out or BUILD_DIR / "results") / profile / _label(plan, start, data) / f"seed{seed}"
        if resume and finished(place, plan):
            return place
        training, validation, data_hash = _load(data, plan, where, progress)
        trainer = Trainer(plan, training, validation, place, data_hash=data_hash)
    with progress_bar(plan.updates, f"{name} seed {seed}", progress) as report:
        return trainer.run(resume, report)


def train_many(names: Sequence[str], profile: str, at_once: int = 1, **options) -> list[Path]:
    """`train` for several experiments, ``at_once`` of them side by side where one alone leaves a device half idle.

    Each is a thread, on a GPU with a stream of its own, and gives the weights it would give alone. Experiments that
    start from others of them come after these. Ctrl-C stops all, each with its checkpoint; an error in one leaves the
    others to end, and is raised then. ValueError for more than one at once under ``torchrun``.
    """
    if at_once > 1 and processes() > 1:
        raise ValueError("processes under torchrun train one network together; leave --at-once away.")
    names = list(dict.fromkeys(names))
    starts = {name: recipe(name, profile, options.get("preset")).experiment.start_from for name in names}
    waves = [[name for name in names if (starts[name] in names) == late] for late in (False, True)]
    if at_once == 1:
        folders = {name: train(name, profile, **options) for wave in waves for name in wave}
        return [folders[name] for name in names]
    folders = {}
    with stop_signals() as stop:
        for wave in waves:
            with ThreadPoolExecutor(at_once) as pool:
                runs = {name: pool.submit(_unless, stop, name, profile, **options) for name in wave}
            folders |= {name: run.result() for name, run in runs.items()}
    return [folders[name] for name in names]


def _unless(stop: threading.Event, *arguments, **options) -> Path:
    """`train`, but not once ``stop`` is set."""
    if stop.is_set():
        raise KeyboardInterrupt
    return train(*arguments, **options)


def starting_from(start: str | None, plan: Recipe) -> Recipe:
    """The recipe that begins with a trained network: transfer learning (section 4.4.1).

    start: the name of a published network, or a .safetensors file. Width and slope are those of the file, the learning
    rates `GENTLY` times the preset's. Raises ValueError where the experiment's network differs from the file's in
    anything else, and what `load_weights` raises.
    """
    if start is None:
        return plan
    path = Path(start) if start.endswith(".safetensors") else weights_path(start)
    given, wanted = asdict(load_weights(path)[0].settings), asdict(plan.settings)
    for name in given:
        if name not in ("width", "slope") and given[name] != wanted[name]:
            raise ValueError(
                f"{plan.name} has {name} {wanted[name]!r}, {path.name} has {given[name]!r}; "
                "start from another network, or train an experiment that has this one's."
            )
    rates = [GENTLY * rate for rate in (plan.preset.learning_rate, plan.preset.final_rate)]
    return replace(
        plan,
        experiment=replace(plan.experiment, network=given, start_from=str(path.resolve())),
        preset=replace(plan.preset, learning_rate=rates[0], final_rate=rates[1]),
        schedule=replace(plan.schedule, width=given["width"]),
        origin=plan.origin | {"start_from": path.name, "start_from_sha256": sha256(path)},
    )


def _on(data: str | None, plan: Recipe) -> Recipe:
    """The recipe for other data: its records say so; the bias term goes, of which recordings have no twins."""
    if data is None:
        return plan
    if data == "hla":
        return replace(plan, origin=plan.origin | {"data": "hla"})
    origin = plan.origin | {"data": f"pairs {Path(data).resolve().name}", "data_sha256": pairs_hash(Path(data))}
    return replace(plan, preset=replace(plan.preset, bias_weight=0.0), origin=origin)


def _label(plan: Recipe, start: str | None, data: str | None) -> str:
    """The folder of a run: one begun elsewhere, on other data or features is not taken for the experiment."""
    features = f"-{plan.features}" if plan.features != "scenes" else ""
    begun = f"-from-{Path(start).stem}" if start else ""
    return plan.name + features + begun + (f"-on-{Path(data).resolve().name}" if data else "")


def _load(data: str | None, plan: Recipe, device: torch.device, progress: bool) -> tuple[Data, Data, str]:
    """The data for training and for validation, and their hash."""
    if data not in (None, "hla"):
        return *read_pairs(Path(data), device), plan.origin["data_sha256"]
    counts = {"training": plan.schedule.fields, "validation": plan.schedule.validation_fields}
    if data == "hla":
        sets = [hla_field_set(split, count, device) for split, count in counts.items()]
        return *sets, digest([tile_file(split, count) for split, count in counts.items()])
    return *(field_set(split, count, device, progress) for split, count in counts.items()), fields_hash()
