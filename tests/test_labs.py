"""The labs: editions from one source, solutions that pass their own checks, and stubs that fail each of them."""

import re

import matplotlib
import nbformat
import pytest
from matplotlib import pyplot as plt

from astrounet_core.teaching import NotYet
from workflow import labs, plan, takeaway

LABS = plan.lab_names()
LONGEST_CELL = 25
SECTIONS = (
    "**You will learn**",
    "**You need**",
    "**Reading time**",
    "## Predict first",
    "## What to remember",
    "**Next:**",
)


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path, monkeypatch):
    """Figures go to a folder of the test's own, and none stays open."""
    monkeypatch.setenv("ASTROUNET_PAGE_DIR", str(tmp_path))
    matplotlib.use("agg")
    yield
    plt.close("all")


def tagged(notebook: nbformat.NotebookNode, tag: str, kind: str = "code") -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == kind and tag in cell.metadata.get("tags", [])]


def prose(notebook: nbformat.NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_there_are_six():
    assert [name[:4] for name in LABS] == [f"lab{n}" for n in range(1, 7)]


@pytest.mark.parametrize("name", LABS)
def test_solutions_pass_their_checks_and_stubs_fail_them(name, capsys):
    solved, given = labs.edition(name, "solution"), labs.edition(name, "student")
    failed, space, answer = 0, {"__name__": "__main__"}, None
    for cell, stub in zip(solved.cells, given.cells, strict=True):
        if "solution" in cell.metadata.get("tags", []):
            labs.run([stub], space)
            answer = cell
        elif "check" in cell.metadata.get("tags", []):
            with pytest.raises(NotYet, match=r"^not yet: "):
                labs.run([cell], space)
            failed += 1
            labs.run([answer, cell], space)
        else:
            labs.run([cell], space, quick=True)
    assert failed == len(tagged(solved, "check")) >= 4
    assert "right: " in capsys.readouterr().out


@pytest.mark.parametrize("name", LABS)
def test_a_lab_has_its_parts(name):
    notebook = labs.edition(name, "instructor")
    text = prose(notebook)
    assert [part for part in SECTIONS if part not in text] == []
    assert text.count("**Task.**") >= 3 and text.count(":::{dropdown} Hint") >= 3
    assert "**Misconceptions.**" in text or "**Where students get stuck.**" in text
    assert f"(page-{name.replace('_', '-')})=" in text and len(re.findall(r"^# ", text, re.M)) == 1
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert max(len(cell.source.splitlines()) for cell in code) <= LONGEST_CELL
    assert code[0].metadata["tags"] == ["parameters"] and code[0].source.startswith("quick = False\nseed = ")


@pytest.mark.parametrize("name", LABS)
def test_every_solution_is_followed_by_its_check(name):
    code = [cell for cell in labs.edition(name, "solution").cells if cell.cell_type == "code"]
    kinds = [next(iter(cell.metadata.get("tags", [])), "") for cell in code]
    after = [kinds[i + 1] for i, kind in enumerate(kinds) if kind == "solution"]
    assert set(after) == {"check"} and len(after) == kinds.count("check")


@pytest.mark.parametrize("name", LABS)
def test_editions_differ_in_what_they_give_away(name):
    student, solution, instructor = (labs.edition(name, kind) for kind in labs.EDITIONS)
    answers, stubs = tagged(solution, "solution"), tagged(student, "solution")
    assert len(answers) == len(stubs) and all("..." in stub.source for stub in stubs)
    body = [line for cell in answers for line in cell.source.splitlines() if line.startswith("    return ")]
    assert not [line for line in body if line in "\n".join(cell.source for cell in student.cells)]
    assert "Answers" in prose(solution) and "Answers" not in prose(student)
    assert "For instructors" in prose(instructor) and "For instructors" not in prose(solution) + prose(student)
    assert [cell.source for cell in tagged(student, "check")] == [cell.source for cell in tagged(solution, "check")]


def test_the_books_edition_leads_to_the_others():
    opening = labs.edition("lab1_noise", "book").cells[0].source
    assert "# Lab 1: noise by hand\n" in opening
    assert re.findall(r"<(labs/\w+/[\w-]+\.ipynb)>", opening) == [
        "labs/student/lab1_noise.ipynb",
        "labs/solution/lab1_noise-solution.ipynb",
        "labs/instructor/lab1_noise-instructor.ipynb",
    ]


def test_written_editions_read_anywhere_and_say_how_to_run(tmp_path):
    labs.write_editions(tmp_path)
    written = sorted(tmp_path.glob("*/*.ipynb"))
    assert len(written) == 3 * len(LABS)
    for path in written:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        text = prose(notebook)
        assert not re.search(r":::|\{[\w:]+\}`|\]\(#|^\([\w-]+\)=$", text, re.M), path
        assert "pip install -e" in text and not any(cell.get("outputs") for cell in notebook.cells)


SOLUTION = '''# Your turn: twice x.
def double(x):
    """Twice as much."""
    y = x + x
    return y


# Your turn: a sum.
helper = double(2)
total, rest = helper + 1, 0
print(total)'''


def test_a_stub_keeps_comments_heads_and_the_names_that_are_used():
    assert labs.stub(SOLUTION, {"double", "total"}) == (
        '# Your turn: twice x.\ndef double(x):\n    """Twice as much."""\n    ...  # your lines\n\n\n'
        "# Your turn: a sum.\ntotal = ..."
    )


def test_wanted_are_the_names_that_given_cells_use():
    cells = [nbformat.v4.new_code_cell(SOLUTION, metadata={"tags": ["solution"]})]
    cells += [nbformat.v4.new_code_cell("%matplotlib inline\nprint(total + other.rest)")]
    assert labs.wanted(nbformat.v4.new_notebook(cells=cells)) == {"print", "total", "other"}


def test_cells_run_with_other_parameters_than_they_say():
    cells = [nbformat.v4.new_code_cell("quick = False", metadata={"tags": ["parameters"]})]
    cells += [nbformat.v4.new_markdown_cell("no code"), nbformat.v4.new_code_cell("%matplotlib inline\nx = not quick")]
    assert labs.run(cells)["x"] is True and labs.run(cells, quick=True)["x"] is False


@pytest.mark.parametrize(
    ("myst", "markdown"),
    [
        ("(page-x)=\n# X", "# X"),
        ("See [Lab 2](#page-lab2) and {term}`bias <b>`.", "See *Lab 2* and bias."),
        (":::{dropdown} Hint\nTry `x`.\n:::", "<details><summary>Hint</summary>\n\nTry `x`.\n\n</details>"),
        (":::{admonition} Note\n:class: tip\nA.\n\nB.\n:::", "> **Note**\n>\n> A.\n>\n> B."),
    ],
)
def test_markdown_for_any_notebook_program(myst, markdown):
    assert takeaway.plain(myst) == markdown
