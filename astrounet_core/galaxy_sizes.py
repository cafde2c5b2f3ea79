"""Half-light radii of injected galaxies before and after a method, from their curves of growth.

A curve of growth is linear in the image: galaxies of one magnitude are summed before a radius is read off, so that
noise does not bias it as it does a Sérsic fit, whose radius and index trade places with each other and with the sky
where galaxies are faint. The radius is that of the image, PSF included, and comes with the noise-free one, measured
alike. Images are e-/s (H, W).

Quantities: ``half_light_radius``, pixels; ``half_light_radius_ratio``: over that of the noise-free galaxies;
``bias_galaxy``: error of the light within `REACH`, % of the true.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from . import exposures
from .exposures import STANDARD, Conditions, Method
from .instrument import rate_from_magnitude
from .known_stars import jittered_grid
from .photometry import aperture_flux
from .rendering import Sources, draw
from .score_rows import bins, rows_of

MAGNITUDES = (21.0, 22.0, 23.0, 24.0, 25.0)
"""AB, in all."""

INDICES = {1.0: "exponential galaxies", 4.0: "de Vaucouleurs galaxies"}
"""Sérsic index -> fields."""

RADIUS = 6.0
"""Half-light radius along the major axis, pixels: 0.24 arcsec, a galaxy of magnitude 24 or so."""

AXIS_RATIO = 0.7

REACH = 20.0
"""Pixels within which a galaxy's light is taken for all of it."""

SPACING = 62
"""Pixels between galaxies: their apertures stay apart."""

RADII = np.arange(0.5, REACH + 0.25, 0.5)


@dataclass(frozen=True)
class Galaxies:
    """An exposure of galaxies that are alike but for magnitude and angle: scene, noisy (H, W); x, y, magnitude (n,)."""

    fields: str
    conditions: Conditions
    scene: np.ndarray
    noisy: np.ndarray
    x: np.ndarray
    y: np.ndarray
    magnitude: np.ndarray


def galaxies(
    count: int,
    noise_seeds: int,
    index: float,
    conditions: Conditions = STANDARD,
    magnitudes: Sequence[float] = MAGNITUDES,
    size: int = 512,
    first_seed: int = 6_000_000,
) -> Iterator[Galaxies]:
    """``count`` skies of isolated galaxies of a Sérsic index, of random angles, each exposed ``noise_seeds`` times.

    Every magnitude comes as often as the others; same seed, same galaxies and noise.
    """
    for seed in range(first_seed, first_seed + count):
        x, y = jittered_grid(size, seed, SPACING, int(REACH) + 2)
        rng = np.random.default_rng(seed)
        magnitude, angle = rng.permutation(np.resize(magnitudes, len(x))), rng.uniform(0, np.pi, len(x))
        flux = rate_from_magnitude(magnitude, conditions.filter)
        columns = (x, y, flux, *(np.full(len(x), each) for each in (RADIUS, index, AXIS_RATIO)), angle)
        scene = draw(Sources(*(torch.from_numpy(each) for each in columns)), size, conditions.filter)
        for again in range(noise_seeds):
            noisy = exposures.expose(scene, conditions, 1_000 * seed + again)
            yield Galaxies(INDICES.get(index, f"n = {index:g}"), conditions, scene.numpy(), noisy, x, y, magnitude)


def growth(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Light within each of `RADII` of every place, (len(RADII), n), e-/s."""
    return np.stack([aperture_flux(image, x, y, 2 * radius) for radius in RADII])


def half_light_radius(curve: np.ndarray) -> float:
    """Radius, pixels, at which a curve of growth (len(RADII),) first holds half its last value; NaN where that isn't
    positive. Between the radii the curve is a straight line, below the first it grows as the area."""
    half = curve[-1] / 2
    if not half > 0:
        return np.nan
    after = int(np.argmax(curve >= half))
    if after == 0:
        return float(RADII[0] * (half / curve[0]) ** 0.5)
    return float(np.interp(half, curve[after - 1 : after + 1], RADII[after - 1 : after + 1]))


def score(methods: Mapping[str, Method], skies: Iterator[Galaxies], magnitudes=MAGNITUDES) -> list[dict]:
    """The scorecard's rows per magnitude, intervals drawn over galaxies; each method is run once on each exposure."""
    collected: dict[tuple, list[tuple]] = {}
    for sky in skies:
        time, ratio = sky.conditions.exposure_time, sky.conditions.exposure_ratio
        true = growth(sky.scene, sky.x, sky.y)
        for name, method in methods.items():
            curves = np.concatenate([growth(method(sky.noisy, time, ratio), sky.x, sky.y), true])
            collected.setdefault((name, sky.fields, sky.conditions.name, ratio), []).append((sky.magnitude, curves))
    rows = []
    for key, parts in collected.items():
        about = dict(zip(("method", "fields", "protocol", "exposure_ratio"), key, strict=True))
        magnitude, curves = (np.concatenate(each, axis=-1) for each in zip(*parts, strict=True))
        for centre, inside in bins(magnitude, magnitudes):
            rows += rows_of(about, curves[:, inside], statistics, magnitude=centre)
    return rows


def statistics(curves: np.ndarray) -> dict[str, float]:
    """The module's quantities from the curves of growth, measured and true, (2 len(RADII), n)."""
    measured, true = curves.sum(1).reshape(2, -1)
    radius = half_light_radius(measured)
    return {
        "half_light_radius": radius,
        "half_light_radius_ratio": radius / half_light_radius(true),
        "bias_galaxy": float(100 * (measured[-1] / true[-1] - 1)),
    }
