"""What people do to a FITS file: for each, one sentence with its name, exit code 2, no traceback, and no output."""

import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from safetensors.numpy import save_file

from astrounet_core import cli

GOOD = {"EXPTIME": 500.0, "BUNIT": "ELECTRONS/S"}
PIXELS = np.random.default_rng(0).normal(0, 1, (40, 50)).astype(np.float32)


def image(data=PIXELS, cards=GOOD, extensions=()):
    """A function that writes a file with this primary image and these (data, name) extensions."""

    def write(path: Path) -> None:
        extra = [fits.ImageHDU(values, name=name) for values, name in extensions]
        fits.HDUList([fits.PrimaryHDU(data, fits.Header(cards)), *extra]).writeto(path)

    return write


def raw(content: bytes):
    """A function that writes these bytes."""
    return lambda path: path.write_bytes(content)


def damaged(change):
    """A function that writes a good file and then changes its bytes."""

    def write(path: Path) -> None:
        image()(path)
        path.write_bytes(change(path.read_bytes()))

    return write


def table(path: Path) -> None:
    columns = [fits.Column("FLUX", "E", array=np.ones(3))]
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)]).writeto(path)


def complex_card(content: bytes) -> bytes:
    """BITPIX of a kind that FITS doesn't have, as programs write complex numbers."""
    return content.replace(b"BITPIX  =                  -32", b"BITPIX  =                  128")


def axis(length: bytes):
    """A change of NAXIS1."""
    return lambda content: content.replace(b"NAXIS1  =                   50", b"NAXIS1  =" + length.rjust(21))


def cards(**change):
    return {name: value for name, value in (GOOD | change).items() if value is not None}


CASES = [
    ("missing", lambda path: None, "there is no file"),
    ("folder", lambda path: path.mkdir(), "is a folder; name the FITS files in it"),
    ("empty", raw(b""), "can't be read as FITS"),
    ("text", raw(b"exposure of M31, see log\n" * 200), "can't be read as FITS"),
    ("html", raw(b"<html><body>404 not found</body></html>" * 100), "can't be read as FITS"),
    ("png", raw(b"\x89PNG\r\n\x1a\n" + bytes(4000)), "can't be read as FITS"),
    ("header_alone", damaged(lambda content: content[:2000]), "can't be read as FITS"),
    ("truncated", damaged(lambda content: content[:5000]), "is cut short"),
    ("not_gzip", raw(b"\x1f\x8b\x08\x00" + bytes(100)), "can't be read as FITS"),
    ("no_simple", damaged(lambda content: content.replace(b"SIMPLE", b"SIMPEL")), "can't be read as FITS"),
    ("zeros", raw(bytes(2880 * 4)), "can't be read as FITS"),
    ("complex_numbers", damaged(complex_card), "is cut short"),
    ("negative_axis", damaged(axis(b"-50")), "can't be read as FITS"),
    ("huge_axis", damaged(axis(b"90000000")), "is cut short"),
    ("table_alone", table, "holds no 2-D image, only tables; give the image they belong to"),
    ("no_pixels", image(None), "holds no 2-D image; check that it is the right file"),
    ("spectrum", image(np.ones(100)), "but a 1-D one; a spectrum can't be denoised"),
    ("cube", image(np.ones((3, 20, 20))), "but one of 3 dimensions; write its planes to files of their own"),
    ("hypercube", image(np.ones((2, 3, 20, 20))), "but one of 4 dimensions"),
    ("two_images", image(None, GOOD, [(PIXELS, "A"), (PIXELS, "B")]), "holds 2 images; choose one with --ext: A,1"),
    ("two_sci", image(None, GOOD, [(PIXELS, "SCI"), (PIXELS, "SCI")]), "holds 2 images; choose one with --ext"),
    ("all_nan", image(np.full((20, 20), np.nan)), "no pixel with data"),
    ("all_zero", image(np.zeros((20, 20))), "no pixel with data"),
    ("infinite", image(np.full((20, 20), np.inf)), "no pixel with data"),
    ("constant", image(np.full((20, 20), 7.0)), "one value everywhere"),
    ("no_time", image(cards=cards(EXPTIME=None)), "has no EXPTIME; write it into the header, or give"),
    ("time_zero", image(cards=cards(EXPTIME=0.0)), "has an exposure time of 0.0 s"),
    ("time_negative", image(cards=cards(EXPTIME=-30.0)), "has an exposure time of -30.0 s"),
    ("time_in_words", image(cards=cards(EXPTIME="ten minutes")), "has no EXPTIME"),
    ("unit_jansky", image(cards=cards(BUNIT="Jy/beam")), "is in 'Jy/beam', which says nothing about electrons"),
    ("unit_nonsense", image(cards=cards(BUNIT="bananas")), "is in 'bananas'"),
    ("unit_magnitude", image(cards=cards(BUNIT="mag")), "is in 'mag'"),
    ("counts_without_gain", image(cards=cards(BUNIT="COUNTS")), "is in data numbers and has no gain"),
    ("gain_zero", image(cards=cards(BUNIT="ADU", GAIN=0.0)), "is in data numbers and has no gain"),
    (
        "denoised_already",
        image(PIXELS, GOOD, [(PIXELS, "RESIDUAL")]),
        "has been denoised already; give the file it was made from",
    ),
]  # fmt: skip
"""Name, a function that writes the file at a path, and what must be said of it."""


def denoise(capsys, *arguments) -> str:
    """Run the command, which must fail: one line on stderr, nothing on stdout; returns the line."""
    assert cli.main(["denoise", *map(str, arguments)]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and said.err.startswith("astrounet: ")
    assert "Traceback" not in said.err and said.err.rstrip().endswith((".", "?"))
    return said.err


@pytest.mark.parametrize(("name", "make", "words"), CASES, ids=[case[0] for case in CASES])
def test_bad_file(tmp_path, capsys, name, make, words):
    path = tmp_path / f"{name}.fits"
    make(path)
    before = sorted(tmp_path.iterdir())
    said = denoise(capsys, path)
    assert path.name in said and words in said
    assert sorted(tmp_path.iterdir()) == before


@pytest.fixture
def good(tmp_path):
    image()(tmp_path / "good.fits")
    return tmp_path / "good.fits"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--ext", "7"], "has no extension 7; choose one with --ext: 0"),
        (["--ext", "SCI,2"], "has no extension 'SCI,2'"),
        (["--mask", "DQ"], "has no extension DQ,1; give a mask's file with --mask"),
        (["--mask", "{dir}/none.fits"], "there is no file"),
        (["--mask", "{dir}/small.fits"], "has a shape of (5, 5) and the image one of (40, 50); make it anew"),
        (["-o", "{dir}/nowhere/out.fits"], "there is no folder"),
        (["-o", "{dir}/good.fits", "--overwrite"], "is an input; choose another output"),
        (["-o", "{dir}/small.fits"], "exists; choose another output, or give --overwrite"),
        (["--ratio", "0.99"], "exposure ratio 0.99 does not work"),
        (["--ratio", "nan"], "exposure ratio nan does not work"),
        (["--ratio", "inf"], "exposure ratio inf does not work"),
        (["--exptime", "0"], "an exposure time of 0.0 s does not work"),
        (["--network", "imaginary"], "no published network 'imaginary'"),
        (["--network", "{dir}/none.safetensors"], "there is no weight file"),
        (["--network", "{dir}/pickle.safetensors"], "is not a readable safetensors weight file"),
        (["--network", "{dir}/model.pt"], "no published network"),
        (["--network", "{dir}/others.safetensors"], "does not say its"),
        (["--tile", "0"], "tile 0 does not work"),
        (["--device", "cuda:99"], "GPU"),
    ],
)
def test_bad_request(good, tmp_path, capsys, arguments, words):
    fits.writeto(tmp_path / "small.fits", np.ones((5, 5)))
    (tmp_path / "pickle.safetensors").write_bytes(b"\x80\x04\x95" + bytes(200))
    (tmp_path / "model.pt").write_bytes(b"PK\x03\x04")
    save_file({"weight": np.ones(3)}, tmp_path / "others.safetensors")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert words in denoise(capsys, good, *(text.format(dir=tmp_path) for text in arguments))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_published_weights_that_were_changed_are_refused(good, tmp_path, capsys, monkeypatch):
    from astrounet_core import frames, manifest

    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "modern.safetensors").write_bytes(b"changed")
    monkeypatch.setattr(manifest, "WEIGHTS_DIR", tmp_path / "weights")
    frames.load.cache_clear()
    assert "is damaged: sha256" in denoise(capsys, good)
    frames.load.cache_clear()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_permissions(good, tmp_path, capsys):
    good.chmod(0)
    assert "permission denied" in denoise(capsys, good)
    good.chmod(stat.S_IRUSR)
    (tmp_path / "closed").mkdir(mode=0o500)
    assert "can't be written" in denoise(capsys, good, "--out-dir", tmp_path / "closed")


def test_permission_denied_is_one_sentence(good, capsys, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(fits, "open", refuse)
    assert "good.fits can't be read: permission denied" in denoise(capsys, good)


def test_a_folder_that_can_t_be_written_to_is_one_sentence(good, capsys, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(fits.HDUList, "writeto", refuse)
    assert "good_denoised.fits can't be written (Permission denied)" in denoise(capsys, good)


def test_a_full_disk_leaves_nothing(tmp_path):
    image(np.random.default_rng(1).normal(0, 1, (200, 200)))(tmp_path / "good.fits")
    command = [sys.executable, "-m", "astrounet_core.cli", "denoise", str(tmp_path / "good.fits"), "--quiet"]
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # noqa: E731
    ended = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, check=False)
    assert ended.returncode == 2 and ended.stderr.count("\n") == 1
    assert "good_denoised.fits can't be written (" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["good.fits"]


KILLED = """
import os, signal, sys
from astropy.io import fits
from astrounet_core import cli
write = fits.HDUList.writeto
def die(self, place, **given):
    write(self, place, **given)
    os.truncate(place, 4000)
    os.kill(os.getpid(), signal.SIGKILL)
fits.HDUList.writeto = die
cli.main(["denoise", sys.argv[1], "--overwrite"])
"""


@pytest.mark.parametrize("earlier", [None, b"an earlier result"])
def test_killed_mid_write_leaves_the_name_as_it_was(good, tmp_path, earlier):
    output = tmp_path / "good_denoised.fits"
    if earlier:
        output.write_bytes(earlier)
    ended = subprocess.run([sys.executable, "-c", KILLED, str(good)], capture_output=True, check=False)
    assert ended.returncode == -9
    assert (output.read_bytes() if output.exists() else None) == earlier
