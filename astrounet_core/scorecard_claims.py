"""What can be said for denoising, sorted by what is behind it, and what to do; every number is from a record.

A claim is a *real gain* if a measurement without a prior would need more light for it; *prior-driven* if an error falls
because a bias was let in; an *artefact of the measure* if the number improves though nothing is known better.
"""

from .completeness import LONGER, REFERENCE
from .records import lookup
from .score_record import Record
from .scorecard_table import ALARMS, FAINT, STANDARD
from .tables import number

REAL, PRIOR, ARTEFACT, NONE = "real gain", "prior-driven", "artefact of the measure", "no gain"
FAINTEST = 28.5
"""AB, of the faintest stars that are measured, at a signal-to-noise ratio of 2."""

ALONE = {"fields": "isolated stars", "protocol": "standard"}


def text(record: Record, method: str, quantity: str, fmt: str, unit: str = "", **conditions: object) -> str:
    """One number with its interval, or *not run*."""
    found = record.value(method, quantity, **conditions)
    if not found:
        return number(None)
    return number(found["value"], fmt, unit, interval=(found["low"], found["high"]))


def depth(record: Record, method: str, fields: str) -> str:
    """How much deeper a method's catalogue of a kind of sky goes than the input's."""
    return text(record, method, "delta_m90", "+.2f", "mag", fields=fields, protocol=STANDARD)


def scored(name: str, profile: str, measure: str, protocol: str, fmt: str) -> str:
    """A number of a method's record, over the test fields of the kinds that it was trained on, or *not run*."""
    record = lookup(name, profile, holding="metrics.json")
    row = record.row(measure, protocol, fields="training") if record else None
    return number(row["value"] if row else None, fmt)


def claims(record: Record, profile: str, method: str = "modern") -> list[dict]:
    """Rows of claim, number, kind and why."""
    rows = [*_of_pictures_and_fluxes(record, profile, method), *_of_finding(record, profile, method)]
    return [dict(zip(("claim", "number", "kind", "why"), row, strict=True)) for row in rows]


def _of_pictures_and_fluxes(record: Record, profile: str, method: str) -> list[tuple[str, str, str, str]]:
    faint = text(record, method, "bias_psf_sigma", "+.1f", "σ", magnitude=FAINTEST, **ALONE)
    efficiency = text(record, method, "efficiency", ".2f", magnitude=FAINTEST, **ALONE)
    return [
        (
            "The picture is nearer to the truth, pixel by pixel",
            f"squared error {scored(method, profile, 'nmse', 'independent', '.3f')} of the input's",
            f"{REAL} for the eye, {PRIOR}",
            "What the sky usually looks like fills in what the noise hid; each pixel is a best guess.",
        ),
        (
            "Bright stars keep their flux",
            text(record, method, "bias_psf", "+.2f", "%", **ALONE),
            NONE,
            "Nothing is lost, and nothing won: the input had no bias to begin with.",
        ),
        (
            f"The faintest stars scatter less than the Cramér–Rao bound ({FAINTEST:g} mag)",
            text(record, method, "scatter_psf", ".2f", "σ", magnitude=FAINTEST, **ALONE),
            PRIOR,
            f"They are pulled to the sky: bias {faint}, efficiency {efficiency}.",
        ),
    ]


def _of_finding(record: Record, profile: str, method: str) -> list[tuple[str, str, str, str]]:
    near_stars = {"fields": "near bright stars", "protocol": "standard"}
    invented = [text(record, name, f"invented, {ALARMS}", ".0f", **near_stars) for name in (REFERENCE, method)]
    found = [scored(name, profile, "tpr", "paper", ".1f") for name in (REFERENCE, method)]
    return [
        (
            "Fainter isolated stars are found",
            depth(record, method, "isolated stars"),
            NONE,
            "At equal false alarms the matched filter on the input is the best there is.",
        ),
        (
            "More of the long exposure's stars are found (TPR, paper's settings)",
            f"{found[0]} % to {found[1]} %",
            ARTEFACT,
            "A threshold in sigmas of a smooth image lets more through; at equal false alarms see the line above.",
        ),
        (
            "The signal-to-noise ratio rises (SNR factor, Eq. 26)",
            f"× {scored(method, profile, 'snr_factor', 'independent', '.2f')}",
            ARTEFACT,
            "The background's rms falls, and the error of the flux does not.",
        ),
        (
            "Fewer false sources near bright stars, at a threshold set on empty sky",
            f"{invented[0]} to {invented[1]} per arcmin²",
            REAL,
            "The network knows that noise grows with light. So does a noise map, which costs nothing.",
        ),
    ]


def answers(record: Record, profile: str, method: str = "modern") -> dict[str, list[str]]:
    """Question -> paragraphs: the answer, and the number behind it."""
    crowded, extended = depth(record, method, "crowded field"), depth(record, method, "extended sources")
    faint = text(record, method, "bias_psf_sigma", "+.1f", "σ", magnitude=FAINT, **ALONE)
    bright = text(record, method, "bias_psf", "+.2f", "%", **ALONE)
    return {
        "Should I denoise before I measure stars?": [
            f"No. Above a signal-to-noise ratio of 10 it does no harm ({bright} of the flux) and no good. At 27.5 mag, "
            f"a signal-to-noise ratio of 4, the median star is off by {faint}, and a smaller scatter hides that. Fit "
            "the PSF to the image you took, with a noise map.",
        ],
        "Should I denoise before I detect stars or galaxies?": [
            f"No. At the same false alarms the catalogue goes {depth(record, method, 'isolated stars')} deeper for "
            f"isolated stars, {crowded} in clusters and {extended} for galaxies. A matched filter, or a bank of them "
            f"for galaxies, on the noisy image is as good or better and takes a fraction of the time. Twice the "
            f"exposure gains {depth(record, LONGER, 'isolated stars')}.",
        ],
        "Should I denoise before I make a picture?": [
            f"Yes. The squared error of a pixel falls to {scored(method, profile, 'nmse', 'independent', '.3f')} of "
            "the input's, bright stars stay sharp, and few things appear that aren't there. Say in the caption that it "
            "was denoised, and by what; remove cosmic rays first.",
        ],
    }
