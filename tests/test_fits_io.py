"""FITS in: every bit depth, byte order, scaling, layout and unit gives the same electrons per second."""

import gzip
import shutil

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from astrounet_core.fits_io import read_image

TIME = 250.0
ANY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(path, data, cards=None, extensions=()):
    head = fits.Header({"EXPTIME": TIME} | (cards or {}))
    fits.HDUList([fits.PrimaryHDU(data, head), *extensions]).writeto(path, overwrite=True)
    return path


@ANY
@given(
    kind=st.sampled_from([">i2", "<i4", ">i8", "u1", "<f4", ">f4", "<f8", ">f8", ">u2", "<u4"]),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    data=st.data(),
)
def test_every_type_and_byte_order(tmp_path, kind, shape, data):
    values = np.array(data.draw(st.lists(st.integers(0, 200), min_size=81, max_size=81)))[: shape[0] * shape[1]]
    stored = values.reshape(shape).astype(kind)
    read = read_image(write(tmp_path / "x.fits", stored, {"BUNIT": "ELECTRONS"}))
    np.testing.assert_allclose(read.image, values.reshape(shape) / TIME, rtol=1e-6)
    assert read.image.dtype == np.float32 and read.image.dtype.isnative


@ANY
@given(scale=st.floats(1e-3, 1e3), zero=st.floats(-1e3, 1e3), blank=st.integers(-5, 5))
def test_scaled_integers_and_blank(tmp_path, scale, zero, blank):
    stored = np.arange(-10, 10, dtype=np.int16).reshape(4, 5)
    cards = {"XSCALE": scale, "XZERO": zero, "BLANK": blank, "BUNIT": "ELECTRONS/S"}  # astropy would apply B...
    path = write(tmp_path / "x.fits", stored, cards)
    path.write_bytes(path.read_bytes().replace(b"XSCALE", b"BSCALE").replace(b"XZERO ", b"BZERO "))
    expected = np.where(stored == blank, np.nan, zero + scale * stored)
    np.testing.assert_allclose(read_image(tmp_path / "x.fits").image, expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(
    "unit", ["ELECTRONS/S", "electron/s", "e-/s", "Electrons / sec", "electron s-1", "e/s", "", None]
)
def test_spellings_of_electrons_per_second(tmp_path, unit):
    read = read_image(write(tmp_path / "x.fits", np.eye(3), {} if unit is None else {"BUNIT": unit}))
    assert read.scale == 1.0 and read.image[0, 0] == 1
    assert any("no BUNIT" in note for note in read.notes) == (not unit)


@pytest.mark.parametrize("unit", ["ELECTRONS", "electron", "e-", "photoelectrons"])
def test_spellings_of_electrons(tmp_path, unit):
    assert read_image(write(tmp_path / "x.fits", np.eye(3), {"BUNIT": unit})).scale == 1 / TIME


@pytest.mark.parametrize(
    ("unit", "card", "scale"),
    [
        ("COUNTS", "GAIN", 2.5 / TIME),
        ("adu", "EGAIN", 2.5 / TIME),
        ("DN", "ATODGAIN", 2.5 / TIME),
        ("counts/s", "CCDGAIN", 2.5),
        ("ADU/sec", "GAIN", 2.5),
    ],
)
def test_data_numbers_need_a_gain_and_say_which(tmp_path, unit, card, scale):
    read = read_image(write(tmp_path / "x.fits", np.eye(3), {"BUNIT": unit, card: 2.5}))
    assert read.scale == scale and read.gain == 2.5
    assert read.notes == (f"data numbers were turned into electrons with {card} = 2.5 e-.",)


def sci(data, **cards):
    return fits.ImageHDU(data, fits.Header({"BUNIT": "ELECTRONS/S"} | cards), name="SCI")


def test_the_image_is_found_by_content(tmp_path):
    one, other = np.eye(4, dtype=np.float32), np.ones((6, 6), np.float32)
    alone = write(tmp_path / "a.fits", None, {}, [fits.ImageHDU(one, name="WHATEVER")])
    assert read_image(alone).hdu == 1 and read_image(alone).image.shape == (4, 4)
    primary = write(tmp_path / "b.fits", one, {}, [fits.ImageHDU(other, name="WHT")])
    assert read_image(primary).hdu == 0
    science = write(tmp_path / "c.fits", other, {}, [fits.ImageHDU(other, name="WHT"), sci(one)])
    assert read_image(science).hdu == 2
    chips = write(tmp_path / "d.fits", None, {}, [sci(one), fits.ImageHDU(other, name="ERR"), sci(other, EXTVER=2)])
    assert read_image(chips, ext="SCI,2").hdu == 3 and read_image(chips, ext=1).hdu == 1
    assert read_image(chips, ext="ERR").hdu == 2


def test_compressed_files(tmp_path):
    data = np.random.default_rng(0).normal(0, 1, (30, 40)).astype(np.float32)
    plain = write(tmp_path / "x.fits", data)
    with open(plain, "rb") as source, gzip.open(tmp_path / "x.fits.gz", "wb") as target:
        shutil.copyfileobj(source, target)
    np.testing.assert_array_equal(read_image(tmp_path / "x.fits.gz").image, data)
    tiles = fits.CompImageHDU(data, fits.Header({"EXPTIME": TIME}), compression_type="GZIP_2", quantize_level=0)
    fits.HDUList([fits.PrimaryHDU(), tiles]).writeto(tmp_path / "x.fits.fz")
    np.testing.assert_array_equal(read_image(tmp_path / "x.fits.fz").image, data)


def test_time_of_the_extension_of_the_primary_and_as_given(tmp_path):
    path = write(tmp_path / "x.fits", None, {}, [sci(np.eye(3), EXPTIME=40.0)])
    assert read_image(path).exposure_time == 40 and read_image(path, 7.0).exposure_time == 7
    assert read_image(write(tmp_path / "y.fits", None, {}, [sci(np.eye(3))])).exposure_time == TIME
    assert read_image(write(tmp_path / "z.fits", np.eye(3), {"EXPTIME": "?", "TEXPTIME": 9})).exposure_time == 9


@pytest.mark.parametrize(
    ("cards", "band", "instrument"),
    [
        ({"FILTER": "F606W", "INSTRUME": "WFC3", "DETECTOR": "UVIS"}, "F606W", "WFC3/UVIS"),
        ({"FILTER1": "CLEAR1L", "FILTER2": "F814W", "INSTRUME": "ACS", "DETECTOR": "WFC"}, "F814W", "ACS/WFC"),
        ({"FILTER": "HST-F555W"}, "F555W", None),
        ({"FILTNAM1": "F336W", "FILTER1": 11, "INSTRUME": "WFPC2", "DETECTOR": 1}, "F336W", "WFPC2"),
        ({"FILTER": "r"}, "r", None),
        ({}, None, None),
    ],
)
def test_filter_and_instrument(tmp_path, cards, band, instrument):
    read = read_image(write(tmp_path / "x.fits", np.eye(3), cards))
    assert (read.band, read.instrument) == (band, instrument)


def test_pixel_scale_of_a_good_a_missing_and_a_broken_wcs(tmp_path):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.cdelt, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], [-0.05 / 3600, 0.05 / 3600], [150, 2]
    good = dict(wcs.to_header())
    assert read_image(write(tmp_path / "x.fits", np.eye(3), good)).pixel_scale == pytest.approx(0.05)
    assert read_image(write(tmp_path / "y.fits", np.eye(3))).pixel_scale is None
    broken = read_image(write(tmp_path / "z.fits", np.eye(3), good | {"CTYPE1": "XXXX-YYY", "CD1_1": "no"}))
    assert broken.pixel_scale is None


def test_sky_error_mask_and_saturation(tmp_path):
    flags = np.zeros((3, 3), np.int16)
    flags[1, 2] = 256
    more = [fits.ImageHDU(np.full((3, 3), 5.0), name="ERR"), fits.ImageHDU(flags, name="DQ")]
    cards = {"INSTRUME": "WFC3", "DETECTOR": "UVIS", "NCOMBINE": 2, "NDRIZIM": 2, "MDRIZSKY": 25.0}
    path = write(tmp_path / "x.fits", None, cards, [sci(np.eye(3), BUNIT="ELECTRONS"), *more])
    read = read_image(path, mask="DQ")
    assert read.mask.sum() == 1 and read.mask[1, 2] and read_image(path).mask is None
    np.testing.assert_allclose(read.error, 5.0 / TIME)
    assert read.sky_subtracted == pytest.approx(25.0 * 2 / TIME)
    assert read.saturation == pytest.approx(68_000 * 2 / TIME)
    fits.writeto(tmp_path / "mask.fits", (flags > 0).astype(np.uint8))
    np.testing.assert_array_equal(read_image(path, mask=tmp_path / "mask.fits").mask, read.mask)
    limit = write(tmp_path / "y.fits", np.eye(3), {"SATURATE": 4095, "BUNIT": "COUNTS", "GAIN": 2.0})
    assert read_image(limit).saturation == pytest.approx(4095 * 2 / TIME)


def test_real_files_are_read_as_they_are_described(data_dir):
    drizzled = read_image(data_dir / "DCLS0353-1706_wfc3_uvis_f200lp_300s.fits")
    assert (drizzled.exposure_time, drizzled.band, drizzled.instrument) == (300, "F200LP", "WFC3/UVIS")
    assert drizzled.pixel_scale == pytest.approx(0.05, rel=1e-3)
    pc1 = read_image(data_dir / "ngc1261_wfpc2_pc_f336w_700s_ubai2505m.fits")
    assert pc1.unit == "COUNTS" and pc1.pixel_scale == pytest.approx(0.0455, rel=1e-2) and "ATODGAIN" in pc1.notes[0]
    mosaic = read_image(data_dir / "hst_mos_1020228_wfc3_uvis_f606w_drz_cutout_20asec.fits", 2900.0)
    assert (mosaic.hdu, mosaic.image.shape, mosaic.reads) == (1, (500, 500), 6)


# ---- fuzz: whatever the bytes, an image or one sentence ------------------------------------------------------------


def survives(path) -> None:
    """Read a file: an image of finite time, or one sentence."""
    try:
        read = read_image(path)
    except (ValueError, OSError) as error:
        assert "\n" not in str(error) and str(error).endswith((".", "?")) and path.name in str(error)
    else:
        assert np.isfinite(read.exposure_time) and read.exposure_time > 0 and read.image.ndim == 2


def small_files(folder) -> list[bytes]:
    """Bytes of small files of the kinds there are: with headers as long as real ones."""
    cards = {"BUNIT": "COUNTS", "GAIN": 1.5, "MDRIZSKY": 3.0, "NCOMBINE": 2, "SATURATE": 60000}
    wcs = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CD1_1": -1e-5, "CD2_2": 1e-5, "CRVAL1": 1.0, "CRVAL2": 2.0}
    plain = write(folder / "a.fits", np.arange(12, dtype=np.int16).reshape(3, 4), cards | wcs)
    more = [sci(np.eye(3)), fits.ImageHDU(np.ones((3, 3)), name="ERR"), fits.ImageHDU(np.ones((3, 3)), name="DQ")]
    return [path.read_bytes() for path in (plain, write(folder / "b.fits", None, wcs, more))]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    which=st.integers(0, 1),
    changes=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=12)), min_size=1, max_size=6),
    end=st.floats(0.2, 1.0),
)
@example(which=0, changes=[(0.0, b"SIMPLE  =                    F")], end=1.0)
def test_mutated_bytes(tmp_path, capfd, which, changes, end):
    content = bytearray(small_files(tmp_path)[which])
    for place, new in changes:
        at = int(place * (len(content) - len(new)))
        content[at : at + len(new)] = new
    path = tmp_path / "fuzzed.fits"
    path.write_bytes(bytes(content[: max(1, int(end * len(content)))]))
    survives(path)
    assert capfd.readouterr().err == ""


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text("aA1/-. ", max_size=20),
)
KEYWORDS = ["EXPTIME", "BUNIT", "GAIN", "CTYPE1", "CD1_1", "CDELT1", "CRVAL1", "FILTER", "INSTRUME", "DETECTOR"]
KEYWORDS += [
    "SATURATE",
    "NCOMBINE",
    "MDRIZSKY",
    "NDRIZIM",
    "CUNIT1",
    "PC1_1",
    "CRPIX2",
    "EXTNAME",
    "WCSAXES",
    "EQUINOX",
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cards=st.dictionaries(st.sampled_from(KEYWORDS), VALUES, max_size=8))
def test_headers_of_any_content(tmp_path, capfd, cards):
    wcs = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CD1_1": -1e-5, "CD2_2": 1e-5}
    path = tmp_path / "odd.fits"
    fits.PrimaryHDU(np.eye(5), fits.Header({"EXPTIME": TIME} | wcs | cards)).writeto(path, "ignore", overwrite=True)
    survives(path)
    assert capfd.readouterr().err == ""
