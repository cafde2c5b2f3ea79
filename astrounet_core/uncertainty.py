"""How wrong an output may be, pixel by pixel and in apertures: errors for any method, calibrated where truth is known.

An error is described by what is seen without the truth (`Visible`): a table of robust scatters, in units of the
input's noise, is fitted on one half of the validation fields, and scaled to cover on the other half by split-conformal
factors (Angelopoulos & Bates 2021, arXiv:2107.07511). Pixels of a field are not independent, so what the factors
promise holds for fields like these taken together, and neither for every field nor for pixels of one *true* brightness:
a prior pulls faint sources towards the sky, and no interval that is made from the output alone can see which it has
lost. `coverage` measures that. Images are (H, W), e-/s. ``python -m astrounet_core.uncertainty`` writes `RECORD`.

Errors of neighbouring pixels of a denoised image are correlated, so that they don't add in quadrature in an aperture:
sigma_aperture = f(d) sqrt(sum sigma_i^2), f measured (`aperture_errors`). It is an error of the *aperture* sum. Fainter
than the bound of a PSF fit to the input (`bounds`) no unbiased flux can be; an error below it is a prior's.
"""

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache, partial

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt, maximum_filter, uniform_filter

from . import evaluation, manifest, provenance
from ._paths import RESULTS_DIR
from .baselines import BASELINES
from .exposures import Method
from .field_table import Field, fields
from .fluxes import visible_sources
from .inference import denoise
from .photometry import aperture_flux
from .unet import noise_sigma, sky_statistics

RECORD = RESULTS_DIR / "checks" / "uncertainty.json"
NETWORKS = ("modern", "network1", "network2")

ONE_SIGMA, TWO_SIGMA = 0.6827, 0.9545
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, ONE_SIGMA, 0.8, 0.9, TWO_SIGMA)
"""Nominal coverages that intervals are made for."""

SIGNAL_EDGES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
HEIGHT_EDGES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
GRAIN_EDGES = (0.5, 0.9)
"""Between which `Visible`'s signal, height and grain share a scatter."""

STRATA_EDGES = (1.0, 5.0, 20.0)
APERTURE_EDGES = (5.0, 20.0)
"""Signal between which pixels share conformal factors, and signal-to-noise ratio between which apertures do."""

REACH = 3
"""Pixels around a pixel in which the highest counts: 2 FWHM."""

FEWEST = 200
"""Fewer errors than this are no sample: their place takes what its neighbours or all together have."""

DIAMETERS = (3.0, 6.0, 10.0, 16.0)
"""Apertures, pixels, for which errors are calibrated."""

SPACING = 16
"""Pixels between the places of apertures that have no source."""

MOST = 400
"""Sources of one field in apertures, at most."""


@dataclass(frozen=True)
class Visible:
    """What an output and its input show of the error: noise, e-/s, of the input's pixels (`unet.noise_sigma`); light,
    the output above the sky, e-/s; signal, its mean over 3 x 3 pixels, and height, its highest value within `REACH`
    pixels, which makes the wings of stars uncertain, both in units of the noise, (H, W). A pixel's own value would say
    more of its noise than of its source. grain: noise from pixel to pixel over noise three pixels apart, 1 where it is
    white, 0.8 where drizzled, less where sources are everywhere. Non-finite pixels count as sky."""

    noise: np.ndarray
    light: np.ndarray
    signal: np.ndarray
    height: np.ndarray
    grain: float

    @property
    def cell(self) -> np.ndarray:
        """Index of each pixel in a table (grain, signal, height), flattened, (H, W)."""
        signal, height = np.digitize(self.signal, SIGNAL_EDGES), np.digitize(self.height, HEIGHT_EDGES)
        grain = int(np.digitize(self.grain, GRAIN_EDGES))
        return np.ravel_multi_index((np.full_like(signal, grain), signal, height), SHAPE)

    @cached_property
    def stratum(self) -> np.ndarray:
        """Index of each pixel in the conformal factors, (H, W)."""
        return np.digitize(self.signal, STRATA_EDGES)

    def aperture_stratum(self, x: np.ndarray, y: np.ndarray, diameter: float) -> np.ndarray:
        """The same of apertures, (n,): their light over the input's noise, added in quadrature."""
        snr = aperture_flux(self.light, x, y, diameter) / quadrature(self.noise, x, y, diameter)
        return np.digitize(snr, APERTURE_EDGES)


SHAPE = (len(GRAIN_EDGES) + 1, len(SIGNAL_EDGES) + 1, len(HEIGHT_EDGES) + 1)


def look(output: np.ndarray, image: np.ndarray, exposure_time: float) -> Visible:
    """What ``output`` (H, W), e-/s, made from ``image``, an exposure of ``exposure_time`` s, shows. ValueError unless
    both have one shape and the image enough finite pixels to measure its noise."""
    if output.shape != image.shape or image.ndim != 2:
        raise ValueError(f"output {output.shape} and image {image.shape} differ; give the image it was made from.")
    seen = torch.from_numpy(np.array(image, np.float32))[None, None]
    background, sigma = sky_statistics(seen)[0]
    if not torch.isfinite(sigma):
        raise ValueError("the image has too few finite pixels side by side; check the file or its mask.")
    source = torch.where(torch.isfinite(seen), seen - background, 0.0)
    noise = noise_sigma(source, torch.tensor(float(exposure_time)), sigma)[0, 0].numpy()
    light = np.where(np.isfinite(output), output - background.item(), 0.0)
    around = uniform_filter(light, 3), maximum_filter(light, 2 * REACH + 1)
    return Visible(noise, light, *(each / noise for each in around), _grain(image))


def _grain(image: np.ndarray) -> float:
    """Median of |second differences| along rows of neighbours over that of pixels three apart."""
    width, bends = image.shape[1], []
    for step in (1, 3):
        left, middle, right = (image[:, k * step : width - (2 - k) * step] for k in range(3))
        bends.append(np.nanmedian(np.abs(left - 2 * middle + right)))
    return float(bends[0] / bends[1]) if bends[1] > 0 else 1.0


@dataclass(frozen=True)
class ErrorModel:
    """A method's errors: scatter `SHAPE`, what 68 % of them stay below in units of the input's noise; factors (strata,
    levels) that make it the half-width of intervals of `LEVELS`; inflation (diameters, aperture strata, levels), the
    same for apertures, over the quadrature sum of one-sigma errors."""

    scatter: np.ndarray
    factors: np.ndarray
    inflation: np.ndarray

    def half_width(self, visible: Visible, level: float = ONE_SIGMA) -> np.ndarray:
        """Half-width (H, W), e-/s, of an interval around the output that holds the truth with probability ``level``,
        one of `LEVELS`, on fields like the validation fields."""
        scale = self.scatter.ravel()[visible.cell] * visible.noise
        return scale * self.factors[visible.stratum, _level(level)]

    def aperture_errors(
        self, visible: Visible, x: np.ndarray, y: np.ndarray, diameter: float, level: float = ONE_SIGMA
    ) -> np.ndarray:
        """Half-width (n,), e-/s, for aperture sums: f(d) sqrt(sum w_i sigma_i^2), w the pixels' share in the aperture
        as in photutils and sep, f interpolated between `DIAMETERS`. ValueError for a diameter outside them."""
        if not DIAMETERS[0] <= diameter <= DIAMETERS[-1]:
            raise ValueError(f"no error for {diameter:g} pixels; choose {DIAMETERS[0]:g} to {DIAMETERS[-1]:g}.")
        factors = np.array([np.interp(diameter, DIAMETERS, each) for each in self.inflation[:, :, _level(level)].T])
        sums = quadrature(self.half_width(visible), x, y, diameter)
        return sums * factors[visible.aperture_stratum(x, y, diameter)]


def quadrature(sigma: np.ndarray, x: np.ndarray, y: np.ndarray, diameter: float) -> np.ndarray:
    """sqrt(sum w_i sigma_i^2) in apertures, (n,): what independent errors would add up to."""
    return np.sqrt(aperture_flux(np.asarray(sigma, float) ** 2, x, y, diameter))


def conformal_quantile(scores: np.ndarray, level: float) -> float:
    """The ceil((n + 1) level)-th smallest of n scores: a new one, exchangeable with them, lies below it with a
    probability of at least ``level`` and less than level + 1 / (n + 1); inf where n is too small for that."""
    rank = math.ceil((len(scores) + 1) * level)
    return float(np.partition(scores, rank - 1)[rank - 1]) if rank <= len(scores) else math.inf


def calibrate(
    method: Method,
    chosen: Sequence[Field] | None = None,
    exposure_ratios: Sequence[float] = (2.0,),
    noise_seeds: int = 1,
    size: int = 256,
) -> ErrorModel:
    """Fit and scale the errors of a method on ``chosen`` fields, by default all of split "validation": of each kind
    every other field gives the scatters, the rest the factors. size: pixels a side, smaller than the test fields, for
    it's the number of fields that counts. Raises ValueError for fewer than two fields."""
    chosen = sorted(fields("validation") if chosen is None else chosen, key=lambda field: field.kind)
    if len(chosen) < 2:
        raise ValueError("one field can't give both scatters and factors; choose two or more.")
    chosen = [replace(field, size=size) for field in chosen]
    shots = partial(evaluation.exposures, noise_seeds=noise_seeds, exposure_ratios=exposure_ratios)
    scatter = fit_scatter(_seen(method, shot) for shot in shots(chosen[::2], protocols=["independent"]))
    rest = [(shot, *_seen(method, shot)) for shot in shots(chosen[1::2], protocols=["independent"])]
    scores = [np.abs(error) / (scatter.ravel()[visible.cell] * visible.noise) for _, visible, error in rest]
    factors = _factors(scores, [visible.stratum for _, visible, _ in rest], len(STRATA_EDGES) + 1)
    pixels = ErrorModel(scatter, factors, np.ones((len(DIAMETERS), len(APERTURE_EDGES) + 1, len(LEVELS))))
    return replace(pixels, inflation=np.stack([_inflation(pixels, rest, diameter) for diameter in DIAMETERS]))


def fit_scatter(seen: Iterable[tuple[Visible, np.ndarray]]) -> np.ndarray:
    """The scatter table, `SHAPE`: for each cell what 68 % of |errors| / noise stay below; cells without a sample take
    the nearest one that has it, of the same grain where there is any."""
    cells, ratios = zip(*((each.cell.ravel(), (abs(error) / each.noise).ravel()) for each, error in seen), strict=True)
    cell, ratio = np.concatenate(cells), np.concatenate(ratios)
    table = np.full(math.prod(SHAPE), np.nan)
    order = np.argsort(cell, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(cell[order])) + 1):
        if len(part) >= FEWEST:
            table[cell[part[0]]] = np.quantile(ratio[part], ONE_SIGMA)
    table = table.reshape(SHAPE)
    nearest = distance_transform_edt(np.isnan(table), (100, 1, 1), return_distances=False, return_indices=True)
    return table[tuple(nearest)]


def places(shot: evaluation.Exposure) -> tuple[np.ndarray, np.ndarray]:
    """x and y of apertures in an exposure: a grid, and up to `MOST` sources that the long exposure could show."""
    margin = math.ceil(DIAMETERS[-1] / 2)
    height, width = shot.noisy.shape
    grid = np.meshgrid(*(np.arange(margin, size - margin, SPACING, dtype=float) for size in (width, height)))
    source = visible_sources(shot)
    inside = (source > margin).all(0) & (source < np.array([[width], [height]]) - 1 - margin).all(0)
    kept = np.flatnonzero(inside)
    kept = np.random.default_rng(shot.field.seed).choice(kept, min(MOST, len(kept)), replace=False)
    return tuple(np.concatenate([np.stack(grid).reshape(2, -1), source[:, kept]], axis=1))


def error_map(
    output: np.ndarray, image: np.ndarray, exposure_time: float, network: str = "modern", level: float = ONE_SIGMA
) -> np.ndarray:
    """Error (H, W), e-/s, of what a published network or a baseline made of an image: half of its 68 % interval.

    exposure_time: of the image, s. NaN where the output is. For apertures see `ErrorModel.aperture_errors`. Raises
    ValueError for a method that isn't calibrated, and as `look`.
    """
    visible = look(output, image, exposure_time)
    return np.where(np.isfinite(output), load(network).half_width(visible, level), np.nan)


@lru_cache(maxsize=8)
def load(name: str) -> ErrorModel:
    """The calibrated errors of a method from `RECORD`; ValueError if they aren't there, or its weights have changed."""
    found = provenance.read_json(RECORD)["models"] if RECORD.exists() else {}
    if name not in found or found[name]["run"]["weights_sha256"] != _weights(name):
        raise ValueError(f"no errors are calibrated for {name!r}; run `python -m astrounet_core.uncertainty {name}`.")
    return ErrorModel(**{key: np.array(value) for key, value in found[name]["model"].items()})


def main(names: Sequence[str]) -> None:
    """Calibrate methods by name and put them into `RECORD` beside those that are there."""
    for name in names or (*BASELINES, *NETWORKS):
        watch, source = provenance.Stopwatch(), provenance.commit()
        method = (lambda image, t, r, name=name: denoise(image, r, t, name)) if name in NETWORKS else BASELINES[name]
        model = {key: np.round(value, 4).tolist() for key, value in asdict(calibrate(method)).items()}
        about = {"device": "cpu", "source": source, "weights_sha256": _weights(name)}
        run = provenance.run_record(profile="check", preset=None, seed=0, seconds=watch.seconds, **about)
        record = provenance.read_json(RECORD) if RECORD.exists() else {"levels": LEVELS, "models": {}}
        record["models"][name] = {"run": run, "model": model}
        provenance.write_json(RECORD, record)


def _seen(method: Method, shot: evaluation.Exposure) -> tuple[Visible, np.ndarray]:
    """What an exposure's output shows, and its error, (H, W)."""
    output = method(shot.noisy, shot.exposure_time, shot.exposure_ratio)
    return look(output, shot.noisy, shot.exposure_time), output - shot.target


def _factors(scores: Sequence[np.ndarray], strata: Sequence[np.ndarray], count: int) -> np.ndarray:
    """(strata, levels): `conformal_quantile` of the scores of each stratum, of all where it has too few."""
    score, stratum = (np.concatenate([each.ravel() for each in part]) for part in (scores, strata))
    parts = [score[stratum == index] for index in range(count)]
    parts = [part if len(part) >= FEWEST else score for part in parts]
    return np.array([[conformal_quantile(part, level) for level in LEVELS] for part in parts])


def _inflation(pixels: ErrorModel, rest: Sequence[tuple], diameter: float) -> np.ndarray:
    """(strata, levels) of one aperture: how much larger its errors are than the pixels' in quadrature."""
    scores, strata = [], []
    for shot, visible, error in rest:
        x, y = places(shot)
        independent = quadrature(pixels.half_width(visible), x, y, diameter)
        scores.append(np.abs(aperture_flux(error, x, y, diameter)) / independent)
        strata.append(visible.aperture_stratum(x, y, diameter))
    return _factors(scores, strata, len(APERTURE_EDGES) + 1)


def _level(level: float) -> int:
    if level not in LEVELS:
        raise ValueError(f"no interval of {level}; choose one of {', '.join(map(str, LEVELS))}.")
    return LEVELS.index(level)


def _weights(name: str) -> str | None:
    return provenance.sha256(manifest.weights_path(name)) if name in NETWORKS else None


if __name__ == "__main__":
    main(sys.argv[1:])
