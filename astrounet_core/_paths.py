"""Where the project keeps things: one place for every folder name."""

import os
from pathlib import Path

ROOT = Path(os.environ.get("ASTROUNET_ROOT", Path(__file__).resolve().parents[1]))
"""The project's folder: the parent of the package, unless ``ASTROUNET_ROOT`` names another."""

MANIFEST_DIR = ROOT / "data_manifest"
RESULTS_DIR = ROOT / "results"
WEIGHTS_DIR = ROOT / "weights"
BUILD_DIR = ROOT / "_build"
NOTEBOOK_DIR = ROOT / "notebooks"
