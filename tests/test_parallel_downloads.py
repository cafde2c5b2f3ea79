"""Several files at once: one that fails costs no other, an interrupt leaves no half file, one bar counts them all."""

import hashlib
import threading

import pytest
from misbehaving import CONTENT, failing, misbehaving_server, stalling, whole

from astrounet_core import transfer
from astrounet_core.downloads import Progress, download, parallel
from astrounet_core.transfer import DataUnavailable, Download

KNOWN = {"bytes": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest()}


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with misbehaving_server() as httpd:
        yield httpd


def several(server, number):
    for i in range(number):
        server.answers[f"/{i}.fits"] = [whole]
    return [
        Download(name=str(i), file=f"{i}.fits", url=f"{server.url}/{i}.fits", licence="", note="", **KNOWN)
        for i in range(number)
    ]


def left(folder) -> list[str]:
    return sorted(path.name for path in folder.glob("[!.]*"))


def test_several_come_together_and_one_that_fails_costs_no_other(server, tmp_path):
    wanted = several(server, 6)
    server.answers["/3.fits"] = [failing(404)]
    meeting = threading.Barrier(3, timeout=5)

    def work(one):
        meeting.wait()
        return download(one, tmp_path, progress)

    with Progress() as progress:
        outcomes = {one.name: outcome for one, outcome in parallel(work, wanted, 3, progress)}
    assert isinstance(outcomes.pop("3"), DataUnavailable) and set(outcomes) == set("01245")
    assert left(tmp_path) == [f"{i}.fits" for i in (0, 1, 2, 4, 5)]
    assert all(path.read_bytes() == CONTENT for path in tmp_path.glob("*.fits"))


def test_an_interrupt_of_several_begins_no_other_and_leaves_no_half_file(server, tmp_path, monkeypatch):
    wanted = several(server, 8)
    monkeypatch.setattr(transfer, "TIMEOUT", 0.2)
    for i in range(1, 8):
        server.answers[f"/{i}.fits"] = [stalling]
    with Progress() as progress:
        outcomes = parallel(lambda one: download(one, tmp_path, progress), wanted, 2, progress)
        assert next(outcomes)[1] == tmp_path / "0.fits"
        with pytest.raises(KeyboardInterrupt):
            outcomes.throw(KeyboardInterrupt)
    assert [name for name in left(tmp_path) if not name.endswith(".part")] == ["0.fits"] and len(server.asked) < 6


def test_a_bar_counts_the_bytes_of_all_files(capsys):
    with Progress(shown=True) as progress:
        for file, have, total in (("a", 1000, 4000), ("b", 500, 1000), ("a", 4000, 4000), ("b", 0, 1000)):
            progress.report(file, have, total)
        assert (progress._bar.n, progress._bar.total) == (4000, 5000)
    assert "fetching" in capsys.readouterr().err
