"""Costs: that the right thing is counted. Times are recorded, never tested."""

import numpy as np
import pytest
import torch

from astrounet_core import cost
from astrounet_core.baselines import unchanged
from astrounet_core.records import lookup
from astrounet_core.score_rows import KEYS


def test_memory_is_what_a_run_needs_at_most():
    def greedy(image, exposure_time, exposure_ratio):
        return image + np.ones(10_000_000).sum()  # 80 MB for a moment

    image = np.zeros((64, 64), np.float32)
    assert 75 < cost.memory_mb(greedy, image) < 100
    assert cost.memory_mb(unchanged, image) < 20


def test_a_method_that_fails_says_so():
    def broken(image, exposure_time, exposure_ratio):
        raise SystemExit(1)

    with pytest.raises(RuntimeError, match="failed while its memory was measured"):
        cost.memory_mb(broken, np.zeros((64, 64), np.float32))


def test_every_run_but_the_first_is_timed_with_the_threads_asked_for():
    seen, before = [], torch.get_num_threads()

    def method(image, exposure_time, exposure_ratio):
        seen.append(torch.get_num_threads())
        return image

    assert len(cost.seconds(method, np.zeros((8, 8)), threads=2, repeats=3)) == 3
    assert seen == [2] * 4 and torch.get_num_threads() == before


def test_parameters_are_those_of_the_weight_file():
    from safetensors import safe_open

    with safe_open(cost.WEIGHTS_DIR / "modern.safetensors", "np") as stream:
        expected = sum(stream.get_tensor(name).size for name in stream.keys())  # noqa: SIM118
    assert cost.parameters("modern") == expected
    assert cost.parameters("unchanged") == 0 and cost.parameters("someone's own") is None


def test_training_is_what_the_record_says():
    assert cost.training_minutes("modern") == lookup("modern", "retrain").run["seconds"] / 60
    assert cost.training_minutes("unchanged") is None


def test_rows_are_the_scorecards():
    rows = cost.score({"unchanged": unchanged}, size=64, repeats=2, threads=(1,))
    assert all(tuple(row) == KEYS for row in rows)
    assert [row["quantity"] for row in rows] == ["seconds_per_megapixel", "memory_mb", "parameters"]
    assert rows[0]["magnitude"] == 1 and rows[0]["low"] <= rows[0]["value"] <= rows[0]["high"]
