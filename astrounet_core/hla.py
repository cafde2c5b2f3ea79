"""The paper's own training set (section 2): mosaics of the Hubble Legacy Archive, for whoever has the files.

They are real, noisy long exposures: what presets ``paper`` and ``code`` make their pairs from, and no others can.
"""

import hashlib
from collections import Counter
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ._paths import BUILD_DIR
from .instrument import FILTERS
from .manifest import HLA_URL, DataUnavailable, find_local, hla_files, proposal
from .noise import DRIZZLE_CORRELATION
from .pairs import FieldSet
from .provenance import replacing
from .settings import BANDS

TILE = 512
"""Side of a tile, pixels: that of the simulated fields."""

TILES_PER_FILE = 4
"""Most tiles of one mosaic: 600 MB for the 150 files."""

LARGEST_GAP = 1e-3
"""Share of a tile that may lack data: lone pixels, set to zero; a border row of a tile is twice as much."""


def hla_field_set(split: str, count: int | None = None, device: torch.device | str = "cpu") -> FieldSet:
    """Tiles (F, 512, 512) of the first ``count`` files of a split, e-/s; read once and kept in ``_build/fields``.

    The splits are those of `manifest.leak_free_splits`, in which no proposal stands twice: 16 files are in two of the
    paper's lists. A file listed more than once is taken once. Tiles do not overlap, and hold data (`LARGEST_GAP`).
    Raises DataUnavailable where files are not on this machine, ValueError for a file that is no such mosaic.
    """
    path = tile_file(split, count)
    if not path.exists():
        tiles = [_tiles(file) for file in files(split, count)]
        with replacing(path) as beside:
            save_file({name: torch.cat([each[name] for each in tiles]) for name in tiles[0]}, beside)
    stored = load_file(path, device=str(device))
    constant = {"reads": 1.0, "correlation": DRIZZLE_CORRELATION}
    columns = {name: torch.full_like(stored["sky"], value) for name, value in constant.items()}
    return FieldSet(**stored, **columns, real=True)


def files(split: str, count: int | None = None) -> list[Path]:
    """The files of a split, of which ``count`` at most, each once, in the paper's order. Raises DataUnavailable."""
    listed = dict.fromkeys(row["dataset"] for row in hla_files() if row["leak_free_split"] == split)
    names = [f"{dataset}_drz.fits" for dataset in listed][:count]
    found = [find_local(name) for name in names]
    missing = [name for name, path in zip(names, found, strict=True) if path is None]
    if missing:
        url = HLA_URL.format(dataset=missing[0].removesuffix("_drz.fits"))
        raise DataUnavailable(
            f"{len(missing)} of {len(names)} {split} files are not on this machine (the first: {url}); run "
            f"`astrounet data fetch hla:leak-free-{split}`, or name their folder in ASTROUNET_DATA_DIR."
        )
    return found


def tile_file(split: str, count: int | None = None) -> Path:
    """Where the tiles of a split are kept; another name for other files, by their names and sizes."""
    listed = [(path.name, path.stat().st_size) for path in files(split, count)]
    key = hashlib.sha256(repr((listed, TILE, TILES_PER_FILE)).encode()).hexdigest()
    return BUILD_DIR / "fields" / f"hla-{split}-{len(listed)}-{key[:12]}.safetensors"


def overlap(column: str = "split") -> dict[str, int]:
    """How far a division of the paper's list keeps its parts apart; column: ``split``, the paper's, or
    ``leak_free_split``.

    rows, files; repeated: files in more than one row; shared: files in more than one split; ``test`` and
    ``validation``: rows of these from a file that is trained on, and ``..._proposal`` from a proposal that is.
    """
    listed = hla_files()
    homes: dict[str, set[str]] = {}
    for row in listed:
        homes.setdefault(row["dataset"], set()).add(row[column])
    uses = Counter(row["dataset"] for row in listed)
    proposals = {proposal(name) for name, splits in homes.items() if "training" in splits}
    found = {"rows": len(listed), "files": len(homes), "repeated": sum(times > 1 for times in uses.values())}
    found["shared"] = sum(len(splits) > 1 for splits in homes.values())
    for split in ("test", "validation"):
        names = [row["dataset"] for row in listed if row[column] == split]
        found[split] = sum("training" in homes[name] for name in names)
        found[f"{split}_proposal"] = sum(proposal(name) in proposals for name in names)
    return found


def _tiles(path: Path) -> dict[str, Tensor]:
    """At most `TILES_PER_FILE` tiles of a mosaic, evenly from all that hold data, and their columns of `FieldSet`."""
    from .fits_io import read_image

    read = read_image(path)
    if read.band not in BANDS:
        raise ValueError(f"{path} was taken through {read.band}, not {' or '.join(BANDS)}; is it the right file?")
    image = torch.from_numpy(read.image)
    image = torch.where(torch.isfinite(image), image, 0.0)
    every = image.unfold(0, TILE, TILE).unfold(1, TILE, TILE).flatten(0, 1) if min(image.shape) >= TILE else image[:0]
    full = [tile for tile in every if (tile == 0).float().mean() <= LARGEST_GAP]
    if not full:
        raise ValueError(f"{path} has no {TILE} x {TILE} pixels full of data; is it the whole mosaic?")
    chosen = full[:: -(-len(full) // TILES_PER_FILE)]
    columns = {"exposure_time": read.exposure_time, "sky": FILTERS[read.band].sky}
    return {
        "scenes": torch.stack(chosen),
        "band": torch.full((len(chosen),), BANDS.index(read.band)),
        **{name: torch.full((len(chosen),), value) for name, value in columns.items()},
    }
