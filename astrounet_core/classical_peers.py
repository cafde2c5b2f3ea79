"""Classical methods to compare networks with, what each does and what each takes for granted."""

from collections.abc import Callable
from functools import partial

import numpy as np

from . import filters, sparse
from .anscombe import on_electrons, on_image, on_unit_noise
from .baselines import unchanged
from .exposures import Method
from .peer_entry import Peer


def amplification(image: np.ndarray, exposure_time: float, exposure_ratio: float) -> np.ndarray:
    """SID's way to make a short exposure look long: its electrons times r. In e-/s that is the image unchanged."""
    return unchanged(image, exposure_time, exposure_ratio)


def _bm3d(**parameters) -> Method:
    """BM3D, or the error of `sparse.bm3d_package` at once."""
    sparse.bm3d_package()
    return on_unit_noise(sparse.bm3d, **parameters)


def _only(method: Method) -> Callable[[], Method]:
    """What makes a method that has no parameters."""
    return lambda: method


CLASSICAL = {
    "amplification": Peer(
        title="Amplification",
        kind="light",
        how="Learning to See in the Dark multiplies a raw image by the exposure ratio, so that it is as bright as the "
        "long exposure, before a network sees it. Without the network this is the least that anyone can do.",
        cite=["chen2018"],
        assumes="That the long exposure is r times the electrons of the short one. True of the light and not of the "
        "noise, which grows by r in place of its root: in e⁻/s the image is unchanged.",
        make=_only(amplification),
    ),
    "tuned_gaussian": Peer(
        title="Gaussian filter",
        kind="smoothing",
        how="Each pixel becomes a mean of its surroundings, weighted by a Gaussian. The width is all there is to "
        "choose. As wide as the PSF it is nearly a matched filter, and finds faint sources well.",
        cite=["roscani2020"],
        assumes="A sky that is smooth over the filter's width. Stars are not: what it takes off the noise it takes off "
        "their peaks, though not off their flux.",
        make=partial(on_image, filters.gaussian),
        grid={"width": (0.2, 0.3, 0.35, 0.4, 0.5, 0.7)},
    ),
    "tuned_median": Peer(
        title="Median filter",
        kind="smoothing",
        how="Each pixel becomes the median of a small square around it. A single wild pixel, a cosmic ray for example, "
        "leaves no trace.",
        cite=["tukey1977"],
        assumes="That whatever fills less than half of the window is a defect. Stars as sharp as Hubble's are taken "
        "for one.",
        make=partial(on_image, filters.median),
        grid={"size": (2, 3, 5)},
    ),
    "wiener": Peer(
        title="Wiener filter (Fourier)",
        kind="smoothing",
        how="Each spatial frequency is multiplied by the share of its power that is signal, S / (S + N). No other "
        "linear filter that is the same everywhere has a smaller squared error, if both powers are right.",
        cite=["wiener1949"],
        assumes="A signal of stationary power, that of points blurred by the known PSF, and white noise, here after "
        "the Anscombe transform. One bright star sets the power for the whole image.",
        make=partial(on_unit_noise, filters.fourier_wiener),
        grid={"noise": (0.1, 0.3, 1.0, 3.0, 10.0)},
    ),
    "adaptive_wiener": Peer(
        title="Wiener filter (local)",
        kind="smoothing",
        how="Each pixel moves towards the mean of a window around it: all the way where the window varies no more than "
        "noise does, hardly where it varies much.",
        cite=["lee1980"],
        assumes="Mean and variance that are the same over a small window, and noise of 1 after the Anscombe transform. "
        "Around a star the variance is its own, and the noise stays.",
        make=partial(on_unit_noise, filters.adaptive_wiener),
        grid={"size": (5, 9, 15, 21, 31)},
    ),
    "richardson_lucy": Peer(
        title="Richardson–Lucy",
        kind="deconvolution",
        how="A sharp image is sought that, blurred by the PSF, makes the observed one. Each update multiplies it by "
        "the blurred ratio of observed to predicted, which raises the Poisson likelihood and keeps it positive. Here "
        "it is stopped early and blurred by the PSF again, so that the result has the resolution of the image.",
        cite=["richardson1972", "lucy1974"],
        assumes="Poisson noise and positive sources at pixel centres, seen through the known PSF. With pixels this "
        "wide a star between two centres comes back too blunt; early stopping is the only brake on noise.",
        make=partial(on_electrons, filters.richardson_lucy),
        grid={"updates": (5, 10, 20, 50, 100, 200)},
    ),
    "blind_deconvolution": Peer(
        title="Blind deconvolution",
        kind="deconvolution",
        how="Richardson–Lucy in turns: some updates of the image with the PSF held, some of the PSF with the image "
        "held. The PSF starts as the known one and keeps its sum.",
        cite=["ayers1988", "fish1995"],
        assumes="As Richardson–Lucy, with a PSF that is the same over the image but only roughly known. Noise and "
        "nebulae flow into the PSF that it finds; the result is convolved with that one.",
        make=partial(on_electrons, filters.blind_deconvolution),
        grid={"rounds": (1, 2, 5, 10)},
        slow=True,
    ),
    "total_variation": Peer(
        title="Total variation",
        kind="sparse",
        how="Of all images near the noisy one the one with the least sum of gradients, found by Chambolle's "
        "projections. A weight says how near.",
        cite=["rudin1992", "chambolle2004"],
        assumes="A sky of flat pieces with sharp borders, and noise of 1 after the Anscombe transform. Stars lose a "
        "constant part of their peaks, galaxies become terraces.",
        make=partial(on_unit_noise, filters.total_variation),
        grid={"weight": (0.2, 0.4, 0.7, 1.0, 1.5)},
    ),
    "wavelets": Peer(
        title="Wavelets (BayesShrink)",
        kind="sparse",
        how="Wavelet coefficients shrink towards zero by a threshold that each band sets from its own variance. The "
        "mean over shifted copies removes most of the blocks that this leaves.",
        cite=["chang2000", "coifman1995"],
        assumes="That few coefficients along rows, columns and diagonals make the sky, and white noise of 1 after the "
        "Anscombe transform. Round sources need many of them.",
        make=partial(on_unit_noise, sparse.wavelets),
        grid={"wavelet": ("haar", "db2", "sym4"), "shifts": (3,)},
    ),
    "starlet": Peer(
        title="Anscombe + starlet",
        kind="sparse",
        how="The Anscombe transform makes the noise 1 everywhere, the starlet splits the image into round structures "
        "of growing size, coefficients below a multiple of the noise are dropped, and an unbiased inverse leads back.",
        cite=["starck2007", "makitalo2013"],
        assumes="That few isotropic wavelets make the sky, which suits stars and galaxies, and white noise of 1 after "
        "the Anscombe transform. Drizzled noise is louder on coarse scales than it believes.",
        make=partial(on_unit_noise, sparse.starlet),
        grid={"threshold": (2.0, 2.5, 3.0, 3.5, 4.0, 5.0)},
    ),
    "nonlocal_means": Peer(
        title="Non-local means",
        kind="patches",
        how="Each pixel becomes a mean of pixels nearby, weighted by how alike the patches around them are: an average "
        "over repetitions of the same thing in place of an average over neighbours.",
        cite=["buades2005"],
        assumes="That every patch has others like it nearby, and noise of 1 after the Anscombe transform. True of the "
        "sky; a bright star is alone, and keeps its noise.",
        make=partial(on_unit_noise, filters.nonlocal_means),
        grid={"strength": (0.4, 0.6, 0.8, 1.0, 1.3)},
    ),
    "dictionary": Peer(
        title="Dictionary learning",
        kind="patches",
        how="From the image's own patches 64 shapes are learnt, or cosines are taken where hardly a patch holds more "
        "than noise. Every patch is then built from as few of them as bring it within the noise, and overlapping "
        "patches are averaged.",
        cite=["elad2006", "mairal2009"],
        assumes="That patches of the image are sums of few shapes, which can be learnt from the image itself, and "
        "white noise of 1 after the Anscombe transform. An image with few sources teaches little.",
        make=partial(on_unit_noise, sparse.dictionary),
        grid={"tolerance": (1.0, 1.1, 1.2, 1.35, 1.5)},
        slow=True,
    ),
    "bm3d": Peer(
        title="Anscombe + BM3D",
        kind="patches",
        how="Patches that look alike are stacked to blocks, each block is transformed in three dimensions, weak "
        "coefficients are dropped, and the patches go back to their places; a second pass does it again with a Wiener "
        "filter. For ten years, until networks came, the method to beat.",
        cite=["dabov2007", "makitalo2013"],
        assumes="That patches repeat and are sparse together, and white noise of 1 after the Anscombe transform. An "
        "optional package, free for non-commercial use only.",
        make=_bm3d,
        grid={"strength": (1.0, 1.2, 1.5, 1.8, 2.2)},
        slow=True,
    ),
}
"""Name -> peer."""

MORE_EXPOSURES = {
    "stacking": Peer(
        title="Stacking of r exposures",
        kind="light",
        how="The mean of r exposures has 1 / r of their variance. For independent exposures of equal depth and PSF no "
        "light is lost: it is what the paper's networks try to imitate.",
        cite=["zackay2017a", "zackay2017b"],
        assumes="That the telescope goes back for r - 1 more exposures, and that these can be aligned. No function of "
        "one image does that, so it is not among the methods: on the [scorecard](#page-scorecard) it is the longer "
        "exposure that each of them is held against.",
        make=None,
    ),
}
"""Name -> peer that needs more than one exposure."""
