"""Noise models against their closed forms. Bounds are 5 standard errors of the sample, with fixed seeds."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from astrounet_core.instrument import F606W, RELEASED, WFC3_UVIS
from astrounet_core.noise import (
    EXACT_RATE,
    NOISE_MODELS,
    cosmic_ray_charge,
    dark_noise,
    drizzle_kernel,
    hot_pixel_rate,
    noise_variance,
    photon_noise,
    physical,
    published,
    read_noise,
    released,
    short_exposure,
)

SIZE = 200


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def flat(rate: float, size: int = SIZE) -> torch.Tensor:
    return torch.full((size, size), float(rate))


def assert_moments(sample: torch.Tensor, mean: float, variance: float, excess_kurtosis: float = 0.0) -> None:
    """Sample mean and variance within 5 of their standard errors."""
    sample, n = sample.double(), sample.numel()
    assert abs(sample.mean().item() - mean) < 5 * math.sqrt(variance / n) + 1e-6 * abs(mean)
    tolerance = 5 * variance * math.sqrt((2 + excess_kurtosis) / n) + 1e-6 * variance
    assert abs(sample.var().item() - variance) < tolerance


rates = st.floats(0.01, 50.0)
times = st.floats(50.0, 3000.0)
ratios = st.floats(1.0, 8.0)
seeds = st.integers(0, 2**31)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(rates, times, ratios, seeds)
def test_published_has_the_moments_of_equation_4(rate, time, ratio, seed):
    short = time / ratio
    electrons = rate * short
    variance = (electrons + WFC3_UVIS.dark_current * short + WFC3_UVIS.read_noise**2) / short**2
    noisy = published(flat(rate), time, ratio, generator=generator(seed))
    assert_moments(noisy, rate, variance, excess_kurtosis=electrons / (variance * short**2) ** 2)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(rates, times, ratios, seeds)
def test_released_has_the_moments_of_the_script_where_the_truth_is_positive(rate, time, ratio, seed):
    short = time / ratio
    electrons = rate * short
    variance = (electrons + 7 / 3600 * time / ratio + 3.0**2) / short**2
    noisy = released(flat(rate), time, ratio, generator=generator(seed))
    assert_moments(noisy, rate, variance, excess_kurtosis=electrons / (variance * short**2) ** 2)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.floats(-0.09, 50.0), times, ratios, st.integers(1, 8), seeds)
def test_physical_is_unbiased_and_has_the_variance_of_sky_dark_and_reads(rate, time, ratio, reads, seed):
    short = time / ratio
    electrons = (rate + F606W.sky + WFC3_UVIS.dark_current) * short
    variance = (electrons + reads * WFC3_UVIS.read_noise**2) / short**2
    noisy = physical(flat(rate), time, ratio, generator=generator(seed), reads=reads)
    assert_moments(noisy, rate, variance, excess_kurtosis=electrons / (variance * short**2) ** 2)
    assert noise_variance(flat(rate), time, ratio, reads=reads).mean().item() == pytest.approx(variance, rel=1e-5)


@pytest.mark.parametrize("model", NOISE_MODELS.values())
def test_one_long_exposure_and_a_short_one_of_the_same_length_are_alike(model):
    direct = model(flat(0.5), 500.0, 1.0, WFC3_UVIS, generator(1))
    shortened = model(flat(0.5), 1250.0, 2.5, WFC3_UVIS, generator(1))
    assert torch.allclose(direct, shortened, atol=1e-6)


def test_equation_4_is_the_sum_of_its_parts():
    long_electrons = flat(3.0) * 800.0
    short = short_exposure(long_electrons, 2.5)
    assert torch.equal(short, flat(960.0))
    draw = generator(5)
    parts = photon_noise(short, draw)
    parts = parts + dark_noise(short, WFC3_UVIS.dark_current, 320.0, draw) + read_noise(short, 3.1, draw)
    assert torch.allclose(published(flat(3.0), 800.0, 2.5, generator=generator(5)), parts / 320.0)


def test_dark_and_read_noise_are_gaussian_with_the_stated_sigma():
    assert_moments(dark_noise(flat(0), 0.01, 400.0, generator()), 0.0, 4.0)
    assert_moments(read_noise(flat(0), 3.1, generator()), 0.0, 3.1**2)


@pytest.mark.parametrize("electrons", [0.3, 8.0, 30.0, 5e4, EXACT_RATE, 3e8, 1e10])
def test_photon_noise_follows_poisson_at_every_rate(electrons):
    counts = photon_noise(flat(electrons).double(), generator())
    assert_moments(counts, electrons, electrons, excess_kurtosis=1 / electrons)
    if electrons <= EXACT_RATE:
        assert torch.equal(counts, counts.round())


def test_single_precision_keeps_the_mean_and_variance_of_large_rates():
    counts = photon_noise(flat(1e8, 400), generator()).double() - 1e8
    assert_moments(counts, 0.0, 1e8)


def test_poisson_probabilities_against_scipy():
    from scipy import stats

    counts = photon_noise(flat(3.0, 400), generator()).numpy().ravel()
    observed = np.bincount(np.minimum(counts, 10).astype(int), minlength=11)
    law = stats.poisson(3.0).pmf(np.arange(10))
    expected = counts.size * np.append(law, 1 - law.sum())
    assert stats.chisquare(observed, expected).pvalue > 1e-3


@pytest.mark.parametrize("model", NOISE_MODELS.values())
def test_nan_and_infinite_pixels_pass_through_and_hurt_no_neighbour(model):
    image = flat(1.0, 8)
    image[2, 3], image[4, 4], image[5, 5] = math.nan, math.inf, -math.inf
    noisy = model(image, 500.0, 2.0, WFC3_UVIS, generator())
    assert torch.equal(torch.isfinite(noisy), torch.isfinite(image))
    assert torch.isnan(noisy[2, 3])
    assert noisy[4, 4] == math.inf
    assert noisy[5, 5] == -math.inf


def test_correlated_noise_stops_at_nan_pixels():
    image = flat(1.0, 8)
    image[3, 3] = math.nan
    assert torch.isnan(physical(image, 500.0, 2.0, generator=generator(), correlation=0.27)).sum() == 1
    variance = noise_variance(image, 500.0, 2.0, correlation=0.27)
    assert torch.isnan(variance).sum() == 1


@pytest.mark.parametrize("rate", [-5.0, 0.0])
def test_negative_and_zero_truth(rate):
    """published: zero mean plus read and dark noise; released: exactly zero; physical: stops at -(sky + dark)."""
    short = 250.0
    quiet = (WFC3_UVIS.read_noise**2 + WFC3_UVIS.dark_current * short) / short**2
    assert_moments(published(flat(rate), 500.0, 2.0, generator=generator()), 0.0, quiet)
    assert torch.equal(released(flat(rate), 500.0, 2.0, generator=generator()), flat(0.0))
    background = F606W.sky + WFC3_UVIS.dark_current
    level = max(rate, -background)
    variance = noise_variance(flat(rate), 500.0, 2.0)[0, 0].item()
    assert_moments(physical(flat(rate), 500.0, 2.0, generator=generator()), level, variance)


def test_released_leaks_the_zeros_of_the_truth_and_nothing_else():
    truth = torch.randn(SIZE, SIZE, generator=generator())
    noisy = released(truth, 500.0, 2.0, generator=generator(1))
    assert torch.equal(noisy == 0, truth <= 0)
    same = published(truth, 500.0, 2.0, RELEASED, generator(1))
    assert torch.equal(noisy[truth > 0], same[truth > 0])


@pytest.mark.parametrize("model", [published, released])
def test_a_sky_kept_during_the_draw_adds_its_shot_noise_and_is_subtracted_again(model):
    detector, short = RELEASED, 250.0
    noisy = model(flat(0.02), 500.0, 2.0, detector, generator(), sky=0.09)
    variance = ((0.02 + 0.09 + detector.dark_current) * short + detector.read_noise**2) / short**2
    assert_moments(noisy, 0.02, variance)
    assert noise_variance(flat(0.02), 500.0, 2.0, detector, sky=0.09).mean().item() == pytest.approx(variance, rel=1e-5)


def test_released_masks_only_pixels_that_are_dark_with_their_sky():
    frame = torch.randn(SIZE, SIZE, generator=generator())
    noisy = released(frame, 500.0, 2.0, generator=generator(1), sky=0.5)
    assert torch.equal(noisy == -0.5, frame <= -0.5)
    assert (noisy == 0).sum() == 0


def test_variance_of_published_is_that_of_a_clipped_scene_without_sky():
    truth = torch.linspace(-1, 5, 7).expand(7, 7)
    expected = (truth.clamp(min=0) * 200 + WFC3_UVIS.dark_current * 200 + 3.1**2) / 200**2
    assert torch.allclose(noise_variance(truth.clamp(min=0), 500.0, 2.5, sky=0.0), expected, rtol=1e-6)


def test_saturated_pixels_hold_the_full_wells_of_their_reads():
    star = physical(flat(1000.0), 500.0, 2.0, generator=generator(), reads=2, saturation=True)
    background = F606W.sky + WFC3_UVIS.dark_current
    assert_moments(star, 2 * WFC3_UVIS.full_well / 250.0 - background, 2 * 3.1**2 / 250.0**2)
    unsaturated = physical(flat(1000.0), 500.0, 2.0, generator=generator())
    assert_moments(unsaturated, 1000.0, noise_variance(flat(1000.0), 500.0, 2.0)[0, 0].item())


def autocorrelation(noise: torch.Tensor, dy: int, dx: int) -> float:
    noise = noise - noise.mean()
    return ((noise * noise.roll((dy, dx), (0, 1))).mean() / noise.square().mean()).item()


@pytest.mark.parametrize("rho", [0.1, 0.27, 0.45])
def test_drizzled_noise_has_the_stated_autocorrelation_and_variance(rho):
    noise = physical(flat(1.0, 500), 1000.0, 2.0, generator=generator(), correlation=rho) - 1.0
    tap = (1 - math.sqrt(1 - 2 * rho**2)) / (2 * rho)
    lag_two = tap**2 / (1 + 2 * tap**2)
    for shift, expected in [((0, 1), rho), ((1, 0), rho), ((1, 1), rho**2), ((0, 2), lag_two), ((0, 3), 0.0)]:
        assert abs(autocorrelation(noise, *shift) - expected) < 5 * 1.5 / 500
    variance = noise_variance(flat(1.0, 500), 1000.0, 2.0, correlation=rho)[0, 0].item()
    assert noise.var().item() == pytest.approx(variance, rel=5 * 2 / 500)
    white = noise_variance(flat(1.0), 1000.0, 2.0)[0, 0].item()
    assert variance == pytest.approx(white * drizzle_kernel(rho).square().sum().item(), rel=1e-5)


def test_drizzle_kernel_conserves_flux_and_is_symmetric():
    kernel = drizzle_kernel()
    assert kernel.sum().item() == pytest.approx(1.0)
    assert torch.allclose(kernel, kernel.T)
    assert torch.allclose(kernel, kernel.flip(0, 1))
    assert torch.equal(drizzle_kernel(0.0), torch.tensor([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]]))


def test_drizzling_leaves_the_noise_of_a_large_aperture_alone():
    scene = flat(1.0, 500)
    white, drizzled = (physical(scene, 1000.0, 2.0, generator=generator(), correlation=c) for c in (0.0, 0.27))
    sums = [(x - 1).reshape(25, 20, 25, 20).sum((1, 3)) for x in (white, drizzled)]
    assert sums[1].std().item() == pytest.approx(sums[0].std().item(), rel=0.05)


def test_cosmic_rays_cover_the_stated_fraction_with_the_stated_charge():
    charge = cosmic_ray_charge(flat(0, 1000), 0.02, generator())
    assert (charge > 0).double().mean().item() == pytest.approx(0.02, rel=0.03)
    rays = 1e6 * 4 * (1 - 0.98 ** (1 / 20))
    assert charge.sum().item() == pytest.approx(rays * 1000 * math.exp(0.5**2 / 2), rel=5 / math.sqrt(rays))


def test_cosmic_rays_grow_with_the_exposure():
    hits = []
    for time in (1000.0, 3000.0):
        with_rays = physical(flat(0, 500), time, 1.0, generator=generator(), cosmic_rays=0.02)
        hits.append((with_rays * time > 60).double().mean().item())
    assert hits[0] == pytest.approx(0.02, rel=0.15)
    assert hits[1] == pytest.approx(1 - 0.98**3, rel=0.15)


def test_hot_pixels_are_as_many_and_as_bright_as_asked():
    rate = hot_pixel_rate(flat(0, 1000), 0.01, generator()) * 3600
    hot = rate[rate > 0]
    assert hot.numel() / 1e6 == pytest.approx(0.01, rel=0.05)
    assert 54 <= hot.min().item() <= hot.max().item() <= 5400
    assert hot.log().mean().item() == pytest.approx(math.log(540), rel=0.01)
    noisy = physical(flat(0, 1000), 1000.0, 1.0, generator=generator(), hot_pixels=0.01) * 3600
    assert noisy.mean().item() == pytest.approx(0.01 * (5400 - 54) / math.log(100), rel=0.1)


def test_tensors_of_times_and_ratios_give_each_image_its_own_noise():
    batch = torch.ones(3, 1, SIZE, SIZE)
    time, ratio, sky = (torch.tensor(x).view(3, 1, 1, 1) for x in ([100.0, 800, 2000], [1.0, 2.5, 5], [0, 0.1, 0.3]))
    noisy = physical(batch, time, ratio, generator=generator(), sky=sky)
    for i in range(3):
        electrons = (1 + sky[i].item() + WFC3_UVIS.dark_current) * (time[i] / ratio[i]).item()
        variance = (electrons + 3.1**2) / (time[i] / ratio[i]).item() ** 2
        assert_moments(noisy[i], 1.0, variance, excess_kurtosis=1 / electrons)
    each = noise_variance(batch, time, ratio, sky=sky)
    assert each.shape == batch.shape
    one = noise_variance(batch[1], 800.0, 2.5, sky=0.1)
    assert torch.allclose(each[1], one, rtol=1e-6)


def test_tensors_of_reads_and_correlations_broadcast_too():
    reads, rho = torch.tensor([1.0, 4.0]).view(2, 1, 1), torch.tensor([0.0, 0.27]).view(2, 1, 1)
    noisy = physical(torch.ones(2, 500, 500), 900.0, 3.0, generator=generator(), reads=reads, correlation=rho)
    variance = noise_variance(torch.ones(2, 500, 500), 900.0, 3.0, reads=reads, correlation=rho)
    for i in range(2):
        assert noisy[i].var().item() == pytest.approx(variance[i].mean().item(), rel=0.02)
        assert abs(autocorrelation(noisy[i], 0, 1) - rho[i].item()) < 0.015


@pytest.mark.parametrize("model", NOISE_MODELS.values())
def test_same_seed_same_noise_another_seed_another(model):
    first, again, other = (model(flat(1.0), 500.0, 2.0, WFC3_UVIS, generator(s)) for s in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.dtype == torch.float32


def test_two_physical_exposures_are_independent_but_a_published_pair_shares_noise():
    scene = flat(1.0, 400)
    long, short = (physical(scene, 1000.0, r, generator=generator(int(r))) for r in (1.0, 2.0))
    leaking = published(long, 1000.0, 2.0, generator=generator(9))
    correlation = [torch.corrcoef(torch.stack([long.ravel(), x.ravel()]))[0, 1].item() for x in (short, leaking)]
    assert abs(correlation[0]) < 5 / 400
    shared = noise_variance(scene, 1000.0)[0, 0]
    added = noise_variance(scene, 1000.0, 2.0, sky=0.0)[0, 0]
    assert correlation[1] == pytest.approx((shared / (shared + added)).sqrt().item(), abs=5 / 400)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((torch.ones(4, 4, dtype=torch.int32), 100.0, 2.0), "floating point"),
        ((torch.ones(4, 4), 0.0, 2.0), "exposure_time"),
        ((torch.ones(4, 4), math.nan, 2.0), "exposure_time"),
        ((torch.ones(4, 4), 100.0, 0.5), "exposure_ratio"),
        ((torch.ones(4, 4), 100.0, torch.tensor([2.0, 0.9, 3.0, 1.0])), "exposure_ratio"),
    ],
)
def test_impossible_arguments_are_refused(arguments, words):
    for model in (*NOISE_MODELS.values(), noise_variance):
        with pytest.raises(ValueError, match=words):
            model(*arguments)


@pytest.mark.parametrize(
    ("option", "words"),
    [({"reads": 0}, "read at least once"), ({"hot_pixels": 1.5}, "fractions"), ({"cosmic_rays": -1}, "fractions"),
     ({"correlation": 0.8}, "correlation")],
)  # fmt: skip
def test_impossible_detectors_are_refused(option, words):
    with pytest.raises(ValueError, match=words):
        physical(torch.ones(4, 4), 100.0, 2.0, **option)


def test_a_generator_of_another_device_is_refused():
    with pytest.raises(ValueError, match="one device"):
        published(torch.ones(4, 4, device="meta"), 100.0, 2.0, generator=generator())


@pytest.mark.parametrize("model", [*NOISE_MODELS.values(), noise_variance])
def test_no_model_reads_a_value_back_from_the_device(model):
    """Tensors of the meta device hold no values: whoever asks for one, and so would stall a GPU, fails."""
    image, time, ratio = (torch.ones(s, device="meta") for s in ((2, 1, 16, 16), (2, 1, 1, 1), (2, 1, 1, 1)))
    assert model(image, time, ratio).shape == image.shape
    defects = {"saturation": True, "cosmic_rays": 0.02, "hot_pixels": 0.01, "correlation": time, "reads": time}
    assert physical(image, time, ratio, sky=time, **defects).shape == image.shape
