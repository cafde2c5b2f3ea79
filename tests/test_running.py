"""What running took: the line in each page's opening, and the page on all pages."""

import nbformat
import pytest
from nbclient import NotebookClient

from astrounet_core.provenance import write_json
from workflow import execute_page, plan, running, takeaway

RUN = {"seconds": 42.4, "peak_memory_mb": 754, "device": "cpu", "profile": "quick", "seed": 0, "commit": "0123456789"}
RUN |= {"dirty": False, "date": "2026-11-23T21:02:11+00:00", "versions": {"python": "3.12.1", "torch": "2.13.0"}}
BOX = "# Title\n\n:::{admonition} This page\n**You need** a pen.\n\n**Reading time** 5\nminutes.\n:::\n\nText."


def page(text: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1"), nbformat.v4.new_markdown_cell(text)])


def test_the_line_gives_time_and_memory_and_what_was_not_run():
    line = running.sentence("limit", {"quick": {"limit": RUN}, "retrain": {"limit": RUN | {"seconds": 150.0}}})
    assert line == (
        "**Running time** quick 42 s and 0.8 GB; retrain 2.5 min and 0.8 GB; smoke, paper *not run* "
        "(`make page PAGE=limit PROFILE=paper`)."
    )
    assert "0.8 GB on NVIDIA H200" in running.sentence("limit", {"paper": {"limit": RUN | {"device": "NVIDIA H200"}}})


def test_the_line_stands_after_the_reading_time():
    notebook = page(BOX)
    running.open_with(notebook, "**Running time** 1 s.")
    assert notebook.cells[1].source == BOX.replace("minutes.", "minutes.\n\n**Running time** 1 s.")
    with pytest.raises(ValueError, match="no box"):
        running.open_with(page("# Title"), "line")


def test_a_builds_own_runs_go_before_published_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "TIMINGS", tmp_path / "timings.json")
    write_json(running.TIMINGS, {"quick": {"one": RUN | {"seconds": 7.0}}, "smoke": {"one": RUN | {"seconds": 3.0}}})
    nbformat.write(page(BOX), tmp_path / "one.ipynb")
    nbformat.write(page(BOX), tmp_path / "two.ipynb")
    write_json(tmp_path / "one.run.json", RUN)
    running.write_openings(tmp_path)
    first, second = (nbformat.read(tmp_path / f"{name}.ipynb", 4).cells[1].source for name in ("one", "two"))
    assert "**Running time** smoke 3 s and 0.8 GB; quick 42 s and 0.8 GB; retrain, paper *not run*" in first
    assert "**Running time** smoke, quick, retrain, paper *not run*" in second
    text = (tmp_path / "status.md").read_text()
    assert "| [Title](#page-one) | quick | 0 | 2026-11-23, cpu | 42 | 0.8 | `0123456789` |" in text
    assert "| [Title](#page-two) | *not run* |" in text
    assert "Versions: python 3.12.1; torch 2.13.0." in text and "1 pages, 1 minutes" in text


def test_the_published_records_are_of_pages_that_there_are():
    for profile, runs in running.published().items():
        assert profile in plan.profile_names()
        assert set(runs) <= {*plan.page_names(), *plan.lab_names()}
        assert not any(" /" in run["command"] for run in runs.values())  # no folder of anybody's machine
        assert all(run["seconds"] > 0 and run["peak_memory_mb"] > 50 and run["versions"] for run in runs.values())


def test_without_records_there_is_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(plan, "ROOT", tmp_path)
    monkeypatch.setattr("sys.argv", ["running", "--profile", "smoke"])
    assert running.main() == 2
    assert "make book PROFILE=smoke" in capsys.readouterr().err


def test_without_an_address_nothing_is_launched():
    assert takeaway.launch_line("limit", "") == ""
    assert takeaway.install_line("") == "pip install -e ."


def test_launch_addresses_have_the_form_that_the_services_document():
    found = takeaway.launchers("noise_model", "owner/astro-unet")
    assert found == {
        "Colab": "https://colab.research.google.com/github/owner/astro-unet/blob/notebooks/noise_model.ipynb",
        "Binder": "https://mybinder.org/v2/gh/owner/astro-unet/notebooks?urlpath=lab/tree/noise_model.ipynb",
    }
    assert all(address in takeaway.launch_line("noise_model", "owner/astro-unet") for address in found.values())


@pytest.mark.parametrize(
    ("url", "name"),
    [("", ""), ("https://github.com/owner/name", "owner/name"), ("https://github.com/o-1/n.x.git", "o-1/n.x")],
)
def test_the_address_is_read_from_the_settings(tmp_path, url, name):
    (tmp_path / "config.yml").write_text(f'repository:\n  url: "{url}"\n')
    assert takeaway.repository(tmp_path / "config.yml") == name


def test_an_address_of_another_form_is_refused(tmp_path):
    (tmp_path / "config.yml").write_text("repository:\n  url: git@github.com:owner/name\n")
    with pytest.raises(ValueError, match="OWNER/NAME"):
        takeaway.repository(tmp_path / "config.yml")


def test_a_notebook_to_go_reads_anywhere_and_says_how_to_run():
    text = "(page-x)=\n# Title\n\n:::{admonition} This page\n:class: tip\n\n**You need** a {term}`PSF <psf>`.\n:::\n\n"
    source = takeaway.to_go(page(text + "See {numref}`fig-2` and [it](#page-unet)."), "").cells[1].source
    assert source.startswith("# Title\n\n> To run this notebook: `pip install -e .` in a copy of the repository,")
    assert "> **You need** a PSF." in source and source.endswith("See fig-2 and *it*.")
    assert ":::" not in source and "{" not in source


def test_the_branch_holds_the_notebooks_and_what_binder_installs(tmp_path, monkeypatch):
    monkeypatch.setattr(takeaway, "repository", lambda: "owner/name")
    nbformat.write(page(BOX), tmp_path / "one.ipynb")
    takeaway.write_branch(tmp_path, tmp_path / "branch")
    needed = (tmp_path / "branch" / "requirements.txt").read_text().splitlines()
    assert needed[1:] == ["torch==2.13.0", "-e git+https://github.com/owner/name#egg=astrounet"]
    assert (tmp_path / "branch" / "one.ipynb").exists()
    with pytest.raises(FileNotFoundError, match="make book"):
        takeaway.write_branch(tmp_path / "nowhere", tmp_path / "branch")


def test_a_notebook_to_go_runs_by_itself(tmp_path, monkeypatch):
    """From an empty folder, with the library installed and nothing else of the project in sight."""
    notebook = takeaway.to_go(execute_page.load(plan.notebook("edges")), "")
    for variable in ("PYTHONPATH", "ASTROUNET_PAGE_DIR"):
        monkeypatch.delenv(variable, raising=False)
    NotebookClient(notebook, resources={"metadata": {"path": tmp_path}}, kernel_name="python3", timeout=120).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pictures = [output for output in outputs if "<figure><img" in output.get("data", {}).get("text/html", "")]
    assert pictures and all("data:image/png;base64," in output["data"]["text/html"] for output in pictures)
    assert list(tmp_path.iterdir()) == []


def test_labs_are_run_at_two_profiles():
    line = running.sentence("lab1_noise", {"quick": {"lab1_noise": RUN}})
    assert (
        line == "**Running time** quick 42 s and 0.8 GB; smoke *not run* (`make page PAGE=lab1_noise PROFILE=smoke`)."
    )
