"""What a classical filter works on: the image, its electrons, or an image whose noise is 1 everywhere.

A detector's noise grows with the light. A method that expects one known sigma is therefore given the generalised
Anscombe transform of the electrons, and its result is brought back without bias. Each ``on_*`` function makes of a
filter, with its parameters, a `Method`: (image, exposure_time, exposure_ratio) -> image, e-/s, float32, in which pixels
that are not finite stay as they are.
"""

from collections.abc import Callable

import numpy as np
import torch

from .baselines import filtered
from .exposures import Method
from .noise import noise_variance
from .unet import sky_statistics

BRIGHTEST = 1.5
"""How many times the variance of a typical empty exposure a sky may have, before it is taken for a crowd of stars."""


def anscombe(electrons: np.ndarray, variance: float) -> np.ndarray:
    """Generalised Anscombe transform, f(x) = 2 sqrt(x + 3/8 + variance), of noise about 1; 0 where the root has none.

    electrons: a Poisson draw plus Gaussian noise of this variance, e-^2, and mean 0 (Starck, Murtagh & Bijaoui 1998).
    A subtracted sky of mean B whose electrons were counted belongs to the variance: putting B back, and taking it off
    again after `unbiased_inverse`, gives the same two equations.
    """
    return 2 * np.sqrt(np.maximum(electrons + 3 / 8 + variance, 0))


def unbiased_inverse(transformed: np.ndarray, variance: float) -> np.ndarray:
    """Electrons whose noisy `anscombe` values have the mean D: the exact unbiased inverse in closed form,

    D^2/4 + sqrt(3/2)/(4 D) - 11/(8 D^2) + 5 sqrt(3/2)/(8 D^3) - 1/8 - variance
    (Makitalo & Foi 2013, doi:10.1109/TIP.2012.2202675). D counts as at least 2 sqrt(3/8), which is no light at all.
    """
    d = np.maximum(transformed, 2 * np.sqrt(3 / 8))
    root = np.sqrt(3 / 2)
    return d**2 / 4 + root / (4 * d) - 11 / (8 * d**2) + 5 * root / (8 * d**3) - 1 / 8 - variance


def sky_variance(image: np.ndarray, exposure_time: float) -> float:
    """Variance of a pixel without a source, (e-/s)^2: measured in the image (H, W), e-/s, by `unet.sky_statistics`.

    At most `BRIGHTEST` times that of an empty exposure by the noise model (`noise.noise_variance`: F606W, one read),
    for in a crowded field or a nebula there is no such pixel to measure.
    """
    measured = sky_statistics(torch.from_numpy(np.asarray(image, np.float32))[None, None])[0, 1].item() ** 2
    return min(measured, BRIGHTEST * noise_variance(torch.zeros(1), exposure_time).item())


def on_image(denoise: Callable[..., np.ndarray], **parameters) -> Method:
    """The method denoise(image, **parameters), for filters to which brightness and noise are all the same."""

    def method(image: np.ndarray, exposure_time: float, exposure_ratio: float) -> np.ndarray:
        return _single(image, lambda data: denoise(data, **parameters))

    return method


def on_electrons(denoise: Callable[..., np.ndarray], **parameters) -> Method:
    """The method denoise(electrons, variance, **parameters), with the `sky_variance` in e-^2; its result in electrons
    becomes e-/s again."""

    def method(image: np.ndarray, exposure_time: float, exposure_ratio: float) -> np.ndarray:
        def counted(data: np.ndarray) -> np.ndarray:
            variance = sky_variance(data, exposure_time) * exposure_time**2
            return denoise(data * exposure_time, variance, **parameters) / exposure_time

        return _single(image, counted)

    return method


def on_unit_noise(denoise: Callable[..., np.ndarray], **parameters) -> Method:
    """The method denoise(image of noise 1, **parameters) between `anscombe` and `unbiased_inverse`."""

    def between(electrons: np.ndarray, variance: float) -> np.ndarray:
        return unbiased_inverse(denoise(anscombe(electrons, variance), **parameters), variance)

    return on_electrons(between)


def _single(image: np.ndarray, denoise: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """`filtered` in double precision, the result in single."""
    return filtered(np.asarray(image, np.float64), denoise).astype(np.float32)
