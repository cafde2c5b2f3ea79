"""Calibrated errors against closed forms: Gaussian quantiles, conformal ranks, sums of correlated errors."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import uniform_filter
from scipy.stats import norm

from astrounet_core import uncertainty
from astrounet_core.baselines import unchanged
from astrounet_core.field_table import fields
from astrounet_core.photometry import aperture_flux
from astrounet_core.uncertainty import DIAMETERS, LEVELS, ErrorModel

SIGMAS = norm.ppf((1 + np.array(LEVELS)) / 2)


@pytest.fixture(scope="module")
def blank_fields():
    """Two fields of white noise."""
    empty = next(each for each in fields("test") if each.kind == "blank_field")
    return [replace(empty, seed=seed, drizzle_correlation=0.0) for seed in (11, 12)]


def flat(scatter: float = 1.0, factors=SIGMAS, inflation: float = 1.0) -> ErrorModel:
    """The same error everywhere, in units of the input's noise."""
    strata, apertures = len(uncertainty.STRATA_EDGES) + 1, len(uncertainty.APERTURE_EDGES) + 1
    widened = np.broadcast_to(inflation * np.asarray(factors), (len(DIAMETERS), apertures, len(LEVELS)))
    return ErrorModel(np.full(uncertainty.SHAPE, scatter), np.tile(factors, (strata, 1)), widened)


def noise_image(seed: int = 0, size: int = 128) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.02, (size, size)).astype(np.float32)


@settings(deadline=None, max_examples=50)
@given(count=st.integers(1, 400), level=st.sampled_from(LEVELS), seed=st.integers(0, 1000))
def test_a_conformal_quantile_leaves_as_many_above_as_it_may(count, level, seed):
    scores = np.random.default_rng(seed).permutation(np.arange(1.0, count + 1))  # each score is its rank
    found = uncertainty.conformal_quantile(scores, level)
    if found == math.inf:
        assert count < (count + 1) * level
    else:
        assert found - 1 < (count + 1) * level <= found


def test_conformal_quantiles_cover_new_scores_as_promised():
    draws = np.random.default_rng(0).exponential(size=(4000, 20))
    covered = [new <= uncertainty.conformal_quantile(scores, 0.8) for new, *scores in draws]
    expected = math.ceil(20 * 0.8) / 20
    assert np.mean(covered) == pytest.approx(expected, abs=4 * (expected * (1 - expected) / 4000) ** 0.5)


def test_white_noise_left_as_it_is_has_its_own_error(blank_fields):
    model = uncertainty.calibrate(unchanged, blank_fields, noise_seeds=3)
    white = model.scatter[2, 0]  # no light, and the heights that noise has
    assert white[3:5] == pytest.approx(1.0, abs=0.08)
    assert model.factors[0] == pytest.approx(SIGMAS, rel=0.03)


def _correlated_sums(side: int, diameter: float) -> float:
    """Scatter of aperture sums over their quadrature sum, for white noise averaged over boxes of ``side`` pixels:
    sum w_i w_j rho(i - j) / sum w_i, rho(x, y) = (1 - |x| / side)(1 - |y| / side)."""
    size = 41
    weight = np.array([aperture_flux(np.eye(1, size**2, k).reshape(size, size), [20.0], [20.0], diameter)[0]
                       for k in range(size**2)])  # fmt: skip
    used = weight > 0
    y, x = (np.flatnonzero(used) // size, np.flatnonzero(used) % size)
    rho = [(1 - abs(each[:, None] - each) / side).clip(0) for each in (x, y)]
    return math.sqrt(weight[used] @ (rho[0] * rho[1]) @ weight[used] / weight.sum())


@pytest.mark.parametrize("side", [1, 3])
def test_sums_of_white_and_of_smoothed_errors_are_inflated_as_they_must(blank_fields, side):
    model = uncertainty.calibrate(lambda image, t, r: uniform_filter(image, side), blank_fields, noise_seeds=6)
    one_sigma = model.inflation[:, 0, LEVELS.index(uncertainty.ONE_SIGMA)]
    expected = [_correlated_sums(side, diameter) for diameter in DIAMETERS]
    assert one_sigma == pytest.approx(expected, rel=0.08)
    if side == 1:
        assert np.all(np.array(expected) < 1.001) and expected[-1] > 0.95  # only the pixels on the rim count in part


def test_half_widths_are_scatter_times_factor_times_noise():
    image = noise_image()
    visible = uncertainty.look(image, image, 500.0)
    expected = 0.5 * SIGMAS[9] * visible.noise
    assert flat(0.5).half_width(visible, uncertainty.TWO_SIGMA) == pytest.approx(expected)
    assert np.median(visible.noise) == pytest.approx(0.02, rel=0.1)


def test_aperture_errors_are_inflated_quadrature_sums():
    image = noise_image()
    visible, x = uncertainty.look(image, image, 500.0), np.array([40.0, 80.0])
    found = flat(inflation=3.0).aperture_errors(visible, x, x, 8.0)
    expected = 3 * np.sqrt(aperture_flux(flat().half_width(visible) ** 2, x, x, 8.0))
    assert found == pytest.approx(expected, rel=1e-4)
    with pytest.raises(ValueError, match="choose 3 to 16"):
        flat().aperture_errors(visible, x, x, 20.0)


def test_cells_without_a_sample_take_the_nearest_of_their_grain():
    visible = uncertainty.look(noise_image(), noise_image(), 500.0)
    table = uncertainty.fit_scatter([(visible, np.full((128, 128), 0.02))])
    assert table.shape == uncertainty.SHAPE and np.isfinite(table).all()
    assert np.median(table) == pytest.approx(1.0, rel=0.1)


def test_stars_light_up_their_surroundings_and_drizzled_noise_has_grain():
    image = noise_image()
    assert uncertainty.look(image, image, 500.0).grain == pytest.approx(1.0, abs=0.03)
    assert uncertainty.look(image, uniform_filter(image, 2), 500.0).grain < 0.75
    output = np.zeros_like(image)
    output[64, 64] = 2.0
    visible = uncertainty.look(output, image, 500.0)
    assert visible.height[64, 67] > 50 and abs(visible.height[64, 68]) < 1
    assert visible.signal[64, 65] == pytest.approx(visible.height[64, 65] / 9, rel=0.01)


@settings(deadline=None, max_examples=20)
@given(holes=st.lists(st.tuples(st.integers(0, 63), st.integers(0, 63)), max_size=8))
def test_an_error_map_has_no_value_where_the_output_has_none(holes):
    image = noise_image(size=64)
    for hole in holes:
        image[hole] = np.nan
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uncertainty, "load", lambda name: flat())
        found = uncertainty.error_map(0.5 * image, image, 500.0)
    assert np.array_equal(np.isnan(found), np.isnan(image))
    assert (found[np.isfinite(found)] > 0).all()


def test_what_does_not_fit_is_refused(blank_fields):
    image = noise_image()
    with pytest.raises(ValueError, match="give the image it was made from"):
        uncertainty.look(image[1:], image, 500.0)
    with pytest.raises(ValueError, match="too few finite pixels"):
        uncertainty.look(image, np.full_like(image, np.nan), 500.0)
    with pytest.raises(ValueError, match=r"no interval of 0\.5001"):
        flat().half_width(uncertainty.look(image, image, 500.0), 0.5001)
    with pytest.raises(ValueError, match="choose two or more"):
        uncertainty.calibrate(unchanged, blank_fields[:1])
    with pytest.raises(ValueError, match="no errors are calibrated for 'nobody'"):
        uncertainty.load("nobody")


def test_the_record_holds_the_errors_of_todays_networks():
    for name in ("unchanged", "modern"):
        model = uncertainty.load(name)
        assert model.scatter.shape == uncertainty.SHAPE and (model.scatter > 0).all()
        assert (np.diff(model.factors) > 0).all() and (np.diff(model.inflation) > 0).all()
    sky = [uncertainty.load(name).scatter[2, 0, 3] for name in ("unchanged", "modern")]
    assert sky[1] < 0.5 * sky[0]
