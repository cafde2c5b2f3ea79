"""Classical filters against closed forms and the libraries' own versions."""

import numpy as np
import pytest
from scipy.signal import convolve
from skimage import restoration

from astrounet_core import filters
from astrounet_core.instrument import F606W
from astrounet_core.psf import hst_psf

PSF = hst_psf(F606W, size=41).numpy()


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, (256, 256))


def star(flux: float, size: int = 101) -> np.ndarray:
    image = np.zeros((size, size))
    image[size // 2 - 20 : size // 2 + 21, size // 2 - 20 : size // 2 + 21] = flux * PSF
    return image


@pytest.mark.parametrize("width", [0.7, 1.5])
def test_a_gaussian_lowers_noise_by_its_sum_of_squares(noise, width):
    weights = np.exp(-0.5 * (np.arange(-9, 10) / width) ** 2)
    expected = (weights**2).sum() / weights.sum() ** 2
    assert filters.gaussian(noise, width).std() == pytest.approx(expected, rel=0.03)


def test_the_variance_of_a_median_is_that_of_the_textbook(noise):
    """pi / 2n for many pixels n; of 9 normal draws 0.1661 (tables of order statistics)."""
    assert filters.median(noise, 3)[::3, ::3].var() == pytest.approx(0.1661, rel=0.05)


def test_the_fourier_wiener_filter_is_that_of_scikit_image_convolved_again(noise):
    """There: H* / (|H|^2 + balance |reg|^2), a deconvolution; times H it is ours. In the middle borders don't tell."""
    image = noise + star(300.0, 256)[:256, :256]
    level, signal = np.median(image), image.var() - 1
    balance = 2.0 * (PSF**2).sum() / signal
    sharp = restoration.wiener(image - level, PSF, balance, reg=np.ones((1, 1)), clip=False)
    expected = level + convolve(sharp, PSF, "same")
    middle = np.s_[60:-60, 60:-60]
    assert filters.fourier_wiener(image, 2.0)[middle] == pytest.approx(expected[middle], abs=0.02)


def test_the_adaptive_wiener_filter_follows_its_formula(noise):
    image = noise[:101, :101] + star(200.0)
    windows = np.lib.stride_tricks.sliding_window_view(image, (5, 5))
    mean, variance = windows.mean(axis=(2, 3)), windows.var(axis=(2, 3))
    expected = mean + np.maximum(variance - 1, 0) / np.maximum(variance, 1) * (image[2:-2, 2:-2] - mean)
    assert filters.adaptive_wiener(image, 5)[2:-2, 2:-2] == pytest.approx(expected, abs=1e-6)


def test_total_variation_moves_the_sides_of_an_edge_by_the_weight_over_their_width():
    """1/2 w d^2 - weight d is least at d = weight / w: two strips of w = 6, each moved towards the other."""
    image = np.zeros((32, 12))
    image[:, 6:] = 10.0
    output = filters.total_variation(image, 2.0)
    assert output[:, 2] == pytest.approx(2 / 6, abs=0.02)
    assert output[:, 9] == pytest.approx(10 - 2 / 6, abs=0.02)


def test_nonlocal_means_lower_noise_and_leave_an_edge(noise):
    image = noise.copy()
    image[:, 128:] += 20
    output = filters.nonlocal_means(image, 0.8)
    assert output[:, :118].std() < 0.35
    assert output[:, 128].mean() - output[:, 127].mean() == pytest.approx(20, abs=0.5)


def test_an_update_is_that_of_scikit_image():
    """Both start flat; away from the border, which is periodic here and dark there, they agree."""
    counts = np.random.default_rng(5).poisson(50 + star(5000.0)).astype(float)
    theirs = restoration.richardson_lucy(counts, PSF, num_iter=4, clip=False)
    kernel = np.roll(np.pad(PSF, (0, 60)), (-20, -20), (0, 1))
    ours = np.full_like(counts, 0.5)
    for _ in range(4):
        ours = filters.lucy_update(counts, ours, kernel)
    middle = np.s_[45:56, 45:56]
    assert ours[middle] == pytest.approx(theirs[middle], rel=0.02)
    assert ours.sum() == pytest.approx(counts.sum(), rel=1e-3)  # each update conserves the light


def test_richardson_lucy_keeps_a_star_as_wide_as_it_was():
    """The truth of a star without noise is a fixed point, once it has converged: light and peak."""
    output = filters.richardson_lucy(star(1e4), 60.0, updates=200)
    assert output.sum() == pytest.approx(1e4, rel=0.01)
    assert output.max() == pytest.approx(1e4 * PSF.max(), rel=0.05)


def test_blind_deconvolution_conserves_light_and_does_not_need_the_psf_to_be_right():
    """Of a star twice as wide as the PSF: the peak is nearer to the truth than what the known PSF alone allows."""
    wide = filters.gaussian(star(1e4), 0.5)
    output = filters.blind_deconvolution(wide, 60.0, rounds=10)
    assert output.sum() == pytest.approx(1e4, rel=0.01)
    assert abs(output.max() - wide.max()) < abs(filters.richardson_lucy(wide, 60.0, 50).max() - wide.max())


@pytest.mark.parametrize("restore", [filters.richardson_lucy, filters.blind_deconvolution])
def test_deconvolution_leaves_a_flat_sky_flat(restore):
    assert restore(np.full((40, 51), 12.0), 60.0, 3) == pytest.approx(12.0, abs=1e-6)
