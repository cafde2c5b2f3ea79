"""Forced fluxes of all known stars against the truth: bias, scatter, efficiency and linearity, for `known_stars.score`.

Quantities: ``bias_aperture``, ``bias_psf``: median dF / F, %; ``..._sigma``: median dF / sigma, sigma the Cramér-Rao
bound of the *input* (an unbiased flux of that image cannot scatter less); ``scatter_...``: 1.4826 MAD of dF / sigma;
``efficiency``: sigma^2 / MSE of the PSF fit, 1 / mean((dF / sigma)^2). Above 1 it is shrinkage: a prior has lowered
the scatter by adding bias, which no unbiased measurement could; it is no information gained. On drizzled noise the
bound is that of the white noise before it; there even "unchanged" may exceed 1, so compare with it. ``snr``: median F /
sigma. ``linearity``: slope of measured against true flux, straight line with an intercept, weights 1 / sigma^2.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from scipy.spatial import cKDTree

from .fluxes import APERTURE
from .instrument import FILTERS, WFC3_UVIS
from .known_stars import Known, Seen
from .photometry import aperture_flux
from .psf import encircled_energy, hst_psf
from .psf_photometry import REACH
from .score_rows import bins, rows_of

BRIGHT = 10.0
"""Signal-to-noise ratio above which stars of all magnitudes are counted together as well."""

NEIGHBOUR_RADIUS = 25.0
"""Pixels, 1 arcsec, around a star in which its neighbours are counted."""

DENSITIES = (0.0, 2.0, 5.0, 10.0, np.inf)
"""Neighbours per arcsec^2 between which bright stars are counted together."""


def psf_errors(seen: Seen) -> np.ndarray:
    """Errors dF (n,), e-/s, of forced PSF fits, each star alone: dF = sum(P d / V) / sum(P^2 / V), d = output - scene.

    V: variance of the *input's* noise, so that every method is measured with the same weights.
    """
    weighted = seen.known.psf * seen.known.weight
    return (weighted * seen.change).sum((1, 2)) / (weighted * seen.known.psf).sum((1, 2))


def aperture_errors(seen: Seen) -> np.ndarray:
    """Errors dF (n,), e-/s, in apertures of `fluxes.APERTURE` pixels across, the light outside made up for."""
    known = seen.known
    share = encircled_energy(hst_psf(FILTERS[known.band], size=REACH), APERTURE / 2)
    return aperture_flux(seen.output - known.scene, known.x, known.y, APERTURE) / share


def neighbour_density(known: Known) -> np.ndarray:
    """Sources per arcsec^2 (n,) within `NEIGHBOUR_RADIUS` of each star that are brighter than a tenth of it."""
    x, y, flux = known.sources
    near = cKDTree(np.column_stack([x, y])).query_ball_point(np.column_stack([known.x, known.y]), NEIGHBOUR_RADIUS)
    count = [np.sum(flux[found] > 0.1 * own) - 1 for found, own in zip(near, known.flux, strict=True)]
    return np.array(count, float) / (np.pi * (NEIGHBOUR_RADIUS * WFC3_UVIS.pixel_scale) ** 2)


def collect(seen: Seen) -> dict[str, np.ndarray]:
    """(n,) each: magnitude, flux, bound, psf and aperture (errors, e-/s), density and group of an exposure's stars."""
    known = seen.known
    return {
        "magnitude": known.magnitude,
        "flux": known.flux,
        "bound": known.sigma,
        "psf": psf_errors(seen),
        "aperture": aperture_errors(seen),
        "density": neighbour_density(known),
        "group": np.full(len(known.flux), known.group),
    }


def rows(
    about: Mapping[str, object], collected: Sequence[Mapping[str, np.ndarray]], magnitudes: Sequence[float]
) -> list[dict]:
    """The scorecard's rows: per magnitude, for all stars above `BRIGHT`, and of these by neighbours where they differ.

    Intervals are drawn over stars on blank skies, and over fields elsewhere, where stars share their surroundings.
    """
    stars = {key: np.concatenate([part[key] for part in collected]) for key in collected[0]}
    columns = np.stack([stars[key] for key in ("flux", "bound", "psf", "aperture")])
    groups = stars["group"] if about["protocol"] == "independent" else np.arange(columns.shape[1])
    bright = stars["flux"] > BRIGHT * stars["bound"]
    found = []
    for centre, inside in bins(stars["magnitude"], magnitudes):
        part = {"magnitude": centre, "groups": groups[inside]}
        found += rows_of(about, columns[:, inside], statistics, **part)
    found += rows_of(about, columns[:, bright], _together, groups=groups[bright])
    if about["protocol"] == "independent":
        found += _by_density(about, columns[:, bright], stars["density"][bright], groups[bright])
    return found


def statistics(stars: np.ndarray) -> dict[str, float]:
    """The module's quantities of one bin from flux, bound, and errors of PSF fit and aperture, (4, n)."""
    flux, bound, *errors = stars
    found = {"snr": float(np.median(flux / bound)), "efficiency": float(1 / np.mean((errors[0] / bound) ** 2))}
    if not np.any(errors[0]):
        found["efficiency"] = np.inf
    for name, error in zip(("psf", "aperture"), errors, strict=True):
        pull = error / bound
        found[f"bias_{name}"] = float(100 * np.median(error / flux))
        found[f"bias_{name}_sigma"] = float(np.median(pull))
        found[f"scatter_{name}"] = float(1.4826 * np.median(np.abs(pull - np.median(pull))))
    return found


def slope(stars: np.ndarray) -> float:
    """Slope of measured against true flux, the PSF fit's, from (4, n) as in `statistics`; NaN for fewer than three."""
    flux, bound, error, _ = stars
    if len(flux) < 3 or not np.ptp(flux):
        return np.nan
    return float(np.polyfit(flux, flux + error, 1, w=1 / bound)[0])


def _together(stars: np.ndarray) -> dict[str, float]:
    return statistics(stars) | {"linearity": slope(stars)}


def _by_density(about, columns: np.ndarray, density: np.ndarray, groups: np.ndarray) -> list[dict]:
    """``bias_psf`` and ``scatter_psf`` of bright stars by the number of their neighbours."""
    found = []
    for low, high in pairwise(DENSITIES):
        inside = (density >= low) & (density < high)
        name = f" at {low:g}-{high:g} neighbours per arcsec2"
        kept = rows_of(about, columns[:, inside], statistics, groups=groups[inside])
        chosen = [each for each in kept if each["quantity"] in ("bias_psf", "scatter_psf")]
        found += [each | {"quantity": each["quantity"] + name} for each in chosen]
    return found
