"""Zero-shot Noise2Noise: halves of an image against their definition, and what it makes of a blank sky."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from astrounet_core.unet import Denoiser
from astrounet_core.zero_shot import SETTINGS, down_samplers, pair_loss, zero_shot


def noise(size: int = 64) -> np.ndarray:
    return np.random.default_rng(1).normal(0.0, 0.02, (size, size + 10)).astype(np.float32)


def test_halves_average_to_the_means_of_2x2_pixels():
    image = torch.randn(2, 1, 12, 20, generator=torch.Generator().manual_seed(0))
    first, second = down_samplers(image)
    torch.testing.assert_close((first + second) / 2, F.avg_pool2d(image, 2))
    torch.testing.assert_close(second[0, 0, 1, 2], (image[0, 0, 2, 4] + image[0, 0, 3, 5]) / 2)


def test_halves_share_no_pixel():
    image = torch.zeros(64, 1, 8, 8)
    image.view(64, 64)[torch.arange(64), torch.arange(64)] = 1.0
    first, second = (half.flatten(1).any(1) for half in down_samplers(image))
    assert torch.equal(first, ~second) and first.sum() == 32


def test_a_network_that_copies_pays_for_the_difference_of_the_halves():
    network, image = Denoiser(SETTINGS), torch.randn(1, 1, 16, 16)
    torch.nn.init.zeros_(network.net.head.weight), torch.nn.init.zeros_(network.net.head.bias)
    first, second = down_samplers(image)
    assert pair_loss(network, image).item() == pytest.approx(F.mse_loss(first, second).item(), rel=1e-5)


def test_a_blank_sky_becomes_smoother_and_keeps_its_level():
    image = noise()
    result = zero_shot(image, 500.0, 2.0, updates=40)
    assert result.shape == image.shape and result.std() < 0.4 * image.std()
    assert abs(result.mean() - image.mean()) < 3 * image.std() / image.size**0.5 + 0.02 * image.std()


def test_it_repeats_itself_and_leaves_holes_and_torchs_own_generator_alone():
    image = noise(32)
    image[3, 4] = np.nan
    torch.manual_seed(5)
    expected = torch.rand(())
    torch.manual_seed(5)
    first, second = (zero_shot(image, 500.0, 2.0, updates=3) for _ in range(2))
    assert torch.rand(()) == expected
    assert np.array_equal(first, second, equal_nan=True) and np.array_equal(np.isnan(first), np.isnan(image))
