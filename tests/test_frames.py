"""One real-world frame: gaps and padding come back untouched, the sky's level doesn't matter, limits are flagged."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from astrounet_core.field_table import field_table
from astrounet_core.fits_out import FLAG_FILLED, FLAG_MASKED, FLAG_SATURATED, FLAG_UNTRAINED
from astrounet_core.frames import BRIGHTEST_TRAINED, brightest_trained, denoise_frame, find_flags, load
from astrounet_core.inference import denoise
from astrounet_core.noise import physical
from astrounet_core.scenes import make_scene

TIME = 500.0


@pytest.fixture(scope="module")
def modern():
    return load("modern")


@pytest.fixture(scope="module")
def exposure(stars):
    """A 500 s exposure of the sparse cluster, (256, 256) e-/s, its sky taken out."""
    generator = torch.Generator().manual_seed(1)
    return physical(stars[1].image, TIME, 1.0, generator=generator, sky=0.09).numpy()


@settings(max_examples=6, deadline=None)
@given(pedestal=st.floats(0, 50))
def test_the_sky_left_in_comes_back_and_changes_nothing_else(pedestal, modern, exposure):
    image = exposure[:96, :96]
    plain = denoise_frame(image, 2.0, TIME, modern)
    raised = denoise_frame(image + np.float32(pedestal), 2.0, TIME, modern)
    assert raised.sky - plain.sky == pytest.approx(pedestal, abs=1e-4)
    assert np.abs(raised.image - pedestal - plain.image).max() < 0.02 * plain.sigma + 1e-6 * pedestal * 4


@pytest.mark.parametrize("name", ["network1", "network2"])
def test_networks_of_sky_subtracted_images_don_t_see_the_sky_either(name, exposure):
    trained, image = load(name), exposure[:96, :96]
    plain, raised = (denoise_frame(image + np.float32(level), 2.0, TIME, trained) for level in (0.0, 50 / TIME))
    assert np.abs(raised.image - 50 / TIME - plain.image).max() < 0.01 * plain.sigma


def test_gaps_padding_and_masked_pixels_come_back_bit_for_bit(modern, exposure):
    image, mask = exposure.copy(), np.zeros(exposure.shape, bool)
    image[100, 100:110], image[:, :40] = np.nan, 0.0
    mask[200:203, 200], image[200:203, 200] = True, 1e6
    frame = denoise_frame(image, 2.0, TIME, modern, mask=mask)
    untouched = frame.flags > 0
    np.testing.assert_array_equal(frame.image[untouched], image[untouched])
    assert (frame.flags[100, 100:110] == FLAG_FILLED).all() and (frame.flags[:, :40] == FLAG_FILLED).all()
    assert (frame.flags[200:203, 200] == FLAG_MASKED).all()
    assert untouched.sum() == 10 + 40 * 256 + 3


def test_what_is_hidden_has_no_influence_on_what_is_seen(modern, exposure):
    mask = np.zeros(exposure.shape, bool)
    mask[60:64, 60:64] = True
    wild = np.where(mask, np.float32(1e4), exposure)
    one, other = (denoise_frame(image, 2.0, TIME, modern, mask=mask) for image in (exposure, wild))
    np.testing.assert_array_equal(one.image[~mask], other.image[~mask])


def test_saturated_pixels_pass_through_and_are_seen(modern, exposure):
    limit = float(np.sort(exposure.ravel())[-5])
    frame = denoise_frame(exposure, 2.0, TIME, modern, saturation=limit)
    bright = exposure >= limit
    assert (frame.flags[bright] & FLAG_SATURATED).all() and not (frame.flags[~bright] & FLAG_SATURATED).any()
    np.testing.assert_array_equal(frame.image[bright], exposure[bright])
    without = denoise_frame(exposure, 2.0, TIME, modern)
    np.testing.assert_array_equal(frame.image[~bright], without.image[~bright])


def test_a_frame_without_gaps_is_what_inference_gives(modern, exposure):
    frame = denoise_frame(exposure, 3.0, TIME, modern, precision="fp32")
    expected = denoise(exposure - np.float32(frame.sky), 3.0, TIME, modern.network) + np.float32(frame.sky)
    assert np.abs(frame.image - expected).max() < 1e-3 * frame.sigma


def test_the_input_error_is_the_noise_that_was_put_in(modern):
    scene = make_scene("sparse_field", 128, 3, field_stars=600.0).image
    draws = [physical(scene, TIME, 1.0, generator=torch.Generator().manual_seed(k), sky=0.09) for k in range(12)]
    scatter = torch.stack(draws).std(0).numpy()
    errors = np.stack([denoise_frame(draw.numpy(), 2.0, TIME, modern).input_error for draw in draws]).mean(0)
    for low, high in ((0, 50), (50, 95), (95, 100)):  # faint to bright, in percent of the pixels
        chosen = (scene >= np.percentile(scene, low)) & (scene <= np.percentile(scene, high))
        ratio = np.sqrt((scatter[chosen] ** 2).mean() / (errors[chosen] ** 2).mean())
        assert ratio == pytest.approx(1, abs=0.12)


def test_a_few_zeros_are_sky_and_a_block_of_them_is_padding():
    image = np.random.default_rng(0).poisson(0.7, (200, 200)).astype(np.float32)  # half of it zero, as in counts
    assert not find_flags(image).any()
    image[:50] = 0
    assert (find_flags(image)[:50] == FLAG_FILLED).all()
    assert (find_flags(image)[55:] == 0).mean() > 0.99


def test_the_brightest_trained_star_is_the_table_s():
    table = field_table()
    shift = min(table["kind"]["star_cluster"]["magnitude_shift"])
    assert table["luminosity_function"]["globular_cluster"]["magnitudes"][0] + shift == BRIGHTEST_TRAINED
    image = np.zeros((20, 20), np.float32) + np.arange(20)
    image[3, 3] = 1.01 * brightest_trained()
    assert np.argwhere(find_flags(image) == FLAG_UNTRAINED).tolist() == [[3, 3]]


@pytest.mark.parametrize(
    ("image", "options", "sentence"),
    [
        (np.zeros((4, 4, 4)), {}, "3 dimensions"),
        (np.full((30, 30), np.nan), {}, "no pixel with data"),
        (np.full((30, 30), 3.0), {}, "one value everywhere"),
        (np.eye(30), {"mask": np.zeros((3, 3), bool)}, "a mask of shape"),
        (np.eye(30), {"mask": np.ones((30, 30), bool)}, "no pixel with data"),
    ],
)
def test_what_can_t_be_denoised_is_said(image, options, sentence, modern):
    with pytest.raises(ValueError, match=sentence):
        denoise_frame(image, 2.0, TIME, modern, **options)
