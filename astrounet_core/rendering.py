"""From a list of sources to pixels: stars, Sérsic galaxies and diffuse light through one FFT convolution with the PSF.

Light is laid on a grid of half pixels that reaches ``PAD`` pixels beyond the frame on every side. Half pixels
are fine enough: at 0.6 µm HST's optics pass nothing above D/λ = 0.79 cycles per 0.04″ pixel, and the grid
carries 1.
"""

import math
from dataclasses import dataclass, fields
from functools import lru_cache

import torch
from torch import Tensor

from .instrument import Filter
from .psf import hst_psf

PAD = 128
"""Pixels simulated beyond the frame on each side: the reach of the PSF, so that no light wraps around."""

OVERSAMPLE = 2
TAPS = 16  # half pixels, per axis, over which a star is laid
KAISER_BETA = 8.0


@dataclass(frozen=True)
class Sources:
    """A table of sources: each column is (N,) float64. Stars have nan in the four shape columns.

    x, y in pixels (0-based centres), flux in e-/s, half_light_radius in pixels along the major axis, sersic_index,
    axis_ratio = minor / major, position_angle in radians from +x towards +y.
    """

    x: Tensor
    y: Tensor
    flux: Tensor
    half_light_radius: Tensor
    sersic_index: Tensor
    axis_ratio: Tensor
    position_angle: Tensor

    @classmethod
    def stars(cls, x: Tensor, y: Tensor, flux: Tensor) -> "Sources":
        """Point sources."""
        return cls(x, y, flux, *(torch.full_like(x, torch.nan) for _ in range(4)))

    def __add__(self, other: "Sources") -> "Sources":
        return Sources(*(torch.cat([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)))

    def __getitem__(self, index: Tensor) -> "Sources":
        return Sources(*(getattr(self, f.name)[index] for f in fields(self)))

    @property
    def is_star(self) -> Tensor:
        """(N,) bool."""
        return self.sersic_index.isnan()


def no_sources() -> Sources:
    """An empty table."""
    empty = torch.zeros(0, dtype=torch.float64)
    return Sources.stars(empty, empty, empty)


def draw(sources: Sources, size: int, band: Filter, diffuse: Tensor | None = None, device="cpu") -> Tensor:
    """Noise-free image (size, size), float32, e-/s per pixel, of sources in and around the frame.

    diffuse: (size + 2 PAD, size + 2 PAD) light per pixel before the PSF, or None. The grid's transform is
    multiplied by the PSF's, once; the pixels are every second sample of the result.
    """
    cells = OVERSAMPLE * (size + 2 * PAD)
    grid = torch.zeros(cells, cells, dtype=torch.float32, device=device)
    lay_stars(grid, sources[sources.is_star])
    lay_galaxies(grid, sources[~sources.is_star])
    if diffuse is not None:
        finer = torch.nn.functional.interpolate(diffuse[None, None], cells - 1, mode="bilinear", align_corners=True)
        grid[:-1, :-1] += finer[0, 0] / OVERSAMPLE**2
    spectrum = torch.fft.rfft2(grid) * transfer_function(band, cells, str(device))
    image = torch.fft.irfft2(spectrum, s=grid.shape)
    frame = slice(OVERSAMPLE * PAD, OVERSAMPLE * (PAD + size), OVERSAMPLE)
    return image[frame, frame].clamp_min(0.0).contiguous()


@lru_cache(maxsize=4)
def transfer_function(band: Filter, cells: int, device: str) -> Tensor:
    """Fourier transform (cells, cells / 2 + 1) of the detector's PSF sampled at half pixels.

    The samples are ``hst_psf`` at offsets of 0 and half a pixel, interleaved, and sum to 4, since one in four cells
    becomes a pixel. The outer quarter fades to zero, so that its box does not show around bright stars.
    """
    size = 2 * PAD - 1
    psf = torch.zeros(2 * size, 2 * size, device=device)
    for row in (0, 1):
        for column in (0, 1):
            psf[row::2, column::2] = hst_psf(band, size=size, offset=(-column / 2, -row / 2), device=device)
    distance = (torch.arange(2 * size, device=device) - (size - 1)).abs() / size
    fade = 0.5 + 0.5 * torch.cos(math.pi * ((distance - 0.75) / 0.25).clamp(0, 1))
    psf = psf * fade[:, None] * fade[None, :]
    grid = torch.zeros(cells, cells, device=device)
    grid[: 2 * size, : 2 * size] = psf / psf.sum() * OVERSAMPLE**2
    return torch.fft.rfft2(grid.roll((1 - size, 1 - size), dims=(0, 1)))


def lay_stars(grid: Tensor, stars: Sources) -> None:
    """Add point sources to the grid, in place, each as a Kaiser-windowed sinc of TAPS x TAPS cells.

    The sinc's transform is flat over the frequencies that the telescope passes, so a star may sit anywhere
    between cells.
    """
    cell_x, weight_x = _taps(stars.x, grid)
    cell_y, weight_y = _taps(stars.y, grid)
    light = stars.flux.to(grid).view(-1, 1, 1) * weight_y[:, :, None] * weight_x[:, None, :]
    index = cell_y[:, :, None] * grid.shape[1] + cell_x[:, None, :]
    grid.view(-1).index_add_(0, index.flatten(), light.flatten())


def _taps(position: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
    """Cells (N, TAPS) that a position in pixels touches along one axis, and their weights, which sum to 1."""
    centre = OVERSAMPLE * (position + PAD)
    cell = centre.floor().long()[:, None] + torch.arange(1 - TAPS // 2, TAPS // 2 + 1)
    distance = cell - centre[:, None]
    inside = (1 - (2 * distance / TAPS) ** 2).clamp_min(0)
    weight = torch.sinc(distance) * torch.special.i0(KAISER_BETA * inside.sqrt())
    return (cell % len(grid)).to(grid.device), (weight / weight.sum(1, keepdim=True)).to(grid)


def sersic_b(index: Tensor) -> Tensor:
    """b of the Sérsic law, such that half the light lies within the half-light radius: Ciotti & Bertin (1999), Eq. 18.

    b = 2n - 1/3 + 4/(405 n) + 46/(25515 n²) + 131/(1148175 n³) - 2194697/(30690717750 n⁴), within 1e-3 for n >= 0.5 and
    1e-6 for n >= 2 (arXiv:astro-ph/9911078).
    """
    n = torch.as_tensor(index, dtype=torch.float64)
    series = (4 / 405, 46 / 25515, 131 / 1148175, -2194697 / 30690717750)
    return 2 * n - 1 / 3 + sum(term / n**power for power, term in enumerate(series, start=1))


def sersic_reach(index: float) -> float:
    """Radius, in half-light radii, to which a galaxy is drawn: 1 + 4.5 n, beyond which lies under 1 % of its light."""
    return 1 + 4.5 * index


def lay_galaxies(grid: Tensor, galaxies: Sources) -> None:
    """Add Sérsic galaxies to the grid, in place: I(R) ~ exp(-b (R / R_e)^(1/n)), R elliptical, summing to the flux.

    A galaxy is one stamp as wide as ``sersic_reach``; what falls beyond the grid is lost, as on a detector. The
    radius is softened by 0.3 cells, about the mean distance to the centre within one cell (0.38).
    """
    table = torch.stack([getattr(galaxies, f.name) for f in fields(galaxies)], dim=1).tolist()
    for (x, y, flux, radius, n, ratio, angle), b in zip(table, sersic_b(galaxies.sersic_index).tolist(), strict=True):
        x, y, radius = (OVERSAMPLE * value for value in (x + PAD, y + PAD, radius))
        half = math.ceil(sersic_reach(n) * radius)
        left, top = math.floor(x) - half, math.floor(y) - half
        along = torch.arange(2 * half + 2, dtype=torch.float32, device=grid.device)
        dx, dy = along[None, :] + (left - x), along[:, None] + (top - y)
        major, minor = dx * math.cos(angle) + dy * math.sin(angle), dy * math.cos(angle) - dx * math.sin(angle)
        scaled = (major**2 + (minor / ratio) ** 2 + 0.09).sqrt() / radius
        light = torch.exp(-b * scaled ** (1 / n)) * (scaled < sersic_reach(n))
        _add_stamp(grid, light * (flux / light.sum()), top, left)


def _add_stamp(grid: Tensor, stamp: Tensor, top: int, left: int) -> None:
    """grid[top:, left:] += stamp, for the part of the stamp that lies on the grid."""
    rows = slice(max(top, 0), max(0, min(top + stamp.shape[0], grid.shape[0])))
    columns = slice(max(left, 0), max(0, min(left + stamp.shape[1], grid.shape[1])))
    if rows.start < rows.stop and columns.start < columns.stop:
        grid[rows, columns] += stamp[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
