"""Finding and measuring stars (section 4.3): detection, one-to-one matching, fluxes, and what no method can beat."""

import math
from dataclasses import dataclass

import numpy as np
import sep
from scipy.ndimage import correlate
from scipy.sparse import csr_array, diags_array, hstack
from scipy.spatial import cKDTree

from .metrics import f_measure, precision, recall

sep.set_extract_pixstack(3_000_000)
sep.set_sub_object_limit(100_000)  # crowded clusters without noise overflow sep's 1,024


@dataclass(frozen=True)
class DetectionSettings:
    """Source Extractor's parameters of the same meaning.

    threshold: above the background, in its rms; min_area: pixels; aperture_diameter: pixels; back_size, back_filter:
    background mesh and its median filter; gain: e- per unit of the image; kernel: detection filter, None for none.
    """

    threshold: float = 7.0
    min_area: int = 10
    aperture_diameter: float = 10.0
    back_size: int = 64
    back_filter: int = 3
    deblend_levels: int = 32
    deblend_contrast: float = 0.005
    gain: float = 1.5
    kernel: tuple | None = None


PAPER_SETTINGS = DetectionSettings()
"""Those of the paper's released configuration file: 7 sigma over 10 pixels, no filter, a 10-pixel aperture."""


def background(image: np.ndarray, settings: DetectionSettings = PAPER_SETTINGS) -> sep.Background:
    """The background of an image, in its unit: ``back()`` its level and ``rms()`` its noise, (H, W), and the
    median of the mesh's noise, ``globalrms``, which thresholds count in. Non-finite pixels are left out."""
    data = np.ascontiguousarray(image, dtype=np.float32)
    mesh = {"bw": settings.back_size, "bh": settings.back_size, "fw": settings.back_filter, "fh": settings.back_filter}
    return sep.Background(data, mask=~np.isfinite(data), **mesh)


def detect(image: np.ndarray, settings: DetectionSettings = PAPER_SETTINGS) -> dict[str, np.ndarray]:
    """Sources of an image in electrons: x, y (0-based pixels), flux, flux_error, background, area, flag.

    flux: in the aperture, background subtracted; background: its level at the source, per pixel. Non-finite pixels
    are masked. sep is Source Extractor's code as a library (Barbary 2016, doi:10.21105/joss.00058).
    """
    data = np.ascontiguousarray(image, dtype=np.float32)
    mask = ~np.isfinite(data)
    back = background(data, settings)
    clean = np.where(mask, 0.0, data - back.back()).astype(np.float32)
    kernel = None if settings.kernel is None else np.asarray(settings.kernel)
    found = sep.extract(
        clean,
        settings.threshold,
        err=back.globalrms,
        mask=mask,
        minarea=settings.min_area,
        filter_kernel=kernel,
        deblend_nthresh=settings.deblend_levels,
        deblend_cont=settings.deblend_contrast,
    )
    flux, error, flag = sep.sum_circle(
        clean, found["x"], found["y"], settings.aperture_diameter / 2, err=back.globalrms, gain=settings.gain, mask=mask
    )
    rows, columns = (
        np.clip(np.rint(found[key]).astype(int), 0, size - 1)
        for key, size in (("y", data.shape[0]), ("x", data.shape[1]))
    )
    return {
        "x": found["x"],
        "y": found["y"],
        "flux": flux,
        "flux_error": error,
        "background": back.back()[rows, columns],
        "area": found["npix"],
        "flag": found["flag"] | flag,
    }


def match(
    x: np.ndarray, y: np.ndarray, x_reference: np.ndarray, y_reference: np.ndarray, radius: float
) -> tuple[np.ndarray, np.ndarray]:
    """One-to-one matches: indices (i, j) of pairs that are each other's nearest, at most ``radius`` pixels apart."""
    empty = np.zeros(0, int)
    if not len(x) or not len(x_reference):
        return empty, empty
    ours, theirs = np.column_stack([x, y]), np.column_stack([x_reference, y_reference])
    distance, nearest = cKDTree(theirs).query(ours)
    _, back = cKDTree(ours).query(theirs)
    mutual = (back[nearest] == np.arange(len(ours))) & (distance <= radius)
    return np.flatnonzero(mutual), nearest[mutual]


def chance_match_rate(density: float, radius: float) -> float:
    """Probability that a random place has a source within ``radius``: 1 - exp(-pi density radius^2), Poisson sky.

    density: sources per square pixel.
    """
    return 1 - math.exp(-math.pi * density * radius**2)


def purity(x: np.ndarray, y: np.ndarray, x_true: np.ndarray, y_true: np.ndarray, radius: float) -> float:
    """Share of detections that lie within ``radius`` pixels of a true source; NaN for no detection."""
    if not len(x):
        return math.nan
    if not len(x_true):
        return 0.0
    distance, _ = cKDTree(np.column_stack([x_true, y_true])).query(np.column_stack([x, y]))
    return float(np.mean(distance <= radius))


@dataclass(frozen=True)
class Counts:
    """True positives, false positives and false negatives of a detection test, with Eq. 22-24."""

    tp: int
    fp: int
    fn: int

    @property
    def precision(self) -> float:
        """Eq. 22; purity."""
        return precision(self.tp, self.fp)

    @property
    def recall(self) -> float:
        """Eq. 23; completeness, the paper's true positive rate."""
        return recall(self.tp, self.fn)

    @property
    def f_measure(self) -> float:
        """Eq. 24."""
        return f_measure(self.precision, self.recall)


def aperture_flux(image: np.ndarray, x: np.ndarray, y: np.ndarray, diameter: float) -> np.ndarray:
    """Sum in circular apertures at given places, exact pixel overlaps, no background subtracted; the image's unit."""
    data = np.ascontiguousarray(image, dtype=np.float32)
    flux, _, _ = sep.sum_circle(data, x, y, diameter / 2, subpix=0)
    return flux


def psf_flux(
    image: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    psf: np.ndarray,
    variance: np.ndarray | float,
    background: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Forced fluxes of all stars at once, and their standard errors, by weighted linear least squares:

    F = C A^T W d with the covariance C = (A^T W A)^-1, A one column of PSF a star, W = 1 / V; for an isolated star
    F = sum(P d / V) / sum(P^2 / V) and sigma_F = sum(P^2 / V)^(-1/2).

    psf: a stamp for all, or one a star, (N, S, S), S odd, that holds the star's sub-pixel offset; its centre falls on
    the pixel nearest to (x, y), and it sums to the share of the light that falls on it. background: fit a constant
    as well, else the image is sky-subtracted. Non-finite pixels carry no weight, nor does what lies outside. The
    matrix is dense: for a few thousand stars. Raises ValueError where data cannot tell a star's flux.
    """
    data = np.asarray(image, float)
    finite = np.isfinite(data)
    weight = np.where(finite, 1 / np.broadcast_to(variance, data.shape), 0.0).ravel()
    design = _design(data.shape, np.atleast_1d(x), np.atleast_1d(y), np.asarray(psf, float))
    if background:
        design = hstack([design, np.ones((data.size, 1))], format="csr")
    information = (design.T @ diags_array(weight) @ design).toarray()
    if np.linalg.matrix_rank(information, hermitian=True) < len(information):
        raise ValueError("a star lies off the image, on masked pixels or on another star; leave it out.")
    covariance = np.linalg.inv(information)
    flux = covariance @ (design.T @ (weight * np.where(finite, data, 0.0).ravel()))
    stars = np.size(x)
    return flux[:stars], np.sqrt(np.diag(covariance)[:stars])


def _design(shape: tuple[int, int], x: np.ndarray, y: np.ndarray, psf: np.ndarray) -> csr_array:
    """Sparse (pixels, stars) matrix: each star's share of light in every pixel of an image of this shape."""
    offset = np.arange(psf.shape[-1]) - psf.shape[-1] // 2
    rows = np.rint(y).astype(int)[:, None, None] + offset[:, None]
    columns = np.rint(x).astype(int)[:, None, None] + offset
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    star = np.broadcast_to(np.arange(len(x))[:, None, None], inside.shape)
    values = np.broadcast_to(psf, inside.shape)[inside]
    pixel = (rows * shape[1] + columns)[inside]
    return csr_array((values, (pixel, star[inside])), shape=(shape[0] * shape[1], len(x)))


def cramer_rao_sigma(psf: np.ndarray, variance: np.ndarray | float, background: bool = False) -> float:
    """The least standard error an unbiased flux can have, the Cramér-Rao bound for a known place:

    sigma_F^2 >= 1 / sum(P^2 / V) for a known background, and with a constant background fitted on the same pixels
    sigma_F^2 >= sum(1 / V) / [sum(P^2 / V) sum(1 / V) - sum(P / V)^2] (Mendez et al. 2014, doi:10.1086/677984).

    psf: share of the light in each pixel; variance: of each pixel's noise, the star's own photons included; the
    result is in the unit of sqrt(V). Exact for Poisson noise, where V is the mean, and for Gaussian noise of known V.
    Not knowing the place costs nothing more where the PSF is symmetric and centred on a pixel.
    """
    p, weight = np.asarray(psf, float), 1 / np.broadcast_to(variance, np.shape(psf))
    information = np.sum(p**2 * weight)
    if background:
        information -= np.sum(p * weight) ** 2 / np.sum(weight)
    return float(information) ** -0.5


def matched_filter(image: np.ndarray, psf: np.ndarray, variance: np.ndarray | float) -> np.ndarray:
    """Signal-to-noise ratio of a star at every pixel: (P * d / V) / sqrt(P^2 * 1 / V), * a correlation.

    The best linear detector of an isolated star in white noise of that variance (Zackay & Ofek 2017,
    doi:10.3847/1538-4357/836/2/187). Non-finite pixels carry no weight.
    """
    data = np.asarray(image, float)
    weight = np.where(np.isfinite(data), 1 / np.broadcast_to(variance, data.shape), 0.0)
    signal = correlate(np.nan_to_num(data) * weight, psf, mode="constant")
    information = correlate(weight, psf**2, mode="constant")
    return signal / np.sqrt(np.maximum(information, np.finfo(float).tiny))


def snr(flux: np.ndarray, flux_error: np.ndarray, background: np.ndarray) -> float:
    """Mean signal-to-noise ratio, Eq. 26: (1/N) sum F_i / sqrt(E_i^2 + B_i^2); NaN without stars.

    flux, flux_error: e-; background: the text's "background as estimated by SExtractor", its level in e- per pixel.
    """
    return float(np.mean(flux / np.hypot(flux_error, background))) if len(flux) else math.nan


def stacking_factor(snr_output: float, snr_input: float) -> float:
    """SNR_f = sqrt(I) = SNR_O / SNR_I, Eq. 28 (Eq. 27 with a stack for the output): I inputs make such a stack."""
    return snr_output / snr_input
