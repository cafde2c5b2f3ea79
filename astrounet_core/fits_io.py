"""FITS in and out: find the image, read its unit and exposure time, write the result beside and rename."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

from . import __version__
from .provenance import replacing

PER_SECOND = {"ELECTRONS/S", "ELECTRON/S", "ELECTRONS/SEC", "E-/S", "E/S"}
TOTAL = {"ELECTRONS", "ELECTRON", "E-", "E"}


@dataclass(frozen=True)
class FitsImage:
    """image (H, W) float32, e-/s; scale: e-/s per unit of the file; exposure_time, s; hdu: its index in the file."""

    image: np.ndarray
    scale: float
    exposure_time: float
    unit: str
    band: str | None
    hdu: int


def read_image(path: Path, exposure_time: float | None = None, ext: str | int | None = None) -> FitsImage:
    """Read the image of a FITS file: the extension ``ext``, else ``SCI``, else the only 2-D image there is.

    BUNIT must be electrons or electrons per second; the exposure time comes from the argument or EXPTIME. Raises
    FileNotFoundError, or ValueError in one sentence where there is no image, several, no time or another unit.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}; check its name.")
    try:
        with fits.open(path, memmap=False) as hdus:
            index = _image_index(hdus, path, ext)
            header, primary = hdus[index].header, hdus[0].header
            data = np.ascontiguousarray(hdus[index].data, dtype=np.float32)
    except OSError as error:
        raise ValueError(f"{path} cannot be read as FITS ({error}); is it complete?") from None
    time = exposure_time or header.get("EXPTIME") or primary.get("EXPTIME")
    if not time or not time > 0:
        raise ValueError(
            f"{path} has no positive EXPTIME; write it into the header, or give denoise --exptime SECONDS."
        )
    unit = str(header.get("BUNIT") or primary.get("BUNIT") or "ELECTRONS/S").strip().upper()
    scale = _scale(unit, float(time), path)
    return FitsImage(data * np.float32(scale), scale, float(time), unit, _band(header, primary), index)


def _image_index(hdus: fits.HDUList, path: Path, ext: str | int | None) -> int:
    if ext is not None:
        try:
            index = hdus.index_of(ext)
        except (KeyError, ValueError):
            raise ValueError(f"{path} has no extension {ext!r}; it has {[hdu.name for hdu in hdus]}.") from None
        if not _is_image(hdus[index]):
            raise ValueError(f"extension {ext!r} of {path} is not a 2-D image; choose another with --ext.")
        return index
    images = [i for i, hdu in enumerate(hdus) if _is_image(hdu)]
    named = [i for i in images if hdus[i].name.strip() == "SCI"]
    chosen = named or images
    if len(chosen) == 1 or (images and images[0] == 0 and not named):
        return chosen[0]
    found = "no 2-D image" if not images else f"{len(chosen)} images"
    raise ValueError(f"{path} holds {found}; name the one to use with --ext." if images else f"{path} holds {found}.")


def _is_image(hdu) -> bool:
    return hdu.is_image and hdu.header.get("NAXIS") == 2


def _scale(unit: str, time: float, path: Path) -> float:
    if unit in PER_SECOND:
        return 1.0
    if unit in TOTAL:
        return 1.0 / time
    raise ValueError(f"{path} is in {unit!r}; convert it to ELECTRONS/S or ELECTRONS first.")


def _band(header: fits.Header, primary: fits.Header) -> str | None:
    for card in ("FILTER", "FILTER1", "FILTNAM1"):
        value = str(header.get(card) or primary.get(card) or "")
        if value and "CLEAR" not in value:
            return value.removeprefix("HST-")
    return None


def write_denoised(source: Path, target: Path, read: FitsImage, denoised: np.ndarray, history: list[str]) -> None:
    """Copy ``source`` to ``target`` with its image replaced by ``denoised`` (e-/s), back in the file's unit, float32.

    Every header and other extension stays; a RESIDUAL extension (input minus output) and HISTORY cards are added.
    Written beside and renamed: an interrupted run leaves nothing half-written.
    """
    with fits.open(source, memmap=False) as hdus:
        header = hdus[read.hdu].header
        header["BUNIT"] = header.get("BUNIT", "ELECTRONS/S")
        for line in [f"astrounet {__version__}: denoised; output noise is correlated", *history]:
            header.add_history(line)
        hdus[read.hdu].data = (denoised / read.scale).astype(np.float32)
        residual = ((read.image - denoised) / read.scale).astype(np.float32)
        hdus.append(fits.ImageHDU(residual, fits.Header({"BUNIT": header["BUNIT"]}), name="RESIDUAL"))
        with replacing(Path(target)) as beside:
            hdus.writeto(beside, output_verify="fix")
