"""Speed and memory of inference as ratios in one run: the paper's mosaic, one whole pass, and exact tiles.

    make bench                                                                          a few minutes
    .venv/bin/python benchmarks/inference.py --record results --sizes 512 1024 4096     leaves the numbers for the book

Every case runs in a process of its own, so that its memory is its own. The mosaic is timed on a corner of nine windows
and extrapolated by their number. Peak: of the machine's matrix multiplication in float32, measured in the same run;
all work counts, that of halos and overlaps too. Memory: the largest the process had, less what it had before and less
the output.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from timing import elapsed, flops_per_pixel, matmul_peak

from astrounet_core.devices import device_name, pick_device
from astrounet_core.inference import TILE, denoise, mosaic
from astrounet_core.provenance import Stopwatch, run_record, write_json
from astrounet_core.settings import NetworkSettings
from astrounet_core.unet import Denoiser

CORNER, WINDOW, STRIDE, HALO = 320, 256, 32, 96
WHOLE_UP_TO = 2048
"""Side, pixels, of the largest image that is passed at once: memory grows with it."""


def windows(size: int) -> int:
    """How many windows the mosaic runs over a square image."""
    return len({*range(0, size - WINDOW + 1, STRIDE), size - WINDOW}) ** 2


def worked(way: str, size: int) -> int:
    """Pixels that go through the network."""
    if way == "mosaic":
        return windows(size) * WINDOW**2
    parts = -(-size // (TILE - 2 * HALO)) if way == "tiles" else 1
    length = -(-size // (16 * parts)) * 16
    return (len(range(0, size, length)) * (length + 2 * HALO)) ** 2


def run_case(way: str, size: int, width: int, precision: str, device: str) -> dict:
    """Seconds and megabytes of one case, in this process; the best of two or three where it is short."""
    torch.manual_seed(0)
    net = Denoiser(NetworkSettings(width=width, output="noise_units")).eval().to(device)
    side = CORNER if way == "mosaic" else size
    image = torch.from_numpy(np.random.default_rng(0).normal(0, 0.01, (side, side)).astype(np.float32)).to(device)
    denoise(image[:64, :64], 2, 500, net, precision=precision)
    before = _megabytes()
    tile = TILE if way != "whole" else -(-size // 16) * 16 + 2 * HALO
    calls = {"mosaic": lambda: mosaic(image, 2, 500, net, precision=precision)}
    call = calls.get(way, lambda: denoise(image, 2, 500, net, tile=tile, precision=precision))
    first = elapsed(call)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before - image.nbytes / 2**20
    times = [first, *(elapsed(call) for _ in range(2 if first < 5 else 1 if first < 20 else 0))]
    return {
        "seconds": min(times) * windows(size) / windows(side) if way == "mosaic" else min(times),
        "memory_mb": memory,
    }


def _megabytes() -> float:
    """What this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1]) if Path("/proc/self/statm").exists() else 0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def cases(sizes: list[int], widths: list[int], precisions: list[str]) -> list[tuple]:
    """(way, size, width, precision): both precisions up to 1024 pixels, float32 alone beyond."""
    return [
        (way, size, width, precision)
        for width in widths
        for size in sizes
        for precision in (precisions if size <= 1024 else precisions[:1])
        for way in ("mosaic", "whole", "tiles")
        if (way != "whole" or size <= WHOLE_UP_TO) and (width == min(widths) or size <= 4096)
    ]


def measure(options) -> tuple[list[dict], float]:
    """A row for each case, and the matmul peak, Gflop/s: the better of before and after."""
    device = str(pick_device(options.device))
    peak, rows = matmul_peak(device=device), []
    for way, size, width, precision in cases(options.sizes, options.widths, options.precisions):
        command = [sys.executable, __file__, "--case", way, str(size), str(width), precision, device]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        rows.append({"way": way, "size": size, "width": width, "precision": precision} | found)
        print(f"{way:7s} {size:5d} {width:3d} {precision} {found['seconds']:9.2f} s", file=sys.stderr)
    peak = max(peak, matmul_peak(device=device))
    mosaics = {(row["size"], row["width"], row["precision"]): row["seconds"] for row in rows if row["way"] == "mosaic"}
    for row in rows:
        work = flops_per_pixel(row["width"]) * worked(row["way"], row["size"]) / 1e9
        row["ratio"] = mosaics[row["size"], row["width"], row["precision"]] / row["seconds"]
        row["peak"] = work / row["seconds"] / peak
    return rows, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024])
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 32])
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16"])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--record", type=Path, metavar="DIR", help="leave DIR/benchmarks/inference_DEVICE/run.json")
    parser.add_argument("--case", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        way, size, width, precision, device = options.case
        print(json.dumps(run_case(way, int(size), int(width), precision, device)))
        return
    watch = Stopwatch()
    rows, peak = measure(options)
    print(f"{torch.get_num_threads()} threads, {peak:.0f} Gflop/s; seconds, x mosaic, % of peak, MB beyond the arrays")
    for row in rows:
        name = f"{row['size']:5d}²  width {row['width']}  {row['precision']}  {row['way']:7s}"
        print(f"{name} {row['seconds']:9.2f} {row['ratio']:7.1f} {100 * row['peak']:6.0f} {row['memory_mb']:7.0f}")
    if options.record:
        device = pick_device(options.device)
        about = {"profile": "benchmark", "preset": None, "seed": 0, "device": device_name(device)}
        record = run_record(
            seconds=watch.seconds, threads=torch.get_num_threads(), peak_gflops=peak, rows=rows, **about
        )
        write_json(options.record / "benchmarks" / f"inference_{device.type}" / "run.json", record)


if __name__ == "__main__":
    main()
