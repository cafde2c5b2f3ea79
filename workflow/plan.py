"""What depends on what: the pages, the library modules behind each, and digests of their contents.

Snakemake compares these digests (as rule parameters), not file times: an artefact is made again when something that
went into it reads differently, and only then.
"""

import ast
import hashlib
import sys
from functools import cache
from pathlib import Path

import yaml

from astrounet_core import manifest
from astrounet_core.experiments import EXPERIMENTS
from astrounet_core.reference_tools import missing_tools

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "astrounet_core"
NOTEBOOKS = ROOT / "notebooks"
PROFILES = NOTEBOOKS / "profiles"


def page_names() -> list[str]:
    """The notebooks of the book, by name."""
    return sorted(path.stem for path in NOTEBOOKS.glob("*.py"))


def lab_names() -> list[str]:
    """The labs of the book, by name."""
    return sorted(path.stem for path in (NOTEBOOKS / "labs").glob("*.py"))


def notebook(name: str) -> Path:
    """Where a page's or a lab's source lies."""
    path = NOTEBOOKS / f"{name}.py"
    return path if path.exists() else NOTEBOOKS / "labs" / f"{name}.py"


def profile_names() -> list[str]:
    """The profiles there are, by name."""
    return sorted(path.stem for path in PROFILES.glob("*.yml"))


def choose(kind: str, name: str, allowed: list[str]) -> str:
    """``name`` if it is allowed, else leave with one sentence and exit code 2."""
    if name not in allowed:
        print(f"unknown {kind} {name!r}; choose one of {', '.join(allowed)}.", file=sys.stderr)
        raise SystemExit(2)
    return name


def read_profile(name: str) -> dict:
    """The settings of a profile: what is trained, with how many seeds, and what is evaluated on what."""
    settings = yaml.safe_load((PROFILES / f"{name}.yml").read_text())
    return settings | ({"train": list(EXPERIMENTS)} if settings["train"] == "all" else {})


@cache
def imported_modules(path: Path) -> frozenset[str]:
    """Modules of the library that a file imports, directly or through one another."""
    tree = ast.parse(path.read_text())
    direct = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            direct |= _from_import(node, inside=path.parent == LIBRARY)
        elif isinstance(node, ast.Import):
            direct |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("astrounet_core.")}
    found = {name for name in direct if (LIBRARY / f"{name}.py").exists()}
    return frozenset(found.union(*(imported_modules(LIBRARY / f"{name}.py") for name in found)))


def _from_import(node: ast.ImportFrom, inside: bool) -> set[str]:
    module = node.module or ""
    if inside and node.level:
        return {module} if module else {alias.name for alias in node.names}
    if module == "astrounet_core":
        return {alias.name for alias in node.names} | {"__init__"}
    return {module.split(".")[1]} if module.startswith("astrounet_core.") else set()


def digest(*paths: Path) -> str:
    """One hash over names and contents of files, and of all files under folders."""
    total = hashlib.sha256()
    for file in sorted({file for path in paths for file in _files(path)}):
        total.update(str(file.relative_to(ROOT)).encode() + b"\0" + _content(file))
    return total.hexdigest()[:16]


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return [file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    return [path] if path.exists() else []


@cache
def _content(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def page_digest(name: str, profile: str) -> str:
    """Everything a page is made from: notebook, library, profile, manifest, lock file; results and claims if it reads
    them."""
    modules = [LIBRARY / f"{module}.py" for module in imported_modules(notebook(name))]
    shared = [ROOT / "data_manifest", ROOT / "requirements.lock", PROFILES / f"{profile}.yml", ROOT / "workflow"]
    results = [ROOT / "results"] if reads_results(name) else []
    claims = [ROOT / "book" / "claims.yml"] if "claims" in imported_modules(notebook(name)) else []
    return digest(notebook(name), *modules, *shared, *results, *claims) + images_at_hand(name) + tools_lacking(name)


def images_at_hand(name: str) -> str:
    """The real images that a page could use here: it is made again when one has been fetched since."""
    if "manifest" not in imported_modules(notebook(name)):
        return ""
    return " ".join(file["name"] for file in manifest.status() if file["state"] == "present")


def tools_lacking(name: str) -> str:
    """The paper's programs that a page would run and that aren't here: it is made again once they are."""
    return " ".join(missing_tools()) if "reference_tools" in imported_modules(notebook(name)) else ""


def reads_results(name: str) -> bool:
    """Whether a page shows results of runs, so that these must be there first."""
    return "records" in imported_modules(notebook(name))


def book_digest(profile: str) -> str:
    """Everything the book is made from: its own pages, its settings, its notebooks, and the library's docstrings."""
    prose = [path for path in (ROOT / "book").iterdir() if path.name != "_executed"]
    own = digest(*prose, LIBRARY, ROOT / "_config.yml", ROOT / "CHANGELOG.md")
    return own + "".join(page_digest(name, profile) for name in page_names() + lab_names())


def evaluation_digest() -> str:
    """What an evaluation is made from: the library behind it, the fields and the published weights."""
    modules = imported_modules(LIBRARY / "evaluation.py") | {"evaluation"}
    return digest(ROOT / "data_manifest", *(LIBRARY / f"{module}.py" for module in modules))


def scorecard_digest() -> str:
    """What the scorecard is made from: the library behind it, the table of fields and the published weights."""
    modules = imported_modules(LIBRARY / "scorecard.py") | {"scorecard"}
    return digest(ROOT / "data_manifest", *(LIBRARY / f"{module}.py" for module in modules))


def reads_scorecard(name: str) -> bool:
    """Whether a page shows the scorecard's record, so that this must be there first."""
    return "score_record" in imported_modules(notebook(name))


def starts_from(pattern: str, experiment: str) -> list[str]:
    """The run that an experiment's transfer learning needs, if any."""
    first = EXPERIMENTS[experiment].start_from
    return [pattern.format(first)] if first else []


def training_digest(profile: str) -> str:
    """What a training run is made from. A long run outlives an edited docstring: only its recipe and fields count
    (the run's record holds its commit); a smoke run takes seconds, and follows the source."""
    recipe = [ROOT / "data_manifest" / "fields.toml", LIBRARY / "experiments.py"]
    source = [LIBRARY / f"{module}.py" for module in imported_modules(LIBRARY / "training.py")]
    return digest(*recipe, *(source if profile == "smoke" else []))


def print_timings(started: float) -> None:
    """What ran since ``started`` and how long each step took, from the benchmark files that Snakemake wrote."""
    files = [path for path in (ROOT / "_build" / "timings").glob("*.tsv") if path.stat().st_mtime >= started]
    for path in sorted(files, key=lambda file: file.stat().st_mtime):
        seconds = float(path.read_text().splitlines()[1].split("\t")[0])
        print(f"  {path.stem:36s} {seconds:8.1f} s", file=sys.stderr)
    print(f"{len(files)} steps ran.", file=sys.stderr)
