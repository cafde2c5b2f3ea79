"""Perturbations do what they say, and methods of known behaviour score what they must."""

from dataclasses import replace

import numpy as np
import pytest

from astrounet_core import robustness
from astrounet_core.baselines import gaussian_blur, unchanged
from astrounet_core.exposures import STANDARD
from astrounet_core.field_table import fields
from astrounet_core.instrument import WFC3_UVIS
from astrounet_core.known_stars import STAMP
from astrounet_core.photometry import cramer_rao_sigma
from astrounet_core.psf import fwhm, hst_psf
from astrounet_core.robustness import NONE, PERTURBATIONS, Perturbation
from astrounet_core.score_rows import KEYS

CHEAP = ("none", "told r = 10", "10 times brighter", "background +30 sigma", "drizzled", "cosmic rays")


@pytest.fixture(scope="module")
def sky():
    chosen = next(each for each in fields("test") if each.kind == "sparse_field")
    return robustness.skies([chosen], size=288)[0]


@pytest.fixture(scope="module")
def rows(sky):
    methods = {
        "unchanged": unchanged,
        "amplified": lambda image, exposure_time, exposure_ratio: image * np.float32(exposure_ratio / 2),
    }
    return robustness.score(methods, [sky], 1, {name: PERTURBATIONS[name] for name in CHEAP})


def _value(rows, quantity, method="unchanged", magnitude=None):
    wanted = {"quantity": quantity, "method": method, "magnitude": magnitude}
    return next(row["value"] for row in rows if wanted.items() <= row.items())


def test_an_unchanged_image_has_an_error_of_one_whatever_happens(rows):
    assert _value(rows, "robust_nmse:none") == pytest.approx(1.0, abs=0.03)
    assert _value(rows, "robust_nmse:told r = 10") == 1 and _value(rows, "robust_bias:told r = 10") == 0
    for name in ("10 times brighter", "background +30 sigma", "drizzled"):
        assert _value(rows, f"robust_nmse:{name}") == pytest.approx(1.0, abs=0.05)
    assert abs(_value(rows, "robust_bias:background +30 sigma")) < 0.01
    assert _value(rows, "robust_nmse:cosmic rays") > 10 and _value(rows, "robust_peaks:cosmic rays") > 100


def test_a_method_that_believes_what_it_is_told_is_biased_by_it(rows):
    assert _value(rows, "robust_bias:told r = 10", "amplified") == pytest.approx(400, rel=0.1)
    assert abs(_value(rows, "robust_bias:none", "amplified")) < 10


def test_rows_are_the_scorecards(rows):
    assert all(tuple(row) == KEYS for row in rows)
    assert {(row["fields"], row["protocol"], row["exposure_ratio"]) for row in rows} == {
        ("sparse field", "standard", 2)
    }
    assert {row["quantity"].split(":")[1] for row in rows} == set(CHEAP)


def test_same_seed_same_noise_and_the_truth_changes_with_the_image(sky):
    plain, offset = (robustness.perturbed(sky, what, 5) for what in (NONE, Perturbation(offset=-3.0)))
    assert offset.image - plain.image == pytest.approx(-3 * plain.sigma, abs=1e-4)
    assert (offset.image - offset.truth) == pytest.approx(plain.image - plain.truth, abs=1e-4)


def test_brighter_skies_are_as_many_times_brighter_and_wells_hold_no_more_than_they_do(sky):
    plain, bright, full = (
        robustness.perturbed(sky, what, 5)
        for what in (NONE, PERTURBATIONS["10 times brighter"], PERTURBATIONS["saturation"])
    )
    assert bright.truth == pytest.approx(10 * plain.truth, rel=1e-5)
    most = 0.1 * WFC3_UVIS.full_well / STANDARD.exposure_time
    assert bright.image.max() > most > full.image.max() and most > full.truth.max()


def test_stars_have_the_bound_of_their_own_pixels(sky):
    shot = robustness.perturbed(sky, NONE, 0)
    snr = shot.flux / shot.bound
    assert 0.5 < snr.min() < 10 < snr.max() < 800
    star = int(np.argmin(np.hypot(sky.x - np.rint(sky.x), sky.y - np.rint(sky.y))))
    row, column = round(sky.y[star]) - STAMP // 2, round(sky.x[star]) - STAMP // 2
    around = shot.variance[row : row + STAMP, column : column + STAMP]
    middle = slice((255 - STAMP) // 2, (255 + STAMP) // 2)
    psf = hst_psf(robustness.scene_filter(sky.band), size=255).numpy()[middle, middle]
    assert shot.bound[star] == pytest.approx(cramer_rao_sigma(psf, around), rel=0.02)


@pytest.mark.parametrize("wavelength", [0.7, 1.5])
def test_other_wavelengths_make_other_widths_of_the_same_light(sky, wavelength):
    other, own = (robustness.scene_filter(sky.band, each) for each in (wavelength, 1.0))
    assert own is not other and (fwhm(hst_psf(other)) > fwhm(hst_psf(own))) == (wavelength > 1)
    changed, plain = (robustness.perturbed(sky, Perturbation(wavelength=each), 0).truth for each in (wavelength, 1.0))
    assert changed.sum() == pytest.approx(plain.sum(), rel=0.03)


def test_linear_filters_move_with_the_image_and_others_need_not(sky):
    def odd_columns(image, exposure_time, exposure_ratio):
        return image * (1 + np.arange(image.shape[1]) % 2)

    found = robustness.equivariance(
        {"blur": gaussian_blur, "odd": odd_columns}, [sky], shifts=(1, 2, 7), margins=(0, 32)
    )
    for shift in (1, 2, 7):
        assert _value(found, "equivariance", "blur", shift) < 1e-5
    assert _value(found, "equivariance", "odd", 1) > 0.5 and _value(found, "equivariance", "odd", 2) == 0
    assert _value(found, "sub_image", "blur", 32) < 1e-5 < _value(found, "sub_image", "blur", 0)


def test_what_does_not_fit_is_refused(sky):
    with pytest.raises(ValueError, match="all border"):
        robustness.equivariance({}, [replace(sky, size=128)])
    with pytest.raises(ValueError, match="another name"):
        robustness.score({}, [], perturbations={"none": Perturbation(time=3.0)})
