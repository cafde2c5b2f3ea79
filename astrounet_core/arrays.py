"""``astrounet_core.denoise``: an image as Python holds it, array, tensor or CCDData, denoised and of the same kind."""

import warnings
from pathlib import Path

import astropy.units as u
import numpy as np
import torch
from astropy.nddata import NDData
from torch import Tensor

from .concerns import concerns
from .devices import pick_device
from .frames import Frame, Trained, denoise_frame, load

TIME_KEYWORDS = ("EXPTIME", "TEXPTIME", "XPOSURE")


def denoise(
    image: np.ndarray | u.Quantity | np.ma.MaskedArray | Tensor | NDData,
    exposure_ratio: float = 2.0,
    exposure_time: float | None = None,
    network: str | Path = "modern",
    *,
    mask: np.ndarray | None = None,
    gain: float | None = None,
    saturation: float | None = None,
    precision: str = "auto",
    device: str = "auto",
    tile: int | None = None,
) -> np.ndarray | u.Quantity | np.ma.MaskedArray | Tensor | NDData:
    """What an exposure ``exposure_ratio`` times longer would have shown, in the same kind, unit and sky level.

    image: (H, W), e-/s, as an array, masked or not, or tensor, or an astropy Quantity, NDData or CCDData in electron/s,
    electron or adu; NaN where there is no data. exposure_time: of this image, s; of an NDData also from its header's
    EXPTIME. network: a published one by name, or a path to a weight file. mask: pixels to leave alone, besides the
    image's own; gain: e-/adu, where the unit is adu; saturation: e-/s from which pixels are passed through. precision:
    "auto", "fp32" or "bf16"; device: "auto", "cpu" or "cuda", a tensor's own if it is on a GPU. tile: see
    `inference.denoise`.

    An NDData comes back with its mask, WCS and meta, and without uncertainty: the noise of the result is correlated,
    and errors of single pixels don't describe it. What is unlike the training data is said by a UserWarning.
    Raises TypeError for another kind, ValueError for what `frames.denoise_frame` refuses, and for an unknown unit.
    """
    pixels, scale, time = _electrons_per_second(image, exposure_time, gain)
    masks = [np.asarray(each, bool) for each in (mask, _own_mask(image)) if each is not None]
    hidden = np.logical_or.reduce(np.broadcast_arrays(*masks)) if masks else None
    where = str(image.device) if isinstance(image, Tensor) and image.is_cuda else device
    trained = load(network, str(pick_device(where)))
    given = {"mask": hidden, "saturation": saturation, "precision": precision, "tile": tile}
    frame = denoise_frame(pixels, exposure_ratio, time, trained, **given)
    _warn(trained, exposure_ratio, time, frame)
    return _like(image, frame.image / np.float32(scale))


def _electrons_per_second(image, exposure_time: float | None, gain: float | None) -> tuple[np.ndarray, float, float]:
    """An image as float32 e-/s, e-/s per unit of the original, and the exposure time, s."""
    if not isinstance(image, np.ndarray | Tensor | NDData):
        raise TypeError(f"can't denoise a {type(image).__name__}; give an array, a tensor, or an NDData.")
    time = exposure_time if exposure_time is not None else _time_of(image)
    if time is None or not time > 0:
        raise ValueError(f"an exposure time of {time} s does not work; give the image's own as exposure_time, above 0.")
    data = image.data if isinstance(image, NDData) else image
    data = data.detach().cpu().float().numpy() if isinstance(data, Tensor) else getattr(data, "value", data)
    unit = getattr(image, "unit", None)
    scale = _scale(unit, float(time), gain) if unit is not None else 1.0
    return np.asarray(data, np.float32) * np.float32(scale), scale, float(time)


def _own_mask(image) -> np.ndarray | None:
    if isinstance(image, np.ma.MaskedArray):
        return np.ma.getmaskarray(image)
    return image.mask if isinstance(image, NDData) else None


def _time_of(image) -> float | None:
    meta = image.meta if isinstance(image, NDData) else {}
    return next((float(meta[key]) for key in TIME_KEYWORDS if meta.get(key)), None)


def _scale(unit: u.UnitBase, time: float, gain: float | None) -> float:
    """e-/s per unit. ValueError for a unit that is none of electrons or counts."""
    if unit.is_equivalent(u.electron / u.s):
        return unit.to(u.electron / u.s)
    if unit.is_equivalent(u.electron):
        return unit.to(u.electron) / time
    per_adu = {"adu": 1 / time, "adu / s": 1.0}.get(unit.to_string())
    if per_adu is None:
        raise ValueError(f"an image in {unit} can't be read as electrons; convert it to electron/s, electron or adu.")
    if gain is None or not gain > 0:
        raise ValueError("an image in adu needs the gain, in e-/adu; give gain=.")
    return gain * per_adu


def _warn(trained: Trained, ratio: float, time: float, frame: Frame) -> None:
    for sentence in concerns(trained, ratio, time, frame=frame):
        warnings.warn(sentence, stacklevel=3)


def _like(image, result: np.ndarray):
    if isinstance(image, Tensor):
        result = torch.from_numpy(result)
        return result.to(image) if image.is_floating_point() else result.to(image.device)
    if isinstance(image, np.ma.MaskedArray):
        return np.ma.MaskedArray(result, np.ma.getmaskarray(image))
    if isinstance(image, u.Quantity):
        return result * image.unit
    if not isinstance(image, NDData):
        return result
    return type(image)(result, unit=image.unit, mask=image.mask, wcs=image.wcs, meta=image.meta)
