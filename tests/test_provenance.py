"""Records, hashes and atomic writes."""

import hashlib
import json

import pytest

from astrounet_core.provenance import Stopwatch, digest, read_json, replacing, run_record, sha256, write_json


def test_sha256_is_hashlibs(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"stars" * 1000)
    assert sha256(path) == hashlib.sha256(b"stars" * 1000).hexdigest()


def test_digest_follows_content_not_time_or_order(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_text("1"), b.write_text("2")
    before = digest([a, b])
    a.touch()
    assert digest([b, a]) == before
    a.write_text("3")
    assert digest([a, b]) != before


def test_a_failed_write_leaves_the_old_file_and_no_scrap(tmp_path):
    path = tmp_path / "deep" / "result.json"
    write_json(path, {"value": 1})
    with pytest.raises(RuntimeError), replacing(path) as beside:
        beside.write_text("half")
        raise RuntimeError
    assert read_json(path) == {"value": 1}
    assert [p.name for p in path.parent.iterdir()] == ["result.json"]


def test_nan_never_enters_a_record(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "x.json", {"value": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_broken_record_is_named(tmp_path):
    (tmp_path / "run.json").write_text('{"half":')
    with pytest.raises(ValueError, match=r"run\.json is not a readable record"):
        read_json(tmp_path / "run.json")


def test_a_run_record_says_where_it_came_from():
    record = run_record(profile="smoke", preset="code", seed=3, device="cpu", seconds=1.26, experiment="exp01")
    assert record["profile"] == "smoke" and record["seed"] == 3 and record["seconds"] == 1.3
    assert record["versions"]["torch"].startswith("2.13.0")
    assert {"commit", "dirty", "command", "threads", "peak_memory_mb"} <= set(record)
    assert json.loads(json.dumps(record)) == record


def test_a_stopwatch_carries_time_over():
    assert Stopwatch(carried=100.0).seconds >= 100.0
