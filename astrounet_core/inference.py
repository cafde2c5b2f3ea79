"""Applying a network to whole images: exact tiles, and the paper's mosaic for comparison (section 3.2)."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .heap import kept
from .manifest import weights_path
from .peer_networks import PEER_NETWORKS
from .precision import ready
from .settings import BANDS, NetworkSettings
from .unet import STRIDE, Denoiser, sky_statistics
from .weights import load_weights

HALO = {"transposed": 96, "nearest": 112, "bilinear": 128}
"""Pixels of context around a tile's core, by kind of up-sampling. A core aligned to the network's stride of 16 sees at
most 94, 110 and 126 pixels away (`unet.reach`)."""

TILE = 1024
"""Default tile, halo included: a core of 832 pixels; about a gigabyte at the paper's width."""

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
"""What the network's layers compute in; "bf16" leaves the last one in float32."""


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
    precision: str = "fp32",
    progress: Callable[[Iterable], Iterable] | None = None,
) -> np.ndarray | Tensor:
    """What an exposure ``exposure_ratio`` times longer would have shown: (H, W) e-/s -> (H, W) e-/s, of the same kind.

    exposure_time: of the image passed in, s. Pixels that are not finite are filled with the sky for their neighbours'
    sake and come back as they were. Any size from 1x1 up: borders are reflected. Tiles with a `HALO` give what one
    pass over the whole image gives, to float tolerance, in memory that does not grow with the image (GalaxyGAN, every
    pixel of which sees all others, makes one pass); what scales the image is measured once. A float64 tensor is
    computed in float64, all else in float32; precision: "bf16" runs the layers in bfloat16 (`precision.choose` says
    where it is worth it). progress: wraps the list of tiles, as tqdm does. The output's noise is correlated: errors
    that assume independent pixels do not hold on it.

    Raises ValueError for an image that is not 2-D or has too few finite pixels, a ratio below 1, a time not above 0, an
    unknown precision, or a tile that is not a multiple of 16 larger than two halos.
    """
    pixels, apply = _prepare(image, exposure_ratio, exposure_time, network, band, precision)
    stride, halo, core = _tiling(apply.network.settings, tile, max(pixels.shape))
    output = torch.empty_like(pixels)
    (rows, height), (columns, width) = (_parts(size, core, stride) for size in pixels.shape)
    with kept() if pixels.device.type == "cpu" else nullcontext():
        for row, column in (progress or iter)(list(product(rows, columns))):
            here = slice(row, row + height), slice(column, column + width)
            context = (_reflect(here[axis], pixels.shape[axis], halo) for axis in (0, 1))
            answer, seen = apply(_cut(pixels, *context))[halo:, halo:], pixels[here]
            output[here] = torch.where(torch.isfinite(seen), answer[: seen.shape[0], : seen.shape[1]], seen)
    return output if isinstance(image, Tensor) else output.numpy()


def mosaic(
    image: np.ndarray | Tensor,
    exposure_ratio: float,
    exposure_time: float,
    network: str | Path | Denoiser = "network1",
    *,
    window: int = 256,
    stride: int = 32,
    band: str | None = None,
    precision: str = "fp32",
) -> np.ndarray | Tensor:
    """The paper's way over a whole image (section 3.2): overlapping windows, averaged; kept for comparison.

    Windows of 256 pixels move by 32, so that every inner pixel is computed 64 times; the last window of a row or
    column is moved back to fit. Images smaller than a window are reflected up to its size. Arguments, units and
    errors as `denoise`.
    """
    pixels, apply = _prepare(image, exposure_ratio, exposure_time, network, band, precision)
    rows, columns = (_reflect_index(torch.arange(max(size, window)), size) for size in pixels.shape)
    padded = _cut(pixels, rows, columns)
    height, width = padded.shape
    total, count = torch.zeros_like(padded), torch.zeros_like(padded)
    for row in _starts(height, window, stride):
        for column in _starts(width, window, stride):
            here = (slice(row, row + window), slice(column, column + window))
            total[here] += apply(padded[here])
            count[here] += 1
    mean = (total / count)[: pixels.shape[0], : pixels.shape[1]]
    result = torch.where(torch.isfinite(pixels), mean, pixels)
    return result if isinstance(image, Tensor) else result.numpy()


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


def _tiling(settings: NetworkSettings, tile: int, size: int) -> tuple[int, int, int]:
    """Stride and halo of a network and the largest core of a tile, pixels; GalaxyGAN's is an image of side ``size``."""
    peer = PEER_NETWORKS.get(settings.architecture)
    if peer and peer.halo is None:
        return peer.stride, 0, size
    stride, halo = (peer.stride, peer.halo) if peer else (STRIDE, HALO[settings.upsampling])
    if tile % STRIDE or tile <= 2 * halo:
        raise ValueError(f"tile {tile} does not work; give a multiple of {STRIDE} larger than {2 * halo}.")
    return stride, halo, tile - 2 * halo


class _Apply:
    """A network with all that is one for a whole image: exposure time and ratio, sky and filter."""

    def __init__(self, network: Denoiser, pixels: Tensor, ratio: float, time: float, sky: Tensor, band: str | None):
        number = {"dtype": pixels.dtype, "device": pixels.device}
        index = None if band is None else torch.tensor([BANDS.index(band)], device=pixels.device)
        self.network, self.background = network, sky[0, 0].to(**number)
        self.given = (torch.tensor([time], **number), torch.tensor([ratio], **number), sky.to(**number), index)

    @torch.inference_mode()
    def __call__(self, patch: Tensor) -> Tensor:
        """(H, W), sides multiples of the stride -> (H, W); pixels that are not finite count as sky."""
        filled = torch.where(torch.isfinite(patch), patch, self.background)
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):  # GPUs would keep three digits of float32
            return self.network(filled[None, None], *self.given)[0, 0]


def _prepare(image, exposure_ratio: float, exposure_time: float, network, band, precision) -> tuple[Tensor, _Apply]:
    """The image as a tensor, not copied where that can be helped, and the network for it; errors of `denoise`."""
    if precision not in DTYPES:
        raise ValueError(f"unknown precision {precision!r}; choose one of {', '.join(DTYPES)}.")
    if not isinstance(image, Tensor):
        image = torch.from_numpy(np.require(image, np.float32, ["C", "W"]))
    pixels = image.detach().to(torch.float64 if image.dtype == torch.float64 else torch.float32)
    if pixels.ndim != 2:
        raise ValueError(f"the image has {pixels.ndim} dimensions; give a 2-D array in e-/s.")
    if not 1 <= exposure_ratio < float("inf"):
        raise ValueError(f"exposure ratio {exposure_ratio} does not work; give a number of at least 1.")
    if not exposure_time > 0:
        raise ValueError(f"exposure time {exposure_time} does not work; give the image's own, in seconds, above 0.")
    net = network if isinstance(network, Denoiser) else load_network(network, str(pixels.device))
    net = ready(net, pixels.dtype if precision == "fp32" else DTYPES[precision])
    return pixels, _Apply(net, pixels, float(exposure_ratio), float(exposure_time), _sky(pixels), band)


def _sky(pixels: Tensor) -> Tensor:
    """`sky_statistics` of the image, (1, 2); of all its pixels where a share of them holds too few finite ones."""
    sky = sky_statistics(pixels[None, None])
    if not sky.isfinite().all():
        sky = sky_statistics(pixels[None, None], max_pixels=pixels.numel())
    if not sky.isfinite().all():
        some = "too few finite pixels side by side" if torch.isfinite(pixels).any() else "no finite pixel"
        raise ValueError(f"the image has {some}; check the file or its mask.")
    return sky


def _cut(pixels: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    return pixels[rows.to(pixels.device)[:, None], columns.to(pixels.device)]


def _parts(size: int, core: int, stride: int) -> tuple[range, int]:
    """Where cores of at most ``core`` pixels begin, and how long each is: all alike, a multiple of the stride."""
    length = -(-size // -(-size // core))
    length = -(-length // stride) * stride
    return range(0, size, length), length


def _reflect(core: slice, size: int, halo: int) -> Tensor:
    """Indices of a core and its halo, folded back into 0 ... size - 1."""
    return _reflect_index(torch.arange(core.start - halo, core.stop + halo), size)


def _reflect_index(index: Tensor, size: int) -> Tensor:
    """Mirror indices at the first and last pixel (which are not repeated), however far outside they lie."""
    period = max(1, 2 * (size - 1))
    folded = index.remainder(period)
    return torch.minimum(folded, period - folded) if size > 1 else torch.zeros_like(index)


def _starts(size: int, window: int, stride: int) -> list[int]:
    return sorted({*range(0, size - window + 1, stride), size - window})
