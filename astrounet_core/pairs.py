"""Training pairs: scenes on a device, random crops, noise; every batch a function of (seed, update) alone."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .experiments import Experiment, Preset
from .field_table import Field
from .instrument import RELEASED, WFC3_UVIS
from .noise import NOISE_MODELS, noise_variance, physical
from .settings import BANDS


@dataclass(frozen=True)
class FieldSet:
    """Rendered fields, stacked on one device: scenes (F, H, W), noise-free, e-/s, and (F,) of what else is needed.

    exposure_time: s; sky: e-/s; reads: exposures added up; correlation: drizzle's, at lag 1; band: index in `BANDS`.
    """

    scenes: Tensor
    exposure_time: Tensor
    sky: Tensor
    reads: Tensor
    band: Tensor
    correlation: Tensor

    @classmethod
    def of(cls, chosen: list[Field], scenes: Tensor) -> "FieldSet":
        """The fields ``chosen`` and their rendered scenes (F, H, W), in the same order."""
        column = {
            "exposure_time": [field.exposure_time for field in chosen],
            "sky": [field.sky for field in chosen],
            "reads": [field.reads for field in chosen],
            "band": [BANDS.index(field.band) for field in chosen],
            "correlation": [field.drizzle_correlation for field in chosen],
        }
        return cls(scenes, **{name: torch.tensor(values, device=scenes.device) for name, values in column.items()})


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
        self.images = {"scene": data.scenes}
        if "long" in (preset.source, preset.target):
            self.images["long"] = self._long_exposures()
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

    def _long_exposures(self) -> Tensor:
        """One noisy exposure of the full time per field, drawn once: what the paper calls its ground truth."""
        self.noise.manual_seed(_seed(self.seed, 0, stream=4))
        data = self.data
        columns = (data.exposure_time, data.sky, data.reads, data.correlation)
        time, sky, reads, correlation = (x.view(-1, 1, 1) for x in columns)
        extra = {"sky": sky, "reads": reads, "correlation": correlation}
        return physical(data.scenes, time, 1.0, WFC3_UVIS, self.noise, **extra)

    def _degrade(self, source: Tensor, target: Tensor, field: Tensor, ratio: Tensor) -> Batch:
        data, r = self.data, ratio.view(-1, 1, 1, 1)
        columns = (data.exposure_time, data.sky, data.reads, data.correlation)
        time, sky, reads, correlation = (x[field].view(-1, 1, 1, 1) for x in columns)
        extra = {"sky": sky, "reads": (reads / r).ceil(), "correlation": correlation}
        extra = extra if self.preset.noise == "physical" else {}
        detector = RELEASED if self.preset.noise == "released" else WFC3_UVIS
        noisy = NOISE_MODELS[self.preset.noise](source, time, r, detector, self.noise, **extra)
        sigma = noise_variance(source, time, r, detector, **({"sky": 0.0} | extra)).sqrt()
        return Batch(noisy, target, (time / r).flatten(), ratio, data.band[field], sigma)

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
