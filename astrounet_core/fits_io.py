"""FITS in: find the image by content, read its pixels, unit and exposure time, and what else the file says of it.

Writing is `fits_out`, what headers say `fits_header`.
"""

import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

from . import fits_header
from .fits_header import BadFile, Cards


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
        time = fits_header.exposure_time(cards, exposure_time)
        unit, scale = fits_header.scale(cards, time)
        pixels = _pixels(hdus[index], path)
        return FitsImage(
            path=path,
            hdu=index,
            image=pixels * np.float32(scale),
            scale=scale,
            exposure_time=time,
            unit=unit,
            band=fits_header.band(cards),
            instrument=fits_header.instrument(cards),
            pixel_scale=fits_header.pixel_scale(cards),
            gain=cards.number(*fits_header.GAINS) or None,
            saturation=fits_header.saturation(cards, scale, time),
            sky_subtracted=fits_header.sky_subtracted(cards, time),
            reads=fits_header.reads(cards),
            mask=_mask(hdus, index, path, mask),
            error=_error(hdus, index, scale, pixels.shape),
            notes=tuple(cards.notes),
        )


@contextmanager
def opened(path: Path):
    """The file's HDUs, all readable. FileNotFoundError, PermissionError or ValueError in one sentence where not."""
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}; check its name.")
    if path.is_dir():
        raise BadFile(f"{path} is a folder; name the FITS files in it, as {path.name}/*.fits.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(path, memmap=False, lazy_load_hdus=False) as hdus:
                yield hdus
    except PermissionError:
        raise PermissionError(f"{path} can't be read: permission denied; ask its owner, or copy it.") from None
    except (BadFile, FileNotFoundError):
        raise
    except Exception as error:  # astropy raises many kinds for bytes that are no FITS
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadFile(f"{path} can't be read as FITS ({reason.rstrip('.')}); is it complete?") from None


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
    wanted = ext if isinstance(ext, int) else (name, int(version)) if version.strip().isdigit() else name
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
    return f"{hdu.name},{hdu.ver}" if hdu.name and hdu.name != "PRIMARY" else str(index)


def _dimensions(hdu) -> int:
    """Number of axes of an image; 0 for what is no image, or has no pixels."""
    shape = hdu.shape if hdu.is_image else ()
    return len(shape) if shape and all(shape) else 0


def _pixels(hdu, path: Path) -> np.ndarray:
    """float32, in the file's unit, scaled as the header says."""
    blank, step, zero = (hdu.header.get(*card) for card in (("BLANK",), ("BSCALE", 1), ("BZERO", 0)))
    data = hdu.data
    if data is None or np.iscomplexobj(data):
        raise BadFile(f"{path} has no real numbers for pixels; give an image of real ones.")
    with np.errstate(over="ignore", invalid="ignore"):
        pixels = np.ascontiguousarray(data, dtype=np.float32)
    if isinstance(blank, int) and (step == 1 or blank == 0):  # BLANK, where astropy does not apply it
        pixels[data == blank + zero] = np.nan
    return pixels


def _mask(hdus: fits.HDUList, index: int, path: Path, mask: Path | str | None) -> np.ndarray | None:
    if mask is None:
        return None
    if mask == "DQ":
        key = ("DQ", hdus[index].ver)
        if key not in hdus:
            raise BadFile(f"{path} has no extension DQ,{key[1]}; give a mask's file with --mask.")
        return _fitting(np.asarray(hdus[key].data), hdus[index].shape, path)
    mask = Path(mask)
    with opened(mask) as others:
        return _fitting(np.asarray(others[find_image(others, mask, None)].data), hdus[index].shape, mask)


def _fitting(values: np.ndarray, shape: tuple[int, int], where: Path) -> np.ndarray:
    if values.shape != tuple(shape):
        raise BadFile(
            f"the mask in {where} has a shape of {values.shape} and the image one of {tuple(shape)}; make it anew."
        )
    return values != 0


def _error(hdus: fits.HDUList, index: int, scale: float, shape: tuple[int, int]) -> np.ndarray | None:
    """The file's ERR of the same version, e-/s. WHT is left alone: no card says for sure what it weighs by."""
    key = ("ERR", hdus[index].ver)
    if hdus[index].name.upper() != "SCI" or key not in hdus or hdus[key].shape != tuple(shape):
        return None
    values = np.ascontiguousarray(hdus[key].data, dtype=np.float32) * np.float32(scale)
    return values if (values[np.isfinite(values)] > 0).any() else None
