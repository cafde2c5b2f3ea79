"""Pictures of what goes wrong: worst cases row by row, and stacked residuals of stars."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from .sky import stretch
from .style import figure_style
from .style import panels as make_panels
from .worst_cases import Case

LIMIT = 5.0
"""Of the colours of errors, in units of the input's noise."""


@figure_style
def worst_cases(cases: Sequence[Case]) -> Figure:
    """A row a case: input, truth, output at one asinh stretch, and (output - truth) / sigma; numbered from 1."""
    fig, axes = make_panels(4 * len(cases), 4, (1, 1), extra=0.08)
    for number, case in enumerate(cases):
        row, view = axes[4 * number : 4 * number + 4], case.view
        norm = stretch(view.input, kind="asinh")
        for ax, image in zip(row, (view.input, view.truth, view.output), strict=False):
            ax.imshow(image, norm=norm, cmap="gray")
        drawn = row[3].imshow(view.error, norm=Normalize(-LIMIT, LIMIT), cmap="RdBu_r")
        row[0].set_ylabel(f"{number + 1} · {fill(case.title, 16)}", fontsize=9.5)
    _finish(axes, ("input", "truth", "output", "(output − truth) / σ"))
    fig.colorbar(drawn, ax=axes, label="(output − truth) / σ of the input", **_bar())
    return fig


@figure_style
def residual_stamps(stacks: Mapping[str, Mapping[str, np.ndarray]], limit: float = 0.5) -> Figure:
    """Stacked residuals (input - output) / sigma of stars, {method: {magnitude: (H, W)}}, a row a method, in one colour
    scale from -limit to limit. Raises ValueError for no methods."""
    if not stacks:
        raise ValueError("there is nothing to draw; give at least one method.")
    columns = list(next(iter(stacks.values())))
    fig, axes = make_panels(len(stacks) * len(columns), len(columns), (1, 1), extra=0.08)
    for number, (name, row) in enumerate(stacks.items()):
        for ax, image in zip(axes[number * len(columns) :], row.values(), strict=False):
            drawn = ax.imshow(image, norm=Normalize(-limit, limit), cmap="RdBu_r")
        axes[number * len(columns)].set_ylabel(fill(name, 18))
    _finish(axes, columns)
    fig.colorbar(drawn, ax=axes, label="mean of (input − output) / σ", **_bar())
    return fig


def _finish(axes: Sequence[Axes], titles: Sequence[str]) -> None:
    """Titles over the first row; no ticks, no frames."""
    for ax in axes:
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.spines[:].set_visible(False)
    for ax, title in zip(axes, titles, strict=False):
        ax.set_title(title, fontsize=10.5)


def _bar() -> dict:
    return {"location": "bottom", "shrink": 0.6, "aspect": 40, "pad": 0.01, "extend": "both"}
