"""Files without a published hash: the first one is noted, and another one later is refused."""

import hashlib
import json

import pytest
from misbehaving import CONTENT, OTHER, misbehaving_server, sending, whole

from astrounet_core import cli, downloads, manifest


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(downloads, "PAUSE", 0.001)
    with misbehaving_server() as httpd:
        yield httpd


@pytest.fixture
def paper_file(server, tmp_path, monkeypatch):
    """One file of the paper, at a local address; the lock file of the cache."""
    (one,) = manifest.select(["hst_13003_35_wfc3_uvis_f606w"])
    monkeypatch.setenv("ASTROUNET_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("ASTROUNET_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(manifest, "HLA_URL", server.url + "/right?{dataset}")
    monkeypatch.setattr(manifest, "MAST_URL", server.url + "/mirror?{uri}")
    server.answers[f"/right?{one.name}"] = [whole]
    return one.name, one.file, tmp_path / "cache" / "hla.lock.json"


def test_the_first_hash_is_noted_and_later_ones_are_held_against_it(server, paper_file, tmp_path):
    name, file, lock = paper_file
    assert cli.main(["data", "fetch", name, "--quiet"]) == 0
    noted = json.loads(lock.read_text())
    assert set(noted) == {file} and set(noted[file]) == {"sha256", "bytes", "first_seen"}
    assert (noted[file]["sha256"], noted[file]["bytes"]) == (hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
    (lock.parent / file).unlink()
    server.answers[f"/right?{name}"] = [sending(OTHER)]
    (wanted,) = manifest.select([name])
    complaint = (
        rf"another sha256.*if the archive has made it anew since \d{{4}}-\d\d-\d\d, delete its entry in {lock}\.$"
    )
    with pytest.raises(manifest.DataUnavailable, match=complaint):
        manifest.obtain(wanted)
    assert sorted(path.name for path in lock.parent.glob("[!.]*")) == ["hla.lock.json"]
    lock.write_text("{}")
    assert manifest.obtain(wanted).read_bytes() == OTHER
    assert json.loads(lock.read_text())[file]["sha256"] == hashlib.sha256(OTHER).hexdigest()


def test_a_later_change_on_the_disk_is_found(paper_file, capsys):
    name, file, lock = paper_file
    assert cli.main(["data", "fetch", name, "--quiet"]) == 0 == cli.main(["data", "verify", name])
    (lock.parent / file).write_bytes(OTHER)
    assert cli.main(["data", "verify", name]) == 2
    out, err = capsys.readouterr()
    assert out.splitlines() == [f"present  {name}", f"corrupt  {name}"]
    assert f"{file} is damaged" in err and f"delete its entry in {lock}." in err and err.count("\n") == 1


def test_a_file_of_ones_own_folder_is_noted_too(paper_file, tmp_path):
    name, file, lock = paper_file
    own = tmp_path / "data" / file
    own.write_bytes(CONTENT[:-2880])
    with pytest.raises(ValueError, match=rf"{own} ends after 20160 of 23040 bytes; delete it and fetch it again\.$"):
        manifest.obtain(manifest.select([name])[0])
    assert not lock.exists()
    own.write_bytes(CONTENT)
    assert manifest.obtain(manifest.select([name])[0]) == own and file in json.loads(lock.read_text())


def test_a_lock_file_that_cannot_be_read_is_one_sentence(paper_file, capsys):
    name, _, lock = paper_file
    lock.parent.mkdir()
    lock.write_text("{")
    assert cli.main(["data", "fetch", name]) == 2
    assert f"{lock} is not a readable record" in capsys.readouterr().err


def test_all_files_are_noted_that_come_at_once(server, paper_file, tmp_path):
    wanted = manifest.select(["hla:leak-free-test"])
    for each in wanted:
        server.answers[each.url.removeprefix(server.url)] = [whole]
    assert cli.main(["data", "fetch", "hla:leak-free-test", "--quiet", "--at-once", "8"]) == 0
    assert set(json.loads(paper_file[2].read_text())) == {each.file for each in wanted} and len(wanted) == 20
