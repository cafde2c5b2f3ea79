"""The scorecard's detector on noise whose alarms are known, and on sources whose place is."""

import numpy as np
import pytest

from astrounet_core import detection, exposures, limits, photometry
from astrounet_core.baselines import gaussian_blur, unchanged
from astrounet_core.detection import Detector, bank, calibrate, peaks
from astrounet_core.exposures import STANDARD


@pytest.fixture(scope="module")
def reference() -> Detector:
    return calibrate(unchanged, bank("point"), density=40.0, alarms=80)


def test_kernels_have_sum_one_and_odd_sides():
    for kernel in (*bank("point"), *bank("extended")):
        assert kernel.sum() == pytest.approx(1.0) and kernel.shape[0] % 2 == 1
        assert np.unravel_index(kernel.argmax(), kernel.shape) == (kernel.shape[0] // 2,) * 2
    with pytest.raises(ValueError, match="choose point or extended"):
        bank("square")


def test_a_disc_has_half_of_its_light_within_its_radius():
    kernel = bank("extended")[-1]
    row, column = np.indices(kernel.shape) - kernel.shape[0] // 2
    assert kernel[np.hypot(row, column) < detection.RADII[-1]].sum() == pytest.approx(0.5, abs=0.06)


def test_the_reference_is_the_matched_filter(reference):
    image = exposures.blank(STANDARD, 3, size=256)
    theirs = photometry.matched_filter(image, bank("point")[0], exposures.variance(np_zeros(), STANDARD).item())
    ours = reference.statistic(image)
    assert ours[40:-40, 40:-40] == pytest.approx(theirs[40:-40, 40:-40], rel=0.03, abs=0.02)


def np_zeros():
    import torch

    return torch.zeros(1, 1)


def test_threshold_of_white_noise_is_that_of_the_theory(reference):
    """Peaks on whole pixels are somewhat fewer than of a field known everywhere: a slightly lower threshold."""
    theory = limits.threshold_at(40.0)
    assert theory - 0.2 < reference.threshold < theory + 3 * reference.error
    assert reference.density == pytest.approx(40.0, rel=0.02) and 0.005 < reference.error < 0.08


def test_a_scaled_image_has_the_same_detections(reference):
    tripled = calibrate(lambda image, time, ratio: 3 * image, bank("point"), density=40.0, alarms=80)
    image = exposures.blank(STANDARD, 4, size=256)
    assert tripled.threshold == pytest.approx(reference.threshold)
    assert tripled.detect(3 * image) == pytest.approx(reference.detect(image))


def test_other_frames_have_the_alarms_that_were_asked_for(reference):
    found = sum(reference.detect(exposures.blank(STANDARD, seed, 1024)).shape[1] for seed in range(3))
    expected = 40.0 * 3 * exposures.arcmin2(np.empty((1024, 1024)))
    assert abs(found - expected) < 4 * (expected * (1 + expected / 80)) ** 0.5


def test_a_star_is_found_at_its_place(reference):
    scene = exposures.point_sources(np.array([60.3]), np.array([70.8]), np.array([25.0]), 192)
    found = reference.detect(exposures.expose(scene, STANDARD, 1))
    best = found[:, found[2].argmax()]
    assert best[:2] == pytest.approx([60.3, 70.8], abs=1.0)
    assert best[2] == pytest.approx(limits.star_errors(25.0)["flux"].item() / limits.faint_error(), rel=0.15)


def test_empty_output_has_no_alarms():
    nothing = calibrate(lambda image, time, ratio: np.zeros_like(image), bank("point"), density=40.0, alarms=20)
    assert nothing.density == 0 and nothing.detect(np.zeros((64, 64))).shape == (3, 0)
    assert nothing.detect(gaussian_blur(exposures.point_sources([30.0], [30.0], [20.0], 192).numpy(), 1, 1)).size


def test_peaks_keep_their_distance_and_the_border():
    statistic = np.zeros((20, 20))
    statistic[5, 5], statistic[6, 6], statistic[12, 12], statistic[1, 18] = 9, 8, 7, 6
    assert peaks(statistic, 1.0).T.tolist() == [[18, 1, 6], [5, 5, 9], [12, 12, 7]]
    assert peaks(statistic, 1.0, border=4).shape == (3, 2)
    with pytest.raises(ValueError, match="positive"):
        calibrate(unchanged, bank("point"), density=0.0)
