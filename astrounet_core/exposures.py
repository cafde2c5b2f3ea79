"""The scorecard's exposures: scenes, sources of known brightness and blank sky under declared conditions, by seed.

Every measure of the scorecard sees the sky through these functions, so that all count on the same noise.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .instrument import FILTERS, WFC3_UVIS, Filter, rate_from_magnitude
from .noise import TYPICAL_COSMIC_RAYS, noise_variance, physical
from .rendering import Sources, draw

VERSION = "scorecard-v1"
"""Changes when anything here, or the skies of a measure, change: numbers of two versions can't be compared."""

Method = Callable[[np.ndarray, float, float], np.ndarray]
"""(image, exposure_time, exposure_ratio) -> image: (H, W) e-/s, sky-subtracted, s, r."""


@dataclass(frozen=True)
class Conditions:
    """How a scene is exposed: exposure_time, s, of the image that methods see, in ``reads`` equal parts; exposure_ratio
    that they are asked for; drizzle_correlation of the noise at a lag of one pixel; cosmic_rays: share of pixels hit
    in 1000 s."""

    name: str
    band: str = "F606W"
    exposure_time: float = 500.0
    exposure_ratio: float = 2.0
    reads: int = 1
    drizzle_correlation: float = 0.0
    cosmic_rays: float = 0.0

    @property
    def filter(self) -> Filter:
        return FILTERS[self.band]

    @property
    def sky(self) -> float:
        """e-/s per pixel."""
        return self.filter.sky


STANDARD = Conditions("standard")
"""A single read of 500 s, of which 1000 s are to be made: the middle of the table of fields."""

DRIZZLED = Conditions("drizzled", drizzle_correlation=0.27)
"""The same with the noise of the mosaic, correlated from pixel to pixel."""

COSMIC_RAYS = Conditions("cosmic rays", cosmic_rays=TYPICAL_COSMIC_RAYS)
"""The same with cosmic rays left in."""


def expose(scene: Tensor, conditions: Conditions, seed: int, longer: float = 1.0) -> np.ndarray:
    """One noisy exposure (H, W), e-/s, of a noise-free scene; same seed, same noise. longer: times as much exposure,
    in as many times more reads."""
    return physical(
        scene,
        conditions.exposure_time * longer,
        1.0,
        WFC3_UVIS,
        torch.Generator().manual_seed(seed),
        sky=conditions.sky,
        reads=conditions.reads * longer,
        cosmic_rays=conditions.cosmic_rays,
        correlation=conditions.drizzle_correlation,
    ).numpy()


def variance(scene: Tensor, conditions: Conditions, white: bool = False) -> np.ndarray:
    """Variance (H, W) of `expose` without cosmic rays, (e-/s)^2; white: of the pixels before drizzling."""
    correlation = 0.0 if white else conditions.drizzle_correlation
    given = {"sky": conditions.sky, "reads": conditions.reads, "correlation": correlation}
    return noise_variance(scene, conditions.exposure_time, 1.0, WFC3_UVIS, **given).numpy()


def blank(conditions: Conditions, seed: int, size: int = 512) -> np.ndarray:
    """An exposure of nothing, (size, size), e-/s."""
    return expose(torch.zeros(size, size), conditions, seed)


def point_sources(x: np.ndarray, y: np.ndarray, magnitude: np.ndarray, size: int, band: str = "F606W") -> Tensor:
    """Noise-free image (size, size), e-/s, of stars of AB magnitudes at x, y, pixels, drawn as in scenes."""
    flux = rate_from_magnitude(torch.as_tensor(magnitude, dtype=torch.float64), FILTERS[band])
    places = (torch.as_tensor(place, dtype=torch.float64) for place in (x, y))
    return draw(Sources.stars(*places, flux), size, FILTERS[band])


def arcmin2(image: np.ndarray) -> float:
    """Area of an image (H, W), arcmin²."""
    return image.size * (WFC3_UVIS.pixel_scale / 60) ** 2
