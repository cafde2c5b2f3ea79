"""The paper's tables as typed in: complete, at home in this book's names, and consistent with the paper's own text."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrounet_core import paper
from astrounet_core.experiments import EXPERIMENTS
from astrounet_core.records import PAPER_PIXELS, Record, in_paper_columns
from astrounet_core.tally import write_fields

MEASURED = ("rfe", "rfe_uncertainty", "tpr", "f_measure", "snr_factor", "psnr", "ssim", "kl")


def row(number: int, key: str) -> dict:
    return next(line for line in paper.table(number) if line["key"] == key)


@pytest.mark.parametrize(("number", "rows", "numbers"), [(1, 11, 8), (2, 6, 9), (3, 6, 4)])
def test_tables_are_complete(number, rows, numbers):
    table = paper.table(number)
    assert len(table) == len({line["key"] for line in table}) == rows
    assert all(sum(isinstance(value, int | float) for value in line.values()) == numbers for line in table)


def test_columns_are_the_papers():
    assert all(set(MEASURED) < set(line) for number in (1, 2) for line in paper.table(number))


def test_table_1_lists_the_experiments_in_order():
    keys = [line["key"] for line in paper.table(1)]
    assert keys == [f"exp{number:02d}" for number in range(1, 12)]
    plain = [EXPERIMENTS[key].title.replace("$", "").replace("_", "") for key in keys]
    assert plain == [line["name"] for line in paper.table(1)]


def test_keys_name_experiments_and_ratios():
    for line in paper.table(2):
        name, ratio = line["key"].split("@")
        assert name in {"input", *EXPERIMENTS} and float(ratio) == line["exposure_ratio"]
    for line in paper.table(3):
        name, time = line["key"].split("@")
        assert name in {"input", *EXPERIMENTS} and time == f"{line['exposure_time']}s"


def test_misaligned_rows_are_experiments_that_shift():
    rows = paper.table("misaligned")
    assert [EXPERIMENTS[line["key"]].max_shift for line in rows] == [4, 1, 1]
    assert [(line["rfe"], line["snr_factor"]) for line in rows] == [(15, 1.59), (3.6, 1.67), (4.1, 1.67)]


def test_an_unknown_table_is_refused():
    with pytest.raises(ValueError, match="no table 4"):
        paper.table(4)


def test_tables_agree_with_the_papers_text():
    """Abstract and sections 4.2, 4.3: 95.9 %, 2.26 %, 1.63, 68.08 %, 1.55 %, 96.26 %, 93.26 %, 4.13 %, 2.55."""
    one, two, five, noisy = (row(2, key) for key in ("network1@2", "network2@2", "network2@5", "input@2"))
    assert round(one["tpr"] - 1e-9, 1) == 95.9 and (one["rfe"], one["snr_factor"]) == (2.26, 1.63)
    assert (noisy["tpr"], noisy["rfe"]) == (68.08, 1.55) and two["tpr"] == 96.26
    assert (five["tpr"], five["rfe"], five["snr_factor"]) == (93.26, 4.13, 2.55)
    assert (one["kl"], two["kl"], noisy["kl"]) == (7e-3, 6.8e-3, pytest.approx(2.3e-2, rel=0.01))


def test_output_and_long_exposure_have_nearly_the_same_snr():
    """Section 4.3: "for both the ground truth and output images, the SNR ~ 0.9", and 1 / (0.67 x 1.63) is 0.916."""
    product = row(2, "input@2")["snr_factor"] * row(2, "network1@2")["snr_factor"]
    assert 1 / product == pytest.approx(0.916, abs=0.001)


def test_table_3_counts_sixteen_stars():
    for line in paper.table(3):
        stars = 16 * line["tpr"] / 100
        assert stars == pytest.approx(round(stars), abs=0.01)


@pytest.mark.parametrize(
    ("number", "key", "precision"),
    [
        (2, "input@2", 0.913),
        (2, "network1@2", 0.779),
        (2, "network2@2", 0.761),
        (2, "network2@5", 0.670),
        (1, "exp02", 0.841),
        (1, "exp07", 0.873),
    ],
)
def test_precision_implied_by_f_and_recall(number, key, precision):
    line = row(number, key)
    recall, f = line["tpr"] / 100, line["f_measure"]
    implied = paper.implied_precision(recall, f)
    assert implied == pytest.approx(precision, abs=0.001)
    assert 2 * implied * recall / (implied + recall) == pytest.approx(f)


def test_precision_of_every_row_lies_within_what_rounding_allows():
    rows = paper.precision_rows()
    assert len(rows) == 17
    assert all(each["low"] < each["precision"] < each["high"] < each["low"] + 0.03 for each in rows)
    noisy = next(each for each in rows if each["table"] == 2)
    assert (noisy["low"], noisy["high"]) == (pytest.approx(0.899, abs=5e-4), pytest.approx(0.927, abs=5e-4))
    assert noisy["false_per_true"] == pytest.approx(0.095, abs=5e-4)


@given(st.integers(1, 5000), st.integers(0, 5000))
def test_the_true_total_is_among_the_implied_ones(found, missed):
    total = found + missed
    low, high, whole = paper.implied_totals(found, round(100 * found / total, 2))
    assert low - 1e-6 * total <= total <= high + 1e-6 * total
    assert total in whole or min(abs(total - low), abs(total - high)) < 1e-6 * total


def test_the_notes_count_two_lists_of_stars():
    totals = {
        key: paper.implied_totals(each["found"], each["tpr"])[2]
        for each in paper.table("counts")
        for key in [each["key"]]
    }
    assert totals["input@2"] == [4944] and totals["network2@2"] == [4508]
    assert totals["network1@2"] == []  # 4334 of 4517 are 95.948 %, of 4518 95.927 %


def test_the_notes_divide_by_five_different_totals():
    """3366 / 0.6808 = 4944 and 4334 / 0.9594 = 4517; of the first total, Network 1 has found 87.7 %."""
    counts = {each["key"]: each for each in paper.table("counts")}
    totals = {key: round(100 * each["found"] / each["tpr"]) for key, each in counts.items()}
    assert list(totals.values()) == [4944, 4964, 4950, 4517, 4508]
    assert 100 * counts["network1@2"]["found"] / totals["input@2"] == pytest.approx(87.66, abs=0.01)


def test_printed_f_measures_leave_room_for_a_precision_and_table_2_loses_it_as_r_grows():
    """F is at most 2 R / (1 + R), at a precision of 1; by Eq. 24 false detections per true one go from 0.28 to 0.49."""
    for line in paper.table(1) + paper.table(2):
        assert line["f_measure"] < 2 * line["tpr"] / (100 + line["tpr"])
    rates = [each["false_per_true"] for each in paper.precision_rows() if each["table"] == 2]
    assert rates[1:] == pytest.approx([0.283, 0.314, 0.320, 0.439, 0.492], abs=0.002)
    assert rates[2] < rates[3] < rates[4] < rates[5]


def test_the_square_of_a_stacking_factor_counts_images():
    """Eq. 28, SNR_f = sqrt(I): 2.7 images for Network 1, 6.5 for Network 2 at r = 5, less than one for every input."""
    images = {line["key"]: line["snr_factor"] ** 2 for line in paper.table(2)}
    assert images["network1@2"] == pytest.approx(2.66, abs=0.01)
    assert images["network2@5"] == pytest.approx(6.50, abs=0.01)
    inputs = [line["snr_factor"] for number in (2, 3) for line in paper.table(number) if "input" in line["key"]]
    assert all(factor < 1 for factor in inputs)


def test_smallest_sample():
    assert paper.smallest_sample([50.0, 33.3]) == 6
    assert paper.smallest_sample(row["tpr"] for row in paper.table(3)) == 16


def test_scatter_behind_a_standard_error():
    assert paper.per_star_scatter(0.18, 4334) == pytest.approx(11.85, abs=0.01)
    draws = np.random.default_rng(0).normal(0, 12.0, (2000, 100))
    assert paper.per_star_scatter(draws.mean(1).std(), 100) == pytest.approx(12.0, rel=0.05)


def test_an_impossible_f_measure_is_refused():
    with pytest.raises(ValueError, match="no precision gives"):
        paper.implied_precision(0.5, 0.9)


@pytest.fixture
def record(tmp_path) -> Record:
    """Two training fields with 30 and 10 stars found, one held-out field, one row of another protocol."""
    here = {"fields": "training", "protocol": "paper", "exposure_ratio": 2.0}
    stars = {"tp": 30.0, "fp": 10.0, "fn": 0.0, "rfe": 1.0, "rfe_absolute": 2.0}
    rows = [
        here | stars | {"field": "a"},
        here | stars | {"field": "b", "tp": 10.0, "fp": 0.0, "fn": 10.0, "rfe": 5.0},
        here | stars | {"field": "c", "fields": "held_out"},
        here | stars | {"field": "a", "protocol": "independent"},
    ]
    write_fields(tmp_path / "fields.csv", rows)
    pixels = [
        here | {"metric": measure, "value": float(k), "low": k - 0.5, "high": k + 0.5}
        for k, measure in enumerate(PAPER_PIXELS.values())
    ]
    (tmp_path / "metrics.json").write_text(json.dumps([line | {"fields": "held_out"} for line in pixels] + pixels))
    return Record(tmp_path)


def test_our_numbers_take_the_papers_columns(record):
    ours = in_paper_columns(record)
    assert set(MEASURED) <= set(ours)
    assert [ours[key] for key in PAPER_PIXELS] == [0, 1, 2, 3]
    assert [ours[f"{key}_uncertainty"] for key in PAPER_PIXELS] == [0.5] * 4
    assert ours["tpr"] == pytest.approx(100 * 40 / 50) and ours["rfe"] == pytest.approx((30 * 1 + 10 * 5) / 40)
    assert ours["f_measure"] == pytest.approx(2 * 0.8 * 0.8 / (0.8 + 0.8))


def test_what_was_not_scored_is_empty(record):
    assert in_paper_columns(None) == {} == in_paper_columns(record, exposure_ratio=3.0)
