"""Metrics against worked values, scikit-image and scipy."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import entropy
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

from astrounet_core import metrics
from astrounet_core.metrics import METRICS, PAPER_METRICS

images = arrays(np.float64, (16, 20), elements=st.floats(-10, 1000, width=32))
hypothesis = settings(max_examples=40, deadline=None, derandomize=True)


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    """A noisy image and its reference, e-/s: a smooth field with a star."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:64, :72]
    reference = 0.05 * (1 + np.sin(x / 9)) + 20 * np.exp(-((x - 30) ** 2 + (y - 33) ** 2) / 4)
    return reference + rng.normal(0, 0.02, reference.shape), reference


@hypothesis
@given(images, images)
def test_mse_and_mae_against_second_implementations(x, y):
    assert metrics.mse(x, y) == pytest.approx(mean_squared_error(x, y), rel=1e-12)
    assert metrics.mae(x, y) == pytest.approx(np.abs(x - y).mean(), rel=1e-12)


@hypothesis
@given(images, images, st.floats(0.1, 1e5))
def test_psnr_against_scikit_image(x, y, data_range):
    if np.mean((x - y) ** 2) > 0:
        expected = peak_signal_noise_ratio(y, x, data_range=data_range)
        assert metrics.psnr(x, y, data_range) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_psnr_of_worked_values():
    zeros = np.zeros((4, 4))
    assert metrics.psnr(zeros + 0.1, zeros) == pytest.approx(60.0)
    assert metrics.psnr(zeros + 10, zeros, data_range=1.0) == pytest.approx(-20.0)
    assert metrics.psnr(zeros, zeros) == math.inf


def test_psnr_paper_counts_each_image_in_its_own_electrons():
    """A perfect half-exposure, unscaled, has the error of half the reference: the unit mismatch by itself."""
    reference = np.full((4, 4), 3.0)
    expected = 20 * math.log10(255 / (0.5 * 3.0 * 1000))
    assert metrics.psnr_paper(reference, reference, 500.0, 1000.0, maximum=255) == pytest.approx(expected)
    assert metrics.psnr_paper(reference, reference, 500.0, 1000.0) == pytest.approx(20 * math.log10(2))
    assert metrics.psnr_paper(reference, reference, 1000.0, 1000.0) == math.inf


def skimage_ssim(x, y, data_range):
    return structural_similarity(
        x, y, data_range=data_range, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )


@hypothesis
@given(images, images, st.floats(1.0, 1e5))
def test_ssim_against_scikit_image(x, y, data_range):
    ours = metrics.ssim_map(x, y, data_range)
    assert ours.shape == (1, 1, 6, 10)
    assert ours.mean().item() == pytest.approx(skimage_ssim(x, y, data_range), abs=1e-6)


def test_ssim_is_that_of_the_stretched_images(pair):
    x, y = (np.arcsinh((z - 0.03) / 0.02) for z in pair)
    expected = skimage_ssim(x, y, math.asinh(50 / 0.02))
    assert metrics.ssim(*pair, sky=0.03, sigma=0.02, data_range=50.0) == pytest.approx(expected, abs=1e-9)


def test_ssim_paper_is_that_of_the_electrons(pair):
    x, y = pair[0] * 400, pair[1] * 1000
    assert metrics.ssim_paper(*pair, 400, 1000, data_range=255) == pytest.approx(skimage_ssim(x, y, 255.0), abs=1e-9)
    assert metrics.ssim_paper(*pair, 400, 1000) == pytest.approx(skimage_ssim(x, y, np.ptp(y)), abs=1e-9)


def test_ssim_is_one_for_equal_images_and_symmetric(pair):
    assert metrics.ssim(pair[1], pair[1]) == pytest.approx(1.0)
    assert metrics.ssim(*pair) == pytest.approx(metrics.ssim(*pair[::-1]))
    assert metrics.ssim(*pair) < 0.9


def test_erratum_equation_21_follows_from_standard_deviations_and_not_from_the_printed_covariance(pair):
    """Eq. 15 prints 2 sigma_xy where Eq. 14, 16, 19 and 20 give Eq. 21 only with 2 sigma_x sigma_y."""
    (mean_x, mean_y), (sigma_x, sigma_y), covariance = metrics.local_moments(*pair)
    c1, c2, c3 = metrics.ssim_constants(20.0)
    light = metrics.luminance(mean_x, mean_y, c1)
    structure = metrics.structure(covariance, sigma_x, sigma_y, c3)
    equation_21 = light * (2 * covariance + c2) / (sigma_x**2 + sigma_y**2 + c2)
    printed_contrast = (2 * covariance + c2) / (sigma_x**2 + sigma_y**2 + c2)
    assert torch.allclose(light * metrics.contrast(sigma_x, sigma_y, c2) * structure, equation_21, atol=1e-12)
    assert (light * printed_contrast * structure - equation_21).abs().max() > 1e-3


def test_erratum_sigma_is_a_standard_deviation_not_a_variance(pair):
    """With variances for sigma, contrast times structure is no longer that of Eq. 21."""
    _, (sigma_x, sigma_y), covariance = metrics.local_moments(*pair)
    _, c2, c3 = metrics.ssim_constants(20.0)
    with_variances = metrics.contrast(sigma_x**2, sigma_y**2, c2) * metrics.structure(
        covariance, sigma_x**2, sigma_y**2, c3
    )
    assert not torch.allclose(with_variances, (2 * covariance + c2) / (sigma_x**2 + sigma_y**2 + c2), atol=1e-3)


def test_ssim_constants_of_equations_17_to_19():
    assert metrics.ssim_constants(255.0) == pytest.approx((6.5025, 58.5225, 29.26125))


def test_ssim_terms_of_worked_values():
    two, four = torch.tensor(2.0), torch.tensor(4.0)
    assert metrics.luminance(two, four, 1.0).item() == pytest.approx(17 / 21)
    assert metrics.contrast(two, four, 4.0).item() == pytest.approx(20 / 24)
    assert metrics.structure(torch.tensor(4.0), two, four, 2.0).item() == pytest.approx(6 / 10)


def test_kl_histogram_against_scipy(pair):
    edges = [-np.inf, *np.linspace(-5, 20, 51), np.inf]
    counts = [np.histogram((z - 0.01) / 0.02, edges)[0] + 0.5 for z in pair]
    expected = entropy(counts[1], counts[0])
    assert metrics.kl_histogram(*pair, sky=0.01, sigma=0.02) == pytest.approx(expected, rel=1e-9)
    assert metrics.kl_histogram(pair[1], pair[1]) == 0.0


def test_kl_paper_against_scipy_and_its_blindness_to_scale(pair):
    q, p = (np.maximum(z * t, 2.0).ravel() for z, t in zip(pair, (400.0, 1000.0), strict=True))
    assert metrics.kl_paper(*pair, 400.0, 1000.0, floor=2.0) == pytest.approx(entropy(p, q), rel=1e-9)
    bright = np.abs(pair[1]) + 1
    assert metrics.kl_paper(bright, bright, 500.0, 1000.0) == pytest.approx(0.0, abs=1e-12)


def test_noise_normalised_mse_of_an_exposure_is_one():
    rng = np.random.default_rng(1)
    truth = rng.uniform(0, 5, (300, 300))
    variance = 0.01 + truth / 500
    noisy = truth + rng.normal(size=truth.shape) * np.sqrt(variance)
    assert metrics.noise_normalised_mse(noisy, truth, variance) == pytest.approx(1.0, abs=5 * math.sqrt(2) / 300)
    assert metrics.noise_normalised_mse(truth, truth, variance) == 0.0


@pytest.mark.parametrize("name", [*METRICS, *PAPER_METRICS])
def test_tensors_arrays_and_foreign_byte_orders_score_alike(name, pair):
    score = METRICS.get(name) or (lambda x, y: PAPER_METRICS[name](x, y, 500.0, 1000.0))
    single = [z.astype(np.float32) for z in pair]
    value = score(*single)
    assert isinstance(value, float)
    assert value == score(*(torch.from_numpy(z) for z in single))
    assert value == score(*(z.astype(">f4") for z in single))
    assert value == score(*(torch.from_numpy(z)[None, None] for z in single))


@pytest.mark.parametrize("name", [*METRICS, *PAPER_METRICS])
def test_nan_is_never_scored_as_good(name, pair):
    score = METRICS.get(name) or (lambda x, y: PAPER_METRICS[name](x, y, 500.0, 1000.0))
    noisy = pair[0].copy()
    noisy[20, 20] = math.nan
    assert math.isnan(score(noisy, pair[1]))


def test_precision_recall_and_f_of_worked_values():
    assert metrics.precision(6, 2) == 0.75
    assert metrics.recall(6, 6) == 0.5
    assert metrics.f_measure(0.75, 0.5) == pytest.approx(0.6)
    assert metrics.f_measure(0.0, 0.0) == 0.0
    assert math.isnan(metrics.precision(0, 0))
    assert math.isnan(metrics.recall(0, 0))


@hypothesis
@given(st.integers(1, 500), st.integers(0, 500), st.integers(0, 500))
def test_f_measure_is_the_dice_coefficient(tp, fp, fn):
    f = metrics.f_measure(metrics.precision(tp, fp), metrics.recall(tp, fn))
    assert f == pytest.approx(2 * tp / (2 * tp + fp + fn))


TABLE_2 = [(0.6808, 0.78, 0.913), (0.9594, 0.86, 0.779), (0.9326, 0.78, 0.670)]


@pytest.mark.parametrize(("rate", "f", "implied"), TABLE_2)
def test_precision_implied_by_table_2(rate, f, implied):
    """TPR and F of Table 2 fix a precision that the paper does not print: it falls where the networks find more."""
    assert metrics.f_measure(implied, rate) == pytest.approx(f, abs=5e-4)


def test_relative_flux_error_is_positive_for_lost_flux():
    assert metrics.relative_flux_error([90.0, 110.0, -50.0], [100.0, 100.0, 100.0]).tolist() == [0.1, -0.1, 1.5]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: metrics.mse(np.zeros((4, 4)), np.zeros((4, 5))), "one shape"),
        (lambda: metrics.mse(np.zeros(4), np.zeros(4)), "one shape"),
        (lambda: metrics.ssim(np.zeros((10, 40)), np.zeros((10, 40))), "too small"),
        (lambda: metrics.psnr(np.ones((4, 4)), np.zeros((4, 4)), data_range=0.0), "greater than 0"),
        (lambda: metrics.psnr_paper(np.ones((4, 4)), np.zeros((4, 4)), -1.0, 1.0), "greater than 0"),
        (lambda: metrics.ssim(np.ones((16, 16)), np.zeros((16, 16)), sigma=math.nan), "greater than 0"),
    ],
)
def test_impossible_requests_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
