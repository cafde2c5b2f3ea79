"""The sky in pictures: one shared stretch, residuals symmetric about zero, a scale bar, stars marked by shape."""

import numpy as np
from astropy.visualization import AsinhStretch, ImageNormalize, ZScaleInterval
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import MaxNLocator

from .style import COLOURS, figure_style, numbers
from .style import panels as make_panels

MARKS = {
    "found": {"marker": "o", "edgecolors": COLOURS["sky"], "s": 90},
    "missed": {"marker": "s", "edgecolors": COLOURS["orange"], "s": 90},
    "false": {"marker": "D", "edgecolors": COLOURS["purple"], "s": 70},
}
"""How stars are marked (Fig. 8): in the reference and in the image, in the reference only, in the image only."""

BAR_LENGTHS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def stretch(image, reference=None, kind: str = "linear") -> Normalize:
    """Brightness scale of an image, from ``reference`` where that is given, so that several images share one.

    ``linear``: astropy's ZScale limits. ``asinh``: from the lower ZScale limit to the 99.9th percentile, bent so that
    faint and bright structure both show. ``log``: five decades down from the maximum, for PSFs. Pixels that are not
    finite are left out. Raises ValueError for no finite pixel, an unknown kind, or a log of nothing positive.
    """
    pixels = _finite(image if reference is None else reference)
    low, high = ZScaleInterval().get_limits(pixels)
    if kind == "linear":
        return Normalize(low, high if high > low else low + 1)
    if kind == "asinh":
        bright = max(np.percentile(pixels, 99.9), high)
        return ImageNormalize(vmin=low, vmax=bright if bright > low else low + 1, stretch=AsinhStretch(0.02))
    if kind == "log" and pixels.max() > 0:
        return LogNorm(1e-5 * pixels.max(), pixels.max(), clip=True)
    raise ValueError(f"no {kind!r} stretch for this image; choose linear, asinh, or log for an image with light in it.")


def symmetric(image) -> Normalize:
    """Scale of a residual: minus to plus five robust standard deviations (1.4826 MAD), or the largest value."""
    pixels = _finite(image)
    limit = 5 * 1.4826 * np.median(np.abs(pixels - np.median(pixels))) or np.abs(pixels).max() or 1.0
    return Normalize(-limit, limit)


def _finite(image) -> np.ndarray:
    pixels = numbers(image)
    pixels = pixels[np.isfinite(pixels)]
    if not pixels.size:
        raise ValueError("an image without a finite pixel cannot be shown; give one that has some.")
    return pixels


@figure_style
def sky_panels(
    panels,
    *,
    stretch_from: int = 0,
    residual=None,
    kind: str = "linear",
    pixel_scale: float = 0.04,
    columns: int | None = None,
    unit: str = "e⁻/s",
    marks: dict | None = None,
) -> Figure:
    """Images of the sky side by side at one stretch, and residuals at one symmetric stretch of their own.

    panels: pairs (title, image (H, W)), e-/s; stretch_from: the panel whose `stretch` all share. residual: a pair or a
    list of pairs, at the `symmetric` stretch of the first. pixel_scale, arcsec: for the scale bar. marks: for a panel's
    index, {"found" | "missed" | "false": (x, y)} as in the paper's Fig. 8. Raises ValueError for no panels.
    """
    if not panels:
        raise ValueError("there is nothing to show; give at least one pair (title, image).")
    residuals = [residual] if isinstance(residual, tuple) else list(residual or [])
    shared = stretch(panels[stretch_from][1], kind=kind)
    fig, axes = make_panels(len(panels) + len(residuals), columns, numbers(panels[0][1]).shape)
    for ax, (title, image) in zip(axes, panels, strict=False):
        _show(ax, title, image, shared, "gray", unit)
    for ax, (title, image) in zip(axes[len(panels) :], residuals, strict=True):
        _show(ax, title, image, symmetric(residuals[0][1]), "RdBu_r", unit)
    for index, stars in (marks or {}).items():
        _mark_stars(axes[index], stars)
    _scale_bar(axes[0], pixel_scale)
    return fig


@figure_style
def feature_maps(maps, titles: list[str], *, columns: int | None = None) -> Figure:
    """Feature maps of a network, each with its own colour bar (Fig. 11): maps (H, W), no unit.

    Each scale spans the 1st to the 99th percentile. Raises ValueError where maps and titles differ in number.
    """
    if not len(maps) or len(maps) != len(titles):
        raise ValueError(f"{len(maps)} feature maps with {len(titles)} titles; give every map one title.")
    fig, axes = make_panels(len(maps), columns, numbers(maps[0]).shape)
    for ax, feature, title in zip(axes, maps, titles, strict=True):
        low, high = np.percentile(_finite(feature), [1, 99])
        _show(ax, title, feature, Normalize(low, high if high > low else low + 1), "cividis", "")
    return fig


def _show(ax: Axes, title: str, image, norm: Normalize, cmap: str, unit: str) -> None:
    """One image with its title and a colour bar below."""
    drawn = ax.imshow(numbers(image), norm=norm, cmap=cmap)
    ax.set_title(title)
    ax.set_axis_off()
    bar = ax.figure.colorbar(
        drawn, ax=ax, label=unit, location="bottom", shrink=0.9, aspect=25, pad=0.02, extend="both"
    )
    if type(norm) is Normalize:
        bar.locator = MaxNLocator(3, steps=[1, 2, 5, 10])
    if isinstance(norm, ImageNormalize):
        ticks = np.asarray(norm.inverse(np.array([0.05, 0.5, 0.95])))
        bar.set_ticks(ticks, labels=[f"{tick:.2g}".replace("-", "\N{MINUS SIGN}") for tick in ticks])


def _scale_bar(ax: Axes, pixel_scale: float) -> None:
    """A bar of a round number of arcseconds, at most a quarter of the panel, in the lower left corner."""
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    longest = 0.25 * (right - left) * pixel_scale
    length = max((step for step in BAR_LENGTHS if step <= longest), default=BAR_LENGTHS[0])
    x, y = left + 0.05 * (right - left), bottom + 0.05 * (top - bottom)
    outline = [Stroke(linewidth=4.5, foreground="black"), Normal()]
    ax.plot([x, x + length / pixel_scale], [y, y], color="white", linestyle="-", linewidth=2.5, path_effects=outline)
    label = ax.text(x, y + 0.02 * (top - bottom), f"{length:g}″", color="white", va="bottom")
    label.set_path_effects([Stroke(linewidth=2.5, foreground="black"), Normal()])


def _mark_stars(ax: Axes, stars: dict) -> None:
    """Draw found, missed and false stars, each with its own shape, and a legend with their numbers."""
    for name, (x, y) in stars.items():
        ax.scatter(x, y, facecolors="none", linewidths=1.5, label=f"{name}: {len(x)}", **MARKS[name])
    ax.legend(loc="upper right", framealpha=0.9, handletextpad=0.2, borderpad=0.3)
