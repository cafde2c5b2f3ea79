"""What stands between a long run and the person before it: a progress bar, and Ctrl-C."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .distributed import rank

LINE_SECONDS = 30.0
_STOP = threading.Event()


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C (or SIGTERM) sets, so that work can stop where it is whole; a second one ends it.

    Signals reach the main thread only; in any other one this is the main thread's event.
    """
    if threading.current_thread() is not threading.main_thread():
        yield _STOP
        return
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore(*_) -> None:
        for number, handler in usual.items():
            signal.signal(number, handler)

    def stop(*_) -> None:
        _STOP.set()
        restore()

    _STOP.clear()
    for number in usual:
        signal.signal(number, stop)
    try:
        yield _STOP
    finally:
        restore()


@contextmanager
def progress_bar(total: int, title: str, shown: bool = True) -> Iterator[Callable[[dict], None]]:
    """A bar as a function of rows {"update": n, "loss": ...}: loss, updates a second, time left.

    The first row says where it begins. Where tqdm is not installed, a plain line every `LINE_SECONDS`.
    """
    shown = shown and rank() == 0
    try:
        from tqdm import tqdm
    except ImportError:
        yield _lines(total, title) if shown else lambda row: None
        return
    with tqdm(total=total, desc=title, disable=not shown) as bar:
        begun = False

        def report(row: dict) -> None:
            nonlocal begun
            if not begun:
                bar.initial, begun = row["update"], True
            bar.set_postfix({"loss": row["loss"]} if "loss" in row else {}, refresh=False)
            bar.update(row["update"] - bar.n)

        yield report


def _lines(total: int, title: str) -> Callable[[dict], None]:
    begun = told = time.monotonic()
    first = None

    def report(row: dict) -> None:
        nonlocal first, told
        now, done = time.monotonic(), row["update"]
        first = done if first is None else first
        if done > first and (now - told >= LINE_SECONDS or done == total):
            told, rate = now, (done - first) / max(now - begun, 1e-9)
            loss = f"loss {row['loss']}, " if "loss" in row else ""
            left = (total - done) / rate
            print(f"{title}: {done} of {total}, {loss}{rate:.3g} a second, {left / 60:.1f} min left", flush=True)

    return report
