"""The three protocols, the measures of known outputs, and the star tests, on small fields."""

from dataclasses import replace

import numpy as np
import pytest

from astrounet_core import evaluation, fluxes, metrics, photometry
from astrounet_core.evaluation import detected_stars, expose, free_method, scores_of
from astrounet_core.instrument import F606W, RELEASED, WFC3_UVIS
from astrounet_core.psf import hst_psf
from astrounet_core.scenes import make_scene
from astrounet_core.starlists import common_errors, cut_marks, pooled_errors, stacking_factor
from astrounet_core.tally import summarise


@pytest.fixture(scope="module")
def cluster(field):
    one = field("star_cluster", seed=7, exposure_time=700.0, reads=2, drizzle_correlation=0.0)
    return one, make_scene("star_cluster", 256, 7, log10_central_density=1.0)


@pytest.mark.parametrize("protocol", evaluation.PROTOCOLS)
def test_same_seed_same_noise(cluster, protocol):
    first, again, other = (expose(*cluster, protocol, 2, seed) for seed in (0, 0, 1))
    assert np.array_equal(first.noisy, again.noisy) and np.array_equal(first.long, again.long)
    assert not np.array_equal(first.noisy, other.noisy)
    assert first.exposure_time == cluster[0].exposure_time / 2


def test_an_unknown_protocol_is_refused(blank):
    with pytest.raises(ValueError, match="unknown protocol 'leaky'; choose one of paper, released, independent"):
        expose(*blank, "leaky", 2)


def test_each_protocol_has_its_target(cluster):
    shot = expose(*cluster, "paper", 2)
    assert np.array_equal(shot.target, shot.long)
    assert np.array_equal(expose(*cluster, "independent", 2).target, cluster[1].image.numpy())


def noise_correlation(shot) -> float:
    """Correlation of the noises of input and long exposure where the long exposure is positive."""
    truth, lit = shot.scene.image.numpy(), shot.long > 0
    return float(np.corrcoef((shot.noisy - truth)[lit], (shot.long - truth)[lit])[0, 1])


def test_the_papers_pairs_leak_and_independent_ones_do_not(blank):
    assert noise_correlation(expose(*blank, "paper", 2)) > 0.3
    assert abs(noise_correlation(expose(*blank, "independent", 2))) < 0.02


def test_only_sky_subtracted_frames_are_masked_where_the_long_exposure_is_not_positive(blank):
    shot = expose(*blank, "released", 2)
    assert np.array_equal(shot.noisy == 0, shot.long <= 0)
    assert all(np.count_nonzero(expose(*blank, protocol, 2).noisy == 0) < 5 for protocol in ("paper", "independent"))


def test_the_papers_frames_have_their_sky(blank):
    """Long: sky of t seconds in electrons; the input's own: half of it; sky-subtracted frames: none."""
    field, scene = blank
    shot, without = (expose(field, scene, protocol, 2) for protocol in ("paper", "released"))
    assert (shot.sky, without.sky) == (field.sky, 0.0)
    variance = (field.sky + RELEASED.dark_current) / shot.exposure_time + RELEASED.read_noise**2 / shot.exposure_time**2
    assert np.median(shot.variance) == pytest.approx(variance, rel=0.02)
    assert np.var(shot.noisy - shot.long) == pytest.approx(variance, rel=0.05)
    assert np.median(without.variance) < 0.6 * variance


def test_background_levels_of_detections_include_the_sky(cluster):
    shot = expose(*cluster, "paper", 2)
    sky = shot.field.sky * shot.field.exposure_time
    assert np.median(shot.reference["background"]) == pytest.approx(sky, rel=0.3)
    assert np.median(shot.own["background"]) == pytest.approx(sky, rel=0.3)


def test_the_control_is_scored_at_the_first_ratio_alone():
    assert [evaluation.ratios_of(p, (2, 5)) for p in evaluation.PROTOCOLS] == [(2, 5), (2,), (2, 5)]


def test_the_papers_psnr_sees_frames_with_their_sky(cluster):
    shot = expose(*cluster, "paper", 2)
    frame, long = shot.noisy + shot.sky, shot.long + shot.sky
    assert evaluation.paper_scores(shot, shot.noisy)["psnr_paper"] == metrics.psnr_paper(frame, long, 350, 700)


@pytest.mark.parametrize("ratio", [1, 2, 3.5])
def test_the_unchanged_input_is_as_noisy_as_its_variance_says(blank, ratio):
    shot = expose(*blank, "independent", ratio)
    scores = scores_of(shot, free_method("unchanged")(shot))
    assert scores["nmse"] == pytest.approx(1.0, abs=0.03)
    assert scores["sky_rms"] == pytest.approx(1.0, abs=0.02)


def test_drizzled_noise_is_scored_against_drizzled_variance(blank):
    shot = expose(replace(blank[0], drizzle_correlation=0.27), blank[1], "independent", 2)
    assert scores_of(shot, shot.noisy)["nmse"] == pytest.approx(1.0, abs=0.05)


def test_the_ceiling_is_without_error(cluster):
    shot = expose(*cluster, "independent", 2)
    scores = scores_of(shot, free_method("ceiling")(shot))
    assert scores["mae"] == scores["nmse"] == 0
    assert scores["ssim"] == pytest.approx(1) and scores["psnr"] == np.inf
    assert scores["flux_bias"] == scores["flux_scatter"] == 0


def test_sky_is_measured_where_there_is_some(blank):
    shot = expose(*blank, "independent", 2)
    lit = replace(shot, scene=replace(shot.scene, image=shot.scene.image + 1.0))
    assert scores_of(shot, free_method("ceiling")(shot))["sky_rms"] == 0
    assert np.isnan(evaluation.pixel_scores(lit, lit.noisy)["sky_rms"])


def test_even_the_ceiling_differs_from_a_noisy_target(cluster):
    shot = expose(*cluster, "paper", 2)
    assert scores_of(shot, free_method("ceiling")(shot))["mae"] > 0


def test_only_the_input_itself_is_scored_in_its_own_electrons(cluster):
    shot = expose(*cluster, "paper", 2)
    scores, copied = scores_of(shot, shot.noisy), scores_of(shot, shot.noisy.copy())
    assert copied["psnr_paper"] == scores["psnr_matched"] > scores["psnr_paper"]


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match=r"unknown method 'magic'; choose an experiment or one of unchanged"):
        free_method("magic")


def test_the_long_exposure_finds_its_own_stars(cluster):
    shot = expose(*cluster, "paper", 2)
    found = detected_stars(shot, shot.long)
    assert found.counts.tp > 20 and found.counts.fp == found.counts.fn == 0
    assert not found.errors.any() and found.snr > 7


def test_marks_add_up_to_the_detections(cluster):
    shot = expose(*cluster, "paper", 5)
    found = detected_stars(shot, shot.noisy)
    counts, marks = found.counts, found.marks
    assert [len(marks[name][0]) for name in ("found", "missed", "false")] == [counts.tp, counts.fn, counts.fp]
    assert counts.fn > 0
    assert set(zip(*marks["missed"], strict=True)) <= set(zip(shot.reference["x"], shot.reference["y"], strict=True))


def test_marks_of_a_cutout_are_in_its_own_pixels():
    marks = {"found": (np.array([10.0, 30.0, 59.4]), np.array([20.0, 25.0, 20.0]))}
    x, y = cut_marks(marks, (20, 10), 40)["found"]
    assert x.tolist() == [10.0, 39.4] and y.tolist() == [15.0, 10.0]


def test_fluxes_halved_have_an_error_of_half(cluster):
    shot = expose(*cluster, "paper", 2)
    faded = detected_stars(shot, shot.long / 2)
    np.testing.assert_allclose(faded.errors, 50, rtol=1e-4)
    assert (faded.errors > 0).all()


def test_common_stars_are_the_same_for_everyone(cluster):
    shot = expose(*cluster, "paper", 4)
    tests = {"input": detected_stars(shot, shot.noisy), "long": detected_stars(shot, shot.long)}
    common = common_errors(tests)
    assert np.array_equal(np.sort(common["input"][0]), np.sort(common["long"][0]))
    assert len(common["long"][0]) == tests["input"].counts.tp < tests["long"].counts.tp
    empty = detected_stars(shot, np.zeros_like(shot.long))
    assert (
        set(common_errors(tests | {"nothing": empty})) == {"input", "long"} and common_errors({"nothing": empty}) == {}
    )


def test_stacking_factors_are_ratios_over_shared_stars(cluster):
    shot = expose(*cluster, "paper", 2)
    unchanged, long = detected_stars(shot, shot.noisy), detected_stars(shot, shot.long)
    assert stacking_factor(unchanged, unchanged) == long.snr_over_reference == 1
    assert stacking_factor(long, unchanged) == pytest.approx(1 / unchanged.snr_over_reference)
    assert scores_of(shot, shot.noisy)["snr_factor"] == unchanged.snr_over_reference
    assert scores_of(shot, shot.long)["snr_factor"] == pytest.approx(1 / unchanged.snr_over_reference)


@pytest.mark.parametrize("ratio", [2, 5])
def test_to_call_an_input_a_long_exposure_is_enough_for_a_stacking_factor(cluster, ratio):
    """With r times the electrons, Eq. 26 rises towards sqrt(r) times where a star's own photons dominate its noise."""
    shot = expose(*cluster, "independent", ratio)
    scores = scores_of(shot, shot.noisy)
    assert 1.2 < scores["snr_factor_matched"] < ratio**0.5
    assert ratio**-0.5 - 0.1 < scores["snr_factor"] < 0.85
    assert scores_of(shot, shot.noisy.copy())["snr_factor"] == scores["snr_factor_matched"]


def test_the_inputs_fluxes_are_those_of_the_long_exposure(cluster):
    shot = expose(*cluster, "independent", 4)
    assert np.median(detected_stars(shot, shot.noisy).errors) == pytest.approx(0, abs=3)


def test_scores_of_all_methods_are_paired(monkeypatch, field):
    small = [field("blank_field"), field("sparse_field")]
    monkeypatch.setattr(evaluation, "render", lambda one: make_scene(one.kind, 64, one.seed))
    methods = {name: free_method(name) for name in ("unchanged", "ceiling")}
    scores, stars = evaluation.score(methods, small, noise_seeds=2, exposure_ratios=[2, 4], progress=False)
    assert {name: len(rows) for name, rows in scores.items()} == {"unchanged": 10, "ceiling": 10}
    assert [row["field"] for row in scores["unchanged"]] == [row["field"] for row in scores["ceiling"]]
    summary = {(row["protocol"], row["exposure_ratio"], row["metric"]): row for row in summarise(scores["unchanged"])}
    assert summary["independent", 4.0, "nmse"]["value"] == pytest.approx(1, abs=0.1)
    assert summary["independent", 4.0, "mae"]["n"] == 2
    assert {row["exposure_ratio"] for row in stars["ceiling"]} == {2.0, 4.0}
    assert all(row["bias"] == 0 for row in stars["ceiling"] if row["n"] >= 5)


def test_detections_on_true_sources_are_pure_and_elsewhere_they_are_not(cluster):
    shot = expose(*cluster, "independent", 2)
    scores = scores_of(shot, free_method("ceiling")(shot))
    assert scores["purity"] > 95 > 30 > scores["chance_match"] > 0
    x, y = shot.sources
    assert photometry.purity(x, y, x, y, 0.1) == 1
    away = photometry.purity(np.array([x[0], -50.0]), np.array([y[0], -50.0]), x, y, 2.0)
    assert away == 0.5 and np.isnan(photometry.purity(x[:0], y[:0], x, y, 2.0))
    assert photometry.purity(x, y, x[:0], y[:0], 2.0) == 0


def test_visible_sources_stand_out_of_the_long_exposures_sky(cluster):
    shot = expose(*cluster, "independent", 2)
    flux = shot.scene.catalogue["flux_e_s"]
    counts = [fluxes.visible_sources(shot, snr).shape[1] for snr in (1.0, 3.0, 30.0)]
    variance = (0.09 + WFC3_UVIS.dark_current) / 700 + 2 * WFC3_UVIS.read_noise**2 / 700**2
    psf = hst_psf(F606W, size=255).square().sum().item()
    assert counts == [np.sum(flux > snr * (variance / psf) ** 0.5) for snr in (1.0, 3.0, 30.0)]
    assert counts[0] > counts[1] > counts[2] > 0


def test_common_stars_of_fields_are_pooled_for_methods_that_every_field_has(cluster):
    tests = []
    for seed in (0, 1):
        shot = expose(*cluster, "paper", 2, seed)
        tests.append({"input": detected_stars(shot, shot.noisy), "long": detected_stars(shot, shot.long)})
    pooled = pooled_errors(tests)
    single = [common_errors(each)["input"][0] for each in tests]
    assert np.array_equal(pooled["input"][0], np.concatenate(single)) and len(single[1]) > 0
    tests[1].pop("long")
    assert set(pooled_errors(tests)) == {"input"} and pooled_errors([]) == {}
