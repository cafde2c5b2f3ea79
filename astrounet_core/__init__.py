"""Astro U-net: learning to denoise astronomical images, as a thin library.

Data flow: scenes -> noise -> U-net -> metrics and photometry -> figures. Images are e-/s everywhere.
"""

__version__ = "0.1.0"
