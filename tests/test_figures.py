"""Pictures of numbers and of the sky: what is drawn equals what was given."""

import numpy as np
import pytest
import torch
from astropy.visualization import ZScaleInterval
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.colors import to_hex, to_rgb

from astrounet_core import charts, figures, sky, style

RNG = np.random.default_rng(1)
SKY = RNG.normal(0.01, 0.002, (80, 90)) + np.where(RNG.random((80, 90)) > 0.99, 1.0, 0.0)


def texts(fig) -> list[str]:
    return [text.get_text() for ax in fig.axes for text in ax.texts]


def test_stretch_is_zscale_of_the_reference():
    low, high = ZScaleInterval().get_limits(SKY)
    for image, reference in ((SKY, None), (SKY * 100, SKY), (torch.tensor(SKY)[None, None], None)):
        norm = figures.stretch(image, reference)
        assert (norm.vmin, norm.vmax) == pytest.approx((low, high))


def test_stretch_leaves_out_pixels_that_are_not_finite():
    holes = SKY.copy()
    holes[::7, ::5] = np.nan
    holes[3, 3] = np.inf
    low, high = ZScaleInterval().get_limits(holes[np.isfinite(holes)])
    norm = figures.stretch(holes)
    assert (norm.vmin, norm.vmax) == pytest.approx((low, high))


def test_asinh_and_log_stretches_span_the_light():
    bent = figures.stretch(SKY, kind="asinh")
    assert bent.vmin == pytest.approx(ZScaleInterval().get_limits(SKY)[0])
    assert bent.vmax == pytest.approx(np.percentile(SKY, 99.9))
    decades = figures.stretch(SKY, kind="log")
    assert decades.vmax / decades.vmin == pytest.approx(1e5)
    assert decades.vmax == pytest.approx(SKY.max())


@pytest.mark.parametrize("kind", ["linear", "asinh"])
def test_a_flat_image_can_be_shown(kind):
    norm = figures.stretch(np.full((20, 20), 3.0), kind=kind)
    assert norm.vmin < norm.vmax


def test_stretch_refuses_what_it_cannot_scale():
    with pytest.raises(ValueError, match="without a finite pixel"):
        figures.stretch(np.full((4, 4), np.nan))
    with pytest.raises(ValueError, match="no 'sqrt' stretch"):
        figures.stretch(SKY, kind="sqrt")
    with pytest.raises(ValueError, match="light in it"):
        figures.stretch(-SKY - 2, kind="log")


@given(arrays(float, (6, 7), elements=st.floats(-1e6, 1e6)))
def test_residual_scale_is_symmetric_and_not_empty(image):
    norm = sky.symmetric(image)
    assert norm.vmax > 0
    assert norm.vmin == -norm.vmax
    assert norm(0.0) == pytest.approx(0.5)


def test_residual_scale_is_five_robust_sigmas():
    noise = np.random.default_rng(3).normal(0, 0.7, (400, 400))
    assert sky.symmetric(noise).vmax == pytest.approx(3.5, rel=0.02)


def test_sky_panels_share_one_stretch_and_the_residual_has_its_own():
    fig = figures.sky_panels([("a", SKY), ("b", 3 * SKY)], residual=("c", SKY - 3 * SKY), stretch_from=1)
    drawn = [ax.images[0] for ax in fig.axes if ax.images]
    assert [ax.get_title() for ax in fig.axes if ax.images] == ["a", "b", "c"]
    low, high = ZScaleInterval().get_limits(3 * SKY)
    for image in drawn[:2]:
        assert (image.norm.vmin, image.norm.vmax) == pytest.approx((low, high))
    assert drawn[2].norm.vmin == -drawn[2].norm.vmax
    assert [image.get_cmap().name for image in drawn] == ["gray", "gray", "RdBu_r"]
    np.testing.assert_allclose(drawn[1].get_array(), 3 * SKY)
    labels = [bar.get_xlabel() for bar in fig.axes if not bar.images]
    assert labels == ["e⁻/s"] * 3
    assert fig.get_label() == "sky_panels"


@pytest.mark.parametrize(("scale", "width", "length"), [(0.04, 90, "0.5″"), (0.04, 512, "5″"), (1.0, 512, "100″")])
def test_scale_bar_is_as_long_as_it_says(scale, width, length):
    fig = figures.sky_panels([("a", np.resize(SKY, (60, width)))], pixel_scale=scale)
    assert texts(fig) == [length]
    start, end = fig.axes[0].lines[0].get_xdata()
    assert (end - start) * scale == pytest.approx(float(length[:-1]))
    assert end - start <= 0.25 * width


def test_marks_lie_on_the_stars_and_differ_in_shape_and_colour():
    stars = {"found": ([1, 2], [3, 4]), "missed": ([5], [6]), "false": ([7, 8, 9], [9, 8, 7])}
    fig = figures.sky_panels([("truth", SKY), ("output", SKY)], marks={1: stars})
    assert not fig.axes[0].collections
    drawn = fig.axes[1].collections
    for (x, y), marks in zip(stars.values(), drawn, strict=True):
        np.testing.assert_allclose(marks.get_offsets(), np.transpose([x, y]))
    legend = [text.get_text() for text in fig.axes[1].get_legend().get_texts()]
    assert legend == ["found: 2", "missed: 1", "false: 3"]
    shapes = [marks.get_paths()[0].vertices for marks in drawn]
    assert all(a.shape != b.shape or not np.allclose(a, b) for i, a in enumerate(shapes) for b in shapes[:i])
    assert len({to_hex(marks.get_edgecolor()[0]) for marks in drawn}) == 3


def test_nothing_to_show_is_said():
    with pytest.raises(ValueError, match="nothing to show"):
        figures.sky_panels([])
    with pytest.raises(ValueError, match="2 feature maps with 1 titles"):
        figures.feature_maps([SKY, SKY], ["a"])
    for draw in (figures.curves, figures.errors_vs_flux):
        with pytest.raises(ValueError, match="nothing to draw"):
            draw({}, xlabel="x", ylabel="y")


def test_feature_maps_each_have_their_own_bar():
    fig = figures.feature_maps([SKY, torch.tensor(100 * SKY)], ["conv 2", "conv 4"])
    norms = [ax.images[0].norm for ax in fig.axes if ax.images]
    assert (norms[1].vmin, norms[1].vmax) == pytest.approx((100 * norms[0].vmin, 100 * norms[0].vmax))
    assert len(fig.axes) == 4


@given(arrays(float, st.integers(1, 30), elements=st.floats(-100, 100)), st.integers(1, 40))
def test_running_mean_is_the_mean_of_the_last_values(values, window):
    expected = [values[max(0, i - window + 1) : i + 1].mean() for i in range(len(values))]
    np.testing.assert_allclose(charts.running_mean(values, window), expected, atol=1e-9)


def test_curves_draw_the_numbers_the_mean_and_the_band():
    x, y, spread = np.arange(10), np.arange(10) ** 2.0, np.full(10, 0.5)
    fig = figures.curves({"a": (x, y), "b": (x, 2 * y, spread)}, xlabel="update", ylabel="loss", window=3)
    (ax,) = fig.axes
    mean_a, raw_a, mean_b, raw_b = ax.lines
    np.testing.assert_allclose(raw_a.get_ydata(), y)
    np.testing.assert_allclose(raw_b.get_ydata(), 2 * y)
    np.testing.assert_allclose(mean_a.get_ydata()[2:], (y[2:] + y[1:-1] + y[:-2]) / 3)
    assert ax.collections[0].get_datalim(ax.transData).y1 == pytest.approx(162.5)
    assert (mean_a.get_linestyle(), mean_a.get_color()) != (mean_b.get_linestyle(), mean_b.get_color())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]


def test_histograms_count_pixels_over_shared_bins():
    fig = figures.histograms({"a": SKY, "b": SKY + 0.001}, xlabel="e⁻/s", limits=(0.0, 0.02), bins=10, logy=False)
    for line, image in zip(fig.axes[0].lines, (SKY, SKY + 0.001), strict=True):
        np.testing.assert_allclose(line.get_ydata()[:-1], np.histogram(image, bins=10, range=(0, 0.02))[0])
        np.testing.assert_allclose(line.get_xdata(), np.linspace(0, 0.02, 11))


def test_binned_percentiles_of_a_known_sample():
    x = np.repeat([1.5, 2.5, 3.5], [101, 2, 5])
    y = np.concatenate([np.arange(101), [1, 2], np.full(5, 7)])
    found = charts.binned_percentiles(x, y, [1, 2, 3, 4])
    np.testing.assert_allclose(found, [[50, 16, 84], [np.nan] * 3, [7, 7, 7]])


def test_errors_vs_flux_shows_every_star_and_its_median():
    flux = np.geomspace(1, 1000, 90)
    fig = figures.errors_vs_flux({"a": (flux, np.full(90, 3.0))}, xlabel="flux", ylabel="error", bins=3)
    (ax,) = fig.axes
    assert ax.get_xscale() == "log"
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [3.0, 3.0, 3.0])
    assert len(ax.collections[-1].get_offsets()) == 90
    with pytest.raises(ValueError, match="must be positive"):
        figures.errors_vs_flux({"a": ([0.0, 1.0], [1, 1])}, xlabel="x", ylabel="y")


def test_style_ends_with_the_figure_and_text_is_readable():
    import matplotlib as mpl

    before = mpl.rcParams["font.size"], mpl.rcParams["axes.grid"]
    fig = figures.curves({"a": ([0, 1], [0, 1])}, xlabel="x", ylabel="y")
    assert (mpl.rcParams["font.size"], mpl.rcParams["axes.grid"]) == before
    (ax,) = fig.axes
    labels = [ax.xaxis.label, ax.yaxis.label, *ax.get_xticklabels(), *ax.get_legend().get_texts()]
    assert min(text.get_fontsize() for text in labels) >= 9
    assert fig.get_figwidth() <= 9


def test_palette_differs_in_lightness_or_line_style():
    lightness = [np.dot(to_rgb(colour), (0.2126, 0.7152, 0.0722)) for colour in style.COLOURS.values()]
    lines = [entry["linestyle"] for entry in style.STYLE["axes.prop_cycle"]]
    for i in range(len(lines)):
        for j in range(i):
            assert lines[i] != lines[j] or abs(lightness[i] - lightness[j]) > 0.1
