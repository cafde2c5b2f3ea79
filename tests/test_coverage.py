"""Coverage against what Gaussian errors must have, and that sky does not decide it."""

from dataclasses import replace

import numpy as np
import pytest
from test_uncertainty import SIGMAS, flat

from astrounet_core import coverage
from astrounet_core.baselines import unchanged
from astrounet_core.field_table import fields
from astrounet_core.score_rows import KEYS
from astrounet_core.uncertainty import LEVELS


def _columns(sizes=(40_000, 20_000, 10_000, 5_000, 2_000), width: float = 1.0) -> np.ndarray:
    """The tally of one image of Gaussian errors of sigma 2 with so many pixels a stratum."""
    rng = np.random.default_rng(1)
    snr = np.repeat([0.0, 0.5, 2.0, 10.0, 100.0], sizes)
    error = rng.normal(0, 2.0, len(snr))
    widths = np.broadcast_to(width * 2 * SIGMAS[:, None], (len(LEVELS), len(snr)))
    return coverage.tallied(snr, error, widths, np.full(len(snr), 4.0)).reshape(-1, 1)


def test_gaussian_errors_of_known_width_are_covered_as_often_as_promised():
    found = coverage.coverages(_columns())
    for name, share in (("coverage_68", 0.6827), ("coverage_95", 0.9545)):
        for stratum, count in zip(coverage.STRATA, (40_000, 20_000, 10_000, 5_000, 2_000), strict=True):
            error = 100 * (share * (1 - share) / count) ** 0.5
            assert found[f"{name} at {stratum}"] == pytest.approx(100 * share, abs=4 * error)
    assert found["interval_width"] == pytest.approx(0.5, rel=1e-3)


def test_every_stratum_weighs_alike():
    tally = np.zeros((5, len(LEVELS) + 2))
    tally[:, -1] = 10**6, 200, 200, 200, 50  # the last is too small to count
    tally[0, : len(LEVELS)] = 10**6
    assert coverage.coverages(tally.reshape(-1, 1))["coverage_68"] == pytest.approx(25.0)
    assert np.isnan(coverage.coverages(np.zeros((60, 1)))["coverage_68"])


def test_error_ratios_compare_what_most_errors_stay_below():
    rng = np.random.default_rng(0)
    before = rng.normal(size=5000)
    found = coverage.error_ratios(np.stack([np.zeros(5000), 0.25 * before, before]))
    assert found["aperture_error_ratio at sky"] == pytest.approx(0.25)


@pytest.fixture(scope="module")
def rows():
    chosen = [replace(each, size=256) for each in fields("test") if each.kind == "blank_field"]
    chosen += [replace(next(each for each in fields("test") if each.family == "held_out"), size=96)]
    chosen = [replace(each, drizzle_correlation=0.0) for each in chosen]
    methods = {"unchanged": unchanged, "truth of a blank sky": lambda image, t, r: 0 * image}
    return coverage.score(methods, dict.fromkeys(methods, flat()), chosen, noise_seeds=1)


def _value(rows, quantity, method="unchanged", fields="test fields", magnitude=None):
    wanted = {"quantity": quantity, "method": method, "fields": fields, "magnitude": magnitude}
    return next(row["value"] for row in rows if wanted.items() <= row.items())


def test_an_unchanged_input_has_the_errors_of_its_noise(rows):
    assert _value(rows, "coverage_68 at sky") == pytest.approx(68.27, abs=1.5)
    assert _value(rows, "coverage_95 at sky") == pytest.approx(95.45, abs=1.0)
    assert _value(rows, "coverage_68_aperture at sky") == pytest.approx(68.27, abs=8)
    assert _value(rows, "interval_width at sky") == pytest.approx(1.0, abs=0.04)
    assert _value(rows, "aperture_error_ratio at sky", magnitude=6.0) == 1.0
    for level in LEVELS:
        assert _value(rows, "reliability at sky", magnitude=level) == pytest.approx(100 * level, abs=1.5)


def test_no_error_lies_outside_any_interval(rows):
    assert _value(rows, "coverage_68", "truth of a blank sky") == 100
    assert _value(rows, "aperture_error_ratio at sky", "truth of a blank sky", magnitude=6.0) == 0


def test_rows_are_the_scorecards_and_held_out_families_stand_apart(rows):
    assert all(tuple(row) == KEYS for row in rows)
    assert {row["fields"] for row in rows} == {"test fields", "held_out"}
    assert {row["protocol"] for row in rows} == {"independent"}
