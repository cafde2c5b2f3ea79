"""The scorecard's record, its parts that are kept, its methods, and the numbers of a small one."""

import json

import numpy as np
import pytest

from astrounet_core import cli, completeness, score_methods, score_record, score_sections, scorecard
from astrounet_core.baselines import unchanged
from astrounet_core.completeness import LONGER, REFERENCE, Found
from astrounet_core.exposures import VERSION
from astrounet_core.score_rows import KEYS, row
from astrounet_core.score_sections import Counts, packed, unpacked

ABOUT = {"method": "a", "fields": "blank sky", "protocol": "standard", "exposure_ratio": 2.0}
TINY = Counts(skies=1, noise_seeds=1, fields=1, alarms=2, size=320)


@pytest.fixture
def build(tmp_path, monkeypatch):
    for module in (scorecard, score_record):
        monkeypatch.setattr(module, "BUILD_DIR", tmp_path / "_build")
    monkeypatch.setattr(score_record, "RESULTS_DIR", tmp_path / "results")
    monkeypatch.setitem(scorecard.COUNTS, "quick", TINY)
    return tmp_path


@pytest.fixture
def counted(monkeypatch):
    """One section that costs nothing, and how often it was run for whom."""
    calls = []

    def section(methods, counts):
        calls.extend(methods)
        image = np.ones((2, 2))
        return {
            name: {"rows": [row(ABOUT | {"method": name}, "mean", method(image, 1.0, 2.0).mean())]}
            for name, method in methods.items()
        }

    monkeypatch.setattr(scorecard, "SECTIONS", {"mean": section})
    return calls


def double(image, exposure_time, exposure_ratio):
    return 2 * image


def test_record_comes_back(tmp_path):
    rows = [row(ABOUT, "m90", 26.123456789, low=26.0, high=26.2, n=7), row(ABOUT, "snr", 5.0, magnitude=25.0)]
    score_record.write(tmp_path / "scorecard.json", {"a": {}}, {"a": {"title": "A"}}, rows)
    found = score_record.read(tmp_path / "scorecard.json")
    assert found.rows[0] == rows[0] | {"value": 26.123} and found.rows[1] == rows[1]
    assert found.value("a", "m90")["n"] == 7 and found.value("a", "absent") is None
    assert (found.title("a"), found.title("b")) == ("A", "b")
    lines = (tmp_path / "scorecard.csv").read_text().splitlines()
    assert lines[0] == ",".join(KEYS) and len(lines) == 3


def test_a_value_is_one_row(tmp_path):
    rows = [row(ABOUT | {"fields": fields}, "snr", 5.0, magnitude=25.0) for fields in ("a", "b")]
    score_record.write(tmp_path / "scorecard.json", {}, {}, rows)
    found = score_record.read(tmp_path / "scorecard.json")
    assert found.value("a", "snr", 25.0, fields="b")["value"] == 5.0 and found.value("a", "snr") is None
    with pytest.raises(ValueError, match="2 rows of 'snr'"):
        found.value("a", "snr", 25.0)
    assert len(score_record.pick(found.rows, fields=("a", "b"))) == 2


def test_another_version_does_not_compare(tmp_path):
    (tmp_path / "scorecard.json").write_text('{"version": "scorecard-v0"}')
    with pytest.raises(ValueError, match=VERSION):
        score_record.read(tmp_path / "scorecard.json")


def test_the_published_record_is_shown_and_ones_own_on_demand(build):
    assert score_record.load("quick") is None
    own, published = score_record.places("quick")[0], score_record.places("retrain")[1]
    score_record.write(own, {}, {}, [row(ABOUT, "snr", 1.0)])
    assert score_record.load("quick").path == own
    score_record.write(published, {}, {}, [row(ABOUT, "snr", 2.0)])
    assert score_record.load("quick").path == published and score_record.load("quick", own=True).path == own
    assert score_record.load("smoke") is None


def test_what_is_there_is_kept(build, counted):
    path = scorecard.run({"double": double}, "quick", ["mean"])
    assert counted == [REFERENCE, "double"]
    found = score_record.read(path)
    assert found.value("double", "mean")["value"] == 2.0
    assert found.runs["double"]["mean"]["profile"] == "quick"
    scorecard.run({"double": double}, "quick", ["mean"])
    assert counted == [REFERENCE, "double"]


def test_other_counts_are_measured_again(build, counted, monkeypatch):
    scorecard.run({}, "quick", ["mean"])
    monkeypatch.setitem(scorecard.COUNTS, "quick", Counts(skies=2))
    scorecard.run({}, "quick", ["mean"])
    assert counted == [REFERENCE] * 2


def test_a_stopped_run_goes_on(build, counted, monkeypatch):
    def fails(image, exposure_time, exposure_ratio):
        raise KeyboardInterrupt

    monkeypatch.setattr(scorecard, "TOGETHER", 1)
    with pytest.raises(KeyboardInterrupt):
        scorecard.run({"fails": fails}, "quick", ["mean"])
    path = scorecard.run({"double": double}, "quick", ["mean"])
    assert counted == [REFERENCE, "fails", "double"] and set(score_record.read(path).runs) == {REFERENCE, "double"}


@pytest.mark.parametrize("given", [("nothing", ["mean"]), ("quick", ["wrong"])])
def test_unknown_names(build, given):
    with pytest.raises(ValueError, match="choose one of"):
        scorecard.run({}, *given)


def test_nothing_to_merge(build):
    with pytest.raises(FileNotFoundError, match="--methods all"):
        scorecard.merge("quick")


def test_found_comes_back():
    found = Found(np.array([25.0, 26.5]), np.array([True, False]), np.array([3, 3]), np.array([]), np.array([], bool))
    again = unpacked(json.loads(json.dumps(packed(found))))
    for key in score_sections.FOUND:
        np.testing.assert_array_equal(getattr(again, key), getattr(found, key))
    assert again.seen.dtype == bool


def test_detection_against_the_same_noise(build, monkeypatch):
    """Scaling an image changes nothing that is found; twice the exposure goes deeper on the same sources."""
    record = score_record.read(scorecard.run({"double": double}, "quick", ["detection"]))
    stars = {"fields": "isolated stars"}
    assert record.value("double", "delta_m90", **stars)["value"] == pytest.approx(0, abs=1e-9)
    assert record.value(LONGER, "delta_m90", **stars)["value"] == pytest.approx(0.376, abs=0.3)
    ours, theirs = (record.value(name, "threshold_point")["value"] for name in ("double", REFERENCE))
    assert ours == pytest.approx(theirs, rel=1e-4)
    invented = "invented, 10 alarms per arcmin2"
    assert record.value("double", invented, fields="blank sky", protocol="standard")["value"] >= 0


def test_skies_of_every_kind():
    assert {*score_sections.ALONE, *score_sections.CROWDED} == set(score_sections.BANKS)
    kinds = {kind: score_sections.skies(kind, TINY) for kind in score_sections.BANKS}
    assert {kind: len(made) for kind, made in kinds.items()} == dict.fromkeys(kinds, 1)
    assert len({made[0].fields for made in kinds.values()}) == len(kinds)
    again = score_sections.skies("isolated", Counts(skies=1, noise_seeds=3, size=320))
    assert [sky.noise_seed for sky in again] == [0, 1, 2]


def test_methods_by_name():
    found = score_methods.methods(["unchanged", "gaussian_blur", "unchanged"])
    assert list(found) == ["unchanged", "gaussian_blur"] and found["unchanged"] is unchanged
    names = score_methods.everything()
    assert {"modern", "starlet", "matched_filter"} <= set(names) and len(names) == len(set(names))
    assert {score_methods.about(name)["title"] for name in (*names, LONGER)} >= {"Longer exposure"}
    with pytest.raises(ValueError, match="module:function"):
        score_methods.method("nobody")


def test_a_published_network_is_a_method():
    image = np.random.default_rng(0).normal(0, 0.01, (48, 64)).astype(np.float32)
    assert score_methods.method("modern")(image, 500.0, 2.0).shape == image.shape


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return image[1:]", "return a denoised image"),
        ("return image * float('nan')", "return a denoised image"),
        ("return image / missing", "missing"),
    ],
)
def test_ones_own_method_is_tried_first(tmp_path, monkeypatch, body, message):
    name = f"mine_{abs(hash(body))}"
    (tmp_path / f"{name}.py").write_text(f"def denoise(image, exposure_time, exposure_ratio):\n    {body}\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        score_methods.own(f"{name}:denoise")


def test_ones_own_method_by_command(build, counted, tmp_path, monkeypatch, capsys):
    (tmp_path / "tenth.py").write_text("def denoise(image, exposure_time, exposure_ratio):\n    return image / 10\n")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["evaluate", "--method", "tenth:denoise", "--sections", "mean"]) == 0
    path = capsys.readouterr().out.split()[0]
    assert score_record.read(path).value("tenth:denoise", "mean")["value"] == pytest.approx(0.1)


def test_a_changed_file_of_ones_own_is_noticed(tmp_path, monkeypatch):
    (tmp_path / "changing.py").write_text("def denoise(image, exposure_time, exposure_ratio):\n    return image\n")
    monkeypatch.chdir(tmp_path)
    before = score_methods.weights_hash("changing:denoise")
    with open(tmp_path / "changing.py", "a") as stream:
        stream.write("# another one\n")
    assert score_methods.weights_hash("changing:denoise") != before


def test_commands_that_say_what_is_wrong(capsys):
    assert cli.main(["evaluate"]) == 2 and "--methods all" in capsys.readouterr().err
    assert cli.main(["evaluate", "--methods", "nobody"]) == 2 and "'nobody'" in capsys.readouterr().err
    assert cli.main(["evaluate", "--method", "not_there:f"]) == 2 and "not_there" in capsys.readouterr().err


def test_reference_is_its_own_zero():
    magnitude = np.linspace(24, 27, 400)
    seen = np.random.default_rng(0).random(400) < 1 / (1 + np.exp(8 * (magnitude - 25.5)))
    found = Found(magnitude, seen, np.arange(400) // 100, np.array([]), np.array([], bool))
    rows = {each["quantity"]: each for each in completeness.rows(ABOUT, found, found) if each["magnitude"] is None}
    assert rows["delta_m90"]["value"] == rows["delta_m90"]["low"] == 0
    assert rows["m50"]["value"] == pytest.approx(25.5, abs=0.1) and rows["m90"]["value"] < rows["m50"]["value"]
