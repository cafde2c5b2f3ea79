"""Every peer behind one signature: what goes in, what comes out, whether it helps, and what is said of it."""

import re
import sys

import numpy as np
import pytest

from astrounet_core import manifest, peers
from astrounet_core._paths import ROOT
from astrounet_core.classical_peers import MORE_EXPOSURES
from astrounet_core.experiments import PEER_EXPERIMENTS
from astrounet_core.exposures import STANDARD, expose, point_sources, variance
from astrounet_core.inference import denoise, load_network
from astrounet_core.learned_peers import network
from astrounet_core.metrics import noise_normalised_mse
from astrounet_core.peer_entry import KINDS
from astrounet_core.peers import PEERS, definitions, method, obstacle

TIME, RATIO = STANDARD.exposure_time, STANDARD.exposure_ratio
CLASSICAL = [name for name, peer in PEERS.items() if peer.group == "classical"]
NO_BETTER = {
    "amplification": "is the input",
    "tuned_gaussian": "is tuned to a width that changes nothing: wider ones take the peaks off stars",
    "tuned_median": "takes the peaks off stars",
    "richardson_lucy": "cannot make a star between pixel centres as sharp as it is",
    "blind_deconvolution": "ends at a PSF of one pixel, which fits the noise",
}
"""Peers whose squared error on stars, in units of the noise, is not below the input's, and why."""


@pytest.fixture(scope="module")
def stars():
    """A scene of 40 stars between 20 and 27 mag, 97 x 97 pixels, and its exposure."""
    random = np.random.default_rng(8)
    x, y = random.uniform(5, 92, (2, 40))
    scene = point_sources(x, y, random.uniform(20, 27, 40), 97)
    return scene, expose(scene, STANDARD, 9)


@pytest.fixture(scope="module", params=CLASSICAL)
def peer(request, stars):
    if request.param == "bm3d":
        pytest.importorskip("bm3d")
    tuned = method(request.param)
    return request.param, tuned, tuned(stars[1], TIME, RATIO)


def test_shape_and_type_stay_and_so_does_the_input(peer, stars):
    output = peer[2]
    assert output.shape == (97, 97) and output.dtype == np.float32 and np.isfinite(output).all()
    assert np.array_equal(stars[1], expose(stars[0], STANDARD, 9))


def test_gaps_stay_gaps_and_runs_agree(peer, stars):
    _, tuned, _ = peer
    image = stars[1][:41, :52].copy()
    image[3, 4] = image[20:23, 30] = np.nan
    first, second = tuned(image, TIME, RATIO), tuned(image, TIME, RATIO)
    assert np.array_equal(np.isnan(first), np.isnan(image))
    assert np.array_equal(first, second, equal_nan=True)


def test_an_image_of_gaps_alone_comes_back(peer):
    assert np.isnan(peer[1](np.full((32, 33), np.nan, np.float32), TIME, RATIO)).all()


def test_it_helps_or_is_said_not_to(peer, stars):
    name, _, output = peer
    scene, noisy = stars
    error, before = (noise_normalised_mse(image, scene, variance(scene, STANDARD)) for image in (output, noisy))
    assert before == pytest.approx(1, abs=0.05)
    assert (error < 0.95 * before) == (name not in NO_BETTER), f"{name}: {error:.3f}"


def test_an_unknown_or_untuned_peer_is_named(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="no peer 'magic'"):
        method("magic")
    monkeypatch.setattr(peers, "TUNED", tmp_path / "none.toml")
    with pytest.raises(ValueError, match=r"astrounet_core\.tuning starlet"):
        method("starlet")
    assert method("amplification")(np.ones((2, 2)), 1.0, 2.0).sum() == 4


def test_what_was_chosen_is_the_best_of_its_grid():
    for name, entry in peers.tuned().items():
        grid = PEERS[name].grid
        assert set(entry["chosen"]) == set(grid)
        assert all(entry["chosen"][key] in grid[key] for key in grid)
        best = min(entry["tried"], key=lambda row: row["nmse"])
        assert {key: best[key] for key in grid} == entry["chosen"]
        assert entry["nmse"] == best["nmse"]


def test_without_bm3d_its_name_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "bm3d", None)
    with pytest.raises(ValueError, match="pip install bm3d"):
        method("bm3d")
    assert obstacle("bm3d").count(". ") == 0 and obstacle("bm3d").endswith(".")


@pytest.mark.parametrize("name", PEER_EXPERIMENTS)
def test_a_network_that_nobody_trained_is_missed(monkeypatch, tmp_path, name):
    monkeypatch.setattr(manifest, "WEIGHTS", tmp_path / "weights.toml")
    load_network.cache_clear()
    assert f"no published network '{name}'" in obstacle(name)


def test_a_published_network_is_a_method(stars):
    denoised = network("modern")(stars[1], TIME, RATIO)
    assert np.array_equal(denoised, denoise(stars[1], RATIO, TIME, "modern"))


def test_what_can_run_has_no_obstacle():
    assert obstacle("starlet") == obstacle("zero_shot") == ""


def test_every_learned_experiment_is_a_peer():
    assert set(PEER_EXPERIMENTS) | {"zero_shot"} == {name for name, one in PEERS.items() if one.group == "learned"}
    assert all(PEERS[name].title == experiment.title for name, experiment in PEER_EXPERIMENTS.items())


def test_every_peer_has_two_paragraphs_and_sources_that_exist():
    known = re.findall(r"^@\w+\{(\w+),", (ROOT / "book" / "references.bib").read_text(), re.M)
    assert len(known) == len(set(known))
    for name, one in (PEERS | MORE_EXPOSURES).items():
        assert one.kind in KINDS and one.title and set(one.cite) <= set(known), name
        how, assumes = one.paragraphs
        assert how.endswith("`.") and assumes.endswith(one.assumes) and one.assumes.endswith("."), name
    assert sum(len(definitions(kind)) for kind in KINDS) == len(PEERS) + len(MORE_EXPOSURES)
