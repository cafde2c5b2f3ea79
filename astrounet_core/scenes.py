"""Noise-free scenes in e-/s with their truth catalogue: what HST would see in an endless exposure (section 2).

The paper takes 200 archive images. Here a scene is made from a seed, so that its truth is known:
``populations`` says which sources there are, ``diffuse`` adds light that is no source, ``rendering`` turns both
into pixels, and every number stands in ``data_manifest/fields.toml``. Same seed, same scene.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .diffuse import lensed_source_map, nebula_map, spiral_galaxy_maps
from .field_table import VERSION, Field, fields
from .instrument import FILTERS
from .populations import Patch
from .rendering import PAD, Sources, draw

__all__ = ["KINDS", "MINIMUM_SIZE", "VERSION", "Field", "Scene", "fields", "make_scene", "render"]

MINIMUM_SIZE = 16
"""Smallest side of a scene, pixels: one cell of the U-net's coarsest grid."""


@dataclass
class Scene:
    """image (H, W) float32, e-/s, noise-free and sky-subtracted; catalogue of the sources centred in the frame.

    Catalogue columns, one value a source: x, y (pixels, 0-based centres), flux_e_s (total, e-/s), kind ("star"
    or "galaxy") and, nan for stars, half_light_radius_px (major axis), sersic_index, axis_ratio, position_angle
    (radians from +x towards +y). A resolved galaxy's smooth light and a nebula's gas are in the image only.
    """

    image: Tensor
    catalogue: dict[str, np.ndarray]
    kind: str
    band: str
    seed: int


def make_scene(
    kind: str,
    size: int = 512,
    seed: int = 0,
    band: str = "F606W",
    device: torch.device | str = "cpu",
    **overrides: float | str | list[float],
) -> Scene:
    """A scene of one of KINDS, or a "lens_field": size x size pixels of 0.04″, through one of ``instrument.FILTERS``.

    overrides replace parameters of the kind, named as in ``data_manifest/fields.toml``, by a value or a range.
    A resolved galaxy and a nebula fill the frame whatever its size; all else has the densities and angular
    sizes of the sky. Devices agree to rounding. Raises ValueError for an unknown kind, band or parameter, a
    size below MINIMUM_SIZE or a negative seed.
    """
    _check(kind, size, seed, band)
    patch = Patch(kind, size, seed, FILTERS[band], overrides)
    diffuse = _FILL[kind](patch, torch.device(device))
    image = draw(patch.sources, size, FILTERS[band], diffuse, device)
    return Scene(image, _catalogue(patch.sources, size), kind, band, seed)


def render(field: Field, device: torch.device | str = "cpu") -> Scene:
    """The scene of a field of the table."""
    return make_scene(field.kind, field.size, field.seed, field.band, device, **field.overrides)


def _check(kind: str, size: int, seed: int, band: str) -> None:
    if kind not in _FILL:
        raise ValueError(f"no kind of scene {kind!r}: choose one of {', '.join(_FILL)}.")
    if band not in FILTERS:
        raise ValueError(f"no band {band!r}: choose one of {', '.join(FILTERS)}.")
    if size != int(size) or size < MINIMUM_SIZE:
        raise ValueError(f"no scene has {size} pixels a side: choose a whole number, {MINIMUM_SIZE} or more.")
    if seed != int(seed) or not 0 <= seed < 2**63:
        raise ValueError(f"no scene has the seed {seed}: choose a whole number from 0 to 2**63 - 1.")


def _catalogue(sources: Sources, size: int) -> dict[str, np.ndarray]:
    """The catalogue of the sources whose centres lie on the frame's pixels."""
    inside = (torch.minimum(sources.x, sources.y) >= -0.5) & (torch.maximum(sources.x, sources.y) < size - 0.5)
    kept = sources[inside]
    return {
        "x": kept.x.numpy(),
        "y": kept.y.numpy(),
        "flux_e_s": kept.flux.numpy(),
        "kind": np.where(kept.is_star.numpy(), "star", "galaxy"),
        "half_light_radius_px": kept.half_light_radius.numpy(),
        "sersic_index": kept.sersic_index.numpy(),
        "axis_ratio": kept.axis_ratio.numpy(),
        "position_angle": kept.position_angle.numpy(),
    }


def _star_cluster(patch: Patch, device: torch.device) -> None:
    centre = patch.centre(patch["centre_offset"])
    patch.add_cluster(centre, 10 ** patch["log10_central_density"], patch["scale_radius"])
    _background(patch)


def _background(patch: Patch, device: torch.device | None = None) -> None:
    """Field stars and distant galaxies."""
    patch.add_field_stars(patch["field_stars"])
    patch.add_galaxies(patch["galaxies_at_26"])


def _resolved_galaxy(patch: Patch, device: torch.device) -> Tensor:
    """Smooth light and dust as a map; its young stars and clusters one by one, where the map says."""
    x, y = patch.centre(0.1)
    shape = ("pitch_deg", "arms", "axis_ratio", "bulge_fraction", "dust_depth")
    light, young = spiral_galaxy_maps(
        patch.width,
        (x + PAD, y + PAD),
        patch.generator,
        scale_length=patch["scale_length"] * patch.size,
        position_angle=patch.between(0, math.pi),
        **{name: patch[name] for name in shape},
    )
    where = (1 - patch["old_star_share"]) * young / young.sum() + patch["old_star_share"] * light / light.sum()
    patch.add_stars_from_map(10 ** patch["log10_stars"] * patch.arcmin2, where, "young_stars")
    _background(patch)
    return light.to(device) * patch.surface_rate(patch["central_surface_brightness"])


def _nebula(patch: Patch, device: torch.device) -> Tensor:
    """Gas as a map, its ionising cluster and field stars one by one."""
    x, y = patch.centre(0.25)
    emission = nebula_map(
        patch.width,
        (x + PAD, y + PAD),
        patch.generator,
        cavity=patch["cavity"] * patch.size,
        device=device,
        **{name: patch[name] for name in ("slope", "contrast", "dust_depth")},
    )
    patch.add_cluster((x, y), 10 ** patch["log10_central_density"], patch["scale_radius"] * patch.size * patch.scale)
    patch.add_field_stars(patch["field_stars"])
    return emission * patch.surface_rate(patch["surface_brightness"])


def _lens_field(patch: Patch, device: torch.device) -> Tensor:
    """A massive elliptical, its companions and the galaxies of any field as sources; the arcs behind it as a map."""
    x, y = patch.centre(patch["centre_offset"])
    patch.add_ellipticals((x, y), patch["lens_magnitude"], patch["lens_radius"], patch["companions"])
    _background(patch)
    arcs = lensed_source_map(
        patch.width,
        (x + PAD, y + PAD),
        patch.generator,
        einstein_radius=patch["einstein_radius"] / patch.scale,
        radius=patch["source_radius"] / patch.scale,
        shear=patch["shear"],
        offset=patch["source_offset"],
        device=device,
    )
    return arcs * float(patch.rate(patch["source_magnitude"]))


def _blank_field(patch: Patch, device: torch.device) -> None:
    """Nothing at all: what is found here is a false alarm."""


_FILL = {
    "star_cluster": _star_cluster,
    "galaxy_field": _background,
    "resolved_galaxy": _resolved_galaxy,
    "nebula": _nebula,
    "sparse_field": _background,
    "blank_field": _blank_field,
    "lens_field": _lens_field,
}
"""What fills a patch of each kind: adds its sources, returns its diffuse light (or None)."""

KINDS = tuple(_FILL)[:6]
"""The kinds of the training fields, in the order that `features` knows them by. "lens_field" came later: it makes
fields that no network was trained on."""
