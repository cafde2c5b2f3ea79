"""Images for pages: the real ones where the data folder is there, stand-ins that say so where it isn't."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from astrounet_core import demo, manifest, records
from astrounet_core.field_table import VERSION
from astrounet_core.inspection import blank_sky, lag_correlation, sky_scatter
from astrounet_core.instrument import F606W
from astrounet_core.noise import noise_variance
from astrounet_core.provenance import write_json
from astrounet_core.settings import NetworkSettings
from astrounet_core.unet import Denoiser
from astrounet_core.weights import save_weights


@pytest.fixture
def nowhere(monkeypatch):
    """No file and no network."""

    def refuse(name):
        raise manifest.DataUnavailable(f"no {name}")

    monkeypatch.setattr(manifest, "fetch", refuse)


@given(st.floats(10, 1e5), st.integers(1, 12), st.floats(0, 0.6))
@settings(max_examples=30, deadline=None)
def test_effective_time_inverts_the_noise_model(time, reads, correlation):
    rms = noise_variance(torch.zeros(32, 32, dtype=torch.float64), time, reads=reads, correlation=correlation).sqrt()
    found = demo.effective_exposure_time(float(rms[16, 16]), F606W, reads, correlation)
    assert found == pytest.approx(time, rel=1e-5)


@pytest.mark.parametrize("rms", [0.0, -1.0, float("nan")])
def test_a_sky_without_noise_has_no_exposure_time(rms):
    with pytest.raises(ValueError, match="tells no exposure time"):
        demo.effective_exposure_time(rms, F606W, 1)


@pytest.mark.parametrize("name", demo.STAND_INS)
def test_stand_ins_say_that_they_are_simulated(nowhere, name):
    found, again = demo.real_or_simulated(name, 4), demo.real_or_simulated(name, 4)
    assert not found.is_real and "simulated" in found.note and f"data fetch {name}" in found.note
    assert found.image.shape == (demo.STAND_INS[name].size,) * 2 and found.image.dtype == np.float32
    np.testing.assert_array_equal(found.image, again.image)
    assert not np.array_equal(found.image, demo.real_or_simulated(name, 5).image)


def test_the_mosaics_recipe_finds_the_time_of_its_stand_in():
    """What is done to the real mosaic, done to a simulation whose exposure time is known."""
    image = demo.simulated("horseshoe_f606w", 1).image
    blank = blank_sky(image)
    found = demo.effective_exposure_time(sky_scatter(image, blank), F606W, 6, lag_correlation(image, blank))
    assert found == pytest.approx(demo.STAND_INS["horseshoe_f606w"].exposure_time, rel=0.05)


def test_unknown_names_and_damaged_files_are_not_replaced(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="choose one of horseshoe_f606w"):
        demo.real_or_simulated("andromeda")
    monkeypatch.setenv("ASTROUNET_DATA_DIR", str(tmp_path))
    (tmp_path / manifest.entry("horseshoe_f606w").file).write_bytes(b"not the image")
    with pytest.raises(ValueError, match="damaged"):
        demo.real_or_simulated("horseshoe_f606w")


def test_the_real_mosaic_has_its_effective_time(data_dir):
    found = demo.real_or_simulated("horseshoe_f606w")
    assert found.is_real and found.image.shape == (500, 500) and found.pixel_scale == 0.04
    assert 2500 < found.exposure_time < 3200
    assert "effective" in found.note


def test_the_real_exposures_have_their_headers_times(data_dir):
    lens, cluster = (demo.real_or_simulated(name) for name in ("dcls0353_f200lp", "ngc1261_f336w"))
    assert lens.is_real and lens.exposure_time == 300 and lens.image.shape == (110, 110)
    assert cluster.is_real and cluster.exposure_time == 700 and cluster.image.shape == (512, 512)
    assert "13.99" in cluster.note
    noise = sky_scatter(cluster.image, blank_sky(cluster.image)) * 700
    assert 7.02 < noise < 14, "in electrons: more than the read noise of this gain, 7.02, and of its order"


@pytest.fixture
def run(monkeypatch, tmp_path):
    """A finished run of a toy network under the profile ``here``."""
    monkeypatch.setattr(records, "BUILD_DIR", tmp_path)
    place = records.folder("here", "modern")
    settings = NetworkSettings(width=2)
    save_weights(Denoiser(settings), place / "weights.safetensors", {})
    (place / "history.csv").write_text("update,loss\n1,0.5\n")
    record = {"updates": 4000, "paper_updates": 800_000, "seconds": 600, "device": "cpu", "width": 2}
    write_json(place / "run.json", record | {"preset": "modern", "data": VERSION})
    return place


def test_a_page_uses_the_network_of_its_own_profile_first(run, monkeypatch):
    assert demo.page_network("modern", "here").settings.width == 2
    asked = []
    monkeypatch.setattr(demo, "load_network", asked.append)
    demo.page_network("modern", "elsewhere")
    (run / "run.json").unlink()
    demo.page_network("modern", "here")
    assert asked == ["modern", "modern"], "an unfinished run is not used"


def test_effort_is_read_from_the_record(run):
    said = demo.effort("modern", "here")
    assert "4,000 updates in 10 minutes on cpu, 0.5 % of the paper's schedule" in said and "has 2 feature maps" in said
    assert "no record" in demo.effort("modern", "smoke")
