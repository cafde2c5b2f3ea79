"""Precision: bfloat16 only where it was asked for, or where hardware, kind of network and a measured record agree."""

import numpy as np
import pytest
import torch

from astrounet_core import precision, rounding
from astrounet_core.inference import load_network
from astrounet_core.precision import choose, fingerprint, ready
from astrounet_core.provenance import write_json
from astrounet_core.settings import NetworkSettings
from astrounet_core.unet import Denoiser


@pytest.fixture
def network():
    return Denoiser(NetworkSettings(width=4, output="noise_units")).eval()


def recorded(monkeypatch, tmp_path, network, worst: float) -> None:
    """A record that says how far bfloat16 moves a network's stars, on hardware that is good at it."""
    write_json(tmp_path / "p.json", {"networks": [{"fingerprint": fingerprint(network), "worst": worst}]})
    monkeypatch.setattr(precision, "RECORD", tmp_path / "p.json")
    monkeypatch.setattr(precision.devices, "precision", lambda device: "bfloat16")


def test_what_is_asked_for_is_done(network):
    assert [choose(network, "cpu", wanted) for wanted in ("fp32", "bf16")] == ["fp32", "bf16"]
    with pytest.raises(ValueError, match="unknown precision 'fp8'"):
        choose(network, "cpu", "fp8")


def test_auto_needs_a_record_below_the_limit(network, monkeypatch, tmp_path):
    recorded(monkeypatch, tmp_path, network, 0.9)
    assert choose(network, "cpu") == "bf16"
    recorded(monkeypatch, tmp_path, network, 1.1)
    assert choose(network, "cpu") == "fp32"
    recorded(monkeypatch, tmp_path, Denoiser(NetworkSettings(width=4, output="noise_units")), 0.1)
    assert choose(network, "cpu") == "fp32"


def test_auto_needs_hardware_and_a_network_in_noise_units(network, monkeypatch, tmp_path):
    direct = Denoiser(NetworkSettings(width=4))
    recorded(monkeypatch, tmp_path, direct, 0.1)
    assert choose(direct, "cpu") == "fp32"
    recorded(monkeypatch, tmp_path, network, 0.1)
    monkeypatch.setattr(precision.devices, "precision", lambda device: "float32")
    assert choose(network, "cpu") == "fp32"


def test_the_twin_keeps_its_last_layer_and_the_network_as_they_were(network):
    twin = ready(network, torch.bfloat16)
    assert twin is ready(network, torch.bfloat16) and twin is not network
    kinds = {name: weight.dtype for name, weight in twin.named_parameters()}
    assert {kind for name, kind in kinds.items() if name.startswith("net.head")} == {torch.float32}
    assert {kind for name, kind in kinds.items() if not name.startswith("net.head")} == {torch.bfloat16}
    assert {weight.dtype for weight in network.parameters()} == {torch.float32}


def test_the_record_is_of_the_published_networks_and_of_what_is_measured_now():
    rows = {row["network"]: row for row in rounding.provenance.read_json(precision.RECORD)["networks"]}
    assert {name: row["fingerprint"] for name, row in rows.items()} == {
        name: fingerprint(load_network(name)) for name in rounding.NETWORKS
    }
    assert all(row["stars"] > 100 and 0 < row["median"] < row["worst"] for row in rows.values())


def test_the_flux_shift_of_a_network_that_moves_nothing_is_nothing(stars):
    field, scene = stars
    shot = rounding.expose(field, scene, "independent", 2.0)
    still = Denoiser(NetworkSettings(width=4, output="noise_units")).eval()
    torch.nn.init.zeros_(still.net.head.weight), torch.nn.init.zeros_(still.net.head.bias)
    shift = rounding.flux_shift(still, shot)
    assert len(shift) > 10 and np.abs(shift).max() == 0
