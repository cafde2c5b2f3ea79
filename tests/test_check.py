"""Added stars: what is put in comes out, methods whose effect is known are found out, and the answer says so."""

import json

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st
from photutils.datasets import make_model_image
from scipy.ndimage import gaussian_filter
from scipy.stats import kstest

from astrounet_core import added_stars, check_report, cli, inspection, photometry
from astrounet_core.added_stars import CheckResult, Measured, check_image
from astrounet_core.instrument import F606W
from astrounet_core.psf import encircled_energy, hst_psf
from astrounet_core.settings import NetworkSettings
from astrounet_core.star_shapes import measured_fwhm, star_shape
from astrounet_core.unet import Denoiser
from astrounet_core.weights import save_weights

SIGMA, LEVEL, TIME = 0.02, 0.1, 1000.0
HST, ROUND = star_shape(np.zeros((1, 1)), "F606W", 0.04), star_shape(np.zeros((1, 1)), fwhm=2.6)


def noise(seed: int = 0, size: int = 320, sigma: float = SIGMA) -> np.ndarray:
    return np.random.default_rng(seed).normal(LEVEL, sigma, (size, size)).astype(np.float32)


def unchanged(image: np.ndarray, time: float) -> np.ndarray:
    return image


def halved(image: np.ndarray, time: float) -> np.ndarray:
    return image / 2


def emptied(image: np.ndarray, time: float) -> np.ndarray:
    return np.full_like(image, LEVEL)


@pytest.fixture(scope="module")
def same() -> CheckResult:
    return check_image(noise(size=448), TIME, unchanged, HST, stars=310)


def synthetic(error: np.ndarray, found=None, before: np.ndarray | None = None) -> CheckResult:
    """A result whose stars of SNR 7 have this error after denoising and none, or ``before``, before it."""
    bound, none = np.full(len(error), 1.0), np.zeros(len(error))
    seen = np.ones(len(error), bool)
    first = Measured(seen, none, none if before is None else before)
    last = Measured(seen if found is None else found, error, error)
    return CheckResult(7 * bound, bound, first, last, ((0, 0, 9, 9),), (0, 0), (5.0, 5.0), 1)


def test_the_unchanged_image_has_no_bias_and_reaches_the_bound(same):
    for row in check_report.rows(same):
        assert abs(row["bias_before"]) < 4 * row["bias_before_error"]
        assert abs(row["scatter_before"] - 1) < 4 * row["scatter_before_error"]
    pulls = same.before.error / same.bound
    assert pulls.mean() == pytest.approx(0, abs=4 / len(pulls) ** 0.5)
    assert pulls.std() == pytest.approx(1, abs=4 / (2 * len(pulls)) ** 0.5)


def test_a_method_that_changes_nothing_shows_no_difference(same):
    for name in ("found", "change", "error"):
        np.testing.assert_array_equal(getattr(same.before, name), getattr(same.after, name))
    assert same.thresholds[0] == same.thresholds[1]
    said = check_report.conclusions(same)
    assert "0 won, 0 lost. That shows no difference." in said[0]
    assert all("That shows no difference" in sentence for sentence in said if sentence.startswith("Of "))


def test_bright_stars_are_found_and_stars_below_the_noises_own_peaks_are_not(same):
    assert 4 < same.thresholds[0] < 6  # of 2.6e5 pixels of Gaussian noise the highest is at 4.5
    assert same.before.found[same.snr > 10].mean() > 0.98
    assert same.before.found[same.snr < 4].mean() < 0.5


def test_a_method_that_halves_everything_halves_fluxes_and_finds_as_many():
    result = check_image(noise(1), TIME, halved, ROUND, stars=60)
    np.testing.assert_allclose(result.after.change, (result.before.change - result.flux) / 2, atol=1e-4)
    np.testing.assert_array_equal(result.before.found, result.after.found)
    bias = [row["bias_after"] for row in check_report.rows(result) if row["bias_after"] is not None]
    assert bias == pytest.approx([-50] * len(bias), abs=6)
    assert any("fainter" in sentence for sentence in check_report.conclusions(result))


def test_a_method_that_removes_everything_finds_nothing():
    result = check_image(noise(2), TIME, emptied, HST, stars=60)
    assert result.before.found.sum() > 30 and not result.after.found.any()
    np.testing.assert_allclose(result.after.change, -result.flux, rtol=1e-4)
    said = check_report.conclusions(result)
    assert "Denoising loses stars here" in said[0] and "For fluxes, use the image as it was" in said[-1]


@given(st.integers(0, 1000), st.sampled_from([HST, ROUND]), st.floats(1e-3, 10))
@settings(max_examples=5, deadline=None)
def test_without_photon_noise_photometry_gives_back_what_was_added(seed, psf, sigma):
    result = check_image(noise(seed, 160, sigma), 1e9, unchanged, psf, stars=8, seed=seed)
    np.testing.assert_allclose(result.before.change, 0, atol=2e-3 * result.flux.max())
    np.testing.assert_allclose(result.bound, result.bound[0], rtol=1e-3)


def test_added_light_is_the_flux_times_the_stamps_share_and_its_noise_is_poissons():
    shown: list[np.ndarray] = []

    def watching(image, time):
        shown.append(image.copy())
        return image

    result = check_image(noise(3), TIME, watching, HST, stars=16)
    added = shown[-1] - shown[0]
    share = encircled_energy(hst_psf(F606W, size=255), 15.5)
    expected = result.flux.sum()
    assert added.sum() == pytest.approx(share * expected, abs=4 * (expected / TIME) ** 0.5 + 0.02 * expected)
    electrons = added * TIME
    np.testing.assert_allclose(electrons, np.rint(electrons), atol=0.05)  # float32 images hold no more


def test_fluxes_lie_log_uniformly_in_units_of_their_bound():
    flux, bound = added_stars._draw(300, HST, SIGMA**2, TIME, np.random.default_rng(0))
    for each, sigma in list(zip(flux, bound, strict=True))[:20]:
        variance = SIGMA**2 + each * HST.stamp.clip(min=0) / TIME
        assert sigma == pytest.approx(photometry.cramer_rao_sigma(HST.stamp, variance), rel=2e-3)
    low, high = np.log(added_stars.SNR_RANGE)
    assert kstest((np.log(flux / bound) - low) / (high - low), "uniform").pvalue > 0.01


@given(st.integers(0, 1000), st.integers(1, 30))
@settings(max_examples=20, deadline=None)
def test_stars_lie_on_free_pixels_and_apart(seed, count):
    generator = np.random.default_rng(seed)
    free = gaussian_filter(generator.random((200, 150)), 20) > 0.5
    x, y = added_stars._places(free, count, HST, generator)
    assert len(x) <= count and free[np.rint(y).astype(int), np.rint(x).astype(int)].all()
    apart = np.maximum(abs(x[:, None] - x), abs(y[:, None] - y)) + 99 * np.eye(len(x))
    assert not len(x) or apart.min() >= added_stars.SPACING - 1


def test_no_star_lands_near_missing_pixels_or_a_bright_source():
    image = noise(4)
    image[:, 150:170] = np.nan
    image[60:64, 60:64] += 100 * SIGMA
    added: list[np.ndarray] = []

    def watching(each, time):
        added.append(each - image)
        return each

    result = check_image(image, TIME, watching, HST, stars=100)
    touched = np.any([abs(each) > 0 for each in added[3:]], axis=0)
    assert len(result.flux) > 50 and np.nanmax(abs(added[0])) == 0
    assert np.isfinite(result.before.error).all()
    middle = [np.argwhere(each > 0.5 * np.nanmax(each)) for each in added[3:]]
    assert touched.any() and all(np.hypot(*(each - 61.5).T).min() > added_stars.CLEAR - 3 for each in middle)


def test_the_noise_image_has_the_skys_scatter_and_correlation():
    image = gaussian_filter(noise(5, 384), 0.8).astype(np.float32)
    blank = inspection.blank_sky(image)
    view = added_stars._View(image, blank, HST)
    made = added_stars._noise_image(view, blank, np.random.default_rng(0))
    assert made.mean() == pytest.approx(LEVEL, abs=0.1 * SIGMA)
    for measure, scale in ((inspection.sky_scatter, float(image.std())), (inspection.lag_correlation, 1.0)):
        assert measure(made, blank) == pytest.approx(measure(image, blank), abs=0.05 * scale)


def test_the_same_seed_gives_the_same_stars_and_another_others():
    first, again, other = (check_image(noise(6, 200), TIME, unchanged, ROUND, stars=12, seed=k) for k in (1, 1, 2))
    np.testing.assert_array_equal(first.flux, again.flux)
    np.testing.assert_array_equal(first.before.error, again.before.error)
    assert not np.array_equal(first.flux, other.flux)


def test_a_large_image_is_checked_in_two_cut_outs():
    image = np.concatenate([noise(7), noise(8)], axis=1)
    image[:, :200] = np.nan
    result = check_image(image, TIME, unchanged, ROUND, stars=21, window=200)
    assert [window[2:] for window in result.windows] == [(200, 200)] * 2 and len(result.flux) == 21
    assert all(0 <= row <= 120 and 100 <= column <= 440 for row, column, *_ in result.windows)
    assert "200 x 200 from row" in check_report.describe(result)[0]


def test_standard_errors_cover():
    """Of biases and scatters known in advance, two thirds lie within one error; completeness within Wilson's limits."""
    generator, inside = np.random.default_rng(0), []
    for _ in range(300):
        drawn = generator.normal(-0.7, 2.0, 60)
        (row,) = check_report.rows(synthetic(drawn, generator.random(60) < 0.6))
        inside.append(
            [
                abs(row["bias_after"] + 10) < row["bias_after_error"],
                abs(row["scatter_after"] - 2) < row["scatter_after_error"],
                row["completeness_after_low"] <= 60 <= row["completeness_after_high"],
            ]
        )
    np.testing.assert_allclose(np.mean(inside, axis=0), 0.68, atol=0.09)


@pytest.mark.parametrize(
    ("error", "found", "before", "said"),
    [
        (np.full(50, 0.5), None, np.full(50, 1.0), "Denoising makes fluxes better here."),
        (np.full(50, 2.0), None, np.full(50, 1.0), "For fluxes, use the image as it was."),
        (np.linspace(-2, 2, 50), None, np.full(50, 1.0), "That shows no difference."),
        (np.full(50, 0.5), np.arange(50) > 8, None, "0 won, 9 lost. Denoising loses stars here."),
        (np.full(50, 0.5), np.arange(50) > 2, None, "0 won, 3 lost. That shows no difference."),
        (np.full(50, -0.7), None, None, "come out 10.0 ± 0.0 % fainter."),
        (np.linspace(-1, 1.001, 50), None, None, "50 stars of SNR 5 to 10 show no clear bias in flux"),
    ],
)
def test_sentences_follow_from_the_numbers(error, found, before, said):
    assert any(said in sentence for sentence in check_report.conclusions(synthetic(error, found, before)))


def test_few_stars_give_no_bias_and_no_figure():
    few = synthetic(np.zeros(3))
    assert check_report.rows(few)[0]["bias_after"] is None and "too few" in check_report.table(few)
    with pytest.raises(ValueError, match="give more with --stars"):
        check_report.check_figure(few, "")


@pytest.mark.parametrize("stars", [5, 49, 77, 101])
def test_all_or_none_found_can_be_drawn(stars):
    """Wilson's limits there end at 0 and 100 %, but for rounding."""
    result = synthetic(np.zeros(stars), np.zeros(stars, bool))
    axes = check_report.check_figure(result, "all and none").axes
    before, after = (bars[0].get_ydata() for bars in axes[0].containers)
    assert (before.tolist(), after.tolist()) == ([100], [0])
    assert axes[0].get_title() == "all and none" and axes[1].get_ylabel() == "flux bias [%]"


@pytest.mark.parametrize(
    ("image", "time", "stars", "complaint"),
    [
        (np.zeros(9), TIME, 9, "1 dimensions; give a 2-D array"),
        (noise(), 0.0, 9, "exposure time 0.0 does not work"),
        (noise(), TIME, 0, "0 stars measure nothing"),
        (np.full((64, 64), np.nan), TIME, 9, "no pixel with data"),
        (np.full((64, 64), 3.0), TIME, 9, "has no noise"),
        (noise()[:20, :20], TIME, 9, "no quiet place for a star"),
    ],
)
def test_bad_input_gets_one_sentence(image, time, stars, complaint):
    with pytest.raises(ValueError, match=complaint):
        check_image(image, time, unchanged, HST, stars=stars)


@pytest.mark.parametrize("width", [2.5, 4.0, 8.0])
def test_the_width_of_an_images_stars_is_measured(width):
    generator = np.random.default_rng(0)
    (x, y), flux = generator.uniform(30, 290, (2, 25)), width * generator.uniform(2, 9, 25)
    model = star_shape(np.zeros((1, 1)), fwhm=width).model
    stars = Table({"x_0": x, "y_0": y, "flux": flux})
    image = noise() + make_model_image((320, 320), model, stars, model_shape=(41, 41)).astype(np.float32)
    measured, count = measured_fwhm(image)
    assert measured == pytest.approx(width, rel=0.12) and count > 10


def test_hubbles_psf_is_used_where_it_fits_and_only_there():
    image = np.zeros((1, 1))
    assert "Hubble's PSF in F555W" in star_shape(image, "F475W", 0.0396).note
    assert "Hubble's PSF in F606W" in HST.note and HST.stamp.sum() == pytest.approx(0.95, abs=0.03)
    for band, scale in (("F814W", 0.04), ("F606W", 0.05), (None, 0.04), ("F606W", None)):
        with pytest.raises(ValueError, match="0 bright sources"):
            star_shape(noise(), band, scale)
    with pytest.raises(ValueError, match="FWHM of 0 px"):
        star_shape(image, fwhm=0)


@pytest.fixture
def files(tmp_path):
    """A FITS image and a weight file."""
    header = fits.Header({"EXPTIME": TIME, "BUNIT": "ELECTRONS/S"})
    fits.PrimaryHDU(noise(9, 200), header).writeto(tmp_path / "sky.fits")
    save_weights(Denoiser(NetworkSettings(width=4)), tmp_path / "tiny.safetensors", {})
    return ["check", str(tmp_path / "sky.fits"), "--network", str(tmp_path / "tiny.safetensors"), "--fwhm", "2.5"]


def test_the_command_prints_a_table_and_leaves_a_record_and_a_figure(files, tmp_path, capsys):
    assert cli.main([*files, "--stars", "24"]) == 0
    told, record = capsys.readouterr().out, json.loads((tmp_path / "sky_check.json").read_text())
    assert record["stars"] == sum(row["stars"] for row in record["rows"]) == 24
    assert all(sentence in told for sentence in record["conclusions"]) and "stars found before, %" in told
    assert (tmp_path / "sky_check.png").read_bytes().startswith(b"\x89PNG")
    assert cli.main([*files, "--stars", "24"]) == 2
    assert capsys.readouterr().err.count("sky_check.json exists; choose another folder with --out-dir") == 1
    assert cli.main([*files, "--stars", "24", "--overwrite", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == record["rows"]


def test_the_command_answers_bad_input_with_one_sentence(files, tmp_path, capsys):
    assert cli.main([*files, "--stars", "0"]) == 2
    assert capsys.readouterr().err == f"astrounet: {files[1]}: 0 stars measure nothing; give --stars 1 or more.\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sky.fits", "tiny.safetensors"]
