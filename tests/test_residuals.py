"""Residuals: those of the perfect method are the noise; smoothing and lost light leave their known marks."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from astrounet_core import known_stars, residuals
from astrounet_core.exposures import DRIZZLED

MAGNITUDES = (21.0, 24.0, 27.0)


@pytest.fixture(scope="module")
def skies():
    return list(known_stars.isolated(1, 3, magnitudes=MAGNITUDES, size=256))


def scored(skies, make):
    """{(quantity, magnitude): value}; make: Known -> output."""
    outputs = iter([make(known) for known in skies])
    rows = known_stars.score({"m": lambda *_: next(outputs)}, skies, residuals, magnitudes=MAGNITUDES)
    return {(row["quantity"], row["magnitude"]): row["value"] for row in rows}


def test_the_truth_leaves_the_noise_and_nothing_else(skies):
    found, pixels = scored(skies, lambda known: known.scene), 3 * 256**2
    assert found["residual_mean", None] == pytest.approx(0.0, abs=4 / pixels**0.5)
    assert found["residual_variance", None] == pytest.approx(1.0, abs=0.01)
    assert found["residual_lag1_x", None] == pytest.approx(0.0, abs=4 / pixels**0.5)
    assert found["residual_lag1_y", None] == pytest.approx(0.0, abs=4 / pixels**0.5)
    rings = [value for (name, _), value in found.items() if name.startswith("transfer")]
    assert len(rings) == 6 and rings == pytest.approx(np.ones(6))
    assert all(abs(found["imprint", magnitude]) < 4 for magnitude in MAGNITUDES)
    assert abs(found["imprint_share", 21.0]) < 0.5


def test_drizzled_noise_keeps_its_own_correlation():
    found = scored(list(known_stars.isolated(1, 1, DRIZZLED, MAGNITUDES, 256)), lambda known: known.scene)
    assert found["residual_lag1_x", None] == pytest.approx(0.27, abs=0.02)
    assert found["transfer 0-0.05", None] == pytest.approx(1.0)
    assert found["residual_variance", None] == pytest.approx(1.0, abs=0.04)


def test_the_unchanged_input_leaves_nothing(skies):
    found = scored(skies, lambda known: known.noisy)
    assert found["residual_variance", None] == 0 and ("residual_lag1_x", None) not in found
    assert found["transfer 0.1-0.2", None] == 0 and found["imprint", 21.0] == 0


def test_a_blur_of_the_noise_takes_its_high_frequencies(skies):
    """The power of what is taken: (1 - H)^2 of the noise's, H = exp(-2 pi^2 sigma^2 f^2)."""
    found = scored(skies, lambda known: known.scene + gaussian_filter(known.noisy - known.scene, 1.0, mode="wrap"))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256)))
    for low, high in ((0.1, 0.2), (0.2, 0.3), (0.4, 0.5)):
        ring = frequency[(frequency >= low) & (frequency < high)]
        expected = np.mean((1 - np.exp(-2 * (np.pi * ring) ** 2)) ** 2)
        assert found[f"transfer {low:g}-{high:g}", None] == pytest.approx(expected, rel=0.08)


def test_a_tenth_of_the_stars_light_leaves_an_imprint(skies):
    found = scored(skies, lambda known: 0.9 * known.scene)
    for magnitude in MAGNITUDES[:2]:
        assert found["imprint", magnitude] > 4
    assert found["imprint_share", 21.0] == pytest.approx(10.0, abs=0.5)
    assert found["imprint_share", 24.0] == pytest.approx(10.0, abs=2.0)


def test_the_stack_shows_what_was_taken_where(skies):
    seen = known_stars.Seen(skies[0], 0.9 * skies[0].scene)
    mean, error = residuals.stacked(seen, 50.0, np.inf)
    assert mean.argmax() == mean.size // 2 and mean[15, 15] > 5 * error[15, 15]
    assert abs(np.mean(mean[:5] / error[:5])) < 1
    with pytest.raises(ValueError, match="make no stack"):
        residuals.stacked(seen, 1e6, 1e7)
