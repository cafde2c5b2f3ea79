"""What pages run on: a real image where it can be had, else a simulated one that says so; and the network they use."""

import math
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from astropy.io import fits

from . import manifest
from .fits_io import read_image
from .inference import load_network
from .inspection import blank_sky, lag_correlation, sky_scatter
from .instrument import F606W, WFC3_UVIS, Detector, Filter
from .noise import DRIZZLE_CORRELATION, TYPICAL_COSMIC_RAYS, drizzle_kernel, physical
from .records import folder
from .report import training
from .scenes import make_scene
from .unet import Denoiser

PC1_GAIN = {7: 7.12, 15: 13.99}
"""Electrons per data number of WFPC2's chip PC1, by ATODGAIN (WFPC2 Instrument Handbook, section 4.4)."""

PC1_READ_NOISE = {7: 5.24, 15: 7.02}
"""Its read noise, e-, by ATODGAIN (same source)."""

MIDDLE = slice(144, 656)
"""Rows and columns of a PC1 image that are used: 512 of 800, far from the edges that the pyramid mirror shades."""


@dataclass(frozen=True)
class DemoImage:
    """image (H, W) float32, e-/s; exposure_time in s, of that image; pixel_scale in arcsec.

    band: the filter's name; note: where image and exposure time come from, in a sentence or two for the reader.
    detector: what took it; sky: what has been subtracted, e-/s a pixel, 0 where the sky is still in the image.
    """

    image: np.ndarray
    exposure_time: float
    band: str
    pixel_scale: float
    title: str
    is_real: bool
    note: str
    detector: Detector = WFC3_UVIS
    sky: float = F606W.sky


@dataclass(frozen=True)
class StandIn:
    """What is simulated where a real image is missing: a scene of ``size`` pixels and how it is exposed."""

    kind: str
    size: int
    exposure_time: float
    reads: int
    correlation: float
    cosmic_rays: float = 0.0


STAND_INS = {
    "horseshoe_f606w": StandIn("galaxy_field", 500, 2800.0, 6, DRIZZLE_CORRELATION),
    "cosmos100018_f606w": StandIn("galaxy_field", 210, 900.0, 1, 0.2),
    "cosmos100024_f606w": StandIn("galaxy_field", 210, 900.0, 1, 0.2),
    "cosmos100028_f606w": StandIn("galaxy_field", 210, 900.0, 1, 0.2),
    "dcls0353_f200lp": StandIn("resolved_galaxy", 110, 300.0, 1, DRIZZLE_CORRELATION, TYPICAL_COSMIC_RAYS),
    "ngc1261_f336w": StandIn("star_cluster", 512, 700.0, 1, 0.0, TYPICAL_COSMIC_RAYS),
}
"""The images that pages use, and what stands in for each: alike in kind, size and exposure, always WFC3/UVIS F606W."""


def real_or_simulated(name: str, seed: int = 0) -> DemoImage:
    """A real image of the manifest; a simulated one, made from ``seed``, where neither file nor network is there.

    Raises ValueError for a name without a stand-in and for a damaged file.
    """
    if name not in STAND_INS:
        raise ValueError(f"no demonstration image {name!r}; choose one of {', '.join(STAND_INS)}.")
    try:
        path = manifest.fetch(name)
    except manifest.DataUnavailable:
        return simulated(name, seed)
    return _READERS[name](manifest.entry(name), path)


def simulated(name: str, seed: int = 0) -> DemoImage:
    """The stand-in of one image: a WFC3/UVIS F606W scene with the noise of a detector."""
    plan = STAND_INS[name]
    scene = make_scene(plan.kind, plan.size, seed, F606W.name)
    defects = {"reads": plan.reads, "correlation": plan.correlation, "cosmic_rays": plan.cosmic_rays}
    image = physical(scene.image, plan.exposure_time, 1.0, generator=torch.Generator().manual_seed(seed), **defects)
    real, title = manifest.entry(name), f"Simulated {plan.kind.replace('_', ' ')}, {F606W.name}"
    note = (
        f"The real image, {real.instrument} {real.filter} ({real.kind}), is neither on this machine nor could it be "
        f"downloaded. What is shown in its place is a **{title[0].lower() + title[1:]}**, {plan.exposure_time:g} s. "
        f"`astrounet data fetch {name}` gets the real one; then run this page again."
    )
    return DemoImage(image.numpy(), plan.exposure_time, F606W.name, WFC3_UVIS.pixel_scale, title, False, note)


def effective_exposure_time(
    sky_rms: float, band: Filter, reads: int, correlation: float = 0.0, detector: Detector = WFC3_UVIS
) -> float:
    """The exposure time, s, that leaves a blank sky this noisy: `noise.noise_variance` of an empty image solved for t.

    (sky + DK) / t + reads RON^2 / t^2 = s^2, where s = sky_rms / |k| undoes what drizzling's kernel k took from the
    noise of a pixel; sky_rms in e-/s, correlation at lag 1. Raises ValueError for a noise that isn't positive.
    """
    if not sky_rms > 0:
        raise ValueError(f"a sky without noise ({sky_rms} e-/s) tells no exposure time; check the image.")
    variance = sky_rms**2 / float(drizzle_kernel(correlation).square().sum())
    rate, read = band.sky + detector.dark_current, reads * detector.read_noise**2
    return (rate + math.sqrt(rate**2 + 4 * variance * read)) / (2 * variance)


def effective_sky(sky_rms: float, exposure_time: float, correlation: float = 0.0) -> float:
    """The sky, e-/s a pixel, that leaves this noise in one WFC3/UVIS exposure: `effective_exposure_time`'s equation
    solved for it; at least 0. sky_rms: e-/s; exposure_time: s; correlation at lag 1."""
    variance = sky_rms**2 / float(drizzle_kernel(correlation).square().sum())
    rate = variance * exposure_time - WFC3_UVIS.read_noise**2 / exposure_time - WFC3_UVIS.dark_current
    return max(rate, 0.0)


def fits_file(name: str, folder: Path, seed: int = 0) -> tuple[Path, bool]:
    """A file to work on, ``name``.fits in ``folder``, and whether it is real: a copy of the manifest's, else a
    simulated one with the header cards of a drizzled WFC3 image. Errors as of `real_or_simulated`."""
    path = Path(folder) / f"{name}.fits"
    try:
        shutil.copyfile(manifest.fetch(name), path)
        return path, True
    except manifest.DataUnavailable:
        shot = simulated(name, seed)
    cards = {"INSTRUME": "WFC3", "DETECTOR": "UVIS", "FILTER": shot.band, "EXPTIME": shot.exposure_time}
    fits.writeto(path, shot.image, fits.Header(cards | {"BUNIT": "ELECTRONS/S"}), overwrite=True)
    return path, False


def _mosaic(entry: manifest.Entry, path) -> DemoImage:
    """An archive mosaic in e-/s whose header has no exposure time: it follows from the noise of its sky."""
    image = read_image(path, exposure_time=1.0).image
    reads = int(fits.getval(path, "NCOMBINE", 1))
    blank = blank_sky(image)
    rms, correlation = sky_scatter(image, blank), lag_correlation(image, blank)
    time = round(effective_exposure_time(rms, F606W, reads, correlation), -2)
    note = (
        f"The header gives no exposure time, only that {reads} exposures were combined. Blank sky scatters by "
        f"{rms:.4f} e⁻/s a pixel, with a correlation of {correlation:.2f} between neighbours. A sky of "
        f"{F606W.sky:g} e⁻/s and {reads} reads of {WFC3_UVIS.read_noise:g} e⁻ leave that after about {time:.0f} s. "
        "This *effective* exposure time is used below."
    )
    return _real(entry, image, time, note)


def _deep_field(entry: manifest.Entry, path) -> DemoImage:
    """A cutout of a mosaic whose depth changes from pixel to pixel: the time of one exposure that is as noisy."""
    image = read_image(path, exposure_time=1.0).image
    blank = blank_sky(image)
    rms, correlation = sky_scatter(image, blank), lag_correlation(image, blank)
    time = round(effective_exposure_time(rms, F606W, 1, correlation), -1)
    note = (
        f"Blank sky scatters by {rms:.4f} e⁻/s a pixel, with a correlation of {correlation:.2f} between neighbours: as "
        f"noisy as one exposure of WFC3/UVIS of {time:.0f} s. {entry.note}"
    )
    return _real(entry, image, time, note)


def _drizzled(entry: manifest.Entry, path) -> DemoImage:
    """A drizzled exposure in e-/s that says how long it was; its subtracted sky follows from its noise."""
    found = read_image(path)
    blank = blank_sky(found.image)
    rms, correlation = sky_scatter(found.image, blank), lag_correlation(found.image, blank)
    sky = effective_sky(rms, found.exposure_time, correlation)
    note = f"{found.exposure_time:g} s, from the header. {entry.note} Its noise tells of a sky of {sky:.2f} e⁻/s."
    return replace(_real(entry, found.image, found.exposure_time, note), sky=sky)


def _pc1_frame(entry: manifest.Entry, path) -> DemoImage:
    """The middle of one WFPC2/PC1 exposure in data numbers, turned into e-/s by its gain."""
    with fits.open(path) as hdus:
        header, counts = hdus[0].header, np.asarray(hdus["SCI"].data, dtype=np.float32)
    setting, time = round(header["ATODGAIN"]), float(header["EXPTIME"])
    gain = PC1_GAIN[setting]
    image = np.ascontiguousarray(counts[MIDDLE, MIDDLE]) * np.float32(gain / time)
    note = (
        f"{time:g} s, from the header. The file is in data numbers; its header says ATODGAIN {header['ATODGAIN']:g}, "
        f"which on this chip is {gain:g} e⁻ a number. Used are the middle {len(image)} × {len(image)} pixels, as they "
        "are: with their sky and their cosmic rays."
    )
    full_well = gain * 4095  # the converter's largest number
    pc1 = Detector("WFPC2/PC1", PC1_READ_NOISE[setting], 0.0, gain, full_well, entry.pixel_scale, "WFPC2 IHB 4.4")
    return replace(_real(entry, image, time, note), detector=pc1, sky=0.0)


def _real(entry: manifest.Entry, image: np.ndarray, time: float, note: str) -> DemoImage:
    title = f"{entry.instrument} {entry.filter}, {entry.kind}"
    return DemoImage(image, float(time), entry.filter, entry.pixel_scale, title, True, note)


_READERS = {
    "horseshoe_f606w": _mosaic,
    "cosmos100018_f606w": _deep_field,
    "cosmos100024_f606w": _deep_field,
    "cosmos100028_f606w": _deep_field,
    "dcls0353_f200lp": _drizzled,
    "ngc1261_f336w": _pc1_frame,
}


def page_network(name: str, profile: str) -> Denoiser:
    """The network that a page of ``profile`` uses: trained under that profile on this machine, else the published one.

    Errors as of `inference.load_network`.
    """
    place = folder(profile, name)
    trained = place / "weights.safetensors"
    return load_network(trained if trained.exists() and (place / "run.json").exists() else name)


def effort(name: str, profile: str) -> str:
    """How much training a page's network had, as the rest of a sentence; says so where no record tells."""
    record = training(name, profile)
    if record is None:
        return "has no record of its training on this machine"
    run, share = record.run, 100 * record.share_of_schedule
    return (
        f"had {run['updates']:,} updates in {run['seconds'] / 60:.0f} minutes on {run['device']}, {share:.2g} % of the "
        f"paper's schedule; its first block has {run['width']} feature maps where the paper's has 32"
    )
