"""Several processes, one network: data-parallel training under ``torchrun``, a process a GPU (or a few on CPUs).

Every process makes the same batch, which costs little, and learns from its own part of it. The parts are equal and
the gradients averaged, so that the loss is that of one process with the whole batch.
"""

import atexit
import os

import torch
from torch import Tensor, distributed, nn

from .pairs import Batch


def rank() -> int:
    """The number of this process; 0 validates and writes, and is alone where there is no ``torchrun``."""
    return int(os.environ.get("RANK", 0))


def local_rank() -> int:
    """The number of this process on its machine, which is that of its GPU."""
    return int(os.environ.get("LOCAL_RANK", 0))


def processes() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", 1))


def check_batch(crops: int, unit: int = 1) -> None:
    """ValueError where ``crops`` images cannot be shared equally; ``unit`` of them (twins) stay together."""
    step = processes() * unit
    if processes() > 1 and crops % step:
        fitting = -(-crops // step) * step
        raise ValueError(f"{processes()} processes cannot share {crops} crops an update; give --batch {fitting}.")


def parallel(network: nn.Module, device: torch.device) -> nn.Module:
    """The network to train: itself, or where there are more processes one that averages its gradients over them."""
    if processes() == 1:
        return network
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        atexit.register(distributed.destroy_process_group)
    return nn.parallel.DistributedDataParallel(network, device_ids=[device] if device.type == "cuda" else None)


def share(batch: Batch) -> Batch:
    """The part of a batch that is for this process: a contiguous one, so that twins stay together."""
    each = len(batch.noisy) // processes()
    return batch if processes() == 1 else batch.images(rank() * each, (rank() + 1) * each)


def mean(value: Tensor) -> Tensor:
    """The mean of ``value`` over the processes."""
    if processes() > 1:
        distributed.all_reduce(value)
    return value / processes()
