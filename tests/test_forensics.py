"""The list of differences, verdicts whichever way the numbers fall, and stacks that obey the law of Eq. 27."""

import math
from dataclasses import replace

import numpy as np
import pytest

from astrounet_core import forensics, hla, report
from astrounet_core._paths import ROOT
from astrounet_core.evaluation import expose
from astrounet_core.experiments import EXPERIMENTS, PRESETS
from astrounet_core.records import Record
from astrounet_core.scenes import fields, render
from astrounet_core.tally import write_fields

PAGE = (ROOT / "notebooks" / "forensics.py").read_text()


def listed(**changes) -> str:
    entry = dict.fromkeys(("id", "group", "item", "paper", "code", "evidence"), "x") | changes
    effect = entry.pop("effect", '[{ reason = "none" }]')
    return "[[disagreement]]\n" + "\n".join(f'{k} = "{v}"' for k, v in entry.items()) + f"\neffect = {effect}\n"


def test_every_difference_has_words_evidence_and_a_place_on_the_page():
    found = forensics.disagreements()
    assert len(found) >= 40
    for each in found:
        assert all(getattr(each, key).strip() for key in ("item", "paper", "code", "evidence"))
        assert f'disagreement_rows("{each.group}"' in PAGE.replace("\n        ", "")


def test_effects_name_what_the_page_computes_and_commands_that_exist():
    parts = [part for each in forensics.disagreements() for part in each.effect]
    computed = {part["computed"] for part in parts if "computed" in part}
    assert {name for name in computed if f'effects["{name}"]' not in PAGE} == set()
    for words in (part["command"].split() for part in parts if "command" in part):
        assert words[:2] == ["astrounet", "train"] and words[2] in EXPERIMENTS
        assert words[words.index("--preset") + 1] in PRESETS
    for compared in (part["compare"] for part in parts if "compare" in part):
        for name in (compared["ours"], compared["theirs"]):
            report.title(name)
        assert compared["measure"] in report.BETTER


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (listed() + listed(), "listed twice"),
        (listed(effect='[{ guess = "large" }]'), "must each be one of"),
        (listed(effect="[]"), "must each be one of"),
    ],
)
def test_a_bad_list_is_refused(monkeypatch, text, message):
    monkeypatch.setattr(forensics, "_list", lambda: text)
    with pytest.raises(ValueError, match=message):
        forensics.disagreements()


@pytest.fixture
def scored(tmp_path, monkeypatch):
    """Two methods on four fields: one has 3 dB more on each, the same KL but for noise, a TPR 10 % lower."""

    def record(name: str, shift: float) -> Record:
        rows = [
            {"field": f"f{k}", "fields": "training", "protocol": "paper", "exposure_ratio": 2.0}
            | {"psnr_matched": 40.0 + k + 3 * shift, "kl_paper": 0.1 + shift * 0.01 * (-1) ** k}
            | {"tpr": 80.0 - k - 10 * shift, "psnr_paper": 20.0 + k}
            for k in range(4)
        ]
        (tmp_path / name).mkdir()
        write_fields(tmp_path / name / "fields.csv", rows)
        return Record(tmp_path / name)

    records = {"unchanged": record("unchanged", 0), "network1": record("network1", 1)}
    monkeypatch.setattr(report, "scored", lambda name, profile: records.get(name))
    monkeypatch.setattr(report, "lookup", lambda name, profile, holding="": records.get(name))
    return records


MEASURES = {"psnr_matched": "PSNR", "kl_paper": "KL", "tpr": "TPR"}


def test_measures_are_sorted_by_who_wins(scored):
    found = forensics.sort_out("network1", "unchanged", MEASURES, "paper", 2, "quick")
    assert found == {"better": ["PSNR"], "worse": ["TPR"], "undecided": ["KL"], "not run": []}
    reverse = forensics.sort_out("unchanged", "network1", MEASURES, "paper", 2, "quick")
    assert (reverse["better"], reverse["worse"]) == (["TPR"], ["PSNR"])
    missing = forensics.sort_out("network2", "unchanged", MEASURES, "paper", 2, "quick")
    assert missing["not run"] == ["PSNR", "KL", "TPR"]
    assert forensics.verdict(found, "A", "B") == "A against B: better in PSNR; worse in TPR; undecided in KL."
    assert forensics.verdict(missing, "A", "B") == "A against B: *not run*: PSNR, KL and TPR."


def test_relabelling_is_the_difference_of_two_columns_of_one_record(scored, monkeypatch):
    found = forensics.relabelled("psnr", "quick")
    assert (found["value"], found["error"], found["n"]) == (pytest.approx(20.0), pytest.approx(0.0), 4)
    monkeypatch.setattr(report, "scored", lambda name, profile: None)
    assert forensics.relabelled("psnr", "quick") is None


def test_effects_in_words(scored, monkeypatch):
    terms = 'theirs = "unchanged", measure = "tpr", protocol = "paper", label = "TPR", fmt = ".1f"'
    compare = f'{{ compare = {{ ours = "%s", {terms} }} }}'
    parts = ['{ computed = "here" }', compare % "network1", compare % "network2", '{ command = "do it" }']
    monkeypatch.setattr(forensics, "_list", lambda: listed(effect=f"[{', '.join(parts)}]"))
    (row,) = forensics.disagreement_rows("x", "quick", {"here": "seven"})
    assert row["effect"].startswith("seven; TPR −10.0 ± 0.0 (Network 1 − Input unchanged); *not run*: Network 2. To")
    assert row["effect"].endswith("`astrounet train network2 --profile retrain`.; *not run*: `do it`")
    with pytest.raises(KeyError):
        forensics.disagreement_rows("x", "quick", {})


def test_the_mode_of_a_sky_is_its_level():
    sky = np.random.default_rng(0).poisson(63.0, 200_000) + np.random.default_rng(1).normal(0, 3, 200_000)
    assert forensics.histogram_mode(sky) == pytest.approx(63, abs=2)
    assert forensics.histogram_mode(np.array([-3.0, -2.5, 8.0])) == -3.0


@pytest.fixture(scope="module")
def sparse():
    """A quarter of a sparse field, 700 s, pixels independent; its scene."""
    field = replace(fields("test")[4], size=256)
    return field, render(field)


def test_inputs_of_the_three_protocols(sparse):
    """Half of a sky-subtracted frame is masked; with the sky kept, noise of the input adds to that of the long one."""
    kept, literal, true = (
        forensics.input_summary(expose(*sparse, name, 2.0)) for name in ("paper", "released", "independent")
    )
    assert kept["zero"] < 0.01 and true["zero"] < 0.01 and 45 < literal["zero"] < 55
    sky, ron, dark = 0.09 * 350, 3.1**2, 0.0
    long_share = (2 * sky + 2 * ron + 2 * dark) / 4  # of the long exposure's variance, in the short one's electrons
    assert true["noise"] == pytest.approx(math.sqrt(sky + ron), rel=0.05)
    assert kept["noise"] == pytest.approx(math.sqrt(sky + 9 + long_share), rel=0.05)
    assert kept["correlation"] == pytest.approx(math.sqrt(long_share / (sky + 9 + long_share)), abs=0.05)
    assert abs(true["correlation"]) < 0.03 and abs(kept["level"]) < 0.2
    assert literal["level"] == pytest.approx(math.sqrt(long_share) / math.sqrt(2 * math.pi), rel=0.15)


def test_stacks_gain_as_the_root_of_their_number_once_the_level_is_left_out():
    field = replace(fields("test")[6], size=256)
    rows = forensics.stacking_rows([field], most=4)
    assert [row["exposures"] for row in rows] == [1, 2, 3, 4]
    assert (rows[0]["summed"], rows[0]["levelless"], rows[0]["scatter"]) == (1.0, 1.0, 1.0)
    assert [row["levelless"] for row in rows] == pytest.approx([row["expected"] for row in rows], rel=0.03)
    assert rows[3]["summed"] < 0.95 * rows[3]["expected"] and rows[3]["labelled"] < rows[3]["summed"]
    assert rows[1]["labelled"] == rows[1]["summed"]  # two exposures of t / 2 are a long one
    assert rows[0]["labelled"] > 1.05  # the label alone


def test_overlap_of_the_papers_lists():
    theirs, ours = hla.overlap(), hla.overlap("leak_free_split")
    assert (theirs["rows"], theirs["files"], theirs["repeated"], theirs["shared"]) == (200, 149, 36, 16)
    assert (theirs["test"], theirs["validation"], theirs["test_proposal"]) == (8, 9, 17)
    assert [ours[key] for key in ("shared", "test", "validation", "test_proposal", "validation_proposal")] == [0] * 5
