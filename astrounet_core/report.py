"""Runs as the rows and curves that pages show: what was trained and how long, with *not run* where nothing was."""

from collections.abc import Iterable

from .experiments import EXPERIMENTS, SCHEDULES, Experiment, updates_of
from .records import Record, command, lookup

FREE_METHODS = {
    "unchanged": "Input unchanged",
    "gaussian_blur": "Gaussian blur",
    "matched_filter": "Matched filter",
    "ceiling": "Noise-free scene",
}
"""Methods that nobody trains, as tables call them."""


def title(name: str) -> str:
    """How tables call an experiment or a free method. ValueError for a name that is neither."""
    if name in EXPERIMENTS:
        return EXPERIMENTS[name].title
    if name not in FREE_METHODS:
        raise ValueError(f"no method {name!r}; choose an experiment or one of {', '.join(FREE_METHODS)}.")
    return FREE_METHODS[name]


def training(name: str, profile: str) -> Record | None:
    """The record of the run that trained a network, as a page of ``profile`` shows it; None where there is none."""
    return lookup(name, profile, holding="history.csv")


def not_run(names: Iterable[str], profile: str, holding: str = "run.json") -> str:
    """A sentence naming what has no record and the commands that make one; empty where nothing is missing."""
    missing = [name for name in names if lookup(name, profile, holding=holding) is None]
    wanted = "smoke" if profile == "smoke" else "retrain"
    commands = (f"`{command(name, wanted if name in EXPERIMENTS else profile)}`" for name in missing)
    return f"Not run: {', '.join(map(title, missing))}. To obtain: {', '.join(commands)}." if missing else ""


def experiment_rows(profile: str, names: Iterable[str] = tuple(EXPERIMENTS)) -> list[dict]:
    """A row an experiment: its recipe, and of its training run updates, percent of the paper's schedule, minutes."""
    return [_recipe(name) | _effort(training(name, profile)) for name in names]


def _recipe(name: str) -> dict:
    experiment = EXPERIMENTS[name]
    return {
        "name": f"`{name}`",
        "title": experiment.title,
        "loss": f"`{experiment.loss}`",
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
