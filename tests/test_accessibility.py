"""The gate that every built page goes through, on small pages that are well and small pages that are not."""

import pytest

from astrounet_core._paths import ROOT
from workflow import accessibility, browser, build_book, inspect_book

EXECUTABLE = browser.find()
pytestmark = pytest.mark.skipif(EXECUTABLE is None, reason="no Chromium here")
needs_axe = pytest.mark.skipif(not accessibility.AXE.exists(), reason="no axe-core here; `npm ci` installs it")


@pytest.fixture(scope="module")
def chromium():
    with browser.Browser(EXECUTABLE) as one:
        yield one


@pytest.fixture
def written(tmp_path):
    """``written(body, head)``: a small page that is well but for what is given."""

    def write(body: str, head: str = ""):
        page = tmp_path / "page.html"
        frame = "<!doctype html><html lang='en'><head><title>Page</title><link rel='icon' href='data:,'>{}</head>{}"
        page.write_text(frame.format(head, f"<body><main><h1>Page</h1>{body}</main></body></html>"))
        return page

    return write


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("<p>quiet</p><a href='https://example.org'>a link is not a request</a>", None),
        ('<img src="https://example.org/star.png" alt="a star">', "asked for https://example.org/star.png"),
        ("<script>document.write('<script src=\"https://example.org/a.js\"></scr' + 'ipt>')</script>", "asked for"),
        ("<script>fetch('https://example.org/').catch(() => 0)</script>", "asked for https://example.org/"),
        ("<script>throw new Error('broken')</script>", "error: Error: broken"),
        ("<script>console.error('so', 'bad')</script>", "console: so bad"),
        ('<img src="missing.png" alt="a star">', "missing.png"),
    ],
)
def test_a_page_that_fails_or_asks_the_network_is_found_out(chromium, written, body, complaint):
    found = chromium.open(written(body))
    assert found == [] if complaint is None else any(complaint in line for line in found)


@needs_axe
@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("<p>well</p>", None),
        ("<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>", "image-alt"),
        ("<p style='color: #bbb; background: #fff'>too pale to read</p>", "color-contrast"),
        ("<button></button>", "button-name"),
        ("<label>a</label><input type='range'>", "label"),
    ],
)
def test_an_inaccessible_page_fails(chromium, written, body, rule):
    chromium.open(written(body))
    found = accessibility.faults(chromium, themes=("light",))
    assert found == [] if rule is None else [line for line in found if f": {rule} (" in line]


@needs_axe
def test_both_colour_schemes_are_looked_at(chromium, written):
    style = (
        "<style>html[data-theme=dark] body {background: #111} html[data-theme=light] body {background: #fff}</style>"
    )
    chromium.open(written("<p style='color: #222'>well by day</p><h2 style='color: #777'>Well</h2>", style))
    found = accessibility.faults(chromium)
    assert len(found) == 1 and "color-contrast" in found[0] and found[0].endswith("[dark]")


NUMBERED = "<figcaption><span class='caption-number'>Fig. 1</span><span class='caption-text'>{}</span>{}</figcaption>"
STRIP = "<div class='provenance'><p><code>{}</code> · seed 0 {}</p></div>"
DATA = "<a class='download' href='a.csv'>data</a>"


@pytest.mark.parametrize(
    ("alt", "caption", "complaint"),
    [
        ("a star of many colours", NUMBERED.format("What there is to see", STRIP.format("curves", DATA)), None),
        ("a box of many colours", NUMBERED.format("How it is built", STRIP.format("network_diagram", "")), None),
        ("a view of a telescope", NUMBERED.format("The telescope in its orbit", ""), None),
        (
            "",
            NUMBERED.format("What there is to see", ""),
            "picture data:image/gif;base64,R0lGODlhAQABAAAAACw= has no alt",
        ),
        ("a small star", NUMBERED.format("What there is to see", ""), "has no alternative text"),
        ("a star of many colours", "", "figure fig-1 has no number"),
        ("a star of many colours", "<figcaption>What there is to see</figcaption>", "figure fig-1 has no number"),
        ("a star of many colours", NUMBERED.format("A star", ""), "figure fig-1 has no caption of four words"),
        ("a star of many colours", NUMBERED.format("What there is to see", STRIP.format("curves", "")), "no data to"),
    ],
)
def test_a_figure_needs_words_number_caption_and_data(chromium, written, alt, caption, complaint):
    image = f"<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw=' alt='{alt}'>"
    chromium.open(written(f"<figure id='fig-1'>{image}{caption}</figure>"))
    found = accessibility.undescribed(chromium)
    assert found == [] if complaint is None else any(complaint in line for line in found)


def test_the_inspection_asks_for_all_of_it(chromium, written):
    found = inspect_book.complaints(written("<figure id='fig-1'><img src='data:,' alt=''></figure>"), chromium)
    assert sum("figure fig-1 has no" in line for line in found) == 2 and any(
        "alternative text" in line for line in found
    )


def test_a_picture_outside_figures_needs_a_word(chromium, written):
    chromium.open(written("<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>"))
    assert len(accessibility.undescribed(chromium)) == 1
    chromium.open(written("<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw=' alt='badge'>"))
    assert accessibility.undescribed(chromium) == []


def test_a_page_too_wide_for_a_phone_is_found_out_with_its_cause(chromium, written):
    chromium.open(written("<div style='overflow-x: auto'><p style='width: 3000px'>scrolls by itself</p></div>"))
    assert accessibility.overflows(chromium) == []
    chromium.open(written("<p class='broad' style='width: 700px'>broad</p>"))
    (found,) = accessibility.overflows(chromium)
    assert found.startswith("wider than") and found.endswith("p.broad")


def test_a_column_sorts_by_its_button_and_says_so(chromium, written):
    rows = "".join(f"<tr><td>{text}</td></tr>" for text in ("2", "not run", "10", "−3"))
    table = f"<table class='table'><thead><tr><th>gain</th></tr></thead><tbody>{rows}</tbody></table>"
    script = (ROOT / "book" / "_static" / "sort.js").read_text()
    chromium.open(written(f"<div class='bd-content'>{table}</div>", f"<script>{script}</script>"))
    press = "document.querySelector('th button').click(); document.querySelector('th').ariaSort"
    order = "[...document.querySelectorAll('td')].map((cell) => cell.textContent)"
    assert (
        chromium.evaluate("document.querySelector('th button').focus(), document.activeElement.textContent") == "gain"
    )
    assert (chromium.evaluate(press), chromium.evaluate(order)) == ("descending", ["10", "2", "−3", "not run"])
    assert (chromium.evaluate(press), chromium.evaluate(order)) == ("ascending", ["−3", "2", "10", "not run"])


def test_a_script_that_fails_is_an_error_that_says_why(chromium, written):
    chromium.open(written(""))
    with pytest.raises(RuntimeError, match="no stars"):
        chromium.evaluate("(() => { throw new Error('no stars') })()")


def test_pages_of_the_theme_are_mended(tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<link rel="preload" as="font" href="a.woff2" />\n<summary aria-label="Toggle hidden content">Show')
    build_book.mend(tmp_path)
    assert page.read_text() == "\n<summary>Show"


def test_without_chromium_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(inspect_book, "find", lambda: None)
    assert inspect_book.main() == 2
    assert capsys.readouterr().err == "no Chromium here: the built pages were not opened.\n"


def test_a_book_with_a_bad_page_fails(tmp_path, monkeypatch, capsys, written):
    written("<script>throw new Error('broken')</script>")
    monkeypatch.setattr(inspect_book, "HTML", tmp_path)
    assert inspect_book.main() == 1
    said = capsys.readouterr().out
    assert "bad  page.html" in said and "1 pages opened with the network off, 1 with complaints." in said
