"""The point-spread function: HST's pupil, Fourier-transformed, averaged over the band and integrated over the pixels.

Everything happens in Fourier space, where blurring is multiplication. A star's image has the transform

    H(f) = mean over λ [ A(λ f) S(λ f) ] · J(f) · Π(f) · D(f)

A  the pupil's autocorrelation at the baseline λ f (f in cycles per radian): the diffraction pattern,
S  the wavefront error, averaged over all phase screens of rms σ and correlation length L (Ruze 1966,
   doi:10.1109/PROC.1966.4784): S(b) = exp(-(2πσ/λ)² (1 - exp(-b²/L²))). It moves the share 1 - exp(-(2πσ/λ)²)
   of the light from the core to a halo λ/L wide,
J  pointing jitter, a Gaussian of standard deviation jitter_px: exp(-2π² jitter_px² f²),
Π  the square pixel: sinc(fx) sinc(fy),
D  charge diffusion between neighbouring pixels.

Since A is drawn once and read off at λ f, a band costs one FFT, for an image of any shape. The PSF is not cut: what
leaves a grid on one side enters on the other, as always with an FFT, so grids are made wider than the image.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

from .instrument import F606W, HST, WFC3_UVIS, Filter, Telescope

WAVEFRONT_RMS_NM = 24.0
JITTER_PX = 0.14
"""Fitted to the undiffused Tiny Tim models of WFC3/UVIS (spacetelescope/drizzlepac, pars/psfs), F555W and F606W
together: least squares on the FWHM and on the encircled energy at 17 radii from 1 to 50 pixels gave 24.4 nm and
0.142 px. What disagreement is left (FWHM below 1 %, encircled energy below 2 %) is a test. The jitter includes the
models' resampling.
"""

CORRELATION_LENGTH_M = 0.1
"""Correlation length of the wavefront error on the primary mirror: a round number, not fitted with the other two.

Refitting them with 0.08, 0.10, 0.12 and 0.15 m leaves encircled energy within 1.4, 1.8, 2.3 and 2.9 % of the models;
a pure defocus of up to 30 nm leaves 5 to 9 %: the models' errors scatter light farther than a focus error does.
"""

SPIKE_ANGLE = math.pi / 4
"""Direction of one vane, from +x towards +y: the spikes run along the diagonals of WFC3/UVIS."""

CHARGE_DIFFUSION = ((0.002, 0.037, 0.002), (0.037, 0.844, 0.037), (0.002, 0.037, 0.002))
"""Share of a pixel's charge that its neighbours collect, from the headers of the model PSFs.

As printed there, the first corner is negative (-0.036148 in F606W, -0.045919 in F555W) and the total is 1, as if
that one number had been made to absorb a scaling of the rest. With it set equal to the other corners and the whole
divided by its sum, both filters give this one symmetric kernel to five decimals.
"""

WAVELENGTHS = 16
PUPIL_SAMPLES = 1024
ROWS = 32
"""Wavelengths per band, cells across the pupil, and rows of a transfer function evaluated at a time."""


def wavelengths(band: Filter, count: int = WAVELENGTHS) -> Tensor:
    """Wavelengths [nm], (count,) float64, that stand for the band, all of equal weight.

    They are the centres of equal bins of a rectangle: the band is taken as flat in detected electrons per nm. A
    rectangle (a, b) of width w has the pivot λp² = (b² - a²) / (2 ln(b / a)), so its centre lies at
    λp (1 + w² / (24 λp²)), to second order in w / λp.
    """
    centre = band.pivot_nm * (1 + (band.width_nm / band.pivot_nm) ** 2 / 24)
    return centre + band.width_nm * ((torch.arange(count, dtype=torch.float64) + 0.5) / count - 0.5)


def pupil(samples: int, *, telescope: Telescope = HST, spike_angle: float = SPIKE_ANGLE) -> Tensor:
    """Transmission of the aperture, (samples, samples) float64 from 0 to 1; cells on an edge transmit in part."""
    radius = samples / 2
    axis = torch.arange(samples, dtype=torch.float64) + 0.5 - radius
    y, x = axis[:, None], axis[None, :]
    cos, sin = math.cos(spike_angle), math.sin(spike_angle)
    rho = torch.hypot(x, y)
    to_vane = torch.minimum((cos * x + sin * y).abs(), (cos * y - sin * x).abs())
    width = telescope.vane_width * samples
    vanes = (width / 2 - to_vane + 0.5).clamp(0, min(1, width))
    ring = (radius - rho + 0.5).clamp(0, 1) * (rho - telescope.obscuration * radius + 0.5).clamp(0, 1)
    return ring * (1 - vanes)


@lru_cache(maxsize=8)
def autocorrelation(telescope: Telescope = HST, spike_angle: float = SPIKE_ANGLE) -> Tensor:
    """Autocorrelation of the pupil, 1 at zero baseline: (2n, 2n) float32 with the zero at index n, n = PUPIL_SAMPLES.

    One cell is diameter / n metres. This is the aperture's incoherent transfer function (Goodman, Fourier Optics, 6).
    """
    n = PUPIL_SAMPLES
    aperture = pupil(n, telescope=telescope, spike_angle=spike_angle)
    power = torch.fft.rfft2(aperture, s=(2 * n, 2 * n)).abs().square()
    overlap = torch.fft.irfft2(power, s=(2 * n, 2 * n))
    return torch.fft.fftshift(overlap / overlap[0, 0]).float()


def _frequencies(shape: tuple[int, int], oversample: int, device) -> tuple[Tensor, Tensor]:
    """fx (1, W // 2 + 1) and fy (H, 1) of an rfft2 in cycles per pixel, for samples 1 / oversample pixel apart."""
    fy = torch.fft.fftfreq(shape[0], 1 / oversample, device=device)[:, None]
    return torch.fft.rfftfreq(shape[1], 1 / oversample, device=device)[None, :], fy


@lru_cache(maxsize=8)
def _optics(band, shape, oversample, wavefront_rms_nm, telescope, spike_angle, device) -> Tensor:
    """mean over λ [ A(λ f) S(λ f) ] on an rfft2 grid: the telescope without the detector, a few rows at a time."""
    overlap = autocorrelation(telescope, spike_angle).to(device)
    fx, fy = _frequencies(shape, oversample, device)
    diameter = telescope.diameter_m
    return torch.cat([_band_average(overlap, fx, rows, band, wavefront_rms_nm, diameter) for rows in fy.split(ROWS)])


def _band_average(overlap, fx, fy, band: Filter, wavefront_rms_nm: float, diameter_m: float) -> Tensor:
    """mean over λ [ A(λ f) S(λ f) ] at frequencies fx (1, n) and fy (m, 1) in cycles per pixel: (m, n)."""
    metres = 1e-9 / math.radians(WFC3_UVIS.pixel_scale / 3600)  # of baseline, per nm and cycle per pixel
    cells_per_metre = PUPIL_SAMPLES / diameter_m
    total = torch.zeros(len(fy), fx.shape[1], device=fx.device)
    for wavelength in wavelengths(band).tolist():
        x, y = wavelength * metres * fx, wavelength * metres * fy
        # grid_sample counts from -1 at the first cell to 1 at the last, 2n - 1 cells on; zero baseline is cell n
        grid = [(2 * (PUPIL_SAMPLES + b * cells_per_metre)) / (2 * PUPIL_SAMPLES - 1) - 1 for b in (x, y)]
        grid = torch.stack(torch.broadcast_tensors(*grid), dim=-1)[None]
        diffraction = torch.nn.functional.grid_sample(overlap[None, None], grid, align_corners=True)[0, 0]
        variance = (2 * math.pi * wavefront_rms_nm / wavelength) ** 2
        total += diffraction * torch.exp(variance * torch.expm1(-(x**2 + y**2) / CORRELATION_LENGTH_M**2))
    return total / WAVELENGTHS


def optical_transfer(
    band: Filter = F606W,
    shape: tuple[int, int] = (512, 512),
    *,
    oversample: int = 1,
    wavefront_rms_nm: float = WAVEFRONT_RMS_NM,
    jitter_px: float = JITTER_PX,
    diffusion: bool = True,
    pixel: bool = True,
    telescope: Telescope = HST,
    spike_angle: float = SPIKE_ANGLE,
    device="cpu",
) -> Tensor:
    """H(f), real, 1 at zero frequency: (H, W // 2 + 1) float32, the factor on the rfft2 of an (H, W) grid of light.

    Cells lie k = oversample to the pixel. With light laid on the grid as electrons per cell, k² times every k-th
    value of the product's irfft2 is what each pixel collects. k = 2 is enough: HST passes nothing above D/λ = 0.79
    cycles per pixel at 0.6 µm. wavefront_rms_nm in nm, jitter_px in pixels per axis; pixel, diffusion: False leaves
    Π, D out. ValueError if a length is negative or oversample is below 1.
    """
    if wavefront_rms_nm < 0 or jitter_px < 0 or oversample < 1:
        raise ValueError("wavefront_rms_nm and jitter_px must be 0 or more, and oversample 1 or more")
    optics = _optics(band, tuple(shape), oversample, wavefront_rms_nm, telescope, spike_angle, str(device))
    fx, fy = _frequencies(shape, oversample, device)
    transfer = optics * torch.exp(-2 * (math.pi * jitter_px) ** 2 * (fx**2 + fy**2))
    if pixel:
        transfer *= torch.sinc(fx) * torch.sinc(fy)
    if diffusion:
        (corner, edge, _), (_, middle, _), _ = CHARGE_DIFFUSION
        cx, cy = 2 * torch.cos(2 * math.pi * fx), 2 * torch.cos(2 * math.pi * fy)
        transfer *= middle + edge * (cx + cy) + corner * cx * cy
    return transfer


def hst_psf(
    band: Filter = F606W, *, size: int = 63, offset: tuple[float, float] = (0.0, 0.0), oversample: int = 1, **optics
) -> Tensor:
    """PSF on the detector's pixels: (size, size) float32, sum 1, the share of a star's electrons in each pixel.

    The star stands at index size // 2 plus offset (dx, dy) in pixels. With oversample = k, the values are those of
    whole pixels centred 1 / k pixel apart. The light beyond the stamp (2 % at size 63) is left out before the sum
    is set to 1. Other keywords as in ``optical_transfer``. ValueError if size or oversample is below 1.
    """
    if size < 1 or oversample < 1:
        raise ValueError(f"size is {size} and oversample {oversample}; both must be at least 1")
    per_pixel = oversample if oversample > 1 else 2
    stride = per_pixel // oversample
    cells = max(512, 2 ** math.ceil(math.log2(2 * size * stride)))
    transfer = optical_transfer(band, (cells, cells), oversample=per_pixel, **optics)
    fx, fy = _frequencies((cells, cells), per_pixel, transfer.device)
    shifted = torch.polar(transfer, -2 * math.pi * (fx * offset[0] + fy * offset[1]))
    image = torch.fft.irfft2(shifted, s=(cells, cells))[::stride, ::stride]
    stamp = image.roll((size // 2, size // 2), dims=(0, 1))[:size, :size].clamp_min(0)
    return stamp / stamp.sum()


def encircled_energy(psf: Tensor, radius: float, centre: tuple[float, float] | None = None) -> float:
    """Share of the light within radius samples of centre (x, y), by default size // 2; rim pixels count in part."""
    height, width = psf.shape
    x0, y0 = centre or (width // 2, height // 2)
    y, x = torch.arange(height, device=psf.device) - y0, torch.arange(width, device=psf.device) - x0
    inside = (radius - torch.hypot(x[None, :].double(), y[:, None].double()) + 0.5).clamp(0, 1)
    return float((psf * inside).sum() / psf.sum())


def fwhm(psf: Tensor, reach: int = 3) -> float:
    """Full width at half maximum [samples] of the circular Gaussian that fits the core best, by least squares.

    The core is the square of ±reach samples about the brightest; amplitude, centre and width are fitted by Gauss-
    Newton steps. ValueError where that square leaves the image or the fit finds no peak.
    """
    row, column = divmod(int(psf.argmax()), psf.shape[1])
    core = psf[row - reach : row + reach + 1, column - reach : column + reach + 1].double().cpu()
    if min(row, column) < reach or core.shape != (2 * reach + 1, 2 * reach + 1):
        raise ValueError(f"the brightest pixel lies within {reach} pixels of the edge; give a larger stamp")
    axis = torch.arange(-reach, reach + 1, dtype=torch.float64)
    y, x = (g.flatten() for g in torch.meshgrid(axis, axis, indexing="ij"))
    peak, x0, y0, sigma = core.max(), *torch.tensor([0, 0, reach / 4], dtype=torch.float64)
    for _ in range(30):
        dx, dy = x - x0, y - y0
        shape = torch.exp(-(dx**2 + dy**2) / (2 * sigma**2))
        model = peak * shape
        slope = torch.stack([shape, model * dx / sigma**2, model * dy / sigma**2, model * (dx**2 + dy**2) / sigma**3])
        step = torch.linalg.lstsq(slope.T, (core.flatten() - model)[:, None]).solution[:, 0]
        peak, x0, y0, sigma = torch.stack([peak, x0, y0, sigma]) + step
    if not (torch.isfinite(sigma) and 0 < abs(sigma) < 2 * reach and peak > 0):
        raise ValueError("no peak with a width that can be measured; give a brighter or less noisy star")
    return float(abs(sigma)) * math.sqrt(8 * math.log(2))
