"""How close an image is to another (Eq. 9, 12-21) and how good a list of sources is (Eq. 22-25).

Images are numpy arrays or tensors in e-/s, (H, W) or with leading axes of length one, sky-subtracted; results are
floats. In e-/s a short exposure has the flux of a long one, so nothing needs rescaling. NaN in an image gives NaN.

Where the paper leaves a choice open (section 4.1 says neither in which units, nor with which MAX or L), the plain name
is a definition that we can defend, and ``*_paper`` follows the text with the open choice as an argument: images are
scored in electrons, each in those of its own exposure. An input is then 1 / r as bright as its reference.
"""

import math

import numpy as np
import torch
from torch import Tensor

from .losses import kl_divergence

Image = np.ndarray | Tensor

DATA_RANGE = 100.0
"""Declared range of PSNR and SSIM, e-/s: a pixel that fills its well of 68,000 e- in 680 s. One number for all fields,
so that a mean over fields compares like with like; PSNR is then -10 log10(MSE) + 40."""

SKY_SIGMA = 0.01
"""Declared scale of faint differences, e-/s: the noise of a sky pixel in some 1000 s of WFC3/UVIS F606W."""

K1, K2 = 0.01, 0.03
"""Constants of SSIM (Wang et al. 2004, doi:10.1109/TIP.2003.819861)."""


def mse(image: Image, reference: Image) -> float:
    """Mean squared error, Eq. 12: (1 / mn) sum (I - I_noise)^2; (e-/s)^2."""
    x, y = _pair(image, reference)
    return (x - y).square().mean().item()


def mae(image: Image, reference: Image) -> float:
    """Mean absolute error, as Eq. 7: (1 / mn) sum |I - I_noise|; e-/s."""
    x, y = _pair(image, reference)
    return (x - y).abs().mean().item()


def noise_normalised_mse(image: Image, reference: Image, variance: Image) -> float:
    """mean((I - mu)^2 / V) against the noise-free scene mu: 1 for an exposure as noisy as V, 0 for the truth.

    variance: V of `noise.noise_variance`, (e-/s)^2. Unlike PSNR, bright stars don't outweigh the rest.
    """
    x, y = _pair(image, reference)
    return ((x - y).square() / _pair(variance, reference)[0]).mean().item()


def psnr(image: Image, reference: Image, data_range: float = DATA_RANGE) -> float:
    """Peak signal-to-noise ratio, Eq. 13: 10 log10(MAX^2 / MSE), dB, with MAX declared in e-/s; inf if MSE is 0."""
    error = mse(image, reference)
    return 10 * math.log10(_positive(data_range) ** 2 / error) if error else math.inf


def psnr_paper(
    image: Image, reference: Image, image_time: float, reference_time: float, maximum: float | None = None
) -> float:
    """Eq. 13 in electrons, dB. image_time, reference_time: the exposure, s, whose electrons each is turned into.

    An input takes t / r, a network's output t: the input is not rescaled. maximum: MAX in electrons; None is the
    text's "maximum value of image I", the reference's. Which MAX gave Table 2 is unknown: the reference's maximum gives
    far more than its values, 255 and 87 are guesses.
    """
    x, y = _electrons(image, reference, image_time, reference_time)
    return psnr(x, y, y.max().item() if maximum is None else maximum)


def luminance(mean_x: Tensor, mean_y: Tensor, c1: float) -> Tensor:
    """l = (2 mu_x mu_y + c1) / (mu_x^2 + mu_y^2 + c1), Eq. 14."""
    return (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)


def contrast(sigma_x: Tensor, sigma_y: Tensor, c2: float) -> Tensor:
    """c = (2 sigma_x sigma_y + c2) / (sigma_x^2 + sigma_y^2 + c2), Eq. 15 as Wang et al. have it.

    The paper prints 2 sigma_xy, a covariance, with which Eq. 21 would not follow from Eq. 14-20.
    """
    return (2 * sigma_x * sigma_y + c2) / (sigma_x**2 + sigma_y**2 + c2)


def structure(covariance: Tensor, sigma_x: Tensor, sigma_y: Tensor, c3: float) -> Tensor:
    """s = (sigma_xy + c3) / (sigma_x sigma_y + c3), Eq. 16; sigma is a standard deviation (the text: "variance")."""
    return (covariance + c3) / (sigma_x * sigma_y + c3)


def ssim_constants(data_range: float, k1: float = K1, k2: float = K2) -> tuple[float, float, float]:
    """c1 = (k1 L)^2, c2 = (k2 L)^2, c3 = c2 / 2, Eq. 17-19; ValueError unless L > 0."""
    c2 = (k2 * _positive(data_range)) ** 2
    return (k1 * data_range) ** 2, c2, c2 / 2


def ssim_map(image: Image, reference: Image, data_range: float) -> Tensor:
    """l c s of every 11 x 11 window (Gaussian weights, sigma 1.5 px) inside the image, Eq. 20 with weights 1; float64.

    Shape (N, 1, H - 10, W - 10). Raises ValueError for an image smaller than a window.
    """
    (mean_x, mean_y), (sigma_x, sigma_y), covariance = local_moments(image, reference)
    c1, c2, c3 = ssim_constants(data_range)
    return luminance(mean_x, mean_y, c1) * contrast(sigma_x, sigma_y, c2) * structure(covariance, sigma_x, sigma_y, c3)


def local_moments(image: Image, reference: Image) -> tuple[Tensor, Tensor, Tensor]:
    """Means, standard deviations (each stacked for image and reference) and covariance in SSIM's windows."""
    x, y = (z.reshape(-1, 1, *z.shape[-2:]) for z in _pair(image, reference))
    if min(x.shape[-2:]) < 11:
        raise ValueError(f"SSIM looks through windows of 11 pixels; {tuple(x.shape[-2:])} is too small.")
    stack = torch.stack([x, y, x * x, y * y, x * y])
    smooth = _window_mean(_window_mean(stack, -1), -2)
    mean = smooth[:2]
    return mean, (smooth[2:4] - mean**2).clamp(min=0).sqrt(), smooth[4] - mean[0] * mean[1]


def _window_mean(images: Tensor, axis: int) -> Tensor:
    """Mean over 11 pixels along an axis with Gaussian weights, inside the image (faster than conv2d in float64)."""
    weights = torch.exp(-0.5 * (torch.arange(-5.0, 6.0, dtype=images.dtype) / 1.5) ** 2)
    inside = images.shape[axis] - 10
    total = torch.zeros_like(images.narrow(axis, 0, inside), memory_format=torch.contiguous_format)
    for i, weight in enumerate((weights / weights.sum()).tolist()):
        total.add_(images.narrow(axis, i, inside), alpha=weight)
    return total


def ssim(
    image: Image, reference: Image, sky: float = 0.0, sigma: float = SKY_SIGMA, data_range: float = DATA_RANGE
) -> float:
    """Mean structural similarity, Eq. 14-21, of asinh((I - sky) / sigma), with L = asinh(data_range / sigma).

    The stretch makes faint structure count; on linear pixels the brightest star's L would hide it. All in e-/s.
    """
    x, y = (torch.asinh((z - sky) / _positive(sigma)) for z in _pair(image, reference))
    return ssim_map(x, y, math.asinh(data_range / sigma)).mean().item()


def ssim_paper(
    image: Image, reference: Image, image_time: float, reference_time: float, data_range: float | None = None
) -> float:
    """Mean SSIM, Eq. 21, on linear pixels in electrons (times as in `psnr_paper`).

    data_range: L in electrons; None is the reference's maximum minus minimum. The L behind Table 2 is unknown.
    """
    x, y = _electrons(image, reference, image_time, reference_time)
    full = (y.max() - y.min()).item()
    return ssim_map(x, y, full if data_range is None else data_range).mean().item()


def kl_histogram(image: Image, reference: Image, sky: float = 0.0, sigma: float = SKY_SIGMA) -> float:
    """Kullback-Leibler divergence, Eq. 9, sum p ln(p / q), of the reference's pixel histogram p from the image's q.

    Bins of (I - sky) / sigma are 0.5 wide from -5 to 20, with an open one at each end; half a count is added to every
    bin (Jeffreys' prior), so that an empty one costs something finite. NaN for images that are not finite.
    """
    x, y = _pair(image, reference)
    if not torch.isfinite(x + y).all():
        return math.nan
    edges = torch.linspace(-5, 20, 51, dtype=x.dtype)
    bins = (torch.bucketize((z - sky) / _positive(sigma), edges, right=True).flatten() for z in (x, y))
    q, p = (torch.bincount(index, minlength=52).double() + 0.5 for index in bins)
    p, q = p / p.sum(), q / q.sum()
    return (p * torch.log(p / q)).sum().item()


def kl_paper(image: Image, reference: Image, image_time: float, reference_time: float, floor: float = 1.0) -> float:
    """Eq. 9 with p and q the reference and the image as distributions over the pixels (`losses.kl_divergence`); nats.

    Values below ``floor`` electrons (times as in `psnr_paper`) count as that many. It hardly sees the image's scale.
    Of the readings of Eq. 9 that were tried this one came nearest to Table 2; it is not known to be the one used.
    """
    x, y = _electrons(image, reference, image_time, reference_time)
    return kl_divergence(x.flatten()[None], y.flatten()[None], floor, pedestal=0.0).item()


METRICS = {"mse": mse, "mae": mae, "psnr": psnr, "ssim": ssim, "kl_histogram": kl_histogram}
"""Name -> function (image, reference) -> float."""

PAPER_METRICS = {"psnr_paper": psnr_paper, "ssim_paper": ssim_paper, "kl_paper": kl_paper}
"""Name -> function (image, reference, image_time, reference_time) -> float."""


def precision(true_positives: int, false_positives: int) -> float:
    """TP / (TP + FP), Eq. 22; purity. NaN if nothing was detected."""
    detected = true_positives + false_positives
    return true_positives / detected if detected else math.nan


def recall(true_positives: int, false_negatives: int) -> float:
    """TP / (TP + FN), Eq. 23; completeness, the paper's true positive rate. NaN if there was nothing to find."""
    existing = true_positives + false_negatives
    return true_positives / existing if existing else math.nan


def f_measure(precision: float, recall: float) -> float:
    """2 P R / (P + R), Eq. 24, the harmonic mean; 0 if both are 0."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def relative_flux_error(flux, reference_flux) -> np.ndarray:
    """(F_GT - F_O) / F_GT, Eq. 25, of each source: positive where the output ``flux`` is too faint.

    The paper reports a mean without saying whether of the signed or the absolute value: callers choose.
    """
    flux, reference_flux = np.asarray(flux, float), np.asarray(reference_flux, float)
    return (reference_flux - flux) / reference_flux


def _pair(image: Image, reference: Image) -> tuple[Tensor, Tensor]:
    """Both as float64 tensors on the CPU; ValueError unless they have one shape."""
    x, y = (
        z.detach().cpu().double() if isinstance(z, Tensor) else torch.from_numpy(np.array(z, np.float64))
        for z in (image, reference)
    )
    if x.shape != y.shape or x.ndim < 2:
        raise ValueError(f"two images of one shape are needed, not {tuple(x.shape)} and {tuple(y.shape)}; crop one.")
    return x, y


def _electrons(image: Image, reference: Image, image_time: float, reference_time: float) -> tuple[Tensor, Tensor]:
    x, y = _pair(image, reference)
    return x * _positive(image_time), y * _positive(reference_time)


def _positive(value: float) -> float:
    if not value > 0:
        raise ValueError(f"a range, a scale or an exposure time must be greater than 0, not {value}.")
    return value
