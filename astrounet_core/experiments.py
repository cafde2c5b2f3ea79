"""What can be trained, how, and for how long: experiments, presets and schedules, four tables and nothing else.

An *experiment* is one row of a table of the paper, a *preset* a training recipe, a *schedule* the compute that a
profile grants. Each experiment states only what differs from Network 1.
"""

from dataclasses import dataclass, field, replace
from math import cos, pi

from .settings import NetworkSettings


@dataclass(frozen=True)
class Experiment:
    """One row of a table. Fields not given are those of Network 1 (section 3.4.1).

    network: differences from `NetworkSettings`; loss: sum of names in `losses.LOSSES`, or ``noise_units`` (L2) or
    ``noise_units_l1``, of errors in units of the noise, or ``sure``, ``sparse`` or ``adversarial`` of `objectives`.
    ratios: exposure ratios seen in training; ratio_order: ``ordered`` gives every crop at all of them in turn, one
    update each (section 3.4.2), ``random`` draws one for every crop.
    max_shift: random shift between input and target, pixels (section 4.4.1); start_from: transfer learning.
    presets: the recipes it is meant for, the first one by default; changes: what differs from these, and from the
    schedule (`Preset`, `Schedule`).
    """

    title: str
    network: dict = field(default_factory=dict)
    loss: str = "l1"
    ratios: tuple[float, ...] = (2.0,)
    ratio_order: str = "ordered"
    max_shift: int = 0
    start_from: str | None = None
    presets: tuple[str, ...] = ("code", "paper")
    changes: dict = field(default_factory=dict)

    def changed(self, preset: "Preset", schedule: "Schedule") -> tuple["Preset", "Schedule"]:
        """A preset and a schedule with this experiment's `changes`."""
        found = []
        for each in (preset, schedule):
            mine = {key: value for key, value in self.changes.items() if hasattr(each, key)}
            found.append(replace(each, **mine) if mine else each)
        return tuple(found)

    def settings(self, preset: "Preset", width: int) -> NetworkSettings:
        """The network of this experiment under a preset (it sets the slope) and a schedule (it sets the width)."""
        return NetworkSettings(**{"width": width, "slope": preset.slope, **self.network})


_NO_RATIO = {"ratio_mode": "none"}
_FOUR = (2.0, 3.0, 4.0, 5.0)
_MODERN = {"output": "noise_units"}

EXPERIMENTS: dict[str, Experiment] = {
    "network1": Experiment("Network 1"),
    "network2": Experiment("Network 2", ratios=_FOUR),
    "exp01": Experiment("$L_1$ loss", _NO_RATIO),
    "exp02": Experiment("$L_2$ loss", _NO_RATIO, loss="l2"),
    "exp03": Experiment("$L_1$ + perceptual loss", _NO_RATIO, loss="l1+perceptual"),
    "exp04": Experiment("$L_1$ + KL divergence loss", _NO_RATIO, loss="l1+kl"),
    "exp04_poisson": Experiment("$L_1$ + Poisson divergence loss", _NO_RATIO, loss="l1+poisson"),
    "exp05": Experiment("Filters", {**_NO_RATIO, "inputs": "filters"}),
    "exp06": Experiment("Input multiplied by $r$", {"ratio_mode": "multiply"}),
    "exp07": Experiment("Segmentation map", {"inputs": "segmentation"}),
    "exp07_oracle": Experiment("Segmentation map of the truth (oracle)", {"inputs": "oracle"}),
    "exp08": Experiment("Multiple $r$ (random order)", ratios=_FOUR, ratio_order="random"),
    "exp09": Experiment("ReLU activation", {"activation": "relu"}),
    "exp10": Experiment("PReLU activation", {"activation": "prelu"}),
    "exp11": Experiment("SWISH activation", {"activation": "swish"}),
    "ratio_added": Experiment("$r$ added to the input", {"ratio_mode": "add"}),
    "upsample_nearest": Experiment("Nearest-neighbour up-sampling", {"upsampling": "nearest"}),
    "upsample_bilinear": Experiment("Bilinear up-sampling", {"upsampling": "bilinear"}),
    "misaligned_a": Experiment("Shifts 0-4 px, KL + perceptual", loss="kl+perceptual", max_shift=4),
    "misaligned_b": Experiment("Shifts 0-1 px, $L_1$ + KL + perceptual", loss="l1+kl+perceptual", max_shift=1),
    "misaligned_c": Experiment(
        "Shifts 0-1 px, $L_1$ + KL, from Network 1", loss="l1+kl", max_shift=1, start_from="network1"
    ),
    "network1_physical": Experiment("Network 1 on physical pairs", presets=("physical",)),
    "modern": Experiment(
        "Modern", _MODERN, loss="noise_units", ratios=_FOUR, ratio_order="random", presets=("modern",)
    ),
}


def _modern(title: str, **given) -> Experiment:
    """`modern` with something changed."""
    return replace(EXPERIMENTS["modern"], title=title, **given)


VARIANTS: dict[str, Experiment] = {
    # what the paper does not say, one choice at a time
    "rate_1e5": Experiment("Learning rate $10^{-5}$", changes={"learning_rate": 1e-5, "final_rate": 1e-6}),
    "rate_1e3": Experiment("Learning rate $10^{-3}$", changes={"learning_rate": 1e-3, "final_rate": 1e-4}),
    "slope_002": Experiment("Slope 0.02", {"slope": 0.02}),
    "unleaked": Experiment("No zero mask", changes={"noise": "published"}),
    "skyless": Experiment("Sky-subtracted frames, zero mask and clipping", changes={"keeps_sky": False}),
    "skyless_unleaked": Experiment(
        "Sky-subtracted frames, clipping alone", changes={"keeps_sky": False, "noise": "published"}
    ),
    "misaligned_a_poisson": Experiment(
        "Shifts 0-4 px, Poisson divergence + perceptual", loss="poisson+perceptual", max_shift=4
    ),
    # Network 1 with one thing of modern's; on physical pairs it is network1_physical
    "network1_output": Experiment("Network 1, output in noise units", _MODERN),
    "network1_schedule": Experiment(
        "Network 1, schedule of modern",
        changes={"learning_rate": 1e-3, "final_rate": 1e-6, "shape": "cosine", "clip_norm": 1.0},
    ),
    "network1_loss": Experiment(
        "Network 1 on physical pairs, $L_2$ in noise units", loss="noise_units", presets=("physical",)
    ),
    # modern without one thing
    "modern_direct": _modern("Modern, direct output", network={}),
    "modern_plain": _modern("Modern without twins", changes={"bias_weight": 0.0}),
    "modern_plain_l1": _modern("Modern without twins, $L_1$", loss="noise_units_l1", changes={"bias_weight": 0.0}),
    "modern_starless": _modern("Modern without added stars", changes={"extra_stars": 0}),
    "modern_noisy_target": _modern(
        "Modern without twins, the paper's pairs",
        changes={"bias_weight": 0.0, "noise": "released", "source": "long", "target": "long"},
    ),
    "modern_step": _modern(
        "Modern, schedule of Network 1", changes={"learning_rate": 1e-4, "final_rate": 1e-5, "shape": "step"}
    ),
    "modern_one_ratio": _modern("Modern at one $r$", ratios=(2.0,)),
    "modern_large_crops": _modern("Modern, 2 crops of 256²", changes={"batch": 2, "crop": 256}),
}
"""No rows of the paper: its unstated choices, and what separates Network 1 from `modern`, one change each."""


def _peer(title: str, network: dict, loss: str = "noise_units", **changes) -> Experiment:
    """A network or a loss of others on the physical pairs of `modern`, under its schedule; without twins, as they do
    without."""
    return _modern(title, network=network, loss=loss, changes={"bias_weight": 0.0} | changes)


def _body(architecture: str, output: str = "noise_units") -> dict:
    return {"architecture": architecture, "ratio_mode": "none", "output": output}


PEER_EXPERIMENTS: dict[str, Experiment] = {
    # other networks, which see the noise-free scene as their target
    "flamary": _peer("Three-layer CNN (Flamary 2017)", _body("flamary")),
    "autoencoder": _peer("Sparse denoising auto-encoder", _body("autoencoder", "asinh"), "sparse", width=32),
    "fcn": _peer("Plain fully convolutional network", _body("fcn"), width=24),
    "can": _peer("Context aggregation network (CAN)", _body("can"), width=24, batch=1, crop=256),
    "galaxygan": _peer(
        "GalaxyGAN (Schawinski 2017)",
        _body("galaxygan", "asinh"),
        "adversarial",
        width=12,
        batch=2,
        crop=256,
        learning_rate=2e-4,
    ),
    # the U-net of `modern` without a noise-free target
    "noise2noise": _peer("Noise2Noise", _MODERN, target="exposure"),
    "noise2void": _peer("Noise2Void", _MODERN, target="itself"),
    "sure": _peer("Stein's unbiased risk estimate", _MODERN, "sure"),
}
"""Learned methods to compare with. All see the crops, added stars and noise of `modern_plain`; ``sure`` no target, but
the true sigma of every pixel. CAN and GalaxyGAN see so far that their crops are 256²; CAN, the slowest, gets half
as many pixels an update."""


@dataclass(frozen=True)
class Preset:
    """A recipe: how pairs are made and how the weights move.

    noise: a name in `noise.NOISE_MODELS`; source and target: ``long`` (the noisy long exposure, the paper's ground
    truth, from which the paper also makes the input) or ``scene`` (the noise-free truth). Without a truth, target is
    ``exposure`` (one like the input, its noise independent: Noise2Noise) or ``itself`` (`pairs.blind_spots`); even then
    validation is against the scene, to choose among weights of one run.
    keeps_sky: the sky is in the frame while the noise is drawn. The paper's frames seem to have had theirs: two of its
    published histograms peak at 55-70 e- for the long exposure and at half of that for the input.
    learning_rate falls to final_rate: at once after 40 % of the updates (``step``: 2000 of 5000 epochs), or along a
    cosine after a warm-up over the first 2 % (``cosine``).
    extra_stars: stars added to every crop, see `injection`; bias_weight: how much more a squared bias counts than a
    variance (minus one), see `losses.squared_bias`; every crop is then shown twice, under independent noise.
    clip_norm: gradients longer than this are shortened to it, None leaves them.
    """

    noise: str
    source: str
    target: str
    learning_rate: float
    final_rate: float
    shape: str
    slope: float
    extra_stars: int = 0
    bias_weight: float = 0.0
    clip_norm: float | None = None
    keeps_sky: bool = True


PRESETS: dict[str, Preset] = {
    "paper": Preset("published", "long", "long", 1e-5, 1e-6, "step", slope=0.02),
    "code": Preset("released", "long", "long", 1e-4, 1e-5, "step", slope=0.2),
    "physical": Preset("physical", "scene", "scene", 1e-4, 1e-5, "step", slope=0.2),
    "modern": Preset(
        "physical",
        "scene",
        "scene",
        1e-3,
        1e-6,
        "cosine",
        slope=0.2,
        extra_stars=12,
        bias_weight=4.0,
        clip_norm=1.0,
    ),
}


@dataclass(frozen=True)
class Schedule:
    """The compute of a profile: updates, network width, crops per update and their size, training fields in use."""

    updates: int
    width: int
    batch: int
    crop: int
    fields: int
    validation_fields: int
    validate_every: int


SCHEDULES: dict[str, Schedule] = {
    "smoke": Schedule(4, width=4, batch=2, crop=64, fields=6, validation_fields=2, validate_every=2),
    "retrain": Schedule(1200, width=16, batch=8, crop=128, fields=160, validation_fields=6, validate_every=300),
    "short": Schedule(1000, width=16, batch=8, crop=128, fields=160, validation_fields=6, validate_every=200),
    "paper": Schedule(800_000, width=32, batch=1, crop=256, fields=160, validation_fields=20, validate_every=40_000),
}
"""``short``: ten minutes on a laptop. ``quick`` has none. The paper: 5000 epochs of 160 crops (section 3.4.1)."""


KNOWN = EXPERIMENTS | VARIANTS | PEER_EXPERIMENTS
"""All that can be trained."""


def find(kind: str, name: str, table: dict):
    """``table[name]``, or a ValueError that lists what there is."""
    if name not in table:
        raise ValueError(f"unknown {kind} {name!r}; choose one of {', '.join(table)}.")
    return table[name]


def updates_of(experiment: Experiment, schedule: Schedule) -> int:
    """Weight updates in all: a crop shown at four ratios in turn counts four (Network 2: 3,200,000 on ``paper``)."""
    full_paper = schedule is SCHEDULES["paper"] and experiment.ratio_order == "ordered"
    return schedule.updates * (len(experiment.ratios) if full_paper else 1)


def learning_rate(preset: Preset, update: int, total: int) -> float:
    """The learning rate of one update, 0-based, of ``total``; see `Preset`."""
    done = update / max(1, total)
    if preset.shape == "step":
        return preset.learning_rate if done < 0.4 else preset.final_rate
    warm = min(1.0, (update + 1) / max(1, 0.02 * total))
    fall = 0.5 * (1 + cos(pi * done))
    return warm * (preset.final_rate + (preset.learning_rate - preset.final_rate) * fall)
