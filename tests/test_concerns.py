"""Warnings: silence for what training showed, one sentence for each thing that it did not."""

from dataclasses import replace

import numpy as np
import pytest

from astrounet_core.concerns import concerns, trained_times
from astrounet_core.frames import Frame, brightest_trained, find_flags, load

KNOWN = {"pixel_scale": 0.04, "band": "F606W", "instrument": "WFC3/UVIS"}


@pytest.fixture(scope="module")
def modern():
    return load("modern")


@pytest.mark.parametrize("ratio", [2.0, 3.3, 5.0])
@pytest.mark.parametrize("time", [70.0, 350.0, 1400.0])
def test_silence_for_what_training_showed(modern, ratio, time):
    assert concerns(modern, ratio, time, **KNOWN) == []


@pytest.mark.parametrize(
    ("ratio", "time", "change", "words"),
    [
        (1.5, 500, {}, "for r from 2 to 5, so nothing is known of what it does at r = 1.5"),
        (8, 500, {}, "r = 8"),
        (2, 30, {}, "30 s long and training showed 70 to 1400 s"),
        (2, 9000, {}, "9000 s long"),
        (2, 500, {"pixel_scale": 0.1}, 'a pixel is 0.100" and training had 0.040": stars are narrower'),
        (2, 500, {"pixel_scale": 0.02}, "stars are wider"),
        (2, 500, {"band": "F336W"}, "the filter is F336W and training had F555W and F606W"),
        (2, 500, {"instrument": "ACS/WFC"}, "the image is of ACS/WFC"),
    ],
)
def test_one_sentence_for_what_it_did_not(modern, ratio, time, change, words):
    said = concerns(modern, ratio, time, **(KNOWN | change))
    assert len(said) == 1 and words in said[0] and said[0].endswith(".")


def test_nothing_known_nothing_said(modern):
    assert concerns(modern, 2, 500) == []


def test_network_1_knows_one_ratio():
    assert "trained at r = 2, so nothing is known of what it does at r = 3" in concerns(load("network1"), 3, 500)[0]


def test_times_are_the_fields_over_the_ratios(modern):
    assert trained_times(modern) == (350 / 5, 2800 / 2)
    assert trained_times(replace(modern, metadata={})) == (350, 2800)


def test_bright_and_saturated_pixels_are_counted(modern):
    image = np.ones((9, 9), np.float32)
    image[0, :3] = 2 * brightest_trained()
    flags = find_flags(image, saturation=1.5 * brightest_trained())
    frame = Frame(image, image, flags, 0.0, 1.0, "fp32")
    untrained, saturated = concerns(modern, 2, 500, frame=frame)
    assert untrained.startswith("3 pixels are brighter") and saturated.startswith("3 pixels are saturated")
