"""The paper's own programs, run where they are installed, against ours and against closed forms."""

from dataclasses import replace

import numpy as np
import pytest
import sep
from astropy.table import Table
from scipy.interpolate import RegularGridInterpolator

from astrounet_core import photometry, reference_tools
from astrounet_core.evaluation import expose
from astrounet_core.photometry import PAPER_SETTINGS
from astrounet_core.reference_tools import configuration, source_extractor, stilts_match
from astrounet_core.scenes import make_scene

MISSING = reference_tools.missing_tools()
needs_source_extractor = pytest.mark.skipif("Source Extractor" in MISSING, reason="source-extractor is not installed")
needs_stilts = pytest.mark.skipif("STILTS" in MISSING, reason="stilts is not installed")

WHOLE = replace(PAPER_SETTINGS, deblend_contrast=1.0)
FLOAT = 3e-5
"""Half the spacing of single-precision numbers just below 512, in which Source Extractor writes its positions."""


def electrons(field, scene) -> np.ndarray:
    shot = expose(field, scene, "independent", 2.0)
    return (shot.long + shot.sky) * field.exposure_time


def star(x: float, y: float, flux: float, size: int = 256) -> np.ndarray:
    """A Gaussian star, sigma 1.5 pixels, at the middles of the pixels."""
    rows, columns = np.mgrid[:size, :size]
    return flux / (2 * np.pi * 1.5**2) * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 1.5**2))


@pytest.fixture(scope="module")
def separate() -> np.ndarray:
    """36 stars of 5,000 to 500,000 e- at least 30 pixels apart, on a sky of 100 e- with a noise of 10."""
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(28, 256, 40), np.arange(28, 256, 40)), -1).reshape(-1, 2)
    places = grid + rng.uniform(-5, 5, grid.shape)
    stars = sum(star(x, y, flux) for (x, y), flux in zip(places, np.geomspace(5e3, 5e5, 36), strict=True))
    return rng.normal(100, 10, stars.shape) + stars


@pytest.fixture(scope="module")
def crowded(field) -> np.ndarray:
    """A crowded one: most stars touch others."""
    one = field("star_cluster", seed=5, exposure_time=2800.0)
    return electrons(one, make_scene("star_cluster", 256, 5))


def same(ours: dict, theirs: dict) -> tuple[np.ndarray, np.ndarray]:
    return photometry.match(ours["x"], ours["y"], theirs["x"], theirs["y"], 0.01)


def test_the_configuration_is_the_papers_file():
    written = dict(line.split() for line in configuration().splitlines())
    paper = {"DETECT_THRESH": 7, "DETECT_MINAREA": 10, "ANALYSIS_THRESH": 3, "PHOT_APERTURES": 10, "GAIN": 1.5}
    paper |= {"BACK_SIZE": 64, "BACK_FILTERSIZE": 3, "DEBLEND_NTHRESH": 32, "DEBLEND_MINCONT": 0.005}
    paper |= {"CLEAN_PARAM": 1, "SATUR_LEVEL": 50000}
    assert {key: float(written[key]) for key in paper} == paper
    words = {"FILTER": "N", "CLEAN": "Y", "MASK_TYPE": "CORRECT", "BACKPHOTO_TYPE": "GLOBAL"}
    assert {key: written[key] for key in words} == words


def test_a_kernel_is_written_row_by_row_and_switched_on():
    settings = replace(PAPER_SETTINGS, kernel=((1, 2, 1), (2, 4, 2), (1, 2, 1)))
    assert "FILTER           Y\n" in configuration(settings)
    assert reference_tools.kernel_file(settings.kernel).splitlines() == ["CONV NORM", "1 2 1", "2 4 2", "1 2 1"]


def test_a_catalogue_counts_from_zero_and_has_our_keys(tmp_path):
    values = np.arange(1, 3, dtype=np.float32)
    Table(dict.fromkeys(reference_tools.COLUMNS, values)).write(tmp_path / "found.fits")
    read = reference_tools.read_catalogue(tmp_path / "found.fits")
    assert read["x"].tolist() == read["y"].tolist() == [0, 1]
    assert read["flux"].tolist() == [1, 2] and read["flux"].dtype.isnative
    assert set(read) == set(photometry.detect(np.zeros((64, 64))))


@pytest.mark.parametrize("tool", reference_tools.PROGRAMS)
def test_a_missing_tool_says_how_to_get_it(tool, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert reference_tools.missing_tools() == ["Source Extractor", "STILTS"]
    with pytest.raises(
        reference_tools.ToolMissing, match=f"^{tool} is not .*apt install source-extractor stilts.*conda"
    ):
        reference_tools.find_program(tool)


def test_pixels_that_cannot_be_masked_are_refused():
    with pytest.raises(ValueError, match="fill"):
        source_extractor(np.full((64, 64), np.nan))


@needs_source_extractor
def test_backgrounds_are_the_same(separate, crowded):
    for image in (separate, crowded):
        ours, theirs = photometry.background(image), source_extractor(image)
        assert np.abs(theirs.background - ours.back()).max() < 1e-5 * ours.globalrms
        assert np.abs(theirs.background_rms - ours.rms()).max() < 1e-5 * ours.globalrms


@needs_source_extractor
def test_separate_stars_are_the_same_in_every_column(separate):
    ours, found = photometry.detect(separate), source_extractor(separate, mask_type="NONE")
    theirs = found.catalogue
    i, j = same(ours, theirs)
    assert len(i) == len(ours["x"]) == len(theirs["x"]) == 36
    assert max(np.abs(ours[key][i] - theirs[key][j]).max() for key in ("x", "y")) < FLOAT
    for key in ("flux", "flux_error"):
        difference = np.abs(theirs[key][j] / ours[key][i] - 1)
        assert difference.max() < 1e-3 and np.median(difference) < 1e-6, key
    assert (theirs["area"][j] == ours["area"][i]).all()


@needs_source_extractor
def test_their_background_at_a_star_is_interpolated_linearly_and_ours_by_splines(crowded):
    found = source_extractor(crowded)
    mesh, stars = found.mesh, found.catalogue
    axes = [np.arange(size) for size in mesh.shape]
    places = np.column_stack([np.rint(stars["y"]), np.rint(stars["x"])]) / PAPER_SETTINGS.back_size - 0.5
    linear = RegularGridInterpolator(axes, mesh, bounds_error=False, fill_value=None)(places)
    assert stars["background"] == pytest.approx(linear, rel=1e-5)
    ours = photometry.detect(crowded)
    i, j = same(ours, stars)
    assert np.abs(ours["background"][i] - stars["background"][j]).max() < photometry.background(crowded).globalrms


@needs_source_extractor
def test_the_gain_enters_the_error_as_the_stars_own_photons(separate):
    first, second = (source_extractor(separate, replace(PAPER_SETTINGS, gain=g)).catalogue for g in (1.5, 3.0))
    difference = first["flux_error"].astype(float) ** 2 - second["flux_error"].astype(float) ** 2
    assert difference == pytest.approx(first["flux"] * (1 / 1.5 - 1 / 3.0), rel=1e-3)


@needs_source_extractor
def test_a_filter_means_the_same_to_both(separate):
    settings = replace(WHOLE, kernel=tuple(map(tuple, np.outer([1, 2, 1], [1, 2, 1]) / 16)))
    ours, theirs = photometry.detect(separate, settings), source_extractor(separate, settings).catalogue
    assert len(same(ours, theirs)[0]) == len(ours["x"]) == len(theirs["x"])
    unfiltered = photometry.detect(separate, WHOLE)
    assert len(same(unfiltered, ours)[0]) < len(ours["x"])


@needs_source_extractor
def test_crowded_lists_differ_by_deblending_and_cleaning_only(crowded, monkeypatch):
    ours, theirs = photometry.detect(crowded), source_extractor(crowded).catalogue
    assert len(ours["x"]) > 150
    assert len(same(ours, theirs)[0]) > 0.97 * max(len(ours["x"]), len(theirs["x"]))
    text = configuration(WHOLE).replace("CLEAN            Y", "CLEAN            N")
    monkeypatch.setattr(reference_tools, "configuration", lambda *_: text)
    back = photometry.background(crowded)
    settings = {"err": back.globalrms, "minarea": 10, "filter_kernel": None, "deblend_cont": 1.0, "clean": False}
    ours = sep.extract((crowded - back.back()).astype(np.float32), 7.0, **settings)
    theirs = source_extractor(crowded).catalogue
    i, j = same(ours, theirs)
    assert len(i) == len(ours) == len(theirs["x"])
    assert (ours["npix"][i] == theirs["area"][j]).all()


@needs_source_extractor
def test_the_papers_mask_takes_the_neighbours_light_out_and_ours_leaves_it():
    """A star with a brighter one 7 pixels away, which puts a good part of its light into the first one's aperture."""
    noise = np.random.default_rng(0).normal(100, 5, (128, 128))
    alone = noise + star(60, 64, 28_000, 128)
    both = alone + star(67, 64, 112_000, 128)
    fluxes = {}
    for name, image, mask_type in (("alone", alone, "NONE"), ("both", both, "NONE"), ("corrected", both, "CORRECT")):
        found = source_extractor(image, mask_type=mask_type).catalogue
        fluxes[name] = float(found["flux"][np.abs(found["x"] - 60.0).argmin()])
    ours = photometry.detect(both)
    assert ours["flux"][ours["x"].argmin()] == pytest.approx(fluxes["both"], rel=1e-3)
    assert fluxes["both"] > 1.2 * fluxes["alone"]
    assert fluxes["corrected"] == pytest.approx(fluxes["alone"], rel=0.1)


def claims(long: np.ndarray, short: np.ndarray, radius: float) -> set[tuple[int, int]]:
    """Each source of the first list claims its nearest in the second, which takes the nearest claimant."""
    distance = np.hypot(*(long[:, None] - short).transpose(2, 0, 1))
    best = {}
    for i in distance.min(1).argsort():
        best.setdefault(int(distance[i].argmin()), int(i))
    return {(i, j) for j, i in best.items() if distance[i, j] <= radius}


@needs_stilts
def test_stilts_lets_the_longer_list_choose_and_has_all_of_our_pairs():
    rng = np.random.default_rng(1)
    long, short = rng.uniform(0, 40, (320, 2)), rng.uniform(0, 40, (200, 2))
    theirs = set(zip(*map(np.ndarray.tolist, stilts_match(*long.T, *short.T, 2.0)), strict=True))
    turned = set(zip(*map(np.ndarray.tolist, stilts_match(*short.T, *long.T, 2.0)[::-1]), strict=True))
    ours = set(zip(*map(np.ndarray.tolist, photometry.match(*long.T, *short.T, 2.0)), strict=True))
    assert theirs == turned == claims(long, short, 2.0)
    assert ours < theirs


@needs_stilts
def test_stilts_and_we_match_separate_stars_alike():
    rng = np.random.default_rng(2)
    grid = np.stack(np.meshgrid(np.arange(0, 200, 10.0), np.arange(0, 200, 10.0)), -1).reshape(-1, 2)
    first = rng.permutation(grid)[:300] + rng.uniform(-0.5, 0.5, (300, 2))
    second = rng.permutation(grid)[:300] + rng.uniform(-0.5, 0.5, (300, 2))
    ours, theirs = (by(*first.T, *second.T, 1.0) for by in (photometry.match, stilts_match))
    assert all(np.array_equal(one, other) for one, other in zip(ours, theirs, strict=True))
    assert 150 < len(ours[0]) < 300


@needs_stilts
def test_stilts_finds_nothing_where_nothing_is():
    one, none = np.array([3.0]), np.zeros(0)
    assert [len(pair) for pair in stilts_match(none, none, one, one, 1.0)] == [0, 0]
    assert [len(pair) for pair in stilts_match(one, one, one + 5, one, 1.0)] == [0, 0]


@needs_stilts
def test_a_failing_program_is_quoted():
    with pytest.raises(RuntimeError, match="stilts failed"):
        stilts_match(np.ones(2), np.ones(2), np.ones(2), np.ones(2), -1.0)
