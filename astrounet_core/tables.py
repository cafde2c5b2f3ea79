"""Tables of results: rows of numbers in, a MyST pipe table or plain HTML out. What was not run says so."""

import html
import math
from dataclasses import dataclass

NOT_RUN = "not run"
"""Stands where a number would, when no run has produced it."""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    key: the rows' key; title: the head, MyST inline text; fmt: a format specification such as ``.2f``; unit: goes to
    the head. spread: key of a standard deviation or error, shown after ±; interval: keys of a lower and an upper
    limit, shown in parentheses. At most one of the two is shown, the interval first.
    """

    key: str
    title: str
    fmt: str = ""
    unit: str = ""
    spread: str | None = None
    interval: tuple[str, str] | None = None

    @property
    def head(self) -> str:
        return f"{self.title} [{self.unit}]" if self.unit else self.title

    def cell(self, row: dict) -> str:
        """The text of this column in one row; a missing value, None or NaN reads *not run*."""
        limits = tuple(row.get(key) for key in self.interval) if self.interval else None
        return number(row.get(self.key), self.fmt, spread=row.get(self.spread), interval=limits)


def number(value, fmt: str = "", unit: str = "", spread=None, interval=None) -> str:
    """Text of a value with its uncertainty: ``2.26 ± 0.18 %``, ``13.4 (12.9 to 14.1) dB``; text passes unchanged.

    None and NaN give ``not run``; a missing spread or a missing limit leaves the uncertainty out.
    """
    if _missing(value):
        return NOT_RUN
    if isinstance(value, str):
        return value
    text = format(value, fmt)
    if interval is not None and not any(map(_missing, interval)):
        text += f" ({format(interval[0], fmt)} to {format(interval[1], fmt)})"
    elif not _missing(spread):
        text += f" ± {format(spread, fmt)}"
    return text.replace("-", "\N{MINUS SIGN}") + (f" {unit}" if unit else "")


def _missing(value) -> bool:
    return value is None or (not isinstance(value, str) and math.isnan(value))


def pipe_table(rows: list[dict], columns: list[Column]) -> str:
    """Markdown table: text columns to the left, numbers (columns with a format) to the right."""
    rule = ["---:" if column.fmt else ":---" for column in columns]
    lines = [
        [column.head for column in columns],
        rule,
        *([column.cell(row) for column in columns] for row in rows),
    ]
    return "\n".join(
        "| " + " | ".join(" ".join(cell.split()).replace("|", r"\|") for cell in line) + " |" for line in lines
    )


def html_table(rows: list[dict], columns: list[Column]) -> str:
    """The same as a plain HTML table, for notebooks outside the book."""
    head = "".join(f"<th>{html.escape(column.head)}</th>" for column in columns)
    body = ("".join(f"<td>{html.escape(column.cell(row))}</td>" for column in columns) for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(f'<tr>{row}</tr>' for row in body)}</tbody></table>"
