"""Networks in pictures, drawn from the modules and numbers themselves: U-net (Fig. 4), convolutions (Fig. 2, 3)."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Normal, Stroke
from torch import Tensor, nn
from torch.nn import functional as F

from .sky import sky_panels
from .style import COLOURS, WIDTH, figure_style, numbers
from .unet import NetworkSettings


@dataclass(frozen=True)
class Block:
    """One block of a U-net as it was seen at work: feature maps in and out, and the height of its output in pixels."""

    name: str
    channels_in: int
    channels: int
    size: int


def network_blocks(network: nn.Module, size: int = 256) -> dict[str, Block]:
    """Blocks of a `UNet` (or a `Denoiser`'s), measured by sending an empty image of ``size`` pixels through it.

    Names: down.0 … down.3, bottom, up.0 … up.3, merge.0 … merge.3, head. Raises ValueError for a size that the network
    does not take.
    """
    net = getattr(network, "net", network)
    modules = {f"{part}.{i}": m for part in ("down", "up", "merge") for i, m in enumerate(getattr(net, part))}
    modules |= {"bottom": net.bottom, "head": net.head}
    seen: dict[str, Block] = {}

    def watch(name: str):
        def hook(_, inputs, output):
            seen[name] = Block(name, inputs[0].shape[1], output.shape[1], output.shape[-1])

        return hook

    handles = [module.register_forward_hook(watch(name)) for name, module in modules.items()]
    weight = next(net.down[0].parameters())
    try:
        with torch.no_grad():
            net(torch.zeros(1, weight.shape[1], size, size).to(weight), torch.ones(1).to(weight))
    finally:
        for handle in handles:
            handle.remove()
    return seen


ARROWS = {
    "pool": {"color": COLOURS["red"], "linestyle": "-"},
    "up": {"color": COLOURS["green"], "linestyle": "-"},
    "skip": {"color": "#555555", "linestyle": "--"},
    "ratio": {"color": COLOURS["purple"], "linestyle": ":"},
    "head": {"color": COLOURS["blue"], "linestyle": "-"},
}
UPSAMPLINGS = {
    "transposed": "2×2 transposed convolution",
    "nearest": "nearest neighbour ×2, convolution",
    "bilinear": "bilinear ×2, convolution",
}


@figure_style
def network_diagram(network: nn.Module, size: int = 256) -> Figure:
    """The U-net as a picture (Fig. 4), from `network_blocks`: numbers above a block are its feature maps.

    Heights follow the size of the maps; each block is two 3×3 convolutions; an arrow's colour and line style name its
    operation. Raises ValueError for a size that the network does not take.
    """
    net = getattr(network, "net", network)
    blocks = network_blocks(net, size)
    fig = Figure(figsize=(WIDTH, 5.2), layout="constrained")
    ax = fig.subplots()
    place = _place_blocks(blocks)
    for name, (x, y, height) in place.items():
        _draw_block(ax, x, y, height, blocks[name])
    _draw_flow(ax, place, blocks)
    _draw_ends(ax, place, blocks, net.settings.ratio_mode)
    fig.legend(handles=_legend(net.settings), loc="outside lower center", ncols=2, frameon=False)
    ax.set(xlim=(-0.7, 11.0), ylim=(-9.6, 1.6))
    ax.set_axis_off()
    return fig


def _legend(settings: NetworkSettings) -> list:
    labels = {"pool": "2×2 max-pool", "up": UPSAMPLINGS[settings.upsampling], "skip": "skip, concatenated"}
    labels |= {"head": "1×1 convolution"} | ({} if settings.ratio_mode == "none" else {"ratio": "exposure ratio r"})
    box = Rectangle((0, 0), 1, 1, facecolor=COLOURS["sky"], edgecolor="black", label="two 3×3 convolutions")
    return [box, *(Line2D([], [], label=label, linewidth=2, **ARROWS[kind]) for kind, label in labels.items())]


def _place_blocks(blocks: dict[str, Block]) -> dict[str, tuple[float, float, float]]:
    """Centre x, y and height of every block: down on the left, the bottom, up again on the right."""
    depth = sum(name.startswith("down") for name in blocks)
    names = {f"down.{i}": (1 + i, i) for i in range(depth)} | {"bottom": (1 + depth, depth)}
    names |= {f"merge.{i}": (2 + depth + i, depth - 1 - i) for i in range(depth)}
    largest = blocks["down.0"].size
    return {name: (x, -2.05 * level, 1.5 * (blocks[name].size / largest) ** 0.3) for name, (x, level) in names.items()}


def _draw_block(ax: Axes, x: float, y: float, height: float, block: Block) -> None:
    for shift, shade in ((-0.2, COLOURS["sky"]), (0.02, COLOURS["blue"])):
        ax.add_patch(Rectangle((x + shift, y - height / 2), 0.18, height, facecolor=shade, edgecolor="black", zorder=3))
    ax.text(x, y + height / 2 + 0.08, str(block.channels), ha="center", va="bottom")


def _arrow(ax: Axes, start, end, kind: str, bend: str = "arc3") -> None:
    style = {
        "arrowstyle": "-|>",
        "mutation_scale": 14,
        "linewidth": 1.8,
        "connectionstyle": bend,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    ax.annotate("", end, start, arrowprops=style | ARROWS[kind])


def _draw_flow(ax: Axes, place: dict, blocks: dict[str, Block]) -> None:
    """Arrows between blocks: down, up, and the skips with the size of their maps."""
    path = [name for name in place if name.startswith("down")] + ["bottom"]
    for upper, lower in pairwise(path):
        (x, y, height), (x_next, y_next, _) = place[upper], place[lower]
        _arrow(ax, (x, y - height / 2), (x_next - 0.24, y_next), "pool", "angle,angleA=-90,angleB=180")
    path = ["bottom"] + [name for name in place if name.startswith("merge")]
    for lower, upper in pairwise(path):
        (x, y, _), (x_next, y_next, height) = place[lower], place[upper]
        _arrow(ax, (x + 0.24, y), (x_next, y_next - height / 2), "up", "angle,angleA=0,angleB=90")
    for left, right in zip(path[:0:-1], [name for name in place if name.startswith("down")], strict=True):
        (x_end, y, _), (x_start, _, _) = place[left], place[right]
        _arrow(ax, (x_start + 0.24, y), (x_end - 0.24, y), "skip")
        label = f"{blocks[right].size} × {blocks[right].size}"
        ax.text((x_start + x_end) / 2, y - 0.12, label, ha="center", va="top", color="#333333")
    x, y, height = place["bottom"]
    ax.text(x, y - height / 2 - 0.1, f"{blocks['bottom'].size} × {blocks['bottom'].size}", ha="center", va="top")


def _draw_ends(ax: Axes, place: dict, blocks: dict[str, Block], ratio_mode: str) -> None:
    """The image that goes in, the one that comes out, and where the exposure ratio enters."""
    (first, y, _), *_, (last, _, _) = place.values()
    ax.text(first - 1.0, y, f"in\n{blocks['down.0'].channels_in}", ha="center", va="center")
    _arrow(ax, (first - 0.8, y), (first - 0.24, y), "skip")
    ax.text(last + 1.05, y, f"out\n{blocks['head'].channels}", ha="center", va="center")
    _arrow(ax, (last + 0.24, y), (last + 0.8, y), "head")
    if ratio_mode == "none":
        return
    x, y, height = place["merge.0"] if ratio_mode == "concatenate" else place["down.0"]
    sign = {"concatenate": "r", "multiply": "× r", "add": "+ r"}[ratio_mode]
    ax.text(x - 0.75, y + height / 2 + 0.42, sign, ha="center", va="center", style="italic")
    _arrow(ax, (x - 0.65, y + height / 2 + 0.2), (x - 0.24, y + height / 4), "ratio")


@figure_style
def views_picture(image, views: dict[str, int], pixel_scale: float = 0.04) -> Figure:
    """Squares of the views' widths, in pixels, about the middle of an image of the sky, each with its name beside it.

    image (H, W), e-/s; pixel_scale in arcsec. Raises ValueError for a view wider than the image.
    """
    side = min(numbers(image).shape)
    if max(views.values()) > side:
        raise ValueError(f"a view of {max(views.values())} pixels doesn't fit an image of {side}; give a larger image.")
    fig = sky_panels([("", image)], kind="asinh", pixel_scale=pixel_scale, columns=1)
    ax, middle = fig.axes[0], side // 2
    outline = [Stroke(linewidth=3.5, foreground="black"), Normal()]
    for number, (name, width) in enumerate(views.items()):
        colour, low = COLOURS[("orange", "sky", "purple", "red")[number % 4]], middle - width / 2
        square = Rectangle((low, low), width, width, fill=False, edgecolor=colour, linewidth=2)
        above = {"ha": "right", "va": "bottom", "xy": (low + width, low + width + 1)}
        below = {"ha": "left", "va": "top", "xy": (low, low - 1)}
        text = ax.annotate(f"{name}: {width}", color=colour, annotation_clip=False, **(above, below)[number % 2])
        ax.add_patch(square)
        for artist in (square, text):
            artist.set_path_effects(outline)
    return fig


def convolution_matrix(kernel: Tensor, height: int, width: int, stride: int = 1) -> Tensor:
    """The convolution of torch (a correlation, no padding) as a matrix: kernel (k, l) -> (outputs, height * width).

    Row by row, what each output pixel takes from the flattened input (section 3.1, Fig. 2).
    """
    basis = torch.eye(height * width).view(-1, 1, height, width)
    return F.conv2d(basis, kernel[None, None].float(), stride=stride).flatten(1).T


@figure_style
def convolution_diagram(kernel: Tensor, image: Tensor, stride: int = 1) -> Figure:
    """A convolution in numbers and as a matrix product (Fig. 2): kernel (k, l), image (H, W), computed by torch."""
    output = F.conv2d(image[None, None].float(), kernel[None, None].float(), stride=stride)[0, 0]
    matrix = convolution_matrix(kernel, *image.shape, stride)
    below = max(kernel.shape[0], image.shape[0]) + 3.0
    picture = [("filter", kernel), ("input", image), ("output", output)]
    product = [("filter as a matrix", matrix), ("input", image.reshape(-1, 1)), ("out", output.reshape(-1, 1))]
    tops = [below, 0.0, below]
    return _draw_equations(picture, product, "⋆", 0.0, tops)


@figure_style
def transposed_convolution_diagram(kernel: Tensor, image: Tensor, stride: int = 1) -> Figure:
    """A transposed convolution in numbers and as a product with the transposed matrix (Fig. 3), computed by torch."""
    output = F.conv_transpose2d(image[None, None].float(), kernel[None, None].float(), stride=stride)[0, 0]
    matrix = convolution_matrix(kernel, *output.shape, stride).T
    picture = [("filter", kernel), ("input", image), ("output", output)]
    product = [("matrix, transposed", matrix), ("input", image.reshape(-1, 1)), ("out", output.reshape(-1, 1))]
    left = sum(grid.shape[1] for _, grid in picture) + 5.0
    return _draw_equations(picture, product, "∗ᵀ", left, [0.0, (output.numel() - image.numel()) / 2, 0.0])


def _draw_equations(picture: list, product: list, operator: str, left: float, tops: list[float]) -> Figure:
    """Filter operator input = output at the top left, matrix · vector = vector at ``left`` and ``tops``, in cells."""
    right = left + sum(grid.shape[1] for _, grid in product) + 3.2
    bottom = max(top + grid.shape[0] for top, (_, grid) in zip(tops, product, strict=True))
    cell = WIDTH / (right + 0.4)
    fig = Figure(figsize=(WIDTH, (bottom + 1.6) * cell))
    ax = fig.add_axes((0, 0, 1, 1))
    for grids, x, heights, sign in ((picture, 0.0, [0.0] * 3, operator), (product, left, tops, "×")):
        for (title, grid), top, symbol in zip(grids, heights, (sign, "=", ""), strict=True):
            _draw_grid(ax, x, top, grid, title)
            x += grid.shape[1] + 1.6
            ax.text(x - 0.8, heights[0] + grids[0][1].shape[0] / 2, symbol, ha="center", va="center", fontsize=20)
    ax.set(xlim=(-0.2, right + 0.2), ylim=(bottom + 0.2, -1.4), aspect="equal")
    ax.set_axis_off()
    return fig


def _draw_grid(ax: Axes, x: float, top: float, grid: Tensor, title: str) -> None:
    """A matrix of numbers as cells with their values; zeros are grey."""
    for row, values in enumerate(grid.tolist()):
        for column, value in enumerate(values):
            face, ink = ("#F2F2F2", "#777777") if value == 0 else ("#CFE8F7", "black")
            corner = (x + column, top + row)
            ax.add_patch(Rectangle(corner, 1, 1, facecolor=face, edgecolor="#555555", linewidth=0.7))
            ax.text(
                x + column + 0.5,
                top + row + 0.5,
                f"{value:g}".replace("-", "\N{MINUS SIGN}"),
                ha="center",
                va="center",
                fontsize=10,
                color=ink,
            )
    ax.text(x + grid.shape[1] / 2, top - 0.25, title, ha="center", va="bottom")
