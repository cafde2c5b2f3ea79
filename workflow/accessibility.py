"""A page open in a browser: axe-core's rules in both colour schemes, no page too wide, no figure undescribed."""

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
PICTURES = """(() => {
  const words = (text) => (text ?? "").split(/\\s+/).filter(Boolean).length;
  const lacks = (figure) => [
    [!figure.querySelector(".caption-number"), "number"],
    [words(figure.querySelector(".caption-text")?.textContent) < 4, "caption of four words"],
    [figure.querySelector(".provenance:not(:has(a.download))") && !drawing.test(strip(figure)), "data to download"],
  ].flatMap(([lacking, what]) => (lacking ? [`figure ${figure.id} has no ${what}`] : []));
  const strip = (figure) => figure.querySelector(".provenance code")?.textContent;
  const drawing = /(_diagram|^step_strip)$/;
  const mute = [...document.querySelectorAll("main img")].filter(
    (image) => words(image.alt) < (image.closest("figure") ? 4 : 1));
  return [
    ...mute.map((image) => `picture ${image.getAttribute("src").slice(-60)} has no alternative text`),
    ...[...document.querySelectorAll("main figure:has(img)")].flatMap(lacks),
  ];
})()"""
"""Every picture is described; every figure has number, caption and, where a page computed it, its data. Drawings, which
are known by the function's name in the strip, hold none."""


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


def undescribed(browser: Browser) -> list[str]:
    """Pictures without alternative text, and figures that lack number, caption or data."""
    return browser.evaluate(PICTURES)
