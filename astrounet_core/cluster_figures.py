"""Figures 6 to 9 (section 4.3): the star clusters among the test fields, and the numbers that captions quote.

`python -m astrounet_core.cluster_figures` measures these with the published networks and writes `RECORD`, which the
claim ledger reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from . import provenance
from ._paths import RESULTS_DIR, WEIGHTS_DIR
from .evaluation import Exposure, Method, detected_stars, expose
from .field_table import VERSION, fields
from .scenes import render
from .scoring import methods
from .starlists import Stars, pooled_errors, stacking_factor

RECORD = RESULTS_DIR / "checks" / "figures.json"
NETWORKS = ("network1", "network2")


@dataclass(frozen=True)
class Clusters:
    """Exposures of the star clusters, and of each what every method makes of it and the stars found there."""

    shots: list[Exposure]
    outputs: list[dict[str, np.ndarray]]
    stars: list[dict[str, Stars]]

    @classmethod
    def of(cls, applied: Mapping[str, Method], seed: int = 0, count: int | None = None) -> "Clusters":
        """Expose the first ``count`` clusters (None: all) of the training families, protocol ``paper``, r = 2."""
        chosen = [field for field in fields("test") if (field.kind, field.family) == ("star_cluster", "training")]
        shots = [expose(field, render(field), "paper", 2.0, seed) for field in chosen[:count]]
        outputs = [{name: method(shot) for name, method in applied.items()} for shot in shots]
        pairs = zip(shots, outputs, strict=True)
        stars = [{name: detected_stars(shot, image) for name, image in images.items()} for shot, images in pairs]
        return cls(shots, outputs, stars)

    @property
    def errors(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Flux (e-) and relative flux error (%) of the stars that long exposure and every output share, Fig. 6."""
        return pooled_errors(self.stars)

    @property
    def residuals(self) -> dict[str, np.ndarray]:
        """Long exposure minus each method's image of the first cluster, e-, Fig. 9."""
        shot = self.shots[0]
        return {name: shot.field.exposure_time * (shot.long - image) for name, image in self.outputs[0].items()}


def clearly_larger(ours: np.ndarray, theirs: np.ndarray) -> bool:
    """Whether the mean of paired values is larger by more than two standard errors of the difference; no for none."""
    change = ours - theirs if len(ours) == len(theirs) else np.zeros(0)
    return len(change) > 1 and bool(change.mean() > 2 * change.std(ddof=1) / len(change) ** 0.5)


def quoted_numbers(clusters: Clusters) -> dict:
    """What the captions of Fig. 6, 8 and 9 state, of ``unchanged`` (called input), ``network1`` and ``network2``.

    fig-6: mean absolute RFE of the common stars and its standard error, %. fig-8: on the first cluster, mean RFE of
    the stars found, %, and SNR_f (Eq. 28). fig-9: mean and standard deviation of its residual, e-.
    """
    stars, residuals = clusters.stars[0], clusters.residuals
    absolute = {name: np.abs(error) for name, (_, error) in clusters.errors.items()}
    return {
        "fig-6": {
            {"unchanged": "input"}.get(name, name): {
                "rfe_absolute": float(error.mean()),
                "error": float(error.std(ddof=1) / len(error) ** 0.5),
            }
            for name, error in absolute.items()
        },
        "fig-8": {
            name: {
                "rfe": float(stars[name].errors.mean()),
                "snr_factor": stacking_factor(stars[name], stars["unchanged"]),
            }
            for name in NETWORKS
        },
        "fig-9": {
            name: {"mean": float(residuals[name].mean()), "sigma": float(residuals[name].std())} for name in NETWORKS
        },
    }


def publish(seed: int = 0) -> dict:
    """Measure with the published networks and write `RECORD`."""
    watch = provenance.Stopwatch()
    found = quoted_numbers(Clusters.of(methods(["unchanged", *NETWORKS], "quick"), seed))
    weights = {name: provenance.sha256(WEIGHTS_DIR / f"{name}.safetensors") for name in NETWORKS}
    more = {"data": VERSION, "weights": weights}
    run = provenance.run_record(profile="quick", preset=None, seed=seed, device="cpu", seconds=watch.seconds, **more)
    provenance.write_json(RECORD, {"run": run} | found)
    return found


if __name__ == "__main__":
    print(publish())
