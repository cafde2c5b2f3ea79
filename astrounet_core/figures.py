"""Everything that a page shows, from one place: figure styles, diagrams, tables, and the page that publishes them.

Figure styles return a matplotlib Figure; `Page.figure` gives it a number, a caption, alternative text and provenance.
"""

from .charts import (
    colour_magnitude_panels,
    curve_panels,
    curves,
    densities,
    dot_panels,
    dots,
    errors_vs_flux,
    histograms,
    strips,
)
from .diagrams import convolution_diagram, network_diagram, transposed_convolution_diagram, views_picture
from .publish import Output, Page, open_page
from .sky import feature_maps, sky_panels, stretch
from .steps import step_strip
from .style import figure_style
from .tables import Column

__all__ = [
    "Column",
    "Output",
    "Page",
    "colour_magnitude_panels",
    "convolution_diagram",
    "curve_panels",
    "curves",
    "densities",
    "dot_panels",
    "dots",
    "errors_vs_flux",
    "feature_maps",
    "figure_style",
    "histograms",
    "network_diagram",
    "open_page",
    "sky_panels",
    "step_strip",
    "stretch",
    "strips",
    "transposed_convolution_diagram",
    "views_picture",
]
