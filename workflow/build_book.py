"""Build the book from executed pages; the last good one stays until the new one is whole."""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from workflow import labs, running, takeaway

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "_build"
EXECUTED = ROOT / "book" / "_executed"
MENDS = {
    r'\s*<link rel="preload" as="font"[^>]*>': "",  # browsers refuse it to a file:// page, and fetch the font anyway
    r'<summary aria-label="Toggle hidden content">': "<summary>",  # its name is what it says
    r'(<button class="btn search-button-field[^>]*?)\s+aria-label="Search"': r"\1",  # likewise
    r'<summary>(?=<span class="toctree-toggle")': '<summary aria-label="Show or hide its pages">',  # it has no name
    r'<div role="list" class="citation-list">': '<div class="citation-list">',  # its entries have a role of their own
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", required=True)
    bring_pages(BUILD / "pages" / parser.parse_args().profile)
    running.write_openings(EXECUTED)
    labs.write_editions(EXECUTED / "labs")
    log = BUILD / "logs" / "book.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "w") as stream:
        status = subprocess.run(command(), stdout=stream, stderr=subprocess.STDOUT, cwd=ROOT).returncode
    if status:
        complaints = [line for line in log.read_text().splitlines() if "WARNING" in line or "ERROR" in line]
        print("\n".join(complaints) or log.read_text()[-3000:], file=sys.stderr)
        print(f"the book was not built; the whole log is in {log.relative_to(ROOT)}.", file=sys.stderr)
        return 1
    mend(BUILD / "site" / "_build" / "html")
    takeaway.write_notebooks(BUILD / "site" / "_build" / "html" / "_sources" / "_executed")
    swap(BUILD / "site" / "_build" / "html", BUILD / "html")
    return 0


def command() -> list[str]:
    """jupyter-book, strict: every warning and every dead reference is an error, and no page is taken from a cache
    (an incremental build forgets the warnings of the pages that it skips)."""
    return [*jupyter_book("html"), "-W", "-n", "--keep-going", "--all"]


def jupyter_book(builder: str) -> list[str]:
    """Build the book's sources with one of Sphinx's builders."""
    program = Path(sys.executable).with_name("jupyter-book")
    options = ["--config", "_config.yml", "--path-output", "_build/site", "--builder", builder]
    return [str(program), "build", "book", *options]


def bring_pages(pages: Path) -> None:
    """Mirror the executed pages of the profile, with their figures, into the book's folder."""
    shutil.rmtree(EXECUTED, ignore_errors=True)
    shutil.copytree(pages, EXECUTED, ignore=shutil.ignore_patterns("*.part"))


def mend(site: Path) -> None:
    """Put right in the pages what theme and extensions write wrong, see `MENDS`."""
    for page in site.rglob("*.html"):
        text = page.read_text()
        for pattern, better in MENDS.items():
            text = re.sub(pattern, better, text)
        page.write_text(text)


def swap(new: Path, old: Path) -> None:
    """Put ``new`` in the place of ``old`` by two renames; without ``new``, ``old`` stays."""
    if not new.is_dir():
        raise FileNotFoundError(f"{new} was not built.")
    aside = old.with_name(f".{old.name}.old")
    shutil.rmtree(aside, ignore_errors=True)
    if old.exists():
        os.replace(old, aside)
    os.replace(new, old)
    shutil.rmtree(aside, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
