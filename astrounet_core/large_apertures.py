"""Is flux conserved? Sums over large boxes of denoised scenes, against the light that is truly there.

``python -m astrounet_core.large_apertures`` measures the published networks and writes `RECORD`.
"""

from collections.abc import Callable, Sequence

import numpy as np

from . import provenance
from ._paths import RESULTS_DIR
from .evaluation import Exposure, expose
from .field_table import Field, fields
from .inference import denoise, load_network
from .scenes import render

RECORD = RESULTS_DIR / "checks" / "large_apertures.json"
BOX = 64
"""Side of a box, pixels: a source is far smaller, its noise a few electrons."""

NETWORKS = ("modern", "network1", "network2")
SPLITS = ("test", "realistic")


def box_sums(image: np.ndarray, box: int = BOX) -> np.ndarray:
    """Sums (n,) over the whole boxes of an image (H, W), in float64."""
    rows, columns = (size // box for size in image.shape)
    whole = np.asarray(image, np.float64)[: rows * box, : columns * box]
    return whole.reshape(rows, box, columns, box).sum(axis=(1, 3)).ravel()


def summary(errors: Sequence[np.ndarray], truths: Sequence[np.ndarray]) -> dict[str, float]:
    """Bias and scatter of sums, fields weighing alike: a field's boxes share sources, so only fields are independent.

    errors, truths: (n,) a field, e-/s. Returns bias and its standard error over fields, both in % of the mean light
    of a box, and the scatter of single boxes, e-/s.
    """
    means, light = np.array([error.mean() for error in errors]), np.mean([truth.mean() for truth in truths])
    standard_error = means.std(ddof=1) / np.sqrt(len(means))
    return {
        "bias_percent": float(100 * means.mean() / light),
        "standard_error_percent": float(100 * standard_error / light),
        "scatter": float(np.concatenate(errors).std()),
        "fields": len(means),
    }


def measure(
    chosen: Sequence[Field], exposure_ratio: float, methods: dict[str, Callable[[Exposure], np.ndarray]]
) -> dict[str, dict]:
    """`summary` of each method, a function from an exposure to an image (H, W) e-/s, over these fields."""
    shots = [expose(field, render(field), "independent", exposure_ratio) for field in chosen]
    truths = [box_sums(np.asarray(shot.scene.image)) for shot in shots]
    return {
        name: summary([box_sums(method(shot)) - truth for shot, truth in zip(shots, truths, strict=True)], truths)
        for name, method in methods.items()
    }


def methods() -> dict[str, Callable[[Exposure], np.ndarray]]:
    """The input as it is, and each of `NETWORKS`."""

    def applied(name: str) -> Callable[[Exposure], np.ndarray]:
        network = load_network(name)
        return lambda shot: denoise(shot.noisy, shot.exposure_ratio, shot.exposure_time, network)

    return {"unchanged": lambda shot: shot.noisy} | {name: applied(name) for name in NETWORKS}


def main() -> None:
    """Measure and write `RECORD`."""
    watch = provenance.Stopwatch()
    rows = [
        {"method": name, "split": split, "exposure_ratio": ratio} | row
        for split in SPLITS
        for ratio in (2.0, 5.0)
        for name, row in measure(list(fields(split)), ratio, methods()).items()
    ]
    run = provenance.run_record(profile="check", preset=None, seed=0, device="cpu", seconds=watch.seconds)
    provenance.write_json(RECORD, {"run": run, "rows": rows})


if __name__ == "__main__":
    main()
