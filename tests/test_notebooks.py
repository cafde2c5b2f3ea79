"""Notebooks import and narrate: kept thin by these rules, and held to the numbers that they produce."""

import ast
import re

import jupytext
import nbformat
import pytest
import yaml

from astrounet_core._paths import NOTEBOOK_DIR, ROOT
from workflow import execute_page, plan

PAGES = plan.page_names()
LONGEST_CELL = 25


def cells(name: str, kind: str = "code") -> list:
    notebook = jupytext.read(NOTEBOOK_DIR / f"{name}.py")
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def code(name: str) -> ast.Module:
    return ast.parse("\n".join(cell.source for cell in cells(name)))


@pytest.mark.parametrize("name", PAGES)
def test_parameters_come_first(name):
    first = jupytext.read(NOTEBOOK_DIR / f"{name}.py").cells[0]
    assert first.metadata["tags"] == ["parameters"]
    assert first.source.splitlines() == ['profile = "quick"', "seed = 0"]


@pytest.mark.parametrize("name", PAGES)
def test_cells_are_short(name):
    assert max(len(cell.source.splitlines()) for cell in cells(name)) <= LONGEST_CELL


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_defined_and_nothing_is_trained(name):
    tree = code(name)
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not called & {"run", "Trainer"}


def metrics_of_its_own(tree: ast.Module) -> list[str]:
    """Means, medians and sums of squared or absolute differences: what `astrounet_core.metrics` is there for."""

    def named(node: ast.AST, names: set[str]) -> bool:
        called = getattr(node, "func", None)
        return isinstance(node, ast.Call) and getattr(called, "attr", getattr(called, "id", "")) in names

    def positive(node: ast.AST) -> bool:
        squared = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and ast.unparse(node.right) == "2"
        return squared or named(node, {"abs", "absolute", "square"})

    def difference(node: ast.AST) -> bool:
        return any(isinstance(one, ast.BinOp) and isinstance(one.op, ast.Sub) for one in ast.walk(node))

    reduced = [node for node in ast.walk(tree) if named(node, {"mean", "nanmean", "median", "nanmedian", "sum"})]
    return [ast.unparse(one) for one in reduced if any(positive(part) and difference(part) for part in ast.walk(one))]


def test_a_metric_of_its_own_is_noticed():
    found = metrics_of_its_own(ast.parse("x = np.mean((a - b) ** 2)\ny = (a - b).abs().median()\nz = a.sum() ** 2"))
    assert found == ["np.mean((a - b) ** 2)", "(a - b).abs().median()"]


@pytest.mark.parametrize("name", PAGES)
def test_no_metric_is_made_here(name):
    by_hand = {"convolution": ["torch.mean((weight * data - truth) ** 2)"]}  # one step of descent, worked out
    assert metrics_of_its_own(code(name)) == by_hand.get(name, [])


@pytest.mark.parametrize("name", PAGES)
def test_no_path_is_written_down(name):
    texts = [
        node.value for node in ast.walk(code(name)) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    suspicious = [text for text in texts if re.search(r"(^|\s)(/|\./|\.\./|~/|_build|results/)\w", text)]
    assert suspicious == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_one_title_and_its_label(name):
    text = "\n".join(cell.source for cell in cells(name, "markdown"))
    assert len(re.findall(r"^# ", text, re.M)) == 1
    assert f"(page-{name.replace('_', '-')})=" in text
    assert "## What to remember" in text


def written() -> str:
    """Everything the book says in its sources."""
    prose = [path.read_text() for path in sorted((ROOT / "book").glob("*.md"))]
    return "\n".join(prose + [(NOTEBOOK_DIR / f"{name}.py").read_text() for name in PAGES])


@pytest.mark.parametrize("number", range(1, 29))
def test_every_equation_of_the_paper_has_its_place(number):
    assert len(re.findall(rf"\(eq-{number}\)=", written())) == 1
    assert rf"\tag{{{number}}}" in written()


@pytest.mark.parametrize("label", [f"fig-{n}" for n in range(1, 12)] + [f"table-{n}" for n in range(1, 4)])
def test_every_figure_and_table_of_the_paper_has_its_place(label):
    assert written().count(f'name="{label}"') == 1


def test_the_contents_list_every_page():
    contents = (ROOT / "book" / "_toc.yml").read_text()
    listed = set(re.findall(r"file: _executed/(\w+)", contents))
    assert listed == {*PAGES, *plan.lab_names(), "status"} and yaml.safe_load(contents)["root"] == "intro"


@pytest.fixture
def executed(tmp_path_factory, monkeypatch):
    """A page, executed at the smoke profile: its notebook and all text that it put out."""

    def execute(name: str) -> tuple[nbformat.NotebookNode, str]:
        monkeypatch.setenv("ASTROUNET_PAGE_DIR", "")  # put back afterwards: execute_page sets it for the kernel
        folder = tmp_path_factory.mktemp(name)
        arguments = [str(NOTEBOOK_DIR / f"{name}.py"), str(folder / f"{name}.ipynb"), "--profile", "smoke"]
        assert execute_page.main(arguments) == 0
        notebook = nbformat.read(folder / f"{name}.ipynb", as_version=4)
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
        return notebook, "\n".join(output.get("data", {}).get("text/markdown", "") for output in outputs)

    return execute


def test_the_network_page_counts_the_papers_parameters(executed):
    notebook, text = executed("unet")
    assert "7,761,345" in text
    assert "{figure}" in text and ":alt:" in text and ':name: "fig-4"' in text
    hidden = [cell for cell in notebook.cells if "remove-cell" in cell.metadata.get("tags", [])]
    assert any("injected-parameters" in cell.metadata["tags"] for cell in hidden)


def test_a_failing_page_says_so_and_leaves_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("ASTROUNET_PAGE_DIR", "")
    broken = tmp_path / "broken.py"
    broken.write_text('# %% tags=["parameters"]\nprofile = "quick"\nseed = 0\n# %%\nraise RuntimeError("no stars")\n')
    output = tmp_path / "out" / "broken.ipynb"
    assert execute_page.main([str(broken), str(output), "--profile", "smoke"]) == 1
    assert "broken.py failed: RuntimeError: no stars" in capsys.readouterr().err
    assert not output.exists()


def test_every_figure_and_table_has_a_name_of_its_own():
    names = [
        keyword.value.value
        for page in PAGES
        for node in ast.walk(code(page))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "name" and isinstance(keyword.value, ast.Constant)
    ]
    labels = [name for name in names if str(name).startswith(("fig-", "table-"))]
    assert len(labels) > 50 and sorted(labels) == sorted(set(labels))


def test_code_that_only_shows_is_folded():
    sources = ["page.figure(\n    draw(x),\n)", "y = 1\npage.text(f'{y}')", "%matplotlib inline\nf(2)", "x.page()"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    parted = execute_page.parted(notebook)
    assert [cell.source for cell in parted.cells] == [sources[0], "y = 1", "page.text(f'{y}')", *sources[2:]]
    folded = ["hide-input" in cell.metadata.get("tags", []) for cell in execute_page.tidy(parted).cells]
    assert folded == [True, False, True, False, False]
