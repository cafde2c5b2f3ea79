"""The command ``astrounet denoise``."""

import argparse
import json
import sys
from functools import partial
from pathlib import Path

EPILOG = """
IN is denoised to what an exposure RATIO times longer would have shown. The image is found by content: the primary one,
SCI, or the only one there is. The output has the input's header, WCS and unit, and three more extensions:
  RESIDUAL    input minus output
  INPUT_ERR   noise of the input, pixel by pixel
  MASK        1 no data, 2 saturated, 4 brighter than anything trained on, 8 masked, 16 a cosmic ray was here
Noise that is left is correlated from pixel to pixel: an error measured on the output means nothing. Take it from the
input, or from `astrounet check`, which adds stars to your image and says what becomes of them.

examples:
  astrounet denoise image.fits
  astrounet denoise night/*.fits --out-dir denoised --ratio 4
  astrounet denoise flt.fits --ext SCI,1 --mask DQ --clean-cosmic-rays
"""


def add_parser(commands) -> argparse.ArgumentParser:
    """Add the command to the parsers of ``astrounet``."""
    summary = "Denoise the images of FITS files."
    plain = argparse.RawDescriptionHelpFormatter
    parser = commands.add_parser("denoise", help=summary, description=summary, epilog=EPILOG, formatter_class=plain)
    parser.add_argument("inputs", nargs="+", type=Path, metavar="IN.fits")
    places = parser.add_mutually_exclusive_group()
    places.add_argument("-o", "--output", type=Path, help="for one input; default IN_denoised.fits beside it")
    places.add_argument("--out-dir", type=Path, metavar="DIR", help="folder of the outputs, named IN_denoised.fits")
    parser.add_argument("--ratio", type=float, default=2.0, help="exposure ratio wanted, at least 1 (default 2)")
    parser.add_argument("--exptime", type=float, metavar="S", help="exposure time in seconds, before the header's")
    parser.add_argument("--network", default="modern", help="modern, network1, network2, or a .safetensors file")
    parser.add_argument("--ext", help="extension of the image: NAME, NAME,VERSION or a number")
    parser.add_argument("--mask", metavar="FILE|DQ", help="FITS mask, or the file's own DQ: not zero is left alone")
    parser.add_argument("--clean-cosmic-rays", action="store_true", help="mend cosmic rays first (L.A.Cosmic)")
    precisions = ("auto", "fp32", "bf16")
    parser.add_argument("--precision", choices=precisions, default="auto", help="auto: bf16 where exact and faster")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--tile", type=int, metavar="N", help="side of a tile, pixels; smaller needs less memory")
    parser.add_argument("--overwrite", action="store_true", help="replace existing outputs")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each file")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no warnings, no names of outputs")
    parser.set_defaults(command=run)
    return parser


def run(options) -> int:
    """Denoise the files; 0, or 2 where at least one failed."""
    from tqdm import tqdm

    from .denoising import check_targets, default_output, denoise_files
    from .devices import pick_device
    from .frames import load

    if options.output and len(options.inputs) > 1:
        raise ValueError(f"-o names one output and there are {len(options.inputs)} inputs; give --out-dir instead.")
    pairs = [(path, options.output or default_output(path, options.out_dir)) for path in options.inputs]
    check_targets(pairs, options.overwrite)
    request = _request(options)
    trained = load(options.network, str(pick_device(options.device)))
    failed = 0
    shown = partial(tqdm, desc="tiles", leave=False, disable=options.quiet or not sys.stderr.isatty())
    for outcome in denoise_files(pairs, trained, request, shown):
        failed += outcome.error is not None
        _tell(outcome, options)
    return 2 if failed else 0


def _request(options):
    from .denoising import Request

    if not 1 <= options.ratio < float("inf"):
        raise ValueError(f"exposure ratio {options.ratio} does not work; give a number of at least 1.")
    if options.exptime is not None and not 0 < options.exptime < float("inf"):
        raise ValueError(f"an exposure time of {options.exptime} s does not work; give seconds, above 0.")
    ext = int(options.ext) if options.ext and options.ext.isdecimal() else options.ext
    mask = options.mask if options.mask in (None, "DQ") else Path(options.mask)
    return Request(
        options.ratio, options.exptime, ext, mask, options.clean_cosmic_rays, options.tile, options.precision
    )


def _tell(outcome, options) -> None:
    """One file's outcome: errors and warnings to stderr, names or JSON to stdout."""
    from tqdm import tqdm

    if outcome.error:
        tqdm.write(f"astrounet: {outcome.error}", sys.stderr)
    elif not options.quiet:
        for sentence in outcome.warnings:
            tqdm.write(f"astrounet: warning: {outcome.source.name}: {sentence}", sys.stderr)
    if options.json:
        tqdm.write(json.dumps(outcome.as_dict()), sys.stdout)
    elif not outcome.error and not options.quiet:
        tqdm.write(str(outcome.target), sys.stdout)
