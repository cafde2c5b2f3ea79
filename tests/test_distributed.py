"""Two processes with half a batch each are one process with the whole of it."""

import os
import subprocess
import sys

import pytest
import torch
from tiny import field_set

from astrounet_core import cli, distributed
from astrounet_core._paths import ROOT
from astrounet_core.checkpoints import read_history
from astrounet_core.experiments import EXPERIMENTS, PRESETS
from astrounet_core.pairs import PairMaker
from astrounet_core.provenance import read_json

TRAIN = ["train", "network1", "modern", "--profile", "smoke", "--device", "cpu", "--quiet", "--out"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def test_the_same_command_under_torchrun_trains_the_same_network(tmp_path):
    more = ["--batch", "4", "--updates", "2"]
    assert cli.main([*TRAIN, str(tmp_path / "one"), *more]) == 0
    command = [*TORCHRUN, "-m", "astrounet_core.cli", *TRAIN, str(tmp_path / "two"), *more]
    run = subprocess.run(command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    for name in ("network1", "modern"):
        one, two = (tmp_path / folder / "smoke" / name / "seed0" for folder in ("one", "two"))
        assert [read_json(place / "run.json")["processes"] for place in (one, two)] == [1, 2]
        histories = [read_history(place / "history.csv") for place in (one, two)]
        for column in ("loss", "validation_psnr", "validation_ssim"):
            values = [[row[column] for row in rows] for rows in histories]
            assert len(values[0]) == 2 and values[1] == pytest.approx(values[0], rel=1e-4)
        weights = [torch.load(place / "checkpoint.pt")["network"] for place in (one, two)]
        for key, value in weights[0].items():
            torch.testing.assert_close(weights[1][key], value, rtol=1e-4, atol=1e-5)


def test_shares_are_contiguous_and_make_up_the_batch(monkeypatch):
    batch = PairMaker(field_set(), EXPERIMENTS["modern"], PRESETS["modern"], 8, 32, seed=0)(0)
    assert distributed.share(batch) is batch
    monkeypatch.setenv("WORLD_SIZE", "2")
    halves = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        halves.append(distributed.share(batch))
    for name, value in batch.shown().items():
        assert torch.equal(torch.cat([half.shown()[name] for half in halves]), value)
    assert all(torch.equal(half.target[0::2], half.target[1::2]) for half in halves)  # twins stay together


@pytest.mark.parametrize(("crops", "unit", "fitting"), [(1, 1, 2), (7, 1, 8), (6, 2, 8), (3, 2, 4)])
def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch, crops, unit, fitting):
    distributed.check_batch(crops, unit)
    monkeypatch.setenv("WORLD_SIZE", "2")
    distributed.check_batch(8, unit)
    with pytest.raises(ValueError, match=f"2 processes cannot share {crops} crops an update; give --batch {fitting}"):
        distributed.check_batch(crops, unit)
