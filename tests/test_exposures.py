"""The scorecard's exposures against the noise model's closed forms."""

import numpy as np
import pytest
import torch

from astrounet_core import exposures
from astrounet_core.exposures import COSMIC_RAYS, DRIZZLED, STANDARD
from astrounet_core.instrument import F606W, WFC3_UVIS, rate_from_magnitude


def test_blank_sky_has_the_variance_of_sky_dark_and_one_read():
    time, image = STANDARD.exposure_time, exposures.blank(STANDARD, seed=1)
    expected = (F606W.sky + WFC3_UVIS.dark_current) / time + (WFC3_UVIS.read_noise / time) ** 2
    assert image.var() == pytest.approx(expected, rel=0.02)
    assert exposures.variance(torch.zeros(4, 4), STANDARD) == pytest.approx(expected)
    assert abs(image.mean()) < 4 * (expected / image.size) ** 0.5


def test_twice_the_exposure_has_half_the_variance():
    scene = torch.full((512, 512), 0.3)
    once, twice = (exposures.expose(scene, STANDARD, 3, longer) for longer in (1.0, 2.0))
    assert once.var() / twice.var() == pytest.approx(2.0, rel=0.03)


def test_drizzled_noise_is_correlated_and_keeps_its_sum():
    image = exposures.blank(DRIZZLED, seed=2)
    lag = np.mean(image[:, 1:] * image[:, :-1]) / image.var()
    assert lag == pytest.approx(0.27, abs=0.01)
    assert image.var() == pytest.approx(exposures.variance(torch.zeros(8, 8), DRIZZLED)[4, 4], rel=0.03)
    white = exposures.variance(torch.zeros(8, 8), DRIZZLED, white=True)
    assert white == pytest.approx(exposures.variance(torch.zeros(8, 8), STANDARD))


def test_same_seed_same_noise():
    first, again, other = (exposures.blank(STANDARD, seed, size=64) for seed in (5, 5, 6))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_cosmic_rays_strike():
    quiet, struck = (exposures.blank(each, 7) for each in (STANDARD, COSMIC_RAYS))
    assert np.mean(struck - quiet > 0.2) == pytest.approx(1 - (1 - 0.02) ** 0.5, rel=0.3)


def test_stars_have_their_flux_at_their_place():
    image = exposures.point_sources(np.array([100.25]), np.array([80.5]), np.array([22.0]), 192).numpy()
    flux = float(rate_from_magnitude(torch.tensor(22.0), F606W))
    assert image.sum() == pytest.approx(flux, rel=0.05)
    core = image[76:86, 95:106]
    rows, columns = np.indices(core.shape)
    assert (columns * core).sum() / core.sum() + 95 == pytest.approx(100.25, abs=0.05)
    assert (rows * core).sum() / core.sum() + 76 == pytest.approx(80.5, abs=0.05)


def test_area_is_that_of_the_pixels():
    assert exposures.arcmin2(np.zeros((1500, 1500))) == pytest.approx((1500 * WFC3_UVIS.pixel_scale / 60) ** 2)
