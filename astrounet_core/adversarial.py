"""GalaxyGAN's training (Schawinski et al. 2017, arXiv:1702.00403): a discriminator that learns beside the generator."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from .distributed import processes
from .graphs import adam
from .pairs import Batch
from .peer_networks import STRETCH_RANGE
from .unet import stretch

L1_WEIGHT = 100.0
LEARNING_RATE = 2e-4
STEPS = 2
"""Of the discriminator, for one of the generator."""


def discriminator(width: int, crop: int) -> nn.Sequential:
    """(N, 2, crop, crop), a noisy image and a clean or denoised one -> (N, 1): log-odds that the second is clean.

    Four 4x4 convolutions of stride 2 to 1, 2, 4 and 8 times ``width`` maps, leaky ReLU of slope 0.2, batch
    normalisation from the second on, and one linear layer over all that is left: it judges the whole image.
    """
    widths, layers = [2, *(width * factor for factor in (1, 2, 4, 8))], []
    for level, pair in enumerate(pairwise(widths)):
        normalise = [nn.BatchNorm2d(pair[1])] if level else []
        layers += [nn.Conv2d(*pair, 4, stride=2, padding=1), *normalise, nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * (crop // 16) ** 2, 1))


class Adversary:
    """An objective, see `objectives`: every call teaches the discriminator, then asks it.

    The generator lowers -log D(x, f(x)) + 100 mean(|f(x) - truth|), the discriminator -log D(x, truth) -
    log(1 - D(x, f(x))), all images on `unet.stretch`'s scale. Raises ValueError where several processes train
    together: each would have a discriminator of its own.
    """

    def __init__(self, width: int, crop: int, device: torch.device):
        if processes() > 1:
            raise ValueError("a GAN trains in one process; start it without torchrun.")
        self.judge = discriminator(width, crop).to(device)
        self.optimiser = adam(self.judge.parameters(), LEARNING_RATE, device)

    def __call__(self, output: Tensor, batch: Batch) -> Tensor:
        """output: f(x), (N, 1, crop, crop), e-/s."""
        given, made, truth = (
            stretch(image, batch.sky) / STRETCH_RANGE for image in (batch.noisy, output, batch.target)
        )
        for _ in range(STEPS):
            self._teach(torch.cat([given, truth], 1), torch.cat([given, made.detach()], 1))
        odds = self.judge(torch.cat([given, made], 1))
        return cross_entropy(odds, torch.ones_like(odds)) + L1_WEIGHT * (made - truth).abs().mean()

    def _teach(self, real: Tensor, fake: Tensor) -> None:
        odds = self.judge(real), self.judge(fake)
        loss = cross_entropy(odds[0], torch.ones_like(odds[0])) + cross_entropy(odds[1], torch.zeros_like(odds[1]))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()

    def state_dict(self) -> dict:
        """What a checkpoint has to hold."""
        return {"judge": self.judge.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        """The inverse of `state_dict`, on this device whichever one the state is from."""
        self.judge.load_state_dict(state["judge"])
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": state["optimiser"]["state"], "param_groups": groups})
