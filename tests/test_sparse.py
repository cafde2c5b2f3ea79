"""Sparse methods: exact transforms, noise that falls by what the bands say, stars that stay."""

import builtins

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import orthogonal_mp_gram

from astrounet_core import sparse


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, (128, 128))


@given(st.integers(20, 70), st.integers(20, 70), st.integers(1, 5))
@settings(deadline=None, max_examples=20)
def test_the_bands_of_a_starlet_add_up_to_the_image(height, width, scales):
    image = np.random.default_rng(height).normal(5, 3, (height, width))
    assert sparse.starlet_transform(image, scales).sum(axis=0) == pytest.approx(image, abs=1e-10)


def test_the_noise_of_starlet_bands_is_that_of_the_books():
    """Starck & Murtagh, Astronomical Image and Data Analysis, for the B3 spline."""
    assert sparse.starlet_noise(5) == pytest.approx([0.889, 0.200, 0.086, 0.041, 0.020], abs=0.002)


def test_the_first_smoothing_is_the_product_of_two_splines():
    impulse = np.zeros((21, 21))
    impulse[10, 10] = 1.0
    assert sparse.starlet_transform(impulse, 1)[1][8:13, 8:13] == pytest.approx(np.outer(sparse.SPLINE, sparse.SPLINE))


def test_a_starlet_threshold_leaves_of_noise_what_the_rest_has(noise):
    """Above 5 sigma nothing: the smooth rest alone, whose noise is the root of its kernel's power."""
    impulse = np.zeros((129, 129))
    impulse[64, 64] = 1.0
    expected = np.sqrt((sparse.starlet_transform(impulse, 3)[-1] ** 2).sum())
    assert sparse.starlet(noise, 5.0, scales=3).std() == pytest.approx(expected, rel=0.1)
    assert sparse.starlet(noise, 0.0) == pytest.approx(noise)


def test_wavelets_that_say_no_more_than_noise_are_dropped():
    """BayesShrink's threshold is without bound where a band has no more variance than its noise."""
    quiet = np.random.default_rng(3).normal(0, 0.5, (64, 64))
    assert sparse.wavelets(quiet, "haar", 0).std() == pytest.approx(0.5 / 8, rel=0.2)  # three levels: means of 8 x 8


def test_a_dictionary_of_noise_alone_gives_means_of_patches(noise):
    """A pixel is then the mean of 64 means of 8 x 8 pixels: a triangle 15 pixels wide along each axis."""
    triangle = np.convolve(np.ones(8), np.ones(8)) / 64
    expected = (triangle**2).sum()
    assert sparse.dictionary(noise, 2.0, step=1)[8:-8, 8:-8].std() == pytest.approx(expected, rel=0.2)


def test_matching_pursuit_is_that_of_scikit_learn():
    random = np.random.default_rng(4)
    atoms = random.normal(0, 1, (20, 16))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    patches = random.normal(0, 1, (30, 5)) @ atoms[:5] + 0.05 * random.normal(0, 1, (30, 16))
    norms = (patches**2).sum(axis=1)
    codes = orthogonal_mp_gram(atoms @ atoms.T, atoms @ patches.T, tol=0.2, norms_squared=norms)
    assert sparse.matching_pursuit(patches, atoms, 0.2, most=15) == pytest.approx(codes.T @ atoms, abs=1e-5)
    assert np.array_equal(sparse.matching_pursuit(patches, atoms, 1e-30, most=2), patches)  # never there


def test_a_dictionary_learns_what_the_image_is_made_of():
    """Stripes in noise: few atoms suffice, and the noise falls."""
    stripes = 6 * np.sin(np.arange(48) * 2 * np.pi / 6)[None] * np.ones((48, 1))
    noisy = stripes + np.random.default_rng(6).normal(0, 1, stripes.shape)
    assert np.square(sparse.dictionary(noisy, 1.05, step=1) - stripes).mean() < 0.2


@pytest.mark.parametrize(
    "denoise, parameters, left",
    [
        (sparse.wavelets, ("db2", 1), 0.8),  # the star sets the thresholds of all bands
        (sparse.starlet, (3.0,), 0.4),
        (sparse.dictionary, (1.05,), 0.4),
        (sparse.bm3d, (1.0,), 0.4),
    ],
)
def test_a_level_stays_and_a_bright_star_keeps_its_light(denoise, parameters, left, noise):
    if denoise is sparse.bm3d:
        pytest.importorskip("bm3d")
    x = np.arange(64) - 32
    star = 400 * np.exp(-0.5 * (x[:, None] ** 2 + x**2) / 0.8**2)
    level = np.full((64, 64), 17.0)
    assert denoise(level, *parameters) == pytest.approx(level, abs=1e-3)
    noisy = star + noise[:64, :64]
    change = denoise(level + noisy, *parameters) - level - noisy
    assert change[22:43, 22:43].sum() == pytest.approx(0, abs=0.04 * star.sum())
    assert (change + noisy)[:16].std() < left


def test_without_bm3d_one_sentence_says_what_to_do(monkeypatch, noise):
    imported = builtins.__import__
    missing = lambda name, *rest: imported("no_such_package" if name == "bm3d" else name, *rest)  # noqa: E731
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ValueError, match="pip install bm3d"):
        sparse.bm3d(noise, 1.0)


def test_a_dictionary_that_learns_nothing_keeps_a_lone_star(noise):
    x = np.arange(48) - 24
    star = 400 * np.exp(-0.5 * (x[:, None] ** 2 + x**2) / 0.8**2)
    output = sparse.dictionary(star + noise[:48, :48], 1.2)
    assert output[24, 24] == pytest.approx(400, rel=0.02) and output[:12].std() < 0.5
