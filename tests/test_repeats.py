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


@pytest.fixture(scope="module")
def shot(scene, images):
    return repeats.pair(scene, images[64], images[128], 64, 128)


def test_the_long_exposure_itself_recovers_everything(shot):
    found = repeats.recovered([repeats.star_test(shot, shot.long)] * 2)
    assert found["n"] == found["found"] == 2 * len(repeats.true_stars(shot)["x"]) > 10
    assert (found["tpr"], found["high"], found["rfe"]) == (100, pytest.approx(100), 0)
    assert found["low"] < 97, "a full score of so few stars proves no more than this"


def test_a_dimmer_output_has_a_positive_flux_error(shot):
    found = repeats.recovered([repeats.star_test(shot, 0.9 * (shot.long + shot.sky) - shot.sky)])
    assert found["rfe"] == pytest.approx(10, abs=0.01) and found["rfe_error"] < 0.01


def test_nothing_recovered_says_so(shot):
    noise = np.random.default_rng(0).normal(size=shot.noisy.shape).astype(np.float32)
    found = repeats.recovered([repeats.star_test(shot, noise)])
    assert found["found"] == 0 and found["tpr"] == 0 and found["low"] == 0 and found["high"] > 0
    assert np.isnan([found["rfe"], found["rfe_error"]]).all()
    assert np.isnan(repeats.share_found(0, 0)["tpr"])


def test_a_knot_that_is_no_source_of_the_scene_is_no_star(scene, images):
    """A blob of light added to both exposures is detected; it is in no catalogue, and no star disappears."""
    y, x = np.mgrid[:192, :192]
    blob = 60 * np.exp(-((x - 20) ** 2 + (y - 170) ** 2) / 18).astype(np.float32)
    plain, knotty = (repeats.pair(scene, images[64] + b, images[128] + b, 64, 128) for b in (0 * blob, blob))
    near = np.hypot(knotty.reference["x"] - 20, knotty.reference["y"] - 170) < 2
    assert near.sum() == 1
    stars = repeats.true_stars(knotty)
    assert not (np.hypot(stars["x"] - 20, stars["y"] - 170) < 2).any()
    assert len(stars["x"]) == pytest.approx(len(repeats.true_stars(plain)["x"]), abs=3)


def test_mean_errors():
    assert repeats.mean_error(np.array([1.0, 3.0])) == {"rfe": 2.0, "rfe_error": pytest.approx(1.0)}
    assert np.isnan(repeats.mean_error(np.array([1.0]))["rfe_error"])


def test_visits_are_struck_in_different_places_and_cleaned(scene):
    found = repeats.visits(scene, [300, 600], seed=3)
    hits = [found[time].hit for time in (300, 600)]
    assert (hits[0] & hits[1]).mean() < 3 * hits[0].mean() * hits[1].mean(), "independent, not the same tracks"
    for visit in found.values():
        assert (visit.cleaned[~visit.mended] == visit.struck[~visit.mended]).all()
        assert (visit.hit & visit.mended).sum() > 0.9 * visit.hit.sum()
    clean = repeats.expose_repeatedly(scene, [300, 600], seed=3)[600]
    assert np.array_equal(clean[~hits[1]], found[600].struck[~hits[1]])


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


def test_mcnemars_test_counts_the_stars_that_differ():
    first, second = np.zeros((2, 16), bool)
    first[:9], second[:14] = True, True
    assert repeats.paired_p_value(first, second) == pytest.approx(2 * 0.5**5), "the paper's table, at best"
    assert repeats.paired_p_value(first, first) == 1
    one_back = second.copy()
    one_back[0] = False
    assert repeats.paired_p_value(first, one_back) == pytest.approx(2 * (1 + 6) / 2**6)


def test_power_is_the_share_of_small_p_values():
    """Against drawing stars one by one."""
    rng, shares = np.random.default_rng(0), (0.1, 0.45)
    kind = rng.choice(3, size=(1000, 20), p=[*shares, 1 - sum(shares)])
    drawn = np.mean([repeats.paired_p_value(row == 0, row == 1) < 0.05 for row in kind])
    assert repeats.paired_power(*shares, 20) == pytest.approx(drawn, abs=0.05)
    assert repeats.paired_power(5 / 16, 0.0, 5) == 0, "five stars can't give a p-value below 1/16"
    assert repeats.paired_power(0.0, 1.0, 6) == 1
    with pytest.raises(ValueError, match="not shares"):
        repeats.paired_power(0.0, 0.0, 16)


@given(st.floats(0.01, 0.5), st.integers(1, 60))
def test_equal_methods_are_told_apart_at_most_as_often_as_the_level_says(share, stars):
    assert repeats.paired_power(share, share, stars) <= 0.05


def test_drawn_fields_have_the_binomial_spread():
    found = np.stack([np.arange(100) < 75, np.arange(100) < 25])
    drawn = repeats.draw_fields(found, 16, 20_000, seed=1)
    assert drawn.mean(1) == pytest.approx([75, 25], abs=0.5)
    assert drawn.std(1) == pytest.approx(100 * np.sqrt(0.75 * 0.25 / 16), rel=0.03)
    equal = repeats.draw_fields(found, 16, 20_000, seed=1, exchange=True)
    assert equal.mean(1) == pytest.approx([50, 50], abs=0.5)
    assert np.std(equal[0] - equal[1]) == pytest.approx(100 * np.sqrt(0.5 / 16), rel=0.03)


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
