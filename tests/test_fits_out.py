"""FITS out: all that the file had is there still, the new extensions add up, other programs can read it."""

import shutil
import subprocess
import warnings

import numpy as np
import pytest
import sep
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from astrounet_core import cli
from astrounet_core.fits_io import read_image
from astrounet_core.fits_out import BITS, FLAG_FILLED, FLAG_MASKED, FLAG_SATURATED, write_denoised

TIME = 100.0
RNG = np.random.default_rng(7)
PIXELS = RNG.normal(5, 1, (24, 30)).astype(np.float32)


def chips(path, unit="ELECTRONS", data=PIXELS):
    """A calibrated frame: SCI, ERR and DQ, a table and two headers full of cards."""
    primary = fits.PrimaryHDU(header=fits.Header({"EXPTIME": TIME, "TELESCOP": "HST", "INSTRUME": "WFC3"}))
    primary.header["HIERARCH ESO OBS NAME"] = "night 1"
    science = fits.ImageHDU(data, fits.Header({"BUNIT": unit, "CRVAL1": 177.1, "CTYPE1": "RA---TAN"}), name="SCI")
    science.header.add_history("calibrated")
    error = fits.ImageHDU(np.full(data.shape, 2.0, np.float32), name="ERR")
    quality = fits.ImageHDU(np.zeros(data.shape, np.int16), name="DQ")
    table = fits.BinTableHDU.from_columns([fits.Column("A", "J", array=np.arange(4))], name="HDRTAB")
    fits.HDUList([primary, science, error, quality, table]).writeto(path)
    return path


def written(source, target, change=0.9, flags=None, **given):
    """The file denoised by a factor, without a network."""
    read = read_image(source)
    flags = np.zeros(read.image.shape, np.uint8) if flags is None else flags
    error = np.full(read.image.shape, 3.0 / TIME)
    write_denoised(read, target, change * read.image, input_error=error, flags=flags, history=["a test"], **given)
    return target


def test_everything_else_stays(tmp_path):
    source = chips(tmp_path / "x.fits")
    with fits.open(source) as before, fits.open(written(source, tmp_path / "y.fits")) as after:
        names = ["PRIMARY", "SCI", "INPUT_ERR", "DQ", "HDRTAB", "RESIDUAL", "MASK"]
        assert [hdu.name for hdu in after] == names
        assert repr(after[0].header) == repr(before[0].header)
        for card in before["SCI"].header.cards:
            if card.keyword not in ("HISTORY", "COMMENT", "BITPIX"):
                assert after["SCI"].header[card.keyword] == card.value
        history = list(after["SCI"].header["HISTORY"])
        assert history[0] == "calibrated" and history[-1] == "a test"
        np.testing.assert_array_equal(after["HDRTAB"].data["A"], before["HDRTAB"].data["A"])
        np.testing.assert_allclose(after["SCI"].data, 0.9 * PIXELS, rtol=1e-6)
        np.testing.assert_allclose(after["RESIDUAL"].data, 0.1 * PIXELS, rtol=1e-4)
        np.testing.assert_array_equal(after["INPUT_ERR"].data, before["ERR"].data)
        assert after["RESIDUAL"].header["CRVAL1"] == after["MASK"].header["CRVAL1"] == 177.1
        assert after["RESIDUAL"].header["BUNIT"] == after["INPUT_ERR"].header["BUNIT"] == "ELECTRONS"
        assert after["MASK"].data.dtype == np.uint8 and {f"BIT{bit}" for bit in BITS} <= set(after["MASK"].header)
        assert "noise that is left is correlated" in str(after["SCI"].header["COMMENT"])


def test_without_an_err_the_noise_model_gives_it(tmp_path):
    source = tmp_path / "x.fits"
    fits.writeto(source, PIXELS, fits.Header({"EXPTIME": TIME, "BUNIT": "ELECTRONS"}))
    np.testing.assert_allclose(fits.getdata(written(source, tmp_path / "y.fits"), "INPUT_ERR"), 3.0, rtol=1e-6)


def test_an_err_that_is_none_is_set_aside_and_so_is_a_mask(tmp_path):
    source = chips(tmp_path / "x.fits")
    with fits.open(source, mode="update") as hdus:
        hdus["ERR"].data = np.zeros((3, 3), np.float32)
        hdus.append(fits.ImageHDU(np.ones(PIXELS.shape, np.uint8), name="MASK"))
    assert any("ERR was not used" in note for note in read_image(source).notes)
    with fits.open(written(source, tmp_path / "y.fits")) as after:
        assert after["INPUT_ERR_UNUSED"].shape == (3, 3) and (after["INPUT_MASK"].data == 1).all()
        assert (after["MASK"].data == 0).all()
        np.testing.assert_allclose(after["INPUT_ERR"].data, 3.0, rtol=1e-6)


def test_the_second_chip_has_planes_of_its_own(tmp_path):
    source = tmp_path / "x.fits"
    units = fits.Header({"BUNIT": "ELECTRONS"})
    pairs = [
        fits.ImageHDU(level * PIXELS, units, name=name, ver=version)
        for version in (1, 2)
        for name, level in (("SCI", version), ("ERR", version))
    ]
    fits.HDUList([fits.PrimaryHDU(header=fits.Header({"EXPTIME": TIME})), *pairs]).writeto(source)
    read = read_image(source, ext="SCI,2")
    np.testing.assert_allclose(read.image, 2 * PIXELS / TIME, rtol=1e-6)
    flags = np.zeros(PIXELS.shape, np.uint8)
    write_denoised(read, tmp_path / "y.fits", read.image, input_error=read.error, flags=flags, history=[])
    with fits.open(tmp_path / "y.fits") as after:
        for name in ("SCI", "INPUT_ERR", "RESIDUAL", "MASK"):
            assert (name, 2) in after
        np.testing.assert_array_equal(after["ERR", 1].data, PIXELS)
        np.testing.assert_array_equal(after["INPUT_ERR", 2].data, 2 * PIXELS)


def test_err_is_the_output_s_or_absent(tmp_path):
    source = chips(tmp_path / "x.fits")
    target = written(source, tmp_path / "y.fits", error=np.full(PIXELS.shape, 1.0 / TIME))
    np.testing.assert_allclose(fits.getdata(target, "ERR"), 1.0, rtol=1e-6)


KINDS = ["i2", "u2", "i4", "f4", "f8"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(KINDS), unit=st.sampled_from(["ELECTRONS", "ELECTRONS/S"]), order=st.sampled_from("<>"))
def test_flagged_pixels_are_the_file_s_own_numbers(tmp_path, kind, unit, order):
    source, target = tmp_path / "x.fits", tmp_path / "y.fits"
    data = RNG.integers(0, 60000 if kind == "u2" else 30000, (12, 14)).astype(order + kind)
    flags = RNG.choice([0, FLAG_FILLED, FLAG_SATURATED, FLAG_MASKED], (12, 14)).astype(np.uint8)
    fits.PrimaryHDU(data, fits.Header({"EXPTIME": 7.3, "BUNIT": unit})).writeto(source, overwrite=True)
    written(source, target, flags=flags)
    with fits.open(target) as after:
        after.verify("exception")
        assert after[0].data.dtype == np.dtype(">f4") and not {"BZERO", "BSCALE", "BLANK"} & set(after[0].header)
        kept = flags > 0
        np.testing.assert_array_equal(after[0].data[kept], data[kept].astype(np.float32))
        np.testing.assert_allclose(after[0].data[~kept], 0.9 * data[~kept], rtol=1e-5)
        np.testing.assert_allclose(after["RESIDUAL"].data + after[0].data, data, rtol=1e-5)


def test_nan_stays_nan_and_padding_stays_zero(tmp_path):
    data = PIXELS.copy()
    data[0, :5], data[:, -4:] = np.nan, 0.0
    source = chips(tmp_path / "x.fits", data=data)
    flags = np.where(np.isnan(data) | (data == 0), FLAG_FILLED, 0).astype(np.uint8)
    out = fits.getdata(written(source, tmp_path / "y.fits", flags=flags), "SCI")
    np.testing.assert_array_equal(out[flags > 0], data[flags > 0])


@pytest.mark.parametrize("name", ["y.fits.gz", "y.fits.fz", "y.fits"])
@pytest.mark.parametrize("layout", ["chips", "primary"])
def test_compression_is_what_the_name_says_and_loses_nothing(tmp_path, name, layout):
    source = chips(tmp_path / "x.fits") if layout == "chips" else tmp_path / "x.fits"
    if layout == "primary":
        fits.PrimaryHDU(PIXELS, fits.Header({"EXPTIME": TIME, "OBSERVER": "Hale"})).writeto(source)
    target = written(source, tmp_path / name)
    assert (target.read_bytes()[:2] == b"\x1f\x8b") == name.endswith("gz")
    with fits.open(target) as after:
        after.verify("exception")
        assert any(isinstance(hdu, fits.CompImageHDU) for hdu in after) == name.endswith("fz")
        science = after["SCI"] if layout == "chips" else next(hdu for hdu in after if hdu.data is not None)
        np.testing.assert_array_equal(science.data, np.float32(0.9) * PIXELS if layout == "primary" else science.data)
        np.testing.assert_allclose(science.data, 0.9 * PIXELS, rtol=1e-6)
    again = read_image(target, TIME)
    np.testing.assert_allclose(again.image * (TIME if layout == "chips" else 1), 0.9 * PIXELS, rtol=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["x.fits", name])


def test_checksums_are_made_anew(tmp_path):
    source = chips(tmp_path / "plain.fits")
    with fits.open(source) as hdus:
        hdus.writeto(tmp_path / "x.fits", checksum=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fits.open(written(tmp_path / "x.fits", tmp_path / "y.fits"), checksum=True) as after:
            assert all("CHECKSUM" in hdu.header for hdu in after)


def test_a_denoised_file_is_not_denoised_again(tmp_path):
    target = written(chips(tmp_path / "x.fits"), tmp_path / "y.fits")
    with pytest.raises(ValueError, match=r"y\.fits has been denoised already"):
        written(target, tmp_path / "z.fits")
    assert not (tmp_path / "z.fits").exists()


def test_second_readers(tmp_path):
    """The command's output in STILTS and in sep."""
    if shutil.which("stilts") is None:
        pytest.skip("stilts is not installed")
    source, output = chips(tmp_path / "x.fits"), tmp_path / "x_denoised.fits"
    assert cli.main(["denoise", str(source), "--quiet"]) == 0
    pixels = f"{output}#RESIDUAL"
    said = subprocess.run(["stilts", "tpipe", f"in={output}#HDRTAB", "omode=count"], capture_output=True, text=True)
    assert said.returncode == 0 and "rows: 4" in said.stdout, pixels
    data = np.ascontiguousarray(fits.getdata(output, "SCI"), dtype=np.float32)
    assert sep.Background(data, bw=8, bh=8).globalback == pytest.approx(float(np.median(data)), abs=0.5)


def test_source_extractor_opens_every_plane(tmp_path):
    program = shutil.which("source-extractor")
    if program is None:
        pytest.skip("source-extractor is not installed")
    source = chips(tmp_path / "x.fits", data=RNG.normal(0, 1, (80, 90)).astype(np.float32))
    assert cli.main(["denoise", str(source), "--quiet"]) == 0
    (tmp_path / "p.param").write_text("NUMBER\nX_IMAGE\n")
    settings_ = ["-PARAMETERS_NAME", "p.param", "-FILTER", "N", "-CATALOG_NAME", "out.cat", "-DETECT_THRESH", "3"]
    command = [program, "x_denoised.fits[1]", *settings_, "-VERBOSE_TYPE", "QUIET"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0 and (tmp_path / "out.cat").exists(), ended.stderr
