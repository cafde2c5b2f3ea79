"""The command line: what it answers to bad input, and that a FITS file comes back whole."""

import json

import numpy as np
import pytest
from astropy.io import fits
from safetensors.torch import save_file

from astrounet_core import cli
from astrounet_core.experiments import EXPERIMENTS
from astrounet_core.features import FEATURES
from astrounet_core.settings import NetworkSettings
from astrounet_core.unet import Denoiser
from astrounet_core.weights import save_weights


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "tiny.safetensors"
    save_weights(Denoiser(NetworkSettings(width=4)), path, {})
    return path


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "star.fits"
    data = np.random.default_rng(0).normal(0, 5, (40, 60)).astype(np.float32)
    data[20, 30] += 900
    data[3, 4] = np.nan
    primary = fits.PrimaryHDU(header=fits.Header({"EXPTIME": 500.0, "TELESCOP": "HST"}))
    science = fits.ImageHDU(data, fits.Header({"BUNIT": "ELECTRONS", "CRVAL1": 177.1}), name="SCI")
    quality = fits.ImageHDU(np.ones((40, 60), np.int16), name="DQ")
    fits.HDUList([primary, science, quality]).writeto(path)
    return path


def refused(capsys, *arguments) -> str:
    """Run the command, which must fail with exit code 2 and one sentence; returns the sentence."""
    assert cli.main([str(argument) for argument in arguments]) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("astrounet: ") and complaint.count("\n") == 1
    return complaint


def test_weights_that_are_missing_corrupt_or_foreign(image, tmp_path, capsys):
    missing, corrupt, foreign = (tmp_path / f"{name}.safetensors" for name in ("missing", "corrupt", "foreign"))
    corrupt.write_bytes(b"\x80\x04 a pickle?")
    save_file({}, foreign, metadata={"format": "pt"})
    for path, complaint in (
        (missing, "there is no weight file"),
        (corrupt, "not a readable safetensors weight file"),
        (foreign, "not written by astrounet"),
    ):
        assert complaint in refused(capsys, "denoise", image, "--network", path)


def test_weights_that_do_not_fit_their_header(image, weights, tmp_path, capsys):
    wrong = tmp_path / "wrong.safetensors"
    save_file({}, wrong, metadata=NetworkSettings(width=4).to_metadata())
    assert "do not fit the network" in refused(capsys, "denoise", image, "--network", wrong)


def test_unknown_names_list_the_choices(capsys):
    assert "unknown experiment 'network9'" in refused(capsys, "train", "network9", "--profile", "smoke")
    assert "unknown training profile 'quick'" in refused(capsys, "train", "network1", "--profile", "quick")
    assert "unknown preset 'slow'" in refused(capsys, "train", "network1", "--profile", "smoke", "--preset", "slow")
    assert "unknown method 'magic'" in refused(capsys, "evaluate", "magic", "--profile", "smoke")


def test_doctor_reports_versions_devices_and_files(capsys):
    code = cli.main(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert code == (0 if found["healthy"] else 1)
    assert found["versions"]["torch"].startswith("2.13.0") and found["devices"][0].startswith("cpu")
    assert {file["state"] for file in found["files"]} <= {"present", "missing", "corrupt"}


def test_doctor_speaks_plainly(capsys):
    cli.main(["doctor"])
    text = capsys.readouterr().out
    assert text.startswith("astrounet 0.1.0") and "device: cpu" in text


def test_training_help_names_every_experiment(capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", "--help"])
    text = capsys.readouterr().out.replace("\n", " ")
    assert all(name in text for name in EXPERIMENTS)
    assert all(word in text for word in ("NAME_short.fits", "NAME_a.fits", "--from WEIGHTS", "--data hla"))
    assert f"--features {{{','.join(FEATURES)}}}" in " ".join(text.split())


def test_training_passes_everything_on(monkeypatch, tmp_path, capsys):
    seen = {}
    monkeypatch.setattr(
        "astrounet_core.runs.train", lambda *names, **options: seen.update(options) or tmp_path / names[0]
    )
    text = "train network1 exp08 --at-once 2 --from modern --data pairs --features vgg16 --batch 3 --updates 7 --seed 2"
    assert cli.main(text.split()) == 0
    wanted = {"start": "modern", "data": "pairs", "features": "vgg16", "batch": 3, "updates": 7, "seed": 2}
    assert seen.items() >= (wanted | {"device": "auto", "progress": True}).items()
    written = [f"{name}: {tmp_path / name / 'weights.safetensors'}" for name in ("network1", "exp08")]
    assert capsys.readouterr().out.splitlines() == written


def test_training_on_what_is_not_there(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("ASTROUNET_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ASTROUNET_CACHE_DIR", str(tmp_path / "cache"))
    train = ("train", "network1", "--profile", "smoke", "--out", tmp_path / "out")
    assert "there is no folder" in refused(capsys, *train, "--data", tmp_path / "nowhere")
    assert "holds no pair; name its files" in refused(capsys, *train, "--data", tmp_path)
    assert "6 of 6 training files are not on this machine" in refused(capsys, *train, "--data", "hla")
    assert "no published network 'network7'" in refused(capsys, *train, "--from", "network7")
    assert not (tmp_path / "out").exists()


def test_numbers_below_one_are_refused(capsys):
    for option in ("--updates", "--batch", "--at-once"):
        with pytest.raises(SystemExit):
            cli.main(["train", "network1", option, "0"])
        assert "0 is too few" in capsys.readouterr().err


def test_an_interrupt_is_not_a_traceback(monkeypatch, capsys):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("astrounet_core.runs.train", interrupted)
    assert cli.main(["train", "network1"]) == 130
    assert "--resume goes on from it" in capsys.readouterr().err
