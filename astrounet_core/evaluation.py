"""Scoring a method on test fields, under three protocols, with the same measures for everyone.

``paper``: the input is made from the noisy long exposure it is then compared with (section 2.1, with the released
script's noise), in frames that have their sky, as two of the paper's published histograms show it. ``released``: the
same on sky-subtracted frames, of which the script masks half; at the first exposure ratio only. ``independent``: the
input is an exposure of its own of the noise-free scene, which it is compared with.

Methods are shown sky-subtracted images under every protocol; the paper's measures put the sky back (`Exposure.sky`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product

import numpy as np
import torch
from tqdm import tqdm

from . import fluxes, metrics, photometry
from .baselines import BASELINES
from .field_table import Field
from .inference import denoise
from .instrument import RELEASED, WFC3_UVIS
from .noise import noise_variance, physical, released
from .scenes import Scene, render
from .starlists import Catalogue, Stars, stacking_factor
from .tally import KEYS, mean_of_finite
from .unet import Denoiser

Method = Callable[["Exposure"], np.ndarray]
PROTOCOLS = ("paper", "released", "independent")
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

    @property
    def sky(self) -> float:
        """Sky of the frames that the paper's measures see, e-/s per pixel."""
        return 0.0 if self.protocol == "released" else self.field.sky

    def detect(self, image: np.ndarray) -> Catalogue:
        """Stars of an image that passes for the long exposure, at the paper's settings, in its electrons."""
        return photometry.detect((image + self.sky) * self.field.exposure_time, photometry.PAPER_SETTINGS)

    @cached_property
    def reference(self) -> Catalogue:
        """What the paper calls the true stars: detections in the long exposure."""
        return self.detect(self.long)

    @cached_property
    def own(self) -> Catalogue:
        """Detections in the input's own electrons, whose noise it has; fluxes brought to the long exposure's."""
        found = photometry.detect((self.noisy + self.sky) * self.exposure_time, photometry.PAPER_SETTINGS)
        return found | {key: self.exposure_ratio * found[key] for key in ("flux", "flux_error", "background")}

    @cached_property
    def stars(self) -> np.ndarray:
        """Flux, Cramér-Rao bound, x and y of the isolated stars, (4, n): `fluxes.bounded_stars`."""
        return fluxes.bounded_stars(self)

    @cached_property
    def sources(self) -> np.ndarray:
        """x and y, (2, n), of the true sources that the long exposure could show: `fluxes.visible_sources`."""
        return fluxes.visible_sources(self)

    @property
    def target(self) -> np.ndarray:
        return self.scene.image.numpy() if self.protocol == "independent" else self.long


def expose(field: Field, scene: Scene, protocol: str, exposure_ratio: float, noise_seed: int = 0) -> Exposure:
    """Expose a scene as a protocol says; same seed, same noise. ValueError for an unknown protocol."""
    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}; choose one of {', '.join(PROTOCOLS)}.")
    time, r = field.exposure_time, float(exposure_ratio)
    generator = torch.Generator().manual_seed(1_000_003 * field.seed + noise_seed)
    instrument = {"sky": field.sky, "correlation": field.drizzle_correlation}
    long = physical(scene.image, time, 1.0, WFC3_UVIS, generator, reads=field.reads, **instrument)
    short_reads = float(np.ceil(field.reads / r))
    if protocol == "independent":
        noisy = physical(scene.image, time, r, WFC3_UVIS, generator, reads=short_reads, **instrument)
        variance = noise_variance(scene.image, time, r, WFC3_UVIS, reads=short_reads, **instrument)
    else:
        sky = field.sky if protocol == "paper" else 0.0
        noisy = released(long, time, r, RELEASED, generator, sky=sky)
        variance = noise_variance(long.clamp_min(-sky), time, r, RELEASED, sky=sky)
    images = (image.numpy() for image in (noisy, long, variance))
    return Exposure(field, scene, protocol, r, time / r, *images)


def network_method(network: Denoiser) -> Method:
    """A network as a method; an oracle is shown the noise-free scene as well."""
    if network.settings.inputs == "oracle":
        return partial(_oracle, network)
    return lambda shot: denoise(shot.noisy, shot.exposure_ratio, shot.exposure_time, network, band=shot.field.band)


@torch.inference_mode()
def _oracle(network: Denoiser, shot: Exposure) -> np.ndarray:
    noisy, truth = (torch.as_tensor(image)[None, None] for image in (shot.noisy, shot.scene.image))
    time, ratio = torch.tensor([shot.exposure_time]), torch.tensor([shot.exposure_ratio])
    return network(noisy, time, ratio, truth=truth)[0, 0].numpy()


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
    """Image measures of one output against the protocol's target; see `metrics` for each."""
    scene, sigma = shot.scene.image.numpy(), float(np.sqrt(np.median(shot.variance)))
    return {
        "psnr": metrics.psnr(output, shot.target),
        "ssim": metrics.ssim(output, shot.target, sigma=sigma),
        "kl": metrics.kl_histogram(output, shot.target, sigma=sigma),
        "mae": metrics.mae(output, shot.target),
        "nmse": metrics.noise_normalised_mse(output, scene, shot.variance),
        "sky_rms": _sky_rms(output - scene, scene, sigma),
    }


def paper_scores(shot: Exposure, output: np.ndarray) -> dict[str, float]:
    """Image measures by the paper's definitions, against the long exposure, in electrons, the sky included.

    An output counts the long exposure's electrons, the input itself its own, as in the paper; ``_matched``: the input
    too counts the long exposure's.
    """
    own, long = (shot.exposure_time if output is shot.noisy else shot.field.exposure_time), shot.field.exposure_time
    frame, reference = output + shot.sky, shot.long + shot.sky
    return {
        "psnr_paper": metrics.psnr_paper(frame, reference, own, long),
        "ssim_paper": metrics.ssim_paper(frame, reference, own, long),
        "kl_paper": metrics.kl_paper(frame, reference, own, long),
        "psnr_matched": metrics.psnr_paper(frame, reference, long, long),
        "ssim_matched": metrics.ssim_paper(frame, reference, long, long),
    }


def _sky_rms(error: np.ndarray, scene: np.ndarray, sigma: float) -> float:
    """Rms error of the sky in units of the input's noise, over pixels whose true signal is below a tenth of it.

    NaN where less than a hundredth of the pixels are that dark.
    """
    dark = scene < 0.1 * sigma
    return float(np.std(error[dark])) / sigma if dark.mean() > 0.01 else np.nan


def detected_stars(shot: Exposure, output: np.ndarray) -> Stars:
    """The paper's star test (section 4.3): detect at its settings in both images, in electrons, match one to one.

    An output counts the long exposure's electrons; only the input itself, this very array, counts its own.
    """
    found = shot.own if output is shot.noisy else shot.detect(output)
    return Stars.compare(found, shot.reference, MATCH_RADIUS)


def star_scores(shot: Exposure, output: np.ndarray) -> dict[str, float]:
    """What stars make of Table 2, one field at a time: counts, TPR, precision, mean (absolute) RFE in %, Eq. 26, 28.

    snr_factor is measured on stars that long exposure, input and output share; that of the input is relative to the
    long exposure, as in Table 2. snr_factor_matched: the same, but for an input that counts the long exposure's
    electrons, and so takes its noise for smaller than it is. purity: share of detections that lie on a true source,
    %, and chance_match, of random places, %: unlike precision, it counts a star as one that the long exposure missed.
    """
    stars, unchanged = detected_stars(shot, output), detected_stars(shot, shot.noisy)
    matched = detected_stars(shot, output.copy()) if output is shot.noisy else stars
    counts, errors = stars.counts, stars.errors if len(stars.errors) else np.array([np.nan])
    factor = stars.snr_over_reference if output is shot.noisy else stacking_factor(stars, unchanged)
    return {
        "tp": float(counts.tp),
        "fp": float(counts.fp),
        "fn": float(counts.fn),
        "tpr": 100 * counts.recall,
        "precision": 100 * counts.precision,
        "f_measure": counts.f_measure,
        "rfe": float(np.mean(errors)),
        "rfe_absolute": float(np.mean(np.abs(errors))),
        "snr": stars.snr,
        "snr_factor": factor,
        "snr_factor_matched": stacking_factor(matched, unchanged),
        "purity": 100 * photometry.purity(stars.found["x"], stars.found["y"], *shot.sources, MATCH_RADIUS),
        "chance_match": 100 * photometry.chance_match_rate(len(shot.sources[0]) / output.size, MATCH_RADIUS),
    }


def exposures(
    chosen: Sequence[Field], noise_seeds: int, exposure_ratios: Sequence[float], protocols: Iterable[str] = PROTOCOLS
) -> Iterator[Exposure]:
    """Every exposure of an evaluation; each scene is rendered once."""
    for field in chosen:
        scene = render(field)
        for protocol, seed in product(protocols, range(noise_seeds)):
            for ratio in ratios_of(protocol, exposure_ratios):
                yield expose(field, scene, protocol, ratio, seed)


def ratios_of(protocol: str, exposure_ratios: Sequence[float]) -> Sequence[float]:
    """The exposure ratios that are scored under a protocol: of ``released`` the first alone, as a control."""
    return exposure_ratios[:1] if protocol == "released" else exposure_ratios


def score(
    methods: dict[str, Method],
    chosen: Sequence[Field],
    noise_seeds: int,
    exposure_ratios: Sequence[float],
    progress: bool = True,
) -> tuple[dict[str, list[dict]], dict[str, list[dict]]]:
    """For each method, every measure on every field, and its stars' flux errors by signal-to-noise ratio.

    The first: rows {field, fields, protocol, exposure_ratio, measure: value, ...}, means over noise seeds, which
    `tally` averages over fields; the second: rows of `fluxes.by_signal_to_noise`, the protocol ``independent``. All
    methods see the same exposures, so that their differences are paired.
    """
    total = len(chosen) * noise_seeds * sum(len(ratios_of(protocol, exposure_ratios)) for protocol in PROTOCOLS)
    single: dict[tuple, list[dict]] = {}
    stars: dict[str, dict[tuple, list[np.ndarray]]] = {name: {} for name in methods}
    for shot in tqdm(exposures(chosen, noise_seeds, exposure_ratios), "exposures", total, disable=not progress):
        for name, method in methods.items():
            output = method(shot)
            key = (name, shot.field.name, shot.field.family, shot.protocol, shot.exposure_ratio)
            single.setdefault(key, []).append(scores_of(shot, output))
            if shot.protocol == "independent":
                kind = (shot.field.family, shot.exposure_ratio)
                stars[name].setdefault(kind, []).append(fluxes.forced_fluxes(shot, output))
    rows: dict[str, list[dict]] = {name: [] for name in methods}
    for (name, *key), scores in single.items():
        means = {metric: mean_of_finite([one[metric] for one in scores]) for metric in scores[0]}
        rows[name].append(dict(zip(KEYS, key, strict=True)) | means)
    return rows, {name: fluxes.by_signal_to_noise(images) for name, images in stars.items()}


def scores_of(shot: Exposure, output: np.ndarray) -> dict[str, float]:
    """Every measure of one output: the paper's pixel measures under its protocol, forced fluxes under the other."""
    scores = pixel_scores(shot, output) | star_scores(shot, output)
    if shot.protocol != "independent":
        return scores | paper_scores(shot, output)
    return scores | fluxes.forced_scores(fluxes.forced_fluxes(shot, output))
