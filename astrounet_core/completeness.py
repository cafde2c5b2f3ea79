"""How faint: known sources added to the sky, found or not by one detector at one density of false alarms.

``m50`` and ``m90`` are the magnitudes at which a half and 90 % are found, from a fit of the share found against flux;
``delta_m90`` is how much deeper a method goes than the reference on the same sources and noise, so that what they
share cancels: positive is deeper. The reference is the unchanged input in the same detector: for stars the matched
filter, which nothing can beat that is as credulous (`limits`); for extended sources a bank of such filters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.spatial import cKDTree
from scipy.special import log_ndtr, ndtri

from . import exposures, limits
from .detection import Detector
from .exposures import STANDARD, Conditions, Method
from .instrument import magnitude_from_rate, rate_from_magnitude
from .known_stars import jittered_grid
from .rendering import Sources, draw
from .scenes import make_scene
from .score_rows import bins, row

REFERENCE, LONGER = "unchanged", "longer exposure"
"""Names of what all methods are compared with: the input, and a noisy exposure r times longer."""

RADIUS = 2.0
"""Pixels within which a detection is the star that was added."""

WINDOW = (-1.0, 0.7)
"""Magnitudes around the expected m90 of the reference between which sources are drawn, uniformly."""

DRAWS = 200
"""Bootstrap samples over frames behind an interval."""


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

    def exposures(self, longer: float = 1.0) -> tuple[np.ndarray, np.ndarray | None]:
        """The noisy frame with the sources, and without them, where there is something else; the noise of what is
        there in both is the same, the sources bring photons of their own."""
        if self.bare is None:
            return exposures.expose(self.light, self.conditions, self.seed, longer), None
        without = exposures.expose(self.bare, self.conditions, self.seed, longer)
        time, generator = self.conditions.exposure_time * longer, torch.Generator().manual_seed(self.seed + 1)
        photons = torch.poisson(self.light.double() * time, generator=generator) / time
        return (without + photons.numpy()).astype(np.float32), without


def isolated_stars(
    count: int, conditions: Conditions = STANDARD, threshold: float = 5.0, size: int = 512, first_seed: int = 5_500_000
) -> list[Sky]:
    """``count`` empty frames with stars on a loose grid, magnitudes around the matched filter's m90 at a threshold."""
    return [_stars("isolated stars", None, conditions, threshold, size, first_seed + 10 * i) for i in range(count)]


def crowded_stars(
    count: int, conditions: Conditions = STANDARD, threshold: float = 5.0, size: int = 512, first_seed: int = 5_600_000
) -> list[Sky]:
    """The same in ``count`` star clusters, each another one."""
    seeds = [first_seed + 10 * i for i in range(count)]
    clusters = (make_scene("star_cluster", size, seed, conditions.band).image for seed in seeds)
    return [
        _stars("crowded field", bare, conditions, threshold, size, seed)
        for bare, seed in zip(clusters, seeds, strict=True)
    ]


def _stars(fields: str, bare, conditions: Conditions, threshold: float, size: int, seed: int) -> Sky:
    x, y = jittered_grid(size, seed, spacing=48)
    expected = limits.magnitude_found(0.9, threshold, conditions)
    magnitude = expected + np.random.default_rng(seed).uniform(*WINDOW, len(x))
    light = exposures.point_sources(x, y, magnitude, size, conditions.band).clamp_min(0)
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


def found(sky: Sky, method: Method, detector: Detector, longer: float = 1.0) -> np.ndarray:
    """(n,) bool: which sources have a detection at their place, and had none without them."""
    r, time = sky.conditions.exposure_ratio, sky.conditions.exposure_time * longer
    with_them, without = sky.exposures(longer)
    seen = _near(sky, detector.detect(method(with_them, time, r)))
    return seen if without is None else seen & ~_near(sky, detector.detect(method(without, time, r)))


def _near(sky: Sky, detections: np.ndarray) -> np.ndarray:
    if not detections.shape[1]:
        return np.zeros(len(sky.x), bool)
    distance, _ = cKDTree(detections[:2].T).query(np.stack([sky.x, sky.y], axis=1))
    return distance <= sky.radius


def fit_curve(flux: np.ndarray, seen: np.ndarray) -> tuple[float, float]:
    """a and b of C(F) = Phi(a + b F) by maximum likelihood; flux (n,) in any unit, seen (n,) bool.

    The matched filter's curve exactly, with b = 1 / sigma and a = -t, and near enough for others.
    """
    scale = np.median(flux)

    def loss(p: np.ndarray) -> float:
        z = p[0] + p[1] * flux / scale
        return -float(log_ndtr(np.where(seen, z, -z)).sum())

    a, b = minimize(loss, (-3.0, 3.0), method="BFGS").x
    return float(a), float(b / scale)


def depth(flux: np.ndarray, seen: np.ndarray, share: float, conditions: Conditions = STANDARD) -> float:
    """AB magnitude at which that share is found, by `fit_curve`; NaN where the curve does not rise."""
    a, b = fit_curve(flux, seen)
    needed = (ndtri(share) - a) / b if b > 0 else np.nan
    return float(magnitude_from_rate(needed, conditions.filter)) if needed > 0 else float("nan")


def score(
    methods: Mapping[str, Method],
    detectors: Mapping[str, Detector],
    skies: Sequence[Sky],
    magnitudes: Sequence[float] | None = None,
) -> list[dict]:
    """Rows m50, m90, delta_m90, completeness by magnitude and threshold, of methods and of what they're compared with.

    detectors: one a method, calibrated on it, `REFERENCE` among them; one called `LONGER` sees exposures r times
    longer, unchanged. magnitudes: centres of the bins, six over the window by default.
    """
    ratio = skies[0].conditions.exposure_ratio
    methods = {REFERENCE: _unchanged, LONGER: _unchanged} | dict(methods)
    seen = {
        name: [found(sky, methods[name], detector, ratio if name == LONGER else 1.0) for sky in skies]
        for name, detector in detectors.items()
    }
    return [each for name, detector in detectors.items() for each in _rows(name, detector, seen, skies, magnitudes)]


def _unchanged(image: np.ndarray, exposure_time: float, exposure_ratio: float) -> np.ndarray:
    return image


def _rows(name: str, detector: Detector, seen: dict, skies: Sequence[Sky], magnitudes) -> list[dict]:
    conditions, magnitude = skies[0].conditions, np.concatenate([sky.magnitude for sky in skies])
    about = dict(zip(("method", "fields", "protocol"), (name, skies[0].fields, conditions.name), strict=True))
    about["exposure_ratio"] = conditions.exposure_ratio
    spread = {"low": detector.threshold - detector.error, "high": detector.threshold + detector.error}
    rows = [row(about, "threshold", detector.threshold, **spread), row(about, "alarm_density", detector.density)]
    values = _depths(seen[name], seen[REFERENCE], skies)
    drawn = np.random.default_rng(0).integers(len(skies), size=(DRAWS, len(skies)))
    samples = [_depths(*([part[i] for i in pick] for part in (seen[name], seen[REFERENCE], skies))) for pick in drawn]
    for quantity, value in values.items():
        if np.isfinite(value):
            low, high = np.nanpercentile([sample[quantity] for sample in samples], (16, 84))
            rows.append(row(about, quantity, value, low=low, high=high, n=len(magnitude)))
    return rows + _completeness(about, magnitude, np.concatenate(seen[name]), magnitudes)


def _depths(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray], skies: Sequence[Sky]) -> dict[str, float]:
    conditions = skies[0].conditions
    flux = rate_from_magnitude(np.concatenate([sky.magnitude for sky in skies]), conditions.filter)
    m50, m90 = (depth(flux, np.concatenate(ours), share, conditions) for share in (0.5, 0.9))
    return {"m50": m50, "m90": m90, "delta_m90": m90 - depth(flux, np.concatenate(theirs), 0.9, conditions)}


def _completeness(about: dict, magnitude: np.ndarray, seen: np.ndarray, magnitudes) -> list[dict]:
    centres = np.linspace(magnitude.min(), magnitude.max(), 13)[1::2] if magnitudes is None else magnitudes
    rows = []
    for centre, chosen in bins(magnitude, centres):
        if n := int(chosen.sum()):
            share, error = seen[chosen].mean(), (seen[chosen].mean() * (1 - seen[chosen].mean()) / n) ** 0.5
            interval = {"low": share - error, "high": share + error}
            rows.append(row(about, "completeness", share, magnitude=centre, n=n, **interval))
    return rows
