"""Files that are damaged, or odd, without being unreadable: what is refused, what is noted, what is read none the less.

Most of these were found by mutating files; the search goes on below, from the headers of real files.
"""

import gzip
import os
import threading
import warnings

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from astrounet_core.fits_header import BadFile
from astrounet_core.fits_io import read_image

TIME = 256.0
PIXELS = np.random.default_rng(3).normal(5, 1, (60, 50)).astype(np.float32)
GOOD = {"EXPTIME": TIME, "BUNIT": "ELECTRONS"}


def good(path, data=PIXELS, cards=None, checksum=False):
    fits.writeto(path, data, fits.Header(GOOD | (cards or {})), checksum=checksum, overwrite=True)
    return path


def test_a_file_cut_anywhere_in_its_pixels_is_refused(tmp_path):
    content = good(tmp_path / "x.fits").read_bytes()
    for end in (2880 + 100, 2880 + PIXELS.nbytes - 1):
        (tmp_path / "x.fits").write_bytes(content[:end])
        with pytest.raises(BadFile, match=r"cut short|is it complete"):
            read_image(tmp_path / "x.fits")


def test_a_file_without_its_last_padding_is_read(tmp_path):
    """Some programs don't pad; the pixels are all there."""
    path = good(tmp_path / "x.fits")
    path.write_bytes(path.read_bytes()[: 2880 + PIXELS.nbytes])
    np.testing.assert_array_equal(read_image(path).image, PIXELS / np.float32(TIME))


def test_bytes_after_the_end_are_noted(tmp_path):
    path = good(tmp_path / "x.fits")
    with path.open("ab") as stream:
        stream.write(b"\0" * 4000)
    read = read_image(path)
    assert any("4000 bytes" in note for note in read.notes)
    np.testing.assert_array_equal(read.image, PIXELS / np.float32(TIME))


def test_a_checksum_that_differs_is_noted(tmp_path):
    path = good(tmp_path / "x.fits", checksum=True)
    assert read_image(path).notes == ()
    content = bytearray(path.read_bytes())
    content[2880 + 400] ^= 1
    path.write_bytes(bytes(content))
    assert any("DATASUM" in note for note in read_image(path).notes)


@pytest.mark.parametrize("spoil", [lambda zipped: zipped[:-6], lambda zipped: zipped[:300] + b"\0\1" + zipped[302:]])
def test_a_damaged_gzip_is_refused(tmp_path, spoil):
    path = tmp_path / "x.fits.gz"
    path.write_bytes(spoil(gzip.compress(good(tmp_path / "x.fits").read_bytes())))
    with pytest.raises(BadFile, match="can't be read as FITS"):
        read_image(path)


def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "x.fits")
    with pytest.raises(BadFile, match="is a pipe or a device"):
        read_image(tmp_path / "x.fits")


def test_integers_without_a_unit_are_data_numbers(tmp_path):
    path = tmp_path / "x.fits"
    fits.writeto(path, PIXELS.astype(np.int16), fits.Header({"EXPTIME": TIME, "GAIN": 1.5}))
    read = read_image(path)
    assert read.scale == pytest.approx(1.5 / TIME) and "so data numbers are assumed" in read.notes[0]


def test_a_measured_gain_comes_before_one_that_was_asked_for(tmp_path):
    """ATODGNA is what the amplifier has, CCDGAIN the setting (ACS and WFC3 data handbooks)."""
    cards = {"BUNIT": "COUNTS", "CCDGAIN": 1.5, "ATODGNA": 1.56}
    assert read_image(good(tmp_path / "x.fits", cards=cards)).gain == 1.56


def test_a_card_that_cannot_be_parsed_says_nothing(tmp_path):
    path = good(tmp_path / "x.fits", cards={"SATURATE": 123.0, "TEXPTIME": 7.0})
    content = path.read_bytes().replace(b"SATURATE=                123.0", b"SATURATE=             12 3.0 x")
    path.write_bytes(content)
    read = read_image(path)
    assert read.saturation is None and read.exposure_time == TIME


def test_sky_of_a_frame_that_is_not_drizzled_is_left_in(tmp_path):
    cards = {"MDRIZSKY": 30.0, "NCOMBINE": 3, "BUNIT": "ELECTRONS"}
    assert read_image(good(tmp_path / "x.fits", cards=cards)).sky_subtracted is None
    drizzled = read_image(good(tmp_path / "x.fits", cards=cards | {"BUNIT": "ELECTRONS/S"}))
    assert drizzled.sky_subtracted == pytest.approx(30.0 * 3 / TIME)
    assert any("taken to be drizzled" in note for note in drizzled.notes)


def test_reading_in_threads_leaves_warnings_as_they_were(tmp_path):
    path, before = good(tmp_path / "x.fits"), list(warnings.filters)
    threads = [threading.Thread(target=lambda: [read_image(path) for _ in range(10)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == before


# ---- real headers, spoilt --------------------------------------------------------------------------------------------

REAL = ["DCLS0353-1706_wfc3_uvis_f200lp_300s.fits", "ngc1261_wfpc2_pc_f336w_700s_ubai2505m.fits"]
REAL += ["hst_mos_1020228_wfc3_uvis_f606w_drz_cutout_20asec.fits", "wfc3_uvis_f555w_sample_ipppssoot_flc_10x10.fits"]


def small(path, target, ending) -> bytes:
    """A real file with all its headers and an 8 x 8 corner of each image, plain, gzipped or in compressed tiles."""
    with fits.open(path) as hdus:
        corners = [hdu.data[:8, :8] if hdu.is_image and hdu.data is not None and hdu.data.ndim == 2 else None
                   for hdu in hdus]  # fmt: skip
        kinds = [fits.PrimaryHDU] + (len(hdus) - 1) * [fits.CompImageHDU if ending == ".fz" else fits.ImageHDU]
        made = [kind(data, hdu.header) for kind, data, hdu in zip(kinds, corners, hdus, strict=True)
                if data is not None or hdu is hdus[0]]  # fmt: skip
        fits.HDUList(made).writeto(target, output_verify="ignore", overwrite=True)
    return target.read_bytes()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    which=st.sampled_from(REAL),
    ending=st.sampled_from(["", ".gz", ".fz"]),
    changes=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=12)), max_size=5),
    end=st.sampled_from([1.0, 0.999, 0.8, 0.4]),
)
def test_mutated_real_files(data_dir, tmp_path, capfd, which, ending, changes, end):
    content = bytearray(small(data_dir / which, tmp_path / f"small.fits{ending}", ending))
    for place, new in changes:
        at = int(place * (len(content) - len(new)))
        content[at : at + len(new)] = new
    content = bytes(content[: int(end * len(content))])
    path = tmp_path / f"spoilt.fits{ending}"
    path.write_bytes(gzip.compress(content) if ending == ".gz" else content)
    try:
        read = read_image(path, 100.0)
    except (ValueError, OSError) as error:
        assert "\n" not in str(error) and str(error).endswith((".", "?")) and path.name in str(error)
    else:
        assert read.exposure_time == 100.0 and read.image.ndim == 2
    assert capfd.readouterr().err == ""
