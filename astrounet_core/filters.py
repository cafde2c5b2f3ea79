"""Classical filters and deconvolutions, each a function of an array (H, W); `peers` says what each assumes.

Which array that is, the image, its electrons or an image of noise 1, `anscombe` decides. Where a filter needs the PSF,
it is that of F606W, and the result is at the image's own resolution: a deconvolved sky is another target.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.fft import irfft2, rfft2
from scipy.ndimage import gaussian_filter, median_filter
from scipy.signal import wiener
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

from .instrument import F606W
from .psf import hst_psf

PSF_SIZE = 41
"""Side, pixels, of the PSF: 95 % of a star's light. Images are reflected half of that beyond their borders."""

DARKEST = 1e-3
"""Electrons that a pixel holds at least where a method divides by it."""


def gaussian(image: np.ndarray, width: float) -> np.ndarray:
    """Convolution with a Gaussian of standard deviation ``width``, pixels."""
    return gaussian_filter(image, width, mode="reflect")


def median(image: np.ndarray, size: int) -> np.ndarray:
    """The median of ``size`` x ``size`` pixels."""
    return median_filter(image, size, mode="reflect")


def fourier_wiener(image: np.ndarray, noise: float) -> np.ndarray:
    """Wiener's filter in Fourier space, S / (S + noise), of an image of noise 1.

    The signal's power S is that of points anywhere, so the PSF's |H|^2, as much of it as the image's variance exceeds
    1: S = (var - 1) |H|^2 / mean |H|^2. noise: 1 for the least squared error; smaller keeps more.
    """
    level = np.median(image)
    signal = max(image.var() - 1, 1e-6)

    def smooth(data: np.ndarray) -> np.ndarray:
        power = np.abs(rfft2(_centred_psf(data.shape))) ** 2
        power *= signal / (_centred_psf(data.shape) ** 2).sum()
        return irfft2(rfft2(data) * power / (power + noise), data.shape)

    return level + _reflected(image - level, smooth)


def adaptive_wiener(image: np.ndarray, size: int) -> np.ndarray:
    """Wiener's filter pixel by pixel, of an image of noise 1: m + (1 - 1/v) (x - m), m where v < 1 (Lee 1980).

    m and v are mean and variance of ``size`` x ``size`` pixels.
    """
    padded = np.pad(image, size, mode="reflect")
    with np.errstate(divide="ignore", invalid="ignore"):  # scipy divides by v before it looks whether v < 1
        return wiener(padded, size, noise=1.0)[size:-size, size:-size]


def total_variation(image: np.ndarray, weight: float) -> np.ndarray:
    """argmin |u - image|^2 / 2 + weight sum |grad u| (Rudin, Osher & Fatemi 1992; Chambolle 2004), in 100 steps.

    As many for every image: to stop where the sum hardly changes is to stop at once where there is a bright star.
    """
    return denoise_tv_chambolle(image, weight, eps=0, max_num_iter=100)


def nonlocal_means(image: np.ndarray, strength: float, patch: int = 5, distance: int = 6) -> np.ndarray:
    """Mean of pixels weighted by how alike their ``patch`` x ``patch`` surroundings are (Buades, Coll & Morel 2005).

    For an image of noise 1: weights exp(-max(d^2 - 2, 0) / strength^2) of the patches' mean squared difference d^2,
    up to ``distance`` pixels away.
    """
    return denoise_nl_means(image, patch, distance, strength, sigma=1.0, fast_mode=True, preserve_range=True)


def richardson_lucy(electrons: np.ndarray, variance: float, updates: int) -> np.ndarray:
    """Richardson-Lucy deconvolution, stopped early and convolved with the PSF again.

    The method needs data that are positive and Poissonian: ``variance``, the sky's, e-^2, is added before and
    subtracted after. Starts from a flat image; few updates smooth, many fit the noise.
    """

    def deconvolve(counts: np.ndarray) -> np.ndarray:
        psf, image = _centred_psf(counts.shape), np.full_like(counts, counts.mean())
        for _ in range(updates):
            image = lucy_update(counts, image, psf)
        return _convolve(image, psf)

    return _reflected(np.maximum(electrons + variance, DARKEST), deconvolve) - variance


def blind_deconvolution(electrons: np.ndarray, variance: float, rounds: int, updates: int = 5) -> np.ndarray:
    """`richardson_lucy` that does not trust the PSF: each round updates the image, then the PSF, ``updates`` times.

    The PSF begins as the known one and keeps its size and sum (Ayers & Dainty 1988 by the updates of Fish et al. 1995,
    doi:10.1364/JOSAA.12.000058). The image is convolved with the PSF that was found.
    """

    def deconvolve(counts: np.ndarray) -> np.ndarray:
        psf, image = _centred_psf(counts.shape), np.full_like(counts, counts.mean())
        for _ in range(rounds):
            for _ in range(updates):
                image = lucy_update(counts, image, psf)
            for _ in range(updates):
                psf = lucy_update(counts, psf, image)
                psf /= psf.sum()
        return _convolve(image, psf)

    return _reflected(np.maximum(electrons + variance, DARKEST), deconvolve) - variance


def lucy_update(counts: np.ndarray, estimate: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """One step x <- x / sum(k) . (k correlated with counts / (k * x)), all arrays periodic and of one shape.

    Image and PSF can change places (Richardson 1972, doi:10.1364/JOSA.62.000055; Lucy 1974, doi:10.1086/111605).
    """
    transfer = rfft2(kernel)
    ratio = counts / np.maximum(irfft2(rfft2(estimate) * transfer, counts.shape), DARKEST)
    step = irfft2(rfft2(ratio) * transfer.conj(), counts.shape) / kernel.sum()
    return estimate * np.maximum(step, 0)


def _convolve(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return irfft2(rfft2(image) * rfft2(kernel), image.shape)


def _reflected(image: np.ndarray, filter_periodic: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Filter an image that goes on beyond its borders as in a mirror, for filters that take it as periodic."""
    border = PSF_SIZE // 2
    return filter_periodic(np.pad(image, border, mode="symmetric"))[border:-border, border:-border]


@lru_cache(maxsize=4)
def _centred_psf(shape: tuple[int, int]) -> np.ndarray:
    """The PSF, of sum 1, in an array of this shape, its centre on pixel (0, 0)."""
    psf = np.zeros(shape)
    psf[:PSF_SIZE, :PSF_SIZE] = hst_psf(F606W, size=PSF_SIZE).numpy()
    psf.setflags(write=False)
    return np.roll(psf, (-(PSF_SIZE // 2),) * 2, (0, 1))
