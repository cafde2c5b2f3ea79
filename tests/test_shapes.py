"""Widths, ellipticities and places of stars: Gaussians in closed form, Hubble's PSF blurred by known amounts, noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from astrounet_core import exposures, known_stars, shapes

MAGNITUDES = (20.0, 23.0)
PIXELS = 2.3548


@pytest.fixture(scope="module")
def sky():
    return next(known_stars.isolated(1, 1, magnitudes=MAGNITUDES, size=256))


def scored(sky, make):
    """{(quantity, magnitude): value} of one output."""
    rows = known_stars.score({"m": lambda *_: make(sky)}, [sky], shapes, magnitudes=MAGNITUDES)
    return {(row["quantity"], row["magnitude"]): row["value"] for row in rows}


@settings(deadline=None, max_examples=40)
@given(
    major=st.floats(1.3, 3.0),
    ratio=st.floats(0.6, 1.0),
    angle=st.floats(0, np.pi),
    dx=st.floats(-0.5, 0.5),
    dy=st.floats(-0.5, 0.5),
)
def test_a_gaussian_has_its_own_width_and_ellipticity(major, ratio, angle, dx, dy):
    y, x = np.mgrid[-15:16, -15:16].astype(float)
    along = (x - dx) * np.cos(angle) + (y - dy) * np.sin(angle)
    across = (y - dy) * np.cos(angle) - (x - dx) * np.sin(angle)
    stamp = np.exp(-((along / major) ** 2 + (across / (ratio * major)) ** 2) / 2)[None]
    sums = shapes.moments(stamp, np.array([dx]), np.array([dy]))
    fwhm, e1, e2 = (each[0] for each in shapes.width_and_ellipticity(sums))
    size = (1 - ratio**2) / (1 + ratio**2)
    assert fwhm == pytest.approx(PIXELS * major * ratio**0.5, rel=0.02)
    assert (e1, e2) == pytest.approx((size * np.cos(2 * angle), size * np.sin(2 * angle)), abs=0.02)


def test_light_without_a_width_has_none():
    for stamp in (-np.ones((1, 31, 31)), np.zeros((1, 31, 31))):
        assert np.isnan(shapes.width_and_ellipticity(shapes.moments(stamp, np.zeros(1), np.zeros(1)))).all()


def test_the_truth_has_the_psf_s_width_and_no_change(sky):
    found = scored(sky, lambda known: known.scene)
    for magnitude in MAGNITUDES:
        assert found["fwhm_ratio", magnitude] == pytest.approx(1.0)
        assert found["fwhm", magnitude] == pytest.approx(1.9, abs=0.3)  # 1.64 pixels in the core, and wings
        assert found["ellipticity", magnitude] == pytest.approx(0.0, abs=1e-9)
        assert found["astrometric_scatter", magnitude] == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("sigma", [0.6, 1.0])
def test_a_blur_widens_stars_by_the_quadrature_sum(sky, sigma):
    found = scored(sky, lambda known: gaussian_filter(known.scene, sigma))
    before = scored(sky, lambda known: known.scene)["fwhm", 20.0]
    assert found["fwhm", 20.0] == pytest.approx(np.hypot(before, PIXELS * sigma), rel=0.05)
    assert found["ellipticity", 20.0] < 0.01


def test_a_blur_along_x_makes_stars_elliptical_along_x(sky):
    blurred = gaussian_filter(sky.scene, (0.0, 0.8))
    seen = shapes.collect(known_stars.Seen(sky, blurred))
    _, e1, e2 = shapes.width_and_ellipticity(seen["sums"].sum(1))
    core = (shapes.width_and_ellipticity(seen["true"].sum(1))[0] / PIXELS) ** 2
    assert e1 == pytest.approx(0.64 / (0.64 + 2 * core), rel=0.15) and abs(e2) < 0.01


def test_a_shift_is_seen_in_every_place(sky):
    moved = exposures.point_sources(sky.x + 0.1, sky.y, sky.magnitude, 256).numpy()
    errors = shapes.collect(known_stars.Seen(sky, moved))["places"]
    sigma = sky.bound("flux", "x", "y")[:, 1]
    assert np.median(errors[0] * sigma) == pytest.approx(0.1, abs=0.01)
    assert np.median(errors[1] * sigma) == pytest.approx(0.0, abs=0.01)


def test_places_in_the_input_scatter_by_their_bound():
    pull = [
        shapes.collect(known_stars.Seen(known, known.noisy))["places"]
        for known in known_stars.isolated(1, 4, magnitudes=(21.0, 24.0), size=256)
    ]
    pull = np.concatenate(pull, axis=1)
    assert np.isfinite(pull).all()
    assert pull.std() == pytest.approx(1.0, abs=3.5 / (2 * pull.size) ** 0.5)


def test_faint_stars_are_neither_placed_nor_stacked():
    sky = next(known_stars.isolated(1, 1, magnitudes=(20.0, 28.0), size=192))
    rows = known_stars.score({"m": lambda image, t, r: image}, [sky], shapes, magnitudes=(20.0, 28.0))
    assert {row["magnitude"] for row in rows} == {20.0}
    assert np.isnan(shapes.collect(known_stars.Seen(sky, sky.noisy))["places"][:, sky.magnitude > 25]).all()
