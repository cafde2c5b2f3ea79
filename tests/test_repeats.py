"""Exposures of one field, and the share of stars that so many can prove."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from astrounet_core import repeats
from astrounet_core.noise import TYPICAL_COSMIC_RAYS, noise_variance
from astrounet_core.scenes import make_scene


@pytest.fixture(scope="module")
def scene():
    return make_scene("star_cluster", 192, 2, "F555W", log10_central_density=0.5)


@pytest.fixture(scope="module")
def images(scene):
    return repeats.expose_repeatedly(scene, [64, 128], seed=1)


def test_exposures_are_independent_and_have_the_detectors_noise(scene, images):
    pulls = []
    for time, image in images.items():
        sigma = noise_variance(scene.image, time, sky=0.10).sqrt()
        pulls.append(((torch.as_tensor(image) - scene.image) / sigma).numpy().ravel())
        assert np.std(pulls[-1]) == pytest.approx(1, abs=0.02)
    assert abs(np.corrcoef(pulls)[0, 1]) < 0.02
    again = repeats.expose_repeatedly(scene, [64, 128], seed=1)
    assert all(np.array_equal(images[time], again[time]) for time in images)


def test_a_pair_knows_both_times(scene, images):
    shot = repeats.pair(scene, images[64], images[128], 64, 128)
    assert (shot.exposure_ratio, shot.exposure_time, shot.field.exposure_time) == (2, 64, 128)
    with pytest.raises(ValueError, match="exchange the two"):
        repeats.pair(scene, images[128], images[64], 128, 64)


def test_the_long_exposure_itself_recovers_everything(scene, images):
    shots = [repeats.pair(scene, images[64], images[128], 64, 128)] * 2
    found = repeats.recovered(shots, [shot.long for shot in shots])
    assert found["n"] == found["found"] == 2 * len(shots[0].reference["x"]) > 10
    assert (found["tpr"], found["high"], found["rfe"]) == (100, pytest.approx(100), 0)
    assert found["low"] < 97, "a full score of so few stars proves no more than this"


def test_a_dimmer_output_has_a_positive_flux_error(scene, images):
    shots = [repeats.pair(scene, images[64], images[128], 64, 128)]
    found = repeats.recovered(shots, [0.9 * shots[0].long])
    assert found["rfe"] == pytest.approx(10, abs=0.01) and found["rfe_error"] < 0.01


def test_nothing_recovered_says_so(scene, images):
    shots = [repeats.pair(scene, images[64], images[128], 64, 128)]
    noise = np.random.default_rng(0).normal(size=images[64].shape).astype(np.float32)
    found = repeats.recovered(shots, [noise])
    assert found["found"] == 0 and found["tpr"] == 0 and found["low"] == 0 and found["high"] > 0
    assert np.isnan([found["rfe"], found["rfe_error"], found["snr"]]).all()


@given(st.integers(1, 2000), st.data())
def test_wilson_limits_solve_their_equation(total, data):
    """The limits p are where |k/n - p| is 1.96 standard errors of p itself."""
    found = data.draw(st.integers(0, total))
    low, high = (limit / 100 for limit in repeats.wilson_interval(found, total))
    assert 0 <= low <= found / total <= high <= 1
    for limit in {low, high} - {0.0, 1.0}:
        distance = abs(found / total - limit)
        assert distance == pytest.approx(1.959964 * np.sqrt(limit * (1 - limit) / total), rel=1e-4, abs=1e-7)


def test_the_papers_sixteen_stars():
    low, high = repeats.wilson_interval(14, 16)
    assert (round(low), round(high)) == (64, 97)
    with pytest.raises(ValueError, match="no share"):
        repeats.wilson_interval(3, 2)


def test_cosmic_rays_only_add_and_hit_their_share():
    image = np.zeros((1024, 1024), np.float32)
    struck, hit = repeats.strike(image, 1000.0, seed=2)
    assert hit.mean() == pytest.approx(TYPICAL_COSMIC_RAYS, rel=0.1)
    assert (struck[hit] > 0).all() and not struck[~hit].any()
    assert repeats.strike(image, 64.0, seed=2)[1].mean() == pytest.approx(0.0013, rel=0.25)


def test_a_planted_blob_is_a_false_star_only_where_a_ray_hit():
    rng = np.random.default_rng(1)
    clean = rng.normal(0, 1, (128, 128)).astype(np.float32)
    y, x = np.mgrid[:128, :128]
    struck, hit = clean.copy(), np.zeros((128, 128), bool)
    for place in (30, 90):
        struck += 500 * np.exp(-((x - place) ** 2 + (y - 60) ** 2) / 8).astype(np.float32)
    hit[60, 30] = True
    found_x, found_y = repeats.false_stars(clean, struck, hit, 1.0)
    assert len(found_x) == 1
    assert (found_x[0], found_y[0]) == (pytest.approx(30, abs=0.2), pytest.approx(60, abs=0.2))
    assert len(repeats.false_stars(struck, struck, hit, 1.0)[0]) == 0
