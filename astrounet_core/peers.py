"""Every method that the networks are compared with, under one signature, and what each takes for granted.

Parameters were chosen on validation fields by `tuning`, which writes them to ``data_manifest/peers.toml``.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from . import filters, sparse
from ._paths import MANIFEST_DIR
from .anscombe import on_electrons, on_image, on_unit_noise
from .baselines import unchanged
from .exposures import Method

TUNED = MANIFEST_DIR / "peers.toml"


@dataclass(frozen=True)
class Peer:
    """A method by its title; group, "classical" or "learned"; assumes: what it takes for granted, and what that costs.

    make: of parameters, the method; grid: parameter -> values that are tried, empty where nothing is tuned; slow: takes
    more than 10 s a megapixel.
    """

    title: str
    group: str
    assumes: str
    make: Callable[..., Method]
    grid: Mapping[str, Sequence[float | str]] = field(default_factory=dict)
    slow: bool = False


def amplification(image, exposure_time: float, exposure_ratio: float):
    """SID's way to make a short exposure look long: its electrons times r. In e-/s that is the image unchanged."""
    return unchanged(image, exposure_time, exposure_ratio)


PEERS = {
    "amplification": Peer(
        "Amplification",
        "classical",
        "That the long exposure is r times the electrons of the short one. True of the light and not of the noise, "
        "which grows by r in place of its root: in e⁻/s the image is unchanged.",
        lambda: amplification,
    ),
    "tuned_gaussian": Peer(
        "Gaussian filter",
        "classical",
        "A sky that is smooth over the filter's width. Stars are not: what it takes off the noise it takes off their "
        "peaks, though not off their flux.",
        partial(on_image, filters.gaussian),
        {"width": (0.2, 0.3, 0.35, 0.4, 0.5, 0.7)},
    ),
    "tuned_median": Peer(
        "Median filter",
        "classical",
        "That whatever fills less than half of the window is a defect. Stars as sharp as Hubble's are taken for one.",
        partial(on_image, filters.median),
        {"size": (2, 3, 5)},
    ),
    "wiener": Peer(
        "Wiener filter (Fourier)",
        "classical",
        "A signal of stationary power, that of points blurred by the known PSF, and white noise, here after the "
        "Anscombe transform. One bright star sets the power for the whole image.",
        partial(on_unit_noise, filters.fourier_wiener),
        {"noise": (0.1, 0.3, 1.0, 3.0, 10.0)},
    ),
    "adaptive_wiener": Peer(
        "Wiener filter (local)",
        "classical",
        "Mean and variance that are the same over a small window, and noise of 1 after the Anscombe transform. Around "
        "a star the variance is its own, and the noise stays.",
        partial(on_unit_noise, filters.adaptive_wiener),
        {"size": (5, 9, 15, 21, 31)},
    ),
    "richardson_lucy": Peer(
        "Richardson–Lucy",
        "classical",
        "Poisson noise and positive sources at pixel centres, seen through the known PSF. With pixels this wide a star "
        "between two centres comes back too blunt; early stopping is the only brake on noise.",
        partial(on_electrons, filters.richardson_lucy),
        {"updates": (5, 10, 20, 50, 100, 200)},
    ),
    "blind_deconvolution": Peer(
        "Blind deconvolution",
        "classical",
        "As Richardson–Lucy, with a PSF that is the same over the image but only roughly known. Noise and nebulae "
        "flow into the PSF that it finds; the result is convolved with that one.",
        partial(on_electrons, filters.blind_deconvolution),
        {"rounds": (1, 2, 5, 10)},
        slow=True,
    ),
    "total_variation": Peer(
        "Total variation",
        "classical",
        "A sky of flat pieces with sharp borders, and noise of 1 after the Anscombe transform. Stars lose a constant "
        "part of their peaks, galaxies become terraces.",
        partial(on_unit_noise, filters.total_variation),
        {"weight": (0.2, 0.4, 0.7, 1.0, 1.5)},
    ),
    "nonlocal_means": Peer(
        "Non-local means",
        "classical",
        "That every patch has others like it nearby, and noise of 1 after the Anscombe transform. True of the sky; "
        "a bright star is alone, and keeps its noise.",
        partial(on_unit_noise, filters.nonlocal_means),
        {"strength": (0.4, 0.6, 0.8, 1.0, 1.3)},
    ),
    "wavelets": Peer(
        "Wavelets (BayesShrink)",
        "classical",
        "That few coefficients along rows, columns and diagonals make the sky, and white noise of 1 after the Anscombe "
        "transform. Round sources need many of them.",
        partial(on_unit_noise, sparse.wavelets),
        {"wavelet": ("haar", "db2", "sym4"), "shifts": (3,)},
    ),
    "starlet": Peer(
        "Anscombe + starlet",
        "classical",
        "That few isotropic wavelets make the sky, which suits stars and galaxies, and white noise of 1 after the "
        "Anscombe transform. Drizzled noise is louder on coarse scales than it believes.",
        partial(on_unit_noise, sparse.starlet),
        {"threshold": (2.0, 2.5, 3.0, 3.5, 4.0, 5.0)},
    ),
    "dictionary": Peer(
        "Dictionary learning",
        "classical",
        "That patches of the image are sums of few shapes, which can be learnt from the image itself, and white noise "
        "of 1 after the Anscombe transform. An image with few sources teaches little.",
        partial(on_unit_noise, sparse.dictionary),
        {"tolerance": (1.0, 1.1, 1.2, 1.35, 1.5)},
        slow=True,
    ),
    "bm3d": Peer(
        "Anscombe + BM3D",
        "classical",
        "That patches repeat and are sparse together, and white noise of 1 after the Anscombe transform. An optional "
        "package, free for non-commercial use only.",
        partial(on_unit_noise, sparse.bm3d),
        {"strength": (1.0, 1.2, 1.5, 1.8, 2.2)},
        slow=True,
    ),
}
"""Name -> peer."""


def method(name: str) -> Method:
    """A peer with the parameters that were chosen for it. ValueError for an unknown name, or one that is not tuned."""
    if name not in PEERS:
        raise ValueError(f"no peer {name!r}; choose one of {', '.join(PEERS)}.")
    peer = PEERS[name]
    if not peer.grid:
        return peer.make()
    found = tuned().get(name)
    if not found:
        raise ValueError(f"{name!r} is not tuned; run `python -m astrounet_core.tuning {name}`.")
    return peer.make(**found["chosen"])


def tuned() -> dict[str, dict]:
    """Name -> {criterion, fields, size, chosen: parameters, tried: rows of parameters and nmse}, as `tuning` wrote."""
    return tomllib.loads(TUNED.read_text()) if TUNED.exists() else {}
