"""The same images scored under every combination of conventions that a text may leave open (sections 4.1-4.3).

A measure has choices, and a choice has options. Images are those of `evaluation`: (H, W), e-/s, sky-subtracted; the
input counts as such if it is `Exposure.noisy` itself, and it alone can be in electrons of its own exposure.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np
import sep
import torch
from scipy.ndimage import uniform_filter
from scipy.stats import entropy

from . import metrics, photometry
from .evaluation import MATCH_RADIUS, Exposure
from .fluxes import forced_fluxes
from .starlists import Catalogue, Stars

TRUTH = {"long exposure": "long", "noise-free scene": "scene"}
SKY = {"left in": 1.0, "subtracted": 0.0}
ELECTRONS = {"its own": "own", "the long exposure's": "long"}
LIMITS = {"the reference's": None, "255 e⁻": 255.0, "1 e⁻": 1.0, "100 e⁻/s": "declared"}
PIXELS = {"truth": TRUTH, "sky": SKY, "electrons of the input": ELECTRONS}
DISTRIBUTIONS = {
    "pixels, floor 1 e⁻": 1.0,
    "pixels, floor 0.01 e⁻": 0.01,
    "histogram, bins of 0.5 σ": "sigma",
    "histogram, 100 bins to 500 e⁻": np.linspace(0, 500, 101),
    "histogram, 256 bins to 65,535 e⁻": np.linspace(0, 65535, 257),
}
CHOICES = {
    "psnr": PIXELS | {"MAX": LIMITS | {"65,535 e⁻": 65535.0, "87 e⁻": 87.0}},
    "ssim": PIXELS
    | {
        "pixel scale": {"linear": "linear", "asinh": "asinh"},
        "window": {"11-tap Gaussian": "gaussian", "7-tap uniform": "uniform"},
        "L": LIMITS,
    },
    "kl": PIXELS | {"distribution": DISTRIBUTIONS},
    "tpr": {
        "truth": TRUTH,
        "electrons of the input": ELECTRONS,
        "least area": {"10 px": 10, "5 px": 5},
        "detection filter": {"none": None, "3 × 3": ((1, 2, 1), (2, 4, 2), (1, 2, 1))},
        "match radius": {"2 px": 2.0, "1 px": 1.0, "3 px": 3.0},
    },
    "rfe": {
        "stars": {"matched detections": "matched", "isolated ones above 5σ": "isolated"},
        "fluxes of the input": {"multiplied by r": "long", "as counted": "own"},
        "average": {"mean": np.mean, "mean of absolute values": lambda x: np.mean(np.abs(x)), "median": np.median},
    },
    "snr_factor": {
        "electrons of the input": ELECTRONS,
        "stars": {"shared": "shared", "those of each image": "each"},
        "B": {"level with the sky": "background", "level without": "rest", "rms": "rms", "0": "none"},
    },
}
"""Of each measure, {choice: {option: what it stands for}}; first options are how `evaluation` reads the paper."""

OUR_OWN = {"truth": "noise-free scene", "sky": "subtracted", "electrons of the input": "the long exposure's"}
DEFAULTS = {
    "psnr": OUR_OWN | {"MAX": "100 e⁻/s"},
    "ssim": OUR_OWN | {"pixel scale": "asinh", "window": "11-tap Gaussian", "L": "100 e⁻/s"},
    "kl": OUR_OWN | {"distribution": "histogram, bins of 0.5 σ"},
}
"""The conventions that this book's own scores use, `evaluation.pixel_scores` under the protocol ``independent``."""

RANKED = {
    "psnr": np.negative,
    "ssim": np.negative,
    "kl": float,
    "tpr": np.negative,
    "rfe": abs,
    "snr_factor": np.negative,
}
"""What is smaller for the better image."""


@dataclass(frozen=True)
class Score:
    """One measure under one convention: choices {choice: option}, values {image: value}."""

    measure: str
    choices: dict[str, str]
    values: dict[str, float]

    @property
    def order(self) -> tuple[str, ...]:
        """The images from the best to the worst; those without a value come last."""
        rank = {name: RANKED[self.measure](value) for name, value in self.values.items()}
        return tuple(sorted(rank, key=lambda name: (np.isnan(rank[name]), rank[name])))


def scores(measure: str, shot: Exposure, outputs: dict[str, np.ndarray]) -> list[Score]:
    """A measure of every image under every convention. Raises ValueError for a measure that has no choices here."""
    if measure not in CHOICES:
        raise ValueError(f"no conventions are known for {measure!r}; choose one of {', '.join(CHOICES)}.")
    *outer, (_, options) = CHOICES[measure].items()
    known: dict[tuple, list[float]] = {}
    found = []
    for names in product(*(part for _, part in outer)):
        values = [part[name] for (_, part), name in zip(outer, names, strict=True)]
        columns = {}
        for image, output in outputs.items():
            key = (image, *("long" if value == "own" and output is not shot.noisy else str(value) for value in values))
            if key not in known:
                known[key] = MEASURES[measure](shot, output, *values, list(options.values()))
            columns[image] = known[key]
        for k, option in enumerate(options):
            choices = dict(zip(CHOICES[measure], (*names, option), strict=True))
            found.append(Score(measure, choices, {image: column[k] for image, column in columns.items()}))
    return found


def psnr(shot: Exposure, output: np.ndarray, truth, sky, electrons, maxima: Sequence) -> list[float]:
    """`metrics.psnr_paper`, Eq. 13, for each MAX."""
    frames = _frames(shot, output, truth, sky, electrons)
    return [metrics.psnr_paper(*frames, maximum=_limit(shot, each)) for each in maxima]


def ssim(shot: Exposure, output: np.ndarray, truth, sky, electrons, scale, window, limits: Sequence) -> list[float]:
    """Mean SSIM, Eq. 21, of electrons or of asinh(electrons / sigma), sigma the input's noise, for each L."""
    image, reference, image_time, reference_time = _frames(shot, output, truth, sky, electrons)
    x, y = image.astype(float) * image_time, reference.astype(float) * reference_time
    spans = [np.ptp(y) if limit is None else _limit(shot, limit) for limit in limits]
    if scale == "asinh":
        x, y, *spans = (np.arcsinh(each / (_sigma(shot) * reference_time)) for each in (x, y, *spans))
    moments = metrics.local_moments(x, y) if window == "gaussian" else uniform_moments(x, y)
    return [_ssim_of(moments, float(span)) for span in spans]


def _ssim_of(moments: tuple, span: float) -> float:
    (mean_x, mean_y), (sigma_x, sigma_y), covariance = moments
    c1, c2, _ = metrics.ssim_constants(span)
    both = metrics.luminance(mean_x, mean_y, c1) * (2 * covariance + c2) / (sigma_x**2 + sigma_y**2 + c2)
    return both.mean().item()


def uniform_moments(image: np.ndarray, reference: np.ndarray, size: int = 7) -> tuple:
    """`metrics.local_moments` in plain windows of ``size`` pixels, with sample variances: scikit-image's default."""
    stack = np.stack([image, reference, image**2, reference**2, image * reference])
    half, sample = size // 2, size**2 / (size**2 - 1)
    smooth = np.stack([uniform_filter(each, size)[half:-half, half:-half] for each in stack])
    mean, square, product_ = smooth[:2], smooth[2:4], smooth[4]
    sigma = np.sqrt(np.maximum(sample * (square - mean**2), 0))
    return torch.from_numpy(mean), torch.from_numpy(sigma), torch.from_numpy(sample * (product_ - mean[0] * mean[1]))


def kl(shot: Exposure, output: np.ndarray, truth, sky, electrons, distributions: Sequence) -> list[float]:
    """Eq. 9 of the reference's pixels from the image's: as distributions over pixels above a floor in electrons, as
    `metrics.kl_histogram` about the reference's sky, or as histograms of electrons between given edges."""
    frames = _frames(shot, output, truth, sky, electrons)
    x, y = frames[0] * frames[2], frames[1] * frames[3]
    level, sigma = (value * frames[3] for value in (sky * shot.field.sky, _sigma(shot)))
    found = []
    for each in distributions:
        if isinstance(each, str):
            found.append(metrics.kl_histogram(x, y, sky=level, sigma=sigma))
        elif isinstance(each, float):
            found.append(metrics.kl_paper(*frames, floor=each))
        else:
            found.append(histogram_divergence(x, y, each))
    return found


def histogram_divergence(image: np.ndarray, reference: np.ndarray, edges: np.ndarray) -> float:
    """Eq. 9, sum p ln(p / q), of the reference's histogram p from the image's q; half a count is added to every bin.

    What lies beyond the edges counts in the outermost bins.
    """
    p, q = (np.histogram(np.clip(each, edges[0], edges[-1]), edges)[0] + 0.5 for each in (reference, image))
    return float(entropy(p, q))


def tpr(shot: Exposure, output: np.ndarray, truth, electrons, area, kernel, radii: Sequence) -> list[float]:
    """Share of the reference's stars that the image shows, Eq. 23, %, for each radius of matching.

    The reference is the long exposure, searched with the same settings, or the true sources that it could show.
    """
    settings = replace(photometry.PAPER_SETTINGS, min_area=area, kernel=kernel)
    found = photometry.detect((output + shot.sky) * _time(shot, output, electrons), settings)
    if truth == "long":
        long = photometry.detect((shot.long + shot.sky) * shot.field.exposure_time, settings)
        there = long["x"], long["y"]
    else:
        there = shot.sources
    matched = [len(photometry.match(found["x"], found["y"], *there, radius)[0]) for radius in radii]
    return [100 * metrics.recall(count, len(there[0]) - count) for count in matched]


def rfe(shot: Exposure, output: np.ndarray, stars, electrons, averages: Sequence) -> list[float]:
    """Eq. 25, %, averaged in each way: over detections matched with the long exposure's, against their flux there, or
    over isolated stars of a signal-to-noise ratio above 5, found or not, against the truth (`forced_fluxes`)."""
    if stars == "matched":
        found = Stars.compare(_catalogue(shot, output, "own"), shot.reference, MATCH_RADIUS)
        measured, true = found.flux, found.flux_reference
    else:
        true, bound, change = forced_fluxes(shot, output)
        kept = true > 5 * bound
        measured, true = (true + change)[kept], true[kept]
    share = _time(shot, output, electrons) / shot.field.exposure_time
    errors = 100 * metrics.relative_flux_error(share * measured, true)
    return [float(average(errors)) if len(errors) else np.nan for average in averages]


def snr_factor(shot: Exposure, output: np.ndarray, electrons, stars, backgrounds: Sequence) -> list[float]:
    """Eq. 28 for each B of Eq. 26: the image's over the input's, and for the input itself over the long exposure's.

    shared: over stars that the image, the input and the long exposure show; each: over all detections of each.
    """
    found = _catalogue(shot, output, electrons)
    other = _catalogue(shot, *((shot.long, "long") if output is shot.noisy else (shot.noisy, electrons)))
    chosen = [slice(None), slice(None)]
    if stars == "shared":
        pairs = [Stars.compare(each, shot.reference, MATCH_RADIUS).pairs for each in (found, other)]
        _, *rows = np.intersect1d(pairs[0][1], pairs[1][1], return_indices=True)
        chosen = [pair[0][row] for pair, row in zip(pairs, rows, strict=True)]
    both = list(zip((found, other), chosen, strict=True))
    ratios = [[photometry.snr(c["flux"][i], c["flux_error"][i], c[b][i]) for c, i in both] for b in backgrounds]
    return [photometry.stacking_factor(*pair) for pair in ratios]


MEASURES = {"psnr": psnr, "ssim": ssim, "kl": kl, "tpr": tpr, "rfe": rfe, "snr_factor": snr_factor}
"""Name -> function (exposure, image, an option of each choice but the last, all options of the last) -> values."""


def chosen(found: list[Score], **wanted: str) -> Score:
    """The one score with these options, and the first option of every other choice. ValueError for an unknown one.

    Choices are named as in `CHOICES`, so that most of them come as ``**{"match radius": "1 px"}``.
    """
    full = {choice: next(iter(options)) for choice, options in CHOICES[found[0].measure].items()} | wanted
    fitting = [score for score in found if score.choices == full]
    if fitting:
        return fitting[0]
    raise ValueError(f"{found[0].measure} has no convention {wanted}; see conventions.CHOICES.")


def spread(found: list[Score]) -> dict[str, list[float]]:
    """{image: its finite values under all conventions}; a perfect PSNR is infinite and left out."""
    return {image: [s.values[image] for s in found if np.isfinite(s.values[image])] for image in found[0].values}


def limits(found: list[Score]) -> dict[str, tuple[float, float]]:
    """{image: its lowest and its highest finite value}; NaN where there is none."""
    return {image: (min(each), max(each)) if each else (np.nan, np.nan) for image, each in spread(found).items()}


def without(found: list[Score], image: str) -> list[Score]:
    """The same scores with one image left out."""
    return [replace(s, values={name: value for name, value in s.values.items() if name != image}) for s in found]


def winners(found: list[Score]) -> Counter:
    """How often each image is the best."""
    return Counter(score.order[0] for score in found)


def influence(found: list[Score]) -> list[dict]:
    """What each choice does, all others being equal: {choice, median, largest, reordered}, a row a choice.

    median, largest: of the absolute differences between any two of its options, over images and conventions;
    reordered: share of such pairs in which the images change their order, %.
    """
    rows = []
    for choice in found[0].choices:
        groups: dict[tuple, list[Score]] = {}
        for score in found:
            groups.setdefault(tuple(v for k, v in score.choices.items() if k != choice), []).append(score)
        pairs = [pair for group in groups.values() for pair in combinations(group, 2)]
        with np.errstate(invalid="ignore"):  # infinite PSNR
            moved = np.abs([np.subtract(*(list(score.values.values()) for score in pair)) for pair in pairs])
        moved = moved[np.isfinite(moved)]
        reordered = 100 * float(np.mean([a.order != b.order for a, b in pairs]))
        rows.append(
            {
                "choice": choice,
                "median": float(np.median(moved)),
                "largest": float(np.max(moved)),
                "reordered": reordered,
            }
        )
    return rows


def _frames(shot: Exposure, output: np.ndarray, truth: str, sky: float, electrons: str) -> tuple:
    """Image and reference, e-/s, with or without sky, and the exposure times whose electrons they count."""
    reference = shot.long if truth == "long" else shot.scene.image.numpy()
    level = np.float32(sky * shot.field.sky)
    return output + level, reference + level, _time(shot, output, electrons), shot.field.exposure_time


def _time(shot: Exposure, output: np.ndarray, electrons: str) -> float:
    return shot.exposure_time if electrons == "own" and output is shot.noisy else shot.field.exposure_time


def _limit(shot: Exposure, limit: float | str | None) -> float | None:
    return metrics.DATA_RANGE * shot.field.exposure_time if limit == "declared" else limit


def _sigma(shot: Exposure) -> float:
    return float(np.sqrt(np.median(shot.variance)))


def _catalogue(shot: Exposure, output: np.ndarray, electrons: str) -> Catalogue:
    """Detections at the paper's settings with three more backgrounds: rest, what is left of the level once the sky has
    been subtracted; rms, its noise a pixel; and none."""
    own = electrons == "own" and output is shot.noisy
    found = shot.own if own else shot.detect(output)
    long, frame = shot.field.exposure_time, (output + shot.sky) * shot.field.exposure_time
    rms = sep.Background(np.ascontiguousarray(frame, np.float32)).globalrms  # own electrons times r are these
    level = found["background"]
    return found | {"rest": level - shot.sky * long, "rms": np.full_like(level, rms), "none": np.zeros_like(level)}
