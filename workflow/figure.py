"""One figure or table of the book: finds the page that makes it, runs it with what it needs, says where it is."""

import argparse
import re
import subprocess
import sys
from pathlib import Path

import nbformat

from workflow import plan

LABEL = re.compile(r"name=\"((?:fig|table)-[a-z0-9-]+)\"")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("label", nargs="?", default="", help="fig6, fig-noise-model, table2, ...")
    parser.add_argument("--profile", default="quick")
    options = parser.parse_args(arguments)
    known = labels()
    label = plan.choose("figure", tidy(options.label), list(known))
    page = known[label]
    target = ["page", "--config", f"profile={options.profile}", f"page={page}"]
    status = subprocess.run([sys.executable, "-m", "snakemake", "--workflow-profile", "profiles/default", *target])
    if status.returncode:
        return status.returncode
    print(result(label, page, plan.ROOT / "_build" / "pages" / options.profile))
    return 0


def labels() -> dict[str, str]:
    """{label: page} of every figure and table, in the pages' order."""
    sources = {page: plan.notebook(page).read_text() for page in plan.page_names() + plan.lab_names()}
    return {label: page for page, source in sources.items() for label in LABEL.findall(source)}


def tidy(name: str) -> str:
    """A label as people write it: fig6, Fig. 6, figure-6 and fig-6 are one."""
    match = re.fullmatch(r"(fig|table)[a-z]*[\s.-]*(.*)", name.strip().lower())
    return f"{match[1]}-{match[2]}" if match else name


def result(label: str, page: str, folder: Path) -> str:
    """Where the picture lies; of a table, what it says. ValueError where the executed page has no such output."""
    picture = folder / "figures" / f"{page}-{label}.png"
    if picture.exists():
        return f"{label}, of the page {page}: {picture}"
    notebook = nbformat.read(folder / f"{page}.ipynb", as_version=4)
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    texts = (output.get("data", {}).get("text/markdown", "") for output in outputs)
    found = next((text for text in texts if f':name: "{label}"' in text), None)
    if found is None:
        raise ValueError(f"page {page} was executed but shows no {label} under this profile; try PROFILE=quick.")
    return found


if __name__ == "__main__":
    sys.exit(main())
