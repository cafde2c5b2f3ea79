"""The book's sources: contents, places of equations, figures and tables, shape of pages, nothing from outside."""

import ast
import re

import jupytext
import pytest
import yaml

from astrounet_core._paths import NOTEBOOK_DIR, ROOT

BOOK = ROOT / "book"
NOTEBOOKS = sorted(NOTEBOOK_DIR.glob("*.py"))
SOURCES = {path: path.read_text() for path in [*BOOK.glob("*.md"), *NOTEBOOKS]}
MAX_CELL_LINES = 25


def read_markdown(path) -> str:
    """The prose of a page; of a notebook, its markdown cells."""
    if path.suffix == ".md":
        return SOURCES[path]
    return "\n\n".join(cell.source for cell in jupytext.read(path).cells if cell.cell_type == "markdown")


def contents() -> list[str]:
    toc = yaml.safe_load((BOOK / "_toc.yml").read_text())
    return [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]


def test_contents_name_every_page_once():
    pages = [f"_executed/{path.stem}" for path in NOTEBOOKS] + [path.stem for path in BOOK.glob("*.md")]
    assert sorted(contents()) == sorted(pages)


@pytest.mark.parametrize("number", range(1, 29))
def test_every_equation_of_the_paper_stands_once_with_its_number(number):
    pattern = rf"^\(eq-{number}\)=\n\$\$\n(.*?)\n\$\$$"
    found = [body for path in SOURCES for body in re.findall(pattern, read_markdown(path), re.DOTALL | re.MULTILINE)]
    assert len(found) == 1
    assert re.findall(r"\\tag\{(\d+)\}", found[0]) == [str(number)]


@pytest.mark.parametrize(
    "label", [*(f"fig-{number}" for number in range(1, 12)), *(f"table-{number}" for number in range(1, 4))]
)
def test_every_figure_and_table_of_the_paper_stands_once_and_says_so(label):
    kind, number = label.split("-")
    calls = [call for path in NOTEBOOKS for call in published(path, kind.replace("fig", "figure"), label)]
    assert len(calls) == 1
    caption = next(keyword.value for keyword in calls[0].keywords if keyword.arg == "caption")
    assert first_text(caption).startswith(f"Paper {kind.capitalize()}{'.' if kind == 'fig' else ''} {number} ·")


def published(path, method: str, label: str) -> list[ast.Call]:
    """Calls ``page.method(..., name=label)`` in a notebook."""
    calls = [node for node in ast.walk(ast.parse(SOURCES[path])) if isinstance(node, ast.Call)]
    return [
        call
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr == method
        and any(k.arg == "name" and getattr(k.value, "value", None) == label for k in call.keywords)
    ]


def first_text(node: ast.expr) -> str:
    """The beginning of a string literal or of an f-string."""
    return node.value if isinstance(node, ast.Constant) else getattr(node.values[0], "value", "")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_page_begins_with_its_label_and_one_title(path):
    text = read_markdown(path)
    assert text.startswith(f"(page-{path.stem.replace('_', '-')})=\n# ")
    assert len(re.findall(r"^# ", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)) == 1


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_keeps_the_contract(path):
    cells = jupytext.read(path).cells
    assert "parameters" in cells[0].metadata.get("tags", [])
    prose = read_markdown(path)
    for promised in ("**You will learn**", "**You need**", "**Reading time**", "## What to remember", "**Next:**"):
        assert promised in prose, f"{path.name} lacks {promised}"
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    assert max(len(source.splitlines()) for source in code) <= MAX_CELL_LINES
    nodes = [node for source in code for node in ast.walk(ast.parse(source))]
    assert not [node for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.While)]
    assert not re.search(r"""["'][^"'\n ]*/[^"'\n ]*\.(fits|csv|json|png|toml|safetensors)["']""", "\n".join(code))


def test_nothing_is_asked_from_outside():
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    extensions = config["sphinx"]["config"]["extensions"]
    assert "sphinx-mathjax-offline" in extensions and "sphinx_thebe" not in extensions
    for asset in (BOOK / "_static").glob("*.*s"):
        assert "//" not in re.sub(r"/\*.*?\*/", "", asset.read_text(), flags=re.DOTALL)
