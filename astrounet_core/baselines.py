"""Methods that cost nothing, behind the signature of every denoiser: (image, exposure_time, exposure_ratio) -> image.

Images are (H, W) in e-/s. No method here can be worse than a network without the network's having to explain itself.
"""

from functools import cache

import numpy as np
from scipy.ndimage import correlate, gaussian_filter, median_filter

from .instrument import F606W
from .psf import fwhm, hst_psf

PSF_SIZE = 21
"""Side of the matched filter's stamp, pixels; beyond it the PSF's wings only collect noise."""


def unchanged(image: np.ndarray, exposure_time: float, exposure_ratio: float) -> np.ndarray:
    """The input itself: in e-/s a short exposure already has the flux of a long one."""
    return image


def gaussian_blur(image: np.ndarray, exposure_time: float, exposure_ratio: float) -> np.ndarray:
    """Convolution with a Gaussian as wide as the PSF (FWHM of F606W)."""
    return gaussian_filter(image, _psf()[1] / 2.3548, mode="reflect")


def matched_filter(image: np.ndarray, exposure_time: float, exposure_ratio: float) -> np.ndarray:
    """Correlation with the PSF, of sum 1: the best linear filter to *detect* an isolated star, and a blur of twice the
    PSF's area for everything else."""
    return correlate(image, _psf()[0], mode="reflect")


def median(image: np.ndarray, exposure_time: float, exposure_ratio: float) -> np.ndarray:
    """The median of 3 x 3 pixels, of the paper's introduction: it takes the tops off stars this sharp."""
    return median_filter(image, 3, mode="reflect")


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
