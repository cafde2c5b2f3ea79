"""The page "Reproduce it": its minutes and numbers are those of the records, its commands are known to the programs."""

import re
import shlex

import pytest

from astrounet_core import cli
from astrounet_core._paths import ROOT
from astrounet_core.provenance import read_json
from astrounet_core.records import Record, in_paper_columns
from workflow import figure

PAGE = (ROOT / "book" / "reproduce.md").read_text()
MINUTES = re.findall(r"\| `astrounet (train|evaluate) (\w+) --profile (\w+).*` \| (\d+) \|$", PAGE, re.M)
EXPECTED = re.findall(r"^\| `(results/\S+)` \| (.*) \|$", PAGE, re.M)
COLUMNS = {"tpr": ".1f", "f_measure": ".2f", "rfe": ".2f", "snr_factor": ".2f"}
COMMANDS = re.findall(r"astrounet ((?:evaluate|train|denoise|receipt)[^`\n]*)", PAGE)


@pytest.mark.parametrize(("what", "name", "profile", "minutes"), MINUTES)
def test_minutes_are_those_of_the_record(what, name, profile, minutes):
    record = {"train": "run.json", "evaluate": "evaluation.json"}[what]
    run = read_json(ROOT / "results" / profile / name / "seed0" / record)
    assert int(minutes) == round(run["seconds"] / 60)
    assert f"{what} {name} --profile {profile}" in PAGE and run["threads"] == 1


def expected(folder) -> str:
    """The cells of a line of the page."""
    found = in_paper_columns(Record(ROOT / folder))
    cells = (f"{found[key]:{fmt}} ± {found[f'{key}_uncertainty']:{fmt}}" for key, fmt in COLUMNS.items())
    return " | ".join(cells).replace("-", "−")


@pytest.mark.parametrize(("folder", "cells"), EXPECTED)
def test_numbers_to_expect_are_those_of_the_record(folder, cells):
    assert cells == expected(folder)


def test_spread_of_training_seeds_is_that_of_the_records():
    seeds = [in_paper_columns(Record(ROOT / f"results/table1/network1/seed{seed}")) for seed in range(3)]
    for key, fmt in (("tpr", ".1f"), ("snr_factor", ".2f"), ("rfe", ".1f")):
        values = [one[key] for one in seeds]
        assert f" {min(values):{fmt}} to {max(values):{fmt}}" in PAGE


def test_tables_were_found():
    assert len(MINUTES) == 5 and len(EXPECTED) == 4 and PAGE.count("*not run*") >= 4


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_understood(command):
    options = cli._parser().parse_args(shlex.split(command))
    assert callable(options.command)


def test_figures_of_the_page_exist():
    names = re.findall(r"^\$ make figure F=(\S+)$", PAGE, re.M)
    assert names and {figure.tidy(name) for name in names} <= figure.labels().keys()
