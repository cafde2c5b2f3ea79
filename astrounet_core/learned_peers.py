"""Learned methods to compare our networks with: `experiments.PEER_EXPERIMENTS` trains them, `zero_shot` needs none."""

from functools import partial

import numpy as np

from .exposures import Method
from .inference import denoise, load_network
from .peer_entry import Peer
from .zero_shot import zero_shot


def network(name: str) -> Method:
    """A published network as a method. Errors of `inference.load_network`."""
    loaded = load_network(name)

    def method(image: np.ndarray, exposure_time: float, exposure_ratio: float) -> np.ndarray:
        return denoise(image, exposure_ratio, exposure_time, loaded)

    return method


LEARNED = {
    "flamary": Peer(
        title="Three-layer CNN (Flamary 2017)",
        kind="learned",
        how="Three convolutions, with 64 maps of 10×10, 16 of 6×6 and one of 5×5 pixels: 43,745 numbers, one of the "
        "networks that the paper names. It was meant to undo a PSF as well; here there is none to undo.",
        cite=["flamary2017"],
        assumes="That the 19×19 pixels around one tell all there is to know of it, and skies like the simulated ones, "
        "whose noise-free truth it was shown.",
        make=partial(network, "flamary"),
    ),
    "autoencoder": Peer(
        title="Sparse denoising auto-encoder",
        kind="learned",
        how="A convolutional network that squeezes the image into a code at a quarter of its resolution and makes the "
        "clean image from that. Its loss also pays for the code's absolute values, so that most of them are zero. "
        "There are no skips around the code.",
        cite=["vincent2008", "xie2012", "gondara2016"],
        assumes="That the sky fits through such a code and noise does not. Bright and sharp stars don't fit well "
        "either.",
        make=partial(network, "autoencoder"),
    ),
    "fcn": Peer(
        title="Plain fully convolutional network",
        kind="learned",
        how="Eight convolutions of 3×3 pixels at full resolution, whose output is the noise: the plainest of the deep "
        "denoisers, half as deep as DnCNN and without its batch normalisation.",
        cite=["shelhamer2017", "zhang2017"],
        assumes="That the 17×17 pixels around one tell all there is to know of it, and skies like the simulated ones, "
        "whose noise-free truth it was shown.",
        make=partial(network, "fcn"),
    ),
    "can": Peer(
        title="Context aggregation network (CAN)",
        kind="learned",
        how="Convolutions whose nine taps lie 1, 2, 4, and at last 64 pixels apart: it sees far around without ever "
        "lowering the resolution, where a U-net goes down and comes back.",
        cite=["chen2017"],
        assumes="Skies like the simulated ones, seen as far as 128 pixels around, and their noise-free truth.",
        make=partial(network, "can"),
    ),
    "galaxygan": Peer(
        title="GalaxyGAN (Schawinski 2017)",
        kind="learned",
        how="The U-net of pix2pix, eight levels deep, trained against a second network that learns to tell its images "
        "from true ones, and by their absolute difference. Ours has 12 maps at its first level where the published "
        "one has 64, so that the weights stay small.",
        cite=["schawinski2017", "isola2017"],
        assumes="That what looks like a clean sky is one: it is paid for plausible images, not only for true ones. At "
        "a fifth of the published width it may also be worse than it need be.",
        make=partial(network, "galaxygan"),
    ),
    "noise2noise": Peer(
        title="Noise2Noise",
        kind="learned",
        how="The U-net of `modern`, whose target is a second noisy exposure in place of the truth. What can't be "
        "foreseen averages out: with a squared loss the best answer is the same for both targets.",
        cite=["lehtinen2018"],
        assumes="Two exposures of each training field, with independent noise of mean zero. Noise that is common to "
        "both is kept, as sky.",
        make=partial(network, "noise2noise"),
    ),
    "noise2void": Peer(
        title="Noise2Void",
        kind="learned",
        how="The same U-net, from single exposures: some pixels are hidden from it, replaced by a neighbour's value, "
        "and it has to say what they were.",
        cite=["krull2019"],
        assumes="Noise that is independent from pixel to pixel, light that is not. Drizzled noise passes, and what "
        "only the pixel itself knows is lost.",
        make=partial(network, "noise2void"),
    ),
    "sure": Peer(
        title="Stein's unbiased risk estimate",
        kind="learned",
        how="The same U-net, from single exposures and their noise: for Gaussian noise of known sigma the squared "
        "error against the truth can be estimated without the truth, from how the output changes with each pixel. "
        "That estimate is the loss; one random direction stands for all pixels.",
        cite=["stein1981", "ramani2008", "soltanayev2018"],
        assumes="Gaussian noise of known sigma, independent from pixel to pixel. Photon noise at few counts and "
        "drizzle break it.",
        make=partial(network, "sure"),
    ),
    "zero_shot": Peer(
        title="Zero-shot Noise2Noise",
        kind="learned",
        how="A network of two layers that learns from the image it denoises and from nothing else: the image is split "
        "into two of half its resolution, whose noise is independent, and each has to foresee the other.",
        cite=["mansour2023"],
        assumes="White noise, and a sky so smooth that two halves of its resolution look alike. Stars as sharp as "
        "Hubble's do not look alike.",
        make=lambda: zero_shot,
        slow=True,
    ),
}
"""Name -> peer."""
