"""Short exposures in four states, and the record of what was measured on real ones."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from astrounet_core import deep_truth, demo, inspection, manifest, real_images, repeats
from astrounet_core.instrument import F606W
from astrounet_core.noise import physical

TIME, SIZE = 300.0, 256


@pytest.fixture(scope="module")
def struck():
    """An exposure of a hundred bright stars, hit by cosmic rays."""
    blank = physical(torch.zeros(SIZE, SIZE), TIME, 1.0, generator=torch.Generator().manual_seed(3))
    image, _, _ = inspection.inject_stars(blank, np.ones((SIZE, SIZE), bool), 30.0, TIME)
    return demo.DemoImage(repeats.strike(image, TIME, 1)[0], TIME, "F606W", 0.04, "test", False, "")


def quantities(states):
    return {row.pop("quantity"): row for row in real_images.compare_states(states)}


def test_a_method_that_does_nothing_changes_nothing(struck):
    states = real_images.four_states(struck, lambda image, time: image)
    np.testing.assert_array_equal(states.images["denoised"], states.images["as_is"])
    np.testing.assert_array_equal(states.images["both"], states.images["cleaned"])
    found = quantities(states)
    assert found["flux_ratio"]["denoised"] == found["flux_ratio"]["both"] == 1
    assert found["flux_ratio"]["as_is"] is None and found["lag_residual"]["cleaned"] is None


def test_cleaning_takes_the_rays_from_the_list_of_sources_and_leaves_the_stars(struck):
    found = quantities(real_images.four_states(struck, lambda image, time: image))
    rays = found["near_hits"]["as_is"]
    assert rays > 20 and found["near_hits"]["cleaned"] < 0.2 * rays
    assert found["sources"]["cleaned"] == pytest.approx(100, abs=3) and found["sources"]["as_is"] > 103
    assert found["flux_ratio"]["cleaned"] == pytest.approx(1, abs=1e-3)


def test_a_blur_quietens_pixels_and_correlates_them(struck):
    found = quantities(real_images.four_states(struck, lambda image, time: gaussian_filter(image, 1.0)))
    sky, lag = found["sky"], found["lag"]
    assert sky["both"] / sky["cleaned"] == pytest.approx((4 * np.pi) ** -0.5, rel=0.1)  # sigma 1: 1 / (2 sqrt(pi))
    assert lag["both"] == pytest.approx(np.exp(-0.25), abs=0.06) and abs(lag["cleaned"]) < 0.05


def test_the_sky_follows_from_the_noise_and_the_noise_from_the_sky():
    for sky in (0.02, 0.3):
        image = physical(torch.zeros(SIZE, SIZE), TIME, 1.0, sky=sky, generator=torch.Generator().manual_seed(1))
        rms = inspection.sky_scatter(image, np.ones((SIZE, SIZE), bool))
        assert demo.effective_sky(rms, TIME) == pytest.approx(sky, rel=0.06)
    assert demo.effective_sky(1e-4, TIME) == 0


def test_stand_ins_are_not_measured_as_if_they_were_real(monkeypatch):
    monkeypatch.setattr(demo, "real_or_simulated", lambda name, seed=0: demo.simulated("dcls0353_f200lp", seed))
    with pytest.raises(manifest.DataUnavailable, match="astrounet data fetch"):
        real_images.measure({}, range(1))


def test_the_record_says_what_was_measured_with_what():
    record, current = real_images.published()
    assert record["run"]["weights_sha256"].keys() == deep_truth.RATIOS.keys()
    assert current, "the record belongs to other weights; make checks renews it"
    rows = {(row["name"], row["ratio"]): row for row in record["deep"]}
    assert len(rows) == 4 + sum(map(len, deep_truth.RATIOS.values()))
    assert rows["unchanged", None]["nmse"] == pytest.approx(1, abs=0.02), "by its definition"
    assert min(record["factors"]) > 4.9 and len(record["images"]) == len(deep_truth.DEEP)
    assert {row["image"] for row in record["short"]} == {
        "WFC3/UVIS F200LP, gravitational lens",
        "WFPC2/PC1 F336W, globular cluster",
    }


def test_the_real_short_exposures_know_their_detectors(data_dir):
    lens, cluster = (demo.real_or_simulated(name) for name in real_images.SHORT)
    assert 0.1 < lens.sky < 0.4 and lens.detector.name == "WFC3/UVIS"
    assert cluster.sky == 0 and (cluster.detector.read_noise, cluster.detector.gain) == (7.02, 13.99)
    assert F606W.sky == demo.real_or_simulated("horseshoe_f606w").sky
