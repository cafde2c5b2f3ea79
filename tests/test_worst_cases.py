"""The search for the worst: a planted failure of each kind is what it finds."""

from dataclasses import replace

import numpy as np
import pytest

from astrounet_core import failure_figures, known_stars, robustness, worst_cases
from astrounet_core.baselines import unchanged
from astrounet_core.bounds import star_stamps
from astrounet_core.field_table import fields
from astrounet_core.instrument import FILTERS
from astrounet_core.known_stars import Seen
from astrounet_core.photometry import cramer_rao_sigma
from astrounet_core.psf_photometry import psf_model
from astrounet_core.worst_cases import SIDE, View


@pytest.fixture(scope="module")
def known():
    return next(known_stars.isolated(1, 1, magnitudes=(23.0, 26.5), size=192))


@pytest.fixture(scope="module")
def sky():
    field = next(each for each in fields("test") if each.kind == "sparse_field")
    return robustness.skies([replace(field, seed=1)], 320)[0]


def planted(known, x, y, snr):
    """The truth but for one more star, of a signal-to-noise ratio on dark sky."""
    stamp = star_stamps(psf_model(FILTERS[known.band]), 0.0, 0.0)[0]
    output = known.scene.copy().astype(float)
    output[y - 15 : y + 16, x - 15 : x + 16] += snr * cramer_rao_sigma(stamp, float(known.white.min())) * stamp
    return Seen(known, output)


def test_a_planted_star_is_the_source_that_is_not_there(known):
    x, y = (int(each) for each in np.unravel_index(np.argmin(known.scene[60:90, 60:90]), (30, 30))[::-1])
    seen = planted(known, 60 + x, 60 + y, 6.0)
    case = worst_cases.invented([Seen(known, known.scene), seen])
    assert case.values["excess"] == pytest.approx(6, rel=0.02)
    middle = np.unravel_index(np.argmax(case.view.error), (SIDE, SIDE))
    np.testing.assert_allclose(middle, SIDE // 2, atol=1)


def test_a_removed_star_is_the_lost_one(known):
    snr = known.flux / known.sigma
    index = int(np.flatnonzero((snr >= worst_cases.SNR[0]) & (snr < worst_cases.SNR[1]))[3])
    output = known.noisy.copy()
    x, y = (int(np.rint(each[index])) for each in (known.x, known.y))
    output[y - 15 : y + 16, x - 15 : x + 16] -= (known.flux[index] * known.psf[index]).astype(np.float32)
    case = worst_cases.lost([Seen(known, known.noisy), Seen(known, output)])
    assert case.values["input"] - case.values["kept"] == pytest.approx(1, abs=1e-3)
    assert f"{known.magnitude[index]:.1f} mag" in case.sentence


def test_no_faint_star_is_none_lost(known):
    bright = replace(known, x=known.x[:1], y=known.y[:1], flux=known.sigma[:1] * 1e4)
    with pytest.raises(ValueError, match="no star"):
        worst_cases.lost([Seen(bright, bright.noisy)])


def test_the_worst_patch_is_where_the_output_is_worse_than_the_input(known):
    output = known.scene.copy()
    output[90:105, 60:75] += 4 * np.sqrt(known.variance[90:105, 60:75])
    case = worst_cases.worst_patch([Seen(known, known.noisy), Seen(known, output)])
    assert case.values["rms"] == pytest.approx(4, rel=0.1) and case.values["input"] == pytest.approx(1, abs=0.3)
    assert case.view.error[SIDE // 2, SIDE // 2] == pytest.approx(4, rel=1e-3)


def test_off_road_finds_what_was_made_worse_and_a_cosmic_ray_that_stays(sky):
    def spoils(image, exposure_time, exposure_ratio):
        output = image.copy()
        output[100, 200] += 1.0
        return output

    made = worst_cases.off_road(spoils, [sky], "saturation")
    assert made.values["error"] - made.values["input"] > 20 and made.view.error[20, 20] == made.values["error"]
    kept = worst_cases.off_road(unchanged, [sky], "cosmic rays")
    assert kept.values["error"] == kept.values["input"] > 20


@pytest.mark.parametrize(("place", "corner"), [((50, 40), (20, 30)), ((1, 2), (0, 0)), ((99, 79), (39, 59))])
def test_cut_outs_stay_inside(place, corner):
    image = np.arange(80 * 100, dtype=float).reshape(80, 100)
    view = View(image, image, image, np.ones_like(image)).around(*place)
    assert view.input.shape == (SIDE, SIDE) and view.input[0, 0] == 100 * corner[0] + corner[1]


def test_fields_are_of_every_kind_and_nobody_elses():
    ours = worst_cases.own_fields(3, 64)
    assert len({each.kind for each in ours}) == 6 and {each.size for each in ours} == {64}
    used = {each.seed for split in ("training", "validation", "test", "realistic") for each in fields(split)}
    assert not {each.seed for each in ours} & used and ours != worst_cases.own_fields(4, 64)


def test_pictures_have_a_row_a_case_and_a_row_a_method(known):
    case = worst_cases.invented([planted(known, 96, 96, 6.0)])
    fig = failure_figures.worst_cases([case, case])
    shown = [ax for ax in fig.axes if ax.images]
    assert len(shown) == 8 and shown[3].images[0].get_clim() == (-failure_figures.LIMIT, failure_figures.LIMIT)
    assert len({ax.images[0].get_clim() for ax in shown[:3]}) == 1 and shown[4].get_ylabel().startswith("2 · A source")
    stamps = failure_figures.residual_stamps({"A": {"22 mag": np.eye(3), "28 mag": np.eye(3)}})
    assert [ax.get_title() for ax in stamps.axes if ax.images] == ["22 mag", "28 mag"]
    with pytest.raises(ValueError, match="at least one"):
        failure_figures.residual_stamps({})
