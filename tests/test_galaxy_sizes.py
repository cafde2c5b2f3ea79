"""Half-light radii against closed forms, and what blurs and losses do to them."""

import numpy as np
import pytest
from astropy.modeling.models import Sersic2D
from hypothesis import given, settings
from hypothesis import strategies as st
from photutils.aperture import CircularAperture
from scipy.ndimage import gaussian_filter
from scipy.optimize import brentq
from scipy.signal import fftconvolve

from astrounet_core import galaxy_sizes
from astrounet_core.galaxy_sizes import RADII, REACH
from astrounet_core.psf import hst_psf

MAGNITUDES = (20.0, 22.0)


@pytest.fixture(scope="module")
def skies():
    return list(galaxy_sizes.galaxies(1, 2, 1.0, magnitudes=MAGNITUDES, size=256))


def scored(skies, make):
    outputs = iter([make(sky) for sky in skies])
    rows = galaxy_sizes.score({"m": lambda *_: next(outputs)}, skies, MAGNITUDES)
    return {(row["quantity"], row["magnitude"]): row["value"] for row in rows}


@settings(deadline=None)
@given(scale=st.floats(1.5, 6.0), light=st.floats(0.1, 1e4))
def test_an_exponential_disc_has_half_its_light_where_the_closed_form_says(scale, light):
    """Light within R of scale h: 1 - (1 + R / h) exp(-R / h), here out of what lies within `REACH`."""

    def within(radius):
        return light * (1 - (1 + radius / scale) * np.exp(-radius / scale))

    expected = brentq(lambda radius: within(radius) - within(REACH) / 2, 0.01, REACH)
    assert galaxy_sizes.half_light_radius(within(RADII)) == pytest.approx(expected, rel=0.01)


def test_light_in_the_first_pixel_grows_as_the_area():
    assert galaxy_sizes.half_light_radius(np.full(len(RADII), 4.0)) == pytest.approx(RADII[0] / 2**0.5)
    assert np.isnan(galaxy_sizes.half_light_radius(np.zeros(len(RADII))))


def test_noise_free_galaxies_have_the_radius_of_astropy_s_sersic_profile(skies):
    """Second implementation: Sersic2D, convolved with the PSF, measured with photutils' apertures."""
    y, x = np.mgrid[-60:61, -60:61]
    disc = Sersic2D(1.0, galaxy_sizes.RADIUS, 1.0, ellip=1 - galaxy_sizes.AXIS_RATIO)(x, y)
    image = fftconvolve(disc, hst_psf(size=121).numpy(), mode="same")
    curve = [CircularAperture((60, 60), radius).do_photometry(image)[0][0] for radius in RADII]
    found = scored(skies, lambda sky: sky.scene)
    for magnitude in MAGNITUDES:
        assert found["half_light_radius_ratio", magnitude] == 1.0 and found["bias_galaxy", magnitude] == 0.0
        assert found["half_light_radius", magnitude] == pytest.approx(np.interp(curve[-1] / 2, curve, RADII), rel=0.02)


def test_the_input_is_unbiased(skies):
    found = scored(skies, lambda sky: sky.noisy)
    assert found["half_light_radius_ratio", 20.0] == pytest.approx(1.0, abs=0.02)
    assert found["bias_galaxy", 20.0] == pytest.approx(0.0, abs=1.0)


def test_less_light_is_a_bias_and_no_change_of_size(skies):
    found = scored(skies, lambda sky: 0.9 * sky.scene)
    assert found["bias_galaxy", 22.0] == pytest.approx(-10.0, abs=1e-3)
    assert found["half_light_radius_ratio", 22.0] == pytest.approx(1.0, abs=1e-6)


def test_a_blur_makes_galaxies_larger(skies):
    """Second moments add: of a disc <R^2> = 6 h^2 with R_e = 1.678 h; a blur adds 2 sigma^2."""
    found = scored(skies, lambda sky: gaussian_filter(sky.scene, 2.0))
    before = scored(skies, lambda sky: sky.scene)["half_light_radius", 20.0]
    moments = 6 * (before / 1.678) ** 2
    expected = (1 + 2 * 2.0**2 / moments) ** 0.5
    assert 1.02 < found["half_light_radius_ratio", 20.0] == pytest.approx(expected, rel=0.06)


def test_losing_the_faint_outskirts_makes_galaxies_smaller(skies):
    found = scored(skies, lambda sky: np.where(sky.scene > 0.02, sky.scene, 0.0))
    assert found["half_light_radius_ratio", 22.0] < 0.97 and found["bias_galaxy", 22.0] < -3
