"""FITS files denoised one after another: the next is read and the last is written while one is computed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from . import fits_out
from .concerns import concerns
from .cosmic_rays import clean_cosmic_rays
from .fits_io import FitsImage, read_image
from .frames import Frame, Trained, denoise_frame
from .instrument import WFC3_UVIS
from .provenance import Stopwatch

Progress = Callable[[Iterable], Iterable]
SUFFIXES = (".fits.gz", ".fits.fz", ".fits", ".fit", ".fts")


@dataclass(frozen=True)
class Request:
    """What is asked of every file: see ``astrounet denoise --help``."""

    exposure_ratio: float = 2.0
    exposure_time: float | None = None
    ext: str | int | None = None
    mask: Path | str | None = None
    clean_cosmic_rays: bool = False
    tile: int | None = None
    precision: str = "auto"


@dataclass(frozen=True)
class Outcome:
    """What became of one file: where the output is, or the sentence that says why there is none.

    seconds: of reading, computing and writing; they overlap those of other files.
    """

    source: Path
    target: Path
    error: str | None = None
    warnings: tuple[str, ...] = ()
    facts: dict = field(default_factory=dict)
    seconds: float = 0.0

    def as_dict(self) -> dict:
        """For JSON."""
        if self.error:
            return {"input": str(self.source), "error": self.error}
        told = {"input": str(self.source), "output": str(self.target), "seconds": round(self.seconds, 2)}
        return told | self.facts | {"warnings": list(self.warnings)}


def default_output(source: Path, folder: Path | None = None) -> Path:
    """``IN_denoised.fits`` beside the input, or in a folder."""
    suffix = next((end for end in SUFFIXES if source.name.lower().endswith(end)), source.suffix)
    return (folder or source.parent) / f"{source.name[: len(source.name) - len(suffix)]}_denoised.fits"


def check_targets(pairs: Sequence[tuple[Path, Path]], overwrite: bool) -> None:
    """Refuse, before anything is computed, outputs that exist, lie nowhere, collide, or are inputs themselves."""
    sources = {source.resolve() for source, _ in pairs}
    targets: dict[Path, Path] = {}
    for source, target in pairs:
        place = target.resolve()
        if place in sources:
            raise ValueError(f"{target} is an input; choose another output with -o or --out-dir.")
        if place in targets:
            raise ValueError(f"{targets[place]} and {source} would both become {target}; denoise them one by one.")
        if target.exists() and not target.is_file():
            raise ValueError(f"{target} is a folder or a device; give the name of a file.")
        if target.exists() and not overwrite:
            raise ValueError(f"{target} exists; choose another output, or give --overwrite.")
        if not target.parent.is_dir():
            raise ValueError(f"there is no folder {target.parent}; make it first.")
        targets[place] = source


def denoise_files(
    pairs: Sequence[tuple[Path, Path]], trained: Trained, request: Request, progress: Progress = iter
) -> Iterator[Outcome]:
    """Denoise (input, output) pairs of paths with one network; an outcome for each, in their order.

    A file that fails doesn't stop the others. At most three images are in memory. progress: as of `inference.denoise`.
    """
    watch = Stopwatch()
    with ThreadPoolExecutor(1) as reading, ThreadPoolExecutor(1) as writing:
        upcoming = reading.submit(_read, pairs[0][0], request)
        written: Future | None = None
        for i, (source, target) in enumerate(pairs):
            read = upcoming
            if i + 1 < len(pairs):
                read.exception()
                upcoming = reading.submit(_read, pairs[i + 1][0], request)
            outcome = _compute(source, target, read, trained, request, progress)
            if written is not None:
                yield written.result()
            written = writing.submit(_write, outcome, watch)
        yield written.result()


def _read(path: Path, request: Request) -> FitsImage:
    return read_image(path, request.exposure_time, request.ext, request.mask)


@dataclass(frozen=True)
class _Computed:
    outcome: Outcome
    read: FitsImage | None = None
    frame: Frame | None = None
    history: tuple[str, ...] = ()


def _compute(
    source: Path, target: Path, read: Future, trained: Trained, request: Request, progress: Progress
) -> _Computed:
    """The denoised image, not yet written, or the reason why there is none."""
    try:
        image = read.result()
        pixels, struck = _without_cosmic_rays(image) if request.clean_cosmic_rays else (image.image, None)
        frame = denoise_frame(
            pixels,
            request.exposure_ratio,
            image.exposure_time,
            trained,
            mask=image.mask,
            saturation=image.saturation,
            band=image.band,
            tile=request.tile,
            precision=request.precision,
            progress=progress,
        )
    except (ValueError, OSError) as error:
        return _Computed(Outcome(source, target, error=_sentence(source, error)))
    if struck is not None:
        frame = replace(frame, flags=frame.flags | np.where(struck, fits_out.FLAG_COSMIC_RAY, 0).astype(np.uint8))
    about = {"pixel_scale": image.pixel_scale, "band": image.band, "instrument": image.instrument}
    unlike = concerns(trained, request.exposure_ratio, image.exposure_time, frame=frame, **about)
    facts = _facts(image, frame, trained, request)
    outcome = Outcome(source, target, warnings=(*image.notes, *unlike), facts=facts)
    return _Computed(outcome, image, frame, _history(facts, outcome.warnings))


def _without_cosmic_rays(read: FitsImage) -> tuple[np.ndarray, np.ndarray]:
    """The image mended by L.A.Cosmic with the detector's numbers, and where: sky that is left in is not added again."""
    return clean_cosmic_rays(
        read.image,
        read.exposure_time,
        WFC3_UVIS,
        sky=read.sky_subtracted or 0.0,
        reads=read.reads,
        mask=read.mask,
    )


def _facts(read: FitsImage, frame: Frame, trained: Trained, request: Request) -> dict:
    names = {
        name.removeprefix("FLAG_").lower(): bit for name, bit in vars(fits_out).items() if name.startswith("FLAG_")
    }
    return {
        "network": trained.name,
        "weights_sha256": trained.sha256,
        "exposure_ratio": request.exposure_ratio,
        "exposure_time": read.exposure_time,
        "precision": frame.precision,
        "device": str(next(trained.network.parameters()).device),
        "sky": frame.sky,
        "sky_sigma": frame.sigma,
        "shape": list(frame.image.shape),
        "flagged": {name: int(np.count_nonzero(frame.flags & bit)) for name, bit in names.items()},
    }


def _history(facts: dict, warnings: Sequence[str]) -> tuple[str, ...]:
    """What HISTORY cards say."""
    return (
        f"network {facts['network']}, weights sha256 {facts['weights_sha256']}",
        f"exposure ratio {facts['exposure_ratio']:g}, exposure {facts['exposure_time']:g} s, {facts['precision']}",
        f"sky {facts['sky']:.6g} e-/s taken out and put back, its noise {facts['sky_sigma']:.6g} e-/s",
        *(f"warning: {sentence}" for sentence in warnings),
    )


def _write(computed: _Computed, watch: Stopwatch) -> Outcome:
    outcome, frame = computed.outcome, computed.frame
    if frame is None:
        return outcome
    try:
        given = {"input_error": frame.input_error, "flags": frame.flags, "history": computed.history}
        fits_out.write_denoised(computed.read, outcome.target, frame.image, **given)
    except (ValueError, OSError) as error:
        return replace(outcome, error=_sentence(outcome.target, error))
    return replace(outcome, seconds=watch.seconds)


def _sentence(path: Path, error: Exception) -> str:
    """What went wrong, with the file's name where it isn't said yet."""
    text = str(error)
    return text if path.name in text else f"{path}: {text}"
