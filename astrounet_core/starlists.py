"""Two lists of stars compared: those of an output with those of a long exposure (section 4.3)."""

from dataclasses import dataclass

import numpy as np

from . import photometry
from .metrics import relative_flux_error

Catalogue = dict[str, np.ndarray]


@dataclass(frozen=True)
class Stars:
    """Detections in an output and in the reference, as `photometry.detect` gives them, in electrons.

    pairs: indices (found, reference) of those that are one star.
    """

    found: Catalogue
    reference: Catalogue
    pairs: tuple[np.ndarray, np.ndarray]

    @classmethod
    def compare(cls, found: Catalogue, reference: Catalogue, radius: float) -> "Stars":
        """Match two lists one to one within ``radius`` pixels (`photometry.match`)."""
        return cls(found, reference, photometry.match(found["x"], found["y"], reference["x"], reference["y"], radius))

    @property
    def counts(self) -> photometry.Counts:
        """True positives, false positives, false negatives."""
        matched = len(self.pairs[0])
        return photometry.Counts(matched, len(self.found["x"]) - matched, len(self.reference["x"]) - matched)

    @property
    def flux(self) -> np.ndarray:
        """Flux of each matched star in the output, e-."""
        return self.found["flux"][self.pairs[0]]

    @property
    def flux_reference(self) -> np.ndarray:
        """Flux of each matched star in the reference, e-."""
        return self.reference["flux"][self.pairs[1]]

    @property
    def errors(self) -> np.ndarray:
        """Relative flux error, Eq. 25, of each matched star, %."""
        return 100 * relative_flux_error(self.flux, self.flux_reference)

    @property
    def snr(self) -> float:
        """Eq. 26 over all detections in the output; NaN for none."""
        return _snr(self.found, slice(None))

    @property
    def snr_over_reference(self) -> float:
        """Eq. 26 in the output over Eq. 26 in the reference, on the matched stars: 0.67 for the input in Table 2."""
        i, j = self.pairs
        return _snr(self.found, i) / _snr(self.reference, j)

    @property
    def marks(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Places (x, y) of stars found, missed and false, as `figures.sky_panels` marks them (Fig. 8)."""
        i, j = self.pairs
        false, missed = (np.delete(np.arange(len(c["x"])), k) for c, k in ((self.found, i), (self.reference, j)))
        places = {"found": (self.found, i), "missed": (self.reference, missed), "false": (self.found, false)}
        return {name: (catalogue["x"][k], catalogue["y"][k]) for name, (catalogue, k) in places.items()}


def stacking_factor(output: Stars, unchanged: Stars) -> float:
    """SNR_f, Eq. 28, on the stars of one reference that both output and unchanged input show; NaN for none."""
    _, ours, theirs = np.intersect1d(output.pairs[1], unchanged.pairs[1], return_indices=True)
    snr_output = _snr(output.found, output.pairs[0][ours])
    return photometry.stacking_factor(snr_output, _snr(unchanged.found, unchanged.pairs[0][theirs]))


def common_errors(tests: dict[str, Stars], fewest: int = 10) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """{name: (flux in the reference, e-; relative flux error, %)} of the stars that every output shows (Fig. 6).

    Outputs that show fewer than ``fewest`` stars of the reference, as an untrained network does, are left out.
    """
    tests = {name: stars for name, stars in tests.items() if stars.counts.tp >= fewest}
    shared = set.intersection(*(set(stars.pairs[1].tolist()) for stars in tests.values())) if tests else set()
    kept = {name: np.isin(stars.pairs[1], list(shared)) for name, stars in tests.items()}
    return {name: (stars.flux_reference[kept[name]], stars.errors[kept[name]]) for name, stars in tests.items()}


def pooled_errors(fields: list[dict[str, Stars]]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """`common_errors` of several fields together: of the outputs that have enough stars on every one of them."""
    single = [common_errors(tests) for tests in fields]
    names = [name for name in fields[0] if all(name in errors for errors in single)] if fields else []
    return {
        name: tuple(np.concatenate(parts) for parts in zip(*(e[name] for e in single), strict=True)) for name in names
    }


def cut_marks(marks: dict, corner: tuple[int, int], size: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """`Stars.marks` of a square of ``size`` pixels whose first pixel is corner (x, y), in its own coordinates."""
    moved = {name: (x - corner[0], y - corner[1]) for name, (x, y) in marks.items()}
    inside = {name: (np.minimum(x, y) > -0.5) & (np.maximum(x, y) < size - 0.5) for name, (x, y) in moved.items()}
    return {name: (x[inside[name]], y[inside[name]]) for name, (x, y) in moved.items()}


def _snr(catalogue: Catalogue, chosen) -> float:
    columns = (catalogue[key][chosen] for key in ("flux", "flux_error", "background"))
    return photometry.snr(*columns)
