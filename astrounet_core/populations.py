"""Where sources are and how bright: luminosity functions, radial profiles, galaxy counts, drawn from a seed."""

import math

import torch
from torch import Tensor

from .field_table import field_table
from .instrument import WFC3_UVIS, Filter, rate_from_magnitude
from .rendering import PAD, Sources, no_sources

Parameters = dict[str, float | str | list[float]]
"""Numbers, names, or ranges [low, high] to draw from."""


class Patch:
    """A patch of sky being filled: the frame, PAD pixels around it, and the sources so far.

    ``patch["name"]`` is a parameter of the kind. Positions are in pixels, 0-based centres; lengths on the sky
    in arcsec.
    """

    def __init__(self, kind: str, size: int, seed: int, band: Filter, overrides: Parameters):
        self.size, self.band, self.scale = size, band, WFC3_UVIS.pixel_scale
        self.generator = torch.Generator().manual_seed(seed)
        self.parameters = self._parameters(kind, overrides)
        self.sources = no_sources()

    def __getitem__(self, name: str) -> float | str:
        return self.parameters[name]

    def _parameters(self, kind: str, overrides: Parameters) -> Parameters:
        """The kind's row of the table, overridden, its ranges drawn; one draw a name: an override shifts no other."""
        row = {**field_table()["common"], **field_table()["kind"][kind]}
        unknown = sorted(set(overrides) - set(row))
        if unknown:
            raise ValueError(f"a {kind} has no parameter {unknown[0]!r}: choose from {', '.join(sorted(row))}.")
        row, share = {**row, **overrides}, self.uniform(len(row)).tolist()
        ranges = zip(row.items(), share, strict=True)
        return {name: v[0] + (v[1] - v[0]) * u if isinstance(v, list | tuple) else v for (name, v), u in ranges}

    def uniform(self, n: int) -> Tensor:
        """(n,) float64 in [0, 1)."""
        return torch.rand(n, generator=self.generator, dtype=torch.float64)

    def between(self, low: float, high: float) -> float:
        """One uniform draw."""
        return low + (high - low) * self.uniform(1).item()

    def poisson(self, mean: float) -> int:
        """One Poisson draw."""
        return int(torch.poisson(torch.tensor([mean], dtype=torch.float64), generator=self.generator).item())

    @property
    def width(self) -> int:
        """Side of the patch, pixels."""
        return self.size + 2 * PAD

    @property
    def arcmin2(self) -> float:
        """Area of the patch, arcmin²."""
        return (self.width * self.scale / 60) ** 2

    def rate(self, magnitude: Tensor | float) -> Tensor:
        """e-/s of AB magnitudes in this band."""
        return rate_from_magnitude(torch.as_tensor(magnitude, dtype=torch.float64), self.band)

    def surface_rate(self, surface_brightness: float) -> float:
        """e-/s per pixel of a surface brightness in AB mag/arcsec²."""
        return float(self.rate(surface_brightness)) * self.scale**2

    def centre(self, offset: float) -> tuple[float, float]:
        """A point at most ``offset`` frame sides from the frame's centre along each axis, pixels."""
        x, y = (self.between(0.5 - offset, 0.5 + offset) * self.size - 0.5 for _ in range(2))
        return x, y

    def add_stars(self, x: Tensor, y: Tensor, luminosity_function: str, fainter: float = 0.0) -> None:
        """Stars at x, y (N,) with magnitudes from a named luminosity function, plus ``fainter``, if on the patch."""
        magnitude = magnitudes(luminosity_function, self.uniform(len(x))) + fainter
        stars = Sources.stars(x, y, self.rate(magnitude))
        off_centre = torch.maximum((x + 0.5 - self.size / 2).abs(), (y + 0.5 - self.size / 2).abs())
        self.sources += stars[off_centre < self.width / 2]

    def add_field_stars(self, density: float) -> None:
        """Milky Way stars, ``density`` per arcmin², anywhere."""
        self.add_stars(*self._anywhere(self.poisson(density * self.arcmin2)), "galactic_field")

    def add_stars_from_map(self, mean: float, weight: Tensor, luminosity_function: str) -> None:
        """``mean`` stars on average, distributed as a map (width, width) of the patch."""
        n, cumulative = self.poisson(mean), weight.double().flatten().cumsum(0)
        cell = torch.searchsorted(cumulative, self.uniform(n) * cumulative[-1]).clamp_max(len(cumulative) - 1)
        x, y = (index - PAD - 0.5 + self.uniform(n) for index in (cell % self.width, cell // self.width))
        self.add_stars(x, y, luminosity_function)

    def add_cluster(self, centre: tuple[float, float], central_density: float, scale_radius: float) -> None:
        """A round cluster of central_density stars per arcsec² and scale_radius arcsec; its laws are parameters."""
        reach = self.scale * self.width * math.sqrt(2)
        r = torch.linspace(0, reach, 4001, dtype=torch.float64)
        density = 2 * math.pi * r * radial_profile(self["profile"], r / scale_radius, self["tidal_ratio"])
        n = self.poisson(central_density * float(torch.trapezoid(density, r)))
        radius, angle = inverse_sample(r, density, self.uniform(n)) / self.scale, 2 * math.pi * self.uniform(n)
        x, y = centre[0] + radius * angle.cos(), centre[1] + radius * angle.sin()
        self.add_stars(x, y, self["luminosity_function"], self["magnitude_shift"])

    def add_galaxies(self, per_magnitude_at_26: float) -> None:
        """Discs and spheroids anywhere, so many per arcmin² and magnitude at AB 26, smaller where fainter."""
        n = self.poisson(per_magnitude_at_26 * counts_per_magnitude("galaxies", 26.0) * self.arcmin2)
        x, y = self._anywhere(n)
        magnitude = magnitudes("galaxies", self.uniform(n))
        scatter = self["radius_scatter"] * torch.randn(n, generator=self.generator, dtype=torch.float64)
        arcsec = 10 ** (self["log10_radius_at_24"] + self["radius_slope"] * (magnitude - 24) + scatter)
        disc, share = self.uniform(n) < self["disc_share"], self.uniform(n)
        index = torch.where(disc, 0.6 + share, 2.5 + 2 * share)
        ratio = torch.where(disc, 0.25 + 0.75 * self.uniform(n), 0.5 + 0.5 * self.uniform(n))
        angle = math.pi * self.uniform(n)
        self.sources += Sources(x, y, self.rate(magnitude), arcsec / self.scale, index, ratio, angle)

    def add_ellipticals(self, centre: tuple[float, float], magnitude: float, radius: float, companions: float) -> None:
        """One massive elliptical of half-light ``radius`` arcsec at the centre, and ``companions`` on average near it.

        All have de Vaucouleurs' n = 4. Companions are 1.5 to 5 mag fainter, gathered with a Plummer profile of 10
        arcsec, and smaller by 0.2 dex a magnitude (Kormendy's relation, about).
        """
        n = self.poisson(companions)
        share, angle = self.uniform(n), math.tau * self.uniform(n)
        distance = 10 / self.scale * (share / (1 - share)).sqrt()
        fainter = torch.cat([torch.zeros(1), 1.5 + 3.5 * self.uniform(n).sqrt()]).double()
        x, y = (
            torch.cat([torch.tensor([at], dtype=torch.float64), at + distance * part])
            for at, part in zip(centre, (angle.cos(), angle.sin()), strict=True)
        )
        radii = radius / self.scale * 10 ** (-0.2 * fainter)
        ratio, turned = 0.65 + 0.35 * self.uniform(n + 1), math.pi * self.uniform(n + 1)
        self.sources += Sources(x, y, self.rate(magnitude + fainter), radii, torch.full_like(x, 4.0), ratio, turned)

    def _anywhere(self, n: int) -> tuple[Tensor, Tensor]:
        x, y = (self.uniform(n) * self.width - PAD - 0.5 for _ in range(2))
        return x, y


def radial_profile(name: str, x: Tensor, tidal_ratio: float) -> Tensor:
    """Projected density over its central value at x = R / scale radius.

    "plummer": (1 + x²)^-2 (Plummer 1911). "king": [(1 + x²)^-1/2 - (1 + c²)^-1/2]², scaled, and 0 beyond c =
    tidal_ratio (King 1962, Eq. 14, doi:10.1086/108756). Raises ValueError for another name.
    """
    if name == "plummer":
        return (1 + x**2) ** -2
    if name == "king":
        edge = (1 + tidal_ratio**2) ** -0.5
        return (((1 + x**2) ** -0.5 - edge).clamp_min(0) / (1 - edge)) ** 2
    raise ValueError(f"no profile {name!r}: choose plummer or king.")


def magnitudes(name: str, uniform: Tensor) -> Tensor:
    """AB magnitudes (N,) of a luminosity function of the table, at the quantiles uniform (N,) of it."""
    law = _law(name)
    if "mean" in law:
        return law["mean"] + law["sigma"] * torch.special.ndtri(uniform.clamp(1e-12, 1 - 1e-12))
    grid = _magnitude_grid(law)
    return inverse_sample(grid, 10 ** _log_density(law, grid), uniform)


def counts_per_magnitude(name: str, magnitude: float) -> float:
    """Sources in a luminosity function's whole range for each source per magnitude at ``magnitude``."""
    law = _law(name)
    grid = _magnitude_grid(law)
    relative = _log_density(law, grid) - _log_density(law, torch.tensor(magnitude, dtype=torch.float64))
    return float(torch.trapezoid(10**relative, grid))


def inverse_sample(grid: Tensor, density: Tensor, uniform: Tensor) -> Tensor:
    """Quantiles of a density tabulated on a grid, at uniform (N,), by linear interpolation of its cumulative."""
    cumulative = torch.cat([grid.new_zeros(1), torch.cumulative_trapezoid(density, grid)])
    cumulative = cumulative / cumulative[-1]
    upper = torch.searchsorted(cumulative, uniform).clamp(1, len(grid) - 1)
    share = (uniform - cumulative[upper - 1]) / (cumulative[upper] - cumulative[upper - 1])
    return grid[upper - 1] + share * (grid[upper] - grid[upper - 1])


def _law(name: str) -> dict:
    laws = field_table()["luminosity_function"]
    if name not in laws:
        raise ValueError(f"no luminosity function {name!r}: choose one of {', '.join(laws)}.")
    return laws[name]


def _magnitude_grid(law: dict) -> Tensor:
    return torch.linspace(law["magnitudes"][0], law["magnitudes"][-1], 4001, dtype=torch.float64)


def _log_density(law: dict, magnitude: Tensor) -> Tensor:
    """log10 dN/dm up to a constant: one slope per interval between the law's magnitudes, joined continuously."""
    pieces = zip(law["slopes"], law["magnitudes"], law["magnitudes"][1:], strict=False)
    return sum(slope * (magnitude.clamp(low, high) - low) for slope, low, high in pieces)
