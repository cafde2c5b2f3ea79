"""The numbers of a figure come back from the file beside it: lines, bands, points, error bars, histograms, images."""

import csv

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from matplotlib.figure import Figure

from astrounet_core import diagrams, figure_data
from astrounet_core.figures import curve_panels, curves, densities, dot_panels, errors_vs_flux, sky_panels, strips
from astrounet_core.unet import UNet

RNG = np.random.default_rng(5)
X = np.array([1.0, 2.0, 4.0])


def saved(fig: Figure, tmp_path) -> list[dict]:
    """The rows of the CSV file that belongs to a figure."""
    path = figure_data.save(fig, tmp_path / "page-fig")
    assert path == tmp_path / "page-fig.csv"
    with open(path, newline="") as stream:
        return list(csv.DictReader(stream))


def column(rows: list[dict], key: str, **having: str) -> list:
    return [row[key] for row in rows if all(row[name] == value for name, value in having.items())]


def test_lines_come_back_with_their_axes(tmp_path):
    rows = saved(curves({"a": (X, X**2), "b": (X, -X)}, xlabel="time [s]", ylabel="$L_1$", window=1), tmp_path)
    assert list(rows[0]) == ["panel", "series", "drawn", "x_axis", "x", "y_axis", "y"]
    assert [float(y) for y in column(rows, "y", series="a")] == [1.0, 4.0, 16.0]
    assert column(rows, "x", series="b") == ["1.0", "2.0", "4.0"]
    assert {(row["x_axis"], row["y_axis"], row["drawn"]) for row in rows} == {("time [s]", "L_1", "line")}


def test_the_raw_line_under_a_mean_is_told_from_it(tmp_path):
    rows = saved(curves({"a": (X, [2, 4, 6])}, xlabel="x", ylabel="y", window=2), tmp_path)
    assert [float(y) for y in column(rows, "y", series="a")] == [2, 3, 5]
    assert [float(y) for y in column(rows, "y", series="a, single values")] == [2, 4, 6]


def test_bands_are_limits_of_their_line(tmp_path):
    panels = {"left": {"a": (X, X, X - 0.5, X + 0.25)}, "right": {"a": (X, X, None, None), "b": (X, X, X, X + 1)}}
    rows = saved(curve_panels(panels, xlabel="x", ylabel="y"), tmp_path)
    assert [float(y) for y in column(rows, "y_low", panel="left")] == [0.5, 1.5, 3.5]
    assert [float(y) for y in column(rows, "y_high", panel="left")] == [1.25, 2.25, 4.25]
    assert column(rows, "y_low", panel="right", series="a") == ["", "", ""]
    assert [float(y) for y in column(rows, "y_high", panel="right", series="b")] == [2, 3, 5]
    assert set(column(rows, "y_axis", panel="right")) == {"y"}  # named at the left only


def test_dots_have_the_names_of_their_rows_and_their_errors(tmp_path):
    panels = {head: {"ours": ([1, None, -3], [0.5, None, None])} for head in ("bias", "scatter")}
    rows = saved(dot_panels(["$L_1$ loss", "gone", "blur"], panels), tmp_path)
    assert [(row["panel"], row["y"]) for row in rows] == [
        (head, name) for head in ("bias", "scatter") for name in ("L_1 loss", "blur")
    ]
    assert column(rows, "x", y="blur") == ["-3.0", "-3.0"]
    assert column(rows, "x_low", panel="bias") == ["0.5", ""] and column(rows, "x_high", y="L_1 loss") == ["1.5", "1.5"]


def test_strips_have_their_names_in_every_panel(tmp_path):
    values = {title: {"net": [1, 2], "blur": [3]} for title in ("PSNR", "SSIM")}
    rows = saved(strips(values, {"PSNR": {"paper": {"blur": 5}}}), tmp_path)
    assert column(rows, "x", panel="SSIM", y="blur") == ["3.0"] and column(rows, "x", series="paper") == ["5.0"]


def test_scattered_points_come_back_beside_their_medians(tmp_path):
    flux, error = RNG.uniform(1, 100, 30), RNG.normal(size=30)
    rows = saved(errors_vs_flux({"net": (flux, error)}, xlabel="flux", ylabel="error", bins=2), tmp_path)
    assert np.allclose([float(x) for x in column(rows, "x", series="net, single values")], flux, rtol=1e-6)
    assert np.allclose([float(y) for y in column(rows, "y", series="net, single values")], error, rtol=1e-6)
    assert len(column(rows, "y_low", series="net")) == 2  # and the line at zero is no series


def test_bars_of_a_histogram_have_their_edges(tmp_path):
    edges = np.array([0.0, 1.0, 3.0])
    rows = saved(densities({"law": ([0.5, 2.0, 2.5, 2.9], edges, lambda x: 1 / x)}, xlabel="x"), tmp_path)
    bars = [[float(row[key]) for key in ("x", "x_low", "x_high", "y")] for row in rows if row["drawn"] == "bars"]
    assert bars == [[0.5, 0, 1, 0.25], [2, 1, 3, 0.375]]
    fig = Figure()
    fig.subplots().barh([1, 2], [5, 7], height=0.5)
    rows = saved(fig, tmp_path)
    assert [(row["x"], row["y"], row["y_low"]) for row in rows] == [("5.0", "1.0", "0.75"), ("7.0", "2.0", "1.75")]


def test_images_are_extensions_of_a_fits_file_with_their_marks(tmp_path):
    small, gap = RNG.normal(size=(20, 30)), RNG.normal(size=(20, 30))
    gap[3, 4] = np.nan
    marks = {0: {"found": ([1, 2], [3, 4]), "missed": ([], [])}}
    fig = sky_panels([("Input", small), ("Output − 1″", gap)], residual=("σ", small - gap), marks=marks)
    path = figure_data.save(fig, tmp_path / "page-fig")
    with fits.open(path) as units:
        assert [unit.name for unit in units] == ["PRIMARY", "INPUT", "OUTPUT - 1ARCSEC", "SIGMA", "POINTS"]
        assert np.array_equal(units["INPUT"].data, small.astype(np.float32))
        assert np.array_equal(units[2].data, gap.astype(np.float32), equal_nan=True)
        points = Table(units["POINTS"].data)
    assert set(points["panel"]) == {"Input"} and list(points["series"]) == ["found: 2"] * 2  # no scale bar
    assert list(points["x"]) == [1, 2] and list(points["y"]) == [3, 4]


def test_a_large_image_is_compressed_within_a_fraction_of_its_noise(tmp_path):
    image = RNG.normal(10, 2, size=(400, 400))
    path = figure_data.save(sky_panels([("Input", image)]), tmp_path / "page-fig")
    assert path.stat().st_size < 0.25 * image.astype(np.float32).nbytes
    difference = fits.getdata(path, 1) - image
    assert abs(difference).max() < 0.2 * 2 and abs(difference.mean()) < 0.01 * 2


def test_panels_of_one_name_are_told_apart_and_bars_are_none(tmp_path):
    fig = sky_panels([("Input", RNG.normal(size=(9, 9))) for _ in range(3)])
    assert list(figure_data.panels(fig)) == ["Input", "Input (2)", "Input (3)"]


@pytest.mark.parametrize(
    "fig", [lambda: diagrams.network_diagram(UNet(), size=64), lambda: Figure()], ids=["diagram", "empty"]
)
def test_a_drawing_leaves_no_file(tmp_path, fig):
    assert figure_data.save(fig(), tmp_path / "page-fig") is None
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_was_run_the_file_has_its_head_only(tmp_path):
    fig = Figure()
    fig.subplots().plot([np.nan], [0.0], "o", label="not run")
    path = figure_data.save(fig, tmp_path / "empty")
    assert path.read_text().split() == [",".join(figure_data.HEAD)]
