"""Build the book from executed pages; the last good one stays until the new one is whole."""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "_build"
EXECUTED = ROOT / "book" / "_executed"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", required=True)
    bring_pages(BUILD / "pages" / parser.parse_args().profile)
    log = BUILD / "logs" / "book.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "w") as stream:
        status = subprocess.run(command(), stdout=stream, stderr=subprocess.STDOUT, cwd=ROOT).returncode
    if status:
        complaints = [line for line in log.read_text().splitlines() if "WARNING" in line or "ERROR" in line]
        print("\n".join(complaints) or log.read_text()[-3000:], file=sys.stderr)
        print(f"the book was not built; the whole log is in {log.relative_to(ROOT)}.", file=sys.stderr)
        return 1
    swap(BUILD / "site" / "_build" / "html", BUILD / "html")
    return 0


def command() -> list[str]:
    """jupyter-book, strict: every warning and every dead reference is an error, and no page is taken from a cache
    (an incremental build forgets the warnings of the pages that it skips)."""
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    options = ["--config", "_config.yml", "--path-output", "_build/site"]
    return [str(jupyter_book), "build", "book", *options, "-W", "-n", "--keep-going", "--all"]


def bring_pages(pages: Path) -> None:
    """Mirror the executed pages of the profile, with their figures, into the book's folder."""
    shutil.rmtree(EXECUTED, ignore_errors=True)
    shutil.copytree(pages, EXECUTED, ignore=shutil.ignore_patterns("*.part"))


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
