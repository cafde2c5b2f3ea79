"""The house as Sphinx sees it: its picture, a page of documentation a room, and links from words to the glossary.

All three are made from `book/house.md` and `book/glossary.md` while the book is built, so that they can't go stale.
"""

import re
from html import escape
from pathlib import Path
from typing import NamedTuple

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

BOOK = Path(__file__).resolve().parents[1] / "book"
ROOM = re.compile(r"^\((house-[a-z]+)\)=\n### (.+?)\n\n(.+?\.)\s(.*?)(?=^\(house-|^## |\Z)", re.M | re.S)
EVERYDAY = {
    "bias",
    "experiment",
    "gain",
    "leak",
    "precision",
    "preset",
    "profile",
    "protocol",
    "recall",
    "scatter",
    "update",
}
FLOOR, WIDTH, ROOF = 52, 400, 84


class Room(NamedTuple):
    """A room: its label, name and line, and the library's modules in it."""

    label: str
    name: str
    line: str
    modules: list[str]


def rooms(text: str | None = None) -> list[Room]:
    """The rooms of `book/house.md`, from top to bottom."""
    text = (BOOK / "house.md").read_text() if text is None else text
    known = {path.stem for path in (BOOK.parent / "astrounet_core").glob("[a-z]*.py")}
    found = []
    for label, name, line, rest in ROOM.findall(text):
        modules = [each for each in dict.fromkeys(re.findall(r"`(\w+)`", rest)) if each in known]
        found.append(Room(label, name.replace("`", ""), line.replace("\n", " ").replace("`", ""), modules))
    return found


def picture(shown: list[Room]) -> str:
    """The house as an SVG: a floor a room, each a link to its section."""
    height = ROOF + FLOOR * len(shown) + 6
    floors = "\n".join(_floor(room, ROOF + i * FLOOR) for i, room in enumerate(shown))
    return (
        f'<nav class="house" aria-label="The house, a picture of the repository with a link a room">\n'
        f'<svg viewBox="0 0 {WIDTH} {height}" xmlns="http://www.w3.org/2000/svg" role="presentation">\n'
        f'<path class="roof" d="M4 {ROOF - 4} L{WIDTH / 2} 6 L{WIDTH - 4} {ROOF - 4} Z"/>\n'
        f'<text class="sign" x="{WIDTH / 2}" y="{ROOF - 24}">The house</text>\n{floors}\n</svg>\n</nav>'
    )


def _floor(room: Room, top: int) -> str:
    return (
        f'<a href="#{room.label}"><rect x="14" y="{top}" width="{WIDTH - 28}" height="{FLOOR - 4}" rx="3"/>'
        f'<text class="name" x="26" y="{top + 20}">{escape(room.name)}</text>'
        f'<text x="26" y="{top + 39}">{escape(room.line)}</text></a>'
    )


def documentation(room: Room) -> str:
    """The modules of a room as Markdown, which autodoc fills from their docstrings."""
    options = "\n   :members:\n   :ignore-module-all:\n   :no-value:"
    directives = {module: f".. automodule:: astrounet_core.{module}{options}" for module in room.modules}
    return "\n".join(f"## {module}\n\n```{{eval-rst}}\n{text}\n```\n" for module, text in directives.items())


def fill(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the picture and the documentation in the place of the comments that announce them."""
    if page == "house":
        source[0] = re.sub(r"^% The picture.*$", picture(rooms(source[0])), source[0], flags=re.M)
    elif page.startswith("api/"):
        room = next(room for room in rooms() if room.label == f"house-{page.removeprefix('api/')}")
        source[0] = re.sub(r"^% The modules.*$", lambda match: documentation(room), source[0], flags=re.M)


def plain(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Docstrings are plain English: only `code`, tables, lists and indented blocks are markup in them."""
    parts = re.split(r"(`+[^`]+`+)", "\n".join(lines))
    parts[::2] = [re.sub(r"([\\*_|])", r"\\\1", part) for part in parts[::2]]
    parts[1::2] = [f"``{part.strip('`')}``" for part in parts[1::2]]
    value = [f"``{obj!r}``", ""] if what == "data" and isinstance(obj, int | float | str) else []
    lines[:] = value + "\n\n".join(map(_listed, "".join(parts).split("\n\n"))).split("\n")


def _listed(block: str) -> str:
    """A block of lines that hang from their first words, as a list."""
    if not re.search(r"\A[^\s-].*\n +\S", block, re.S):
        return block
    return re.sub(r"^\S", r"* \g<0>", re.sub(r"^ +", "  ", block, flags=re.M), flags=re.M)


def terms() -> dict[str, str]:
    """The glossary's words, in lower case -> as they stand there; without those that everyday English uses, too."""
    lists = re.findall(r"```\{glossary\}\n(.*?)```", (BOOK / "glossary.md").read_text(), re.S)
    found = [term for each in lists for term in re.findall(r"^(\S.*)$", each, re.M)]
    return {term.lower(): term for term in found if term not in EVERYDAY}


def link_terms(app: Sphinx, doctree: nodes.document) -> None:
    """Lead each page's first use of a word of the glossary there, where the page doesn't do so by itself."""
    page, left = app.env.docname, terms()
    if page in ("glossary", "changelog") or page.startswith("api/"):
        return
    for linked in doctree.findall(lambda node: node.get("reftype") == "term" if isinstance(node, nodes.Element) else 0):
        left.pop(linked["reftarget"].lower(), None)
    todo = [node for node in doctree.findall(nodes.Text) if _is_prose(node)]
    while todo and left:
        text = todo.pop(0)
        words = "|".join(map(re.escape, sorted(left, key=len, reverse=True)))
        if match := re.search(rf"\b({words})(?:e?s)?\b", text, re.I):
            before, after = nodes.Text(text[: match.start()]), nodes.Text(text[match.end() :])
            text.parent.replace(text, [before, _term(page, left.pop(match[1].lower()), match[0]), after])
            todo.insert(0, after)


def _is_prose(text: nodes.Text) -> bool:
    """Whether a text is a paragraph's own: no title, caption, code, link, and nothing that is emphasised."""
    return isinstance(text.parent, nodes.paragraph) and not isinstance(text.parent.parent, nodes.entry | nodes.legend)


def _term(page: str, target: str, shown: str) -> addnodes.pending_xref:
    inner = nodes.inline("", shown, classes=["std", "std-term"])
    options = {"refdoc": page, "refdomain": "std", "reftype": "term", "reftarget": target}
    return addnodes.pending_xref("", inner, refexplicit=True, refwarn=True, **options)


def setup(app: Sphinx) -> dict:
    app.connect("source-read", fill)
    app.connect("doctree-read", link_terms)
    app.connect("autodoc-process-docstring", plain)
    return {"parallel_read_safe": True}
