"""Speed of inference as ratios in one run: the paper's mosaic, one whole pass, and exact tiles.

    make bench                                     1024 x 1024 pixels, width 16
    .venv/bin/python benchmarks/inference.py --size 2048 --width 32

The mosaic is timed on a corner of the image and extrapolated by its number of windows, and the line says so.
"""

import argparse

import numpy as np
import torch
from timing import flops_per_pixel, matmul_peak, seconds

from astrounet_core.inference import denoise, mosaic
from astrounet_core.provenance import peak_memory_mb
from astrounet_core.settings import NetworkSettings
from astrounet_core.unet import Denoiser


def windows(size: int, window: int = 256, stride: int = 32) -> int:
    """How many windows the mosaic runs over a square image."""
    return len({*range(0, size - window + 1, stride), size - window}) ** 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--width", type=int, default=16)
    options = parser.parse_args()
    image = np.random.default_rng(0).normal(0, 0.01, (options.size, options.size)).astype(np.float32)
    net, corner = Denoiser(NetworkSettings(width=options.width)).eval(), image[:320, :320]
    share = windows(options.size) / windows(320)
    times = {
        "mosaic (extrapolated)": seconds(lambda: mosaic(corner, 2, 500, net), repeats=1) * share,
        "one whole pass": seconds(lambda: denoise(image, 2, 500, net, tile=-(-options.size // 16) * 16 + 192)),
        "tiles, core 512": seconds(lambda: denoise(image, 2, 500, net, tile=704)),
    }
    print(f"{options.size}^2 pixels, width {options.width}, {torch.get_num_threads()} threads, float32")
    work, peak = flops_per_pixel(options.width) * options.size**2 / 1e9, matmul_peak()
    for name, value in times.items():
        passes = share * 9 * 256**2 / options.size**2 if "mosaic" in name else 1
        busy = 100 * passes * work / value / peak
        print(
            f"{name:24s} {value:9.2f} s  {times['mosaic (extrapolated)'] / value:7.1f} x  {busy:5.0f} % of matmul peak"
        )
    print(f"peak memory {peak_memory_mb():.0f} MB")


if __name__ == "__main__":
    main()
