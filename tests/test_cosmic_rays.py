"""Cosmic rays that we have laid on an image ourselves: found, mended, and the stars left alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from astrounet_core import inspection, photometry, repeats
from astrounet_core.cosmic_rays import SMALLEST, clean_cosmic_rays
from astrounet_core.instrument import F606W, WFC3_UVIS
from astrounet_core.noise import physical
from astrounet_core.scenes import make_scene

TIME = 300.0


@pytest.fixture(scope="module")
def scene():
    return make_scene("star_cluster", 256, 2, "F606W", log10_central_density=-0.5)


@pytest.fixture(scope="module")
def exposed(scene):
    """An exposure without cosmic rays, with them, and where they are."""
    image = repeats.expose_repeatedly(scene, [TIME], 1)[TIME]
    return image, *repeats.strike(image, TIME, seed=0)


@pytest.fixture(scope="module")
def cleaned(exposed):
    return clean_cosmic_rays(exposed[1], TIME)


def test_nearly_all_hit_pixels_are_found_and_hardly_another(exposed, cleaned):
    _, _, hit = exposed
    found = cleaned[1]
    assert found[hit].mean() > 0.95 and 0.003 < hit.mean() < 0.01
    assert found[~hit].mean() < 2e-3


def test_what_is_mended_holds_the_sky_again(exposed, cleaned):
    clean, struck, hit = exposed
    mended, found = cleaned
    assert abs((mended - clean)[hit].sum()) < 0.05 * (struck - clean)[hit].sum()
    np.testing.assert_array_equal(mended[~found], struck[~found])


@pytest.mark.parametrize(
    ("flux", "limit", "touched"), [(1.0, 5.0, 0.29), (1.0, 8.0, 0.06), (4.0, 8.0, 0), (100.0, 8.0, 0)]
)
def test_stars_keep_their_light(flux, limit, touched):
    """HST's stars centred on a pixel, the sharpest there are: the share that is taken for cosmic rays."""
    blank = physical(torch.zeros(256, 256), TIME, 1.0, generator=torch.Generator().manual_seed(3), sky=F606W.sky)
    image, x, y = inspection.inject_stars(blank, np.ones((256, 256), bool), flux, TIME)
    mended, found = clean_cosmic_rays(image, TIME, contrast_limit=limit)
    before, after = (photometry.aperture_flux(each, x, y, 6.0) for each in (image, mended))
    assert len(x) == 100 and np.mean(after / before < 0.999) == pytest.approx(touched, abs=0.1 * (touched > 0))
    assert found.mean() < 2e-3


@given(st.floats(10, 2000), st.floats(0, 1))
@settings(max_examples=6, deadline=None)
def test_the_subtracted_sky_counts_as_noise(time, sky):
    """A pixel of ten times the noise is hit, one of three times is not, whatever the exposure and the sky."""
    image = np.zeros((31, 31), np.float32)
    sigma = np.sqrt((sky + WFC3_UVIS.dark_current) * time + WFC3_UVIS.read_noise**2) / time
    image[10, 10], image[20, 20] = 10 * sigma, 3 * sigma
    mended, found = clean_cosmic_rays(image, time, sky=sky)
    assert found[10, 10] and found.sum() == 1
    assert mended[10, 10] == pytest.approx(0, abs=0.5 * sigma) and mended[20, 20] == image[20, 20]


def test_more_reads_are_more_noise():
    image = np.zeros((31, 31), np.float32)
    image[10, 10] = 40 / 100
    assert clean_cosmic_rays(image, 100.0, sky=0.0)[1].any()
    assert not clean_cosmic_rays(image, 100.0, sky=0.0, reads=16)[1].any()


def test_missing_pixels_stay_missing_and_masked_ones_as_they_are(exposed):
    image, masked = exposed[1].copy(), np.zeros(exposed[1].shape, bool)
    image[5:9, 40:60], image[100, 100], masked[128:] = np.nan, np.inf, True
    mended, found = clean_cosmic_rays(image, TIME, mask=masked)
    np.testing.assert_array_equal(mended[128:], image[128:])
    assert np.isnan(mended[5:9, 40:60]).all() and np.isinf(mended[100, 100])
    assert np.isfinite(mended).sum() == image.size - 81 and not found[masked | ~np.isfinite(image)].any()


def test_an_image_without_a_good_pixel_comes_back():
    image = np.full((16, 16), np.nan, np.float32)
    mended, found = clean_cosmic_rays(image, 1.0)
    assert np.isnan(mended).all() and not found.any()


def test_saturated_stars_are_no_cosmic_rays(exposed):
    image = exposed[0].copy()
    image[60:66, 60:66] = WFC3_UVIS.full_well / TIME
    assert not clean_cosmic_rays(image, TIME)[1][62:64, 62:64].any()


@pytest.mark.parametrize(
    ("shape", "time", "mask", "message"),
    [
        ((3, 16, 16), 1.0, None, "can't be searched"),
        ((SMALLEST - 1, 16), 1.0, None, "can't be searched"),
        ((16, 16), 0.0, None, "gives no electrons"),
        ((16, 16), float("nan"), None, "gives no electrons"),
        ((16, 16), 1.0, np.zeros((8, 8)), "doesn't fit"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(shape, time, mask, message):
    with pytest.raises(ValueError, match=message):
        clean_cosmic_rays(np.zeros(shape, np.float32), time, mask=mask)
