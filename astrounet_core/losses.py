"""Losses of the paper (section 3.3.1, Eq. 7-9) and their sums, on images in e-/s of shape (N, 1, H, W)."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from .features import load_features

Loss = Callable[[Tensor, Tensor], Tensor]

SKY_PEDESTAL = 0.1
"""Sky put back before logarithms are taken, e-/s: that of WFC3/UVIS in F555W, 0.09 in F606W (fields.toml)."""

FLOOR = 0.01
"""A tenth of that sky, e-/s: what is fainter even with the sky put back counts as this much."""


def l1(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error, Eq. 7: (1/N) sum |y_i - y'_i|; e-/s."""
    return (target - output).abs().mean()


def l2(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared error, Eq. 8: (1/N) sum (y_i - y'_i)^2; (e-/s)^2."""
    return (target - output).square().mean()


def kl_divergence(output: Tensor, target: Tensor, floor: float = FLOOR, pedestal: float = SKY_PEDESTAL) -> Tensor:
    """Kullback-Leibler divergence, Eq. 9: sum p_i log(p_i / q_i) in nats, averaged over the batch.

    The paper does not say how an image becomes a distribution. Here p and q are the light of the true and of the
    predicted image, sky included, each divided by its sum over the pixels (see `with_sky`): q_i is the chance that the
    next photon lands in pixel i. Zero for images that are alike but for a factor on light and sky together, else
    positive. Pixels of the output below the floor get no gradient; above it no pixel's is longer than
    max(1, p_i / q_i) / mean(output + pedestal) times that of L1.
    """
    p, q = (with_sky(image, floor, pedestal).flatten(1) for image in (target, output))
    p, q = p / p.sum(1, keepdim=True), q / q.sum(1, keepdim=True)
    return (p * torch.log(p / q)).sum(1).mean()


def poisson_divergence(output: Tensor, target: Tensor, floor: float = FLOOR, pedestal: float = SKY_PEDESTAL) -> Tensor:
    """Poisson I-divergence, (1/N) sum (y log(y / y') - y + y'), of light with its sky (`with_sky`); e-/s.

    Minimising it maximises the likelihood of Poisson data y under the model y', as section 3.3.1 says of the KL
    divergence: y are counts as they fell on the detector, before a sky was subtracted. Nothing is normalised, so that
    it sees brightness, which Eq. 9 does not. Per pixel its gradient is |1 - y / y'| times that of L1.
    """
    y, model = with_sky(target, floor, pedestal), with_sky(output, floor, pedestal)
    return (y * torch.log(y / model) - y + model).mean()


def with_sky(image: Tensor, floor: float = FLOOR, pedestal: float = SKY_PEDESTAL) -> Tensor:
    """A sky-subtracted image (e-/s) with a typical sky put back, and what is then below ``floor`` raised to it.

    Negatives and zeros become faint positive light, which logarithms need, and differ from each other down to
    floor - pedestal = -0.09 e-/s: at r = 2, even in the shortest visit, noise takes fewer than 1 pixel in 1000 lower.
    """
    return (image + pedestal).clamp_min(floor)


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


LOSSES: dict[str, Loss] = {
    "l1": l1,
    "l2": l2,
    "kl": kl_divergence,
    "poisson": poisson_divergence,
}


def build_loss(terms: str, device: torch.device | str = "cpu", features: str = "scenes") -> Loss:
    """The sum of the named losses: ``"l1"``, ``"l1+kl"``, ``"l1+perceptual"``, ...

    features: those of a perceptual loss, a name of `features.FEATURES`. Raises ValueError for unknown names, and what
    `features.load_features` raises.
    """
    names, table = terms.split("+"), dict(LOSSES)
    if "perceptual" in names:
        table["perceptual"] = partial(perceptual, features=load_features(features, device))
    unknown = [name for name in names if name not in table]
    if unknown:
        raise ValueError(f"unknown loss {unknown[0]!r}; choose from {', '.join([*LOSSES, 'perceptual'])}.")
    chosen = [table[name] for name in names]
    return lambda output, target: torch.stack([loss(output, target) for loss in chosen]).sum()
