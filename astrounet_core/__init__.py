"""Astro U-net: learning to denoise astronomical images, as a thin library.

Data flow: scenes -> noise -> U-net -> metrics and photometry -> figures. Images are e-/s everywhere.
``astrounet_core.denoise(image, exposure_ratio, exposure_time)`` denoises one (`arrays.denoise`).
"""

__version__ = "0.1.0"
__all__ = ["denoise"]


def __getattr__(name: str):
    """``denoise``, imported when it is asked for: torch takes seconds."""
    if name == "denoise":
        from .arrays import denoise

        return denoise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
