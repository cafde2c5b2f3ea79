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
# (page-scoreboard)=
# # Scoreboard: the paper's claims
#
# *Every number that the paper states*
#
# :::{admonition} This page
# :class: tip page-contract
#
# **You will learn** of every number in the paper where it stands, what ours is, which file holds ours, and what
# follows from the two.
#
# **You need** [Results](#page-results) for what the measures are worth, and
# [Paper and reproduction](#page-paper-versus-reproduction) for what we do differently.
#
# **Reading time** 10 minutes, or as a work of reference: search the page for a number, a status or a file.
# :::
#
# The tables below are made from a ledger, `book/claims.yml`. It names for each number of the paper a *reference* to
# ours, never ours itself, a tolerance, and a verdict. The verdict is checked against the numbers whenever this page
# is made: where it isn't what they say, or where a result is missing or out of date, the book isn't built.

# %%
from astrounet_core import claims, figures, scoreboard
from astrounet_core.figures import Column

page = figures.open_page("scoreboard", profile=profile, seed=seed)
listed = [
    Column("where", "place"),
    Column("quantity", "quantity"),
    Column("paper", "paper"),
    Column("ours", "ours"),
    Column("status", "status"),
    Column("source", "source of ours"),
    Column("note", "note"),
]

# %% [markdown]
# ## How a verdict is reached
#
# | sign | status | meaning |
# | :---: | :--- | :--- |
# | ✓ | reproduced on the paper's data | follows from the paper's own numbers, or from the authors' lists of files |
# | = | same setting | we use the value that the paper states; nothing was measured |
# | ↗ | same direction on simulated data | within the tolerance, or clearly to the paper's side of the input |
# | ≠ | differs | neither, or the paper has two values |
# | … | not run | no such result is published in `results/` |
# | ∅ | not reproducible | about something that isn't public, or a choice that nothing follows from |
#
# Nothing that was measured on an image can be *reproduced* here, for our sky is simulated: the same digits would be
# an accident. What can be compared is the *step* from the input to a network. So a tolerance is a fifth of that step
# in the paper's Table 2, and for flux errors twice the error that the paper states. A number outside the tolerance
# has the same direction if its step from the input has the paper's sign and exceeds twice its own standard error.
# The tolerances were fixed before any of our results was put beside the paper's in this ledger; each has its reason
# there.
#
# A verdict says nothing about size: an error that grows a hundred times more than the paper's has "the same
# direction". Look at the two numbers.
#
# ## The count

# %% tags=["hide-input"]
page.table(
    scoreboard.count_rows(),
    name="table-claims",
    caption="Claims of the paper by section and status. A number that the text repeats from a table counts again.",
    columns=[
        Column("section", "section"),
        *(Column(status, f"{sign} {status}") for status, sign in claims.STATUSES.items()),
        Column("all", "all", "d"),
    ],
)

# %% [markdown]
# ## The abstract

# %% tags=["hide-input"]
page.table(
    scoreboard.claim_rows("abstract"),
    name="table-claims-abstract",
    caption="Numbers of the abstract, and ours of the same name: Network 1 at $r = 2$.",
    columns=listed,
    record=scoreboard.runs("abstract"),
)

# %% tags=["hide-input"]
page.text(
    f"In words: of the stars in the long exposure the paper's Network 1 finds {claims.value('abstract/tpr')}, ours "
    f"{claims.ours('abstract/tpr')}; the mean flux error is {claims.value('abstract/rfe')} there, and "
    f"{claims.ours('abstract/rfe')} here; the signal-to-noise ratio rises by factors of "
    f"{claims.value('abstract/snr-factor')} and {claims.ours('abstract/snr-factor')}. "
    "Before comparing, see what the unchanged input has: by Table 2 "
    f"{claims.value('table-2/input@2/tpr')} of the stars in the paper, {claims.ours('table-2/input@2/tpr')} here."
)

# %% [markdown]
# ## The tables of results
#
# In each cell: the paper's number, the sign of the verdict, our number. ± is a standard error by bootstrap over
# fields; the line below each table says how much of the paper's schedule our networks had. Under PSNR, SSIM and KL
# the paper leaves a definition open ([Metrics](#page-metrics)), so that only their direction means anything; and RFE
# is compared without its sign, which the paper leaves open too.

# %% tags=["hide-input"]
page.table(
    scoreboard.grid_rows("table-2"),
    name="table-claims-2",
    caption="Paper Table 2, claim by claim. The direction is counted from the input at $r = 2$, the only one that the "
    "paper prints; that of SNR$_\\mathrm{f}$ from 1.",
    columns=scoreboard.grid_columns("table-2"),
    record=scoreboard.runs("table-2"),
)

# %% tags=["hide-input"]
page.table(
    scoreboard.grid_rows("table-1"),
    name="table-claims-1",
    caption="Paper Table 1, claim by claim; all at $r = 2$, and counted from the input of Table 2.",
    columns=scoreboard.grid_columns("table-1"),
    record=scoreboard.runs("table-1"),
)

# %% tags=["hide-input"]
page.table(
    scoreboard.grid_rows("table-misaligned"),
    name="table-claims-misaligned",
    caption="Networks trained on misaligned pairs, §4.4.1, counted from Network 1 of Table 2.",
    columns=scoreboard.grid_columns("table-misaligned"),
    record=scoreboard.runs("table-misaligned"),
)

# %% tags=["hide-input"]
page.table(
    scoreboard.grid_rows("table-3"),
    name="table-claims-3",
    caption="Paper Table 3, SN 2014J in M 82. Ours are simulated galaxies, six together; the archive's exposures of "
    "that field have not been measured.",
    columns=scoreboard.grid_columns("table-3"),
)

# %% [markdown]
# ## Results in text and figures

# %% tags=["hide-input"]
page.table(
    scoreboard.claim_rows("text", "fig-6", "fig-8", "fig-9"),
    name="table-claims-results",
    caption="Numbers of §4.2–4.3 and in the captions of Figures 6, 8 and 9.",
    columns=listed,
    record=scoreboard.runs("text"),
)

# %% [markdown]
# ## Data, network and training
#
# Most of what follows are settings. They matter for who wants to repeat the work, and they prove nothing.

# %% tags=["hide-input"]
page.table(
    scoreboard.claim_rows("data", "fig-1"),
    name="table-claims-data",
    caption="Numbers of §2 and Fig. 1. The authors' file lists are in the manifest.",
    columns=listed,
)

# %% tags=["hide-input"]
page.table(
    scoreboard.claim_rows("fig-2", "network", "fig-4"),
    name="table-claims-network",
    caption="Numbers of §3.1–3.2 and Figures 2 and 4, beside those of the network of this book.",
    columns=listed,
)

# %% tags=["hide-input"]
page.table(
    scoreboard.claim_rows("training", "exp05", "exp08", "network1", "network2"),
    name="table-claims-training",
    caption="Numbers of §3.2–3.4, beside our preset and schedule `paper`.",
    columns=listed,
)

# %% tags=["hide-input"]
page.table(
    scoreboard.claim_rows("real", "fig-10", "fig-11", "misaligned", "similar"),
    name="table-claims-rest",
    caption="Numbers of §4.4 and §5.1 that are not in a table.",
    columns=listed,
)

# %% [markdown]
# ## What to remember
#
# * A claim needs a number, a place, a tolerance fixed beforehand, and a file. With these a machine can check it.
# * On simulated skies only directions can agree. Where a definition is open, not even the size can be compared.
# * "Not run" is an answer. An empty cell would hide the question.
# * Settings that agree are no evidence. They are counted apart.
#
# **Next:** [Errata](#page-errata).
