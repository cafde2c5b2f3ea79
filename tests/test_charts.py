"""Chart styles: what is drawn is what was given."""

import numpy as np
import pytest

from astrounet_core import figures


def test_densities_draws_the_histogram_and_the_law():
    values, edges = np.array([0.0, 1, 1, 2]), np.arange(-0.5, 3)
    fig = figures.densities({"counts": (values, edges, lambda x: x / 4), "again": (values, edges, np.cos)}, xlabel="n")
    first, second = fig.axes
    assert [bar.get_height() for bar in first.patches] == [0.25, 0.5, 0.25]
    assert first.lines[0].get_xydata().tolist() == [[0, 0], [1, 0.25], [2, 0.5]]
    assert np.allclose(second.lines[0].get_ydata(), np.cos([0, 1, 2]))
    assert (first.get_title(), first.get_xlabel(), second.get_title()) == ("counts", "n", "again")


def test_densities_of_nothing_is_refused():
    with pytest.raises(ValueError, match="nothing to draw"):
        figures.densities({}, xlabel="n")


def test_dots_are_where_the_values_are():
    fig = figures.dots(["a", "b"], {"x": ([1.0, 2.0], [0.1, None]), "y": ([None, 4.0], [0.0, 0.5])}, xlabel="v")
    (ax,) = fig.axes
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b"]
    first, second = (container.lines[0].get_xdata() for container in ax.containers)
    assert first.tolist() == [1, 2] and np.isnan(second[0]) and second[1] == 4
    assert ax.yaxis_inverted()


def test_dot_panels_share_their_labels():
    one, other = {"x": ([1.0, 2.0], [0.1, 0.1])}, {"x": ([7.0, None], [0.0, 0.0])}
    fig = figures.dot_panels(["a", "b"], {"first": one, "second": other})
    assert [ax.get_title() for ax in fig.axes] == ["first", "second"]
    assert fig.axes[1].containers[0].lines[0].get_xdata()[0] == 7
    assert [text.get_text() for text in fig.axes[0].get_yticklabels()] == ["a", "b"]
    with pytest.raises(ValueError, match="at least one panel"):
        figures.dot_panels(["a"], {})


def test_dot_panels_with_their_own_scales_and_lopsided_errors():
    series = {"x": ([1.0, 100.0], [(0.5, 2.0), (0.0, 0.0)])}
    fig = figures.dot_panels(["a", "b"], {"first": series, "second": series}, scales={"second": {"value": "log"}})
    assert [ax.get_xscale() for ax in fig.axes] == ["linear", "log"]
    (bars,) = fig.axes[0].containers[0].lines[2]
    assert bars.get_segments()[0][:, 0].tolist() == [0.5, 3.0]


def test_dots_without_a_value_for_each_label_are_refused():
    with pytest.raises(ValueError, match="one for each label"):
        figures.dots(["a", "b"], {"x": ([1.0], [0.1])}, xlabel="v")


def test_strips_draw_every_value_and_mark_where_it_belongs():
    panels = {"p": {"a": [1.0, 2.0], "b": [3.0]}, "q": {"a": [], "b": [0.001, 5.0]}}
    fig = figures.strips(panels, {"p": {"ours": {"b": 3.0}}}, logarithmic=["q"])
    first, second = fig.axes
    assert [line.get_xydata().tolist() for line in first.lines] == [[[1, 0], [2, 0]], [[3, 1]], [[3, 1]]]
    assert [text.get_text() for text in first.get_yticklabels()] == ["a", "b"] and first.yaxis_inverted()
    assert second.get_xscale() == "symlog" and first.get_xscale() == "linear"


def test_strips_of_nothing_are_refused():
    with pytest.raises(ValueError, match="nothing to draw"):
        figures.strips({}, {})
