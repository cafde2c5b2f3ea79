"""Constants against the headers they come from, and magnitudes against their definition."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from astrounet_core.instrument import (
    DETECTORS,
    F555W,
    F606W,
    FILTERS,
    HST,
    RELEASED,
    WFC3_UVIS,
    magnitude_from_rate,
    rate_from_magnitude,
)


@given(st.floats(-5, 40), st.sampled_from(list(FILTERS.values())))
def test_magnitude_and_rate_are_inverse(magnitude, band):
    rate = rate_from_magnitude(magnitude, band)
    assert magnitude_from_rate(rate, band) == pytest.approx(magnitude, abs=1e-9)
    assert rate_from_magnitude(magnitude + 2.5, band) == pytest.approx(rate / 10)


def test_the_zeropoint_is_the_magnitude_of_one_electron_per_second():
    for band in FILTERS.values():
        assert rate_from_magnitude(band.zeropoint_ab, band) == 1.0
        assert magnitude_from_rate(100.0, band) == pytest.approx(band.zeropoint_ab - 5)


def test_arrays_and_tensors_give_what_scalars_give():
    rates = [0.5, 3.0, 800.0]
    expected = [magnitude_from_rate(rate, F606W) for rate in rates]
    assert np.allclose(magnitude_from_rate(np.array(rates), F606W), expected)
    assert np.allclose(magnitude_from_rate(torch.tensor(rates), F606W).numpy(), expected, rtol=1e-6)
    assert np.allclose(rate_from_magnitude(torch.tensor(expected), F606W).numpy(), rates, rtol=1e-4)


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_no_light_is_infinitely_faint_and_negative_light_has_no_magnitude(kind):
    faint, negative = magnitude_from_rate(kind([0.0, -1.0]), F606W)
    assert float(faint) == math.inf
    assert math.isnan(float(negative))


def test_f555w_is_what_a_header_says(data_dir):
    header = fits.getheader(data_dir / "wfc3_uvis_f555w_sample_ipppssoot_flc_10x10.fits", 1)
    flux, pivot = header["PHOTFLAM"], header["PHOTPLAM"]  # erg / cm² / Å per electron, Å
    zeropoint = -2.5 * math.log10(flux) - 21.10 - 5 * math.log10(pivot) + 18.692  # Data Handbook 9.1
    assert F555W.zeropoint_ab == pytest.approx(zeropoint, abs=1e-3)
    assert F555W.pivot_nm == pytest.approx(pivot / 10, abs=0.05)
    primary = fits.getheader(data_dir / "wfc3_uvis_f555w_sample_ipppssoot_flc_10x10.fits", 0)
    reads = [primary[f"READNSE{amplifier}"] for amplifier in "ABCD"]
    assert WFC3_UVIS.read_noise == pytest.approx(np.mean(reads), abs=0.05)
    assert WFC3_UVIS.gain == pytest.approx(primary["ATODGNA"])


@pytest.mark.parametrize(("band", "peak"), [(F555W, 0.28), (F606W, 0.29)])
def test_width_and_zeropoint_imply_the_handbook_throughput(band, peak):
    """Rate at AB magnitude m: (area / h) f_ν ∫ T dλ / λ, a rectangle of throughput T giving T · width / pivot."""
    area, planck, f_nu = math.pi * 120**2, 6.62607e-27, 10 ** (-0.4 * (band.zeropoint_ab + 48.6))
    throughput = planck / (area * f_nu) * band.pivot_nm / band.width_nm
    assert throughput == pytest.approx(peak, rel=0.05)


def test_the_released_script_differs_in_two_numbers():
    differing = {
        field.name
        for field in dataclasses.fields(RELEASED)
        if getattr(RELEASED, field.name) != getattr(WFC3_UVIS, field.name)
    }
    assert differing == {"name", "read_noise", "dark_current", "source"}
    assert (RELEASED.read_noise, RELEASED.dark_current * 3600) == (3.0, pytest.approx(7.0))
    assert WFC3_UVIS.dark_current * 3600 == pytest.approx(11.0)


def test_constants_are_frozen_and_have_a_source():
    for record in (HST, *FILTERS.values(), *DETECTORS.values()):
        assert len(record.source) > 20
        assert all(value > 0 for value in dataclasses.astuple(record) if isinstance(value, float))
        with pytest.raises(dataclasses.FrozenInstanceError):
            record.name = "other"
    assert {name: band.name for name, band in FILTERS.items()} == {"F555W": "F555W", "F606W": "F606W"}
