"""Killed at each stage, run again: it completes, and nothing half-written is taken for whole."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from astrounet_core._paths import ROOT
from workflow import build_book

SLOW_PAGE = """# %% tags=["parameters"]
profile = "quick"
seed = 0
# %%
import pathlib, time
pathlib.Path("{started}").touch()
time.sleep({seconds})
print("whole")
"""


def start(*command: str) -> subprocess.Popen:
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True, **silent)


def kill_when(process: subprocess.Popen, sign: Path, patience: float = 120) -> None:
    """SIGKILL a process and its children as soon as ``sign`` exists; in any case it does not outlive the test."""
    deadline = time.monotonic() + patience
    try:
        while not sign.exists():
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline, f"{sign} never came"
            time.sleep(0.05)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def train(out: Path, updates: int) -> list[str]:
    options = ["--profile", "smoke", "--updates", str(updates), "--out", str(out), "--quiet", "--resume"]
    return [sys.executable, "-m", "astrounet_core.cli", "train", "network1", *options]


def test_a_killed_training_run_is_not_taken_for_finished(tmp_path):
    folder = tmp_path / "smoke" / "network1" / "seed0"
    kill_when(start(*train(tmp_path, 2_000)), folder / "history.csv")
    assert not (folder / "run.json").exists()
    subprocess.run(train(tmp_path, 4), cwd=ROOT, check=True, capture_output=True)
    assert (folder / "run.json").exists() and (folder / "weights.safetensors").exists()
    assert (folder / "history.csv").read_text().count("\n") == 1 + 4


def test_a_killed_page_leaves_nothing_and_runs_again(tmp_path):
    source, started, output = tmp_path / "slow.py", tmp_path / "started", tmp_path / "pages" / "slow.ipynb"
    command = [sys.executable, "-m", "workflow.execute_page", str(source), str(output), "--profile", "smoke"]
    source.write_text(SLOW_PAGE.format(started=started, seconds=60))
    kill_when(start(*command), started)
    assert not output.exists()
    source.write_text(SLOW_PAGE.format(started=started, seconds=0))
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert "whole" in str(nbformat.read(output, as_version=4))


def test_the_last_good_book_stays_until_the_new_one_is_whole(tmp_path):
    new, old = tmp_path / "new", tmp_path / "html"
    for folder, text in ((old, "old"), (new, "new")):
        folder.mkdir()
        (folder / "index.html").write_text(text)
    build_book.swap(new, old)
    assert (old / "index.html").read_text() == "new" and not new.exists()
    with pytest.raises(FileNotFoundError):
        build_book.swap(new, old)
    assert (old / "index.html").read_text() == "new"
