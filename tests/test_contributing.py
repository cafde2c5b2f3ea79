"""The contributor guide: the lines that it tells people to write do what it says."""

import re

import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter

from astrounet_core import baselines, experiments, report, score_methods
from astrounet_core._paths import NOTEBOOK_DIR, ROOT
from astrounet_core.unet import Denoiser
from workflow import house

GUIDE = (ROOT / "CONTRIBUTING.md").read_text()
CODE, PAGE = re.findall(r"```python\n(.*?)```", GUIDE, re.S), re.findall(r"```markdown\n(.*?)```", GUIDE, re.S)


def test_an_experiment_is_one_line():
    (name, experiment), *others = eval(f"{{{CODE[0]}}}", vars(experiments)).items()
    assert not others and name not in experiments.KNOWN and name in GUIDE.split(CODE[0])[1]
    preset = experiments.PRESETS[experiment.presets[0]]
    assert experiment.settings(preset, 4).slope == 0.3
    output = Denoiser(experiment.settings(preset, 4))(torch.ones(1, 1, 32, 32), torch.ones(1), torch.ones(1) * 2)
    assert output.shape == (1, 1, 32, 32)


def test_a_method_is_one_function():
    known = vars(baselines) | {"uniform_filter": uniform_filter}
    exec(CODE[1], known)
    image = np.arange(36.0).reshape(6, 6) ** 2
    assert known["box"](image, 100.0, 2.0)[2, 3] == pytest.approx(image[1:4, 2:5].mean())


def test_lists_that_a_method_goes_into_are_there():
    assert "median" in baselines.BASELINES and "median" in score_methods.FREE and "unchanged" in report.FREE_METHODS
    assert re.search(r"^free = \[", (NOTEBOOK_DIR / "results.py").read_text(), re.M)


def test_a_page_is_a_label_a_title_and_a_line():
    assert PAGE[0].startswith("(page-dithering)=\n# Dithering\n") and len(PAGE[0].splitlines()) < 10
    assert re.findall(r"{term}`(.*?)`", PAGE[0])[0] in house.terms()
