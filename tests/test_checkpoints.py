"""Checkpoints: the last good one survives whatever happens to the disk, and is asked for by name."""

import pytest
import torch
from tiny import full_disk

from astrounet_core import checkpoints


def state(update: int, size: int = 1000) -> dict:
    return {"plan": ["a", 1], "update": update, "weights": torch.full((size,), float(update))}


def test_the_last_one_is_read_and_the_one_before_it_kept(tmp_path):
    assert checkpoints.load(tmp_path, ["a", 1]) is None
    for update in (1, 2, 3):
        checkpoints.save(tmp_path, state(update))
    assert sorted(path.name for path in tmp_path.iterdir()) == [checkpoints.PREVIOUS, checkpoints.LAST]
    read = checkpoints.load(tmp_path, ["a", 1])
    assert read["update"] == 3 and torch.equal(read["weights"], torch.full((1000,), 3.0))
    (tmp_path / checkpoints.LAST).unlink()
    assert checkpoints.load(tmp_path, ["a", 1])["update"] == 2


def test_a_full_disk_is_said_and_costs_no_checkpoint(tmp_path):
    for update in (1, 2):
        checkpoints.save(tmp_path, state(update))
    with full_disk(20_000), pytest.raises(ValueError, match=r"cannot write .*checkpoint\.pt .*; make room there"):
        checkpoints.save(tmp_path, state(3, size=1_000_000))
    assert sorted(path.name for path in tmp_path.iterdir()) == [checkpoints.PREVIOUS, checkpoints.LAST]
    assert checkpoints.load(tmp_path, ["a", 1])["update"] == 2


def flip(content: bytes) -> bytes:
    """One bit of the weights themselves, deep inside the file, is wrong."""
    middle = content.index(torch.full((4,), 2.0).numpy().tobytes())
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [lambda content: content[:-2000], lambda content: b"", flip])
def test_damage_is_noticed_and_the_one_before_is_named(tmp_path, damage):
    checkpoints.save(tmp_path, state(2))
    last = tmp_path / checkpoints.LAST
    whole = last.read_bytes()
    last.write_bytes(damage(whole))
    with pytest.raises(ValueError, match=r"cannot resume from .*checkpoint\.pt .*; delete it to start again"):
        checkpoints.load(tmp_path, ["a", 1])
    last.write_bytes(whole)
    checkpoints.save(tmp_path, state(2))
    last.write_bytes(damage(last.read_bytes()))
    with pytest.raises(ValueError, match=r"delete it to go on from checkpoint\.previous\.pt"):
        checkpoints.load(tmp_path, ["a", 1])
    last.unlink()
    assert checkpoints.load(tmp_path, ["a", 1])["update"] == 2


def test_another_runs_checkpoint_is_refused(tmp_path):
    checkpoints.save(tmp_path, state(1))
    with pytest.raises(ValueError, match="belongs to another run"):
        checkpoints.load(tmp_path, ["b", 1])
