"""A page's outputs: captioned, labelled, described, with provenance, in MyST for the book and HTML for notebooks."""

import base64
import re
from types import SimpleNamespace

import pytest
from docutils.parsers.rst.directives.images import Figure as FigureDirective
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from myst_parser.parsers.directives import parse_directive_text

from astrounet_core import publish
from astrounet_core.figures import Column, curves, open_page

CAPTION = "The noise: $\\sigma_1^2 = [a|b]$ for {eq}`eq-4`, and `r`."
ALT = 'A line that "rises": 50 % at x = 1 & beyond #1.'
RUN = {
    "experiment": "network1",
    "profile": "paper",
    "preset": "code",
    "seed": 0,
    "data": "fields-v1",
    "weights_sha256": "abcdef0123456789",
    "updates": 4000,
    "paper_updates": 800_000,
    "commit": "1234567890",
    "dirty": False,
    "device": "NVIDIA H200",
    "seconds": 900.4,
}


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.setenv("ASTROUNET_PAGE_DIR", str(tmp_path))
    return open_page("results", profile="smoke", seed=7)


def line() -> Figure:
    return curves({"a": ([0, 1], [0, 1])}, xlabel="x", ylabel="y")


def parsed(markdown: str):
    """A figure's options and body as MyST's own parser reads them."""
    first, *rest = markdown.splitlines()
    kind, argument = re.fullmatch(r"`+\{(\w+)\} (.*)", first).groups()
    assert rest.pop() == first.partition("{")[0]
    assert kind == "figure"
    return parse_directive_text(FigureDirective, argument, "\n".join(rest))


def test_figure_is_saved_and_described_for_the_book(page, tmp_path):
    output = page.figure(line(), name="fig-5", caption=CAPTION, alt=ALT)
    assert (tmp_path / "figures" / "results-fig-5.png").read_bytes().startswith(b"\x89PNG")
    names = sorted(each.name for each in (tmp_path / "figures").iterdir())
    assert names == ["results-fig-5.csv", "results-fig-5.png"]
    found = parsed(output.markdown)
    assert not found.warnings
    assert found.arguments == ["figures/results-fig-5.png"]
    assert (found.options["name"], found.options["alt"]) == ("fig-5", ALT)
    assert found.body[0] == CAPTION
    assert found.body[2:3] == ["```{container} provenance"]
    strip = r"`curves` · profile smoke · seed 7 · commit \S+( with changes)? · [\d.]+ s {download}`data \(CSV\)"
    assert re.fullmatch(strip + " <figures/results-fig-5.csv>`", found.body[4])


def test_figure_is_whole_in_a_notebook(page, tmp_path):
    bundle = page.figure(line(), name="fig-5", caption=CAPTION, alt=ALT)._repr_mimebundle_()
    assert set(bundle) == {"text/markdown", "text/html", "text/plain"}
    data = re.search(r'src="data:image/png;base64,([^"]+)"', bundle["text/html"])[1]
    assert base64.b64decode(data) == (tmp_path / "figures" / "results-fig-5.png").read_bytes()
    assert 'alt="A line that &quot;rises&quot;: 50 % at x = 1 &amp; beyond #1."' in bundle["text/html"]
    assert "$\\sigma_1^2 = [a|b]$ for eq-4, and <code>r</code>." in bundle["text/html"]
    assert bundle["text/plain"] == "fig-5: The noise: $\\sigma_1^2 = [a|b]$ for eq-4, and r."


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1))
def test_any_alternative_text_survives(text):
    alt = " ".join(["w x y z", *text.split()])
    found = parsed(publish._directive("figure", "a.png", {"name": "fig-1", "alt": alt}, "Caption."))
    assert not found.warnings
    assert found.options["alt"] == alt


def test_a_drawing_has_no_data_to_download(page, tmp_path):
    fig = Figure()
    fig.subplots().text(0.5, 0.5, "a box")
    assert "{download}" not in page.figure(fig, name="fig-a", caption=CAPTION, alt=ALT).markdown
    assert [each.suffix for each in (tmp_path / "figures").iterdir()] == [".png"]


def test_a_view_travels_with_the_figure_of_the_book_only(page):
    output = page.figure(line(), name="fig-a", caption=CAPTION, alt=ALT, view="explore")
    assert '```{raw} html\n\n<script type="application/json" class="explore">' in output.markdown
    assert "<script" not in output.html and "figures/" not in output.html
    assert not parsed(output.markdown).warnings
    with pytest.raises(ValueError, match="unknown view 'spin'; choose one of compare, explore"):
        page.figure(line(), name="fig-b", caption=CAPTION, alt=ALT, view="spin")
    with pytest.raises(ValueError, match="needs two images at one stretch"):
        page.figure(line(), name="fig-c", caption=CAPTION, alt=ALT, view="compare")


def test_figure_is_closed(page):
    fig, ax = plt.subplots()
    ax.plot([0, 1])
    page.figure(fig, name="fig-a", caption=CAPTION, alt=ALT)
    assert not plt.fignum_exists(fig.number)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"alt": ""}, "'fig-1' has no proper alternative text; describe it in at least 4 words"),
        ({"alt": "a picture"}, "no proper alternative text"),
        ({"caption": " \n"}, "no proper caption"),
        ({"name": "Fig 1"}, "cannot be a label"),
    ],
)
def test_no_figure_without_caption_label_and_description(page, tmp_path, changed, message):
    with pytest.raises(ValueError, match=message):
        page.figure(line(), **({"name": "fig-1", "caption": CAPTION, "alt": ALT} | changed))
    assert not (tmp_path / "figures").exists()


def test_table_is_numbered_and_gaps_say_not_run(page):
    columns = [Column("m", "Method"), Column("v", "PSNR", ".1f", "dB")]
    output = page.table([{"m": "Input", "v": 1.26}, {"m": "Net"}], name="table-2", caption=CAPTION, columns=columns)
    lines = output.markdown.splitlines()
    assert lines[:2] == ["~~~{table} " + CAPTION, ':name: "table-2"']
    assert "| Input | 1.3 |" in lines and "| Net | not run |" in lines
    assert "```{container} provenance" in lines
    assert "<td>not run</td>" in output.html
    with pytest.raises(ValueError, match="no rows or no columns"):
        page.table([], name="table-3", caption=CAPTION, columns=columns)


def test_strip_of_one_run():
    assert publish.provenance_strip([RUN], "curves") == (
        "`curves` · network1 · profile paper · preset code · seed 0 · data fields-v1 · weights abcdef01 · "
        "0.5 % of the paper's schedule · commit 1234567890 · NVIDIA H200 · 900 s"
    )
    assert "schedule" not in publish.provenance_strip([RUN | {"updates": 800_000}])


def test_strip_of_several_runs_lists_what_differs():
    three = publish.provenance_strip([RUN | {"seed": seed, "dirty": True} for seed in range(3)])
    assert "seed 0, 1, 2 ·" in three and "commit 1234567890 with changes" in three and three.endswith("2,701 s")
    assert "seed 4 different" in publish.provenance_strip([RUN | {"seed": seed} for seed in range(4)])


def test_records_dicts_and_gaps_are_taken(page):
    columns = [Column("a", "A")]
    for name, record in (("t-1", RUN), ("t-2", SimpleNamespace(run=RUN)), ("t-3", [None, RUN])):
        shown = page.table([{"a": 1}], name=name, caption=CAPTION, columns=columns, record=record)
        assert publish.provenance_strip([RUN]) in shown.markdown
    for name, record in (("t-4", None), ("t-5", [None])):
        shown = page.table([{"a": 1}], name=name, caption=CAPTION, columns=columns, record=record)
        assert "profile smoke · seed 7" in shown.markdown


def test_note_is_a_visible_box(page):
    output = page.note("No file: the scene is **simulated**.", kind="warning", title="Simulated")
    assert output.markdown.splitlines()[:2] == ["```{admonition} Simulated", ':class: "warning"']
    assert output.markdown.splitlines()[2:] == ["", "No file: the scene is **simulated**.", "```"]
    assert "<b>Simulated.</b> No file: the scene is <b>simulated</b>." in output.html
    with pytest.raises(ValueError, match="unknown kind of note 'alarm'"):
        page.note("text", kind="alarm")


def test_prose_with_numbers(page):
    text = page.text(f"It fell to {page.value(0.0123, '.3f', 'e⁻/s', spread=0.001)}, then {page.value(None)}.")
    assert text.markdown == text.text == "It fell to 0.012 ± 0.001 e⁻/s, then not run."


def test_definitions_are_a_list_of_paragraphs(page):
    output = page.definitions({"Median (`median`)": ["What it\n does {cite:p}`tukey1977`.", "What it costs."]})
    assert output.markdown == "**Median (`median`)**\n: What it does {cite:p}`tukey1977`.\n\n  What it costs.\n"
    assert "<dt><b>Median (<code>median</code>)</b></dt><dd><p>What it does tukey1977.</p><p>What it" in output.html
    with pytest.raises(ValueError, match="no terms"):
        page.definitions({})


def test_fences_inside_get_longer_fences_outside():
    outer = publish._directive("note", "", {}, "````{tip}\nhello\n````").splitlines()
    assert outer[0] == "`````{note} " and outer[-1] == "`````"


def test_default_folder_follows_the_profile(monkeypatch):
    monkeypatch.delenv("ASTROUNET_PAGE_DIR", raising=False)
    assert open_page("x", profile="quick").folder.parts[-3:] == ("_build", "pages", "quick")


def test_a_caption_with_code_in_it_keeps_its_table(tmp_path, monkeypatch):
    monkeypatch.setenv("ASTROUNET_PAGE_DIR", str(tmp_path))
    output = open_page("demo").table(
        [{"a": 1}], name="table-x", caption="What `noise.physical` gives us", columns=[Column("a", "A")]
    )
    text = output._repr_mimebundle_()["text/markdown"]
    assert text.startswith("~~~{table} What `noise.physical` gives us") and "\n~~~\n" in text
