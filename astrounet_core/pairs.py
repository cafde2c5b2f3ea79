"""Training pairs: scenes on a device, random crops, noise; every batch a function of (seed, update) alone."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .experiments import Experiment, Preset
from .field_table import Field
from .injection import StarInjector
from .instrument import RELEASED, WFC3_UVIS
from .noise import NOISE_MODELS, noise_variance, physical
from .settings import BANDS
from .unet import noise_sigma, sky_statistics


@dataclass(frozen=True)
class FieldSet:
    """Rendered fields, stacked on one device: scenes (F, H, W), noise-free, e-/s, and (F,) of what else is needed.

    exposure_time: s; sky: e-/s; reads: exposures added up; correlation: drizzle's, at lag 1; band: index in `BANDS`.
    real: the scenes are no scenes but real long exposures, noise and all (`hla.hla_field_set`).
    """

    scenes: Tensor
    exposure_time: Tensor
    sky: Tensor
    reads: Tensor
    band: Tensor
    correlation: Tensor
    real: bool = False

    @property
    def device(self) -> torch.device:
        return self.scenes.device

    def maker(self, experiment: Experiment, preset: Preset, batch: int, crop: int, seed: int) -> "PairMaker":
        """What makes training batches of these fields."""
        return PairMaker(self, experiment, preset, batch, crop, seed)

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
    sigma (N, 1, h, w): the true standard deviation of the noise, e-/s; sky (N, 2): `unet.sky_statistics` of the whole
    noisy field, for networks that scale by it and see no more than a crop of it here, else None; valid (N, 1, h, w):
    where the target has data, None for everywhere."""

    noisy: Tensor
    target: Tensor
    exposure_time: Tensor
    exposure_ratio: Tensor
    band: Tensor
    sigma: Tensor
    sky: Tensor | None = None
    valid: Tensor | None = None

    def masked(self, output: Tensor) -> Tensor:
        """``output`` with the target where that has no data: no error there and no gradient, whatever the loss."""
        return output if self.valid is None else torch.where(self.valid, output, self.target)

    def images(self, first: int, end: int) -> "Batch":
        """Images ``first`` to ``end`` - 1 of the batch alone."""
        return Batch(**{name: None if value is None else value[first:end] for name, value in vars(self).items()})

    def shown(self) -> dict[str, Tensor | None]:
        """What `unet.Denoiser` is called with; of the truth only ``oracle`` networks take notice."""
        names = ("exposure_time", "exposure_ratio", "sky", "band")
        return {"image": self.noisy, "truth": self.target} | {name: getattr(self, name) for name in names}


class PairMaker:
    """Makes batches for one experiment under one preset, on the device of its field set.

    Where bias counts extra (`Preset.bias_weight`), every crop comes twice, and an odd batch is one image larger.

    ``maker(update)`` draws the crops from a generator seeded by (seed, crop number) and the noise from one seeded by
    (seed, update): a resumed run sees exactly what an uninterrupted one would have seen. It does so in two steps:
    ``reseed(update)`` happens on the host, ``draw(step)`` on the device alone, fit for a CUDA graph.
    """

    def __init__(self, data: FieldSet, experiment: Experiment, preset: Preset, batch: int, crop: int, seed: int):
        size = data.scenes.shape[-1]
        if crop + experiment.max_shift > size:
            raise ValueError(f"crops of {crop} pixels do not fit fields of {size}; choose a smaller crop.")
        if data.real and "scene" in (preset.source, preset.target):
            raise ValueError("real exposures come without a noise-free scene; choose preset paper or code.")
        self.data, self.experiment, self.preset = data, experiment, preset
        self.crop, self.seed = crop, seed
        self.crops, self.noise = (torch.Generator(data.scenes.device) for _ in range(2))
        self.images = {"scene": data.scenes, "exposure": data.scenes, "itself": data.scenes}
        if "long" in (preset.source, preset.target):
            self.images["long"] = data.scenes if data.real else self._long_exposures()
        self.ratios = torch.tensor(experiment.ratios, device=data.scenes.device)
        self.twins = 2 if preset.bias_weight else 1
        self.count = -(-batch // self.twins)
        self.injector = StarInjector(data.scenes.device) if preset.extra_stars else None
        scaled = experiment.settings(preset, width=1).needs_sky
        self.sky = torch.stack([self.whole_sky(ratio) for ratio in experiment.ratios], 1) if scaled else None

    def __call__(self, update: int) -> Batch:
        """The batch of one update, 0-based."""
        return self.draw(self.reseed(update))

    @property
    def generators(self) -> tuple[torch.Generator, ...]:
        """All that `draw` takes its numbers from."""
        return self.crops, self.noise

    def reseed(self, update: int) -> int | None:
        """Set the generators for one update; returns its place in the order of exposure ratios, if there is one."""
        ordered = self.experiment.ratio_order == "ordered"
        number, step = divmod(update, len(self.ratios)) if ordered else (update, None)
        self.crops.manual_seed(stream_seed(self.seed, number, stream=1))
        self.noise.manual_seed(stream_seed(self.seed, update, stream=2))
        return step

    def draw(self, step: int | None) -> Batch:
        """A batch from the generators as they are, at exposure ratio number ``step``, or random ones for None."""
        field, row, column = self._corners()
        shift = self._shift()
        random = step is None
        which = self._integers(len(self.ratios), len(field)) if random else torch.full_like(field, step)
        source = cut(self.images[self.preset.source], field, row, column, self.crop)
        moved = (row + shift[0], column + shift[1])
        target = cut(self.images[self.preset.target], field, *moved, self.crop)
        if self.injector:
            stars = self._stars(field, self.ratios[which])
            source, target = source + stars, target + stars
        drawn = (source, target, field, self.ratios[which])
        drawn = [each.repeat_interleave(self.twins, 0) for each in drawn]
        sky = self.sky[field, which].repeat_interleave(self.twins, 0) if self.sky is not None else None
        return self._without_truth(replace(self._degrade(*drawn), sky=sky), drawn)

    def _without_truth(self, batch: Batch, drawn: list[Tensor]) -> Batch:
        """The batch as it is where its target is known; else with a noisy target, and sigma as measured in the input.

        Weights that knew the scene would tell of it, and those that knew the target would shift the optimum.
        """
        if self.preset.target not in ("exposure", "itself"):
            return batch
        if self.preset.target == "exposure":
            batch = replace(batch, target=self._degrade(*drawn).noisy)
        else:
            batch = blind_spots(batch, self.noise)
        background, sky_sigma = batch.sky.view(-1, 2, 1, 1, 1).unbind(1)
        sigma = noise_sigma(batch.noisy - background, batch.exposure_time.view(-1, 1, 1, 1), sky_sigma)
        return replace(batch, sigma=sigma)

    def whole(self, ratio: float) -> Batch:
        """Every field in full at one exposure ratio, in order: what validation scores."""
        self.noise.manual_seed(stream_seed(self.seed, 0, stream=3))
        source, target = (self.images[name].unsqueeze(1) for name in (self.preset.source, self.preset.target))
        field = torch.arange(len(source), device=source.device)
        return self._degrade(source, target, field, torch.full((len(source),), ratio, device=source.device))

    def whole_sky(self, ratio: float) -> Tensor:
        """`unet.sky_statistics` (F, 2) of every field's noisy exposure at one ratio, one field at a time."""
        self.noise.manual_seed(stream_seed(self.seed, 0, stream=5))
        which = torch.arange(len(self.data.scenes), device=self.data.scenes.device).split(1)
        short = torch.full((1,), ratio, device=self.data.scenes.device)
        source = self.images[self.preset.source].unsqueeze(1)
        return torch.cat([sky_statistics(self._degrade(source[i], source[i], i, short).noisy) for i in which])

    def _stars(self, field: Tensor, ratio: Tensor) -> Tensor:
        """Images of the added stars alone, (N, 1, crop, crop), e-/s."""
        data = self.data
        time, sky, reads, band = (x[field] for x in (data.exposure_time, data.sky, data.reads, data.band))
        variance = noise_variance(torch.zeros_like(time), time, ratio, WFC3_UVIS, sky=sky, reads=(reads / ratio).ceil())
        return self.injector(variance, time / ratio, band, self.preset.extra_stars, self.crop, self.crops)

    def _long_exposures(self) -> Tensor:
        """One noisy exposure of the full time per field, drawn once: what the paper calls its ground truth."""
        self.noise.manual_seed(stream_seed(self.seed, 0, stream=4))
        data = self.data
        columns = (data.exposure_time, data.sky, data.reads, data.correlation)
        time, sky, reads, correlation = (x.view(-1, 1, 1) for x in columns)
        extra = {"sky": sky, "reads": reads, "correlation": correlation}
        return physical(data.scenes, time, 1.0, WFC3_UVIS, self.noise, **extra)

    def _degrade(self, source: Tensor, target: Tensor, field: Tensor, ratio: Tensor) -> Batch:
        data, r = self.data, ratio.view(-1, 1, 1, 1)
        columns = (data.exposure_time, data.sky, data.reads, data.correlation)
        time, sky, reads, correlation = (x[field].view(-1, 1, 1, 1) for x in columns)
        extra = {"reads": (reads / r).ceil(), "correlation": correlation} if self.preset.noise == "physical" else {}
        extra["sky"] = sky if self.preset.keeps_sky and not data.real else 0.0
        detector = RELEASED if self.preset.noise == "released" else WFC3_UVIS
        noisy = NOISE_MODELS[self.preset.noise](source, time, r, detector, self.noise, **extra)
        sigma = noise_variance(source, time, r, detector, **extra).sqrt()
        return Batch(noisy, target, (time / r).flatten(), ratio, data.band[field], sigma)

    def _integers(self, high: int, count: int) -> Tensor:
        return torch.randint(high, (count,), generator=self.crops, device=self.crops.device)

    def _corners(self) -> tuple[Tensor, Tensor, Tensor]:
        free = self.data.scenes.shape[-1] - self.crop - self.experiment.max_shift + 1
        return tuple(self._integers(high, self.count) for high in (len(self.data.scenes), free, free))

    def _shift(self) -> Tensor:
        return self._integers(self.experiment.max_shift + 1, 2 * self.count).view(2, -1)


BOX = 4
"""One pixel in a box of 4 x 4 is hidden from a network that learns from blind spots."""


def blind_spots(batch: Batch, generator: torch.Generator) -> Batch:
    """Noise2Void's pairs (Krull, Buchholz & Jug 2019, arXiv:1811.10980): the input is its own target, at hidden pixels.

    In every box of 4 x 4 pixels, a grid laid at random, one of four pixels gets the value of one of its eight
    neighbours, and only these count (`Batch.valid`). They are three pixels apart or more, so that no copy of a hidden
    value is left anywhere. (There, 1 pixel in 64 and neighbours up to two pixels away; trainings here are short.)
    """
    noisy, where = batch.noisy, {"generator": generator, "device": batch.noisy.device}
    count, _, height, width = noisy.shape
    image = torch.arange(count, device=noisy.device).view(-1, 1, 1)
    origin = torch.randint(BOX, (2, count, 1, 1), **where)
    row, column = torch.arange(height, device=noisy.device)[:, None], torch.arange(width, device=noisy.device)
    y, x = (row + origin[0]) % height, (column + origin[1]) % width
    chosen = torch.randint(BOX, (count, height // BOX, width // BOX), **where)[image, y // BOX, x // BOX]
    hidden = ((y % BOX) * BOX + x % BOX == (chosen // 2) * BOX + chosen % 2).unsqueeze(1)
    step = torch.randint(8, (count, height, width), **where)
    step = step + (step >= 4)
    neighbour = noisy[image, 0, (row + step // 3 - 1) % height, (column + step % 3 - 1) % width]
    return replace(batch, noisy=torch.where(hidden, neighbour.unsqueeze(1), noisy), target=noisy, valid=hidden)


def cut(images: Tensor, field: Tensor, row: Tensor, column: Tensor, size: int) -> Tensor:
    """Crops with their first pixel at (row, column): (F, H, W) -> (N, 1, size, size), by indexing on the device."""
    along = torch.arange(size, device=images.device)
    rows, columns = row[:, None] + along, column[:, None] + along
    return images[field[:, None, None], rows[:, :, None], columns[:, None, :]].unsqueeze(1)


def stream_seed(seed: int, number: int, stream: int) -> int:
    """A seed of its own for every (seed, number, stream), by a multiplicative mix modulo a large prime."""
    return (seed * 1_000_003 + number * 7_919 + stream * 104_729) * 2_654_435_761 % (2**61 - 1)
