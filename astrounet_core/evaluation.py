"""Scoring a method on test fields, under two protocols, with the same measures for everyone.

``paper``: the input is made from the noisy long exposure it is then compared with (section 2.1; the released script's
noise). ``independent``: the input is an exposure of its own of the noise-free scene, which it is compared with.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import torch
from scipy.stats import bootstrap
from tqdm import tqdm

from . import metrics, photometry
from .baselines import BASELINES
from .field_table import Field
from .inference import denoise
from .instrument import FILTERS, RELEASED, WFC3_UVIS
from .noise import noise_variance, physical, released
from .psf import hst_psf
from .scenes import Scene, render
from .unet import Denoiser

Method = Callable[["Exposure"], np.ndarray]
PROTOCOLS = ("paper", "independent")
MATCH_RADIUS = 2.0
"""Pixels within which a detection is the star it stands for: just over one FWHM (1.64 px)."""


@dataclass(frozen=True)
class Exposure:
    """A noisy image and what it should have been: noisy, target, long (H, W), e-/s.

    noisy: the input, of ``exposure_time`` s; long: the noisy exposure r times longer; target: what the protocol
    compares with; variance: of the input's noise, (e-/s)^2.
    """

    field: Field
    scene: Scene
    protocol: str
    exposure_ratio: float
    exposure_time: float
    noisy: np.ndarray
    long: np.ndarray
    variance: np.ndarray

    @cached_property
    def reference(self) -> dict[str, np.ndarray]:
        """What the paper calls the true stars: detections in the long exposure, in electrons."""
        return photometry.detect(self.long * self.field.exposure_time, photometry.PAPER_SETTINGS)

    @property
    def target(self) -> np.ndarray:
        return self.long if self.protocol == "paper" else self.scene.image.numpy()


def expose(field: Field, scene: Scene, protocol: str, exposure_ratio: float, noise_seed: int = 0) -> Exposure:
    """Expose a scene as a protocol says; same seed, same noise. ValueError for an unknown protocol."""
    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}; choose one of {', '.join(PROTOCOLS)}.")
    time, r = field.exposure_time, float(exposure_ratio)
    generator = torch.Generator().manual_seed(1_000_003 * field.seed + noise_seed)
    instrument = {"sky": field.sky, "correlation": field.drizzle_correlation}
    long = physical(scene.image, time, 1.0, WFC3_UVIS, generator, reads=field.reads, **instrument)
    short_reads = float(np.ceil(field.reads / r))
    if protocol == "paper":
        noisy = released(long, time, r, RELEASED, generator)
        variance = noise_variance(long.clamp_min(0), time, r, RELEASED, sky=0.0)
    else:
        noisy = physical(scene.image, time, r, WFC3_UVIS, generator, reads=short_reads, **instrument)
        variance = noise_variance(scene.image, time, r, WFC3_UVIS, reads=short_reads, **instrument)
    images = (image.numpy() for image in (noisy, long, variance))
    return Exposure(field, scene, protocol, r, time / r, *images)


def network_method(network: Denoiser) -> Method:
    """A network as a method."""
    return lambda shot: denoise(shot.noisy, shot.exposure_ratio, shot.exposure_time, network, band=shot.field.band)


def free_method(name: str) -> Method:
    """A method without training by name: `baselines.BASELINES`, or ``ceiling``, the noise-free scene itself."""
    if name == "ceiling":
        return lambda shot: shot.scene.image.numpy()
    if name not in BASELINES:
        raise ValueError(
            f"unknown method {name!r}; choose an experiment or one of {', '.join([*BASELINES, 'ceiling'])}."
        )
    return lambda shot: BASELINES[name](shot.noisy, shot.exposure_time, shot.exposure_ratio)


def pixel_scores(shot: Exposure, output: np.ndarray) -> dict[str, float]:
    """Image measures of one output against the protocol's target; see `metrics` for each.

    In the paper's variants an output counts the long exposure's electrons, the input itself its own, as in the paper.
    """
    scene, sigma = shot.scene.image.numpy(), float(np.sqrt(np.median(shot.variance)))
    long_time = shot.field.exposure_time
    times = (shot.exposure_time if output is shot.noisy else long_time, long_time)
    return {
        "psnr": metrics.psnr(output, shot.target),
        "ssim": metrics.ssim(output, shot.target, sigma=sigma),
        "kl": metrics.kl_histogram(output, shot.target, sigma=sigma),
        "psnr_paper": metrics.psnr_paper(output, shot.target, *times),
        "ssim_paper": metrics.ssim_paper(output, shot.target, *times),
        "kl_paper": metrics.kl_paper(output, shot.target, *times),
        "mae": metrics.mae(output, shot.target),
        "nmse": metrics.noise_normalised_mse(output, scene, shot.variance),
        "sky_rms": float(np.std((output - scene)[_is_sky(shot)])) / sigma,
    }


def _is_sky(shot: Exposure) -> np.ndarray:
    """Pixels whose true signal is below a tenth of the input's sky noise; all, where there are none."""
    faint = shot.scene.image.numpy() < 0.1 * np.sqrt(np.median(shot.variance))
    return faint if faint.any() else np.ones_like(faint)


@dataclass(frozen=True)
class Stars:
    """Detections in the long exposure and in an output, matched: counts, and flux pairs of the matched, e-."""

    counts: photometry.Counts
    flux_reference: np.ndarray
    flux: np.ndarray
    snr: float
    x: np.ndarray
    y: np.ndarray


def detected_stars(shot: Exposure, output: np.ndarray) -> Stars:
    """The paper's star test (section 4.3): detect at its settings in both images, in electrons, and match one to one."""
    reference = shot.reference
    found = photometry.detect(output * shot.field.exposure_time, photometry.PAPER_SETTINGS)
    i, j = photometry.match(found["x"], found["y"], reference["x"], reference["y"], MATCH_RADIUS)
    counts = photometry.Counts(len(i), len(found["x"]) - len(i), len(reference["x"]) - len(i))
    snr = photometry.snr(found["flux"], found["flux_error"], found["background"]) if len(found["x"]) else np.nan
    return Stars(counts, reference["flux"][j], found["flux"][i], float(snr), found["x"], found["y"])


def star_scores(shot: Exposure, output: np.ndarray) -> dict[str, float]:
    """The columns of Table 2 that stars make: TPR and RFE in %, F-measure, precision, Eq. 26's SNR."""
    stars = detected_stars(shot, output)
    errors = 100 * metrics.relative_flux_error(stars.flux_reference, stars.flux)
    return {
        "tpr": 100 * stars.counts.recall,
        "precision": 100 * stars.counts.precision,
        "f_measure": stars.counts.f_measure,
        "rfe": float(np.mean(errors)) if len(errors) else np.nan,
        "snr": stars.snr,
    }


def forced_scores(shot: Exposure, output: np.ndarray, low: float = 10.0) -> dict[str, float]:
    """Aperture fluxes at the true places of isolated stars of true SNR above ``low``: bias and scatter.

    bias: median (F - F_true) / F_true, %; scatter: 1.4826 MAD((F - F_true) / sigma_CRLB). SNR and sigma_CRLB are
    the Cramér-Rao bound's, for a known PSF on the input's white noise.
    """
    flux, x, y = _isolated_stars(shot.scene)
    bound = _flux_bounds(shot, flux)
    bright = flux > low * bound if len(flux) else np.zeros(0, bool)
    if bright.sum() < 5:
        return {"flux_bias": np.nan, "flux_scatter": np.nan}
    truth, measured = (
        photometry.aperture_flux(image, x[bright], y[bright], diameter=6.0)
        for image in (shot.scene.image.numpy(), output)
    )
    pull = (measured - truth) / bound[bright]
    bias = 100 * np.median((measured - truth) / truth)
    return {"flux_bias": float(bias), "flux_scatter": float(1.4826 * np.median(np.abs(pull - np.median(pull))))}


def _isolated_stars(scene: Scene, distance: float = 8.0, border: float = 12.0) -> tuple[np.ndarray, ...]:
    """Flux, x and y of stars with no brighter-than-a-tenth neighbour within ``distance`` pixels."""
    c, size = scene.catalogue, scene.image.shape[-1]
    gap = np.hypot(c["x"][:, None] - c["x"], c["y"][:, None] - c["y"])
    rival = (gap < distance) & (c["flux_e_s"][None] > 0.1 * c["flux_e_s"][:, None])
    np.fill_diagonal(rival, False)
    inside = (np.minimum(c["x"], c["y"]) > border) & (np.maximum(c["x"], c["y"]) < size - border)
    kept = (c["kind"] == "star") & inside & ~rival.any(1)
    return c["flux_e_s"][kept], c["x"][kept], c["y"][kept]


def _flux_bounds(shot: Exposure, flux: np.ndarray) -> np.ndarray:
    """The Cramér-Rao bound on each star's flux, e-/s, alone on the field's sky."""
    psf = hst_psf(FILTERS[shot.field.band], size=21)
    reads = float(np.ceil(shot.field.reads / shot.exposure_ratio))
    stamps = torch.as_tensor(flux, dtype=torch.float32)[:, None, None] * psf
    variance = noise_variance(stamps, shot.exposure_time, 1.0, WFC3_UVIS, sky=shot.field.sky, reads=reads)
    return np.array([photometry.cramer_rao_sigma(psf.numpy(), one) for one in variance.numpy()])


def exposures(
    chosen: Sequence[Field], noise_seeds: int, exposure_ratios: Iterable[float], protocols: Iterable[str] = PROTOCOLS
) -> Iterator[Exposure]:
    """Every exposure of an evaluation; each scene is rendered once."""
    for field in chosen:
        scene = render(field)
        for protocol, ratio, seed in product(protocols, exposure_ratios, range(noise_seeds)):
            yield expose(field, scene, protocol, ratio, seed)


def score(
    methods: dict[str, Method],
    chosen: Sequence[Field],
    noise_seeds: int,
    exposure_ratios: Sequence[float],
    progress: bool = True,
) -> dict[str, list[dict]]:
    """For each method the rows of its ``metrics.json``: every measure, mean over fields with a bootstrap interval.

    All methods see the same exposures, so that their differences are paired.
    """
    total = len(chosen) * len(PROTOCOLS) * noise_seeds * len(exposure_ratios)
    single: dict[str, dict[tuple, list[float]]] = {name: {} for name in methods}
    for shot in tqdm(exposures(chosen, noise_seeds, exposure_ratios), "exposures", total, disable=not progress):
        for name, method in methods.items():
            for metric, value in scores_of(shot, method(shot)).items():
                key = (shot.field.family, shot.protocol, shot.exposure_ratio, metric, shot.field.name)
                single[name].setdefault(key, []).append(value)
    return {name: summarise(values) for name, values in single.items()}


def scores_of(shot: Exposure, output: np.ndarray) -> dict[str, float]:
    """Every measure of one output; forced fluxes under the ``independent`` protocol only, where the truth is known."""
    scores = pixel_scores(shot, output) | star_scores(shot, output)
    return scores | (forced_scores(shot, output) if shot.protocol == "independent" else {})


def summarise(single: dict[tuple, list[float]]) -> list[dict]:
    """Average noise seeds within a field, then fields: rows of value and 68 % bootstrap interval, n fields."""
    per_field: dict[tuple, list[float]] = {}
    for (*key, _), values in single.items():
        finite = [value for value in values if np.isfinite(value)]
        if finite:
            per_field.setdefault(tuple(key), []).append(float(np.mean(finite)))
    names = ("fields", "protocol", "exposure_ratio", "metric")
    return [dict(zip(names, key, strict=True)) | _interval(values) for key, values in per_field.items()]


def _interval(values: list[float]) -> dict:
    if len(values) < 2 or np.ptp(values) == 0:
        return {"value": values[0], "low": None, "high": None, "n": len(values)}
    spread = bootstrap((values,), np.mean, confidence_level=0.68, n_resamples=1000, method="percentile", rng=0)
    low, high = spread.confidence_interval
    return {"value": float(np.mean(values)), "low": float(low), "high": float(high), "n": len(values)}
