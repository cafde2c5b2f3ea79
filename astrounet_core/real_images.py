"""Short real exposures as they are, before and after cosmic-ray cleaning and denoising (section 4.4); and the record.

``python -m astrounet_core.real_images`` measures these and the deep ones with the published networks and keeps the
numbers in ``results/checks/real_deep.json``, for readers who don't have the images.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.ndimage import binary_dilation

from . import deep_truth, demo, inspection, manifest, photometry, provenance
from ._paths import RESULTS_DIR
from .cosmic_rays import clean_cosmic_rays
from .deep_truth import Method
from .inference import load_network
from .unet import Denoiser

RECORD = RESULTS_DIR / "checks" / "real_deep.json"
"""The published numbers: what `measure` returns, and its run."""

SHORT = ("dcls0353_f200lp", "ngc1261_f336w")


@dataclass(frozen=True)
class FourStates:
    """One exposure as it is, cleaned of cosmic rays, denoised, and cleaned then denoised; hit: (H, W) bool."""

    shot: demo.DemoImage
    hit: np.ndarray
    images: dict[str, np.ndarray]


def four_states(shot: demo.DemoImage, method: Method) -> FourStates:
    """The four images of a short exposure that a method gives with and without `clean_cosmic_rays` before it."""
    cleaned, hit = clean_cosmic_rays(shot.image, shot.exposure_time, shot.detector, sky=shot.sky)
    before = {"as_is": shot.image, "cleaned": cleaned}
    after = {"denoised": method(shot.image, shot.exposure_time), "both": method(cleaned, shot.exposure_time)}
    return FourStates(shot, hit, before | after)


def compare_states(states: FourStates) -> list[dict]:
    """Rows {quantity, as_is, cleaned, denoised, both}; None where a quantity has no meaning.

    Sky: scatter of a pixel and of an aperture of 7 pixels, 10^-3 e-/s, and correlation of neighbours, all on the
    cleaned image's blank sky; residual: the correlation of what denoising took away. Sources above 5 sigma of the
    image's own noise, and above the level of 5 sigma before denoising; those within 2 pixels of a cosmic ray. Flux:
    median ratio to the undenoised (for ``cleaned``: the uncleaned) photometry, and its scatter in error bars.
    """
    time, images = states.shot.exposure_time, states.images
    blank = inspection.blank_sky(images["cleaned"])
    origin = {"cleaned": "as_is", "denoised": "as_is", "both": "cleaned"}
    sources = {k: inspection.compare_sources(images[origin.get(k, k)], images[k], blank, time) for k in images}
    residuals = {k: images[origin[k]] - images[k] for k in ("denoised", "both")}
    measured = {
        "sky": {k: 1e3 * inspection.sky_scatter(image, blank) for k, image in images.items()},
        "aperture": {k: 1e3 * inspection.aperture_scatter(image, blank, [7])[0] for k, image in images.items()},
        "lag": {k: inspection.lag_correlation(image, blank) for k, image in images.items()},
        "lag_residual": {k: inspection.lag_correlation(each, blank) for k, each in residuals.items()},
        "sources": {k: found["after"] for k, found in sources.items()},
        "same_level": {k: found["same_level"] for k, found in sources.items()},
        "near_hits": {k: near_hits(image, states.hit) for k, image in images.items()},
        "flux_ratio": {k: sources[k]["flux_ratio"] for k in origin},
        "flux_shift": {k: sources[k]["flux_shift"] for k in origin},
    }
    return [{"quantity": name} | {k: found.get(k) for k in images} for name, found in measured.items()]


def near_hits(image: np.ndarray, hit: np.ndarray) -> int:
    """Detections above 5 sigma whose place, to the pixel, was hit by a cosmic ray or is next to such a pixel."""
    found = photometry.detect(image, inspection.FIVE_SIGMA)
    near = binary_dilation(hit, iterations=2)
    return int(near[np.rint(found["y"]).astype(int), np.rint(found["x"]).astype(int)].sum())


def measure(networks: dict[str, Denoiser], seeds: Sequence[int]) -> dict:
    """All numbers of the page: {images, exposure_time, sources, factors, deep, fluxes, short}, NaN as None.

    Raises DataUnavailable where a real image is missing.
    """
    deep, short = ([demo.real_or_simulated(name) for name in names] for names in (deep_truth.DEEP, SHORT))
    if not all(shot.is_real for shot in (*deep, *short)):
        raise manifest.DataUnavailable("not all real images are here; get them with `astrounet data fetch`.")
    pixels = [shot.image for shot in deep]
    time = deep_truth.exposure_time_for(pixels)
    scores, binned = deep_truth.score_deep(pixels, deep_truth.methods(networks), time, seeds)
    return {
        "images": [shot.title for shot in deep],
        "exposure_time": time,
        "sources": sum(len(photometry.detect(image, deep_truth.SOURCES)["x"]) for image in pixels),
        "factors": [deep_truth.degrade(image, time).noise_factor for image in pixels],
        "deep": _json_rows(scores),
        "fluxes": _json_rows(binned),
        "short": _json_rows(short_rows(short, networks)),
    }


def short_rows(shots: Sequence[demo.DemoImage], networks: dict[str, Denoiser]) -> list[dict]:
    """`compare_states` of every image with every network, asked for twice the time: rows {image, name, ...}."""
    return [
        {"image": shot.title, "name": name} | row
        for shot in shots
        for name, network in networks.items()
        for row in compare_states(four_states(shot, partial(deep_truth.apply_network, network, 2)))
    ]


def _json_rows(rows: list[dict]) -> list[dict]:
    return [{k: None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()} for row in rows]


def main(seeds: int = 5) -> None:
    """Measure with the published networks and write `RECORD`."""
    watch, source, weights = provenance.Stopwatch(), provenance.commit(), _weights()
    networks = {name: load_network(name) for name in deep_truth.RATIOS}
    found = measure(networks, range(seeds))
    more = {"noise_seeds": seeds, "weights_sha256": weights, "source": source}
    run = provenance.run_record(profile="retrain", preset=None, seed=0, device="cpu", seconds=watch.seconds, **more)
    provenance.write_json(RECORD, {"run": run} | found)


def published() -> tuple[dict, bool]:
    """The content of `RECORD`, and whether the networks that it measured are those that are published now."""
    record = provenance.read_json(RECORD)
    return record, record["run"]["weights_sha256"] == _weights()


def _weights() -> dict[str, str]:
    return {name: provenance.sha256(manifest.weights_path(name)) for name in deep_truth.RATIOS}


if __name__ == "__main__":
    main()
