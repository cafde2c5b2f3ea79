"""The judges of students' answers: right ones pass whatever the draw, wrong ones are refused with a sentence."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from astrounet_core import teaching
from astrounet_core.settings import NetworkSettings
from astrounet_core.teaching import NotYet
from astrounet_core.unet import UNet

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=25, deadline=None)


@pytest.mark.parametrize("answer", [..., None, "three", [], [1.0, np.nan], [None, 1.0], np.inf])
def test_what_is_no_answer_is_not_yet_right(answer):
    for judge in (
        lambda: teaching.guess(answer),
        lambda: teaching.value(answer, 1.0),
        lambda: teaching.within(answer, 1.0, 9.0),
        lambda: teaching.at_least(answer, -1.0),
        lambda: teaching.mean(answer, 0.0),
        lambda: teaching.smaller(answer, [1.0, 2.0]),
    ):
        with pytest.raises(NotYet, match=r"^not yet: "):
            judge()


def test_a_notebook_shows_the_sentence_alone():
    assert NotYet("not yet: look again.")._render_traceback_() == ["not yet: look again."]


def test_predictions_are_noted_and_compared_but_not_judged(capsys):
    teaching.guess(4)
    teaching.compare(4, 3.78)
    assert capsys.readouterr().out == ("noted: 4. The lab comes back to it.\nyou predicted 4, and it is 3.8.\n")


@few
@given(st.lists(st.floats(0.1, 1e3), min_size=1, max_size=5), st.floats(0.001, 0.1))
def test_values_pass_up_to_their_tolerance(expected, tolerance):
    teaching.value(np.array(expected) * (1 + 0.99 * tolerance), expected, tolerance)
    with pytest.raises(NotYet, match=r"% off at most.*Look again\."):
        teaching.value(np.array(expected) * (1 + 1.01 * tolerance), expected, tolerance, hint="Look again.")
    with pytest.raises(NotYet, match="numbers are wanted"):
        teaching.value([*expected, 1.0], expected, tolerance)


def test_deviations_pass_up_to_what_is_allowed(capsys):
    teaching.within([0.0, 0.5], [0.1, 0.4], 0.11)
    assert capsys.readouterr().out == "right: 0.91 times the deviation that is allowed.\n"
    with pytest.raises(NotYet, match=r"1\.1 times the deviation"):
        teaching.within([0.0, 0.5], [0.11, 0.5], 0.1)
    with pytest.raises(NotYet, match="2 numbers are wanted, not 1"):
        teaching.within([0.0], [0.0, 0.0], 1.0)


def test_a_number_has_to_be_large_enough():
    teaching.at_least(3.0, 3.0)
    with pytest.raises(NotYet, match=r"2\.99, where 3 is wanted at least"):
        teaching.at_least(2.99, 3.0)


@few
@given(seeds, st.sampled_from([100, 10_000]))
def test_draws_of_another_law_are_refused(seed, size):
    """A mean or a variance that is 12 standard errors off never passes, whatever the draw."""
    draws = np.random.default_rng(seed).poisson(50.0, size)
    error = (50 / size) ** 0.5
    spread = 50 * (2.02 / size) ** 0.5
    for judge, off in ((teaching.mean, error), (teaching.variance, spread)):
        with pytest.raises(NotYet, match="is expected"):
            judge(draws, 50.0 + 12 * off)


def test_right_draws_are_refused_rarely():
    """4 sigma: of 2000 right samples, hardly one should be refused; 5 or more have a chance of 1e-6."""
    random, refused = np.random.default_rng(1), 0
    for _ in range(2000):
        draws = random.normal(3.0, 2.0, 1000)
        for judge, expected in ((teaching.mean, 3.0), (teaching.variance, 4.0)):
            try:
                judge(draws, expected)
            except NotYet:
                refused += 1
    assert refused <= 4


def test_a_small_sample_tells_too_little():
    with pytest.raises(NotYet, match="99 draws tell too little"):
        teaching.mean(np.zeros(99), 0.0)


@few
@given(st.floats(-2, 2), st.floats(0.1, 10))
def test_the_power_of_a_law_is_found(power, factor):
    x = np.geomspace(1, 100, 9)
    teaching.slope(x, factor * x**power, power, tolerance=1e-6)
    bent = np.where(x < 10, x, 10 ** (1 - power) * x**power)
    teaching.slope(x, bent, 1.0, part=slice(4))
    with pytest.raises(NotYet, match="grows with the power"):
        teaching.slope(x, factor * x ** (power + 0.06), power)
    with pytest.raises(NotYet, match="one positive number is wanted for each of 9 points"):
        teaching.slope(x, -x, 1.0)


@few
@given(seeds)
def test_counts_far_from_their_shares_are_refused(seed):
    expected, tried = np.array([0.1, 0.5, 0.9]), np.array([400, 400, 400])
    right = np.random.default_rng(seed).binomial(tried, expected)
    with pytest.raises(NotYet, match="chi-square"):
        teaching.shares(right, tried, [0.35, 0.5, 0.9])
    with pytest.raises(NotYet, match="none above the number tried"):
        teaching.shares(tried + 1, tried, expected)


def test_right_counts_are_refused_rarely():
    random, tried, expected = np.random.default_rng(2), np.full(5, 300), np.array([0.95, 0.8, 0.5, 0.2, 0.05])
    for _ in range(500):
        teaching.shares(random.binomial(tried, expected), tried, expected)


@few
@given(seeds)
def test_smaller_needs_a_difference_beyond_chance(seed):
    random = np.random.default_rng(seed)
    theirs = random.normal(10.0, 5.0, 50)
    teaching.smaller(theirs - random.normal(1.0, 0.2, 50), theirs)
    with pytest.raises(NotYet, match="on average against"):
        teaching.smaller(theirs + random.normal(0.2, 0.2, 50), theirs)
    with pytest.raises(NotYet, match="50 numbers are wanted"):
        teaching.smaller(theirs[1:], theirs)


def test_layers_are_judged_by_the_shape_of_their_output():
    image = torch.zeros(1, 1, 8, 8)
    teaching.shape(nn.Conv2d(1, 3, 3, padding=1), (1, 3, 8, 8), image)
    for layers, complaint in [
        (nn.Conv2d(1, 3, 3), r"the shape \(1, 3, 6, 6\)"),
        (None, "layers are wanted here, not NoneType"),
        (nn.LSTM(8, 2), "no tensor but tuple"),
    ]:
        with pytest.raises(NotYet, match=complaint):
            teaching.shape(layers, (1, 3, 8, 8), image if layers is None or isinstance(layers, nn.Conv2d) else image[0])


class Convolutions(nn.Module):
    """As many convolutions of 3 x 3, one after another."""

    def __init__(self, count: int):
        super().__init__()
        self.layers = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(count)))

    def forward(self, image, ratio):
        return self.layers(image)


@pytest.mark.parametrize("count", [1, 3, 5])
def test_each_convolution_adds_two_pixels_to_the_view(count):
    assert teaching.field_of_view(Convolutions(count)) == 1 + 2 * count


def test_published_weights_go_into_a_network_in_order(tmp_path, monkeypatch):
    first, second, wider = (UNet(NetworkSettings(width=width)) for width in (1, 1, 2))
    tensors = {f"{i:02d}": value.detach().clone() for i, value in enumerate(first.parameters())}
    save_file(tensors, tmp_path / "one.safetensors")
    monkeypatch.setattr(teaching, "weights_path", lambda name: tmp_path / f"{name}.safetensors")
    teaching.resume(second, "one")
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    with pytest.raises(NotYet, match="one is of a network with other layers"):
        teaching.resume(wider, "one")
