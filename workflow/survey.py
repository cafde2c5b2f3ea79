"""A night of files: which images are denoised to what, what makes an output stale, and what is said at the end.

The images are taken for changed where size or time of change differ: to read a night of them only to see that nothing
has changed would take longer than it saves.
"""

import glob
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path

from astrounet_core import manifest
from astrounet_core.provenance import sha256

SUFFIXES = (".fits", ".fits.gz", ".fits.fz", ".fit", ".fts")
USE = "snakemake survey --config images='night/*.fits' out=denoised"


@dataclass(frozen=True)
class Survey:
    """images: file by name; out: folder of the outputs; arguments: of `astrounet denoise`, quoted for a shell;
    network: sha256 of its weights."""

    out: str = "."
    arguments: str = ""
    network: str = ""
    images: dict[str, str] = field(default_factory=dict)

    def output(self, name: str) -> str:
        return f"{self.out}/{name}_denoised.fits"

    def log(self, name: str) -> str:
        return f"{self.out}/logs/{name}.log"

    def state(self, name: str) -> str:
        """What an output is made from: the image's size and time of change, the network's weights."""
        image = Path(self.images[name]).stat()
        return f"{image.st_size} {image.st_mtime_ns} {self.network}"


def choose(config: dict, wanted: bool) -> Survey:
    """The survey that the configuration asks for; leaves with one sentence and exit code 2 where it can't be done.

    wanted: whether the survey is to be made; if not, and with no images in the configuration, it is empty.
    """
    if not wanted and "images" not in config:
        return Survey()
    try:
        return plan(config)
    except (ValueError, OSError) as error:
        print(f"survey: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def plan(config: dict) -> Survey:
    """From ``images`` (a pattern, ``**`` for folders in folders), ``out``, and if given ``ratio``, ``network``,
    ``exptime`` and ``options`` (more of the command's, as text). Raises ValueError for a pattern that matches nothing,
    for two images of one name or one with braces in it, and as `manifest.weights_path` does."""
    for key in ("images", "out"):
        if not config.get(key):
            raise ValueError(f"there is no {key}=; give both, as in {USE}.")
    out, network = str(config["out"]).rstrip("/") or "/", str(config.get("network", "modern"))
    given = {"ratio": config.get("ratio", 2), "network": network, "exptime": config.get("exptime")}
    options = [part for name, value in given.items() if value is not None for part in (f"--{name}", str(value))]
    arguments = shlex.join([*options, *shlex.split(str(config.get("options", "")))])
    return Survey(out, arguments, _network_hash(network), _named(str(config["images"]), Path(out)))


def _network_hash(network: str) -> str:
    return sha256(Path(network) if network.endswith(".safetensors") else manifest.weights_path(network))


def _named(pattern: str, out: Path) -> dict[str, str]:
    """{name: file} of the images that match, without what this survey itself has written."""
    found: dict[str, str] = {}
    for file in sorted(glob.glob(pattern, recursive=True)):
        path = Path(file)
        name = next((path.name[: -len(end)] for end in SUFFIXES if path.name.lower().endswith(end)), path.stem)
        if not path.is_file() or (path.parent.resolve() == out.resolve() and name.endswith("_denoised")):
            continue
        if set("{}") & set(file):
            raise ValueError(f"{file} has braces in its name, which Snakemake takes for a pattern; rename it.")
        if name in found:
            raise ValueError(f"{found[name]} and {file} would both become {name}_denoised.fits; rename one of them.")
        found[name] = file
    if not found:
        raise ValueError(f"no file matches {pattern!r}; check the folder, and quote the pattern.")
    return found


def report(survey: Survey) -> list[str]:
    """Lines for the end of a run: how many files are done, and of each that isn't the last line of its log."""
    if not survey.images:
        return []
    missing = [name for name in survey.images if not Path(survey.output(name)).exists()]
    lines = [f"{len(survey.images) - len(missing)} of {len(survey.images)} files are denoised in {survey.out}"]
    return lines + [f"failed: {survey.images[name]}: {_last_line(Path(survey.log(name)))}" for name in missing]


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    last = next((line.strip() for line in reversed(lines) if line.strip()), "not started, or stopped without a word.")
    return last.removeprefix("astrounet: ")
