"""Zero-shot Noise2Noise (Mansour & Heckel 2023, arXiv:2303.11253): a tiny network learns from the one noisy image."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .graphs import adam, set_learning_rate
from .inference import denoise
from .settings import NetworkSettings
from .unet import Denoiser, sky_statistics, stretch

SETTINGS = NetworkSettings(width=48, slope=0.2, ratio_mode="none", output="asinh", architecture="two_layer")
UPDATES = 300
CROPS, SIDE = 4, 64
LEARNING_RATE = 1e-3


def zero_shot(
    image: np.ndarray, exposure_time: float, exposure_ratio: float, *, updates: int = UPDATES, seed: int = 0
) -> np.ndarray:
    """A denoised image (H, W), e-/s, sides of 32 or more, by a network trained on nothing but ``image``.

    Assumes noise independent from pixel to pixel, and a sky so smooth that two images of half its resolution,
    `down_samplers`, show the same: stars as sharp as Hubble's do not. As published but for three things: it works on
    `unet.stretch`'s scale, since on a linear one bright stars would be all that counts; every update sees 4 crops of
    64² pixels and not the whole image; there are 300 updates with a rate that falls to a tenth after two thirds,
    not 2000, which saves an hour per megapixel. Deterministic in ``seed``. exposure_time, s; exposure_ratio is not
    used. Pixels that are not finite come back as they are. Raises what `inference.denoise` raises.
    """
    pixels = torch.from_numpy(np.require(image, np.float32, ["C", "W"]))[None, None]
    sky = sky_statistics(pixels)
    scaled = stretch(torch.where(torch.isfinite(pixels), pixels, sky[0, 0]), sky)
    return denoise(image, exposure_ratio, exposure_time, trained(scaled[0, 0], updates, seed))


def trained(scaled: Tensor, updates: int = UPDATES, seed: int = 0) -> Denoiser:
    """The network, trained on random crops of an image (H, W) on `unet.stretch`'s scale."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Denoiser(SETTINGS)
        optimiser = adam(network.parameters(), LEARNING_RATE, scaled.device)
        for update in range(updates):
            set_learning_rate(optimiser, LEARNING_RATE * (1 if update < 2 * updates / 3 else 0.1))
            loss = pair_loss(network, _crops(scaled))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
    return network.eval()


def _crops(scaled: Tensor) -> Tensor:
    """(4, 1, s, s) at random places; s is 64, or the image's smaller side made even."""
    size = min(SIDE, min(scaled.shape) // 2 * 2)
    corners = [[int(torch.randint(side - size + 1, ())) for side in scaled.shape] for _ in range(CROPS)]
    return torch.stack([scaled[row : row + size, column : column + size] for row, column in corners])[:, None]


def down_samplers(image: Tensor) -> tuple[Tensor, Tensor]:
    """Two images of half the size, (N, 1, H, W) -> (N, 1, H/2, W/2): means of the diagonals of every 2x2 pixels.

    Noise independent from pixel to pixel is independent between the two; their mean is that of the 2x2 pixels.
    """
    kernels = image.new_tensor([[[[0.0, 0.5], [0.5, 0.0]]], [[[0.5, 0.0], [0.0, 0.5]]]])
    first, second = F.conv2d(image, kernels, stride=2).split(1, dim=1)
    return first, second


def pair_loss(network: Denoiser, image: Tensor) -> Tensor:
    """Eq. 2 and 3 of the paper, halves of (N, 1, H, W) on the network's scale, D1 and D2, g the network: no unit.

    (|g(D1) - D2|^2 + |g(D2) - D1|^2) / 2 + (|g(D1) - D1(g)|^2 + |g(D2) - D2(g)|^2) / 2, means over pixels: each half
    predicts the other, and denoising goes before or after halving alike.
    """
    ratio = image.new_ones(len(image))
    first, second = down_samplers(image)
    answers = [network.net(half, ratio) for half in (first, second)]
    wanted = [(second, first), down_samplers(network.net(image, ratio))]
    terms = [F.mse_loss(answer, target) for targets in wanted for answer, target in zip(answers, targets, strict=True)]
    return torch.stack(terms).sum() / 2
