"""Stars added to training crops: their light, their places and their signal-to-noise ratios."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from astrounet_core.injection import SNR_RANGE, STAMP, StarInjector, flux_at_snr
from astrounet_core.photometry import cramer_rao_sigma


@pytest.fixture(scope="module")
def injector():
    return StarInjector()


def _images(injector, count, size=64, number=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    variance, time = torch.full((number,), 1e-4), torch.full((number,), 500.0)
    return injector(variance, time, torch.arange(number) % 2, count, size, generator)


def test_same_generator_same_stars_and_no_star_no_light(injector):
    assert torch.equal(_images(injector, 5), _images(injector, 5))
    assert not torch.equal(_images(injector, 5), _images(injector, 5, seed=1))
    assert not _images(injector, 0).any()


def test_every_stamp_holds_a_whole_star_at_its_place(injector):
    assert torch.allclose(injector.stamps.sum((-1, -2)), torch.ones(2, 36), atol=1e-5)
    along = torch.arange(STAMP) - STAMP // 2
    core = injector.stamps * (along.abs()[:, None] <= 2) * (along.abs() <= 2)
    places = (core.sum(-2) * along).sum(-1) / core.sum((-1, -2))
    assert (places[:, :6].diff(dim=1) > 0.08).all()  # a sixth of a pixel apart, less what the window cuts off


@given(snr=st.floats(1, 100), variance=st.floats(1e-8, 1), time=st.floats(10, 1e4))
def test_flux_at_snr_solves_its_equation(snr, variance, time):
    values = (torch.tensor(value, dtype=torch.float64) for value in (snr, variance, time))
    flux = flux_at_snr(*values).item()
    assert flux / (variance + flux / time) ** 0.5 == pytest.approx(snr, rel=1e-6)


def test_signal_to_noise_ratios_are_those_of_the_cramer_rao_bound(injector):
    variance, time = torch.tensor([1e-4]), torch.tensor([500.0])
    for snr in SNR_RANGE:
        flux = flux_at_snr(torch.tensor(snr), variance / injector.sharpness[0], time).item()
        psf = injector.stamps[0, 14].numpy()
        bound = cramer_rao_sigma(psf, variance.item() + flux * psf / time.item())
        assert flux / bound == pytest.approx(snr, rel=0.25)  # its own photons count a little less than equally


def test_a_lone_star_has_its_flux(injector):
    images = _images(injector, 1, size=128, number=40)
    brightest = images.flatten(1).argmax(1)
    inside = [(15 < i // 128 < 112) and (15 < i % 128 < 112) for i in brightest.tolist()]
    flux = images.sum((1, 2, 3))[torch.tensor(inside)]
    low, high = (
        flux_at_snr(torch.tensor(snr), torch.tensor(1e-4) / injector.sharpness.mean(), torch.tensor(500.0)).item()
        for snr in SNR_RANGE
    )
    assert len(flux) > 10 and 0.9 * low < flux.min() and flux.max() < 1.1 * high
    assert flux.max() > 4 * flux.min()
