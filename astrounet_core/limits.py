"""What no denoiser can change: how well a star can be measured and found in an exposure, and what a prior buys.

A star of flux F, PSF P, in white noise of variance V a pixel. All it tells of its flux is in one number, the
matched filter's T = sum(P d / V) / sum(P^2 / V), normal with mean F and variance sigma^2 = 1 / sum(P^2 / V). What is
computed from the image cannot tell more.
"""

import math
from dataclasses import replace

import numpy as np
import torch
from scipy.optimize import brentq
from scipy.stats import norm

from . import exposures
from .bounds import cramer_rao, gradients
from .exposures import STANDARD, Conditions
from .instrument import WFC3_UVIS, magnitude_from_rate, rate_from_magnitude
from .psf import encircled_energy, hst_psf
from .psf_photometry import psf_model

FREE = {
    "flux": ("flux",),
    "flux_and_background": ("flux", "background"),
    "all": ("flux", "x", "y", "background"),
}
"""What is fitted, the rest being known."""


def longer(conditions: Conditions, times: float) -> Conditions:
    """The same with so many times the exposure, in as many times more reads."""
    return replace(conditions, exposure_time=times * conditions.exposure_time, reads=times * conditions.reads)


def star_errors(magnitude: np.ndarray, conditions: Conditions = STANDARD) -> dict[str, np.ndarray]:
    """flux, e-/s, of stars in the middle of a pixel, and the standard errors of it by every way to measure: (N,) each.

    `FREE`: the Cramér-Rao bounds; aperture_6, aperture_10: sums in apertures of that diameter, pixels, of known
    background: sigma^2 = (sum of V in it) / f^2, f the share of light in it.
    """
    flux = rate_from_magnitude(np.atleast_1d(np.asarray(magnitude, float)), conditions.filter)
    zero, model = np.zeros(len(flux)), psf_model(conditions.filter)
    slope = gradients(model, flux, zero, zero)
    variance = empty_variance(conditions) + flux[:, None, None] * slope[:, 0].clip(0) / conditions.exposure_time
    found = {name: cramer_rao(slope, variance, free)[:, 0] for name, free in FREE.items()}
    for diameter in (6, 10):
        share = encircled_energy(hst_psf(conditions.filter, size=255), diameter / 2)
        light = share * flux / conditions.exposure_time
        area = math.pi * diameter**2 / 4
        found[f"aperture_{diameter}"] = np.sqrt(area * empty_variance(conditions) + light) / share
    return {"flux": flux} | {f"error_{name}": error for name, error in found.items()}


def empty_variance(conditions: Conditions) -> float:
    """Variance of a pixel of empty sky before drizzling, (e-/s)^2."""
    return exposures.variance(torch.zeros(1, 1), conditions, white=True).item()


def faint_error(conditions: Conditions = STANDARD) -> float:
    """Standard error of the flux of a star too faint to add noise of its own, e-/s: sqrt(V / sum(P^2))."""
    stamp = gradients(psf_model(conditions.filter), np.ones(1), np.zeros(1), np.zeros(1))[0, 0]
    return math.sqrt(empty_variance(conditions) / (stamp**2).sum())


def alarm_density(threshold: float, conditions: Conditions = STANDARD) -> float:
    """False alarms per arcmin^2: peaks of matched-filtered white noise above ``threshold`` sigma.

    n = (2 pi)^(-3/2) L t exp(-t^2 / 2) a unit of area, with L = sum((dP/dx)^2) / sum(P^2), the curvature of the
    filtered noise's autocorrelation: the expected Euler characteristic of the sky above a high threshold t, so for a
    field known everywhere (Adler 1981, The Geometry of Random Fields, section 5.3). Peaks seen on whole pixels are
    somewhat lower and fewer.
    """
    stamp, by_x = gradients(psf_model(conditions.filter), np.ones(1), np.zeros(1), np.zeros(1))[0, :2]
    curvature = (by_x**2).sum() / (stamp**2).sum()
    each = (2 * math.pi) ** -1.5 * curvature * threshold * math.exp(-(threshold**2) / 2)
    return each * (60 / WFC3_UVIS.pixel_scale) ** 2


def threshold_at(density: float, conditions: Conditions = STANDARD) -> float:
    """The threshold, in sigma, with so many `alarm_density`; between 2 and 10."""
    return brentq(lambda level: math.log(alarm_density(level, conditions) / density), 2.0, 10.0)


def completeness(snr: np.ndarray, threshold: float) -> np.ndarray:
    """Share of stars found, of true flux over its error ``snr`` and known place: C = Phi(F / sigma - t).

    By Neyman and Pearson no test of the same image finds more at as many false alarms.
    """
    return norm.cdf(np.asarray(snr, float) - threshold)


def magnitude_found(share: float, threshold: float, conditions: Conditions = STANDARD) -> float:
    """AB magnitude at which that share of faint stars is found: F = sigma (t + Phi^-1(share))."""
    return float(magnitude_from_rate(faint_error(conditions) * (threshold + norm.ppf(share)), conditions.filter))


def posterior_mean(measured: np.ndarray, prior: np.ndarray, fluxes: np.ndarray) -> np.ndarray:
    """What a network with a squared loss strives for: E[F | T], of measured T (N,), in units of sigma.

    prior: probability of each of the true ``fluxes`` (M,), in the same units.
    """
    weight = prior * np.exp(-0.5 * (np.asarray(measured)[..., None] - fluxes) ** 2)
    return (weight * fluxes).sum(-1) / weight.sum(-1)


def star_prior(empty: float, snr_range: tuple[float, float] = (1.0, 100.0), count: int = 400) -> tuple:
    """prior, fluxes (count + 1,): no star with probability ``empty``, else one of log-uniform flux in units of sigma.

    Raises ValueError for a probability outside 0 to 1.
    """
    if not 0 <= empty < 1:
        raise ValueError(f"{empty} is no probability of an empty place; give one of 0 to 1, without 1.")
    fluxes = np.concatenate([[0.0], np.geomspace(*snr_range, count)])
    return np.concatenate([[empty], np.full(count, (1 - empty) / count)]), fluxes


def shrinkage(snr: np.ndarray, empty: float, nodes: int = 401) -> dict[str, np.ndarray]:
    """Bias and efficiency of `posterior_mean` under `star_prior`, for stars of true ``snr`` (N,): bias in sigma,
    efficiency sigma^2 / MSE. Above 1 the prior has lowered the error, not by measuring better."""
    offset = np.linspace(-8, 8, nodes)
    weight = norm.pdf(offset) * (offset[1] - offset[0])
    truth = np.atleast_1d(np.asarray(snr, float))[:, None]
    error = posterior_mean(truth + offset, *star_prior(empty)) - truth
    return {"bias": error @ weight, "efficiency": 1 / (error**2 @ weight)}
