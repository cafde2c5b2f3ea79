"""Data and weights by name: found on this machine, else fetched, never used with another sha256 (section 2).

In ``data_manifest``: images in ``demo_images.toml``, networks in ``weights.toml``, others' networks in
``features.toml``, the paper's files in ``hla.csv``.
"""

import csv
import os
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

from . import downloads, first_seen
from ._paths import MANIFEST_DIR, WEIGHTS_DIR
from .downloads import Progress
from .provenance import sha256
from .transfer import DataUnavailable, Download, check_fits

IMAGES = MANIFEST_DIR / "demo_images.toml"
WEIGHTS = MANIFEST_DIR / "weights.toml"
FEATURES = MANIFEST_DIR / "features.toml"
HLA = MANIFEST_DIR / "hla.csv"
HLA_URL = "https://hla.stsci.edu/cgi-bin/getdata.cgi?dataset={dataset}_drz.fits"
MAST_URL = "https://mast.stsci.edu/api/v0.1/Download/file?uri={uri}"
MAST_URI = "mast:HLA/url/cgi-bin/getdata.cgi?dataset={dataset}_drz.fits"
"""As the archive's own lists of downloads write it. This and `HLA_URL` were never seen to answer: they were written
without a network."""

HLA_SPLITS = ("training", "validation", "test")
RIGHTS = "public HST data, STScI/NASA/ESA"


@dataclass(frozen=True, kw_only=True)
class Entry(Download):
    """One real image. exposure_time (s), pixel_scale (arcsec per pixel) and unit are None where nothing says them."""

    kind: str
    instrument: str
    filter: str
    exposure_time: float | None = None
    pixel_scale: float | None = None
    unit: str | None = None
    rights: str = RIGHTS


def entries() -> list[Entry]:
    """All images of the manifest."""
    return [Entry(**fields) for fields in tomllib.loads(IMAGES.read_text())["image"]]


def entry(name: str) -> Entry:
    """One image, by its name or its file name; ValueError for one that is not in the manifest."""
    for found in entries():
        if name in (found.name, found.file):
            return found
    raise ValueError(f"no image {name!r}; choose one of {', '.join(each.name for each in entries())}.")


def classifier(name: str) -> Download:
    """The weights of a network that others trained, by its name in ``features.toml``."""
    return Download(name=name, **tomllib.loads(FEATURES.read_text())[name])


def classifiers() -> list[Download]:
    """All networks of others."""
    return [classifier(name) for name in tomllib.loads(FEATURES.read_text())]


def cache_dir() -> Path:
    """Where downloads are kept: ``$ASTROUNET_CACHE_DIR``, else ``astrounet`` in the user's cache folder."""
    chosen = os.environ.get("ASTROUNET_CACHE_DIR")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(chosen) if chosen else Path(base) / "astrounet"


def select(names: Sequence[str]) -> list[Download]:
    """What names stand for, each file once: an image, ``vgg16``, a file of the paper or several, see `hla_downloads`.

    No names are all images. Raises ValueError for an unknown one.
    """
    found = [each for name in names for each in _named(name)] if names else entries()
    return list({each.file: each for each in found}.values())


def _named(name: str) -> list[Download]:
    if name.split(":")[0] == "hla":
        return hla_downloads(name)
    return [each for each in [*classifiers(), *hla_downloads()] if name in (each.name, each.file)] or [entry(name)]


def fetch(name: str, *, download: bool = True) -> Path:
    """The checked file of an image, see `obtain`. Raises ValueError for an unknown name."""
    return obtain(entry(name), download=download)


def obtain(wanted: Download, *, download: bool = True, progress: Progress | None = None) -> Path:
    """A checked file: from ``$ASTROUNET_DATA_DIR``, else the cache, else by URL into the cache.

    Where nobody publishes a sha256 it must be the one of the first time, see `first_seen`. Raises ValueError for a file
    on this machine that is another, DataUnavailable where there is none and no address has it.
    """
    lock = cache_dir() / "hla.lock.json"
    wanted = first_seen.pinned(wanted, lock)
    path = find_local(wanted.file)
    if path is None and not download:
        raise DataUnavailable(f"{wanted.file} is not on this machine; run `astrounet data fetch {wanted.name}`.")
    if path is None:
        path = downloads.download(wanted, cache_dir(), progress or Progress())
    elif wanted.sha256 is None:
        check_fits(path)
    else:
        _checked(path, wanted.sha256, f"delete it and it is fetched again{wanted.hint}")
    if wanted.sha256 is None:
        first_seen.record(path, lock)
    return path


def find_local(file: str) -> Path | None:
    """Where a file lies on this machine, unchecked: the data folder first, then the cache."""
    folders = [Path(os.environ["ASTROUNET_DATA_DIR"])] if os.environ.get("ASTROUNET_DATA_DIR") else []
    places = (folder / file for folder in [*folders, cache_dir()])
    return next((place for place in places if place.is_file()), None)


def _checked(path: Path, expected: str, remedy: str) -> Path:
    found = sha256(path)
    if found != expected:
        raise ValueError(f"{path} is damaged: sha256 {found[:12]}…, expected {expected[:12]}…; {remedy}.")
    return path


def weights_path(name: str) -> Path:
    """The checked weight file of a published network, ``weights/<name>.safetensors``.

    Raises ValueError for an unknown name and for a damaged file, FileNotFoundError for a missing one.
    """
    published = _published()
    if name not in published:
        known = ", ".join(published) or "none yet"
        raise ValueError(f"no published network {name!r} (there are: {known}); give a name or a .safetensors file.")
    path = WEIGHTS_DIR / f"{name}.safetensors"
    remedy = f"restore it with `git checkout -- weights/{path.name}`"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; {remedy}.")
    return _checked(path, published[name]["sha256"], remedy)


def _published() -> dict[str, dict]:
    return tomllib.loads(WEIGHTS.read_text()) if WEIGHTS.exists() else {}


def status() -> list[dict]:
    """For every image and network: name, state (``present``, ``missing`` or ``corrupt``) and where it lies."""
    files = [(each.name, find_local(each.file), each.sha256) for each in entries()]
    networks = ((name, WEIGHTS_DIR / f"{name}.safetensors", listed["sha256"]) for name, listed in _published().items())
    files += [(name, path if path.is_file() else None, digest) for name, path, digest in networks]
    return [{"name": name, "state": _state(path, digest), "where": path and str(path)} for name, path, digest in files]


def verify(names: Sequence[str] = ()) -> Iterator[tuple[str, str, str]]:
    """Of files by name, see `select`, or else of all and the networks: name, state as in `status`, what is wrong."""
    wanted = select(names) if names else [*entries(), *classifiers(), *hla_downloads()]
    checks = [(each.name, find_local(each.file), partial(obtain, each, download=False)) for each in wanted]
    if not names:
        checks += [(name, WEIGHTS_DIR / f"{name}.safetensors", partial(weights_path, name)) for name in _published()]
    for name, path, check in checks:
        try:
            check()
            yield name, "present", ""
        except (ValueError, OSError) as error:
            yield name, "corrupt" if path and path.exists() else "missing", str(error)


def _state(path: Path | None, expected: str) -> str:
    if path is None:
        return "missing"
    return "present" if sha256(path) == expected else "corrupt"


def hla_files() -> list[dict[str, str]]:
    """The paper's 200 archive files: split, position (in the paper's list), dataset, leak_free_split."""
    with open(HLA, newline="") as stream:
        return list(csv.DictReader(stream))


def hla_downloads(name: str = "hla") -> list[Download]:
    """Files of the paper, each once: ``hla`` all, ``hla:SPLIT`` one list of the paper's, ``hla:leak-free-SPLIT`` one of
    the division by proposal, which training reads. From the Hubble Legacy Archive, else from MAST (`MAST_URI`).

    Raises ValueError for an unknown split.
    """
    if name not in hla_names():
        raise ValueError(f"no part {name!r} of the paper's files; choose one of {', '.join(hla_names())}.")
    part = name.removeprefix("hla:")
    split, column = part.removeprefix("leak-free-"), "leak_free_split" if part.startswith("leak-free-") else "split"
    wanted = dict.fromkeys(row["dataset"] for row in hla_files() if name == "hla" or row[column] == split)
    return [_hla_download(dataset) for dataset in wanted]


def hla_names() -> list[str]:
    """What `hla_downloads` knows."""
    return ["hla", *(f"hla:{prefix}{split}" for prefix in ("", "leak-free-") for split in HLA_SPLITS)]


def _hla_download(dataset: str) -> Download:
    mirror = MAST_URL.format(uri=quote(MAST_URI.format(dataset=dataset), safe=""))
    return Download(
        name=dataset,
        file=f"{dataset}_drz.fits",
        url=HLA_URL.format(dataset=dataset),
        mirrors=(mirror,),
        licence=RIGHTS,
        note="Drizzled mosaic of the Hubble Legacy Archive.",
    )


def proposal(dataset: str) -> int:
    """The HST proposal number in an archive dataset's name: hst_11602_02_wfc3_uvis_f606w -> 11602."""
    return int(dataset.split("_")[1])


def leak_free_splits(rows: list[dict[str, str]], size: int = 20) -> list[str]:
    """A split for each row in which no proposal is in two, as close to the paper's as that allows.

    Of the proposals with a test file the smallest become the test set, whole, until it has ``size`` rows; then the
    validation set likewise; what is left is for training.
    """
    proposals = Counter(proposal(row["dataset"]) for row in rows)
    chosen: dict[int, str] = {}
    for split in ("test", "validation"):
        candidates = {proposal(row["dataset"]) for row in rows if row["split"] == split} - chosen.keys()
        taken = 0
        for number in sorted(candidates, key=lambda number: (proposals[number], number)):
            if taken < size:
                chosen[number] = split
                taken += proposals[number]
    return [chosen.get(proposal(row["dataset"]), "training") for row in rows]
