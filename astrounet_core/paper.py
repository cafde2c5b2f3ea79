"""The numbers of the paper's tables, read from ``data_manifest/paper_tables.toml``, and what follows from them."""

import math
import tomllib
from collections.abc import Iterable
from itertools import count, product

from ._paths import MANIFEST_DIR


def table(number: int | str) -> list[dict]:
    """The rows of the paper's Table 1, 2 or 3, each a dict by column; ``misaligned`` for the numbers of section 4.4.1,
    ``counts`` for the numbers of stars in the authors' notes.

    Raises ValueError for another one.
    """
    with open(MANIFEST_DIR / "paper_tables.toml", "rb") as file:
        tables = tomllib.load(file)
    if f"table-{number}" not in tables:
        raise ValueError(f"the paper has no table {number} of results; choose 1, 2, 3, 'misaligned' or 'counts'.")
    printed = tables[f"table-{number}"]
    return [dict(zip(printed["columns"], row, strict=True)) for row in printed["rows"]]


def implied_precision(recall: float, f_measure: float) -> float:
    """The precision that recall and F-measure imply, Eq. 24 solved for it: P = F R / (2 R - F), as fractions.

    Raises ValueError where no precision between 0 and 1 gives that F.
    """
    if not 0 < f_measure <= 2 * recall / (1 + recall):
        raise ValueError(f"no precision gives F = {f_measure} with a recall of {recall}; F is at most 2 R / (1 + R).")
    return f_measure * recall / (2 * recall - f_measure)


def rounding_interval(printed: float, decimals: int) -> tuple[float, float]:
    """Everything that rounds to a printed number: half a unit of its last decimal to either side."""
    half = 0.5 * 10**-decimals
    return printed - half, printed + half


def precision_rows() -> list[dict]:
    """The precision that every row of Tables 1 and 2 implies, as fractions: {table, name, exposure_ratio, precision,
    low, high, false_per_true}. low, high: the extremes that rounding of TPR and F-measure allows."""
    rows = []
    for number, decimals in ((1, 1), (2, 2)):
        for row in table(number):
            recalls = [limit / 100 for limit in rounding_interval(row["tpr"], decimals)]
            corners = [implied_precision(*pair) for pair in product(recalls, rounding_interval(row["f_measure"], 2))]
            value = implied_precision(row["tpr"] / 100, row["f_measure"])
            limits = {"precision": value, "low": min(corners), "high": max(corners), "false_per_true": 1 / value - 1}
            rows.append({"table": number, "name": row["name"], "exposure_ratio": row.get("exposure_ratio", 2)} | limits)
    return rows


def implied_totals(found: int, percent: float, decimals: int = 2) -> tuple[float, float, list[int]]:
    """Of how many stars ``found`` are ``percent`` %: limits from rounding, and the whole numbers within; maybe none."""
    low, high = sorted(100 * found / limit for limit in rounding_interval(percent, decimals))
    return low, high, list(range(math.ceil(low), math.floor(high) + 1))


def smallest_sample(percentages: Iterable[float], decimals: int = 1) -> int:
    """The least number of stars of which every percentage, as printed, is a whole number."""
    printed, slack = list(percentages), 0.5 * 10**-decimals + 1e-9
    return next(n for n in count(1) if all(abs(100 * round(n * p / 100) / n - p) <= slack for p in printed))


def per_star_scatter(standard_error: float, stars: int) -> float:
    """The scatter of a single star behind the standard error of a mean: s = error sqrt(N); the error's unit."""
    return standard_error * math.sqrt(stars)
