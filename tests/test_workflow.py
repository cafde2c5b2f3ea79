"""The workflow: what depends on what, and bad names answered with one sentence. No page is executed here."""

import os
import shutil
import subprocess
import sys

import pytest

from astrounet_core._paths import ROOT
from astrounet_core.experiments import EXPERIMENTS
from workflow import plan

SNAKEMAKE = [sys.executable, "-m", "snakemake"]


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A small library and notebook folder of our own: c imports b, the page imports c."""
    for folder in ("astrounet_core", "notebooks/profiles", "data_manifest", "workflow", "results", "book"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "astrounet_core" / "a.py").write_text("A = 1\n")
    (tmp_path / "astrounet_core" / "b.py").write_text("B = 1\n")
    (tmp_path / "astrounet_core" / "c.py").write_text("from .b import B\n")
    (tmp_path / "notebooks" / "page.py").write_text("from astrounet_core.c import B\n")
    (tmp_path / "notebooks" / "profiles" / "quick.yml").write_text("train: []\n")
    monkeypatch.setattr(plan, "ROOT", tmp_path)
    monkeypatch.setattr(plan, "LIBRARY", tmp_path / "astrounet_core")
    monkeypatch.setattr(plan, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(plan, "PROFILES", tmp_path / "notebooks" / "profiles")
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    plan.imported_modules.cache_clear()
    plan._content.cache_clear()


def digest_after(change, folder) -> bool:
    """Whether the page's digest changes."""
    before = plan.page_digest("page", "quick")
    change(folder)
    forget()
    return plan.page_digest("page", "quick") != before


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("notebooks/page.py", True),
        ("astrounet_core/c.py", True),
        ("astrounet_core/b.py", True),
        ("astrounet_core/a.py", False),
        ("notebooks/profiles/quick.yml", True),
        ("data_manifest/fields.toml", True),
        ("requirements.lock", True),
        ("results/run.json", False),
        ("book/intro.md", False),
    ],
)
def test_a_page_is_stale_when_something_it_is_made_from_changes(library, path, changes):
    def append(folder):
        with open(folder / path, "a") as stream:
            stream.write("# a change\n")

    assert digest_after(append, library) == changes


def test_file_times_alone_change_nothing(library):
    assert not digest_after(lambda folder: os.utime(folder / "notebooks" / "page.py", (1, 1)), library)


def test_a_fetched_image_makes_its_page_anew(library, monkeypatch):
    (library / "astrounet_core" / "manifest.py").write_text("")
    (library / "notebooks" / "page.py").write_text("from astrounet_core import manifest\n")
    state = {"name": "horseshoe", "state": "missing", "where": None}
    monkeypatch.setattr(plan.manifest, "status", lambda: [state])
    assert digest_after(lambda folder: state.update(state="present"), library)


def test_an_installed_program_makes_the_page_anew_that_runs_it(monkeypatch):
    before = {page: plan.tools_lacking(page) for page in ("independent_check", "unet")}
    monkeypatch.setattr(plan, "missing_tools", lambda: ["another"])
    assert plan.tools_lacking("independent_check") == "another" != before["independent_check"]
    assert plan.tools_lacking("unet") == before["unet"] == ""


def test_an_edited_claim_makes_the_pages_anew_that_use_the_ledger(library):
    def edit(folder):
        (folder / "book" / "claims.yml").write_text("claims: []\n")

    assert not digest_after(edit, library)
    (library / "astrounet_core" / "claims.py").write_text("")
    (library / "book" / "claims.yml").unlink()
    (library / "notebooks" / "page.py").write_text("from astrounet_core import claims\n")
    forget()
    assert digest_after(edit, library)


def test_imports_are_followed(library):
    assert plan.imported_modules(library / "notebooks" / "page.py") == {"c", "b"}


def test_the_real_pages_know_whether_they_read_results():
    assert plan.reads_results("results") and not plan.reads_results("convolution")


def test_smoke_trains_every_experiment():
    assert plan.read_profile("smoke")["train"] == list(EXPERIMENTS)


def test_training_outlives_a_docstring_but_smoke_runs_follow_the_source(library):
    (library / "astrounet_core" / "training.py").write_text("from .b import B\n")
    (library / "astrounet_core" / "experiments.py").write_text("")
    forget()
    before = {profile: plan.training_digest(profile) for profile in ("retrain", "smoke")}
    (library / "astrounet_core" / "b.py").write_text('"""A docstring."""\nB = 1\n')
    forget()
    assert plan.training_digest("retrain") == before["retrain"]
    assert plan.training_digest("smoke") != before["smoke"]


def snakemake(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([*SNAKEMAKE, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--config", "profile=laptop"], "unknown profile 'laptop'; choose one of paper, quick, retrain, smoke."),
        (["page", "--config", "page=appendix"], "unknown page 'appendix'; choose one of "),
    ],
)
def test_unknown_names_get_one_sentence_and_an_exit_code(arguments, complaint):
    answer = snakemake("-n", "--cores", "1", *arguments)
    assert answer.returncode != 0
    assert complaint in answer.stderr and "Traceback" not in answer.stderr


@pytest.mark.parametrize("profile", plan.profile_names())
def test_every_profile_has_a_complete_graph(profile):
    answer = snakemake("-n", "--workflow-profile", "profiles/default", "--forceall", "--config", f"profile={profile}")
    assert answer.returncode == 0, answer.stderr
    assert "the book" in answer.stdout + answer.stderr


def test_the_same_graph_runs_on_slurm():
    answer = snakemake("-n", "--workflow-profile", "profiles/slurm", "--forceall", "--config", "profile=paper")
    assert answer.returncode == 0, answer.stderr
    assert "train network1" in answer.stdout + answer.stderr


def test_make_help_lists_every_target():
    answer = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    targets = {"book", "page", "test", "lint", "serve", "inspect", "bench", "clean", "publish", "help"}
    targets |= {"figure", "links", "zip", "pdf", "release"}
    assert targets <= {line.split()[0] for line in answer.stdout.splitlines()}


def test_make_names_the_python_it_needs():
    make = shutil.which("make")
    old = subprocess.run([make, "-n", "-B", ".venv/.ready"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "astrounet needs Python 3.11 or newer" in old.stdout
