"""Methods that cost nothing, behind the signature of every denoiser: (image, exposure_time, exposure_ratio) -> image.

Images are (H, W) arrays in e-/s; pixels that are not finite stay as they are and touch no other. A network that does
not beat the methods here has to explain itself.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from scipy.ndimage import correlate, gaussian_filter, median_filter

from .instrument import F606W
from .psf import fwhm, hst_psf

PSF_SIZE = 21
"""Side of the matched filter's stamp, pixels; beyond it the PSF's wings only collect noise."""


def filtered(image: np.ndarray, smooth: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Smooth an image (H, W) whose non-finite pixels take its median meanwhile, and are put back afterwards."""
    data = np.asarray(image)
    finite = np.isfinite(data)
    level = np.median(data[finite]) if finite.any() else 0.0
    return np.where(finite, smooth(np.where(finite, data, level)), data)


def unchanged(image: np.ndarray, exposure_time: float, exposure_ratio: float) -> np.ndarray:
    """The input itself: in e-/s a short exposure already has the flux of a long one."""
    return image


def gaussian_blur(image: np.ndarray, exposure_time: float, exposure_ratio: float) -> np.ndarray:
    """Convolution with a Gaussian as wide as the PSF (FWHM of F606W)."""
    return filtered(image, lambda filled: gaussian_filter(filled, _psf()[1] / 2.3548, mode="reflect"))


def matched_filter(image: np.ndarray, exposure_time: float, exposure_ratio: float) -> np.ndarray:
    """Correlation with the PSF, of sum 1: the best linear filter to *detect* an isolated star, and a blur of twice the
    PSF's area for everything else."""
    return filtered(image, lambda filled: correlate(filled, _psf()[0], mode="reflect"))


def median(image: np.ndarray, exposure_time: float, exposure_ratio: float) -> np.ndarray:
    """The median of 3 x 3 pixels, of the paper's introduction: it takes the tops off stars this sharp."""
    return filtered(image, lambda filled: median_filter(filled, 3, mode="reflect"))


@cache
def _psf() -> tuple[np.ndarray, float]:
    psf = hst_psf(F606W, size=PSF_SIZE)
    return psf.numpy(), fwhm(psf)


BASELINES = {
    "unchanged": unchanged,
    "gaussian_blur": gaussian_blur,
    "matched_filter": matched_filter,
    "median": median,
}
"""Name -> function."""
