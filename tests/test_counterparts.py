"""Simulated counterparts of real images: light and noise as asked for, and the published record against the files."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from astrounet_core import counterparts, manifest, realism
from astrounet_core.counterparts import COUNTERPARTS, IMPROVED, regridded
from astrounet_core.inspection import blank_sky, sky_scatter
from astrounet_core.provenance import read_json


@given(st.integers(2, 40), st.floats(1.0, 3.0))
@settings(max_examples=25, deadline=None)
def test_regridding_keeps_the_light_that_it_covers(size, ratio):
    flat = regridded(torch.ones(size, size), ratio)
    torch.testing.assert_close(flat, torch.full_like(flat, ratio**2), rtol=1e-4, atol=1e-5)
    assert len(flat) == int(size / ratio + 1e-6)


def test_regridding_by_two_adds_up_fours():
    image = torch.arange(16.0).reshape(4, 4)
    torch.testing.assert_close(regridded(image, 2.0), torch.tensor([[10.0, 18.0], [42.0, 50.0]]))


def test_a_counterpart_without_exposure_time_has_the_noise_asked_for():
    image = counterparts.simulated_image(COUNTERPARTS["cosmos"], 0.0068, 3)
    assert image.shape == (210, 210)
    assert sky_scatter(image, blank_sky(image)) == pytest.approx(0.0068, rel=0.03)


def test_the_record_names_the_files_of_today():
    stored = read_json(counterparts.RECORD)
    assert set(stored["images"]) == set(COUNTERPARTS)
    wanted = {name: manifest.entry(name).sha256 for each in COUNTERPARTS.values() for name in each.images}
    assert stored["run"]["images"] == wanted


def test_the_record_is_what_the_files_give():
    found, from_record = counterparts.real("dcls0353_f200lp")
    if from_record:
        pytest.skip("the image is neither in ASTROUNET_DATA_DIR nor could it be fetched")
    stored = counterparts.published("dcls0353_f200lp")
    for key in found:
        np.testing.assert_allclose(stored[key]["mean"], found[key]["mean"], rtol=1e-3, atol=1e-4)


def test_without_files_the_record_answers(monkeypatch):
    def unavailable(name):
        raise manifest.DataUnavailable(name)

    monkeypatch.setattr(manifest, "fetch", unavailable)
    found, from_record = counterparts.real("ngc1261_f336w")
    assert from_record and found["lags"]["mean"][0] == 1 and np.isnan(found["lags"]["scatter"]).all()
    assert found["struck"]["mean"] > found["sources"]["mean"] > 1000


def test_improved_scenes_are_nearer_to_the_horseshoe_and_the_cluster():
    real = counterparts.published("horseshoe_f606w")
    sigma = float(real["sigma"]["mean"])
    before, after = (counterparts.simulate(each["horseshoe_f606w"], sigma, 2) for each in (COUNTERPARTS, IMPROVED))
    distance = [realism.distribution_distance(real["pixels"]["mean"], one["pixels"]["mean"]) for one in (before, after)]
    assert distance[0]["ks"] > 0.08 and distance[1]["ks"] < 0.04
    assert distance[1]["wasserstein"] < 0.5 * distance[0]["wasserstein"]
    blank = [float(np.nanmean((one["sky_power"]["mean"] - real["sky_power"]["mean"])[:8])) for one in (before, after)]
    assert blank[0] < -1.5 and abs(blank[1]) < 0.5  # dex, on scales above 2 arcsec
