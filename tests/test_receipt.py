"""The receipt: what is as published, and each kind of fault found out."""

import json

import pytest

from astrounet_core import cli, receipt
from astrounet_core._paths import WEIGHTS_DIR
from astrounet_core.claims import read


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("receipt")
    return receipt.make(folder), folder


def test_this_tree_is_as_published_and_the_report_says_so(made):
    found, folder = made
    assert [fault for name in ("networks", "records", "claims") for fault in found["checks"][name]["faults"]] == []
    count = len(list(WEIGHTS_DIR.glob("*.safetensors")))
    assert found["checks"]["networks"]["says"] == f"{count} of {count} published networks are whole"
    assert found["checks"]["claims"]["says"].startswith(f"{len(read())} of {len(read())} claims")
    assert json.loads((folder / "receipt.json").read_text()) == found
    lines = (folder / "receipt.md").read_text().splitlines()
    assert lines[0] == "# Receipt" and sum(line.endswith("| ✓ |") for line in lines) >= 4


def test_a_damaged_network_and_image_are_faults(monkeypatch):
    image = receipt.manifest.entries()[0].name
    files = [
        {"name": image, "state": "corrupt", "where": "a.fits"},
        {"name": "modern", "state": "missing", "where": None},
    ]
    monkeypatch.setattr(receipt.manifest, "status", lambda: files)
    assert receipt.data()["faults"] == ["a.fits has another sha256; fetch it again"]
    assert receipt.networks() == {
        "says": "0 of 1 published networks are whole",
        "faults": ["the network modern is missing"],
    }


def test_an_image_that_is_not_here_is_no_fault(monkeypatch):
    image = {"name": receipt.manifest.entries()[0].name, "state": "missing", "where": None}
    monkeypatch.setattr(receipt.manifest, "status", lambda: [image])
    assert receipt.data() == {"says": "0 of 1 real images are here and whole", "faults": []}


def test_versions_are_held_against_the_lock(tmp_path, monkeypatch):
    lock = tmp_path / "requirements.lock"
    lock.write_text("# all\ntorch==2.13.0\nnumpy==1.0\nnot-here==3\n")
    monkeypatch.setattr(receipt, "_version", {"torch": "2.13.0+cpu", "numpy": "2.0"}.get)
    found = receipt.environment(lock)
    assert found["faults"] == ["numpy 2.0, locked 1.0"]
    assert found["says"] == "1 of 3 locked packages are here in their version, 1 are not installed"


def test_a_record_that_is_stale_or_unreadable_is_a_fault(tmp_path):
    run = tmp_path / "modern" / "seed0"
    run.mkdir(parents=True)
    (run / "run.json").write_text('{"data": "fields-v0"}')
    (tmp_path / "cut.json").write_text('{"a": ')
    (tmp_path / "whole.json").write_text("[]")
    found = receipt.records(tmp_path)
    assert found["says"].startswith("1 of 3 ") and len(found["faults"]) == 2
    assert "cut.json is not a readable record" in found["faults"][0] and "fields fields-v0" in found["faults"][1]


def test_a_claim_declared_otherwise_is_a_fault(monkeypatch):
    known = read()
    name = next(name for name, claim in known.items() if claim.ours is None)
    wrong = {name: known[name].__class__(**vars(known[name]) | {"status": "differs"})}
    monkeypatch.setattr(receipt.claims, "read", lambda: wrong)
    found = receipt.declared_claims()
    assert (
        found["says"] == "0 of 1 claims follow from their numbers"
        and f"claim {name} says 'differs'" in found["faults"][0]
    )


@pytest.mark.parametrize(("good", "code"), [(True, 0), (False, 1)])
def test_the_command_says_by_its_exit_code(made, monkeypatch, capsys, tmp_path, good, code):
    monkeypatch.setattr(receipt, "make", lambda folder: made[0] | {"good": good})
    assert cli.main(["receipt", "--out-dir", str(tmp_path)]) == code
    said = capsys.readouterr().out
    assert ("all well" in said) == good and str(tmp_path / "receipt.md") in said


def test_faults_stand_in_the_report(made):
    checks = made[0]["checks"] | {"claims": {"says": "one differs", "faults": ["claim abstract/tpr differs"]}}
    text = receipt.text(made[0] | {"good": False, "checks": checks})
    assert (
        "**not as published**" in text
        and "- claims: claim abstract/tpr differs" in text
        and "one differs | ✗ |" in text
    )
