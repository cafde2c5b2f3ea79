"""The whole book as one PDF: all pages as one document, so that links stay inside it, printed by headless Chromium."""

import re
import subprocess
import sys
from pathlib import Path

from astrounet_core.provenance import replacing
from workflow import browser
from workflow.build_book import BUILD, EXECUTED, ROOT, jupyter_book
from workflow.release import PDF

SINGLE = BUILD / "site" / "_build" / "singlehtml"
PAPER = {"paperWidth": 8.27, "paperHeight": 11.69, "scale": 0.8, "printBackground": True, "preferCSSPageSize": False}
PREPARE = """(async () => {
  document.documentElement.dataset.theme = "light";
  for (const one of document.querySelectorAll("details")) one.open = true;
  const shown = [...document.querySelectorAll(".bd-content img, body > figure img")].filter((one) => one.src);
  for (const one of shown) one.loading = "eager";
  await Promise.all(shown.map((one) => one.decode().catch(() => 0)));
  const seen = shown.filter((one) => one.checkVisibility() && one.naturalWidth && !one.src.endsWith(".svg"));
  return new Set(seen.map((one) => one.src)).size;
})()"""
"""Opens what a click would open, waits for every picture, and counts the different ones that show."""


def main() -> int:
    found = browser.find()
    if found is None or not (EXECUTED.is_dir() and (BUILD / "html" / "index.html").exists()):
        missing = "Chromium isn't installed" if found is None else "there is no built book; run `make book` first"
        print(f"no PDF: {missing}.", file=sys.stderr)
        return 2
    log = BUILD / "logs" / "print.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "w") as stream:
        status = subprocess.run(
            jupyter_book("singlehtml"), stdout=stream, stderr=subprocess.STDOUT, cwd=ROOT
        ).returncode
    if status:
        print(f"no PDF: the pages were not joined, see {log.relative_to(ROOT)}.", file=sys.stderr)
        return 1
    with browser.Browser(found) as chromium, replacing(PDF) as beside:
        count = print_page(chromium, SINGLE / "intro.html", beside)
        size = beside.stat().st_size / 1e6
    print(f"{PDF.relative_to(ROOT)}: {size:.1f} MB, {count} pictures.")
    return 0


def print_page(chromium: browser.Browser, page: Path, target: Path) -> int:
    """Print a page and return how many pictures the PDF holds. ValueError where it holds fewer than the page shows."""
    chromium.open(page)
    chromium.call("Emulation.setEmulatedMedia", media="print")
    shown = chromium.evaluate(PREPARE)
    target.write_bytes(chromium.pdf(generateDocumentOutline=True, generateTaggedPDF=True, **PAPER))
    printed = pictures(target)
    if printed < shown:
        raise ValueError(f"{page.name} shows {shown} pictures, its PDF holds {printed}; print it again.")
    return printed


def pictures(pdf: Path) -> int:
    """Pictures in a PDF of Chromium's, each counted once; masks of transparency, which are grey, don't count."""
    dictionaries = re.findall(rb"<<[^<>]*/Subtype\s*/Image[^<>]*>>", pdf.read_bytes())
    return sum(b"/DeviceGray" not in one for one in dictionaries)


if __name__ == "__main__":
    sys.exit(main())
