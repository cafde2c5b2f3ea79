"""Small networks to compare the U-net with, each a body for `unet.Denoiser`: (N, C, H, W) -> (N, 1, H, W).

They see the same channels as the U-net and are deaf to the exposure ratio: what they are trained to make, the
noise-free scene, does not depend on it. Their originals work on images scaled to their maximum or to 8 bits, which
leaves nothing of faint stars; here `Denoiser` scales by the measured noise instead. All compute in the weights'
precision, the last layer, ``head``, in its own.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .settings import INPUTS, NetworkSettings


class PeerNetwork(nn.Module):
    """``head(body(image))``. Sides must be multiples of ``stride``; an output pixel of a tile aligned to it depends on
    at most ``halo`` pixels beside the tile, None for a network that is shown whole images only. Weights start as
    Xavier's, ``gain`` times as large: sqrt(2) keeps signals alive through many ReLUs."""

    stride, halo, gain = 1, 0, 2**0.5

    def __init__(self, body: nn.Module, head: nn.Module):
        super().__init__()
        self.body, self.head = body, head
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.xavier_uniform_(layer.weight, 1.0 if layer is head else self.gain)
                nn.init.zeros_(layer.bias)

    def forward(self, image: Tensor, exposure_ratio: Tensor) -> Tensor:
        """image (N, C, H, W), exposure_ratio (N,), of which no notice is taken -> (N, 1, H, W)."""
        x = self.body(image.to(next(self.body.parameters()).dtype))
        with torch.autocast(image.device.type, enabled=False):
            return self.head(x.to(self.head.weight.dtype))


def _convolution(channels_in: int, channels_out: int, activation: nn.Module, dilation: int = 1) -> list[nn.Module]:
    """A 3x3 convolution that keeps the size, and its activation."""
    return [nn.Conv2d(channels_in, channels_out, 3, padding=dilation, dilation=dilation), activation]


class Flamary(PeerNetwork):
    """The three-layer CNN of Flamary 2017 (arXiv:1612.04526): 64 maps of 10x10, 16 of 6x6, 1 of 5x5; 43,745 parameters.

    Kept: the convolutions, ReLU between them, Xavier weights. Changed: the last ReLU is gone, since a sky-subtracted
    image is negative half of the time; the network sees the whole image at once, reflected 9 pixels beyond its
    edges, in place of patches of 32 pixels that lose 18; it predicts noise in its own units; there is no PSF to undo.
    """

    halo, gain = 9, 1.0

    def __init__(self, settings: NetworkSettings):
        layers = [nn.Conv2d(INPUTS[settings.inputs], 64, 10), nn.ReLU(), nn.Conv2d(64, 16, 6), nn.ReLU()]
        super().__init__(nn.Sequential(nn.ReflectionPad2d(self.halo), *layers), nn.Conv2d(16, 1, 5))


class AutoEncoder(PeerNetwork):
    """A convolutional auto-encoder without skips, trained to denoise (Vincent et al. 2008; convolutional as in
    Gondara 2016, arXiv:1608.04667) with a sparse code (Xie et al. 2012), for which see `objectives.sparse`.

    3x3 convolutions of ``width`` maps with ReLU: two, each halved by max pooling, one that makes the ``code`` at a
    quarter of the size, two after nearest-neighbour doubling, and the last. It makes the image, not the noise: what
    does not fit through the code is lost, and noise is what should be.
    """

    stride, halo = 4, 12

    def __init__(self, settings: NetworkSettings):
        width, relu = settings.width, nn.ReLU()
        down = [*_convolution(INPUTS[settings.inputs], width, relu), nn.MaxPool2d(2)]
        down += [*_convolution(width, width, relu), nn.MaxPool2d(2)]
        up = [layer for _ in range(2) for layer in (nn.Upsample(scale_factor=2), *_convolution(width, width, relu))]
        code = nn.Sequential(*_convolution(width, width, relu))
        super().__init__(nn.Sequential(*down, code, *up), nn.Conv2d(width, 1, 3, padding=1))

    @property
    def code(self) -> nn.Module:
        """The layer whose output is the code, (N, width, H / 4, W / 4)."""
        return next(layer for layer in self.body if isinstance(layer, nn.Sequential))


class FCN(PeerNetwork):
    """A plain fully convolutional network: eight 3x3 convolutions of ``width`` maps with ReLU, the noise as its output.

    DnCNN (Zhang et al. 2017, arXiv:1608.03981) with half of its layers and without batch normalisation; of the kind
    that Learning to See in the Dark (Chen et al. 2018) lists beside its U-net.
    """

    DEPTH = 8
    halo = DEPTH

    def __init__(self, settings: NetworkSettings):
        widths = [INPUTS[settings.inputs], *[settings.width] * (self.DEPTH - 1)]
        body = [layer for pair in pairwise(widths) for layer in _convolution(*pair, nn.ReLU())]
        super().__init__(nn.Sequential(*body), nn.Conv2d(settings.width, 1, 3, padding=1))


class CAN(PeerNetwork):
    """The multi-scale context aggregation network of Chen, Xu & Koltun 2017 (arXiv:1709.00643), their CAN24.

    Kept: 3x3 convolutions with dilations 1, 2, 4 ... 64 and 1, leaky ReLU of slope 0.2, a linear 1x1 convolution last,
    24 maps, full size throughout, weights that start as the identity. Changed: small random weights are added to it;
    no adaptive batch normalisation, whose statistics would tie a pixel to the rest of the image; it predicts noise in
    its own units.
    """

    DILATIONS = (1, 2, 4, 8, 16, 32, 64, 1)
    halo, gain = sum(DILATIONS), 0.3

    def __init__(self, settings: NetworkSettings):
        widths = [INPUTS[settings.inputs], *[settings.width] * len(self.DILATIONS)]
        layers = zip(pairwise(widths), self.DILATIONS, strict=True)
        body = [layer for pair, d in layers for layer in _convolution(*pair, nn.LeakyReLU(settings.slope), d)]
        super().__init__(nn.Sequential(*body), nn.Conv2d(settings.width, 1, 1))
        for layer in self.body[::2]:
            layer.weight.data += nn.init.dirac_(torch.empty_like(layer.weight))


class TwoLayer(PeerNetwork):
    """The network of zero-shot Noise2Noise (Mansour & Heckel 2023, arXiv:2303.11253): image - f(image), f two 3x3
    convolutions of ``width`` maps (48 there) with leaky ReLU of slope 0.2, and a 1x1 convolution. See `zero_shot`."""

    halo = 2

    def __init__(self, settings: NetworkSettings):
        first, second = (
            _convolution(channels, settings.width, nn.LeakyReLU(settings.slope))
            for channels in (INPUTS[settings.inputs], settings.width)
        )
        super().__init__(nn.Sequential(*first, *second), nn.Conv2d(settings.width, 1, 1))

    def forward(self, image: Tensor, exposure_ratio: Tensor) -> Tensor:
        """image (N, C, H, W), the image itself in the first channel -> (N, 1, H, W); exposure_ratio is not used."""
        return image[:, :1] - super().forward(image, exposure_ratio)


STRETCH_RANGE = 12.0
"""What `Denoiser`'s asinh scale is divided by for GalaxyGAN: it reaches 11 at 10^5 times the sky's noise."""


class GalaxyGAN(PeerNetwork):
    """The generator of GalaxyGAN (Schawinski et al. 2017, arXiv:1702.00403), pix2pix's U-net; `adversarial` trains it.

    Kept: eight 4x4 convolutions of stride 2 down to a 256th of the size, leaky ReLU of slope 0.2 between, eight
    transposed ones with ReLU back up, skips, tanh, multiples 1, 2, 4, 8, 8, 8, 8, 8 of ``width`` maps, an image on an
    asinh scale in and out. Changed: width 12 in place of 64, so that weights stay below 4 MB; one channel; the scale
    is `Denoiser`'s, in float and inverted exactly, in place of asinh(10 x) / 3 clipped and cut to 8 bits; no batch
    normalisation (at a batch of one it would be the image's own) and no dropout (the answer is repeatable).
    """

    stride, halo = 256, None

    def __init__(self, settings: NetworkSettings):
        widths = [settings.width * factor for factor in (1, 2, 4, 8, 8, 8, 8, 8)]
        body = _Pyramid([INPUTS[settings.inputs], *widths], settings.slope)
        super().__init__(body, nn.ConvTranspose2d(2 * widths[0], 1, 4, stride=2, padding=1))

    def forward(self, image: Tensor, exposure_ratio: Tensor) -> Tensor:
        """image (N, C, H, W), sides multiples of 256 -> (N, 1, H, W); exposure_ratio is not used."""
        return STRETCH_RANGE * torch.tanh(super().forward(image / STRETCH_RANGE, exposure_ratio))


class _Pyramid(nn.Module):
    """All of GalaxyGAN's generator but its last layer: (N, C, H, W) -> (N, 2 * width, H / 2, W / 2), after a ReLU."""

    def __init__(self, widths: list[int], slope: float):
        super().__init__()
        levels = list(pairwise(widths))
        self.slope = slope
        self.down = nn.ModuleList(nn.Conv2d(i, o, 4, stride=2, padding=1) for i, o in levels)
        ups = [(o if level == len(levels) - 1 else 2 * o, i) for level, (i, o) in enumerate(levels)][:0:-1]
        self.up = nn.ModuleList(nn.ConvTranspose2d(i, o, 4, stride=2, padding=1) for i, o in ups)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for i, layer in enumerate(self.down):
            x = layer(F.leaky_relu(x, self.slope) if i else x)
            skips.append(x)
        x = skips.pop()
        for layer in self.up:
            x = torch.cat([layer(x.relu()), skips.pop()], 1)
        return x.relu()


PEER_NETWORKS: dict[str, type[PeerNetwork]] = {
    "flamary": Flamary,
    "autoencoder": AutoEncoder,
    "fcn": FCN,
    "can": CAN,
    "galaxygan": GalaxyGAN,
    "two_layer": TwoLayer,
}
"""`NetworkSettings.architecture` -> network."""
