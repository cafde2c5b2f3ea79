"""The claim ledger: complete, each number of the paper's tables once, and no verdict that its numbers don't bear."""

import json
import math
import re
from dataclasses import replace

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from astrounet_core import claim_values, claims, paper, records
from astrounet_core.claim_values import Value
from astrounet_core.claims import Claim
from astrounet_core.tally import write_fields

TABLES = {"table-1": 1, "table-2": 2, "table-3": 3, "table-misaligned": "misaligned"}
LABELS = ("exposure_ratio", "exposure_time")


@pytest.fixture(scope="module")
def ledger() -> dict[str, Claim]:
    return claims.read()


def claim(**changes) -> Claim:
    """A claim of 95.94 % with a tolerance of 6, counted from 68.08 %."""
    base = {"id": "a/tpr", "where": "Table 2", "quantity": "TPR", "paper": 95.94, "status": claims.DIFFERS}
    terms = {"ours": {"column": "tpr", "exposure_ratio": 2}, "source": "results/*/a/seed0", "against": 68.08}
    return Claim(**base | terms | {"tolerance": {"absolute": 6}} | changes)


def verdict(monkeypatch, found: Value | None, **changes) -> claims.Verdict:
    """What is said of `claim` where our number is ``found``."""
    monkeypatch.setitem(claims.KINDS, "column", lambda *_: found)
    return claims.judge(claim(**changes), {})


def test_the_book_states_what_the_numbers_say():
    assert len(claims.ledger()) == len(claims.read())


def test_the_command_agrees(capsys):
    assert claims.main() == 0
    printed = capsys.readouterr().out
    assert "table-2/network1@2/tpr" in printed and "0 of them declared otherwise" in printed


@pytest.mark.parametrize(("name", "number"), TABLES.items())
def test_every_number_of_a_table_is_one_claim(ledger, name, number):
    printed = {
        f"{name}/{row['key']}/{column}": value
        for row in paper.table(number)
        for column, value in row.items()
        if isinstance(value, int | float) and column not in LABELS
    }
    held = {key: each.paper for key, each in ledger.items() if key.startswith(f"{name}/")}
    assert held == printed


def test_no_number_of_a_table_is_typed_into_the_ledger():
    """Distinctive numbers, those with two decimals or more, are quoted by reference; reasons of tolerances aside."""
    printed = yaml.safe_load(claims.LEDGER.read_text())["claims"]
    typed = {entry["paper"] for entry in printed if "paper" in entry and "repeats" not in entry}
    rows = (row for number in (1, 2) for row in paper.table(number))
    cells = {value for row in rows for value in row.values() if isinstance(value, float)}
    assert not {value for value in typed & cells if round(value, 1) != value} - {0.13, 0.19, 0.02}


def test_every_claim_says_where_it_stands_and_how_it_ended(ledger):
    assert all(re.search(r"abstract|§\d|Table \d|Fig\. \d", each.where) for each in ledger.values())
    assert {each.status for each in ledger.values()} <= set(claims.STATUSES)
    assert all(each.note for each in ledger.values() if each.status == claims.NOT_REPRODUCIBLE)
    assert not [each.id for each in ledger.values() if each.ours and any(map(_is_number, each.ours.values()))]


def _is_number(value) -> bool:
    """Whether a reference holds a measured number instead of naming one: only exposure ratios may stand there."""
    return isinstance(value, float)


@pytest.mark.parametrize("text", ["95.9 %", "2.26 %", "1.63", "0.0068", "0.023", "2.55", "48 h", "62 h", "18.09 e⁻"])
def test_what_the_paper_says_in_words_is_there(text):
    assert text in {claims.value(name) for name in claims.ledger() if not name.startswith("table-")}


def test_numbers_for_prose():
    assert claims.value("table-2/network1@2/tpr") == "95.94 %"
    assert claims.value("table-2/input@2/psnr") == "−16.0 dB"
    assert claims.ours("fig-11/first-layer") == "not run"
    assert claims.ours("training/learning-rate") == "1e−05"
    with pytest.raises(ValueError, match="there is no claim 'table-9/x/y'"):
        claims.value("table-9/x/y")


# ---- verdicts


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (None, claims.NOT_RUN),
        (Value(91.0, 20.0, ""), claims.SAME_DIRECTION),  # 4.9 away: inside
        (Value(101.9, None, ""), claims.SAME_DIRECTION),
        (Value(85.0, 2.0, ""), claims.SAME_DIRECTION),  # outside, 8 standard errors above the input
        (Value(85.0, 9.0, ""), claims.DIFFERS),  # not clearly above it
        (Value(60.0, 1.0, ""), claims.DIFFERS),  # below it
    ],
)
def test_worked_verdicts(monkeypatch, found, status):
    assert verdict(monkeypatch, found).status == status


def test_without_a_reference_only_the_tolerance_counts(monkeypatch):
    assert verdict(monkeypatch, Value(89.0, 0.1, ""), against=None).status == claims.DIFFERS
    assert verdict(monkeypatch, Value(89.0, 0.1, ""), against="a/tpr").status == claims.DIFFERS
    assert verdict(monkeypatch, Value(90.0, 0.1, ""), against=None).status == claims.SAME_DIRECTION


def test_settings_and_the_papers_own_numbers_never_count_as_directions(ledger):
    network1 = {"library": "experiments.EXPERIMENTS.network1.ratios.0"}
    files = {"files": "training"}
    assert claims.judge(claim(paper=2, ours=network1, source=None), {}).status == claims.SAME_SETTING
    assert claims.judge(claim(paper=200, ours=network1, source=None), {}).status == claims.DIFFERS
    assert claims.judge(claim(paper=160, ours=files, source=None), {}).status == claims.REPRODUCED
    stack = claim(paper=7, ours={"calculate": "whole_images_to_stack", "of": ["g"]}, tolerance={"absolute": 0})
    assert claims.judge(stack, {"g": claim(id="g", paper=2.55)}).status == claims.REPRODUCED
    assert claims.judge(stack, {"g": claim(id="g", paper=2.0)}).status == claims.DIFFERS


def test_what_has_no_reference_is_not_reproducible():
    assert claims.judge(claim(ours=None, note="not published"), {}).status == claims.NOT_REPRODUCIBLE


sizes = st.floats(-1e6, 1e6)


@given(sizes, sizes, st.floats(0, 1e3))
def test_an_absolute_tolerance_is_a_distance(paper_number, ours, limit):
    assume(abs(abs(ours - paper_number) - limit) > 1e-6 * (1 + limit))
    allowed = claim(paper=paper_number, tolerance={"absolute": limit}).allows(ours)
    assert allowed == (abs(ours - paper_number) < limit)


@given(st.floats(1e-3, 1e3), st.floats(0.2, 5), st.floats(0.01, 0.9), st.floats(1e-3, 1e3))
def test_a_relative_tolerance_has_no_unit(paper_number, ratio, share, unit):
    assume(abs(abs(ratio - 1) - share) > 1e-3)
    small, large = (claim(paper=paper_number * scale, tolerance={"relative": share}) for scale in (1, unit))
    assert small.allows(paper_number * ratio) == large.allows(paper_number * ratio * unit) == (abs(ratio - 1) < share)


@given(sizes, st.floats(0, 100))
def test_without_signs_both_signs_are_allowed(ours, limit):
    each = claim(paper=2.26, tolerance={"absolute": limit}, magnitude=True)
    assert each.allows(ours) == each.allows(-ours)


@given(sizes, sizes, sizes, sizes, st.floats(0, 10), st.floats(0, 10))
def test_steps_turn_round_when_everything_is_negated(number, reference, ours, our_reference, error, other):
    values = Value(ours, error, ""), Value(our_reference, other, "")
    mirrored = Value(-ours, error, ""), Value(-our_reference, other, "")
    step, our_step, width = claim(paper=number).steps(reference, *values)
    assert claim(paper=-number).steps(-reference, *mirrored) == (-step, -our_step, width)
    assert width == math.hypot(error, other) and our_step == ours - our_reference


# ---- ledgers that are wrong

GOOD = """
tolerances: {exact: {absolute: 0, reason: counts}}
tables: {}
claims:
  - &one {id: a, where: §2, quantity: images, paper: 200, ours: {files: all}, tolerance: exact,
     status: reproduced on the paper's data}
"""


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("  - *one", "claim a is in the ledger twice"),
        ("  - {<<: *one, id: b, colour: red}", "claim b of the ledger .* unknown colour"),
        ("  - {id: b, where: §2, paper: 1, note: x, status: differs}", "claim b .* missing quantity"),
        ("  - {<<: *one, id: b, status: fine}", "claim b has the status 'fine'; choose one of reproduced"),
        ("  - {<<: *one, id: b, tolerance: ample}", "claim b has an unknown tolerance 'ample'"),
        ("  - {<<: *one, id: b, tolerance: {reason: none}}", "claim b has no absolute or relative tolerance"),
        ("  - {<<: *one, id: b, ours: {guess: 3}}", "is no reference to a number"),
        ("  - {<<: *one, id: b, ours: {key: [x]}}", "claim b names no source"),
        ("  - {<<: *one, id: b, against: c}", "claim b is against c, which is no claim"),
        ("  - {id: b, where: abstract, repeats: c}", "claim b repeats c, which no table holds"),
        ("  - {id: b, where: §2, quantity: frames, paper: 1, status: not reproducible}", "claim b .* missing note"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path, change, sentence):
    path = tmp_path / "claims.yml"
    path.write_text(GOOD)
    assert list(claims.read(path)) == ["a"]
    path.write_text(GOOD + change + "\n")
    with pytest.raises(ValueError, match=sentence):
        claims.read(path)


BLOCK = {"where": "Table 3", "source": "results/t.json", "against": "table-3/input@{exposure_time}s"}
COLUMNS = {column: {"quantity": column, "tolerance": "exact"} for column in ("rfe", "tpr", "snr_factor")}
ROWS = [row["key"] for row in paper.table(3)]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"labels": []}, "other columns than the paper's table"),
        ({"columns": {"rfe": COLUMNS["rfe"]}}, "other columns than the paper's table"),
        ({"status": {"not run": [*ROWS, "network9@32s"]}}, "'network9@32s' as 'not run': no row or cell"),
        ({"status": {"not run": ROWS, "differs": ROWS[:1]}}, "named twice"),
        ({"status": {"not run": ROWS[1:]}}, "claim table-3/input@32s/rfe has the status None"),
    ],
)
def test_a_wrong_table_is_named(tmp_path, changes, sentence):
    block = BLOCK | {"columns": COLUMNS, "labels": ["exposure_time"], "status": {"not run": ROWS}}
    path = tmp_path / "claims.yml"
    content = {"tolerances": {"exact": {"absolute": 0}}, "claims": []}
    path.write_text(yaml.safe_dump(content | {"tables": {"table-3": block}}))
    assert len(claims.read(path)) == 18
    path.write_text(yaml.safe_dump(content | {"tables": {"table-3": block | changes}}))
    with pytest.raises(ValueError, match=sentence):
        claims.read(path)


# ---- results that are missing or stale


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A repository with one published record, `a`, that found 30 of 40 stars, and its ledger's two tables of caches."""
    monkeypatch.setattr(claim_values, "ROOT", tmp_path)
    folder = tmp_path / "results" / "retrain" / "a" / "seed0"
    folder.mkdir(parents=True)
    row = {"field": "x", "fields": "training", "protocol": "paper", "exposure_ratio": 2.0}
    write_fields(folder / "fields.csv", [row | {"tp": 30, "fp": 0, "fn": 10, "rfe": 1.0, "rfe_absolute": 1.0}])
    (folder / "run.json").write_text(json.dumps({"data": records.VERSION}))
    claim_values._columns.cache_clear()
    yield folder
    claim_values._columns.cache_clear()


def test_a_record_is_read_on_the_papers_terms(house):
    found = claims.judge(claim(), {})
    assert found.ours == Value(75.0, None, "results/retrain/a/seed0/fields.csv")


def test_the_papers_schedule_comes_before_the_laptops(house):
    target = house.parents[2] / "paper" / "a" / "seed0"
    target.parent.mkdir(parents=True)
    house.rename(target)
    assert claims.judge(claim(), {}).ours.file == "results/paper/a/seed0/fields.csv"


def test_a_missing_result_must_be_declared(house):
    missing = claim(source="results/*/b/seed0")
    sentence = claims.complaint(claims.judge(missing, {}))
    assert sentence == (
        "claim a/tpr says 'differs', but results/*/b/seed0 holds no such result; publish it or say 'not run'."
    )
    assert claims.complaint(claims.judge(replace(missing, status=claims.NOT_RUN), {})) == ""
    assert claims.judge(claim(ours={"column": "tpr", "exposure_ratio": 3}), {}).status == claims.NOT_RUN


def test_a_result_that_came_must_be_declared_too(house):
    sentence = claims.complaint(claims.judge(claim(status=claims.NOT_RUN, against=None), {}))
    assert sentence.startswith("claim a/tpr says 'not run', but its numbers say 'differs' (outside the tolerance)")


def test_a_stale_result_is_an_error(house):
    (house / "run.json").write_text(json.dumps({"data": "fields-v0"}))
    with pytest.raises(
        ValueError, match=r"claim a/tpr cannot be looked up: .* made with fields fields-v0, today's are"
    ):
        claims.judge(claim(), {})


def test_a_result_without_the_number_is_an_error(house):
    with pytest.raises(ValueError, match=r"claim a/tpr cannot be looked up: .*fields\.csv has no 'psnr'"):
        claims.judge(claim(ours={"column": "psnr", "exposure_ratio": 2}), {})


def test_a_reference_without_result_is_an_error(house):
    other = claim(id="b/tpr", source="results/*/b/seed0")
    with pytest.raises(ValueError, match="claim a/tpr is against b/tpr, of which no result is published"):
        claims.judge(claim(against="b/tpr"), {"b/tpr": other})


def test_a_published_page_of_other_weights_is_stale(house):
    stored = house.parents[2] / "checks" / "figures.json"
    stored.parent.mkdir()
    stored.write_text(json.dumps({"run": {"weights": {"network1": "0"}}, "fig-9": 1.0}))
    each = claim(source="results/checks/figures.json", ours={"key": ["fig-9"]})
    with pytest.raises(ValueError, match=r"figures.json belongs to other weights of network1 than those published"):
        claims.judge(each, {})


def test_a_published_page_is_read_by_its_keys(house):
    page = {"fig-9": {"network1": {"mean": {"value": 0.2, "error": 0.1}, "sigma": 17}}}
    each = claim(source="results/checks/figures.json", ours={"key": ["fig-9", "network1", "mean"]})
    assert claims.judge(each, {}).status == claims.NOT_RUN
    stored = house.parents[2] / "checks" / "figures.json"
    stored.parent.mkdir()
    stored.write_text(json.dumps(page))
    assert claims.judge(each, {}).ours == Value(0.2, 0.1, "results/checks/figures.json")
    assert claims.judge(replace(each, ours={"key": ["fig-9", "network1", "sigma"]}), {}).ours.value == 17
    with pytest.raises(ValueError, match=r"results/checks/figures.json has no entry \['fig-9', 'network2'\]"):
        claims.judge(replace(each, ours={"key": ["fig-9", "network2"]}), {})


def test_a_name_that_the_library_no_longer_has_is_an_error():
    gone = claim(ours={"library": "experiments.PRESETS.paper.momentum"}, source=None)
    with pytest.raises(ValueError, match=r"claim a/tpr cannot be looked up: .*momentum"):
        claims.judge(gone, {})


def test_the_status_block_reads_back(ledger, tmp_path):
    """What the command proposes for a table is what the ledger's block means."""
    verdicts = list(claims.ledger().values())
    content = yaml.safe_load(claims.LEDGER.read_text())
    for name in TABLES:
        proposed = yaml.safe_load(claims.status_block(name, verdicts))[name]["status"]
        content["tables"][name]["status"] = proposed
    path = tmp_path / "claims.yml"
    path.write_text(yaml.safe_dump(content))
    assert {key: each.status for key, each in claims.read(path).items()} == {k: c.status for k, c in ledger.items()}
