"""Noise models of section 2.1 (Eq. 1-4): as printed, as in the authors' script, and as a detector behaves.

An image is in e-/s, (H, W) or (N, 1, H, W); ``exposure_time`` t, in s, is the time of the image passed in, and
``exposure_ratio`` r >= 1, any real number, makes the exposure shorter: the result is an exposure of t / r, again in
e-/s, so that stars keep their flux. Both are floats, or tensors that broadcast against the image; floats and CPU
tensors are checked, tensors on an accelerator are trusted, because a check would stall it. Nothing here waits for
the device. ``generator`` is a `torch.Generator` of the image's device (None: torch's global one).

In every model NaN and infinite pixels pass through unchanged, and a mean below zero electrons counts as zero.
"""

import torch
from torch import Tensor
from torch.nn import functional

from .instrument import F606W, RELEASED, WFC3_UVIS, Detector

EXACT_RATE = 2.0**24
"""Electrons up to which Poisson draws are made; float32 holds no odd integer above, CUDA's sampler ends at 2**32."""

TYPICAL_COSMIC_RAYS = 0.02
"""Fraction of pixels hit in 1000 s: 1.5-3 % (WFC3 Instrument Handbook, section 5.4.10)."""

DRIZZLE_CORRELATION = 0.27
"""Lag-1 autocorrelation of blank sky in an HLA WFC3/UVIS F606W mosaic: 0.26-0.29, measured."""

_TRACK = 5  # pixels a cosmic ray crosses: 4-5 in the handbooks of ACS and WFC3
_HOT = 54 / 3600  # e-/s: a pixel above is called hot (WFC3 Data Handbook, section 5.3)


def photon_noise(signal: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """N_photon = Pois(S), Eq. 1: the electrons counted where S, in electrons, were expected.

    Mean and variance are max(S, 0). What S exceeds `EXACT_RATE` by is drawn from the Gaussian limit: a
    Poisson law's skewness there is only 1 / 4096. NaN and infinity count as zero: the models restore them.
    """
    mean = _expected(signal)
    counted = mean.clamp(max=EXACT_RATE)
    surplus = mean - counted
    return torch.poisson(counted, generator) + surplus + surplus.sqrt() * _normal(mean, generator)


def dark_noise(
    signal: Tensor, dark_current: float, exposure_time: float | Tensor, generator: torch.Generator | None = None
) -> Tensor:
    """N_dark = N(0, sqrt(DK t)), Eq. 2, in electrons and in the shape of ``signal``.

    A Gaussian stand-in for the dark current's Poisson noise, with zero mean as if its level had been subtracted. Eq. 2
    leaves open which exposure t is; here it is the one that is being read, so the short one.
    """
    return (dark_current * exposure_time) ** 0.5 * _normal(signal, generator)


def read_noise(signal: Tensor, sigma: float, generator: torch.Generator | None = None) -> Tensor:
    """N_RON = N(0, RON), in electrons and in the shape of ``signal``; ``sigma`` is RON times sqrt(number of reads)."""
    return sigma * _normal(signal, generator)


def short_exposure(long: Tensor, exposure_ratio: float | Tensor) -> Tensor:
    """I_short = I_long / r, Eq. 3: electrons of the short exposure from those of the long one, noise and all."""
    return long / exposure_ratio


def published(
    image: Tensor,
    exposure_time: float | Tensor,
    exposure_ratio: float | Tensor,
    detector: Detector = WFC3_UVIS,
    generator: torch.Generator | None = None,
    *,
    sky: float | Tensor = 0.0,
) -> Tensor:
    """I_input = Pois(I_long / r) + N(0, sqrt(DK t / r)) + N(0, RON), Eq. 4 as printed, in e-/s.

    sky: e-/s per pixel, of a frame that still has its sky: it is in I_long while the noise is drawn, and subtracted
    again. By default nothing is added back, so that the shot noise of a subtracted sky is missing. Mean max(I, -sky):
    the one clipping is Poisson's own, nothing is clipped afterwards. Variance: `noise_variance` of the clipped image.

    Raises ValueError for a non-floating image, t <= 0, r < 1 or a generator of another device.
    """
    _check(image, exposure_time, exposure_ratio, generator)
    time = exposure_time / exposure_ratio
    signal = short_exposure((image + sky) * exposure_time, exposure_ratio)
    noisy = photon_noise(signal, generator)
    noisy = noisy + dark_noise(signal, detector.dark_current, time, generator)
    noisy = noisy + read_noise(signal, detector.read_noise, generator)
    return _restore(noisy / time - sky, image)


def released(
    image: Tensor,
    exposure_time: float | Tensor,
    exposure_ratio: float | Tensor,
    detector: Detector = RELEASED,
    generator: torch.Generator | None = None,
    *,
    sky: float | Tensor = 0.0,
) -> Tensor:
    """Eq. 4 as the authors' training script computes it, in e-/s: `published`, but zero where the frame is.

    The frame (image + sky) is clipped at zero first; wherever it then is zero the input is exactly zero too, which
    tells a network where the long exposure was not positive: half of a sky-subtracted frame, hardly a pixel of one
    with its sky. Mean max(I, -sky); variance as for `published`, but 0 where I <= -sky. The script's RON 3 e- and DK
    7 e-/hr are `RELEASED`. Raises as `published` does.
    """
    noisy = published(image, exposure_time, exposure_ratio, detector, generator, sky=sky)
    return _restore(torch.where(image + sky <= 0, torch.zeros_like(noisy) - sky, noisy), image)


def physical(
    image: Tensor,
    exposure_time: float | Tensor,
    exposure_ratio: float | Tensor,
    detector: Detector = WFC3_UVIS,
    generator: torch.Generator | None = None,
    *,
    sky: float | Tensor = F606W.sky,
    reads: float | Tensor = 1,
    saturation: bool = False,
    cosmic_rays: float = 0.0,
    hot_pixels: float = 0.0,
    correlation: float | Tensor = 0.0,
) -> Tensor:
    """One exposure of t / r of a noise-free, sky-subtracted scene, sky- and dark-subtracted again, in e-/s:

    (Pois((I + sky + DK) t / r) + N(0, RON sqrt(reads))) r / t - sky - DK.

    sky: e-/s per pixel. reads: exposures added up to make this one. saturation: a pixel holds at most ``reads`` full
    wells. cosmic_rays: fraction of pixels hit in 1000 s (`TYPICAL_COSMIC_RAYS`), not removed. hot_pixels: fraction of
    pixels whose dark current is 54 to 5400 e-/hr, uniform in the logarithm. correlation: lag-1 autocorrelation given
    to the noise, not to the scene, by `drizzle_kernel`.

    Without defects the mean is max(I + sky + DK, 0) - sky - DK, so unbiased down to I = -(sky + DK), and the variance
    is `noise_variance`. Two calls on one scene are two independent exposures. Raises as `published` does, and for
    reads < 1 or fractions outside 0 to 1.
    """
    _check(image, exposure_time, exposure_ratio, generator)
    _check_defects(reads, cosmic_rays, hot_pixels)
    time = exposure_time / exposure_ratio
    background = sky + detector.dark_current
    mean = _expected((image + background) * time)
    counts = photon_noise(mean + hot_pixel_rate(mean, hot_pixels, generator) * time if hot_pixels else mean, generator)
    if cosmic_rays:
        counts = counts + cosmic_ray_charge(mean, 1 - (1 - cosmic_rays) ** (time / 1000), generator)
    if saturation:
        counts = counts.clamp(max=reads * detector.full_well)
    noise = counts - mean + read_noise(mean, detector.read_noise * reads**0.5, generator)
    noise = _drizzled(noise, correlation)
    return _restore((mean + noise) / time - background, image)


NOISE_MODELS = {"published": published, "released": released, "physical": physical}
"""Name -> function ``(image, exposure_time, exposure_ratio, detector, generator) -> image``."""


def noise_variance(
    image: Tensor,
    exposure_time: float | Tensor,
    exposure_ratio: float | Tensor = 1.0,
    detector: Detector = WFC3_UVIS,
    *,
    sky: float | Tensor = F606W.sky,
    reads: float | Tensor = 1,
    correlation: float | Tensor = 0.0,
) -> Tensor:
    """Variance of `physical` without defects, (e-/s)^2, in the shape of the image; NaN where the image is not finite:

    V = (max(I + sky + DK, 0) t / r + reads RON^2) (r / t)^2, convolved with the squared `drizzle_kernel` if the noise
    is correlated. With ``sky=0`` and an image clipped at zero it is the variance of `published`. Raises as that does.
    """
    _check(image, exposure_time, exposure_ratio)
    time = exposure_time / exposure_ratio
    rate = _expected(image + sky + detector.dark_current)
    variance = _drizzled(rate / time + reads * (detector.read_noise / time) ** 2, correlation, power=2)
    return torch.where(torch.isfinite(image), variance, torch.nan)


def drizzle_kernel(correlation: float = DRIZZLE_CORRELATION) -> Tensor:
    """3 x 3 kernel of sum 1 that gives white noise this lag-1 autocorrelation along both axes.

    It is the outer square of (a, 1, a) / (1 + 2a), for which rho = 2a / (1 + 2a^2); the lag-2 autocorrelation is
    a^2 / (1 + 2a^2) and the diagonal one rho^2. Sum 1 keeps the noise of large apertures and lowers that of a pixel,
    as drizzling does (Casertano et al. 2000, doi:10.1086/316851).

    Raises ValueError for a correlation outside 0 to 0.7 (1 / sqrt(2) is the most that three taps can give).
    """
    tap = _tap(correlation)
    line = torch.stack([tap, torch.ones_like(tap), tap]) / (1 + 2 * tap)
    return torch.outer(line, line)


def _tap(correlation: float | Tensor) -> Tensor:
    """The side tap a of `drizzle_kernel`, the small root of rho = 2a / (1 + 2a^2); written so that 0 gives 0."""
    if not _all(correlation, lambda rho: (rho >= 0) & (rho <= 0.7)):
        raise ValueError(f"a lag-1 correlation of {correlation} is impossible with this kernel; choose 0 to 0.7.")
    rho = torch.as_tensor(correlation)
    return rho / (1 + (1 - 2 * rho**2).sqrt())


def _drizzled(image: Tensor, correlation: float | Tensor, power: int = 1) -> Tensor:
    """Circular convolution with `drizzle_kernel` (to a power), one pass an axis; the correlation broadcasts."""
    if not isinstance(correlation, Tensor) and correlation == 0:
        return image
    tap = _tap(correlation).to(image)
    for axis in (-1, -2):
        sides = image.roll(1, axis) + image.roll(-1, axis)
        image = (image + tap**power * sides) / (1 + 2 * tap) ** power
    return image


def cosmic_ray_charge(signal: Tensor, fraction: float | Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Electrons that cosmic rays leave, in the shape of ``signal``; they cross ``fraction`` of the pixels.

    Every ray leaves a track of 5 pixels along a row, a column or a diagonal, and a log-normal charge of median
    1000 e- (scatter 0.5 in ln) in all (WFC3 Instrument Handbook, section 5.4.10). Tracks wrap round at the border.
    """
    uniform = torch.rand(signal.shape, generator=generator, device=signal.device, dtype=signal.dtype)
    charge = 1000 / _TRACK * torch.exp(0.5 * _normal(signal, generator))
    per_direction = 1 - (1 - fraction) ** (1 / (4 * _TRACK))
    rays = [
        _convolve(charge * ((uniform >= i * per_direction) & (uniform < (i + 1) * per_direction)), track)
        for i, track in enumerate(_tracks(signal))
    ]
    return torch.stack(rays).sum(0)


def hot_pixel_rate(signal: Tensor, fraction: float, generator: torch.Generator | None = None) -> Tensor:
    """Extra dark current, e-/s, in the shape of ``signal``: 0, or 54 to 5400 e-/hr in a ``fraction`` of the pixels."""
    hot, height = torch.rand(2, *signal.shape, generator=generator, device=signal.device, dtype=signal.dtype)
    return _HOT * 100**height * (hot < fraction)


def _tracks(like: Tensor) -> Tensor:
    """Four 5 x 5 kernels: a row, a column and the diagonals."""
    tracks = torch.zeros(4, _TRACK, _TRACK, dtype=like.dtype, device=like.device)
    tracks[0, _TRACK // 2] = 1.0
    tracks[1, :, _TRACK // 2] = 1.0
    tracks[2] = torch.eye(_TRACK, dtype=like.dtype, device=like.device)
    tracks[3] = tracks[2].flip(0)
    return tracks


def _convolve(image: Tensor, kernel: Tensor) -> Tensor:
    """Circular convolution with a symmetric, odd kernel: noise stays stationary up to the border."""
    half = kernel.shape[-1] // 2
    padded = functional.pad(image.reshape(-1, 1, *image.shape[-2:]), (half,) * 4, mode="circular")
    return functional.conv2d(padded, kernel[None, None]).reshape(image.shape)


def _expected(signal: Tensor) -> Tensor:
    """Expected electrons: what is negative, NaN or infinite counts as zero."""
    return signal.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).clamp(min=0.0)


def _normal(like: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.randn(like.shape, generator=generator, device=like.device, dtype=like.dtype)


def _restore(noisy: Tensor, image: Tensor) -> Tensor:
    return torch.where(torch.isfinite(image), noisy, image)


def _check(image: Tensor, exposure_time, exposure_ratio, generator: torch.Generator | None = None) -> None:
    if not image.is_floating_point():
        raise ValueError(f"an image in e-/s is floating point, not {image.dtype}; convert it with .float() first.")
    if not _all(exposure_time, lambda t: t > 0):
        raise ValueError(f"exposure_time is {exposure_time} s; it must be greater than 0.")
    if not _all(exposure_ratio, lambda r: r >= 1):
        raise ValueError(f"exposure_ratio is {exposure_ratio}; a shorter exposure needs a ratio of 1 or more.")
    if generator is not None and generator.device.type != image.device.type:
        raise ValueError(f"the generator is on {generator.device}, the image on {image.device}; use one device.")


def _check_defects(reads: float | Tensor, *fractions: float) -> None:
    if not _all(reads, lambda n: n >= 1):
        raise ValueError(f"an exposure is read at least once, not {reads} times.")
    if not all(0 <= fraction <= 1 for fraction in fractions):
        raise ValueError(f"fractions of pixels lie between 0 and 1, not {fractions}.")


def _all(value: float | Tensor, holds) -> bool:
    """Whether a float or CPU tensor satisfies ``holds``; a tensor elsewhere is trusted."""
    if isinstance(value, Tensor):
        return value.device.type != "cpu" or bool(holds(value).all())
    return bool(holds(value))
