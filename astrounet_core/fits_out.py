"""FITS out: the input's file again, with its image denoised and what belongs to it beside."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits

from . import __version__
from .fits_header import BadFile
from .fits_io import FitsImage, opened
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

    The image is float32 in the file's own unit; all headers and other extensions stay, but for an ERR that was the
    input's noise: INPUT_ERR takes its place, and ERR is written only where ``error`` says the output's. New extensions:
    RESIDUAL (input minus output) and INPUT_ERR, in the file's unit, and MASK, uint8, `BITS`. Pixels with a bit of
    `FLAG_FILLED`, `FLAG_SATURATED` or `FLAG_MASKED` are the file's own numbers. ``.gz`` and ``.fz`` are compressed
    without loss. Written beside and renamed. Raises BadFile for a file that has been denoised already or can't be
    written, FileNotFoundError for a folder that isn't there.
    """
    if not Path(target).parent.is_dir():
        raise FileNotFoundError(f"there is no folder {Path(target).parent}; make it first.")
    with opened(read.path) as hdus, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if ("RESIDUAL" in hdus) or ("INPUT_ERR" in hdus):
            raise BadFile(f"{read.path} has been denoised already; give the file it was made from.")
        own = np.array(hdus[read.hdu].data, dtype=np.float32)
        kept = flags & (FLAG_FILLED | FLAG_SATURATED | FLAG_MASKED) > 0
        output = np.where(kept, own, denoised / np.float32(read.scale)).astype(np.float32)
        planes = {
            "RESIDUAL": own - output,
            "INPUT_ERR": input_error / np.float32(read.scale),
            **({} if error is None else {"ERR": error / np.float32(read.scale)}),
        }
        _replace(hdus, read, output, history)
        _drop_error(hdus, read)
        hdus.extend(_plane(name, values, read) for name, values in planes.items())
        hdus.append(_mask(flags, read))
        _save(hdus, Path(target))


def _replace(hdus: fits.HDUList, read: FitsImage, output: np.ndarray, history: Sequence[str]) -> None:
    hdu = hdus[read.hdu]
    hdu.data = output
    header = hdu.header
    for name in ("BSCALE", "BZERO", "BLANK", "DATAMIN", "DATAMAX"):
        header.remove(name, ignore_missing=True)
    header["BUNIT"] = read.unit
    for line in COMMENTS:
        header.add_comment(line)
    for line in (f"astrounet {__version__}", *history):
        header.add_history(line.encode("ascii", "replace").decode())


def _drop_error(hdus: fits.HDUList, read: FitsImage) -> None:
    """Take the input's ERR out: beside a denoised image it would pass for the output's."""
    key = ("ERR", hdus[read.hdu].ver)
    if hdus[read.hdu].name.upper() == "SCI" and key in hdus:
        del hdus[hdus.index_of(key)]


def _plane(name: str, values: np.ndarray, read: FitsImage) -> fits.ImageHDU:
    return fits.ImageHDU(values.astype(np.float32), fits.Header({"BUNIT": read.unit}), name=name)


def _mask(flags: np.ndarray, read: FitsImage) -> fits.ImageHDU:
    hdu = fits.ImageHDU(flags.astype(np.uint8), name="MASK")
    for bit, meaning in BITS.items():
        hdu.header[f"BIT{bit}"] = (int(np.count_nonzero(flags & bit)), meaning)
    return hdu


def _save(hdus: fits.HDUList, target: Path) -> None:
    """Beside and renamed; compressed as the name says."""
    ending = next((end for end in (".gz", ".fz") if target.name.endswith(end)), "")
    checked = any("CHECKSUM" in hdu.header for hdu in hdus)
    try:
        with replacing(target) as beside:
            place = beside.with_name(f"{beside.name}.gz") if ending == ".gz" else beside
            try:
                _compressed(hdus, ending == ".fz").writeto(place, output_verify="fix+ignore", checksum=checked)
                if place != beside:
                    place.replace(beside)
            finally:
                if place != beside:
                    place.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or "the disk is full, it seems"
        raise BadFile(
            f"{target} can't be written ({reason.rstrip('.')}); free some space, or choose another place."
        ) from None


def _compressed(hdus: fits.HDUList, wanted: bool) -> fits.HDUList:
    """The same HDUs, images as compressed tiles without loss, or as plain ones."""
    out = fits.HDUList([hdus[0] if isinstance(hdus[0], fits.PrimaryHDU) else fits.PrimaryHDU(header=hdus[0].header)])
    for hdu in hdus[1:] if not _has_pixels(hdus[0]) or not wanted else hdus:
        image = hdu.is_image and _has_pixels(hdu)
        if wanted and image:
            lossless = {"compression_type": "GZIP_2", "quantize_level": 0} if hdu.data.dtype.kind == "f" else {}
            name = "SCI" if hdu is hdus[0] else hdu.name
            out.append(fits.CompImageHDU(hdu.data, hdu.header, name=name, **lossless))
        elif image and isinstance(hdu, fits.CompImageHDU):
            out.append(fits.ImageHDU(hdu.data, hdu.header, name=hdu.name))
        elif hdu is not hdus[0]:
            out.append(hdu)
    if wanted and _has_pixels(hdus[0]):
        out[0] = fits.PrimaryHDU()
    return out


def _has_pixels(hdu) -> bool:
    return hdu.data is not None and hdu.is_image
