"""The search for parameters, on images whose answer is known."""

import tomllib

import numpy as np
import pytest

from astrounet_core import peers, tuning
from astrounet_core.peer_entry import Peer
from astrounet_core.tuning import Sample, criterion, samples, search


@pytest.fixture
def two() -> list[Sample]:
    """Two blank skies of noise 1 and 2."""
    random = np.random.default_rng(0)
    return [
        Sample(sigma * random.normal(0, 1, (64, 64)), 500.0, np.zeros((64, 64)), np.full((64, 64), sigma**2))
        for sigma in (1.0, 2.0)
    ]


def scaled(factor: float):
    return lambda image, exposure_time, exposure_ratio: factor * image


def test_the_criterion_is_a_geometric_mean_in_units_of_the_noise(two):
    assert criterion(scaled(1.0), two) == pytest.approx(1, abs=0.05)
    assert criterion(scaled(0.5), two) == pytest.approx(criterion(scaled(1.0), two) / 4)
    only_first = lambda image, *rest: image * (0.1 if image.std() < 1.5 else 1.0)  # noqa: E731
    assert criterion(only_first, two) == pytest.approx(0.1 * criterion(scaled(1.0), two))


def test_the_whole_grid_is_searched_in_order(two):
    made = Peer("", "smoothing", "", [], "", lambda a, b: scaled(a * b), {"a": (1.0, 0.5), "b": (1, 2)})
    rows = search(made, two)
    assert [(row["a"], row["b"]) for row in rows] == [(1.0, 1), (1.0, 2), (0.5, 1), (0.5, 2)]
    assert min(rows, key=lambda row: row["nmse"])["a"] == 0.5


def test_what_is_tuned_is_written_and_read_back(monkeypatch, tmp_path, two):
    for module in (peers, tuning):
        monkeypatch.setattr(module, "TUNED", tmp_path / "peers.toml")
    monkeypatch.setattr(tuning, "samples", lambda *given: two)
    entry = tuning.tune("tuned_gaussian")
    assert entry["chosen"] == {"width": 0.7}  # a blank sky wants the widest
    tuning.tune("tuned_median")
    assert tomllib.loads((tmp_path / "peers.toml").read_text()) == peers.tuned()
    assert list(peers.tuned()) == ["tuned_gaussian", "tuned_median"]
    assert peers.tuned()["tuned_gaussian"] == entry


@pytest.mark.parametrize("name", ["magic", "amplification"])
def test_nothing_to_tune_is_said(name):
    with pytest.raises(ValueError, match="no peer with parameters"):
        tuning.tune(name)


def test_samples_are_the_middles_of_validation_fields():
    (sample,) = samples(1, 64)
    assert sample.noisy.shape == sample.truth.shape == sample.variance.shape == (64, 64)
    assert np.mean((sample.noisy - sample.truth) ** 2 / sample.variance) == pytest.approx(1, abs=0.1)
