"""What a method costs: its parameters, seconds and memory on this machine, and minutes of training.

Quantities: ``parameters``; ``seconds_per_megapixel``, the median of a few runs after one to warm up, at magnitude =
threads of PyTorch; ``memory_mb``: what a run adds to the memory of its process at most, MB of 10^6 bytes, the output
included; ``training_minutes``, of the published run. Seconds and memory are those of a busy or idle machine as it is:
compare methods of one run only.
"""

import multiprocessing
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from ._paths import WEIGHTS_DIR
from .baselines import BASELINES
from .exposures import STANDARD, Method, blank
from .inference import load_network
from .provenance import peak_memory_mb
from .records import lookup
from .score_rows import row
from .unet import count_parameters

SIZE = 1024
"""Side of the image, pixels: about a megapixel, and what a network does at once."""


def score(
    methods: Mapping[str, Method],
    size: int = SIZE,
    repeats: int = 3,
    threads: Sequence[int] | None = None,
    profile: str = "retrain",
) -> list[dict]:
    """The scorecard's rows. threads: by default one, and all that PyTorch would use; profile: of the training runs."""
    image, found = blank(STANDARD, 0, size), []
    threads = sorted({1, torch.get_num_threads()}) if threads is None else threads
    for name, method in methods.items():
        about = {"method": name, "fields": "blank sky", "protocol": STANDARD.name, "exposure_ratio": 2.0}
        for count in threads:
            runs = seconds(method, image, count, repeats) / (image.size / 1e6)
            low, high = np.percentile(runs, (16, 84)) if repeats > 1 else (None, None)
            given = {"magnitude": count, "low": low, "high": high, "n": repeats}
            found.append(row(about, "seconds_per_megapixel", np.median(runs), **given))
        known = {
            "memory_mb": memory_mb(method, image),
            "parameters": parameters(name),
            "training_minutes": training_minutes(name, profile),
        }
        found += [row(about, what, value, n=1) for what, value in known.items() if value is not None]
    return found


def seconds(method: Method, image: np.ndarray, threads: int = 1, repeats: int = 3) -> np.ndarray:
    """Seconds (repeats,) that a method takes for an image, after one run to warm up, with so many PyTorch threads."""
    found = np.empty(repeats)
    with _threads(threads):
        _run(method, image)
        for index in range(repeats):
            start = time.perf_counter()
            _run(method, image)
            found[index] = time.perf_counter() - start
    return found


def memory_mb(method: Method, image: np.ndarray) -> float | None:
    """The most memory that one run adds to a process of its own, MB, weights that are loaded already not counted.

    The process is a copy of this one and runs on one thread, as other libraries' threads don't survive copying. None
    where a process can't be copied. Raises RuntimeError for a method that fails there.
    """
    if "fork" not in multiprocessing.get_all_start_methods():
        return None
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_peak, args=(theirs, method, image))
    child.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:
        raise RuntimeError("the method failed while its memory was measured; run it by itself to see why.") from None
    finally:
        child.join()


def parameters(name: str) -> int | None:
    """Trainable numbers of a published network, 0 for one of `baselines`, None where it is unknown."""
    if (WEIGHTS_DIR / f"{name}.safetensors").exists():
        return count_parameters(load_network(name))
    return 0 if name in BASELINES else None


def training_minutes(name: str, profile: str = "retrain") -> float | None:
    """Wall-clock minutes of the run that trained a published network; None where there is no record of one."""
    record = lookup(name, profile, holding="history.csv")
    return record.run["seconds"] / 60 if record else None


def _run(method: Method, image: np.ndarray) -> np.ndarray:
    return method(image, STANDARD.exposure_time, STANDARD.exposure_ratio)


def _peak(pipe, method: Method, image: np.ndarray) -> None:
    """In a process of its own: send how far a run has raised the peak of memory above what was held before."""
    torch.set_num_threads(1)
    before = _resident_mb()
    _run(method, image)
    pipe.send(max(0.0, peak_memory_mb() - before))
    pipe.close()


def _resident_mb() -> float:
    """What this process holds now, MB; its peak so far where the system doesn't say."""
    status = Path("/proc/self/status")
    if not status.exists():
        return peak_memory_mb()
    return int(status.read_text().split("VmRSS:")[1].split()[0]) / 1e3


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
