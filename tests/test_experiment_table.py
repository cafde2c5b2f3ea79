"""Which differences between experiments count: against worked examples, and simulated trainings."""

import math

import numpy as np
import pytest

from astrounet_core import experiment_table, records
from astrounet_core.checkpoints import write_history
from astrounet_core.experiment_table import aligned, difference, seed_variance
from astrounet_core.field_table import VERSION
from astrounet_core.fluxes import COLUMNS, write_fluxes
from astrounet_core.provenance import write_json
from astrounet_core.tally import summarise, write_fields


def test_variance_between_seeds_is_pooled():
    # means 1 and 3: squares 2, one degree of freedom; means 0, 0, 3: squares 6, two degrees
    groups = [np.array([[0.0, 2.0], [2.0, 4.0]]), np.array([[0.0], [0.0], [3.0]]), np.array([[9.0, 9.0]])]
    assert seed_variance(groups) == (pytest.approx(8 / 3), 3)
    assert math.isnan(seed_variance([np.ones((1, 4))])[0])


def test_difference_by_hand():
    ours, theirs = np.array([[1.0, 2.0, 6.0]]), np.array([[0.0, 1.0, 2.0], [0.0, 1.0, 4.0]])
    found = difference(ours, theirs, (0.12, 0.12))  # means over seeds 0, 1, 3: differences 1, 1, 3; variance 4/3
    assert found["value"] == pytest.approx(5 / 3) and found["n"] == 3
    assert found["error"] == pytest.approx(math.sqrt(4 / 9 + 0.12 * 1.5)) and found["clear"]
    assert not difference(ours, theirs, (0.4, 0.4))["clear"]
    assert difference(ours, theirs, (0.1, 0.3))["error"] == pytest.approx(math.sqrt(4 / 9 + 0.1 + 0.15))


def test_too_little_is_no_verdict():
    two = np.array([[1.0, 2.0]])
    for found in (
        difference(two, two, (0.1, 0.1)),
        difference(np.empty((0, 0)), two, (0.1, 0.1)),
        difference(two, two, (0.1, math.nan)),
    ):
        assert math.isnan(found["value"]) and not found["clear"]


def test_equal_experiments_are_rarely_told_apart():
    """Fields and trainings drawn alike: two errors are exceeded in about 5 % of the cases."""
    rng, wrong = np.random.default_rng(1), 0
    for _ in range(2000):
        hard = rng.normal(0, 5, 20)  # what makes a field hard is the same for all
        ours, theirs = (hard + rng.normal(0, 0.5, (3, 1)) + rng.normal(0, 0.3, (3, 20)) for _ in range(2))
        wrong += difference(ours, theirs, (0.25 + 0.09 / 20,) * 2)["clear"]
    assert 0.02 < wrong / 2000 < 0.07


def test_only_common_fields_are_compared():
    np.testing.assert_array_equal(aligned([{"b": 2.0, "a": 1.0}, {"a": 3.0, "c": 1.0}]), [[1.0], [3.0]])
    assert aligned([]).shape == (0, 0)


@pytest.fixture
def house(tmp_path, monkeypatch):
    for name in ("RESULTS", "WEIGHTS", "BUILD"):
        monkeypatch.setattr(records, f"{name}_DIR", tmp_path / name.lower())
    return tmp_path


def publish(name: str, seed: int, level: float, updates: int = 1200, preset: str = "code", data: str = VERSION):
    place = records.folder("table1", name, seed, published=True)
    counts = {"tp": 8.0, "fp": 2.0, "fn": 2.0, "rfe": level, "rfe_absolute": level}
    measures = counts | {"mae": level, "snr_factor": 1.4, "psnr_paper": 60.0, "ssim_paper": 0.9, "kl_paper": 0.1}
    about = {"fields": "training", "protocol": "paper", "exposure_ratio": 2.0}
    rows = [{"field": f"f{k}"} | about | measures for k in range(4)]
    pixels = {"mae": level, "nmse": level, "flux_bias": -level}
    rows += [row | {"protocol": "independent"} | pixels | {"mae": level + 0.01 * k} for k, row in enumerate(rows)]
    write_json(
        place / "run.json", {"experiment": name, "preset": preset, "data": data, "updates": updates, "seconds": 60}
    )
    curve = [(400, None, 20.0), (800, 70.0 + level, 40.0), (1200, 72.0 + level, 3640.0)]  # an hour's pause at the end
    write_history(
        place / "history.csv", [dict(zip(("update", "validation_psnr", "seconds"), row, strict=True)) for row in curve]
    )
    write_fields(place / "fields.csv", rows)
    write_json(place / "metrics.json", summarise(rows))


def test_rows_are_means_over_seeds(house):
    publish("network1", 0, 1.0), publish("network1", 1, 2.0), publish("exp01", 0, 5.0)
    row = experiment_table.row("network1")
    assert (row["rfe"], row["tpr"], row["seeds"], row["minutes"]) == (1.5, 80.0, 2, 1.0)
    assert row["rfe_uncertainty"] == pytest.approx(0.5)  # s = 1 / sqrt(2) over two seeds; fields are all alike
    found = experiment_table.compare("exp01", "network1", "mae")
    assert found["value"] == pytest.approx(3.5)
    assert found["error"] == pytest.approx(math.sqrt(0.5 * 1.5))  # variance between seeds 0.5, 1 + 1/2 of it


def test_learning_curves_are_means_over_seeds_against_minutes(house):
    publish("network1", 0, 1.0), publish("network1", 1, 2.0)
    (curve,) = experiment_table.learning_curves(["network1", "exp01"]).values()
    minutes, psnr, spread = curve
    assert minutes == pytest.approx([2 / 3, 1.0]) and psnr == pytest.approx([71.5, 73.5])
    assert spread == pytest.approx([0.5**0.5] * 2)


def test_the_variance_between_seeds_is_that_of_the_kind(house):
    publish("network1", 0, 1.0), publish("network1", 1, 2.0), publish("exp01", 0, 5.0), publish("modern", 0, 3.0)
    of = experiment_table.between_seeds
    assert of("exp01", "mae") == of("modern", "mae") == (pytest.approx(0.5), 1)
    publish("modern", 1, 3.1)
    assert of("modern_plain", "mae") == (pytest.approx(0.005), 1)
    assert of("exp01", "mae") == (pytest.approx(0.5), 1)


def test_measures_are_made_comparable(house):
    publish("exp01", 0, 10.0), publish("exp01", 1, 10.0), publish("exp02", 0, 100.0)
    found = experiment_table.compare("exp02", "exp01", "nmse")
    assert found["value"] == pytest.approx(10.0) and found["clear"]  # ten times, in dB
    assert experiment_table.compare("exp02", "exp01", "flux_bias")["value"] == pytest.approx(90.0)  # absolute values
    (row,) = experiment_table.difference_rows(["exp02"], "exp01", ["nmse"])
    assert row["nmse"] == "**10.00 ± 0.00**"
    (panel,) = experiment_table.difference_panels(["exp02"], "exp01", ["nmse"]).items()
    assert panel == ("nMSE [dB]", {"difference": ([pytest.approx(10.0)], [pytest.approx(0.0)])})


def test_bias_of_faint_stars_is_a_mean_over_seeds(house):
    for seed, bias in ((0, -1.0), (1, -2.0)):
        publish("modern", seed, 1.0)
        row = dict.fromkeys(COLUMNS[4:], 1.0) | {"fields": "training", "exposure_ratio": 2.0, "bias_sigma": bias}
        bins = [row | {"snr_low": low, "snr_high": high} for low, high in ((5.0, 10.0), (20.0, 50.0))]
        write_fluxes(records.folder("table1", "modern", seed, published=True) / "fluxes.csv", bins)
    assert experiment_table.star_bias("modern", 5.0, 10.0) == pytest.approx(-1.5)
    assert math.isnan(experiment_table.star_bias("exp01", 5.0, 10.0))


def test_a_measure_without_a_value_reads_not_run(house, monkeypatch):
    monkeypatch.setattr(experiment_table, "in_paper_columns", lambda *_: {"psnr": None, "psnr_uncertainty": None})
    publish("exp01", 0, 1.0)
    assert math.isnan(experiment_table.row("exp01")["psnr"])


def test_the_paper_stands_above_ours(house):
    publish("exp02", 0, 4.0)
    rows = experiment_table.beside_the_paper()
    paper, ours = [row for row in rows if row["title"] == "$L_2$ loss"]
    assert (paper["who"], paper["rfe"], paper["f_measure"], ours["who"], ours["rfe"]) == (
        "paper",
        4.87,
        0.89,
        "ours",
        4,
    )
    assert experiment_table.printed_row("network2")["psnr"] == 16.3
    assert experiment_table.printed_row("misaligned_a")["rfe"] == 15.0 and not experiment_table.printed_row("modern")


def test_a_missing_run_says_its_command(house):
    assert experiment_table.row("exp02")["command"] == "`astrounet train exp02 --profile retrain`"
    rows = experiment_table.difference_rows(["exp02"], "network1", ["mae"])
    assert rows[0]["mae"] == "not run" and rows[0]["seeds"] is None


def test_runs_of_another_length_are_left_out(house):
    publish("network1", 0, 1.0, updates=3600)
    assert experiment_table.seeds("network1") == []


@pytest.mark.parametrize("change", [{"preset": "gone"}, {"data": "fields-v0"}])
def test_a_stale_record_stops_the_page(house, change):
    publish("exp01", 0, 1.0, **change)
    with pytest.raises(ValueError, match="run it again"):
        experiment_table.row("exp01")


def test_ranking_of_what_is_clear(house):
    publish("exp01", 0, 1.0), publish("exp01", 1, 1.0), publish("exp02", 0, 10.0), publish("exp03", 0, 0.01)
    pairs = [("exp02", "exp01"), ("exp03", "exp01"), ("exp04", "exp01")]
    found = experiment_table.ranking(pairs, "nmse")
    assert found == ["$L_1$ + perceptual loss −20.00 ± 0.00 dB", "$L_2$ loss +10.00 ± 0.00 dB"]


def test_verdicts_in_words(house):
    publish("exp01", 0, 1.0), publish("exp01", 1, 1.1), publish("exp02", 0, 3.0), publish("exp04", 0, 1.05)
    measures = ["mae", "f_measure"]
    assert experiment_table.verdict("exp02", "exp01", measures) == "$L_2$ loss against $L_1$ loss: worse in MAE."
    assert experiment_table.verdict("exp04", "exp01", measures).endswith(": no difference beyond chance.")
    assert experiment_table.verdict("exp03", "exp01", measures).endswith(": not run.")
