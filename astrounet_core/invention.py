"""Sources that aren't there: false detections per arcmin² where the detector's calibration doesn't hold.

Each method keeps the one threshold that `detection.calibrate` found on its own empty sky. A detection is false where
the noise-free scene, in the same detector, has no peak of at least half the threshold within `RADIUS`. So neither a
galaxy nor a knot of the PSF's rings is held against a method that shows it, nor one that noise lifts over the
threshold; but a bump that noise makes on smooth light is an entry of the catalogue without a source, and counts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.ndimage import binary_dilation
from scipy.spatial import cKDTree

from . import completeness, exposures, limits
from .completeness import RADIUS
from .detection import Detector, peaks
from .exposures import COSMIC_RAYS, DRIZZLED, STANDARD, Conditions, Method
from .known_stars import jittered_grid
from .score_rows import row, rows_of

BLANK, STARS, GALAXIES = "blank sky", "near bright stars", "near bright galaxies"

STAR_MAGNITUDES, SPACING = (19.5, 20.5), 52
"""AB, below the full well under `STANDARD`, at signal-to-noise ratios of 270 to 440; pixels from star to star."""

GALAXY_MAGNITUDES, GALAXY_RADII = (19.0, 21.0), (3.0, 10.0)
"""AB, and half-light radii in pixels."""

CORE, HALF_LIGHTS, WIDTH = 3.0, 1.5, 22.0
"""Near is farther than ``CORE`` pixels, which hold a star's core and first Airy ring and so its own detection, and
than ``HALF_LIGHTS`` half-light radii of a galaxy; and up to ``WIDTH`` pixels farther than that."""

DISC = np.hypot(*np.mgrid[-2:3, -2:3]) <= RADIUS
"""Pixels within `RADIUS` of a peak."""


@dataclass(frozen=True)
class Ground:
    """A noise-free scene (H, W), e-/s, and the pixels of it, near (H, W) bool, where false detections are counted."""

    fields: str
    conditions: Conditions
    seed: int
    scene: torch.Tensor
    near: np.ndarray

    def exposures(self, noise_seeds: int) -> list[np.ndarray]:
        """So many independent exposures; two at least where there is a scene, for what comes back."""
        wanted = noise_seeds if self.fields == BLANK else max(2, noise_seeds)
        return [exposures.expose(self.scene, self.conditions, 1_000 * self.seed + noise) for noise in range(wanted)]


@dataclass(frozen=True)
class Tally:
    """False detections of one method on one ground: x and y, (2, n), in each of its exposures; area, arcmin², that is
    searched in each."""

    seed: int
    places: list[np.ndarray]
    area: float


def grounds(seed: int, size: int) -> Iterator[Ground]:
    """Blank sky under three conditions, bright stars, bright galaxies of Sérsic indices 1 and 4.

    Raises ValueError for a size that has no room for a star.
    """
    for conditions in (STANDARD, DRIZZLED, COSMIC_RAYS):
        yield Ground(BLANK, conditions, seed, torch.zeros(size, size), np.ones((size, size), bool))
    x, y = jittered_grid(size, seed, SPACING, border=40)
    magnitude = np.random.default_rng(seed).uniform(*STAR_MAGNITUDES, len(x))
    light = exposures.point_sources(x, y, magnitude, size, STANDARD.band)
    yield Ground(STARS, STANDARD, seed, light, _near(x, y, np.full(len(x), CORE), size))
    (sky,) = completeness.galaxies(1, STANDARD, GALAXY_RADII, GALAXY_MAGNITUDES, size, seed)
    core = np.maximum(CORE, HALF_LIGHTS * sky.radius)
    yield Ground(GALAXIES, STANDARD, seed, sky.light, _near(sky.x, sky.y, core, size))


def _near(x: np.ndarray, y: np.ndarray, core: np.ndarray, size: int) -> np.ndarray:
    """Pixels between the core of the nearest source and `WIDTH` beyond, (size, size) bool."""
    pixels = np.mgrid[:size, :size][::-1].reshape(2, -1).T
    distance, nearest = cKDTree(np.column_stack([x, y])).query(pixels)
    return ((distance > core[nearest]) & (distance <= core[nearest] + WIDTH)).reshape(size, size)


def score(
    methods: Mapping[str, Method],
    detectors: Mapping[str, Detector],
    count: int = 20,
    noise_seeds: int = 3,
    size: int = 512,
    first_seed: int = 8_000_000,
) -> list[dict]:
    """The scorecard's rows of invention, all methods on the same ``count`` skies of each kind and the same noise.

    - ``invented``, false detections per arcmin², n exposures: on "blank sky" by protocol, "near bright stars" and
      "near bright galaxies"; with "dark sky" before these, only where their light is fainter than the input's noise
      in the detector's filters; with "negative", in the output times -1 (pits, under the standard conditions); on
      "negated input", in what a method makes of blank sky times -1.
    - ``persistence``, %, near stars and galaxies, dark sky alone too: share of n false detections that have another
      within `RADIUS` in the next exposure of the same scene; and ``persistence_chance``, 1 - exp(-density pi RADIUS²),
      for as many scattered evenly. More than that comes back of independent noise, too, where light lifts it over
      the threshold: the unchanged input's share says how much. What comes back beyond it is the method's making.

    detectors: by method, from `detection.calibrate` under `STANDARD`. Intervals draw skies again; where nothing is
    found, up to the density that leaves nothing in 16 % of cases; where all or nothing comes back, there is none.
    Raises ValueError for a method without a detector, for no skies or noises, and for skies too small.
    """
    if missing := sorted(set(methods) - set(detectors)):
        raise ValueError(f"no detector for {', '.join(missing)}; calibrate one for each method.")
    if count < 1 or noise_seeds < 1:
        raise ValueError(f"{count} skies with {noise_seeds} noises show nothing; take one of each at least.")
    found: dict[tuple, list[Tally]] = {}
    for seed in range(first_seed, first_seed + count):
        for ground in grounds(seed, size):
            exposed = ground.exposures(noise_seeds)
            for name, method in methods.items():
                for fields, tally in _tallies(ground, exposed, method, detectors[name]):
                    found.setdefault((name, fields, ground.conditions.name), []).append(tally)
    rows: list[dict] = []
    for (name, fields, protocol), tallies in found.items():
        about = {"method": name, "fields": fields, "protocol": protocol, "exposure_ratio": STANDARD.exposure_ratio}
        rows += _invented(about, tallies)
        if fields.removeprefix("dark sky ") in (STARS, GALAXIES):
            rows += _persistence(about, tallies)
    return rows


def _tallies(
    ground: Ground, exposed: Sequence[np.ndarray], method: Method, detector: Detector
) -> Iterator[tuple[str, Tally]]:
    """Fields and what is counted there; the method runs once on each exposure, and on blank ones once negated."""
    given = (ground.conditions.exposure_time, ground.conditions.exposure_ratio)
    outputs = [method(noisy, *given) for noisy in exposed]
    scene, found = ground.scene.numpy(), [detector.detect(output) for output in outputs]
    searched = _searched(scene, ground.near, detector)
    yield ground.fields, _tally(ground, found, searched)
    if ground.fields != BLANK:
        yield f"dark sky {ground.fields}", _tally(ground, found, searched & _dark(ground, detector))
    if ground.conditions is STANDARD:
        pits = [detector.detect(-output) for output in outputs]
        yield f"negative {ground.fields}", _tally(ground, pits, _searched(-scene, ground.near, detector))
    if ground.fields == BLANK and ground.conditions is STANDARD:
        found = [detector.detect(method(-noisy, *given)) for noisy in exposed]
        yield "negated input", _tally(ground, found, searched)


def _tally(ground: Ground, found: Sequence[np.ndarray], searched: np.ndarray) -> Tally:
    """Those detections (3, n) of each exposure that are where is searched, (H, W) bool."""
    if not searched.any():
        raise ValueError(f"no pixel {ground.fields} in {searched.shape} is far enough from edges and light; take more.")
    places = [each[:2].astype(int) for each in found]
    return Tally(
        ground.seed, [each[:, searched[each[1], each[0]]] for each in places], exposures.arcmin2(searched[searched])
    )


def _searched(scene: np.ndarray, near: np.ndarray, detector: Detector) -> np.ndarray:
    """Where a detection is false, (H, W) bool: near, off the edges as in calibration, and at no peak of the scene."""
    border = max(kernel.shape[0] for kernel in detector.kernels) // 2
    x, y = peaks(detector.statistic(scene), detector.threshold / 2)[:2].astype(int)
    real, inside = np.zeros_like(near), np.zeros_like(near)
    real[y, x], inside[border:-border, border:-border] = True, True
    return near & inside & ~binary_dilation(real, DISC)


def _dark(ground: Ground, detector: Detector) -> np.ndarray:
    """Where the scene is fainter than the input's noise in every filter of the bank, (H, W) bool; same for methods."""
    light = np.sqrt([(kernel**2).sum() for kernel in detector.kernels])
    noise = limits.empty_variance(ground.conditions) ** 0.5 * light
    return replace(detector, scales=noise).statistic(ground.scene.numpy()) < 1


def _invented(about: Mapping[str, object], tallies: Sequence[Tally]) -> list[dict]:
    """The row ``invented``."""
    each = [(tally.seed, found.shape[1], tally.area) for tally in tallies for found in tally.places]
    seed, number, area = np.array(each, float).T
    rows = rows_of(
        about, np.stack([number, area]), lambda given: {"invented": given[0].sum() / given[1].sum()}, groups=seed
    )
    if not number.any():
        rows[0] |= {"low": 0.0, "high": float(-np.log(0.16) / area.sum())}
    return rows


def _persistence(about: Mapping[str, object], tallies: Sequence[Tally]) -> list[dict]:
    """The rows ``persistence`` and ``persistence_chance``; none without false detections."""
    back, seeds = [], []
    for tally in tallies:
        following = tally.places[1:] + tally.places[:1]
        for ours, theirs in zip(tally.places, following, strict=True):
            back.append(_comes_back(ours, theirs))
            seeds.append(np.full(ours.shape[1], tally.seed))
    number = sum(map(len, back))
    if not number:
        return []
    area = sum(tally.area * len(tally.places) for tally in tallies)
    expected = -np.expm1(-number / area * exposures.arcmin2(np.empty(1)) * np.pi * RADIUS**2)
    columns = np.concatenate(back)[None].astype(float)
    rows = rows_of(about, columns, lambda given: {"persistence": 100 * given.mean()}, groups=np.concatenate(seeds))
    if columns.min() == columns.max():
        rows[0] |= {"low": None, "high": None}
    return [*rows, row(about, "persistence_chance", 100 * expected, n=number)]


def _comes_back(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Which of ours, (2, n), have one of theirs, (2, m), within `RADIUS`: (n,) bool."""
    if not theirs.shape[1]:
        return np.zeros(ours.shape[1], bool)
    return cKDTree(theirs.T).query(ours.T)[0] <= RADIUS
