"""What the header of an image says about it, and what has to be assumed where it is silent.

Each function takes a `Cards`, which looks in the image's own header first and in the primary one after that.
"""

import math
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import astropy.units as u
from astropy.io import fits
from astropy.io.fits.verify import VerifyError
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales

from .instrument import WFC3_UVIS


class BadFile(ValueError):
    """A file that can't be used: one sentence that names it, says why, and what to do."""


TIMES = ("EXPTIME", "TEXPTIME", "XPOSURE", "EXPOSURE")
GAINS = ("EGAIN", "ATODGNA", "GAIN", "CCDGAIN", "ATODGAIN")
"""e- per data number: measured ones before those that were asked for."""

SPELLINGS = {
    **dict.fromkeys(("E", "E-", "ELECTRONS", "ELECTRON", "PHOTOELECTRON", "PHOTOELECTRONS"), "electron"),
    **dict.fromkeys(("COUNTS", "COUNT", "CTS", "CT", "ADU", "ADUS", "DN", "DNS", "DATA NUMBERS"), "adu"),
}
"""How headers write the two things that a detector counts."""


@dataclass
class Cards:
    """The headers of an image and of its file; ``where`` names them in sentences, ``notes`` collects assumptions."""

    header: fits.Header
    primary: fits.Header
    where: str
    notes: list[str] = field(default_factory=list)

    def get(self, *names: str):
        """The first of these cards that says something, else None."""
        return next((value for value in self._values(names) if value not in (None, "", "N/A")), None)

    def number(self, *names: str) -> float | None:
        """The first of these cards that holds a finite number, else None."""
        for value in self._values(names):
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
                return float(value)
        return None

    def _values(self, names: tuple[str, ...]) -> Iterator:
        """What these cards say, name by name; what can't be parsed says nothing."""
        for name in names:
            for header in (self.header, self.primary):
                with suppress(VerifyError):
                    yield header.get(name)


def exposure_time(cards: Cards, given: float | None) -> float:
    """Seconds: as given, else of the header. ValueError where neither is above 0."""
    time = cards.number(*TIMES) if given is None else given
    if time is None:
        raise BadFile(f"{cards.where} has no EXPTIME; write it into the header, or give the seconds with --exptime.")
    if not 0 < time < math.inf:
        raise BadFile(
            f"{cards.where} has an exposure time of {time} s; write the true one into the header, or give --exptime."
        )
    return float(time)


def scale(cards: Cards, time: float) -> tuple[str, float]:
    """The unit as the header writes it, and e-/s per unit. ValueError for a unit that is no count of electrons."""
    text = str(cards.get("BUNIT") or "").strip()
    if not text and cards.number("BITPIX") > 0 and (cards.number("BSCALE") or 1) == 1:
        cards.notes.append("the header has no BUNIT; pixels are integers, so data numbers are assumed.")
        text = "ADU"
    elif not text:
        cards.notes.append("the header has no BUNIT, so electrons per second are assumed.")
        text = "ELECTRONS/S"
    return text, factor(cards, text, time)


def factor(cards: Cards, text: str, time: float) -> float:
    """e-/s per unit, for a unit as headers write it. ValueError for one that is no count of electrons."""
    counted, per_second = _taken_apart(text)
    if counted is None:
        raise BadFile(
            f"{cards.where} is in {text!r}, which says nothing about electrons; convert it to ELECTRONS or ELECTRONS/S."
        )
    return (1.0 if per_second else 1.0 / time) * (gain(cards) if counted == "adu" else 1.0)


def _taken_apart(text: str) -> tuple[str | None, bool]:
    """("electron" | "adu" | None, whether per second) of a unit as headers write it."""
    plain = " ".join(text.upper().replace("**", "").replace("^", "").split())
    for ending in ("/SECOND", "/SEC", "/S", " S-1", " PER SECOND", ".S-1", " S(-1)"):
        if plain.replace(" /", "/").replace("/ ", "/").endswith(ending):
            stem = plain.replace(" /", "/").replace("/ ", "/")[: -len(ending)].strip()
            return SPELLINGS.get(stem), True
    if plain in SPELLINGS:
        return SPELLINGS[plain], False
    return _by_astropy(text)


def _by_astropy(text: str) -> tuple[str | None, bool]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        unit = u.Unit(text, parse_strict="silent")
    for name in ("electron", "adu"):
        for per_second in (True, False):
            if unit == (u.Unit(name) / u.s if per_second else u.Unit(name)):
                return name, per_second
    return None, False


def gain(cards: Cards) -> float:
    """e- per data number. ValueError where no card has it."""
    name = gain_card(cards)
    if name is None:
        raise BadFile(
            f"{cards.where} is in data numbers and has no gain ({', '.join(GAINS)}); write GAIN, in e- per number, "
            "into its header."
        )
    value = cards.number(name)
    cards.notes.append(f"data numbers were turned into electrons with {name} = {value:g} e-.")
    return value


def gain_card(cards: Cards) -> str | None:
    """The card that holds the gain, where one does."""
    return next((name for name in GAINS if (cards.number(name) or 0) > 0), None)


def band(cards: Cards) -> str | None:
    """The filter's name, without what is clear."""
    for name in ("FILTER", "FILTER1", "FILTER2", "FILTNAM1", "FILTNAM2"):
        value = str(cards.get(name) or "").strip().upper().removeprefix("HST-")
        if value.startswith("F") and "CLEAR" not in value:
            return value
    text = cards.get("FILTER")
    return str(text).strip() if isinstance(text, str) and "CLEAR" not in text.upper() else None


def instrument(cards: Cards) -> str | None:
    """As "WFC3/UVIS"."""
    name, detector = cards.get("INSTRUME"), cards.get("DETECTOR")
    if not isinstance(name, str):
        return None
    return f"{name.strip()}/{detector.strip()}" if isinstance(detector, str) and detector.strip() else name.strip()


def pixel_scale(cards: Cards) -> float | None:
    """arcsec, the mean of both axes, from the WCS; None where it has none that can be used."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wcs = WCS(_only_linear(cards.header), naxis=2)
            if not wcs.has_celestial:
                return None
            sides = proj_plane_pixel_scales(wcs.celestial) * 3600
    except Exception as error:  # a header may hold anything, and an image is no worse for a broken WCS
        cards.notes.append(
            f"the world coordinates can't be used ({type(error).__name__}), so the pixel scale is unknown."
        )
        return None
    value = float(sides.mean())
    return value if math.isfinite(value) and value > 0 else None


def _only_linear(header: fits.Header) -> fits.Header:
    """The WCS without distortions, whose tables are elsewhere in the file."""
    plain = fits.Header()
    for name in ("CTYPE", "CRVAL", "CRPIX", "CDELT", "CROTA", "CUNIT"):
        for axis in (1, 2):
            if f"{name}{axis}" in header:
                plain[f"{name}{axis}"] = header[f"{name}{axis}"]
    for i in (1, 2):
        for j in (1, 2):
            for name in (f"CD{i}_{j}", f"PC{i}_{j}"):
                if name in header:
                    plain[name] = header[name]
        ctype = str(plain.get(f"CTYPE{i}", ""))
        if ctype.endswith("-SIP"):
            plain[f"CTYPE{i}"] = ctype.removesuffix("-SIP")
    return plain


def sky_subtracted(cards: Cards, time: float) -> float | None:
    """e-/s a pixel that the pipeline has taken out of a drizzled image, time its whole exposure, s.

    MDRIZSKY counts electrons of one input exposure (AstroDrizzle), so exposures are taken to be equally long. A file
    that is not drizzled may have the card too, with its sky still in. AstroDrizzle writes NDRIZIM and D001DATA; where
    they are lost, several exposures combined per second are taken to be drizzled, with a note.
    """
    level = cards.number("MDRIZSKY")
    if level is None or level <= 0:
        return None
    rate = level * reads(cards) / time
    if cards.get("NDRIZIM", "D001DATA") is not None:
        return rate
    if reads(cards) > 1 and _taken_apart(str(cards.get("BUNIT")))[1]:
        cards.notes.append(
            f"the image is taken to be drizzled, with {rate:.3g} e-/s a pixel of sky subtracted (MDRIZSKY)."
        )
        return rate
    return None


def reads(cards: Cards) -> int:
    """Exposures combined in the image."""
    return max(1, int(cards.number("NCOMBINE") or 1))


def saturation(cards: Cards, per_unit: float, time: float) -> float | None:
    """e-/s from which a pixel is saturated: SATURATE in the image's unit, else the full well of WFC3/UVIS."""
    level = cards.number("SATURATE")
    if level is not None and level > 0:
        return level * per_unit
    known = instrument(cards) == WFC3_UVIS.name
    return WFC3_UVIS.full_well * reads(cards) / time if known and cards.number(*TIMES) else None
