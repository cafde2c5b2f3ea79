"""Deep real images as the truth (section 4.4): degraded by a known noise, denoised, and compared with themselves.

What is added is at least five times the deep image's own noise, so that most of the difference between an output and
the deep image is the output's. The rest is stated: `floor`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from . import baselines, demo, fluxes, inspection, photometry
from .inference import denoise
from .instrument import F606W
from .metrics import mae, noise_normalised_mse
from .noise import noise_variance, physical
from .unet import Denoiser

DEEP = ("horseshoe_f606w", "cosmos100018_f606w", "cosmos100024_f606w", "cosmos100028_f606w")

RATIOS = {"network1": (2,), "network2": (2, 3, 4, 5), "modern": (2, 3, 4, 5)}
"""Exposure ratios that each network is asked for; Network 1 knows one only."""

FACTOR = 5.0
"""The added noise is at least so many times the deep image's own: that then is 4 % of the variance, or less."""

SOURCES = photometry.DetectionSettings(threshold=3.0, min_area=5)
"""Sources of a deep image: 3 sigma on 5 pixels of an image five times quieter than the one that is tested."""

SNR_BINS = ((2.0, 5.0), (5.0, 10.0), (10.0, 50.0), (50.0, np.inf))

Method = Callable[[np.ndarray, float], np.ndarray]
"""(image, exposure_time) -> image, e-/s and s."""


@dataclass(frozen=True)
class Degraded:
    """A deep image, ``truth``, with noise added: ``noisy``, both (H, W) e-/s; variance of what was added, (e-/s)^2.

    exposure_time: of the noisy image, s; blank: its mask of blank sky, from the deep image.
    """

    truth: np.ndarray
    noisy: np.ndarray
    variance: np.ndarray
    exposure_time: float
    blank: np.ndarray

    @property
    def noise_factor(self) -> float:
        """Measured on blank sky: the noise that was added over the deep image's own."""
        added = inspection.sky_scatter(self.noisy - self.truth, self.blank)
        return added / inspection.sky_scatter(self.truth, self.blank)


def exposure_time_for(images: Sequence[np.ndarray], factor: float = FACTOR) -> float:
    """The longest WFC3/UVIS F606W exposure, in whole s, whose noise is ``factor`` times that of the noisiest image."""
    noise = max(inspection.sky_scatter(image, inspection.blank_sky(image)) for image in images)
    return float(np.floor(demo.effective_exposure_time(factor * noise, F606W, reads=1)))


def degrade(image: np.ndarray, exposure_time: float, seed: int = 0) -> Degraded:
    """One exposure by `noise.physical`, WFC3/UVIS F606W, of a deep sky-subtracted image taken for the noise-free scene.

    The deep image's own noise is in truth and noisy image alike; so a perfect denoiser, which removes it too, has that
    much error left. Raises as `noise.physical` does.
    """
    scene = torch.as_tensor(image)
    noisy = physical(scene, exposure_time, 1.0, generator=torch.Generator().manual_seed(seed)).numpy()
    variance = noise_variance(scene, exposure_time).numpy()
    return Degraded(image, noisy, variance, exposure_time, inspection.blank_sky(image))


def methods(networks: dict[str, Denoiser]) -> dict[tuple[str, int | None], Method]:
    """(name, exposure ratio) -> method (image, exposure_time) -> image: free ones, ratio None, and networks by name."""
    free = {
        (name, None): partial(_free, baselines.BASELINES[name])
        for name in ("unchanged", "gaussian_blur", "matched_filter")
    }
    return free | {(name, r): partial(apply_network, net, r) for name, net in networks.items() for r in RATIOS[name]}


def _free(method: Callable, image: np.ndarray, time: float) -> np.ndarray:
    return method(image, time, 1.0)


def apply_network(network: Denoiser, ratio: float, image: np.ndarray, time: float) -> np.ndarray:
    """A network asked for a ratio, in the order of arguments that makes a `Method` of it by `functools.partial`."""
    return denoise(image, ratio, time, network)


def pixel_errors(shot: Degraded, output: np.ndarray) -> dict[str, float]:
    """Against the deep image: mae, 10^-3 e-/s; nmse, in units of the added noise's variance; sky, the rms error on
    blank sky in units of the added noise."""
    error, sigma = (output - shot.truth)[shot.blank], np.sqrt(shot.variance[shot.blank])
    return {
        "mae": 1e3 * mae(output, shot.truth),
        "nmse": noise_normalised_mse(output, shot.truth, shot.variance),
        "sky": float(np.sqrt(np.mean((error / sigma) ** 2))),
    }


def floor(shot: Degraded) -> dict[str, float]:
    """What `pixel_errors` would find for the true scene: the deep image's own noise, taken for Gaussian."""
    own = inspection.sky_scatter(shot.truth, shot.blank)
    return {
        "mae": 1e3 * own * np.sqrt(2 / np.pi),
        "nmse": float(np.mean(own**2 / shot.variance)),
        "sky": float(own / np.sqrt(np.median(shot.variance[shot.blank]))),
    }


def source_errors(shot: Degraded, output: np.ndarray) -> np.ndarray:
    """(3, n) for `fluxes.error_statistics`: flux of the deep image's sources, its error bar in the noisy image, and
    what the output changes in it; in apertures of 6 pixels at the deep image's places, e-/s.

    The error bar is that of the added noise alone. The unchanged input thus has bias 0 and scatter 1.
    """
    found = photometry.detect(shot.truth, SOURCES)
    flux, variance, change = (
        photometry.aperture_flux(image, found["x"], found["y"], inspection.FLUX_DIAMETER)
        for image in (inspection.flattened(shot.truth, shot.blank), shot.variance, output - shot.truth)
    )
    return np.stack([flux, np.sqrt(variance), change])


def score_deep(
    images: Sequence[np.ndarray], tested: dict[tuple, Method], exposure_time: float, seeds: Sequence[int]
) -> tuple[list[dict], list[dict]]:
    """Two tables: a row a method, and a row a method and range of signal-to-noise ratio.

    First: {name, ratio, mae, nmse, sky} and the same with ``_error``: mean over images of the mean over noise seeds,
    and its standard error from image to image; first of all the `floor`. Second: {name, ratio, snr_low, snr_high} and
    `fluxes.error_statistics`, all sources of all images and seeds together.
    """
    shots = [[degrade(image, exposure_time, seed) for seed in seeds] for image in images]
    rows = [{"name": "floor", "ratio": None} | _mean_and_error([[floor(shot) for shot in same] for same in shots])]
    binned = []
    for (name, ratio), method in tested.items():
        outputs = [[(shot, method(shot.noisy, exposure_time)) for shot in same] for same in shots]
        errors = [[pixel_errors(*pair) for pair in same] for same in outputs]
        rows.append({"name": name, "ratio": ratio} | _mean_and_error(errors))
        sources = np.concatenate([source_errors(*pair) for same in outputs for pair in same], axis=1)
        binned += [
            {"name": name, "ratio": ratio, "snr_low": low, "snr_high": high if np.isfinite(high) else None}
            | fluxes.error_statistics(sources, low, high)
            for low, high in SNR_BINS
        ]
    return rows, binned


def _mean_and_error(errors: list[list[dict[str, float]]]) -> dict[str, float]:
    """errors[image][seed][measure] -> mean over images, and its standard error as measure_error; None for one image."""
    found = {}
    for measure in errors[0][0]:
        images = [np.mean([seed[measure] for seed in same]) for same in errors]
        found[measure] = float(np.mean(images))
        found[f"{measure}_error"] = float(np.std(images, ddof=1) / len(images) ** 0.5) if len(images) > 1 else None
    return found
