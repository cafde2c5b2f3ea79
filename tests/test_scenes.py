"""Scenes: light is conserved, the catalogue is true, a seed is a scene, the splits are what the table says."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from astrounet_core.diffuse import ionising_photons, lensed_source_map, power_law_field
from astrounet_core.field_table import field_table, spread
from astrounet_core.instrument import F606W, FILTERS, magnitude_from_rate
from astrounet_core.populations import Patch, counts_per_magnitude, inverse_sample, magnitudes, radial_profile
from astrounet_core.psf import hst_psf
from astrounet_core.rendering import PAD, Sources, draw, lay_galaxies, no_sources, sersic_b
from astrounet_core.scenes import KINDS, fields, make_scene, render

ALL_KINDS = (*KINDS, "lens_field")


def tensor(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def star(x: float, y: float, flux: float = 1.0) -> Sources:
    return Sources.stars(tensor(x), tensor(y), tensor(flux))


def galaxy(x: float, y: float, radius: float, index: float, ratio: float = 1.0, angle: float = 0.0) -> Sources:
    return Sources(*(tensor(value) for value in (x, y, 1.0, radius, index, ratio, angle)))


def centroid(image: torch.Tensor) -> tuple[float, float]:
    along = torch.arange(len(image), dtype=torch.float64)
    return float((image.sum(0) * along).sum() / image.sum()), float((image.sum(1) * along).sum() / image.sum())


# ---- rendering ----------------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(dx=st.floats(-0.5, 0.5), dy=st.floats(-0.5, 0.5), band=st.sampled_from(list(FILTERS.values())))
def test_star_equals_shifted_psf(dx, dy, band):
    image = draw(star(127 + dx, 127 + dy), 255, band).double()
    exact = hst_psf(band, size=255, offset=(dx, dy)).double()
    assert float(image.sum()) == pytest.approx(1, abs=1e-4)
    assert float((image - exact).abs().max() / exact.max()) < 1e-3
    core = slice(117, 138)
    assert np.subtract(centroid(image[core, core]), centroid(exact[core, core])) == pytest.approx(0, abs=2e-3)


def test_fluxes_add_up():
    both = draw(star(40.3, 90.1, 5.0) + star(200.6, 120.9, 7.0), 256, F606W)
    one_by_one = draw(star(40.3, 90.1, 5.0), 256, F606W) + draw(star(200.6, 120.9, 7.0), 256, F606W)
    torch.testing.assert_close(both, one_by_one, atol=1e-6, rtol=1e-4)


def test_star_beyond_the_frame_sheds_light_into_it_and_nothing_wraps():
    image = draw(star(-20.0, 64.0, 1e4), 128, F606W)
    assert image[64, 0] > 10 * image[64, 100] > 0
    assert image[:, -1].max() < 1e-4 * image[64, 0]
    assert float(draw(star(-PAD - 60.0, 64.0), 128, F606W).max()) < 1e-4


def test_bright_star_has_spikes_above_the_noise():
    image = draw(star(128.0, 128.0, 2e4), 257, F606W)
    reach = 60
    spike = max(float(image[128 + reach - 2 : 128 + reach + 3, 128 + reach - 2 : 128 + reach + 3].max()), 0)
    between = float(image[128, 128 + round(reach * 2**0.5)])
    assert spike > 5 * between
    assert spike > 0.02  # e-/s: twice the noise of a pixel in 1000 s


@pytest.mark.parametrize(("index", "tolerance"), [(0.5, 4e-4), (1.0, 3e-5), (2.0, 1e-6), (4.0, 1e-7)])
def test_sersic_b_halves_the_light(index, tolerance):
    """Half the light within R_e means P(2n, b) = 1/2, P the regularised incomplete gamma function."""
    half = torch.special.gammainc(tensor(2 * index), sersic_b(tensor(index)))
    assert float(half) == pytest.approx(0.5, abs=tolerance)


@pytest.mark.parametrize(("index", "tolerance"), [(0.6, 0.01), (1.0, 0.01), (2.5, 0.015), (4.0, 0.02)])
@pytest.mark.parametrize("ratio", [1.0, 0.4])
def test_galaxy_has_its_flux_and_half_light_radius(index, tolerance, ratio):
    grid = torch.zeros(1200, 1200)
    centre = 600.3 / 2 - PAD
    lay_galaxies(grid, galaxy(centre, centre, radius=12.0, index=index, ratio=ratio, angle=0.7))
    assert float(grid.sum()) == pytest.approx(1, abs=1e-5)
    along = torch.arange(1200) - 600.3
    major = along[None, :] * np.cos(0.7) + along[:, None] * np.sin(0.7)
    minor = along[:, None] * np.cos(0.7) - along[None, :] * np.sin(0.7)
    inside = torch.hypot(major, minor / ratio) < 2 * 12.0
    assert float(grid[inside].sum()) == pytest.approx(0.5, abs=tolerance)


def test_small_galaxy_keeps_its_flux_and_place():
    image = draw(galaxy(100.4, 99.2, radius=1.5, index=1.0, ratio=0.5, angle=1.0), 200, F606W)
    assert float(image.sum()) == pytest.approx(1, abs=1e-3)
    point, window = draw(star(100.4, 99.2), 200, F606W), (slice(90, 110), slice(90, 110))
    assert centroid(image[window].double()) == pytest.approx(centroid(point[window].double()), abs=0.01)


def test_diffuse_light_is_convolved_and_conserved():
    diffuse = torch.zeros(128 + 2 * PAD, 128 + 2 * PAD)
    diffuse[PAD + 60, PAD + 70] = 3.0
    image = draw(no_sources(), 128, F606W, diffuse)
    assert float(image.sum()) == pytest.approx(3, rel=0.01)  # the PSF's wings leave so small a frame
    assert divmod(int(image.argmax()), 128) == (60, 70)


# ---- populations --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["globular_cluster", "galaxies", "young_stars"])
def test_counts_have_the_slopes_of_the_table(name):
    law = field_table()["luminosity_function"][name]
    drawn = magnitudes(name, (torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000).numpy()
    for low, high, slope in zip(law["magnitudes"], law["magnitudes"][1:], law["slopes"], strict=False):
        edges = np.linspace(low, high, 6)
        counts = np.histogram(drawn, edges)[0]
        assert np.polyfit(edges[:-1], np.log10(counts), 1)[0] == pytest.approx(slope, abs=0.02)


def test_galaxy_density_is_the_one_asked_for():
    """Galaxies of magnitude 25.75 to 26.25 per arcmin², over 40 patches, against the density per magnitude at 26."""
    counted = area = 0.0
    for seed in range(40):
        patch = Patch("galaxy_field", 512, seed, F606W, {})
        patch.add_galaxies(60.0)
        magnitude = magnitude_from_rate(patch.sources.flux, F606W)
        counted, area = counted + int(((magnitude - 26).abs() < 0.25).sum()), area + patch.arcmin2
    assert counted / area / 0.5 == pytest.approx(60, rel=4 / counted**0.5)


def test_counts_per_magnitude_against_the_integral():
    """A single slope s over [a, b]: integral of 10^(s (m - m0)) = (10^(s (b - m0)) - 10^(s (a - m0))) / (s ln 10)."""
    s, a, b, m0 = 0.4, 19.0, 28.5, 25.0
    exact = (10 ** (s * (b - m0)) - 10 ** (s * (a - m0))) / (s * np.log(10))
    assert counts_per_magnitude("young_stars", m0) == pytest.approx(exact, rel=1e-5)


def test_plummer_radius_holds_half_the_stars():
    x = torch.linspace(0, 2000, 400_001, dtype=torch.float64)
    radius = inverse_sample(x, x * radial_profile("plummer", x, 8.0), tensor(0.5, 0.2))
    assert radius.tolist() == pytest.approx([1.0, 0.5], rel=1e-3)  # M(R) = R² / (1 + R²)


def test_king_profile_ends_at_the_tidal_radius():
    values = radial_profile("king", tensor(0.0, 7.9, 8.0, 9.0), 8.0)
    assert values[0] == pytest.approx(1) and values[1] > 0
    assert values[2:].tolist() == pytest.approx([0, 0], abs=1e-20)


# ---- diffuse light ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slope", [2.0, 3.2])
def test_turbulence_has_its_power_spectrum(slope):
    field = power_law_field(512, slope, torch.Generator().manual_seed(1)).double()
    power = torch.fft.fft2(field).abs().square()
    k = torch.hypot(*torch.meshgrid(torch.fft.fftfreq(512), torch.fft.fftfreq(512), indexing="ij"))
    edges = torch.logspace(-1.8, -0.4, 9)
    rings = [power[(k >= a) & (k < b)].mean().log10() for a, b in pairwise(edges)]
    middle = (edges[:-1] * edges[1:]).sqrt().log10()
    assert np.polyfit(middle, torch.stack(rings), 1)[0] == pytest.approx(-slope, abs=0.15)
    assert float(field.std()) == pytest.approx(1, abs=1e-3)


def test_uniform_gas_absorbs_exponentially_and_a_wall_casts_a_shadow():
    opacity = torch.full((256, 256), 0.01)
    left = ionising_photons(opacity, (100.0, 120.0))
    x, y = torch.arange(256) - 100.0, torch.arange(256) - 120.0
    exact = torch.exp(-0.01 * torch.hypot(x[None, :], y[:, None]))
    torch.testing.assert_close(left, exact, atol=0.02, rtol=0.02)
    opacity[110:130, 150:160] = 1.0
    shadowed = ionising_photons(opacity, (100.0, 120.0))
    assert shadowed[120, 200] < 1e-3 < 0.9 * exact[120, 50] < shadowed[120, 50]


# ---- scenes -------------------------------------------------------------------------------------------------------


def lensed(einstein_radius: float, offset: float, size: int = 401) -> torch.Tensor:
    """A small round source behind a lens at the centre, without shear or knots."""
    shape = {"shear": 0.0, "radius": 3.0, "clumps": 0}
    centre = (size // 2, size // 2)
    generator = torch.Generator().manual_seed(5)
    return lensed_source_map(size, centre, generator, einstein_radius=einstein_radius, offset=offset, **shape)


@pytest.mark.parametrize(("offset", "magnification"), [(0.8, 2 / 0.8), (0.5, 2 / 0.5), (1.5, 1 + 1 / 1.5), (2.0, 1.5)])
def test_a_lens_magnifies_as_the_closed_form_says(offset, magnification):
    # singular isothermal sphere: images at offset ± 1 with magnifications 1 / offset ± 1, the second inside 1 only
    assert float(lensed(60.0, offset).sum()) == pytest.approx(magnification, rel=0.01)


def test_without_a_lens_a_source_keeps_its_light_and_behind_it_becomes_a_ring():
    assert float(lensed(0.0, 0.0).sum()) == pytest.approx(1, abs=0.01)
    ring = lensed(60.0, 0.0)
    along = torch.arange(401.0) - 200
    radius = torch.hypot(along[None], along[:, None])
    assert float((ring * radius).sum() / ring.sum()) == pytest.approx(60, abs=0.2)


def test_lensing_keeps_surface_brightness():
    assert float(lensed(60.0, 0.5).max()) == pytest.approx(float(lensed(0.0, 0.0).max()), rel=0.1)


def test_a_lens_field_has_its_elliptical_in_the_middle_and_companions_fainter_than_it():
    scene = make_scene("lens_field", 256, 3, centre_offset=0.0, galaxies_at_26=0.0, field_stars=0.0, companions=20.0)
    brightest = scene.catalogue["flux_e_s"].argmax()
    assert scene.catalogue["sersic_index"].tolist() == [4.0] * len(scene.catalogue["x"])
    assert (scene.catalogue["x"][brightest], scene.catalogue["y"][brightest]) == (127.5, 127.5)
    others = np.delete(scene.catalogue["flux_e_s"], brightest)
    fainter = 2.5 * np.log10(scene.catalogue["flux_e_s"][brightest] / others)
    assert len(others) and (fainter > 1.5).all() and (fainter < 5).all()


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_every_kind_is_a_finite_positive_image_with_its_catalogue(kind):
    scene = make_scene(kind, 256, seed=5)
    assert scene.image.shape == (256, 256) and scene.image.dtype == torch.float32
    assert torch.isfinite(scene.image).all() and scene.image.min() >= 0
    columns = {len(column) for column in scene.catalogue.values()}
    assert len(columns) == 1
    x, y, flux, shape = (scene.catalogue[name] for name in ("x", "y", "flux_e_s", "sersic_index"))
    assert ((x >= -0.5) & (x < 255.5) & (y >= -0.5) & (y < 255.5) & (flux > 0)).all()
    assert (np.isnan(shape) == (scene.catalogue["kind"] == "star")).all()
    assert (len(x) == 0) == (kind == "blank_field") == (float(scene.image.max()) == 0)


@pytest.mark.parametrize("kind", ["star_cluster", "galaxy_field", "sparse_field"])
def test_the_image_is_its_sources(kind):
    """Light in the frame is that of the catalogue, but for what crosses the border (at most 8 % here)."""
    scene = make_scene(kind, 1024, seed=3)
    total = float(scene.image.double().sum())
    assert scene.catalogue["flux_e_s"].sum() == pytest.approx(total, rel=0.08)


def test_catalogue_stars_stand_where_the_image_has_peaks():
    scene = make_scene("sparse_field", 512, seed=11, field_stars=200.0, galaxies_at_26=0.0)
    table = scene.catalogue
    bright = (table["flux_e_s"] > 20) & (np.minimum(table["x"], table["y"]) > 12)
    bright &= np.maximum(table["x"], table["y"]) < 499
    assert bright.sum() >= 3
    for x, y, flux in zip(table["x"][bright], table["y"][bright], table["flux_e_s"][bright], strict=True):
        column, row = round(x), round(y)
        window = scene.image[row - 3 : row + 4, column - 3 : column + 4].double()
        assert centroid(window) == pytest.approx((x - column + 3, y - row + 3), abs=0.15)
        assert 0.7 * flux < float(window.sum()) < 1.1 * flux


@settings(max_examples=12, deadline=None)
@given(kind=st.sampled_from(ALL_KINDS), size=st.integers(16, 150), seed=st.integers(0, 2**63 - 1))
def test_same_seed_same_scene(kind, size, seed):
    one, two = make_scene(kind, size, seed), make_scene(kind, size, seed)
    assert torch.equal(one.image, two.image) and one.image.shape == (size, size)
    assert all(np.array_equal(one.catalogue[c], two.catalogue[c], equal_nan=c not in ("kind",)) for c in one.catalogue)


def test_another_seed_or_band_is_another_scene_and_stars_keep_their_magnitudes():
    red, blue = (make_scene("star_cluster", 128, 4, band) for band in ("F606W", "F555W"))
    assert not torch.equal(red.image, make_scene("star_cluster", 128, 5).image)
    magnitude = [magnitude_from_rate(s.catalogue["flux_e_s"], FILTERS[s.band]) for s in (red, blue)]
    np.testing.assert_allclose(*magnitude, atol=1e-9)


def test_overrides_replace_a_parameter_and_shift_no_other_draw():
    plain, shifted = (make_scene("star_cluster", 128, 6, magnitude_shift=m) for m in (0.0, 1.0))
    assert np.array_equal(plain.catalogue["x"], shifted.catalogue["x"])
    ratio = plain.catalogue["flux_e_s"] / shifted.catalogue["flux_e_s"]
    assert set(np.round(ratio, 6)) == {1.0, round(10**0.4, 6)}  # field stars and galaxies stay
    drawn = make_scene("star_cluster", 128, 6, magnitude_shift=[1.0, 1.0])
    assert torch.equal(drawn.image, shifted.image)


def test_fluxes_run_from_below_the_noise_to_saturation():
    """In 1000 s: noise of 0.01 e-/s a pixel, and 68 e-/s fill a pixel's well."""
    scenes = [make_scene("star_cluster", 512, seed) for seed in range(6)]
    flux = np.concatenate([scene.catalogue["flux_e_s"] for scene in scenes])
    assert flux.min() < 0.1 and sum(float(scene.image.max()) > 68 for scene in scenes) >= 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", KINDS)
def test_a_gpu_makes_the_same_scene(kind):
    cpu, gpu = (make_scene(kind, 256, 1, device=device) for device in ("cpu", "cuda"))
    assert gpu.image.device.type == "cuda"
    torch.testing.assert_close(gpu.image.cpu(), cpu.image, atol=1e-4 * float(cpu.image.max()), rtol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "comet"}, "no kind of scene 'comet'"),
        ({"kind": "nebula", "band": "F814W"}, "no band 'F814W'"),
        ({"kind": "nebula", "size": 15}, "15 pixels a side"),
        ({"kind": "nebula", "size": 99.5}, "99.5 pixels a side"),
        ({"kind": "nebula", "seed": -1}, "the seed -1"),
        ({"kind": "nebula", "colour": 1.0}, "no parameter 'colour'"),
        ({"kind": "star_cluster", "profile": "hubble"}, "no profile 'hubble'"),
        ({"kind": "star_cluster", "luminosity_function": "flat"}, "no luminosity function 'flat'"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_scene(**{"size": 32, **arguments})


# ---- fields -------------------------------------------------------------------------------------------------------


def test_splits_have_the_papers_sizes_and_bands_and_share_nothing():
    splits = {name: fields(name) for name in ("training", "validation", "test")}
    bands = {name: Counter(field.band for field in split) for name, split in splits.items()}
    assert bands["training"] == {"F606W": 123, "F555W": 37}
    assert bands["validation"] == {"F606W": 17, "F555W": 3} and bands["test"] == {"F606W": 14, "F555W": 6}
    every = [field for split in splits.values() for field in split]
    assert len({field.seed for field in every}) == len({field.name for field in every}) == 200
    assert {field.family for field in splits["training"] + splits["validation"]} == {"training"}


def test_the_first_test_fields_are_the_six_kinds_and_the_last_are_held_out():
    test = fields("test")
    assert tuple(field.kind for field in test[:6]) == KINDS
    assert [field.name for field in test if field.family == "held_out"] == [field.name for field in test[16:]]
    assert test[0].name == "test_000_star_cluster_f606w" and fields("test") == test


def test_held_out_families_use_what_training_never_does():
    table = field_table()
    used = {table["kind"][field.kind].get("luminosity_function") for field in fields("training")}
    clusters = [field for field in fields("test")[16:] if field.kind == "star_cluster"]
    assert len(clusters) == 2 and not used & {field.overrides["luminosity_function"] for field in clusters}
    spheroids = render(next(field for field in fields("test")[16:] if field.kind == "galaxy_field"))
    index = spheroids.catalogue["sersic_index"]
    assert np.nanmin(index) >= 2.5


def test_fields_agree_with_the_instrument_and_the_exposure_list():
    pairs = {tuple(pair) for pair in field_table()["exposure"]["seconds_and_reads"]}
    training = fields("training")
    assert {(field.exposure_time, field.reads) for field in training} == pairs
    assert max(Counter(field.exposure_time for field in training).values()) <= 23  # 160 over 7
    assert all(field.sky == FILTERS[field.band].sky for field in training)
    drizzled = sum(field.drizzle_correlation == 0.27 for field in training)
    assert {field.drizzle_correlation for field in training} == {0.0, 0.27} and 60 <= drizzled <= 100


def test_render_makes_the_declared_scene():
    field = fields("validation")[5]
    scene = render(field)
    assert (scene.kind, scene.band, scene.seed) == (field.kind, field.band, field.seed)
    assert torch.equal(scene.image, make_scene(field.kind, 512, field.seed, field.band).image)


@given(counts=st.dictionaries(st.text(min_size=1, max_size=3), st.integers(1, 30), min_size=1, max_size=6))
def test_spread_keeps_counts_and_never_strays_from_the_share(counts):
    order = spread(counts)
    assert Counter(order) == counts
    total = len(order)
    for label, count in counts.items():
        taken = np.cumsum([name == label for name in order])
        assert np.abs(taken - count / total * np.arange(1, total + 1)).max() < len(counts)


def test_realistic_fields_are_of_families_that_training_never_sees_and_have_three_correlations():
    chosen = fields("realistic")
    assert Counter(field.kind for field in chosen) == {"lens_field": 6, "star_cluster": 6}
    assert {field.family for field in chosen} == {"held_out"}
    assert {field.drizzle_correlation for field in chosen} == {0.0, 0.20, 0.27}
    old = [field for field in chosen if field.kind == "star_cluster"]
    assert {field.overrides["luminosity_function"] for field in old} == {"old_cluster"}


def test_unknown_splits_and_versions_are_named():
    with pytest.raises(ValueError, match="no split 'train': choose one of training, validation, test"):
        fields("train")
    with pytest.raises(ValueError, match="no fields 'fields-v9'"):
        fields("test", version="fields-v9")
