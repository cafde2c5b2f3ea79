"""Which record a page shows, when it is stale, and how one is published."""

import json

import pytest

from astrounet_core import records
from astrounet_core.field_table import VERSION
from astrounet_core.manifest import weights_path
from astrounet_core.provenance import read_json, sha256, write_json
from astrounet_core.tally import write_fields


@pytest.fixture
def house(tmp_path, monkeypatch):
    """An empty project of our own: results, weights, manifest and build folder."""
    folders = {name: tmp_path / name.lower() for name in ("RESULTS", "WEIGHTS", "MANIFEST", "BUILD")}
    for name, path in folders.items():
        path.mkdir()
        monkeypatch.setattr(records, f"{name}_DIR", path)
    return tmp_path


def run(place, **changes) -> None:
    """Leave a finished run in a folder."""
    record = {"experiment": "network1", "preset": "code", "data": VERSION, "updates": 500, "paper_updates": 800_000}
    write_json(place / "run.json", record | {"weights_sha256": "0", "seed": 0} | changes)
    (place / "history.csv").write_text("update,loss\n1,0.5\n2,0.25\n")
    row = {"fields": "training", "protocol": "paper", "exposure_ratio": 2, "metric": "psnr", "value": 50.0}
    write_json(place / "metrics.json", [row | {"low": 49.0, "high": 51.0, "n": 6}])


def test_a_missing_record_is_none_with_the_command_that_obtains_it(house):
    assert records.lookup("exp04") is None
    assert records.command("exp04") == "astrounet train exp04 --profile retrain"
    assert records.command("gaussian_blur", "quick") == "astrounet evaluate gaussian_blur --profile quick"


def test_the_papers_schedule_is_shown_before_the_laptops(house):
    for profile in ("retrain", "paper"):
        run(records.folder(profile, "network1", published=True), profile=profile)
    assert records.lookup("network1").run["profile"] == "paper"


def test_this_machines_run_of_the_profile_comes_first(house):
    run(records.folder("paper", "network1", published=True), profile="paper")
    run(records.folder("retrain", "network1"), profile="retrain")
    assert records.lookup("network1", "retrain").run["profile"] == "retrain"
    assert records.lookup("network1", "paper").run["profile"] == "paper"


def test_quick_shows_published_runs_first_and_its_own_apart(house):
    run(records.folder("quick", "network1"), profile="quick")
    assert records.lookup("network1", "quick").run["profile"] == "quick"
    run(records.folder("retrain", "network1", published=True), profile="retrain")
    assert records.lookup("network1", "quick").run["profile"] == "retrain"
    assert records.recomputed("network1", "quick") is None
    row = {"field": "a", "fields": "training", "protocol": "paper", "exposure_ratio": 2.0, "mae": 1.0}
    write_fields(records.folder("quick", "network1") / "fields.csv", [row])
    assert records.recomputed("network1", "quick").fields == [row]


def test_smoke_pages_never_show_published_numbers(house):
    run(records.folder("paper", "network1", published=True))
    assert records.lookup("network1", "smoke") is None


def test_a_record_gives_rows_history_and_its_share_of_the_schedule(house):
    run(records.folder("retrain", "network1", published=True))
    record = records.lookup("network1")
    assert record.row("psnr", "paper", 2)["value"] == 50.0
    assert record.row("psnr", "independent", 2) is None and record.row("psnr", "paper", 3) is None
    assert [row["loss"] for row in record.history] == [0.5, 0.25]
    assert record.share_of_schedule == pytest.approx(500 / 800_000)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [({"data": "fields-v0"}, "was made with fields fields-v0"), ({"preset": "old"}, "preset 'old', which is no more")],
)
def test_stale_records_stop_the_page(house, changes, complaint):
    run(records.folder("retrain", "network1", published=True), **changes)
    with pytest.raises(ValueError, match=complaint):
        records.lookup("network1")


def test_a_new_commit_does_not_make_a_record_stale(house):
    run(records.folder("retrain", "network1", published=True), commit="long ago")
    assert records.lookup("network1").run["commit"] == "long ago"


def test_publishing_copies_the_record_and_lists_the_weights(house, monkeypatch):
    source = records.folder("retrain", "network1")
    run(source)
    (source / "weights.safetensors").write_bytes(b"weights")
    run(source, weights_sha256=sha256(source / "weights.safetensors"))
    written = records.publish("retrain", ["network1"], ["network1"])
    assert {path.name for path in written} == {"run.json", "history.csv", "metrics.json", "network1.safetensors"}
    assert records.lookup("network1").run["published_weights"] is True
    monkeypatch.setattr("astrounet_core.manifest.WEIGHTS_DIR", records.WEIGHTS_DIR)
    monkeypatch.setattr("astrounet_core.manifest.WEIGHTS", records.MANIFEST_DIR / "weights.toml")
    assert weights_path("network1") == records.WEIGHTS_DIR / "network1.safetensors"


def test_replaced_weights_make_their_record_stale(house):
    test_source = records.folder("retrain", "network1")
    run(test_source)
    (test_source / "weights.safetensors").write_bytes(b"weights")
    run(test_source, weights_sha256=sha256(test_source / "weights.safetensors"))
    records.publish("retrain", ["network1"], ["network1"])
    (records.WEIGHTS_DIR / "network1.safetensors").write_bytes(b"others")
    with pytest.raises(ValueError, match="belongs to other weights"):
        records.lookup("network1")


def test_an_unfinished_run_cannot_be_published(house):
    (records.BUILD_DIR / "results" / "retrain" / "network1" / "seed0").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="holds no finished run"):
        records.publish("retrain", ["network1"], [])


def test_a_run_that_never_was_cannot_be_published(house):
    with pytest.raises(FileNotFoundError, match="no run of exp02"):
        records.publish("retrain", ["exp02"], [])


def test_publishing_elsewhere_leaves_no_path_behind(house):
    place = records.folder("retrain", "exp01")
    run = {"experiment": "exp01", "command": "cli.py train exp01 --out /disk/runs --seed 0"}
    write_json(place / "run.json", run)
    records.publish("retrain", ["exp01"], [], to="table1")
    made = records.folder("table1", "exp01", published=True)
    assert read_json(made / "run.json")["command"] == "cli.py train exp01 --seed 0"
    assert not records.folder("retrain", "exp01", published=True).exists()


def test_published_records_of_this_repository_are_fresh():
    found = sorted(records.RESULTS_DIR.glob("*/*/seed*/run.json"))
    for path in found:
        records.check(records.Record(path.parent))
        assert json.loads(path.read_text())["commit"] != "unknown"


def test_the_run_that_trained_a_network_is_found_behind_the_one_that_scored_it(house):
    run(records.folder("paper", "network1"), profile="paper")
    (records.folder("paper", "network1") / "history.csv").unlink()
    assert records.lookup("network1", "paper", holding="history.csv") is None
    run(records.folder("retrain", "network1", published=True), profile="retrain")
    assert records.lookup("network1", "paper").run["profile"] == "paper"
    assert records.lookup("network1", "paper", holding="history.csv").run["profile"] == "retrain"
