"""What denoising does to one's own image: stars of known flux are added to it, and looked for before and after.

Stars go where the image is quiet, a few at a time, so that they don't crowd it. They are point sources with photon
noise of their own; the rest of the noise is the image's, whatever made it. Images are (H, W), e-/s.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sep
from scipy.ndimage import distance_transform_edt, minimum_filter
from scipy.spatial import cKDTree
from scipy.stats import median_abs_deviation

from . import inspection, photometry
from .psf_photometry import stamps
from .star_shapes import Psf

Method = Callable[[np.ndarray, float], np.ndarray]
"""(image, exposure_time) -> image, e-/s and s."""

STARS = 800
"""Stars that are added in all."""

SNR_RANGE = (3.0, 100.0)
"""Their signal-to-noise ratios, flux over Cramér-Rao bound, drawn log-uniformly."""

ROOM = 80
"""One star at most for so many pixels squared of an image: a sparse field, whatever else is in it."""

SPACING = 32
"""Pixels between two stars of one image, at least."""

CLEAR = 8
"""Pixels between a star and whatever the image itself shows above `KNOWN`, at least, and two FWHM."""

KNOWN = 5.0
"""What the image itself shows, in units of the noise of a PSF-fitted flux."""

NOISE_IMAGES = 2
"""Images of nothing but noise that set the thresholds."""

REACH = 2.0
"""Pixels around its place in which a star must be found."""

WINDOW = 1024
"""Larger images are checked in two cut-outs of this side, at random places."""


@dataclass(frozen=True)
class Measured:
    """What became of the stars, (n,) each. found: bool; change: flux with the star less flux without it less the true
    flux; error: flux with the star less the true flux, so with the noise that was there before; e-/s."""

    found: np.ndarray
    change: np.ndarray
    error: np.ndarray


@dataclass(frozen=True)
class CheckResult:
    """flux, bound: of the stars and their Cramér-Rao bounds, (n,) e-/s; before, after: what was measured of them.

    windows: (row, column, height, width) of what was checked; sources: detected there without added stars, before and
    after; thresholds: of detection, in units of the noise that a PSF-fitted flux had before, before and after; images:
    how many got stars.
    """

    flux: np.ndarray
    bound: np.ndarray
    before: Measured
    after: Measured
    windows: tuple[tuple[int, int, int, int], ...]
    sources: tuple[int, int]
    thresholds: tuple[float, float]
    images: int

    @property
    def snr(self) -> np.ndarray:
        """True flux over its Cramér-Rao bound, (n,)."""
        return self.flux / self.bound


class _View:
    """An image without added stars, and all that's needed to look for stars and to measure them in it again with."""

    def __init__(self, image: np.ndarray, blank: np.ndarray, psf: Psf):
        self.psf, self.bare = psf, inspection.flattened(image, blank)
        self.background = image - self.bare
        self.filtered = self._filter(self.bare)

    def expect(self, noise: Sequence[np.ndarray], least: float) -> None:
        """Set the threshold that noise alone reaches once an image: the mean highest value of images without sources.

        At least ``least``, so that the rounding errors of an image without any noise aren't taken for sources.
        """
        highest = [self._filter(each - self.background).max() for each in noise]
        self.level = max(float(np.mean(highest)), least)
        self.known = _peaks(self.filtered, self.level)

    def _filter(self, plane: np.ndarray) -> np.ndarray:
        return photometry.matched_filter(plane, self.psf.core, 1.0)

    def measure(self, image: np.ndarray, x, y, flux, variance: np.ndarray) -> Measured:
        """The stars of true ``flux`` at x, y of ``image``: this one with stars. variance: the weights', (H, W)."""
        shapes, starry = stamps(self.psf.model, x, y, self.psf.size), image - self.background
        with_star, without = (photometry.psf_flux(each, x, y, shapes, variance)[0] for each in (starry, self.bare))
        seen = _peaks(self._filter(starry), self.level)
        found = _near(x, y, seen) & ~_near(x, y, self.known)
        return Measured(found, with_star - without - flux, with_star - flux)


def check_image(
    image: np.ndarray,
    exposure_time: float,
    method: Method,
    psf: Psf,
    *,
    stars: int = STARS,
    seed: int = 0,
    window: int = WINDOW,
) -> CheckResult:
    """Add ``stars`` to an image (H, W), e-/s, of ``exposure_time`` s, and measure them before and after ``method``.

    Fluxes: forced fits of the PSF at the true places, weighted by the input's noise, less a background fitted to the
    blank sky of the image without stars. Detection: by sep, in the image filtered with the PSF, within `REACH` of a
    star and where nothing was without it. The threshold is one rule for both: what noise alone, with the power
    spectrum of the image's blank sky and treated by the method as the image is, reaches once an image. So a method
    may look deeper as far as it does not take noise for sources.

    The noise of a flux, and with it its bound, is measured: the scatter of the filtered image on blank sky, so that
    pixels' correlation counts; the star's own photons are added. NaN are no data. Raises ValueError for an image that
    isn't 2-D, has no data or no noise, a time not above 0, less than one star, or no quiet place for any.
    """
    pixels, generator = _checked(image, exposure_time, stars), np.random.default_rng(seed)
    windows = _windows(pixels, window, generator)
    shares = np.diff(np.linspace(0, stars, len(windows) + 1).astype(int))
    parts = [
        part
        for here, share in zip(windows, shares, strict=True)
        if (part := _check_window(pixels[here], exposure_time, method, psf, share, generator))
    ]
    if not parts:
        raise ValueError("the image has no quiet place for a star; choose another part or a less crowded image.")
    flux, bound, before, after = (np.concatenate([part[key] for part in parts], axis=-1) for key in range(4))
    views = np.array([part[4] for part in parts])
    return CheckResult(
        flux,
        bound,
        *(Measured(each[0] > 0, *each[1:]) for each in (before, after)),
        tuple((r.start, c.start, r.stop - r.start, c.stop - c.start) for r, c in windows),
        tuple(int(count) for count in views[..., 0].sum(0)),
        tuple(float(level) for level in views[..., 1].mean(0)),
        sum(part[5] for part in parts),
    )


def _check_window(pixels, time: float, method: Method, psf: Psf, stars: int, generator) -> tuple | None:
    """flux, bound, (3, n) before and after, sources and threshold of both (2, 2), images; None for no room."""
    usable = np.isfinite(pixels)
    blank = inspection.blank_sky(np.where(usable, pixels, np.nanmedian(pixels))) & usable
    if blank.sum() < inspection.FEWEST:
        return None
    before, after = (_View(each, blank, psf) for each in (pixels, method(pixels, time)))
    noise = median_abs_deviation(before.filtered[blank], scale="normal")
    if not noise > 0:
        raise ValueError("the image's blank sky has no noise; check that it is an image as it was taken.")
    empty = [_noise_image(before, blank, generator) for _ in range(NOISE_IMAGES)]
    before.expect(empty, 1e-3 * noise)
    after.expect([method(each, time) for each in empty], 1e-3 * noise)
    free = distance_transform_edt(np.pad(before.filtered < KNOWN * noise, 1))[1:-1, 1:-1] >= max(CLEAR, 2 * psf.fwhm)
    free &= minimum_filter(usable, psf.size, mode="constant", cval=False)
    most, rows = max(1, round(pixels.size / ROOM**2)), []
    for _ in range(-(-stars // most)):
        x, y = _places(free, min(most, stars - sum(len(row[0]) for row in rows)), psf, generator)
        if len(x):
            rows.append(_one_image(pixels, time, method, (before, after), x, y, noise, generator))
    views = np.array([[len(view.known), view.level / noise] for view in (before, after)])
    return (*(np.concatenate(part, axis=-1) for part in zip(*rows, strict=True)), views, len(rows)) if rows else None


def _noise_image(view: _View, blank: np.ndarray, generator) -> np.ndarray:
    """Gaussian noise with the power spectrum of an image's blank sky, on the image's own background."""
    spectrum = np.abs(np.fft.rfft2(np.where(blank, view.bare, 0))) / blank.mean() ** 0.5
    random = np.fft.rfft2(generator.standard_normal(blank.shape))
    noise = np.fft.irfft2(spectrum * random / np.abs(random), blank.shape)
    return (noise + view.background).astype(np.float32)


def _one_image(pixels, time: float, method: Method, views: tuple[_View, _View], x, y, noise: float, generator) -> tuple:
    """flux (n,), bound (n,), and found, change, error (3, n) before and after of stars added at x, y."""
    psf = views[0].psf
    flux, bound = _draw(len(x), psf, noise**2, time, generator)
    light, photons = np.zeros_like(pixels), np.zeros_like(pixels)
    half = psf.size // 2
    for i, shape in enumerate(stamps(psf.model, x, y, psf.size)):
        row, column = round(y[i]) - half, round(x[i]) - half
        here = np.s_[row : row + psf.size, column : column + psf.size]
        expected = flux[i] * shape.clip(min=0)
        light[here] += expected
        photons[here] += generator.poisson(expected * time) / time
    starry, variance = pixels + photons, noise**2 + light / time
    measured = (
        view.measure(each, x, y, flux, variance)
        for view, each in zip(views, (starry, method(starry, time)), strict=True)
    )
    return flux, bound, *(np.stack([each.found, each.change, each.error]) for each in measured)


def _draw(count: int, psf: Psf, variance: float, time: float, generator) -> tuple[np.ndarray, np.ndarray]:
    """Fluxes whose ratio to their Cramér-Rao bound is log-uniform in `SNR_RANGE`, and the bounds; e-/s."""
    empty = photometry.cramer_rao_sigma(psf.stamp, variance)
    trial = np.geomspace(empty, 2 * SNR_RANGE[1] * (empty + SNR_RANGE[1] / time), 200)
    light = psf.stamp.clip(min=0) / time
    bounds = np.array([photometry.cramer_rao_sigma(psf.stamp, variance + flux * light) for flux in trial])
    snr = np.exp(generator.uniform(*np.log(SNR_RANGE), count))
    flux = np.interp(snr, trial / bounds, trial)
    return flux, flux / snr


def _places(free: np.ndarray, count: int, psf: Psf, generator) -> tuple[np.ndarray, np.ndarray]:
    """x and y of up to ``count`` stars anywhere in free pixels, apart from each other."""
    candidates, apart = np.flatnonzero(free), max(SPACING, psf.size + 1)
    tried = generator.choice(candidates, min(len(candidates), 20 * count), replace=False) if len(candidates) else []
    chosen: list[tuple[float, float]] = []
    for row, column in zip(*np.unravel_index(tried, free.shape), strict=True) if len(tried) else ():
        if len(chosen) < count and all(max(abs(column - x), abs(row - y)) >= apart for x, y in chosen):
            chosen.append((column, row))
    x, y = np.array(chosen, float).reshape(-1, 2).T + generator.uniform(-0.5, 0.5, (2, len(chosen)))
    return x, y


def _peaks(filtered: np.ndarray, level: float) -> np.ndarray:
    """(n, 2): x, y of sep's detections above a level, in an image that is filtered already."""
    found = sep.extract(np.ascontiguousarray(filtered, np.float32), level, minarea=1, filter_kernel=None)
    return np.column_stack([found["x"], found["y"]])


def _near(x: np.ndarray, y: np.ndarray, places: np.ndarray) -> np.ndarray:
    if not len(places):
        return np.zeros(len(x), bool)
    return cKDTree(places).query(np.column_stack([x, y]))[0] <= REACH


def _checked(image: np.ndarray, exposure_time: float, stars: int) -> np.ndarray:
    """The image as float32 of its own."""
    pixels = np.array(image, np.float32)
    if pixels.ndim != 2:
        raise ValueError(f"the image has {pixels.ndim} dimensions; give a 2-D array in e-/s.")
    if not exposure_time > 0:
        raise ValueError(f"exposure time {exposure_time} does not work; give the image's own, in seconds, above 0.")
    if stars < 1:
        raise ValueError(f"{stars} stars measure nothing; give --stars 1 or more.")
    if not np.isfinite(pixels).any():
        raise ValueError("the image has no pixel with data; check the file or its mask.")
    return pixels


def _windows(pixels: np.ndarray, side: int, generator) -> list[tuple[slice, slice]]:
    """The whole image, or two cut-outs at random places of a larger one that are at least half data."""
    if max(pixels.shape) <= side:
        return [(slice(0, pixels.shape[0]), slice(0, pixels.shape[1]))]
    found: list[tuple[slice, slice]] = []
    for _ in range(100):
        corners = [int(generator.integers(max(size - side, 0) + 1)) for size in pixels.shape]
        here = tuple(slice(at, min(at + side, size)) for at, size in zip(corners, pixels.shape, strict=True))
        if np.isfinite(pixels[here]).mean() > 0.5:
            found.append(here)
        if len(found) == 2:
            return found
    raise ValueError(f"no cut-out of {side} pixels that is half data was found; cut out a part that has some.")
