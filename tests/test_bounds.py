"""The joint bound against closed forms, photutils' errors and the scatter of maximum-likelihood fits."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from astrounet_core import bounds, photometry
from astrounet_core.psf import hst_psf
from astrounet_core.psf_photometry import psf_model, psf_photometry

SIZE = 11


@pytest.fixture(scope="module")
def model():
    return psf_model()


def star(model, flux, dx=0.0, dy=0.0, size=SIZE):
    """Gradient (1, 4, S, S) and expected stamp (1, S, S) of one star."""
    gradient = bounds.gradients(model, np.array([flux]), np.array([dx]), np.array([dy]), size)
    return gradient, flux * gradient[:, 0]


@settings(deadline=None, max_examples=25)
@given(flux=st.floats(1.0, 1e5), dx=st.floats(-0.5, 0.5), dy=st.floats(-0.5, 0.5), sky=st.floats(1.0, 1e3))
def test_flux_alone_and_with_the_background_are_the_closed_forms(model, flux, dx, dy, sky):
    gradient, mean = star(model, flux, dx, dy)
    for free, background in ((("flux",), False), (("flux", "background"), True)):
        expected = photometry.cramer_rao_sigma(gradient[0, 0], mean[0] + sky, background)
        assert bounds.cramer_rao(gradient, mean + sky, free)[0, 0] == pytest.approx(expected, rel=1e-6)


def test_faint_and_bright_limits(model):
    """King (1983): sigma^2 = V / sum P^2 on the sky; photons alone: sigma^2 = F / sum P, the stamp's share of light."""
    gradient, mean = star(model, 1e-3)
    psf = gradient[0, 0]
    faint = bounds.cramer_rao(gradient, mean + 4.0, ("flux",))[0, 0]
    assert faint**2 == pytest.approx(4.0 / np.sum(psf**2), rel=1e-3)
    gradient, mean = star(model, 1e6)
    assert bounds.cramer_rao(gradient, mean, ("flux",))[0, 0] ** 2 == pytest.approx(1e6 / psf.sum(), rel=1e-3)


def test_the_place_of_a_centred_star_costs_its_flux_nothing(model):
    gradient, mean = star(model, 500.0)
    alone, joint = (bounds.cramer_rao(gradient, mean + 30, free)[0] for free in (("flux",), ("flux", "x", "y")))
    assert joint[0] == pytest.approx(alone[0], rel=1e-4)
    assert joint[1] == pytest.approx(np.sum(gradient[0, 1] ** 2 / (mean + 30)) ** -0.5, rel=1e-4)
    assert joint[1] == pytest.approx(joint[2], rel=1e-3)


def test_every_parameter_more_costs_something(model):
    gradient, mean = star(model, 500.0, 0.3, -0.2)
    errors = [bounds.cramer_rao(gradient, mean + 30, bounds.PARAMETERS[:n])[0, 0] for n in (1, 2, 3, 4)]
    assert all(later >= earlier for earlier, later in pairwise(errors))
    assert errors[3] > 1.01 * errors[0]


def test_derivatives_are_those_of_the_psf_in_fourier_space(model):
    """hst_psf is exact anywhere in a pixel: moved by 0.01 pixels either way."""
    gradient, _ = star(model, 1.0, 0.2, 0.1)
    there, back = (hst_psf(size=255, offset=(0.2 + h, 0.1)).double().numpy() for h in (0.01, -0.01))
    middle = slice(127 - SIZE // 2, 128 + SIZE // 2)
    expected = ((there - back) / 0.02)[middle, middle]
    assert np.abs(gradient[0, 1] - expected).max() < 0.02 * np.abs(expected).max()


@pytest.mark.parametrize("flux", [300.0, 5000.0])
def test_maximum_likelihood_fits_scatter_by_the_bound(model, flux):
    """Poisson photons and read noise of 3 e-, all four parameters free: within 6 %, 1000 draws (each to 2.2 %).

    V is renewed from the fit, which makes it the maximum of the likelihood of d + 9 ~ Poisson(m + 9).
    """
    draws, rng, sky, read = 1000, np.random.default_rng(1), 30.0, 9.0
    gradient, mean = star(model, flux, 0.21, -0.33)
    expected = np.repeat(mean + sky, draws, axis=0)
    data = rng.poisson(expected) + rng.normal(0, read**0.5, expected.shape)
    start = np.tile([flux, 0.0, 0.0, sky], (draws, 1))
    variance = np.full(data.shape, sky + read + flux * 0.02)
    for _ in range(3):
        start = bounds.fit(data, variance, model, start, steps=2)
        shape = bounds.star_stamps(model, *start[:, 1:3].T, SIZE)
        variance = np.maximum(start[:, 0, None, None] * shape + start[:, 3, None, None] + read, read)
    bound = bounds.cramer_rao(gradient, mean + sky + read)[0]
    truth = np.array([flux, 0.21, -0.33, sky])
    scatter = start.std(axis=0)
    assert scatter == pytest.approx(bound, rel=0.06)
    assert (np.abs(start.mean(axis=0) - truth) < 4 * bound / draws**0.5 + 0.06 * bound).all()


def test_the_fit_is_where_scipy_finds_the_least_chi_square(model):
    rng = np.random.default_rng(2)
    _, mean = star(model, 800.0, 0.1, 0.2)
    variance = mean + 30.0
    data = mean + rng.normal(size=mean.shape) * variance**0.5

    def chi_square(p):
        return np.sum((data - p[0] * bounds.star_stamps(model, p[1:2], p[2:3], SIZE) - p[3]) ** 2 / variance)

    ours = bounds.fit(data, variance, model, np.array([[700.0, 0.0, 0.0, 0.0]]), steps=20)[0]
    theirs = minimize(chi_square, [790.0, 0.1, 0.2, 0.1], method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-8})
    assert np.abs(ours - theirs.x) == pytest.approx(0, abs=5e-3 * 40)
    assert chi_square(ours) <= theirs.fun + 1e-4


def test_photutils_finds_the_same_places(model):
    rng = np.random.default_rng(3)
    _, mean = star(model, 800.0, 0.1, 0.2, 31)
    data = mean + rng.normal(size=mean.shape) * (mean + 30) ** 0.5
    inner = slice(10, 21)
    ours = bounds.fit(
        data[:, inner, inner],
        (mean + 30)[:, inner, inner],
        model,
        np.array([[800.0, 0, 0, 0]]),
        ("flux", "x", "y"),
    )[0]
    theirs = psf_photometry(data[0], mean[0] + 30, model, np.array([15.0]), np.array([15.0]))
    assert ours[:3] == pytest.approx([theirs["flux"][0], theirs["x"][0] - 15, theirs["y"][0] - 15], rel=1e-2, abs=2e-3)


def test_what_is_not_free_stays(model):
    _, mean = star(model, 100.0, 0.2, 0.2)
    found = bounds.fit(mean, 1.0, model, np.array([[50.0, 0.2, 0.2, 0.0]]), ("flux",))
    assert found[0] == pytest.approx([100.0, 0.2, 0.2, 0.0], rel=1e-6)


@pytest.mark.parametrize("free", [("colour",), ()])
def test_other_parameters_are_refused(model, free):
    gradient, mean = star(model, 100.0)
    with pytest.raises(ValueError, match="choose from flux, x, y, background"):
        bounds.cramer_rao(gradient, mean + 1, free)
