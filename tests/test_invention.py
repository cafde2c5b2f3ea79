"""False detections: of known noise, of methods that lie in a known way, and of one that tells the truth."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import norm

from astrounet_core import exposures, invention, limits
from astrounet_core.baselines import unchanged
from astrounet_core.detection import Detector, bank, peaks
from astrounet_core.exposures import STANDARD
from astrounet_core.score_rows import KEYS

SIGMA = limits.empty_variance(STANDARD) ** 0.5
SCALE = SIGMA * np.sqrt((bank("point")[0] ** 2).sum())
PIXEL = exposures.arcmin2(np.empty(1))


def detector(threshold, name="point"):
    return Detector(bank(name), SIGMA * np.sqrt([(kernel**2).sum() for kernel in bank(name)]), threshold)


def scored(method, threshold, **given):
    rows = invention.score({"m": method}, {"m": detector(threshold)}, **given)
    return {(row["fields"], row["protocol"], row["quantity"]): row for row in rows}


def white(scene, conditions, seed, longer=1.0):
    return scene.numpy() + np.random.default_rng(seed).normal(0, SIGMA, scene.shape).astype(np.float32)


def noiseless(scene, conditions, seed, longer=1.0):
    return scene.numpy()


def fake_stars(image, exposure_time, exposure_ratio):
    """Nothing but a star of signal-to-noise ratio 300, 8 pixels to the right of every bright pixel."""
    output, (kernel,) = np.zeros_like(image), bank("point")
    half = len(kernel) // 2
    for x, y in peaks(image, 10.0, half + 8)[:2].astype(int).T:
        output[y - half : y + half + 1, x + 8 - half : x + 8 + half + 1] += 300 * SCALE / (kernel**2).sum() * kernel
    return output


def test_white_noise_alarms_as_expected_and_alike_when_negated(monkeypatch):
    """At a high threshold nearly every pixel above it is a peak: Phi(-t) a pixel; `limits.alarm_density`, of a field
    known between the pixels too, is more."""
    monkeypatch.setattr(exposures, "expose", white)
    rows, area = scored(unchanged, 3.5, count=2, noise_seeds=2), 4 * 482**2 * PIXEL
    most = norm.sf(3.5) / PIXEL
    error = (most / area) ** 0.5
    assert most < limits.alarm_density(3.5)
    found = [rows[fields, "standard", "invented"] for fields in ("blank sky", "negative blank sky", "negated input")]
    for row in found:
        assert row["value"] == pytest.approx(0.9 * most, abs=3 * error)
        assert row["low"] <= row["value"] <= row["high"] and row["n"] == 4
    assert abs(found[0]["value"] - found[1]["value"]) < 4 * error
    assert found[1]["value"] == found[2]["value"]


def test_fake_stars_are_counted_and_come_back():
    rows = scored(fake_stars, 100.0, count=2, noise_seeds=1, size=192)
    density = 1 / (np.pi * (25**2 - 3**2) * PIXEL)
    row = rows["near bright stars", "standard", "invented"]
    assert row["value"] == pytest.approx(density, rel=0.02) and row["n"] == 4
    back = rows["near bright stars", "standard", "persistence"]
    assert (back["value"], back["low"], back["n"]) == (100, None, 4 * 9)
    chance = rows["near bright stars", "standard", "persistence_chance"]["value"]
    assert chance == pytest.approx(100 * (1 - np.exp(-4 * np.pi * row["value"] * PIXEL)))
    assert rows["negative near bright stars", "standard", "invented"]["value"] == 0


@pytest.mark.parametrize("threshold", [1e-3, 1.0, 5.0])
def test_the_truth_invents_nothing(monkeypatch, threshold):
    """Cores, rings and galaxies are detected, and none of them is false."""
    monkeypatch.setattr(exposures, "expose", noiseless)
    rows = scored(unchanged, threshold, count=1, noise_seeds=2, size=192)
    assert not any(row["value"] for row in rows.values())
    assert not any(quantity == "persistence" for *_, quantity in rows)


def test_nothing_found_has_an_upper_limit():
    row = scored(lambda image, *_: np.zeros_like(image), 5.0, count=2, noise_seeds=1, size=192)
    row = row["blank sky", "standard", "invented"]
    assert (row["value"], row["low"]) == (0, 0)
    assert np.exp(-row["high"] * 2 * 162**2 * PIXEL) == pytest.approx(0.16)


def test_what_comes_back_is_the_scene_s_making(monkeypatch):
    """Noise alone, as the same method makes it far from any source, comes back by chance only."""
    monkeypatch.setattr(exposures, "expose", lambda scene, *given: white(0 * scene, *given))
    rows = scored(unchanged, 2.5, count=2, noise_seeds=1)
    for fields in ("near bright stars", "near bright galaxies"):
        share, chance = (rows[fields, "standard", q] for q in ("persistence", "persistence_chance"))
        error = (chance["value"] * 100 / chance["n"]) ** 0.5
        assert 0 < share["low"] < share["high"]
        assert share["value"] == pytest.approx(chance["value"], abs=4 * error)


def test_cosmic_rays_are_sources_that_are_not_there():
    rows = scored(unchanged, 5.0, count=1, noise_seeds=1, size=192)
    hits, none = (rows["blank sky", protocol, "invented"]["value"] for protocol in ("cosmic rays", "standard"))
    assert hits > 500 > 5 * none


def test_bumps_on_light_count_and_dark_sky_is_apart():
    rows = scored(unchanged, 4.7, count=1, noise_seeds=2)
    for fields in ("near bright stars", "near bright galaxies"):
        dark, bright = (rows[name, "standard", "invented"]["value"] for name in (f"dark sky {fields}", fields))
        assert 0 <= dark < bright / 3


def test_methods_are_paired_and_run_once_an_exposure():
    calls = Counter()

    def counted(image, *given):
        calls[image.tobytes()] += 1
        return image

    given = {"count": 1, "noise_seeds": 1, "size": 128}
    both = {name: detector(4.0) for name in ("a", "b")}
    rows = invention.score({"a": counted, "b": unchanged}, both, **given)
    first, second = ([row | {"method": ""} for row in rows if row["method"] == name] for name in both)
    assert first == second and all(tuple(row) == KEYS for row in rows)
    assert sum(calls.values()) == len(calls) == 3 + 2 * 2 + 1


def test_near_is_the_ring_around_a_source():
    found = invention._near(np.array([40.0]), np.array([50.0]), np.array([5.0]), 100)
    rows, columns = np.nonzero(found)
    distance = np.hypot(columns - 40, rows - 50)
    assert distance.min() > 5 and distance.max() <= 27
    assert found.sum() == pytest.approx(np.pi * (27**2 - 5**2), rel=0.02)


places = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=8)


@settings(deadline=None, max_examples=50)
@given(places, places)
def test_what_comes_back_is_within_the_radius(ours, theirs):
    ours, theirs = (np.array(each, int).reshape(-1, 2) for each in (ours, theirs))
    expected = (cdist(ours, theirs) <= invention.RADIUS).any(1)
    assert (invention._comes_back(ours.T, theirs.T) == expected).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 0}, "take one of each"),
        ({"noise_seeds": 0}, "take one of each"),
        ({"size": 64}, "no room for a star"),
        ({"detectors": {}}, "no detector for m"),
        ({"detectors": {"m": detector(5.0, "extended")}, "size": 90}, "far enough from edges"),
    ],
)
def test_bad_input(change, message):
    usual = {"methods": {"m": unchanged}, "detectors": {"m": detector(5.0)}, "count": 1, "noise_seeds": 1, "size": 128}
    with pytest.raises(ValueError, match=message):
        invention.score(**usual | change)
