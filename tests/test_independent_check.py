"""Comparison of catalogues on constructed ones; the published record within the bounds that the page states."""

import numpy as np
import pytest

from astrounet_core import independent_check, reference_tools
from astrounet_core.provenance import read_json


def catalogue(x: list[float], flux: list[float]) -> dict[str, np.ndarray]:
    ones = np.ones(len(x))
    columns = {"x": x, "y": 5 * ones, "flux": flux, "flux_error": 2 * ones, "background": ones, "area": 10 * ones}
    return {key: np.array(values, dtype=float) for key, values in columns.items()}


OURS = catalogue([10, 20, 30], [100, 200, 300])
THEIRS = catalogue([10.001, 20, 30.5, 40], [101, 200, 300, 400])


def test_lists_share_what_is_at_the_same_place():
    assert independent_check.compare_lists(OURS, THEIRS) == {"ours": 3, "theirs": 4, "both": 2}


def test_columns_are_compared_where_the_sources_are_the_same():
    found = independent_check.compare_columns(OURS, THEIRS | {"area": np.array([10, 11, 10, 10])})
    assert found["position"]["largest"] == pytest.approx(0.001)
    assert found["flux"]["largest"] == pytest.approx(0.01) and found["flux"]["median"] == pytest.approx(0.005)
    assert found["flux_error"]["largest"] == 0
    assert found["area"]["share"] == 0.5


@pytest.fixture(scope="module")
def record() -> dict:
    return read_json(independent_check.RECORD)


def test_the_published_images_agree_within_the_stated_bounds(record):
    bounds = independent_check.BOUNDS
    for title, image in record["check"]["images"].items():
        assert max(image["level"], image["rms"]) <= bounds["background"], title
        ours, theirs, both = image["lists"].values()
        assert both >= bounds["shared"] * max(ours, theirs), title
        columns = image["columns"]["NONE"]
        for key in ("position", "flux", "flux_error"):
            assert columns[key]["largest"] <= bounds[key], (title, key)


def test_the_published_matches_hold_all_of_ours(record):
    for row in record["check"]["matches"]:
        assert row["both"] == row["ours"] <= row["theirs"]


def test_without_the_programs_the_record_is_shown_and_said_so(record, monkeypatch):
    monkeypatch.setattr(reference_tools, "missing_tools", lambda: ["STILTS"])
    found, run = independent_check.checked()
    assert found == record["check"] and run == record["run"]
    assert set(run["tools"]) == set(reference_tools.PROGRAMS)
