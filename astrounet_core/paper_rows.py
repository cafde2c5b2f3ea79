"""Rows in the columns of the paper's Table 2: printed, measured here, and measured again on this machine."""

import math
from collections.abc import Iterable, Sequence
from itertools import product

from . import paper
from .records import Record, in_paper_columns, recomputed
from .report import scored, title
from .tally import mean_of_finite, paired_difference

RELABELLED = ("psnr", "ssim", "snr_factor")
"""Columns that change when the input is called a long exposure: it then counts r times as many electrons."""


def table2_rows(profile: str) -> list[dict]:
    """The paper's Table 2, every row followed by ours of the same name, scored on the paper's terms."""
    rows = []
    for printed in paper.table(2):
        key, ratio = printed["key"].split("@")[0], printed["exposure_ratio"]
        ours = in_paper_columns(scored("unchanged" if key == "input" else key, profile), ratio)
        rows += [printed | {"title": printed["name"], "who": "paper"}, ours | {"title": "", "who": "ours"}]
        rows[-1]["exposure_ratio"] = ratio
    return rows


def control_rows(profile: str, ratios: Iterable[float], names: Sequence[str]) -> list[dict]:
    """More rows in the columns of Table 2: the input, in its own electrons and called a long exposure, and methods."""
    rows = []
    unchanged = scored("unchanged", profile)
    for ratio in ratios:
        own = in_paper_columns(unchanged, ratio)
        rows.append(own | {"title": "Input, own electrons", "exposure_ratio": ratio})
        rows.append(own | _relabelled(unchanged, ratio) | {"title": "Input, flux-matched", "exposure_ratio": ratio})
        for name in names:
            columns = in_paper_columns(scored(name, profile), ratio)
            rows.append(columns | {"title": title(name), "exposure_ratio": ratio})
    return rows


def _relabelled(unchanged: Record | None, ratio: float) -> dict:
    """PSNR, SSIM and SNR_f of an input that counts the long exposure's electrons; its stars and KL are as before."""
    found = {}
    for column in RELABELLED:
        row = unchanged.row(f"{column}_matched", "paper", float(ratio), fields="training") if unchanged else None
        known = row is not None and row["low"] is not None
        found[column] = row["value"] if row else None
        found[f"{column}_uncertainty"] = (row["high"] - row["low"]) / 2 if known else None
    return found


def recomputed_rows(
    profile: str, names: Iterable[str], measures: Iterable[str], protocol: str, ratio: float
) -> list[dict]:
    """What this machine measured beside what is published, on the same fields: a row a method and measure.

    here, published: means over the n fields that both have; difference: `tally.paired_difference`, here - published,
    with its error; agrees: whether it is within two errors. The published scores average over more noise seeds.
    Methods that this machine did not score, or that are not published, have no row.
    """
    rows = []
    for name, measure in product(names, measures):
        here, published = recomputed(name, profile), scored(name, profile)
        if here is None or published is None or published.folder == here.folder:
            continue
        found = paired_difference(here.fields, published.fields, measure, protocol, ratio)
        means = (_mean_on(record, here, measure, protocol, ratio) for record in (here, published))
        row = {"title": title(name), "measure": measure, "difference": found["value"], "error": found["error"]}
        agrees = math.isnan(found["value"]) or abs(found["value"]) <= 2 * found["error"]
        rows.append(row | dict(zip(("here", "published"), means, strict=True)) | {"n": found["n"], "agrees": agrees})
    return rows


def _mean_on(record: Record, fields_of: Record, measure: str, protocol: str, ratio: float) -> float:
    """Mean of a measure over the fields that another record has a finite value on."""
    wanted = {"protocol": protocol, "exposure_ratio": ratio}
    chosen, names = ([row for row in each.fields if wanted.items() <= row.items()] for each in (record, fields_of))
    kept = {row["field"] for row in names if math.isfinite(row.get(measure, math.nan))}
    return mean_of_finite([row[measure] for row in chosen if row["field"] in kept])
