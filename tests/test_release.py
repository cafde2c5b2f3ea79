"""What a release holds: zip, PDF, checksums, metadata, and the workflows that publish the book."""

import hashlib
import json
import re
import zipfile

import nbformat
import pytest
import yaml
from matplotlib import pyplot as plt

from astrounet_core import __version__
from astrounet_core._paths import ROOT
from workflow import browser, build_book, figure, print_book, release

CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
WORKFLOWS = ROOT / ".github" / "workflows"
HTML = ROOT / "_build" / "html"


@pytest.fixture
def site(tmp_path):
    """A book of two files."""
    (tmp_path / "html" / "_static").mkdir(parents=True)
    (tmp_path / "html" / "index.html").write_text("<h1>Book</h1>")
    (tmp_path / "html" / "_static" / "style.css").write_text("h1 {}")
    return tmp_path / "html"


def test_the_zip_holds_the_whole_book_in_one_folder(site, tmp_path):
    release.zip_book(site, tmp_path / "book-1.zip")
    with zipfile.ZipFile(tmp_path / "book-1.zip") as archive:
        assert archive.namelist() == ["book-1/_static/style.css", "book-1/index.html"]
        assert archive.read("book-1/index.html") == b"<h1>Book</h1>"
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []


def test_without_a_book_there_is_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(release, "BUILD", tmp_path)
    assert release.main(["zip"]) == 2
    assert capsys.readouterr().err.strip().endswith("run `make book` first.")
    monkeypatch.setattr(release, "PDF", tmp_path / "book.pdf")
    assert release.main(["collect"]) == 2
    assert "book.pdf is missing; run `make zip pdf` first." in capsys.readouterr().err


def test_a_release_holds_everything_with_its_checksum(tmp_path):
    book = tmp_path / "book.zip"
    book.write_bytes(b"a book")
    files = release.collect([book], tmp_path / "release")
    manifest = f"data_manifest-{__version__}.zip"
    assert {path.name for path in files} == {"book.zip", "CITATION.cff", ".zenodo.json", manifest, "SHA256SUMS"}
    sums = dict(line.split()[::-1] for line in (tmp_path / "release" / "SHA256SUMS").read_text().splitlines())
    assert sums["book.zip"] == hashlib.sha256(b"a book").hexdigest() and len(sums) == 4
    metadata = json.loads((tmp_path / "release" / ".zenodo.json").read_text())
    assert metadata["version"] == __version__
    with zipfile.ZipFile(tmp_path / "release" / manifest) as archive:
        assert "data_manifest/fields.toml" in archive.namelist()


def test_zenodo_gets_what_the_citation_says():
    metadata = release.zenodo(CITATION)
    assert metadata["creators"] == [{"name": "The Astro U-net reproduction team"}]
    assert metadata["license"] == "BSD-3-Clause" and metadata["upload_type"] == "software"
    assert metadata["related_identifiers"][0]["identifier"] == "10.1093/mnras/staa3567"
    person = CITATION | {"authors": [{"family-names": "Leavitt", "given-names": "Henrietta"}]}
    assert release.zenodo(person)["creators"] == [{"name": "Leavitt, Henrietta"}]


def test_the_citation_is_valid():
    release.validate(CITATION)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"authors": []}, "has no authors"),
        ({"title": ""}, "has no title"),
        ({"date-released": "23 November"}, "date-released '23 November'"),
        ({"cff-version": "1.1.0"}, "cff-version '1.1.0'"),
        ({"version": "9.9"}, "version '9.9'"),
        ({"authors": [{"given-names": "Henrietta"}]}, "an author without a name"),
        ({"identifiers": [{"type": "isbn", "value": "1"}]}, "an identifier without a type"),
    ],
)
def test_a_citation_that_is_not_valid_is_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        release.validate(CITATION | change)


@pytest.mark.skipif(browser.find() is None, reason="no Chromium here")
def test_the_pdf_holds_every_picture(tmp_path):
    for name, colour in (("a", "red"), ("b", "green"), ("c", "blue")):
        fig, ax = plt.subplots(figsize=(2, 2))
        ax.plot([0, 1], color=colour)
        fig.savefig(tmp_path / f"{name}.png")
        plt.close(fig)
    page = tmp_path / "page.html"
    lazy = "<p style='height: 9000px'></p><img src='b.png' loading='lazy'>"
    closed = "<details><summary>more</summary><img src='c.png'></details>"
    page.write_text(f"<!doctype html><body class='bd-content'><img src='a.png'>{lazy}{closed}</body>")
    with browser.Browser(browser.find()) as chromium:
        assert print_book.print_page(chromium, page, tmp_path / "page.pdf") == 3
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF-")


@pytest.mark.skipif(not (release.PDF.exists() and HTML.exists()), reason="no printed book here; `make pdf` makes it")
def test_the_printed_book_holds_every_figure_of_the_pages():
    if release.PDF.stat().st_mtime < (HTML / "index.html").stat().st_mtime:
        pytest.skip("the printed book is older than the pages; `make pdf` prints them again")
    texts = (path.read_text() for path in HTML.rglob("*.html") if "_static" not in path.parts)
    figures = {name for text in texts for name in re.findall(r'<img [^>]*src="(?:\.\./)*(_images/[^"]+\.png)"', text)}
    assert print_book.pictures(release.PDF) >= len(figures) > 0


def test_a_pdf_that_lacks_a_picture_is_refused(tmp_path, monkeypatch):
    class Printer:
        open = call = lambda *arguments, **options: None
        evaluate = staticmethod(lambda script: 2)
        pdf = staticmethod(lambda **options: b"%PDF <</Type /XObject\n/Subtype /Image\n/ColorSpace /DeviceRGB>>")

    with pytest.raises(ValueError, match="shows 2 pictures, its PDF holds 1"):
        print_book.print_page(Printer(), tmp_path / "page.html", tmp_path / "page.pdf")


@pytest.mark.parametrize("name", ["fig6", "Fig. 6", "figure 6", "fig-6", "FIG6"])
def test_a_figure_is_known_as_people_write_it(name):
    assert figure.tidy(name) == "fig-6" and figure.labels()["fig-6"] == "results"


def test_an_unknown_figure_gets_one_sentence_with_what_there_is(capsys):
    with pytest.raises(SystemExit) as stop:
        figure.main(["fig99"])
    said = capsys.readouterr().err
    assert stop.value.code == 2 and said.count("\n") == 1
    assert said.startswith("unknown figure 'fig-99'; choose one of ") and "fig-11" in said and "table-2" in said


def test_a_figure_is_where_it_says_and_a_table_is_shown(tmp_path):
    (tmp_path / "figures").mkdir()
    picture = tmp_path / "figures" / "unet-fig-4.png"
    picture.touch()
    assert figure.result("fig-4", "unet", tmp_path).endswith(str(picture))
    output = nbformat.v4.new_output("display_data", {"text/markdown": '```{table} x\n:name: "table-2"\n\n|a|\n```'})
    cell = nbformat.v4.new_code_cell("", outputs=[output])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "results.ipynb")
    assert "|a|" in figure.result("table-2", "results", tmp_path)
    with pytest.raises(ValueError, match="shows no table-3"):
        figure.result("table-3", "results", tmp_path)


def test_a_figure_runs_its_page_and_no_other(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(figure.subprocess, "run", lambda command: asked.append(command) or Done())
    monkeypatch.setattr(figure, "result", lambda label, page, folder: f"{label} {page} {folder.name}")
    assert figure.main(["fig4", "--profile", "smoke"]) == 0
    assert asked[0][-4:] == ["page", "--config", "profile=smoke", "page=unet"]
    assert capsys.readouterr().out == "fig-4 unet smoke\n"


class Done:
    returncode = 0


@pytest.mark.parametrize("name", ["tests", "book"])
def test_the_workflows_are_whole_and_pinned(name):
    workflow = yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text())
    assert workflow[True]["push"]["branches"] == ["main"]  # YAML 1.1 reads the key `on` as true
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["runs-on"] == "ubuntu-24.04" and job["steps"]
        for step in job["steps"]:
            assert ("run" in step) != ("uses" in step)
            assert "run" in step or re.fullmatch(r"actions/[a-z-]+@v\d+\.\d+\.\d+", step["uses"])


def test_the_workflows_call_what_there_is():
    steps = [
        step["run"]
        for name in ("tests", "book")
        for job in yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text())["jobs"].values()
        for step in job["steps"]
        if "run" in step
    ]
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    called = {word for run in steps if run.startswith("make ") for word in run.split()[1:]}
    assert called == {"book", "inspect", "zip", "pdf"} <= targets and ".ci/run" in steps


def test_the_strict_build_stays_strict():
    assert {"-W", "-n", "--keep-going", "--all", "html"} <= set(build_book.command())
