"""Rows and curves that pages show, from records made up for the test."""

import pytest

from astrounet_core import records, report
from astrounet_core.experiments import EXPERIMENTS, SCHEDULES
from astrounet_core.field_table import VERSION
from astrounet_core.provenance import write_json


@pytest.fixture
def house(tmp_path, monkeypatch):
    """An empty project of our own."""
    for name in ("RESULTS", "WEIGHTS", "BUILD"):
        monkeypatch.setattr(records, f"{name}_DIR", tmp_path / name.lower())


@pytest.fixture
def trained(house):
    """A published run of Network 1: 8000 updates in 40 minutes."""
    place = records.folder("retrain", "network1", published=True)
    run = {"experiment": "network1", "profile": "retrain", "preset": "code", "data": VERSION, "seed": 0}
    write_json(
        place / "run.json", run | {"updates": 8000, "paper_updates": 800_000, "seconds": 2400.0, "device": "cpu"}
    )
    (place / "history.csv").write_text("update,loss\n1,0.5\n2,0.25\n")


def test_a_trained_network_has_its_effort_and_the_others_do_not(trained):
    rows = {row["name"]: row for row in report.experiment_rows("quick")}
    assert len(rows) == len(EXPERIMENTS)
    one = rows["`network1`"]
    assert (one["updates"], one["share"], one["minutes"], one["profile"]) == (8000, 1.0, 40.0, "`retrain`")
    assert "updates" not in rows["`network2`"] and rows["`network2`"]["ratios"] == "2, 3, 4, 5, ordered"
    assert rows["`exp09`"]["differs"] == "activation = relu" and one["differs"] == "–"


def test_schedules_count_updates_and_pixels(trained):
    rows = {row["profile"]: row for row in report.schedule_rows()}
    assert set(rows) == {f"`{name}`" for name in SCHEDULES}
    assert rows["`paper`"]["share"] == 100 and rows["`paper`"]["pixels"] == pytest.approx(800_000 * 256**2 / 1e9)
    assert rows["`retrain`"]["share"] == pytest.approx(100 * SCHEDULES["retrain"].updates / 800_000)
    assert (rows["`retrain`"]["ran"], rows["`retrain`"]["minutes"]) == (8000, 40.0)
    assert rows["`paper`"]["ran"] is rows["`smoke`"]["minutes"] is None


def test_network_2_has_four_updates_a_crop(house):
    assert {row["profile"]: row["updates"] for row in report.schedule_rows("network2")}["`paper`"] == 3_200_000


def test_curves_say_what_was_not_run(trained):
    curves = report.loss_curves("quick", ["network1", "network2"])
    assert curves == {"Network 1": ([1.0, 2.0], [0.5, 0.25]), "Network 2: not run": ([], [])}


def test_what_is_missing_comes_with_its_command(trained):
    sentence = report.not_run(["network1", "network2", "gaussian_blur"], "quick")
    assert sentence == (
        "Not run: Network 2, Gaussian blur. To obtain: `astrounet train network2 --profile retrain`, "
        "`astrounet evaluate gaussian_blur --profile quick`."
    )
    assert report.not_run(["network1"], "quick") == ""
    assert "train network1 --profile smoke" in report.not_run(["network1"], "smoke")


def test_a_name_that_is_nothing_is_refused():
    with pytest.raises(ValueError, match="no method 'magic'"):
        report.title("magic")
