"""How faint: known sources added to the sky, found or not by one detector at one density of false alarms.

``m50`` and ``m90`` are the magnitudes at which a half and 90 % are found, from a fit of the share found against flux;
``delta_m90`` is how much deeper a method goes than the reference on the same sources and noise, so that what they
share cancels: positive is deeper. The reference is the unchanged input in the same detector: for stars the matched
filter, which nothing can beat that is as credulous (`limits`); for extended sources a bank of such filters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import torch
from scipy.ndimage import maximum_filter
from scipy.optimize import minimize
from scipy.spatial import cKDTree
from scipy.special import log_ndtr, ndtri
from sklearn.isotonic import IsotonicRegression

from . import exposures, limits
from .detection import Detector
from .exposures import STANDARD, Conditions, Method
from .instrument import FILTERS, Filter, magnitude_from_rate, rate_from_magnitude
from .known_stars import jittered_grid
from .rendering import Sources, draw
from .robustness import scene_filter
from .scenes import make_scene
from .score_rows import bins, row

REFERENCE, LONGER = "unchanged", "longer exposure"
"""Names of what all methods are compared with: the input, and a noisy exposure r times longer."""

RADIUS = 2.0
"""Pixels within which a detection is the star that was added."""

DISC = np.hypot(*np.mgrid[-2:3, -2:3]) <= RADIUS
"""Pixels within `RADIUS` of a place."""

OUTSHINES = 2.0
"""How much higher than before it must be."""

WINDOW, CROWDED_WINDOW = (-1.0, 0.7), (-6.0, 0.7)
"""Magnitudes around the m90 of an isolated star in the matched filter, between which stars are drawn, uniformly."""

DRAWS = 100
"""Bootstrap samples over skies behind an interval; the exposures of one sky are drawn together."""

KING = {"profile": "king", "luminosity_function": "lognormal", "log10_central_density": [0.0, 1.0]}
"""A cluster as training has none: King's profile with its tidal edge, and a lognormal luminosity function."""

WIDER = 1.25
"""Factor on the wavelength of the PSF of "another PSF", which neither training nor detector expect."""


@dataclass(frozen=True)
class Sky:
    """Frames with known sources. bare: noise-free scenes without them, (H, W), or None for nothing; light: images of
    the sources alone, noise-free; x, y, magnitude of the sources, radius: how near a detection must be, pixels."""

    fields: str
    conditions: Conditions
    bare: torch.Tensor | None
    light: torch.Tensor
    x: np.ndarray
    y: np.ndarray
    magnitude: np.ndarray
    radius: np.ndarray
    seed: int
    noise_seed: int = 0

    def exposures(self, longer: float = 1.0) -> tuple[np.ndarray, np.ndarray | None]:
        """The noisy frame with the sources, and without them, where there is something else; the noise of what is
        there in both is the same, the sources bring photons of their own."""
        seed = 1_000 * self.seed + 2 * self.noise_seed
        if self.bare is None:
            return exposures.expose(self.light, self.conditions, seed, longer), None
        without = exposures.expose(self.bare, self.conditions, seed, longer)
        time, generator = self.conditions.exposure_time * longer, torch.Generator().manual_seed(seed + 1)
        photons = torch.poisson(self.light.double() * time, generator=generator) / time
        return (without + photons.numpy()).astype(np.float32), without


def again(skies: Sequence[Sky], noise_seeds: int) -> list[Sky]:
    """Each sky with ``noise_seeds`` noises."""
    return [replace(sky, noise_seed=seed) for sky in skies for seed in range(noise_seeds)]


def isolated_stars(
    count: int, conditions: Conditions = STANDARD, threshold: float = 5.0, size: int = 512, first_seed: int = 5_500_000
) -> list[Sky]:
    """``count`` empty frames with stars on a loose grid, magnitudes around the matched filter's m90 at a threshold."""
    about = ("isolated stars", conditions, threshold, size)
    return [_stars(*about, first_seed + 10 * index) for index in range(count)]


def wider_stars(
    count: int, conditions: Conditions = STANDARD, threshold: float = 5.0, size: int = 512, first_seed: int = 5_550_000
) -> list[Sky]:
    """The same with a PSF `WIDER` than the band's, as no training field has it."""
    about, band = ("isolated stars, another PSF", conditions, threshold, size), scene_filter(conditions.band, WIDER)
    return [_stars(*about, first_seed + 10 * index, band=band) for index in range(count)]


def crowded_stars(
    count: int,
    conditions: Conditions = STANDARD,
    threshold: float = 5.0,
    size: int = 512,
    first_seed: int = 5_600_000,
    fields: str = "crowded field",
    **overrides: object,
) -> list[Sky]:
    """The same in ``count`` star clusters, each another one; overrides: of `scenes.make_scene`, as in `KING`."""
    found = []
    for seed in range(first_seed, first_seed + 10 * count, 10):
        bare = make_scene("star_cluster", size, seed, conditions.band, **overrides).image
        found.append(_stars(fields, conditions, threshold, size, seed, bare, CROWDED_WINDOW))
    return found


def _stars(
    fields: str,
    conditions: Conditions,
    threshold: float,
    size: int,
    seed: int,
    bare: torch.Tensor | None = None,
    window: tuple[float, float] = WINDOW,
    band: Filter | None = None,
) -> Sky:
    x, y = jittered_grid(size, seed, spacing=48)
    expected = limits.magnitude_found(0.9, threshold, conditions)
    magnitude = expected + np.random.default_rng(seed).uniform(*window, len(x))
    flux = rate_from_magnitude(torch.as_tensor(magnitude), conditions.filter)
    stars = Sources.stars(torch.as_tensor(x), torch.as_tensor(y), flux)
    light = draw(stars, size, band or conditions.filter).clamp_min(0)
    return Sky(fields, conditions, bare, light, x, y, magnitude, np.full(len(x), RADIUS), seed)


def galaxies(
    count: int,
    conditions: Conditions = STANDARD,
    radii: tuple[float, float] = (2.0, 10.0),
    magnitudes: tuple[float, float] = (24.0, 27.2),
    size: int = 512,
    first_seed: int = 5_700_000,
) -> list[Sky]:
    """``count`` empty frames with galaxies: Sérsic indices 1 and 4 alike, half-light radii log-uniform, pixels."""
    return [_galaxies(conditions, radii, magnitudes, size, first_seed + 10 * i) for i in range(count)]


def _galaxies(conditions: Conditions, radii, magnitudes, size: int, seed: int) -> Sky:
    x, y = jittered_grid(size, seed, spacing=80, border=40)
    rng, n = np.random.default_rng(seed), len(x)
    radius = np.exp(rng.uniform(*np.log(radii), n))
    magnitude = rng.uniform(*magnitudes, n)
    flux = rate_from_magnitude(magnitude, conditions.filter)
    shape = (x, y, flux, radius, rng.choice([1.0, 4.0], n), rng.uniform(0.3, 1.0, n), rng.uniform(0, np.pi, n))
    light = draw(Sources(*(torch.as_tensor(column) for column in shape)), size, conditions.filter)
    return Sky("extended sources", conditions, None, light, x, y, magnitude, np.maximum(RADIUS, radius), seed)


@dataclass(frozen=True)
class Found:
    """What a detector found of the sources of one kind of skies. magnitude, seen (bool) and sky (n,) of the sources;
    detected, real (bool) (m,): magnitude by its own filter of every detection, and whether a source is there, on skies
    that hold nothing but the sources."""

    magnitude: np.ndarray
    seen: np.ndarray
    sky: np.ndarray
    detected: np.ndarray
    real: np.ndarray


def find(skies: Sequence[Sky], method: Method, detector: Detector, longer: float = 1.0) -> Found:
    """Run a method on every sky, and the detector on what it makes of it.

    A source counts where there is a detection at its place, and in a sky that holds others only where this stands
    `OUTSHINES` times as high as whatever is there without it: else it would be taken for its neighbour. (Tests of
    photometry with artificial stars ask the same, with 0.75 mag.)
    """
    seen, detected, real = [], [], []
    for sky in skies:
        r, time = sky.conditions.exposure_ratio, sky.conditions.exposure_time * longer
        with_them, without = sky.exposures(longer)
        detections = detector.measure(method(with_them, time, r))
        there = _near(sky, detections)
        if without is None:
            detected.append(magnitude_from_rate(np.maximum(detections[3], 1e-9), sky.conditions.filter))
            real.append(_real(sky, detections))
        else:
            there &= _outshines(sky, detections, detector.statistic(method(without, time, r)))
        seen.append(there)
    magnitude = np.concatenate([sky.magnitude for sky in skies])
    number = np.concatenate([np.full(len(sky.x), sky.seed) for sky in skies])
    flat = np.array([*chain(*detected)], float), np.array([*chain(*real)], bool)
    return Found(magnitude, np.concatenate(seen), number, *flat)


def _near(sky: Sky, detections: np.ndarray) -> np.ndarray:
    """Which sources have a detection."""
    if not detections.shape[1]:
        return np.zeros(len(sky.x), bool)
    distance, _ = cKDTree(detections[:2].T).query(np.stack([sky.x, sky.y], axis=1))
    return distance <= sky.radius


def _outshines(sky: Sky, detections: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Which sources have a detection `OUTSHINES` times as high as the highest value within `RADIUS` before."""
    if not detections.shape[1]:
        return np.zeros(len(sky.x), bool)
    _, nearest = cKDTree(detections[:2].T).query(np.stack([sky.x, sky.y], axis=1))
    highest = maximum_filter(before, footprint=DISC)
    rows, columns = (np.rint(place).astype(int) for place in (sky.y, sky.x))
    return detections[2, nearest] >= OUTSHINES * highest[rows, columns]


def _real(sky: Sky, detections: np.ndarray) -> np.ndarray:
    """Which detections have a source."""
    if not detections.shape[1]:
        return np.zeros(0, bool)
    distance, nearest = cKDTree(np.stack([sky.x, sky.y], axis=1)).query(detections[:2].T)
    return distance <= sky.radius[nearest]


def fit_curve(x: np.ndarray, seen: np.ndarray) -> tuple[float, float]:
    """a and b of C(x) = Phi(a + b x) by maximum likelihood; x (n,) above 0 in any unit, seen (n,) bool.

    For x a flux the matched filter's curve exactly, with b = 1 / sigma and a = -t, and near enough for others.
    """
    scale, middle = np.std(x), np.mean(x)

    def loss(p: np.ndarray) -> float:
        z = p[0] + p[1] * (x - middle) / scale
        return -float(log_ndtr(np.where(seen, z, -z)).sum())

    a, b = minimize(loss, (0.0, 1.0), method="BFGS").x
    return float(a - b * middle / scale), float(b / scale)


def depths(
    magnitude: np.ndarray, seen: np.ndarray, shares: Sequence[float], band: str = "F606W", crowded: bool = False
) -> np.ndarray:
    """AB magnitudes at which these shares are found, by `fit_curve` against flux; NaN where the curve does not rise.

    crowded: by the best curve that falls with magnitude, of whatever shape (isotonic regression), for skies where
    neighbours hide more stars than noise does; NaN where it doesn't reach a share.
    """
    wanted = ndtri(np.asarray(shares))
    if crowded:
        return _crossings(magnitude, seen, shares)
    a, b = fit_curve(rate_from_magnitude(magnitude, FILTERS[band]), seen)
    needed = (wanted - a) / b if b > 0 else np.full(len(shares), np.nan)
    return magnitude_from_rate(np.where(needed > 0, needed, np.nan), FILTERS[band])


def _crossings(magnitude: np.ndarray, seen: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Where the isotonic curve crosses the shares: the middle between the last magnitude above and the first below."""
    grid = np.linspace(magnitude.min(), magnitude.max(), 1001)
    curve = IsotonicRegression(increasing=False).fit(magnitude, seen).predict(grid)
    above = np.array([np.count_nonzero(curve > share) for share in shares])
    level = np.array([np.count_nonzero(curve >= share) for share in shares])
    middle = np.interp((above + level - 1) / 2, np.arange(len(grid)), grid)
    return np.where((above > 0) & (level < len(grid)), middle, np.nan)


def rows(
    about: Mapping[str, object], ours: Found, theirs: Found, band: str = "F606W", crowded: bool = False
) -> list[dict]:
    """Rows ``m50``, ``m90``, ``delta_m50``, ``delta_m90`` (over ``theirs``, the reference on the same sources), and by
    magnitude ``completeness`` and ``purity``, the latter at the magnitude that is measured. crowded: see `depths`."""
    names, found = ("m50", "m90", "delta_m50", "delta_m90"), []
    values = _against(ours, theirs, slice(None), band, crowded)
    groups = [np.flatnonzero(ours.sky == sky) for sky in np.unique(ours.sky)]
    drawn = np.random.default_rng(0).integers(len(groups), size=(DRAWS, len(groups)))
    chosen = (np.concatenate([groups[i] for i in pick]) for pick in drawn)
    samples = np.array([_against(ours, theirs, each, band, crowded) for each in chosen])
    for name, value, sample in zip(names, values, samples.T, strict=True):
        if np.isfinite(value):
            low, high = np.nanpercentile(sample, (16, 84)) if len(groups) > 1 else (None, None)
            found.append(row(about, name, value, low=low, high=high, n=len(ours.seen)))
    centres = np.linspace(ours.magnitude.min(), ours.magnitude.max(), 13)[1::2]
    found += _shares(about, "completeness", ours.magnitude, ours.seen, centres)
    return found + (_shares(about, "purity", ours.detected, ours.real, centres) if len(ours.real) else [])


def false_density(about: Mapping[str, object], found: Found, area: float) -> list[dict]:
    """The row ``false_density``: detections without a source per arcmin² of skies that hold the sources alone, ``area``
    of them; with a Poisson error. A method that adapts to the image may show far more there than on empty sky, where
    its threshold was set; what it finds is then not at equal false alarms. None where there are no detections."""
    if not len(found.real):
        return []
    count = int((~found.real).sum())
    low, high = ((count + sign * count**0.5) / area for sign in (-1, 1))
    return [row(about, "false_density", count / area, low=low, high=high, n=count)]


def _against(ours: Found, theirs: Found, chosen, band: str, crowded: bool) -> np.ndarray:
    """m50, m90 and how much deeper both are than the reference's, (4,)."""
    given = {"shares": (0.5, 0.9), "band": band, "crowded": crowded}
    own, other = (depths(each.magnitude[chosen], each.seen[chosen], **given) for each in (ours, theirs))
    return np.concatenate([own, own - other])


def _shares(about: Mapping[str, object], quantity: str, magnitude, yes, centres: np.ndarray) -> list[dict]:
    """Share of ``yes`` by magnitude, of half a bin around the centres and no further, with binomial errors."""
    found, half = [], (centres[1] - centres[0]) / 2
    for centre, chosen in bins(magnitude, centres):
        chosen &= np.abs(magnitude - centre) <= half
        if n := int(chosen.sum()):
            share = yes[chosen].mean()
            error = (share * (1 - share) / n) ** 0.5
            found.append(row(about, quantity, share, magnitude=centre, low=share - error, high=share + error, n=n))
    return found
