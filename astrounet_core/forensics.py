"""The paper beside its code and beside itself: what differs, what each difference does, what an honest stack scores.

The differences are listed in ``data_manifest/disagreements.toml``. "Released script" is the authors' public repository
at commit 8ab007e; facts are taken from it, never its text.
"""

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import experiment_table, photometry, report
from ._paths import MANIFEST_DIR
from .evaluation import MATCH_RADIUS, Exposure, expose
from .field_table import Field
from .fluxes import error_statistics, forced_fluxes
from .scenes import render
from .starlists import Stars, stacking_factor
from .tables import number
from .tally import mean_of_finite, paired_difference

EFFECTS = ("computed", "compare", "trained", "command", "reason")
"""What the effect of a difference may be: the name of a value that a page computes; the arguments of
`report.comparison`; two experiments of equal compute (`experiment_table.verdict`); a command that nobody has run yet;
or why there is none to measure."""

TRAINED = ("mae", "nmse", "rfe", "f_measure")
"""The `experiment_table.MEASURES` that a verdict on two trainings looks at."""


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """One difference: what the paper says, what its code (or another place) does, where that stands, what it does."""

    id: str
    group: str
    item: str
    paper: str
    code: str
    evidence: str
    effect: list[dict]


def disagreements() -> list[Disagreement]:
    """The list, in its order. Raises ValueError for an id used twice and for an effect of no known kind."""
    listed = [Disagreement(**entry) for entry in tomllib.loads(_list())["disagreement"]]
    names = [each.id for each in listed]
    for each in listed:
        if names.count(each.id) > 1:
            raise ValueError(f"disagreement {each.id!r} is listed twice; give one another id.")
        if not each.effect or any(len(part) != 1 or not part.keys() <= set(EFFECTS) for part in each.effect):
            raise ValueError(f"the effects of {each.id!r} must each be one of {', '.join(EFFECTS)}; name one.")
    return listed


def _list() -> str:
    return (MANIFEST_DIR / "disagreements.toml").read_text()


def disagreement_rows(group: str, profile: str, computed: dict[str, str]) -> list[dict]:
    """A row a difference of one group, its effect in words: {item, paper, code, evidence, effect, ...}.

    computed: what the page found, by name. Raises KeyError where an effect that the list names was not computed.
    """
    return [
        vars(each) | {"effect": "; ".join(_effect(part, profile, computed) for part in each.effect)}
        for each in disagreements()
        if each.group == group
    ]


def _effect(part: dict, profile: str, computed: dict[str, str]) -> str:
    ((kind, what),) = part.items()
    if kind == "computed":
        return computed[what]
    if kind == "compare":
        return _compared(profile, **what)
    if kind == "trained":
        return experiment_table.verdict(*what, TRAINED, profile).removesuffix(".")
    return f"*not run*: `{what}`" if kind == "command" else what


def _compared(profile: str, ours: str, theirs: str, measure: str, protocol: str, label: str, fmt: str) -> str:
    """A paired difference at r = 2 in words, or what has to be run for it."""
    found = report.comparison(ours, theirs, measure, protocol, 2.0, profile)
    if found is None:
        return report.not_run([ours, theirs], profile, holding="fields.csv").replace("Not run", "*not run*")
    value = number(found["value"], "+" + fmt, spread=None if math.isnan(found["value"]) else found["error"])
    certain = "" if found["clear"] else ", within two standard errors"
    return f"{label} {value.replace('± +', '± ')}{certain} ({report.title(ours)} − {report.title(theirs)})"


def sort_out(ours: str, theirs: str, measures: dict[str, str], protocol: str, ratio: float, profile: str) -> dict:
    """The labels (measure -> label) in which one method is ``better`` or ``worse`` than another beyond doubt, those
    ``undecided`` within two standard errors, and those ``not run``."""
    found: dict[str, list[str]] = {"better": [], "worse": [], "undecided": [], "not run": []}
    words = {True: "better", False: "worse", None: "undecided"}
    for measure, label in measures.items():
        result = report.comparison(ours, theirs, measure, protocol, ratio, profile)
        found["not run" if result is None else words[result["better"]]].append(label)
    return found


def verdict(found: dict[str, list[str]], ours: str, theirs: str) -> str:
    """The outcome of `sort_out` in one sentence, whichever way it fell."""
    words = {
        "better": "better in",
        "worse": "worse in",
        "undecided": "undecided in",
        "not run": "*not run*:",
    }
    said = [f"{words[key]} {_listed(labels)}" for key, labels in found.items() if labels]
    return f"{ours} against {theirs}: {'; '.join(said)}."


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def relabelled(column: str, profile: str, ratio: float = 2.0) -> dict | None:
    """What it does to an input's ``psnr`` or ``ssim`` to count the long exposure's electrons in place of its own.

    `tally.paired_difference` of the two on all fields, protocol ``paper``; None where the input was not scored.
    """
    record = report.scored("unchanged", profile)
    if record is None:
        return None
    matched = [row | {f"{column}_paper": row.get(f"{column}_matched", math.nan)} for row in record.fields]
    return paired_difference(matched, record.fields, f"{column}_paper", "paper", ratio)


def histogram_mode(electrons: np.ndarray, width: float = 2.0) -> float:
    """The commonest pixel value: middle of the fullest histogram bin, ``width`` electrons wide."""
    values = np.asarray(electrons, float).ravel()
    low = math.floor(values.min() / width)
    counts = np.bincount(np.floor(values / width).astype(int) - low)
    return (low + int(counts.argmax()) + 0.5) * width


def input_summary(shot: Exposure) -> dict[str, float]:
    """What an input is like; the error is input - scene, on pixels whose true signal is below a tenth of the noise.

    zero, negative: pixels of the frame, %; noise, level: standard deviation and mean of the error, electrons of the
    input; correlation: with the error of the long exposure, 0 for exposures of their own; detected, real: detections
    at the paper's settings, and those within `evaluation.MATCH_RADIUS` of a true source that the long exposure can
    show; reference: detections in the long exposure.
    """
    scene, frame = shot.scene.image.numpy(), shot.noisy + np.float32(shot.sky)
    dark = scene < 0.1 * float(np.sqrt(np.median(shot.variance)))
    error, shared = ((image - scene)[dark] for image in (shot.noisy, shot.long))
    found = shot.own
    true = photometry.purity(found["x"], found["y"], *shot.sources, MATCH_RADIUS)
    return {
        "zero": 100 * float(np.mean(frame == 0)),
        "negative": 100 * float(np.mean(frame < 0)),
        "noise": float(error.std()) * shot.exposure_time,
        "level": float(error.mean()) * shot.exposure_time,
        "correlation": float(np.corrcoef(error, shared)[0, 1]),
        "detected": len(found["x"]),
        "real": round(true * len(found["x"])) if len(found["x"]) else 0,
        "reference": len(shot.reference["x"]),
    }


def stacking_rows(chosen: Sequence[Field], most: int, exposure_ratio: float = 2.0) -> list[dict]:
    """Stacks of 1 to ``most`` independent exposures of t / r, scored as the paper scores a network's output.

    A row a number of exposures, means over fields. expected: sqrt(I) of Eq. 27; summed: SNR_f (Eq. 26-28) of their
    sum in its own electrons; labelled: of their mean, counted in the long exposure's electrons as a network's output
    is; levelless: of the sum, with B = 0 in Eq. 26; scatter: by how much the scatter of forced fluxes above SNR 10
    falls, which is no formula but a measurement.
    """
    single = [_stack_scores(field, most, exposure_ratio) for field in chosen]
    return [
        {"exposures": rows[0]["exposures"], "expected": math.sqrt(rows[0]["exposures"])}
        | {key: mean_of_finite([row[key] for row in rows]) for key in ("summed", "labelled", "levelless", "scatter")}
        for rows in zip(*single, strict=True)
    ]


def _stack_scores(field: Field, most: int, exposure_ratio: float) -> list[dict]:
    scene = render(field)
    shots = [expose(field, scene, "independent", exposure_ratio, noise_seed=seed) for seed in range(most)]
    sums = np.cumsum([shot.noisy for shot in shots], axis=0)
    first = _stack_stars(shots[0], sums[0], 1)
    rows = []
    for exposures, total in enumerate(sums, 1):
        summed, labelled = (_stack_stars(shots[0], total / exposures, n) for n in (exposures, exposure_ratio))
        rows.append(
            {
                "exposures": exposures,
                "summed": stacking_factor(summed, first),
                "labelled": stacking_factor(labelled, first),
                "levelless": stacking_factor(_without_level(summed), _without_level(first)),
                "scatter": _scatter(shots[0], sums[0]) / _scatter(shots[0], total / exposures),
            }
        )
    return rows


def _stack_stars(shot: Exposure, mean: np.ndarray, exposures: float) -> Stars:
    """Stars of a mean image that counts the electrons of so many exposures, beside those of the long exposure."""
    found = photometry.detect((mean + shot.sky) * shot.exposure_time * exposures)
    return Stars.compare(found, shot.reference, MATCH_RADIUS)


def _without_level(stars: Stars) -> Stars:
    return Stars(stars.found | {"background": 0.0 * stars.found["background"]}, stars.reference, stars.pairs)


def _scatter(shot: Exposure, image: np.ndarray) -> float:
    return error_statistics(forced_fluxes(shot, image), 10.0)["scatter"]
