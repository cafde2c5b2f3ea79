"""Filters that cost nothing, against closed forms."""

import math

import numpy as np
import pytest

from astrounet_core.baselines import BASELINES, gaussian_blur, matched_filter, median, unchanged
from astrounet_core.instrument import F606W
from astrounet_core.psf import fwhm, hst_psf

TIME, RATIO = 500.0, 2.0


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, (512, 512)).astype(np.float32)


@pytest.mark.parametrize("method", BASELINES.values(), ids=BASELINES)
def test_a_level_stays_and_so_do_shape_and_type(method):
    level = np.full((40, 51), 0.3, np.float32)
    output = method(level, TIME, RATIO)
    assert output.dtype == np.float32
    assert output == pytest.approx(level, rel=1e-5)


@pytest.mark.parametrize("method", BASELINES.values(), ids=BASELINES)
def test_pixels_that_are_not_finite_stay_and_hurt_no_other(method, noise):
    image = noise[:64, :64].copy()
    image[10, 12], image[30, 30] = np.nan, np.inf
    output = method(image, TIME, RATIO)
    assert np.array_equal(np.isfinite(output), np.isfinite(image))
    assert output[30, 30] == np.inf
    far = np.s_[45:, 45:]
    assert output[far] == pytest.approx(method(noise[:64, :64], TIME, RATIO)[far], abs=1e-6)


@pytest.mark.parametrize("method", BASELINES.values(), ids=BASELINES)
def test_an_image_without_finite_pixels_comes_back(method):
    assert np.isnan(method(np.full((32, 32), np.nan), TIME, RATIO)).all()


@pytest.mark.parametrize("method", [gaussian_blur, matched_filter])
def test_linear_filters_keep_the_flux_of_a_star(method):
    star = np.zeros((64, 64))
    star[22:43, 22:43] = 5 * hst_psf(F606W, size=21).numpy()
    assert method(star, TIME, RATIO).sum() == pytest.approx(5.0, rel=1e-4)
    assert method(3 * star, TIME, RATIO) == pytest.approx(3 * method(star, TIME, RATIO), rel=1e-5)


def test_unchanged_is_the_very_input(noise):
    assert unchanged(noise, TIME, RATIO) is noise


def test_gaussian_blur_has_the_width_of_the_psf(noise):
    """White noise falls by 2 sqrt(pi) width, where width is the Gaussian's standard deviation in pixels."""
    width = fwhm(hst_psf(F606W, size=21)) / (2 * math.sqrt(2 * math.log(2)))
    weights = np.exp(-0.5 * (np.arange(-9, 10) / width) ** 2)
    expected = (weights**2).sum() / weights.sum() ** 2
    assert gaussian_blur(noise, TIME, RATIO).std() == pytest.approx(expected, rel=0.02)


def test_matched_filter_lowers_white_noise_to_the_root_of_the_psf_power(noise):
    psf = hst_psf(F606W, size=21).numpy()
    assert matched_filter(noise, TIME, RATIO).std() == pytest.approx(math.sqrt((psf**2).sum()), rel=0.02)


def test_matched_filter_is_the_best_linear_filter_for_a_star(noise):
    """Peak over noise of a star: 1 / Cramér-Rao sigma, more than that of the blur, which is more than the input's."""
    psf = hst_psf(F606W, size=21).numpy()
    star = np.zeros((64, 64))
    star[22:43, 22:43] = psf
    ratio = {name: method(star, TIME, RATIO)[32, 32] / method(noise, TIME, RATIO).std() for name, method in
             BASELINES.items() if name != "median"}  # fmt: skip
    assert ratio["matched_filter"] == pytest.approx(math.sqrt((psf**2).sum()), rel=0.02)
    assert ratio["matched_filter"] > ratio["gaussian_blur"] > ratio["unchanged"]


def test_median_is_that_of_nine_pixels(noise):
    output = median(noise, TIME, RATIO)
    assert output[100, 200] == np.median(noise[99:102, 199:202])
    star = np.zeros((32, 32))
    star[16, 16] = 1.0
    assert not median(star, TIME, RATIO).any()
