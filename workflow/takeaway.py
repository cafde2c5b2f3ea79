"""What readers take with them: notebooks that run by themselves after one install line, and where else they open.

The address of the repository is set in one place, ``repository: url`` in `_config.yml`. While it is empty, there is
nothing to launch, and the install line speaks of a copy of the repository.
"""

import json
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import quote

import nbformat
import yaml

from workflow.plan import ROOT

ADDRESS = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?")
BRANCH = "notebooks"
"""Where the publishing workflow puts the executed notebooks: what others open must lie in the repository."""


def repository(config: Path = ROOT / "_config.yml") -> str:
    """OWNER/NAME of the repository, empty while it isn't set. ValueError for what is no address on GitHub."""
    url = (yaml.safe_load(config.read_text()).get("repository") or {}).get("url") or ""
    match = ADDRESS.fullmatch(url)
    if url and not match:
        raise ValueError(
            f"_config.yml: repository url {url!r} isn't of the form https://github.com/OWNER/NAME; mend it."
        )
    return match[1] if match else ""


def install_line(name: str) -> str:
    """The command after which a notebook runs anywhere; name as `repository` gives it."""
    if not name:
        return "pip install -e ."
    return f"pip install -e git+https://github.com/{name}#egg=astrounet"


def launchers(page: str, name: str) -> dict[str, str]:
    """Where a page's notebook can be opened and run without installing anything; none without a repository."""
    if not name:
        return {}
    file = quote(f"{page}.ipynb")
    return {
        "Colab": f"https://colab.research.google.com/github/{name}/blob/{BRANCH}/{file}",
        "Binder": f"https://mybinder.org/v2/gh/{name}/{BRANCH}?urlpath=lab/tree/{file}",
    }


def launch_line(page: str, name: str) -> str:
    """The line for a page's opening box, in Markdown; empty without a repository."""
    links = " · ".join(f"[{where}]({address})" for where, address in launchers(page, name).items())
    return f"**Run it** in {links}." if links else ""


def preface(name: str) -> str:
    """What a downloaded notebook says first, in Markdown."""
    where = "" if name else " in a copy of the repository"
    return f"To run this notebook: `{install_line(name)}`{where}, with Python 3.11 or newer. Then run all cells."


def to_go(notebook: nbformat.NotebookNode, name: str) -> nbformat.NotebookNode:
    """A page's notebook for any notebook program: Markdown without MyST, the install line below its title."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = plain(cell.source)
    first = next(cell for cell in notebook.cells if cell.cell_type == "markdown")
    first.source = re.sub(
        r"^(# .*)$", lambda match: f"{match[1]}\n\n> {preface(name)}", first.source, count=1, flags=re.M
    )
    return notebook


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


def write_notebooks(folder: Path) -> list[Path]:
    """Make every notebook of a folder one `to_go`, in its place."""
    name, written = repository(), sorted(folder.glob("*.ipynb"))
    for path in written:
        notebook = to_go(nbformat.read(path, as_version=4), name)
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
    return written


def write_branch(sources: Path, folder: Path) -> list[Path]:
    """Fill a folder with what the branch holds: the notebooks, and what Binder installs. FileNotFoundError for none."""
    notebooks = sorted(sources.glob("*.ipynb"))
    if not notebooks:
        raise FileNotFoundError(f"there are no notebooks at {sources}; run `make book` first.")
    folder.mkdir(parents=True, exist_ok=True)
    for path in notebooks:
        shutil.copyfile(path, folder / path.name)
    needed = install_line(repository()).removeprefix("pip install ")
    torch = next(line for line in (ROOT / "requirements.lock").read_text().splitlines() if line.startswith("torch=="))
    lines = ["--extra-index-url https://download.pytorch.org/whl/cpu", torch, needed]
    (folder / "requirements.txt").write_text("\n".join(lines) + "\n")
    return notebooks


if __name__ == "__main__":
    made = write_branch(ROOT / "_build" / "html" / "_sources" / "_executed", Path(sys.argv[1]))
    print(f"{len(made)} notebooks for the branch {BRANCH!r}: {sys.argv[1]}")
