"""Run one notebook: py:percent -> ipynb -> papermill -> the page's folder, written beside and renamed."""

import argparse
import ast
import os
import re
import sys
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory

import jupytext
import nbformat
import papermill

from astrounet_core.provenance import Stopwatch, commit, replacing, write_json
from workflow import labs, running


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--profile", required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    os.environ["ASTROUNET_PAGE_DIR"] = str(options.output.parent.resolve())
    os.environ.setdefault("PYTHONWARNINGS", "ignore:IProgress not found")  # tqdm asks for widgets that no page has
    clock, source = Stopwatch(), commit()
    with TemporaryDirectory() as scratch:
        notebook, executed = Path(scratch, "source.ipynb"), Path(scratch, "executed.ipynb")
        nbformat.write(load(options.notebook), notebook)
        try:
            execute(notebook, executed, parameters(options))
        except papermill.PapermillExecutionError as error:
            print(f"{options.notebook} failed: {error.ename}: {error.evalue}\n{error}", file=sys.stderr)
            return 1
        page = tidy(nbformat.read(executed, as_version=4))
    run = running.record(options.profile, options.seed, clock.seconds, source)
    write_json(options.output.with_suffix(".run.json"), run)
    with replacing(options.output) as beside:
        nbformat.write(page, beside)
    return 0


def load(path: Path) -> nbformat.NotebookNode:
    """A page as it is run: its cells `parted`; of a lab, its edition for the book."""
    if path.parent.name == "labs":
        return labs.edition(path.stem, "book")
    return parted(jupytext.read(path))


def parameters(options: argparse.Namespace) -> dict:
    """What papermill injects; a lab knows no profiles, only whether it is to be quick."""
    if options.notebook.parent.name == "labs":
        return {"quick": options.profile == "smoke"}
    return {"profile": options.profile, "seed": options.seed}


def execute(source: Path, executed: Path, given: dict) -> None:
    kernel = {"kernel_name": "python3", "language": "python", "extra_arguments": ["--log-level=ERROR"]}
    papermill.execute_notebook(source, executed, parameters=given, progress_bar=False, cwd=Path.cwd(), **kernel)


def tidy(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Hide the cell that papermill injected, since the parameters are in every figure's provenance strip, and fold the
    code of cells that only show: what it says stands below it, as a caption."""
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "injected-parameters" in tags or "parameters" in tags:
            cell.metadata["tags"] = [*tags, "remove-cell"]
        elif cell.cell_type == "code" and ("solution" in tags or only_shows(cell.source)):
            cell.metadata["tags"] = list(dict.fromkeys([*tags, "hide-input"]))
        for part in {"solution", "check"} & set(tags):
            cell.metadata["mystnb"] = {
                f"code_prompt_{verb}": f"{verb.capitalize()} the {part}" for verb in ("show", "hide")
            }
    return notebook


def parted(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Part the cells that compute something and then show it, so that only the code that shows is folded."""
    cells = []
    for cell in notebook.cells:
        start = _last_statement(cell.source) if cell.cell_type == "code" else 0
        lines = cell.source.splitlines()
        if start and only_shows("\n".join(lines[start:])):
            before = "\n".join(lines[:start]).rstrip()
            cells.append(nbformat.v4.new_code_cell(before, metadata=deepcopy(cell.metadata)))
            cell.source = "\n".join(lines[start:])
        cells.append(cell)
    notebook.cells = cells
    return notebook


def only_shows(source: str) -> bool:
    """Whether a cell is a single call of the page's: a figure, a table, a note or a text with numbers."""
    body = _statements(source)
    call = body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None
    return isinstance(call, ast.Call) and ast.unparse(call.func).startswith("page.")


def _last_statement(source: str) -> int:
    """The line, counted from 0, on which a cell's last statement begins."""
    body = _statements(source)
    return body[-1].lineno - 1 if body else 0


def _statements(source: str) -> list[ast.stmt]:
    return ast.parse(re.sub(r"^[%!]", "#", source, flags=re.M)).body


if __name__ == "__main__":
    sys.exit(main())
