"""What noise allows: the Cramér-Rao bound on a star's flux, place and background together, and a fit that reaches it.

A star of flux F at (x, y) on a background b has m = F P(column - x, row - y) + b in a pixel, of variance V. The Fisher
information is I_jk = sum over pixels of (dm/dj)(dm/dk) / V: exact for Gaussian noise of known V and for Poisson noise,
where V = m, and close for both together (Mendez et al. 2014, doi:10.1086/677984). No unbiased estimate of parameter j
has a variance below (I^-1)_jj. Stamps are (N, S, S), one a star, S odd, e-/s; V is in (e-/s)^2.
"""

from collections.abc import Sequence

import numpy as np
from photutils.psf import ImagePSF

from .fluxes import STAMP

PARAMETERS = ("flux", "x", "y", "background")
"""The order of gradients and bounds: e-/s, pixels, pixels, e-/s per pixel."""

STEP = 0.05
"""Pixels by which the PSF is moved for its derivatives."""


def star_stamps(model: ImagePSF, dx: np.ndarray, dy: np.ndarray, size: int = STAMP) -> np.ndarray:
    """Stars of flux 1, (N, size, size), that lie dx, dy (N,) pixels off the middle pixel's centre."""
    offset = np.arange(size) - size // 2
    dx, dy = (np.atleast_1d(np.asarray(each, float))[:, None, None] for each in (dx, dy))
    return model(*np.broadcast_arrays(offset[None, None, :] - dx, offset[None, :, None] - dy))


def gradients(model: ImagePSF, flux: np.ndarray, dx: np.ndarray, dy: np.ndarray, size: int = STAMP) -> np.ndarray:
    """Derivatives of the expected stamp by each of `PARAMETERS`: (N, 4, size, size).

    flux, dx, dy: (N,). dm/dF = P, dm/db = 1; dm/dx and dm/dy by central differences of the PSF over 2 `STEP`.
    """
    flux = np.atleast_1d(np.asarray(flux, float))[:, None, None]
    star = star_stamps(model, dx, dy, size)
    by_x = flux * (star_stamps(model, dx + STEP, dy, size) - star_stamps(model, dx - STEP, dy, size)) / (2 * STEP)
    by_y = flux * (star_stamps(model, dx, dy + STEP, size) - star_stamps(model, dx, dy - STEP, size)) / (2 * STEP)
    return np.stack([star, by_x, by_y, np.ones_like(star)], axis=1)


def cramer_rao(gradient: np.ndarray, variance: np.ndarray | float, free: Sequence[str] = PARAMETERS) -> np.ndarray:
    """Least standard errors (N, len(free)) when the parameters ``free`` are fitted and the others known.

    gradient: of `gradients`; variance: V of each pixel, the star's photons included, (N, S, S) or one number.
    free=("flux",) is `photometry.cramer_rao_sigma`. Raises ValueError for a parameter that isn't one of `PARAMETERS`.
    """
    information = fisher(gradient[:, _indices(free)], variance)
    return np.sqrt(np.diagonal(np.linalg.inv(information), axis1=1, axis2=2))


def fisher(gradient: np.ndarray, variance: np.ndarray | float) -> np.ndarray:
    """Fisher information (N, k, k) of k parameters from their gradients (N, k, S, S) and the pixels' variance."""
    weight = 1 / np.broadcast_to(variance, (len(gradient), *gradient.shape[2:]))
    return np.einsum("niab,njab,nab->nij", gradient, gradient, weight, optimize=True)


def fit(
    stamps: np.ndarray,
    variance: np.ndarray | float,
    model: ImagePSF,
    start: np.ndarray,
    free: Sequence[str] = PARAMETERS,
    steps: int = 8,
) -> np.ndarray:
    """Weighted least squares of every star at once, W = 1 / V, by Gauss-Newton: (N, 4), in the order of `PARAMETERS`.

    start: (N, 4), where to begin; x and y off the middle pixel's centre. What isn't free stays there. Places move by a
    quarter of a pixel a step at most. The maximum of the likelihood for Gaussian noise of known V, and for Poisson
    noise if V is renewed from the fit until nothing changes. Raises ValueError as `cramer_rao`.
    """
    chosen, found, longest = _indices(free), np.array(start, float), np.array([np.inf, 0.25, 0.25, np.inf])
    weight = 1 / np.broadcast_to(variance, stamps.shape)
    for _ in range(steps):
        flux, dx, dy, background = found.T
        slope = gradients(model, flux, dx, dy, stamps.shape[-1])
        left = stamps - flux[:, None, None] * slope[:, 0] - background[:, None, None]
        pull = np.einsum("niab,nab->ni", slope[:, chosen], left * weight)
        step = np.linalg.solve(fisher(slope[:, chosen], variance), pull[..., None])[..., 0]
        found[:, chosen] += np.clip(step, -longest[chosen], longest[chosen])
    return found


def _indices(free: Sequence[str]) -> list[int]:
    unknown = [name for name in free if name not in PARAMETERS]
    if unknown or not free:
        raise ValueError(f"no parameter {unknown or 'at all'} of a star; choose from {', '.join(PARAMETERS)}.")
    return [PARAMETERS.index(name) for name in free]
