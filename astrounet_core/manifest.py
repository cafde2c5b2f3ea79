"""Data and weights by name: found on this machine, else fetched, never used with another sha256 (section 2).

In ``data_manifest``: images in ``demo_images.toml``, networks in ``weights.toml``, others' networks in
``features.toml``, the paper's files in ``hla.csv``.
"""

import csv
import os
import tomllib
from collections import Counter
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from ._paths import MANIFEST_DIR, WEIGHTS_DIR
from .provenance import replacing, sha256

IMAGES = MANIFEST_DIR / "demo_images.toml"
WEIGHTS = MANIFEST_DIR / "weights.toml"
FEATURES = MANIFEST_DIR / "features.toml"
HLA = MANIFEST_DIR / "hla.csv"
HLA_URL = "https://hla.stsci.edu/cgi-bin/getdata.cgi?dataset={dataset}_drz.fits"
TIMEOUT = 20
"""Seconds without an answer after which a download is given up."""


class DataUnavailable(OSError):
    """A file is neither on this machine nor to be had over the network."""


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file to be had by URL, and how to know it."""

    name: str
    file: str
    bytes: int
    sha256: str
    url: str
    licence: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Entry(Download):
    """One real image. exposure_time (s), pixel_scale (arcsec per pixel) and unit are None where nothing says them."""

    kind: str
    instrument: str
    filter: str
    exposure_time: float | None = None
    pixel_scale: float | None = None
    unit: str | None = None
    rights: str = "public HST data, STScI/NASA/ESA"


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


def cache_dir() -> Path:
    """Where downloads are kept: ``$ASTROUNET_CACHE_DIR``, else ``astrounet`` in the user's cache folder."""
    chosen = os.environ.get("ASTROUNET_CACHE_DIR")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(chosen) if chosen else Path(base) / "astrounet"


def fetch(name: str, *, download: bool = True) -> Path:
    """The checked file of an image, see `obtain`. Raises ValueError for an unknown name."""
    return obtain(entry(name), download=download)


def obtain(wanted: Download, *, download: bool = True) -> Path:
    """A checked file: from ``$ASTROUNET_DATA_DIR``, else the cache, else by URL into the cache.

    Raises ValueError for a file whose sha256 is wrong, DataUnavailable where there is no file and no network, or the
    network's answer is not the file; nothing of such an answer is kept.
    """
    path = find_local(wanted.file)
    if path is not None:
        return _checked(path, wanted.sha256, "delete it and it is fetched again")
    if not download:
        raise DataUnavailable(f"{wanted.file} is not on this machine; run `astrounet data fetch {wanted.name}`.")
    path = cache_dir() / wanted.file
    with replacing(path) as beside:
        _download(wanted, beside)
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


def _download(wanted: Download, target: Path) -> None:
    """Write what a URL answers to ``target``; DataUnavailable unless exactly the wanted bytes arrive."""
    remedy = f"put {wanted.file} into a folder and name it in ASTROUNET_DATA_DIR, or try again later"
    try:
        with urlopen(wanted.url, timeout=TIMEOUT) as answer:
            target.write_bytes(answer.read(wanted.bytes + 1))
    except (OSError, HTTPException) as error:
        raise DataUnavailable(f"cannot fetch {wanted.url} ({error}); {remedy}.") from None
    if target.stat().st_size != wanted.bytes or sha256(target) != wanted.sha256:
        raise DataUnavailable(f"{wanted.url} answered with something else than {wanted.file}; {remedy}.")


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


def _state(path: Path | None, expected: str) -> str:
    if path is None:
        return "missing"
    return "present" if sha256(path) == expected else "corrupt"


def hla_files() -> list[dict[str, str]]:
    """The paper's 200 archive files: split, position (in the paper's list), dataset, leak_free_split."""
    with open(HLA, newline="") as stream:
        return list(csv.DictReader(stream))


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
