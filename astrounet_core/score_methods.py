"""The methods of the scorecard by name: published networks, methods without training, peers, and anyone's own."""

import importlib
import inspect
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from . import exposures, peers
from ._paths import WEIGHTS_DIR
from .baselines import BASELINES
from .completeness import LONGER
from .experiments import KNOWN
from .exposures import STANDARD, Method
from .inference import denoise
from .provenance import sha256
from .report import FREE_METHODS

NETWORKS = ("modern", "network1", "network2")
FREE = ("gaussian_blur", "matched_filter", "median")


def everything() -> list[str]:
    """All methods that can be applied here but `unchanged`: peers that lack a package or weights are left out."""
    trained = [name for name in NETWORKS if _weights(name).exists()]
    return [*trained, *FREE, *(name for name in peers.PEERS if not peers.obstacle(name))]


def methods(names: Sequence[str]) -> dict[str, Method]:
    """Methods by name; ``all``: `everything`; ``module:function``: one's own. Raises ValueError for an unknown one."""
    wanted = [each for name in names for each in (everything() if name == "all" else [name])]
    return {name: method(name) for name in dict.fromkeys(wanted)}


def method(name: str) -> Method:
    """One method by name. Raises ValueError for a name that is nobody's."""
    if ":" in name:
        return own(name)
    if name in peers.PEERS:
        return peers.method(name)
    if name in BASELINES:
        return BASELINES[name]
    if name in KNOWN:
        return partial(_network, name)
    known = ", ".join([*NETWORKS, *BASELINES, *peers.PEERS])
    raise ValueError(f"no method {name!r}; choose all, module:function, or one of {known}.")


def _network(name: str, image: np.ndarray, exposure_time: float, exposure_ratio: float) -> np.ndarray:
    return denoise(image, exposure_ratio, exposure_time, name)


def own(name: str) -> Method:
    """A denoiser of one's own, ``module:function``, imported from the working folder or an installed package.

    It is tried on a small image. Raises ValueError where it isn't there or doesn't return such an image.
    """
    module, _, function = name.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{name} can't be imported ({error}); give module:function from this folder.") from None
    image = exposures.blank(STANDARD, 0, 64)
    try:
        output = np.asarray(found(image.copy(), STANDARD.exposure_time, STANDARD.exposure_ratio))
    except Exception as error:
        raise ValueError(
            f"{name} failed on a 64 x 64 image ({error}); see `astrounet_core.exposures.Method`."
        ) from None
    if output.shape != image.shape or not np.isfinite(output).all():
        raise ValueError(f"{name} made {output.shape} of 64 x 64 pixels, or not all finite; return a denoised image.")
    return found


def about(name: str) -> dict:
    """Title, group and what a method assumes, for a record."""
    if name == LONGER:
        return {"title": "Longer exposure", "group": "reference", "assumes": "r times the telescope time."}
    if name in peers.PEERS:
        peer = peers.PEERS[name]
        return {"title": peer.title, "group": peer.group, "assumes": peer.assumes}
    if name in KNOWN:
        return {"title": KNOWN[name].title, "group": "network", "assumes": "Skies like those it was trained on."}
    titles = FREE_METHODS | {"median": "Median of 3 x 3 pixels"}
    return {"title": titles.get(name, name), "group": "free" if name in titles else "own", "assumes": ""}


def weights_hash(name: str) -> str | None:
    """sha256 of a method's published weights, of one's own method's file; None where there is neither."""
    if ":" in name:
        source = inspect.getsourcefile(own(name))
        return sha256(Path(source)) if source else None
    return sha256(_weights(name)) if _weights(name).exists() else None


def _weights(name: str) -> Path:
    return WEIGHTS_DIR / f"{name}.safetensors"
