"""The book's sources beyond the notebooks' own rules: prose pages, equation numbers, captions, nothing from outside."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import jupytext
import pytest
import yaml

from astrounet_core._paths import NOTEBOOK_DIR, ROOT

BOOK = ROOT / "book"
PROSE = sorted(BOOK.glob("*.md"))
NOTEBOOKS = sorted(NOTEBOOK_DIR.glob("*.py"))
PROMISES = ("**You will learn**", "**You need**", "**Reading time**", "## What to remember", "**Next:**")


def read_markdown(path) -> str:
    """The prose of a page; of a notebook, its markdown cells."""
    if path.suffix == ".md":
        return path.read_text()
    return "\n\n".join(cell.source for cell in jupytext.read(path).cells if cell.cell_type == "markdown")


def test_contents_name_every_prose_page_once():
    toc = yaml.safe_load((BOOK / "_toc.yml").read_text())
    listed = [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]
    assert sorted(name for name in listed if "/" not in name) == [path.stem for path in PROSE]


def test_an_equation_carries_the_number_of_its_label():
    pattern = re.compile(r"^\(eq-(\d+)\)=\n\$\$\n(.*?)\n\$\$$", re.DOTALL | re.MULTILINE)
    found = [match for path in [*PROSE, *NOTEBOOKS] for match in pattern.findall(read_markdown(path))]
    assert found
    assert [number for number, _ in found] == ["".join(re.findall(r"\\tag\{(\d+)\}", body)) for _, body in found]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_captions_of_the_papers_figures_and_tables_say_which(path):
    for kind, number, caption in papers_own(path):
        assert caption.startswith(f"Paper {'Fig.' if kind == 'fig' else 'Table'} {number} ·")


def papers_own(path) -> list[tuple[str, str, str]]:
    """Kind, number and beginning of the caption of what a notebook shows of the paper."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    shown = [{keyword.arg: first_text(keyword.value) for keyword in call.keywords} for call in calls]
    named = [(re.fullmatch(r"(fig|table)-(\d+)", one.get("name", "")), one.get("caption", "")) for one in shown]
    return [(label[1], label[2], caption) for label, caption in named if label]


def first_text(node: ast.expr) -> str:
    """The beginning of a string literal or of an f-string; empty for anything else."""
    node = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else node
    return str(node.value) if isinstance(node, ast.Constant) else ""


@pytest.mark.parametrize("path", [*PROSE, *NOTEBOOKS], ids=lambda path: path.stem)
def test_page_begins_with_its_label_and_title(path):
    assert read_markdown(path).startswith(f"(page-{path.stem.replace('_', '-')})=\n# ")


ARGUED = [
    BOOK / f"{name}.md" for name in ("discussion", "paper_versus_reproduction", "errata", "benchmark", "reproduce")
]


def chapters() -> list[Path]:
    """The sources of the pages that make up the argument, in the order of the contents: all parts but the last."""
    toc = yaml.safe_load((BOOK / "_toc.yml").read_text())
    names = [Path(chapter["file"]).name for part in toc["parts"][:-1] for chapter in part["chapters"]]
    places = [
        [BOOK / f"{name}.md", NOTEBOOK_DIR / f"{name}.py", NOTEBOOK_DIR / "labs" / f"{name}.py"] for name in names
    ]
    return [next(path for path in places_of_one if path.exists()) for places_of_one in places]


@pytest.mark.parametrize(("page", "following"), list(pairwise(chapters())), ids=lambda path: path.stem)
def test_one_page_leads_to_the_next(page, following):
    closing = re.search(r"\*\*Next:\*\*[^\n]*?\]\(#([\w-]+)\)", read_markdown(page))
    assert closing and closing[1] == f"page-{following.stem.replace('_', '-')}"


@pytest.mark.parametrize("path", [*NOTEBOOKS, *ARGUED], ids=lambda path: path.stem)
def test_reading_takes_about_as_long_as_it_says(path):
    """Two hundred words and a figure or table a minute, three for a list of methods; between half and three times."""
    text, source = read_markdown(path), path.read_text()
    minutes = int(re.search(r"\*\*Reading time\*\* (\d+)", text)[1])
    shown = len(re.findall(r"page\.(?:figure|table)\(", source)) + 3 * source.count("page.definitions(")
    expected = len(re.findall(r"\w+", text)) / 200 + shown
    assert expected / 2 <= minutes <= 3 * expected


@pytest.mark.parametrize("path", [*NOTEBOOKS, *ARGUED], ids=lambda path: path.stem)
def test_page_says_what_it_offers_and_what_to_remember(path):
    text = read_markdown(path)
    assert [promise for promise in PROMISES if promise not in text] == []


def test_nothing_is_asked_from_outside():
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    extensions = config["sphinx"]["config"]["extensions"]
    assert "sphinx-mathjax-offline" in extensions and "sphinx_thebe" not in extensions
    for style in (BOOK / "_static").glob("*.css"):
        assert not re.search(r"@import|url\(\s*['\"]?(https?:)?//", style.read_text())


def test_citation_names_the_paper_and_no_person_as_author_of_this_book():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert citation["authors"] == [{"name": "The Astro U-net reproduction team"}]
    assert citation["preferred-citation"]["doi"] in (BOOK / "references.bib").read_text()


def test_the_house_names_every_module():
    house = (ROOT / "book" / "house.md").read_text()
    modules = {path.stem for path in (ROOT / "astrounet_core").glob("[a-z]*.py")}
    assert [name for name in sorted(modules) if f"`{name}`" not in house] == []
