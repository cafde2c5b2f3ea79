"""``astrounet check``: what denoising does to one's own image. Heavy imports stay inside, as in `cli`."""

import argparse
import json
import sys
from pathlib import Path

from . import __version__

SUMMARY = "Add stars of known flux to an image, and compare what is found and measured before and after denoising."


def add_parser(commands) -> None:
    """Add the command ``check`` to an argument parser's commands."""
    parser = commands.add_parser("check", help=SUMMARY, description=SUMMARY)
    parser.set_defaults(command=run)
    parser.add_argument("input", type=Path)
    parser.add_argument("--ratio", type=float, default=2.0, help="exposure ratio wanted, at least 1 (default 2)")
    parser.add_argument("--network", default="modern", help="a published network's name, or a .safetensors file")
    parser.add_argument("--exptime", type=float, help="exposure time in seconds, where the header has none")
    parser.add_argument("--ext", help="extension of the image: its name or number (default: found by content)")
    parser.add_argument("--fwhm", type=float, help="of the image's stars, pixels (default: Hubble's PSF, or measured)")
    parser.add_argument("--stars", type=int, default=800, help="stars to add in all (default 800)")
    parser.add_argument("--seed", type=int, default=0, help="of their places, fluxes and photons")
    parser.add_argument("--out-dir", type=Path, help="for IN_check.json and IN_check.png (default: beside the input)")
    parser.add_argument("--json", action="store_true", help="print the record, not the table")
    parser.add_argument("--overwrite", action="store_true", help="replace existing results")


def run(options: argparse.Namespace) -> None:
    """Check the image of one FITS file; raises ValueError or OSError with one sentence where it can't be done."""
    from .fits_io import read_image
    from .provenance import Stopwatch, write_json

    folder, stem = options.out_dir or options.input.parent, options.input.name.split(".fits")[0]
    record, picture = (folder / f"{stem}_check.{kind}" for kind in ("json", "png"))
    for path in (record, picture):
        if path.exists() and not options.overwrite:
            raise ValueError(f"{path} exists; choose another folder with --out-dir, or give --overwrite.")
    if not 1 <= options.ratio < float("inf"):
        raise ValueError(f"exposure ratio {options.ratio} does not work; give a number of at least 1.")
    if options.seed < 0:
        raise ValueError(f"seed {options.seed} does not work; give 0 or more.")
    clock, ext = Stopwatch(), options.ext
    read = read_image(options.input, options.exptime, int(ext) if ext and ext.isdecimal() else ext)
    try:
        result, psf = _measure(options, read)
        _draw(result, options, picture)
    except ValueError as error:
        raise ValueError(f"{options.input}: {error}") from None
    content = _record(result, options, read.exposure_time, psf) | {"seconds": round(clock.seconds, 1)}
    content["warnings"] = _warnings(options, read)
    write_json(record, content)
    for sentence in content["warnings"]:
        print(f"astrounet: warning: {options.input.name}: {sentence}", file=sys.stderr)
    print(json.dumps(content, indent=1) if options.json else _text(result, content, record, picture))


def _warnings(options: argparse.Namespace, read) -> list[str]:
    """What `astrounet denoise` would say of this image: what was assumed, and what is unlike the training data."""
    from .concerns import concerns
    from .frames import load

    about = {"pixel_scale": read.pixel_scale, "band": read.band, "instrument": read.instrument}
    return [*read.notes, *concerns(load(options.network), options.ratio, read.exposure_time, **about)]


def _measure(options: argparse.Namespace, read):
    """The result for an image that was read, and how its stars look, in words."""
    from .added_stars import check_image
    from .star_shapes import star_shape

    image = _seen(read)
    psf = star_shape(image, read.band, read.pixel_scale, options.fwhm)
    method, given = _method(options, read), {"stars": options.stars, "seed": options.seed}
    return check_image(image, read.exposure_time, method, psf, **given), psf.note


def _seen(read):
    """The image with NaN where there is no data or the file's mask says to leave pixels alone."""
    import numpy as np

    from .fits_out import FLAG_FILLED, FLAG_MASKED
    from .frames import find_flags

    hidden = find_flags(read.image, read.mask) & (FLAG_FILLED | FLAG_MASKED) > 0
    return np.where(hidden, np.float32(np.nan), read.image)


def _method(options: argparse.Namespace, read):
    """(image, exposure_time) -> denoised image, as `astrounet denoise` does it."""
    from .frames import denoise_frame, load
    from .settings import BANDS

    trained, band = load(options.network), read.band if read.band in BANDS else None
    given = {"saturation": read.saturation, "band": band}
    return lambda image, time: denoise_frame(image, options.ratio, time, trained, **given).image


def _draw(result, options: argparse.Namespace, path: Path) -> None:
    from .check_report import check_figure
    from .provenance import replacing

    with replacing(path) as beside:
        title = f"{options.input.name}\n{options.network}, exposure ratio {options.ratio:g}"
        check_figure(result, title).savefig(beside, format="png", dpi=150)


def _record(result, options: argparse.Namespace, exposure_time: float, psf: str) -> dict:
    from .check_report import conclusions, describe, rows

    return {
        "astrounet": __version__,
        "file": str(options.input),
        "network": options.network,
        "exposure_ratio": options.ratio,
        "exposure_time": exposure_time,
        "psf": psf,
        "seed": options.seed,
        "stars": len(result.flux),
        "images": result.images,
        "windows": [list(window) for window in result.windows],
        "sources": list(result.sources),
        "thresholds": list(result.thresholds),
        "rows": rows(result),
        "how": describe(result),
        "conclusions": conclusions(result),
    }


def _text(result, content: dict, record: Path, picture: Path) -> str:
    from .check_report import table

    head = (
        f"{content['file']}: {content['network']}, exposure ratio {content['exposure_ratio']:g},"
        f" exposure {content['exposure_time']:g} s. Stars: {content['psf']}."
    )
    parts = [head, *content["how"], "", table(result), "", *content["conclusions"], "", str(record), str(picture)]
    return "\n".join(parts)
