"""How wide and how round stars come back, and where, for `known_stars.score`.

Widths are moments under a Gaussian weight of width s = `WEIGHT` about the true place (Kaiser, Squires & Broadhurst
1995, doi:10.1086/176071), summed over all stars of a magnitude: M_ij = sum(w x_i x_j I) / sum(w I). Places are exact,
so that no image has to be shifted. The weight is taken out as for a Gaussian, C = (M^-1 - 1 / s^2)^-1. The sums are
linear in the image, so noise does not bias a stack as it does one star's fit.

Quantities: ``fwhm``: 2.3548 det(C)^(1/4), pixels; ``fwhm_ratio``: over that of the noise-free stars, measured alike;
``ellipticity``: |e - e_true|, e = (Cxx - Cyy, 2 Cxy) / (Cxx + Cyy), above 0 by noise alone: compare it with
"unchanged"; ``fwhm_scatter``: 1.4826 MAD of single stars' FWHM less the true one, pixels; ``astrometric_scatter``:
1.4826 MAD of errors of places fitted with flux, in units of their Cramér-Rao bound, of stars above `PLACED`.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from .bounds import cramer_rao, fit
from .fluxes import STAMP
from .instrument import FILTERS
from .known_stars import Seen
from .psf_photometry import psf_model
from .score_rows import bins, rows_of

WEIGHT = 1.5
"""Standard deviation of the weight, pixels: twice the PSF's, to see wings without drowning in noise."""

PLACED = 10.0
"""Signal-to-noise ratio of the faintest stars whose places are fitted: below it a fit may walk off."""

SHAPED = 5.0
"""Signal-to-noise ratio of the faintest stars that are stacked."""

SINGLE = 50.0
"""Signal-to-noise ratio from which a star's own width is measured."""

FIT_SIZE = 11
"""Side of the square in which a place is fitted, pixels."""


def moments(stamps: np.ndarray, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """(4, N): weighted sums of I, x^2 I, y^2 I and x y I about dx, dy (N,) off the middle pixel of stamps (N, S, S)."""
    offset = np.arange(stamps.shape[-1]) - stamps.shape[-1] // 2
    x, y = offset[None, None, :] - dx[:, None, None], offset[None, :, None] - dy[:, None, None]
    light = stamps * np.exp(-(x**2 + y**2) / (2 * WEIGHT**2))
    return np.stack([(light * each).sum((1, 2)) for each in (1.0, x**2, y**2, x * y)])


def width_and_ellipticity(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """FWHM (pixels) and the two components of the ellipticity from `moments`, (4, ...); NaN where light has no width.

    Exact for Gaussians, but for their sampling.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        xx, yy, xy = sums[1:] / sums[0]
        determinant = xx * yy - xy**2
        a, b, c = yy / determinant - WEIGHT**-2, xx / determinant - WEIGHT**-2, -xy / determinant
        inverse = a * b - c**2
        proper = (sums[0] > 0) & (determinant > 0) & (inverse > 0) & (a > 0)
        fwhm = np.where(proper, 2.3548 * np.abs(inverse) ** -0.25, np.nan)
        return fwhm, np.where(proper, (b - a) / (a + b), np.nan), np.where(proper, -2 * c / (a + b), np.nan)


def place_errors(seen: Seen, bright: np.ndarray) -> np.ndarray:
    """(2, n): errors of x and y over their bounds, flux, x and y fitted together; NaN where ``bright`` (n,) is not.

    Least squares with the PSF and with the weights of the input's noise, as an astronomer does who ignores what the
    method has done to both.
    """
    known, inner = seen.known, slice(STAMP // 2 - FIT_SIZE // 2, STAMP // 2 + FIT_SIZE // 2 + 1)
    errors, free = np.full((2, len(known.flux)), np.nan), ("flux", "x", "y")
    if bright.any():
        place = known.place[:, bright]
        start = np.stack([known.flux[bright], *place, np.zeros(bright.sum())], axis=1)
        stamps, variance = (each[bright][:, inner, inner] for each in (seen.alone, 1 / known.weight))
        found = fit(stamps, variance, psf_model(FILTERS[known.band]), start, free, steps=5)
        bound = cramer_rao(known.gradient[bright][..., inner, inner], variance, free)
        errors[:, bright] = (found[:, 1:3].T - place) / bound[:, 1:].T
    return errors


def collect(seen: Seen) -> dict[str, np.ndarray]:
    """magnitude (n,), snr (n,), sums and true sums of `moments`, (4, n), e-/s, and `place_errors`, (2, n)."""
    known = seen.known
    snr = known.flux / known.sigma
    return {
        "magnitude": known.magnitude,
        "snr": snr,
        "sums": moments(seen.alone, *known.place),
        "true": known.flux * moments(known.psf, *known.place),
        "places": place_errors(seen, snr > PLACED),
        "group": np.full(len(snr), known.group),
    }


def rows(
    about: Mapping[str, object], collected: Sequence[Mapping[str, np.ndarray]], magnitudes: Sequence[float]
) -> list[dict]:
    """The scorecard's rows per magnitude, of stars above `SHAPED`; intervals as in `star_photometry.rows`."""
    stars = {key: np.concatenate([part[key] for part in collected], axis=-1) for key in collected[0]}
    columns = np.concatenate([stars["sums"], stars["true"], stars["places"], stars["snr"][None]])
    groups = stars["group"] if about["protocol"] == "independent" else np.arange(columns.shape[1])
    found = []
    for centre, inside in bins(stars["magnitude"], magnitudes):
        kept = inside & (stars["snr"] > SHAPED)
        found += rows_of(about, columns[:, kept], statistics, magnitude=centre, groups=groups[kept])
    return found


def statistics(stars: np.ndarray) -> dict[str, float]:
    """The module's quantities from (11, n): `moments`, true moments, errors of places and signal-to-noise ratio."""
    sums, true, places, snr = stars[:4], stars[4:8], stars[8:10], stars[10]
    fwhm, *ellipticity = width_and_ellipticity(sums.sum(1))
    true_fwhm, *true_ellipticity = width_and_ellipticity(true.sum(1))
    single = snr > SINGLE
    widths = (width_and_ellipticity(sums)[0] - width_and_ellipticity(true)[0])[single]
    return {
        "fwhm": float(fwhm),
        "fwhm_ratio": float(fwhm / true_fwhm),
        "ellipticity": float(np.hypot(*np.subtract(ellipticity, true_ellipticity))),
        "fwhm_scatter": _spread(widths),
        "astrometric_scatter": _spread(places),
    }


def _spread(values: np.ndarray) -> float:
    """1.4826 MAD of the finite values; NaN for fewer than five."""
    finite = values[np.isfinite(values)]
    return float(1.4826 * np.median(np.abs(finite - np.median(finite)))) if len(finite) >= 5 else np.nan
