"""Stars added to training crops, so that a network sees faint stars more often than the scenes hold them.

What a denoiser makes of a faint bump depends on how often such bumps were stars in training: with the scenes alone,
where an empty sky is the rule, it learns to remove them. Stars of every signal-to-noise ratio equally often, per
factor, put the odds where photometry wants them.
"""

import torch
from torch import Tensor

from .instrument import FILTERS
from .psf import hst_psf
from .settings import BANDS

STAMP = 31
"""Side, pixels, of a star's stamp: 95 % of its light or more."""

OFFSETS = 6
"""Sub-pixel places along each axis."""

SNR_RANGE = (3.0, 60.0)
"""Signal-to-noise ratios of added stars, drawn log-uniformly."""


class StarInjector:
    """Images of random stars alone, on one device: ``injector(variance, time, band, count, size, generator)``."""

    def __init__(self, device: torch.device | str = "cpu"):
        places = [(i + 0.5) / OFFSETS - 0.5 for i in range(OFFSETS)]
        stamps = [
            hst_psf(FILTERS[band], size=STAMP, offset=(dx, dy)) for band in BANDS for dy in places for dx in places
        ]
        self.stamps = torch.stack(stamps).view(len(BANDS), OFFSETS**2, STAMP, STAMP).to(device)
        self.sharpness = self.stamps.square().sum((-1, -2)).mean(1)

    def __call__(
        self, variance: Tensor, time: Tensor, band: Tensor, count: int, size: int, generator: torch.Generator
    ) -> Tensor:
        """(N, 1, size, size), e-/s: ``count`` stars in each of N images, anywhere, log-uniform in `SNR_RANGE`.

        variance (N,): of the noise of an empty pixel, (e-/s)^2; time (N,): exposure, s; band (N,): index in `BANDS`.
        """
        shape, where = (len(band), count), {"generator": generator, "device": self.stamps.device}
        low, high = SNR_RANGE
        snr = low * (high / low) ** torch.rand(shape, **where)
        flux = flux_at_snr(snr, (variance / self.sharpness[band])[:, None], time[:, None])
        row, column = (torch.randint(size, shape, **where) for _ in range(2))
        chosen = self.stamps[band[:, None], torch.randint(OFFSETS**2, shape, **where)] * flux[..., None, None]
        along, wide = torch.arange(STAMP, device=self.stamps.device), size + STAMP - 1
        pixel = (row[..., None, None] + along[:, None]) * wide + column[..., None, None] + along
        canvas = chosen.new_zeros(len(band), wide * wide).scatter_add_(1, pixel.flatten(1), chosen.flatten(1))
        half = STAMP // 2
        return canvas.view(-1, 1, wide, wide)[..., half : half + size, half : half + size]


def flux_at_snr(snr: Tensor, sky_variance: Tensor, exposure_time: Tensor) -> Tensor:
    """Flux, e-/s, of a star whose flux is known to one part in ``snr``: F = snr sqrt(v + F / t), solved for F.

    sky_variance v: of its flux, (e-/s)^2, from an empty sky's noise, V / sum(P^2); F / t: from its own photons, as if
    all of them counted equally. F = (snr^2 / t + sqrt(snr^4 / t^2 + 4 snr^2 v)) / 2.
    """
    own = snr.square() / exposure_time
    return (own + torch.sqrt(own.square() + 4 * snr.square() * sky_variance)) / 2
