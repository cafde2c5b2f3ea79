"""How figures look: colours and marks that can be told apart without colour vision, text readable on a phone."""

from collections.abc import Callable
from functools import wraps

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = {
    "blue": "#0072B2",
    "red": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "black": "#000000",
}
"""Okabe and Ito's palette for all kinds of colour vision."""

SYMBOLS = "os^Dv<>"

WIDTH = 6.5
"""Figure width in inches: text of 11 points stays readable when the figure shrinks to a phone."""

STYLE = {
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.labelsize": 11,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": 10,
    "axes.prop_cycle": cycler(color=list(COLOURS.values())) + cycler(linestyle=["-", "--", "-.", ":", "-", "--", "-."]),
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.8,
    "image.origin": "lower",
    "image.interpolation": "nearest",
    "axes.formatter.min_exponent": 3,
}


def figure_style(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Decorator of a drawing function: the project's style inside, the function's name as the figure's label."""

    @wraps(draw)
    def styled(*arguments, **options) -> Figure:
        with mpl.rc_context(STYLE):
            fig = draw(*arguments, **options)
        fig.set_label(draw.__name__)
        return fig

    return styled


def numbers(image) -> np.ndarray:
    """Image as an array of floats; dimensions of length one, such as a tensor's batch and channel, are dropped."""
    return np.squeeze(np.asarray(image, dtype=float))


def panels(count: int, columns: int | None, shape: tuple[int, int], extra: float = 1.05) -> tuple[Figure, list[Axes]]:
    """A figure of ``count`` panels for images of ``shape``, ``extra`` inches a row for titles and bars.

    Two columns, three for exactly three panels, unless ``columns`` says otherwise.
    """
    columns = min(columns or (3 if count == 3 else 2), count)
    rows = -(-count // columns)
    height = WIDTH / columns * min(shape[0] / shape[1], 1.5) + extra
    fig = Figure(figsize=(WIDTH, rows * height), layout="compressed")
    axes = list(fig.subplots(rows, columns, squeeze=False).flat)
    for ax in axes[count:]:
        ax.remove()
    return fig, axes[:count]
