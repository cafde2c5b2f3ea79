"""All methods side by side: one example that none was tuned on, what each makes of it, and tables of how each was made.

The example is part of a validation field beyond those on which `tuning` and training choose.
"""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from ._paths import WEIGHTS_DIR
from .cost import parameters
from .evaluation import expose
from .experiments import KNOWN
from .exposures import Method
from .field_table import fields
from .learned_peers import network
from .metrics import noise_normalised_mse
from .peers import PEERS, method, obstacle, tuned
from .records import command
from .report import training
from .scenes import render
from .sky import stretch
from .style import figure_style
from .style import panels as make_panels
from .tuning import RATIO, Sample

FIELD = 7
"""Number of the validation field: a spiral galaxy with stars, in a single read of 175 s, without drizzle."""

CORNER, SIZE, MARGIN = (340, 72), 128, 16
"""First row and column of the part that methods see, its side, and the border that is not shown, pixels."""

TICKS = (-0.1, 0.0, 0.1, 0.3, 1.0)
"""Of the colour bar, e-/s."""

TARGETS = {"scene": "the noise-free scene", "exposure": "a second exposure", "itself": "its own hidden pixels"}
"""`experiments.Preset.target` in words."""


def example(seed: int = 0) -> Sample:
    """The example, (128, 128), under the protocol ``independent`` at r = 2; same seed, same noise."""
    field = fields("validation")[FIELD]
    shot = expose(field, render(field), "independent", RATIO, seed)
    here = tuple(slice(first, first + SIZE) for first in CORNER)
    return Sample(shot.noisy[here], shot.exposure_time, shot.target[here], shot.variance[here])


def methods() -> dict[str, Method]:
    """Title -> method of all peers that can run here, and the network ``modern``. Amplification, whose output is the
    input, is left out."""
    names = [name for name in PEERS if name != "amplification" and not obstacle(name)]
    return {PEERS[name].title: method(name) for name in names} | {"Modern (this book)": network("modern")}


def outputs(chosen: dict[str, Method], sample: Sample) -> dict[str, np.ndarray]:
    """Title -> output (128, 128), e-/s; the noise-free scene and the input come first."""
    given = {"Noise-free scene": sample.truth, "Input": sample.noisy}
    return given | {title: one(sample.noisy, sample.exposure_time, RATIO) for title, one in chosen.items()}


def errors(images: dict[str, np.ndarray], sample: Sample) -> dict[str, float]:
    """Title -> `metrics.noise_normalised_mse` of the part that is shown: 1 for noise like the input's, 0 for none."""
    truth, variance = shown(sample.truth), shown(sample.variance)
    return {title: noise_normalised_mse(shown(image), truth, variance) for title, image in images.items()}


def shown(image: np.ndarray) -> np.ndarray:
    """An image without its `MARGIN`."""
    return image[MARGIN:-MARGIN, MARGIN:-MARGIN]


@figure_style
def gallery(images: dict[str, np.ndarray], sample: Sample) -> Figure:
    """Every image at the asinh stretch of the input, with its name and error; e-/s."""
    panels = {_title(name, error): shown(images[name]) for name, error in errors(images, sample).items()}
    return _grid(panels, stretch(shown(sample.noisy), kind="asinh"), "gray", "e⁻/s", ticks=TICKS)


@figure_style
def residuals(images: dict[str, np.ndarray], sample: Sample, limit: float = 3.0) -> Figure:
    """(image - truth) / sigma of the input's noise, from -limit to limit; the truth itself is left out."""
    sigma, found = np.sqrt(sample.variance), errors(images, sample)
    others = {name: image for name, image in images.items() if image is not sample.truth}
    panels = {_title(name, found[name]): shown((image - sample.truth) / sigma) for name, image in others.items()}
    return _grid(panels, Normalize(-limit, limit), "RdBu_r", "(image − truth) / σ of the input")


def _title(name: str, error: float) -> str:
    return fill(name, 20) + (f"\n{error:.2f}" if error else "")


def _grid(panels: dict[str, np.ndarray], norm: Normalize, colours: str, label: str, ticks=None) -> Figure:
    """Panels four in a row, one colour bar for all."""
    fig, axes = make_panels(len(panels), 4, (1, 1), extra=0.62)
    for ax, (title, image) in zip(axes, panels.items(), strict=True):
        drawn = ax.imshow(image, norm=norm, cmap=colours)
        ax.set_title(title, fontsize=9.5, pad=3)
        ax.set_axis_off()
    bar = {"location": "bottom", "shrink": 0.6, "aspect": 40, "pad": 0.01, "extend": "both"}
    fig.colorbar(drawn, ax=axes, label=label, ticks=ticks, **bar)
    return fig


def tuned_rows() -> list[dict]:
    """A row a method with parameters: title, chosen and tried values, nmse on the validation fields; edge: the chosen
    value of a parameter of several is its first or last."""
    return [_tuned_row(name, entry) for name, entry in tuned().items()]


def _tuned_row(name: str, entry: dict) -> dict:
    grid = {key: values for key, values in PEERS[name].grid.items() if len(values) > 1}
    chosen = {key: entry["chosen"][key] for key in grid}
    ends = any(value in (grid[key][0], grid[key][-1]) for key, value in chosen.items() if not isinstance(value, str))
    return {
        "title": PEERS[name].title,
        "parameter": ", ".join(grid),
        "chosen": _listed(chosen.values()) + (" (at the edge)" if ends else ""),
        "tried": "; ".join(_listed(values) for values in grid.values()),
        "nmse": entry["nmse"],
        "size": entry["size"],
    }


def _listed(values: Sequence) -> str:
    return ", ".join(value if isinstance(value, str) else f"{value:g}" for value in values)


def learned_rows(profile: str) -> list[dict]:
    """A row a network: title, target and loss of its training, updates, minutes, parameters, and kB of its file."""
    return [_learned_row(name, profile) for name, peer in PEERS.items() if peer.group == "learned" and name in KNOWN]


def _learned_row(name: str, profile: str) -> dict:
    experiment, record, weights = KNOWN[name], training(name, profile), WEIGHTS_DIR / f"{name}.safetensors"
    target = TARGETS[experiment.changes.get("target", "scene")] if experiment.loss != "sure" else "the noise's σ alone"
    ran = {"updates": record.run["updates"], "minutes": record.run["seconds"] / 60} if record else {}
    size = {"size": weights.stat().st_size / 1000} if weights.exists() else {}
    about = {"title": PEERS[name].title, "target": target, "loss": f"`{experiment.loss}`"}
    return about | ran | size | {"parameters": parameters(name)}


def not_run() -> str:
    """Which peers can't run here and how to change that, MyST, in a paragraph; empty where all can."""
    missing = {name: why for name in PEERS if (why := obstacle(name))}
    untrained = [name for name in missing if name in KNOWN]
    parts = [why for name, why in missing.items() if name not in untrained]
    if untrained:
        titles, commands = (PEERS[name].title for name in untrained), (f"`{command(name)}`" for name in untrained)
        parts.append(f"No weights: {', '.join(titles)}. To obtain: {', '.join(commands)}, then `astrounet publish`.")
    return " ".join(parts)
