"""Whether verdicts last on more real skies: how fates are named, and what the published record holds."""

import pytest

from astrounet_core import realistic_fields

CLEAR_UP, CLEAR_DOWN = {"value": 2.0, "clear": True}, {"value": -2.0, "clear": True}
UNCLEAR = {"value": 0.1, "clear": False}


@pytest.mark.parametrize(
    ("before", "after", "fate"),
    [
        (CLEAR_UP, CLEAR_UP, "lasts"),
        (CLEAR_DOWN, CLEAR_DOWN, "lasts"),
        (CLEAR_UP, CLEAR_DOWN, "turns"),
        (CLEAR_UP, UNCLEAR, "fades"),
        (UNCLEAR, CLEAR_DOWN, "appears"),
        (UNCLEAR, UNCLEAR, "open"),
    ],
)
def test_fates(before, after, fate):
    assert realistic_fields.lasts(before, after) == fate


def test_the_record_compares_what_is_compared_on_the_test_fields():
    record, _ = realistic_fields.published()
    keys = ("ours", "theirs", "measure", "protocol")
    before = realistic_fields.verdicts(realistic_fields.test_rows())
    assert [[row[key] for key in keys] for row in record["verdicts"]] == [[row[key] for key in keys] for row in before]
    assert {row["measure"] for row in before} <= set(realistic_fields.LABELS)
    assert all(row["n"] >= 9 for row in record["verdicts"])


def test_the_pages_sentences_hold():
    record, _ = realistic_fields.published()
    before = realistic_fields.verdicts(realistic_fields.test_rows())
    pairs = zip(before, record["verdicts"], strict=True)
    fates = {tuple(a.values())[:3]: realistic_fields.lasts(a, b) for a, b in pairs}
    assert fates["network1", "unchanged", "tpr"] == fates["modern", "unchanged", "nmse"] == "lasts"
    assert fates["network1", "unchanged", "nmse"] == "fades" and "turns" not in fates.values()
    assert realistic_fields.score_of(record, "unchanged", "nmse", "independent") == pytest.approx(1, abs=0.05)
    assert realistic_fields.score_of(record, "modern", "nmse", "independent") < 0.5


def test_one_field_scores_as_the_record_says():
    rows = realistic_fields.measure(count=3)
    assert {name: len(each) for name, each in rows.items()} == dict.fromkeys(realistic_fields.METHODS, 9)
    assert rows["ceiling"][-1]["nmse"] == 0
