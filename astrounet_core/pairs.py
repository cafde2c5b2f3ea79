"""Training pairs: scenes on a device, random crops, noise; every batch a function of (seed, update) alone."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .experiments import Experiment, Preset
from .instrument import FILTERS, RELEASED, WFC3_UVIS
from .noise import NOISE_MODELS, noise_variance, physical
from .scenes import Field, Scene
from .unet import BANDS


@dataclass(frozen=True)
class FieldSet:
    """Rendered fields, stacked. scenes (F, H, W) noise-free, e-/s; exposure_time (F,), s; sky (F,), e-/s; band (F,)."""

    scenes: Tensor
    exposure_time: Tensor
    sky: Tensor
    band: Tensor

    @classmethod
    def stack(cls, fields: list[Field], scenes: list[Scene], device: torch.device | str = "cpu") -> "FieldSet":
        """Stack rendered fields of one size."""
        return cls(
            torch.stack([scene.image for scene in scenes]).to(device),
            torch.tensor([field.exposure_time for field in fields], device=device),
            torch.tensor([FILTERS[field.band].sky for field in fields], device=device),
            torch.tensor([BANDS.index(field.band) for field in fields], device=device),
        )

    def long_exposures(self, generator: torch.Generator) -> Tensor:
        """One noisy exposure of the full time per field, drawn once: what the paper calls its ground truth."""
        time, sky = self.exposure_time.view(-1, 1, 1), self.sky.view(-1, 1, 1)
        return physical(self.scenes, time, 1.0, WFC3_UVIS, generator, sky=sky)


@dataclass(frozen=True)
class Batch:
    """noisy and target (N, 1, h, w), e-/s; exposure_time of the noisy image, s, exposure_ratio and band (N,);
    sigma (N, 1, h, w): the true standard deviation of the noise, e-/s."""

    noisy: Tensor
    target: Tensor
    exposure_time: Tensor
    exposure_ratio: Tensor
    band: Tensor
    sigma: Tensor


class PairMaker:
    """Makes batches for one experiment under one preset, on the device of its field set.

    ``maker(update)`` draws the crops from a generator seeded by (seed, crop number) and the noise from one seeded by
    (seed, update): a resumed run sees exactly what an uninterrupted one would have seen.
    """

    def __init__(self, data: FieldSet, experiment: Experiment, preset: Preset, batch: int, crop: int, seed: int):
        size = data.scenes.shape[-1]
        if crop + experiment.max_shift > size:
            raise ValueError(f"crops of {crop} pixels do not fit fields of {size}; choose a smaller crop.")
        self.data, self.experiment, self.preset = data, experiment, preset
        self.batch, self.crop, self.seed = batch, crop, seed
        self.crops, self.noise = (torch.Generator(data.scenes.device) for _ in range(2))
        long = data.long_exposures(self.noise.manual_seed(seed)) if "long" in (preset.source, preset.target) else None
        self.images = {"scene": data.scenes, "long": long}
        self.ratios = torch.tensor(experiment.ratios, device=data.scenes.device)

    def __call__(self, update: int) -> Batch:
        """The batch of one update, 0-based."""
        ordered = self.experiment.ratio_order == "ordered"
        number, step = divmod(update, len(self.ratios)) if ordered else (update, None)
        self.crops.manual_seed(_seed(self.seed, number, stream=1))
        self.noise.manual_seed(_seed(self.seed, update, stream=2))
        field, row, column = self._corners()
        shift = self._shift()
        source = self._cut(self.images[self.preset.source], field, row, column)
        target = self._cut(self.images[self.preset.target], field, row + shift[0], column + shift[1])
        ratio = self.ratios[step].expand(self.batch) if ordered else self._random_ratio()
        return self._degrade(source, target, field, ratio)

    def whole(self, ratio: float) -> Batch:
        """Every field in full at one exposure ratio, in order: what validation scores."""
        self.noise.manual_seed(_seed(self.seed, 0, stream=3))
        source, target = (self.images[name].unsqueeze(1) for name in (self.preset.source, self.preset.target))
        field = torch.arange(len(source), device=source.device)
        return self._degrade(source, target, field, torch.full((len(source),), ratio, device=source.device))

    def _degrade(self, source: Tensor, target: Tensor, field: Tensor, ratio: Tensor) -> Batch:
        time, sky = (x[field].view(-1, 1, 1, 1) for x in (self.data.exposure_time, self.data.sky))
        r = ratio.view(-1, 1, 1, 1)
        extra = {"sky": sky} if self.preset.noise == "physical" else {}
        detector = RELEASED if self.preset.noise == "released" else WFC3_UVIS
        noisy = NOISE_MODELS[self.preset.noise](source, time, r, detector, self.noise, **extra)
        sigma = noise_variance(source, time, r, detector, sky=sky).sqrt()
        return Batch(noisy, target, (time / r).flatten(), ratio, self.data.band[field], sigma)

    def _integers(self, high: int, count: int) -> Tensor:
        return torch.randint(high, (count,), generator=self.crops, device=self.crops.device)

    def _corners(self) -> tuple[Tensor, Tensor, Tensor]:
        free = self.data.scenes.shape[-1] - self.crop - self.experiment.max_shift + 1
        field = self._integers(len(self.data.scenes), self.batch)
        return field, self._integers(free, self.batch), self._integers(free, self.batch)

    def _shift(self) -> Tensor:
        return self._integers(self.experiment.max_shift + 1, 2 * self.batch).view(2, -1)

    def _random_ratio(self) -> Tensor:
        return self.ratios[self._integers(len(self.ratios), self.batch)]

    def _cut(self, images: Tensor, field: Tensor, row: Tensor, column: Tensor) -> Tensor:
        """(F, H, W) -> (N, 1, crop, crop), by indexing on the device."""
        along = torch.arange(self.crop, device=images.device)
        rows, columns = row[:, None] + along, column[:, None] + along
        return images[field[:, None, None], rows[:, :, None], columns[:, None, :]].unsqueeze(1)


def _seed(seed: int, number: int, stream: int) -> int:
    """A seed of its own for every (seed, number, stream), by a multiplicative mix modulo a large prime."""
    return (seed * 1_000_003 + number * 7_919 + stream * 104_729) * 2_654_435_761 % (2**61 - 1)
