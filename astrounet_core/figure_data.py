"""The numbers that a figure draws, taken from the figure itself: lines, points and bars as rows, images as arrays.

One file a figure: CSV, or FITS with an extension for every panel where there are images.
"""

import csv
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table
from matplotlib.axes import Axes
from matplotlib.collections import FillBetweenPolyCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter

from .provenance import replacing

LARGE = 100_000
"""Bytes from which an image is compressed: Rice's method, in steps of a quarter of its noise, as `fpack` does."""

HEAD = ("panel", "series", "drawn", "x_axis", "x", "x_low", "x_high", "y_axis", "y", "y_low", "y_high")
SPELT = str.maketrans({"\N{MINUS SIGN}": "-", "σ": "sigma", "×": "x", "″": "arcsec", "–": "-", "Δ": "Delta"})
"""How FITS, which is ASCII, spells what titles say."""


@dataclass(frozen=True)
class Series:
    """What one artist shows: x, y (N,), and where it has errors or a band x_low, x_high, y_low, y_high (N,)."""

    ax: Axes
    label: str
    drawn: str
    colour: str
    x: np.ndarray
    y: np.ndarray
    limits: dict[str, np.ndarray] = field(default_factory=dict)


def panels(fig: Figure) -> dict[str, Axes]:
    """{name: axes} of all panels but colour bars. A panel's name is its title, else its label, else its number."""
    found = {}
    for number, ax in enumerate((ax for ax in fig.axes if ax.get_label() != "<colorbar>"), 1):
        name = plain(ax.get_title() or ax.get_ylabel() or f"panel {number}")
        found[f"{name} ({number})" if name in found else name] = ax
    return found


def images(fig: Figure) -> dict[str, np.ndarray]:
    """{panel: image (H, W) float32}; what is masked is NaN."""
    shown = {name: ax.images[0].get_array() for name, ax in panels(fig).items() if ax.images}
    return {name: np.ma.filled(np.ma.asarray(image, dtype=np.float32), np.nan) for name, image in shown.items()}


def series(ax: Axes) -> list[Series]:
    """Everything that is drawn in data coordinates; on an image only what has a label, so no scale bar.

    Without a label, but of the colour of one that has it, a series is ``<label>, single values``.
    """
    found = [one for one in _artists(ax) if one.x.size]
    names = {one.colour: one.label for one in reversed(found) if one.label}
    labels = [one.label or (f"{names[one.colour]}, single values" if one.colour in names else "") for one in found]
    named = [replace(one, label=label) for one, label in zip(found, labels, strict=True)]
    return [one for one in named if one.label or not ax.images]


def rows(fig: Figure) -> list[dict]:
    """A row a point: panel, series, how it is drawn, names of the axes, x, y and their limits where they have any."""
    return [row for name, ax in panels(fig).items() for one in series(ax) for row in _rows(name, one)]


def save(fig: Figure, stem: Path) -> Path | None:
    """Write what the figure draws as ``stem``.csv or, with images, ``stem``.fits; None for a drawing without numbers.

    Where all numbers are missing, since nothing was run, the file has its head only.
    """
    pictures, points = images(fig), rows(fig)
    if not pictures and not any(series(ax) for ax in panels(fig).values()):
        return None
    path = Path(f"{stem}.{'fits' if pictures else 'csv'}")
    with replacing(path) as beside:
        if pictures:
            _write_fits(beside, pictures, points)
        else:
            with open(beside, "w", newline="") as stream:
                writer = csv.DictWriter(stream, _columns(points), extrasaction="ignore")
                writer.writeheader()
                writer.writerows(points)
    return path


def tick_names(ax: Axes) -> dict[int, str]:
    """{place: name} of a vertical axis that has names for ticks; empty where it has numbers."""
    places, names = ax.get_yticks(), ax.yaxis.get_major_formatter()
    if not isinstance(ax.yaxis.get_major_locator(), FixedLocator) or not isinstance(names, FuncFormatter):
        return {}
    return dict(zip(map(round, places), map(plain, names.format_ticks(places)), strict=True))


def axis_names(ax: Axes) -> tuple[str, str]:
    """What x and y are; a panel that doesn't name its y has that of the first one that does."""
    others = (one.get_ylabel() for one in panels(ax.figure).values())
    return plain(ax.get_xlabel()), plain(ax.get_ylabel() or next(filter(None, others), ""))


def plain(text: str) -> str:
    """Text on one line, and without the marks of TeX."""
    return re.sub(r"\$|\\mathrm|[{}]", "", " ".join(text.split()))


def _artists(ax: Axes) -> Iterator[Series]:
    inside = set()
    for one in ax.containers:
        if isinstance(one, ErrorbarContainer):
            inside.update([one.lines[0], *one.lines[1]])
            yield _with_errors(ax, one)
        elif isinstance(one, BarContainer):
            yield _bars(ax, one)
    for one in ax.lines:
        if one not in inside and all(one.get_transform().contains_branch_seperately(ax.transData)):
            yield _line(ax, one)
    for one in ax.collections:
        if isinstance(one, PathCollection):
            x, y = np.ma.filled(one.get_offsets().astype(float), np.nan).reshape(-1, 2).T
            colours = one.get_facecolor() if len(one.get_facecolor()) else one.get_edgecolor()
            yield Series(ax, _label(one), "points", to_hex(colours[0]), x, y)


def _line(ax: Axes, line: Line2D) -> Series:
    x, y = (np.ma.filled(np.ma.asarray(part, dtype=float), np.nan) for part in line.get_data(orig=False))
    drawn = "points" if line.get_linestyle() in ("None", "") else "line"
    colour = to_hex(line.get_color())
    return Series(ax, _label(line), drawn, colour, x, y, _band(ax, colour, x) if _label(line) else {})


def _band(ax: Axes, colour: str, x: np.ndarray) -> dict[str, np.ndarray]:
    """Limits at x of the band of that colour; none where there is no such band."""
    bands = [one for one in ax.collections if isinstance(one, FillBetweenPolyCollection) and len(one.get_paths())]
    corners = [p.vertices for one in bands if to_hex(one.get_facecolor()[0]) == colour for p in one.get_paths()]
    if not corners:
        return {}
    here, value = np.concatenate(corners).T
    at = [value[here == place] for place in x]
    ends = (("y_low", np.fmin.reduce), ("y_high", np.fmax.reduce))
    return {key: np.array([pick(each, initial=np.nan) for each in at]) for key, pick in ends}


def _with_errors(ax: Axes, container: ErrorbarContainer) -> Series:
    line, _, spreads = container.lines
    limits = {}
    for axis, spread in zip("x" * container.has_xerr + "y" * container.has_yerr, spreads, strict=True):
        ends = [np.reshape(each, (-1, 2))[:, "xy".index(axis)] for each in spread.get_segments()]
        both = [(min(each), max(each)) if len(each) == 2 and np.ptp(each) else (np.nan, np.nan) for each in ends]
        limits |= dict(zip((f"{axis}_low", f"{axis}_high"), np.array(both).T, strict=True))
    return replace(_line(ax, line), label=_label(container), limits=limits)


def _bars(ax: Axes, container: BarContainer) -> Series:
    """Bars as points in the middle of their ends; their limits are the edges."""
    boxes = np.array([(each.get_x(), each.get_y(), each.get_width(), each.get_height()) for each in container])
    x, y, width, height = boxes.T
    about = ax, _label(container), "bars", to_hex(container[0].get_facecolor())
    if container.orientation == "horizontal":
        return Series(*about, x + width, y + height / 2, {"y_low": y, "y_high": y + height})
    return Series(*about, x + width / 2, y + height, {"x_low": x, "x_high": x + width})


def _label(artist) -> str:
    label = str(artist.get_label() or "")
    return "" if label.startswith("_") else plain(label)


def _rows(panel: str, one: Series) -> Iterator[dict]:
    names, axes = tick_names(one.ax), dict(zip(("x_axis", "y_axis"), axis_names(one.ax), strict=True))
    about = {"panel": panel, "series": one.label, "drawn": one.drawn} | axes
    for index in np.flatnonzero(np.isfinite(one.x) & np.isfinite(one.y)):
        numbers = {"x": one.x[index], "y": one.y[index]} | {key: each[index] for key, each in one.limits.items()}
        row = about | {key: float(f"{value:.7g}") for key, value in numbers.items() if np.isfinite(value)}
        yield row | ({"y": names[round(row["y"])]} if round(row["y"]) in names else {})


def _columns(points: list[dict]) -> list[str]:
    """The columns of `HEAD` in which any row has something."""
    return [key for key in HEAD if any(row.get(key, "") != "" for row in points)] or list(HEAD)


def _write_fits(path: Path, pictures: dict[str, np.ndarray], points: list[dict]) -> None:
    units: list = [fits.PrimaryHDU()]
    for name, image in pictures.items():
        many = {"compression_type": "RICE_1", "quantize_level": 4, "quantize_method": 1, "dither_seed": 1}
        make, options = (fits.CompImageHDU, many) if image.nbytes >= LARGE else (fits.ImageHDU, {})
        units.append(make(image, name=_ascii(name), **options))
    if points:
        columns = {key: [row.get(key, np.nan) for row in points] for key in _columns(points)}
        texts = {key: [_ascii(str(v)) for v in column] for key, column in columns.items() if isinstance(column[0], str)}
        units.append(fits.BinTableHDU(Table(columns | texts), name="POINTS"))
    fits.HDUList(units).writeto(path, output_verify="exception")


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text.translate(SPELT)).encode("ascii", "ignore").decode()
