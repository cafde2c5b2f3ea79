"""Speed of training as ratios in one run, and as a share of what the machine multiplies at best.

    make bench                                                      half width, 8 crops of 128 pixels, and the paper's
    .venv/bin/python benchmarks/training.py --record results        leaves the numbers where the book finds them

Each way of training takes its turn in every round; the shortest time of each counts. "As trained" is what
`astrounet train` does, crops and noise included; the others are the network's update alone.
"""

import argparse
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from timing import flops_per_pixel, in_turn, matmul_peak

from astrounet_core.devices import device_name, pick_device
from astrounet_core.experiments import EXPERIMENTS, PRESETS
from astrounet_core.losses import l1
from astrounet_core.pairs import PairMaker
from astrounet_core.provenance import Stopwatch, run_record, write_json
from astrounet_core.runs import field_set
from astrounet_core.training import Trainer, recipe
from astrounet_core.unet import Denoiser

SHAPES = {"retrain": (16, 8, 128), "paper": (32, 1, 256)}
"""Profile -> width, crops an update, crop."""


class Update:
    """One update of the network alone, on a batch that is there already; call it."""

    def __init__(self, batch, width: int, device: torch.device, how: set[str]):
        torch.manual_seed(0)
        self.tf32 = "TF32" in how
        self.layout = {"memory_format": torch.channels_last} if "channels last" in how else {}
        self.network = Denoiser(EXPERIMENTS["network1"].settings(PRESETS["code"], width)).to(device, **self.layout)
        self.optimiser = torch.optim.Adam(self.network.parameters(), fused="fused Adam" in how)
        self.batch = replace(batch, noisy=batch.noisy.contiguous(**self.layout))
        self.cast = torch.autocast(device.type, torch.bfloat16) if "bfloat16" in how else nullcontext()

    def __call__(self) -> None:
        torch.backends.cudnn.allow_tf32 = self.tf32  # of GPUs: float32 in, ten bits of mantissa multiplied
        with self.cast:
            output = self.network(**self.batch.shown())
        self.optimiser.zero_grad(set_to_none=True)
        l1(output.float(), self.batch.target).backward()
        self.optimiser.step()


WAYS = (
    "plain float32",
    "fused Adam",
    "fused Adam, channels last",
    "fused Adam, channels last, TF32",
    "fused Adam, channels last, bfloat16",
)

MAKING = "crops and noise: "


class Several:
    """One update of several networks side by side, each in its thread; call it."""

    def __init__(self, trainers: list[Trainer]):
        self.trainers, self.pool = trainers, ThreadPoolExecutor(len(trainers))

    def __call__(self) -> None:
        list(self.pool.map(Trainer.step, self.trainers))


def ways(profile: str, device: torch.device, folder: Path) -> dict[str, tuple[Callable[[], None], int]]:
    """Name -> an update in one way of training, and the crops it sees."""
    width, crops, crop = SHAPES[profile]
    fields = field_set("training", 6, device)
    batch = PairMaker(fields, EXPERIMENTS["network1"], PRESETS["code"], crops, crop, seed=0)(0)
    chosen = [way for way in WAYS if device.type == "cuda" or "TF32" not in way]
    found = {way: (Update(batch, width, device, set(way.split(", "))), crops) for way in chosen}
    for name, shown in (("network1", crops), ("modern", max(crops, 2))):  # twins come in pairs
        trainer = Trainer(recipe(name, profile), fields, fields, folder / name)
        found[f"as trained: {name}"] = (trainer.step, shown)
        found[f"{MAKING}{name}"] = (partial(trainer.pairs, 0), shown)
    if device.type == "cuda":
        plain = Trainer(recipe("network1", profile), fields, fields, folder / "plain")
        plain.graphs = None
        found["as trained: network1, no graphs"] = (plain.step, crops)
    for count in (2, 4) if device.type == "cuda" else ():
        trainers = [Trainer(recipe("network1", profile), fields, fields, folder / name) for _ in range(count)]
        found[f"as trained: network1, {count} at once"] = (Several(trainers), count * crops)
    return found


def measure(profile: str, device: torch.device, folder: Path, repeats: int) -> list[dict]:
    """A row for each way of training at one profile's shape: updates/s, crops/s, times plain float32, share of peak.

    The rows of what is trained have a data_share too: of an update's time, what making its crops and noise takes alone.
    """
    width, _, crop = SHAPES[profile]
    found, updates = ways(profile, device, folder), 50 if device.type == "cuda" else 1
    times = in_turn({name: partial(_again, way, updates) for name, (way, _) in found.items()}, repeats)
    peak, work = matmul_peak(device=device.type), 3 * flops_per_pixel(width) * crop**2 / 1e9
    speed = {name: updates * shown / times[name] for name, (_, shown) in found.items()}
    shares = {name: times.get(name.replace("as trained: ", MAKING)) for name in times if name.startswith("as trained")}
    return [
        {"profile": profile, "way": name, "updates_per_second": updates / times[name]}
        | {"crops_per_second": value, "ratio": value / speed["plain float32"], "peak": value * work / peak}
        | ({"data_share": shares[name] / times[name]} if shares.get(name) else {})
        for name, value in speed.items()
        if not name.startswith(MAKING)
    ]


def _again(way: Callable[[], None], times: int) -> None:
    for _ in range(times):
        way()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--record", type=Path, help="folder of results in which to leave benchmarks/training_*")
    parser.add_argument("--note", help="what else the machine did meanwhile, for the record")
    options = parser.parse_args()
    device, watch = pick_device(options.device), Stopwatch()
    with TemporaryDirectory() as folder:
        rows = [row for profile in SHAPES for row in measure(profile, device, Path(folder), options.repeats)]
    for row in rows:
        speed = (
            f"{row['updates_per_second']:8.2f} updates/s {row['crops_per_second']:8.2f} crops/s {row['ratio']:6.2f} x"
        )
        share = f", {100 * row['data_share']:.0f} % crops and noise" if "data_share" in row else ""
        print(f"{row['profile']:8s} {row['way']:36s} {speed} {100 * row['peak']:5.0f} % of matmul{share}")
    if options.record:
        about = {"profile": "benchmark", "preset": None, "seed": 0, "note": options.note, "rows": rows}
        record = run_record(**about, device=device_name(device), seconds=watch.seconds)
        write_json(options.record / "benchmarks" / f"training_{device.type}" / "run.json", record)


if __name__ == "__main__":
    main()
