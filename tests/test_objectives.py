"""Objectives: Stein's estimate against the true error of a linear filter, the sparse code's against its parts."""

import pytest
import torch
from torch.nn import functional as F

from astrounet_core.experiments import PRESETS
from astrounet_core.losses import noise_normalised, squared_bias
from astrounet_core.objectives import SPARSITY, build_objective, sure
from astrounet_core.pairs import Batch
from astrounet_core.settings import NetworkSettings
from astrounet_core.unet import Denoiser, sky_statistics, stretch


def batch(size: int = 256, count: int = 2) -> Batch:
    """A smooth scene under noise whose sigma doubles from left to right."""
    generator = torch.Generator().manual_seed(1)
    scene = torch.sin(torch.arange(size) / 3.0).expand(count, 1, size, size)
    sigma = torch.linspace(0.5, 1.0, size).expand(count, 1, size, size)
    noisy = scene + sigma * torch.randn(scene.shape, generator=generator)
    one = torch.ones(count)
    return Batch(noisy, scene, one, 2 * one, one.long(), sigma, sky=sky_statistics(noisy))


def blur(image: torch.Tensor, centre: float = 0.4) -> torch.Tensor:
    kernel = torch.full((1, 1, 3, 3), (1 - centre) / 8)
    kernel[..., 1, 1] = centre
    return F.conv2d(F.pad(image, (1, 1, 1, 1), mode="circular"), kernel)


def test_sure_is_the_true_error_of_a_linear_filter():
    """E|k*x - s|^2 / sigma^2 = |k*s - s|^2 / sigma^2 + (k^2 * sigma^2) / sigma^2, with no truth in the estimate."""
    given = batch(512)
    found = sure(lambda image, **rest: blur(image), blur(given.noisy), given, torch.Generator().manual_seed(2))
    spread = 0.4**2 * given.sigma**2 + 0.6**2 / 8 * blur(given.sigma**2, 0.0)
    truth = (((blur(given.target) - given.target) ** 2 + spread) / given.sigma**2).mean()
    assert found.item() == pytest.approx(truth.item(), abs=4 * (2 / given.noisy.numel()) ** 0.5 + 0.002)
    assert abs(noise_normalised(blur(given.noisy), given.noisy, given.sigma).item() - truth.item()) > 0.1


def test_sure_of_doing_nothing_is_the_noise():
    given = batch()
    found = sure(lambda image, **rest: image, given.noisy, given, torch.Generator().manual_seed(2))
    assert found.item() == pytest.approx(1.0, abs=0.03)


def test_sparse_is_the_stretched_error_and_the_codes_size():
    named = {"architecture": "autoencoder", "ratio_mode": "none", "output": "asinh"}
    given, network = batch(32), Denoiser(NetworkSettings(width=3, **named))
    objective = build_objective("sparse", PRESETS["modern"], network, torch.Generator(), 32)
    output = network(**given.shown())
    value = objective(output, given)
    code = network.net.body[:7](stretch(given.noisy, given.sky))
    assert code.shape == (2, 3, 8, 8) and code.any()
    error = (stretch(output, given.sky) - stretch(given.target, given.sky)).square().mean()
    assert value.item() == pytest.approx((error + SPARSITY * code.abs().mean()).item(), rel=1e-5)
    assert SPARSITY * code.abs().mean() > 0


@pytest.mark.parametrize(("loss", "power"), [("noise_units", 2), ("noise_units_l1", 1)])
def test_noise_units_count_squared_bias_extra(loss, power):
    given, network = batch(32), Denoiser(NetworkSettings(width=2, output="noise_units"))
    objective = build_objective(loss, PRESETS["modern"], network, torch.Generator(), 32)
    images = (given.noisy, given.target, given.sigma)
    assert objective(given.noisy, given).item() == pytest.approx(
        (noise_normalised(*images, power) + 4 * squared_bias(*images)).item()
    )


def test_unknown_losses_list_the_choices():
    with pytest.raises(ValueError, match="unknown loss 'l3'"):
        build_objective("l3", PRESETS["modern"], Denoiser(NetworkSettings(width=2)), torch.Generator(), 32)
