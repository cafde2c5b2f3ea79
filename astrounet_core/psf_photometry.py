"""PSF-fit photometry with photutils, and what aperture, forced fit and free fit make of the same stars.

The PSF is Hubble's (`psf.hst_psf`), finer than the pixels but integrated over them, so that a spline through it gives
a star anywhere in a pixel. Images are e-/s (H, W), their variance (e-/s)^2; where this holds, errors are e-/s, too.
"""

import warnings
from dataclasses import replace
from functools import cache

import numpy as np
from astropy.modeling.fitting import LMLSQFitter
from astropy.table import Table
from astropy.utils.exceptions import AstropyWarning
from photutils.background import LocalBackground
from photutils.datasets import make_model_image
from photutils.detection import find_peaks
from photutils.psf import ImagePSF, PSFPhotometry, SourceGrouper

from . import photometry
from .fluxes import STAMP
from .instrument import F606W, FILTERS, Filter
from .psf import encircled_energy, hst_psf
from .starlists import Catalogue

OVERSAMPLING = 4
"""Samples of the PSF a pixel and axis; HST passes nothing that two would not hold, and a spline wants some more."""

REACH = 255
"""Pixels across which a star's light is taken for all of it, as in a scene."""

APERTURES = (10.0, 6.0)
"""Diameters, pixels: the paper's aperture, and that of our forced fluxes."""

FAINTEST = 5.0
"""Signal-to-noise ratio of the faintest stars that are compared: below it a fit may walk off to a peak of the noise."""


@cache
def psf_model(band: Filter = F606W, size: int = STAMP) -> ImagePSF:
    """A star of flux 1 as photutils' model: x_0 and y_0 may lie anywhere in a pixel; zero beyond ``size`` // 2 + 1.

    `hst_psf` with oversample = k gives k^2 times as many values, of sum 1; an `ImagePSF` wants each as a pixel there
    would collect it. They are scaled so that every k-th is the PSF on whole pixels, with `REACH` pixels for all of the
    light: what lies outside the stamp is lost, not folded in.
    """
    whole = _middle(hst_psf(band, size=REACH).double().numpy(), size // 2)
    fine = hst_psf(band, size=2 * REACH - 1, oversample=OVERSAMPLING).double().numpy()
    same_pixels = _middle(fine, OVERSAMPLING * (size // 2))[::OVERSAMPLING, ::OVERSAMPLING]
    scale = whole.sum() / same_pixels.sum()
    return ImagePSF(scale * _middle(fine, OVERSAMPLING * (size // 2 + 1)), oversampling=OVERSAMPLING)


def _middle(stamp: np.ndarray, reach: int) -> np.ndarray:
    centre = len(stamp) // 2
    return stamp[centre - reach : centre + reach + 1, centre - reach : centre + reach + 1]


def stamps(model: ImagePSF, x: np.ndarray, y: np.ndarray, size: int = STAMP) -> np.ndarray:
    """Stars of flux 1 as `photometry.psf_flux` takes them: (N, size, size), with their sub-pixel offsets."""
    offset = np.arange(size) - size // 2
    dx, dy = (np.atleast_1d(place - np.rint(place))[:, None, None] for place in (x, y))
    places = np.broadcast_arrays(offset[None, None, :] - dx, offset[None, :, None] - dy)
    return model(*places)


def psf_photometry(
    image: np.ndarray,
    variance: np.ndarray | float,
    model: ImagePSF,
    x: np.ndarray | None = None,
    y: np.ndarray | None = None,
    *,
    forced: bool = False,
    threshold: float = 5.0,
    fit_size: int = 11,
    separation: float = 4.0,
    background: bool = False,
) -> Catalogue:
    """Sources by weighted least squares, W = 1 / V: x, y, flux, flux_error, background, flag, as `photometry.detect`.

    x, y: where to start (0-based pixels); without them, the peaks of `photometry.matched_filter` above ``threshold``
    sigma, rings and spikes of bright stars among them. forced: the places stay as given. fit_size: side of the square
    of pixels that is fitted, odd. separation: stars that a chain of smaller distances links are fitted together.
    background: subtract the median of a ring 6 to 12 pixels wide, else the image is sky-subtracted.

    flux_error: from the fit's covariance, so from ``variance`` alone. flag: photutils' bits, 0 for a fit without
    remarks; flux is NaN where there was nothing to fit. Non-finite pixels carry no weight. Raises ValueError for
    a variance that isn't positive or of another shape, for half of a place and for an even fit_size.
    """
    data, sigma = _checked(image, variance, x, y, fit_size)
    if x is None:
        x, y = peaks(data, sigma**2, model, threshold)
    if not np.size(x):
        return {key: np.zeros(0) for key in ("x", "y", "flux", "flux_error", "background")} | {"flag": np.zeros(0, int)}
    psf = model.copy()
    psf.x_0.fixed = psf.y_0.fixed = forced
    fit = PSFPhotometry(
        psf,
        fit_size,
        grouper=SourceGrouper(separation),
        fitter=LMLSQFitter(),
        aperture_radius=2.0,
        local_bkg_estimator=LocalBackground(6, 12) if background else None,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)  # the flags say it star by star
        found = fit(data, mask=~np.isfinite(data), error=sigma, init_params=Table({"x": x, "y": y}))
    columns = {"x": "x_fit", "y": "y_fit", "flux": "flux_fit", "flux_error": "flux_err", "background": "local_bkg"}
    return {key: np.asarray(found[name], float) for key, name in columns.items()} | {"flag": np.asarray(found["flags"])}


def peaks(image: np.ndarray, variance: np.ndarray | float, model: ImagePSF, threshold: float) -> tuple[np.ndarray, ...]:
    """x and y, whole pixels, of the maxima of the matched filter above ``threshold`` sigma."""
    psf = stamps(model, np.zeros(1), np.zeros(1), size=21)[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)  # of nothing found
        found = find_peaks(photometry.matched_filter(image, psf, variance), threshold, box_size=3)
    return (np.zeros(0), np.zeros(0)) if found is None else tuple(np.asarray(found[f"{k}_peak"], float) for k in "xy")


def isolated(shot, output: np.ndarray, model: ImagePSF) -> np.ndarray:
    """An output as if its isolated stars, `evaluation.Exposure.stars`, were alone on an empty sky; e-/s, (H, W).

    The noise-free scene is subtracted and the stars put back, so that neighbours don't enter and every method of
    measuring starts from the same: a known PSF and a known background.
    """
    flux, _, x, y = shot.stars
    alone = Table({"flux": flux, "x_0": x, "y_0": y})
    stars = make_model_image(output.shape, model, alone, model_shape=(STAMP, STAMP)) if len(flux) else 0.0
    return output - shot.scene.image.numpy() + stars


def measured_fluxes(shot, output: np.ndarray) -> dict[str, np.ndarray]:
    """{method: (3, stars)} of true flux, Cramér-Rao bound and error of an output's isolated stars, e-/s, by apertures,
    our forced fit and photutils' forced and free fits: what `fluxes.error_statistics` takes. All are weighted by the
    *input's* noise; light outside an aperture is made up for. Stars fainter than `FAINTEST` are left out."""
    model = psf_model(FILTERS[shot.field.band])
    flux, bound, x, y = shot.stars[:, shot.stars[0] > FAINTEST * shot.stars[1]]
    image, variance = isolated(shot, output, model), shot.variance
    kernel = hst_psf(FILTERS[shot.field.band], size=REACH)
    found = {
        f"aperture of {diameter:g} px": photometry.aperture_flux(image, x, y, diameter)
        / encircled_energy(kernel, diameter / 2)
        for diameter in APERTURES
    }
    found["forced PSF fit"] = photometry.psf_flux(image, x, y, stamps(model, x, y), variance)[0]
    found["photutils, place known"] = psf_photometry(image, variance, model, x, y, forced=True)["flux"]
    found["photutils, place fitted"] = psf_photometry(image, variance, model, x, y)["flux"]
    return {method: np.stack([flux, bound, measured - flux]) for method, measured in found.items()}


def stated_errors(shot, output: np.ndarray) -> np.ndarray:
    """(3, n): true flux, FLUXERR and error, e-, of the isolated stars that a detection at the paper's settings finds.

    FLUXERR is Source Extractor's, from the scatter of *this* image's background, with a gain of 1. Divided by it the
    errors scatter by 1 if it is honest: `fluxes.error_statistics`.
    """
    model = psf_model(FILTERS[shot.field.band])
    settings = replace(photometry.PAPER_SETTINGS, gain=1.0)
    time, (flux, _, x, y) = shot.exposure_time, shot.stars
    found = photometry.detect((isolated(shot, output, model) + shot.sky) * time, settings)
    i, j = photometry.match(found["x"], found["y"], x, y, 1.0)
    share = encircled_energy(hst_psf(FILTERS[shot.field.band], size=REACH), settings.aperture_diameter / 2)
    measured, error = found["flux"][i] / share, found["flux_error"][i] / share
    return np.stack([time * flux[j], error, measured - time * flux[j]])


def _checked(image, variance, x, y, fit_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Image and standard deviation as float64 of one shape; pixels without data or noise are NaN in the image."""
    data = np.array(image, float)
    if np.shape(variance) not in ((), data.shape) or not np.nanmin(np.where(np.isfinite(data), variance, np.inf)) > 0:
        raise ValueError("the variance must be positive, and one number or as large as the image; see noise_variance.")
    if (x is None) != (y is None) or np.shape(x) != np.shape(y):
        raise ValueError(f"x and y come in pairs, not as {np.size(x)} and {np.size(y)} numbers; give both or neither.")
    if fit_size < 3 or fit_size % 2 == 0:
        raise ValueError(f"stars are fitted in squares of an odd number of pixels, not {fit_size}; choose 11, say.")
    spread = np.sqrt(np.broadcast_to(np.asarray(variance, float), data.shape))
    data[~np.isfinite(spread)] = np.nan
    return data, np.where(np.isfinite(spread), spread, 1.0)
