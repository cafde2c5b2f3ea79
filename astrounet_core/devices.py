"""Where training runs, and how precisely: GPU or CPU, bfloat16 or float32."""

from contextlib import nullcontext

import torch

from .distributed import local_rank


def pick_device(name: str = "auto") -> torch.device:
    """``auto`` is the GPU where there is one, under ``torchrun`` the process's own. ValueError where it is absent."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.partition(":")[0] not in ("cpu", "cuda"):
        raise ValueError(f"unknown device {name!r}; choose auto, cpu, cuda or cuda:N.")
    device = torch.device(name)
    if device.type != "cuda":
        return device
    if not torch.cuda.is_available():
        raise ValueError("no GPU is visible to torch; use --device cpu, or install torch for your GPU.")
    number, count = local_rank() if device.index is None else device.index, torch.cuda.device_count()
    if number >= count:
        raise ValueError(f"there is no GPU number {number}, torch sees {count}; start as many processes as GPUs.")
    torch.cuda.set_device(number)
    return torch.device("cuda", number)


def precision(device: torch.device) -> str:
    """bfloat16 where the hardware multiplies it faster: GPUs that have it, CPUs with AMX; elsewhere float32.

    On CPUs that only emulate it, or have no more than AVX512-BF16, it is slower than float32.
    """
    on_gpu = device.type == "cuda"
    faster = torch.cuda.is_bf16_supported(False) if on_gpu else torch.cpu._is_amx_tile_supported()
    return "bfloat16" if faster else "float32"


def autocast(device: torch.device):
    """The context in which a network runs in its `precision`."""
    cast = precision(device) == "bfloat16"
    return torch.autocast(device.type, torch.bfloat16, cache_enabled=False) if cast else nullcontext()


def device_name(device: torch.device) -> str:
    """The GPU's name, or ``cpu``."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
