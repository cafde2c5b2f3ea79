"""Measures of blank sky and of sources before and after, against closed forms for noise that we make ourselves."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from astrounet_core import inspection
from astrounet_core.instrument import F606W
from astrounet_core.noise import drizzle_kernel, physical
from astrounet_core.psf import hst_psf

SIZE = 256
EVERYWHERE = np.ones((SIZE, SIZE), bool)


def white(seed: int = 0, sigma: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, sigma, (SIZE, SIZE)).astype(np.float32)


def starry(flux: float = 200.0) -> tuple[np.ndarray, np.ndarray]:
    """White noise of sigma 1 with nine stars, and their places along each axis."""
    image, places = white(3), np.array([40, 128, 210])
    stamp = flux * hst_psf(F606W, size=21).numpy()
    for y in places:
        for x in places:
            image[y - 10 : y + 11, x - 10 : x + 11] += stamp
    return image, places


@given(st.floats(1e-3, 1e3), st.floats(-100, 100))
@settings(max_examples=10, deadline=None)
def test_scatter_of_white_noise_is_its_sigma_on_any_level(sigma, level):
    assert inspection.sky_scatter(sigma * (white(1) + level), EVERYWHERE) == pytest.approx(sigma, rel=0.03)


@pytest.mark.parametrize("lag", [1, 2, 3])
def test_correlation_of_smoothed_noise_is_its_kernels(lag):
    width = 1.2
    smooth = gaussian_filter(white(2), width, mode="wrap")
    assert inspection.lag_correlation(smooth, EVERYWHERE, lag) == pytest.approx(
        np.exp(-(lag**2) / (4 * width**2)), abs=0.03
    )
    assert inspection.lag_correlation(white(2), EVERYWHERE, lag) == pytest.approx(0, abs=0.02)


def test_apertures_on_white_noise_grow_with_the_root_of_their_pixels():
    diameters = [1, 5, 9]
    pixels = np.array([inspection.aperture(d).sum() for d in diameters])
    assert pixels.tolist() == [1, 21, 69]
    measured = inspection.aperture_scatter(white(4, 2.0), EVERYWHERE, diameters)
    np.testing.assert_allclose(measured, 2.0 * np.sqrt(pixels), rtol=0.06)


def test_drizzling_quietens_pixels_but_not_apertures():
    """The kernel has sum 1: a wide aperture keeps the noise that its pixels had before."""
    empty = torch.zeros(SIZE, SIZE)
    noise = physical(empty, 1000.0, 1.0, generator=torch.Generator().manual_seed(1), correlation=0.27).numpy()
    plain = physical(empty, 1000.0, 1.0, generator=torch.Generator().manual_seed(1)).numpy()
    shrink = float(drizzle_kernel(0.27).square().sum()) ** 0.5
    ratio = [inspection.sky_scatter(image, EVERYWHERE) for image in (noise, plain)]
    assert ratio[0] / ratio[1] == pytest.approx(shrink, rel=0.03)
    wide = [inspection.aperture_scatter(image, EVERYWHERE, [21])[0] for image in (noise, plain)]
    assert wide[0] / wide[1] > 0.85 > 1.3 * shrink


def test_blank_sky_leaves_out_stars_and_keeps_the_rest():
    image, places = starry()
    blank = inspection.blank_sky(image)
    assert not blank[np.ix_(places, places)].any()
    assert blank.mean() > 0.9
    assert inspection.sky_scatter(image, blank) == pytest.approx(1, rel=0.03)


def test_too_little_sky_is_nan():
    blank = ~EVERYWHERE
    blank[:5, :5] = True
    assert np.isnan(inspection.sky_scatter(white(), blank))
    assert np.isnan(inspection.lag_correlation(white(), blank))
    assert np.isnan(inspection.aperture_scatter(white(), blank, [5])).all()


def test_a_smooth_background_is_not_noise():
    slope = np.linspace(0, 30, SIZE, dtype=np.float32)[None] + white(5)
    assert inspection.sky_scatter(slope, EVERYWHERE) == pytest.approx(1, rel=0.05)
    assert inspection.lag_correlation(slope, EVERYWHERE) == pytest.approx(0, abs=0.05)


def test_tensors_and_arrays_are_measured_alike():
    image = white(6)
    assert inspection.sky_scatter(torch.from_numpy(image), EVERYWHERE) == inspection.sky_scatter(image, EVERYWHERE)


def test_a_perfect_residual_has_the_noises_own_correlation():
    noise = gaussian_filter(white(7), 0.8, mode="wrap")
    found = inspection.compare_sky(noise, np.zeros_like(noise), EVERYWHERE)
    assert found["lag_residual"] == pytest.approx(found["lag_before"]) and found["sky_after"] == 0
    assert found["blank"] == 100


@pytest.mark.parametrize("scale", [1.0, 0.9])
def test_sources_keep_their_flux_up_to_the_scale_given(scale):
    image, places = starry(500.0)
    blank = inspection.blank_sky(image)
    found = inspection.compare_sources(image, scale * image, blank, exposure_time=1e6)
    assert found["before"] == found["after"] == found["matched"] == len(places) ** 2
    assert found["flux_ratio"] == pytest.approx(scale, rel=0.01)
    assert (found["flux_shift"] < 1e-3) == (scale == 1.0)
    assert found["negative_before"] == found["negative_after"] == 0


def test_smoothing_finds_more_at_its_own_noise_but_not_at_the_inputs():
    image, _ = starry(45.0)
    blank = inspection.blank_sky(image)
    found = inspection.compare_sources(image, gaussian_filter(image, 1.0), blank, exposure_time=1e6)
    assert found["after"] > found["same_level"]
    assert found["flux_ratio"] != found["flux_ratio"] or found["flux_ratio"] < 1


@pytest.mark.parametrize("flux", [5.0, 500.0])
def test_injected_stars_have_their_flux_and_avoid_sources(flux):
    image, _ = starry()
    blank = inspection.blank_sky(image)
    added, x, y = inspection.inject_stars(image, blank, flux, exposure_time=1e5)
    assert len(x) > 50 and blank[y.astype(int), x.astype(int)].all()
    total = (added.astype(float) - image).sum() / len(x)
    assert total == pytest.approx(flux * hst_psf(F606W, size=inspection.STAMP).sum().item(), rel=0.01)
    with pytest.raises(ValueError, match="no blank sky"):
        inspection.inject_stars(image, ~EVERYWHERE, flux, 1.0)


def test_a_linear_method_keeps_its_share_of_every_star_and_a_threshold_does_not():
    measure = (white(9), EVERYWHERE, [20.0, 2000.0], 1e5)
    np.testing.assert_allclose(inspection.surviving_light(lambda x: 0.7 * x, *measure), 0.7, rtol=1e-3)
    np.testing.assert_allclose(inspection.surviving_light(lambda x: x - 3, *measure), 1, rtol=1e-3)
    faint, bright = inspection.surviving_light(lambda x: np.where(x > 8, x, 0), *measure)
    assert faint < 0.6 and bright > 0.8


def test_no_sources_give_nan_fluxes():
    found = inspection.compare_sources(white(8), white(8), EVERYWHERE, exposure_time=1.0)
    assert found["before"] == found["matched"] == 0
    assert np.isnan(found["flux_ratio"]) and np.isnan(found["flux_shift"])
