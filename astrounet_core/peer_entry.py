"""What is known of a method that networks are compared with; `classical_peers` and `learned_peers` list them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .exposures import Method

KINDS = ("light", "smoothing", "deconvolution", "sparse", "patches", "learned")
"""Kinds of methods: from more light, or believing in a smooth sky, a known PSF, few shapes, patches that repeat, or
learned."""


@dataclass(frozen=True)
class Peer:
    """A method by its title and kind, in `KINDS`.

    how: what it does; cite: keys of ``book/references.bib``; assumes: what it takes for granted, and what that costs.
    make: of parameters, the method, None for one that needs more than one exposure; grid: parameter -> values that are
    tried, empty where nothing is tuned; slow: takes more than 10 s a megapixel.
    """

    title: str
    kind: str
    how: str
    cite: Sequence[str]
    assumes: str
    make: Callable[..., Method] | None
    grid: Mapping[str, Sequence[float | str]] = field(default_factory=dict)
    slow: bool = False

    @property
    def group(self) -> str:
        """``learned`` or ``classical``."""
        return "learned" if self.kind == "learned" else "classical"

    @property
    def paragraphs(self) -> list[str]:
        """The entry's two paragraphs, MyST: what it does, with its sources, and what it assumes."""
        sources = f" {{cite:p}}`{','.join(self.cite)}`"
        return [self.how.removesuffix(".") + sources + ".", f"*Assumed:* {self.assumes}"]
