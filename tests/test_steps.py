"""Steps add up to what torch computes, and the strip shows their numbers."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from astrounet_core.figures import step_strip
from astrounet_core.steps import convolution_steps, pooling_steps, transposed_steps

IMAGE = torch.tensor([[1.0, 0, 2, 1], [0, 3, 1, 0], [2, 1, 0, 1], [0, 1, 2, 0]])
KERNEL = torch.tensor([[1.0, 0, 2], [0, 1, 0], [1, 0, 0]])


def grids(high: int, wide: int):
    return st.lists(st.integers(-5, 5), min_size=high * wide, max_size=high * wide).map(
        lambda values: torch.tensor(values, dtype=torch.float).view(high, wide)
    )


def test_the_first_sum_by_hand():
    first = convolution_steps(KERNEL, IMAGE)[0]
    assert first.words == "1·1 + 2·2 + 1·3 + 1·2 = 10"
    assert first.written[0, 0] == 10 and first.written.isnan().sum() == 3
    assert (first.window, first.target) == ((0, 0, 3, 3), (0, 0, 1, 1))


@settings(max_examples=20, deadline=None)
@given(grids(3, 3), grids(5, 7), st.integers(1, 2))
def test_the_last_step_holds_the_convolution(kernel, image, stride):
    steps = convolution_steps(kernel, image, stride)
    expected = F.conv2d(image[None, None], kernel[None, None], stride=stride)[0, 0]
    assert len(steps) == expected.numel() and torch.equal(steps[-1].written, expected)
    for number, step in enumerate(steps):
        assert step.written.isnan().sum() == expected.numel() - number - 1
        row, column, height, width = step.window
        covered = image[row : row + height, column : column + width]
        assert (covered * kernel).sum() == step.written[step.target[:2]]


def test_pooling_takes_the_largest_of_each_block():
    steps = pooling_steps(IMAGE)
    assert [step.words for step in steps] == [
        "max(1, 0, 0, 3) = 3",
        "max(2, 1, 1, 0) = 2",
        "max(2, 1, 0, 1) = 2",
        "max(0, 1, 2, 0) = 2",
    ]
    assert torch.equal(steps[-1].written, torch.tensor([[3.0, 2], [2, 2]]))


@settings(max_examples=20, deadline=None)
@given(grids(3, 3), grids(2, 3), st.integers(1, 3))
def test_stamps_add_up_to_the_transposed_convolution(kernel, image, stride):
    steps = transposed_steps(kernel, image, stride)
    before = torch.zeros_like(steps[0].written)
    for step in steps:
        row, column, height, width = step.target
        change = step.written - before
        value = image[step.window[:2]]
        assert torch.equal(change[row : row + height, column : column + width], value * kernel)
        assert change.count_nonzero() == (value * kernel).count_nonzero()
        before = step.written
    assert torch.equal(before, F.conv_transpose2d(image[None, None], kernel[None, None], stride=stride)[0, 0])


def test_strip_shows_every_number_once_a_step():
    steps = pooling_steps(IMAGE)
    fig = step_strip(steps)
    assert len(fig.axes) == 4
    texts = [text.get_text() for text in fig.axes[1].texts]
    assert "2.  max(2, 1, 1, 0) = 2" in texts
    assert sum(text.isdigit() for text in texts) == 16 + 2  # the image, and two outputs so far


def test_a_strip_without_steps_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        step_strip([])
