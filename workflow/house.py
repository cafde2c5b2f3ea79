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
FLOOR, WIDTH, ROOF = 46, 400, 84


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
        f'<text class="name" x="26" y="{top + 18}">{escape(room.name)}</text>'
        f'<text x="26" y="{top + 34}">{escape(room.line)}</text></a>'
    )


def documentation(room: Room) -> str:
    """The modules of a room as Markdown, which autodoc fills from their docstrings."""
    block = "## {0}\n\n```{{eval-rst}}\n.. automodule:: astrounet_core.{0}\n   :members:\n```\n"
    return "\n".join(block.format(module) for module in room.modules)


def fill(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the picture and the documentation in the place of the comments that announce them."""
    if page == "house":
        source[0] = re.sub(r"^% The picture.*$", picture(rooms(source[0])), source[0], flags=re.M)
    elif page.startswith("api/"):
        room = next(room for room in rooms() if room.label == f"house-{page.removeprefix('api/')}")
        source[0] = re.sub(r"^% The modules.*$", lambda match: documentation(room), source[0], flags=re.M)


def plain(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Docstrings are plain English: only `code` and indented code are markup in them."""
    for i, line in enumerate(lines):
        parts = re.split(r"(`+[^`]+`+)", line)
        parts[::2] = [re.sub(r"([\\*_|])", r"\\\1", part) for part in parts[::2]]
        parts[1::2] = [f"``{part.strip('`')}``" for part in parts[1::2]]
        lines[i] = "".join(parts)


def setup(app: Sphinx) -> dict:
    app.connect("source-read", fill)
    app.connect("autodoc-process-docstring", plain)
    return {"parallel_read_safe": True}
