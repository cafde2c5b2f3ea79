"""Views and cuts, against the module's own arithmetic."""

import pytest
import torch

from astrounet_core.dissection import LEVELS, views, watching, without
from astrounet_core.figures import views_picture
from astrounet_core.unet import Denoiser, NetworkSettings, UNet, reach


def by_hand() -> list[int]:
    """Widths on the way down: a convolution adds two pixels of its scale, a pooling one."""
    width, widths = 1, []
    for level in range(5):
        for _ in range(2):
            width += 2 * 2**level
            widths.append(width)
        width += 2**level
    return widths


def test_views_on_the_way_down_are_the_textbooks():
    found = views()
    assert [view.most for view in found[:10]] == [view.least for view in found[:10]] == by_hand()
    assert [view.scale for view in found] == [1, 1, 2, 2, 4, 4, 8, 8, 16, 16, 8, 8, 4, 4, 2, 2, 1, 1, 1]
    assert [view.layer for view in found] == list(range(1, 20))


@pytest.mark.parametrize("upsampling", ["transposed", "nearest"])
def test_the_outputs_view_is_its_reach(upsampling):
    settings = NetworkSettings(upsampling=upsampling)
    widths = reach(settings).sum(1) + 1
    last = views(settings)[-1]
    assert (last.least, last.most) == (int(widths.min()), int(widths.max()))


def test_watching_leaves_no_hooks_behind():
    net = UNet(NetworkSettings(width=2))
    with watching([net.bottom]) as seen:
        net(torch.zeros(1, 1, 32, 32), torch.ones(1))
    assert seen[net.bottom].shape == (1, 32, 2, 2)
    assert not net.bottom._forward_hooks


@pytest.mark.parametrize("level", LEVELS)
def test_a_cut_skip_is_a_block_that_answers_zero(level):
    """The same cut, done by hand: the weights that read the skip's maps are zero."""
    torch.manual_seed(level)
    denoiser, image = Denoiser(NetworkSettings(width=4)), torch.randn(1, 1, 32, 32)
    given = image, torch.ones(1), torch.full((1,), 2.0)
    with torch.no_grad():
        whole = denoiser(*given)
        with without(denoiser, skips=(level,)):
            cut = denoiser(*given)
        again = denoiser(*given)
        first, maps = denoiser.net.merge[3 - level][0], 4 * 2**level
        first.weight[:, maps : 2 * maps] = 0
        by_hand = denoiser(*given)
    torch.testing.assert_close(cut, by_hand)
    assert torch.equal(again, whole) and not torch.allclose(cut, whole)


def test_cut_off_from_below_only_the_first_block_counts():
    torch.manual_seed(0)
    net, image, ratio = UNet(NetworkSettings(width=4)), torch.randn(1, 1, 32, 32), torch.ones(1)
    with torch.no_grad():
        with without(net, below=(0,)):
            cut = net(image, ratio)
        maps = net.down[0](image)
        expected = net.head(net.merge[3](torch.cat([torch.zeros_like(maps), maps], 1)))
    torch.testing.assert_close(cut, expected)


def test_a_level_that_there_is_not_is_refused():
    with (
        pytest.raises(ValueError, match="no connection at level 4"),
        without(UNet(NetworkSettings(width=2)), skips=(4,)),
    ):
        pass


def test_squares_have_the_widths_of_the_views():
    fig = views_picture(torch.rand(64, 64), {"small": 5, "large": 40})
    squares = {patch.get_width(): patch.get_x() + patch.get_width() / 2 for patch in fig.axes[0].patches}
    assert squares == {5: 32, 40: 32}
    assert {"small: 5", "large: 40"} <= {text.get_text() for text in fig.axes[0].texts}
    with pytest.raises(ValueError, match="larger image"):
        views_picture(torch.rand(64, 64), {"too large": 65})
