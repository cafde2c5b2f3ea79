"""A cluster's colour-magnitude diagram in F555W and F606W, before and after a method, against its true sequence.

The project's scenes give a star one AB magnitude in both bands, so a colour of 0. Here a scene's places and F606W
magnitudes are kept, and `SEQUENCE` gives the colours: a main sequence, a turn-off and a giant branch, without scatter,
so that all width of a measured sequence is error. Each band is exposed and denoised by itself; fluxes are forced PSF
fits at the true places, neighbours known (`known_stars`), the best case for every method. Magnitudes are AB.

Quantities: ``colour_bias``, ``colour_scatter``: median and 1.4826 MAD of measured less true F555W - F606W, mag, of
stars with a flux above 0 in both bands; ``colour_lost``: share of the others, %; of method "bound",
``colour_scatter``: 1.0857 (sigma_1^2 / F_1^2 + sigma_2^2 / F_2^2)^1/2, the Cramér-Rao bound to first order in
1 / SNR: below SNR 5 in a band an unbiased flux scatters more in magnitudes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from . import exposures
from .exposures import STANDARD, Conditions, Method
from .fluxes import STAMP
from .instrument import FILTERS, magnitude_from_rate, rate_from_magnitude
from .known_stars import Known, Seen
from .scenes import make_scene
from .score_rows import bins, rows_of
from .star_photometry import psf_errors

BANDS = ("F555W", "F606W")

SEQUENCE = (
    (19.5, 0.34),
    (20.5, 0.27),
    (21.5, 0.22),
    (22.0, 0.17),
    (22.4, 0.12),
    (23.0, 0.13),
    (24.0, 0.18),
    (25.0, 0.26),
    (26.0, 0.35),
    (27.0, 0.44),
    (28.5, 0.52),
)
"""F606W and F555W - F606W along an old cluster's sequence, joined by straight lines. An assumption: a giant branch, a
turn-off at 22.4 and a main sequence as red at 27 as giants are, with the shape that clusters have, of no cluster."""

MAGNITUDES = tuple(np.arange(20.0, 28.6, 1.0).tolist())
"""F606W, centres of the bins."""

FAINTEST = 28.5
"""F606W, of the faintest star that is drawn; those brighter than the sequence's first would saturate and are not."""

MOST = 1500
"""Stars of a cluster that are measured, drawn at random where there are more."""


@dataclass(frozen=True)
class Diagram:
    """True F606W ``magnitude`` and ``colour`` (n,); measured ones, (n,) each, by method, NaN where a flux isn't above
    0; ``bound``: Cramér-Rao bound of the colours, mag, (n,)."""

    magnitude: np.ndarray
    colour: np.ndarray
    measured_magnitude: dict[str, np.ndarray]
    measured_colour: dict[str, np.ndarray]
    bound: np.ndarray


def true_colour(magnitude: np.ndarray) -> np.ndarray:
    """F555W - F606W on `SEQUENCE`, AB, at F606W magnitudes."""
    return np.interp(magnitude, *zip(*SEQUENCE, strict=True))


def cluster(size: int = 512, seed: int = 7_000_000, conditions: Conditions = STANDARD) -> tuple[Known, Known]:
    """The same stars, exposed in each of `BANDS` with noise of its own. Same seed, same stars and noise."""
    catalogue = make_scene("star_cluster", size, seed, BANDS[1]).catalogue
    magnitude = magnitude_from_rate(catalogue["flux_e_s"], FILTERS[BANDS[1]])
    drawn = (catalogue["kind"] == "star") & (magnitude >= SEQUENCE[0][0]) & (magnitude <= FAINTEST)
    x, y, magnitude = catalogue["x"][drawn], catalogue["y"][drawn], magnitude[drawn]
    measured = _measured(x, y, size, seed)
    magnitudes = (magnitude + true_colour(magnitude), magnitude)
    first, second = (
        _exposed(x, y, own, measured, size, replace(conditions, band=band), 2 * seed + index)
        for index, (band, own) in enumerate(zip(BANDS, magnitudes, strict=True))
    )
    return first, second


def _measured(x: np.ndarray, y: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Indices of up to `MOST` stars, a stamp off the border."""
    inside = np.flatnonzero((np.minimum(x, y) > STAMP // 2 + 1) & (np.maximum(x, y) < size - STAMP // 2 - 2))
    return np.sort(np.random.default_rng(seed).permutation(inside)[:MOST])


def _exposed(x, y, magnitude, measured: np.ndarray, size: int, conditions: Conditions, seed: int) -> Known:
    """One band's exposure of stars, of which some are ``measured``."""
    scene = exposures.point_sources(x, y, magnitude, size, conditions.band)
    sources = np.stack([x, y, rate_from_magnitude(magnitude, conditions.filter)])
    about = ("crowded field", conditions.name, conditions.exposure_ratio, conditions.exposure_time, conditions.band, 0)
    variances = [exposures.variance(scene, conditions, white) for white in (False, True)]
    noisy = exposures.expose(scene, conditions, seed)
    return Known(*about, scene.numpy(), noisy, *variances, *sources[:, measured], sources)


def diagram(methods: Mapping[str, Method], bands: tuple[Known, Known]) -> Diagram:
    """Measure a `cluster` after each method; "unchanged" is the one before."""
    magnitude, colour = {}, {}
    for name, method in methods.items():
        first, second = (_magnitudes(known, method) for known in bands)
        magnitude[name], colour[name] = second, first - second
    first, second = bands
    bound = 1.0857 * np.hypot(first.sigma / first.flux, second.sigma / second.flux)
    return Diagram(second.magnitude, first.magnitude - second.magnitude, magnitude, colour, bound)


def _magnitudes(known: Known, method: Method) -> np.ndarray:
    """Measured magnitudes (n,) after a method, NaN for fluxes that aren't above 0."""
    flux = known.flux + psf_errors(Seen(known, method(known.noisy, known.exposure_time, known.exposure_ratio)))
    return magnitude_from_rate(np.where(flux > 0, flux, np.nan), FILTERS[known.band])


def score(
    methods: Mapping[str, Method],
    clusters: int = 5,
    conditions: Conditions = STANDARD,
    size: int = 512,
    first_seed: int = 7_000_000,
    magnitudes: Sequence[float] = MAGNITUDES,
) -> list[dict]:
    """The scorecard's rows per F606W magnitude, of several clusters; intervals drawn over clusters' stars."""
    found = [diagram(methods, cluster(size, first_seed + index, conditions)) for index in range(clusters)]
    magnitude, true, bound = (
        np.concatenate([getattr(each, k) for each in found]) for k in ("magnitude", "colour", "bound")
    )
    measured = {name: np.concatenate([each.measured_colour[name] for each in found]) - true for name in methods}
    kind = {"fields": "crowded field", "protocol": conditions.name, "exposure_ratio": conditions.exposure_ratio}
    rows = []
    for centre, inside in bins(magnitude, magnitudes):
        rows += rows_of({"method": "bound"} | kind, bound[None, inside], _median_bound, magnitude=centre)
        for name, error in measured.items():
            rows += rows_of({"method": name} | kind, error[None, inside], statistics, magnitude=centre)
    return rows


def statistics(errors: np.ndarray) -> dict[str, float]:
    """The module's quantities of one bin from errors of colours, (1, n), NaN where there is none; of five at least."""
    usable = errors[np.isfinite(errors)]
    lost = {"colour_lost": float(100 * np.mean(~np.isfinite(errors)))}
    if len(usable) < 5:
        return lost | {"colour_bias": np.nan, "colour_scatter": np.nan}
    middle = np.median(usable)
    spread = 1.4826 * np.median(np.abs(usable - middle))
    return {"colour_bias": float(middle), "colour_scatter": float(spread)} | lost


def _median_bound(bounds: np.ndarray) -> dict[str, float]:
    return {"colour_scatter": float(np.median(bounds))}
