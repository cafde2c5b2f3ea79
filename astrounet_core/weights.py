"""Weight files: float16 safetensors whose header says everything about the network inside."""

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from .provenance import replacing
from .settings import NetworkSettings
from .unet import Denoiser


def save_weights(network: Denoiser, path: Path, metadata: dict[str, str]) -> None:
    """Write float16 safetensors with the network's settings and ``metadata`` in the header."""
    tensors = {name: value.half().contiguous() for name, value in network.state_dict().items()}
    with replacing(path) as beside:
        save_file(tensors, beside, metadata=network.settings.to_metadata() | metadata)


def load_weights(path: Path, device: torch.device | str = "cpu") -> tuple[Denoiser, dict[str, str]]:
    """Read a weight file: the network, in float32 and ready to use, and the file's metadata.

    Raises FileNotFoundError, or ValueError for a file that is not safetensors, not ours, or of another architecture.
    """
    try:
        with safe_open(path, "pt") as stream:
            metadata = stream.metadata() or {}
        tensors = load_file(path, device=str(device))
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no weight file {path}; see `astrounet doctor` for what is there.") from None
    except Exception as error:
        raise ValueError(f"{path} is not a readable safetensors weight file ({error}); fetch it again.") from None
    network = Denoiser(NetworkSettings.from_metadata(metadata)).to(device, memory_format=torch.channels_last)
    try:
        network.load_state_dict({name: value.float() for name, value in tensors.items()})
    except RuntimeError:
        raise ValueError(
            f"the tensors of {path} do not fit the network its header describes; fetch it again."
        ) from None
    return network.eval(), metadata
