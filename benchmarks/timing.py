"""What the benchmarks share: a clock, the work of the network, and the machine's own speed to hold it against."""

import time
from collections.abc import Callable

import torch

from astrounet_core.settings import NetworkSettings
from astrounet_core.unet import Denoiser


def elapsed(run: Callable[[], object]) -> float:
    """Seconds of one call, the GPU's work included."""
    start = time.perf_counter()
    run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def seconds(run: Callable[[], object], repeats: int = 3) -> float:
    """The median of a few calls, after one to warm up."""
    run()
    return sorted(elapsed(run) for _ in range(repeats))[repeats // 2]


def in_turn(runs: dict[str, Callable[[], object]], repeats: int = 5) -> dict[str, float]:
    """The shortest of a few calls of each, taken in turn, so that whatever else the machine does strikes all alike."""
    for run in runs.values():
        run()
    rounds = [{name: elapsed(run) for name, run in runs.items()} for _ in range(repeats)]
    return {name: min(times[name] for times in rounds) for name in runs}


def matmul_peak(size: int = 2048, dtype: torch.dtype = torch.float32, device: str = "cpu") -> float:
    """The machine's measured matrix multiplication, Gflop/s: what the convolutions are held against."""
    a = torch.randn(size, size, device=device, dtype=dtype)
    return 2 * size**3 / seconds(lambda: a @ a) / 1e9


def flops_per_pixel(width: int) -> float:
    """Multiply-adds x 2 of the U-net per pixel, from its layers' shapes."""
    net, total = Denoiser(NetworkSettings(width=width)), 0

    def count(module, inputs, output):
        nonlocal total
        per_pixel = module.weight.numel() if isinstance(module, torch.nn.Conv2d) else module.weight.numel() / 4
        total += 2 * per_pixel * output.shape[-1] * output.shape[-2]

    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            module.register_forward_hook(count)
    net(torch.zeros(1, 1, 64, 64), torch.ones(1), torch.ones(1))
    return total / 64**2
