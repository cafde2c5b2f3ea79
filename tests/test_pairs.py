"""Batches of the modern recipe: twins under independent noise, added stars, and the sky of the whole field."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from astrounet_core.experiments import EXPERIMENTS, PRESETS
from astrounet_core.instrument import RELEASED, WFC3_UVIS
from astrounet_core.losses import noise_normalised, squared_bias
from astrounet_core.pairs import FieldSet, PairMaker, blind_spots
from astrounet_core.unet import Denoiser, sky_statistics


@pytest.fixture(scope="module")
def fields():
    """Three fields of a bright gradient with sky enough to measure."""
    scenes = torch.linspace(0, 1e-3, 160).expand(3, 160, 160).clone()
    columns = {"exposure_time": 1000.0, "sky": 0.09, "reads": 2.0, "correlation": 0.0}
    return FieldSet(scenes, band=torch.arange(3) % 2, **{k: torch.full((3,), v) for k, v in columns.items()})


def maker(fields, experiment="modern", batch=8, **changes):
    return PairMaker(fields, EXPERIMENTS[experiment], replace(PRESETS["modern"], **changes), batch, 64, seed=0)


def test_twins_share_a_scene_and_not_their_noise(fields):
    batch = maker(fields)(3)
    noise = (batch.noisy - batch.target) / batch.sigma
    assert torch.equal(batch.target[0::2], batch.target[1::2])
    assert torch.equal(batch.exposure_ratio[0::2], batch.exposure_ratio[1::2])
    assert (noise[0::2] * noise[1::2]).mean().item() == pytest.approx(0, abs=0.02)
    assert noise.square().mean().item() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(("batch", "images"), [(8, 8), (1, 2), (3, 4)])
def test_twins_make_a_batch_even_and_a_batch_without_them_is_left_alone(fields, batch, images):
    assert len(maker(fields, batch=batch)(0).noisy) == images
    assert len(maker(fields, batch=batch, bias_weight=0)(0).noisy) == batch


def test_squared_bias_sees_what_twins_have_in_common_and_no_more():
    generator = torch.Generator().manual_seed(0)
    target, sigma = torch.zeros(64, 1, 64, 64), torch.full((64, 1, 64, 64), 0.1)
    output = sigma * (0.3 + torch.randn(target.shape, generator=generator))
    assert squared_bias(output, target, sigma).item() == pytest.approx(0.09, abs=0.01)
    assert noise_normalised(output, target, sigma).item() == pytest.approx(1.09, abs=0.02)


def test_stars_are_added_to_input_and_target_alike(fields):
    plain, starry = maker(fields, extra_stars=0)(5), maker(fields, extra_stars=12)(5)
    assert plain.target.max() < 0.01 < starry.target.max()
    noise = (starry.noisy - starry.target) / starry.sigma
    assert noise.square().mean().item() == pytest.approx(1, abs=0.03)


def test_the_sky_that_is_shown_is_that_of_the_whole_field(fields):
    made = maker(fields)
    batch = made(0)
    ratio = batch.exposure_ratio[0].item()
    whole = sky_statistics(made.whole(ratio).noisy)
    assert batch.sky.shape == (8, 2)
    assert batch.sky[0, 1].item() == pytest.approx(whole[:, 1].mean().item(), rel=0.05)
    assert maker(fields, "network1")(0).sky is None


def test_what_an_oracle_is_shown_changes_with_the_truth_and_others_ignore_it(fields):
    batch = maker(fields, "exp07_oracle")(0)
    other = replace(batch, target=batch.target + 10)
    for inputs, changed in (("oracle", True), ("segmentation", False)):
        network = Denoiser(replace(EXPERIMENTS["exp07_oracle"].settings(PRESETS["code"], 4), inputs=inputs))
        with torch.no_grad():
            same = torch.equal(network(**batch.shown()), network(**other.shown()))
        assert same != changed
    with pytest.raises(ValueError, match="no denoiser"):
        Denoiser(EXPERIMENTS["exp07_oracle"].settings(PRESETS["code"], 4))(
            batch.noisy, batch.exposure_time, batch.exposure_ratio
        )


@pytest.mark.parametrize(("preset", "detector"), [("code", RELEASED), ("paper", WFC3_UVIS)])
def test_frames_of_the_papers_presets_keep_their_sky_while_the_noise_is_drawn(fields, preset, detector):
    batch = PairMaker(fields, EXPERIMENTS["network1"], PRESETS[preset], 8, 64, seed=0)(0)
    noise = (batch.noisy - batch.target) / batch.sigma
    assert noise.square().mean().item() == pytest.approx(1, abs=0.05)
    expected = 0.09 + batch.target.mean().item() + detector.dark_current + detector.read_noise**2 / 500
    assert batch.sigma.square().mean().item() * 500 == pytest.approx(expected, rel=1e-4)
    assert (batch.noisy == 0).sum() == 0


def test_frames_without_sky_are_masked_where_the_long_exposure_is_not_positive(fields):
    preset = replace(PRESETS["code"], keeps_sky=False)
    batch = PairMaker(fields, EXPERIMENTS["network1"], preset, 8, 64, seed=0)(0)
    assert torch.equal(batch.noisy == 0, batch.target <= 0)
    assert 0.3 < (batch.noisy == 0).float().mean().item() < 0.6


def without_truth(fields, target: str) -> PairMaker:
    return maker(fields, bias_weight=0.0, extra_stars=0, target=target)


def test_a_second_exposure_has_the_same_scene_and_noise_of_its_own(fields):
    known, given = without_truth(fields, "scene")(0), without_truth(fields, "exposure")(0)
    assert torch.equal(known.noisy, given.noisy)
    errors = [(image - known.target) / known.sigma for image in (given.noisy, given.target)]
    assert all(error.std().item() == pytest.approx(1.0, rel=0.1) for error in errors)
    assert abs((errors[0] * errors[1]).mean().item()) < 4 / errors[0].numel() ** 0.5


def test_validation_is_against_the_scene_whatever_the_target(fields):
    whole = [without_truth(fields, target).whole(2.0) for target in ("scene", "exposure", "itself")]
    assert all(torch.equal(each.target, whole[0].target) for each in whole) and whole[2].valid is None


def test_blind_spots_are_one_pixel_in_16_and_never_neighbours(fields):
    plain, batch = without_truth(fields, "exposure")(0), without_truth(fields, "itself")(0)
    assert batch.valid.float().mean().item() == pytest.approx(1 / 16) and batch.valid.shape == batch.noisy.shape
    assert torch.equal(batch.target, plain.noisy)
    assert torch.equal(batch.noisy[~batch.valid], batch.target[~batch.valid])
    assert (batch.noisy != batch.target)[batch.valid].all()
    assert F.avg_pool2d(batch.valid.float(), 3, 1).max().item() == pytest.approx(1 / 9)


def test_what_a_pixel_hides_is_nowhere_in_the_input(fields):
    """With NaN in every pixel that will be hidden, and nowhere else, the network and its weights see none."""
    batch = without_truth(fields, "itself")(0)
    assert torch.isfinite(batch.sigma).all()
    hidden = blind_spots(batch, torch.Generator().manual_seed(7)).valid
    holed = replace(batch, noisy=torch.where(hidden, torch.nan, batch.target))
    again = blind_spots(holed, torch.Generator().manual_seed(7))
    assert torch.equal(again.valid, hidden) and torch.isfinite(again.noisy).all()
    assert torch.equal(again.target.isnan(), hidden)
