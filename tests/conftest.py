"""Fixtures that several test modules share."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from astrounet_core.field_table import fields
from astrounet_core.scenes import make_scene

torch.set_num_threads(1)  # the tests' images are small: more threads only get in each other's way


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of real images and model PSFs; tests that need it are skipped where ASTROUNET_DATA_DIR names none."""
    folder = os.environ.get("ASTROUNET_DATA_DIR")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ASTROUNET_DATA_DIR names no folder of real images")
    return Path(folder)


@pytest.fixture(scope="session")
def field():
    """``field(kind, **changes)``: the first test field of a kind, 256 pixels a side."""
    return lambda kind, **changes: replace(next(one for one in fields("test") if one.kind == kind), size=256, **changes)


@pytest.fixture(scope="session")
def blank(field):
    """A field and its scene with nothing in it."""
    return field("blank_field", drizzle_correlation=0.0), make_scene("blank_field", 256, 1)


@pytest.fixture(scope="session")
def stars(field):
    """A field whose isolated stars are many: a sparse young cluster, near enough to be bright."""
    one = field("star_cluster", seed=3, exposure_time=700.0, reads=2, drizzle_correlation=0.0)
    return one, make_scene("star_cluster", 256, 3, log10_central_density=0.7, magnitude_shift=-2.0)
