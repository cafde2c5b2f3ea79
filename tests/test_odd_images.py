"""Images that once went through in silence: rounded, sparse, holed, masked, of another kind. All found by use."""

import warnings

import astropy.units as u
import numpy as np
import pytest
import torch
from astropy.io import fits

import astrounet_core
from astrounet_core import cli
from astrounet_core.concerns import concerns
from astrounet_core.cosmic_rays import clean_cosmic_rays
from astrounet_core.fits_header import BadFile
from astrounet_core.fits_io import read_image
from astrounet_core.frames import denoise_frame, load

RNG = np.random.default_rng(5)
RATES = RNG.normal(0.1, 0.05, (64, 64)).astype(np.float32)


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


@pytest.mark.parametrize("depth", [-1.0, -10.0, -1e5])
def test_a_hole_does_not_spread_into_its_neighbours(depth):
    image = RNG.normal(0.0, 0.15, (140, 140)).astype(np.float32)
    image[70, 70] = depth
    cleaned, struck = clean_cosmic_rays(image, 300.0, sky=0.0)
    around = np.abs(cleaned[66:75, 66:75])
    around[4, 4] = 0
    assert cleaned[70, 70] == np.float32(depth) and not struck[70, 70] and around.max() < 1


def test_a_masked_array_keeps_its_masked_pixels_out():
    image = np.ma.MaskedArray(RATES.copy(), np.zeros(RATES.shape, bool))
    image[20:24, 20:24] = 1e4
    image.mask[20:24, 20:24] = True
    found = astrounet_core.denoise(image, 2, 300)
    expected = astrounet_core.denoise(np.asarray(image.data), 2, 300, mask=image.mask)
    assert isinstance(found, np.ma.MaskedArray) and (found.mask == image.mask).all()
    np.testing.assert_array_equal(found.data, expected)


def test_a_quantity_is_converted_and_comes_back_in_its_unit():
    found = astrounet_core.denoise(300 * RATES * u.electron, 2, 300)
    assert found.unit == u.electron
    np.testing.assert_allclose(found.value / 300, astrounet_core.denoise(RATES, 2, 300), atol=1e-6)
    with pytest.raises(ValueError, match="can't be read as electrons"):
        astrounet_core.denoise(RATES * u.mJy, 2, 300)


def test_tensors_of_whole_numbers_and_of_half_precision():
    counts = torch.from_numpy((RATES * 1000).astype(np.int32))
    found = astrounet_core.denoise(counts, 2, 300)
    assert found.dtype == torch.float32
    np.testing.assert_array_equal(found.numpy(), astrounet_core.denoise(counts.numpy(), 2, 300))
    assert astrounet_core.denoise(torch.from_numpy(RATES).bfloat16(), 2, 300).dtype == torch.bfloat16


def test_an_infinite_ratio_is_refused():
    with pytest.raises(ValueError, match="exposure ratio inf does not work"):
        astrounet_core.denoise(RATES, float("inf"), 300)


def test_an_image_rounded_more_coarsely_than_its_noise_is_refused():
    with pytest.raises(ValueError, match="noise can't be measured"):
        astrounet_core.denoise(np.round(RNG.normal(3, 0.2, (256, 256))).astype(np.float32), 2, 300)


def test_too_sparse_an_image_is_not_passed_through_in_silence():
    image = RNG.poisson(0.02, (256, 256)).astype(np.float32)
    image[:96] = RNG.normal(0.1, 0.3, (96, 256))
    trained = load("modern")
    said = concerns(trained, 2.0, 300.0, frame=denoise_frame(image, 2.0, 300.0, trained))
    assert any("zeros side by side" in sentence for sentence in said)


def chips(path, unit="COUNTS", **more):
    head = fits.Header({"EXPTIME": 100.0, "ATODGAIN": 2.0})
    planes = [
        fits.ImageHDU(np.full((12, 12), level, np.float32), fits.Header({"BUNIT": unit} | more), name=name, ver=version)
        for version in (1, 2)
        for name, level in (("SCI", 5.0 * version), ("ERR", 3.0))
    ]
    fits.HDUList([fits.PrimaryHDU(header=head), *planes]).writeto(path)
    return path


def test_the_gain_of_the_primary_header_serves_err_too(tmp_path):
    read = read_image(chips(tmp_path / "x.fits"), ext="SCI,2")
    np.testing.assert_allclose(read.error, 3.0 * 2.0 / 100)


def test_a_name_that_fits_two_images_is_refused(tmp_path):
    path = chips(tmp_path / "x.fits")
    with pytest.raises(BadFile, match="holds 2 images called SCI; choose one with --ext: SCI,1, SCI,2"):
        read_image(path, ext="SCI")
    with pytest.raises(BadFile, match="has no extension"):
        read_image(path, ext="²")


def test_an_err_that_is_a_table_is_noted(tmp_path):
    table = fits.BinTableHDU.from_columns([fits.Column("A", "J", array=np.arange(4))], name="ERR")
    image = fits.ImageHDU(RATES, fits.Header({"BUNIT": "ELECTRONS/S"}), name="SCI")
    fits.HDUList([fits.PrimaryHDU(header=fits.Header({"EXPTIME": 9.0})), image, table]).writeto(tmp_path / "x.fits")
    read = read_image(tmp_path / "x.fits")
    assert read.error is None and any("ERR was not used" in note for note in read.notes)


@pytest.mark.parametrize(("value", "masked"), [(0, 0), (4, RATES.size)])
def test_a_dq_without_pixels_has_one_value(tmp_path, value, masked):
    image = fits.ImageHDU(RATES, fits.Header({"BUNIT": "ELECTRONS/S"}), name="SCI")
    quality = fits.ImageHDU(None, fits.Header({"PIXVALUE": value, "NPIX1": 64, "NPIX2": 64}), name="DQ")
    fits.HDUList([fits.PrimaryHDU(header=fits.Header({"EXPTIME": 9.0})), image, quality]).writeto(tmp_path / "x.fits")
    assert read_image(tmp_path / "x.fits", mask="DQ").mask.sum() == masked


def test_long_integers_can_be_packed(tmp_path):
    image = fits.ImageHDU(RATES, fits.Header({"BUNIT": "ELECTRONS/S", "EXPTIME": 300.0}), name="SCI")
    other = fits.ImageHDU(np.arange(144, dtype=np.int64).reshape(12, 12) + 2**40, name="IDS")
    fits.HDUList([fits.PrimaryHDU(), image, other]).writeto(tmp_path / "x.fits")
    assert not cli.main(["denoise", str(tmp_path / "x.fits"), "-o", str(tmp_path / "y.FITS.FZ"), "--quiet"])
    with fits.open(tmp_path / "y.FITS.FZ") as hdus:
        assert isinstance(hdus["SCI"], fits.CompImageHDU)
        np.testing.assert_array_equal(hdus["IDS"].data, other.data)


def test_a_folder_is_no_output_whatever_is_said(tmp_path, capsys):
    fits.writeto(tmp_path / "x.fits", RATES, fits.Header({"EXPTIME": 300.0, "BUNIT": "ELECTRONS/S"}))
    assert cli.main(["denoise", str(tmp_path / "x.fits"), "-o", str(tmp_path), "--overwrite"]) == 2
    assert "is a folder or a device; give the name of a file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "words"), [("--seed=-1", "seed -1 does not work"), ("--ratio=inf", "ratio inf does not")]
)
def test_check_refuses_what_makes_no_sense(tmp_path, capsys, option, words):
    fits.writeto(tmp_path / "x.fits", RATES, fits.Header({"EXPTIME": 300.0}))
    assert cli.main(["check", str(tmp_path / "x.fits"), option]) == 2
    assert words in capsys.readouterr().err
