"""Losses of the paper (section 3.3.1, Eq. 7-9) and their sums, on images in e-/s of shape (N, 1, H, W)."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Loss = Callable[[Tensor, Tensor], Tensor]


def l1(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error, Eq. 7: (1/N) sum |y_i - y'_i|; e-/s."""
    return (target - output).abs().mean()


def l2(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared error, Eq. 8: (1/N) sum (y_i - y'_i)^2; (e-/s)^2."""
    return (target - output).square().mean()


def kl_divergence(output: Tensor, target: Tensor, floor: float = 1e-6) -> Tensor:
    """Kullback-Leibler divergence, Eq. 9: sum p_i log(p_i / q_i), averaged over the batch; no unit.

    The paper does not say how an image becomes a distribution. Here p and q are the true and the predicted image, each
    with values below ``floor`` (e-/s) raised to it and divided by its sum over the pixels: so it is blind to the
    image's scale, to negative pixels, and zero only for equal distributions. See `poisson_divergence` for the form
    that the paper's remark on Poisson likelihoods fits.
    """
    p, q = (image.flatten(1).clamp_min(floor) for image in (target, output))
    p, q = p / p.sum(1, keepdim=True), q / q.sum(1, keepdim=True)
    return (p * torch.log(p / q)).sum(1).mean()


def poisson_divergence(output: Tensor, target: Tensor, floor: float = 1e-6) -> Tensor:
    """Poisson I-divergence, (1/N) sum (y log(y / y') - y + y'); e-/s.

    Minimising it maximises the likelihood of Poisson data y under the model y', as section 3.3.1 says of the KL
    divergence; unlike Eq. 9 on normalised images it sees the scale. Values below ``floor`` are raised to it.
    """
    y, model = target.clamp_min(floor), output.clamp_min(floor)
    return (y * torch.log(y / model) - y + model).mean()


def perceptual(output: Tensor, target: Tensor, features: Callable[[Tensor], Sequence[Tensor]]) -> Tensor:
    """Mean squared distance between feature maps, averaged over the layers (Johnson et al. 2016; section 3.3.1)."""
    pairs = zip(features(output), features(target), strict=True)
    return torch.stack([F.mse_loss(ours, truth) for ours, truth in pairs]).mean()


def noise_normalised(output: Tensor, target: Tensor, sigma: Tensor, power: int = 2) -> Tensor:
    """mean(|(y' - y) / sigma|^power): every pixel counts in units of its own noise; no unit.

    power 2 is the loss of the ``modern`` recipe, power 1 its ablation. sigma: e-/s, broadcastable to the images.
    """
    return ((output - target) / sigma).abs().pow(power).mean()


def squared_bias(output: Tensor, target: Tensor, sigma: Tensor) -> Tensor:
    """mean(e_2k e_2k+1), e = (y' - y) / sigma: the squared bias in units of the noise, estimated without bias itself.

    Images 2k and 2k + 1 of the batch are twins: one scene under independent noise. What their errors have in common is
    what the network gets wrong on average, E[e]^2; the rest of the squared error is variance. Can be negative.
    """
    error = (output - target) / sigma
    return (error[0::2] * error[1::2]).mean()


class RandomFeatures(nn.Module):
    """Three layers of fixed random 3x3 filters: a training-free feature extractor for `perceptual`.

    The paper used a classifier pre-trained on photographs; random filters keep only the comparison of local structure
    at three scales, and every result made with them says so. Same seed, same filters.
    """

    name = "random"

    def __init__(self, width: int = 16, seed: int = 0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        for level, channels in enumerate((1, width, width)):
            kernel = torch.randn(width, channels, 3, 3, generator=generator) / (3 * channels**0.5)
            self.register_buffer(f"kernel{level}", kernel)

    def forward(self, image: Tensor) -> list[Tensor]:
        """(N, 1, H, W) -> three maps (N, width, H, W), (N, width, H/2, W/2), (N, width, H/4, W/4)."""
        maps, x = [], image
        for level in range(3):
            x = F.relu(F.conv2d(x, getattr(self, f"kernel{level}").to(x.dtype), padding=1))
            maps.append(x)
            x = F.avg_pool2d(x, 2)
        return maps


LOSSES: dict[str, Loss] = {
    "l1": l1,
    "l2": l2,
    "kl": kl_divergence,
    "poisson": poisson_divergence,
}


def build_loss(terms: str, device: torch.device | str = "cpu") -> Loss:
    """The sum of the named losses: ``"l1"``, ``"l1+kl"``, ``"l1+perceptual"``, ... Unknown names: ``ValueError``."""
    table = dict(LOSSES)
    if "perceptual" in terms:
        table["perceptual"] = partial(perceptual, features=RandomFeatures().to(device))
    unknown = [name for name in terms.split("+") if name not in table]
    if unknown:
        raise ValueError(f"unknown loss {unknown[0]!r}; choose from {', '.join([*LOSSES, 'perceptual'])}.")
    chosen = [table[name] for name in terms.split("+")]
    return lambda output, target: torch.stack([loss(output, target) for loss in chosen]).sum()
