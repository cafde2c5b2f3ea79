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
# (page-peers)=
# # Peers
#
# :::{admonition} This page
# :class: tip page-contract
#
# **You will learn** which other methods there are to denoise an image of the sky, what each of them takes for granted,
# what that costs, and how all of them look on the same image.
#
# **You need** [Noise model](#page-noise-model); [The limit](#page-limit) says what none of them can do.
#
# **Reading time** 25 minutes. Look at the figures first, and read the entries of the methods that you use.
# :::
#
# The paper introduces its network with a list of others' methods and leaves the comparison "beyond scope". Here they
# are, with those that have come since. Every one is a function of the same signature,
#
# $$
# (\text{image},\ \text{exposure time},\ r) \;\to\; \text{image} ,
# $$
#
# with images in e⁻/s, the sky subtracted, and gaps that stay gaps. Most take no notice of $r$: they estimate the sky
# without noise, and that is the same for every $r$. Where there was a well-kept library, it is used (SciPy,
# scikit-image, scikit-learn, PyWavelets by way of scikit-image, the authors' `bm3d`). Numbers about stars and galaxies
# are on the [scorecard](#page-scorecard); this page is for understanding what one sees there.

# %%
from astrounet_core import figures, gallery, peers
from astrounet_core.figures import Column

page = figures.open_page("peers", profile=profile, seed=seed)
sample = gallery.example(seed)
methods = gallery.methods()
images = gallery.outputs(methods, sample)
errors = gallery.errors(images, sample)

# %% tags=["hide-input"]
missing = gallery.not_run()
page.note(missing, title="Not run") if missing else None

# %% [markdown]
# ## One image, all methods
#
# A corner of a spiral galaxy: a bright star, a fainter one, an edge-on galaxy behind, and a dozen stars so faint that
# the input hardly shows them. The exposure has 175 s and shall look like 350, $r = 2$. The protocol is `independent`:
# the input is an exposure of its own, and errors are against the noise-free scene. It is part of validation field 7;
# parameters were chosen on fields 0 to 5, on which short trainings choose among their weights, too.
#
# The number below a name is the squared error in units of the input's noise, averaged over pixels: 1 for the input, 0
# for the truth. It is dominated by what a method does to stars if it does harm there, and by the sky if it doesn't.

# %% tags=["hide-input"]
page.figure(
    gallery.gallery(images, sample),
    name="fig-peers-gallery",
    caption="What each method makes of the same input, 96 pixels (3.8 arcseconds) on a side, at one asinh stretch. "
    "Below each name its squared error in units of the noise. Amplification is the input itself.",
    alt="A grid of small images of the same sky: a bright star, an edge-on galaxy beside it, a fainter star. The "
    "noise-free scene has a dozen faint stars more. The input is grainy, and so are the Gaussian filter and blind "
    "deconvolution; the median filter, the Fourier Wiener filter and Richardson-Lucy are less so. Total variation, "
    "starlets, non-local means, BM3D and Modern are smooth, without the faint stars.",
)

# %% [markdown]
# A clean image isn't yet a true one. Subtract the truth, and what was lost or made up shows:

# %% tags=["hide-input"]
page.figure(
    gallery.residuals(images, sample),
    name="fig-peers-residuals",
    caption="Output minus noise-free scene, divided by the standard deviation of the input's noise, one colour scale "
    "for all. White is right. Blue dots are stars that were taken for noise; red and blue together, light put in the "
    "wrong place.",
    alt="The same grid as residuals in red and blue. The input and the Gaussian filter are full of pixel noise. The "
    "median filter has dark blue spots at both stars, the local Wiener filter squares of noise around them, the "
    "starlet red rings. Most others are nearly white, with blue dots at faint stars.",
)

# %% tags=["hide-input"]
best = sorted(methods, key=errors.get)
worse = [name for name in methods if errors[name] > 1.02 * errors["Input"]]
page.text(
    f"Smallest here are the errors of {best[0]} ({page.value(errors[best[0]], '.2f')}), {best[1]} "
    f"({page.value(errors[best[1]], '.2f')}) and {best[2]} ({page.value(errors[best[2]], '.2f')}). Methods with a "
    f"larger error than the input's: {', '.join(worse) or 'none'}. The blue dots that nearly all share are "
    f"the faint stars: what can't be told from noise goes with it. One image is no verdict."
)

# %% [markdown]
# ## How they were tuned
#
# A method compared at its worst setting is a straw man. Each parameter was searched on the middle of six validation
# fields, exposed half as long as the long exposure, and the setting kept that has the least squared error in units of
# the noise. The mean over fields is taken of its logarithm, so that one crowded field doesn't decide.
# `python -m astrounet_core.tuning` does it again.

# %% tags=["hide-input"]
page.table(
    gallery.tuned_rows(),
    name="table-peers-tuned",
    caption="What was tried and what was chosen. Error: the criterion, 1 for the input. Pixels: side of the part of "
    "each field that was used, smaller for slow methods.",
    columns=[
        Column("title", "method"),
        Column("parameter", "parameter"),
        Column("tried", "tried"),
        Column("chosen", "chosen"),
        Column("nmse", "error", ".2f"),
        Column("size", "pixels", "d"),
    ],
)

# %% [markdown]
# Two of them chose an edge, and tell something by it. The Gaussian filter's best width, 0.2 pixels, is next to nothing:
# a star of Hubble's is so sharp that any blur costs more at its peak than it gains in the sky around. Blind
# deconvolution is better the longer it runs, up to an error of 1: it ends at a PSF of one pixel, which explains the
# image perfectly, noise included. The median and Richardson–Lucy are worse than the input at every setting. By this
# measure they do harm where there are bright stars; by another, such as finding faint ones, they may help, which is
# what the scorecard is for. Where stars are few, as in the figure above, they gain more in the sky than they lose.
#
# The learned methods were trained with the loop, the simulated fields and the schedule of `modern`. Those that need no
# truth have the very network of `modern`, so that only what they learn from differs.

# %% tags=["hide-input"]
page.table(
    gallery.learned_rows(profile),
    name="table-peers-learned",
    caption="The learned methods: what they were shown as target, by which loss, for how long.",
    columns=[
        Column("title", "network"),
        Column("target", "learns from"),
        Column("loss", "loss"),
        Column("updates", "updates", ",d"),
        Column("minutes", "training", ".0f", "min"),
        Column("parameters", "parameters", ",d"),
        Column("size", "weights", ",.0f", "kB"),
    ],
)

# %% [markdown]
# Zero-shot Noise2Noise has no weights: it is trained anew, 300 updates, on each image that it denoises.
#
# ## What each assumes
#
# Two paragraphs a method: what it does, then what it takes for granted and what that costs. There is no denoising
# without an assumption, because the image alone doesn't say which part of it is noise.
#
# ### More light

# %% tags=["hide-input"]
page.definitions(peers.definitions("light"))

# %% [markdown]
# ### Smoothing

# %% tags=["hide-input"]
page.definitions(peers.definitions("smoothing"))

# %% [markdown]
# ### Deconvolution

# %% tags=["hide-input"]
page.definitions(peers.definitions("deconvolution"))

# %% [markdown]
# ### Few shapes

# %% tags=["hide-input"]
page.definitions(peers.definitions("sparse"))

# %% [markdown]
# ### Patches that repeat

# %% tags=["hide-input"]
page.definitions(peers.definitions("patches"))

# %% [markdown]
# ### Learned
#
# The first five are networks of others that were shown the noise-free scene. The others do without it.

# %% tags=["hide-input"]
page.definitions(peers.definitions("learned"))

# %% [markdown]
# ## What to remember
#
# - Every denoiser believes something about the sky. Ask what, before you ask how good it is.
# - Stars as sharp as Hubble's break the belief of most: smooth skies, flat pieces, patches that repeat.
# - Noise that depends on the light needs the Anscombe transform, or a method that knows better.
# - Tuned fairly, old methods are closer to networks than pictures of untuned ones suggest.
# - Look at residuals, not at outputs.
#
# **Next:** the [Scorecard](#page-scorecard), with all of them on it.
