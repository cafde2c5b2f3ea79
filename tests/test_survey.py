"""A night of files: one job each, again only for what changed, one that fails told at the end and nothing else lost."""

import os
import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits

from astrounet_core._paths import ROOT
from astrounet_core.settings import NetworkSettings
from astrounet_core.unet import Denoiser
from astrounet_core.weights import save_weights
from workflow import survey


def write_image(path, seed: int = 0) -> None:
    header = fits.Header({"EXPTIME": 500.0, "BUNIT": "ELECTRONS/S"})
    pixels = np.random.default_rng(seed).normal(0, 1, (40, 40)).astype(np.float32)
    fits.PrimaryHDU(pixels, header).writeto(path, overwrite=True)


@pytest.fixture
def night(tmp_path):
    """Two images, one with a space in its name, and a broken file between them; and a weight file."""
    (tmp_path / "night").mkdir()
    for seed, name in enumerate(("a", "field two")):
        write_image(tmp_path / "night" / f"{name}.fits", seed)
    (tmp_path / "night" / "broken.fits").write_text("this is no image")
    save_weights(Denoiser(NetworkSettings(width=4)), tmp_path / "tiny.safetensors", {})
    return tmp_path


def asked(folder, **more) -> dict:
    given = {"images": f"{folder}/night/*.fits", "out": f"{folder}/out", "network": f"{folder}/tiny.safetensors"}
    return given | more


def snakemake(folder, *arguments: str, profile: str = "default") -> subprocess.CompletedProcess:
    """Run the target with its bookkeeping in the folder."""
    config = [f"{key}={value}" for key, value in asked(folder).items()]
    command = [sys.executable, "-m", "snakemake", "survey", "-s", str(ROOT / "Snakefile"), "--directory", str(folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    whole = [*command, "--workflow-profile", str(ROOT / "profiles" / profile), *arguments, "--config", *config]
    return subprocess.run(whole, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def denoised(answer: subprocess.CompletedProcess) -> list[str]:
    """The jobs that ran, or would run."""
    told = (answer.stdout + answer.stderr).splitlines()
    return sorted(line.split(": denoise ")[1] for line in told if ": denoise " in line)


def test_a_night_of_files(night):
    first = snakemake(night)
    assert first.returncode != 0 and denoised(first) == ["a", "broken", "field two"]
    end = first.stderr[first.stderr.index("2 of 3 files are denoised in") :]
    assert f"failed: {night}/night/broken.fits: " in end and "Traceback" not in end
    assert sorted(path.name for path in (night / "out").glob("*.fits")) == [
        "a_denoised.fits",
        "field two_denoised.fits",
    ]
    (night / "night" / "broken.fits").unlink()
    again = snakemake(night)
    assert again.returncode == 0 and denoised(again) == []
    write_image(night / "night" / "a.fits", seed=7)
    before = {path.name: path.stat().st_mtime_ns for path in (night / "out").glob("*.fits")}
    third = snakemake(night)
    after = {path.name: path.stat().st_mtime_ns for path in (night / "out").glob("*.fits")}
    assert third.returncode == 0 and denoised(third) == ["a"]
    assert "2 of 2 files are denoised in" in third.stderr
    assert [name for name in after if after[name] != before[name]] == ["a_denoised.fits"]


def test_slurm_gets_a_job_for_each_file(night):
    answer = snakemake(night, "-n", profile="slurm")
    assert answer.returncode == 0, answer.stderr
    assert denoised(answer) == ["a", "broken", "field two"]


def test_a_survey_that_cannot_be_made_is_refused_in_one_sentence(night):
    for path in (night / "night").iterdir():
        path.unlink()
    answer = snakemake(night)
    assert answer.returncode != 0 and "Traceback" not in answer.stderr
    assert f"survey: no file matches '{night}/night/*.fits'; check the folder, and quote the pattern." in answer.stderr


def test_options_reach_the_command_quoted_for_a_shell(night):
    made = survey.plan(asked(night, ratio=3, exptime=700, options="--clean-cosmic-rays --ext 'SCI,1'"))
    network = night / "tiny.safetensors"
    assert made.arguments == f"--ratio 3 --network {network} --exptime 700 --clean-cosmic-rays --ext SCI,1"
    assert made.output("a") == f"{night}/out/a_denoised.fits"


def test_size_time_and_weights_make_an_output_stale(night):
    def state() -> str:
        return survey.plan(asked(night)).state("a")

    seen = [state(), state()]
    os.utime(night / "night" / "a.fits", (1, 1))
    seen.append(state())
    save_weights(Denoiser(NetworkSettings(width=6)), night / "tiny.safetensors", {})
    seen.append(state())
    assert seen[0] == seen[1] and len(set(seen)) == 3


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["x.fits", "y.FITS", "z.fits.gz", "w.fits.fz", "v.fit", "u.fts"], ["u", "v", "w", "x", "y", "z"]),
        (["x.fits", "x_denoised.fits"], ["x"]),
        (["x.fits", "x.y.fits"], ["x", "x.y"]),
    ],
)
def test_names_and_own_outputs(tmp_path, files, names):
    for file in files:
        (tmp_path / file).touch()
    made = survey.plan({"images": f"{tmp_path}/*.*", "out": str(tmp_path)})
    assert sorted(made.images) == names


@pytest.mark.parametrize(
    ("files", "config", "complaint"),
    [
        (["n1/x.fits", "n2/x.fits"], {}, "n1/x.fits and .*n2/x.fits would both become x_denoised.fits; rename one"),
        (["n1/x.fits", "n1/x.fits.gz"], {}, "would both become x_denoised.fits"),
        (["n1/x{y}.fits"], {}, "braces in its name"),
        ([], {}, "no file matches"),
        (["n1/x.fits"], {"images": ""}, "there is no images="),
        (["n1/x.fits"], {"out": None}, "there is no out="),
        (["n1/x.fits"], {"network": "unheard_of"}, "no published network 'unheard_of'"),
        (["n1/x.fits"], {"network": "not_there.safetensors"}, "not_there.safetensors"),
    ],
)
def test_bad_requests_get_one_sentence_and_exit_code_2(tmp_path, capsys, files, config, complaint):
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    given = {"images": f"{tmp_path}/**/*.fits*", "out": f"{tmp_path}/out"} | config
    with pytest.raises((ValueError, OSError), match=complaint):
        survey.plan(given)
    with pytest.raises(SystemExit) as left:
        survey.choose(given, wanted=True)
    assert left.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_without_images_there_is_no_survey_unless_it_is_wanted(capsys):
    assert survey.choose({"profile": "quick"}, wanted=False).images == {} and survey.report(survey.Survey()) == []
    with pytest.raises(SystemExit):
        survey.choose({}, wanted=True)
    assert survey.USE in capsys.readouterr().err


def test_the_report_tells_the_last_line_of_a_log(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "b.log").write_text("astrounet: warning: b.fits: hm\nastrounet: b.fits is empty.\n\n")
    (tmp_path / "c_denoised.fits").touch()
    made = survey.Survey(str(tmp_path), images={"a": "n/a.fits", "b": "n/b.fits", "c": "n/c.fits"})
    assert survey.report(made) == [
        f"1 of 3 files are denoised in {tmp_path}",
        "failed: n/a.fits: not started, or stopped without a word.",
        "failed: n/b.fits: b.fits is empty.",
    ]
