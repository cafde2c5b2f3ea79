"""A schedule and fields so small that whole runs take a second, and a disk that is full."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from astrounet_core.experiments import Schedule
from astrounet_core.pairs import FieldSet
from astrounet_core.training import Trainer, recipe

TINY = Schedule(updates=6, width=4, batch=2, crop=32, fields=3, validation_fields=2, validate_every=3)


def field_set(count: int = 3, size: int = 48, device: str = "cpu") -> FieldSet:
    """Faint random scenes with one bright pixel."""
    generator = torch.Generator().manual_seed(0)
    scenes = 0.05 * torch.rand(count, size, size, generator=generator)
    scenes[:, 20, 20] += 5.0
    columns = {"exposure_time": 1000.0, "sky": 0.09, "reads": 2.0, "correlation": 0.0}
    columns = {name: torch.full((count,), value, device=device) for name, value in columns.items()}
    return FieldSet(scenes.to(device), band=torch.arange(count, device=device) % 2, **columns)


def trainer(folder: Path, name: str = "network1", device: str = "cpu", **options) -> Trainer:
    """A run under the profile ``tiny``, which `SCHEDULES` must hold (the fixture ``tiny`` sees to it)."""
    return Trainer(recipe(name, "tiny", **options), field_set(device=device), field_set(2, device=device), folder)


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """No file of this process grows beyond ``room`` bytes meanwhile."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
