"""Known stars: their places, brightness and bounds; and that every method sees the same."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from astrounet_core import known_stars, photometry, star_photometry
from astrounet_core.baselines import unchanged
from astrounet_core.field_table import fields
from astrounet_core.fluxes import STAMP
from astrounet_core.instrument import F606W, rate_from_magnitude


@pytest.fixture(scope="module")
def known():
    return next(known_stars.isolated(1, 1, size=192))


@settings(deadline=None, max_examples=30)
@given(size=st.integers(40, 600), seed=st.integers(0, 10**6))
def test_grids_keep_their_stars_apart_and_off_the_border(size, seed):
    x, y = known_stars.jittered_grid(size, seed)
    assert min(x.min(), y.min()) >= STAMP // 2 and max(x.max(), y.max()) < size - STAMP // 2 - 0.5
    apart = np.maximum(abs(x - x[:, None]), abs(y - y[:, None]))[~np.eye(len(x), dtype=bool)]
    assert apart.size == 0 or apart.min() >= known_stars.SPACING - 1


def test_a_grid_without_room_is_refused():
    with pytest.raises(ValueError, match="no room for a star"):
        known_stars.jittered_grid(32, 0)


def test_stars_have_their_magnitudes_and_stamps_hold_them(known):
    assert set(np.round(known.magnitude, 6)) <= set(known_stars.MAGNITUDES)
    assert known.flux == pytest.approx(rate_from_magnitude(torch.tensor(known.magnitude), F606W).numpy())
    brightest = known.flux.argmax()
    drawn = known.cut(known.scene)[brightest]
    assert np.abs(drawn - known.flux[brightest] * known.psf[brightest]).max() < 2e-3 * drawn.max()
    assert np.unravel_index(drawn.argmax(), drawn.shape) == (STAMP // 2, STAMP // 2)


def test_bounds_are_those_of_photometry(known):
    for star in (0, 7):
        variance = known.cut(known.white)[star]
        expected = photometry.cramer_rao_sigma(known.psf[star], variance)
        assert known.sigma[star] == pytest.approx(expected)
    snr = known.flux / known.sigma
    assert snr.max() > 400 and 1.5 < snr.min() < 2.5


def test_noise_seeds_share_their_sky_and_not_their_noise():
    first, second, other, _ = known_stars.isolated(2, 2, size=96)
    assert np.array_equal(first.scene, second.scene) and not np.array_equal(first.noisy, second.noisy)
    assert not np.array_equal(first.scene, other.scene) and (first.group, other.group) == (0, 1)


def test_a_perfect_output_changes_nothing(known):
    seen = known_stars.Seen(known, known.scene)
    assert not seen.change.any()
    assert np.array_equal(seen.alone, known.flux[:, None, None] * known.psf)


def test_fields_of_the_table_give_measurable_stars_and_all_sources():
    cluster = next(each for each in fields("test") if each.kind == "star_cluster")
    known = next(known_stars.of_fields([cluster], 1))
    assert (known.fields, known.protocol) == ("crowded field", "independent")
    assert 50 < len(known.flux) <= known_stars.MOST < known.sources.shape[1]
    assert (known.flux / known.sigma).min() > 0.7 * known_stars.FAINTEST
    assert min(known.x.min(), known.y.min()) > STAMP // 2


def test_scores_are_sorted_by_method_and_kind_of_field():
    methods = {"unchanged": unchanged, "double": lambda image, time, ratio: 2 * image}
    rows = known_stars.score(methods, known_stars.isolated(1, 1, size=96), star_photometry)
    assert {row["method"] for row in rows} == set(methods)
    assert {(row["fields"], row["protocol"], row["exposure_ratio"]) for row in rows} == {
        ("isolated stars", "standard", 2.0)
    }
