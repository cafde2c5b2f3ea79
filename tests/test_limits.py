"""What noise allows, against the noise itself."""

import math

import numpy as np
import pytest
from scipy.ndimage import maximum_filter

from astrounet_core import exposures, limits, photometry
from astrounet_core.bounds import star_stamps
from astrounet_core.exposures import DRIZZLED, STANDARD
from astrounet_core.instrument import F606W
from astrounet_core.psf import hst_psf
from astrounet_core.psf_photometry import psf_model


def test_bounds_in_order_and_against_the_closed_form():
    errors = limits.star_errors([20.0, 24.0, 28.0, 32.0])
    flux, background, everything, small, large = (
        errors[f"error_{name}"] for name in ("flux", "flux_and_background", "all", "aperture_6", "aperture_10")
    )
    assert (flux < background).all() and (background <= everything * (1 + 1e-6)).all()
    assert (flux < small).all() and (small[1:] < large[1:]).all()
    assert errors["error_flux"][-1] == pytest.approx(limits.faint_error(), rel=0.005)
    bright = limits.star_errors([10.0])  # its own photons alone, as far as the stamp holds them
    share = star_stamps(psf_model(F606W), 0.0, 0.0).sum()
    expected = np.sqrt(bright["flux"] / STANDARD.exposure_time / share)
    assert bright["error_flux"] == pytest.approx(expected, rel=0.01)


def test_faint_error_is_the_matched_filters_scatter():
    stamp = star_stamps(psf_model(F606W), 0.0, 0.0)[0]
    blank = exposures.blank(STANDARD, seed=11)
    level = limits.empty_variance(STANDARD)
    filtered = photometry.matched_filter(blank, stamp, level)[32:-32, 32:-32]
    assert filtered.std() == pytest.approx(1.0, rel=0.02)
    assert photometry.cramer_rao_sigma(stamp, level) == pytest.approx(limits.faint_error(), rel=1e-6)


def test_drizzling_does_not_change_the_bound():
    assert limits.faint_error(DRIZZLED) == pytest.approx(limits.faint_error(STANDARD))


def test_twice_the_exposure_is_deeper():
    """Half the variance: sqrt 2 in flux, 0.376 mag."""
    deeper, once = (limits.magnitude_found(0.9, 5.0, each) for each in (limits.longer(STANDARD, 2), STANDARD))
    assert deeper - once == pytest.approx(1.25 * math.log10(2), abs=1e-6)


def test_alarms_of_filtered_noise():
    """Peaks on whole pixels above 3.2 sigma: the formula, for a field known everywhere, counts at most a third more."""
    stamp = hst_psf(F606W, size=31).numpy()
    counted, area = 0, 0.0
    for seed in range(4):
        blank = exposures.blank(STANDARD, seed=20 + seed)
        filtered = photometry.matched_filter(blank, stamp, limits.empty_variance(STANDARD))[32:-32, 32:-32]
        counted += int(((filtered == maximum_filter(filtered, 3)) & (filtered > 3.2)).sum())
        area += exposures.arcmin2(filtered)
    expected = limits.alarm_density(3.2)
    assert 0.6 * expected < counted / area < 1.05 * expected and counted > 150


def test_threshold_is_the_inverse_of_the_density():
    assert limits.alarm_density(limits.threshold_at(1.0)) == pytest.approx(1.0, rel=1e-6)
    assert limits.threshold_at(1.0) > limits.threshold_at(10.0)


def test_completeness_is_a_half_at_the_threshold():
    assert limits.completeness([5.0, 5.0 + 1.2816], 5.0) == pytest.approx([0.5, 0.9], abs=1e-4)
    found = limits.magnitude_found(0.5, 5.0)
    flux = limits.star_errors([found])["flux"][0]
    assert flux / limits.faint_error() == pytest.approx(5.0, rel=1e-6)


def test_posterior_mean_of_two_values():
    """Prior 1/2, 1/2 on fluxes 0 and 2: E = 2 / (1 + exp(2 - 2 T))."""
    measured = np.array([0.0, 1.0, 3.0])
    found = limits.posterior_mean(measured, np.array([0.5, 0.5]), np.array([0.0, 2.0]))
    assert found == pytest.approx(2 / (1 + np.exp(2 - 2 * measured)))


def test_a_prior_biases_faint_stars_and_spares_bright_ones():
    found = limits.shrinkage([2.0, 50.0], empty=0.9)
    assert found["bias"][0] < -1 and abs(found["bias"][1]) < 0.05
    assert found["efficiency"][1] == pytest.approx(1.0, abs=0.02)
    flat = limits.shrinkage([0.0], empty=0.999)  # where there is nothing, a sceptic hardly errs
    assert flat["efficiency"][0] > 100
    with pytest.raises(ValueError, match="probability"):
        limits.star_prior(1.0)
