"""Scores under every convention: against `evaluation`, scikit-image, scipy and cases worked out by hand."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import entropy
from skimage.metrics import structural_similarity

from astrounet_core import conventions, evaluation, metrics
from astrounet_core.conventions import CHOICES, DEFAULTS, Score, chosen, influence, scores
from astrounet_core.field_table import Field
from astrounet_core.scenes import make_scene

images = arrays(np.float64, (16, 20), elements=st.floats(-10, 1000, width=32))


@pytest.fixture(scope="module")
def shot() -> evaluation.Exposure:
    """A small star cluster, exposed as in the paper."""
    scene = make_scene("star_cluster", 192, 3, "F606W")
    field = Field("test", "none", scene.kind, 3, "F606W", 1000.0, 192, 2, 0.09, 0.0)
    return evaluation.expose(field, scene, "paper", 2.0)


@pytest.fixture(scope="module")
def outputs(shot) -> dict[str, np.ndarray]:
    blurred = evaluation.free_method("gaussian_blur")(shot)
    return {"input": shot.noisy, "blurred": blurred, "scene": shot.scene.image.numpy()}


@pytest.fixture(scope="module")
def found(shot, outputs) -> dict[str, list[Score]]:
    return {measure: scores(measure, shot, outputs) for measure in CHOICES}


@pytest.mark.parametrize("measure", list(CHOICES))
def test_every_combination_is_scored_once(found, measure):
    expected = set(product(*CHOICES[measure].values()))
    assert {tuple(score.choices.values()) for score in found[measure]} == expected
    assert len(found[measure]) == len(expected) == math.prod(len(part) for part in CHOICES[measure].values())


@pytest.mark.parametrize("image", ["input", "blurred"])
def test_first_options_are_how_our_table_2_is_scored(shot, outputs, found, image):
    theirs = evaluation.paper_scores(shot, outputs[image]) | evaluation.star_scores(shot, outputs[image])
    names = {"psnr": "psnr_paper", "ssim": "ssim_paper", "kl": "kl_paper"}
    for measure in CHOICES:
        expected = theirs[names.get(measure, measure)]
        assert chosen(found[measure]).values[image] == pytest.approx(expected, rel=1e-5, nan_ok=True), measure


def test_the_books_own_are_those_of_evaluation(shot, outputs, found):
    """`pixel_scores` takes its target from the protocol; here it is asked for by the metrics themselves."""
    scene, sigma = outputs["scene"], float(np.sqrt(np.median(shot.variance)))
    expected = {
        "psnr": metrics.psnr(shot.noisy, scene),
        "ssim": metrics.ssim(shot.noisy, scene, sigma=sigma),
        "kl": metrics.kl_histogram(shot.noisy, scene, sigma=sigma),
    }
    for measure, value in expected.items():
        assert chosen(found[measure], **DEFAULTS[measure]).values["input"] == pytest.approx(value, rel=1e-4)


def test_what_must_not_move_does_not(found):
    """Only the input has electrons of its own; one MAX for all images cannot reorder them; the sky cancels in MSE."""
    for measure, name in (("psnr", "electrons of the input"), ("rfe", "fluxes of the input")):
        options = list(CHOICES[measure][name])
        one, other = (chosen(found[measure], **{name: option}).values for option in options)
        assert one["blurred"] == other["blurred"] and abs(one["input"] - other["input"]) > 1
    effects = {row["choice"]: row for row in influence(found["psnr"])}
    assert effects["MAX"]["reordered"] == 0 and effects["MAX"]["largest"] > 40
    flat = {row["choice"]: row for row in influence(conventions.without(found["psnr"], "input"))}
    assert flat["sky"]["largest"] < 0.01


def test_an_input_as_counted_has_lost_half_of_its_flux(found):
    as_counted = chosen(found["rfe"], **{"fluxes of the input": "as counted", "average": "median"})
    assert as_counted.values["input"] == pytest.approx(50, abs=5)


def test_the_closed_form_of_psnr_between_maxima(found):
    one, wide = (chosen(found["psnr"], MAX=maximum).values["blurred"] for maximum in ("1 e⁻", "65,535 e⁻"))
    assert wide - one == pytest.approx(20 * math.log10(65535))


def test_background_terms_of_equation_26_in_their_order(found):
    """More B, less SNR: with none the input's is largest; and the factor of two equal images is one."""
    values = [
        chosen(found["snr_factor"], B=name).values["input"] for name in ("level with the sky", "level without", "0")
    ]
    assert all(np.isfinite(values)) and values[0] < 1


@settings(max_examples=30, deadline=None, derandomize=True)
@given(images, images, st.floats(1.0, 1e5))
def test_uniform_windows_against_scikit_image(x, y, span):
    ours = conventions._ssim_of(conventions.uniform_moments(x, y), span)
    assert ours == pytest.approx(structural_similarity(x, y, data_range=span), abs=1e-6)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(images, images)
def test_histogram_divergence_against_scipy(x, y):
    edges = np.linspace(0, 500, 26)
    inner = [-np.inf, *edges[1:-1], np.inf]
    q, p = (np.histogram(z, inner)[0] + 0.5 for z in (x, y))
    ours = conventions.histogram_divergence(x, y, edges)
    assert ours == pytest.approx(entropy(p / p.sum(), q / q.sum()), abs=1e-12)
    assert ours >= 0 and conventions.histogram_divergence(x, x, edges) == 0


def made_up() -> list[Score]:
    """PSNR of two images under two choices: one lifts both by 10, the other exchanges them."""
    table = {("a", "c"): (1.0, 2.0), ("b", "c"): (11.0, 12.0), ("a", "d"): (2.0, 1.0), ("b", "d"): (12.0, 11.0)}
    return [Score("psnr", {"lift": k[0], "swap": k[1]}, dict(zip("xy", v, strict=True))) for k, v in table.items()]


def test_influence_of_worked_cases():
    lift, swap = influence(made_up())
    assert lift == {"choice": "lift", "median": 10, "largest": 10, "reordered": 0}
    assert swap == {"choice": "swap", "median": 1, "largest": 1, "reordered": 100}


def test_orders_winners_and_limits():
    found = made_up()
    assert [score.order for score in found] == [("y", "x"), ("y", "x"), ("x", "y"), ("x", "y")]
    assert conventions.winners(found) == {"x": 2, "y": 2}
    assert conventions.limits(found) == {"x": (1, 12), "y": (1, 12)}
    assert conventions.winners(conventions.without(found, "y")) == {"x": 4}


def test_the_best_is_the_highest_the_lowest_or_the_nearest_to_zero():
    values = {"a": -3.0, "b": 1.0, "c": math.nan, "d": 2.0}
    assert Score("tpr", {}, values).order == ("d", "b", "a", "c")
    assert Score("kl", {}, values).order == ("a", "b", "d", "c")
    assert Score("rfe", {}, values).order == ("b", "d", "a", "c")


def test_infinite_values_have_no_limits_but_win():
    found = [Score("psnr", {"MAX": "1 e⁻"}, {"a": math.inf, "b": 3.0})]
    assert conventions.spread(found) == {"a": [], "b": [3.0]}
    assert found[0].order == ("a", "b") and math.isnan(conventions.limits(found)["a"][0])


def test_unknown_measures_and_conventions_are_refused(shot, found):
    with pytest.raises(ValueError, match="no conventions are known"):
        scores("rms", shot, {})
    with pytest.raises(ValueError, match="has no convention"):
        chosen(found["tpr"], truth="the network")
