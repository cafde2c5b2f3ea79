"""The labs' three editions, each from one source: student (no solutions), solution, and instructor (with notes).

    python workflow/labs.py [FOLDER]    writes FOLDER/{student,solution,instructor}/lab*.ipynb, else in _build/labs

Tags of cells in ``notebooks/labs/*.py``: ``solution`` (what students fill in; of markdown cells, what they answer),
``check`` (judges the answer), ``instructor`` (notes).
"""

import ast
import re
import sys
from copy import deepcopy
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
LABS = ROOT / "notebooks" / "labs"
EDITIONS = {"student": "", "solution": ": solutions", "instructor": ": solutions and notes for instructors"}
"""Name -> what the title says of it."""


def lab_names() -> list[str]:
    """The labs, in order."""
    return sorted(path.stem for path in LABS.glob("*.py"))


def edition(name: str, kind: str) -> NotebookNode:
    """One edition of a lab, as the book shows it (MyST)."""
    notebook = jupytext.read(LABS / f"{name}.py")
    names, cells = wanted(notebook), []
    for cell in deepcopy(notebook.cells):
        tags = cell.metadata.get("tags", [])
        if "instructor" in tags and kind != "instructor":
            continue
        if "solution" in tags and kind == "student":
            cell.source = stub(cell.source, names) if cell.cell_type == "code" else "*Your answer:*"
        cell["id"] = f"{name}-{len(cells)}"
        cells.append(cell)
    cells[0].source = re.sub(r"^(# .*)$", rf"\1{EDITIONS[kind]}", cells[0].source, count=1, flags=re.M)
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def wanted(notebook: NotebookNode) -> set[str]:
    """Names that the given cells use: those that a solution has to assign."""
    given = [cell.source for cell in notebook.cells if cell.cell_type == "code" and "solution" not in _tags(cell)]
    source = "\n".join(line for cell in given for line in cell.splitlines() if not line.startswith("%"))
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


def stub(source: str, names: set[str]) -> str:
    """What a student finds in a solution's place: its leading comments, heads of functions with their docstrings, and
    ``name = ...`` for what other cells use."""
    lines, body = source.splitlines(), ast.parse(source).body
    kept = [*lines[: body[0].lineno - 1]]
    for node in body:
        if isinstance(node, ast.FunctionDef):
            kept += [*lines[node.lineno - 1 : node.body[0].end_lineno], "    ...  # your lines", "", ""]
        elif isinstance(node, ast.Assign):
            targets = [name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
            kept += [f"{name} = ..." for name in targets if name in names]
    return "\n".join(kept).rstrip()


def plain(text: str) -> str:
    """Markdown that any notebook program shows as it should, of the book's MyST: labels, roles, links, boxes."""
    text = re.sub(r"^\([\w-]+\)=\n", "", text, flags=re.M)
    text = re.sub(r"\{[\w:]+\}`([^`<]+?)(?: <[^`]*>)?`", r"\1", text)
    text = re.sub(r"\[([^\]]+)\]\(#[^)]+\)", r"*\1*", text)
    hint = r"^:::\{dropdown\} (.*)\n((?:.*\n)*?):::$"
    text = re.sub(hint, r"<details><summary>\1</summary>\n\n\2\n</details>", text, flags=re.M)
    return re.sub(r"^:::\{admonition\} (.*)\n(?::class:.*\n)?((?:.*\n)*?):::$", _quote, text, flags=re.M)


def _quote(box: re.Match) -> str:
    lines = [f"**{box[1]}**", "", *box[2].strip().splitlines()]
    return "\n".join(f"> {line}".rstrip() for line in lines)


def _tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


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
    for kind in EDITIONS:
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for name in lab_names():
            notebook = edition(name, kind)
            for cell in notebook.cells:
                cell.source = plain(cell.source) if cell.cell_type == "markdown" else cell.source
            nbformat.write(notebook, folder / kind / f"{name}.ipynb")


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "_build" / "labs"
    write_editions(where)
    print(f"{len(lab_names())} labs in {len(EDITIONS)} editions: {where}")
