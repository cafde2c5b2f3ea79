"""What decides the shape and meaning of a network: names and numbers only, so that nothing heavy is imported."""

from dataclasses import asdict, dataclass, field, replace

BANDS = ("F555W", "F606W")
ACTIVATIONS = ("leaky_relu", "relu", "prelu", "swish")
RATIO_MODES = ("none", "concatenate", "multiply", "add")
UPSAMPLINGS = ("transposed", "nearest", "bilinear")
OUTPUTS = ("direct", "noise_units", "asinh")
ARCHITECTURES = ("unet", "flamary", "autoencoder", "fcn", "can", "galaxygan", "two_layer")
INPUTS = {"image": 1, "filters": 2, "segmentation": 2, "oracle": 2}
"""Ways to fill the input channels, and how many each takes."""


@dataclass(frozen=True)
class NetworkSettings:
    """Everything that decides the shape and meaning of a network; written into its weight file.

    width: feature maps after the first block (32 in the paper; doubled four times).
    inputs: ``image`` alone; ``filters``, one channel for each of `BANDS`, the image in its own and zeros in the
        other (Experiment 5); ``segmentation``, the image and a map of its objects (Experiment 7); ``oracle``, the
        same with a map made from the truth, which tells what the best of maps could bring, and nothing else.
    activation, slope: Eq. 10 and 11; the paper's LeakyReLU slope is 0.02, its released script's 0.2.
    ratio_mode: how the exposure ratio r enters (section 3.3.3): ``concatenate`` a constant channel after the first
        up-sampling, ``multiply`` the input by r, ``add`` r to the input, or ``none``.
    upsampling: ``transposed`` convolution as in the paper, or ``nearest`` / ``bilinear`` and a convolution.
    output: ``direct`` (the network's output is the image, in e-/s, as in the paper), ``noise_units``
        (the network predicts the noise in units of its standard deviation) or ``asinh`` (the network predicts the image
        on an asinh scale); see `Denoiser`.
    architecture: the paper's ``unet`` or one of `peer_networks`, which have no place for r: their ratio_mode is
        ``none``. Weight files from before there was a choice hold U-nets. (It is left out of the repr, of which the
        fingerprints of published networks are made.)
    """

    width: int = 32
    inputs: str = "image"
    activation: str = "leaky_relu"
    slope: float = 0.02
    ratio_mode: str = "concatenate"
    upsampling: str = "transposed"
    output: str = "direct"
    architecture: str = field(default="unet", repr=False)

    def __post_init__(self):
        _choice("inputs", self.inputs, INPUTS)
        _choice("activation", self.activation, ACTIVATIONS)
        _choice("ratio_mode", self.ratio_mode, RATIO_MODES)
        _choice("upsampling", self.upsampling, UPSAMPLINGS)
        _choice("output", self.output, OUTPUTS)
        _choice("architecture", self.architecture, ARCHITECTURES)
        if self.architecture != "unet" and self.ratio_mode != "none":
            raise ValueError(f"network {self.architecture} has no place for the exposure ratio; give ratio_mode none.")

    @property
    def needs_sky(self) -> bool:
        """Whether the network scales or cuts by the sky's level and noise."""
        return self.output != "direct" or self.inputs in ("segmentation", "oracle")

    def to_metadata(self) -> dict[str, str]:
        """The settings as text, as safetensors metadata wants them."""
        return {key: str(value) for key, value in asdict(self).items()}

    @classmethod
    def from_metadata(cls, metadata: dict[str, str]) -> "NetworkSettings":
        """The inverse of `to_metadata`; unknown keys are left alone, a missing one is a ``ValueError``."""
        default, metadata = cls(), {"architecture": "unet"} | metadata
        missing = sorted(set(asdict(default)) - set(metadata))
        if missing:
            raise ValueError(f"the weight file does not say its {missing[0]}; it was not written by astrounet.")
        return replace(default, **{k: type(v)(metadata[k]) for k, v in asdict(default).items()})


def _choice(what: str, value: str, allowed) -> None:
    if value not in allowed:
        raise ValueError(f"unknown {what} {value!r}; choose one of {', '.join(allowed)}.")
