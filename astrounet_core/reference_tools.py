"""The paper's own tools, Source Extractor (Bertin & Arnouts 1996) and STILTS (Taylor 2006), to check `photometry` with.

Both are programs of their own, found on the PATH; Debian and Ubuntu have packages of both. They work in a temporary
folder on files made from arrays, with the settings that `photometry` has.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from astropy.io import fits

from .photometry import PAPER_SETTINGS, DetectionSettings

PROGRAMS = {"Source Extractor": ("source-extractor", "sex"), "STILTS": ("stilts",)}
"""The names under which each tool may be installed."""

INSTALL = "apt install source-extractor stilts; with conda, conda install -c conda-forge astromatic-source-extractor"
"""How to get them."""

COLUMNS = {
    "X_IMAGE": "x",
    "Y_IMAGE": "y",
    "FLUX_APER": "flux",
    "FLUXERR_APER": "flux_error",
    "BACKGROUND": "background",
    "ISOAREA_IMAGE": "area",
    "FLAGS": "flag",
}
"""Source Extractor's columns and what `photometry.detect` calls them."""

MAPS = {"BACKGROUND": "background.fits", "BACKGROUND_RMS": "rms.fits", "MINIBACKGROUND": "mesh.fits"}
"""Its check images and the files they go to."""


class ToolMissing(RuntimeError):
    """A program that isn't installed."""


@dataclass(frozen=True)
class Extraction:
    """What Source Extractor says of an image: a catalogue with the keys of `photometry.detect`, its flags Source
    Extractor's; level and rms of the background, (H, W), and the mesh that the level is interpolated from."""

    catalogue: dict[str, np.ndarray]
    background: np.ndarray
    background_rms: np.ndarray
    mesh: np.ndarray


def find_program(tool: str) -> str:
    """The path of a tool's executable. Raises ToolMissing where there is none."""
    for name in PROGRAMS[tool]:
        if path := shutil.which(name):
            return path
    raise ToolMissing(f"{tool} is not on this machine; install it: {INSTALL}.")


def missing_tools() -> list[str]:
    """Those of the two tools that aren't installed."""
    return [tool for tool, names in PROGRAMS.items() if not any(map(shutil.which, names))]


def tool_version(tool: str) -> str:
    """What a tool says of its version; raises as `find_program`."""
    option = {"Source Extractor": "--version", "STILTS": "-version"}[tool]
    said = subprocess.run([find_program(tool), option], capture_output=True, text=True).stdout
    return re.search(r"\d+\.\d[\w.-]*", said)[0]


def configuration(settings: DetectionSettings = PAPER_SETTINGS, mask_type: str = "CORRECT") -> str:
    """A configuration file with the meaning of ``settings``, and the paper's values for what they don't say.

    mask_type: what stands in an aperture for the pixels of other stars: CORRECT, those opposite (the paper's), or NONE,
    themselves, which is what `photometry.detect` does. The file names are those that `source_extractor` uses.
    """
    values = {
        "CATALOG_NAME": "found.fits",
        "CATALOG_TYPE": "FITS_1.0",
        "PARAMETERS_NAME": "columns.param",
        "DETECT_THRESH": settings.threshold,
        "DETECT_MINAREA": settings.min_area,
        "ANALYSIS_THRESH": 3,
        "FILTER": "N" if settings.kernel is None else "Y",
        "FILTER_NAME": "kernel.conv",
        "DEBLEND_NTHRESH": settings.deblend_levels,
        "DEBLEND_MINCONT": settings.deblend_contrast,
        "CLEAN": "Y",
        "CLEAN_PARAM": 1.0,
        "MASK_TYPE": mask_type,
        "PHOT_APERTURES": settings.aperture_diameter,
        "SATUR_LEVEL": 50000,
        "GAIN": settings.gain,
        "BACK_SIZE": settings.back_size,
        "BACK_FILTERSIZE": settings.back_filter,
        "BACKPHOTO_TYPE": "GLOBAL",
        "CHECKIMAGE_TYPE": ",".join(MAPS),
        "CHECKIMAGE_NAME": ",".join(MAPS.values()),
        "MEMORY_PIXSTACK": 3_000_000,
        "VERBOSE_TYPE": "QUIET",
    }
    return "".join(f"{key:16s} {value}\n" for key, value in values.items())


def source_extractor(
    image: np.ndarray, settings: DetectionSettings = PAPER_SETTINGS, mask_type: str = "CORRECT"
) -> Extraction:
    """Run Source Extractor on an image in electrons, (H, W); x and y count from 0. Arguments as of `configuration`.

    The image goes without a header: a GAIN keyword would overrule the settings' gain. Raises ToolMissing; ValueError
    for pixels that aren't finite, which Source Extractor can't mask; RuntimeError where the program fails.
    """
    if not np.isfinite(image).all():
        raise ValueError("Source Extractor can't mask pixels; fill those that aren't finite first.")
    program = find_program("Source Extractor")
    with TemporaryDirectory() as name:
        folder = Path(name)
        fits.writeto(folder / "image.fits", np.asarray(image, dtype=np.float32))
        (folder / "settings.sex").write_text(configuration(settings, mask_type))
        (folder / "columns.param").write_text("\n".join(COLUMNS) + "\n")
        if settings.kernel is not None:
            (folder / "kernel.conv").write_text(kernel_file(settings.kernel))
        _call([program, "image.fits", "-c", "settings.sex"], folder)
        maps = (fits.getdata(folder / each).astype(np.float32) for each in MAPS.values())
        return Extraction(read_catalogue(folder / "found.fits"), *maps)


def read_catalogue(path: Path) -> dict[str, np.ndarray]:
    """A catalogue of Source Extractor's with the keys of `photometry.detect`; x and y count from 0, not from 1."""
    table = fits.getdata(path, 1)
    found = {
        ours: np.array(table[theirs], dtype=table[theirs].dtype.newbyteorder("=")) for theirs, ours in COLUMNS.items()
    }
    return found | {"x": found["x"] - 1, "y": found["y"] - 1}


def kernel_file(kernel) -> str:
    """A detection filter as Source Extractor reads it, applied as it is: not normalised."""
    rows = [" ".join(f"{value:.8g}" for value in row) for row in np.asarray(kernel)]
    return "\n".join(["CONV NORM", *rows]) + "\n"


def stilts_match(
    x: np.ndarray, y: np.ndarray, x_reference: np.ndarray, y_reference: np.ndarray, radius: float
) -> tuple[np.ndarray, np.ndarray]:
    """STILTS' symmetric best match, with the arguments and the result of `photometry.match`.

    Each source of the longer list (of the first, if they are equally long) claims its nearest in the other, which takes
    the nearest of its claimants: every pair of `photometry.match`, and those where the nearest one claims another.
    Found by trying it (STILTS 3.4.7). Raises ToolMissing; RuntimeError where the program fails.
    """
    program = find_program("STILTS")
    if not len(x) or not len(x_reference):
        return np.zeros(0, int), np.zeros(0, int)
    with TemporaryDirectory() as name:
        folder = Path(name)
        for file, columns in (("ours.csv", (x, y)), ("theirs.csv", (x_reference, y_reference))):
            table = np.column_stack([np.arange(len(columns[0])), *columns])
            np.savetxt(folder / file, table, fmt=["%d", "%.17g", "%.17g"], delimiter=",", header="i,x,y", comments="")
        options = ["matcher=2d", f"params={radius!r}", "find=best", "join=1and2", "values1=x y", "values2=x y"]
        files = ["in1=ours.csv", "in2=theirs.csv", "ifmt1=csv", "ifmt2=csv", "out=pairs.csv", "ofmt=csv"]
        _call([program, "tmatch2", *files, *options, "ocmd=keepcols 'i_1 i_2'", "progress=none"], folder)
        lines = (folder / "pairs.csv").read_text().split()[1:]
    pairs = np.array(sorted([int(i) for i in line.split(",")] for line in lines), dtype=int).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _call(command: list[str], folder: Path) -> None:
    """Run a program in a folder; RuntimeError with its last words where it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()[-300:]}")
