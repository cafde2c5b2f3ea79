"""Training and scoring by name: fields rendered once, records left where pages look for them."""

import os
import signal
import threading

import pytest
import torch
from safetensors.torch import load_file

from astrounet_core import records, runs, scoring
from astrounet_core.field_table import VERSION, fields
from astrounet_core.provenance import read_json, sha256, write_json
from astrounet_core.scenes import render
from astrounet_core.settings import BANDS, NetworkSettings
from astrounet_core.unet import Denoiser
from astrounet_core.weights import load_weights, save_weights

BLANK = fields("test")[5]


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Results and rendered fields in a folder of our own; the test fields are one blank field."""
    for module in (runs, records):
        monkeypatch.setattr(module, "BUILD_DIR", tmp_path)
    monkeypatch.setattr(records, "RESULTS_DIR", tmp_path / "published")
    monkeypatch.setattr(scoring, "fields", lambda split: [BLANK])
    return tmp_path


def test_fields_are_rendered_once_and_kept(build, monkeypatch):
    first = runs.field_set("validation", 2)
    monkeypatch.setattr(runs, "render", lambda field: pytest.fail("rendered again"))
    again = runs.field_set("validation", 2)
    chosen = fields("validation")[:2]
    assert torch.equal(first.scenes, again.scenes) and torch.equal(first.scenes[1], render(chosen[1]).image)
    assert first.exposure_time.tolist() == [field.exposure_time for field in chosen]
    assert [BANDS[i] for i in first.band] == [field.band for field in chosen]
    assert len(list((build / "fields").iterdir())) == 1


def test_a_finished_run_is_left_alone(build, monkeypatch):
    monkeypatch.setattr(runs, "field_set", lambda *arguments: runs.FieldSet.of([BLANK], render(BLANK).image[None]))
    place = runs.train("exp09", "smoke", progress=False)
    before = (place / "run.json").stat().st_mtime_ns
    monkeypatch.setattr(runs, "Trainer", lambda *arguments: pytest.fail("trained again"))
    assert runs.train("exp09", "smoke", resume=True, progress=False) == place
    assert (place / "run.json").stat().st_mtime_ns == before


def test_runs_on_other_features_starts_or_data_have_folders_of_their_own():
    plain, vgg = (runs.recipe("exp03", "smoke", features=features) for features in ("scenes", "vgg16"))
    labels = [runs._label(plain, None, None), runs._label(vgg, None, None), runs._label(vgg, "modern", "my/m51")]
    assert labels == ["exp03", "exp03-vgg16", "exp03-vgg16-from-modern-on-m51"]


@pytest.fixture
def one_field(monkeypatch):
    blank = runs.FieldSet.of([BLANK], render(BLANK).image[None])
    monkeypatch.setattr(runs, "field_set", lambda *arguments: blank)


def test_several_at_once_train_what_each_would_alone(build, one_field):
    names, short = (
        ["misaligned_c", "network1", "exp08"],
        {"updates": 2, "progress": False},
    )  # the first needs the second
    with pytest.raises(FileNotFoundError):
        runs.train("misaligned_c", "smoke", out=build / "none", **short)
    together = runs.train_many(names, "smoke", at_once=2, out=build / "together", **short)
    alone = [runs.train(name, "smoke", out=build / "alone", **short) for name in ("network1", "exp08", "misaligned_c")]
    for one, two in zip(together, [alone[2], *alone[:2]], strict=True):
        weights = [load_file(place / "weights.safetensors") for place in (one, two)]
        assert one.parent.name == two.parent.name
        assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


def test_a_signal_stops_all_of_several_with_their_checkpoints(build, one_field, monkeypatch):
    step, both = runs.Trainer.step, threading.Barrier(2)

    def signalled(trainer):
        step(trainer)
        if trainer.update == 2 and both.wait() == 0:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(runs.Trainer, "step", signalled)
    names = ["network1", "exp08", "exp01"]
    with pytest.raises(KeyboardInterrupt):
        runs.train_many(names, "smoke", at_once=2, updates=10_000, progress=False, out=build)
    assert all((build / "smoke" / name / "seed0" / "checkpoint.pt").exists() for name in names[:2])
    assert not (build / "smoke" / "exp01").exists()


def test_processes_train_one_network_at_a_time(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="leave --at-once away"):
        runs.train_many(["network1", "exp08"], "smoke", at_once=2)


def test_free_methods_leave_scores_and_a_record(build):
    paths = scoring.evaluate(["unchanged", "ceiling"], "quick", exposure_ratios=[2], progress=False)
    assert [path.parent.parent.name for path in paths] == ["unchanged", "ceiling"]
    unchanged, ceiling = (records.lookup(name) for name in ("unchanged", "ceiling"))
    assert unchanged.row("nmse", "independent")["value"] == pytest.approx(1, abs=0.03)
    assert ceiling.row("nmse", "independent")["value"] == 0
    assert unchanged.run["data"] == VERSION and unchanged.run["weights_sha256"] is None


def test_a_network_trained_here_keeps_its_own_record(build, monkeypatch):
    monkeypatch.setattr(runs, "field_set", lambda *arguments: runs.FieldSet.of([BLANK], render(BLANK).image[None]))
    place = runs.train("network1", "smoke", progress=False)
    scoring.evaluate(["network1"], "smoke", exposure_ratios=[2], progress=False)
    record = records.lookup("network1", "smoke")
    assert record.run["updates"] == 4 and record.row("mae", "paper") is not None
    assert read_json(place / "evaluation.json")["weights_sha256"] == sha256(place / "weights.safetensors")


def weight_file(path, **settings):
    save_weights(Denoiser(NetworkSettings(**({"width": 4} | settings))), path, {})
    return path


def test_a_run_from_other_weights_takes_their_width_and_slope_and_says_so(build, monkeypatch):
    monkeypatch.setattr(runs, "field_set", lambda *arguments: runs.FieldSet.of([BLANK], render(BLANK).image[None]))
    path = weight_file(build / "old.safetensors", width=6, slope=0.125)
    place = runs.train("network1", "smoke", start=str(path), batch=1, updates=1, progress=False)
    assert place == build / "results" / "smoke" / "network1-from-old" / "seed0"
    run = read_json(place / "run.json")
    assert (run["start_from"], run["start_from_sha256"]) == ("old.safetensors", sha256(path))
    assert (run["width"], run["batch"], run["data"]) == (6, 1, VERSION)
    assert load_weights(place / "weights.safetensors")[0].settings == NetworkSettings(width=6, slope=0.125)


def test_a_run_begins_with_the_weights_of_the_file(build):
    path = weight_file(build / "old.safetensors")
    plan = runs.starting_from(str(path), runs.recipe("network1", "smoke"))
    data = runs.FieldSet.of([BLANK], render(BLANK).image[None])
    begun, source = runs.Trainer(plan, data, data, build / "x" / "seed0").network, load_weights(path)[0]
    assert all(torch.equal(a, b) for a, b in zip(begun.parameters(), source.parameters(), strict=True))


def test_a_published_network_is_found_by_name():
    plan = runs.starting_from("modern", runs.recipe("modern", "smoke"))
    assert plan.preset.learning_rate == pytest.approx(0.1 * runs.recipe("modern", "smoke").preset.learning_rate)
    assert plan.schedule.width == load_weights(plan.experiment.start_from)[0].settings.width == 16
    assert plan.origin["start_from"] == "modern.safetensors"


@pytest.mark.parametrize(
    ("name", "settings", "complaint"),
    [
        (
            "network1",
            {"output": "noise_units"},
            "network1 has output 'direct', old.safetensors has 'noise_units'",
        ),
        ("exp09", {}, "exp09 has activation 'relu', old.safetensors has 'leaky_relu'"),
        (
            "network1",
            {"ratio_mode": "none"},
            "network1 has ratio_mode 'concatenate', old.safetensors has 'none'",
        ),
    ],
)
def test_a_network_of_another_kind_is_no_start(build, name, settings, complaint):
    path = weight_file(build / "old.safetensors", **settings)
    with pytest.raises(ValueError, match=complaint):
        runs.starting_from(str(path), runs.recipe(name, "smoke"))


def test_an_unknown_method_is_refused_before_anything_is_written(build):
    with pytest.raises(ValueError, match="unknown method 'magic'"):
        scoring.evaluate(["unchanged", "magic"], "quick", progress=False)
    assert not (build / "results").exists()


def test_weights_keep_what_they_say(tmp_path):
    network = Denoiser(NetworkSettings(width=4, output="noise_units"))
    save_weights(network, tmp_path / "a.safetensors", {"updates": "7"})
    loaded, metadata = load_weights(tmp_path / "a.safetensors")
    assert loaded.settings == network.settings and metadata["updates"] == "7" and not loaded.training
    assert all(torch.equal(a.half().float(), b) for a, b in zip(network.parameters(), loaded.parameters(), strict=True))


def test_scores_of_published_weights_say_how_these_were_trained(build, monkeypatch):
    trained = records.folder("retrain", "network1", published=True)
    write_json(trained / "run.json", {"experiment": "network1", "preset": "code", "data": VERSION, "updates": 500})
    (trained / "history.csv").write_text("update,loss\n1,0.5\n")
    network = build / "network1.safetensors"
    save_weights(Denoiser(NetworkSettings(width=4)), network, {})
    monkeypatch.setattr(scoring, "WEIGHTS_DIR", build)
    monkeypatch.setattr(scoring, "load_network", lambda name: load_weights(network)[0])
    for _ in range(2):
        scoring.evaluate(["network1"], "quick", exposure_ratios=[2], progress=False)
    run = records.recomputed("network1", "quick").run
    assert (run["profile"], run["preset"], run["updates"]) == ("quick", "code", 500)
    assert run["trained_by"]["updates"] == 500 and "trained_by" not in run["trained_by"]
