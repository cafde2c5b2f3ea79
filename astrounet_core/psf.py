"""The point-spread function: HST's pupil, Fourier-transformed, averaged over the band and integrated over the pixels.

    pupil P(u) exp(2πi W(u)/λ)  --FFT-->  |amplitude|²  --band average-->  optics(θ)
    detector PSF = optics * jitter * pixel [* charge diffusion], all multiplied as transfer functions in Fourier space.

The grid does it exactly. The focal plane is sampled every pixel / OVERSAMPLE on SAMPLES² points, so at wavelength λ the pupil plane
is λ / (pixel / OVERSAMPLE) metres wide: the pupil is drawn anew for each wavelength on a plane of that width.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

from .instrument import F606W, HST, WFC3_UVIS, Filter

OVERSAMPLE = 4
SAMPLES = 2048
WAVELENGTHS = 9
SPIKE_ANGLE = math.pi / 4
WAVEFRONT_RMS_NM = 20.0
JITTER_PX = 0.1
CHARGE_DIFFUSION = ((0.002086, 0.0385955, 0.002086), (0.0385955, 0.8372740, 0.0385955), (0.002086, 0.0385955, 0.002086))


def wavelengths(band: Filter, count: int = WAVELENGTHS) -> Tensor:
    """(count,) wavelengths [nm], float64: midpoints of equal bins of a rectangle of the band's width and pivot.

    Each carries the same weight: as many detected electrons per nm everywhere. A rectangle [a, b] of width w has the
    pivot λp of λp² = (b² - a²) / (2 ln(b/a)), which puts its centre at λp (1 + w² / (24 λp²)) to second order.
    """
    centre = band.pivot_nm * (1 + (band.width_nm / band.pivot_nm) ** 2 / 24)
    return centre + band.width_nm * ((torch.arange(count, dtype=torch.float64) + 0.5) / count - 0.5)


def pupil(samples: int, radius: float, spike_angle: float = SPIKE_ANGLE, device="cpu") -> tuple[Tensor, Tensor]:
    """Transmission (samples, samples) of HST's aperture, 0 to 1, and ρ² (in units of its radius squared), float32."""
    axis = (torch.arange(samples, device=device, dtype=torch.float32) - samples // 2) / radius
    y, x = axis[:, None], axis[None, :]
    rho = torch.hypot(x, y)
    cos, sin = math.cos(spike_angle), math.sin(spike_angle)
    across = torch.minimum((cos * x + sin * y).abs(), (cos * y - sin * x).abs())

    def edge(distance: Tensor) -> Tensor:
        return (distance * radius + 0.5).clamp(0, 1)

    return edge(1 - rho) * edge(rho - HST.obscuration) * edge(across - HST.vane_width), rho.square()


def _intensity(wavelength_nm: float, wavefront_rms_nm: float, spike_angle: float, device) -> Tensor:
    """Monochromatic image of a star (SAMPLES, SAMPLES), summing to 1, centred on index SAMPLES // 2."""
    step = math.radians(WFC3_UVIS.pixel_scale / 3600) / OVERSAMPLE
    radius = SAMPLES * step * HST.diameter_m / 2 / (wavelength_nm * 1e-9)
    transmission, rho2 = pupil(SAMPLES, radius, spike_angle, device)
    defocus = rho2 - (transmission * rho2).sum() / transmission.sum()
    rms = ((transmission * defocus.square()).sum() / transmission.sum()).sqrt()
    phase = 2 * math.pi * wavefront_rms_nm / wavelength_nm * defocus / rms
    field = torch.polar(transmission, phase)
    image = torch.fft.fftshift(torch.fft.fft2(torch.fft.ifftshift(field)).abs().square())
    return image / image.sum()


@lru_cache(maxsize=8)
def optics(band: Filter, wavefront_rms_nm: float, spike_angle: float, device: str) -> Tensor:
    """Band-averaged image of a star before the detector, as its rfft2 (SAMPLES, SAMPLES // 2 + 1), star at index 0."""
    image = sum(_intensity(float(w), wavefront_rms_nm, spike_angle, device) for w in wavelengths(band)) / WAVELENGTHS
    return torch.fft.rfft2(torch.fft.ifftshift(image))


def hst_psf(
    band: Filter = F606W,
    *,
    size: int = 63,
    offset: tuple[float, float] = (0.0, 0.0),
    wavefront_rms_nm: float = WAVEFRONT_RMS_NM,
    jitter_px: float = JITTER_PX,
    diffusion: bool = True,
    spike_angle: float = SPIKE_ANGLE,
    device="cpu",
) -> Tensor:
    """Detector PSF (size, size), float32, sum 1: the share of a star's electrons in each pixel, star at the centre + offset."""
    transfer = optics(band, wavefront_rms_nm, spike_angle, str(device))
    fy = torch.fft.fftfreq(SAMPLES, 1 / OVERSAMPLE, device=device)[:, None]
    fx = torch.fft.rfftfreq(SAMPLES, 1 / OVERSAMPLE, device=device)[None, :]
    real = torch.sinc(fx) * torch.sinc(fy) * torch.exp(-2 * (math.pi * jitter_px) ** 2 * (fx**2 + fy**2))
    if diffusion:
        corner, edge, middle = CHARGE_DIFFUSION[0][0], CHARGE_DIFFUSION[0][1], CHARGE_DIFFUSION[1][1]
        cx, cy = 2 * torch.cos(2 * math.pi * fx), 2 * torch.cos(2 * math.pi * fy)
        real = real * (middle + edge * (cx + cy) + corner * cx * cy)
    angle = -2 * math.pi * (fx * offset[0] + fy * offset[1])
    image = torch.fft.irfft2(transfer * torch.polar(real, angle), s=(SAMPLES, SAMPLES))
    pixels = torch.fft.fftshift(image[::OVERSAMPLE, ::OVERSAMPLE])
    start = pixels.shape[0] // 2 - size // 2
    crop = pixels[start : start + size, start : start + size]
    return crop / crop.sum()
