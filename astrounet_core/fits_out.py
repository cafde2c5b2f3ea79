"""FITS out: the input's file again, with its image denoised and what belongs to it beside."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits

from . import __version__
from .fits_header import BadFile
from .fits_io import FitsImage, beside, opened, own_error, pixels, version
from .provenance import replacing

FLAG_FILLED = 1
FLAG_SATURATED = 2
FLAG_UNTRAINED = 4
FLAG_MASKED = 8
FLAG_COSMIC_RAY = 16

BITS = {
    FLAG_FILLED: "no data: as in the input",
    FLAG_SATURATED: "saturated: as in the input",
    FLAG_UNTRAINED: "brighter than anything in training",
    FLAG_MASKED: "masked: as in the input",
    FLAG_COSMIC_RAY: "a cosmic ray, replaced before denoising",
}
"""Bits of MASK."""

COMMENTS = (
    "Denoised: noise that is left is correlated from pixel to pixel. An error of a",
    "flux measured on this image means nothing; take it from INPUT_ERR.",
)


WCS_CARDS = re.compile(
    r"WCSAXES|(CTYPE|CRVAL|CRPIX|CDELT|CROTA|CUNIT)[12]|(CD|PC|PV)\d_\d+|(A|B|AP|BP)_(ORDER|DMAX|\d_\d)"
    r"|LONPOLE|LATPOLE|RADESYS|EQUINOX"
)


def write_denoised(
    read: FitsImage,
    target: Path,
    denoised: np.ndarray,
    *,
    input_error: np.ndarray,
    flags: np.ndarray,
    history: Sequence[str],
    error: np.ndarray | None = None,
) -> None:
    """Write the file that ``read`` came from again, with its image replaced by ``denoised`` (H, W), e-/s.

    The image is float32 in the file's own unit, and all other headers and extensions stay. New extensions, of the
    image's EXTVER and with its WCS: RESIDUAL (input minus output) and INPUT_ERR, in the file's unit, and MASK, uint8,
    `BITS`; ERR only where ``error`` gives the output's. The input's own ERR is no error of the output: it becomes
    INPUT_ERR, in the place of ``input_error``. Its own MASK becomes INPUT_MASK. Pixels with a bit of `FLAG_FILLED`,
    `FLAG_SATURATED` or `FLAG_MASKED` are the file's own numbers. ``.gz`` and ``.fz`` are compressed without loss.
    Written beside and renamed. Raises BadFile for an image that has been denoised already or a file that can't be
    written, FileNotFoundError for a folder that isn't there.
    """
    if not Path(target).parent.is_dir():
        raise FileNotFoundError(f"there is no folder {Path(target).parent}; make it first.")
    with opened(read.path) as hdus:
        image = hdus[read.hdu]
        if beside(hdus, read.hdu, "RESIDUAL") or beside(hdus, read.hdu, "INPUT_ERR"):
            raise BadFile(f"{read.path} has been denoised already; give the file it was made from.")
        scale = np.float32(read.scale)
        own = pixels(image, read.path)
        kept = flags & (FLAG_FILLED | FLAG_SATURATED | FLAG_MASKED) > 0
        output = np.where(kept, own, denoised / scale).astype(np.float32)
        planes = {"RESIDUAL": own - output}
        if not _set_aside(hdus, read):
            planes["INPUT_ERR"] = input_error / scale
        if error is not None:
            planes["ERR"] = error / scale
        _replace(image, read, output, history)
        hdus.extend(_plane(name, values, image) for name, values in planes.items())
        hdus.append(_mask(flags, image))
        _save(hdus, image, Path(target))


def _replace(image, read: FitsImage, output: np.ndarray, history: Sequence[str]) -> None:
    image.data = output
    header = image.header
    for name in ("BSCALE", "BZERO", "BLANK", "DATAMIN", "DATAMAX"):
        header.remove(name, ignore_missing=True)
    header["BUNIT"] = read.unit
    for line in COMMENTS:
        header.add_comment(line)
    for line in (f"astrounet {__version__}", *history):
        header.add_history(line.encode("ascii", "replace").decode())


def _set_aside(hdus: fits.HDUList, read: FitsImage) -> bool:
    """Give the input's MASK and ERR names that say whose they are; whether there is an INPUT_ERR now."""
    mask = beside(hdus, read.hdu, "MASK")
    if mask is not None:
        hdus[mask].name = "INPUT_MASK"
    found = own_error(hdus, read.hdu)
    if found is None:
        return False
    if read.error is None:  # not an error of this image, `read.notes` say
        hdus[found].name = "INPUT_ERR_UNUSED"
        return False
    hdus[found].name = "INPUT_ERR"
    hdus[found].header.setdefault("BUNIT", read.unit)
    return True


def _plane(name: str, values: np.ndarray, image) -> fits.ImageHDU:
    header = fits.Header([card for card in image.header.cards if WCS_CARDS.fullmatch(card.keyword)])
    if name != "MASK":
        header["BUNIT"] = image.header["BUNIT"]
    return fits.ImageHDU(values if name == "MASK" else values.astype(np.float32), header, name=name, ver=version(image))


def _mask(flags: np.ndarray, image) -> fits.ImageHDU:
    hdu = _plane("MASK", flags.astype(np.uint8), image)
    for bit, meaning in BITS.items():
        hdu.header[f"BIT{bit}"] = (int(np.count_nonzero(flags & bit)), meaning)
    return hdu


def _save(hdus: fits.HDUList, image, target: Path) -> None:
    """Beside and renamed; compressed as the name says."""
    ending = next((end for end in (".gz", ".fz") if target.name.lower().endswith(end)), "")
    checked = any("CHECKSUM" in hdu.header for hdu in hdus)
    try:
        with replacing(target) as part:
            place = part.with_name(f"{part.name}.gz") if ending == ".gz" else part
            try:
                arranged = _packed(hdus, image) if ending == ".fz" else _unpacked(hdus)
                arranged.writeto(place, output_verify="fix+ignore", checksum=checked)
                if place != part:
                    place.replace(part)
            finally:
                if place != part:
                    place.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or "the disk is full, it seems"
        raise BadFile(
            f"{target} can't be written ({reason.rstrip('.')}); free some space, or choose another place."
        ) from None


def _unpacked(hdus: fits.HDUList) -> fits.HDUList:
    """The same HDUs, with compressed images as plain ones."""
    plain = (
        fits.ImageHDU(hdu.data, hdu.header, name=hdu.name) if isinstance(hdu, fits.CompImageHDU) else hdu
        for hdu in hdus
    )
    return fits.HDUList(list(plain))


def _packed(hdus: fits.HDUList, image) -> fits.HDUList:
    """The same HDUs, with images as compressed tiles, without loss; those already compressed stay as they are."""
    alone = hdus[0] is image  # a compressed image can't be the primary one
    rest = [_tiles(hdu, image) for hdu in hdus[0 if alone else 1 :]]
    return fits.HDUList([fits.PrimaryHDU() if alone else hdus[0], *rest])


def _tiles(hdu, image):
    old = isinstance(hdu, fits.CompImageHDU) and hdu is not image
    scaled = "BLANK" in hdu.header or hdu.header.get("BSCALE", 1) != 1  # packing would make floats of them
    if old or scaled or not (hdu.is_image and getattr(hdu, "shape", ())):
        return hdu
    plain = hdu.data.dtype.kind != "f" and hdu.data.dtype.itemsize < 8  # Rice's way knows no others
    lossless = {} if plain else {"compression_type": "GZIP_2", "quantize_level": 0}
    name = "SCI" if isinstance(hdu, fits.PrimaryHDU) else hdu.name
    return fits.CompImageHDU(hdu.data, hdu.header, name=name, **lossless)
