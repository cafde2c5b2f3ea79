"""What a method has taken away: r = (input - output) / sigma, sigma the input's true noise, for `known_stars.score`.

A perfect method takes the noise and nothing else. Quantities: ``residual_mean`` (0), ``residual_variance`` (1);
``residual_lag1_x``, ``_y``: autocorrelation at one pixel (the noise's own: 0, or 0.27 on drizzled noise);
``transfer a-b``: power of the residual over power of the noise between a and b cycles per pixel (1 at all);
``imprint``: the stack of residuals on stars of one magnitude, weighted with the PSF, over its standard error (within
+-2: none); ``imprint_share``: the star's light in it, %, of its flux. In brackets what a perfect method has.
"unchanged" takes nothing away: its residual is 0.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from .known_stars import Seen
from .score_rows import bins, rows_of

FREQUENCIES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
"""Cycles per pixel between which powers are summed."""

LAGS = {"residual_lag1_x": (slice(None), slice(1, None)), "residual_lag1_y": (slice(1, None), slice(None))}
"""The pixels that have a neighbour at a lag of one."""


def residual(seen: Seen) -> np.ndarray:
    """r = (input - output) / sigma, (H, W)."""
    return (seen.known.noisy - seen.output) / np.sqrt(seen.known.variance)


def powers(image: np.ndarray) -> np.ndarray:
    """Summed power of an image (H, W) in rings between `FREQUENCIES`, its mean left out; (len(FREQUENCIES) - 1,)."""
    power = np.abs(np.fft.fft2(image - image.mean())) ** 2
    frequency = np.hypot(*np.meshgrid(*(np.fft.fftfreq(side) for side in image.shape), indexing="ij"))
    return np.histogram(frequency, FREQUENCIES, weights=power)[0]


def stacked(seen: Seen, faintest: float, brightest: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean residual stamp of the stars between two signal-to-noise ratios, and its standard error; (STAMP, STAMP).

    Raises ValueError for fewer than two such stars.
    """
    snr = seen.known.flux / seen.known.sigma
    chosen = (snr > faintest) & (snr <= brightest)
    if chosen.sum() < 2:
        raise ValueError(f"{chosen.sum()} stars of SNR {faintest:g} to {brightest:g} make no stack; widen the range.")
    stamps = seen.known.cut(residual(seen))[chosen]
    return stamps.mean(0), stamps.std(0, ddof=1) / len(stamps) ** 0.5


def imprints(seen: Seen) -> np.ndarray:
    """(2, n): PSF-weighted residual at each star, sum(P r) / sqrt(sum P^2), and the flux that it is, over the star's.

    The first has a variance of 1 in white noise.
    """
    known = seen.known
    psf, sigma = known.psf, np.sqrt(known.cut(known.variance))
    taken = known.cut(residual(seen))
    amplitude = (psf * taken).sum((1, 2)) / (psf**2).sum((1, 2)) ** 0.5
    flux = (psf * known.weight * taken * sigma).sum((1, 2)) / (psf**2 * known.weight).sum((1, 2))
    return np.stack([amplitude, flux / known.flux])


def collect(seen: Seen) -> dict[str, np.ndarray]:
    """Of one exposure: image (4 + 2 rings, 1), its moments and powers; magnitude (n,) and `imprints` (2, n)."""
    taken = residual(seen)
    noise = (seen.known.noisy - seen.known.scene) / np.sqrt(seen.known.variance)
    lags = [
        np.mean(taken[later] * np.roll(taken, 1, axis)[later])
        for later, axis in zip(LAGS.values(), (1, 0), strict=True)
    ]
    image = np.concatenate([[taken.mean(), np.mean(taken**2)], lags, powers(taken), powers(noise)])
    return {"image": image[:, None], "magnitude": seen.known.magnitude, "stars": imprints(seen)}


def rows(
    about: Mapping[str, object], collected: Sequence[Mapping[str, np.ndarray]], magnitudes: Sequence[float]
) -> list[dict]:
    """The scorecard's rows: of whole images, drawn again image by image, and of stars per magnitude."""
    images, magnitude, stars = (
        np.concatenate([part[key] for part in collected], axis=-1) for key in ("image", "magnitude", "stars")
    )
    found = rows_of(about, images, of_images)
    for centre, inside in bins(magnitude, magnitudes):
        found += rows_of(about, stars[:, inside], of_stars, magnitude=centre)
    return found


def of_images(images: np.ndarray) -> dict[str, float]:
    """The quantities of whole images from the columns of `collect`, (k, images)."""
    mean, square, *lags = images[:4].mean(1)
    variance = square - mean**2
    taken, noise = images[4:].reshape(2, -1, images.shape[1]).sum(-1)
    found = {"residual_mean": mean, "residual_variance": variance}
    for name, lag in zip(LAGS, lags, strict=True):
        found[name] = (lag - mean**2) / variance if variance > 0 else np.nan
    rings = [f"transfer {low:g}-{high:g}" for low, high in pairwise(FREQUENCIES)]
    return found | dict(zip(rings, taken / noise, strict=True))


def of_stars(stars: np.ndarray) -> dict[str, float]:
    """``imprint`` and ``imprint_share`` of one magnitude from `imprints`, (2, n); 0 where nothing was taken away."""
    amplitude, share = stars
    error = amplitude.std(ddof=1) / len(amplitude) ** 0.5 if len(amplitude) > 1 else 0.0
    imprint = 0.0 if not amplitude.any() else amplitude.mean() / error if error else np.nan
    return {"imprint": float(imprint), "imprint_share": float(100 * np.median(share))}
