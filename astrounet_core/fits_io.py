"""FITS in: find the image by content, read its pixels, unit and exposure time, and what else the file says of it.

Writing is `fits_out`, what headers say `fits_header`.
"""

import gzip
import io
import math
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

from . import fits_header
from .fits_header import BadFile, Cards

FITS_BLOCK = 2880
"""Bytes that a FITS file is padded to a multiple of."""

PLAIN = (fits.PrimaryHDU, fits.ImageHDU, fits.BinTableHDU, fits.TableHDU)
"""Kinds of HDU that take as many bytes in the file as they say."""

MOST_PIXELS = 2**31
"""An image said to have more has a damaged header: no machine could denoise it."""

ONE_AT_A_TIME = threading.RLock()
"""Warnings are silenced for the whole process, so two threads must not do it at once."""


@dataclass(frozen=True)
class FitsImage:
    """An image of a file, and what the file says of it.

    path, hdu: the file and the image's index in it; image (H, W) float32, e-/s, as in the file: sky and NaN left in;
    mask (H, W) bool or None, True where a pixel is to be left alone; error (H, W) float32, e-/s, or None: the file's
    own; scale: e-/s per unit of the file; exposure_time, s; unit: as the header writes it; band: as "F606W";
    instrument: as "WFC3/UVIS"; pixel_scale: arcsec; gain: e- per data number; saturation: e-/s from which a pixel is
    saturated; sky_subtracted: e-/s a pixel that is no longer in the image; reads: exposures combined; notes: sentences
    on whatever was assumed. None where the file says nothing.
    """

    path: Path
    hdu: int
    image: np.ndarray
    scale: float
    exposure_time: float
    unit: str
    band: str | None = None
    instrument: str | None = None
    pixel_scale: float | None = None
    gain: float | None = None
    saturation: float | None = None
    sky_subtracted: float | None = None
    reads: int = 1
    mask: np.ndarray | None = None
    error: np.ndarray | None = None
    notes: tuple[str, ...] = ()


def read_image(
    path: Path, exposure_time: float | None = None, ext: str | int | None = None, mask: Path | str | None = None
) -> FitsImage:
    """Read the image of a FITS file: the extension ``ext``, else ``SCI``, else the only 2-D image there is.

    ext: a name, "NAME,VERSION", or an index. Any bit depth and byte order; scaled integers and BLANK as the standard
    says. mask: a FITS file whose image is not zero where a pixel is to be left alone, or "DQ", the file's own of the
    same version. Raises FileNotFoundError, or ValueError or OSError in one sentence, that names the file, for what
    can't be read as an image of electrons.
    """
    path = Path(path)
    with opened(path) as hdus:
        index = find_image(hdus, path, ext)
        cards = Cards(hdus[index].header, hdus[0].header, str(path))
        _check_file(hdus, index, cards)
        time = fits_header.exposure_time(cards, exposure_time)
        unit, scale = fits_header.scale(cards, time)
        values = pixels(hdus[index], path)
        return FitsImage(
            path=path,
            hdu=index,
            image=values * np.float32(scale),
            scale=scale,
            exposure_time=time,
            unit=unit,
            band=fits_header.band(cards),
            instrument=fits_header.instrument(cards),
            pixel_scale=fits_header.pixel_scale(cards),
            gain=cards.number(fits_header.gain_card(cards) or "GAIN") or None,
            saturation=fits_header.saturation(cards, scale, time),
            sky_subtracted=fits_header.sky_subtracted(cards, time),
            reads=fits_header.reads(cards),
            mask=_mask(hdus, index, path, mask),
            error=_error(hdus, index, cards, unit, time),
            notes=tuple(dict.fromkeys(cards.notes)),
        )


@contextmanager
def opened(path: Path) -> Iterator[fits.HDUList]:
    """The file's HDUs, all readable. FileNotFoundError, PermissionError or ValueError in one sentence where not."""
    if not os.path.exists(path):
        raise FileNotFoundError(f"there is no file {path}; check its name.")
    if path.is_dir():
        raise BadFile(f"{path} is a folder; name the FITS files in it, as {path.name}/*.fits.")
    if not path.is_file():
        raise BadFile(f"{path} is a pipe or a device; save its content to a file first.")
    try:
        with ONE_AT_A_TIME, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(_unzipped(path), memmap=False, lazy_load_hdus=False) as hdus:
                yield hdus
    except PermissionError:
        raise PermissionError(f"{path} can't be read: permission denied; ask its owner, or copy it.") from None
    except (BadFile, FileNotFoundError):
        raise
    except Exception as error:  # astropy raises many kinds for bytes that are no FITS
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadFile(f"{path} can't be read as FITS ({reason.rstrip('.')}); is it complete?") from None


def _unzipped(path: Path) -> Path | io.BytesIO:
    """The file; the content of one that gzip made, whose checksum is at its end, where astropy need not come."""
    with open(path, "rb") as stream:
        zipped = stream.read(2) == b"\x1f\x8b"
    return io.BytesIO(gzip.decompress(path.read_bytes())) if zipped else path


def _check_file(hdus: fits.HDUList, index: int, cards: Cards) -> None:
    """ValueError for a file that ends too early; notes on bytes that are no FITS, and on a checksum that differs."""
    place, last = hdus[-1].fileinfo(), _name(hdus, -1)
    total, end = place["file"].size, place["datLoc"] + place["datSpan"]  # total is 0 where astropy can't know
    padding = -hdus[-1].size % FITS_BLOCK if type(hdus[-1]) in PLAIN else FITS_BLOCK - 1
    if 0 < total < end - padding:
        raise BadFile(
            f"{cards.where} is cut short: extension {last} lacks bytes that its header promises; fetch it again."
        )
    if total > end:
        cards.notes.append(f"the last {total - end} bytes, after extension {last}, are no FITS and are left out.")
    if hdus[index].verify_datasum() == 0:
        cards.notes.append("the pixels don't match the header's DATASUM: the file is damaged, or was edited.")


def find_image(hdus: fits.HDUList, path: Path, ext: str | int | None) -> int:
    """Index of the image in a file. ValueError where there is none, or more than one and none is chosen."""
    if ext is not None:
        return _chosen(hdus, path, ext)
    images = [i for i, hdu in enumerate(hdus) if _dimensions(hdu)]
    flat = [i for i in images if _dimensions(hdus[i]) == 2]
    named = [i for i in flat if hdus[i].name.strip().upper() == "SCI"]
    found = named or flat[:1] if named or flat[:1] == [0] else flat
    if len(found) == 1:
        return found[0]
    if len(found) > 1:
        names = ", ".join(_name(hdus, i) for i in found)
        raise BadFile(f"{path} holds {len(found)} images; choose one with --ext: {names}.")
    raise BadFile(f"{path} holds no 2-D image{_instead(hdus, images)}.")


def _instead(hdus: fits.HDUList, images: list[int]) -> str:
    """What a file without a 2-D image has in its place, and what to do."""
    if images:
        number = _dimensions(hdus[images[0]])
        if number == 1:
            return " but a 1-D one; a spectrum can't be denoised as an image"
        return f" but one of {number} dimensions; write its planes to files of their own"
    if any(isinstance(hdu, fits.BinTableHDU | fits.TableHDU) for hdu in hdus):
        return ", only tables; give the image they belong to"
    return "; check that it is the right file"


def _chosen(hdus: fits.HDUList, path: Path, ext: str | int) -> int:
    name, _, version = str(ext).partition(",")
    wanted = ext if isinstance(ext, int) else (name, int(version)) if version.strip().isdecimal() else name
    alike = [i for i, hdu in enumerate(hdus) if hdu.name.upper() == str(wanted).upper() and _dimensions(hdu) == 2]
    if len(alike) > 1:
        names = ", ".join(_name(hdus, i) for i in alike)
        raise BadFile(f"{path} holds {len(alike)} images called {ext}; choose one with --ext: {names}.")
    try:
        index = hdus.index_of(wanted)
        number = _dimensions(hdus[index])
    except (KeyError, ValueError, IndexError):
        names = ", ".join(_name(hdus, i) for i in range(len(hdus)))
        raise BadFile(f"{path} has no extension {ext!r}; choose one with --ext: {names}.") from None
    if number != 2:
        raise BadFile(f"extension {ext!r} of {path} is no 2-D image; choose another with --ext.")
    return index


def _name(hdus: fits.HDUList, index: int) -> str:
    hdu = hdus[index]
    return f"{hdu.name},{version(hdu)}" if hdu.name and hdu.name != "PRIMARY" else str(index % len(hdus))


def beside(hdus: fits.HDUList, index: int, name: str) -> int | None:
    """Index of the extension of this name that has the image's EXTVER; None where there is none."""
    alike = (i for i, hdu in enumerate(hdus) if hdu.name.upper() == name and version(hdu) == version(hdus[index]))
    return next((i for i in alike if hdus[i] is not hdus[index]), None)


def version(hdu) -> int:
    """EXTVER; 1 where it is no number."""
    return hdu.ver if isinstance(hdu.ver, int) else 1


def _dimensions(hdu) -> int:
    """Number of axes of an image; 0 for what is no image, or has no pixels."""
    shape = getattr(hdu, "shape", ()) if hdu.is_image else ()
    return len(shape) if shape and all(shape) else 0


def pixels(hdu, path: Path) -> np.ndarray:
    """(H, W) float32, in the file's unit, scaled as the header says, NaN for BLANK."""
    if math.prod(hdu.shape) > MOST_PIXELS:
        raise BadFile(f"{path} says that its image is of {hdu.shape[1]} x {hdu.shape[0]} pixels; is it complete?")
    blank, step, zero = (hdu.header.get(*card) for card in (("BLANK",), ("BSCALE", 1), ("BZERO", 0)))
    data = hdu.data
    if data is None or np.iscomplexobj(data):
        raise BadFile(f"{path} has no real numbers for pixels; give an image of real ones.")
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.ascontiguousarray(data, dtype=np.float32)
    if isinstance(blank, int) and (step == 1 or blank == 0):  # BLANK, where astropy does not apply it
        values[data == blank + zero] = np.nan
    return values


def _mask(hdus: fits.HDUList, index: int, path: Path, mask: Path | str | None) -> np.ndarray | None:
    if mask is None:
        return None
    if mask == "DQ":
        found = beside(hdus, index, "DQ")
        if found is None:
            raise BadFile(f"{path} has no extension DQ,{version(hdus[index])}; give a mask's file with --mask.")
        return _fitting(_quality(hdus[found], hdus[index].shape), hdus[index].shape, path)
    mask = Path(mask)
    with opened(mask) as others:
        return _fitting(np.asarray(others[find_image(others, mask, None)].data), hdus[index].shape, mask)


def _quality(hdu, shape: tuple[int, int]) -> np.ndarray:
    """Pixels of DQ; where it has none, HST's headers give the one value of them all as PIXVALUE."""
    return np.full(shape, hdu.header["PIXVALUE"]) if "PIXVALUE" in hdu.header else np.asarray(hdu.data)


def _fitting(values: np.ndarray, shape: tuple[int, int], where: Path) -> np.ndarray:
    if values.shape != tuple(shape):
        raise BadFile(
            f"the mask in {where} has a shape of {values.shape} and the image one of {tuple(shape)}; make it anew."
        )
    return values != 0


def own_error(hdus: fits.HDUList, index: int) -> int | None:
    """Index of the ERR that belongs to an image, of the same version; None where there is none."""
    return beside(hdus, index, "ERR") if hdus[index].name.strip().upper() in ("SCI", "PRIMARY") else None


def _error(hdus: fits.HDUList, index: int, cards: Cards, unit: str, time: float) -> np.ndarray | None:
    """The file's ERR, e-/s, in its own unit or the image's; None, with a note, where it can't be an error.

    WHT is left alone: no card says for sure whether it weighs by time or by variance.
    """
    found = own_error(hdus, index)
    if found is None:
        return None
    own = str(hdus[found].header.get("BUNIT") or unit)
    try:
        if getattr(hdus[found], "shape", None) != hdus[index].shape:
            raise BadFile("it has another shape")
        values = pixels(hdus[found], cards.where) * np.float32(fits_header.factor(cards, own, time))
    except ValueError:
        values = np.zeros(1)
    if (values[np.isfinite(values)] > 0).any():
        return values
    cards.notes.append("ERR was not used: its shape, its unit or its values are not those of an error of the image.")
    return None
