"""Light that no list of sources holds: turbulence, a spiral galaxy with dust lanes, an ionised nebula.

Each pattern is a map (n, n) without units, which ``scenes`` scales to a surface brightness. Random numbers come
from a CPU generator, so a seed gives the same pattern on every device. The shapes' constants were chosen by eye
beside HST images.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, pad


def power_law_field(n: int, slope: float, generator: torch.Generator, device="cpu") -> Tensor:
    """Gaussian random field (n, n) with power P(k) ~ k^-slope, mean 0, standard deviation 1, periodic.

    Projected interstellar turbulence has slopes near 11/3 (Kolmogorov) for velocities and 2.5 to 3 for column
    density.
    """
    white = torch.randn(n, n, generator=generator).to(device)
    k = torch.hypot(torch.fft.fftfreq(n, device=device)[:, None], torch.fft.rfftfreq(n, device=device)[None, :])
    k[0, 0] = torch.inf
    field = torch.fft.irfft2(torch.fft.rfft2(white) * k ** (-slope / 2), s=(n, n))
    return field / field.std()


def sample_periodic(field: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Values of a periodic field (n, n) at u (columns) and v (rows), whose period is 1, by bilinear interpolation."""
    wrapped = pad(field[None, None], (0, 1, 0, 1), mode="circular")
    where = torch.stack([u % 1, v % 1], dim=-1)[None] * 2 - 1
    return grid_sample(wrapped, where, mode="bilinear", align_corners=True)[0, 0]


def pixel_grid(n: int, centre: tuple[float, float], device="cpu") -> tuple[Tensor, Tensor]:
    """Coordinates x (1, n) and y (n, 1) relative to a centre in pixels."""
    along = torch.arange(n, dtype=torch.float32, device=device)
    return along[None, :] - centre[0], along[:, None] - centre[1]


def spiral_galaxy_maps(
    n: int,
    centre: tuple[float, float],
    generator: torch.Generator,
    *,
    scale_length: float,
    position_angle: float,
    axis_ratio: float,
    pitch_deg: float,
    arms: int,
    bulge_fraction: float,
    dust_depth: float,
) -> tuple[Tensor, Tensor]:
    """Light of a spiral galaxy, and its young stars alone: two maps (n, n), the smooth disc's centre being 1.

    An exponential disc of scale_length pixels with logarithmic arms, phase m (θ - ln R / tan pitch), bent by
    turbulence; young stars feathered along the arms; dust lanes on their inner edge, of depth dust_depth times
    a lognormal web, that hide up to three quarters of the light; a round bulge with bulge_fraction of the light
    of disc and bulge.
    """
    x, y = pixel_grid(n, centre)
    cos, sin = math.cos(position_angle), math.sin(position_angle)
    u, v = x * cos + y * sin, (y * cos - x * sin) / axis_ratio
    radius = torch.sqrt(u**2 + v**2 + 1) / scale_length
    winding = radius.log() / math.tan(math.radians(pitch_deg))
    bend = 0.7 * sample_periodic(power_law_field(n, 3.4, generator), u / n, v / n)
    phase = arms * (torch.atan2(v, u) - winding) + bend

    def texture(slope: float, repeats: int) -> Tensor:
        along = sample_periodic(power_law_field(n, slope, generator), repeats * phase / math.tau, 0.11 * winding)
        return along + sample_periodic(power_law_field(n, slope, generator), u / n, v / n)

    disc, arm, lane = torch.exp(-radius), _ridge(phase, 2.2), 0.25 + _ridge(phase + 0.75, 5.0)
    young = 0.55 * disc.sqrt() * arm * torch.exp(0.75 * texture(2.4, 1)) * _hole(radius / 0.35)
    depth = dust_depth * disc.sqrt() * lane * torch.exp(0.8 * texture(2.6, 2) - 0.4) * _hole(radius / 0.15)
    screen = 0.25 + 0.75 * torch.exp(-depth)
    bulge = bulge_fraction / (1 - bulge_fraction) * axis_ratio * _bulge(torch.hypot(x, y) / scale_length)
    return (disc * (0.75 + 0.5 * arm) + young + bulge) * screen, young * screen


def _ridge(phase: Tensor, sharpness: float) -> Tensor:
    """1 where the phase is a multiple of 2π, falling off the faster the sharper."""
    return torch.exp(sharpness * (torch.cos(phase) - 1))


def _bulge(radius: Tensor) -> Tensor:
    """A Sérsic profile of n = 2 and half-light radius 0.22 that holds as much light as exp(-radius), 2π."""
    return 312.3 * torch.exp(-3.672 * (radius / 0.22).sqrt())


def _hole(x: Tensor) -> Tensor:
    """0 at x = 0, 1 well beyond x = 1."""
    return 1 - torch.exp(-(x**2))


def nebula_map(
    n: int,
    star: tuple[float, float],
    generator: torch.Generator,
    *,
    slope: float,
    contrast: float,
    cavity: float,
    dust_depth: float,
    device="cpu",
) -> Tensor:
    """Emission (n, n) of gas around an ionising cluster at ``star``; its bright rims are of the order of 1.

    Lognormal gas, folded into sheets, with a power spectrum of the given slope and a dispersion of ln density
    near ``contrast``, blown out within ``cavity`` pixels of the cluster. Photons run outwards and are used up:
    dense gas that they reach shines as density², what lies behind it stays dark. Dust in front absorbs exp(-τ),
    τ ~ dust_depth.
    """
    x, y = pixel_grid(n, star, device)
    radius = torch.sqrt(x**2 + y**2 + 1)
    u, v = (c / n + 0.05 * power_law_field(n, slope + 0.6, generator, device) for c in (x, y))
    clumps, sheets, web = (sample_periodic(power_law_field(n, slope, generator, device), u, v) for _ in range(3))
    folded = 0.8 * clumps - 1.2 * (sheets.abs() - 0.8)
    density = torch.exp(contrast * folded - contrast**2 / 2) * _hole((radius / cavity) ** 1.5)
    photons = ionising_photons(density**2 / (1.2 * cavity), star)
    rims = density**2 * photons
    haze = torch.exp(0.5 * clumps) * (0.1 + 0.4 * photons)
    emission = (rims / (1 + rims / 5) + haze) / (1 + (radius / (2.5 * cavity)) ** 2)
    return emission * torch.exp(-dust_depth * torch.exp(0.9 * web + 0.6 * folded - 0.8))


def ionising_photons(opacity: Tensor, star: tuple[float, float]) -> Tensor:
    """Share of a star's photons that reach each pixel, exp(-∫ opacity dr) along straight rays, (n, n).

    The opacity per pixel (n, n) is resampled to polar coordinates, summed outwards and sampled back.
    """
    n, device = len(opacity), opacity.device
    reach = math.hypot(max(star[0], n - star[0]), max(star[1], n - star[1]))
    r = torch.linspace(0, reach, n, device=device)
    theta = torch.arange(2 * n, device=device) * (math.pi / n)
    x, y = star[0] + r * theta.cos()[:, None], star[1] + r * theta.sin()[:, None]
    polar = grid_sample(opacity[None, None], torch.stack([x, y], -1)[None] * 2 / (n - 1) - 1, align_corners=True)
    depth = pad(polar.cumsum(-1) * (reach / n), (0, 0, 0, 1), mode="circular")
    dx, dy = pixel_grid(n, star, device)
    turn, distance = torch.atan2(dy, dx) / math.pi % 2, torch.hypot(dx, dy) / reach
    back = grid_sample(depth, torch.stack([2 * distance - 1, turn - 1], -1)[None], align_corners=True)
    return torch.exp(-back[0, 0])


def lensed_source_map(
    n: int,
    lens: tuple[float, float],
    generator: torch.Generator,
    *,
    einstein_radius: float,
    shear: float,
    offset: float,
    radius: float,
    clumps: int = 4,
    device="cpu",
) -> Tensor:
    """Light (n, n) of a galaxy behind a singular isothermal lens, in units of its light without the lens.

    A pixel at θ from the lens shows the source at β = θ - θ_E θ/|θ| - γ (θ_x, -θ_y): Narayan & Bartelmann,
    arXiv:astro-ph/9606001, section 3, with an external shear γ. Lensing keeps surface brightness, so light is gained
    where the map stretches. The source is an exponential disc of half-light ``radius`` whose centre is ``offset``
    Einstein radii from the lens; ``clumps`` knots of a quarter of its size hold an eighth of its light each.
    einstein_radius, radius: pixels.
    """
    x, y = pixel_grid(n, lens, device)
    stretch = 1 - einstein_radius / torch.sqrt(x**2 + y**2 + 0.25)
    beta_x, beta_y = (stretch - shear) * x, (stretch + shear) * y
    angle, places = math.tau * torch.rand(1, generator=generator).item(), torch.randn(clumps, 2, generator=generator)
    centre = (offset * einstein_radius * math.cos(angle), offset * einstein_radius * math.sin(angle))
    knots = [(centre[0] + radius * dx, centre[1] + radius * dy, radius / 4, 0.125) for dx, dy in places.tolist()]
    discs = [(*centre, radius, 1 - 0.125 * clumps), *knots]
    return sum(share * _disc(torch.hypot(beta_x - u, beta_y - v), size) for u, v, size, share in discs)


def _disc(radius: Tensor, half_light: float) -> Tensor:
    """Surface brightness of a face-on exponential disc that holds a light of 1 in all; 1.678 is b of n = 1."""
    scale = half_light / 1.678
    return torch.exp(-radius / scale) / (math.tau * scale**2)
