"""The labs' three editions, each from one source: student (no solutions), solution, and instructor (with notes).

python -m workflow.labs    writes _build/labs/{student,solution,instructor}/lab*.ipynb

The book shows a fourth: the solutions, each folded away, with links to the other three. Tags of cells in
``notebooks/labs/*.py``: ``solution`` (what students fill in; of markdown cells, what they answer), ``check`` (judges
the answer), ``instructor`` (notes).
"""

import ast
import re
from copy import deepcopy
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from workflow import plan, takeaway

EDITIONS = {"student": "", "solution": ": solutions", "instructor": ": solutions and notes for instructors"}
"""Name -> what the title says of it."""


def edition(name: str, kind: str) -> NotebookNode:
    """One edition of a lab, with the book's MyST in it; of kind ``book``, what the book shows."""
    notebook = jupytext.read(plan.notebook(name))
    names, cells = wanted(notebook), []
    for cell in deepcopy(notebook.cells):
        tags = _tags(cell)
        if "instructor" in tags and kind != "instructor":
            continue
        if "solution" in tags and kind == "student":
            cell.source = stub(cell.source, names) if cell.cell_type == "code" else "*Your answer:*"
        if "check" in tags:  # it may tell the answer, so it is folded
            cell.metadata |= {"tags": [*tags, "hide-input"], "jupyter": {"source_hidden": True}}
        cell["id"] = f"{name}-{len(cells)}"
        cells.append(cell)
    opening = cells[0]
    opening.source = re.sub(r"^(# .*)$", rf"\1{EDITIONS.get(kind, '')}", opening.source, count=1, flags=re.M)
    opening.source += f"\n\n{downloads(name)}" if kind == "book" else ""
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def file_name(name: str, kind: str) -> str:
    """The file of an edition: downloaded into one folder, they don't take each other's place."""
    return f"{name}.ipynb" if kind == "student" else f"{name}-{kind}.ipynb"


def downloads(name: str) -> str:
    """The line that leads from a lab's page to its editions."""
    links = " · ".join(f"{{download}}`{kind} edition <labs/{kind}/{file_name(name, kind)}>`" for kind in EDITIONS)
    return f"**To work on it**, take a notebook: {links}. This page shows the solutions, folded away."


def wanted(notebook: NotebookNode) -> set[str]:
    """Names that the given cells use: those that a solution has to assign."""
    given = [cell.source for cell in notebook.cells if cell.cell_type == "code" and "solution" not in _tags(cell)]
    source = "\n".join(line for cell in given for line in cell.splitlines() if not line.startswith("%"))
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


def stub(source: str, names: set[str]) -> str:
    """What a student finds in a solution's place: its comments, heads of functions with their docstrings, and
    ``name = ...`` for what other cells use."""
    lines, kept, end = source.splitlines(), [], 0
    for node in ast.parse(source).body:
        kept += [line for line in lines[end : node.lineno - 1] if line.startswith("#")]
        end = node.end_lineno
        if isinstance(node, ast.FunctionDef):
            kept += [*lines[node.lineno - 1 : node.body[0].end_lineno], "    ...  # your lines", "", ""]
        elif isinstance(node, ast.Assign):
            targets = [name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
            kept += [f"{name} = ..." for name in targets if name in names]
    return "\n".join(kept).rstrip()


def run(cells: list[NotebookNode], space: dict | None = None, **parameters) -> dict:
    """Run code cells in this process, with other ``parameters`` than they say; the names that they leave behind."""
    space = {"__name__": "__main__"} if space is None else space
    for cell in cells:
        if cell.cell_type == "code":
            exec(compile(re.sub(r"^%.*$", "", cell.source, flags=re.M), cell["id"], "exec"), space)
            space |= parameters if "parameters" in _tags(cell) else {}
    return space


def write_editions(folder: Path) -> None:
    """All labs in all editions, fit for any notebook program: FOLDER/EDITION/NAME.ipynb."""
    repository = takeaway.repository()
    for kind in EDITIONS:
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for name in plan.lab_names():
            nbformat.write(takeaway.to_go(edition(name, kind), repository), folder / kind / file_name(name, kind))


def _tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


if __name__ == "__main__":
    where = plan.ROOT / "_build" / "labs"
    write_editions(where)
    print(f"{len(plan.lab_names())} labs in {len(EDITIONS)} editions: {where}")
