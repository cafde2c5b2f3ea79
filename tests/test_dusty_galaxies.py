"""The rows of Table 3 on simulated galaxies, from scores worked out by hand; and one small galaxy from end to end."""

import numpy as np
import pytest

from astrounet_core import dusty_galaxies, repeats
from astrounet_core.unet import Denoiser, NetworkSettings


def galaxy(found, errors, factor, everything):
    score = {"found": found, "errors": errors, "snr_factor": factor, "everything": everything}
    return {"times": {"64": {"network1": score, "repeat": score | {"found": found[::-1]}}}}


GALAXIES = [galaxy("1101", [1.0, 2.0, 3.0], 1.2, [5, 8]), galaxy("01", [6.0], 1.4, [1, 2])]


def test_rows_pool_the_stars_and_average_the_galaxies():
    row = dusty_galaxies.table_row(GALAXIES, 64, "network1")
    assert (row["n"], row["found"], row["tpr"]) == (6, 4, pytest.approx(66.667, abs=0.01))
    assert (row["low"], row["high"]) == repeats.wilson_interval(4, 6)
    assert row["rfe"] == 3.0 and row["rfe_error"] == pytest.approx(np.std([1, 2, 3, 6], ddof=1) / 2)
    assert (row["snr_factor"], row["snr_error"]) == (pytest.approx(1.3), pytest.approx(0.1))
    assert row["everything"] == 60


def test_a_galaxy_without_shared_stars_has_no_say_in_the_factor():
    row = dusty_galaxies.table_row([*GALAXIES, galaxy("0", [], None, [0, 3])], 64, "network1")
    assert row["snr_factor"] == pytest.approx(1.3) and row["n"] == 7


def test_cells_of_table_3_are_its_rows_with_their_errors():
    record, _ = dusty_galaxies.published()
    cells = dusty_galaxies.table3_cells(record["galaxies"])
    assert set(cells) == {f"{name}@{time}s" for name in ("input", "network1", "network2") for time in (32, 64)}
    row, cell = dusty_galaxies.table_row(record["galaxies"], 64, "unchanged"), cells["input@64s"]
    assert cell["tpr"]["value"] == row["tpr"] and cell["rfe"] == {"value": row["rfe"], "error": row["rfe_error"]}
    share = row["found"] / row["n"]
    assert cell["tpr"]["error"] == pytest.approx(100 * np.sqrt(share * (1 - share) / row["n"]))
    assert all(record[key] == value for key, value in cells.items())


def test_equal_methods_have_equal_means_and_differ_by_chance():
    drawn = dusty_galaxies.equal_methods(GALAXIES, 64, stars=16)
    assert drawn.mean(1) == pytest.approx([66.7, 66.7], abs=1)
    discordant = np.mean(dusty_galaxies.flags(GALAXIES, 64, "network1") != dusty_galaxies.flags(GALAXIES, 64, "repeat"))
    assert np.std(drawn[0] - drawn[1]) == pytest.approx(100 * np.sqrt(discordant / 16), rel=0.05)


@pytest.fixture(scope="module")
def small(monkeypatch_module):
    monkeypatch_module.setattr(dusty_galaxies, "dusty_galaxy", lambda seed: repeats.dusty_galaxy(seed, 128))
    return dusty_galaxies.score_galaxy(
        3, {name: Denoiser(NetworkSettings(width=4)).eval() for name in dusty_galaxies.NETWORKS}, (64,)
    )


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def test_a_galaxy_has_every_row_on_the_same_stars(small):
    rows = small["times"]["64"]
    assert list(rows) == ["unchanged", *dusty_galaxies.NETWORKS, "repeat", "another", "gaussian_blur", "ceiling"]
    assert {len(row["found"]) for row in rows.values()} == {small["cosmic_rays"]["stars"]}
    for row in rows.values():
        assert row["found"].count("1") == len(row["errors"]) <= row["everything"][0] <= row["everything"][1]


def test_cosmic_rays_are_counted_before_and_after_cleaning(small):
    rays = small["cosmic_rays"]
    assert 0.9 * rays["hit"] < rays["found"] <= rays["hit"] and rays["harmed"] <= rays["stars"]
    assert set(rays["false"]) == {"unchanged", *dusty_galaxies.NETWORKS}


def test_the_record_shows_about_sixteen_stars_a_galaxy_and_pools_every_row():
    record, _ = dusty_galaxies.published()
    stars = [one["cosmic_rays"]["stars"] for one in record["galaxies"]]
    assert np.mean(stars) == pytest.approx(16, abs=4), "as in the paper"
    row = dusty_galaxies.table_row(record["galaxies"], 64, "ceiling")
    assert row["n"] == sum(stars) and 0 < row["tpr"] < 100, "not even the truth finds all of them"
