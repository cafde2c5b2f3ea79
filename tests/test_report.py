"""Rows and curves that pages show, from records made up for the test."""

import math

import pytest

from astrounet_core import paper_rows, records, report
from astrounet_core.experiments import EXPERIMENTS, SCHEDULES
from astrounet_core.field_table import VERSION
from astrounet_core.provenance import write_json
from astrounet_core.tally import summarise, write_fields


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


def score(name: str, maes: list[float], profile: str = "retrain", **measures: float) -> None:
    """A record of a method, scored at r = 2 on fields of these errors, under two protocols; published unless quick."""
    place = records.folder(profile, name, published=profile != "quick")
    write_json(place / "run.json", {"experiment": name, "profile": profile, "data": VERSION, "seed": 0})
    about = {
        "fields": "training",
        "exposure_ratio": 2.0,
        "tp": 8.0,
        "fp": 2.0,
        "fn": 2.0,
        "rfe": 1.0,
        "rfe_absolute": 2.0,
    }
    rows = [
        {"field": f"f{i}", "protocol": protocol, "mae": mae} | about | measures
        for protocol in ("paper", "independent")
        for i, mae in enumerate(maes)
    ]
    write_fields(place / "fields.csv", rows)
    write_json(place / "metrics.json", summarise(rows))


PAPER = {"psnr_paper": 10.0, "ssim_paper": 0.5, "kl_paper": 0.02, "snr_factor": 0.7}
MATCHED = {"psnr_matched": 30.0, "ssim_matched": 0.6, "snr_factor_matched": 1.3}


def test_table_2_has_ours_below_every_row_of_the_paper(house):
    score("unchanged", [1.0, 2.0, 3.0], **PAPER, **MATCHED)
    rows = paper_rows.table2_rows("quick")
    assert [row["who"] for row in rows] == ["paper", "ours"] * 6
    assert (rows[0]["tpr"], rows[1]["tpr"], rows[1]["psnr"]) == (68.08, pytest.approx(80), 10.0)
    assert rows[3].keys() == {"title", "who", "exposure_ratio"} and rows[3]["exposure_ratio"] == 2


def test_a_flux_matched_input_differs_in_its_pixels_and_its_label_only(house):
    score("unchanged", [1.0, 2.0, 3.0], **PAPER, **MATCHED)
    own, renamed, blur = paper_rows.control_rows("quick", [2], ["gaussian_blur"])
    assert (own["psnr"], own["ssim"], own["snr_factor"], own["kl"]) == (10.0, 0.5, 0.7, 0.02)
    assert (renamed["psnr"], renamed["ssim"], renamed["snr_factor"]) == (30.0, 0.6, 1.3)
    assert (renamed["kl"], renamed["tpr"]) == (0.02, pytest.approx(80))
    assert blur == {"title": "Gaussian blur", "exposure_ratio": 2}


def test_the_papers_columns_come_with_their_uncertainty(house):
    score("unchanged", [1.0] * 60, **PAPER, **MATCHED)
    fields = records.lookup("unchanged").fields
    for row, psnr in zip(fields, [8.0, 10.0, 12.0] * 40, strict=True):
        row["psnr_paper"] = psnr
    write_json(records.folder("retrain", "unchanged", published=True) / "metrics.json", summarise(fields))
    ours = paper_rows.table2_rows("quick")[1]
    assert ours["psnr"] == 10 and ours["psnr_uncertainty"] == pytest.approx((8 / 3 / 60) ** 0.5, rel=0.1)
    assert ours["ssim_uncertainty"] is None and math.isnan(ours["tpr_uncertainty"])


def test_what_was_measured_again_is_compared_on_the_same_fields(house):
    score("unchanged", [1.0, 2.0, 3.0, 40.0])
    score("unchanged", [1.1, 1.9, 3.3], profile="quick")
    score("modern", [1.0, 2.0, 3.0], profile="quick")
    (row,) = paper_rows.recomputed_rows("quick", ["unchanged", "modern", "ceiling"], ["mae"], "paper", 2.0)
    assert (row["title"], row["n"], row["agrees"]) == ("Input unchanged", 3, True)
    assert (row["here"], row["published"]) == (pytest.approx(2.1), pytest.approx(2.0))
    assert row["difference"] == pytest.approx(0.1)
    score("unchanged", [2.1, 2.9, 4.3], profile="quick")
    (row,) = paper_rows.recomputed_rows("quick", ["unchanged"], ["mae"], "paper", 2.0)
    assert not row["agrees"]


def test_scores_come_with_their_interval(house):
    score("unchanged", [1.0, 2.0, 3.0], psnr=math.inf)
    row, missing = report.score_rows("quick", [2], ["unchanged", "modern"], ["mae", "psnr"])
    assert row["mae"] == 2.0 and 1 < row["mae_low"] < 2 < row["mae_high"] < 3
    assert row["psnr"] == "–" and missing == {"title": "Modern", "exposure_ratio": 2}
    (other,) = report.score_rows("quick", [2], ["unchanged"], ["mae"], fields="held_out")
    assert "mae" not in other


def test_methods_are_ranked_where_their_difference_is_clear(house):
    score("unchanged", [1.0, 10.0, 100.0], flux_bias=-1.0)
    score("modern", [0.9, 9.8, 99.9], flux_bias=2.0)
    score("network1", [2.0, 8.0, 100.0], flux_bias=1.0)
    terms = ("mae", "independent", 2, "quick")
    assert report.comparison("modern", "unchanged", *terms)["better"] is True
    assert report.comparison("unchanged", "modern", *terms)["better"] is False
    assert report.comparison("network1", "unchanged", *terms)["better"] is None
    assert report.comparison("network2", "unchanged", *terms) is None
    bias = report.comparison("modern", "unchanged", "flux_bias", "independent", 2, "quick")
    assert bias["better"] is False and bias["value"] == 1.0  # 2 % is further from none than -1 %


def test_cells_of_a_comparison_show_what_is_clear(house):
    score("unchanged", [1.0, 10.0, 100.0])
    score("modern", [0.9, 9.8, 99.9])
    better, missing = report.comparison_rows(
        "quick", "independent", 2, ["modern", "network2"], ["unchanged"], {"mae": ".2f"}
    )
    assert better == {"title": "Modern − Input unchanged", "mae": "**−0.13 ± 0.03** ↑"}
    assert missing == {"title": "Network 2 − Input unchanged", "mae": None}
    (few,) = report.comparison_rows("quick", "independent", 3, ["modern"], ["unchanged"], {"mae": ".2f"})
    assert few["mae"] == "–"
    assert report.beaten_by("unchanged", ["modern"], ["mae"], "independent", 2, "quick") == {"modern": ["mae"]}
