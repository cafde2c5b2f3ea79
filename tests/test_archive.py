"""The query to the archive: what is sent, what is made of its answer, and what is said where there is none."""

import builtins
import json

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from astrounet_core import archive
from astrounet_core.archive import Query
from astrounet_core.cli import main
from astrounet_core.manifest import DataUnavailable

mast = pytest.importorskip("astroquery.mast", reason="astroquery is not installed")


def answer():
    """As the archive's, with names that are none of its own; a time of 640 s lies between those asked for."""
    return Table(
        {
            "obs_id": ["made_up_c", "made_up_a", "made_up_b", "made_up_d"],
            "obsid": ["3", "1", "2", "4"],
            "instrument_name": ["WFC3/UVIS"] * 4,
            "filters": MaskedColumn(["F555W", "F555W", "F438W", "F555W"], mask=[False, False, True, False]),
            "t_exptime": [128.0, 32.0, 32.4, 640.0],
            "proposal_id": ["1", "2", "3", "4"],
            "t_min": [56700.0, np.nan, 56701.0, 56702.0],
            "s_ra": [148.9] * 4,
        }
    )


@pytest.fixture
def asked(monkeypatch):
    """An archive that answers from memory; the criteria it was asked."""
    criteria = {}

    def query(**sent):
        criteria.update(sent)
        return answer()

    monkeypatch.setattr(mast.Observations, "query_criteria", query)
    return criteria


def test_by_default_all_wfc3_images_of_the_supernovas_field_are_asked_for(asked):
    archive.find(Query())
    place = asked.pop("coordinates")
    assert (place.ra.deg, place.dec.deg) == (pytest.approx(148.9256), pytest.approx(69.6739))
    assert asked == {
        "radius": "30.0 arcsec",
        "obs_collection": "HST",
        "instrument_name": "WFC3/UVIS",
        "dataproduct_type": "image",
    }


def test_filter_and_range_of_exposure_times_are_sent(asked):
    archive.find(Query(ra=10, dec=-5, radius=60, instrument="ACS/WFC", filter="F606W", exposure_times=(128, 32)))
    assert (asked["coordinates"].ra.deg, asked["coordinates"].dec.deg) == (10, -5)
    assert (asked["radius"], asked["instrument_name"], asked["filters"]) == ("60 arcsec", "ACS/WFC", "F606W")
    assert asked["t_exptime"] == [31, 129], "a range, as MAST wants it for numbers"
    assert Query(exposure_times=(0.5,)).criteria["t_exptime"] == [0, 1.5]


def test_rows_come_by_our_names_shortest_first_without_other_times(asked):
    rows = archive.find(Query(exposure_times=(32, 64, 128)))
    assert [row["dataset"] for row in rows] == ["made_up_a", "made_up_b", "made_up_c"]
    assert rows[0] == {
        "dataset": "made_up_a",
        "obsid": "1",
        "instrument": "WFC3/UVIS",
        "filter": "F555W",
        "exposure_time": 32.0,
        "proposal": "2",
        "start_mjd": None,
    }
    assert rows[1]["filter"] is None, "what the archive leaves open is not made up"
    assert len(archive.find(Query())) == 4
    assert [row["dataset"] for row in archive.find(Query(exposure_times=(32,), tolerance=0.1))] == ["made_up_a"]


def test_no_rows_and_unknown_columns():
    assert archive.select(Table(), Query()) == []
    changed = answer()
    changed.remove_column("t_exptime")
    with pytest.raises(DataUnavailable, match="no column t_exptime"):
        archive.select(changed, Query())


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"ra": 360}, "no place"),
        ({"dec": -91}, "no place"),
        ({"radius": 0}, "positive"),
        ({"tolerance": -1}, "not neg"),
    ],
)
def test_what_is_no_place_or_no_time_is_not_asked_for(wrong, complaint):
    with pytest.raises(ValueError, match=complaint):
        Query(**wrong)
    with pytest.raises(ValueError, match="positive"):
        Query(exposure_times=(32, 0))


def test_the_command_prints_a_table_or_json(asked, capsys):
    assert main(["data", "find", "--exptime", "32", "128", "--filter", "F555W", "--radius", "40"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == list(archive.COLUMNS)
    assert [line.split()[0] for line in lines] == ["made_up_a", "made_up_b", "made_up_c"]
    assert lines[1].split()[3] == "-"
    assert (asked["filters"], asked["radius"], asked["t_exptime"]) == ("F555W", "40.0 arcsec", [31, 129])
    assert main(["data", "find", "--exptime", "128", "--json"]) == 0
    assert [row["dataset"] for row in json.loads(capsys.readouterr().out)] == ["made_up_c"]


def test_nothing_found_is_said_and_is_no_success(asked, capsys):
    assert main(["data", "find", "--exptime", "5"]) == 1
    assert capsys.readouterr().out.startswith("The archive has no such observation")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionError("[Errno -2] a long story"), "(ConnectionError)"),
        (TimeoutError("too late"), "(TimeoutError)"),
        (pytest.importorskip("astroquery.exceptions").RemoteServiceError("down for repair"), "(down for repair)"),
    ],
)
def test_no_answer_is_one_sentence(monkeypatch, capsys, error, reason):
    def fails(**criteria):
        raise error

    monkeypatch.setattr(mast.Observations, "query_criteria", fails)
    assert main(["data", "find"]) == 2
    said = capsys.readouterr().err
    assert said == f"astrounet: the archive gave no answer {reason}; check the network and try again.\n"


def test_a_missing_astroquery_is_one_sentence(monkeypatch, capsys):
    real_import = builtins.__import__

    def without_astroquery(name, *arguments, **options):
        if name.startswith("astroquery"):
            raise ImportError(name)
        return real_import(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_astroquery)
    assert main(["data", "find"]) == 2
    said = capsys.readouterr().err
    assert "pip install 'astrounet[archive]'" in said and said.count("\n") == 1
