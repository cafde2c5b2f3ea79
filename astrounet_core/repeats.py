"""One field exposed several times, and what a handful of stars can prove (section 4.4, Table 3).

At the telescope nobody knows the truth: a long exposure of its own takes its place. Its noise is independent of the
input's, so even a second long exposure does not recover all of its stars.
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.ndimage import binary_dilation
from scipy.stats import binomtest

from . import photometry
from .evaluation import MATCH_RADIUS, Exposure, detected_stars
from .field_table import Field
from .instrument import FILTERS
from .metrics import relative_flux_error
from .noise import TYPICAL_COSMIC_RAYS, cosmic_ray_charge, noise_variance, physical
from .scenes import Scene, make_scene

DUSTY_GALAXY = {
    "axis_ratio": 0.3,
    "dust_depth": 3.0,
    "scale_length": 0.6,
    "central_surface_brightness": 19.0,
    "log10_stars": 4.3,
    "bulge_fraction": 0.02,
    "pitch_deg": 35.0,
}
"""Overrides that make a resolved galaxy look like the middle of M 82: inclined, dusty, full of clusters (assumed)."""


def dusty_galaxy(seed: int, size: int = 512) -> Scene:
    """A noise-free stand-in for M 82 through F555W: 20.5 arcsec at the default size, as the paper's Fig. 10."""
    return make_scene("resolved_galaxy", size, seed, "F555W", **DUSTY_GALAXY)


def expose_repeatedly(scene: Scene, times: Sequence[float], seed: int = 0) -> dict[float, np.ndarray]:
    """Independent single exposures of one scene by exposure time in s: (H, W) e-/s each. Same seed, same noise."""
    generator = torch.Generator().manual_seed(seed)
    sky = FILTERS[scene.band].sky
    return {time: physical(scene.image, time, 1.0, generator=generator, sky=sky).numpy() for time in times}


def pair(scene: Scene, short: np.ndarray, long: np.ndarray, short_time: float, long_time: float) -> Exposure:
    """A short exposure and the long one that it is compared with, as `evaluation` wants them; times in s.

    Raises ValueError for a long exposure that is the shorter one.
    """
    ratio = long_time / short_time
    if ratio < 1:
        raise ValueError(f"a long exposure of {long_time} s is shorter than {short_time} s; exchange the two.")
    sky, size = FILTERS[scene.band].sky, scene.image.shape[-1]
    field = Field("repeats", "none", scene.kind, scene.seed, scene.band, float(long_time), size, 1, sky, 0.0)
    variance = noise_variance(scene.image, short_time, 1.0, sky=sky).numpy()
    return Exposure(field, scene, "independent", float(ratio), float(short_time), short, long, variance)


def recovered(shots: Sequence[Exposure], outputs: Sequence[np.ndarray]) -> dict[str, float]:
    """The columns of Table 3 for one method, all stars of all fields together; outputs: its image of each exposure.

    n: stars in the long exposures; found: of these, in the outputs; tpr, low, high: their share and its 95 %
    `wilson_interval`, %; rfe, rfe_error: mean of Eq. 25 and its standard error, %; snr: Eq. 26, mean over fields.
    """
    stars = [detected_stars(shot, output) for shot, output in zip(shots, outputs, strict=True)]
    counts = [each.counts for each in stars]
    found = sum(count.tp for count in counts)
    total = found + sum(count.fn for count in counts)
    errors = np.concatenate([100 * relative_flux_error(each.flux, each.flux_reference) for each in stars])
    low, high = wilson_interval(found, total) if total else (np.nan, np.nan)
    return {
        "n": total,
        "found": found,
        "tpr": 100 * found / total if total else np.nan,
        "low": low,
        "high": high,
        "rfe": float(np.mean(errors)) if found else np.nan,
        "rfe_error": float(np.std(errors, ddof=1) / np.sqrt(found)) if found > 1 else np.nan,
        "snr": _mean_of_finite([each.snr for each in stars]),
    }


def _mean_of_finite(values: Sequence[float]) -> float:
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else np.nan


def wilson_interval(found: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Limits in % of the share that ``found`` of ``total`` independent stars allow (Wilson 1927, doi:10.2307/2276774).

    Raises ValueError for no stars or more found than there are.
    """
    if not 0 <= found <= total or total < 1:
        raise ValueError(f"{found} of {total} stars is no share; count again.")
    limits = binomtest(found, total).proportion_ci(confidence, method="wilson")
    return 100 * limits.low, 100 * limits.high


def strike(image: np.ndarray, exposure_time: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """An image hit by as many cosmic rays as its exposure collects, and where: (H, W) e-/s, (H, W) bool."""
    pixels = torch.as_tensor(image)
    fraction = 1 - (1 - TYPICAL_COSMIC_RAYS) ** (exposure_time / 1000)
    charge = cosmic_ray_charge(pixels, fraction, torch.Generator().manual_seed(seed))
    return (pixels + charge / exposure_time).numpy(), (charge > 0).numpy()


def false_stars(clean: np.ndarray, struck: np.ndarray, hit: np.ndarray, exposure_time: float) -> tuple[np.ndarray, ...]:
    """x and y of detections, at the paper's settings, that cosmic rays have added to an image.

    clean, struck: the same image without and with cosmic rays, e-/s; hit: where they are; exposure_time: turns both
    into electrons, s. False is what lies within 2 pixels of a hit and is no star of the clean image.
    """
    before, after = (photometry.detect(image * exposure_time) for image in (clean, struck))
    matched, _ = photometry.match(after["x"], after["y"], before["x"], before["y"], MATCH_RADIUS)
    near = binary_dilation(hit, iterations=2)
    rows, columns = (
        np.clip(np.rint(after[key]).astype(int), 0, size - 1) for key, size in zip("yx", hit.shape, strict=True)
    )
    new = near[rows, columns]
    new[matched] = False
    return after["x"][new], after["y"][new]
