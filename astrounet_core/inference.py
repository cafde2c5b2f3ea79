"""Applying a network to whole images: exact tiles, and the paper's mosaic for comparison (section 3.2)."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .manifest import weights_path
from .settings import BANDS
from .unet import STRIDE, Denoiser, sky_statistics
from .weights import load_weights

HALO = {"transposed": 96, "nearest": 112, "bilinear": 128}
"""Pixels of context around a tile's core, by kind of up-sampling. A core aligned to the network's stride of 16 sees at
most 94, 110 and 126 pixels away (`unet.reach`)."""

TILE = 1216
"""Default tile, halo included: a core of 1024 pixels; about 1.3 GB of activations at the paper's width."""


@lru_cache(maxsize=4)
def load_network(name: str | Path, device: str = "cpu") -> Denoiser:
    """A published network by name (``modern``, ``network1``, ...) or any weight file by path, ready to use.

    Published weights are checked against the sha256 of the manifest. Raises FileNotFoundError or ValueError with
    what to do where the file is missing, corrupt or of another architecture.
    """
    path = Path(name) if str(name).endswith(".safetensors") else weights_path(str(name))
    return load_weights(path, device)[0]


def denoise(
    image: np.ndarray | Tensor,
    exposure_ratio: float,
    exposure_time: float,
    network: str | Path | Denoiser = "modern",
    *,
    tile: int = TILE,
    band: str | None = None,
) -> np.ndarray | Tensor:
    """What an exposure ``exposure_ratio`` times longer would have shown: (H, W) e-/s -> (H, W) e-/s, of the same kind.

    exposure_time: of the image passed in, s. NaN pixels are filled with the sky for their neighbours' sake and come
    back as NaN. Any size from 1x1 up: borders are reflected. Tiles with a `HALO` give what one pass over
    the whole image gives, to float tolerance, in memory that does not grow with the image. The output's noise is
    correlated: errors that assume independent pixels do not hold on it.

    Raises ValueError for an image that is not 2-D or has no finite pixel, a ratio below 1, a time not above 0, or a
    tile that is not a multiple of 16 larger than two halos.
    """
    pixels, (ratio, time) = _checked(image, exposure_ratio, exposure_time)
    net = _network(network, pixels.device)
    halo = HALO[net.settings.upsampling]
    if tile % STRIDE or tile <= 2 * halo:
        raise ValueError(f"tile {tile} does not work; give a multiple of {STRIDE} larger than {2 * halo}.")
    filled, sky = _fill(pixels)
    output = torch.empty_like(filled)
    for rows, columns in _cores(filled.shape, tile - 2 * halo):
        patch = filled[_reflected(rows, filled.shape[0], halo)][:, _reflected(columns, filled.shape[1], halo)]
        answer = _apply(net, patch[None, None], ratio, time, sky, band)[0, 0]
        height, width = rows.stop - rows.start, columns.stop - columns.start
        output[rows, columns] = answer[halo : halo + height, halo : halo + width]
    return _like(image, torch.where(torch.isfinite(pixels), output, torch.nan))


def mosaic(
    image: np.ndarray | Tensor,
    exposure_ratio: float,
    exposure_time: float,
    network: str | Path | Denoiser = "network1",
    *,
    window: int = 256,
    stride: int = 32,
    band: str | None = None,
) -> np.ndarray | Tensor:
    """The paper's way over a whole image (section 3.2): overlapping windows, averaged; kept for comparison.

    Windows of 256 pixels move by 32, so that every inner pixel is computed 64 times; the last window of a row or
    column is moved back to fit. Images smaller than a window are reflected up to its size. Arguments, units and
    errors as `denoise`.
    """
    pixels, (ratio, time) = _checked(image, exposure_ratio, exposure_time)
    net = _network(network, pixels.device)
    filled, sky = _fill(pixels)
    height, width = (max(size, window) for size in filled.shape)
    padded = filled[_reflect_index(torch.arange(height), len(filled))]
    padded = padded[:, _reflect_index(torch.arange(width), filled.shape[1])]
    total, count = torch.zeros_like(padded), torch.zeros_like(padded)
    for row in _starts(height, window, stride):
        for column in _starts(width, window, stride):
            here = (slice(row, row + window), slice(column, column + window))
            total[here] += _apply(net, padded[here][None, None], ratio, time, sky, band)[0, 0]
            count[here] += 1
    mean = (total / count)[: filled.shape[0], : filled.shape[1]]
    return _like(image, torch.where(torch.isfinite(pixels), mean, torch.nan))


def released_mosaic(
    image: np.ndarray,
    exposure_ratio: float,
    exposure_time: float,
    network: str | Path | Denoiser = "network1",
    *,
    window: int = 256,
    stride: int = 32,
) -> np.ndarray:
    """`mosaic` as the authors' script has it: the image is surrounded by zeros, so that every pixel is computed
    (window / stride)^2 = 64 times, those at the edges too, and the network sees a step there (section 5.2).

    image: an array (H, W), e-/s; window: a multiple of stride. For networks whose output is
    "direct": the others measure the sky, which the zeros would enter. Errors as `denoise`.
    """
    margin = window - stride
    padded = np.pad(image, [(margin, margin + -size % stride) for size in image.shape])
    full = mosaic(padded, exposure_ratio, exposure_time, network, window=window, stride=stride)
    return full[margin:, margin:][: image.shape[0], : image.shape[1]]


@torch.inference_mode()
def _apply(net: Denoiser, patch: Tensor, ratio: float, time: float, sky: Tensor, band: str | None) -> Tensor:
    number = {"dtype": patch.dtype, "device": patch.device}
    index = None if band is None else torch.tensor([BANDS.index(band)], device=patch.device)
    return net(patch, torch.tensor([time], **number), torch.tensor([ratio], **number), sky.to(**number), index)


def _network(network: str | Path | Denoiser, device: torch.device) -> Denoiser:
    return network if isinstance(network, Denoiser) else load_network(network, str(device))


def _checked(image, exposure_ratio: float, exposure_time: float) -> tuple[Tensor, tuple[float, float]]:
    pixels = image if isinstance(image, Tensor) else torch.from_numpy(np.array(image, dtype=np.float32))
    if pixels.ndim != 2:
        raise ValueError(f"the image has {pixels.ndim} dimensions; give a 2-D array in e-/s.")
    if not exposure_ratio >= 1:
        raise ValueError(f"exposure ratio {exposure_ratio} does not work; give a number of at least 1.")
    if not exposure_time > 0:
        raise ValueError(f"exposure time {exposure_time} does not work; give the image's own, in seconds, above 0.")
    return pixels, (float(exposure_ratio), float(exposure_time))


def _fill(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """The image with its sky level in place of non-finite pixels, and its sky statistics (1, 2)."""
    finite = torch.isfinite(pixels)
    if not finite.any():
        raise ValueError("the image has no finite pixel; check the file or its mask.")
    sky = sky_statistics(pixels[None, None])
    return torch.where(finite, pixels, sky[0, 0].to(pixels.dtype)), sky


def _cores(shape: torch.Size, core: int) -> Iterator[tuple[slice, slice]]:
    for row in range(0, shape[0], core):
        for column in range(0, shape[1], core):
            yield slice(row, min(row + core, shape[0])), slice(column, min(column + core, shape[1]))


def _reflected(core: slice, size: int, halo: int) -> Tensor:
    """Indices of a core and its halo, in multiples of the stride, folded back into 0 ... size - 1."""
    length = -(-(core.stop - core.start) // STRIDE) * STRIDE
    return _reflect_index(torch.arange(core.start - halo, core.start + length + halo), size)


def _reflect_index(index: Tensor, size: int) -> Tensor:
    """Mirror indices at the first and last pixel (which are not repeated), however far outside they lie."""
    period = max(1, 2 * (size - 1))
    folded = index.remainder(period)
    return torch.minimum(folded, period - folded) if size > 1 else torch.zeros_like(index)


def _starts(size: int, window: int, stride: int) -> list[int]:
    return sorted({*range(0, size - window + 1, stride), size - window})


def _like(image, result: Tensor):
    return result if isinstance(image, Tensor) else result.numpy()
