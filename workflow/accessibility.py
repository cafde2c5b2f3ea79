"""Accessibility of a page that is open in a browser: axe-core's rules in both colour schemes, and no page too wide."""

from pathlib import Path

from workflow.browser import Browser

AXE = Path(__file__).resolve().parents[1] / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (390, 768, 1280, 1920)
"""A phone, a tablet, a laptop and a projector, in CSS pixels."""

RUN = """(async () => {
  const found = await axe.run({resultTypes: ["violations"]});
  return found.violations.filter((one) => ["serious", "critical"].includes(one.impact)).map((one) => {
    const places = one.nodes.map((node) => node.target.join(" "));
    return `${one.impact}: ${one.id} (${one.help}), ${places.length} places, as ${places.slice(0, 3).join("; ")}`;
  });
})()"""
TOO_WIDE = """(() => {
  const view = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= view) return "";
  const clipped = (one) => one && (getComputedStyle(one).overflowX !== "visible" || clipped(one.parentElement));
  const wide = [...document.body.querySelectorAll("*")].filter(
    (one) => one.getBoundingClientRect().right > view + 1 && !clipped(one.parentElement));
  const name = (one) => [one.localName, ...one.classList].join(".") + (one.id && "#" + one.id);
  return `wider than ${view} px: ${wide.slice(-3).map(name).join("; ") || "the document"}`;
})()"""


def faults(browser: Browser, themes: tuple[str, ...] = ("light", "dark")) -> list[str]:
    """Serious and critical findings of axe-core; none are looked for where it isn't installed (see `AXE`)."""
    found = []
    if AXE.exists():
        browser.evaluate(f"{AXE.read_text()}; 0")
        for theme in themes:
            browser.evaluate(f"document.documentElement.dataset.theme = {theme!r}; 0")
            found += [f"{line} [{theme}]" for line in browser.evaluate(RUN)]
    return found


def overflows(browser: Browser, widths: tuple[int, ...] = WIDTHS) -> list[str]:
    """At which widths the page scrolls sideways, and the innermost elements that make it."""
    found = []
    for width in widths:
        browser.resize(width)
        found += filter(None, [browser.evaluate(TOO_WIDE)])
    browser.resize(1280)
    return found
