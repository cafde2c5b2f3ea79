"""The network of the paper (section 3.2, Fig. 4), its variants, and the denoiser built around it.

``UNet`` is the bare network. ``Denoiser`` adds what stands between an image in e-/s and the network:
how the image is scaled on the way in and how the answer is read on the way out.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .peer_networks import PEER_NETWORKS
from .settings import BANDS, INPUTS, NetworkSettings

STRIDE = 16
"""Four 2x2 poolings: the network wants heights and widths that are multiples of this."""

ACTIVATION_LAYERS = {
    "leaky_relu": lambda slope: nn.LeakyReLU(slope),
    "relu": lambda slope: nn.ReLU(),
    "prelu": lambda slope: nn.PReLU(init=slope),
    "swish": lambda slope: nn.SiLU(),
}
"""Eq. 10 (LeakyReLU; ReLU with slope 0; PReLU with the slope learnt) and Eq. 11 (SWISH with beta = 1)."""


class DoubleConv(nn.Sequential):
    """Two 3x3 convolutions, each followed by the activation: (N, in, H, W) -> (N, out, H, W)."""

    def __init__(self, channels_in: int, channels_out: int, settings: NetworkSettings):
        act = ACTIVATION_LAYERS[settings.activation]
        super().__init__(
            nn.Conv2d(channels_in, channels_out, 3, padding=1),
            act(settings.slope),
            nn.Conv2d(channels_out, channels_out, 3, padding=1),
            act(settings.slope),
        )


def _upsampler(channels_in: int, channels_out: int, kind: str) -> nn.Module:
    """Doubles height and width: (N, in, H, W) -> (N, out, 2H, 2W)."""
    if kind == "transposed":
        return nn.ConvTranspose2d(channels_in, channels_out, 2, stride=2, bias=False)
    corners = {} if kind == "nearest" else {"align_corners": False}
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode=kind, **corners),
        nn.Conv2d(channels_in, channels_out, 3, padding=1),
    )


class UNet(nn.Module):
    """The U-net of the paper's Fig. 4: 32-64-128-256-512 feature maps, 7,761,345 parameters with r concatenated.

    Fully convolutional: any height and width that are multiples of 16 (`Denoiser` and `inference` pad others).
    Weights start as in the authors' released script: Xavier-uniform convolutions with zero bias,
    transposed convolutions from a normal distribution of standard deviation 0.02, without bias.
    """

    def __init__(self, settings: NetworkSettings | None = None):
        super().__init__()
        self.settings = settings = settings or NetworkSettings()
        widths = [settings.width * 2**level for level in range(5)]
        inputs = [INPUTS[settings.inputs], *widths[:3]]
        self.down = nn.ModuleList(DoubleConv(i, o, settings) for i, o in zip(inputs, widths[:4], strict=True))
        self.bottom = DoubleConv(widths[3], widths[4], settings)
        steps = [(widths[level + 1], widths[level]) for level in (3, 2, 1, 0)]
        self.up = nn.ModuleList(_upsampler(i, o, settings.upsampling) for i, o in steps)
        extra = [int(settings.ratio_mode == "concatenate"), 0, 0, 0]
        self.merge = nn.ModuleList(DoubleConv(2 * o + e, o, settings) for (_, o), e in zip(steps, extra, strict=True))
        self.head = nn.Conv2d(widths[0], 1, 1)
        self.apply(_initialise)

    def forward(self, image: Tensor, exposure_ratio: Tensor) -> Tensor:
        """image (N, C, H, W), exposure_ratio (N,) -> (N, 1, H, W). ValueError for H or W not a multiple of 16.

        Computes in the weights' precision, the last layer in its own.
        """
        if image.shape[-1] % STRIDE or image.shape[-2] % STRIDE:
            raise ValueError(f"the U-net needs multiples of {STRIDE} pixels, not {tuple(image.shape[-2:])}; pad first.")
        mode, ratio = self.settings.ratio_mode, exposure_ratio.to(image.dtype).view(-1, 1, 1, 1)
        x = image * ratio if mode == "multiply" else image + ratio if mode == "add" else image
        x, skips = x.to(self.bottom[0].weight.dtype), []
        for block in self.down:
            skips.append(block(x))  # width * 2^level maps at 1 / 2^level of the size
            x = F.max_pool2d(skips[-1], 2)
        x = self.bottom(x)  # 16 * width maps, H / 16
        for level, (up, merge) in enumerate(zip(self.up, self.merge, strict=True)):
            parts = [up(x), skips.pop()]
            if level == 0 and mode == "concatenate":
                parts.append(ratio.to(x.dtype).expand(len(image), 1, *parts[0].shape[-2:]))
            x = torch.cat(parts, dim=1)
            del parts  # a quarter of all memory
            x = merge(x)
        with torch.autocast(image.device.type, enabled=False):
            return self.head(x.to(self.head.weight.dtype))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.ConvTranspose2d):
        nn.init.normal_(module.weight, std=0.02)


BLOCK = 32
"""Side, pixels, of the blocks in which `sky_statistics` measures the noise."""


def sky_statistics(image: Tensor, max_pixels: int = 2**20) -> Tensor:
    """Level and noise of the sky, once per image: (N, 1, H, W) -> (N, 2), in the image's unit.

    sigma = 1.4826 MAD(x[i-3] - 2 x[i] + x[i+3]) / sqrt(6) in blocks of 32 x 32 pixels, the first decile of them / 0.95:
    second differences are blind to slopes and nebulae, the median to stars, the decile to crowded blocks (0.95 is what
    the scatter of blocks leaves of it on a blank sky), and three pixels are beyond the reach of drizzle's correlation.
    The background is the median of the pixels within 3 sigma of the median, twice. Non-finite pixels are left out; an
    image with none left gives NaN. Images narrower than seven pixels use the standard deviation. Of an image with more
    than ``max_pixels`` every n-th block counts. No host synchronisation.
    """
    plane = image[:, 0]
    step = max(1, int((plane[0].numel() / max_pixels) ** 0.5))
    sample = _finite(plane[:, ::step, ::step]).flatten(1)
    if plane.shape[-1] >= 7:
        sigma = _blocks_sigma(plane, step)
    else:
        sigma = torch.nan_to_num(_finite(plane).flatten(1)).std(dim=1, correction=0)
    centre = sample.nanmedian(dim=1, keepdim=True).values
    for _ in range(2):
        near = (sample - centre).abs() <= 3 * sigma[:, None]
        centre = torch.where(near, sample, torch.nan).nanmedian(dim=1, keepdim=True).values.nan_to_num(0) + 0 * centre
    return torch.stack([centre[:, 0], sigma.clamp_min(1e-8)], dim=1)


def _finite(values: Tensor) -> Tensor:
    return torch.where(torch.isfinite(values), values, torch.nan).float()


def _blocks_sigma(plane: Tensor, step: int) -> Tensor:
    """First decile over blocks of the noise behind the second differences of (N, H, W), three pixels apart: (N,)."""
    height, width = min(BLOCK, plane.shape[1]), min(BLOCK, plane.shape[2] - 6)
    blocks = _finite(plane.unfold(1, height, height * step).unfold(2, width + 6, width * step))
    bend = (blocks[..., :-6] - 2 * blocks[..., 3:-3] + blocks[..., 6:]).flatten(3).flatten(1, 2)
    sigma = 1.4826 * bend.abs().nanmedian(dim=-1).values / 6**0.5
    return sigma.nanquantile(0.1, dim=1) / (0.95 if sigma.shape[1] > 1 else 1)


SOFTENING = 3.0
"""Where `Denoiser`'s asinh scale bends, in units of the sky's noise: below, it is linear and keeps the noise's mean."""


class Denoiser(nn.Module):
    """A network, the U-net or another, with the scaling that belongs to it: image in e-/s in, image in e-/s out.

    ``direct``: x_hat = net(x, r), the paper's networks: no normalisation at all (section 2).
    ``noise_units``: x_hat = x - s(x) net(asinh((x - b) / sigma_sky), r), where b and sigma_sky are measured once per
    image and s(x) is the noise model's standard deviation at a 3x3-smoothed input. The network then only ever
    predicts noise of order one, whatever the brightness of the star underneath.
    ``asinh``: x_hat = b + 3 sigma_sky sinh(net(asinh((x - b) / (3 sigma_sky)), r)), for networks that make the image.
    """

    def __init__(self, settings: NetworkSettings | None = None):
        super().__init__()
        self.settings = settings or NetworkSettings()
        self.net = PEER_NETWORKS.get(self.settings.architecture, UNet)(self.settings)

    def forward(
        self,
        image: Tensor,
        exposure_time: Tensor,
        exposure_ratio: Tensor,
        sky: Tensor | None = None,
        band: Tensor | None = None,
        truth: Tensor | None = None,
    ) -> Tensor:
        """(N, 1, H, W) e-/s, seconds (N,), r (N,), sky (N, 2), band (N,) -> (N, 1, H, W) e-/s.

        exposure_time is that of ``image``; sky is `sky_statistics` of the whole image, measured here where it is
        missing and wanted; band is the index in `BANDS`, used by ``filters`` networks only; truth, the image as it
        should be, (N, 1, H, W), by ``oracle`` networks only.
        """
        if sky is None:
            sky = sky_statistics(image) if self.settings.needs_sky else image.new_zeros(len(image), 2)
        background, sigma = sky.view(-1, 2, 1, 1, 1).unbind(1)
        if self.settings.output == "direct":
            return self.net(self._channels(image, image, background, sigma, band, truth), exposure_ratio)
        if self.settings.output == "asinh":
            scaled = stretch(image, sky)
            net = self.net(self._channels(scaled, image, background, sigma, band, truth), exposure_ratio)
            return background + SOFTENING * sigma * torch.sinh(net)
        scaled = torch.asinh((image - background) / sigma)
        noise = noise_sigma(image - background, exposure_time.view(-1, 1, 1, 1), sigma)
        return image - noise * self.net(self._channels(scaled, image, background, sigma, band, truth), exposure_ratio)

    def _channels(self, scaled: Tensor, image: Tensor, background: Tensor, sigma: Tensor, band, truth=None) -> Tensor:
        inputs = self.settings.inputs
        if inputs == "image":
            return scaled
        if inputs in ("segmentation", "oracle"):
            if inputs == "oracle" and truth is None:
                raise ValueError("an oracle network is shown the truth: it is a bound to compare with, no denoiser.")
            seen = (image if inputs == "segmentation" else truth) - background
            return torch.cat([scaled, segmentation_map(seen, sigma).to(scaled.dtype)], 1)
        if band is None:
            raise ValueError(f"a network with one channel per filter needs the filter; give one of {BANDS}.")
        chosen = F.one_hot(band, len(BANDS)).to(scaled.dtype).view(-1, len(BANDS), 1, 1)
        return scaled * chosen


def stretch(image: Tensor, sky: Tensor) -> Tensor:
    """asinh((x - b) / (3 sigma)): `Denoiser`'s asinh scale. image (N, 1, H, W), sky (N, 2), e-/s; no unit."""
    background, sigma = sky.view(-1, 2, 1, 1, 1).unbind(1)
    return torch.asinh((image - background) / (SOFTENING * sigma))


def segmentation_map(source: Tensor, sky_sigma: Tensor, threshold: float = 3.0) -> Tensor:
    """1 where the 3x3 mean of the noisy input lies above ``threshold`` of its own sky noise, else 0 (section 3.3.4).

    Made from the network's input alone: a map from the ground truth would tell the network where the stars are.
    source (N, 1, H, W), sky-subtracted e-/s; sky_sigma (N, 1, 1, 1).
    """
    smooth = F.avg_pool2d(F.pad(source, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return smooth > threshold * sky_sigma / 3


def noise_sigma(source: Tensor, exposure_time: Tensor, sky_sigma: Tensor) -> Tensor:
    """Standard deviation of a pixel's noise, e-/s: sqrt(sky_sigma^2 + source / t), of the 3x3-smoothed source.

    source: the sky-subtracted image (N, 1, H, W), e-/s; exposure_time, sky_sigma: (N, 1, 1, 1). The sky's own noise
    is the measured one, so that the estimate follows combined and drizzled images too.
    """
    smooth = F.avg_pool2d(F.pad(source, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return torch.sqrt(sky_sigma**2 + smooth.clamp_min(0) / exposure_time)


@torch.no_grad()
def reach(settings: NetworkSettings | None = None, size: int = 272) -> Tensor:
    """How many pixels to the left and to the right an output pixel sees: (16, 2), by its place on the coarsest grid.

    Measured, not counted: a NaN poisons exactly the outputs that depend on it, whatever the weights, so a network of
    width 1 tells of all. One input column of ``size`` is poisoned at a time, the 16 output columns in the middle are
    read; in float64, whose convolutions sum directly. The network is the same up and down.
    """
    net = UNet(replace(settings or NetworkSettings(), width=1)).double()
    column, middle = torch.arange(size), size // 2 // STRIDE * STRIDE
    images = torch.zeros(size, INPUTS[net.settings.inputs], STRIDE, size, dtype=torch.float64)
    images[column, :, :, column] = torch.nan
    poisoned = net(images, torch.ones(size)).isnan().any(2)[:, 0, middle : middle + STRIDE]
    first = poisoned.int().argmax(0)
    last = size - 1 - poisoned.flip(0).int().argmax(0)
    outputs = torch.arange(middle, middle + STRIDE)
    return torch.stack([outputs - first, last - outputs], dim=1)


def convolutional_layers(net: UNet) -> list[nn.Module]:
    """The 19 ordinary convolutions in the order of the data, each by the module whose output is its feature maps.

    That is the activation after a 3x3 convolution, and the 1x1 convolution at the end. The four up-samplings between
    them are not counted.
    """
    blocks = [*net.down, net.bottom, *net.merge]
    return [layer for block in blocks for layer in (block[1], block[3])] + [net.head]


@torch.inference_mode()
def feature_maps(
    denoiser: Denoiser, image: Tensor, exposure_time: float, exposure_ratio: float, layers: Sequence[int]
) -> list[Tensor]:
    """What convolutional layers answer to an image, after their activation (the paper's Fig. 11).

    image (H, W), e-/s, sides multiples of 16; layers: 1 is the first convolution, -1 the last (`convolutional_layers`).
    Returns one tensor (C, h, w) a layer, without unit. Raises ValueError for a layer that there isn't.
    """
    convolutions = convolutional_layers(denoiser.net)
    wrong = [layer for layer in layers if not 1 <= abs(layer) <= len(convolutions)]
    if wrong:
        raise ValueError(f"there is no layer {wrong[0]}; choose 1 to {len(convolutions)}, or -1 for the last.")
    seen: dict[nn.Module, Tensor] = {}
    chosen = [convolutions[layer - 1 if layer > 0 else layer] for layer in layers]
    hooks = [module.register_forward_hook(lambda m, _, out: seen.update({m: out[0].float()})) for module in chosen]
    try:
        number = {"dtype": image.dtype, "device": image.device}
        denoiser(image[None, None], torch.tensor([exposure_time], **number), torch.tensor([exposure_ratio], **number))
    finally:
        for hook in hooks:
            hook.remove()
    return [seen[module] for module in chosen]


def count_parameters(network: nn.Module) -> int:
    """Number of trainable numbers; 7,761,345 for the paper's network."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
