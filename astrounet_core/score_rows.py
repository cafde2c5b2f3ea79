"""Rows of the scorecard's measures: plain dicts, each a number with its interval and what it is a number of."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

KEYS = ("method", "fields", "protocol", "exposure_ratio", "quantity", "magnitude", "value", "low", "high", "n")
"""fields: family of the sky; protocol: "independent" or the name of the conditions; magnitude: AB, or None for all;
low, high: 68 % interval or None; n: how many stars, galaxies or pixels' images stand behind it."""

DRAWS = 200
"""Bootstrap samples behind an interval."""

Statistics = Callable[[np.ndarray], Mapping[str, float]]
"""(k, n) values of n sources -> {quantity: value}."""


def rows_of(
    about: Mapping[str, object],
    columns: np.ndarray,
    statistics: Statistics,
    *,
    magnitude: float | None = None,
    groups: np.ndarray | None = None,
    draws: int = DRAWS,
) -> list[dict]:
    """One row for each quantity that ``statistics`` makes of ``columns`` (k, n), with its 68 % bootstrap interval.

    about: method, fields, protocol and exposure_ratio. groups: (n,) labels of what is drawn together, fields for
    instance; None: every source is drawn by itself. Same columns, same draws, so that methods stay paired. A quantity
    without a finite value gets no row, and what stands on a single source or group no interval.
    """
    count = columns.shape[1]
    if not count:
        return []
    values, samples = statistics(columns), _samples(count, groups, draws)
    independent = count if groups is None else len(np.unique(groups))
    drawn = [statistics(columns[:, sample]) for sample in samples]
    found = []
    for quantity, value in values.items():
        if np.isfinite(value):
            spread = np.array([each[quantity] for each in drawn])
            spread = spread[np.isfinite(spread)]
            enough = len(spread) > draws / 2 and independent > 1
            low, high = np.percentile(spread, (16, 84)) if enough else (None, None)
            found.append(row(about, quantity, value, magnitude=magnitude, low=low, high=high, n=count))
    return found


def row(
    about: Mapping[str, object],
    quantity: str,
    value: float,
    *,
    magnitude: float | None = None,
    low: float | None = None,
    high: float | None = None,
    n: int = 0,
) -> dict:
    """One row with exactly `KEYS`, numbers as Python's own."""
    plain = [None if each is None else float(each) for each in (magnitude, value, low, high)]
    given = (*(about[key] for key in KEYS[:4]), quantity, *plain, int(n))
    return dict(zip(KEYS, given, strict=True))


def bins(magnitude: np.ndarray, centres: Iterable[float]) -> list[tuple[float, np.ndarray]]:
    """(centre, (n,) bool) of the sources nearest to each of the magnitudes ``centres``; beyond the outermost, too."""
    centres = np.asarray(sorted(centres), float)
    nearest = np.searchsorted((centres[1:] + centres[:-1]) / 2, magnitude)
    return [(float(centre), nearest == index) for index, centre in enumerate(centres)]


def _samples(count: int, groups: np.ndarray | None, draws: int) -> list[np.ndarray]:
    """Indices of the sources in each bootstrap sample."""
    rng = np.random.default_rng(0)
    if groups is None:
        return list(rng.integers(count, size=(draws, count)))
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    chosen = rng.integers(len(members), size=(draws, len(members)))
    return [np.concatenate([members[index] for index in each]) for each in chosen]
