"""What pages say of a scorecard's record: rows, goals and verdicts, claims, answers."""

import pytest

from astrounet_core import score_record, scorecard_claims, scorecard_goals, scorecard_table
from astrounet_core.completeness import LONGER, REFERENCE
from astrounet_core.score_record import Record
from astrounet_core.score_rows import row
from astrounet_core.scorecard_table import ALARMS, DEPTHS, INVENTED, STANDARD

ALONE = {"fields": "isolated stars", "protocol": "standard"}


def made(method, quantity, value, magnitude=None, low=None, high=None, **about):
    given = {"method": method, "exposure_ratio": 2.0} | ALONE | about
    return row(given, quantity, value, magnitude=magnitude, low=low, high=high, n=100)


def record(rows, methods=(REFERENCE, "modern", LONGER)):
    titles = {name: {"title": name.title(), "group": "network"} for name in methods}
    return Record(path=None, runs={name: {} for name in methods}, methods=titles, rows=rows)


def depths(**values):
    return [
        made("modern", "delta_m90", value, low=value - 0.01, high=value + 0.01, fields=DEPTHS[kind], protocol=STANDARD)
        for kind, value in values.items()
    ]


def verdicts(rows):
    return {each["goal"].split(":")[0].split(",")[-1].strip(): each["verdict"] for each in rows}


def test_summary_has_what_was_measured_and_no_more():
    found = scorecard_table.summary(record([*depths(isolated=-0.03), made("modern", "bias_psf", 0.4)]))
    assert [each["method"] for each in found] == [REFERENCE, "modern", LONGER]
    assert found[1]["isolated"] == -0.03 and found[1]["isolated_low"] == pytest.approx(-0.04)
    assert found[1]["bias"] == 0.4 and "crowded" not in found[1] and "isolated" not in found[0]


def test_references_come_first():
    assert scorecard_table.in_order(record([], ("modern", LONGER, REFERENCE))) == [LONGER, REFERENCE, "modern"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"isolated": -0.05, "crowded": 0.21, "extended": 0.3}, ["met"] * 3),
        ({"isolated": -0.06, "crowded": 0.2, "extended": -0.3}, ["**missed**"] * 3),
        ({"isolated": 0.06}, ["**missed**", "not run", "not run"]),
    ],
)
def test_goals_of_depth(values, expected):
    found = scorecard_goals.goals(record(depths(**values)))
    assert [each["verdict"] for each in found[:3]] == expected
    assert found[3]["verdict"] == "met" and found[3]["measured"] == "0.010 mag"


def test_goals_of_bias_are_of_the_faint_in_errors_and_of_the_bright_in_percent():
    rows = [
        made("modern", "bias_psf", -0.9),
        made("modern", "bias_psf", 1.1, fields="crowded field", protocol="independent"),
        *(made("modern", "snr", value, magnitude=m) for m, value in ((24.0, 50.0), (27.0, 6.0), (28.0, 3.0))),
        *(
            made("modern", "bias_psf_sigma", value, magnitude=m)
            for m, value in ((24.0, -3.0), (27.0, -0.9), (28.0, -2.0))
        ),
    ]
    found = [(each["goal"], each["verdict"]) for each in scorecard_goals.goals(record(rows)) if "bias" in each["goal"]]
    assert [said for _, said in found] == ["met", "**missed**", "met", "**missed**"]
    assert "crowded field" in found[1][0] and "SNR 3.0" in found[3][0]  # that of SNR 50 is no faint star


def test_goals_of_invention_are_held_against_the_matched_filter():
    name = f"invented, {ALARMS}"
    fields, protocol = INVENTED[1]
    rows = [
        made(who, name, value, fields=fields, protocol=protocol) for who, value in ((REFERENCE, 5.0), ("modern", 5.1))
    ]
    rows += [made("modern", name, 0.0, fields=INVENTED[2][0], protocol=INVENTED[2][1])]
    found = [each for each in scorecard_goals.goals(record(rows)) if "invention" in each["goal"]]
    assert [each["verdict"] for each in found[:2]] == ["**missed**", "not run"] and "5.0 per" in found[0]["goal"]
    assert len(found) == len(INVENTED) - 1


def test_the_worst_magnitude_decides_about_imprints_and_coverage_has_two_sides():
    rows = [made("modern", "imprint", value, magnitude=m) for m, value in ((20.0, 1.9), (25.0, -2.1))]
    found = scorecard_goals.goals(record([*rows, made("modern", "coverage_68", 70.5, fields="test fields")]))
    assert found[-1]["measured"] == "−2.1 σ" and found[-1]["verdict"] == found[-2]["verdict"] == "**missed**"


def test_a_depth_at_many_false_alarms_is_in_parentheses():
    false = [made("modern", "false_density", 40.0, protocol=STANDARD)]
    found = scorecard_table.depth_rows(record([*depths(isolated=0.5, extended=0.3), *false]), ["modern"])[0]
    assert (found["isolated"], found["extended"], found["false"]) == ("(+0.50)", 0.3, 40.0)


def test_curves_go_by_magnitude_and_leave_out_who_has_none():
    rows = [made("modern", "snr", 2.0, magnitude=27.0), made("modern", "snr", 9.0, magnitude=25.0, low=8.0, high=9.5)]
    found = scorecard_table.curves(record([*rows, made("modern", "snr", 5.0)]), ["modern", REFERENCE], "snr", **ALONE)
    assert found == {"Modern": ([25.0, 27.0], [9.0, 2.0], [8.0, 2.0], [9.5, 2.0])}


def test_rows_of_invention_persistence_colours_and_galaxies():
    invented = [made("modern", f"invented, {ALARMS}", 12.0, fields="blank sky", protocol="drizzled")]
    back = [made("modern", f"persistence, {ALARMS}", 40.0, fields="near bright stars")]
    colours = [made("bound", "colour_scatter", 0.1, magnitude=24.0, fields="crowded field")]
    sizes = [made("modern", "half_light_radius_ratio", 1.1, magnitude=22.0, fields="exponential galaxies")]
    known = record([*invented, *back, *colours, *sizes])
    assert {"case": "blank sky, drizzled", "modern": 12.0}.items() <= scorecard_table.invention_rows(known, ["modern"])[
        1
    ].items()
    assert scorecard_table.persistence_rows(known, ["modern"])[0]["modern"] == 40.0
    bound = [each for each in scorecard_table.colour_rows(known, ["modern"]) if "bound" in each["title"]]
    assert [each.get("colour_scatter") for each in bound] == [None, 0.1, None]
    assert scorecard_table.galaxy_rows(known, ["modern"])[0]["half_light_radius_ratio"] == 1.1


def test_recomputed_rows_are_of_both():
    published, own = (record([made("modern", "bias_psf", value), *depths(isolated=value)]) for value in (1.0, 2.0))
    found = scorecard_table.recomputed_rows(published, own)
    assert [(each["published"], each["own"]) for each in found] == [(1.0, 2.0)] * 2
    assert scorecard_table.recomputed_rows(published, None) == []


def test_claims_and_answers_carry_the_numbers_or_say_not_run():
    known = record([*depths(isolated=-0.031), made("modern", "bias_psf", -0.21)])
    found = {each["claim"]: each for each in scorecard_claims.claims(known, "smoke")}
    assert "−0.03" in found["Fainter isolated stars are found"]["number"]
    assert {each["kind"] for each in found.values()} >= {scorecard_claims.ARTEFACT, scorecard_claims.NONE}
    answers = scorecard_claims.answers(known, "smoke")
    assert len(answers) == 3 and "−0.21 %" in next(iter(answers.values()))[0]
    assert "not run mag" not in str(answers) and "not run" in str(answers)


def test_the_published_record_holds_every_method_with_its_provenance():
    path = score_record.places("retrain")[1]
    if not path.exists():
        pytest.skip("no scorecard is published; make scorecard makes one.")
    found = score_record.read(path)
    assert {REFERENCE, LONGER, "modern"} <= set(found.methods) == set(found.runs)
    runs = found.made_by()
    assert all(not run["dirty"] and run["seconds"] >= 0 and run["versions"]["torch"] for run in runs)
    assert found.value(REFERENCE, "delta_m90", fields="isolated stars", protocol=STANDARD)["value"] == 0
