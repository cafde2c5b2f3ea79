"""The Python call: array, tensor and CCDData give the same pixels, each comes back as its own kind."""

import warnings

import astropy.units as u
import numpy as np
import pytest
import torch
from astropy.nddata import CCDData, NDData, StdDevUncertainty
from astropy.wcs import WCS

import astrounet_core
from astrounet_core.frames import denoise_frame, load

TIME = 500.0
IMAGE = np.random.default_rng(3).normal(0.1, 0.01, (70, 90)).astype(np.float32)
IMAGE[30:33, 40:43] += 1.0
EXPECTED = denoise_frame(IMAGE, 2.0, TIME, load("modern")).image


def close(image: np.ndarray, scale: float = 1.0) -> None:
    np.testing.assert_allclose(np.asarray(image) / scale, EXPECTED, atol=2e-5)


def test_an_array_comes_back_as_an_array():
    result = astrounet_core.denoise(IMAGE, exposure_ratio=2, exposure_time=TIME)
    assert isinstance(result, np.ndarray) and result.dtype == np.float32
    close(result)
    close(astrounet_core.denoise(IMAGE.astype(">f8"), 2, TIME))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_tensor_comes_back_as_a_tensor_of_its_type(dtype):
    result = astrounet_core.denoise(torch.from_numpy(IMAGE).to(dtype), 2, TIME)
    assert isinstance(result, torch.Tensor) and result.dtype == dtype
    close(result.numpy())


@pytest.mark.parametrize(
    ("unit", "scale", "options"),
    [
        (u.electron / u.s, 1.0, {}),
        (u.electron, TIME, {}),
        (u.electron / u.min, 60.0, {}),
        (u.adu, TIME / 1.5, {"gain": 1.5}),
        (u.adu / u.s, 1 / 1.5, {"gain": 1.5}),
    ],
)
def test_ccd_data_keep_unit_mask_wcs_and_meta(unit, scale, options):
    mask = np.zeros(IMAGE.shape, bool)
    mask[5, 6] = True
    meta = {"EXPTIME": TIME, "OBSERVER": "Hale"}
    given = CCDData(IMAGE * scale, unit=unit, mask=mask, meta=meta, wcs=WCS(naxis=2))
    given.uncertainty = StdDevUncertainty(np.ones(IMAGE.shape))
    result = astrounet_core.denoise(given, 2, **options)
    assert isinstance(result, CCDData) and result.unit == unit and result.meta["OBSERVER"] == "Hale"
    assert result.wcs is not None and result.uncertainty is None
    np.testing.assert_array_equal(result.mask, mask)
    assert result.data[5, 6] == pytest.approx(given.data[5, 6], rel=1e-6)
    np.testing.assert_allclose(result.data[~mask] / scale, EXPECTED[~mask], atol=4e-3)


def test_nd_data_without_unit_are_electrons_a_second():
    result = astrounet_core.denoise(NDData(IMAGE), 2, TIME)
    assert type(result) is NDData
    close(result.data)


def test_a_mask_joins_the_image_s_own():
    own, more = np.zeros((2, *IMAGE.shape), dtype=bool)
    own[1, 1], more[2, 2] = True, True
    result = astrounet_core.denoise(CCDData(IMAGE, unit="electron/s", mask=own), 2, TIME, mask=more)
    assert result.data[1, 1] == IMAGE[1, 1] and result.data[2, 2] == IMAGE[2, 2] and result.data[3, 3] != IMAGE[3, 3]


def test_what_is_unlike_training_is_a_warning_and_what_is_like_it_is_none():
    with pytest.warns(UserWarning, match="trained for r from 2 to 5"):
        astrounet_core.denoise(IMAGE, 9, TIME)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        astrounet_core.denoise(IMAGE, 2, TIME)


@pytest.mark.parametrize(
    ("image", "options", "sentence"),
    [
        (IMAGE, {}, "an exposure time of None s"),
        (IMAGE, {"exposure_time": -1.0}, "an exposure time of -1.0 s"),
        (CCDData(IMAGE, unit="adu"), {"exposure_time": TIME}, "needs the gain"),
        (CCDData(IMAGE, unit="Jy"), {"exposure_time": TIME}, "can't be read as electrons"),
        (IMAGE, {"exposure_time": TIME, "network": "nonesuch"}, "no published network"),
        (IMAGE, {"exposure_time": TIME, "exposure_ratio": 0.5}, "exposure ratio 0.5"),
        (IMAGE, {"exposure_time": TIME, "exposure_ratio": np.nan}, "exposure ratio nan"),
    ],
)
def test_bad_arguments_are_named(image, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        astrounet_core.denoise(image, **options)


def test_another_kind_is_a_type_error():
    with pytest.raises(TypeError, match="can't denoise a list"):
        astrounet_core.denoise([[1.0]], 2, TIME)
