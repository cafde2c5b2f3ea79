"""A deep image as the truth: what is added, what is measured, and what a perfect denoiser would score."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from astrounet_core import deep_truth, demo, fluxes, inspection
from astrounet_core.noise import noise_variance

SIZE, OWN, TIME = 256, 0.004, 100.0


def sky(seed: int = 0, own: float = OWN) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, own, (SIZE, SIZE)).astype(np.float32)


@pytest.fixture(scope="module")
def shot():
    """Blank sky of known noise with a hundred stars, degraded."""
    image, _, _ = inspection.inject_stars(sky(), np.ones((SIZE, SIZE), bool), 3.0, 1e6)
    return deep_truth.degrade(image, TIME)


@given(st.floats(2e-4, 0.02), st.floats(2, 20))
@settings(max_examples=10, deadline=None)
def test_the_time_is_the_longest_that_leaves_enough_noise(own, factor):
    time = deep_truth.exposure_time_for([sky(1, own), sky(2, own / 3)], factor)
    measured = inspection.sky_scatter(sky(1, own), inspection.blank_sky(sky(1, own)))
    shorter, longer = (float(noise_variance(torch.zeros(1), t)) ** 0.5 for t in (time, time + 1))
    assert shorter >= factor * measured * (1 - 1e-5) > longer * (1 - 2e-5)


def test_what_is_added_is_the_noise_models(shot):
    pull = (shot.noisy - shot.truth) / np.sqrt(shot.variance)
    assert pull.mean() == pytest.approx(0, abs=0.02) and pull.std() == pytest.approx(1, abs=0.02)
    predicted = float(noise_variance(torch.zeros(1), TIME)) ** 0.5 / OWN
    assert shot.noise_factor == pytest.approx(predicted, rel=0.04)


def test_seeds_make_noise_and_nothing_else(shot):
    again, other = (deep_truth.degrade(shot.truth, TIME, seed) for seed in (0, 1))
    np.testing.assert_array_equal(again.noisy, shot.noisy)
    assert abs(np.corrcoef((other.noisy - shot.truth).ravel(), (shot.noisy - shot.truth).ravel())[0, 1]) < 0.02


def test_the_input_scores_one_and_the_deep_image_nothing(shot):
    found = deep_truth.pixel_errors(shot, shot.noisy)
    assert found["nmse"] == pytest.approx(1, abs=0.03) and found["sky"] == pytest.approx(1, abs=0.03)
    assert set(deep_truth.pixel_errors(shot, shot.truth).values()) == {0.0}


def test_the_floor_is_what_the_true_scene_scores(shot):
    scene = shot.truth - sky()
    found, expected = deep_truth.pixel_errors(shot, scene), deep_truth.floor(shot)
    for measure in found:
        assert found[measure] == pytest.approx(expected[measure], rel=0.05), measure


@pytest.mark.parametrize("share", [1.0, 0.8])
def test_sources_keep_the_share_of_light_that_is_left(shot, share):
    flux, sigma, change = deep_truth.source_errors(shot, share * shot.truth)
    assert len(flux) == pytest.approx(100, abs=5)
    np.testing.assert_allclose(np.median(change / flux), share - 1, atol=0.02)
    pixels = inspection.aperture(inspection.FLUX_DIAMETER).sum()
    assert np.median(sigma) > (pixels * np.median(shot.variance)) ** 0.5 * 0.95


def test_the_inputs_fluxes_scatter_by_their_error_bars():
    image, _, _ = inspection.inject_stars(sky(), np.ones((SIZE, SIZE), bool), 3.0, 1e6)
    shots = [deep_truth.degrade(image, TIME, seed) for seed in range(5)]
    stars = np.concatenate([deep_truth.source_errors(one, one.noisy) for one in shots], axis=1)
    found = fluxes.error_statistics(stars, 0)
    assert found["n"] > 450 and found["scatter"] == pytest.approx(1, abs=0.1)
    assert abs(found["bias_sigma"]) < 3 * found["bias_error"]


def test_tables_have_means_and_errors_over_images():
    """Two blank images, one method that returns zero: its nmse is each image's (own / added)^2."""
    images = [sky(3, OWN), sky(4, 2 * OWN)]
    rows, binned = deep_truth.score_deep(images, {("nothing", 2): lambda image, time: 0 * image}, TIME, range(2))
    added = float(noise_variance(torch.zeros(1), TIME))
    expected = np.array([OWN**2, 4 * OWN**2]) / added
    assert [(row["name"], row["ratio"]) for row in rows] == [("floor", None), ("nothing", 2)]
    assert rows[1]["nmse"] == pytest.approx(expected.mean(), rel=0.03)
    assert rows[1]["nmse_error"] == pytest.approx(np.ptp(expected) / 2, rel=0.05)
    assert len(binned) == len(deep_truth.SNR_BINS) and all(row["n"] == 0 for row in binned)


def test_every_method_is_tried_at_its_ratios():
    tested = deep_truth.methods({"network1": None, "modern": None})
    assert [ratio for name, ratio in tested if name == "modern"] == [2, 3, 4, 5]
    assert ("network1", 2) in tested and ("network1", 3) not in tested
    image = sky()
    assert tested["unchanged", None](image, TIME) is image


def test_the_real_images_own_noise_is_five_times_less_than_what_is_added(data_dir):
    images = [demo.real_or_simulated(name) for name in deep_truth.DEEP]
    assert all(image.is_real for image in images)
    time = deep_truth.exposure_time_for([image.image for image in images])
    factors = [deep_truth.degrade(image.image, time).noise_factor for image in images]
    assert min(factors) > 4.9 and 100 < time < 130
