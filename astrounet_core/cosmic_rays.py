"""Cosmic rays found and mended in one exposure, before anything else is done to it (section 4.4.2)."""

import astroscrappy
import numpy as np

from .instrument import F606W, WFC3_UVIS, Detector

SMALLEST = 7
"""Side, pixels, of the smallest image that the filters of 5 x 5 and 7 x 7 pixels can work on."""

DEEPEST = 10.0
"""Pixels so many times the noise below the sky are damaged: left alone, and out of the means that mend others."""


def clean_cosmic_rays(
    image: np.ndarray,
    exposure_time: float,
    detector: Detector = WFC3_UVIS,
    *,
    sky: float = F606W.sky,
    reads: int = 1,
    sigma_limit: float = 4.5,
    contrast_limit: float = 8.0,
    mask: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The image with its cosmic rays replaced, and where they were: (H, W) float32 e-/s, (H, W) bool.

    L.A.Cosmic (van Dokkum 2001, doi:10.1086/323894) as astroscrappy does it (McCully et al. 2018,
    doi:10.5281/zenodo.1482019): a pixel is hit where the image's Laplacian exceeds ``sigma_limit`` times the noise and
    ``contrast_limit`` times the fine structure that a star would have; neighbours at 0.3 of the first. It takes the
    mean of the good pixels of the 5 x 5 around it.

    image: (H, W), e-/s; exposure_time: of that image, s. The noise is that of `noise.physical`: sky: what has been
    subtracted, e-/s a pixel (0: it is still there); read noise and dark current are the detector's, ``reads`` readouts.
    Pixels at the full well count as stars. mask: pixels (H, W) to leave alone and out of every filter; those that are
    not finite are, always. HST's stars are sharp: of those of 300 e- centred on a pixel, 29 % are mended at a contrast
    limit of 5, astroscrappy's, and 6 % at 8, for as many cosmic rays found (simulated, 300 s). The full median is
    used: with astroscrappy's quicker separable one nearly all stars like these are mended, bright ones too.

    Raises ValueError for an image that isn't 2-D and 7 x 7 or more, a mask of another shape, or t <= 0.
    """
    pixels = np.asarray(image, dtype=np.float32)
    left_alone = ~np.isfinite(pixels) if mask is None else ~np.isfinite(pixels) | _same_shape(mask, pixels)
    if pixels.ndim != 2 or min(pixels.shape) < SMALLEST:
        raise ValueError(f"an image of shape {pixels.shape} can't be searched; give (H, W), {SMALLEST} pixels or more.")
    if not exposure_time > 0:
        raise ValueError(f"an exposure time of {exposure_time} s gives no electrons; give that of this image, in s.")
    background, readnoise = sky + detector.dark_current, detector.read_noise * reads**0.5
    level = np.median(pixels[~left_alone]) if not left_alone.all() else 0.0
    noise = np.sqrt(max(level + background, 0) * exposure_time + readnoise**2) / exposure_time
    left_alone |= pixels < level - DEEPEST * noise  # the mean around a hole is no sky
    electrons = (np.where(left_alone, level, pixels) + background) * exposure_time
    hit, mended = astroscrappy.detect_cosmics(
        electrons.astype(np.float32),
        inmask=left_alone,
        gain=1.0,
        readnoise=readnoise,
        satlevel=reads * detector.full_well,
        sigclip=sigma_limit,
        objlim=contrast_limit,
        sepmed=False,
    )
    hit &= ~left_alone
    return np.where(hit, mended / np.float32(exposure_time) - np.float32(background), pixels), hit


def _same_shape(mask: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    if np.shape(mask) != pixels.shape:
        raise ValueError(f"a mask of shape {np.shape(mask)} doesn't fit an image of {pixels.shape}; make it anew.")
    return np.asarray(mask, bool)
