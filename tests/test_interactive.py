"""Where things lie in a picture, and the two scripts that use it: by keys, with names for screen readers, offline."""

import base64
import json
import re
from io import BytesIO

import numpy as np
import pytest
from matplotlib.image import imread

from astrounet_core import interactive
from astrounet_core._paths import ROOT
from astrounet_core.figures import Output, curve_panels, dot_panels, open_page, sky_panels
from workflow import accessibility, browser

EXECUTABLE = browser.find()
needs_browser = pytest.mark.skipif(EXECUTABLE is None, reason="no Chromium here")
STATIC = ROOT / "book" / "_static"
WORDS = {"name": "fig-a", "caption": "What there is to see.", "alt": "Two bright squares, then their difference."}
KEYS = {"ArrowRight": 39, "ArrowLeft": 37, "Home": 36, "End": 35, "ArrowUp": 38, "ArrowDown": 40, "Tab": 9, "Enter": 13}


def square(value: float, size: int = 40) -> np.ndarray:
    """An image of one value, brighter in its middle."""
    image = np.full((size, size), float(value))
    image[15:25, 15:25] = 100
    return image


@pytest.fixture
def shown(tmp_path, monkeypatch):
    """``shown(figure, view)``: the figure as a page shows it, and the data of its script."""
    monkeypatch.setenv("ASTROUNET_PAGE_DIR", str(tmp_path))

    def show(fig, view: str) -> tuple[Output, dict]:
        output = open_page("demo").figure(fig, **WORDS, view=view)
        return output, json.loads(re.search(r"<script[^>]*>(.*)</script>", output.markdown)[1])

    return show


def before_after(layers: int = 2):
    panels = [("Input", square(0)), *((f"Output {number}", square(0.1 * number)) for number in range(1, layers))]
    return sky_panels(panels, residual=[(f"Input − {name}", square(0) - image) for name, image in panels[1:]])


def test_places_are_those_of_the_images_in_the_picture(shown):
    output, data = shown(before_after(), "compare")
    picture = imread(BytesIO(base64.b64decode(re.search(r"base64,([^\"]+)", output.html)[1])))
    assert abs(picture.shape[0] / picture.shape[1] - data["shape"]) < 0.005
    assert [one["title"] for one in data["layers"]] == ["Input", "Output 1"]
    assert [one["title"] for one in data["residuals"]] == ["Input − Output 1"]
    for one, grey in zip(data["layers"], (0, 0.1), strict=True):
        left, top, right, bottom = one["box"]
        height, width = picture.shape[:2]
        part = picture[round(top * height) : round(bottom * height), round(left * width) : round(right * width), 0]
        assert np.allclose(part[3:20, -20:-3], grey, atol=0.02) and part[len(part) // 2, part.shape[1] // 2] == 1
    assert all(one["bar"][1] >= one["box"][3] - 0.01 for one in data["layers"])  # its colour bar lies below


def test_a_layer_has_the_residual_that_names_it(shown):
    _, data = shown(before_after(3), "compare")
    assert [one.get("residual") for one in data["layers"]] == [None, 0, 1]
    _, data = shown(before_after(2), "compare")
    assert [one.get("residual") for one in data["layers"]] == [0, 0]


def test_points_lie_where_they_are_drawn_and_say_what_they_are(shown):
    panels = {"stars": {"net": ([1, 2], [0.5, -0.25], [0.25, -0.5], [0.75, 0]), "blur": ([1, 2], [0, 0], None, None)}}
    _, data = shown(curve_panels(panels, xlabel="AB mag", ylabel="bias"), "explore")
    first, second = data["series"][0]["points"]
    assert first["text"] == "stars: net: bias 0.5 (0.25 to 0.75) at AB mag 1" and first["name"] == "net"
    assert second["text"] == "stars: net: bias −0.25 (−0.5 to 0) at AB mag 2"
    left, top, right, bottom = data["panels"][0]
    assert left < first["at"][0] < second["at"][0] < right and top < first["at"][1] < second["at"][1] < bottom
    assert data["series"][0]["line"] and data["series"][0]["colour"] == "#0072b2"


def test_rows_are_found_by_their_names(shown):
    panels = {head: {"ours": ([1, 2], [0.5, None]), "paper": ([1.5, None], [None, None])} for head in ("RFE", "TPR")}
    _, data = shown(dot_panels(["$L_1$ loss", "blur"], panels), "explore")
    assert [point["name"] for one in data["series"] for point in one["points"]] == ["L_1 loss", "blur", "L_1 loss"] * 2
    assert data["series"][0]["points"][0]["text"] == "RFE: L_1 loss, ours: 1 (0.5 to 1.5)"
    assert not data["series"][0]["line"]


def test_a_figure_without_points_cannot_be_explored(shown):
    with pytest.raises(ValueError, match="no point to look at"):
        shown(sky_panels([("Input", square(1))]), "explore")


def test_no_text_ends_the_script():
    assert "</script><b>" not in interactive.script("compare", {"title": "</script><b>"})[1:-9]


@pytest.fixture(scope="module")
def chromium():
    with browser.Browser(EXECUTABLE) as one:
        yield one


@pytest.fixture
def opened(shown, chromium, tmp_path):
    """``opened(figure, view)``: a page with that figure, in the browser; scripts=False: without JavaScript."""

    def show(fig, view: str, scripts: bool = True) -> browser.Browser:
        output, data = shown(fig, view)
        code = f"<script>{(STATIC / f'{view}.js').read_text()}</script>" if scripts else ""
        style = f"<style>img {{max-width: 100%}} {(STATIC / 'compare.css').read_text()}</style>"
        figure = output.html.replace("</figure>", f"{interactive.script(view, data)}</figure>")
        page = tmp_path / "page.html"
        head = f"<html lang='en'><head><title>Page</title><link rel='icon' href='data:,'>{style}{code}</head>"
        page.write_text(f"<!doctype html>{head}<body><main><h1>Page</h1>{figure}</main></body></html>")
        assert chromium.open(page) == []
        return chromium

    return show


def press(one: browser.Browser, key: str) -> None:
    text = {"text": "\r"} if key == "Enter" else {}
    one.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=KEYS[key], **text)
    one.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=KEYS[key])


SAYS = "document.activeElement.getAttribute('aria-valuetext')"
SIGHT = "[...document.querySelectorAll('img, .compare-pair')].map((one) => one.checkVisibility())"


@needs_browser
def test_the_slider_moves_by_keys_and_says_where_it_is(opened):
    page = opened(before_after(), "compare")
    page.evaluate("document.querySelector('input').focus()")
    press(page, "ArrowRight")
    assert page.evaluate(SAYS) == "51 % Input, 49 % Output 1"
    assert page.evaluate("document.querySelector('.compare-edge').style.left") == "51%"
    press(page, "Home")
    assert page.evaluate(SAYS) == "0 % Input, 100 % Output 1"
    assert (
        page.evaluate("document.querySelector('.compare-stage').children[1].style.clipPath") == "inset(0px 0px 0px 0%)"
    )
    assert page.evaluate("document.querySelector('.compare').ariaLabel") == WORDS["alt"]
    assert page.evaluate(SIGHT) == [False, True]


@needs_browser
def test_all_panels_come_back_by_a_key_and_on_paper(opened):
    page = opened(before_after(), "compare")
    page.evaluate("document.querySelector('button').focus()")
    press(page, "Enter")
    assert page.evaluate(SIGHT) == [True, False]
    press(page, "Enter")
    assert page.evaluate(SIGHT) == [False, True]
    page.call("Emulation.setEmulatedMedia", media="print")
    assert page.evaluate(SIGHT) == [True, False]
    page.call("Emulation.setEmulatedMedia", media="")


@needs_browser
def test_another_image_brings_its_own_residual(opened):
    page = opened(before_after(3), "compare")
    title = "document.querySelectorAll('.compare-title')[1].textContent"
    assert page.evaluate(title) == "Input − Output 2"
    page.evaluate("document.querySelectorAll('select')[1].focus()")
    press(page, "ArrowUp")
    assert page.evaluate(title) == "Input − Output 1"


@needs_browser
@pytest.mark.parametrize("view", ["compare", "explore"])
def test_without_scripts_the_picture_is_there(opened, view):
    fig = before_after() if view == "compare" else dot_panels(["a"], {"b": {"c": ([1], [2])}})
    page = opened(fig, view, scripts=False)
    assert page.evaluate("document.querySelector('img').checkVisibility()")
    assert page.evaluate("document.querySelectorAll('input, select, button').length") == 0


@needs_browser
def test_the_explorer_steps_through_one_method_by_keys(opened):
    panels = {head: {"ours": ([1, 2], [0.5, 0.1]), "paper": ([1.5, 3], [None, None])} for head in ("RFE", "TPR")}
    page = opened(dot_panels(["net", "blur"], panels), "explore")
    page.evaluate("document.querySelector('select').focus()")
    press(page, "ArrowDown")
    press(page, "ArrowDown")
    assert page.evaluate("document.activeElement.value") == "blur"
    press(page, "Tab")
    said = [page.evaluate(SAYS)]
    for _ in range(4):
        press(page, "ArrowRight")
        said.append(page.evaluate(SAYS))
    paper = ["RFE: blur, paper: 3", "TPR: blur, ours: 2 (1.9 to 2.1)", "TPR: blur, paper: 3"]
    assert said == ["RFE: blur, ours: 2 (1.9 to 2.1)", *paper, paper[-1]]
    assert page.evaluate("document.querySelector('output').textContent") == paper[-1]
    assert page.evaluate("document.querySelectorAll('svg g:first-child circle').length") == 4


@needs_browser
@pytest.mark.skipif(not accessibility.AXE.exists(), reason="no axe-core here; `npm ci` installs it")
@pytest.mark.parametrize("view", ["compare", "explore"])
def test_both_are_accessible_and_fit_a_phone(opened, view):
    fig = before_after(3) if view == "compare" else dot_panels(["a"], {"b": {"c": ([1], [2])}})
    page = opened(fig, view)
    assert accessibility.faults(page) == [] and accessibility.overflows(page) == []
