"""One field exposed several times, and what a handful of stars can prove (section 4.4, Table 3).

At the telescope nobody knows the truth: a long exposure of its own takes its place. Its noise is independent of the
input's, so even a second long exposure does not recover all of its stars. Cosmic rays cross every exposure and are
removed before anything else.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import binary_dilation
from scipy.stats import binom, binomtest

from . import photometry
from .cosmic_rays import clean_cosmic_rays
from .evaluation import MATCH_RADIUS, Exposure, detected_stars
from .field_table import Field
from .instrument import FILTERS
from .noise import TYPICAL_COSMIC_RAYS, cosmic_ray_charge, noise_variance, physical
from .scenes import Scene, make_scene
from .starlists import Catalogue, Stars

DUSTY_GALAXY = {
    "axis_ratio": 0.3,
    "dust_depth": 3.0,
    "scale_length": 0.6,
    "central_surface_brightness": 19.0,
    "log10_stars": 4.1,
    "bulge_fraction": 0.02,
    "pitch_deg": 35.0,
}
"""Overrides that make a resolved galaxy look like the middle of M 82: inclined, dusty, full of clusters (assumed).

The number of stars alone follows the paper: with it eight galaxies (seeds 1000 to 1007, used nowhere else) show 4 to
24, on average 15.4, of their stars and clusters in 128 s at the paper's settings. Fixed before any score was looked at.
"""


@dataclass(frozen=True)
class Visit:
    """One exposure: struck by cosmic rays and cleaned of them, (H, W) e-/s; hit, mended by cleaning, (H, W) bool."""

    struck: np.ndarray
    cleaned: np.ndarray
    hit: np.ndarray
    mended: np.ndarray


def dusty_galaxy(seed: int, size: int = 512) -> Scene:
    """A noise-free stand-in for M 82 through F555W: 20.5 arcsec at the default size, as the paper's Fig. 10."""
    return make_scene("resolved_galaxy", size, seed, "F555W", **DUSTY_GALAXY)


def expose_repeatedly(scene: Scene, times: Sequence[float], seed: int = 0) -> dict[float, np.ndarray]:
    """Independent single exposures of one scene by exposure time in s: (H, W) e-/s each. Same seed, same noise."""
    generator = torch.Generator().manual_seed(seed)
    sky = FILTERS[scene.band].sky
    return {time: physical(scene.image, time, 1.0, generator=generator, sky=sky).numpy() for time in times}


def visits(scene: Scene, times: Sequence[float], seed: int = 0) -> dict[float, Visit]:
    """`expose_repeatedly` with cosmic rays (`strike`), which are then removed (`cosmic_rays.clean_cosmic_rays`)."""
    found = {}
    for index, (time, image) in enumerate(expose_repeatedly(scene, times, seed).items()):
        struck, hit = strike(image, time, 1000 * seed + index)
        cleaned, mended = clean_cosmic_rays(struck, time, sky=FILTERS[scene.band].sky)
        found[time] = Visit(struck, cleaned, hit, mended)
    return found


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


def true_stars(shot: Exposure) -> Catalogue:
    """Detections in the long exposure that are stars or clusters of the scene; the others are knots of its light.

    True is what lies within `evaluation.MATCH_RADIUS` of a source of the catalogue that the long exposure could show.
    """
    found = shot.reference
    kept, _ = photometry.match(found["x"], found["y"], *shot.sources, MATCH_RADIUS)
    return {key: values[kept] for key, values in found.items()}


def star_test(shot: Exposure, output: np.ndarray) -> Stars:
    """`evaluation.detected_stars` against `true_stars` in place of all detections in the long exposure."""
    return Stars.compare(detected_stars(shot, output).found, true_stars(shot), MATCH_RADIUS)


def recovered(stars: Sequence[Stars]) -> dict[str, float]:
    """The first columns of Table 3 for one method, all stars of all fields together; stars: its test on each field.

    n: stars in the long exposures; found: of these, in the outputs; tpr, low, high: their share and its 95 %
    `wilson_interval`, %; rfe, rfe_error: mean of Eq. 25 and its standard error, %.
    """
    found = sum(each.counts.tp for each in stars)
    total = found + sum(each.counts.fn for each in stars)
    return share_found(found, total) | mean_error(np.concatenate([each.errors for each in stars]))


def share_found(found: int, total: int) -> dict[str, float]:
    """{n, found, tpr, low, high}: a share of stars in % and its `wilson_interval`; NaN of no stars."""
    low, high = wilson_interval(found, total) if total else (np.nan, np.nan)
    return {"n": total, "found": found, "tpr": 100 * found / total if total else np.nan, "low": low, "high": high}


def mean_error(errors: np.ndarray) -> dict[str, float]:
    """{rfe, rfe_error}: mean of relative flux errors and its standard error, in their unit; NaN for too few."""
    spread = np.std(errors, ddof=1) / np.sqrt(len(errors)) if len(errors) > 1 else np.nan
    return {"rfe": float(np.mean(errors)) if len(errors) else np.nan, "rfe_error": float(spread)}


def wilson_interval(found: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Limits in % of the share that ``found`` of ``total`` independent stars allow (Wilson 1927, doi:10.2307/2276774).

    Raises ValueError for no stars or more found than there are.
    """
    if not 0 <= found <= total or total < 1:
        raise ValueError(f"{found} of {total} stars is no share; count again.")
    limits = binomtest(found, total).proportion_ci(confidence, method="wilson")
    return 100 * limits.low, 100 * limits.high


def paired_p_value(first: np.ndarray, second: np.ndarray) -> float:
    """McNemar's exact test of two methods on the same stars: how likely so uneven a split is between equal methods.

    first, second: (stars,) bool, found or not. Only stars that one of them finds count; of these each method's number
    is binomial with p = 1/2 (McNemar 1947, doi:10.1007/BF02295996). Two-sided; 1 where no star tells them apart.
    """
    only_first, only_second = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    return float(binomtest(only_first, only_first + only_second).pvalue) if only_first + only_second else 1.0


def paired_power(only_first: float, only_second: float, stars: int, level: float = 0.05) -> float:
    """How often ``stars`` stars give a `paired_p_value` below ``level``: sum over all splits that do.

    only_first, only_second: probability that a star is found by that method alone. Raises ValueError for others.
    """
    either = only_first + only_second
    if min(only_first, only_second) < 0 or not 0 < either <= 1:
        raise ValueError(f"{only_first} and {only_second} are not shares of stars; give two of 0 to 1, not both 0.")
    decided = np.arange(stars + 1)[:, None]
    first = np.arange(stars + 1)
    p_value = 2 * binom.cdf(np.minimum(first, decided - first), decided, 0.5)
    chance = binom.pmf(decided, stars, either) * binom.pmf(first, decided, only_first / either)
    return float(chance[(first <= decided) & (p_value < level)].sum())


def draw_fields(found: np.ndarray, stars: int = 16, count: int = 10_000, seed: int = 0, exchange: bool = False):
    """TPR in % of ``count`` fields of ``stars`` stars each, drawn with replacement: (methods, count).

    found: (methods, N) bool, which of N stars each method found. exchange: swap two methods at random at every star, so
    that neither is better than the other.
    """
    generator = np.random.default_rng(seed)
    drawn = np.asarray(found, bool)[:, generator.integers(np.shape(found)[1], size=(count, stars))]
    if exchange:
        drawn = np.where(generator.random((count, stars)) < 0.5, drawn[::-1], drawn)
    return 100 * drawn.mean(-1)


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
