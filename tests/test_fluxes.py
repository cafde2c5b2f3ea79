"""Forced fluxes: unbiased where nothing was done, biased where light was taken, and counted by signal-to-noise."""

import math

import numpy as np
import pytest
import torch

from astrounet_core import fluxes
from astrounet_core.evaluation import expose
from astrounet_core.fluxes import error_statistics, forced_fluxes
from astrounet_core.noise import noise_variance
from astrounet_core.psf import hst_psf
from astrounet_core.scenes import Scene


def errors(shot, output):
    return error_statistics(forced_fluxes(shot, output), 10.0)


def test_forced_fluxes_of_the_input_are_unbiased_and_near_the_bound(stars):
    scores = [errors(shot, shot.noisy) for shot in (expose(*stars, "independent", 2, seed) for seed in range(8))]
    bias, scatter = (np.array([score[name] for score in scores]) for name in ("bias", "scatter"))
    assert abs(bias.mean()) < 3 * bias.std(ddof=1) / np.sqrt(len(bias)) + 0.05
    assert 1.0 < scatter.mean() < 1.8


def test_forced_fluxes_see_a_loss_of_light(stars):
    shot = expose(*stars, "independent", 2)
    bias = errors(shot, 0.9 * shot.scene.image.numpy())["bias"]
    assert -11.5 < bias < -10  # a tenth of the star's own light, and of its neighbours' in the aperture


def test_too_few_stars_give_no_flux_score(blank):
    scores = errors(expose(*blank, "independent", 2), blank[1].image.numpy())
    assert scores.pop("n") < 5 and all(math.isnan(value) for value in scores.values())


def test_disturbed_stars_are_left_out():
    places = np.array([[50.0, 50.0], [54.0, 50.0], [100.0, 100.0], [104.0, 100.0], [3.0, 80.0]])
    catalogue = {"x": places[:, 0], "y": places[:, 1], "flux_e_s": np.array([10.0, 5.0, 10.0, 0.5, 10.0])}
    scene = Scene(torch.zeros(128, 128), catalogue | {"kind": np.full(5, "star")}, "star_cluster", "F606W", 0)
    flux, x, _ = fluxes.isolated_stars(scene)
    assert x.tolist() == [100.0] and flux.tolist() == [10.0]


def test_the_bound_of_a_faint_star_is_that_of_the_sky(blank):
    shot = expose(*blank, "independent", 2)
    (bound,) = fluxes.flux_bounds(shot, np.array([128.0]), np.array([128.0]))
    sky = noise_variance(torch.zeros(1), shot.exposure_time, 1, sky=shot.field.sky, reads=np.ceil(shot.field.reads / 2))
    assert bound**2 / sky.item() == pytest.approx(1 / hst_psf(size=255).square().sum().item(), rel=0.01)


def test_statistics_of_known_errors():
    """1001 stars of SNR 20, errors -1 +- 1 sigma: bias -5 %, -1 sigma, scatter 1."""
    quantiles = torch.special.ndtri((torch.arange(1001, dtype=torch.float64) + 0.5) / 1001).numpy()
    stars = np.stack([np.full(1001, 40.0), np.full(1001, 2.0), 2.0 * (quantiles - 1)])
    found = error_statistics(stars, 10.0)
    assert found["n"] == 1001
    assert found["bias"] == pytest.approx(-5.0) and found["bias_sigma"] == pytest.approx(-1.0)
    assert found["scatter"] == pytest.approx(1.0, rel=2e-3)
    assert found["bias_error"] == pytest.approx(1.2533 / 1001**0.5, rel=2e-3)
    assert error_statistics(stars, 20.0)["n"] == 0 and error_statistics(stars, 10.0, 20.0)["n"] == 1001


def test_rows_count_every_star_once_and_survive_their_file(tmp_path):
    snr = np.geomspace(3, 500, 60)
    images = {("training", 2.0): [np.stack([snr, np.ones(60), 0.1 * np.ones(60)])] * 2}
    rows = fluxes.by_signal_to_noise(images)
    assert sum(row["n"] for row in rows[:-1]) == 120 and rows[-1]["n"] == 2 * (snr > 10).sum()
    fluxes.write_fluxes(tmp_path / "fluxes.csv", rows)
    again = fluxes.read_fluxes(tmp_path / "fluxes.csv")
    assert [row["n"] for row in again] == [row["n"] for row in rows] and again[0]["snr_low"] == 2.0
    assert again[-1]["snr_high"] == math.inf and again[0]["bias_sigma"] == pytest.approx(0.1)
