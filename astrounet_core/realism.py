"""How alike two kinds of sky are: pixel values, power spectrum, source counts and the noise's autocorrelation.

Images are e-/s, (H, W). ``blank`` is a mask of blank sky (`inspection.blank_sky`). All measures but the counts are of
the image in units of its own noise, x = (I - sky) / sigma, so that images of other exposures and cameras compare.
"""

import numpy as np
import sep
from scipy.stats import wasserstein_distance

from .inspection import lag_correlation, sky_scatter
from .photometry import DetectionSettings

PIXEL_EDGES = np.sinh(np.linspace(-3.0, 9.0, 241))
"""Edges of bins of x, evenly spaced in asinh(x): from -10 to 4050 sigma; what lies outside is in the outermost."""

FREQUENCY_EDGES = np.geomspace(0.1, 18.0, 25)
"""Edges of bins of spatial frequency, cycles per arcsec."""

MAGNITUDE_EDGES = np.arange(15.0, 29.01, 1.0)
"""Edges of bins of AB magnitude."""

CEILING = 20.0
"""Value of x at which pixels are cut off for the power spectrum: else it is that of the brightest star alone."""

LAGS = range(5)
"""Lags of the autocorrelation, pixels."""

FAINT = DetectionSettings(threshold=1.5, min_area=6, kernel=((1, 2, 1), (2, 4, 2), (1, 2, 1)))
"""How sources were counted for ``data_manifest/fields.toml``: 1.5 sigma over 6 pixels after a 3 x 3 filter."""

CROWDED = DetectionSettings(threshold=5.0, min_area=4, kernel=FAINT.kernel)
"""The same for a cluster: 5 sigma over 4 pixels."""


def sky_normalised(image: np.ndarray, blank: np.ndarray) -> np.ndarray:
    """x = (I - sky) / sigma: sky the median of the blank pixels, sigma their scatter (`inspection.sky_scatter`)."""
    return (image - np.median(image[blank])) / sky_scatter(image, blank)


def pixel_distribution(values: np.ndarray) -> np.ndarray:
    """Share of the pixels in each bin of `PIXEL_EDGES`; sums to 1. values: x, of any shape."""
    inside = np.clip(values, PIXEL_EDGES[0], np.nextafter(PIXEL_EDGES[-1], 0))
    return np.histogram(inside, PIXEL_EDGES)[0] / values.size


def distribution_distance(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    """Distances of two `pixel_distribution`: ks, the largest difference of the cumulated shares (Kolmogorov-Smirnov),
    and wasserstein, the mean shift in asinh(x) that turns one into the other: 0.1 is 0.1 sigma on blank sky and
    10 % of a bright pixel."""
    centres = np.arcsinh(PIXEL_EDGES)
    centres = (centres[1:] + centres[:-1]) / 2
    return {
        "ks": float(np.abs(np.cumsum(first) - np.cumsum(second)).max()),
        "wasserstein": float(wasserstein_distance(centres, centres, first, second)),
    }


def power_spectrum(values: np.ndarray, pixel_scale: float, used: np.ndarray | bool = True) -> np.ndarray:
    """Azimuthally averaged power in the bins of `FREQUENCY_EDGES`; NaN where a bin holds no frequency of the image:

    P(f) = <|F(w x)|^2> / sum(w^2), F the discrete Fourier transform, w Hann's window, which hides the borders, times
    the mask ``used`` (H, W). White noise of variance 1 has P = 1 everywhere; noise smoothed by a kernel k, |F(k)|^2.
    values: x, (H, W); pixel_scale in arcsec; the Nyquist frequency is 1 / (2 pixel_scale).
    """
    window = np.outer(*(np.hanning(size + 2)[1:-1] for size in values.shape)) * used
    power = np.abs(np.fft.fft2(values * window)) ** 2 / (window**2).sum()
    rows, columns = (np.fft.fftfreq(size, pixel_scale) for size in values.shape)
    which = np.digitize(np.hypot(rows[:, None], columns), FREQUENCY_EDGES).ravel() - 1
    bins = len(FREQUENCY_EDGES) - 1
    inside = (which >= 0) & (which < bins)
    number = np.bincount(which[inside], minlength=bins)
    total = np.bincount(which[inside], power.ravel()[inside], bins)
    return np.divide(total, number, out=np.full(bins, np.nan), where=number > 0)


def source_magnitudes(image: np.ndarray, zeropoint: float, settings: DetectionSettings = FAINT) -> np.ndarray:
    """AB magnitudes of the sources in an image, from Kron fluxes (2.5 Kron radii); zeropoint: magnitude of 1 e-/s.

    `photometry.detect` measures in circles, as the paper does; galaxies want ellipses of their own size.
    """
    data = np.ascontiguousarray(image, dtype=np.float32)
    mesh, smooth = settings.back_size, settings.back_filter
    back = sep.Background(data, bw=mesh, bh=mesh, fw=smooth, fh=smooth)
    clean = data - back.back()
    kernel = None if settings.kernel is None else np.array(settings.kernel, dtype=float)
    found = sep.extract(clean, settings.threshold, err=back.globalrms, minarea=settings.min_area, filter_kernel=kernel)
    shape = [found[key] for key in ("x", "y", "a", "b")] + [found["theta"].clip(-np.pi / 2, np.pi / 2)]
    kron = sep.kron_radius(clean, *shape, 6.0)[0]
    flux = sep.sum_ellipse(clean, *shape, 2.5 * np.maximum(kron, 1.0), subpix=1)[0]
    return zeropoint - 2.5 * np.log10(flux[flux > 0])


def source_counts(magnitudes: np.ndarray, area: float) -> np.ndarray:
    """Sources per arcmin^2 and magnitude in the bins of `MAGNITUDE_EDGES`; area in arcmin^2."""
    return np.histogram(magnitudes, MAGNITUDE_EDGES)[0] / np.diff(MAGNITUDE_EDGES) / area


def count(image: np.ndarray, pixel_scale: float, zeropoint: float, settings: DetectionSettings = FAINT) -> float:
    """Sources of an image per arcmin^2, of any magnitude."""
    return len(source_magnitudes(image, zeropoint, settings)) / _area(image, pixel_scale)


def autocorrelation(image: np.ndarray, blank: np.ndarray) -> np.ndarray:
    """The blank sky's `inspection.lag_correlation` at each of `LAGS`; 1 at lag 0."""
    return np.array([lag_correlation(image, blank, lag) for lag in LAGS])


def measure(
    image: np.ndarray, blank: np.ndarray, pixel_scale: float, zeropoint: float, settings: DetectionSettings = FAINT
) -> dict[str, np.ndarray]:
    """All measures of an image: pixels, counts, lags; power (of x cut off at `CEILING`) and sky_power (of blank sky
    alone), decimal logarithms;
    bright, share of pixels above 5 sigma in %; blank, share of blank sky in %; sources, per arcmin^2. pixel_scale in
    arcsec; zeropoint: AB magnitude of 1 e-/s."""
    values, area = sky_normalised(image, blank), _area(image, pixel_scale)
    dimmed = values.clip(-CEILING, CEILING)
    magnitudes = source_magnitudes(image, zeropoint, settings)
    return {
        "pixels": pixel_distribution(values),
        "power": np.log10(power_spectrum(dimmed, pixel_scale)),
        "sky_power": np.log10(power_spectrum(dimmed, pixel_scale, blank)),
        "counts": source_counts(magnitudes, area),
        "lags": autocorrelation(image, blank),
        "bright": np.array(100 * (values > 5).mean()),
        "blank": np.array(100 * blank.mean()),
        "sources": np.array(len(magnitudes) / area),
    }


def summary(measured: list[dict[str, np.ndarray]]) -> dict[str, dict[str, np.ndarray]]:
    """Mean and scatter (standard deviation, NaN for a single one) of each measure over several images."""
    stacks = {key: np.stack([one[key] for one in measured]) for key in measured[0]}
    ddof = 1 if len(measured) > 1 else 0
    blur = 1.0 if ddof else np.nan
    return {key: {"mean": stack.mean(0), "scatter": blur * stack.std(0, ddof=ddof)} for key, stack in stacks.items()}


def _area(image: np.ndarray, pixel_scale: float) -> float:
    """arcmin^2."""
    return image.size * pixel_scale**2 / 3600
