"""Run records: where results lie, which one a page shows, and how a run is published.

``results/<profile>/<experiment>/seed<k>/`` holds the published ones, ``_build/results/...`` those of this machine.
"""

import re
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ._paths import BUILD_DIR, MANIFEST_DIR, RESULTS_DIR, WEIGHTS_DIR
from .checkpoints import read_history
from .experiments import KNOWN, PRESETS
from .field_table import VERSION
from .fluxes import read_fluxes
from .provenance import read_json, replacing, sha256, write_json
from .tally import pooled, read_fields

TABLE = "table1"
"""Folder of ``results/`` with runs of equal compute, see `experiment_table`."""

ORDER = ("paper", "retrain", TABLE)
"""A page shows the published GPU run where there is one, else the longest retrained one."""

PAPER_PIXELS = {"snr_factor": "snr_factor", "psnr": "psnr_paper", "ssim": "ssim_paper", "kl": "kl_paper"}
"""Column of the paper's tables -> our measure by the paper's definition, as far as it is known; mean over fields."""


@dataclass(frozen=True)
class Record:
    """A finished run: its folder holds run.json, history.csv if trained, metrics.json and fields.csv if scored."""

    folder: Path

    @cached_property
    def run(self) -> dict:
        """Provenance: commit, profile, preset, seed, versions, device, seconds."""
        return read_json(self.folder / "run.json")

    @cached_property
    def metrics(self) -> list[dict]:
        """Rows of {fields, protocol, exposure_ratio, metric, value, low, high, n}; empty where it was not scored."""
        path = self.folder / "metrics.json"
        return read_json(path) if path.exists() else []

    @cached_property
    def fields(self) -> list[dict]:
        """Rows of {field, fields, protocol, exposure_ratio, measure: value, ...}; empty where it was not scored."""
        path = self.folder / "fields.csv"
        return read_fields(path) if path.exists() else []

    @cached_property
    def fluxes(self) -> list[dict]:
        """Rows of `fluxes.COLUMNS`, errors of stars by signal-to-noise ratio; empty where it was not scored."""
        path = self.folder / "fluxes.csv"
        return read_fluxes(path) if path.exists() else []

    @cached_property
    def history(self) -> list[dict]:
        """The training curve, a dict of numbers a row; empty where nothing was trained."""
        path = self.folder / "history.csv"
        return read_history(path) if path.exists() else []

    @property
    def share_of_schedule(self) -> float | None:
        """The part of the paper's updates that this network had, 0 to 1; None where nothing was trained."""
        return self.run["updates"] / self.run["paper_updates"] if "updates" in self.run else None

    def row(self, metric: str, protocol: str, exposure_ratio: float = 2.0, fields: str | None = None) -> dict | None:
        """The row of one metric, or None where it was not scored."""
        for row in self.metrics:
            same = (row["metric"], row["protocol"], row["exposure_ratio"]) == (metric, protocol, exposure_ratio)
            if same and fields in (None, row["fields"]):
                return row
        return None


def folder(profile: str, name: str, seed: int = 0, *, published: bool = False) -> Path:
    """Where the record of one run lies."""
    return (RESULTS_DIR if published else BUILD_DIR / "results") / profile / name / f"seed{seed}"


def lookup(name: str, profile: str = "quick", seed: int = 0, *, holding: str = "run.json") -> Record | None:
    """The record that a page of ``profile`` shows for an experiment or baseline; None is shown as *not run*.

    This machine's own run of the profile comes first, then the published ones, the paper's schedule before the
    laptop's. ``quick``, which scores a few fields only, shows published runs first; what it found itself is
    `recomputed`. ``smoke`` pages show smoke runs only. holding: a file that the record must have, ``history.csv`` for
    the run that trained a network. Raises ValueError for a published record that is stale.
    """
    own, published = [folder(profile, name, seed)], []
    if profile != "smoke":
        first = [] if profile in ORDER else [profile]
        published = [folder(other, name, seed, published=True) for other in (*first, *ORDER)]
    for place in [*published, *own] if profile == "quick" else [*own, *published]:
        if (place / "run.json").exists() and (place / holding).exists():
            record = Record(place)
            check(record)
            return record
    return None


def recomputed(name: str, profile: str, seed: int = 0) -> Record | None:
    """This machine's own scores under a profile, None where there are none."""
    record = Record(folder(profile, name, seed))
    return record if record.fields else None


def check(record: Record) -> None:
    """Raise ValueError where a record's preset or field set is not today's, or its published weights have changed."""
    run, path = record.run, record.folder
    if run.get("preset") is not None and run["preset"] not in PRESETS:
        raise ValueError(f"{path} was made with preset {run['preset']!r}, which is no more; run it again.")
    if run.get("data") != VERSION:
        raise ValueError(f"{path} was made with fields {run.get('data')}, today's are {VERSION}; run it again.")
    weights = WEIGHTS_DIR / f"{run.get('experiment')}.safetensors"
    published = path.is_relative_to(RESULTS_DIR) and run.get("published_weights") and weights.exists()
    if published and sha256(weights) != run["weights_sha256"]:
        raise ValueError(f"{path} belongs to other weights than {weights.name}; publish the run again.")


def in_paper_columns(record: Record | None, exposure_ratio: float = 2.0) -> dict:
    """What a run scored on the paper's own terms, in the columns of Tables 1 and 2; empty where nothing was scored.

    The terms: the ``paper`` protocol and test fields of the families seen in training. Stars are counted over all
    fields together (`tally.pooled`); the rest are means over fields. ``…_uncertainty``: standard error of each, by
    bootstrap over fields.
    """
    rows = record.fields if record else []
    terms = ("paper", float(exposure_ratio))
    if not any((row["protocol"], row["exposure_ratio"]) == terms for row in rows):
        return {}
    means = {key: record.row(measure, *terms, fields="training") for key, measure in PAPER_PIXELS.items()}
    return pooled(rows, *terms) | {name: value for key, row in means.items() for name, value in _cells(key, row)}


def _cells(key: str, row: dict | None) -> list[tuple[str, float | None]]:
    """A mean and its uncertainty, half of the 68 % interval."""
    if row is None or row["low"] is None:
        return [(key, row and row["value"]), (f"{key}_uncertainty", None)]
    return [(key, row["value"]), (f"{key}_uncertainty", (row["high"] - row["low"]) / 2)]


def command(name: str, profile: str = "retrain") -> str:
    """The command that obtains a missing record."""
    what = "train" if name in KNOWN else "evaluate"
    return f"astrounet {what} {name} --profile {profile}"


def publish(profile: str, names: list[str], weights: list[str], to: str | None = None) -> list[Path]:
    """Copy finished runs of ``profile`` to ``results/``, and the weights of those named to ``weights/``.

    to: folder of ``results/``, by default the profile's; runs of equal compute go to `TABLE`.
    Returns what was written. Raises FileNotFoundError for a run that is not finished.
    """
    written = []
    for name in names:
        sources = sorted((BUILD_DIR / "results" / profile / name).glob("seed*"))
        if not sources:
            raise FileNotFoundError(
                f"there is no run of {name} under profile {profile}; {command(name, profile)} makes one."
            )
        for source in sources:
            written += _publish_run(source, RESULTS_DIR / (to or profile) / name / source.name, name in weights)
    for name in weights:
        source = folder(profile, name) / "weights.safetensors"
        written.append(_copy(source, WEIGHTS_DIR / f"{name}.safetensors"))
    list_weights()
    return written


def _publish_run(source: Path, target: Path, with_weights: bool) -> list[Path]:
    """Copy a run's record; one whose weights are published says so, and is stale when they change."""
    if not (source / "run.json").exists():
        raise FileNotFoundError(f"{source} holds no finished run; train it first.")
    trained = ("history.csv", "evaluation.json") if (source / "history.csv").exists() else ()
    written = [
        _copy(source / name, target / name)
        for name in (*trained, "metrics.json", "fields.csv", "fluxes.csv")
        if (source / name).exists()
    ]
    record = read_json(source / "run.json")
    published = with_weights and source.name == "seed0"
    if "command" in record:
        record["command"] = re.sub(r" --out \S+", "", record["command"])  # a place on another machine
    write_json(target / "run.json", record | ({"published_weights": True} if published else {}))
    return [*written, target / "run.json"]


def _copy(source: Path, target: Path) -> Path:
    with replacing(target) as beside:
        shutil.copyfile(source, beside)
    return target


def list_weights() -> None:
    """Write data_manifest/weights.toml: the sha256 and size of every published weight file."""
    with replacing(MANIFEST_DIR / "weights.toml") as beside:
        entries = [
            f'[{path.stem}]\nsha256 = "{sha256(path)}"\nbytes = {path.stat().st_size}\n'
            for path in sorted(WEIGHTS_DIR.glob("*.safetensors"))
        ]
        beside.write_text(
            "# The published networks in weights/, written by `astrounet publish`.\n\n" + "\n".join(entries)
        )
