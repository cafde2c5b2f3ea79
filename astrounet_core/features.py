"""Networks whose feature maps a perceptual loss compares (section 3.3.1): ``scenes``, our own, and ``vgg16``.

`SceneFeatures` is a small classifier of simulated scenes, trained here: ``python -m astrounet_core.features`` trains
it again, ``records.publish`` publishes it like any network. `VGG16` is the classifier of photographs that Johnson
et al. (2016) compare with, and what the paper's "pre-trained networks" most likely means.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from ._paths import BUILD_DIR
from .field_table import VERSION, Field, fields
from .instrument import WFC3_UVIS
from .noise import physical
from .pairs import FieldSet, cut
from .provenance import Stopwatch, commit, replacing, run_record, sha256, write_json
from .scenes import KINDS

SOFTENING = 0.03
"""e-/s: the noise of an empty pixel in half of the shortest visit, (0.1 * 175 + 3.1^2)^0.5 e- in 175 s."""

CROP = 128


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


class NoisyCrops:
    """Labelled crops of simulated fields: every kind equally often, exposed as training pairs are at r from 1 to 2."""

    def __init__(self, chosen: list[Field], data: FieldSet, seed: int):
        self.data = data
        self.labels = torch.tensor([KINDS.index(field.kind) for field in chosen])
        self.chance = 1 / torch.bincount(self.labels)[self.labels].float()
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, count: int) -> tuple[Tensor, Tensor]:
        """Noisy crops (N, 1, CROP, CROP), e-/s, and their labels (N,)."""
        which = torch.multinomial(self.chance, count, replacement=True, generator=self.generator)
        free = self.data.scenes.shape[-1] - CROP + 1
        corners = torch.randint(free, (2, count), generator=self.generator)
        ratio = 1 + torch.rand((count, 1, 1, 1), generator=self.generator)
        columns = (self.data.exposure_time, self.data.sky, self.data.reads, self.data.correlation)
        time, sky, reads, correlation = (x[which].view(-1, 1, 1, 1) for x in columns)
        extra = {"sky": sky, "reads": (reads / ratio).ceil(), "correlation": correlation}
        scenes = cut(self.data.scenes, which, *corners, CROP)
        return physical(scenes, time, ratio, WFC3_UVIS, self.generator, **extra), self.labels[which]


def train_scene_features(crops: NoisyCrops, updates: int, batch: int, rate: float = 3e-3) -> SceneFeatures:
    """Minimise the cross-entropy of the kinds with Adam; the learning rate falls to zero along a cosine."""
    network = SceneFeatures()
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, updates)
    for _ in range(updates):
        noisy, labels = crops(batch)
        optimiser.zero_grad()
        F.cross_entropy(network.classify(noisy), labels).backward()
        optimiser.step()
        schedule.step()
    return network.requires_grad_(False)


def accuracy(network: SceneFeatures, crops: NoisyCrops, batches: int = 20, size: int = 32) -> float:
    """Share of crops of which the kind is told rightly; one sixth by chance."""
    answers = (network.classify(noisy).argmax(1) == labels for noisy, labels in (crops(size) for _ in range(batches)))
    return torch.cat(list(answers)).float().mean().item()


def main(updates: int = 600, batch: int = 24, seed: int = 0) -> Path:
    """Train on the training fields, score on the validation fields; returns the folder of weights and record."""
    from .runs import field_set, fields_hash

    watch, source, folder = Stopwatch(), commit(), BUILD_DIR / "results" / "retrain" / "scene_features" / f"seed{seed}"
    torch.manual_seed(seed)
    splits = {"training": 160, "validation": 20}
    crops = {name: NoisyCrops(fields(name), field_set(name, count), seed) for name, count in splits.items()}
    network = train_scene_features(crops["training"], updates, batch).half().float()
    scores = {f"{name}_accuracy": round(accuracy(network, crops[name]), 4) for name in crops}
    path = folder / "weights.safetensors"
    about = {"experiment": "scene_features", "data": VERSION}
    header = about | {"kinds": ",".join(KINDS), "softening": str(SOFTENING), "seed": str(seed)}
    with replacing(path) as beside:
        save_file({name: value.half() for name, value in network.state_dict().items()}, beside, header)
    about |= {"data_sha256": fields_hash(), "weights_sha256": sha256(path), "steps": updates, "batch": batch} | scores
    base = {"profile": "retrain", "preset": None, "seed": seed, "device": "cpu", "seconds": watch.seconds}
    write_json(folder / "run.json", run_record(**base, source=source, crop=CROP, **about))
    return folder


if __name__ == "__main__":
    print(main())
