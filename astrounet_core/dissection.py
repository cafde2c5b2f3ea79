"""A U-net taken apart: how far each of its layers sees, and what it does without one of its connections (section 3.2).

Both are measured on the module itself, not worked out from its description.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from .unet import INPUTS, STRIDE, NetworkSettings, UNet, convolutional_layers

LEVELS = (0, 1, 2, 3)
"""Skip connections by the poolings above them: 0 is at full resolution, 3 at an eighth."""


@dataclass(frozen=True)
class View:
    """What a layer's pixels see of the image, in pixels of the image: they are not all alike, hence least and most."""

    layer: int
    scale: int
    least: int
    most: int


@contextmanager
def watching(modules: list[nn.Module]) -> Iterator[dict[nn.Module, Tensor]]:
    """Inside, whatever runs fills the dictionary with the modules' last outputs."""
    seen: dict[nn.Module, Tensor] = {}
    with ExitStack() as stack:
        for module in modules:
            handle = module.register_forward_hook(lambda m, _, output: seen.update({m: output}))
            stack.callback(handle.remove)
        yield seen


@torch.no_grad()
def views(settings: NetworkSettings | None = None, size: int = 272) -> list[View]:
    """Width of the receptive field of the 19 convolutions, in the order of the data (`convolutional_layers`).

    As in `unet.reach`, a NaN is a dye that no weight stops: one column of the ``size`` is poisoned at a time, and a
    layer's pixel sees as many columns as reach it. Only pixels whose view doesn't touch the border count.
    """
    net = UNet(replace(settings or NetworkSettings(), width=1)).double()
    column, layers = torch.arange(size), convolutional_layers(net)
    images = torch.zeros(size, INPUTS[net.settings.inputs], STRIDE, size, dtype=torch.float64)
    images[column, :, :, column] = torch.nan
    with watching(layers) as seen:
        net(images, torch.ones(size))
    return [_view(number, seen[layer], size) for number, layer in enumerate(layers, start=1)]


def _view(layer: int, output: Tensor, size: int) -> View:
    poisoned = output.isnan().flatten(1, 2).any(1)  # (poisoned column, output column)
    inside = ~(poisoned[0] | poisoned[-1])
    widths = poisoned.sum(0)[inside]
    return View(layer, size // output.shape[-1], int(widths.min()), int(widths.max()))


@contextmanager
def without(network: nn.Module, skips: tuple[int, ...] = (), below: tuple[int, ...] = ()) -> Iterator[None]:
    """Inside, a `UNet` (or a `Denoiser`'s) gets zeros where some connections bring feature maps.

    skips: levels (`LEVELS`) whose maps from the way down are replaced; below: those whose up-sampled maps from one
    level deeper are. Raises ValueError for a level that there isn't.
    """
    wrong = [level for level in (*skips, *below) if level not in LEVELS]
    if wrong:
        raise ValueError(f"there is no connection at level {wrong[0]}; choose from {', '.join(map(str, LEVELS))}.")
    net = getattr(network, "net", network)
    with ExitStack() as stack:
        for levels, second in ((skips, True), (below, False)):
            for level in levels:
                maps = net.down[level][2].out_channels
                blank = _blank(slice(maps, 2 * maps) if second else slice(maps))
                stack.callback(net.merge[LEVELS[-1] - level].register_forward_pre_hook(blank).remove)
        yield


def _blank(channels: slice):
    """A hook that sets some channels of a block's input to zero."""

    def hook(_, inputs: tuple[Tensor]) -> tuple[Tensor]:
        x = inputs[0].clone()
        x[:, channels] = 0
        return (x,)

    return hook
