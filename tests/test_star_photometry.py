"""Forced photometry of known stars: unbiased and at the bound where nothing was done, and wrong by what was done."""

from dataclasses import replace

import numpy as np
import pytest
from photutils.aperture import CircularAperture

from astrounet_core import known_stars, star_photometry
from astrounet_core.fluxes import APERTURE
from astrounet_core.psf import encircled_energy, hst_psf

MAGNITUDES = (20.0, 23.0, 26.0, 28.0)
METHODS = {
    "unchanged": lambda image, time, ratio: image,
    "dimmed": lambda image, time, ratio: 0.9 * image,
    "nothing": lambda image, time, ratio: 0 * image,
}


@pytest.fixture(scope="module")
def skies():
    return list(known_stars.isolated(1, 5, magnitudes=MAGNITUDES, size=320))


@pytest.fixture(scope="module")
def rows(skies):
    return known_stars.score(METHODS, skies, star_photometry, magnitudes=MAGNITUDES)


def value(rows, method, quantity, magnitude=None):
    """The mean over the bins of the magnitudes, weighted by their stars, of one quantity."""
    found = [r for r in rows if (r["method"], r["quantity"], r["magnitude"]) == (method, quantity, magnitude)]
    return sum(r["value"] * r["n"] for r in found) / sum(r["n"] for r in found)


def test_the_input_itself_is_unbiased_at_every_magnitude(skies, rows):
    stars = sum(len(each.flux) for each in skies) / len(MAGNITUDES)
    for magnitude in MAGNITUDES:
        for kind in ("psf", "aperture"):
            pull = value(rows, "unchanged", f"bias_{kind}_sigma", magnitude)
            scatter = value(rows, "unchanged", f"scatter_{kind}", magnitude)
            assert abs(pull) < 3.5 * 1.2533 * scatter / stars**0.5


def test_the_psf_fit_of_the_input_reaches_the_bound(skies):
    parts = [star_photometry.collect(known_stars.Seen(each, each.noisy)) for each in skies]
    pull = np.concatenate([part["psf"] / part["bound"] for part in parts])
    assert 1 / np.mean(pull**2) == pytest.approx(1.0, abs=4 * (2 / len(pull)) ** 0.5)
    assert 0.9 < 1 / np.mean(pull**2) < 1.1


def test_the_aperture_scatters_by_its_closed_form(skies):
    """sigma^2 = sum of V in the aperture / f^2, here on the noise of an empty sky and of the star's own light."""
    share = encircled_energy(hst_psf(size=255), APERTURE / 2)
    pulls = []
    for known in skies:
        places = 15 + known.place.T
        masks = [each.to_image((31, 31)) for each in CircularAperture(places, APERTURE / 2).to_mask(method="exact")]
        expected = np.sqrt((np.stack(masks) ** 2 / known.weight).sum((1, 2))) / share
        pulls.append(star_photometry.aperture_errors(known_stars.Seen(known, known.noisy)) / expected)
    pull = np.concatenate(pulls)
    assert pull.std() == pytest.approx(1.0, abs=3 / (2 * len(pull)) ** 0.5)


def test_a_tenth_less_light_is_a_bias_of_ten_per_cent(rows):
    for quantity in ("bias_psf", "bias_aperture"):
        assert value(rows, "dimmed", quantity, 20.0) == pytest.approx(-10.0, abs=0.3)
        assert value(rows, "dimmed", quantity) == pytest.approx(-10.0, abs=0.5)
    assert value(rows, "dimmed", "linearity") == pytest.approx(0.9, abs=2e-3)
    assert value(rows, "unchanged", "linearity") == pytest.approx(1.0, abs=2e-3)


def test_taking_everything_for_noise_is_no_efficiency_but_no_scatter_either():
    """Shrinkage to 0: an error of F at every star, so an efficiency of 1 / SNR^2, and a scatter of 0."""
    sky = list(known_stars.isolated(1, 1, magnitudes=(27.0,), size=192))
    rows = known_stars.score(METHODS, sky, star_photometry, magnitudes=(27.0,))
    snr = value(rows, "unchanged", "snr", 27.0)
    assert value(rows, "nothing", "efficiency", 27.0) == pytest.approx(snr**-2, rel=0.02)
    assert value(rows, "nothing", "bias_psf", 27.0) == pytest.approx(-100, rel=0.01)
    assert value(rows, "nothing", "scatter_psf", 27.0) < 0.1


def test_densities_count_comparable_neighbours():
    known = next(known_stars.isolated(1, 1, size=96))
    crowd = np.array([[40.0, 42.0, 44.0, 90.0], [40.0, 40.0, 40.0, 40.0], [1.0, 0.5, 0.05, 1.0]])
    known = replace(known, sources=crowd, x=crowd[0, :1], y=crowd[1, :1], flux=crowd[2, :1])
    assert star_photometry.neighbour_density(known) == pytest.approx([1 / np.pi])


def test_stars_of_fields_are_counted_by_their_neighbours_too():
    rng = np.random.default_rng(0)
    part = {
        "magnitude": np.full(60, 22.0),
        "flux": np.full(60, 100.0),
        "bound": np.ones(60),
        "psf": np.where(np.arange(60) < 30, 0.0, -5.0) + 1e-3 * rng.normal(size=60),
        "aperture": np.zeros(60),
        "density": np.where(np.arange(60) < 30, 1.0, 20.0),
        "group": np.arange(60) % 6,
    }
    about = {"method": "m", "fields": "crowded field", "protocol": "independent", "exposure_ratio": 2.0}
    found = {row["quantity"]: row["value"] for row in star_photometry.rows(about, [part], (22.0,))}
    assert found["bias_psf at 0-2 neighbours per arcsec2"] == pytest.approx(0.0, abs=0.01)
    assert found["bias_psf at 10-inf neighbours per arcsec2"] == pytest.approx(-5.0, abs=0.01)
