"""How a star looks in an image: Hubble's PSF where it fits, else a Gaussian as wide as the image's own stars."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import sep
from astropy.modeling import FittableModel
from photutils.psf import CircularGaussianPRF
from scipy.stats import median_abs_deviation

from . import inspection
from .fluxes import STAMP
from .instrument import FILTERS, WFC3_UVIS, Filter
from .psf import fwhm as fitted_fwhm
from .psf import hst_psf
from .psf_photometry import psf_model, stamps

WIDTHS = (1.5, 15.0)
"""FWHM, pixels, between which a source may be a star: cosmic rays are sharper."""


@dataclass(frozen=True)
class Psf:
    """How a star looks: photutils' ``model``, the stamps' ``size`` and the ``fwhm`` in pixels, and where it's from."""

    model: FittableModel
    size: int
    fwhm: float
    note: str

    @cached_property
    def core(self) -> np.ndarray:
        """The middle of a star centred on a pixel, one FWHM far: the filter for detection."""
        return stamps(self.model, np.zeros(1), np.zeros(1), 2 * int(np.ceil(self.fwhm)) + 1)[0]

    @cached_property
    def stamp(self) -> np.ndarray:
        """A star centred on a pixel: its share of light in each."""
        return stamps(self.model, np.zeros(1), np.zeros(1), self.size)[0]


def star_shape(
    image: np.ndarray, band: str | None = None, pixel_scale: float | None = None, fwhm: float | None = None
) -> Psf:
    """The PSF of an image's stars: Hubble's where band and scale (arcsec) say that it fits, else a round Gaussian.

    Hubble's: at WFC3/UVIS's pixel scale to 3 %, in the nearest of `FILTERS` if its pivot is within a fifth of what the
    band's name says. Gaussian: of ``fwhm`` pixels, or as wide as the sharpest quarter of the image's bright sources.
    Raises ValueError where no width is given and fewer than five such sources are seen.
    """
    known = _nearest(band) if fwhm is None and _uvis(pixel_scale) else None
    if known is not None:
        width = fitted_fwhm(hst_psf(known))
        return Psf(psf_model(known, STAMP), STAMP, width, f"Hubble's PSF in {known.name}, FWHM {width:.2f} px")
    note = "as given"
    if fwhm is None:
        fwhm, count = measured_fwhm(image)
        note = f"the lower quartile of {count} bright sources of the image (give --fwhm if those are galaxies)"
    if not WIDTHS[0] / 3 < fwhm < 4 * WIDTHS[1]:
        raise ValueError(f"a FWHM of {fwhm} px does not work; give --fwhm in pixels, 2.5, say.")
    size = max(15, 2 * int(np.ceil(2.5 * fwhm)) + 1)
    return Psf(CircularGaussianPRF(fwhm=fwhm), size, fwhm, f"a Gaussian of FWHM {fwhm:.2f} px, {note}")


def _uvis(pixel_scale: float | None) -> bool:
    return pixel_scale is not None and abs(pixel_scale / WFC3_UVIS.pixel_scale - 1) < 0.03


def _nearest(band: str | None) -> Filter | None:
    if not band or not band[1:4].isdigit():
        return None
    named = int(band[1:4])
    best = min(FILTERS.values(), key=lambda known: abs(known.pivot_nm - named))
    return best if abs(best.pivot_nm / named - 1) < 0.2 else None


def measured_fwhm(image: np.ndarray) -> tuple[float, int]:
    """FWHM of an image's stars, pixels, and the number of sources behind it: twice the radius of half their light.

    The lower quartile of unblended sources of 10 sigma on 5 pixels whose width may be a star's, `WIDTHS`. Raises
    ValueError for fewer than five.
    """
    usable = np.isfinite(image)
    plane = inspection.flattened(np.where(usable, image, np.nanmedian(image)), usable)
    noise = median_abs_deviation(plane[usable], scale="normal")
    found = sep.extract(plane, 10 * noise, mask=~usable, minarea=5)
    found = found[found["flag"] == 0]
    radius, flag = sep.flux_radius(plane, found["x"], found["y"], 6 * found["a"], 0.5, subpix=5)
    widths = 2 * radius[flag == 0]
    widths = widths[(widths > WIDTHS[0]) & (widths < WIDTHS[1])]
    if len(widths) < 5:
        raise ValueError(f"{len(widths)} bright sources tell no width of this image's stars; give --fwhm in pixels.")
    return float(np.percentile(widths, 25)), len(widths)
