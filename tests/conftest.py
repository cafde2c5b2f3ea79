"""Fixtures that several test modules share."""

import os
from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)  # the tests' images are small: more threads only get in each other's way


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of real images and model PSFs; tests that need it are skipped where ASTROUNET_DATA_DIR names none."""
    folder = os.environ.get("ASTROUNET_DATA_DIR")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ASTROUNET_DATA_DIR names no folder of real images")
    return Path(folder)
