"""What an update of training lowers: a loss of `losses`, or one that looks further than output and target."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from .adversarial import Adversary
from .experiments import Preset
from .losses import build_loss, noise_normalised, squared_bias
from .pairs import Batch
from .unet import Denoiser, stretch

Objective = Callable[[Tensor, Batch], Tensor]
"""(output, batch) -> a number to lower."""

STEP = 0.05
"""Length of the step from which `sure` takes a derivative, in units of the noise."""

SPARSITY = 1e-3
"""Weight of a code's mean absolute value in `sparse`."""


def build_objective(
    loss: str, preset: Preset, network: Denoiser, generator: torch.Generator, crop: int, features: str = "scenes"
) -> Objective:
    """An experiment's objective by the name of its loss, see `experiments.Experiment`.

    network: the one that is trained; generator: for what is drawn at every update, seeded by whoever calls; crop:
    pixels; features: of a perceptual loss. Raises ValueError for an unknown name.
    """
    device = next(network.parameters()).device
    if loss in ("noise_units", "noise_units_l1"):
        return noise_units(1 if loss == "noise_units_l1" else 2, preset.bias_weight)
    if loss == "sure":
        return lambda output, batch: sure(network, output, batch, generator)
    if loss == "sparse":
        return sparse(network)
    if loss == "adversarial":
        return Adversary(network.settings.width, crop, device)
    compare = build_loss(loss, device, features)
    return lambda output, batch: compare(output, batch.target)


def noise_units(power: int, bias_weight: float) -> Objective:
    """`losses.noise_normalised`, and ``bias_weight`` times `losses.squared_bias`."""

    def objective(output: Tensor, batch: Batch) -> Tensor:
        images = (output, batch.target, batch.sigma)
        return noise_normalised(*images, power) + (bias_weight * squared_bias(*images) if bias_weight else 0)

    return objective


def sure(
    network: Callable[..., Tensor], output: Tensor, batch: Batch, generator: torch.Generator, step: float = STEP
) -> Tensor:
    """Stein's unbiased estimate of mean((f(x) - truth)^2 / sigma^2), from noisy images x alone; no unit.

    mean((f(x) - x)^2 / sigma^2 - 1 + 2 df_i/dx_i) for Gaussian noise of known sigma, independent from pixel to pixel
    (Stein 1981; Soltanayev & Chun 2018, arXiv:1803.01314). The sum of the derivatives is that along one random
    direction b of unit variance, b (f(x + step sigma b) - f(x)) / (step sigma) (Ramani, Blu & Unser 2008).
    output: f(x), e-/s.
    """
    direction = torch.randn(batch.noisy.shape, generator=generator, device=batch.noisy.device)
    moved = replace(batch, noisy=batch.noisy + step * batch.sigma * direction)
    divergence = direction * (network(**moved.shown()).float() - output) / (step * batch.sigma)
    return noise_normalised(output, batch.noisy, batch.sigma) - 1 + 2 * divergence.mean()


def sparse(network: Denoiser) -> Objective:
    """mean((z' - z)^2) + 0.001 mean(|code|), z and z' truth and output on `unet.stretch`'s scale, of an auto-encoder.

    A code's weak maps are then turned off, as by the sparsity terms of Xie et al. 2012.
    """
    seen: dict[str, Tensor] = {}
    network.net.code.register_forward_hook(lambda module, inputs, code: seen.update(code=code))

    def objective(output: Tensor, batch: Batch) -> Tensor:
        error = stretch(output, batch.sky) - stretch(batch.target, batch.sky)
        return error.square().mean() + SPARSITY * seen["code"].float().abs().mean()

    return objective
