"""Losses against closed forms, a second implementation, and numerical gradients."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import kl_div
from scipy.stats import entropy
from torch.nn import functional as F

from astrounet_core.instrument import WFC3_UVIS
from astrounet_core.losses import (
    FLOOR,
    SKY_PEDESTAL,
    build_loss,
    kl_divergence,
    l1,
    l2,
    noise_normalised,
    perceptual,
    poisson_divergence,
    with_sky,
)
from astrounet_core.noise import physical
from astrounet_core.scenes import make_scene


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


def test_kl_equals_scipys_entropy_of_light_and_sky():
    output, target = pair()
    images = ((o + SKY_PEDESTAL, t + SKY_PEDESTAL) for o, t in zip(output, target, strict=True))
    expected = np.mean([entropy(t.flatten(), o.flatten()) for o, t in images])
    assert kl_divergence(output, target).item() == pytest.approx(expected, rel=1e-10)


def test_poisson_divergence_equals_scipys_kl_div():
    output, target = pair()
    expected = kl_div((target + SKY_PEDESTAL).numpy(), (output + SKY_PEDESTAL).numpy()).mean()
    assert poisson_divergence(output, target).item() == pytest.approx(expected.item(), rel=1e-10)


def test_kl_of_two_pixels_in_closed_form():
    target, output = torch.tensor([[[[0.9, 2.9]]]]), torch.tensor([[[[0.9, 0.9]]]])  # 1 : 3 and 1 : 1 with their sky
    expected = 0.25 * math.log(0.25 / 0.5) + 0.75 * math.log(0.75 / 0.5)
    assert kl_divergence(output, target).item() == pytest.approx(expected, rel=1e-6)


def test_sky_is_put_back_and_what_is_still_dark_is_raised():
    image = torch.tensor([-5.0, -0.095, -0.05, 0.0, 3.0])
    assert with_sky(image).tolist() == pytest.approx([FLOOR, FLOOR, 0.05, SKY_PEDESTAL, 3.1], rel=1e-6)


@given(scale=st.floats(0.2, 100), seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_kl_is_blind_to_scale_of_light_and_sky_and_poisson_divergence_is_not(scale, seed):
    _, target = pair(seed)
    output = scale * (target + SKY_PEDESTAL) - SKY_PEDESTAL
    assert kl_divergence(output, target).item() == pytest.approx(0, abs=1e-9)
    gap = poisson_divergence(output, target).item()
    expected = (target.mean().item() + SKY_PEDESTAL) * (scale - 1 - math.log(scale))
    assert gap == pytest.approx(expected, rel=1e-6, abs=1e-9)


@given(
    seed=st.integers(0, 10_000), spread=st.floats(0.01, 50), loss=st.sampled_from([kl_divergence, poisson_divergence])
)
@settings(max_examples=50, deadline=None)
def test_divergences_are_never_negative(seed, spread, loss):
    output, target = (spread * (image - 0.6) for image in pair(seed))
    assert loss(output, target).item() >= -1e-12


@pytest.fixture(scope="module")
def sky_images() -> tuple[torch.Tensor, torch.Tensor]:
    """An empty and a half-empty field at r = 2, in a visit of 500 s, and their long exposures: (2, 1, 128, 128)."""
    generator = torch.Generator().manual_seed(0)
    scenes = torch.stack([make_scene(kind, 128, 1).image for kind in ("blank_field", "galaxy_field")])[:, None]
    return tuple(physical(scenes, 500, r, WFC3_UVIS, generator, sky=0.1, reads=2 / r) for r in (2, 1))


@pytest.mark.parametrize(("loss", "bound"), [(kl_divergence, 4), (poisson_divergence, 0.5)])
def test_divergences_pull_about_as_hard_as_l1_on_sky(sky_images, loss, bound):
    output, target = sky_images
    slopes = [torch.func.grad(one)(output, target) for one in (loss, l1)]
    assert slopes[0].norm() < bound * slopes[1].norm()


def test_without_the_sky_kl_pulls_a_thousand_times_harder(sky_images):
    output, target = sky_images
    bare = torch.func.grad(lambda x: kl_divergence(x, target, floor=1e-6, pedestal=0.0))(output)
    assert bare.norm() > 1000 * torch.func.grad(l1)(output, target).norm()


def test_gradient_of_kl_per_pixel_is_bounded_as_its_docstring_says(sky_images):
    output, target = sky_images[0][:1], sky_images[1][:1]
    p, q = (with_sky(x) / with_sky(x).sum() for x in (target, output))
    slope = torch.func.grad(kl_divergence)(output, target).abs() * output.numel()
    assert (slope <= 1.001 * (p / q).clamp_min(1) / with_sky(output).mean()).all()


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


def test_sums_add_up():
    output, target = (x.float() for x in pair())
    total = build_loss("l1+kl")(output, target)
    assert torch.allclose(total, l1(output, target) + kl_divergence(output, target))


def test_unknown_loss_lists_the_choices():
    with pytest.raises(ValueError, match="unknown loss 'l3'; choose from l1, l2"):
        build_loss("l1+l3")


def test_unknown_features_list_the_choices():
    with pytest.raises(ValueError, match="unknown features 'resnet'; choose from scenes, vgg16"):
        build_loss("l1+perceptual", features="resnet")
