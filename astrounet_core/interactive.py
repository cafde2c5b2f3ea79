"""Where things lie in a figure's picture, for the book's two scripts: the before/after slider and the explorer.

Places are shares of the picture's width and height from its top left corner, so they hold at any size. The picture
says all there is to say: without JavaScript, and on paper, it stays as it is.
"""

import json

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.transforms import Affine2D, Bbox, Transform

from . import figure_data
from .figure_data import Series
from .tables import number

PAD = 0.06
"""White around a figure, inches."""


def frame(fig: Figure) -> Bbox:
    """Lay the figure out for good, and say which part of it the picture holds, in inches."""
    fig.draw_without_rendering()
    fig.set_layout_engine("none")
    return fig.get_tightbbox().padded(PAD)


def slider(fig: Figure, box: Bbox) -> dict:
    """What `compare.js` needs of a figure whose picture holds ``box`` (`frame`).

    shape: height over width. layers: the panels that have the first one's stretch; they take turns. residuals: the
    others. Each has a title, the place of its image, and of its colour bar. A layer's residual is the only one, or the
    only one whose title names the layer. Raises ValueError for fewer than two layers.
    """
    shown = {name: ax.images[0] for name, ax in figure_data.panels(fig).items() if ax.images}
    stretch = next(iter(shown.values())).norm if shown else None
    layers = [_panel(fig, box, name, image) for name, image in shown.items() if image.norm is stretch]
    residuals = [_panel(fig, box, name, image) for name, image in shown.items() if image.norm is not stretch]
    if len(layers) < 2:
        raise ValueError("a before/after view needs two images at one stretch; give the figure at least two.")
    titles = [one["title"].lower() for one in residuals]
    for layer in layers:
        found = [number for number, title in enumerate(titles) if layer["title"].lower() in title]
        if len(found) == 1 or len(titles) == 1:
            layer["residual"] = (found or [0])[0]
    return {"shape": round(box.height / box.width, 5), "layers": layers, "residuals": residuals}


def explorer(fig: Figure, box: Bbox) -> dict:
    """What `explore.js` needs of a figure whose picture holds ``box`` (`frame`).

    shape: height over width. panels: their places. series: colour, whether a line joins the points, and the points.
    A point has a place, the name by which it is found, a text, and the ends of its error bar. Raises ValueError where
    the figure has no points.
    """
    found = figure_data.panels(fig)
    shown = [_series(_to_shares(fig, box), name, one) for name, ax in found.items() for one in figure_data.series(ax)]
    if not any(one["points"] for one in shown):
        raise ValueError("there is no point to look at in this figure; leave `explore` out.")
    places = [_place(fig, box, ax.get_window_extent()) for ax in found.values()]
    return {"shape": round(box.height / box.width, 5), "panels": places, "series": shown}


def script(kind: str, content: dict) -> str:
    """The data for a script, as an element that shows nothing; no text in it can end it."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return f'<script type="application/json" class="{kind}">{text}</script>'


def _series(to_shares: Transform, panel: str, one: Series) -> dict:
    names = figure_data.tick_names(one.ax)
    place = (one.ax.transData + to_shares).transform
    points = []
    for index in np.flatnonzero(np.isfinite(one.x) & np.isfinite(one.y)):
        x, y = float(one.x[index]), float(one.y[index])
        limits = {key: float(each[index]) for key, each in one.limits.items() if np.isfinite(each[index])}
        ends = [(limits.get(f"x_{side}", x), limits.get(f"y_{side}", y)) for side in ("low", "high")]
        row = names.get(round(y))
        text = _text(one, f"{row}, {one.label}" if row else one.label, x, None if row else y, limits)
        points.append({"at": _round(place((x, y))), "bar": _round(place(ends)), "name": row or one.label})
        points[-1]["text"] = f"{panel}: {text}" if one.ax.get_title() else text
    return {"colour": one.colour, "line": one.drawn == "line" and not names, "points": points}


def _text(one: Series, name: str, x: float, y: float | None, limits: dict[str, float]) -> str:
    """One point in words; y is None on an axis of names."""
    across, upward = figure_data.axis_names(one.ax)
    axis, value, quantity = ("x", x, across) if y is None else ("y", y, upward)
    interval = tuple(limits.get(f"{axis}_{side}") for side in ("low", "high"))
    at = "" if y is None else f"at {across} {number(x, '.4g')}"
    return " ".join(filter(None, [f"{name}:", quantity, number(value, ".4g", interval=interval), at]))


def _panel(fig: Figure, box: Bbox, title: str, image: AxesImage) -> dict:
    bar = {"bar": _place(fig, box, image.colorbar.ax.get_tightbbox())} if image.colorbar else {}
    return {"title": title, "box": _place(fig, box, image.get_window_extent())} | bar


def _place(fig: Figure, box: Bbox, extent: Bbox) -> list[float]:
    """Left, top, right and bottom of a part of the figure that is given in its pixels."""
    left, bottom, right, top = _round(extent.transformed(_to_shares(fig, box)).extents)
    return [left, top, right, bottom]


def _to_shares(fig: Figure, box: Bbox) -> Transform:
    """From the figure's pixels to shares of the picture."""
    flipped = Affine2D().translate(-box.x0, -box.y1).scale(1 / box.width, -1 / box.height)
    return fig.dpi_scale_trans.inverted() + flipped


def _round(numbers) -> list:
    return np.round(np.asarray(numbers, dtype=float), 4).ravel().tolist()
