"""Open every built page in headless Chromium with the network off; fail on a console error, an outside request, a
serious accessibility fault, a page wider than its window, or a figure without description, number, caption or data."""

import sys
from pathlib import Path

from workflow import accessibility
from workflow.browser import Browser, find

HTML = Path(__file__).resolve().parents[1] / "_build" / "html"


def pages() -> list[Path]:
    """The pages of the book, without Sphinx's own index and search pages."""
    own = {"genindex.html", "search.html", "py-modindex.html"}
    return sorted(path for path in HTML.rglob("*.html") if path.name not in own and "_static" not in path.parts)


def complaints(page: Path, browser: Browser) -> list[str]:
    """What is wrong with a page: console errors, what it asked of the network, faults of it and its figures, widths at
    which it overflows."""
    browser.resize(1280)
    found = [*browser.open(page), *accessibility.undescribed(browser)]
    return [*found, *accessibility.faults(browser), *accessibility.overflows(browser)]


def main() -> int:
    executable = find()
    if executable is None:
        print("no Chromium here: the built pages were not opened.", file=sys.stderr)
        return 2
    if not accessibility.AXE.exists():
        print("no axe-core here (`npm ci` installs it): accessibility was not checked.", file=sys.stderr)
    bad, opened = 0, pages()
    with Browser(executable) as browser:
        for page in opened:
            lines = complaints(page, browser)
            bad += bool(lines)
            print(f"{'bad ' if lines else 'good'} {page.relative_to(HTML)}", *lines, sep="\n     ", flush=True)
    print(f"{len(opened)} pages opened with the network off, {bad} with complaints.")
    return 1 if bad or not opened else 0


if __name__ == "__main__":
    sys.exit(main())
