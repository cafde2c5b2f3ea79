"""How many digits a network computes in: float32, or bfloat16 where that is faster and no star is moved by it."""

import hashlib
from copy import deepcopy
from functools import lru_cache

import torch

from . import devices
from ._paths import RESULTS_DIR
from .provenance import read_json
from .unet import Denoiser

PRECISIONS = ("auto", "fp32", "bf16")

RECORD = RESULTS_DIR / "checks" / "precision.json"
"""How far bfloat16 moves the stars of the published networks, by `rounding`."""


def choose(network: Denoiser, device: torch.device | str, wanted: str = "auto") -> str:
    """``fp32`` or ``bf16``: what is wanted, or with ``auto`` the faster one that leaves every star's flux alone.

    ``auto`` takes bf16 where the hardware multiplies it faster (`devices.precision`: GPUs, CPUs with AMX), for networks
    that predict noise in its own units (the others write fluxes of any size in three digits) and whose weights are in
    `RECORD` with no star of SNR above 10 moved by its limit (`rounding.flux_shift`). ValueError for another word.
    """
    if wanted not in PRECISIONS:
        raise ValueError(f"unknown precision {wanted!r}; choose one of {', '.join(PRECISIONS)}.")
    if wanted != "auto":
        return wanted
    fast = devices.precision(torch.device(device)) == "bfloat16"
    return "bf16" if fast and network.settings.output == "noise_units" and _keeps_fluxes(network) else "fp32"


def _keeps_fluxes(network: Denoiser) -> bool:
    measured = read_json(RECORD)["networks"] if RECORD.exists() else []
    return any(row["worst"] < 1 and row["fingerprint"] == fingerprint(network) for row in measured)


def fingerprint(network: Denoiser) -> str:
    """sha256 of a network's weights, as its file rounds them (float16), and of its settings."""
    total = hashlib.sha256(str(network.settings).encode())
    for value in network.state_dict().values():
        total.update(value.half().contiguous().cpu().numpy().tobytes())
    return total.hexdigest()


@lru_cache(maxsize=8)
def ready(network: Denoiser, dtype: torch.dtype) -> Denoiser:
    """A network's twin for denoising, made once: weights in ``dtype``, activations in place.

    bfloat16 keeps the last layer, whose output is the image, in float32. In the network's own dtype the twin shares
    the weights and follows what becomes of them; another dtype's are copied as they are at the first call.
    """
    same = all(weight.dtype == dtype for weight in network.parameters())
    twin = deepcopy(network, {id(weight): weight for weight in network.parameters()} if same else {}).to(dtype).eval()
    if dtype == torch.bfloat16:
        twin.net.head.float()
    for module in twin.modules():
        if hasattr(module, "inplace"):
            module.inplace = True
    return twin
