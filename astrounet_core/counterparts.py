"""Real images and the simulated ones that are held against them, and what was measured on the real ones.

The real numbers are published in ``results/checks/simulated_sky.json``, for readers without the files. Who has the
files measures again, and ``python -m astrounet_core.counterparts`` writes the record.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from . import demo, manifest
from ._paths import RESULTS_DIR
from .cosmic_rays import clean_cosmic_rays
from .fits_io import read_image
from .inspection import blank_sky, sky_scatter
from .instrument import F606W, WFC3_UVIS, Detector
from .noise import DRIZZLE_CORRELATION, TYPICAL_COSMIC_RAYS, physical
from .photometry import DetectionSettings
from .provenance import Stopwatch, read_json, run_record, write_json
from .realism import CROWDED, FAINT, count, measure, summary
from .scenes import make_scene

RECORD = RESULTS_DIR / "checks" / "simulated_sky.json"

Measures = dict[str, dict[str, np.ndarray]]

PC1 = replace(WFC3_UVIS, name="WFPC2/PC1", read_noise=demo.PC1_READ_NOISE[15], source="gain 15, WFPC2 IHB 4.4")


@dataclass(frozen=True)
class Counterpart:
    """Real images of one sort, and the scenes that stand beside them.

    size (pixels a side), pixel_scale (arcsec), zeropoint (AB magnitude of 1 e-/s): of the real images; kind,
    overrides: of the scenes. exposure_time in s; without one the scenes get that which leaves their blank sky as noisy
    as the real one (`demo.effective_exposure_time`). sky: e-/s per pixel; correlation: of the noise,
    at lag 1; cosmic_rays: as of `noise.physical`; settings: how sources are found.
    """

    title: str
    images: tuple[str, ...]
    size: int
    pixel_scale: float
    zeropoint: float
    kind: str
    overrides: Mapping = field(default_factory=dict)
    exposure_time: float | None = None
    reads: int = 1
    sky: float = F606W.sky
    detector: Detector = WFC3_UVIS
    correlation: float = DRIZZLE_CORRELATION
    cosmic_rays: float = 0.0
    settings: DetectionSettings = FAINT


NGC_1261 = {"log10_central_density": 1.857, "scale_radius": 30.0, "magnitude_shift": 0.0, "centre_offset": 0.0}
"""The cluster as ``data_manifest/fields.toml`` describes it: 72 stars per arcsec^2, Plummer radius 30 arcsec."""

COUNTERPARTS = {
    "horseshoe_f606w": Counterpart(
        "WFC3 F606W mosaic", ("horseshoe_f606w",), 500, 0.04, F606W.zeropoint_ab, "galaxy_field", reads=6
    ),
    "cosmos": Counterpart(  # zeropoint from PHOTFLAM and PHOTPLAM; 297 exposures of 488 s, some 4 a pixel
        "COSMOS ACS F606W mosaic",
        ("cosmos100018_f606w", "cosmos100024_f606w", "cosmos100028_f606w"),
        210,
        0.06,
        26.49,
        "galaxy_field",
        reads=4,
    ),
    "dcls0353_f200lp": Counterpart(  # zeropoint from PHOTFLAM and PHOTPLAM
        "WFC3 F200LP, 300 s", ("dcls0353_f200lp",), 110, 0.05, 27.34, "galaxy_field"
    ),
    "ngc1261_f336w": Counterpart(  # zeropoint from PHOTFLAM, PHOTPLAM and a gain of 13.99; sky: the frame's median
        "WFPC2 F336W, NGC 1261",
        ("ngc1261_f336w",),
        512,
        0.0455,
        22.71,
        "star_cluster",
        NGC_1261,
        exposure_time=700.0,
        sky=0.015,
        detector=PC1,
        correlation=0.0,
        cosmic_rays=TYPICAL_COSMIC_RAYS,
        settings=CROWDED,
    ),
}
"""What is compared. All scenes are WFC3 F606W; their light is scaled to the zeropoint of the camera and filter."""


HORSESHOE = {"lens_magnitude": 19.2, "lens_radius": 2.2, "einstein_radius": 5.0, "source_magnitude": 23.2}
"""The Cosmic Horseshoe as ``data_manifest/fields.toml`` describes it; the source so that its arcs sum to about 20.2."""

OLD_CLUSTER = NGC_1261 | {"luminosity_function": "old_cluster", "log10_central_density": 1.62}

IMPROVED = {
    "horseshoe_f606w": replace(
        COUNTERPARTS["horseshoe_f606w"], kind="lens_field", overrides=HORSESHOE | {"centre_offset": 0.0}
    ),
    "cosmos": replace(COUNTERPARTS["cosmos"], correlation=0.20),
    "ngc1261_f336w": replace(COUNTERPARTS["ngc1261_f336w"], overrides=OLD_CLUSTER),
}
"""Counterparts from the scenes that were made after the first comparison: split "realistic" of the fields."""


def real_image(name: str) -> np.ndarray:
    """An image of the manifest in e-/s, as pages use it. Raises manifest.DataUnavailable where it can't be had."""
    path = manifest.fetch(name)
    return demo.real_or_simulated(name).image if name in demo.STAND_INS else read_image(path, exposure_time=1.0).image


def simulated_image(counterpart: Counterpart, sigma: float, seed: int, cosmic_rays: float = 0.0) -> np.ndarray:
    """A scene exposed like the real image, (size, size) in e-/s of its camera; sigma: the real blank sky's, e-/s."""
    ratio = counterpart.pixel_scale / WFC3_UVIS.pixel_scale
    fine = math.ceil(counterpart.size * ratio)
    scene = make_scene(counterpart.kind, fine, seed, F606W.name, **counterpart.overrides)
    throughput = 10 ** (0.4 * (counterpart.zeropoint - F606W.zeropoint_ab))
    noise = {"reads": counterpart.reads, "correlation": counterpart.correlation}
    exposed = physical(
        throughput * regridded(scene.image, ratio),
        counterpart.exposure_time or demo.effective_exposure_time(sigma, F606W, **noise),
        1.0,
        counterpart.detector,
        torch.Generator().manual_seed(seed),
        sky=counterpart.sky,
        cosmic_rays=cosmic_rays,
        **noise,
    )
    return exposed.numpy()


def regridded(image: Tensor, ratio: float) -> Tensor:
    """The same light on pixels ``ratio`` times as wide: (H, H) -> (n, n), n = H / ratio rounded down; a pixel's light
    is spread evenly over it and shared out by area, as drizzling does with a pixfrac of 1."""
    low, cell = ratio * torch.arange(int(len(image) / ratio + 1e-6))[:, None], torch.arange(len(image))
    overlap = (torch.minimum(low + ratio, cell + 1) - torch.maximum(low, cell)).clamp(min=0).to(image)
    return overlap @ image @ overlap.T


def simulate(counterpart: Counterpart, sigma: float, scenes: int, seed: int = 0) -> Measures:
    """`realism.measure` of ``scenes`` simulated counterparts, seeds ``seed`` and following: `realism.summary`.

    Two numbers more: sigma, the scatter of blank sky in e-/s, and struck, the sources per arcmin^2 with cosmic rays,
    NaN for a counterpart without. All other measures are without.
    """
    seeds = range(seed, seed + scenes)
    images = [simulated_image(counterpart, sigma, each) for each in seeds]
    rays = counterpart.cosmic_rays
    struck = [simulated_image(counterpart, sigma, each, rays) if rays else None for each in seeds]
    return summary([_measured(counterpart, *pair) for pair in zip(images, struck, strict=True)])


def measure_real(counterpart: Counterpart) -> Measures:
    """The same of the real images, cosmic rays removed (`cosmic_rays.clean_cosmic_rays`) where there are some.

    The stars are sharper than two pixels, hence the high contrast limit. Raises as `real_image` does.
    """
    pairs = []
    for image in map(real_image, counterpart.images):
        about = (counterpart.exposure_time, counterpart.detector)
        rays = counterpart.cosmic_rays
        mended = clean_cosmic_rays(image, *about, sky=0.0, contrast_limit=10.0)[0] if rays else image
        pairs.append((mended, image if rays else None))
    return summary([_measured(counterpart, *pair) for pair in pairs])


def _measured(counterpart: Counterpart, image: np.ndarray, struck: np.ndarray | None) -> dict[str, np.ndarray]:
    blank, about = blank_sky(image), (counterpart.pixel_scale, counterpart.zeropoint, counterpart.settings)
    before = np.nan if struck is None else count(struck, *about)
    more = {"sigma": np.array(sky_scatter(image, blank)), "struck": np.array(before)}
    return measure(image, blank, *about) | more


def real(name: str) -> tuple[Measures, bool]:
    """`measure_real` of a counterpart, and whether it is the published record, for want of the files."""
    try:
        return measure_real(COUNTERPARTS[name]), False
    except manifest.DataUnavailable:
        return published(name), True


def published(name: str) -> Measures:
    """What the record says of one counterpart's real images."""
    stored = read_json(RECORD)["images"][name]
    return {key: {what: np.array(values, dtype=float) for what, values in one.items()} for key, one in stored.items()}


def _publish() -> None:
    """Measure all real images and write the record. Raises manifest.DataUnavailable where one is missing."""
    watch = Stopwatch()
    images = {name: measure_real(each) for name, each in COUNTERPARTS.items()}
    hashes = {image: manifest.entry(image).sha256 for each in COUNTERPARTS.values() for image in each.images}
    record = run_record(profile="check", preset=None, seed=0, device="cpu", seconds=watch.seconds, images=hashes)
    plain = {
        name: {key: {what: _plain(values) for what, values in one.items()} for key, one in measures.items()}
        for name, measures in images.items()
    }
    write_json(RECORD, {"run": record, "images": plain})


def _plain(values: np.ndarray):
    """Numbers to five digits for JSON, None for NaN."""
    rounded = [None if np.isnan(x) else float(f"{x:.5g}") for x in np.atleast_1d(values).ravel()]
    return rounded if values.ndim else rounded[0]


if __name__ == "__main__":
    _publish()
