"""Numbers in pictures: curves, histograms, errors against flux."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .style import COLOURS, SYMBOLS, WIDTH, figure_style, numbers
from .style import panels as make_panels

MANY = 5
"""Curves whose legend still finds room among them; that of more goes below."""


def running_mean(values, window: int) -> np.ndarray:
    """Mean of each value and the ``window - 1`` before it (fewer at the start): (N,) -> (N,)."""
    total = np.concatenate([[0.0], np.cumsum(np.asarray(values, dtype=float))])
    last = np.arange(1, len(total))
    first = np.maximum(last - window, 0)
    return (total[last] - total[first]) / (last - first)


def binned_percentiles(x, y, edges) -> np.ndarray:
    """Median, 16th and 84th percentile of y in bins of x: (bins, 3); NaN in bins of fewer than three points."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    which = np.digitize(x, edges) - 1
    groups = (y[which == index] for index in range(len(edges) - 1))
    return np.array([np.percentile(group, [50, 16, 84]) if len(group) >= 3 else [np.nan] * 3 for group in groups])


def _axes(series: dict, xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    if not series:
        raise ValueError("there is nothing to draw; give at least one labelled series.")
    fig = Figure(figsize=(WIDTH, 0.65 * WIDTH), layout="constrained")
    ax = fig.subplots()
    ax.set(xlabel=xlabel, ylabel=ylabel)
    return fig, ax


@figure_style
def curves(
    series: dict,
    *,
    xlabel: str,
    ylabel: str,
    window: int = 1,
    logx: bool = False,
    logy: bool = False,
    markers: bool = False,
) -> Figure:
    """Lines, as of a loss against the update (Fig. 5): {label: (x, y) or (x, y, spread)}.

    spread: half the height of a band around the line. window: a running mean over so many points is drawn over the
    faint raw line. Raises ValueError for no series.
    """
    fig, ax = _axes(series, xlabel, ylabel)
    for index, (label, (x, y, *spread)) in enumerate(series.items()):
        y = np.asarray(y, dtype=float)
        marker = SYMBOLS[index % len(SYMBOLS)] if markers else None
        (line,) = ax.plot(x, running_mean(y, window), label=label, marker=marker, zorder=3)
        if window > 1:
            ax.plot(x, y, color=line.get_color(), alpha=0.3, linewidth=0.8, linestyle="-")
        if spread:
            band = np.asarray(spread[0], dtype=float)
            ax.fill_between(x, y - band, y + band, color=line.get_color(), alpha=0.2, linewidth=0)
    ax.set(xscale="log" if logx else "linear", yscale="log" if logy else "linear")
    if len(series) > MANY:
        fig.legend(loc="outside lower center", ncols=2)
    else:
        ax.legend()
    return fig


@figure_style
def histograms(images: dict, *, xlabel: str, limits=None, bins: int = 100, logy: bool = True) -> Figure:
    """Distributions of pixel values over the same bins (Fig. 7): {label: image}.

    limits: lowest and highest value, by default the 0.1th and 99.5th percentile of the first image. Values outside
    and values that are not finite are left out. Raises ValueError for no images.
    """
    fig, ax = _axes(images, xlabel, "pixels per bin")
    low, high = limits or np.nanpercentile(numbers(next(iter(images.values()))), [0.1, 99.5])
    edges = np.linspace(low, high, bins + 1)
    for label, image in images.items():
        counts, _ = np.histogram(numbers(image), edges)
        ax.plot(edges, np.append(counts, counts[-1]), drawstyle="steps-post", label=label)
    ax.set(yscale="log" if logy else "linear", xlim=(low, high))
    ax.legend()
    return fig


@figure_style
def errors_vs_flux(samples: dict, *, xlabel: str, ylabel: str, bins: int = 8) -> Figure:
    """Errors of star fluxes against flux (Fig. 6): {label: (flux, error)}.

    Points, and over logarithmic bins of flux the median with the 16th to 84th percentile (`binned_percentiles`). The
    axis spans the central 98 % of the errors, with a margin. Raises ValueError for no samples and for fluxes <= 0.
    """
    fig, ax = _axes(samples, xlabel, ylabel)
    fluxes = np.concatenate([np.asarray(flux, dtype=float) for flux, _ in samples.values()])
    if not fluxes.size or not (fluxes > 0).all():
        raise ValueError("fluxes on a logarithmic axis must be positive; leave the others out.")
    edges = np.geomspace(fluxes.min(), fluxes.max() * (1 + 1e-9), bins + 1)
    for index, (label, (flux, error)) in enumerate(samples.items()):
        middle, low, high = binned_percentiles(flux, error, edges).T
        centres = np.sqrt(edges[1:] * edges[:-1]) * (edges[1] / edges[0]) ** (0.12 * (index - (len(samples) - 1) / 2))
        symbol = SYMBOLS[index % len(SYMBOLS)]
        bars = ax.errorbar(centres, middle, [middle - low, high - middle], fmt=symbol, capsize=3, label=label, zorder=3)
        ax.scatter(flux, error, s=6, alpha=0.3, color=bars[0].get_color(), linewidths=0)
    low, high = np.percentile(
        np.concatenate([np.asarray(error, dtype=float) for _, error in samples.values()]), [1, 99]
    )
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set(xscale="log", ylim=(min(low, 0) - 0.2 * (high - low), max(high, 0) + 0.2 * (high - low)))
    ax.legend()
    return fig


@figure_style
def densities(panels: dict, *, xlabel: str) -> Figure:
    """Draws beside the law that they should follow: {title: (values, edges, law)}, a panel each.

    Bars: the draws' density over bins between ``edges``; points: law(bin centres), a density. Raises ValueError for
    no panels.
    """
    if not panels:
        raise ValueError("there is nothing to draw; give at least one panel.")
    fig, axes = make_panels(len(panels), None, (1, 1), extra=1.0)
    for ax, (title, (values, edges, law)) in zip(axes, panels.items(), strict=True):
        centres = (edges[1:] + edges[:-1]) / 2
        ax.hist(numbers(values).ravel(), edges, density=True, color=COLOURS["sky"], label="drawn")
        ax.plot(centres, law(centres), "o", color="black", markersize=3, label="law")
        ax.set(title=title, xlabel=xlabel)
    axes[0].set_ylabel("density")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return fig


@figure_style
def dots(labels: list[str], series: dict, *, xlabel: str) -> Figure:
    """Named values with their errors, a line each from top to bottom: {label of the series: (values, errors)}.

    An error is a number, or a pair of them, to the left and to the right. None and NaN leave a gap; a single series
    needs no legend. Raises ValueError where a series has not one value and error for every label.
    """
    fig, ax = _axes(series, xlabel, "")
    fig.set_figheight(1.2 + 0.35 * len(labels))
    _lay_dots(ax, labels, series)
    ax.set_yticks(range(len(labels)), labels)
    if len(series) > 1:
        ax.legend()
    return fig


@figure_style
def dot_panels(labels: list[str], panels: dict, *, zero: bool = False, scales: dict | None = None) -> Figure:
    """`dots` of several quantities side by side: {title: {label of the series: (values, errors)}}, a panel each.

    zero: draw a line at zero. scales: {title: arguments of its `set_xscale`} of panels whose axis isn't linear.
    """
    if not panels:
        raise ValueError("there is nothing to draw; give at least one panel.")
    fig = Figure(figsize=(WIDTH, 1.2 + 0.3 * len(labels)), layout="constrained")
    axes = fig.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for ax, (title, series) in zip(axes, panels.items(), strict=True):
        _lay_dots(ax, labels, series)
        ax.set_title(title, fontsize="small")
        ax.margins(x=0.15)
        if title in (scales or {}):
            ax.set_xscale(**scales[title])
        else:
            ax.xaxis.set_major_locator(MaxNLocator(2))
        if zero:
            ax.axvline(0, color="grey", linewidth=1, zorder=0)
    axes[0].set_yticks(range(len(labels)), labels)
    if len(series) > 1:
        fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(series))
    return fig


def _lay_dots(ax: Axes, labels: list[str], series: dict) -> None:
    if any(len(part) != len(labels) for pair in series.values() for part in pair):
        raise ValueError(f"every series needs {len(labels)} values and errors, one for each label.")
    for index, (name, (values, errors)) in enumerate(series.items()):
        x, spread = (np.array(part, dtype=float) for part in (values, errors))
        y = np.arange(len(labels)) + 0.2 * (index - (len(series) - 1) / 2)
        ax.errorbar(x, y, xerr=np.nan_to_num(spread).T, fmt=SYMBOLS[index % len(SYMBOLS)], capsize=3, label=name)
    ax.set(ylim=(len(labels) - 0.4, -0.6))


@figure_style
def curve_panels(
    panels: dict, *, xlabel: str, ylabel: str, limits: Sequence | None = None, level: float = 0.0
) -> Figure:
    """Lines with bands, side by side: {title: {label: (x, y, low, high)}}, a panel each, None where there is no band.

    limits: of the y-axis; level: where a thin line is drawn across. Raises ValueError for no panels.
    """
    if not panels:
        raise ValueError("there is nothing to draw; give at least one panel.")
    fig, axes = make_panels(len(panels), None, (1, 1), extra=0.8)
    names = list(dict.fromkeys(label for each in panels.values() for label in each))
    for ax, (title, series) in zip(axes, panels.items(), strict=True):
        ax.axhline(level, color="grey", linewidth=1, zorder=0)
        for label, (x, y, *band) in series.items():
            colour, symbol = (each[names.index(label) % len(each)] for each in (list(COLOURS.values()), SYMBOLS))
            ax.plot(x, y, color=colour, marker=symbol, markersize=4, label=label, zorder=3)
            ax.fill_between(x, *np.array(band, float), color=colour, alpha=0.2, linewidth=0)
        ax.set(title=title, xlabel=xlabel, ylim=limits)
        ax.set_ylabel(ylabel if ax.get_subplotspec().is_first_col() else "")
    handles = {label: line for ax in axes for line, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    fig.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=min(3, len(names)))
    return fig


@figure_style
def colour_magnitude_panels(diagram, titles: dict) -> Figure:
    """A panel a method of `colour_magnitude.Diagram`: measured magnitude against colour, and the true sequence.

    titles: method -> title of its panel. Raises ValueError for no methods.
    """
    if not titles:
        raise ValueError("there is nothing to draw; give at least one method.")
    fig, axes = make_panels(len(titles), None, (1, 1), extra=0.8)
    order = np.argsort(diagram.magnitude)
    for ax, (name, title) in zip(axes, titles.items(), strict=True):
        ax.plot(diagram.measured_colour[name], diagram.measured_magnitude[name], ".", markersize=3, label="measured")
        ax.plot(diagram.colour[order], diagram.magnitude[order], color="black", linewidth=1.2, label="true sequence")
        ax.set(title=title, xlabel="F555W − F606W", xlim=(-0.8, 1.6), ylim=(29.0, 19.0))
        ax.set_ylabel("F606W" if ax.get_subplotspec().is_first_col() else "")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig


@figure_style
def strips(panels: dict, marks: dict, *, logarithmic: Sequence[str] = ()) -> Figure:
    """Many values of a few things: {title: {label: values}}, a panel each, a tick for every value.

    marks: {title: {name: {label: value}}}, drawn over them with a symbol for each name. logarithmic: titles of panels
    with such an axis, linear from 0 to about a thousandth of their greatest value. Raises ValueError for no panels.
    """
    if not panels:
        raise ValueError("there is nothing to draw; give at least one panel.")
    labels = list(next(iter(panels.values())))
    fig, axes = make_panels(len(panels), 2, (1, 1.4), extra=0.35 + 0.1 * len(labels))
    names = list(dict.fromkeys(name for each in marks.values() for name in each))
    for ax, (title, rows) in zip(axes, panels.items(), strict=True):
        for y, values in enumerate(rows.values()):
            ax.plot(values, np.full(len(values), y), "|", color="grey", markersize=9, markeredgewidth=0.8, alpha=0.6)
        for index, name in enumerate(names):
            known = marks.get(title, {}).get(name, {})
            ax.plot(
                list(known.values()), [labels.index(label) for label in known], SYMBOLS[index], label=name, zorder=3
            )
        ax.set(title=title, ylim=(len(labels) - 0.4, -0.6))
        ax.set_yticks(range(len(labels)), labels)
        ax.tick_params(labelleft=ax.get_subplotspec().is_first_col())
        if title in logarithmic:
            linear = 10.0 ** np.ceil(np.log10(0.001 * max(max(values, default=1.0) for values in rows.values())))
            ax.set_xscale("symlog", linthresh=linear)
            ax.set_xlim(left=-linear / 2)
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(names), frameon=False)
    return fig
