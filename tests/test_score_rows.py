"""Rows and their bootstrap intervals against the standard error of a mean."""

import math

import numpy as np
import pytest

from astrounet_core import score_rows

ABOUT = {"method": "unchanged", "fields": "isolated stars", "protocol": "standard", "exposure_ratio": 2.0}


def mean(columns):
    return {"mean": columns[0].mean()}


def test_the_interval_of_a_mean_is_one_standard_error_wide():
    values = np.random.default_rng(0).normal(3.0, 2.0, size=(1, 400))
    (found,) = score_rows.rows_of(ABOUT, values, mean, magnitude=24.0, draws=2000)
    assert tuple(found) == score_rows.KEYS
    assert found["value"] == pytest.approx(values.mean()) and found["n"] == 400
    assert (found["high"] - found["low"]) / 2 == pytest.approx(values.std() / 20, rel=0.06)


def test_sources_of_one_field_are_drawn_together():
    """25 fields of 16 stars that all share their field's error: as good as 25 stars."""
    values = np.repeat(np.random.default_rng(1).normal(size=25), 16)[None]
    (found,) = score_rows.rows_of(ABOUT, values, mean, groups=np.repeat(np.arange(25), 16), draws=2000)
    assert (found["high"] - found["low"]) / 2 == pytest.approx(values.std() / 5, rel=0.08)


def test_one_field_has_no_interval():
    (found,) = score_rows.rows_of(ABOUT, np.arange(9.0)[None], mean, groups=np.zeros(9))
    assert (found["value"], found["low"], found["high"]) == (4.0, None, None)


def test_same_sources_same_draws():
    values = np.random.default_rng(2).normal(size=(1, 50))
    first, second = (score_rows.rows_of(ABOUT, values + shift, mean)[0] for shift in (0.0, 1.0))
    assert second["low"] - first["low"] == pytest.approx(1.0)


def test_a_quantity_without_a_value_has_no_row_and_one_that_is_rarely_finite_no_interval():
    def statistics(columns):
        return {"none": math.nan, "rare": 1.0 if columns[0, 0] == 0 else math.nan}

    (found,) = score_rows.rows_of(ABOUT, np.arange(50.0)[None], statistics)
    assert (found["quantity"], found["value"], found["low"], found["high"]) == ("rare", 1.0, None, None)
    assert score_rows.rows_of(ABOUT, np.zeros((1, 0)), mean) == []


def test_every_source_falls_into_the_nearest_bin():
    parts = score_rows.bins(np.array([10.0, 20.4, 20.6, 21.0, 30.0]), (21.0, 20.0, 22.0))
    assert [centre for centre, _ in parts] == [20.0, 21.0, 22.0]
    assert [list(np.flatnonzero(inside)) for _, inside in parts] == [[0, 1], [2, 3], [4]]
