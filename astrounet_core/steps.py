"""A layer at work, step by step: numbers small enough to check, computed by torch (section 3.1).

Each function returns the `Step` frames of one operation; `step_strip` draws them side by side.
"""

from dataclasses import dataclass

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor
from torch.nn import functional as F

from .style import COLOURS, WIDTH, figure_style

INK = {"empty": "#FFFFFF", "zero": "#F2F2F2", "number": "#CFE8F7"}


@dataclass(frozen=True)
class Step:
    """One step: what is read, what has been written so far (NaN: nothing yet), the windows, and the sum in words.

    A window is (row, column, height, width), in cells.
    """

    read: Tensor
    written: Tensor
    window: tuple[int, int, int, int]
    target: tuple[int, int, int, int]
    words: str


def convolution_steps(kernel: Tensor, image: Tensor, stride: int = 1) -> list[Step]:
    """How a convolution of torch fills its output: kernel (k, l), image (H, W), no padding."""
    output = F.conv2d(image[None, None], kernel[None, None], stride=stride)[0, 0]
    steps = []
    for row, column, written in _one_by_one(output):
        window = (row * stride, column * stride, *kernel.shape)
        words = f"{_products(kernel, _cut(image, window))} = {output[row, column]:g}"
        steps.append(Step(image, written, window, (row, column, 1, 1), words))
    return steps


def pooling_steps(image: Tensor) -> list[Step]:
    """How 2 x 2 max-pooling fills its output: image (H, W) with even sides."""
    output = F.max_pool2d(image[None, None], 2)[0, 0]
    steps = []
    for row, column, written in _one_by_one(output):
        window = (2 * row, 2 * column, 2, 2)
        listed = ", ".join(f"{value:g}" for value in _cut(image, window).flatten().tolist())
        steps.append(Step(image, written, window, (row, column, 1, 1), f"max({listed}) = {output[row, column]:g}"))
    return steps


def transposed_steps(kernel: Tensor, image: Tensor, stride: int = 2) -> list[Step]:
    """How a transposed convolution adds up stamps of its filter: kernel (k, l), image (H, W), no padding."""
    steps, so_far = [], torch.zeros_like(image)
    for row, column, _ in _one_by_one(image):
        so_far[row, column] = image[row, column]
        written = F.conv_transpose2d(so_far[None, None], kernel[None, None], stride=stride)[0, 0]
        target = (row * stride, column * stride, *kernel.shape)
        steps.append(Step(image, written, (row, column, 1, 1), target, f"add {image[row, column]:g} × filter"))
    return steps


def _one_by_one(output: Tensor):
    """(row, column, output filled up to there) for every cell, in reading order."""
    written = torch.full_like(output, torch.nan)
    for row in range(output.shape[0]):
        for column in range(output.shape[1]):
            written[row, column] = output[row, column]
            yield row, column, written.clone()


def _cut(image: Tensor, window: tuple[int, int, int, int]) -> Tensor:
    row, column, height, width = window
    return image[row : row + height, column : column + width]


def _products(kernel: Tensor, values: Tensor) -> str:
    """The sum in words, without the terms in which the filter is zero."""
    pairs = zip(kernel.flatten().tolist(), values.flatten().tolist(), strict=True)
    return " + ".join(f"{weight:g}·{value:g}" for weight, value in pairs if weight)


@figure_style
def step_strip(steps: list[Step], columns: int = 2) -> Figure:
    """Steps as a strip, numbered from 1: at left what is read, at right what is written, the windows in red.

    Raises ValueError for no steps.
    """
    if not steps:
        raise ValueError("there is no step to draw; give at least one.")
    columns = min(columns, len(steps))
    rows = -(-len(steps) // columns)
    (high, wide), (tall, broad) = steps[0].read.shape, steps[0].written.shape
    across, down = wide + broad + 2.4, max(high, tall) + 2.0
    fig = Figure(figsize=(WIDTH, rows * down * WIDTH / columns / across))
    for number, step in enumerate(steps, start=1):
        left, bottom = (number - 1) % columns / columns, 1 - ((number - 1) // columns + 1) / rows
        ax = fig.add_axes((left, bottom, 1 / columns, 1 / rows), label=f"step {number}")
        _draw(ax, step.read, 0.4, step.window)
        _draw(ax, step.written, wide + 2.0, step.target)
        ax.text(wide + 1.2, max(high, tall) / 2, "→", ha="center", va="center", fontsize=16)
        ax.text(0.4, -0.45, f"{number}.  {step.words}", ha="left", va="bottom", fontsize=10)
        ax.set(xlim=(0, across), ylim=(down - 1.4, -1.4), aspect="equal")
        ax.set_axis_off()
    return fig


def _draw(ax: Axes, grid: Tensor, x: float, window: tuple[int, int, int, int]) -> None:
    """Numbers in cells, with a window around some of them."""
    for row, values in enumerate(grid.tolist()):
        for column, value in enumerate(values):
            empty = value != value
            face = INK["empty" if empty else "zero" if value == 0 else "number"]
            ax.add_patch(Rectangle((x + column, row), 1, 1, facecolor=face, edgecolor="#777777", linewidth=0.7))
            text = "" if empty else f"{value:g}"
            ax.text(x + column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=10)
    row, column, height, width = window
    ax.add_patch(Rectangle((x + column, row), width, height, fill=False, edgecolor=COLOURS["red"], linewidth=2.5))
