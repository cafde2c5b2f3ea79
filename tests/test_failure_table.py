"""Rows of the page on uncertainty and failure: what a record holds, in order, and what it doesn't, as not run."""

import numpy as np
import pytest

from astrounet_core import failure_table, score_record
from astrounet_core.coverage import STRATA
from astrounet_core.robustness import PERTURBATIONS
from astrounet_core.score_record import Record
from astrounet_core.score_rows import row
from astrounet_core.uncertainty import APERTURE_EDGES, DIAMETERS, LEVELS, ErrorModel


def made(quantity, value, magnitude=None, low=None, high=None, method="modern", **about):
    given = {"method": method, "fields": "test fields", "protocol": "independent", "exposure_ratio": 2.0} | about
    return row(given, quantity, value, magnitude=magnitude, low=low, high=high, n=16)


def record(*rows):
    runs = {"modern": {section: {} for section in failure_table.SECTIONS}, "starlet": {"stars": {}}}
    return Record(None, runs, {"modern": {"title": "Modern"}, "starlet": {"title": "Starlet"}}, list(rows))


@pytest.mark.parametrize(
    ("coverage", "expected"),
    [(65.9, "**too narrow**"), (66.0, "met"), (70.0, "met"), (70.1, "**too wide**"), (None, None)],
)
def test_intervals_that_cover_too_much_are_too_wide(coverage, expected):
    assert failure_table.judgement(coverage) == expected


def test_what_is_missing_is_named_with_its_command():
    text = failure_table.not_run(record(), ("modern", "network1", "starlet"), "quick")
    assert "--methods network1 starlet --profile quick --sections stars" in text
    assert failure_table.not_run(record(), ("modern",), "quick") == ""


def test_there_is_a_record_where_there_is_none(monkeypatch):
    monkeypatch.setattr(score_record, "load", lambda profile: None)
    found = failure_table.load("quick")
    assert found.rows == [] and {each["verdict"] for each in failure_table.goals(found)} == {"not run"}
    assert failure_table.reliability(found, ("modern",)) == failure_table.error_ratios(found, ("modern",)) == {}
    assert failure_table.worse_rows(found, ("modern",)) == [{"title": "Modern"}]
    assert failure_table.imprinted(found, "modern") == (0, 0)


def test_coverage_by_stratum():
    rows = failure_table.coverage_rows(
        record(made("coverage_68", 69.0, low=68.0, high=70.0), made("coverage_68_aperture at sky", 80.0)), ("modern",)
    )
    assert [each["stratum"] for each in rows] == ["all, equal weight", *STRATA]
    assert (rows[0]["pixels_68"], rows[0]["pixels_68_low"], rows[0]["pixels_verdict"]) == (69.0, 68.0, "met")
    assert rows[0]["apertures_verdict"] is None and "pixels_95" not in rows[0]
    assert (rows[1]["apertures_68"], rows[1]["apertures_verdict"]) == (80.0, "**too wide**")


def test_goals_of_pixels_apertures_and_imprints():
    found = failure_table.goals(
        record(
            made("coverage_68", 71.0),
            made("coverage_68_aperture", 69.0, fields="held_out"),
            made("imprint", 1.0, 24.5, fields="isolated stars"),
            made("imprint", -3.0, 26.5, fields="isolated stars"),
            made("imprint", -1.9, 26.5, fields="crowded field"),
        )
    )
    verdicts = ["**missed**", "not run", "not run", "met", "**missed**", "met", "not run"]
    assert [each["verdict"] for each in found] == verdicts
    assert found[4]["measured"] == "\N{MINUS SIGN}3 standard errors"
    assert failure_table.imprinted(record(made("imprint", 2.1, 25.0, **failure_table.ALONE)), "modern") == (1, 1)


def test_reliability_has_a_diagonal_in_percent():
    rows = [made("reliability at sky", 100 * level, magnitude=level, low=0.0, high=100.0) for level in LEVELS]
    panels = failure_table.reliability(record(*rows), ("modern", "starlet"))
    assert list(panels) == ["sky"] and list(panels["sky"]) == ["Modern", "as promised"]
    for ours, diagonal in zip(panels["sky"]["Modern"][:2], panels["sky"]["as promised"], strict=False):
        np.testing.assert_allclose(ours, diagonal)


def test_apertures_that_the_input_measures_better():
    rows = [
        made("aperture_error_ratio at sky", 1.2, magnitude=3.0, low=1.1, high=1.3),
        made("aperture_error_ratio at SNR 1-5", 1.5, magnitude=6.0, low=1.2, high=1.9, fields="held_out"),
        made("aperture_error_ratio at SNR 5-20", 1.6, magnitude=6.0, low=0.9, high=2.0),
        made("aperture_error_ratio", 9.0, magnitude=6.0),
    ]
    ours, theirs = failure_table.worse_rows(record(*rows), ("modern", "starlet"))
    assert ours["cases"] == "2 of 3" and ours["worst"] == 1.5
    assert ours["where"] == "6 pixels, SNR 1-5, fields unlike training's" and theirs == {"title": "Starlet"}
    panels = failure_table.error_ratios(record(*rows), ("modern",))
    assert panels["sky"]["Modern"] == ([3.0], [1.2], [1.1], [1.3]) and "SNR 1-5" not in panels


def test_residuals_stand_beside_the_noise():
    alone = failure_table.ALONE
    rows = failure_table.residual_rows(record(made("residual_variance", 0.9, **alone)), ("modern",))
    assert rows[0]["residual_variance"] == 1 and rows[1]["residual_variance"] == 0.9 and "residual_mean" not in rows[1]
    rings = ((0, 0.05), (0.05, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5))
    powers = [made(f"transfer {low:g}-{high:g}", high, **alone) for low, high in rings]
    found = failure_table.transfer(record(*powers), ("modern", "starlet"))
    np.testing.assert_allclose(found["Modern"], [[0.025, 0.075, 0.15, 0.25, 0.35, 0.45], [high for _, high in rings]])
    assert list(found) == ["Modern"]


def test_robustness_leaves_out_what_is_unperturbed():
    about = {"fields": "crowded field", "protocol": "standard"}
    rows = [made("robust_nmse:none", 0.1, **about), made("robust_nmse:drizzled", 1.5, low=1.4, high=1.8, **about)]
    given = (record(*rows), ("modern", "starlet"), "robust_nmse", "crowded field")
    table = failure_table.robustness_rows(*given)
    assert [each["perturbation"] for each in table] == list(PERTURBATIONS) and table[0]["modern"] == 0.1
    values, errors = failure_table.robustness_dots(*given)["Modern"]
    index = list(PERTURBATIONS).index("drizzled") - 1
    assert values[index] == 1.5 and errors[index] == pytest.approx((0.1, 0.3)) and values.count(None) == len(values) - 1
    assert list(failure_table.robustness_dots(*given)) == ["Modern"]


def test_factors_by_diameter():
    inflation = np.arange(len(DIAMETERS) * (len(APERTURE_EDGES) + 1) * len(LEVELS), dtype=float)
    model = ErrorModel(np.zeros(1), np.zeros(1), inflation.reshape(len(DIAMETERS), -1, len(LEVELS)))
    rows = failure_table.factor_rows(model)
    assert [each["diameter"] for each in rows] == list(DIAMETERS)
    assert rows[0]["below5_68"] == LEVELS.index(0.6827) and rows[0]["above20_95"] == 2 * len(LEVELS) + len(LEVELS) - 1
