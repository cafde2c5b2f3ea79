"""What bfloat16 does to the stars of a network: how far each flux moves, against how well it can be known at all.

``python -m astrounet_core.rounding`` measures the published networks and writes the record that `precision.choose`
reads.
"""

import numpy as np

from . import provenance
from .evaluation import Exposure, expose
from .field_table import fields
from .fluxes import forced_fluxes
from .inference import denoise, load_network
from .precision import RECORD, fingerprint
from .scenes import render
from .unet import Denoiser

NETWORKS = ("modern", "network1", "network2")
RELATIVE, IN_BOUNDS, FAINTEST = 1e-3, 0.05, 10.0
"""A flux may move by a thousandth, or by a twentieth of its Cramér-Rao bound, the larger; stars above this SNR."""


def flux_shift(network: Denoiser, shot: Exposure) -> np.ndarray:
    """How far bfloat16 moves the fluxes of an exposure's isolated stars, in units of what is allowed; (n,).

    |F_bf16 - F_fp32| / max(0.001 F, 0.05 sigma), F the true flux and sigma its Cramér-Rao bound, of stars with F > 10
    sigma, in apertures (`fluxes.forced_fluxes`). Empty where the exposure has no such star.
    """
    given = (shot.noisy, shot.exposure_ratio, shot.exposure_time, network)
    (flux, bound, full), (_, _, half) = (forced_fluxes(shot, denoise(*given, precision=p)) for p in ("fp32", "bf16"))
    bright = flux > FAINTEST * bound
    return (np.abs(half - full) / np.maximum(RELATIVE * flux, IN_BOUNDS * bound))[bright]


def measure(count: int = 4, exposure_ratio: float = 2.0) -> list[dict]:
    """A row for each of `NETWORKS`: stars, median and worst of `flux_shift`, over star clusters of the test fields."""
    chosen = [field for field in fields("test") if field.kind == "star_cluster"][:count]
    shots = [expose(field, render(field), "independent", exposure_ratio) for field in chosen]
    rows = []
    for name in NETWORKS:
        network = load_network(name)
        shift = np.concatenate([flux_shift(network, shot) for shot in shots])
        rows.append({"network": name, "fingerprint": fingerprint(network), "stars": len(shift)})
        rows[-1] |= {"median": float(np.median(shift)), "worst": float(shift.max()), "exposure_ratio": exposure_ratio}
    return rows


def main() -> None:
    """Measure and write `precision.RECORD`."""
    watch, rows = provenance.Stopwatch(), measure()
    run = provenance.run_record(profile="check", preset=None, seed=0, device="cpu", seconds=watch.seconds)
    provenance.write_json(RECORD, {"run": run, "networks": rows})


if __name__ == "__main__":
    main()
