"""Errors against the distance from a border: the right profile for errors that we make ourselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_cdt

from astrounet_core import edges
from astrounet_core.edges import MARGIN, CutOut
from astrounet_core.scenes import fields

SIZE = 64
BINS = np.array([0, 4, 8, 32])


def shots(count: int = 3) -> list[CutOut]:
    side = SIZE + 2 * MARGIN
    noise = np.random.default_rng(0).normal(0, 0.5, (count, side, side)).astype(np.float32)
    return [CutOut(plane, np.zeros_like(plane), np.full_like(plane, 0.5), 100.0) for plane in noise]


@given(st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=25, deadline=None)
def test_edge_distance_is_that_of_the_chessboard(rows, columns):
    framed = np.pad(np.ones((rows, columns), int), 1)
    expected = distance_transform_cdt(framed, "chessboard")[1:-1, 1:-1] - 1
    np.testing.assert_array_equal(edges.edge_distance((rows, columns)), expected)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 20))
@settings(max_examples=25, deadline=None)
def test_tile_distance_counts_from_the_nearest_border_between_tiles(rows, columns, core):
    def nearest(place: int, size: int) -> float:
        return min((abs(place + 0.5 - b) - 0.5 for b in range(core, size, core)), default=np.inf)

    expected = [[min(nearest(y, rows), nearest(x, columns)) for x in range(columns)] for y in range(rows)]
    np.testing.assert_array_equal(edges.tile_distance((rows, columns), core), expected)


def test_the_profile_of_a_known_error_is_that_error():
    distance = edges.edge_distance((SIZE, SIZE))
    error = np.where(distance < 4, 3.0, np.where(distance < 8, -2.0, 0.5))
    np.testing.assert_allclose(edges.rms_profile(error, distance, BINS), [3, 2, 0.5])
    assert np.isnan(edges.rms_profile(error, distance, np.array([100, 200]))).all()


def profile(outputs, wanted, exposed) -> tuple[np.ndarray, np.ndarray]:
    return edges.profile_over_fields(outputs, wanted, exposed, edges.edge_distance((SIZE, SIZE)), BINS)


def test_the_identity_loses_nothing_at_the_edge_and_keeps_the_noise():
    exposed = shots()
    same = [shot.image for shot in exposed]
    np.testing.assert_array_equal(profile(same, same, exposed), np.zeros((2, 3)))
    mean, error = profile(same, [edges.middle(shot.truth) for shot in exposed], exposed)
    np.testing.assert_allclose(mean, 1, atol=0.05)
    assert (error < 0.05).all() and (error > 0).all()


def test_an_error_made_at_the_edge_is_found_there():
    exposed, near = shots(), edges.edge_distance((SIZE, SIZE)) < 4
    same = [shot.image for shot in exposed]
    mean, error = profile([image + np.where(near, 5.0, 0.0) for image in same], same, exposed)
    np.testing.assert_allclose(mean, [10, 0, 0], rtol=1e-5)
    np.testing.assert_allclose(error, 0, atol=1e-5)
    assert np.isnan(profile(same[:1], same[:1], exposed[:1])[1]).all()


def test_bright_stars_do_not_count():
    exposed = shots()
    for shot in exposed:
        edges.middle(shot.truth)[10:20, 10:20] = 100.0
    spoilt = [shot.image + (edges.middle(shot.truth) > 1) * 50 for shot in exposed]
    np.testing.assert_array_equal(profile(spoilt, [shot.image for shot in exposed], exposed)[0], 0)


@pytest.mark.parametrize("ratio", [2.0, 4.0])
def test_a_cut_out_is_the_middle_of_its_exposure(ratio):
    field = fields("test")[5]
    shot = edges.cut_out(field, 16, ratio)
    assert shot.image.shape == (16, 16) and shot.whole.shape == (16 + 2 * MARGIN,) * 2
    assert shot.exposure_time == field.exposure_time / ratio
    pulls = (shot.whole - shot.truth) / shot.sigma
    assert pulls.std() == pytest.approx(1, abs=0.03)
