"""One detector for every method, as credulous with each: filters, and a threshold from the method's own empty sky.

An image is correlated with each kernel of a bank, each plane divided by its rms on empty sky, and the peaks of the
largest of them are detections where they stand above the threshold. On the noisy input itself, with the PSF for a
kernel, that is the matched filter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import torch
from scipy import fft
from scipy.ndimage import maximum_filter

from . import exposures
from .exposures import STANDARD, Conditions, Method
from .instrument import FILTERS
from .psf import hst_psf
from .rendering import Sources, draw

RADII = (0.0, 1.5, 3.0, 6.0, 12.0)
"""Half-light radii, pixels, of the exponential discs of the bank for extended sources."""

SUPPRESSION = 2
"""Pixels around a peak in which there is no other."""

KEPT = 40
"""Peaks of an empty frame that are kept for each alarm that is wanted there, and as many at least."""

FRAME = 1024
"""Side of an empty frame, pixels: 0.47 arcmin²."""

FIRST_SEED = 6_000_000
"""Of empty frames, used for nothing else."""


@cache
def bank(name: str, band: str = "F606W") -> tuple[np.ndarray, ...]:
    """Kernels of sum 1, odd sides: ``point``, the PSF alone; ``extended``, discs of `RADII` seen through it.

    Raises ValueError for another name.
    """
    if name == "point":
        return (hst_psf(FILTERS[band], size=31).double().numpy(),)
    if name == "extended":
        return tuple(_disc(radius, band) for radius in RADII)
    raise ValueError(f"no bank {name!r}; choose point or extended.")


def _disc(radius: float, band: str) -> np.ndarray:
    """A round exponential disc behind the PSF, three half-light radii wide and more."""
    if not radius:
        return bank("point", band)[0]
    half, middle = int(3 * radius) + 12, 96.0
    column = [torch.tensor([value], dtype=torch.float64) for value in (middle, middle, 1.0, radius, 1.0, 1.0, 0.0)]
    image = draw(Sources(*column), 2 * int(middle) + 1, FILTERS[band]).double().numpy()
    stamp = image[int(middle) - half : int(middle) + half + 1, int(middle) - half : int(middle) + half + 1]
    return stamp / stamp.sum()


@dataclass(frozen=True)
class Detector:
    """kernels: the bank; scales: rms of each of its planes on empty sky; threshold; density: false alarms per arcmin²
    at it; error: standard error of the threshold, from the number of alarms that set it."""

    kernels: tuple[np.ndarray, ...]
    scales: np.ndarray
    threshold: float = np.inf
    density: float = 0.0
    error: float = 0.0

    def statistic(self, image: np.ndarray) -> np.ndarray:
        """The largest plane in every pixel, (H, W), in units of its rms on empty sky. NaN counts as zero."""
        planes = correlate(image, self.kernels)
        return np.max(planes / self.scales[:, None, None].astype(np.float32), axis=0)

    def detect(self, image: np.ndarray) -> np.ndarray:
        """x, y and height, (3, n), of the peaks above the threshold."""
        return peaks(self.statistic(image), self.threshold)

    def measure(self, image: np.ndarray) -> np.ndarray:
        """x, y, height and flux, e-/s, (4, n), of the same: F = sum(K d) / sum(K^2), K the kernel that stands out."""
        planes = correlate(image, self.kernels)
        heights = planes / self.scales[:, None, None].astype(np.float32)
        found = peaks(heights.max(0), self.threshold)
        columns, lines = found[:2].astype(int)
        best = heights[:, lines, columns].argmax(0)
        light = np.array([(kernel**2).sum() for kernel in self.kernels])
        return np.concatenate([found, (planes[best, lines, columns] / light[best])[None]])


def peaks(statistic: np.ndarray, threshold: float, border: int = 0) -> np.ndarray:
    """x, y and height, (3, n), of local maxima above ``threshold``, ``border`` pixels from the edges at least."""
    top = maximum_filter(statistic, 2 * SUPPRESSION + 1, mode="constant", cval=-np.inf)
    rows, columns = np.nonzero((statistic == top) & (statistic > threshold))
    inside = (np.minimum(rows, columns) >= border) & (rows < statistic.shape[0] - border)
    inside &= columns < statistic.shape[1] - border
    return np.stack([columns[inside], rows[inside], statistic[rows[inside], columns[inside]]]).astype(float)


def correlate(image: np.ndarray, kernels: Sequence[np.ndarray]) -> np.ndarray:
    """The image (H, W) correlated with each kernel, (len(kernels), H, W), in single precision; zeros beyond its edges
    and in place of NaN."""
    half = max(kernel.shape[0] for kernel in kernels) // 2
    shape = tuple(fft.next_fast_len(side + half, real=True) for side in image.shape)
    spectrum = fft.rfft2(np.nan_to_num(np.asarray(image, np.float32)), shape)
    planes = (fft.irfft2(spectrum * _spectrum(kernel.tobytes(), kernel.shape[0], shape), shape) for kernel in kernels)
    return np.stack([plane[: image.shape[0], : image.shape[1]] for plane in planes])


@lru_cache(maxsize=32)
def _spectrum(kernel: bytes, side: int, shape: tuple[int, int]) -> np.ndarray:
    """Transform of a square kernel of float64 that correlates, its middle on the first pixel."""
    padded = np.zeros(shape)
    padded[:side, :side] = np.frombuffer(kernel).reshape(side, side)
    return np.conj(fft.rfft2(np.roll(padded, (-(side // 2),) * 2, (0, 1)))).astype(np.complex64)


def calibrate(
    method: Method,
    kernels: Sequence[np.ndarray],
    conditions: Conditions = STANDARD,
    density: float = 1.0,
    alarms: int = 100,
    longer: float = 1.0,
) -> Detector:
    """The detector with one bank of kernels; see `calibrate_banks`."""
    return calibrate_banks(method, {"": kernels}, conditions, density, alarms, longer)[""]


def calibrate_banks(
    method: Method,
    banks: Mapping[str, Sequence[np.ndarray]],
    conditions: Conditions = STANDARD,
    density: float = 1.0,
    alarms: int = 100,
    longer: float = 1.0,
) -> dict[str, Detector]:
    """Detectors at ``density`` false alarms per arcmin² on what ``method`` makes of empty sky, one for each bank.

    As many frames are looked at as are expected to hold ``alarms``. The threshold lies between the height of the last
    of these and of the next peak; a method whose empty sky has fewer peaks than that gets the height of its lowest,
    and its real density is said. longer: exposures so many times longer. Raises ValueError for no alarms or density.
    """
    if density <= 0 or alarms < 1:
        raise ValueError(f"{alarms} alarms at {density} per arcmin² set no threshold; give two positive numbers.")
    border = max(kernel.shape[0] for kernels in banks.values() for kernel in kernels) // 2
    frame = (FRAME - 2 * border) ** 2 / FRAME**2 * exposures.arcmin2(np.empty((FRAME, FRAME)))
    count, most = int(np.ceil(alarms / density / frame)), KEPT * int(np.ceil(density * frame) + 1)
    scales: dict[str, np.ndarray] = {}
    heights: dict[str, list] = {name: [] for name in banks}
    for index in range(count):
        noisy = exposures.expose(torch.zeros(FRAME, FRAME), conditions, FIRST_SEED + index, longer)
        output = method(noisy, conditions.exposure_time * longer, conditions.exposure_ratio)
        for name, kernels in banks.items():
            if name not in scales:
                scales[name] = _scales(output, noisy, kernels)
            found = peaks(Detector(tuple(kernels), scales[name]).statistic(output), 0.0, border)[2]
            heights[name].append(np.sort(found)[::-1][:most])
    return {name: _detector(banks[name], scales[name], heights[name], density, frame * count) for name in banks}


def _detector(kernels, scales: np.ndarray, heights: Sequence[np.ndarray], density: float, area: float) -> Detector:
    """The detector whose threshold leaves ``density`` times ``area``, arcmin², of the peaks of empty sky."""
    ranked = np.sort(np.concatenate(heights))[::-1]
    wanted = max(0, min(round(density * area), len(ranked) - 1))
    threshold = (ranked[wanted - 1] + ranked[wanted]) / 2 if wanted > 0 else 1e-6
    return Detector(tuple(kernels), scales, float(threshold), wanted / area, _threshold_error(ranked, wanted))


def _scales(output: np.ndarray, noisy: np.ndarray, kernels: Sequence[np.ndarray]) -> np.ndarray:
    """Rms of each plane of an empty frame; at least a thousandth of the noisy one's, for outputs that are flat."""
    half = max(kernel.shape[0] for kernel in kernels) // 2
    inside = np.s_[:, half:-half, half:-half]
    ours, theirs = (correlate(image, kernels)[inside].std((1, 2), dtype=float) for image in (output, noisy))
    return np.maximum(ours, 1e-3 * theirs)


def _threshold_error(ranked: np.ndarray, wanted: int) -> float:
    """Standard error of the threshold: half of the span of heights whose ranks are one Poisson error away."""
    spread = round(max(wanted, 1) ** 0.5)
    low, high = (min(max(rank, 0), len(ranked) - 1) for rank in (wanted - spread, wanted + spread))
    return float(ranked[low] - ranked[high]) / 2 if len(ranked) else 0.0
