"""Losses against closed forms, a second implementation, and numerical gradients."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy
from torch.nn import functional as F

from astrounet_core.losses import (
    RandomFeatures,
    build_loss,
    kl_divergence,
    l1,
    l2,
    noise_normalised,
    perceptual,
    poisson_divergence,
)


def pair(seed: int = 0, shape=(2, 1, 8, 8)) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.rand(shape, generator=generator, dtype=torch.float64) + 0.1 for _ in range(2))


def test_l1_and_l2_by_hand():
    output, target = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0, 0.0], [6.0, 4.0]])
    assert l1(output, target).item() == pytest.approx((0 + 2 + 3 + 0) / 4)
    assert l2(output, target).item() == pytest.approx((0 + 4 + 9 + 0) / 4)


def test_l1_and_l2_equal_torchs_own():
    output, target = pair()
    assert torch.allclose(l1(output, target), F.l1_loss(output, target))
    assert torch.allclose(l2(output, target), F.mse_loss(output, target))


def test_kl_equals_scipys_entropy():
    output, target = pair()
    expected = np.mean([entropy(t.flatten(), o.flatten()) for o, t in zip(output, target, strict=True)])
    assert kl_divergence(output, target).item() == pytest.approx(expected, rel=1e-10)


def test_kl_of_two_pixels_in_closed_form():
    target, output = torch.tensor([[[[1.0, 3.0]]]]), torch.tensor([[[[1.0, 1.0]]]])
    expected = 0.25 * math.log(0.25 / 0.5) + 0.75 * math.log(0.75 / 0.5)
    assert kl_divergence(output, target).item() == pytest.approx(expected, rel=1e-6)


@given(scale=st.floats(0.01, 100), seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_kl_is_blind_to_scale_and_poisson_divergence_is_not(scale, seed):
    _, target = pair(seed)
    assert kl_divergence(scale * target, target).item() == pytest.approx(0, abs=1e-9)
    gap = poisson_divergence(scale * target, target).item()
    assert gap == pytest.approx(target.mean().item() * (scale - 1 - math.log(scale)), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("loss", [l1, l2, kl_divergence, poisson_divergence])
def test_equal_images_have_no_loss(loss):
    image, _ = pair()
    assert loss(image, image).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("loss", [kl_divergence, poisson_divergence])
def test_negative_and_zero_pixels_stay_finite(loss):
    output = torch.tensor([[[[-1.0, 0.0], [2.0, 3.0]]]], requires_grad=True)
    value = loss(output, torch.tensor([[[[0.0, -2.0], [2.0, 3.0]]]]))
    value.backward()
    assert torch.isfinite(value) and torch.isfinite(output.grad).all()


@pytest.mark.parametrize("loss", [l2, kl_divergence, poisson_divergence])
def test_gradients_against_finite_differences(loss):
    output, target = pair(shape=(1, 1, 3, 3))
    assert torch.autograd.gradcheck(lambda x: loss(x, target), output.requires_grad_())


def test_noise_normalised_is_one_for_noise_of_one_sigma():
    generator = torch.Generator().manual_seed(0)
    sigma = torch.rand(1, 1, 300, 300, generator=generator) + 0.5
    noise = sigma * torch.randn(sigma.shape, generator=generator)
    assert noise_normalised(noise, torch.zeros_like(noise), sigma).item() == pytest.approx(1, rel=0.02)
    half_normal = math.sqrt(2 / math.pi)
    assert noise_normalised(noise, torch.zeros_like(noise), sigma, power=1).item() == pytest.approx(half_normal, 0.02)


def test_perceptual_averages_over_layers():
    output, target = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    assert perceptual(output, target, lambda x: [x, 2 * x]).item() == pytest.approx((1 + 4) / 2)


def test_random_features_repeat_and_halve():
    image = torch.rand(1, 1, 16, 16)
    first, second = RandomFeatures(seed=7)(image), RandomFeatures(seed=7)(image)
    assert [tuple(m.shape[-2:]) for m in first] == [(16, 16), (8, 8), (4, 4)]
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_sums_add_up():
    output, target = (x.float() for x in pair())
    total = build_loss("l1+kl")(output, target)
    assert torch.allclose(total, l1(output, target) + kl_divergence(output, target))


def test_unknown_loss_lists_the_choices():
    with pytest.raises(ValueError, match="unknown loss 'l3'; choose from l1, l2"):
        build_loss("l1+l3")
