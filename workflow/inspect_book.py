"""Open every built page in headless Chromium with the network off; fail on a console error or an outside request."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

HTML = Path(__file__).resolve().parents[1] / "_build" / "html"
OPTIONS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"),
    *("--virtual-time-budget=8000", "--dump-dom"),
]
OUTSIDE = re.compile(r"<(?:script|img|iframe|source|video|link rel=.(?:stylesheet|preload|icon))\b[^>]*https?://[^>]*>")
"""What a page fetches from elsewhere, in the document as the browser has it after the page's own scripts ran."""

OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND"


def pages() -> list[Path]:
    """The pages of the book, without Sphinx's own index and search pages."""
    own = {"genindex.html", "search.html", "py-modindex.html"}
    return sorted(path for path in HTML.rglob("*.html") if path.name not in own and "_static" not in path.parts)


def complaints(page: Path, browser: str) -> list[str]:
    """What the browser's console said of a page: errors, and anything it asked of the network."""
    with TemporaryDirectory() as profile:
        command = [browser, *OPTIONS, OFFLINE, f"--user-data-dir={profile}", page.as_uri()]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=120)
    console = [line for line in answer.stderr.splitlines() if "CONSOLE" in line]
    found = [line for line in console if "rror" in line or "ERR_" in line] + OUTSIDE.findall(answer.stdout)
    return found if "</html>" in answer.stdout else [*found, "the page did not load"]


def main() -> int:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        print("no Chromium here: the built pages were not opened.", file=sys.stderr)
        return 2
    found = {page: complaints(page, browser) for page in pages()}
    for page, lines in found.items():
        print(f"{'bad ' if lines else 'good'} {page.relative_to(HTML)}", *lines, sep="\n     ")
    print(f"{len(found)} pages opened with the network off, {sum(map(bool, found.values()))} with complaints.")
    return 1 if any(found.values()) or not found else 0


if __name__ == "__main__":
    sys.exit(main())
