"""One image, denoised with the care a real frame needs: its gaps, its sky, its saturated stars, its limits.

What a network should not see (no data, masked) is hidden from it and comes back as it was. The sky's level is measured
once, taken out and put back: networks learn from sky-subtracted images. Saturated pixels are seen but come back as
they were.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import binary_erosion, binary_propagation
from torch import Tensor

from . import inference
from .fits_out import FLAG_FILLED, FLAG_MASKED, FLAG_SATURATED, FLAG_UNTRAINED
from .instrument import FILTERS, rate_from_magnitude
from .manifest import weights_path
from .precision import choose
from .provenance import sha256
from .psf import hst_psf
from .settings import BANDS
from .unet import Denoiser, sky_statistics
from .weights import load_weights

BRIGHTEST_TRAINED = 14.0
"""AB magnitude of the brightest stars of the training fields: a cluster's 15.5, brought nearer by 1.5."""

NOISELESS = 1e-7
"""A sky noise of less, e-/s, is none: the image was rounded more coarsely than it is noisy."""

PADDING = 8
"""A block of so many pixels squared that are exactly zero is no sky, but padding beside the data."""


@dataclass(frozen=True)
class Trained:
    """A network ready to use, with what its weight file says: name, metadata, sha256 of the file."""

    network: Denoiser
    name: str
    metadata: dict[str, str]
    sha256: str

    @property
    def ratios(self) -> tuple[float, float]:
        """Smallest and largest exposure ratio it was trained at; (1, inf) where the file doesn't say."""
        told = [float(ratio) for ratio in self.metadata.get("exposure_ratios", "").split(",") if ratio]
        return (min(told), max(told)) if told else (1.0, np.inf)


@dataclass(frozen=True)
class Frame:
    """A denoised image: image (H, W) float32 e-/s, sky included; input_error (H, W) e-/s, the noise of what went in.

    flags (H, W) uint8: bits of `fits_out`; sky, sigma: level and noise of the sky, e-/s per pixel; precision: fp32 or
    bf16, as it was run.
    """

    image: np.ndarray
    input_error: np.ndarray
    flags: np.ndarray
    sky: float
    sigma: float
    precision: str


@lru_cache(maxsize=4)
def load(network: str | Path, device: str = "cpu") -> Trained:
    """A published network by name, or a weight file by its path. Errors as `inference.load_network`."""
    path = Path(network) if str(network).endswith(".safetensors") else weights_path(str(network))
    model, metadata = load_weights(path, device)
    return Trained(model, str(network), metadata, sha256(path))


def denoise_frame(
    image: np.ndarray,
    exposure_ratio: float,
    exposure_time: float,
    trained: Trained,
    *,
    mask: np.ndarray | None = None,
    saturation: float | None = None,
    band: str | None = None,
    tile: int | None = None,
    precision: str = "auto",
    progress: Callable[[Iterable], Iterable] = iter,
) -> Frame:
    """Denoise an image of (H, W) e-/s whose sky and gaps are left in; see the module's docstring.

    mask: pixels (H, W) to leave alone; saturation: e-/s from which a pixel is saturated; band, tile, precision,
    progress: as of `inference.denoise`, precision also "auto" (`precision.choose`). Runs where the network is.

    Raises ValueError for an image that is not 2-D, has no finite pixel or is the same everywhere, a mask of another
    shape, and as `inference.denoise`.
    """
    flags = find_flags(image, mask, saturation)
    hidden = flags & (FLAG_FILLED | FLAG_MASKED) > 0
    device = next(trained.network.parameters()).device
    pixels = torch.from_numpy(np.where(hidden, np.nan, image).astype(np.float32)).to(device)
    level, sigma = _sky(pixels)
    how = choose(trained.network, device, precision)
    given = {"band": band if band in BANDS else None, "precision": how, "progress": progress} | (
        {} if tile is None else {"tile": tile}
    )
    output = inference.denoise(pixels - level, exposure_ratio, exposure_time, trained.network, **given) + level
    kept = hidden | (flags & FLAG_SATURATED > 0)
    result = np.where(kept, image, output.cpu().numpy()).astype(np.float32)
    return Frame(result, _input_error((pixels - level).cpu().numpy(), exposure_time, sigma), flags, level, sigma, how)


def find_flags(image: np.ndarray, mask: np.ndarray | None = None, saturation: float | None = None) -> np.ndarray:
    """Bits of `fits_out` for every pixel, uint8: no data, masked, saturated, brighter than anything trained on.

    No data is what isn't finite, and padding: zeros that hang together with a block of `PADDING` squared of them.
    Raises ValueError for an image that isn't 2-D, or a mask of another shape.
    """
    if np.ndim(image) != 2:
        raise ValueError(f"the image has {np.ndim(image)} dimensions; give a 2-D array in e-/s.")
    if mask is not None and np.shape(mask) != image.shape:
        raise ValueError(f"a mask of shape {np.shape(mask)} doesn't fit an image of {image.shape}; make it anew.")
    flags = np.where(~np.isfinite(image) | _padding(image), FLAG_FILLED, 0).astype(np.uint8)
    if mask is not None:
        flags[np.asarray(mask, bool) & (flags == 0)] |= FLAG_MASKED
    seen = flags == 0
    if saturation is not None:
        flags[seen & (image >= saturation)] |= FLAG_SATURATED
    flags[seen & (image > brightest_trained())] |= FLAG_UNTRAINED
    return flags


@lru_cache(maxsize=1)
def brightest_trained() -> float:
    """e-/s of the brightest pixel that training showed: a star of `BRIGHTEST_TRAINED` centred on it."""
    return max(float(rate_from_magnitude(BRIGHTEST_TRAINED, band) * hst_psf(band).max()) for band in FILTERS.values())


def _padding(image: np.ndarray) -> np.ndarray:
    zero = image == 0
    if zero.mean() < PADDING**2 / image.size:
        return np.zeros_like(zero)
    return binary_propagation(binary_erosion(zero, np.ones((PADDING, PADDING))), mask=zero)


def _sky(pixels: Tensor) -> tuple[float, float]:
    """Level and noise of the sky, e-/s. ValueError where there is nothing to measure."""
    finite = pixels[torch.isfinite(pixels)]
    if not len(finite):
        raise ValueError("the image has no pixel with data; check the file or its mask.")
    if pixels.numel() > 1 and finite.min() == finite.max():
        raise ValueError("the image has one value everywhere, so there is no noise to remove; check the file.")
    level, sigma = sky_statistics(pixels[None, None])[0].tolist()
    if pixels.numel() > 1 and sigma <= NOISELESS:
        raise ValueError("the image's noise can't be measured, most pixels equal their neighbours; give it unrounded.")
    return level, sigma


def _input_error(signal: np.ndarray, exposure_time: float, sigma: float) -> np.ndarray:
    """Noise of each pixel of the input, e-/s: sqrt(sigma^2 + signal / t), its photons counted; NaN without data."""
    return np.sqrt(np.float32(sigma) ** 2 + np.maximum(signal, 0) / np.float32(exposure_time))
