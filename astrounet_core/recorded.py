"""Training on real exposures: pairs of FITS files of one's own (the paper's transfer learning, section 4.4.1).

A folder holds two files of every field, on the same pixels (registered, same size), in e-/s or electrons, with EXPTIME
in their headers; NaN marks pixels without data:

``NAME_short.fits`` and ``NAME_long.fits``
    the input and its target; the exposure ratio r is the ratio of their exposure times.
``NAME_a.fits`` and ``NAME_b.fits``
    two exposures of one field under independent noise: each is the input once and the target once (Noise2Noise,
    Lehtinen et al. 2018, arXiv:1803.04189). No ratio is asked for by such a pair: its best answer is the noise-free
    field whatever r is, and so the network is told the experiment's own ratios, drawn at random.

``.fits.gz`` and ``.fits.fz`` do as well. The last field by name is held out for validation; of a single one, its last
quarter of rows. Whoever has the same stars under two names sees them in both. Cosmic rays count as signal: remove
them first, or set them to NaN.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from .experiments import Experiment, Preset
from .pairs import Batch, cut, stream_seed
from .provenance import digest
from .settings import BANDS
from .unet import STRIDE, noise_sigma, sky_statistics

FILE_NAME = re.compile(r"(.+)_(short|long|a|b)\.fits(?:\.gz|\.fz)?")
ROLES = (("short", "long"), ("a", "b"))

VALIDATION_SIDE = 1024
"""Largest side, pixels, of what validation scores: the middle of a larger image."""

TRIES = 8
"""Places drawn for every crop; the first whose middle has data is taken."""


@dataclass(frozen=True)
class Recording:
    """An input and its target (H, W), e-/s, on one sky level, NaN where either has no data. exposure_time: of the
    input, s; exposure_ratio: NaN for a repeat, which has none; band: index in `BANDS`, -1 for another filter."""

    name: str
    noisy: Tensor
    target: Tensor
    exposure_time: float
    exposure_ratio: float
    band: int

    def rows(self, start: int, stop: int) -> "Recording":
        return replace(self, noisy=self.noisy[start:stop], target=self.target[start:stop])

    def middle(self) -> "Recording":
        """The middle of the image, at most `VALIDATION_SIDE` pixels a side, in multiples of the network's stride."""
        sides = [min(size, VALIDATION_SIDE) // STRIDE * STRIDE for size in self.noisy.shape]
        where = tuple(slice((n - s) // 2, (n - s) // 2 + s) for n, s in zip(self.noisy.shape, sides, strict=True))
        return replace(self, noisy=self.noisy[where], target=self.target[where])


@dataclass(frozen=True)
class RecordedSet:
    """Recordings on one device: noisy, target (F, H, W), e-/s, padded with NaN to the largest; size (F, 2), pixels;
    sky (F, 2): `sky_statistics` of the inputs; exposure_time, exposure_ratio, band (F,) as in `Recording`."""

    noisy: Tensor
    target: Tensor
    size: Tensor
    sky: Tensor
    exposure_time: Tensor
    exposure_ratio: Tensor
    band: Tensor

    @classmethod
    def of(cls, recordings: list[Recording], device: torch.device | str = "cpu") -> "RecordedSet":
        size = torch.tensor([each.noisy.shape for each in recordings])
        largest = [len(recordings), *size.max(0).values.tolist()]
        stacked = {}
        for name in ("noisy", "target"):
            stacked[name] = torch.full(largest, torch.nan)
            for place, each in zip(stacked[name], recordings, strict=True):
                place[: each.noisy.shape[0], : each.noisy.shape[1]] = getattr(each, name)
        sky = torch.cat([sky_statistics(each.noisy[None, None]) for each in recordings])
        names = ("exposure_time", "exposure_ratio", "band")
        columns = {name: torch.tensor([getattr(each, name) for each in recordings]) for name in names}
        return cls(
            **{name: value.to(device) for name, value in {**stacked, "size": size, "sky": sky, **columns}.items()}
        )

    @property
    def device(self) -> torch.device:
        return self.noisy.device

    def maker(self, experiment: Experiment, preset: Preset, batch: int, crop: int, seed: int) -> "RecordedPairs":
        """What makes training batches of these recordings; of the preset, nothing is left to say about them."""
        return RecordedPairs(self, experiment, batch, crop, seed)


class RecordedPairs:
    """Makes batches of recorded pairs, as `pairs.PairMaker` makes them of scenes: ``maker(update)``, ``whole(ratio)``.

    Crops, reflections and ratios come from a generator seeded by (seed, update) alone. ``sigma`` is `noise_sigma` of
    the input, so that a weighted square error keeps its optimum, E[target | input]: weights that knew the target would
    shift it. Pixels without data hold the sky in the input and count nothing in the loss (`Batch.valid`).
    """

    def __init__(self, data: RecordedSet, experiment: Experiment, batch: int, crop: int, seed: int):
        smallest = data.size.min().item()
        if crop > smallest:
            raise ValueError(f"crops of {crop} pixels do not fit an image of {smallest}; give larger images.")
        inputs = experiment.network.get("inputs", "image")
        if inputs == "filters" and (data.band < 0).any():
            raise ValueError(f"this network knows the filters {' and '.join(BANDS)} only; give images taken in these.")
        if inputs == "oracle":
            raise ValueError("a map of the truth cannot be made of real exposures; train another experiment.")
        self.data, self.batch, self.crop, self.seed = data, batch, crop, seed
        self.ratios = torch.tensor(experiment.ratios, device=data.device)
        self.generator = torch.Generator(data.device)

    def __call__(self, update: int) -> Batch:
        """The batch of one update, 0-based."""
        return self.draw(self.reseed(update))

    @property
    def generators(self) -> tuple[torch.Generator, ...]:
        """All that `draw` takes its numbers from."""
        return (self.generator,)

    def reseed(self, update: int) -> None:
        """Set the generator for one update."""
        self.generator.manual_seed(stream_seed(self.seed, update, stream=6))

    def draw(self, step: None = None) -> Batch:
        """A batch from the generator as it is."""
        where = {"generator": self.generator, "device": self.data.device}
        field = torch.randint(len(self.data.size), (self.batch,), **where)
        told = self.ratios[torch.randint(len(self.ratios), (self.batch,), **where)]
        row, column = self._corners(field)
        images = torch.stack([cut(x, field, row, column, self.crop) for x in (self.data.noisy, self.data.target)])
        for axis in (-1, -2):
            mirrored = torch.rand(self.batch, **where) < 0.5
            images = torch.where(mirrored.view(1, -1, 1, 1, 1), images.flip(axis), images)
        return self._batch(*images, field, told)

    def whole(self, ratio: float) -> Batch:
        """Every recording in full, in order: what validation scores; ratio: what repeats are told."""
        noisy, target = self.data.noisy.unsqueeze(1), self.data.target.unsqueeze(1)
        told = torch.full((len(noisy),), ratio, device=noisy.device)
        return self._batch(noisy, target, torch.arange(len(noisy), device=noisy.device), told)

    def _corners(self, field: Tensor) -> tuple[Tensor, Tensor]:
        free = self.data.size[field] - self.crop + 1
        drawn = {"generator": self.generator, "device": free.device, "dtype": torch.float64}
        corner = (torch.rand(TRIES, *free.shape, **drawn) * free).long()
        middle = corner + self.crop // 2
        filled = torch.isfinite(self.data.target[field, middle[..., 0], middle[..., 1]])
        chosen = corner[filled.int().argmax(0), torch.arange(len(field), device=free.device)]
        return chosen[:, 0], chosen[:, 1]

    def _batch(self, noisy: Tensor, target: Tensor, field: Tensor, told: Tensor) -> Batch:
        data, valid = self.data, torch.isfinite(target)
        sky, time, ratio = data.sky[field], data.exposure_time[field], data.exposure_ratio[field]
        background, sigma = sky.view(-1, 2, 1, 1, 1).unbind(1)
        noisy, target = (torch.where(valid, image, background) for image in (noisy, target))
        sigma = noise_sigma(noisy - background, time.view(-1, 1, 1, 1), sigma)
        ratio = torch.where(ratio.isnan(), told, ratio)
        return Batch(noisy, target, time, ratio, data.band[field].clamp_min(0), sigma, sky=sky, valid=valid)


def read_pairs(folder: Path, device: torch.device | str = "cpu") -> tuple[RecordedSet, RecordedSet]:
    """The recordings in a folder, for training and for validation; file names and units as this module says.

    Raises FileNotFoundError for no such folder, ValueError for one without pairs, a file without its partner, shapes
    that differ, a long exposure shorter than the short one, a file given twice, no common pixel, or a broken file.
    """
    fields = [_recordings(name, roles) for name, roles in pair_files(folder).items()]
    *rest, last = fields
    if rest:
        training, validation = [each for field in rest for each in field], last
    else:
        height = len(last[0].noisy)
        edge = height - max(STRIDE, height // 4)
        training, validation = ([each.rows(*part) for each in last] for part in ((0, edge), (edge, height)))
    validation = [each.middle() for each in validation]
    if not all(torch.isfinite(each.target).any() for each in [*training, *validation]):
        raise ValueError(f"the pixels of {folder} kept for validation, or all others, have no data; add a field.")
    return RecordedSet.of(training, device), RecordedSet.of(validation, device)


def pair_files(folder: Path) -> dict[str, dict[str, Path]]:
    """Field name -> role (``short``, ``long``, ``a``, ``b``) -> file, sorted by name. Raises as `read_pairs`."""
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}; name the one with your pairs, or hla.")
    found: dict[str, dict[str, Path]] = defaultdict(dict)
    for path in sorted(folder.iterdir()):
        if match := FILE_NAME.fullmatch(path.name):
            found[match[1]][match[2]] = path
    wanted = "NAME_short.fits and NAME_long.fits, or NAME_a.fits and NAME_b.fits"
    if not found:
        raise ValueError(f"{folder} holds no pair; name its files {wanted}.")
    for name, roles in found.items():
        if set(roles) not in map(set, ROLES):
            raise ValueError(f"field {name} of {folder} has {' and '.join(roles)}; a field is {wanted}.")
    return dict(found)


def pairs_hash(folder: Path) -> str:
    """One sha256 over the names and contents of all files that `read_pairs` reads."""
    return digest([path for roles in pair_files(folder).values() for path in roles.values()])


def _recordings(name: str, roles: dict[str, Path]) -> list[Recording]:
    """The one or two inputs that a field gives."""
    from .fits_io import read_image

    kind = ROLES[0] if "short" in roles else ROLES[1]
    first, second = (read_image(roles[role]) for role in kind)
    images = [torch.from_numpy(each.image) for each in (first, second)]
    _check(name, images, kind)
    band = BANDS.index(first.band) if first.band in BANDS else -1
    if kind == ROLES[1]:
        times = (first.exposure_time, second.exposure_time)
        ordered = zip((images, images[::-1]), times, strict=True)
        return [_recording(name, *pair, time, torch.nan, band) for pair, time in ordered]
    ratio = second.exposure_time / first.exposure_time
    if ratio < 1:
        raise ValueError(
            f"the long exposure of {name} took {second.exposure_time:g} s, the short one {first.exposure_time:g} s; "
            "exchange the two."
        )
    return [_recording(name, *images, first.exposure_time, ratio, band)]


def _check(name: str, images: list[Tensor], kind: tuple[str, str]) -> None:
    shapes = [" x ".join(map(str, image.shape)) for image in images]
    if shapes[0] != shapes[1]:
        raise ValueError(f"{name}_{kind[0]} has {shapes[0]} pixels, {name}_{kind[1]} has {shapes[1]}; register them.")
    if min(images[0].shape) < STRIDE:
        raise ValueError(f"the images of {name} have {shapes[0]} pixels; at least {STRIDE} a side are needed.")
    if torch.equal(images[0].nan_to_num(), images[1].nan_to_num()):
        raise ValueError(f"{name}_{kind[0]} and {name}_{kind[1]} are the same image; give two exposures.")
    if not torch.isfinite(images[0] + images[1]).any():
        raise ValueError(f"the images of {name} have no pixel with data in both; check their registration.")


def _recording(name: str, noisy: Tensor, target: Tensor, time: float, ratio: float, band: int) -> Recording:
    """A recording whose target has been brought to the sky level of the input, which is for the input to keep."""
    valid = torch.isfinite(noisy + target)
    noisy, target = (torch.where(valid, image, torch.nan) for image in (noisy, target))
    levels = sky_statistics(torch.stack([noisy, target])[:, None])[:, 0]
    return Recording(name, noisy, target + (levels[0] - levels[1]), time, ratio, band)
