"""The network against the paper's numbers, and the denoiser's scaling against closed forms."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from astrounet_core.settings import ACTIVATIONS, RATIO_MODES, UPSAMPLINGS, NetworkSettings
from astrounet_core.unet import (
    ACTIVATION_LAYERS,
    Denoiser,
    UNet,
    convolutional_layers,
    count_parameters,
    feature_maps,
    noise_sigma,
    reach,
    segmentation_map,
    sky_statistics,
)

SMALL = {"width": 4}


def two(value: float) -> torch.Tensor:
    return torch.full((2,), value)


def test_the_papers_network_has_its_number_of_parameters():
    assert count_parameters(UNet()) == 7_761_345


def test_feature_maps_double_from_32_to_512():
    net = UNet()
    widths = [block[0].out_channels for block in net.down] + [net.bottom[0].out_channels]
    assert widths == [32, 64, 128, 256, 512]
    assert [block[-2].out_channels for block in net.merge] == [256, 128, 64, 32]


def test_r_adds_exactly_one_channel_after_the_first_upsampling():
    with_r, without = UNet(), UNet(NetworkSettings(ratio_mode="none"))
    assert with_r.merge[0][0].in_channels == without.merge[0][0].in_channels + 1 == 513
    assert count_parameters(with_r) - count_parameters(without) == 256 * 9


@given(st.integers(1, 5), st.integers(1, 5), st.sampled_from(UPSAMPLINGS), st.sampled_from(RATIO_MODES))
@settings(max_examples=20, deadline=None)
def test_output_has_the_size_of_the_input(rows, columns, upsampling, ratio_mode):
    net = UNet(NetworkSettings(**SMALL, upsampling=upsampling, ratio_mode=ratio_mode))
    image = torch.randn(2, 1, 16 * rows, 16 * columns)
    assert net(image, two(2.0)).shape == image.shape


@pytest.mark.parametrize("shape", [(15, 16), (16, 100), (8, 8)])
def test_other_sizes_are_refused_with_advice(shape):
    with pytest.raises(ValueError, match="multiples of 16"):
        UNet(NetworkSettings(**SMALL))(torch.zeros(1, 1, *shape), two(2.0)[:1])


@pytest.mark.parametrize("mode", RATIO_MODES)
def test_only_none_is_deaf_to_the_ratio(mode):
    net = UNet(NetworkSettings(**SMALL, ratio_mode=mode))
    image = torch.rand(2, 1, 16, 16)
    assert torch.equal(net(image, two(2.0)), net(image, two(5.0))) == (mode == "none")


def test_multiplied_and_added_ratios_act_on_the_input():
    image = torch.rand(2, 1, 16, 16)
    for mode, changed in (("multiply", image * 3), ("add", image + 3)):
        net = UNet(NetworkSettings(**SMALL, ratio_mode=mode))
        plain = UNet(NetworkSettings(**SMALL, ratio_mode="none"))
        plain.load_state_dict(net.state_dict())
        assert torch.allclose(net(image, two(3.0)), plain(changed, two(1.0)))


def test_activations_are_equations_10_and_11():
    x = torch.linspace(-3, 3, 13)
    expected = {
        "leaky_relu": torch.where(x > 0, x, 0.02 * x),
        "relu": x.clamp_min(0),
        "prelu": torch.where(x > 0, x, 0.02 * x),
        "swish": x / (1 + torch.exp(-x)),
    }
    assert set(expected) == set(ACTIVATIONS) == set(ACTIVATION_LAYERS)
    for name, values in expected.items():
        assert torch.allclose(ACTIVATION_LAYERS[name](0.02)(x), values, atol=1e-6)


def test_prelu_learns_its_slope():
    net = UNet(NetworkSettings(**SMALL, activation="prelu"))
    slopes = [m for m in net.modules() if isinstance(m, nn.PReLU)]
    assert len(slopes) == 18 and all(m.weight.requires_grad for m in slopes)


def test_weights_start_as_in_the_released_script():
    torch.manual_seed(0)
    net = UNet()
    convolution, transposed = net.bottom[2], net.up[0]
    bound = (6 / (9 * 512 + 9 * 512)) ** 0.5
    assert convolution.weight.abs().max() <= bound
    assert convolution.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.01)
    assert not convolution.bias.any() and transposed.bias is None
    assert transposed.weight.std().item() == pytest.approx(0.02, rel=0.01)


def test_settings_survive_the_weight_files_header():
    chosen = NetworkSettings(width=8, inputs="filters", activation="prelu", slope=0.2, output="noise_units")
    assert NetworkSettings.from_metadata(chosen.to_metadata() | {"updates": "3"}) == chosen


def test_a_header_without_settings_is_refused():
    with pytest.raises(ValueError, match="not written by astrounet"):
        NetworkSettings.from_metadata({"format": "pt"})


@pytest.mark.parametrize("key", ["activation", "ratio_mode", "upsampling", "output", "inputs"])
def test_unknown_settings_list_the_choices(key):
    with pytest.raises(ValueError, match=f"unknown {key} 'tanh'; choose one of"):
        NetworkSettings(**{key: "tanh"})


def test_reach_follows_from_the_layers():
    """One side, in 1-D: pixels gained by 3x3 convolutions at each scale, and what pooling's grid adds or takes."""
    left, right = reach().T
    assert torch.equal(left, right.flip(0)), "the network is the same from both sides"
    assert (int((left + right + 1).min()), int((left + right + 1).max())) == (188, 204)
    assert int(left.max()) == 107 and int(left[0]) == 94


def test_reach_agrees_with_gradients():
    torch.manual_seed(2)
    net, seen = UNet(NetworkSettings(width=8)), torch.zeros(272, dtype=torch.bool)
    for _ in range(6):
        image = torch.randn(1, 1, 272, 272, requires_grad=True)
        (gradient,) = torch.autograd.grad(net(image, torch.ones(1))[0, 0, 136, 128:129].sum(), image)
        seen |= gradient[0, 0].any(0)
    columns = seen.nonzero()
    assert 128 - int(columns.min()) <= reach()[0, 0] and int(columns.max()) - 128 <= reach()[0, 1]
    assert int(columns.max() - columns.min()) > 150


class Constant(nn.Module):
    """A network that always answers 1, so that the denoiser's own arithmetic shows."""

    def forward(self, image, exposure_ratio):
        return torch.ones_like(image[:, :1])


def test_noise_unit_output_subtracts_one_sigma():
    model = Denoiser(NetworkSettings(**SMALL, output="noise_units"))
    model.net = Constant()
    image = torch.full((1, 1, 32, 32), 5.0)
    sky, time = torch.tensor([[1.0, 0.5]]), torch.tensor([100.0])
    answer = model(image, time, torch.tensor([2.0]), sky)
    sigma = (0.5**2 + (5.0 - 1.0) / 100) ** 0.5
    assert torch.allclose(answer, image - sigma, atol=1e-5)


def test_noise_sigma_is_sky_plus_photon_noise():
    source = torch.full((1, 1, 8, 8), 4.0)
    value = noise_sigma(source, torch.tensor(100.0), torch.tensor(0.3))
    assert torch.allclose(value, torch.full_like(value, (0.09 + 0.04) ** 0.5))
    assert torch.allclose(noise_sigma(-source, torch.tensor(100.0), torch.tensor(0.3)), torch.full_like(value, 0.3))


def test_filters_go_to_their_own_channel():
    model = Denoiser(NetworkSettings(**SMALL, inputs="filters"))
    image = torch.rand(2, 1, 16, 16)
    sky = sky_statistics(image)
    channels = model._channels(image, image, *sky.view(-1, 2, 1, 1, 1).unbind(1), torch.tensor([0, 1]))
    assert torch.equal(channels[0, 0], image[0, 0]) and not channels[0, 1].any()
    assert torch.equal(channels[1, 1], image[1, 0]) and not channels[1, 0].any()


def test_filters_network_without_a_filter_is_refused():
    model = Denoiser(NetworkSettings(**SMALL, inputs="filters"))
    with pytest.raises(ValueError, match="needs the filter"):
        model(torch.rand(1, 1, 16, 16), torch.ones(1), torch.ones(1))


def test_segmentation_map_marks_a_star_and_leaves_the_sky():
    torch.manual_seed(1)
    image = torch.randn(1, 1, 64, 64)
    image[..., 30:33, 30:33] += 10
    found = segmentation_map(image, torch.ones(1, 1, 1, 1))
    assert found[0, 0, 31, 31] and found.float().mean() < 0.02


@given(level=st.floats(-5, 50), sigma=st.floats(0.01, 10))
@settings(max_examples=25, deadline=None)
def test_sky_statistics_finds_level_and_noise(level, sigma):
    generator = torch.Generator().manual_seed(3)
    image = level + sigma * torch.randn(1, 1, 200, 200, generator=generator)
    background, spread = sky_statistics(image)[0].tolist()
    assert background == pytest.approx(level, abs=0.03 * sigma)
    assert spread == pytest.approx(sigma, rel=0.02)


def test_sky_statistics_is_blind_to_stars_slopes_and_nan():
    generator = torch.Generator().manual_seed(4)
    image = torch.randn(1, 1, 256, 256, generator=generator)
    image += torch.linspace(0, 50, 256)
    image[..., ::16, ::16] = 1e4
    image[..., 5, :] = torch.nan
    assert sky_statistics(image)[0, 1].item() == pytest.approx(1.0, rel=0.08)


def test_sky_statistics_of_drizzled_noise_is_its_standard_deviation():
    generator = torch.Generator().manual_seed(5)
    white = torch.randn(1, 1, 512, 512, generator=generator)
    drizzled = (white + white.roll(1, -1) + white.roll(1, -2)) / 3**0.5
    assert sky_statistics(drizzled)[0, 1].item() == pytest.approx(1.0, rel=0.03)


def test_sky_statistics_takes_the_quiet_corner_of_a_crowded_image():
    generator = torch.Generator().manual_seed(6)
    image = torch.randn(1, 1, 512, 512, generator=generator)
    image[..., :384] += 50 * torch.rand(1, 1, 512, 384, generator=generator)
    assert sky_statistics(image)[0, 1].item() == pytest.approx(1.0, rel=0.15)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (6, 6)])
def test_sky_statistics_of_tiny_images_is_finite(shape):
    assert torch.isfinite(sky_statistics(torch.rand(1, 1, *shape))).all()


@pytest.mark.parametrize("ratio_mode", RATIO_MODES)
def test_convolutional_layers_are_all_convolutions_but_the_upsamplings(ratio_mode):
    net = UNet(NetworkSettings(**SMALL, ratio_mode=ratio_mode))
    ordinary = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    assert len(convolutional_layers(net)) == len(ordinary) == 19
    assert convolutional_layers(net)[-1] is ordinary[-1] is net.head


def test_feature_maps_are_what_the_layers_compute():
    denoiser, image = Denoiser(NetworkSettings(**SMALL)), torch.randn(32, 48)
    with torch.inference_mode():
        second = denoiser.net.down[0](image[None, None])[0]
        answer = denoiser(image[None, None], two(1.0)[:1], two(2.0)[:1])[0]
    maps = feature_maps(denoiser, image, 1.0, 2.0, [2, 4, -2, -1])
    assert [tuple(each.shape) for each in maps] == [(4, 32, 48), (8, 16, 24), (4, 32, 48), (1, 32, 48)]
    torch.testing.assert_close(maps[0], second)
    torch.testing.assert_close(maps[3], answer)
    with torch.inference_mode():
        torch.testing.assert_close(denoiser.net.head(maps[2][None])[0], answer)


def test_feature_maps_leave_no_hook_behind_and_refuse_other_layers():
    denoiser = Denoiser(NetworkSettings(**SMALL))
    feature_maps(denoiser, torch.zeros(16, 16), 1.0, 2.0, [1])
    assert not any(module._forward_hooks for module in denoiser.modules())
    for layer in (0, 20, -20):
        with pytest.raises(ValueError, match="choose 1 to 19"):
            feature_maps(denoiser, torch.zeros(16, 16), 1.0, 2.0, [layer])
