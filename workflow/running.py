"""What running a page took: a record beside each executed page, a line in its opening, and the page on all of them.

python -m workflow.running --profile quick    copies the records of _build/pages/quick to book/timings.json
"""

import argparse
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from astrounet_core.provenance import read_json, run_record, write_json
from workflow import plan, takeaway

TIMINGS = plan.ROOT / "book" / "timings.json"
"""{profile: {page: record}} as last published; a build shows its own run, and these for the other profiles."""

ORDER = ("smoke", "quick", "retrain", "paper")
READING = re.compile(r"^(\*\*Reading time\*\* .*?)(?=\n\n|\n:::)", re.M | re.S)
HEAD = """(page-status)=
# Status of every page

What was run for this copy of the book, by its own records. Memory is the most that the page's process held at once. A
commit *with changes* is one whose library or manifest had changes that weren't committed. Dates are UTC.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", required=True)
    profile = plan.choose("profile", parser.parse_args().profile, plan.profile_names())
    found = read(plan.ROOT / "_build" / "pages" / profile)
    if not found:
        print(f"no page has been run at profile {profile}; run `make book PROFILE={profile}` first.", file=sys.stderr)
        return 2
    known = published()
    write_json(TIMINGS, known | {profile: known.get(profile, {}) | found})
    print(f"{len(found)} records of profile {profile}: {TIMINGS.relative_to(plan.ROOT)}")
    return 0


def record(profile: str, seed: int, seconds: float, source: tuple[str, bool]) -> dict:
    """The record of a page that this process has run in a kernel, which has ended: its memory is that of the kernel."""
    import resource

    import torch

    unit = 1e6 if sys.platform == "darwin" else 1e3
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    started = datetime.fromtimestamp(datetime.now(UTC).timestamp() - seconds, UTC)
    made = run_record(profile=profile, preset=None, seed=seed, device=device, seconds=seconds, source=source)
    return made | {"peak_memory_mb": round(peak), "date": started.isoformat(timespec="seconds")}


def read(pages: Path) -> dict[str, dict]:
    """{page: record} of a folder of executed pages."""
    return {path.name.removesuffix(".run.json"): read_json(path) for path in sorted(pages.glob("*.run.json"))}


def published() -> dict[str, dict[str, dict]]:
    """{profile: {page: record}} of `TIMINGS`."""
    return read_json(TIMINGS) if TIMINGS.exists() else {}


def sentence(page: str, runs: dict[str, dict[str, dict]]) -> str:
    """What running a page took, profile by profile; *not run* where there is no record, with the command."""
    order = ORDER[:2] if page in plan.lab_names() else ORDER  # labs know no other than quick and full
    shown = [f"{profile} {_took(runs[profile][page])}" for profile in order if page in runs.get(profile, {})]
    lacking = [profile for profile in order if page not in runs.get(profile, {})]
    if lacking:
        shown.append(f"{', '.join(lacking)} *not run* (`make page PAGE={page} PROFILE={lacking[-1]}`)")
    return f"**Running time** {'; '.join(shown)}."


def _took(run: dict) -> str:
    """Time, memory and device of a run."""
    seconds, device = run["seconds"], "" if run["device"] == "cpu" else f" on {run['device']}"
    time = f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"
    return f"{time} and {run['peak_memory_mb'] / 1000:.1f} GB{device}"


def open_with(notebook: NotebookNode, line: str) -> None:
    """Put a line into a page's opening box, after its reading time. ValueError for a page without one."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and READING.search(cell.source):
            cell.source = READING.sub(lambda match: f"{match[1]}\n\n{line}", cell.source, count=1)
            return
    raise ValueError("the page has no box with its **Reading time**; see the openings of other pages.")


def status(titles: dict[str, str], here: dict[str, dict]) -> str:
    """The page on all pages, as MyST."""
    rows = "\n".join(_row(page, titles[page], here.get(page)) for page in titles)
    head = "| Page | Profile | Seed | Run on | Time [s] | Memory [GB] | Commit |\n|:--|:--|--:|:--|--:|--:|:--|"
    sums = [run["seconds"] for run in here.values()]
    total = f"Together: {len(sums)} pages, {sum(sums) / 60:.0f} minutes of one core."
    table = f"```{{table}} Every page that is run.\n:name: table-status\n\n{head}\n{rows}\n```"
    return f"{HEAD}\n{table}\n\n{total}\n\n{_versions(here)}\n"


def _row(page: str, title: str, run: dict | None) -> str:
    link = f"[{title}](#page-{page.replace('_', '-')})"
    if run is None:
        return f"| {link} | *not run* | | | | | |"
    where = f"{run['date'][:10]}, {run['device']}"
    commit = f"`{run['commit']}`{' with changes' if run['dirty'] else ''}"
    numbers = f"{run['seconds']:.0f} | {run['peak_memory_mb'] / 1000:.1f}"
    return f"| {link} | {run['profile']} | {run['seed']} | {where} | {numbers} | {commit} |"


def _versions(here: dict[str, dict]) -> str:
    """The versions that the pages ran with; more than one set is said."""
    sets = [dict(one) for one in dict.fromkeys(tuple(run["versions"].items()) for run in here.values())]
    texts = ["; ".join(f"{name} {number}" for name, number in one.items()) for one in sets]
    return "\n\n".join(f"Versions: {text}." for text in texts)


def write_openings(pages: Path) -> None:
    """Put its line into every executed page of a folder, and write the page on all pages beside them."""
    here, name, titles, runs = read(pages), takeaway.repository(), {}, published()
    for page, run in here.items():
        runs.setdefault(run["profile"], {})[page] = run
    for path in sorted(pages.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        titles[path.stem] = title(notebook)
        lines = [sentence(path.stem, runs), takeaway.launch_line(path.stem, name)]
        open_with(notebook, "\n\n".join(filter(None, lines)))
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
    (pages / "status.md").write_text(status(titles, here))


def title(notebook: NotebookNode) -> str:
    """The heading of a page."""
    sources = (cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return next(match[1] for source in sources if (match := re.search(r"^# (.+)$", source, re.M)))


if __name__ == "__main__":
    sys.exit(main())
