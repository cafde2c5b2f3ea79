"""Tiles against one whole pass, borders, NaN, and the paper's mosaic."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from astrounet_core.inference import HALO, _reflect_index, denoise, load_network, mosaic, released_mosaic
from astrounet_core.settings import UPSAMPLINGS, NetworkSettings
from astrounet_core.unet import STRIDE, Denoiser, reach


def network(output: str = "direct", seed: int = 0, dtype=torch.float32) -> Denoiser:
    torch.manual_seed(seed)
    return Denoiser(NetworkSettings(width=4, output=output)).to(dtype).eval()


def sky(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    image = np.random.default_rng(seed).normal(0.01, 0.02, shape).astype(np.float32)
    image[shape[0] // 2, shape[1] // 3] += 300.0
    return image


class Identity(nn.Module):
    def forward(self, image, exposure_ratio):
        return image[:, :1]


def identity() -> Denoiser:
    model = network()
    model.net = Identity()
    return model


@given(rows=st.integers(1, 300), columns=st.integers(1, 300), tile=st.sampled_from([208, 224, 256, 400]))
@settings(max_examples=15, deadline=None)
def test_tiles_equal_one_whole_pass(rows, columns, tile):
    image, net = sky((rows, columns)), network("noise_units")
    whole, tiled = denoise(image, 2, 500, net), denoise(image, 2, 500, net, tile=tile)
    assert np.abs(whole - tiled).max() <= 1e-5 * (image.std() + np.abs(whole).max())


def test_tiles_equal_one_whole_pass_in_float64_to_rounding():
    image = torch.from_numpy(sky((260, 330))).double()
    net = network(dtype=torch.float64)
    difference = denoise(image, 3.5, 500, net) - denoise(image, 3.5, 500, net, tile=208)
    assert difference.abs().max() < 1e-12 * image.abs().max()


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_halos_hold_what_aligned_cores_see(upsampling):
    left, right = reach(NetworkSettings(upsampling=upsampling)).T
    farthest = max(left[0], right[-1])
    assert farthest <= HALO[upsampling] < farthest + STRIDE


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_tiles_are_exact_for_every_upsampling(upsampling):
    torch.manual_seed(1)
    net = Denoiser(NetworkSettings(width=2, upsampling=upsampling)).double().eval()
    image = torch.from_numpy(sky((300, 310))).double()
    tiled = denoise(image, 2, 500, net, tile=2 * HALO[upsampling] + 160)
    difference = denoise(image, 2, 500, net) - tiled
    assert difference.abs().max() < 1e-12 * image.abs().max()


def test_a_core_sees_no_further_than_the_halo():
    net, image = network(), torch.zeros(1, 1, 512, 512, requires_grad=True)
    answer = net(image, torch.ones(1), 2 * torch.ones(1), torch.tensor([[0.0, 1.0]]))
    (gradient,) = torch.autograd.grad(answer[..., 256:272, 256:272].sum(), image)
    seen = gradient[0, 0].nonzero()
    assert 256 - seen.min() <= HALO["transposed"] and seen.max() - 271 <= HALO["transposed"]
    assert seen.max() - seen.min() > 100


@given(st.integers(-500, 500), st.integers(1, 40))
def test_reflection_is_numpys(index, size):
    expected = np.pad(np.arange(size), (500, 501), mode="reflect")[index + 500] if size > 1 else 0
    assert _reflect_index(torch.tensor([index]), size).item() == expected


def test_nan_pixels_come_back_as_nan_and_spoil_nothing_else():
    image, net = sky((100, 120)), network()
    holed = image.copy()
    holed[40:50, 60] = np.nan
    result = denoise(holed, 2, 500, net)
    assert np.array_equal(np.isnan(result), np.isnan(holed))
    assert np.array_equal(holed[40:50, 60], np.full(10, np.nan), equal_nan=True)


def test_input_is_left_alone_and_kind_is_kept():
    image = sky((32, 48))
    before = image.copy()
    assert isinstance(denoise(image, 2, 500, identity()), np.ndarray)
    assert isinstance(denoise(torch.from_numpy(image), 2, 500, identity()), torch.Tensor)
    assert np.array_equal(image, before)


def test_an_identity_network_returns_the_image():
    image = sky((37, 53))
    assert np.array_equal(denoise(image, 2, 500, identity()), image)
    assert np.allclose(mosaic(image, 2, 500, identity(), window=16, stride=8), image, atol=1e-6)


def test_big_endian_fits_data_is_taken():
    image = sky((20, 20))
    assert np.array_equal(denoise(image.astype(">f4"), 2, 500, identity()), image)


def test_mosaic_averages_overlapping_windows():
    image, net = sky((48, 32)), network()
    time, ratio = torch.tensor([500.0]), torch.tensor([2.0])
    upper, lower = (
        net(torch.from_numpy(image[None, None, rows]), time, ratio)[0, 0].detach().numpy()
        for rows in (slice(0, 32), slice(16, 48))
    )
    expected = np.vstack([upper[:16], (upper[16:] + lower[:16]) / 2, lower[16:]])
    assert np.allclose(mosaic(image, 2, 500, net, window=32, stride=16), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("image", "ratio", "time", "complaint"),
    [
        (np.zeros((2, 2, 2)), 2, 1, "3 dimensions"),
        (np.zeros(4), 2, 1, "1 dimensions"),
        (np.full((4, 4), np.nan), 2, 1, "no finite pixel"),
        (np.zeros((4, 4)), 0.5, 1, "at least 1"),
        (np.zeros((4, 4)), np.nan, 1, "at least 1"),
        (np.zeros((4, 4)), 2, 0, "exposure time"),
        (np.zeros((4, 4)), 2, np.nan, "exposure time"),
    ],
)
def test_bad_input_says_what_is_wrong(image, ratio, time, complaint):
    for function in (denoise, mosaic):
        with pytest.raises(ValueError, match=complaint):
            function(image, ratio, time, identity())


@pytest.mark.parametrize("tile", [100, 192, 1200 + 1])
def test_bad_tiles_are_refused(tile):
    with pytest.raises(ValueError, match="multiple of 16 larger than 192"):
        denoise(sky((8, 8)), 2, 1, identity(), tile=tile)


def test_a_trained_network_listens_to_the_exposure_ratio():
    """Network 2 saw r = 2 to 5 in training: what it makes of an image depends on r by more than rounding."""
    image = torch.randn(64, 64, generator=torch.Generator().manual_seed(0)) * 0.02
    image[32, 32] += 5.0
    network = load_network("network2")
    short, long = (denoise(image, ratio, 400.0, network) for ratio in (2.0, 5.0))
    assert (short - long).abs().mean() > 0.001 * (image - short).abs().mean()


def test_features_are_no_denoiser():
    with pytest.raises(ValueError, match="does not say its"):
        load_network("scene_features")


def test_the_released_mosaic_is_the_mosaic_of_the_image_in_zeros():
    """Every pixel is the mean of the (window / stride)^2 windows that hold it, zeros around the image."""
    net, image = network(), torch.rand(40, 56, generator=torch.Generator().manual_seed(4)).numpy()
    found = released_mosaic(image, 2.0, 100.0, net, window=32, stride=16)
    padded = np.pad(image, ((32, 32), (32, 32)))
    at = {
        (y, x): mosaic(padded[y : y + 32, x : x + 32], 2.0, 100.0, net, window=32)
        for y in range(0, 72, 16)
        for x in range(0, 81, 16)
    }
    for y, x in [(0, 0), (39, 55), (20, 3)]:
        covering = [
            tile[y + 32 - top, x + 32 - left]
            for (top, left), tile in at.items()
            if 0 <= y + 32 - top < 32 and 0 <= x + 32 - left < 32
        ]
        assert len(covering) == 4
        assert found[y, x] == pytest.approx(np.mean(covering), rel=1e-4, abs=1e-5)
    assert found.shape == image.shape
