"""Files one after another: outputs, order, failures that stop nobody else, and what is refused before it begins."""

import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from astrounet_core import cli
from astrounet_core.denoising import check_targets, default_output
from astrounet_core.fits_out import FLAG_COSMIC_RAY
from astrounet_core.frames import denoise_frame, load

TIME = 500.0
CARDS = {"EXPTIME": TIME, "BUNIT": "ELECTRONS/S", "INSTRUME": "WFC3", "DETECTOR": "UVIS", "FILTER": "F606W"}


def pixels(seed: int = 0, size: int = 60) -> np.ndarray:
    image = np.random.default_rng(seed).normal(0, 0.01, (size, size + 20)).astype(np.float32)
    image[size // 2, size // 2] += 1.0
    return image


@pytest.fixture
def night(tmp_path):
    """Three files, each with another image."""
    for k in range(3):
        fits.writeto(tmp_path / f"night{k}.fits", pixels(k), fits.Header(CARDS))
    return [tmp_path / f"night{k}.fits" for k in range(3)]


def run(*arguments) -> int:
    return cli.main(["denoise", *map(str, arguments)])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.fits", "a_denoised.fits"),
        ("b.fits.gz", "b_denoised.fits"),
        ("c.fits.fz", "c_denoised.fits"),
        ("d.FITS", "d_denoised.fits"),
        ("e.fit", "e_denoised.fits"),
        ("f.v2.fits", "f.v2_denoised.fits"),
    ],
)
def test_names_of_outputs(name, expected):
    assert default_output(Path("x") / name) == Path("x") / expected
    assert default_output(Path("x") / name, Path("y")) == Path("y") / expected


def test_files_come_back_in_order_with_the_pixels_of_each(night, tmp_path, capsys):
    trained = load("modern")
    assert run(*night) == 0
    assert capsys.readouterr().out.split() == [str(path.with_name(f"{path.stem}_denoised.fits")) for path in night]
    for k, path in enumerate(night):
        expected = denoise_frame(pixels(k), 2.0, TIME, trained, band="F606W").image
        with fits.open(default_output(path)) as hdus:
            np.testing.assert_allclose(hdus[0].data, expected, atol=1e-6)
            assert f"sha256 {trained.sha256}" in "".join(hdus[0].header["HISTORY"])


def test_one_broken_file_stops_nobody_else(night, tmp_path, capsys):
    night[1].write_bytes(night[1].read_bytes()[:3000])
    assert run(*night, "--json") == 2
    said = capsys.readouterr()
    first, second, third = map(json.loads, said.out.splitlines())
    assert first["output"].endswith("night0_denoised.fits") and third["output"].endswith("night2_denoised.fits")
    assert "night1.fits" in second["error"] and second["error"] in said.err
    assert sorted(path.name for path in tmp_path.glob("*_denoised.fits")) == [
        "night0_denoised.fits",
        "night2_denoised.fits",
    ]


def test_json_says_what_was_done(night, capsys):
    assert run(night[0], "--json", "--ratio", 3) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["network"], said["exposure_ratio"], said["exposure_time"]) == ("modern", 3.0, TIME)
    assert said["shape"] == [60, 80] and said["weights_sha256"] == load("modern").sha256
    assert said["sky_sigma"] == pytest.approx(0.01, rel=0.1) and abs(said["sky"]) < 0.002
    assert set(said["flagged"]) == {"filled", "saturated", "untrained", "masked", "cosmic_ray"}
    assert said["seconds"] > 0 and said["warnings"] == []


def test_what_is_unlike_training_is_said_and_written(night, capsys):
    assert run(night[0], "--ratio", 9) == 0
    assert "warning: night0.fits: modern was trained for r from 2 to 5" in capsys.readouterr().err
    cards = fits.getheader(default_output(night[0]))["HISTORY"]
    assert "trained for r from 2 to 5" in " ".join(str(cards).split())
    assert run(night[1], "--ratio", 9, "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_out_dir_takes_all_of_them(night, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    assert run(*night, "--out-dir", folder, "--quiet") == 0
    assert len(list(folder.iterdir())) == 3


def test_cosmic_rays_are_mended_and_flagged(tmp_path):
    image = pixels(size=80)
    image[20, 10:18] += 3.0
    fits.writeto(tmp_path / "struck.fits", image, fits.Header(CARDS))
    assert run(tmp_path / "struck.fits", "--clean-cosmic-rays", "--quiet") == 0
    with fits.open(tmp_path / "struck_denoised.fits") as hdus:
        assert (hdus["MASK"].data[20, 10:18] & FLAG_COSMIC_RAY > 0).all()
        assert np.abs(hdus[0].data[20, 10:18]).max() < 0.1
        np.testing.assert_allclose(hdus[0].data + hdus["RESIDUAL"].data, image, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{0}", "{1}", "-o", "{dir}/x.fits"], "-o names one output and there are 2 inputs"),
        (["{0}", "-o", "{0}", "--overwrite"], "is an input"),
        (["{0}", "{0}"], "would both become"),
        (["{0}", "-o", "{1}"], "exists"),
        (["{0}", "--out-dir", "{dir}/nowhere"], "there is no folder"),
        (["{0}", "--ratio", "0.5"], "exposure ratio 0.5"),
        (["{0}", "--ratio", "nan"], "exposure ratio nan"),
        (["{0}", "--exptime", "-3"], "an exposure time of -3.0 s"),
        (["{0}", "--exptime", "nan"], "an exposure time of nan s"),
        (["{0}", "--network", "nonesuch"], "no published network 'nonesuch'"),
        (["{0}", "--network", "{dir}/no.safetensors"], "there is no weight file"),
        (["{0}", "--network", "{0}"], "no published network"),
        (["{0}", "--device", "abacus"], "unknown device 'abacus'"),
        (["{0}", "--tile", "100"], "tile 100"),
        (["{0}", "--mask", "{dir}/nomask.fits"], "nomask.fits"),
        (["{0}", "--ext", "WHT"], "WHT"),
    ],
)
def test_bad_requests_are_one_sentence_and_leave_nothing(night, tmp_path, capsys, arguments, sentence):
    before = sorted(tmp_path.iterdir())
    given = [text.format(*night, dir=tmp_path) for text in arguments]
    assert run(*given) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("astrounet: ") and complaint.count("\n") == 1 and sentence in complaint
    assert sorted(tmp_path.iterdir()) == before


def test_outputs_that_exist_stop_everything_before_it_begins(night, tmp_path):
    default_output(night[2]).write_text("precious")
    with pytest.raises(ValueError, match=r"night2_denoised\.fits exists"):
        check_targets([(path, default_output(path)) for path in night], overwrite=False)
    assert run(*night) == 2
    assert default_output(night[2]).read_text() == "precious" and not default_output(night[0]).exists()
    assert run(*night, "--overwrite", "--quiet") == 0
