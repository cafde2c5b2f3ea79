# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
profile = "quick"
seed = 0

# %% [markdown]
# (page-quickstart)=
# # Quickstart
#
# *Beyond the paper: one real image, from file to judgement*
#
# :::{admonition} This page
# :class: tip page-contract
#
# **You will learn** to denoise a real Hubble image with one call, to read what comes out, and to tell what the
# numbers about it mean from what they seem to mean.
#
# **You need** an idea of what a pixel is. Everything else is explained on the way, or linked.
#
# **Reading time** 10 minutes.
# :::
#
# An astronomical image is light plus noise. A network that has seen many pairs of a noisy and a better image of
# one scene can guess, for a new image, which part is which. This page lets it guess, and then looks over its
# shoulder.

# %%
from astrounet_core import demo, figures, inspection, report
from astrounet_core.baselines import gaussian_blur
from astrounet_core.figures import Column
from astrounet_core.inference import denoise

page = figures.open_page("quickstart", profile=profile, seed=seed)
shot = demo.real_or_simulated("horseshoe_f606w", seed)
network = demo.page_network("modern", profile)
trained = report.training("modern", profile)

# %% [markdown]
# ## The image
#
# The image asked for is a piece, 20″ on a side, of an archive mosaic made with the camera that the paper used,
# WFC3/UVIS, through one of its two filters, F606W. In the middle sits the Cosmic Horseshoe: a massive red
# galaxy whose gravity bends the light of a galaxy far behind it into an arc.
#
# To know how noisy an image should be, the network needs its exposure time in seconds. This is what is used,
# and where it comes from:

# %% tags=["hide-input"]
page.note(shot.note, kind="note" if shot.is_real else "warning", title=shot.title)

# %% [markdown]
# ## Denoise it
#
# One call does it. `exposure_ratio` is the wish: *what would an exposure twice as long have shown?*

# %%
output = denoise(shot.image, exposure_ratio=2, exposure_time=shot.exposure_time, network=network)

# %% [markdown]
# The first thing to look at is not the output but the {term}`residual`: the input minus the output, all that was
# taken away. If the network removes noise and only noise, the residual is grain without a pattern. A source that
# stands out in red or blue has lost or gained light. One that shows as a *calm* place is another matter: there the
# network took less away, because it is less sure what is noise.

# %% tags=["hide-input"]
page.figure(
    figures.sky_panels(
        [("Input", shot.image), ("Output", output)],
        residual=("Input − output", shot.image - output),
        pixel_scale=shot.pixel_scale,
    ),
    name="fig-quickstart",
    caption=f"{shot.title}: input and output at one stretch, and the residual at a stretch of its own, five of its "
    "standard deviations either way. Look for sources in the residual: what shows there has been changed by the "
    "network.",
    alt="Three panels of one field of galaxies. The input has grainy sky; the output "
    "shows the same galaxies on a smooth sky; the residual is grain, in red and "
    "blue, at most with faint traces where the brightest galaxies are.",
    record=trained,
    view="compare",
)

# %% [markdown]
# ## The same in one command
#
# ```sh
# astrounet data fetch horseshoe_f606w          # prints where the file is
# astrounet denoise FILE.fits --exptime 2900    # writes FILE_denoised.fits beside it
# ```
#
# `--exptime` is needed only where the header has no exposure time, `--ratio 3` wishes for three times the
# exposure, `--network network1` takes the paper's recipe. The header, with the image's place on the sky, is
# kept; the residual is added as an extension of its own, so that you can look at it first.
#
# ## The same from Python
#
# ```python
# from astrounet_core.fits_io import read_image
# from astrounet_core.inference import denoise
#
# image = read_image("image.fits")
# output = denoise(image.image, exposure_ratio=2, exposure_time=image.exposure_time)
# ```
#
# Images are arrays in electrons per second. NaN pixels stay NaN, and any size will do: a mosaic of 4096 × 4096
# pixels is worked through in tiles.

# %% [markdown]
# ## How much quieter is the sky?
#
# Find the pixels where no source is seen, and measure how much they scatter. The same pixels are used for all
# three images. Beside the scatter stands the {term}`correlation <drizzle>` of neighbouring pixels: 0 if each
# pixel's noise is its own, near 1 if neighbours rise and fall together.

# %%
blank = inspection.blank_sky(shot.image)
sky = inspection.compare_sky(shot.image, output, blank)
rows = [
    {"what": "input", "noise": 1000 * sky["sky_before"], "lag": sky["lag_before"]},
    {"what": "output", "noise": 1000 * sky["sky_after"], "lag": sky["lag_after"]},
    {
        "what": "residual",
        "noise": 1000 * inspection.sky_scatter(shot.image - output, blank),
        "lag": sky["lag_residual"],
    },
]
columns = [Column("what", "image"), Column("noise", "scatter of a sky pixel", ".2f", "10⁻³ e⁻/s")]
page.table(
    rows,
    name="table-quickstart-sky",
    caption="Blank sky before and after. Scatter: 1.4826 times the median absolute "
    "deviation, less a smooth background. Correlation: of pixels one apart, "
    "mean of rows and columns.",
    columns=[*columns, Column("lag", "correlation of neighbours", ".2f")],
    record=trained,
)

# %% tags=["hide-input"]
gain = sky["sky_before"] / sky["sky_after"]
page.text(
    f"On the {page.value(sky['blank'], '.0f')} % of the image that is blank, the scatter of a pixel falls by a factor "
    f"of **{page.value(gain, '.1f')}**. An exposure twice as long would have made it fall by 1.4. So is the output "
    f"worth an exposure {page.value(gain**2, '.0f')} times as long?"
)

# %% [markdown]
# ## Is that a gain? Ask an aperture
#
# No. Nobody measures a star in a single pixel: its light falls on many, and its flux is a *sum*. When
# independent errors are summed, many cancel. When neighbours err together, they don't. A network makes the sky
# smooth by averaging, and what it averages over becomes one common error.
#
# So lay round apertures of several sizes on every blank place of the image, sum the pixels in each, and see how
# much the sums scatter. That is the noise that a measurement of a faint source meets.
#
# :::{admonition} Predict
# :class: important
# At a diameter of one pixel the output is far quieter than the input. Where will its curve be at ten pixels: as
# far below the input's, or closer? And a plain blur, which knows nothing about galaxies: where will it be?
# :::

# %%
diameters = [1, 3, 5, 7, 9, 11, 13, 15]
blurred = gaussian_blur(shot.image, shot.exposure_time, 2)
images = {"input": shot.image, "output": output, "input, blurred": blurred}
noise = {label: inspection.aperture_scatter(image, blank, diameters) for label, image in images.items()}
noise["twice the exposure, ideally"] = noise["input"] / 2**0.5
page.figure(
    figures.curves(
        {label: (diameters, values) for label, values in noise.items()},
        xlabel="diameter of the aperture [pixels]",
        ylabel="scatter of its sum on blank sky [e⁻/s]",
        logy=True,
        markers=True,
    ),
    name="fig-quickstart-apertures",
    caption="Noise of a flux, measured: scatter of the sum in round apertures laid on blank sky, against their "
    "diameter. The gap between input and output is wide for one pixel and narrows as apertures grow. The last curve is "
    "the input's divided by $\\sqrt{2}$.",
    alt="Four rising curves against the diameter from 1 to 15 pixels. At 1 pixel the output lies far below the input; "
    "towards 15 pixels the gap is much narrower. The blurred input soon joins the input's curve.",
    record=trained,
)

# %% tags=["hide-input"]
wide, factor = diameters.index(11), {label: noise["input"] / values for label, values in noise.items()}
page.text(
    f"From one pixel to an aperture of {diameters[wide]}, the factor by which the output is quieter falls from "
    f"{page.value(factor['output'][0], '.1f')} to {page.value(factor['output'][wide], '.2f')}; for the blur, from "
    f"{page.value(factor['input, blurred'][0], '.1f')} to {page.value(factor['input, blurred'][wide], '.2f')}."
)

# %% [markdown]
# Smoothness is visible, so it convinces; information is not visible, and has to be measured.
#
# ## What the rest costs: faint stars
#
# If the output's curve stays below that of an ideal exposure twice as long, something else than averaging is at work.
# The network has learnt that most of the sky is empty. Where the data leave it in doubt, it pulls the answer towards
# empty. That quietens every sum, and it must dim whatever is faint and real.
#
# Does it? Nobody knows the true flux of a real faint star. But we can add stars of *our own* to this very image: as
# sharp as Hubble's, with their photon noise, on places where the sky is blank. Denoise the image with and without
# them. The difference is what has become of their light.

# %%
error = inspection.aperture_scatter(shot.image, blank, [inspection.FLUX_DIAMETER])[0]
signal_to_noise = [2, 5, 10, 20, 50, 200]
methods = {
    "network": lambda image: denoise(image, 2, shot.exposure_time, network),
    "blur": lambda image: gaussian_blur(image, shot.exposure_time, 2),
}
fluxes = [error * ratio for ratio in signal_to_noise]
survives = {
    label: inspection.surviving_light(method, shot.image, blank, fluxes, shot.exposure_time)
    for label, method in methods.items()
}

# %% tags=["hide-input"]
page.figure(
    figures.curves(
        {label: (signal_to_noise, shares) for label, shares in survives.items()},
        xlabel="flux of the star, in errors of the input's aperture",
        ylabel="share of its light that survives",
        logx=True,
        markers=True,
    ),
    name="fig-quickstart-injected",
    caption="Stars of known flux, added to the image: the share of their light that is left in an aperture of 6 "
    "pixels, against their signal-to-noise ratio in that aperture. A share of one means that nothing was lost.",
    alt="Two curves of the surviving share from 0 to 1 against the signal-to-noise ratio from 2 to 200. The blur's is "
    "flat below one. The network's rises from a low share for the faintest stars to nearly one for the brightest.",
    record=trained,
)

# %% tags=["hide-input"]
faint, middle = survives["network"][0], survives["network"][signal_to_noise.index(10)]
page.text(
    f"Of stars at twice the error, which nobody could have found in the input, **{page.value(100 * faint, '.0f')} %** "
    f"of the light survives; at ten times, {page.value(100 * middle, '.0f')} %. The blur treats all alike: it moves "
    f"{page.value(100 * (1 - survives['blur'][0]), '.0f')} % of each star's light out of the aperture, which can be "
    "corrected for. A loss that depends on the brightness cannot, unless it is measured as here."
)

# %% [markdown]
# ## Did the galaxies keep their light?
#
# Sources of five {term}`sigma <scatter>` in the input are measured in the same apertures before and after. Both
# images are also searched upside down: in an image multiplied by −1 there are no sources, so every detection
# there is false.

# %%
sources = inspection.compare_sources(shot.image, output, blank, shot.exposure_time)
page.text(
    f"The input shows {sources['before']} sources. The output shows {sources['after']} above five times *its own* "
    f"noise, but {sources['same_level']} above the input's level: a smoother sky lowers the bar, it does not add "
    f"light. Upside down, input and output show {sources['negative_before']} and {sources['negative_after']}. For the "
    f"{sources['matched']} sources in both, the median of output over input flux is "
    f"**{page.value(sources['flux_ratio'], '.3f')}**, and fluxes moved by {page.value(sources['flux_shift'], '.2f')} "
    "of their own error bars. Some movement is right: the input's fluxes are noisy. With one image nobody can say how "
    "much of it is noise removed, and how much is light lost; [Results](#page-results) can, because there the truth is "
    "known."
)

# %% [markdown]
# ## How far to trust this network
#
# How wrong may the exposure time be? Run it again with one that is 10 % shorter:

# %%
shorter = denoise(shot.image, 2, 0.9 * shot.exposure_time, network)
change = float(abs(shorter - output).max()) / sky["sky_before"]
page.text(
    f"No pixel changes by more than {page.value(change, '.2g')} of the sky's scatter. The network takes the noise of "
    "the sky from the image itself; the exposure time enters only where a source is bright."
)

# %% tags=["hide-input"]
page.text(
    f"The network on this page is `modern`, one of this book's own. It {demo.effort('modern', profile)}. It was "
    "trained on simulated scenes only and has never seen a real image. Take what it does here as what a briefly "
    "trained network does."
)

# %% [markdown]
# What the numbers on this page **mean**: on this image, pixel scatter fell by so much, aperture noise by so
# much, and fluxes of sources that were plain to see moved by so much.
#
# What they do **not** mean:
#
# - that the output is worth a longer exposure. Its noise is correlated, and error bars that assume independent
#   pixels come out too small on it, by the factor that the figure shows;
# - that a source seen only in the output is real. A signal-to-noise ratio raised by smoothing is not
#   information, and false sources become smooth too;
# - that fluxes are right. The faintest ones are not, as the added stars show;
# - that another camera, filter or kind of object fares alike. [Real and misaligned data](#page-real-data) tries
#   some.
#
# ## What to remember
#
# - Look at the residual first: sources must not be visible in it.
# - A smooth sky is not a deep sky. Measure noise in apertures of the size that you will use.
# - Add stars of known flux to your own image, and see what becomes of them.
# - Compare detections at one threshold, not at each image's own.
# - Know the training behind a network before believing its output.
#
# **Next:** [Data](#page-data) says what networks learn from.
