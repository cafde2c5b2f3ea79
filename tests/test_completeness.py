"""Depths against the matched filter's theory, and against themselves."""

import numpy as np
import pytest
from scipy.stats import norm

from astrounet_core import completeness, limits
from astrounet_core.baselines import unchanged
from astrounet_core.completeness import LONGER, REFERENCE, depths, find, fit_curve
from astrounet_core.detection import bank, calibrate
from astrounet_core.instrument import F606W, magnitude_from_rate, rate_from_magnitude

DENSITY = 40.0


@pytest.fixture(scope="module")
def detectors():
    given = {"kernels": bank("point"), "density": DENSITY, "alarms": 80}
    return {
        REFERENCE: calibrate(unchanged, **given),
        LONGER: calibrate(unchanged, longer=2.0, **given),
        "half": calibrate(half, **given),
    }


def half(image, exposure_time, exposure_ratio):
    return 0.5 * image


@pytest.fixture(scope="module")
def rows(detectors):
    skies = completeness.again(completeness.isolated_stars(5, threshold=detectors[REFERENCE].threshold), 2)
    found = {
        name: find(skies, half if name == "half" else unchanged, detector, 2.0 if name == LONGER else 1.0)
        for name, detector in detectors.items()
    }
    about = dict(zip(("fields", "protocol", "exposure_ratio"), ("isolated stars", "standard", 2.0), strict=True))
    each = [
        row
        for name, ours in found.items()
        for row in completeness.rows(about | {"method": name}, ours, found[REFERENCE])
    ]
    return {(row["method"], row["quantity"], row["magnitude"]): row for row in each}


def test_curve_of_a_known_law():
    rng = np.random.default_rng(0)
    flux = rng.uniform(0, 12, 20_000)
    seen = rng.random(20_000) < norm.cdf(flux - 5)
    a, b = fit_curve(flux, seen)
    assert (a, b) == (pytest.approx(-5, abs=0.3), pytest.approx(1, abs=0.06))
    (found,) = depths(magnitude_from_rate(flux, F606W), seen, [0.9])
    assert found == pytest.approx(float(magnitude_from_rate(6.2816, F606W)), abs=0.01)


def test_a_curve_that_does_not_rise_has_no_depth():
    flux = np.linspace(1, 2, 50)
    assert np.isnan(depths(magnitude_from_rate(flux, F606W), flux < 1.5, [0.9])).all()


def test_the_reference_reaches_the_limit(rows, detectors):
    """Never beyond what no method can beat, and less than 0.1 mag from it: peaks are seen on whole pixels."""
    theory = limits.magnitude_found(0.9, detectors[REFERENCE].threshold)
    found = rows[REFERENCE, "m90", None]
    assert theory - 0.15 < found["value"] < theory + 2 * (found["high"] - found["low"]) + 0.02
    assert rows[REFERENCE, "m50", None]["value"] > found["value"]
    assert rows[REFERENCE, "delta_m90", None]["value"] == 0


def test_a_scaled_image_is_as_deep(rows):
    assert rows["half", "delta_m90", None]["value"] == pytest.approx(0, abs=1e-9)


def test_twice_the_exposure_goes_deeper(rows):
    found = rows[LONGER, "delta_m90", None]
    assert found["value"] == pytest.approx(1.25 * np.log10(2), abs=0.12)
    assert found["low"] < found["value"] < found["high"]


def test_completeness_falls_with_magnitude(rows):
    shares = [
        row["value"] for (name, quantity, _), row in rows.items() if (name, quantity) == (REFERENCE, "completeness")
    ]
    assert len(shares) == 6 and shares[0] > 0.9 > 0.5 > shares[-1]


def test_crowded_stars_count_what_they_added(detectors):
    (sky,) = completeness.crowded_stars(1, size=256)
    with_them, without = sky.exposures()
    added, time = float((with_them - without).sum()), sky.conditions.exposure_time
    light = float(sky.light.sum())
    assert added == pytest.approx(light, abs=4 * (light / time) ** 0.5)  # their own photons alone
    found = find([sky], unchanged, detectors[REFERENCE])
    assert found.seen.shape == sky.x.shape and not found.seen.all() and not len(found.real)
    assert not find([sky], lambda *given: np.zeros_like(given[0]), detectors[REFERENCE]).seen.any()


def test_galaxies_have_their_light():
    (sky,) = completeness.galaxies(1, size=256)
    flux = rate_from_magnitude(sky.magnitude, F606W)
    assert (sky.radius >= 2).all() and sky.light.sum() == pytest.approx(flux.sum(), rel=0.15)


def test_purity_is_high_where_stars_are_bright_and_falls(rows):
    shares = [row["value"] for (name, quantity, _), row in rows.items() if (name, quantity) == (REFERENCE, "purity")]
    assert shares[0] == 1 and min(shares) < 1


def test_detections_have_the_flux_of_their_star(detectors):
    (sky,) = completeness.isolated_stars(1)
    x, y, _, flux = detectors[REFERENCE].measure(sky.light.numpy() + 0.0)
    truth = rate_from_magnitude(sky.magnitude, F606W)
    nearest = np.hypot(x[:, None] - sky.x, y[:, None] - sky.y).argmin(0)
    assert np.median(flux[nearest] / truth) == pytest.approx(0.91, abs=0.04)  # read off on whole pixels


def test_another_psf_is_blunter():
    ours, theirs = completeness.isolated_stars(1)[0], completeness.wider_stars(1)[0]
    assert theirs.light.max() / theirs.light.sum() < ours.light.max() / ours.light.sum()
    assert theirs.fields != ours.fields


def test_a_crowded_curve_of_any_shape_is_read_off_where_it_crosses():
    """Nine of ten down to 22, half to 25, none beyond: steps, as neighbours make them."""
    magnitude = np.linspace(20, 28, 8000)
    share = np.select([magnitude < 22, magnitude < 25], [0.95, 0.5], 0.0)
    seen = np.random.default_rng(0).random(8000) < share
    m70, m40 = depths(magnitude, seen, [0.7, 0.4], crowded=True)
    assert (m70, m40) == (pytest.approx(22, abs=0.05), pytest.approx(25, abs=0.05))
    assert np.isnan(depths(magnitude, np.zeros_like(seen), [0.5], crowded=True)).all()
