"""The page on scoring one's own denoiser: its example runs as printed, its tables are those of the code."""

import re
import sys

import numpy as np
import pytest

from astrounet_core import cli, detection, exposures, score_record, score_sections, scorecard
from astrounet_core._paths import ROOT
from astrounet_core.field_table import field_table
from astrounet_core.known_stars import isolated
from astrounet_core.metrics import noise_normalised_mse
from astrounet_core.score_rows import KEYS
from astrounet_core.score_sections import Counts
from astrounet_core.worst_cases import FIRST_SEED

PAGE = (ROOT / "book" / "benchmark.md").read_text()
DENOISER, READING = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(COMMAND,) = re.findall(r"\$ astrounet (.*)", PAGE)


def rows(name: str) -> list[list[str]]:
    """Cells of one of the page's tables, without its head."""
    table = re.search(rf":name: {name}\n\n(.*?)\n```", PAGE, re.DOTALL)[1]
    cells = [[cell.strip() for cell in re.split(r"\n? *- ", row)[1:]] for row in re.split(r"^\* ", table, flags=re.M)]
    return [each for each in cells if each][1:]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the page's file, and a build folder of its own."""
    for module in (scorecard, score_record):
        monkeypatch.setattr(module, "BUILD_DIR", tmp_path / "_build")
    monkeypatch.setitem(scorecard.COUNTS, "smoke", Counts(skies=1, noise_seeds=1, fields=1, alarms=2, size=320))
    monkeypatch.setattr(scorecard, "DEFAULT", ("cost",))
    (tmp_path / "my_denoiser.py").write_text(DENOISER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "my_denoiser", raising=False)
    return tmp_path


def test_the_example_runs_as_printed_and_is_read_as_printed(folder, capsys):
    assert cli.main(COMMAND.split()) == 0
    paths = capsys.readouterr().out.split()
    assert [path.rsplit("/", 1)[-1] for path in paths] == ["scorecard.json", "scorecard.csv"]
    exec(READING, {})
    assert "not run" in capsys.readouterr().out
    record = score_record.load("smoke", own=True)
    name = COMMAND.split()[2]
    assert record.value(name, "seconds_per_megapixel", magnitude=1.0)["value"] > 0
    part = scorecard.part("smoke", name, "cost")
    assert part.exists() and f"_build/scorecard/PROFILE/{part.parent.name}/" in PAGE


def test_the_example_keeps_the_promises_of_the_page():
    space: dict = {}
    exec(DENOISER, space)
    known = next(isolated(1, 1, size=96))
    before = known.noisy.copy()
    output = space["denoise"](known.noisy, 500.0, 2.0)
    assert output.dtype == np.float32 and np.array_equal(known.noisy, before)
    error, noise = (noise_normalised_mse(each, known.scene, known.variance) for each in (output, known.noisy))
    assert error < 0.5 * noise
    known.noisy[3:5, 7] = np.nan
    output = space["denoise"](known.noisy[:33, :45], 500.0, 2.0)
    assert np.array_equal(np.isnan(output), np.isnan(known.noisy[:33, :45]))


def test_counts_are_those_of_the_profiles():
    listed = {}
    for names, *numbers in rows("table-benchmark-counts"):
        listed |= {name: [int(number) for number in numbers] for name in re.findall(r"`(\w+)`", names)}
    assert listed == {
        name: [each.skies, each.noise_seeds, each.fields, each.alarms, each.size]
        for name, each in score_sections.COUNTS.items()
    }


def test_sections_and_columns_are_those_of_the_record():
    sections = [each[0].strip("`") for each in rows("table-benchmark-sections")]
    assert sorted(sections) == sorted(score_sections.SECTIONS)
    columns = [name for each in rows("table-benchmark-columns") for name in re.findall(r"`(\w+)`", each[0])]
    assert tuple(columns) == KEYS
    assert f"**`{exposures.VERSION}`**" in PAGE


def test_reserved_seeds_hold_all_skies():
    first = {
        each[1].split("`")[1]: int(each[0].split()[0].replace(",", "")) for each in rows("table-benchmark-seeds")[:4]
    }
    assert first == {name: split["first_seed"] for name, split in field_table()["split"].items()}
    low, high = (int(each.replace(",", "")) for each in re.findall(r"[\d,]+", rows("table-benchmark-seeds")[4][0]))
    seeds = [sky.seed for kind in score_sections.BANKS for sky in score_sections.skies(kind, Counts(skies=1, size=320))]
    assert all(low <= seed <= high for seed in (*seeds, detection.FIRST_SEED)) and high < FIRST_SEED
