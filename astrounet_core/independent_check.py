"""Our photometry beside Source Extractor and STILTS on the same images, number by number.

The numbers are published in ``results/checks/source_extractor/check.json``, for readers without the programs. Who has
them compares again, and ``python -m astrounet_core.independent_check`` writes the record.
"""

from dataclasses import replace

import numpy as np

from . import demo, photometry, reference_tools
from ._paths import RESULTS_DIR
from .evaluation import MATCH_RADIUS, Exposure, expose
from .field_table import fields
from .photometry import PAPER_SETTINGS
from .provenance import Stopwatch, read_json, run_record, write_json
from .reference_tools import Extraction, source_extractor, stilts_match
from .scenes import render
from .starlists import Catalogue, Stars

RECORD = RESULTS_DIR / "checks" / "source_extractor" / "check.json"

SAME_PLACE = 0.01
"""Pixels within which detections of the two programs are the same one; no two of one list are as near."""

RADII = (1.0, 2.0, 3.0)
"""Matching radii, pixels; the paper does not give its own."""

WHOLE = replace(PAPER_SETTINGS, deblend_contrast=1.0)
"""The paper's settings without deblending, in which pixels are shared out by lot."""

MASKINGS = ("NONE", "CORRECT")
"""Source Extractor's MASK_TYPE: as ours, and as in the paper's file."""

BOUNDS = {"background": 1e-5, "shared": 0.98, "position": 1e-4, "flux": 1e-3, "flux_error": 1e-3}
"""Agreement that we state, with MASK_TYPE NONE: maps of background level and rms, in units of the rms; share of a list
that both have; positions, pixels; fluxes and their errors, relative."""

KINDS = {"star_cluster": "Star cluster", "galaxy_field": "Galaxy field"}


def exposures(seed: int = 0) -> dict[str, Exposure]:
    """The first star cluster and the first galaxy field of the test fields; r = 2, an independent short exposure."""
    first = {kind: next(field for field in fields("test") if field.kind == kind) for kind in KINDS}
    return {KINDS[kind]: expose(field, render(field), "independent", 2.0, seed) for kind, field in first.items()}


def images(shots: dict[str, Exposure], seed: int = 0) -> dict[str, np.ndarray]:
    """The images that are compared, in electrons and with their sky, by title: two exposures of each field and a
    real one, or what stands in for it."""
    found = {}
    for title, shot in shots.items():
        found[f"{title}, {shot.field.exposure_time:g} s"] = (shot.long + shot.sky) * shot.field.exposure_time
        found[f"{title}, {shot.exposure_time:g} s"] = (shot.noisy + shot.sky) * shot.exposure_time
    real = demo.real_or_simulated("ngc1261_f336w", seed)
    return found | {real.title: real.image * real.exposure_time}


def check(seed: int = 0) -> dict:
    """All comparisons: per image (`compare_image`), matches (`compare_matches`), the paper's measures (`scores`), the
    sizes of flux differences (`flux_differences`). Raises reference_tools.ToolMissing."""
    shots = exposures(seed)
    cluster = shots["Star cluster"]
    found = {title: compare_image(image) for title, image in images(shots, seed).items()}
    return {
        "images": found,
        "matches": compare_matches(cluster),
        "scores": scores(cluster),
        "stars": flux_differences((cluster.long + cluster.sky) * cluster.field.exposure_time),
    }


def compare_image(image: np.ndarray) -> dict:
    """One image, in electrons: backgrounds, lists with and without deblending, and the columns of what both found."""
    back, ours = photometry.background(image), photometry.detect(image)
    theirs = {masking: source_extractor(image, mask_type=masking) for masking in MASKINGS}
    plain = theirs["NONE"]
    return {
        "level": _largest(plain.background, back.back()) / back.globalrms,
        "rms": _largest(plain.background_rms, back.rms()) / back.globalrms,
        "lists": compare_lists(ours, plain.catalogue),
        "whole": compare_lists(photometry.detect(image, WHOLE), source_extractor(image, WHOLE, "NONE").catalogue),
        "columns": {masking: compare_columns(ours, each.catalogue) for masking, each in theirs.items()},
        "background": background_difference(ours, plain) / back.globalrms,
        "snr": {"ours": _snr(ours)} | {masking: _snr(each.catalogue) for masking, each in theirs.items()},
    }


def _largest(theirs: np.ndarray, ours: np.ndarray) -> float:
    return float(np.abs(theirs - ours).max())


def same_sources(ours: Catalogue, theirs: Catalogue) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the detections that both lists have, within `SAME_PLACE`."""
    return photometry.match(ours["x"], ours["y"], theirs["x"], theirs["y"], SAME_PLACE)


def compare_lists(ours: Catalogue, theirs: Catalogue) -> dict[str, int]:
    """How many detections each list has, and how many both."""
    return {"ours": len(ours["x"]), "theirs": len(theirs["x"]), "both": len(same_sources(ours, theirs)[0])}


def compare_columns(ours: Catalogue, theirs: Catalogue) -> dict[str, dict[str, float]]:
    """Median, 99th percentile and maximum of what differs for the same detections: position in pixels, flux and
    flux_error as |theirs / ours - 1|; and area, the share of detections whose area differs."""
    i, j = same_sources(ours, theirs)
    differences = {"position": np.hypot(ours["x"][i] - theirs["x"][j], ours["y"][i] - theirs["y"][j])}
    differences |= {key: np.abs(theirs[key][j] / ours[key][i] - 1) for key in ("flux", "flux_error")}
    summary = {
        key: {"median": float(np.median(each)), "most": float(np.percentile(each, 99)), "largest": float(each.max())}
        for key, each in differences.items()
    }
    return summary | {"area": {"share": float(np.mean(ours["area"][i] != theirs["area"][j]))}}


def background_difference(ours: Catalogue, theirs: Extraction) -> float:
    """The largest difference between our background of a detection, from the map, and the column BACKGROUND."""
    i, j = same_sources(ours, theirs.catalogue)
    return _largest(theirs.catalogue["background"][j], ours["background"][i])


def _snr(found: Catalogue) -> float:
    return photometry.snr(found["flux"], found["flux_error"], found["background"])


def flux_differences(image: np.ndarray) -> dict[str, list[float]]:
    """|theirs / ours - 1| of the fluxes of detections that both have, by masking, in ascending order."""
    ours = photometry.detect(image)
    found = {}
    for masking in MASKINGS:
        theirs = source_extractor(image, mask_type=masking).catalogue
        i, j = same_sources(ours, theirs)
        found[masking] = [float(f"{each:.3g}") for each in np.sort(np.abs(theirs["flux"][j] / ours["flux"][i] - 1))]
    return found


def compare_matches(shot: Exposure, move: float = 25.0) -> list[dict]:
    """Pairs by `photometry.match` and by STILTS at each of `RADII`: short exposure with long one, long one with the
    true catalogue, and strangers: the same after moving one list by ``move`` pixels."""
    truth = {key: shot.scene.catalogue[key] for key in ("x", "y")}
    lists = {
        "short and long exposure": (shot.own, shot.reference),
        "long exposure and all true sources": (shot.reference, truth),
        f"the same, moved by {move:g} px": (shot.reference | {"x": shot.reference["x"] + move}, truth),
    }
    return [
        {"lists": name, "radius": radius} | compare_pairs(first, second, radius)
        for name, (first, second) in lists.items()
        for radius in RADII
    ]


def compare_pairs(first: Catalogue, second: Catalogue, radius: float) -> dict[str, int]:
    """How many pairs we make of two lists, how many STILTS makes, and how many both."""
    places = (first["x"], first["y"], second["x"], second["y"], radius)
    ours, theirs = (
        set(zip(*map(np.ndarray.tolist, by(*places)), strict=True)) for by in (photometry.match, stilts_match)
    )
    return {"ours": len(ours), "theirs": len(theirs), "both": len(ours & theirs)}


def scores(shot: Exposure) -> list[dict]:
    """TPR, F, mean RFE and SNR over the reference's (Eq. 22-26, %) of the unchanged input: by our tools, and by Source
    Extractor and STILTS with each masking. Fluxes of the short exposure are brought to the long one's electrons."""
    rows = [{"tools": "ours"} | _score(Stars.compare(shot.own, shot.reference, MATCH_RADIUS))]
    for masking in MASKINGS:
        long = source_extractor((shot.long + shot.sky) * shot.field.exposure_time, mask_type=masking).catalogue
        found = source_extractor((shot.noisy + shot.sky) * shot.exposure_time, mask_type=masking).catalogue
        short = found | {key: shot.exposure_ratio * found[key] for key in ("flux", "flux_error", "background")}
        pairs = stilts_match(short["x"], short["y"], long["x"], long["y"], MATCH_RADIUS)
        rows.append({"tools": masking} | _score(Stars(short, long, pairs)))
    return rows


def _score(stars: Stars) -> dict[str, float]:
    return {
        "tpr": 100 * stars.counts.recall,
        "f": stars.counts.f_measure,
        "rfe": float(np.mean(stars.errors)),
        "rfe_error": float(np.std(stars.errors) / len(stars.errors) ** 0.5),
        "rfe_absolute": float(np.mean(np.abs(stars.errors))),
        "snr": stars.snr_over_reference,
    }


def checked(seed: int = 0) -> tuple[dict, dict | None]:
    """`check`, made now, and None; where a tool is missing, the published one and its provenance."""
    if reference_tools.missing_tools():
        record = read_json(RECORD)
        return record["check"], record["run"]
    return check(seed), None


def _publish() -> None:
    watch = Stopwatch()
    found = check()
    tools = {tool: reference_tools.tool_version(tool) for tool in reference_tools.PROGRAMS}
    record = run_record(profile="check", preset=None, seed=0, device="cpu", seconds=watch.seconds, tools=tools)
    write_json(RECORD, {"run": record, "check": found})


if __name__ == "__main__":
    _publish()
