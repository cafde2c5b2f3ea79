"""What happens to a method off the road: its errors where an image, or what is said of it, is not what it expects.

Each `Perturbation` changes the sky, its exposure or what the method is told; the output is compared with the noise-free
sky changed in the same way. Quantities: ``robust_nmse:NAME``: noise-normalised MSE over that of the unperturbed image,
1 where nothing changes; ``robust_bias:NAME``: median error of aperture fluxes of known stars, % of their flux, less the
unperturbed one (the stars, other ones, that have a signal-to-noise ratio of 10 to 50 *there*, their Cramér-Rao bound);
``robust_peaks:NAME``: peaks of output - truth that a detection at 5 sigma of the input's noise would take for sources,
per arcmin², less the unperturbed ones. NAME "none": the unperturbed values themselves. ``equivariance``: rms of
method(shifted) - shifted method over the input's sky noise, at magnitude = shift, pixels; ``sub_image``: the same of a
part of an image seen alone, at magnitude = pixels left out along its border.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial

import numpy as np
import torch

from .bounds import cramer_rao, star_stamps
from .exposures import COSMIC_RAYS, DRIZZLED, STANDARD, Conditions, Method, arcmin2, expose, variance
from .field_table import Field, fields
from .fluxes import APERTURE, STAMP
from .instrument import WFC3_UVIS, Filter
from .known_stars import FAMILIES, jittered_grid
from .metrics import noise_normalised_mse
from .photometry import aperture_flux
from .psf import encircled_energy, hst_psf
from .psf_photometry import peaks, psf_model
from .rendering import Sources, draw
from .scenes import render
from .score_rows import row, rows_of

SNR_RANGE = (10.0, 50.0)
"""Signal-to-noise ratios of the stars whose bias counts."""

ALARM = 5.0
SHIFTS = tuple(range(1, 16))
"""Pixels, below the stride of 16 of the U-net's coarsest grid, on which it is equivariant anyway."""

MARGIN = 128
"""Pixels from the border that no output within depends on: the reach of the widest U-net."""


@dataclass(frozen=True)
class Perturbation:
    """conditions of exposure; brightness: factor on the sky's sources; wavelength: factor on the filter's, so on the
    width of the optics' PSF; ratio, time: what the method is told, ratio as it is and time as a factor; offset: added
    to image and truth, in units of the sky's noise; full_well: share of a full well that pixels are clipped at (charge
    that bleeds is not simulated)."""

    conditions: Conditions = field(default=STANDARD)
    brightness: float = 1.0
    wavelength: float = 1.0
    ratio: float | None = None
    time: float = 1.0
    offset: float = 0.0
    full_well: float = np.inf


NONE = Perturbation()
PERTURBATIONS = {
    "none": NONE,
    **{f"told r = {ratio}": Perturbation(ratio=float(ratio)) for ratio in (1, 5, 10)},
    "told twice the time": Perturbation(time=2.0),
    "told half the time": Perturbation(time=0.5),
    "10 times brighter": Perturbation(brightness=10.0),
    "10 times fainter": Perturbation(brightness=0.1),
    **{f"background {offset:+d} sigma": Perturbation(offset=float(offset)) for offset in (3, 30, -3, -30)},
    "drizzled": Perturbation(conditions=DRIZZLED),
    "cosmic rays": Perturbation(conditions=COSMIC_RAYS),
    "saturation": Perturbation(brightness=10.0, full_well=0.1),
    "PSF of 0.7 times the wavelength": Perturbation(wavelength=0.7),
    "PSF of 1.5 times the wavelength": Perturbation(wavelength=1.5),
}
"""Name -> perturbation of an exposure under `exposures.STANDARD`, of which r = 2 is told. The "saturation" is of the
brighter sky, compare with that, and of a well a tenth as deep, so that stars enough are clipped."""


@dataclass(frozen=True)
class Sky:
    """The catalogued sources of a field and stars on a grid, drawn anew for every filter; x, y, flux of the stars."""

    family: str
    seed: int
    size: int
    band: str
    sources: Sources
    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray


def skies(chosen: Sequence[Field] | None = None, size: int = 512) -> list[Sky]:
    """Fields with stars of known flux added, log-uniformly from signal-to-noise ratios of about 1 to 500.

    chosen: by default the sparse fields and star clusters of split "test"; diffuse light is left out.
    """
    if chosen is None:
        chosen = [each for each in fields("test") if each.kind in ("sparse_field", "star_cluster")]
    return [_sky(replace(each, size=size)) for each in chosen]


def _sky(chosen: Field) -> Sky:
    scene, (x, y) = render(chosen), jittered_grid(chosen.size, chosen.seed)
    empty = variance(torch.zeros(STAMP, STAMP), replace(STANDARD, band=chosen.band))
    faintest = float(_bounds(scene_filter(chosen.band), np.zeros(1), np.zeros(1), empty[None])[0])
    flux = faintest * np.exp(np.random.default_rng(chosen.seed).uniform(0, np.log(1000.0), len(x)))
    columns = ("x", "y", "flux_e_s", "half_light_radius_px", "sersic_index", "axis_ratio", "position_angle")
    theirs = Sources(*(torch.as_tensor(scene.catalogue[column], dtype=torch.float64) for column in columns))
    ours = Sources.stars(*(torch.as_tensor(each, dtype=torch.float64) for each in (x, y, flux)))
    family = "held_out" if chosen.family == "held_out" else FAMILIES.get(chosen.kind, "sparse field")
    return Sky(family, chosen.seed, chosen.size, chosen.band, theirs + ours, x, y, flux)


def scene_filter(band: str, wavelength: float = 1.0) -> Filter:
    """A filter at ``wavelength`` times the wavelengths, all else the same."""
    given = replace(STANDARD, band=band).filter
    name = given.name if wavelength == 1 else f"{given.name} x {wavelength:g}"
    return replace(given, name=name, pivot_nm=given.pivot_nm * wavelength, width_nm=given.width_nm * wavelength)


@dataclass(frozen=True)
class Shot:
    """A perturbed exposure: image and truth (H, W), e-/s; variance of its noise; sigma: the sky's; bound: of the stars'
    fluxes, and light: these within `APERTURE`, e-/s."""

    image: np.ndarray
    truth: np.ndarray
    variance: np.ndarray
    sigma: float
    flux: np.ndarray
    bound: np.ndarray
    light: np.ndarray


def perturbed(sky: Sky, what: Perturbation, seed: int) -> Shot:
    """Expose a sky under a perturbation; same seed, same random numbers."""
    conditions, chosen = replace(what.conditions, band=sky.band), scene_filter(sky.band, what.wavelength)
    scene = what.brightness * draw(sky.sources, sky.size, chosen)
    noise = variance(scene, conditions)
    sigma = float(np.sqrt(variance(torch.zeros(1, 1), conditions)[0, 0]))
    most = what.full_well * WFC3_UVIS.full_well / conditions.exposure_time - conditions.sky - WFC3_UVIS.dark_current
    image, truth = (np.minimum(each, most) for each in (expose(scene, conditions, seed), scene.numpy()))
    offset = np.float32(what.offset * sigma)
    flux = what.brightness * sky.flux
    white = _cut(variance(scene, conditions, white=True), sky.x, sky.y)
    bound = _bounds(chosen, sky.x - np.rint(sky.x), sky.y - np.rint(sky.y), white)
    return Shot(image + offset, truth + offset, noise, sigma, flux, bound, flux * _share(chosen))


def score(
    methods: Mapping[str, Method],
    chosen: Sequence[Sky] | None = None,
    noise_seeds: int = 3,
    perturbations: Mapping[str, Perturbation] = PERTURBATIONS,
) -> list[dict]:
    """The scorecard's rows of every method and perturbation; `PERTURBATIONS`'s "none" is always among them.

    Raises ValueError where ``perturbations`` has another one of this name.
    """
    if perturbations.get("none", NONE) != NONE:
        raise ValueError('"none" is the unperturbed image; give the perturbation another name.')
    collected: dict[tuple, list[dict]] = {}
    for sky in skies() if chosen is None else chosen:
        for seed in range(noise_seeds):
            for name, what in ({"none": NONE} | dict(perturbations)).items():
                shot = perturbed(sky, what, 1_000 * sky.seed + seed)
                for label, method in methods.items():
                    found = measure(method, shot, what, sky) | {"group": sky.seed}
                    collected.setdefault((label, sky.family, name), []).append(found)
    about = {"protocol": STANDARD.name, "exposure_ratio": STANDARD.exposure_ratio}
    return [
        each
        for (label, family, name), parts in collected.items()
        for each in rows(about | {"method": label, "fields": family}, name, parts, collected[label, family, "none"])
    ]


def measure(method: Method, shot: Shot, what: Perturbation, sky: Sky) -> dict[str, np.ndarray]:
    """Of one output: nmse, peaks per arcmin², and the stars' relative errors (n,), %, those within `SNR_RANGE`."""
    ratio = what.conditions.exposure_ratio if what.ratio is None else what.ratio
    error = method(shot.image, what.time * what.conditions.exposure_time, ratio) - shot.truth
    snr = shot.flux / shot.bound
    counted = (snr >= SNR_RANGE[0]) & (snr < SNR_RANGE[1])
    change = aperture_flux(error, sky.x[counted], sky.y[counted], APERTURE)
    invented = peaks(error, shot.variance, _model(scene_filter(sky.band)), ALARM)
    return {
        "nmse": noise_normalised_mse(error, np.zeros_like(error), shot.variance),
        "peaks": len(invented[0]) / arcmin2(error),
        "stars": 100 * change / shot.light[counted],
    }


def rows(about: Mapping[str, object], name: str, ours: Sequence[Mapping], base: Sequence[Mapping]) -> list[dict]:
    """The scorecard's rows of one perturbation beside the unperturbed exposures; intervals are drawn over fields."""
    images = np.array([[a["nmse"], b["nmse"], a["peaks"], b["peaks"]] for a, b in zip(ours, base, strict=True)]).T
    found = rows_of(about, images, partial(_images, name=name), groups=np.array([part["group"] for part in ours]))
    sides = [(part, float(side)) for side, parts in enumerate((base, ours)) for part in parts]
    stars = np.concatenate([[part["stars"], np.full(len(part["stars"]), side)] for part, side in sides], axis=1)
    groups = np.concatenate([np.full(len(part["stars"]), part["group"]) for part, _ in sides])
    return found + rows_of(about, stars, partial(_stars, name=name), groups=groups)


def _images(columns: np.ndarray, name: str) -> dict[str, float]:
    nmse, base, found, before = columns.mean(1)
    if name == "none":
        return {"robust_nmse:none": base, "robust_peaks:none": before}
    return {f"robust_nmse:{name}": nmse / base if base else np.nan, f"robust_peaks:{name}": found - before}


def _stars(columns: np.ndarray, name: str) -> dict[str, float]:
    error, is_ours = columns
    before, after = (np.median(error[is_ours == side]) if (is_ours == side).any() else np.nan for side in (0, 1))
    return {f"robust_bias:{name}": before if name == "none" else after - before}


def equivariance(
    methods: Mapping[str, Method],
    chosen: Sequence[Sky] | None = None,
    shifts: Sequence[int] = SHIFTS,
    margins: Sequence[int] = (0, 32),
) -> list[dict]:
    """Rows ``equivariance`` and ``sub_image`` of methods on skies of at least 2 `MARGIN` + 32 pixels a side.

    Images are shifted round, along rows and columns, and compared `MARGIN` pixels within their borders; the sub-image
    is the middle quarter. One noise a sky. Raises ValueError for a sky that is too small.
    """
    collected: dict[tuple, list[float]] = {}
    for sky in skies() if chosen is None else chosen:
        if sky.size < 2 * MARGIN + 32:
            raise ValueError(f"a sky of {sky.size} pixels is all border; make it {2 * MARGIN + 32} or larger.")
        shot = perturbed(sky, NONE, 1_000 * sky.seed)
        for name, method in methods.items():
            for quantity, magnitude, value in _differences(method, shot, shifts, margins):
                collected.setdefault((name, sky.family, quantity, magnitude), []).append(value)
    about = {"protocol": STANDARD.name, "exposure_ratio": STANDARD.exposure_ratio}
    return [
        row(about | {"method": name, "fields": family}, quantity, np.mean(values), magnitude=magnitude, n=len(values))
        for (name, family, quantity, magnitude), values in collected.items()
    ]


def _differences(method: Method, shot: Shot, shifts: Sequence[int], margins: Sequence[int]):
    """(quantity, magnitude, rms over the sky's noise) of one image."""

    def answer(image: np.ndarray) -> np.ndarray:
        return method(image, STANDARD.exposure_time, STANDARD.exposure_ratio)

    whole, within = answer(shot.image), np.s_[MARGIN:-MARGIN, MARGIN:-MARGIN]
    for shift in shifts:
        moved = answer(np.roll(shot.image, shift, (0, 1)))
        yield "equivariance", shift, _rms((moved - np.roll(whole, shift, (0, 1)))[within]) / shot.sigma
    part = np.s_[len(whole) // 4 : 3 * len(whole) // 4, len(whole) // 4 : 3 * len(whole) // 4]
    change = answer(np.ascontiguousarray(shot.image[part])) - whole[part]
    for margin in margins:
        yield (
            "sub_image",
            margin,
            _rms(change[margin : len(change) - margin, margin : len(change) - margin]) / shot.sigma,
        )


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=float))))


def _bounds(chosen: Filter, dx: np.ndarray, dy: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """Cramér-Rao bounds (n,), e-/s, of stars alone whose place and background are known."""
    return cramer_rao(star_stamps(_model(chosen), dx, dy)[:, None], variances, ("flux",))[:, 0]


def _cut(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(image, (STAMP, STAMP))
    return windows[tuple(np.rint(place).astype(int) - STAMP // 2 for place in (y, x))]


@cache
def _model(chosen: Filter):
    return psf_model(chosen)


@cache
def _share(chosen: Filter) -> float:
    """Of a star's light, in `APERTURE`."""
    return encircled_energy(hst_psf(chosen, size=255), APERTURE / 2)
