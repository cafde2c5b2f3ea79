"""Tables of results: numbers as asked, gaps that say so, nothing that breaks the table."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from astrounet_core.tables import Column, html_table, number, pipe_table

ROWS = [
    {"name": "Input", "psnr": -16.04, "error": 0.25, "low": -17.0, "high": -15.0, "n": 20},
    {"name": "Network 1", "psnr": None, "n": math.nan},
]
COLUMNS = [
    Column("name", "Images"),
    Column("psnr", "PSNR", ".1f", "dB", spread="error"),
    Column("psnr", "PSNR", ".0f", "dB", interval=("low", "high")),
    Column("n", "Fields", "d"),
]


def cells(markdown: str) -> list[list[str]]:
    """Rows of cells as a Markdown parser sees them."""
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    rows: list[list[str]] = []
    for opened, token in pairwise(tokens):
        if opened.type == "tr_open":
            rows.append([])
        if opened.type in ("th_open", "td_open"):
            rows[-1].append(token.content)
    return rows


def test_a_table_of_results():
    assert cells(pipe_table(ROWS, COLUMNS)) == [
        ["Images", "PSNR [dB]", "PSNR [dB]", "Fields"],
        ["Input", "−16.0 ± 0.2", "−16 (−17 to −15)", "20"],
        ["Network 1", "not run", "not run", "not run"],
    ]


def test_numbers_stand_right_and_text_left():
    assert pipe_table(ROWS, COLUMNS).splitlines()[1] == "| :--- | ---: | ---: | ---: |"


@pytest.mark.parametrize(
    ("value", "options", "text"),
    [
        (2.256, {"fmt": ".2f", "unit": "%", "spread": 0.184}, "2.26 ± 0.18 %"),
        (2.256, {"fmt": ".2f", "spread": None}, "2.26"),
        (2.256, {"fmt": ".1f", "interval": (2.0, None)}, "2.3"),
        (2.256, {"fmt": ".1f", "interval": (2.0, 2.5), "spread": 9}, "2.3 (2.0 to 2.5)"),
        (7761345, {"fmt": ","}, "7,761,345"),
        (-1.5e-7, {"fmt": ".1e"}, "−1.5e−07"),
        ("F606W", {"fmt": ".1f"}, "F606W"),
        (0.0, {"fmt": ".1f"}, "0.0"),
        (None, {"unit": "dB"}, "not run"),
        (math.nan, {"unit": "dB"}, "not run"),
    ],
)
def test_number(value, options, text):
    assert number(value, **options) == text


@given(st.text(st.characters(exclude_categories=["C"]), max_size=30))
def test_any_text_stays_in_its_cell(text):
    table = cells(pipe_table([{"a": text, "b": "end"}], [Column("a", "A"), Column("b", "B")]))
    assert len(table) == 2
    assert len(table[1]) == 2
    assert table[1][1] == "end"


def test_html_table_holds_the_same_and_is_escaped():
    html = html_table([{"a": "x < y & z", "v": -1.0}], [Column("a", "A"), Column("v", "V", ".1f", "e⁻/s")])
    assert "<td>x &lt; y &amp; z</td><td>−1.0</td>" in html
    assert "<th>V [e⁻/s]</th>" in html
