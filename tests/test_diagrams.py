"""Diagrams say what the modules are and what torch computes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from astrounet_core.diagrams import convolution_matrix, network_blocks
from astrounet_core.figures import convolution_diagram, network_diagram, transposed_convolution_diagram
from astrounet_core.unet import Denoiser, NetworkSettings, UNet

KERNEL = torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]])
IMAGE = torch.tensor([[3.0, 1, 0, 2], [1, 4, 2, 0], [0, 2, 5, 1], [2, 0, 1, 3]])


def words(fig) -> list[str]:
    return [text.get_text().replace("\N{MINUS SIGN}", "-") for text in fig.axes[0].texts if text.get_text()]


def test_blocks_of_the_papers_network():
    blocks = network_blocks(UNet())
    assert [blocks[f"down.{i}"].channels for i in range(4)] == [32, 64, 128, 256]
    assert (blocks["bottom"].channels, blocks["bottom"].size) == (512, 16)
    assert [blocks[f"merge.{i}"].channels_in for i in range(4)] == [513, 256, 128, 64]
    assert [blocks[f"merge.{i}"].size for i in range(4)] == [32, 64, 128, 256]
    assert (blocks["head"].channels_in, blocks["head"].channels, blocks["head"].size) == (32, 1, 256)


def test_looking_leaves_the_network_as_it_was():
    net = UNet(NetworkSettings(width=4))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    network_blocks(net, 32)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not any(module._forward_hooks for module in net.modules())


@pytest.mark.parametrize(
    ("options", "sign"),
    [
        ({}, "r"),
        ({"ratio_mode": "none"}, None),
        ({"ratio_mode": "multiply", "upsampling": "nearest"}, "× r"),
        ({"ratio_mode": "add", "upsampling": "bilinear", "inputs": "filters"}, "+ r"),
    ],
)
def test_diagram_shows_the_models_own_numbers(options, sign):
    net = Denoiser(NetworkSettings(width=6, **options))
    fig = network_diagram(net, 64)
    shown = words(fig)
    convolutions = [block[2].weight.shape[0] for block in [*net.net.down, net.net.bottom, *net.net.merge]]
    assert [int(word) for word in shown if word.isdigit()] == convolutions == [6, 12, 24, 48, 96, 48, 24, 12, 6]
    sizes = [word for word in shown if word[0].isdigit() and "×" in word]
    assert sizes == ["64 × 64", "32 × 32", "16 × 16", "8 × 8", "4 × 4"]
    assert f"in\n{net.net.down[0][0].weight.shape[1]}" in shown
    assert [word for word in shown if word.endswith("r")] == ([sign] if sign else [])
    legend = " ".join(text.get_text() for text in fig.legends[0].get_texts())
    assert net.settings.upsampling in legend
    assert ("exposure ratio" in legend) == (sign is not None)


def test_a_size_the_network_cannot_take_is_said():
    with pytest.raises(ValueError, match="16"):
        network_diagram(UNet(NetworkSettings(width=4)), 100)


@settings(deadline=None)
@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(3, 6), st.integers(3, 6), st.integers(1, 2), st.integers(0, 99)
)
def test_the_matrix_convolves_and_its_transpose_transposes(rows, columns, height, width, stride, seed):
    generator = torch.Generator().manual_seed(seed)
    kernel, image = torch.randn(rows, columns, generator=generator), torch.randn(height, width, generator=generator)
    matrix = convolution_matrix(kernel, height, width, stride)
    direct = F.conv2d(image[None, None], kernel[None, None], stride=stride)
    torch.testing.assert_close(matrix @ image.flatten(), direct.flatten(), atol=1e-5, rtol=1e-5)
    padding = ((height - rows) % stride, (width - columns) % stride)
    back = F.conv_transpose2d(direct, kernel[None, None], stride=stride, output_padding=padding)
    torch.testing.assert_close(matrix.T @ direct.flatten(), back.flatten(), atol=1e-4, rtol=1e-5)


def test_convolution_diagram_holds_the_numbers_of_the_worked_example():
    shown = words(convolution_diagram(KERNEL, IMAGE))
    cells = [float(word) for word in shown if word.lstrip("-").isdigit()]
    output = F.conv2d(IMAGE[None, None], KERNEL[None, None]).flatten()
    assert output.tolist() == [-4, 8, -10, 3]
    expected = [KERNEL, IMAGE, output, convolution_matrix(KERNEL, 4, 4), IMAGE, output]
    assert cells == torch.cat([part.flatten() for part in expected]).tolist()
    assert "⋆" in shown and shown.count("=") == 2


def test_transposed_diagram_holds_the_numbers_of_the_worked_example():
    kernel, image = torch.tensor([[1.0, 2], [3, 4]]), torch.tensor([[1.0, 2], [3, 5]])
    cells = [float(word) for word in words(transposed_convolution_diagram(kernel, image, stride=2)) if word.isdigit()]
    output = torch.kron(image, kernel)  # a 2×2 filter at stride 2 does not overlap
    matrix = convolution_matrix(kernel, 4, 4, 2).T
    assert cells == torch.cat([part.flatten() for part in [kernel, image, output, matrix, image, output]]).tolist()
