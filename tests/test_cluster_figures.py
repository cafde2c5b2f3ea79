"""The numbers that captions of Fig. 6, 8 and 9 quote, from methods whose errors are known."""

import json

import numpy as np
import pytest

from astrounet_core import cluster_figures
from astrounet_core.cluster_figures import Clusters, clearly_larger, quoted_numbers
from astrounet_core.scenes import make_scene

FADED = 0.9


@pytest.fixture(scope="module")
def clusters(field):
    """Two small clusters: the input, the long exposure itself, and one whose light is a tenth too faint."""
    small = [field("star_cluster", seed=seed, exposure_time=700.0) for seed in (7, 8)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cluster_figures, "fields", lambda split: [*small, field("galaxy_field")])
        patched.setattr(
            cluster_figures, "render", lambda one: make_scene(one.kind, 256, one.seed, log10_central_density=1.0)
        )
        applied = {
            "unchanged": lambda shot: shot.noisy,
            "network1": lambda shot: shot.long.copy(),
            "network2": lambda shot: FADED * shot.long,
        }
        yield Clusters.of(applied)


def test_only_clusters_are_shown(clusters):
    assert [shot.field.seed for shot in clusters.shots] == [7, 8]
    assert all(shot.protocol == "paper" and shot.exposure_ratio == 2 for shot in clusters.shots)


def test_the_captions_state_the_errors_that_were_put_in(clusters):
    found = quoted_numbers(clusters)
    assert found["fig-6"]["network1"]["rfe_absolute"] == 0
    assert found["fig-6"]["network2"]["rfe_absolute"] == pytest.approx(10, rel=1e-3)
    assert found["fig-6"]["input"]["rfe_absolute"] > 1 and found["fig-6"]["input"]["error"] > 0
    assert found["fig-8"]["network2"]["rfe"] == pytest.approx(10, rel=1e-3)
    assert 1.2 < found["fig-8"]["network1"]["snr_factor"] < 1.8
    shot = clusters.shots[0]
    tenth = 0.1 * shot.long * shot.field.exposure_time
    assert found["fig-9"]["network1"] == {"mean": 0.0, "sigma": 0.0}
    assert found["fig-9"]["network2"]["mean"] == pytest.approx(tenth.mean(), rel=1e-3)
    assert found["fig-9"]["network2"]["sigma"] == pytest.approx(tenth.std(), rel=1e-3)


def test_what_is_published_says_how_it_came_about(clusters, monkeypatch, tmp_path):
    monkeypatch.setattr(cluster_figures, "RECORD", tmp_path / "figures.json")
    monkeypatch.setattr(cluster_figures.Clusters, "of", classmethod(lambda cls, applied, seed: clusters))
    monkeypatch.setattr(cluster_figures, "methods", lambda names, profile: dict.fromkeys(names))
    found = cluster_figures.publish()
    stored = json.loads((tmp_path / "figures.json").read_text())
    assert stored["fig-9"] == found["fig-9"]
    assert set(stored["run"]["weights"]) == {"network1", "network2"} and stored["run"]["commit"]
    assert np.isfinite(stored["run"]["seconds"])


def test_a_mean_is_clearly_larger_beyond_two_errors_of_the_difference():
    values = np.random.default_rng(0).normal(size=400)
    noise = np.random.default_rng(1).normal(0.0, 0.1, 400)
    assert clearly_larger(values + noise + 0.02, values)
    assert not clearly_larger(values + noise, values) and not clearly_larger(values, values + 0.02)
    assert not clearly_larger(values, values[1:]) and not clearly_larger(values[:0], values[:0])
