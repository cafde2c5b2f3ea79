"""A cluster in two bands: the truth lies on the sequence, the input scatters by its bound, filters move the colours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrounet_core import colour_magnitude
from astrounet_core.colour_magnitude import SEQUENCE


@pytest.fixture(scope="module")
def bands():
    return colour_magnitude.cluster(256, 11)


def test_both_bands_have_the_same_stars_and_noise_of_their_own(bands):
    first, second = bands
    assert np.array_equal(first.x, second.x) and np.array_equal(first.y, second.y) and len(first.x) > 200
    assert (first.band, second.band) == colour_magnitude.BANDS
    noise = [known.noisy - known.scene for known in bands]
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.02


@given(magnitude=st.floats(15.0, 30.0))
def test_colours_lie_on_the_sequence(magnitude):
    colour = colour_magnitude.true_colour(np.array([magnitude]))[0]
    assert min(c for _, c in SEQUENCE) <= colour <= max(c for _, c in SEQUENCE)
    for at, value in SEQUENCE:
        assert colour_magnitude.true_colour(np.array([at]))[0] == value


def test_the_truth_gives_the_sequence_back(bands):
    scenes = iter([known.scene for known in bands])
    found = colour_magnitude.diagram({"truth": lambda *_: next(scenes)}, bands)
    assert found.measured_colour["truth"] == pytest.approx(colour_magnitude.true_colour(found.magnitude), abs=1e-6)
    assert found.measured_magnitude["truth"] == pytest.approx(found.magnitude, abs=1e-6)


def test_the_input_scatters_by_the_bound_and_is_unbiased(bands):
    found = colour_magnitude.diagram({"unchanged": lambda image, t, r: image}, bands)
    bright = found.bound < 0.1
    pull = ((found.measured_colour["unchanged"] - found.colour) / found.bound)[bright]
    assert bright.sum() > 50
    assert 1.4826 * np.median(np.abs(pull)) == pytest.approx(1.0, abs=4 / len(pull) ** 0.5)
    assert abs(np.median(pull)) < 4 * 1.2533 / len(pull) ** 0.5


def test_light_lost_in_one_band_reddens_stars(bands):
    """10 % less in F555W: 2.5 log10(1 / 0.9) = 0.114 mag redder, where nearly all light is the star's own."""
    outputs = iter([0.9, 1.0])
    found = colour_magnitude.diagram({"one": lambda image, t, r: next(outputs) * image}, bands)
    own, all_light = (each[:, 13:18, 13:18].sum((1, 2)) for each in (bands[0].psf, bands[0].cut(bands[0].scene)))
    alone = (bands[0].flux * own > 0.97 * all_light) & (found.bound < 0.05)
    assert alone.sum() >= 5
    change = (found.measured_colour["one"] - found.colour)[alone]
    assert np.median(change) == pytest.approx(-2.5 * np.log10(0.9), abs=0.02)


def test_rows_tell_bias_scatter_and_what_is_lost():
    errors = np.concatenate([np.linspace(-0.1, 0.3, 41), np.full(41, np.nan)])[None]
    found = colour_magnitude.statistics(errors)
    assert found == pytest.approx({"colour_bias": 0.1, "colour_scatter": 1.4826 * 0.1, "colour_lost": 50.0})
    assert np.isnan(colour_magnitude.statistics(np.full((1, 9), np.nan))["colour_bias"])


def test_scores_carry_the_bound():
    rows = colour_magnitude.score(
        {"unchanged": lambda image, t, r: image}, clusters=1, size=192, magnitudes=(24.0, 27.0)
    )
    assert {(row["method"], row["magnitude"]) for row in rows} == {
        (method, magnitude) for method in ("bound", "unchanged") for magnitude in (24.0, 27.0)
    }
    scatter = {(r["method"], r["magnitude"]): r["value"] for r in rows if r["quantity"] == "colour_scatter"}
    assert scatter["bound", 24.0] < scatter["bound", 27.0]
