"""What the border of an image or of a tile costs (section 5.2): a method's error against the distance from it.

Images are (H, W). A field is exposed with ``MARGIN`` more pixels on every side than are shown to the method, so that
what its answer would have been with all its surroundings is known too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .evaluation import expose
from .field_table import Field
from .scenes import render

MARGIN = 128
"""Pixels hidden around an image; the networks look 107 pixels far (`unet.reach`)."""

DISTANCE_EDGES = np.array([0, 1, 2, 4, 8, 16, 32, 64, 96, 128, 160])
"""Edges of bins of distance, pixels; the outermost row of pixels is at distance 0."""


@dataclass(frozen=True)
class CutOut:
    """An exposure and its middle: whole (H + 2 MARGIN, ...), e-/s; truth, sigma: of the whole, e-/s; exposure_time, s,
    of this exposure. sigma is the standard deviation of each pixel's noise."""

    whole: np.ndarray
    truth: np.ndarray
    sigma: np.ndarray
    exposure_time: float

    @property
    def image(self) -> np.ndarray:
        """What a method gets to see."""
        return middle(self.whole)


def cut_out(field: Field, size: int, exposure_ratio: float = 2.0, noise_seed: int = 0) -> CutOut:
    """The middle ``size`` x ``size`` pixels of a field, exposed independently of its truth with all its margin."""
    larger = replace(field, size=size + 2 * MARGIN)
    shot = expose(larger, render(larger), "independent", exposure_ratio, noise_seed)
    return CutOut(shot.noisy, shot.target, np.sqrt(shot.variance), shot.exposure_time)


def middle(image: np.ndarray) -> np.ndarray:
    """The image without `MARGIN`."""
    return image[MARGIN:-MARGIN, MARGIN:-MARGIN]


def edge_distance(shape: tuple[int, int]) -> np.ndarray:
    """Distance of each pixel, pixels, to the nearest edge of the image: 0 in its outermost rows and columns."""
    rows, columns = (np.minimum(np.arange(size), np.arange(size)[::-1]) for size in shape)
    return np.minimum(rows[:, None], columns)


def tile_distance(shape: tuple[int, int], core: int) -> np.ndarray:
    """Distance of each pixel to the nearest border between tiles with cores of ``core`` pixels: 0 on both sides of it.

    The image's own edges don't count; infinite where there is one tile only.
    """
    rows, columns = (_to_border(np.arange(size), size, core) for size in shape)
    return np.minimum(rows[:, None], columns)


def _to_border(place: np.ndarray, size: int, core: int) -> np.ndarray:
    since = place % core
    until = core - 1 - since
    behind = np.where(place >= core, since, np.inf)
    return np.minimum(behind, np.where(place + until + 1 < size, until, np.inf))


def rms_profile(error: np.ndarray, distance: np.ndarray, edges: np.ndarray = DISTANCE_EDGES) -> np.ndarray:
    """Root mean square of the error in bins of distance: (bins,); NaN in an empty bin."""
    which = np.digitize(distance.ravel(), edges) - 1
    squares = np.square(error, dtype=np.float64).ravel()
    groups = (squares[which == index] for index in range(len(edges) - 1))
    return np.array([np.sqrt(group.mean()) if group.size else np.nan for group in groups])


def profile_over_fields(
    outputs: Sequence[np.ndarray],
    wanted: Sequence[np.ndarray],
    shots: Sequence[CutOut],
    distance: np.ndarray,
    edges: np.ndarray = DISTANCE_EDGES,
) -> tuple[np.ndarray, np.ndarray]:
    """`rms_profile` of (output - wanted) / sigma on dark sky, where the scene is fainter than a pixel's noise: the
    mean over fields and its standard error, (bins,) each; NaN for the error of a single field.

    outputs, wanted: the shots' middles, one of each a shot. Wanted is the truth, or what the same network answers where
    nothing is missing: the difference is then what the border costs. Bright stars are left out because one of them,
    wherever it lies, outweighs its whole bin.
    """
    rows = []
    for output, ideal, shot in zip(outputs, wanted, shots, strict=True):
        sigma = middle(shot.sigma)
        dark = middle(shot.truth) < sigma
        rows.append(rms_profile(((output - ideal) / sigma)[dark], distance[dark], edges))
    stack = np.ma.masked_invalid(rows)
    error = stack.std(0, ddof=1) / np.sqrt(stack.count(0))
    return stack.mean(0).filled(np.nan), np.ma.filled(error, np.nan)
