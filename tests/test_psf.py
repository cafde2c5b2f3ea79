"""The PSF against closed forms, against GalSim, and against STScI's models of WFC3."""

import math

import numpy as np
import pytest
import torch
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import j0, j1

from astrounet_core.instrument import F555W, F606W, FILTERS, HST, Filter, Telescope
from astrounet_core.psf import (
    CHARGE_DIFFUSION,
    CORRELATION_LENGTH_M,
    JITTER_PX,
    WAVEFRONT_RMS_NM,
    encircled_energy,
    fwhm,
    hst_psf,
    optical_transfer,
    pupil,
    wavelengths,
)

PIXEL = math.radians(0.04 / 3600)
PERFECT = {"wavefront_rms_nm": 0.0, "jitter_px": 0.0, "diffusion": False}
RADII = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 30, 40, 50)


def line(nanometres: float) -> Filter:
    """A band of one wavelength."""
    return Filter("line", nanometres, 0.0, 25.0, 0.1, "test")


def telescope(obscuration: float = 0.0) -> Telescope:
    """A round aperture without vanes."""
    return Telescope("round", 2.4, obscuration, 0.0, "test")


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([1, 8, 31, 64, 101]), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.sampled_from([1, 2, 3]))
def test_any_stamp_is_a_share_of_the_light(size, dx, dy, oversample):
    psf = hst_psf(size=size, offset=(dx, dy), oversample=oversample)
    assert psf.shape == (size, size)
    assert psf.dtype == torch.float32
    assert float(psf.sum()) == pytest.approx(1.0, abs=1e-5)
    assert float(psf.min()) >= 0


@settings(max_examples=15, deadline=None)
@given(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))
def test_offset_moves_the_centroid_by_as_much(dx, dy):
    psf = hst_psf(size=257, offset=(dx, dy)).double()
    axis = torch.arange(257) - 128
    assert float((psf.sum(0) * axis).sum()) == pytest.approx(dx, abs=0.005)
    assert float((psf.sum(1) * axis).sum()) == pytest.approx(dy, abs=0.005)


def test_an_offset_of_one_pixel_is_a_shift_by_one_pixel():
    centred, moved = hst_psf(size=65), hst_psf(size=65, offset=(1.0, 0.0))
    assert torch.allclose(centred[:, :-1] / centred.max(), moved[:, 1:] / moved.max(), atol=1e-4)


def test_oversampled_values_are_those_of_pixels_between():
    fine, coarse = hst_psf(size=101, oversample=2), hst_psf(size=49, offset=(-0.5, 0.0))
    between = fine[2:100:2, 3:101:2]
    assert torch.allclose(between / between.max(), coarse / coarse.max(), atol=2e-5)


def test_airy_disc_holds_the_light_of_its_closed_form():
    """Share of the light within v = πDθ/λ of a clear aperture: 1 - J0² - J1²; 83.8 % within the first dark ring."""
    oversample, wavelength = 8, 588.7
    transfer = optical_transfer(
        line(wavelength), (2048, 2048), oversample=oversample, pixel=False, telescope=telescope(), **PERFECT
    )
    image = torch.fft.fftshift(torch.fft.irfft2(transfer, s=(2048, 2048)))
    for v in (1.0, 2.0, 1.2197 * math.pi, 7.0, 15.0, 40.0):
        radius = v * wavelength * 1e-9 / (math.pi * 2.4) / PIXEL * oversample
        assert encircled_energy(image, radius) == pytest.approx(1 - j0(v) ** 2 - j1(v) ** 2, abs=0.003)


@pytest.mark.parametrize("obscuration", [0.0, 0.33])
def test_the_annular_aperture_has_its_closed_form_profile(obscuration):
    """I(v) / I(0) = [(2 J1(v)/v - ε² 2 J1(εv)/(εv)) / (1 - ε²)]² with v = πDθ/λ (Born & Wolf 8.6.2)."""
    image = hst_psf(line(588.7), size=801, oversample=16, pixel=False, telescope=telescope(obscuration), **PERFECT)
    row = (image[400, 400:] / image.max()).numpy()
    v = np.maximum(np.arange(401) / 16 * PIXEL * math.pi * 2.4 / 588.7e-9, 1e-6)
    inner = obscuration**2 * 2 * j1(obscuration * v) / (obscuration * v) if obscuration else 0
    expected = ((2 * j1(v) / v - inner) / (1 - obscuration**2)) ** 2
    assert np.abs(row - expected).max() < 0.002


def test_diffraction_scales_with_wavelength():
    widths = [
        fwhm(hst_psf(line(nm), size=401, oversample=16, pixel=False, **PERFECT), reach=round(24 * nm / 600))
        for nm in (600.0, 1200.0)
    ]
    assert widths[1] / widths[0] == pytest.approx(2.0, rel=0.01)


def test_the_pupil_lets_through_the_area_it_should():
    """π/4 (1 - ε²) less four vanes of length (1 - ε)/2, in units of the diameter squared."""
    expected = math.pi / 4 * (1 - HST.obscuration**2) - 4 * HST.vane_width * (1 - HST.obscuration) / 2
    for angle in (0.0, 0.3, math.pi / 4):
        aperture = pupil(512, spike_angle=angle)
        assert float(aperture.sum()) / 512**2 == pytest.approx(expected, rel=2e-3)
        assert float(aperture.min()) >= 0 and float(aperture.max()) == 1.0


@pytest.mark.parametrize("angle", [0.0, 0.4, math.pi / 4])
def test_spikes_run_along_the_vanes(angle):
    psf = hst_psf(size=201, spike_angle=angle).numpy()
    y, x = np.indices(psf.shape) - 100
    radius, turn = np.hypot(x, y), np.angle(np.exp(4j * (np.arctan2(y, x) - angle))) / 4  # from the nearest vane
    ring = (radius > 25) & (radius < 80)
    on, off = ring & (np.abs(turn) * radius < 1), ring & (np.abs(turn) > math.radians(20))
    assert psf[on].mean() > 10 * psf[off].mean()
    assert np.median(psf[on]) > 10 * np.median(psf[off])


def test_the_bands_wavelengths_have_its_pivot_and_width():
    """Pivot of a photon-counting band: λp² = ∫ T λ dλ / ∫ T dλ / λ."""
    for band in FILTERS.values():
        nm = wavelengths(band, 400)
        assert float((nm.mean() / (1 / nm).mean()).sqrt()) == pytest.approx(band.pivot_nm, rel=1e-4)
        assert float(nm[-1] - nm[0]) == pytest.approx(band.width_nm, rel=0.01)


def test_wavefront_error_acts_as_the_mean_over_random_screens():
    """Second implementation: the transfer of |FFT|² of the pupil behind 60 random phase screens, over that without."""
    n, sigma, wavelength, rng = 128, 50.0, 600.0, np.random.default_rng(1)
    aperture = np.pad(pupil(n).numpy(), n // 2)
    offset = np.fft.fftfreq(2 * n) * 2 * n * 2.4 / n
    correlation = np.exp(-(offset[:, None] ** 2 + offset[None, :] ** 2) / CORRELATION_LENGTH_M**2)
    amplitude = np.sqrt(np.maximum(np.fft.fft2(correlation).real, 0)) * 2 * math.pi * sigma / wavelength
    still, seen = np.abs(np.fft.fft2(aperture)) ** 2, np.zeros((2 * n, 2 * n))
    for _ in range(60):
        screen = np.fft.ifft2(amplitude * np.fft.fft2(rng.standard_normal(seen.shape))).real
        seen += np.abs(np.fft.fft2(aperture * np.exp(1j * screen))) ** 2 / 60
    measured = np.fft.fft2(seen)[0, : n // 2].real / np.fft.fft2(still)[0, : n // 2].real
    transfers = [
        optical_transfer(line(wavelength), (1, 1024), oversample=2, pixel=False, **PERFECT | {"wavefront_rms_nm": rms})
        for rms in (sigma, 0.0)
    ]
    baseline = np.fft.rfftfreq(1024, 0.5)[:350] * wavelength * 1e-9 / PIXEL
    expected = np.interp(offset[: n // 2], baseline, (transfers[0] / transfers[1])[0, :350].numpy())
    assert expected[-1] == pytest.approx(math.exp(-((2 * math.pi * sigma / wavelength) ** 2)), rel=1e-3)
    assert np.abs(measured - expected).max() < 0.01


def test_jitter_and_pixel_multiply_the_transfer_function():
    f = np.fft.rfftfreq(256, 0.5)
    keywords = {"shape": (256, 256), "oversample": 2, "wavefront_rms_nm": 0.0, "diffusion": False}
    bare = optical_transfer(**keywords, jitter_px=0.0, pixel=False)[0].numpy()
    blurred = optical_transfer(**keywords, jitter_px=0.3)[0].numpy()
    assert np.allclose(blurred, bare * np.sinc(f) * np.exp(-2 * math.pi**2 * 0.09 * f**2), atol=1e-6)
    assert bare[0] == pytest.approx(1.0, abs=1e-6)


def test_charge_diffusion_is_the_kernel_applied_to_pixels():
    sharp, diffused = hst_psf(size=41, diffusion=False), hst_psf(size=41)
    kernel = torch.tensor(CHARGE_DIFFUSION)[None, None]
    expected = torch.nn.functional.conv2d(sharp[None, None], kernel)[0, 0]
    assert torch.allclose(diffused[1:-1, 1:-1], expected, atol=1e-5)
    assert float(kernel.sum()) == pytest.approx(1.0)


def test_against_galsim():
    galsim = pytest.importorskip("galsim")
    optics = galsim.OpticalPSF(
        lam=588.7,
        diam=HST.diameter_m,
        obscuration=HST.obscuration,
        nstruts=4,
        strut_thick=HST.vane_width,
        strut_angle=45 * galsim.degrees,
        oversampling=4,
        pad_factor=2,
    )
    detector = galsim.Convolve(optics, galsim.Pixel(0.04))
    theirs = detector.drawImage(nx=127, ny=127, scale=0.04, method="no_pixel", dtype=float).array
    ours = hst_psf(line(588.7), size=127, **PERFECT).numpy()
    theirs = theirs / theirs.sum()
    assert np.abs(ours - theirs).max() < 0.004 * theirs.max()
    assert fwhm(torch.from_numpy(theirs)) == pytest.approx(fwhm(torch.from_numpy(ours)), rel=0.005)
    for radius in (2, 5, 10, 30):
        energy = encircled_energy(torch.from_numpy(theirs), radius)
        assert encircled_energy(torch.from_numpy(ours), radius) == pytest.approx(energy, rel=0.005)


@pytest.fixture(scope="module", params=["F555W", "F606W"])
def model(request, data_dir):
    """Band and WFC3/UVIS model PSF, undiffused: (149, 149), star at (74.25, 74.25), zero outside a slanted outline."""
    image = fits.getdata(data_dir / f"psf_wfc3_uvis_{request.param.lower()}_model.fits")
    return FILTERS[request.param], torch.from_numpy(image.astype(np.float32))


def disagreement(band, image, **optics):
    """Relative difference from the model of the FWHM, and of the encircled energy at each of RADII."""
    ours = hst_psf(band, size=149, offset=(0.25, 0.25), diffusion=False, **optics) * (image > 0)
    energy = [
        encircled_energy(ours, radius, (74.25, 74.25)) / encircled_energy(image, radius, (74.25, 74.25)) - 1
        for radius in RADII
    ]
    return fwhm(ours) / fwhm(image) - 1, np.array(energy)


def test_width_and_encircled_energy_match_the_wfc3_models(model):
    width, energy = disagreement(*model)
    assert abs(width) < 0.01
    assert np.abs(energy).max() < 0.02


def test_the_model_psf_image_matches_pixel_by_pixel(model):
    band, image = model
    ours = hst_psf(band, size=149, offset=(0.25, 0.25), diffusion=False) * (image > 0)
    assert float((ours / ours.sum() - image).abs().max() / image.max()) < 0.025


@pytest.mark.parametrize("wrong", [{"wavefront_rms_nm": 0.8}, {"wavefront_rms_nm": 1.2}, {"jitter_px": 1.3}])
def test_the_default_optics_are_the_best_fit(model, wrong):
    best = {"wavefront_rms_nm": WAVEFRONT_RMS_NM, "jitter_px": JITTER_PX}

    def cost(optics):
        width, energy = disagreement(*model, **optics)
        return width**2 + np.mean(energy**2)

    assert cost(best | {name: best[name] * factor for name, factor in wrong.items()}) > cost(best)


def test_the_charge_diffusion_kernel_is_the_one_in_the_headers(data_dir):
    for band in ("f555w", "f606w"):
        header = fits.getheader(data_dir / f"psf_wfc3_uvis_{band}_model.fits")
        printed = np.array([[float(v) for v in text.split()] for text in list(header["COMMENT"])[-3:]])
        assert printed.sum() == pytest.approx(1.0, abs=1e-5)
        assert printed[0, 0] < 0
        printed[0, 0] = printed[2, 2]
        assert np.allclose(printed / printed.sum(), CHARGE_DIFFUSION, atol=1e-5)


def test_a_star_in_f606w_is_one_and_a_half_pixels_wide():
    assert 1.4 < fwhm(hst_psf(F606W)) < 1.7
    assert fwhm(hst_psf(F555W)) < fwhm(hst_psf(F606W))


def test_a_grid_of_any_shape_gives_the_same_psf():
    image = torch.fft.irfft2(optical_transfer(shape=(600, 770), oversample=2), s=(600, 770)) * 4
    psf = hst_psf(size=21)
    stamp = image.roll((20, 20), dims=(0, 1))[:41:2, :41:2]
    assert torch.allclose(stamp / stamp.sum(), psf, atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.6, 1.4), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(1, 1e5))
def test_fwhm_of_a_gaussian_is_its_own(sigma, dx, dy, flux):
    axis = torch.arange(15, dtype=torch.float64) - 7
    image = flux * torch.exp(-((axis[None, :] - dx) ** 2 + (axis[:, None] - dy) ** 2) / (2 * sigma**2))
    assert fwhm(image) == pytest.approx(sigma * 2.354820, rel=1e-4)


def test_encircled_energy_of_a_gaussian_is_its_closed_form():
    axis = torch.arange(201, dtype=torch.float64) - 100
    image = torch.exp(-(axis[None, :] ** 2 + axis[:, None] ** 2) / (2 * 12.0**2))
    for radius in (6.0, 12.0, 30.0):
        assert encircled_energy(image, radius) == pytest.approx(1 - math.exp(-(radius**2) / 288), abs=2e-3)


@pytest.mark.parametrize(
    "call",
    [
        lambda: hst_psf(size=0),
        lambda: hst_psf(oversample=0),
        lambda: hst_psf(jitter_px=-0.1),
        lambda: hst_psf(wavefront_rms_nm=-1.0),
        lambda: fwhm(hst_psf(size=5)),
        lambda: fwhm(torch.ones(15, 15)),
        lambda: fwhm(torch.zeros(15, 15).index_fill_(0, torch.tensor(7), 1.0)),
    ],
)
def test_impossible_requests_are_refused_in_a_sentence(call):
    with pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
        call()
