"""The scoreboard's tables: nothing of the ledger is lost on the way to the page."""

import pytest

from astrounet_core import claims, paper, scoreboard


def test_every_claim_is_in_one_section():
    groups = [group for groups in scoreboard.SECTIONS.values() for group in groups]
    assert len(groups) == len(set(groups))
    assert sorted(set(groups)) == sorted({name.split("/")[0] for name in claims.ledger()})


def test_the_page_shows_every_group():
    notebook = (claims.ROOT / "notebooks" / "scoreboard.py").read_text()
    assert [group for groups in scoreboard.SECTIONS.values() for group in groups if f'"{group}"' not in notebook] == []


def test_counts_add_up():
    *sections, total = scoreboard.count_rows()
    assert total["section"] == "All" and total["all"] == len(claims.ledger()) == sum(row["all"] for row in sections)
    assert all(row["all"] == sum(row[status] or 0 for status in claims.STATUSES) for row in sections)


def test_a_claim_is_a_row():
    (rate,) = [row for row in scoreboard.claim_rows("training") if row["id"] == "`training/learning-rate`"]
    assert (rate["paper"], rate["ours"], rate["status"]) == ("1e−05", "1e−05", "= same setting")
    assert rate["source"] == "`astrounet_core/experiments.py`" and "preset `code`" in rate["note"]


@pytest.mark.parametrize(("table", "number"), [("table-1", 1), ("table-2", 2), ("table-3", 3)])
def test_a_grid_has_the_papers_rows_and_numbers(table, number):
    rows, columns = scoreboard.grid_rows(table), scoreboard.grid_columns(table)
    printed = paper.table(number)
    assert [row["name"] for row in rows] == [f"{row['name']}, `{row['key']}`" for row in printed]
    for row, line in zip(rows, printed, strict=True):
        cells = [row[column.key] for column in columns if column.key in line and column.key != "name"]
        numbers = [float(cell.split()[0].replace("−", "-")) for cell in cells]
        assert numbers == [line[column.key] for column in columns if column.key in line and column.key != "name"]


def test_runs_are_named_once():
    folders = [record.folder for record in scoreboard.runs("table-2")]
    assert len(folders) == len(set(folders)) and all((folder / "run.json").exists() for folder in folders)
