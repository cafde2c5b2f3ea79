"""What denoising does to the light of stars: forced fluxes against the truth, by signal-to-noise ratio.

A star's place and true flux are known, so that every star counts, found or not. Errors are in units of the
Cramér-Rao bound of the *input*: what no unbiased measurement of that image can beat.
"""

import csv
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree
from torch import Tensor

from . import photometry
from .instrument import FILTERS, WFC3_UVIS
from .noise import noise_variance
from .provenance import replacing
from .psf import encircled_energy, hst_psf
from .scenes import Scene

APERTURE = 6.0
"""Diameter, pixels, of the aperture for forced fluxes: four fifths of a star's light."""

STAMP = 31
"""Side, pixels, of the stamps on which fluxes are bounded; stars nearer than half of it to a border are left out."""

SNR_EDGES = (2.0, 5.0, 10.0, 20.0, 50.0, 200.0, np.inf)
"""Signal-to-noise ratios between which stars are counted together."""

COLUMNS = ("fields", "exposure_ratio", "snr_low", "snr_high", "n", "bias", "bias_sigma", "bias_error", "scatter")


def forced_fluxes(shot, output: np.ndarray) -> np.ndarray:
    """(3, stars): true flux F, its Cramér-Rao bound sigma and the error dF of the aperture flux; e-/s.

    shot: an `evaluation.Exposure`. Isolated stars only. dF = aperture flux of (output - scene) / share of a star's
    light in the aperture, so that neighbours and nebulae, which the scene holds too, cancel.
    """
    flux, bound, x, y = shot.stars
    if not len(flux):
        return np.zeros((3, 0))
    change = photometry.aperture_flux(output - shot.scene.image.numpy(), x, y, APERTURE)
    return np.stack([flux, bound, change / encircled_energy(_psf(shot), APERTURE / 2)])


def error_statistics(stars: np.ndarray, low: float, high: float = np.inf) -> dict[str, float]:
    """Errors of the stars (3, n) of `forced_fluxes` with low < SNR <= high, SNR = F / sigma; NaN for fewer than five.

    bias: median dF / F, %; bias_sigma: median dF / sigma, and bias_error its standard error, 1.2533 scatter / sqrt(n);
    scatter: 1.4826 MAD of dF / sigma. An unbiased measurement that reaches the bound has 0, 0 and 1.
    """
    flux, bound, change = stars[:, (stars[0] > low * stars[1]) & (stars[0] <= high * stars[1])]
    if len(flux) < 5:
        return {"n": len(flux)} | dict.fromkeys(COLUMNS[5:], np.nan)
    pull = change / bound
    scatter = 1.4826 * np.median(np.abs(pull - np.median(pull)))
    values = (100 * np.median(change / flux), np.median(pull), 1.2533 * scatter / len(flux) ** 0.5, scatter)
    return {"n": len(flux)} | {name: float(value) for name, value in zip(COLUMNS[5:], values, strict=True)}


def forced_scores(stars: np.ndarray) -> dict[str, float]:
    """The measures of one image: flux_bias, % and flux_scatter, sigma, of stars of SNR above 10."""
    bright = error_statistics(stars, 10.0)
    return {"flux_bias": bright["bias"], "flux_scatter": bright["scatter"]}


def by_signal_to_noise(images: dict[tuple, list[np.ndarray]]) -> list[dict]:
    """Rows of `COLUMNS`: the stars of many images, {(fields, exposure_ratio): [stars, ...]}, between `SNR_EDGES`,
    and those of SNR above 10 all together."""
    edges = [*pairwise(SNR_EDGES), (10.0, np.inf)]
    return [
        {"fields": fields, "exposure_ratio": ratio, "snr_low": low, "snr_high": high}
        | error_statistics(np.concatenate(stars, axis=1), low, high)
        for (fields, ratio), stars in sorted(images.items())
        for low, high in edges
    ]


def isolated_stars(scene: Scene, distance: float = 8.0) -> tuple[np.ndarray, ...]:
    """Flux, x and y of stars with no neighbour brighter than a tenth of theirs within ``distance`` pixels."""
    flux, x, y = (scene.catalogue[key] for key in ("flux_e_s", "x", "y"))
    pairs = cKDTree(np.column_stack([x, y])).query_pairs(distance, output_type="ndarray").T
    disturbed = np.zeros(len(x), bool)
    for ours, theirs in (pairs, pairs[::-1]):
        disturbed[ours[flux[theirs] > 0.1 * flux[ours]]] = True
    border, last = STAMP // 2, scene.image.shape[-1] - 1
    inside = (np.minimum(x, y) >= border) & (np.maximum(x, y) <= last - border)
    kept = (scene.catalogue["kind"] == "star") & inside & ~disturbed
    return flux[kept], x[kept], y[kept]


def visible_sources(shot, snr: float = 3.0) -> np.ndarray:
    """(2, n): x and y of all true sources that stand out of the long exposure's sky, taken for points, at this SNR."""
    field = shot.field
    empty = noise_variance(Tensor([0.0]), field.exposure_time, 1.0, WFC3_UVIS, sky=field.sky, reads=field.reads).item()
    faintest = snr * photometry.cramer_rao_sigma(_psf(shot).numpy(), empty)
    catalogue = shot.scene.catalogue
    return np.stack([catalogue[key][catalogue["flux_e_s"] > faintest] for key in "xy"])


def bounded_stars(shot) -> np.ndarray:
    """(4, stars): flux, Cramér-Rao bound, x and y of the isolated stars of an `evaluation.Exposure`."""
    flux, x, y = isolated_stars(shot.scene)
    return np.stack([flux, flux_bounds(shot, x, y), x, y])


def flux_bounds(shot, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The Cramér-Rao bound on each star's flux, e-/s: PSF and place known, all light around it a known background.

    The noise counts as white: what drizzling does to it is left out. Only the middle of the PSF is used, so that the
    light outside the stamp is lost to the bound as it is to a measurement.
    """
    psf, time = _psf(shot).numpy(), shot.exposure_time
    outer = (len(psf) - STAMP) // 2
    core = psf[outer:-outer, outer:-outer]
    reads = float(np.ceil(shot.field.reads / shot.exposure_ratio))
    variance = noise_variance(shot.scene.image, time, 1.0, WFC3_UVIS, sky=shot.field.sky, reads=reads).numpy()
    stamps = np.lib.stride_tricks.sliding_window_view(variance, (STAMP, STAMP))
    corners = zip(*(np.rint(place).astype(int) - STAMP // 2 for place in (y, x)), strict=True)
    return np.array([photometry.cramer_rao_sigma(core, stamps[row, column]) for row, column in corners])


def _psf(shot) -> Tensor:
    """The PSF of the exposure's band, 255 pixels, as far as a scene's stars reach."""
    return hst_psf(FILTERS[shot.field.band], size=255)


def write_fluxes(path: Path, rows: list[dict]) -> None:
    """``fluxes.csv``: the rows of `by_signal_to_noise`, to five digits."""
    with replacing(path) as beside, open(beside, "w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: v if isinstance(v, str) else f"{v:.5g}" for k, v in row.items()} for row in rows)


def read_fluxes(path: Path) -> list[dict]:
    """The rows that `write_fluxes` wrote."""
    with open(path, newline="") as stream:
        return [{k: v if k == "fields" else float(v) for k, v in row.items()} for row in csv.DictReader(stream)]
