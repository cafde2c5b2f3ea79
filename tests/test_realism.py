"""How alike skies are: spectra, counts and distances against closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from astrounet_core import realism
from astrounet_core.instrument import F606W
from astrounet_core.noise import drizzle_kernel
from astrounet_core.psf import hst_psf

SIZE, SCALE = 256, 0.04
EVERYWHERE = np.ones((SIZE, SIZE), bool)
CENTRES = np.sqrt(realism.FREQUENCY_EDGES[1:] * realism.FREQUENCY_EDGES[:-1])


def white(seed: int = 0, sigma: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, sigma, (SIZE, SIZE)).astype(np.float32)


def smoothed(correlation: float) -> np.ndarray:
    """White noise through the drizzle kernel, with periodic borders."""
    kernel = np.zeros((SIZE, SIZE))
    kernel[:3, :3] = drizzle_kernel(correlation)
    kernel = np.roll(kernel, (-1, -1), (0, 1))
    return np.fft.ifft2(np.fft.fft2(white(1)) * np.fft.fft2(kernel)).real


@pytest.mark.parametrize("used", [True, np.random.default_rng(5).random((SIZE, SIZE)) < 0.6], ids=["all", "masked"])
@pytest.mark.parametrize("sigma", [0.5, 3.0])
def test_white_noise_has_a_flat_spectrum_at_its_variance(sigma, used):
    power = np.mean([realism.power_spectrum(white(seed, sigma), SCALE, used) for seed in range(4)], 0)
    np.testing.assert_allclose(power[CENTRES > 3], sigma**2, rtol=0.1)


def test_drizzled_noise_has_its_kernels_spectrum():
    """The transfer function of (a, 1, a) / (1 + 2a) along an axis is (1 + 2a cos(2 pi f)) / (1 + 2a)."""
    tap = 0.27 / (1 + np.sqrt(1 - 2 * 0.27**2))
    rows, columns = np.meshgrid(*2 * [np.fft.fftfreq(SIZE)])
    transfer = np.prod([(1 + 2 * tap * np.cos(2 * np.pi * f)) / (1 + 2 * tap) for f in (rows, columns)], 0) ** 2
    which = np.digitize(np.hypot(rows, columns) / SCALE, realism.FREQUENCY_EDGES) - 1
    power = realism.power_spectrum(smoothed(0.27), SCALE)
    for index in range(14, 23):
        assert power[index] == pytest.approx(transfer[which == index].mean(), rel=0.1)


@given(st.integers(20, 90), st.integers(20, 90), st.sampled_from([0.03, 0.05, 0.1]))
@settings(max_examples=15, deadline=None)
def test_a_wave_is_at_its_frequency_whatever_the_shape(rows, columns, scale):
    frequency = 0.2 / scale
    wave = np.sqrt(2) * np.cos(2 * np.pi * frequency * scale * np.arange(columns)) * np.ones((rows, 1))
    power = np.nan_to_num(realism.power_spectrum(wave, scale))
    peak = realism.FREQUENCY_EDGES[power.argmax() : power.argmax() + 2]
    assert peak[0] / (1 + 6 / columns) <= frequency <= peak[1] * (1 + 6 / columns)


def test_normalised_sky_does_not_know_unit_or_level():
    image = white(3)
    values = realism.sky_normalised(image, EVERYWHERE)
    np.testing.assert_allclose(realism.sky_normalised(0.02 * image + 7, EVERYWHERE), values, atol=1e-4)
    assert np.median(values) == pytest.approx(0, abs=1e-6) and values.std() == pytest.approx(1, abs=0.02)


def test_shares_sum_to_one_and_hold_the_outliers():
    shares = realism.pixel_distribution(np.array([-1e9, 0.0, 0.0, 1e9]))
    assert shares[0] == shares[-1] == 0.25 and shares.sum() == 1


def test_distance_of_shifted_gaussians_is_the_closed_form():
    """Kolmogorov-Smirnov distance of N(0, 1) and N(d, 1): 2 Phi(d / 2) - 1."""
    values = np.random.default_rng(6).normal(0, 1, 400_000)
    first, second = (realism.pixel_distribution(values + shift) for shift in (0.0, 0.5))
    assert realism.distribution_distance(first, first) == {"ks": 0, "wasserstein": 0}
    assert realism.distribution_distance(first, second)["ks"] == pytest.approx(2 * norm.cdf(0.25) - 1, abs=0.01)
    bright = [realism.pixel_distribution(flux * np.ones(10)) for flux in (100.0, 200.0)]
    assert realism.distribution_distance(*bright)["wasserstein"] == pytest.approx(np.log(2), abs=0.06)


def starry(magnitude: float, zeropoint: float) -> np.ndarray:
    """White noise of sigma 0.01 with 16 stars of one magnitude."""
    image, flux = white(7, 0.01), 10 ** (0.4 * (zeropoint - magnitude))
    for y in range(32, SIZE, 64):
        for x in range(32, SIZE, 64):
            image[y - 15 : y + 16, x - 15 : x + 16] += flux * hst_psf(F606W, size=31).numpy()
    return image


@pytest.mark.parametrize("magnitude", [20.3, 23.3])
def test_injected_stars_are_counted_at_their_magnitude(magnitude):
    """Kron's ellipse holds 84 to 90 % of HST's light: 0.1 to 0.2 mag."""
    image, zeropoint = starry(magnitude, 26.0), 26.0
    found = realism.source_magnitudes(image, zeropoint, realism.CROWDED)
    assert len(found) == 16
    assert 0.1 < np.median(found) - magnitude < 0.2
    area = (SIZE * SCALE / 60) ** 2
    assert realism.count(image, SCALE, zeropoint, realism.CROWDED) == pytest.approx(16 / area)
    counts = realism.source_counts(found, area)
    assert counts[int(magnitude - realism.MAGNITUDE_EDGES[0])] == pytest.approx(16 / area)
    assert counts.sum() == pytest.approx(16 / area)


def test_lags_of_drizzled_noise_are_the_kernels():
    tap = 0.27 / (1 + np.sqrt(1 - 2 * 0.27**2))
    lags = realism.autocorrelation(smoothed(0.27), EVERYWHERE)
    np.testing.assert_allclose(lags, [1, 0.27, tap**2 / (1 + 2 * tap**2), 0, 0], atol=0.02)


def test_summary_is_the_mean_and_scatter_of_every_measure():
    measured = [realism.measure(white(seed), EVERYWHERE, SCALE, 26.0) for seed in range(3)]
    both = realism.summary(measured)
    np.testing.assert_allclose(both["lags"]["mean"], np.mean([one["lags"] for one in measured], 0))
    np.testing.assert_allclose(both["lags"]["scatter"], np.std([one["lags"] for one in measured], 0, ddof=1))
    assert both["bright"]["mean"] < 0.01 and both["blank"]["mean"] == 100
    assert np.isnan(realism.summary(measured[:1])["power"]["scatter"]).all()
