"""Runs as the rows and curves that pages show: what was trained, what it scored, with *not run* where nothing was."""

import math
from collections.abc import Iterable, Sequence
from itertools import product

from ._paths import RESULTS_DIR
from .experiments import EXPERIMENTS, KNOWN, SCHEDULES, Experiment, updates_of
from .records import Record, command, lookup
from .tally import paired_difference

FREE_METHODS = {
    "unchanged": "Input unchanged",
    "gaussian_blur": "Gaussian blur",
    "matched_filter": "Matched filter",
    "ceiling": "Noise-free scene",
}
"""Methods that nobody trains, as tables call them."""


def title(name: str) -> str:
    """How tables call an experiment or a free method. ValueError for a name that is neither."""
    if name in KNOWN:
        return KNOWN[name].title
    if name not in FREE_METHODS:
        raise ValueError(f"no method {name!r}; choose an experiment or one of {', '.join(FREE_METHODS)}.")
    return FREE_METHODS[name]


def training(name: str, profile: str) -> Record | None:
    """The record of the run that trained a network, as a page of ``profile`` shows it; None where there is none."""
    return lookup(name, profile, holding="history.csv")


def recorded(name: str, profile: str, key: str):
    """One entry of a run's record, None where there is no record or no such entry."""
    record = lookup(name, profile)
    return record.run.get(key) if record else None


def not_run(names: Iterable[str], profile: str, holding: str = "run.json") -> str:
    """A sentence naming what has no record and the commands that make one; empty where nothing is missing."""
    missing = [name for name in names if lookup(name, profile, holding=holding) is None]
    wanted = "smoke" if profile == "smoke" else "retrain"
    commands = (f"`{command(name, wanted if name in KNOWN else profile)}`" for name in missing)
    return f"Not run: {', '.join(map(title, missing))}. To obtain: {', '.join(commands)}." if missing else ""


def experiment_rows(profile: str, names: Iterable[str] = tuple(EXPERIMENTS)) -> list[dict]:
    """A row an experiment: its recipe, and of its training run updates, percent of the paper's schedule, minutes."""
    records = {name: training(name, profile) for name in names}
    return [_recipe(name, record) | _effort(record) for name, record in records.items()]


def _recipe(name: str, record: Record | None) -> dict:
    """What an experiment declares; a perceptual loss with the features that its run compared."""
    experiment = EXPERIMENTS[name]
    features = record.run.get("features", "scenes") if record else "scenes"
    return {
        "name": f"`{name}`",
        "title": experiment.title,
        "loss": f"`{experiment.loss}`" + (f" ({features} features)" if "perceptual" in experiment.loss else ""),
        "ratios": _ratios(experiment),
        "differs": ", ".join(f"{key} = {value}" for key, value in experiment.network.items()) or "–",
        "presets": ", ".join(f"`{preset}`" for preset in experiment.presets),
    }


def _ratios(experiment: Experiment) -> str:
    values = ", ".join(f"{ratio:g}" for ratio in experiment.ratios)
    return f"{values}, {experiment.ratio_order}" if len(experiment.ratios) > 1 else values


def _effort(record: Record | None) -> dict:
    if record is None:
        return {}
    run, share = record.run, record.share_of_schedule
    return {
        "updates": run["updates"],
        "share": None if share is None else 100 * share,
        "minutes": run["seconds"] / 60,
        "profile": f"`{run['profile']}`",
        "device": run["device"],
    }


def schedule_rows(experiment: str = "network1") -> list[dict]:
    """A row a schedule: its compute for one experiment, and the minutes of its run where there is one."""
    full = updates_of(EXPERIMENTS[experiment], SCHEDULES["paper"])
    rows = []
    for name, schedule in SCHEDULES.items():
        updates = updates_of(EXPERIMENTS[experiment], schedule)
        pixels = updates * schedule.batch * schedule.crop**2
        row = {"profile": f"`{name}`", "share": 100 * updates / full, "pixels": pixels / 1e9} | vars(schedule)
        record = training(experiment, name)
        ran = _effort(record) if record and record.run["profile"] == name else {}
        rows.append(
            row | {"updates": updates, "ran": ran.get("updates")} | {k: ran.get(k) for k in ("minutes", "device")}
        )
    return rows


def loss_curves(profile: str, names: Iterable[str]) -> dict[str, tuple[list[float], list[float]]]:
    """{title: (update, training loss)} from the histories; empty lists, and a title that says so, where not run."""
    curves = {}
    for name in names:
        record = training(name, profile)
        history = record.history if record else []
        label = title(name) if history else f"{title(name)}: not run"
        curves[label] = ([row["update"] for row in history], [row["loss"] for row in history])
    return curves


def benchmark(name: str) -> list[Record]:
    """The published records of a benchmark, one a kind of device."""
    return [Record(path) for path in sorted((RESULTS_DIR / "benchmarks").glob(f"{name}_*"))]


def benchmark_rows(name: str) -> list[dict]:
    """What they measured, with the device; shares of the matmul peak and of the time for data in %."""
    return [
        row
        | {"device": record.run["device"], "profile": f"`{row.get('profile', '–')}`", "peak": 100 * row["peak"]}
        | {"data_share": 100 * row["data_share"] if "data_share" in row else "–"}
        for record in benchmark(name)
        for row in record.run["rows"]
    ]


def flux_rows(profile: str, names: Iterable[str], ratios: Iterable[float], fields: str = "training") -> list[dict]:
    """Errors of forced fluxes, a row a method and exposure ratio: bias_sigma and its error between SNR 5 and 10 (faint
    stars), bias (%) and scatter (sigma) above 10, and the numbers of stars."""
    rows = []
    for ratio, name in product(ratios, names):
        record = lookup(name, profile, holding="fluxes.csv")
        found = {(row["snr_low"], row["snr_high"]): row for row in _star_errors(record, ratio, fields)}
        faint, bright = found.get((5.0, 10.0), {}), found.get((10.0, math.inf), {})
        row = {"title": title(name), "exposure_ratio": ratio, "stars": bright.get("n"), "faint": faint.get("n")}
        row |= {key: faint.get(key) for key in ("bias_sigma", "bias_error")}
        rows.append(row | {"bias": bright.get("bias"), "scatter": bright.get("scatter")})
    return rows


def flux_curves(profile: str, names: Iterable[str], quantity: str, ratio: float, fields: str = "training") -> dict:
    """{title: (SNR, value)} or, of bias_sigma, {title: (SNR, value, error)}: one of `fluxes.COLUMNS` by SNR."""
    curves = {}
    for name in names:
        rows = _star_errors(lookup(name, profile, holding="fluxes.csv"), ratio, fields)
        bins = [row for row in rows if row["n"] >= 5 and (row["snr_low"], row["snr_high"]) != (10.0, math.inf)]
        snr = [row["snr_low"] * min(row["snr_high"] / row["snr_low"], 4) ** 0.5 for row in bins]
        spread = ([row["bias_error"] for row in bins],) if quantity == "bias_sigma" else ()
        curves[title(name) if bins else f"{title(name)}: not run"] = (snr, [row[quantity] for row in bins], *spread)
    return curves


def _star_errors(record: Record | None, ratio: float, fields: str) -> list[dict]:
    rows = record.fluxes if record else []
    return [row for row in rows if (row["exposure_ratio"], row["fields"]) == (ratio, fields)]


def scored(name: str, profile: str) -> Record | None:
    """The record that holds a method's scores, as a page of ``profile`` shows it; None where there is none."""
    return lookup(name, profile, holding="fields.csv")


def score_rows(
    profile: str,
    ratios: Iterable[float],
    names: Sequence[str],
    measures: Iterable[str],
    fields: str = "training",
    protocol: str = "independent",
) -> list[dict]:
    """Measures under a protocol, a row a method and ratio: measure, and measure_low, measure_high.

    A measure without a finite value on the fields that were scored is a dash.
    """
    terms = {"protocol": protocol, "fields": fields}
    return [
        {"title": title(name), "exposure_ratio": float(ratio)}
        | _scores(scored(name, profile), measures, exposure_ratio=float(ratio), **terms)
        for ratio, name in product(ratios, names)
    ]


def compute_rows(runs: Iterable[tuple[str, str]], ratio: float, measures: Sequence[str]) -> list[dict]:
    """What compute bought: a row for each (experiment, profile), its effort and its `score_rows` measures."""
    return [
        row | _effort(training(name, profile))
        for name, profile in runs
        for row in score_rows(profile, [ratio], [name], measures)
    ]


def _scores(record: Record | None, measures: Iterable[str], **terms) -> dict:
    found = {measure: record.row(measure, **terms) for measure in measures} if record else {}
    if not any(found.values()):
        return {}
    columns = {measure: row["value"] if row else "–" for measure, row in found.items()}
    limits = ((measure, end, row[end]) for measure, row in found.items() if row for end in ("low", "high"))
    return columns | {f"{measure}_{end}": limit for measure, end, limit in limits}


BETTER = {
    **dict.fromkeys(("tpr", "precision", "f_measure", "snr_factor_matched", "psnr", "psnr_matched", "ssim_matched"), 1),
    **dict.fromkeys(("rfe", "rfe_absolute", "kl_paper", "mae", "nmse", "sky_rms", "flux_bias", "flux_scatter"), -1),
}
"""Measure -> 1 where more is better, -1 where less is; `SIGNED` ones by their absolute value."""

SIGNED = ("rfe", "flux_bias")


def comparison(ours: str, theirs: str, measure: str, protocol: str, ratio: float, profile: str) -> dict | None:
    """`tally.paired_difference` of two methods, and ``better``: True, False, or None where it isn't clear.

    None where one of the two was not scored.
    """
    records = [scored(name, profile) for name in (ours, theirs)]
    if None in records:
        return None
    rows = (record.fields for record in records)
    found = paired_difference(*rows, measure, protocol, float(ratio), absolute=measure in SIGNED)
    return found | {"better": found["value"] * BETTER[measure] > 0 if found["clear"] else None}


def comparison_rows(
    profile: str, protocol: str, ratio: float, names: Iterable[str], rivals: Iterable[str], formats: dict[str, str]
) -> list[dict]:
    """A row a pair of methods, a cell a measure (formats: measure -> format): difference ± error, bold where clear."""
    rivals = list(rivals)
    rows = []
    for name in names:
        for rival in rivals:
            cells = {
                measure: _difference(comparison(name, rival, measure, protocol, ratio, profile), fmt)
                for measure, fmt in formats.items()
            }
            rows.append({"title": f"{title(name)} − {title(rival)}"} | cells)
    return rows


def _difference(found: dict | None, fmt: str) -> str | None:
    """Text of a comparison: bold, with ↑ for better and ↓ for worse, where it is clear; a dash for too few fields."""
    if found is None:
        return None
    if math.isnan(found["value"]):
        return "–"
    text = f"{found['value']:+{fmt}} ± {found['error']:{fmt}}".replace("-", "\N{MINUS SIGN}")
    return text if found["better"] is None else f"**{text}** {'↑' if found['better'] else '↓'}"


def beaten_by(
    name: str, rivals: Iterable[str], measures: Iterable[str], protocol: str, ratio: float, profile: str
) -> dict:
    """{rival: measures in which it is better than a network beyond doubt}."""
    found = {}
    for rival in rivals:
        pairs = ((measure, comparison(rival, name, measure, protocol, ratio, profile)) for measure in measures)
        found[rival] = [measure for measure, result in pairs if result and result["better"]]
    return found
