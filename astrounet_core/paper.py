"""The numbers of the paper's tables, read from ``data_manifest/paper_tables.toml``."""

import tomllib

from ._paths import MANIFEST_DIR


def table(number: int | str) -> list[dict]:
    """The rows of the paper's Table 1, 2 or 3, each a dict by column; ``misaligned`` for the numbers of section 4.4.1.

    Raises ValueError for another one.
    """
    with open(MANIFEST_DIR / "paper_tables.toml", "rb") as file:
        tables = tomllib.load(file)
    if f"table-{number}" not in tables:
        raise ValueError(f"the paper has no table {number} of results; choose 1, 2, 3 or 'misaligned'.")
    printed = tables[f"table-{number}"]
    return [dict(zip(printed["columns"], row, strict=True)) for row in printed["rows"]]


def implied_precision(recall: float, f_measure: float) -> float:
    """The precision that recall and F-measure imply, Eq. 24 solved for it: P = F R / (2 R - F), as fractions.

    Raises ValueError where no precision between 0 and 1 gives that F.
    """
    if not 0 < f_measure <= 2 * recall / (1 + recall):
        raise ValueError(f"no precision gives F = {f_measure} with a recall of {recall}; F is at most 2 R / (1 + R).")
    return f_measure * recall / (2 * recall - f_measure)
