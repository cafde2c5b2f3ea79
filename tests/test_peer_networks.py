"""Networks of others: their sizes, what a pixel sees, and that tiles, files and training treat them like U-nets."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from tiny import TINY, field_set

from astrounet_core import experiments
from astrounet_core._paths import WEIGHTS_DIR
from astrounet_core.experiments import PEER_EXPERIMENTS
from astrounet_core.inference import denoise
from astrounet_core.peer_networks import PEER_NETWORKS
from astrounet_core.settings import NetworkSettings
from astrounet_core.training import Trainer, recipe
from astrounet_core.unet import Denoiser, count_parameters, stretch
from astrounet_core.weights import load_weights, save_weights

TILED = [name for name, network in PEER_NETWORKS.items() if network.halo is not None]


def peer(architecture: str, width: int = 2, output: str = "noise_units", **given) -> Denoiser:
    torch.manual_seed(0)
    named = {"architecture": architecture, "ratio_mode": "none", "slope": 0.2, "output": output}
    return Denoiser(NetworkSettings(width=width, **named, **given)).eval()


def sky(*shape: int) -> np.ndarray:
    image = np.random.default_rng(0).normal(0.01, 0.02, shape).astype(np.float32)
    image[shape[0] // 2, shape[1] // 3] += 30.0
    return image


def test_flamarys_network_has_its_number_of_parameters():
    assert count_parameters(peer("flamary")) == 64 * 101 + 16 * (64 * 36 + 1) + 16 * 25 + 1 == 43_745
    assert count_parameters(peer("flamary", inputs="filters")) == 43_745 + 64 * 100


def test_zero_shots_network_has_its_number_of_parameters():
    assert count_parameters(peer("two_layer", 48)) == 48 * 10 + 48 * (48 * 9 + 1) + 49


def test_cans_network_has_its_number_of_parameters():
    assert count_parameters(peer("can", 24)) == 24 * 10 + 7 * 24 * (24 * 9 + 1) + 25


@pytest.mark.parametrize("name", [name for name, each in PEER_EXPERIMENTS.items() if "architecture" in each.network])
def test_weights_as_trained_are_below_4_megabytes(name):
    assert 2 * count_parameters(Denoiser(recipe(name, "retrain").settings)) < 4e6


def test_galaxygan_has_pix2pixs_layers():
    network = peer("galaxygan", 64).net
    assert [layer.out_channels for layer in network.body.down] == [64, 128, 256, 512, 512, 512, 512, 512]
    assert [layer.out_channels for layer in network.body.up] == [512, 512, 512, 512, 256, 128, 64]
    assert [layer.in_channels for layer in network.body.up] == [512, 1024, 1024, 1024, 1024, 512, 256]
    assert network.head.in_channels == 128


@pytest.mark.parametrize("name", TILED)
def test_a_tile_sees_as_far_as_its_halo(name):
    """A NaN poisons exactly what depends on it; one column at a time, at every place on the coarsest grid."""
    network = peer(name).net.double()
    stride, halo = network.stride, network.halo
    columns = torch.arange(stride) + -(-halo // stride) * stride + 32
    images = torch.zeros(stride, 1, 20, 2 * int(columns[0]), dtype=torch.float64)
    images[torch.arange(stride), :, :, columns] = torch.nan
    poisoned = network(images, torch.ones(stride)).isnan().any(2)[:, 0]
    reach = [0]
    for column, row in zip(columns.tolist(), poisoned, strict=True):
        tiles = row.nonzero()[:, 0] // stride * stride
        reach += [column - int(tiles.min()) - stride + 1, int(tiles.max()) - column]
    assert max(reach) <= halo < max(reach) + stride


@pytest.mark.parametrize("name", TILED)
def test_tiles_equal_one_whole_pass(name):
    network, image = peer(name).double(), torch.from_numpy(sky(150, 130)).double()
    tile = -(-2 * network.net.halo // 16) * 16 + 64
    difference = denoise(image, 2, 500, network) - denoise(image, 2, 500, network, tile=tile)
    assert difference.abs().max() < 1e-12 * image.abs().max()


@pytest.mark.parametrize("name", PEER_NETWORKS)
def test_any_size_is_taken_and_holes_stay_holes(name):
    image = sky(37, 53)
    image[3:6, 7] = np.nan
    result = denoise(image, 2, 500, peer(name, output="asinh"))
    assert result.shape == image.shape and np.array_equal(np.isnan(result), np.isnan(image))


def test_peers_have_no_place_for_the_ratio():
    network, image = peer("fcn"), torch.randn(1, 1, 32, 32)
    answers = [network(image, torch.ones(1), torch.full((1,), ratio)) for ratio in (2.0, 5.0)]
    assert torch.equal(*answers)
    with pytest.raises(ValueError, match="no place for the exposure ratio"):
        NetworkSettings(architecture="fcn")


def test_an_asinh_network_that_copies_returns_the_image():
    network = peer("fcn", output="asinh")
    network.net.forward = lambda image, ratio: image
    image = torch.from_numpy(sky(64, 64))[None, None]
    torch.testing.assert_close(network(image, torch.ones(1), torch.ones(1)), image, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", PEER_NETWORKS)
def test_weight_files_hold_peers(name, tmp_path):
    network = peer(name)
    save_weights(network, tmp_path / "w.safetensors", {"experiment": name})
    loaded, metadata = load_weights(tmp_path / "w.safetensors")
    assert loaded.settings == network.settings and metadata["architecture"] == name
    weights = zip(network.parameters(), loaded.parameters(), strict=True)
    assert all(torch.equal(ours.half(), theirs.half()) for ours, theirs in weights)


def test_weight_files_from_before_there_were_peers_hold_unets():
    path = WEIGHTS_DIR / "network1.safetensors"
    with safe_open(path, "pt") as stream:
        assert "architecture" not in stream.metadata()
    assert load_weights(path)[0].settings.architecture == "unet"


@pytest.mark.parametrize("name", PEER_EXPERIMENTS)
def test_every_peer_learns_one_batch(name, monkeypatch):
    size = PEER_EXPERIMENTS[name].changes.get("crop", 32)
    monkeypatch.setitem(experiments.SCHEDULES, "tiny", TINY)
    plan = recipe(name, "tiny")
    schedule = replace(plan.schedule, crop=size, width=4, batch=1)
    plan = replace(plan, schedule=schedule, preset=replace(plan.preset, extra_stars=0))
    fields = field_set(1, size)
    if name == "galaxygan":  # whose first answer is an empty sky: the others' faint scene is no way from there
        fields = replace(fields, scenes=torch.linspace(0, 5, size).repeat(1, size, 1))
    run = Trainer(plan, fields, fields, "unused")
    batch = run.pairs(0)

    def distance() -> float:
        with torch.no_grad():
            output = batch.masked(run.network(**batch.shown()))
        return (stretch(output, batch.sky) - stretch(batch.target, batch.sky)).abs().mean().item()

    before = distance()
    for _ in range(40):
        run._learn(batch)
    assert distance() < 0.95 * before and run.loss_sum.isfinite()
