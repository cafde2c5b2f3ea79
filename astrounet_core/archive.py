"""What the archive holds of a field: a query to MAST by place, instrument, filter and exposure time (section 4.4).

Needs a network and astroquery (``pip install 'astrounet[archive]'``, Ginsburg et al. 2019,
doi:10.3847/1538-3881/aafc33). Every dataset name comes from the archive's answer.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table

from .manifest import DataUnavailable

SN_2014J = (148.9256, 69.6739)
"""Right ascension and declination, degrees, of SN 2014J in M 82, as in the paper's footnote 3."""

COLUMNS = {
    "dataset": "obs_id",
    "obsid": "obsid",
    "instrument": "instrument_name",
    "filter": "filters",
    "exposure_time": "t_exptime",
    "proposal": "proposal_id",
    "start_mjd": "t_min",
}
"""Our names of the archive's columns."""


@dataclass(frozen=True)
class Query:
    """ra, dec: degrees; radius: arcsec; filter: as F555W, None for any; exposure_times: s, empty for any.

    tolerance: how far an exposure time may be from one of those wanted, s. Raises ValueError for what is no place, no
    radius or no time.
    """

    ra: float = SN_2014J[0]
    dec: float = SN_2014J[1]
    radius: float = 30.0
    instrument: str = "WFC3/UVIS"
    filter: str | None = None
    exposure_times: Sequence[float] = ()
    tolerance: float = 1.0

    def __post_init__(self):
        if not (0 <= self.ra < 360 and -90 <= self.dec <= 90):
            raise ValueError(f"no place has RA {self.ra} and Dec {self.dec}; give degrees, 0 to 360 and -90 to 90.")
        if not self.radius > 0 or self.tolerance < 0 or any(time <= 0 for time in self.exposure_times):
            raise ValueError("radius and exposure times must be positive, and the tolerance not negative; give others.")

    @property
    def criteria(self) -> dict:
        """What `astroquery.mast.Observations.query_criteria` is asked."""
        wanted = {
            "coordinates": SkyCoord(self.ra, self.dec, unit="deg"),
            "radius": f"{self.radius} arcsec",
            "obs_collection": "HST",
            "instrument_name": self.instrument,
            "dataproduct_type": "image",
        }
        if self.filter:
            wanted["filters"] = self.filter
        if self.exposure_times:
            limits = min(self.exposure_times) - self.tolerance, max(self.exposure_times) + self.tolerance
            wanted["t_exptime"] = [max(limits[0], 0.0), limits[1]]
        return wanted


def find(query: Query) -> list[dict]:
    """The archive's observations that a query fits, shortest first: dicts of `COLUMNS`; empty where there are none.

    Raises DataUnavailable where astroquery is missing, the archive can't be reached or answers with an error.
    """
    try:
        from astroquery.exceptions import InvalidQueryError, NoResultsWarning, RemoteServiceError
        from astroquery.mast import Observations
    except ImportError:
        raise DataUnavailable(
            "searching the archive needs astroquery; install it with `pip install 'astrounet[archive]'`."
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NoResultsWarning)
            answer = Observations.query_criteria(**query.criteria)
    except (OSError, InvalidQueryError, RemoteServiceError) as error:
        reason = type(error).__name__ if isinstance(error, OSError) else error
        raise DataUnavailable(f"the archive gave no answer ({reason}); check the network and try again.") from None
    return select(answer, query)


def select(answer: Table, query: Query) -> list[dict]:
    """The rows of an answer whose exposure time is one of those wanted, by `COLUMNS`; None where it has no value.

    Raises DataUnavailable for an answer without these columns.
    """
    if not len(answer):
        return []
    missing = set(COLUMNS.values()) - set(answer.colnames)
    if missing:
        raise DataUnavailable(
            f"the archive's answer has no column {', '.join(sorted(missing))}; its service has changed."
        )
    rows = [{ours: _plain(row[theirs]) for ours, theirs in COLUMNS.items()} for row in answer]
    return sorted(filter(lambda row: _fits(row["exposure_time"], query), rows), key=_order)


def _plain(value):
    """A table's cell as text or number, None where it is masked or not a number."""
    if np.ma.is_masked(value):
        return None
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and np.isnan(value) else value


def _fits(time: float | None, query: Query) -> bool:
    if not query.exposure_times:
        return True
    return time is not None and min(abs(time - wanted) for wanted in query.exposure_times) <= query.tolerance


def _order(row: dict) -> tuple:
    time = row["exposure_time"]
    return np.inf if time is None else time, str(row["filter"]), str(row["dataset"])


def listing(rows: Sequence[dict]) -> str:
    """The rows of `find` as a table for the terminal, or a sentence where there are none."""
    if not rows:
        return "The archive has no such observation; try a larger --radius, or leave --filter or --exptime out."
    lines = [tuple(COLUMNS), *(tuple("-" if cell is None else f"{cell}" for cell in row.values()) for row in rows)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
