"""Do verdicts last on a more real sky? The published networks on the fields of split "realistic".

Those fields (lenses with arcs, clusters with NGC 1261's giants, three noise correlations) were set from real images
after the networks were trained and before they were scored on them. ``python -m astrounet_core.realistic_fields``
writes the record, with the weights' hashes.
"""

from collections.abc import Mapping

from . import evaluation, manifest, provenance
from ._paths import RESULTS_DIR
from .experiments import EXPERIMENTS
from .field_table import fields
from .inference import load_network
from .records import lookup
from .tally import paired_difference, summarise

RECORD = RESULTS_DIR / "checks" / "realistic_fields.json"
METHODS = ("unchanged", "gaussian_blur", "network1", "network2", "modern", "ceiling")
RATIO = 2.0

VERDICTS = (
    ("network1", "unchanged", "tpr", "paper"),
    ("network1", "unchanged", "kl_paper", "paper"),
    ("network1", "unchanged", "psnr_matched", "paper"),
    ("network1", "gaussian_blur", "tpr", "paper"),
    ("network1", "gaussian_blur", "precision", "paper"),
    ("network1", "gaussian_blur", "snr_factor", "paper"),
    ("network1", "unchanged", "nmse", "independent"),
    ("network2", "network1", "nmse", "independent"),
    ("modern", "network1", "nmse", "independent"),
    ("modern", "network1", "sky_rms", "independent"),
    ("modern", "unchanged", "nmse", "independent"),
)
"""Comparisons that the book's conclusions rest on: ours, theirs, measure, protocol."""

LABELS = {
    "tpr": "TPR [%]",
    "precision": "precision [%]",
    "snr_factor": "SNR_f",
    "kl_paper": "KL divergence",
    "psnr_matched": "PSNR [dB]",
    "nmse": "noise-normalised MSE",
    "sky_rms": "sky rms [σ]",
}
"""The measures of `VERDICTS` as tables print them."""

Rows = Mapping[str, list[dict]]


def measure(count: int | None = None, noise_seeds: int = 1) -> dict[str, list[dict]]:
    """Rows of `evaluation.score` of each of `METHODS` on the first ``count`` realistic fields, exposure ratio 2."""
    networks = {name: load_network(name) for name in METHODS if name in EXPERIMENTS}
    methods = {
        name: evaluation.network_method(networks[name]) if name in networks else evaluation.free_method(name)
        for name in METHODS
    }
    return evaluation.score(methods, fields("realistic")[:count], noise_seeds, [RATIO], progress=False)[0]


def test_rows(profile: str = "retrain") -> dict[str, list[dict]]:
    """The published rows of the same methods on the fields of split "test"."""
    return {name: lookup(name, profile).fields for name in METHODS}


def verdicts(rows: Rows) -> list[dict]:
    """`tally.paired_difference` of each of `VERDICTS`: rows {ours, theirs, measure, protocol, value, error, ...}."""
    return [
        {"ours": ours, "theirs": theirs, "measure": name, "protocol": protocol}
        | paired_difference(rows[ours], rows[theirs], name, protocol, RATIO)
        for ours, theirs, name, protocol in VERDICTS
    ]


def lasts(before: dict, after: dict) -> str:
    """How a verdict fares on other fields: "lasts", "turns" (both clear, of opposite signs), "fades" (clear before and
    not after), "appears" (the other way), or "open" (clear on neither)."""
    if before["clear"] and after["clear"]:
        return "lasts" if before["value"] * after["value"] > 0 else "turns"
    return {(True, False): "fades", (False, True): "appears", (False, False): "open"}[before["clear"], after["clear"]]


def main(noise_seeds: int = 1) -> None:
    """Measure with the published networks and write `RECORD`."""
    watch, source, weights = provenance.Stopwatch(), provenance.commit(), _weights()
    rows = measure(noise_seeds=noise_seeds)
    more = {"noise_seeds": noise_seeds, "weights_sha256": weights, "source": source}
    run = provenance.run_record(profile="retrain", preset=None, seed=0, device="cpu", seconds=watch.seconds, **more)
    summaries = {name: [row for row in summarise(each) if row["n"] > 1] for name, each in rows.items()}
    provenance.write_json(RECORD, {"run": run, "scores": summaries, "verdicts": verdicts(rows)})


def published() -> tuple[dict, bool]:
    """The content of `RECORD`, and whether the networks that it measured are those that are published now."""
    record = provenance.read_json(RECORD)
    return record, record["run"]["weights_sha256"] == _weights()


def score_of(record: dict, method: str, measure: str, protocol: str) -> float:
    """Mean of a measure over the realistic fields. Raises StopIteration where the record has none."""
    key = (measure, protocol)
    return next(row["value"] for row in record["scores"][method] if (row["metric"], row["protocol"]) == key)


def _weights() -> dict[str, str]:
    return {name: provenance.sha256(manifest.weights_path(name)) for name in METHODS if name in EXPERIMENTS}


if __name__ == "__main__":
    main()
