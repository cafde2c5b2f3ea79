"""Photometry on constructed images and catalogues, against closed forms and Monte Carlo."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.signal import fftconvolve

from astrounet_core import photometry
from astrounet_core.instrument import WFC3_UVIS
from astrounet_core.psf import hst_psf

WIDTH = 1.5  # pixels, standard deviation of the test star
NOISE = 10.0  # e-


def gaussian(shape: tuple[int, int], x: float, y: float, width: float = WIDTH) -> np.ndarray:
    """A star of flux 1, integrated over the pixels."""
    cdf = np.vectorize(lambda z: 0.5 * (1 + math.erf(z / (width * math.sqrt(2)))))
    profile = [np.diff(cdf(np.arange(n + 1) - 0.5 - c)) for n, c in zip(shape, (y, x), strict=True)]
    return np.outer(*profile)


@pytest.fixture(scope="module")
def field() -> tuple[np.ndarray, np.ndarray]:
    """A 256 x 256 image in electrons, sky 100 and noise 10, and its 16 stars (x, y, flux)."""
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(32, 256, 64), np.arange(32, 256, 64)), -1).reshape(-1, 2)
    stars = np.column_stack([grid + rng.uniform(-3, 3, grid.shape), np.geomspace(5000, 80000, 16)])
    image = 100 + rng.normal(0, NOISE, (256, 256)) + sum(f * gaussian((256, 256), x, y) for x, y, f in stars)
    return image, stars


def test_detect_finds_the_stars_where_they_are(field):
    image, (x, y, _) = field[0], field[1].T
    found = photometry.detect(image)
    i, j = photometry.match(found["x"], found["y"], x, y, 1.0)
    assert len(found["x"]) == len(i) == 16
    assert np.abs(found["x"][i] - x[j]).max() < 0.2
    assert np.abs(found["y"][i] - y[j]).max() < 0.2


def test_detect_measures_flux_error_and_background_by_their_closed_forms(field):
    image, (x, y, flux) = field[0], field[1].T
    found = photometry.detect(image)
    i, j = photometry.match(found["x"], found["y"], x, y, 1.0)
    inside = 1 - math.exp(-(5.0**2) / (2 * WIDTH**2))
    area = math.pi * 5.0**2
    error = np.sqrt(area * NOISE**2 + found["flux"] / 1.5)
    assert found["flux_error"] == pytest.approx(error, rel=0.03)
    assert np.abs(found["flux"][i] - inside * flux[j]).max() < 5 * math.sqrt(area) * NOISE
    assert found["background"] == pytest.approx(100.0, abs=3)


def test_detect_needs_ten_connected_pixels_above_seven_sigma():
    rng = np.random.default_rng(1)
    image = rng.normal(0, NOISE, (256, 256))
    image[40:43, 40:43] += 50 * NOISE  # nine pixels
    image[80:82, 80:85] += 50 * NOISE  # ten
    image[120:125, 120:125] += 5 * NOISE  # too faint
    found = photometry.detect(image)
    assert np.column_stack([found["x"], found["y"]]) == pytest.approx(np.array([[82.0, 80.5]]), abs=0.1)
    assert found["area"].tolist() == [10]


def test_a_blur_before_detection_finds_stars_that_the_paper_settings_miss():
    rng = np.random.default_rng(2)
    image = rng.normal(0, NOISE, (256, 256)) + 1000 * gaussian((256, 256), 128, 128)
    blurred = fftconvolve(image, gaussian((9, 9), 4, 4), mode="same")
    assert len(photometry.detect(image)["x"]) == 0
    assert len(photometry.detect(blurred)["x"]) == 1


def test_detect_masks_nan_and_takes_any_byte_order(field):
    image, stars = field[0].copy(), field[1]
    x, y = np.rint(stars[15, :2]).astype(int)
    image[y - 6 : y + 7, x - 6 : x + 7] = np.nan
    found = photometry.detect(image)
    assert len(found["x"]) == 15
    assert all(np.isfinite(column).all() for column in found.values())
    foreign = photometry.detect(image.astype(">f8"))
    assert all(np.array_equal(found[key], foreign[key]) for key in found)


@pytest.mark.parametrize("image", [np.zeros((64, 64)), np.ones((64, 64)), np.full((64, 64), np.nan)])
def test_detect_finds_nothing_where_nothing_is(image):
    assert all(len(column) == 0 for column in photometry.detect(image).values())


def test_match_of_a_constructed_catalogue():
    """0-0 is near; two sources claim reference 1, the nearer has it; reference 2 is out of reach."""
    x, y = np.array([10.0, 20.4, 19.9, 90.0]), np.array([10.5, 20.0, 20.0, 90.0])
    i, j = photometry.match(x, y, np.array([10.0, 20.0, 50.0]), np.array([10.0, 20.0, 50.0]), radius=2.0)
    assert i.tolist() == [0, 2]
    assert j.tolist() == [0, 1]


def test_match_counts_the_radius_in_and_nothing_in_empty_lists():
    one, none = np.array([3.0]), np.zeros(0)
    assert photometry.match(one, one, one + 2, one, 2.0)[0].tolist() == [0]
    assert photometry.match(one, one, one + 2, one, 1.999)[0].tolist() == []
    assert photometry.match(none, none, one, one, 2.0)[0].tolist() == []
    assert photometry.match(one, one, none, none, 2.0)[1].tolist() == []


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 2**31), st.integers(1, 40), st.integers(1, 40), st.floats(0.5, 20))
def test_matches_are_one_to_one_mutual_and_symmetric(seed, n, m, radius):
    a, b = (np.random.default_rng((seed, k)).uniform(0, 60, (2, k)) for k in (n, m + 1))
    i, j = photometry.match(*a, *b, radius)
    distance = np.hypot(a[0][:, None] - b[0], a[1][:, None] - b[1])
    nearest_both_ways = (distance == distance.min(1, keepdims=True)) & (distance == distance.min(0, keepdims=True))
    expected = np.argwhere(nearest_both_ways & (distance <= radius))
    assert sorted(zip(i, j, strict=True)) == sorted(map(tuple, expected))
    back = photometry.match(*b, *a, radius)
    assert sorted(zip(back[1], back[0], strict=True)) == sorted(zip(i, j, strict=True))


def test_match_equals_the_optimal_assignment_where_stars_are_sparse():
    rng = np.random.default_rng(3)
    true = rng.permutation(np.stack(np.meshgrid(np.arange(0, 400, 20.0), np.arange(0, 400, 20.0)), -1).reshape(-1, 2))
    found = rng.permutation(true + rng.normal(0, 0.5, true.shape))
    i, j = photometry.match(*found.T, *true.T, 5.0)
    best = linear_sum_assignment(np.linalg.norm(found[:, None] - true, axis=2))
    assert np.array_equal(j[np.argsort(i)], best[1])


def test_chance_matches_are_as_frequent_as_stated():
    rng = np.random.default_rng(4)
    rate = photometry.chance_match_rate(400 / 200**2, 3.0)
    assert rate == pytest.approx(1 - math.exp(-0.09 * math.pi))
    stars, places = rng.uniform(0, 200, (2, 400)), rng.uniform(5, 195, (2, 4000))
    hits = (np.hypot(*(stars[:, None, :] - places[:, :, None])).min(1) <= 3.0).mean()
    assert hits == pytest.approx(rate, abs=0.03)


def test_counts_give_equations_22_to_24():
    counts = photometry.Counts(tp=6, fp=2, fn=6)
    assert (counts.precision, counts.recall) == (0.75, 0.5)
    assert counts.f_measure == pytest.approx(0.6)


@pytest.mark.parametrize("diameter", [3.0, 6.0, 10.0])
def test_aperture_flux_of_a_gaussian_star(diameter):
    """Oversampled so far that its pixels don't matter: 1 - exp(-R^2 / 2 sigma^2)."""
    image = 1000 * gaussian((401, 401), 200, 200, width=40.0)
    flux = photometry.aperture_flux(image, np.array([200.0]), np.array([200.0]), diameter * 40 / WIDTH)
    assert flux == pytest.approx(1000 * (1 - math.exp(-((diameter / 2) ** 2) / (2 * WIDTH**2))), rel=1e-3)


def test_aperture_flux_against_counting_subpixels(field):
    image, (x, y, _) = field[0], field[1].T
    fine = np.repeat(np.repeat(image, 5, 0), 5, 1) / 25
    place = (np.arange(1280) + 0.5) / 5 - 0.5
    theirs = [fine[np.hypot(place - a, place[:, None] - b) <= 3.0].sum() for a, b in zip(x, y, strict=True)]
    assert photometry.aperture_flux(image, x, y, 6.0) == pytest.approx(theirs, rel=5e-3)


def test_psf_flux_is_exact_without_noise_and_clips_at_the_border():
    x, y, flux = np.array([20.3, 23.1, 0.4]), np.array([18.8, 20.0, 30.0]), np.array([50.0, 80.0, 30.0])
    stamps = np.stack([gaussian((15, 15), 7 + a - round(a), 7 + b - round(b)) for a, b in zip(x, y, strict=True)])
    image = sum(f * gaussian((40, 44), a, b) for f, a, b in zip(flux, x, y, strict=True))
    assert photometry.psf_flux(image, x, y, stamps, 1.0)[0] == pytest.approx(flux, rel=1e-4)
    fitted = photometry.psf_flux(image + 7.0, x, y, stamps, 1.0, background=True)[0]
    assert fitted == pytest.approx(flux, rel=1e-4)


def test_psf_flux_of_one_star_is_the_closed_form():
    rng = np.random.default_rng(5)
    stamp, variance = gaussian((11, 11), 5, 5), rng.uniform(0.5, 2, (30, 30))
    image = rng.normal(0, 1, (30, 30))
    flux, error = photometry.psf_flux(image, 12.0, 14.0, stamp, variance)
    here = np.s_[9:20, 7:18]
    information = (stamp**2 / variance[here]).sum()
    assert flux == pytest.approx([(stamp * image[here] / variance[here]).sum() / information])
    assert error == pytest.approx([information**-0.5])
    assert error == pytest.approx([photometry.cramer_rao_sigma(stamp, variance[here])])


def test_fluxes_of_a_blend_need_the_joint_fit():
    stamp = gaussian((15, 15), 7, 7)
    image = 100 * gaussian((40, 40), 20, 20) + 400 * gaussian((40, 40), 22, 20)
    joint, error = photometry.psf_flux(image, np.array([20, 22]), np.array([20, 20]), stamp, 1.0)
    alone, smaller = photometry.psf_flux(image, 20, 20, stamp, 1.0)
    assert joint == pytest.approx([100, 400], rel=1e-4)
    assert alone[0] > 200
    assert error[0] > smaller[0]


def test_psf_flux_leaves_nan_pixels_out():
    image = 100 * gaussian((30, 30), 15, 15)
    image[15, 16], image[2, 2] = np.nan, np.inf
    stamp = gaussian((15, 15), 7, 7)
    flux, error = photometry.psf_flux(image, 15, 15, stamp, 1.0)
    left = stamp.copy()
    left[7, 8] = 0
    assert flux == pytest.approx([100.0], rel=1e-6)
    assert error == pytest.approx([photometry.cramer_rao_sigma(left, 1.0)])


@pytest.mark.parametrize(("x", "y"), [(90.0, 10.0), (np.array([10.0, 10.0]), np.array([12.0, 12.0]))])
def test_psf_flux_refuses_stars_that_the_data_cannot_tell(x, y):
    with pytest.raises(ValueError, match="off the image"):
        photometry.psf_flux(np.zeros((40, 40)), x, y, gaussian((15, 15), 7, 7), 1.0)


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("electrons", [300.0, 5000.0])
def test_least_squares_reaches_the_cramer_rao_bound(electrons, background):
    """Poisson star and sky, Gaussian read noise, 1000 exposures: unbiased, and its scatter is the bound's."""
    rng, n, sky = np.random.default_rng(6), 1000, 60.0
    psf = hst_psf(size=15).numpy().astype(float)
    mean = electrons * psf + sky
    variance = mean + WFC3_UVIS.read_noise**2
    exposures = rng.poisson(mean, (n, 15, 15)) + rng.normal(0, WFC3_UVIS.read_noise, (n, 15, 15))
    level = 0.0 if background else sky
    fluxes = [photometry.psf_flux(e - level, 7, 7, psf, variance, background)[0][0] for e in exposures]
    bound = photometry.cramer_rao_sigma(psf, variance, background)
    assert np.mean(fluxes) == pytest.approx(electrons, abs=5 * bound / math.sqrt(n))
    assert np.std(fluxes) == pytest.approx(bound, rel=5 / math.sqrt(2 * n))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.floats(0.7, 3.0), st.floats(0.1, 100.0), st.integers(0, 2**31))
def test_cramer_rao_bound_from_the_inverse_of_the_information_matrix(width, level, seed):
    p = gaussian((21, 21), 10, 10, width)
    v = level * np.random.default_rng(seed).uniform(0.5, 2.0, p.shape)
    terms = np.stack([p.ravel(), np.ones(p.size)])
    covariance = np.linalg.inv((terms / v.ravel()) @ terms.T)
    joint = photometry.cramer_rao_sigma(p, v, background=True)
    assert joint == pytest.approx(covariance[0, 0] ** 0.5, rel=1e-6)
    assert joint > photometry.cramer_rao_sigma(p, v)


def test_cramer_rao_bound_of_worked_values():
    """White noise: sigma sqrt(N_eff), with N_eff = 4 pi width^2 pixels for a Gaussian; noise-free sky: sqrt(F)."""
    wide = gaussian((81, 81), 40, 40, 4.0)
    assert photometry.cramer_rao_sigma(wide, 25.0) == pytest.approx(5 * math.sqrt(4 * math.pi * 16), rel=0.01)
    assert photometry.cramer_rao_sigma(wide, 900 * wide + 1e-12) == pytest.approx(30.0, rel=1e-3)


def test_matched_filter_gives_a_star_its_optimal_signal_to_noise_and_noise_unit_variance():
    rng = np.random.default_rng(7)
    psf = gaussian((15, 15), 7, 7)
    clean = photometry.matched_filter(200 * gaussian((64, 64), 30, 33), psf, 4.0)
    assert clean.max() == pytest.approx(200 / photometry.cramer_rao_sigma(psf, 4.0), rel=1e-4)
    assert np.unravel_index(clean.argmax(), clean.shape) == (33, 30)
    variance = rng.uniform(1, 9, (256, 256))
    noise = photometry.matched_filter(rng.normal(0, np.sqrt(variance)), psf, variance)
    assert noise.std() == pytest.approx(1.0, abs=0.05)


def test_matched_filter_gives_masked_pixels_no_weight():
    image = 200 * gaussian((64, 64), 30, 33)
    image[:, :20] = np.nan
    psf = gaussian((15, 15), 7, 7)
    filtered = photometry.matched_filter(image, psf, 4.0)
    assert filtered[33, 30] == pytest.approx(200 / photometry.cramer_rao_sigma(psf, 4.0), rel=1e-3)
    assert np.isfinite(filtered).all()
    assert not filtered[:, :5].any()


def test_snr_of_equation_26():
    flux, error, background = np.array([300.0, 100.0]), np.array([30.0, 8.0]), np.array([40.0, 6.0])
    assert photometry.snr(flux, error, background) == pytest.approx((6 + 10) / 2)
    assert math.isnan(photometry.snr(np.zeros(0), np.zeros(0), np.zeros(0)))


def test_snr_of_a_synthetic_star_against_its_closed_form(field):
    """Eq. 26 from the star's flux, the sky's noise and level, gain 1.5 and the aperture alone."""
    image, (x, y, flux) = field[0], field[1].T
    found = photometry.detect(image)
    i, j = photometry.match(found["x"], found["y"], x, y, 1.0)
    inside = flux[j] * (1 - math.exp(-(5.0**2) / (2 * WIDTH**2)))
    expected = inside / np.sqrt(math.pi * 25 * NOISE**2 + inside / 1.5 + 100.0**2)
    measured = photometry.snr(*(found[key][i] for key in ("flux", "flux_error", "background")))
    assert measured == pytest.approx(expected.mean(), rel=0.03)


def test_stacking_factor_of_a_real_stack_is_the_root_of_its_length():
    """Eq. 27 holds for Eq. 26 without B and without the star's own noise: four exposures, twice the SNR."""
    flux, error = np.array([1000.0]), np.array([50.0])
    single, stack = photometry.snr(flux, error, np.zeros(1)), photometry.snr(4 * flux, 2 * error, np.zeros(1))
    assert photometry.stacking_factor(stack, single) == pytest.approx(2.0)
    assert photometry.stacking_factor(1.63, 1.0) ** 2 == pytest.approx(2.66, abs=0.01)
