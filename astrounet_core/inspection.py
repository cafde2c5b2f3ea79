"""What a denoised image tells when nobody knows the truth (section 4.4): blank sky, and sources before and after.

Images are e-/s, (H, W), arrays or tensors. ``blank`` is a mask, True where no source is seen; make it once, from the
input, and use it for every image of the field, so that all are measured on the same pixels.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import sep
import torch
from scipy.ndimage import binary_dilation, binary_erosion
from scipy.signal import fftconvolve
from torch import Tensor

from . import photometry
from .instrument import F606W
from .psf import hst_psf

Image = np.ndarray | Tensor

MESH = 32
"""Side of the background's mesh, pixels; half the paper's, because the sky between galaxies isn't flat."""

FIVE_SIGMA = photometry.DetectionSettings(threshold=5.0, min_area=4)
"""Five sigma in each of four neighbouring pixels: a star, in an image of HST's sharpness."""

FLUX_DIAMETER = 6.0
"""Aperture for fluxes before and after, pixels: some 80 % of a star's light."""

STAMP = 21
"""Side of an injected star's stamp, pixels."""

FEWEST = 100
"""Fewer places than this say nothing about a scatter: the answer is NaN."""


def blank_sky(image: Image, grow: int = 6) -> np.ndarray:
    """True where no source is seen: outside all detections of 1.5 sigma on 6 pixels, grown by ``grow`` pixels."""
    plane = _plane(image)
    background = sep.Background(plane, bw=MESH, bh=MESH)
    _, segments = sep.extract(
        plane - background.back(), 1.5, err=background.globalrms, minarea=6, segmentation_map=True
    )
    return ~binary_dilation(segments > 0, iterations=grow)


def flattened(image: Image, blank: np.ndarray) -> np.ndarray:
    """The image less a smooth background, fitted to its blank sky on a mesh of 64 pixels."""
    plane = _plane(image)
    return plane - sep.Background(plane, mask=~blank, bw=MESH, bh=MESH).back()


def sky_scatter(image: Image, blank: np.ndarray) -> float:
    """1.4826 MAD of the flattened image's blank pixels, e-/s: the noise of a single pixel. NaN for too few pixels."""
    return _scatter(flattened(image, blank)[blank])


def lag_correlation(image: Image, blank: np.ndarray, lag: int = 1) -> float:
    """Autocorrelation of the blank sky at ``lag`` pixels, the mean of x and y: 0 for white noise, 1 for a flat image.

    Over pairs of pixels both on blank sky and within 5 sigma of its median. NaN for too few pairs.
    """
    sky = flattened(image, blank)
    centred = sky - np.median(sky[blank]) if blank.any() else sky
    used = blank & (np.abs(centred) < 5 * _scatter(sky[blank]))
    products = []
    for axis in (0, 1):
        first, second = (np.arange(lag, centred.shape[axis]), np.arange(centred.shape[axis] - lag))
        pair = used.take(first, axis) & used.take(second, axis)
        products.append((centred.take(first, axis) * centred.take(second, axis))[pair])
    together = np.concatenate(products)
    return float(together.mean() / (centred[used] ** 2).mean()) if len(together) >= FEWEST else np.nan


def aperture_scatter(image: Image, blank: np.ndarray, diameters) -> np.ndarray:
    """Scatter of the flux in circular apertures on blank sky, e-/s, one value a diameter (pixels); NaN for no room.

    1.4826 MAD over all places where a whole aperture fits on the blank sky, after flattening. White noise of sigma
    a pixel gives sigma sqrt(N) for N pixels; correlated noise gives more, however smooth it looks.
    """
    sky = flattened(image, blank)
    return np.array([_scatter(_sums(sky, disc)[binary_erosion(blank, disc)]) for disc in map(aperture, diameters)])


def aperture(diameter: float) -> np.ndarray:
    """The pixels whose centres lie within an aperture centred on a pixel: a square boolean array of odd side."""
    half = int(diameter / 2)
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    return np.hypot(x, y) <= diameter / 2


def compare_sky(image: Image, output: Image, blank: np.ndarray) -> dict[str, float]:
    """Blank sky before and after: sky_before, sky_after (e-/s a pixel), their correlations at lag 1, the residual's.

    The residual is the image minus the output. If only noise was removed, it has the noise's own correlation.
    """
    residual = _plane(image) - _plane(output)
    return {
        "blank": 100 * float(blank.mean()),
        "sky_before": sky_scatter(image, blank),
        "sky_after": sky_scatter(output, blank),
        "lag_before": lag_correlation(image, blank),
        "lag_after": lag_correlation(output, blank),
        "lag_residual": lag_correlation(residual, blank),
    }


def compare_sources(image: Image, output: Image, blank: np.ndarray, exposure_time: float) -> dict[str, float]:
    """Sources of 5 sigma before and after, and the fluxes of those in both; exposure_time of the image, s.

    before, after: detections above five times each image's *own* noise; same_level: in the output, above the input's
    level; negative_before, negative_after: in the images turned upside down, where all are false. matched: found in
    both at that level; flux_ratio: median output / input in an aperture of 6 pixels; flux_shift: 1.4826 MAD of the
    difference in units of the input's own error, sqrt(sky's aperture scatter^2 + F / t).
    """
    smooth = _plane(image) - flattened(image, blank)
    before, after = _plane(image) - smooth, _plane(output) - smooth
    level = _rms(before) / _rms(after)
    found, kept = _detected(before), _detected(after, level)
    i, j = photometry.match(kept["x"], kept["y"], found["x"], found["y"], 2.0)
    old, new = (
        photometry.aperture_flux(plane, found["x"][j], found["y"][j], diameter=FLUX_DIAMETER)
        for plane in (before, after)
    )
    error = np.sqrt(aperture_scatter(image, blank, [FLUX_DIAMETER])[0] ** 2 + old.clip(0) / exposure_time)
    pulls = (new - old) / error
    return {
        "before": len(found["x"]),
        "after": len(_detected(after)["x"]),
        "same_level": len(kept["x"]),
        "negative_before": len(_detected(-before)["x"]),
        "negative_after": len(_detected(-after)["x"]),
        "matched": len(i),
        "flux_ratio": float(np.median(new / old)) if len(i) else np.nan,
        "flux_shift": 1.4826 * float(np.median(np.abs(pulls - np.median(pulls)))) if len(i) else np.nan,
    }


def inject_stars(
    image: Image, blank: np.ndarray, flux: float, exposure_time: float, seed: int = 0, spacing: int = 24
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The image with stars of a known flux, e-/s, on its blank sky, and their x and y: a truth for any image.

    One star on every node of a grid of ``spacing`` pixels that is blank over the star's stamp; HST's PSF in F606W, with
    photon noise of the exposure, s. Raises ValueError where no node is blank.
    """
    stamp = torch.clamp(flux * hst_psf(F606W, size=STAMP), min=0) * exposure_time
    half, starry = STAMP // 2, _plane(image).copy()
    rows, columns = (np.arange(spacing // 2, size, spacing) for size in starry.shape)
    room = binary_erosion(blank, np.ones((STAMP, STAMP)))
    places = [(y, x) for y in rows for x in columns if room[y, x]]
    if not places:
        raise ValueError(f"no blank sky for stars {spacing} pixels apart; choose a less crowded image.")
    generator = torch.Generator().manual_seed(seed)
    for y, x in places:
        photons = torch.poisson(stamp, generator).numpy()
        starry[y - half : y + half + 1, x - half : x + half + 1] += photons / exposure_time
    y, x = np.array(places, float).T
    return starry, x, y


def surviving_light(method: Callable, image: Image, blank: np.ndarray, fluxes, exposure_time: float) -> np.ndarray:
    """The share of injected starlight that a method keeps in apertures of 6 pixels, one value a flux (e-/s).

    Every star is measured in the difference between the image with and without it, before and after; the share is
    the sum of the latter over that of the former: 1 for a method that is linear and sharp. method: image -> image.
    """
    bare, answer, shares = _plane(image), _plane(method(image)), []
    for flux in fluxes:
        starry, x, y = inject_stars(image, blank, flux, exposure_time)
        differences = (starry - bare, _plane(method(starry)) - answer)
        added, kept = (photometry.aperture_flux(each, x, y, diameter=FLUX_DIAMETER).sum() for each in differences)
        shares.append(kept / added)
    return np.array(shares)


def _detected(plane: np.ndarray, level: float = 1.0) -> dict[str, np.ndarray]:
    return photometry.detect(plane, replace(FIVE_SIGMA, threshold=FIVE_SIGMA.threshold * level))


def _rms(plane: np.ndarray) -> float:
    """The noise that `photometry.detect` measures its threshold in."""
    settings = FIVE_SIGMA
    mesh, smooth = settings.back_size, settings.back_filter
    return sep.Background(plane, bw=mesh, bh=mesh, fw=smooth, fh=smooth).globalrms


def _plane(image: Image) -> np.ndarray:
    plane = image.detach().cpu().numpy() if isinstance(image, Tensor) else np.asarray(image)
    return np.ascontiguousarray(plane, dtype=np.float32)


def _scatter(values: np.ndarray) -> float:
    if len(values) < FEWEST:
        return np.nan
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


def _sums(image: np.ndarray, disc: np.ndarray) -> np.ndarray:
    """The sum of the pixels under an aperture laid on every pixel."""
    return fftconvolve(image, disc.astype(np.float32), mode="same")
