"""One test for every line of book/errata.md: the arithmetic behind it."""

import math
import re

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d, correlate2d
from scipy.stats import beta
from torch.nn import functional

from astrounet_core import manifest, metrics, photometry
from astrounet_core._paths import ROOT
from astrounet_core.experiments import EXPERIMENTS, SCHEDULES, updates_of
from astrounet_core.paper import implied_precision, table
from astrounet_core.scenes import fields

PAGE = (ROOT / "book" / "errata.md").read_text()
STANDARD_ERROR = 0.18  # per cent: Tables 1 and 2, "RFE uncertainty"


def row(number: int, key: str) -> dict:
    return next(row for row in table(number) if row["key"] == key)


def test_every_line_has_its_test_and_every_test_its_line():
    lines = re.findall(r"^\| E(\d+) \|", PAGE, re.MULTILINE)
    tests = [name.split("_")[1][1:] for name in globals() if re.match(r"test_e\d+_", name)]
    assert [int(number) for number in lines] == list(range(1, len(lines) + 1))
    assert sorted(tests, key=int) == sorted(lines, key=int)


@pytest.fixture(scope="module")
def moments():
    """Means, standard deviations and covariance of two correlated images; c1, c2, c3 for a range of 1."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(64, 64, generator=generator, dtype=torch.float64)
    y = 0.6 * x + 0.4 * torch.rand(64, 64, generator=generator, dtype=torch.float64)
    covariance = ((x - x.mean()) * (y - y.mean())).mean()
    return x.mean(), y.mean(), x.std(correction=0), y.std(correction=0), covariance, metrics.ssim_constants(1.0)


def test_e1_eq_21_follows_only_from_the_corrected_eq_15(moments):
    mx, my, sx, sy, sxy, (c1, c2, c3) = moments
    eq_21 = (2 * mx * my + c1) * (2 * sxy + c2) / ((mx**2 + my**2 + c1) * (sx**2 + sy**2 + c2))
    rest = metrics.luminance(mx, my, c1) * metrics.structure(sxy, sx, sy, c3)
    as_printed = (2 * sxy + c2) / (sx**2 + sy**2 + c2)
    assert rest * metrics.contrast(sx, sy, c2) == pytest.approx(eq_21.item(), rel=1e-12)
    assert rest * as_printed != pytest.approx(eq_21.item(), rel=0.05)


def test_e2_sigma_is_a_standard_deviation(moments):
    _, _, sx, _, _, (_, _, c3) = moments
    variance = sx**2
    assert metrics.structure(variance, sx, sx, c3) == pytest.approx(1.0)
    assert metrics.structure(variance, variance, variance, c3) > 5


def test_e3_torch_correlates():
    generator = torch.Generator().manual_seed(1)
    image = torch.randn(16, 16, generator=generator, dtype=torch.float64)
    kernel = torch.randn(3, 3, generator=generator, dtype=torch.float64)
    torch_says = functional.conv2d(image[None, None], kernel[None, None])[0, 0].numpy()
    assert torch_says == pytest.approx(correlate2d(image, kernel, mode="valid"))
    assert torch_says == pytest.approx(convolve2d(image, kernel.flip(0, 1), mode="valid"))
    assert abs(torch_says - convolve2d(image, kernel, mode="valid")).max() > 1


def test_e4_kl_without_normalisation_has_no_minimum():
    p = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
    scales = torch.tensor([1.0, 10.0, 1000.0], dtype=torch.float64)
    eq_9 = torch.stack([(p * torch.log(p / (k * p))).sum() for k in scales])
    torch.testing.assert_close(eq_9, -torch.log(scales))
    poisson = eq_9 + (scales - 1) * p.sum()
    assert poisson.argmin() == 0 and (poisson >= 0).all()


def test_e5_weights_change_with_every_crop():
    assert updates_of(EXPERIMENTS["network1"], SCHEDULES["paper"]) == 5000 * 160


def test_e6_signed_and_absolute_means_differ():
    errors = metrics.relative_flux_error([95.0, 105.0], [100.0, 100.0])
    assert errors.mean() == pytest.approx(0)
    assert abs(errors).mean() == pytest.approx(0.05)


def test_e7_a_constant_background_lowers_the_snr_of_eq_26():
    flux, error = np.array([1000.0]), np.array([50.0])
    without, with_level = (photometry.snr(flux, error, background) for background in (0.0, 60.0))
    assert without == pytest.approx(20.0)
    assert with_level == pytest.approx(1000 / math.hypot(50, 60))


def test_e8_three_sets_of_160_20_and_20():
    assert [len(fields(split)) for split in ("training", "validation", "test")] == [160, 20, 20]


def test_e9_iterations_an_epoch():
    assert (5000 * 150, 5000 * 160) == (750_000, 800_000)
    assert len(fields("training")) == 160
    assert SCHEDULES["paper"].updates == 800_000


def test_e10_hours_and_updates():
    one, two = (updates_of(EXPERIMENTS[name], SCHEDULES["paper"]) for name in ("network1", "network2"))
    assert two == 4 * one == 3_200_000
    assert 48 * 3600 / one == pytest.approx(0.216)
    assert 62 * 3600 / two == pytest.approx(0.070, abs=5e-4)


def test_e11_true_positive_rates_have_different_denominators():
    before, after = 3366, 4334  # recovered stars, authors' notes
    assert round(100 * before / row(2, "input@2")["tpr"]) == 4944
    assert round(100 * after / row(2, "network1@2")["tpr"]) == 4517
    assert 100 * after / 4944 == pytest.approx(87.7, abs=0.05)


def test_e12_psnr_of_network_2():
    one, two = row(2, "network1@2")["psnr"], row(2, "network2@2")["psnr"]
    assert (one, two) == (13.6, 16.3)
    assert two - one == pytest.approx(20 * math.log10(18.09 / 13.32), abs=0.05)
    assert one > 13.3  # the authors' notes on Network 2


def test_e13_images_to_be_stacked():
    gains = [row(2, key)["snr_factor"] for key in ("network1@2", "network2@2")]
    assert [round(gain**2, 2) for gain in gains] == [2.66, 2.69]
    assert min(gains) > math.sqrt(2)


def test_e14_flux_error_grows_with_the_ratio():
    short, long = row(2, "network2@2"), row(2, "network2@5")
    assert short["rfe_uncertainty"] == long["rfe_uncertainty"] == STANDARD_ERROR
    assert (long["rfe"] - short["rfe"]) / (math.sqrt(2) * STANDARD_ERROR) == pytest.approx(7.3, abs=0.1)


def test_e15_choices_within_the_uncertainty():
    network1 = row(2, "network1@2")["rfe"]
    sigma = math.sqrt(2) * STANDARD_ERROR
    assert (row(1, "exp06")["rfe"] - network1) / sigma == pytest.approx(0.5, abs=0.05)
    assert (row(1, "exp09")["rfe"] - network1) / sigma == pytest.approx(1.0, abs=0.05)
    assert (row(1, "exp02")["rfe"] - row(1, "exp01")["rfe"]) / sigma == pytest.approx(9.6, abs=0.05)


@pytest.mark.parametrize(("key", "expected"), [("input@2", 0.91), ("network1@2", 0.78), ("network2@5", 0.67)])
def test_e16_implied_precision(key, expected):
    printed = row(2, key)
    recall = printed["tpr"] / 100
    precision = implied_precision(recall, printed["f_measure"])
    assert precision == pytest.approx(expected, abs=0.005)
    assert metrics.f_measure(precision, recall) == pytest.approx(printed["f_measure"])
    rounded = [implied_precision(recall, printed["f_measure"] + half) for half in (-0.005, 0.005)]
    assert rounded[0] < expected < rounded[1] and rounded[1] - rounded[0] < 0.03


def test_e17_snr_of_0_9_is_a_ratio():
    ground_truth_over_output = 1 / (row(2, "input@2")["snr_factor"] * row(2, "network1@2")["snr_factor"])
    assert ground_truth_over_output == pytest.approx(0.92, abs=0.005)


def test_e18_sixteen_stars():
    printed = sorted({row["tpr"] for row in table(3)})
    assert printed == [56.2, 87.5, 100]
    sizes = [n for n in range(1, 40) if all(any(abs(100 * k / n - p) <= 0.0501 for k in range(n + 1)) for p in printed)]
    assert sizes[0] == 16
    low, high = beta.ppf(0.025, 14, 3), beta.ppf(0.975, 15, 2)  # Clopper-Pearson
    assert (100 * low, 100 * high) == pytest.approx((62, 98), abs=0.5)


def test_e19_files_in_more_than_one_set():
    rows = manifest.hla_files()
    names = {split: [row["dataset"] for row in rows if row["split"] == split] for split in {r["split"] for r in rows}}
    trained = set(names["training"])
    assert (len(rows), len({row["dataset"] for row in rows})) == (200, 149)
    assert sum(name in trained for name in names["test"]) == 8
    assert sum(name in trained for name in names["validation"]) == 9
