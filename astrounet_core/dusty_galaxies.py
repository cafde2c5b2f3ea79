"""The test of Table 3 on simulated galaxies with independent exposures and cosmic rays, and its published record.

``python -m astrounet_core.dusty_galaxies`` makes it with the published networks and writes
``results/checks/dusty_galaxies.json``: six galaxies take some minutes, and a page shows what it says.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np

from . import manifest, paper, provenance
from ._paths import RESULTS_DIR
from .evaluation import Exposure, detected_stars, free_method, network_method
from .inference import load_network
from .repeats import Visit, draw_fields, dusty_galaxy, false_stars, mean_error, pair, share_found, star_test, visits
from .scenes import Scene
from .starlists import stacking_factor
from .unet import Denoiser

RECORD = RESULTS_DIR / "checks" / "dusty_galaxies.json"
"""{run, galaxies: what `score_galaxy` returns for each}."""

NETWORKS = ("network1", "network2", "modern")
TIMES = (32, 64)
"""Exposure times of inputs, s; each is compared with an exposure twice as long."""

EXPOSURES = (*TIMES, 2 * TIMES[-1])
"""All exposure times, s, as in section 4.4."""

REPEATED = "network1"
"""The network that is also shown a second exposure of the input's time: a method equal to itself."""


def score_galaxy(seed: int, networks: dict[str, Denoiser], times: Sequence[int] = TIMES) -> dict:
    """Every image of Table 3 on one galaxy, and what its cosmic rays do: {seed, times: {time: scores}, cosmic_rays}."""
    scene = dusty_galaxy(seed)
    first, second = (visits(scene, (*times, 2 * times[-1]), 2 * seed + i) for i in range(2))
    scores, outputs = {}, {}
    for time in times:
        shot = pair(scene, first[time].cleaned, first[2 * time].cleaned, time, 2 * time)
        outputs = images(shot, networks, second)
        scores[str(time)] = {name: star_scores(shot, image) for name, image in outputs.items()}
    return {"seed": seed, "times": scores, "cosmic_rays": ray_scores(shot, first[times[-1]], networks, outputs)}


def images(shot: Exposure, networks: dict[str, Denoiser], second: dict[float, Visit]) -> dict[str, np.ndarray]:
    """What is compared with the long exposure: the input, networks' outputs, and rows without a network.

    repeat: what `REPEATED` makes of a second exposure as short as the input; another: one as long as the reference.
    """
    again = replace(shot, noisy=second[shot.exposure_time].cleaned)
    denoised = {name: network_method(network)(shot) for name, network in networks.items()}
    return {
        "unchanged": shot.noisy,
        **denoised,
        "repeat": network_method(networks[REPEATED])(again),
        "another": second[shot.field.exposure_time].cleaned,
        "gaussian_blur": free_method("gaussian_blur")(shot),
        "ceiling": shot.scene.image.numpy(),
    }


def star_scores(shot: Exposure, image: np.ndarray) -> dict:
    """found: a 1 or 0 for every star of the reference; errors: Eq. 25 of those found, %; snr_factor: Eq. 28, that of
    the input relative to the long exposure, as in the paper; everything: [found, of] all detections, knots included."""
    stars, every = star_test(shot, image), detected_stars(shot, image).counts
    found = np.zeros(len(stars.reference["x"]), int)
    found[stars.pairs[1]] = 1
    factor = stars.snr_over_reference if image is shot.noisy else stacking_factor(stars, star_test(shot, shot.noisy))
    return {
        "found": "".join(map(str, found)),
        "errors": [round(float(error), 2) for error in stars.errors],
        "snr_factor": round(float(factor), 4) if np.isfinite(factor) else None,
        "everything": [every.tp, every.tp + every.fn],
    }


def ray_scores(shot: Exposure, visit: Visit, networks: dict[str, Denoiser], outputs: dict[str, np.ndarray]) -> dict:
    """What cosmic rays do to one exposure with and without cleaning.

    hit, found, wrong: pixels hit, of these mended, and mended without having been hit; harmed: stars of the reference
    among the latter. false: {method: [without cleaning, with]}, detections near a hit that the scene hasn't.
    """
    struck = replace(shot, noisy=visit.struck)
    uncleaned = {"unchanged": visit.struck} | {name: network_method(net)(struck) for name, net in networks.items()}
    wrong = visit.mended & ~visit.hit
    stars = star_test(shot, shot.long).reference
    return {
        "hit": int(visit.hit.sum()),
        "found": int((visit.hit & visit.mended).sum()),
        "wrong": int(wrong.sum()),
        "stars": len(stars["x"]),
        "harmed": int(wrong[np.rint(stars["y"]).astype(int), np.rint(stars["x"]).astype(int)].sum()),
        "false": {
            name: [_false(shot.scene, each, visit.hit, shot) for each in (image, outputs[name])]
            for name, image in uncleaned.items()
        },
    }


def _false(scene: Scene, image: np.ndarray, hit: np.ndarray, shot: Exposure) -> int:
    return len(false_stars(scene.image.numpy(), image, hit, shot.field.exposure_time)[0])


def flags(galaxies: Iterable[dict], time: int, name: str) -> np.ndarray:
    """(stars,) bool: which stars of all galaxies a method found at one exposure time."""
    return np.array([star == "1" for galaxy in galaxies for star in galaxy["times"][str(time)][name]["found"]], bool)


def table_row(galaxies: Sequence[dict], time: int, name: str) -> dict[str, float]:
    """Table 3's columns of one method, all galaxies together: those of `repeats.share_found` and `repeats.mean_error`.

    snr_factor, snr_error: mean over galaxies and its standard error; everything: TPR of all detections, %.
    """
    found = flags(galaxies, time, name)
    each = [galaxy["times"][str(time)][name] for galaxy in galaxies]
    factor = mean_error(np.array([one["snr_factor"] for one in each if one["snr_factor"] is not None]))
    every, total = np.sum([one["everything"] for one in each], axis=0)
    return (
        share_found(int(found.sum()), len(found))
        | mean_error(np.concatenate([one["errors"] for one in each]))
        | {"snr_factor": factor["rfe"], "snr_error": factor["rfe_error"]}
        | {"everything": 100 * every / total if total else np.nan}
    )


def table3_cells(galaxies: Sequence[dict]) -> dict[str, dict]:
    """Ours of the paper's Table 3, for the claim ledger: {"network1@32s": {"tpr": {value, error}, ...}, ...}.

    The error of a share is a binomial's standard error.
    """
    cells = {}
    for printed in paper.table(3):
        key, time = printed["key"].removesuffix("s").split("@")
        row = table_row(galaxies, int(time), {"input": "unchanged"}.get(key, key))
        share = row["tpr"] / 100
        cells[printed["key"]] = {
            "rfe": {"value": row["rfe"], "error": row["rfe_error"]},
            "tpr": {"value": row["tpr"], "error": 100 * (share * (1 - share) / row["n"]) ** 0.5},
            "snr_factor": {"value": row["snr_factor"], "error": row["snr_error"]},
        }
    return cells


def equal_methods(galaxies: Sequence[dict], time: int, stars: int = 16, seed: int = 0) -> np.ndarray:
    """TPR, %, of two equally good methods on many fields of few stars, (2, fields): one network, two exposures."""
    found = np.stack([flags(galaxies, time, name) for name in (REPEATED, "repeat")])
    return draw_fields(found, stars, seed=seed, exchange=True)


def published() -> tuple[dict, bool]:
    """The content of `RECORD`, and whether the networks in it are those that are published now."""
    record = provenance.read_json(RECORD)
    return record, record["run"]["weights"] == _weights()


def _weights() -> dict[str, str]:
    return {name: provenance.sha256(manifest.weights_path(name)) for name in NETWORKS}


def score_published(seed: int) -> dict:
    """`score_galaxy` with the published networks."""
    return score_galaxy(seed, {name: load_network(name) for name in NETWORKS})


def main(galaxies: int = 6, processes: int = 3) -> None:
    """Score galaxies of seeds 0, 1, ... with the published networks, some at a time, and write `RECORD`."""
    watch, source, weights = provenance.Stopwatch(), provenance.commit(), _weights()
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        scores = list(pool.map(score_published, range(galaxies)))
    run = provenance.run_record(
        profile="check", preset=None, seed=0, device="cpu", seconds=watch.seconds, source=source, weights=weights
    )
    provenance.write_json(RECORD, {"run": run} | table3_cells(scores) | {"galaxies": scores})


if __name__ == "__main__":
    main()
