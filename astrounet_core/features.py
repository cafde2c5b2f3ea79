"""Networks whose feature maps a perceptual loss compares (section 3.3.1): ``scenes``, our own, and ``vgg16``.

`SceneFeatures` is a small classifier of simulated scenes, trained by `scene_classifier`. `VGG16` is the classifier of
photographs that Johnson et al. (2016) compare with, and what the paper's "pre-trained networks" most likely means.
"""

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from .scenes import KINDS

SOFTENING = 0.03
"""e-/s: the noise of an empty pixel in half of the shortest visit, (0.1 * 175 + 3.1^2)^0.5 e- in 175 s."""


def stretch(image: Tensor) -> Tensor:
    """asinh(image / SOFTENING): noise stays linear, of about unit size; stars become logarithms, 9.5 at saturation.

    image: sky-subtracted, e-/s, so that the background to take away is zero. Differentiable everywhere.
    """
    return torch.asinh(image / SOFTENING)


class SceneFeatures(nn.Module):
    """Three 3x3 convolutions of 16, 32 and 64 features with ReLU, halved between; mean over the image; linear.

    Trained to tell the six kinds of simulated scenes apart in noisy crops; a perceptual loss reads the convolutions.
    """

    def __init__(self):
        super().__init__()
        widths = ((1, 16), (16, 32), (32, 64))
        self.layers = nn.ModuleList(nn.Conv2d(*pair, 3, padding=1) for pair in widths)
        self.classifier = nn.Linear(64, len(KINDS))

    def forward(self, image: Tensor) -> list[Tensor]:
        """(N, 1, H, W), e-/s -> maps (N, 16, H, W), (N, 32, H/2, W/2), (N, 64, H/4, W/4)."""
        maps, x = [], stretch(image)
        for layer in self.layers:
            maps.append(F.relu(layer(x)))
            x = F.max_pool2d(maps[-1], 2)
        return maps

    def classify(self, image: Tensor) -> Tensor:
        """(N, 1, H, W), e-/s -> (N, 6): the logarithms of the chances of scenes.KINDS, up to a constant."""
        return self.classifier(self(image)[-1].mean((2, 3)))


class VGG16(nn.Module):
    """The 13 convolutions of VGG16 (Simonyan & Zisserman 2014), read at relu1_2, relu2_2, relu3_3 and relu4_3.

    These are the layers of Johnson et al. (2016); the last three convolutions are there because the weight file has
    them. The input is stretched to 0-1, the same in three channels, and normalised as ImageNet's photographs were.
    """

    WIDTHS = (64, 64, None, 128, 128, None, 256, 256, 256, None, 512, 512, 512, None, 512, 512, 512)
    READ = (3, 8, 15, 22)

    def __init__(self):
        super().__init__()
        layers, before = [], 3
        for width in self.WIDTHS:
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()] if width else [nn.MaxPool2d(2)]
            before = width or before
        self.features = nn.Sequential(*layers)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> list[Tensor]:
        """(N, 1, H, W), e-/s -> maps of 64, 128, 256 and 512 features, each half the size of the one before."""
        maps, x = [], (stretch(image) / 10 - self.mean) / self.std
        for i, layer in enumerate(self.features[: self.READ[-1] + 1]):
            x = layer(x)
            if i in self.READ:
                maps.append(x)
        return maps


def _scenes() -> SceneFeatures:
    from .manifest import weights_path

    network = SceneFeatures()
    network.load_state_dict({name: value.float() for name, value in load_file(weights_path("scene_features")).items()})
    return network


def _vgg16() -> VGG16:
    from .manifest import classifier, obtain

    tensors = torch.load(obtain(classifier("vgg16")), map_location="cpu", weights_only=True)
    network = VGG16()
    network.load_state_dict({name: value for name, value in tensors.items() if name.startswith("features.")})
    return network


FEATURES = {"scenes": _scenes, "vgg16": _vgg16}


def load_features(name: str = "scenes", device: torch.device | str = "cpu") -> nn.Module:
    """A feature network of `FEATURES`, fixed: (N, 1, H, W) in e-/s -> list of maps.

    The weights are those of data_manifest: of ``scenes`` kept in weights/, of ``vgg16`` found or fetched (553 MB).
    Raises ValueError for an unknown name or a damaged file, manifest.DataUnavailable where VGG16's is not to be had.
    """
    if name not in FEATURES:
        raise ValueError(f"unknown features {name!r}; choose from {', '.join(FEATURES)}.")
    return FEATURES[name]().to(device).eval().requires_grad_(False)
