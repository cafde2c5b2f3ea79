"""Where an image is unlike those that networks were trained on: one sentence each, and what it means.

A network answers whatever it is shown. That it was never shown anything like it, only we can say.
"""

import numpy as np

from .field_table import field_table
from .fits_out import FLAG_FILLED, FLAG_SATURATED, FLAG_UNTRAINED
from .frames import Frame, Trained, brightest_trained
from .instrument import WFC3_UVIS
from .settings import BANDS

SCALE_TOLERANCE = 0.1
"""Relative difference of pixel scales that passes without a word."""

MOST_PADDING = 0.5
"""Share of the pixels that may be padding without a word: a rotated frame has less."""


def concerns(
    trained: Trained,
    exposure_ratio: float,
    exposure_time: float,
    *,
    frame: Frame | None = None,
    pixel_scale: float | None = None,
    band: str | None = None,
    instrument: str | None = None,
) -> list[str]:
    """Sentences on what is unlike the training data; empty where nothing is, or nothing is known.

    exposure_time: of the image, s; pixel_scale: arcsec; band: the filter's name; instrument: as "WFC3/UVIS".
    """
    return [
        *_ratio(trained, exposure_ratio),
        *_time(trained, exposure_time),
        *(_scale(pixel_scale) if pixel_scale else ()),
        *_camera(band, instrument),
        *(_bright(frame) if frame else ()),
        *(_zeros(frame) if frame else ()),
    ]


def trained_times(trained: Trained) -> tuple[float, float]:
    """Shortest and longest exposure, s, that a network was shown as input: those of the fields over its ratios."""
    times = [seconds for seconds, _ in field_table()["exposure"]["seconds_and_reads"]]
    low, high = trained.ratios
    return min(times) / (high if np.isfinite(high) else 1), max(times) / low


def _ratio(trained: Trained, ratio: float):
    low, high = trained.ratios
    if not low <= ratio <= high:
        known = f"at r = {low:g}" if low == high else f"for r from {low:g} to {high:g}"
        yield (
            f"{trained.name} was trained {known}, so nothing is known of what it does at r = {ratio:g}; "
            "compare with a ratio it knows."
        )


def _time(trained: Trained, time: float):
    low, high = trained_times(trained)
    if not low <= time <= high:
        yield (
            f"the exposure is {time:g} s long and training showed {low:g} to {high:g} s: noise and detail have "
            "another balance here; try `astrounet check` on this image."
        )


def _scale(scale: float):
    if abs(scale / WFC3_UVIS.pixel_scale - 1) > SCALE_TOLERANCE:
        wide = "wider" if scale < WFC3_UVIS.pixel_scale else "narrower"
        yield (
            f'a pixel is {scale:.3f}" and training had {WFC3_UVIS.pixel_scale:.3f}": stars are {wide} in pixels than '
            "those the network knows, and faint ones may be taken for noise or noise for them."
        )


def _zeros(frame: Frame):
    share = float(np.mean((frame.flags & FLAG_FILLED > 0) & np.isfinite(frame.image)))
    if share > MOST_PADDING:
        yield (
            f"{100 * share:.0f} % of the pixels are zeros side by side, left alone as padding; where they count "
            "photons, the image is too sparse for these networks."
        )


def _camera(band: str | None, instrument: str | None):
    if instrument is not None and instrument != WFC3_UVIS.name:
        yield (
            f"the image is of {instrument} and training had {WFC3_UVIS.name}: point-spread function and read noise "
            "differ."
        )
    if band is not None and band not in BANDS:
        yield f"the filter is {band} and training had {' and '.join(BANDS)}: stars are sharper or wider than known."


def _bright(frame: Frame):
    untrained = int(np.count_nonzero(frame.flags & FLAG_UNTRAINED))
    if untrained:
        yield (
            f"{untrained} pixels are brighter than any in training ({brightest_trained():.0f} e-/s); they have bit "
            f"{FLAG_UNTRAINED} in MASK, so don't measure there."
        )
    saturated = int(np.count_nonzero(frame.flags & FLAG_SATURATED))
    if saturated:
        yield f"{saturated} pixels are saturated and were passed through; they have bit {FLAG_SATURATED} in MASK."
