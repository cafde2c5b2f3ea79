"""The house: every room of the picture leads somewhere, every module is documented, words lead to the glossary."""

import inspect
import re
from importlib import import_module
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
import yaml
from docutils import nodes
from docutils.utils import new_document
from sphinx import addnodes

from astrounet_core._paths import ROOT
from workflow import house

BOOK = ROOT / "book"
ROOMS = house.rooms()
LIBRARY = [room for room in ROOMS if room.modules]


def test_every_room_of_the_picture_leads_to_its_section():
    svg = ElementTree.fromstring(house.picture(ROOMS))
    links = [link.get("href") for link in svg.iter("{http://www.w3.org/2000/svg}a")]
    labels = re.findall(r"^\((house-\w+)\)=$", (BOOK / "house.md").read_text(), re.M)
    assert links == [f"#{label}" for label in labels] and len(links) > 10
    assert all("".join(link.itertext()).strip() for link in svg.iter("{http://www.w3.org/2000/svg}a"))


def test_lines_of_the_picture_fit_into_it():
    assert max(len(room.line) for room in ROOMS) <= 52


def test_every_module_is_documented_once():
    modules = {path.stem for path in (ROOT / "astrounet_core").glob("[a-z]*.py")}
    documented = [module for room in LIBRARY for module in room.modules]
    assert sorted(documented) == sorted(modules)
    assert all(
        f".. automodule:: astrounet_core.{module}\n" in house.documentation(room)
        for room in LIBRARY
        for module in room.modules
    )


NAMES = re.findall(r"`(\w+)\.(\w+)(?:\((\w+)\))?` \|$", (BOOK / "notation.md").read_text(), re.M)


@pytest.mark.parametrize(("module", "name", "parameter"), NAMES)
def test_symbols_have_their_name_in_the_code(module, name, parameter):
    found = getattr(import_module(f"astrounet_core.{module}"), name)
    assert not parameter or parameter in inspect.signature(found).parameters


def test_every_symbol_has_a_name():
    assert len(NAMES) == (BOOK / "notation.md").read_text().count("\n| ") - 3


def test_every_room_of_the_library_has_its_page():
    toc = yaml.safe_load((BOOK / "_toc.yml").read_text())
    chapters = [chapter for part in toc["parts"] for chapter in part["chapters"]]
    pages = [section["file"] for section in next(one for one in chapters if one["file"] == "api")["sections"]]
    assert pages == [f"api/{room.label.removeprefix('house-')}" for room in LIBRARY]
    for page, room in zip(pages, LIBRARY, strict=True):
        text = (BOOK / f"{page}.md").read_text()
        assert text.startswith(f"(page-{page.replace('/', '-')})=\n# {room.name}\n") and "\n% The modules" in text
        assert f"(#page-{page.replace('/', '-')})" in (BOOK / "house.md").read_text()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a * b of `x_`, |r| and name_", r"a \* b of ``x_``, \|r\| and name\_"),
        ("width: maps\ninputs: one\n    or two", "* width: maps\n* inputs: one\n  or two"),
        ("- a list\n  stays", "- a list\n  stays"),
        ("text\n\n    indented", "text\n\n    indented"),
    ],
)
def test_docstrings_are_read_as_written(written, read):
    lines = written.split("\n")
    house.plain(None, "function", "", None, None, lines)
    assert "\n".join(lines) == read


def linked(page: str, *paragraphs: nodes.Node) -> list[str]:
    document = new_document("page")
    document += [nodes.paragraph("", "", *(one if isinstance(one, list) else [one])) for one in paragraphs]
    house.link_terms(SimpleNamespace(env=SimpleNamespace(docname=page)), document)
    return [node["reftarget"] for node in document.findall(addnodes.pending_xref)]


def test_first_use_of_a_word_leads_to_the_glossary():
    text = nodes.Text("Cosmic rays and the read noise, then cosmic rays again; every gain of precision.")
    assert linked("data", text) == ["cosmic ray", "read noise"]


def test_words_that_are_linked_code_or_in_the_glossary_stay():
    own = addnodes.pending_xref("", nodes.inline("", "drizzled"), reftype="term", reftarget="drizzle")
    assert linked("data", [own], [nodes.literal("", "cosmic ray")], nodes.Text("drizzle")) == ["drizzle"]
    assert linked("glossary", nodes.Text("drizzle")) == []
