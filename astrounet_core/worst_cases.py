"""The worst that a method does on a few fields, found by rule, so that no case is chosen by hand.

Fields are of the kinds of the test fields but have seeds of their own: looking for the worst here tells nothing about
the scorecard's skies. Images are (H, W), e-/s; "sigma" is the standard deviation of the input's noise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import uniform_filter

from . import known_stars, photometry, robustness
from .bounds import star_stamps
from .exposures import Method
from .field_table import Field, fields
from .instrument import FILTERS, magnitude_from_rate
from .known_stars import Known, Seen
from .psf_photometry import psf_model
from .star_photometry import psf_errors
from .tables import number

FIRST_SEED = 9_000_000
"""Of the fields that are searched; the scorecard's seeds end below."""

SIDE = 41
"""Pixels of a cut-out."""

BORDER = 24
"""Pixels from the border within which nothing is looked for."""

PATCH = 15
"""Pixels, the side of a patch."""

SNR = (3.0, 10.0)
"""Signal-to-noise ratios of the stars that may be lost: fainter ones are lost in the input, too."""

OFF_ROAD = {
    "cosmic rays": "A cosmic ray that stays",
    "saturation": "Next to saturated stars",
    "PSF of 0.7 times the wavelength": "A sharper PSF than in training",
}
"""`robustness.PERTURBATIONS` that are searched, and titles."""

KEPT = ("cosmic rays",)
"""Of these, what the input has already is the failure."""


@dataclass(frozen=True)
class View:
    """Part of an exposure and what became of it: input, truth, output and sigma, of one shape, e-/s."""

    input: np.ndarray
    truth: np.ndarray
    output: np.ndarray
    sigma: np.ndarray

    @property
    def error(self) -> np.ndarray:
        """(output - truth) / sigma."""
        return (self.output - self.truth) / self.sigma

    @property
    def noise(self) -> np.ndarray:
        """(input - truth) / sigma."""
        return (self.input - self.truth) / self.sigma

    def around(self, x: float, y: float) -> "View":
        """The `SIDE` x `SIDE` pixels around a place, moved inwards where the image ends."""
        height, width = self.truth.shape
        top, left = (
            min(max(round(at) - SIDE // 2, 0), size - SIDE) for at, size in ((float(y), height), (float(x), width))
        )
        here = np.s_[top : top + SIDE, left : left + SIDE]
        return View(self.input[here], self.truth[here], self.output[here], self.sigma[here])


@dataclass(frozen=True)
class Case:
    """What was found: title, and a sentence with its values; view: the cut-out around it."""

    title: str
    sentence: str
    values: dict[str, float]
    view: View


def search(method: Method, seed: int = 0, size: int = 320) -> list[Case]:
    """One case a rule: a false source, a lost star, the worst patch, and the worst pixel of each of `OFF_ROAD`.

    size: pixels a side of the six fields, one of each kind. Same seed, same fields and noise.
    """
    chosen = own_fields(seed, size)
    seen = [look(method, known) for known in known_stars.of_fields(chosen, 1)]
    skies = robustness.skies([each for each in chosen if each.kind in ("sparse_field", "star_cluster")], size)
    return [invented(seen), lost(seen), worst_patch(seen), *(off_road(method, skies, name) for name in OFF_ROAD)]


def own_fields(seed: int, size: int) -> list[Field]:
    """Fields like the first six of split "test", one of each kind, with seeds of their own."""
    first = FIRST_SEED + 100 * seed
    return [replace(field, seed=first + index, size=size) for index, field in enumerate(fields("test")[:6])]


def look(method: Method, known: Known) -> Seen:
    """What a method makes of an exposure."""
    return Seen(known, method(known.noisy, known.exposure_time, known.exposure_ratio))


def invented(seen: Sequence[Seen]) -> Case:
    """The highest excess of output over truth in a matched filter, in sigma, where the truth is below 1 in the same."""
    found = [_excess(each) for each in seen]
    (value, x, y, real), each = max(zip(found, seen, strict=True), key=lambda pair: pair[0][0])
    flux = value * _filtered(each.known, np.zeros((1, 1)))[1]
    magnitude = float(magnitude_from_rate(flux, FILTERS[each.known.band]))
    sentence = (
        f"On dark sky the output shows {value:.1f} σ too much, as a star of {magnitude:.1f} mag would; the noise at "
        f"this place is {number(real, '+.1f', 'σ')}."
    )
    return Case("A source that isn't there", sentence, {"excess": value, "noise": real}, _view(each).around(x, y))


def _excess(each: Seen) -> tuple[float, int, int, float]:
    """Value, x and y of the highest excess on dark sky, and the noise there."""
    known = each.known
    excess, light = (_filtered(known, image)[0] for image in (each.output - known.scene, known.scene))
    y, x = np.unravel_index(np.argmax(np.where(_inside(light) & (light < 1), excess, -np.inf)), light.shape)
    return float(excess[y, x]), int(x), int(y), float(_filtered(known, known.noisy - known.scene)[0][y, x])


def _filtered(known: Known, image: np.ndarray) -> tuple[np.ndarray, float]:
    """Signal-to-noise ratio (H, W) of stars in an image under the noise of dark sky, and the error of their fluxes."""
    psf = star_stamps(psf_model(FILTERS[known.band]), 0.0, 0.0, 21)[0]
    variance = float(known.white.min())
    return photometry.matched_filter(image, psf, variance), photometry.cramer_rao_sigma(psf, variance)


def lost(seen: Sequence[Seen]) -> Case:
    """Of all stars of a signal-to-noise ratio within `SNR`: the one whose measured flux falls by the largest share of
    its true one from input to output, both by PSF fit. Raises ValueError where there is no such star."""
    stars = []
    for each in seen:
        known = each.known
        snr = known.flux / known.sigma
        kept, before = (1 + psf_errors(one) / known.flux for one in (each, Seen(known, known.noisy)))
        inside = np.flatnonzero((snr >= SNR[0]) & (snr < SNR[1]))
        stars += [(kept[i] - before[i], kept[i], before[i], snr[i], i, known, each) for i in inside]
    if not stars:
        raise ValueError(f"no star of a signal-to-noise ratio of {SNR[0]:g} to {SNR[1]:g}; take larger fields.")
    _, kept, before, snr, index, known, each = min(stars, key=lambda star: star[0])
    sentence = (
        f"A star of {known.magnitude[index]:.1f} mag, with a signal-to-noise ratio of {snr:.1f}: "
        f"{number(100 * before, '.0f', '%')} of its flux are measured in the input, "
        f"{number(100 * kept, '.0f', '%')} in the output."
    )
    view = _view(each).around(known.x[index], known.y[index])
    return Case("A star that is lost", sentence, {"kept": float(kept), "input": float(before)}, view)


def worst_patch(seen: Sequence[Seen]) -> Case:
    """The `PATCH` x `PATCH` pixels where the rms of (output - truth) / sigma exceeds the input's by most."""
    index, x, y, view = _worst([_view(each) for each in seen], lambda view: _rms(view.error) - _rms(view.noise))
    value, before = (float(_rms(each)[y, x]) for each in (view.error, view.noise))
    sentence = (
        f"Over {PATCH} × {PATCH} pixels the output's error has an rms of {value:.2f} σ, the input's of {before:.2f} σ "
        f"(field: {seen[index].known.fields})."
    )
    return Case("The worst patch", sentence, {"rms": value, "input": before}, view.around(x, y))


def off_road(method: Method, skies: Sequence[robustness.Sky], name: str) -> Case:
    """The pixel that a method makes worse by most, |output - truth| less |input - truth| over sigma, under one of
    `robustness.PERTURBATIONS`; of cosmic rays, `KEPT`, the one with the largest |output - truth| / sigma."""
    what = robustness.PERTURBATIONS[name]
    views = []
    for sky in skies:
        shot = robustness.perturbed(sky, what, 1_000 * sky.seed)
        output = method(shot.image, what.conditions.exposure_time, what.conditions.exposure_ratio)
        views.append(View(shot.image, shot.truth, output, np.sqrt(shot.variance)))
    _, x, y, view = _worst(views, lambda view: np.abs(view.error) - np.abs(view.noise) * (name not in KEPT))
    value, before = float(view.error[y, x]), float(view.noise[y, x])
    ours, theirs = (number(each, "+,.1f", "σ") for each in (value, before))
    light = number(float(view.truth[y, x] / view.sigma[y, x]), ",.1f", "σ")
    sentence = (
        f"In a pixel whose true light is {light}, the output is off by {ours} where the input is off by {theirs}."
    )
    return Case(OFF_ROAD[name], sentence, {"error": value, "input": before}, view.around(x, y))


def _worst(views: Sequence[View], measure: Callable[[View], np.ndarray]) -> tuple[int, int, int, View]:
    """Number of a view, x and y of the highest value of a measure in all of them, and the view."""
    measured = [np.where(_inside(view.truth), measure(view), -np.inf) for view in views]
    index = int(np.argmax([each.max() for each in measured]))
    y, x = np.unravel_index(np.argmax(measured[index]), measured[index].shape)
    return index, int(x), int(y), views[index]


def _view(each: Seen) -> View:
    return View(each.known.noisy, each.known.scene, each.output, np.sqrt(each.known.variance))


def _inside(image: np.ndarray) -> np.ndarray:
    """Pixels that are `BORDER` or more from the border, (H, W) bool."""
    inside = np.zeros(image.shape, bool)
    inside[BORDER:-BORDER, BORDER:-BORDER] = True
    return inside


def _rms(error: np.ndarray) -> np.ndarray:
    """Root mean square over `PATCH` x `PATCH` pixels; the running mean may round to just below 0."""
    return np.sqrt(np.maximum(uniform_filter(np.square(error, dtype=float), PATCH), 0.0))
