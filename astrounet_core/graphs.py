"""CUDA graphs: a whole update, crops and noise included, launched as one.

A small network on a large GPU spends its time waiting for the CPU to launch some hundred kernels an update. A graph
records them once and launches them all at once. What the host decides for every update reaches it by three ways: seeds
through generators registered with the graph, the learning rate through a tensor, the place in the order of exposure
ratios through a graph of its own for each.
"""

import sys
import threading
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from .pairs import Batch

WARM_UP = 3
"""Updates without a graph, in which cuDNN chooses its algorithms and the optimiser makes its state."""

_CAPTURING = threading.Lock()
"""Capturing waits for the whole device, which must not happen while another thread is at it."""


def adam(parameters: Iterable[Tensor], learning_rate: float, device: torch.device) -> torch.optim.Adam:
    """Adam in one kernel; on a GPU its learning rate is a tensor, which a graph reads at every replay."""
    on_gpu = device.type == "cuda"
    rate = torch.tensor(learning_rate, device=device) if on_gpu else learning_rate
    return torch.optim.Adam(parameters, lr=rate, fused=True, capturable=on_gpu)


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set it without waiting for the device."""
    for group in optimiser.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def capture(work: Callable[[], None], generators: Iterable[torch.Generator]) -> torch.cuda.CUDAGraph:
    """The graph of what ``work`` does on the current CUDA stream; nothing is run. RuntimeError where it cannot be."""
    graph = torch.cuda.CUDAGraph()
    for generator in generators:
        graph.register_generator_state(generator)
    how = {"stream": torch.cuda.current_stream(), "capture_error_mode": "thread_local"}
    with _CAPTURING, torch.cuda.graph(graph, **how):
        work()
    return graph


class GraphedUpdates:
    """``updates(n)`` does update n: kernel by kernel at first, and where capturing fails, else as a graph's replay.

    pairs: makes batches, ``reseed(n)`` on the host and ``draw(step)`` on the device; learn: what is done with a batch.
    """

    def __init__(self, pairs, learn: Callable[[Batch], None], capture: Callable = capture):
        self.pairs, self.learn, self.capture = pairs, learn, capture
        self.graphs: dict = {}
        self.done, self.usable = 0, True

    def __call__(self, update: int) -> None:
        step = self.pairs.reseed(update)
        self.done += 1
        if self.done > WARM_UP and self.usable and step not in self.graphs:
            self._capture(step)
            self.pairs.reseed(update)
        if self.usable and step in self.graphs:
            self.graphs[step].replay()
        else:
            self.learn(self.pairs.draw(step))

    def _capture(self, step: int) -> None:
        try:
            self.graphs[step] = self.capture(lambda: self.learn(self.pairs.draw(step)), self.pairs.generators)
        except RuntimeError as error:
            self.usable = False
            reason = str(error).partition("\n")[0]
            print(f"astrounet: training goes on without CUDA graphs, only slower ({reason}).", file=sys.stderr)
