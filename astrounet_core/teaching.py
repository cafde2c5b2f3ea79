"""Judges of students' answers in the labs: each prints a sentence on what is right, or raises `NotYet` with a hint.

Samples are judged by statistics: `SIGMAS` standard errors of the sample itself, so that a right answer fails by chance
once in ten thousand times. An answer that is still ``...`` is not yet right.
"""

import numpy as np
import torch
from numpy.typing import ArrayLike
from safetensors.torch import load_file
from scipy.stats import chi2
from torch import nn

from .manifest import weights_path

SIGMAS = 4.0
"""Standard errors that a right answer may be off by."""

CHANCE = 1e-4
"""Shares are judged by chi-square: a right answer has a worse one less often than this."""


class NotYet(AssertionError):
    """An answer that isn't right yet; notebooks show its sentence without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def answered(answer: ArrayLike) -> np.ndarray:
    """The answer as an array of floats; `NotYet` where it is still ``...``, empty, no number, or not finite."""
    if answer is ... or answer is None:
        raise NotYet("not yet: this is still to be filled in, in the cell above; see the hint there.")
    try:
        values = np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        raise NotYet(f"not yet: numbers are wanted here, not {type(answer).__name__}.") from None
    if not values.size or not np.isfinite(values).all():
        raise NotYet("not yet: some of these numbers are missing or not finite; look for a division by zero.")
    return values


def guess(prediction: float) -> None:
    """Take note of a prediction, whatever it is; only a missing one is `NotYet`."""
    print(f"noted: {answered(prediction):g}. The lab comes back to it.")


def compare(prediction: float, measured: float, digits: str = ".2g") -> None:
    """Say how far a prediction was off; no verdict."""
    print(f"you predicted {answered(prediction):{digits}}, and it is {answered(measured):{digits}}.")


def value(answer: ArrayLike, expected: ArrayLike, tolerance: float = 0.01, hint: str = "") -> None:
    """Judge numbers that can be worked out: each within a relative ``tolerance`` of what is expected, which isn't 0."""
    ours, theirs = answered(answer), np.asarray(expected, dtype=float)
    if ours.shape != theirs.shape:
        raise NotYet(f"not yet: {theirs.size} numbers are wanted, not {ours.size}. {hint}".strip())
    worst = float(np.max(np.abs(ours - theirs) / np.abs(theirs)))
    _judge(worst <= tolerance, f"{100 * worst:.2g} % off at most, {100 * tolerance:.2g} % are allowed", hint)


def within(answer: ArrayLike, expected: ArrayLike, allowed: ArrayLike, hint: str = "") -> None:
    """Judge numbers that may be zero: each at most ``allowed`` from what is expected."""
    ours, theirs = answered(answer), np.asarray(expected, dtype=float)
    if ours.shape != theirs.shape:
        raise NotYet(f"not yet: {theirs.size} numbers are wanted, not {ours.size}. {hint}".strip())
    worst = float(np.max(np.abs(ours - theirs) / allowed))
    _judge(worst <= 1, f"{worst:.2g} times the deviation that is allowed", hint)


def at_least(answer: float, least: float, hint: str = "") -> None:
    """Judge one number that has to be ``least`` or more."""
    found = float(answered(answer))
    _judge(found >= least, f"{found:.3g}, where {least:.3g} is wanted at least", hint)


def mean(sample: ArrayLike, expected: float, hint: str = "") -> None:
    """Judge a sample by its mean, within `SIGMAS` times scatter / sqrt(n)."""
    values = _sample(sample)
    error = values.std() / values.size**0.5
    _judge_number("mean", values.mean(), expected, error, hint)


def variance(sample: ArrayLike, expected: float, hint: str = "") -> None:
    """Judge a sample by its variance s^2, within `SIGMAS` times sqrt((m4 - s^4) / n), m4 the fourth central moment."""
    squares = (_sample(sample) - np.mean(sample)) ** 2
    found = squares.mean()
    error = ((squares**2).mean() - found**2) ** 0.5 / squares.size**0.5
    _judge_number("variance", found, expected, error, hint)


def slope(
    x: ArrayLike, y: ArrayLike, expected: float, tolerance: float = 0.05, part: slice = slice(None), hint: str = ""
) -> None:
    """Judge how y grows with x over a part of the points: the exponent of the power law through them, by least squares
    of the logarithms."""
    across, up = answered(x), answered(y)
    if across.shape != up.shape or not (up > 0).all():
        raise NotYet(f"not yet: one positive number is wanted for each of {across.size} points. {hint}".strip())
    found = float(np.polyfit(np.log(across[part]), np.log(up[part]), 1)[0])
    _judge(abs(found - expected) <= tolerance, f"it grows with the power {found:.2f}", hint)


def shares(found: ArrayLike, tried: ArrayLike, expected: ArrayLike, hint: str = "") -> None:
    """Judge numbers found of numbers tried against expected shares, by chi-square of binomial counts."""
    ours, of, p = answered(found), answered(tried), np.clip(np.asarray(expected, dtype=float), 1e-3, 1 - 1e-3)
    if ours.shape != p.shape or (ours > of).any():
        raise NotYet(f"not yet: {p.size} counts are wanted, none above the number tried. {hint}".strip())
    square = float(np.sum((ours - of * p) ** 2 / (of * p * (1 - p))))
    text = f"chi-square is {square:.1f} for {p.size} bins"
    _judge(chi2.sf(square, p.size) > CHANCE, text, hint)


def smaller(ours: ArrayLike, theirs: ArrayLike, hint: str = "") -> None:
    """Judge paired numbers: ours smaller on average than theirs, by `SIGMAS` standard errors of their difference."""
    first, second = answered(ours), answered(theirs)
    if first.shape != second.shape or first.size < 2:
        raise NotYet(f"not yet: {second.size} numbers are wanted, one for each of the others. {hint}".strip())
    change = first - second
    error = change.std(ddof=1) / change.size**0.5
    text = (
        f"{first.mean():.3g} on average against {second.mean():.3g}, a difference of {change.mean():.2g} ± {error:.1g}"
    )
    _judge(change.mean() < -SIGMAS * error, text, hint)


@torch.no_grad()
def shape(network: nn.Module, expected: tuple[int, ...], *inputs: torch.Tensor, hint: str = "") -> None:
    """Judge layers by the shape of what they make of some inputs."""
    if not isinstance(network, nn.Module):
        raise NotYet(f"not yet: layers are wanted here, not {type(network).__name__}. {hint}".strip())
    found = network(*inputs)
    if not isinstance(found, torch.Tensor):
        raise NotYet(f"not yet: the layers give no tensor but {type(found).__name__}. {hint}".strip())
    _judge(tuple(found.shape) == expected, f"the output has the shape {tuple(found.shape)}", hint)


@torch.no_grad()
def field_of_view(network: nn.Module, size: int = 96) -> int:
    """How many pixels in a row one output pixel of ``network(image, ratio)`` depends on, at its widest; measured.

    Every input column is poisoned with NaN in turn: what depends on it is NaN, whatever the weights (as `unet.reach`).
    For networks that give an image of the same size, (N, 1, H, W).
    """
    image = torch.zeros(size, 1, 16, size, dtype=torch.float64)
    image[torch.arange(size), :, :, torch.arange(size)] = torch.nan
    output = network.double()(image, torch.ones(size))
    network.float()
    seen = output.isnan().any(2)[:, 0]
    return int(seen[:, size // 2 - 8 : size // 2 + 8].sum(0).max())


@torch.no_grad()
def resume(network: nn.Module, name: str) -> None:
    """Put the published weights ``name`` into a network, tensor by tensor in order, whatever its layers are called.

    `NotYet` for a network whose weights have other shapes.
    """
    tensors, own = load_file(weights_path(name)), list(network.parameters())
    stored = [tensors[key] for key in sorted(tensors)]
    if [value.shape for value in stored] != [parameter.shape for parameter in own]:
        raise NotYet(f"not yet: {name} is of a network with other layers than this one; build yours as the tasks say.")
    for parameter, value in zip(own, stored, strict=True):
        parameter.copy_(value)


def _sample(sample: ArrayLike) -> np.ndarray:
    values = answered(sample).ravel()
    if values.size < 100:
        raise NotYet(f"not yet: {values.size} draws tell too little; a sample of 100 or more is wanted.")
    return values


def _judge_number(name: str, found: float, expected: float, error: float, hint: str) -> None:
    text = f"the {name} is {found:.4g} ± {error:.1g}, {expected:.4g} is expected"
    _judge(abs(found - expected) <= SIGMAS * error, text, hint)


def _judge(right: bool, text: str, hint: str) -> None:
    if not right:
        raise NotYet(f"not yet: {text}. {hint}".strip())
    print(f"right: {text}.")
