"""Training of `features.SceneFeatures`: ``python -m astrounet_core.scene_classifier``, some minutes on one thread.

`records.publish` publishes what it leaves in ``_build/results/retrain/scene_features`` like any network.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from ._paths import BUILD_DIR
from .features import SOFTENING, SceneFeatures
from .field_table import VERSION, Field, fields
from .instrument import WFC3_UVIS
from .noise import physical
from .pairs import FieldSet, cut
from .provenance import Stopwatch, commit, replacing, run_record, sha256, write_json
from .runs import field_set, fields_hash
from .scenes import KINDS

CROP = 128


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
    watch, source, folder = Stopwatch(), commit(), BUILD_DIR / "results" / "retrain" / "scene_features" / f"seed{seed}"
    torch.manual_seed(seed)
    splits = {"training": 160, "validation": 20}
    crops = {name: NoisyCrops(fields(name), field_set(name, count), seed) for name, count in splits.items()}
    network = train_scene_features(crops["training"], updates, batch).half().float()
    scores = {f"{name}_accuracy": round(accuracy(network, crops[name]), 4) for name in crops}
    path = folder / "weights.safetensors"
    about = {"experiment": "scene_features", "data": VERSION}
    header = about | {"kinds": ",".join(KINDS), "softening": str(SOFTENING), "seed": str(seed), "steps": str(updates)}
    header |= {name: str(score) for name, score in scores.items()}
    with replacing(path) as beside:
        save_file({name: value.half() for name, value in network.state_dict().items()}, beside, header)
    about |= {"data_sha256": fields_hash(), "weights_sha256": sha256(path), "steps": updates, "batch": batch} | scores
    base = {"profile": "retrain", "preset": None, "seed": seed, "device": "cpu", "seconds": watch.seconds}
    write_json(folder / "run.json", run_record(**base, source=source, crop=CROP, **about))
    return folder


if __name__ == "__main__":
    print(main())
