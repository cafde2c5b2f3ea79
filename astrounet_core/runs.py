"""Training by name: render or load the fields, train, leave a record where `records` looks for it.

Like everything that trains it needs only torch, numpy and safetensors; tqdm draws the bar where it is installed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from ._paths import BUILD_DIR, MANIFEST_DIR
from .field_table import VERSION, fields
from .pairs import FieldSet
from .provenance import digest, replacing
from .scenes import render
from .training import Trainer, finished, pick_device, recipe


def field_set(split: str, count: int, device: torch.device | str = "cpu", progress: bool = False) -> FieldSet:
    """The first ``count`` fields of a split, rendered once and kept in ``_build/fields``."""
    chosen = fields(split)[:count]
    path = BUILD_DIR / "fields" / f"{VERSION}-{split}-{len(chosen)}-{fields_hash()[:12]}.safetensors"
    if not path.exists():
        with _bar(len(chosen), f"{split} fields", progress) as report:
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
    trainer = Trainer(plan, training, validation, place, data_hash=fields_hash())
    with _bar(plan.updates, f"{name} seed {seed}", progress) as report:
        return trainer.run(resume, report)


@contextmanager
def _bar(total: int, title: str, progress: bool) -> Iterator[Callable[[dict], None]]:
    """A progress bar as a function of history rows; a silent one where it is not wanted or tqdm is not there."""
    try:
        from tqdm import tqdm
    except ImportError:
        yield lambda row: print(title, row) if progress else None
        return
    with tqdm(total=total, desc=title, disable=not progress) as bar:

        def report(row: dict) -> None:
            bar.set_postfix({key: row[key] for key in ("loss",) if key in row}, refresh=False)
            bar.update(row["update"] - bar.n)

        yield report
