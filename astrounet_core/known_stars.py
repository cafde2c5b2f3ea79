"""Exposures whose stars are known, each star measured as if it were alone, before and after a method.

What is measured is output - scene: neighbours and nebulae, which the scene holds too, cancel, and the star's own true
light is put back where its shape counts. So a perfect method has no error, and the bound is that of a known PSF on a
known background. All stars count, found or not. Images are e-/s (H, W), stamps (N, STAMP, STAMP).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

import numpy as np

from . import evaluation, exposures
from .bounds import cramer_rao, gradients, star_stamps
from .exposures import STANDARD, Conditions, Method
from .field_table import Field
from .fluxes import STAMP
from .instrument import FILTERS, WFC3_UVIS, magnitude_from_rate, rate_from_magnitude
from .noise import noise_variance
from .psf_photometry import psf_model
from .scenes import render

MAGNITUDES = (19.5, 20.5, 21.5, 22.5, 23.5, 24.5, 25.5, 26.0, 26.5, 27.0, 27.5, 28.0, 28.5)
"""AB, of the injected stars: signal-to-noise ratios of 460 down to 2 under `exposures.STANDARD`."""

SPACING = 34
"""Pixels between the places of a grid of isolated stars, before they are moved: stamps hardly overlap."""

FAINTEST = 2.0
"""Signal-to-noise ratio of the faintest stars of a scene that are measured."""

MOST = 400
"""Stars of one scene that are measured, drawn at random where there are more."""

FAMILIES = {"star_cluster": "crowded field", "resolved_galaxy": "stars on nebulae", "nebula": "stars on nebulae"}
"""Kind of scene -> fields; other kinds are "sparse field", and what training never made is "held_out"."""


@dataclass(frozen=True)
class Known:
    """An exposure and its stars: scene, noisy (H, W); variance of the noise, and white, its variance before drizzling,
    which weights and bounds use; x, y, pixels, and flux, e-/s, (n,); sources (3, m): x, y and flux of all that is in
    the scene. fields, protocol, exposure_ratio: as in the scorecard's rows; group: which sky it is, whatever its noise.
    """

    fields: str
    protocol: str
    exposure_ratio: float
    exposure_time: float
    band: str
    group: int
    scene: np.ndarray
    noisy: np.ndarray
    variance: np.ndarray
    white: np.ndarray
    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray
    sources: np.ndarray

    @property
    def magnitude(self) -> np.ndarray:
        """AB, (n,)."""
        return magnitude_from_rate(self.flux, FILTERS[self.band])

    @property
    def place(self) -> np.ndarray:
        """x and y off the middle of the star's pixel, (2, n)."""
        return np.stack([self.x - np.rint(self.x), self.y - np.rint(self.y)])

    @cached_property
    def psf(self) -> np.ndarray:
        """The stars' share of light in the pixels around them, (n, STAMP, STAMP)."""
        return star_stamps(psf_model(FILTERS[self.band]), *self.place)

    @cached_property
    def gradient(self) -> np.ndarray:
        """`bounds.gradients` of the stars, (n, 4, STAMP, STAMP)."""
        return gradients(psf_model(FILTERS[self.band]), self.flux, *self.place)

    @cached_property
    def weight(self) -> np.ndarray:
        """1 / V of the input's white noise around each star, (n, STAMP, STAMP)."""
        return 1 / self.cut(self.white)

    def bound(self, *free: str) -> np.ndarray:
        """Cramér-Rao bound (n, len(free)) for these `bounds.PARAMETERS` together, the others known."""
        return cramer_rao(self.gradient, 1 / self.weight, free)

    @cached_property
    def sigma(self) -> np.ndarray:
        """The bound on each flux alone, e-/s, (n,)."""
        return cramer_rao(self.psf[:, None], 1 / self.weight, ("flux",))[:, 0]

    def cut(self, image: np.ndarray) -> np.ndarray:
        """The pixels around each star, (n, STAMP, STAMP), the star on the middle one."""
        windows = np.lib.stride_tricks.sliding_window_view(image, (STAMP, STAMP))
        return windows[tuple(np.rint(place).astype(int) - STAMP // 2 for place in (self.y, self.x))].astype(float)


@dataclass(frozen=True)
class Seen:
    """What a method made of an exposure: output (H, W), e-/s."""

    known: Known
    output: np.ndarray

    @cached_property
    def change(self) -> np.ndarray:
        """Stamps (n, STAMP, STAMP) of output - scene."""
        return self.known.cut(self.output - self.known.scene)

    @cached_property
    def alone(self) -> np.ndarray:
        """Stamps of the stars without their neighbours: output - scene + the star."""
        return self.change + self.known.flux[:, None, None] * self.known.psf


def jittered_grid(size: int, seed: int, spacing: int = SPACING, border: int = STAMP // 2 + 1) -> np.ndarray:
    """x and y, (2, n), of places at least ``border`` from the edges of (size, size), each moved by up to half a pixel.

    Raises ValueError where there is room for none.
    """
    along = np.arange(border, size - border, spacing, dtype=float)
    if not len(along):
        raise ValueError(f"{size} pixels have no room for a star {border} from every edge; take a larger image.")
    places = np.stack(np.meshgrid(along, along)).reshape(2, -1)
    return places + np.random.default_rng(seed).uniform(-0.5, 0.5, places.shape)


def isolated(
    count: int,
    noise_seeds: int,
    conditions: Conditions = STANDARD,
    magnitudes: Sequence[float] = MAGNITUDES,
    size: int = 512,
    first_seed: int = 5_000_000,
) -> Iterator[Known]:
    """``count`` blank skies with isolated stars, every magnitude as often as the others, each exposed ``noise_seeds``
    times; same seed, same stars and noise."""
    band = FILTERS[conditions.band]
    for index in range(count):
        x, y = jittered_grid(size, first_seed + index)
        magnitude = np.random.default_rng(first_seed + index).permutation(np.resize(magnitudes, len(x)))
        scene = exposures.point_sources(x, y, magnitude, size, conditions.band)
        variances = [exposures.variance(scene, conditions, white) for white in (False, True)]
        flux = rate_from_magnitude(magnitude, band)
        for seed in range(noise_seeds):
            noisy = exposures.expose(scene, conditions, 1_000 * (first_seed + index) + seed)
            about = ("isolated stars", conditions.name, conditions.exposure_ratio, conditions.exposure_time, band.name)
            yield Known(*about, index, scene.numpy(), noisy, *variances, x, y, flux, np.stack([x, y, flux]))


def of_fields(chosen: Sequence[Field], noise_seeds: int, exposure_ratio: float = 2.0) -> Iterator[Known]:
    """Fields of the table under the protocol ``independent``, crowded ones included, with up to `MOST` stars each."""
    for index, field in enumerate(chosen):
        scene = render(field)
        stars = [scene.catalogue[key] for key in ("x", "y", "flux_e_s")]
        family = "held_out" if field.family == "held_out" else FAMILIES.get(field.kind, "sparse field")
        for seed in range(noise_seeds):
            shot = evaluation.expose(field, scene, "independent", exposure_ratio, seed)
            about = (family, "independent", shot.exposure_ratio, shot.exposure_time, field.band, index)
            reads = float(np.ceil(field.reads / shot.exposure_ratio))
            white = noise_variance(scene.image, shot.exposure_time, 1.0, WFC3_UVIS, sky=field.sky, reads=reads).numpy()
            images = (scene.image.numpy(), shot.noisy, shot.variance, white)
            yield Known(*about, *images, *_measurable(shot, white), np.stack(stars))


def _measurable(shot: evaluation.Exposure, white: np.ndarray) -> tuple[np.ndarray, ...]:
    """x, y and flux of up to `MOST` stars above `FAINTEST`, one stamp off the border; the same for every noise."""
    catalogue, last = shot.scene.catalogue, shot.scene.image.shape[-1] - 1
    x, y, flux = (catalogue[key] for key in ("x", "y", "flux_e_s"))
    inside = (np.minimum(x, y) > STAMP // 2 + 1) & (np.maximum(x, y) < last - STAMP // 2 - 1)
    rows, columns = (np.rint(place).astype(int).clip(0, last) for place in (y, x))
    least = FAINTEST * (white[rows, columns] / _sharpness(shot.field.band)) ** 0.5
    kept = np.flatnonzero((catalogue["kind"] == "star") & inside & (flux > least))
    if len(kept) > MOST:
        kept = np.sort(np.random.default_rng(shot.field.seed).choice(kept, MOST, replace=False))
    return x[kept], y[kept], flux[kept]


def _sharpness(band: str) -> float:
    """Sum P^2 of the PSF: variance over it is a flux's, about."""
    return float((star_stamps(psf_model(FILTERS[band]), 0.0, 0.0) ** 2).sum())


def score(
    methods: Mapping[str, Method],
    skies: Iterable[Known],
    *measures: ModuleType,
    magnitudes: Sequence[float] = MAGNITUDES,
) -> list[dict]:
    """The scorecard's rows of several measures of the same exposures, each method run once on each.

    measures: modules such as `star_photometry`, `shapes` and `residuals`, with ``collect(seen) -> dict of arrays`` and
    ``rows(about, collected, magnitudes) -> rows``, where collected is the list of what was collected of one fields and
    protocol. magnitudes: centres of the bins.
    """
    collected: dict[tuple, list[dict]] = {}
    for known in skies:
        kind = (known.fields, known.protocol, known.exposure_ratio)
        for name, method in methods.items():
            seen = Seen(known, method(known.noisy, known.exposure_time, known.exposure_ratio))
            for measure in measures:
                collected.setdefault((measure, name, *kind), []).append(measure.collect(seen))
    rows: list[dict] = []
    for (measure, *about), parts in collected.items():
        named = dict(zip(("method", "fields", "protocol", "exposure_ratio"), about, strict=True))
        rows += measure.rows(named, parts, magnitudes)
    return rows
