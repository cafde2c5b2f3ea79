"""The generalised Anscombe transform and the ground that filters stand on, against draws and closed forms."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from astrounet_core.anscombe import anscombe, on_electrons, on_image, on_unit_noise, sky_variance, unbiased_inverse
from astrounet_core.exposures import STANDARD, blank, variance
from astrounet_core.instrument import F606W

MEANS = (0.0, 3.0, 30.0, 1000.0, 50_000.0)


def draws(mean: float, sky: float, read_noise: float, count: int = 200_000) -> np.ndarray:
    """Sky-subtracted electrons of a pixel."""
    random = np.random.default_rng(1)
    return random.poisson(mean + sky, count) - sky + random.normal(0, read_noise, count)


@pytest.mark.parametrize("mean", MEANS)
def test_transformed_electrons_have_a_noise_of_one(mean):
    assert anscombe(draws(mean, 45.0, 3.1), 45.0 + 3.1**2).var() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("sky", [5.0, 45.0])
def test_the_inverse_of_the_mean_transform_is_the_mean(mean, sky):
    """The algebraic inverse would be 0.25 electrons too low."""
    noise = sky + 3.1**2
    assert unbiased_inverse(anscombe(draws(mean, sky, 3.1), noise).mean(), noise) == pytest.approx(
        mean, rel=1e-3, abs=0.1
    )


@given(st.floats(0, 1e6), st.floats(10, 1e3))
@settings(deadline=None)
def test_the_two_inverses_differ_by_a_quarter(electrons, noise):
    """Asymptotically the unbiased inverse is D^2/4 - 1/8 - variance, the algebraic D^2/4 - 3/8 - variance."""
    back = unbiased_inverse(anscombe(np.array([electrons]), noise), noise)
    assert back - electrons == pytest.approx(0.25, abs=0.06)


def test_no_light_comes_back_as_none():
    assert unbiased_inverse(np.array([-3.0, 0.0, 1.0]), 0.0) == pytest.approx(0, abs=1e-12)
    assert anscombe(np.array([-1e9]), 10.0) == 0


def test_the_sky_is_measured_where_there_is_any():
    image = blank(STANDARD, 3)
    assert sky_variance(image, 500.0) == pytest.approx(image.var(), rel=0.05)


def test_where_stars_are_everywhere_the_noise_model_speaks():
    crowd = np.random.default_rng(2).exponential(50.0, (64, 64))
    expected = 1.5 * float(variance(torch.zeros(1), STANDARD)[0])
    assert sky_variance(crowd, 500.0) == pytest.approx(expected, rel=1e-6)
    assert expected * 500**2 == pytest.approx(1.5 * ((F606W.sky + 11 / 3600) * 500 + 3.1**2), rel=1e-6)


def test_each_ground_shows_the_filter_what_it_says():
    image, seen = blank(STANDARD, 4, 64), {}

    def look(data, *given):
        seen["data"], seen["given"] = data, given
        return data

    assert on_image(look)(image, 500.0, 2.0) == pytest.approx(image)
    assert seen["data"] == pytest.approx(image)
    assert on_electrons(look)(image, 500.0, 2.0) == pytest.approx(image, rel=1e-5)
    assert seen["data"] == pytest.approx(500 * image)
    assert seen["given"][0] == pytest.approx(np.var(500 * image), rel=0.2)
    on_unit_noise(look)(image, 500.0, 2.0)
    assert seen["data"].std() == pytest.approx(1, abs=0.1)
