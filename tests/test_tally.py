"""Scores field by field, their averages and their paired differences, against values worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, t

from astrounet_core.tally import mean_of_finite, paired_difference, pooled, read_fields, summarise, write_fields


def rows(values: list[float], measure: str = "mae", **about) -> list[dict]:
    """One row a field, named by its place in the list."""
    here = {"fields": "training", "protocol": "paper", "exposure_ratio": 2.0} | about
    return [{"field": f"f{i}", **here, measure: value} for i, value in enumerate(values)]


def test_an_average_over_fields_has_a_bootstrap_interval():
    values = list(np.random.default_rng(0).normal(5.0, 2.0, 400))
    (summary,) = summarise(rows(values))
    assert summary["value"] == pytest.approx(np.mean(values)) and summary["n"] == 400
    standard_error = np.std(values) / math.sqrt(400)
    assert (summary["high"] - summary["low"]) / 2 == pytest.approx(standard_error, rel=0.1)
    assert summary["low"] < summary["value"] < summary["high"]


@pytest.mark.parametrize("fields", [6, 20])
def test_the_bootstrap_interval_covers_the_truth_as_often_as_students_t_says(fields):
    """Percentiles of resampled means are those of a Gaussian of width s_n / sqrt(n), s_n^2 with 1 / n: 68 % for many
    fields, 66 % for 20 and 59 % for 6."""
    draws, within = np.random.default_rng(1).normal(0.0, 1.0, (300, fields)), norm.ppf(0.84)
    summaries = [summarise(rows(list(line)))[0] for line in draws]
    covered = np.mean([one["low"] < 0 < one["high"] for one in summaries])
    expected = 1 - 2 * t.sf(within * math.sqrt((fields - 1) / fields), fields - 1)
    assert expected == pytest.approx({6: 0.59, 20: 0.66}[fields], abs=0.01)
    assert covered == pytest.approx(expected, abs=3 * math.sqrt(expected * (1 - expected) / 300))


@pytest.mark.parametrize("values", [[3.0], [3.0, 3.0]])
def test_one_value_has_no_interval(values):
    (summary,) = summarise(rows(values))
    assert (summary["value"], summary["low"], summary["high"], summary["n"]) == (3.0, None, None, len(values))


def test_families_protocols_and_ratios_are_kept_apart():
    lines = rows([1.0, 3.0]) + rows([5.0], fields="held_out") + rows([7.0], exposure_ratio=4.0)
    means = {(one["fields"], one["exposure_ratio"]): one["value"] for one in summarise(lines)}
    assert means == {("training", 2.0): 2.0, ("held_out", 2.0): 5.0, ("training", 4.0): 7.0}


def test_fields_without_a_value_do_not_count():
    (summary,) = summarise(rows([1.0, math.nan, 3.0]))
    assert (summary["value"], summary["n"]) == (2.0, 2)
    assert summarise(rows([math.nan, math.inf])) == []
    assert mean_of_finite([1.0, math.nan, 3.0]) == 2.0 and math.isnan(mean_of_finite([math.nan]))


def test_a_paired_difference_and_its_error():
    found = paired_difference(rows([2.0, 4.0, 9.0]), rows([1.0, 2.0, 6.0]), "mae", "paper", 2.0)
    assert found["value"] == pytest.approx(2.0) and found["n"] == 3
    assert found["error"] == pytest.approx(1 / math.sqrt(3))
    assert found["clear"]


def test_pairing_sees_what_averages_hide():
    """Fields differ by far more than the methods do, and yet one method is better on every field."""
    hard = np.array([1.0, 10.0, 100.0, 1000.0])
    ours, theirs = rows(list(hard - 0.1)), rows(list(hard + np.array([0.1, 0.12, 0.1, 0.08])))
    assert paired_difference(ours, theirs, "mae", "paper", 2.0)["clear"]
    (a,), (b,) = summarise(ours), summarise(theirs)
    assert a["low"] < b["value"] < a["high"]


def test_a_difference_within_twice_its_error_is_not_clear():
    assert not paired_difference(rows([1.0, -1.0, 0.5]), rows([0.0, 0.0, 0.0]), "mae", "paper", 2.0)["clear"]


def test_too_few_common_fields_say_nothing():
    found = paired_difference(rows([1.0, 2.0, math.nan]), rows([0.0, 0.0, 0.0]), "mae", "paper", 2.0)
    assert math.isnan(found["value"]) and found["n"] == 2 and not found["clear"]
    assert paired_difference(rows([1.0] * 3), rows([0.0] * 3), "mae", "independent", 2.0)["n"] == 0


def test_absolute_values_for_a_measure_that_is_best_at_zero():
    found = paired_difference(rows([-3.0] * 3), rows([1.0] * 3), "mae", "paper", 2.0, absolute=True)
    assert found["value"] == 2.0


@given(st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), min_size=1, max_size=5))
def test_fields_come_back_from_their_file(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("fields") / "fields.csv"
    lines = rows(values)
    lines[0]["only_here"] = 1.5
    write_fields(path, lines)
    found = read_fields(path)
    assert [row["field"] for row in found] == [row["field"] for row in lines]
    np.testing.assert_allclose([row["mae"] for row in found], values, rtol=1e-6, atol=1e-300)
    assert found[0]["only_here"] == 1.5 and all(math.isnan(row["only_here"]) for row in found[1:])
    assert found[0]["exposure_ratio"] == 2.0 and found[0]["protocol"] == "paper"


def counted(tp: float, fp: float, fn: float, rfe: float) -> dict:
    here = {"field": "f", "fields": "training", "protocol": "paper", "exposure_ratio": 2.0}
    return here | {"tp": tp, "fp": fp, "fn": fn, "rfe": rfe, "rfe_absolute": abs(rfe)}


def test_pooled_counts_weigh_fields_by_their_stars():
    """90 of 100 stars and 0 of 1: per field the mean is 45 %, over all stars it is 89 %."""
    found = pooled([counted(90, 10, 10, 2.0), counted(0, 3, 1, math.nan)], "paper", 2.0)
    assert found["tpr"] == pytest.approx(100 * 90 / 101) and found["precision"] == pytest.approx(100 * 90 / 103)
    assert found["rfe"] == 2.0 and math.isnan(found["rfe_uncertainty"])


def test_the_error_of_a_pooled_mean_is_that_of_its_fields():
    values = np.random.default_rng(2).normal(0.0, 3.0, 100)
    found = pooled([counted(10, 0, 0, value) for value in values], "paper", 2.0)
    assert found["rfe"] == pytest.approx(values.mean()) and found["f_measure"] == 1
    assert found["rfe_uncertainty"] == pytest.approx(3.0 / 10, rel=0.2)


def test_the_error_of_a_pooled_share_is_binomial_where_fields_are_single_stars():
    stars = [counted(1, 0, 0, 0.0)] * 80 + [counted(0, 0, 1, math.nan)] * 20
    found = pooled(stars, "paper", 2.0)
    assert found["tpr"] == 80 and found["precision"] == 100
    assert found["tpr_uncertainty"] == pytest.approx(100 * (0.8 * 0.2 / 100) ** 0.5, rel=0.1)
    assert math.isnan(found["precision_uncertainty"])


def test_no_stars_at_all_give_no_rates():
    assert all(math.isnan(value) for value in pooled([counted(0, 0, 0, math.nan)], "paper", 2.0).values())
