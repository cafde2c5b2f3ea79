"""Sums over large boxes: against worked examples, and of the published network on fields it never saw."""

import numpy as np
import pytest

from astrounet_core import large_apertures
from astrounet_core.field_table import fields
from astrounet_core.inference import denoise, load_network
from astrounet_core.provenance import read_json


def test_sums_of_whole_boxes():
    image = np.arange(5 * 7, dtype=np.float32).reshape(5, 7)
    expected = [0 + 1 + 7 + 8, 2 + 3 + 9 + 10, 4 + 5 + 11 + 12, 14 + 15 + 21 + 22, 16 + 17 + 23 + 24, 18 + 19 + 25 + 26]
    np.testing.assert_array_equal(large_apertures.box_sums(image, 2), expected)


def test_summary_weighs_fields_alike():
    found = large_apertures.summary(
        [np.array([1.0, 3.0]), np.array([4.0])], [np.array([90.0, 110.0]), np.array([200.0])]
    )
    assert found["bias_percent"] == pytest.approx(100 * 3 / 150)
    assert found["standard_error_percent"] == pytest.approx(100 * 1 / 150)  # means 2 and 4: s = sqrt(2), / sqrt(2)
    assert found["scatter"] == pytest.approx(np.std([1, 3, 4])) and found["fields"] == 2


def test_light_is_kept_on_fields_of_families_never_seen():
    network = load_network("modern")
    methods = {
        "unchanged": lambda shot: shot.noisy,
        "modern": lambda shot: denoise(shot.noisy, shot.exposure_ratio, shot.exposure_time, network),
        "half": lambda shot: 0.5 * shot.noisy,
    }
    found = large_apertures.measure(fields("realistic")[:6], 2.0, methods)
    assert abs(found["unchanged"]["bias_percent"]) < 3 * found["unchanged"]["standard_error_percent"]
    assert abs(found["modern"]["bias_percent"]) < 0.5
    assert found["half"]["bias_percent"] == pytest.approx(-50, abs=0.2)


def test_the_record_holds_every_method_split_and_ratio():
    rows = read_json(large_apertures.RECORD)["rows"]
    assert len(rows) == 2 * 2 * (1 + len(large_apertures.NETWORKS))
    for row in rows:
        if row["method"] == "unchanged":
            assert abs(row["bias_percent"]) < 3 * row["standard_error_percent"]
