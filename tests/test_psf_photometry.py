"""PSF fits with photutils against injected truth, our own forced fit and the Cramér-Rao bound."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from astropy.table import Table
from photutils.datasets import make_model_image
from scipy.ndimage import gaussian_filter

from astrounet_core import photometry, psf_photometry
from astrounet_core.instrument import F606W
from astrounet_core.psf import encircled_energy, hst_psf
from astrounet_core.psf_photometry import psf_model, stamps

KEYS = {"x", "y", "flux", "flux_error", "background", "flag"}


@pytest.fixture(scope="module")
def model():
    return psf_model()


def drawn(model, x, y, flux, size: int = 96) -> np.ndarray:
    """Stars alone, each on a stamp of 31 pixels."""
    return make_model_image(
        (size, size), model, Table({"flux": flux, "x_0": x, "y_0": y}), model_shape=(31, 31), progress_bar=False
    )


def exact(x: float, y: float, size: int) -> np.ndarray:
    """The PSF at its sub-pixel offset straight from Fourier space, in the middle of 255 pixels."""
    offset = (x - round(x), y - round(y))
    reach, middle = size // 2, 127
    return hst_psf(size=255, offset=offset).numpy()[
        middle - reach : middle + reach + 1, middle - reach : middle + reach + 1
    ]


@pytest.mark.parametrize(("x", "y"), [(10.0, 10.0), (10.3, 11.8), (9.55, 10.45), (10.125, 9.75)])
def test_the_model_is_the_psf_wherever_in_a_pixel_the_star_stands(model, x, y):
    ours, expected = stamps(model, np.array([x]), np.array([y]))[0], exact(x, y, 31)
    assert np.abs(ours - expected).max() < 1e-3 * expected.max()
    assert ours.sum() == pytest.approx(expected.sum(), rel=1e-4)


def test_a_fit_recovers_injected_stars_without_noise(model):
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid([20, 48, 76], [20, 48, 76]), -1).reshape(-1, 2)
    (x, y), flux = (grid + rng.uniform(-0.5, 0.5, grid.shape)).T, np.geomspace(1.0, 1000.0, 9)
    image = drawn(model, x, y, flux)
    found = psf_photometry.psf_photometry(image, 1.0, model, np.rint(x), np.rint(y))
    assert set(found) == KEYS and not found["flag"].any()
    assert found["flux"] == pytest.approx(flux, rel=1e-4)
    assert np.hypot(found["x"] - x, found["y"] - y).max() < 1e-3


def test_forced_fits_agree_with_our_own_least_squares(model):
    """Two programs, one with its PSF from Fourier space star by star: equal to 0.2 % of the flux + 0.1 sigma."""
    rng = np.random.default_rng(1)
    x, y, flux = np.array([20.3, 50.0, 70.6]), np.array([25.4, 60.2, 30.5]), np.array([20.0, 60.0, 400.0])
    image = drawn(model, x, y, flux)
    variance = 1.0 + image
    image = image + rng.normal(size=image.shape) * np.sqrt(variance)
    found = psf_photometry.psf_photometry(image, variance, model, x, y, forced=True, fit_size=31)
    psf = np.stack([exact(*place, 31) for place in zip(x, y, strict=True)])
    ours, error = photometry.psf_flux(image, x, y, psf, variance)
    assert (found["x"] == x).all() and (found["y"] == y).all()
    assert (np.abs(found["flux"] - ours) < 2e-3 * flux + 0.1 * error).all()
    assert found["flux_error"] == pytest.approx(error, rel=5e-3)


@pytest.mark.parametrize("forced", [True, False])
@pytest.mark.parametrize("flux", [40.0, 2000.0])
def test_the_scatter_over_noise_draws_is_the_cramer_rao_bound(model, forced, flux):
    """The place may be fitted, too: it costs next to nothing, since the PSF is symmetric."""
    draws, rng = 100, np.random.default_rng(2)
    grid = np.stack(np.meshgrid(np.arange(10, 210, 20), np.arange(10, 210, 20)), -1).reshape(-1, 2).astype(float)
    clean = drawn(model, *grid.T, np.full(draws, flux), size=210)
    variance = 4.0 + clean
    image = clean + rng.normal(size=clean.shape) * np.sqrt(variance)
    found = psf_photometry.psf_photometry(image, variance, model, *grid.T, forced=forced)
    psf = exact(10, 10, 11)
    bound = photometry.cramer_rao_sigma(psf, 4.0 + flux * psf)
    assert np.median(found["flux_error"]) == pytest.approx(bound, rel=0.02)
    assert np.mean(found["flux"]) == pytest.approx(flux, abs=4 * bound / math.sqrt(draws))
    assert np.std(found["flux"]) == pytest.approx(bound, rel=3 / math.sqrt(2 * draws))


def test_blends_need_to_be_fitted_together(model):
    """Alone, a star of white noise takes F' sum(P P') / sum(P^2) of its neighbour's flux F'."""
    x, y, flux = np.array([48.0, 51.0]), np.array([48.0, 49.0]), np.array([100.0, 400.0])
    image = drawn(model, x, y, flux)
    joint = psf_photometry.psf_photometry(image, 1.0, model, x, y, forced=True)
    alone = psf_photometry.psf_photometry(image, 1.0, model, x, y, forced=True, separation=1.0)
    assert joint["flux"] == pytest.approx(flux, rel=1e-3)
    one, other = (drawn(model, [a], [b], [1.0])[43:54, 43:54] for a, b in zip(x, y, strict=True))
    assert alone["flux"][0] == pytest.approx(100 + 400 * (one * other).sum() / (one**2).sum(), rel=1e-3)


def test_a_local_background_is_taken_off(model):
    image = 7.0 + drawn(model, [48.2], [47.7], [100.0])
    fixed = psf_photometry.psf_photometry(image, 1.0, model, [48.0], [48.0], background=True)
    assert fixed["background"] == pytest.approx([7.0], abs=0.05)
    assert fixed["flux"] == pytest.approx([100.0], rel=0.01)


def test_without_places_the_peaks_of_the_matched_filter_are_fitted(model):
    rng = np.random.default_rng(3)
    x, y, flux = np.array([20.3, 50.0, 70.6]), np.array([25.4, 60.2, 30.5]), np.array([40.0, 60.0, 50.0])
    image = drawn(model, x, y, flux) + rng.normal(size=(96, 96))
    found = psf_photometry.psf_photometry(image, 1.0, model)
    i, j = photometry.match(found["x"], found["y"], x, y, 0.5)
    assert len(found["x"]) == len(i) == 3
    assert (np.abs(found["flux"][i] - flux[j]) < 4 * found["flux_error"][i]).all()


def test_nothing_is_found_where_nothing_is(model):
    image = np.random.default_rng(5).normal(size=(64, 64))
    found = psf_photometry.psf_photometry(image, 1.0, model, threshold=6.0)
    assert set(found) == KEYS and all(len(column) == 0 for column in found.values())


def test_pixels_that_are_not_finite_carry_no_weight(model):
    image = drawn(model, [48.0], [48.0], [100.0])
    image[48, 49] = np.nan
    variance = np.ones_like(image)
    variance[47, 48] = np.nan
    image[47, 48] = 1e6
    found = psf_photometry.psf_photometry(image, variance, model, [48.0], [48.0], forced=True)
    assert found["flux"] == pytest.approx([100.0], rel=1e-3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"variance": 0.0}, "variance must be positive"),
        ({"variance": np.ones((3, 3))}, "variance must be positive"),
        ({"x": [3.0]}, "come in pairs"),
        ({"x": [3.0], "y": [3.0, 4.0]}, "come in pairs"),
        ({"fit_size": 10}, "odd number"),
    ],
)
def test_impossible_requests_are_refused(model, change, words):
    with pytest.raises(ValueError, match=words):
        psf_photometry.psf_photometry(**({"image": np.zeros((64, 64)), "variance": 1.0, "model": model} | change))


@pytest.fixture(scope="module")
def shot(model) -> SimpleNamespace:
    """What `measured_fluxes` reads of an exposure: 16 stars to measure and a bright neighbour."""
    rng = np.random.default_rng(4)
    grid = np.stack(np.meshgrid(np.arange(24, 120, 24.0), np.arange(24, 120, 24.0)), -1).reshape(-1, 2)
    (x, y), flux = (grid + rng.uniform(-0.5, 0.5, grid.shape)).T, np.geomspace(2.0, 200.0, 16)
    clean = drawn(model, [*x, 60.0], [*y, 60.0], [*flux, 500.0], size=128)
    variance = 1e-3 * (1 + clean)
    noisy = clean + rng.normal(size=clean.shape) * np.sqrt(variance)
    psf = exact(0, 0, 31)
    bound = np.array([photometry.cramer_rao_sigma(psf, 1e-3 * (1 + f * psf)) for f in flux])
    scene = SimpleNamespace(image=torch.from_numpy(clean))
    about = SimpleNamespace(band=F606W.name)
    stars = np.stack([flux, bound, x, y])
    return SimpleNamespace(
        field=about, scene=scene, stars=stars, noisy=noisy, variance=variance, exposure_time=1000.0, sky=0.1
    )


def test_every_method_measures_the_same_stars_free_of_their_neighbours(shot):
    found = psf_photometry.measured_fluxes(shot, shot.scene.image.numpy())
    assert len(found) == 5
    for stars in found.values():
        assert stars.shape == (3, 16) and (stars[0] == shot.stars[0]).all()
        assert np.abs(stars[2] / stars[0]).max() < 0.01


def test_fits_of_noisy_stars_stay_near_the_bound_and_near_each_other(shot):
    found = psf_photometry.measured_fluxes(shot, shot.noisy)
    ours, theirs = (found[name][2] / shot.stars[1] for name in ("forced PSF fit", "photutils, place known"))
    assert np.abs(ours - theirs).max() < 1.0
    assert 0.5 < np.std(ours) < 1.6


def test_fluxerr_of_an_exposure_is_honest_and_that_of_smoothed_noise_is_not(shot):
    """E^2 = A sigma^2 + F in electrons; smoothing lowers sigma and leaves the true error of an aperture as it was."""
    clean, noise = shot.scene.image.numpy(), shot.noisy - shot.scene.image.numpy()
    honest = psf_photometry.stated_errors(shot, shot.noisy)
    told = psf_photometry.stated_errors(shot, clean + gaussian_filter(noise, 1.0))
    share = encircled_energy(hst_psf(size=255), 5.0)
    expected = np.sqrt(math.pi * 25 * 1000.0 + share * honest[0]) / share  # sigma^2: 1e-3 (e-/s)^2 in 1000 s
    assert honest[1] == pytest.approx(expected, rel=0.1)
    both, i, j = np.intersect1d(honest[0], told[0], return_indices=True)
    assert len(both) >= 8 and np.median(told[1][j]) < 0.8 * np.median(honest[1][i])
    assert np.std((told[2] / told[1])[j]) > 1.2 * np.std((honest[2] / honest[1])[i])
