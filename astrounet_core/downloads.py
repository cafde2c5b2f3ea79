"""How files come: whole and checked or not at all, from the first of their addresses that has them, several at once."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from tqdm import tqdm

from .transfer import Again, DataUnavailable, Download, Refused, parts, request, unwritable

TRIES = 4
"""Requests to one address for one file, where it fails in a way that may pass."""

PAUSE = 1.0
"""Seconds before the second try; twice that before the third, and so on."""

LONGEST_PAUSE = 60.0
"""Seconds; who asks for more with Retry-After is not asked again."""


class Progress:
    """One bar for the bytes of all downloads that are under way; ``stop`` ends them at their next piece."""

    def __init__(self, shown: bool = False):
        self.stop = threading.Event()
        self._lock = threading.Lock()
        self._known: dict[str, tuple[int, int]] = {}
        self._bar = tqdm(total=0, unit="B", unit_scale=True, desc="fetching", leave=False, disable=not shown)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_) -> None:
        self.stop.set()
        self._bar.close()

    def report(self, file: str, have: int, total: int | None) -> None:
        """``have`` of ``total`` bytes of a file are here; raises DataUnavailable where downloads are to stop."""
        if self.stop.is_set():
            raise DataUnavailable(f"{file} was interrupted; the next call goes on from there.")
        with self._lock:
            self._known[file] = (have, total or have)
            here, totals = map(sum, zip(*self._known.values(), strict=True))
            self._bar.total = totals
            self._bar.update(here - self._bar.n)


def parallel(
    work: Callable[[Download], Path], wanted: Sequence[Download], atrequest: int, progress: Progress
) -> Iterator[tuple[Download, Path | Exception]]:
    """Each download with its path or the OSError or ValueError that it ended in, as they end, ``atrequest`` at a time.

    An interrupt stops those under way, keeps their parts, and begins no other.
    """
    with ThreadPoolExecutor(atrequest) as pool:
        running = {pool.submit(work, one): one for one in wanted}
        try:
            for done in as_completed(running):
                try:
                    yield running[done], done.result()
                except (OSError, ValueError) as error:
                    yield running[done], error
        finally:
            progress.stop.set()
            pool.shutdown(cancel_futures=True)


def download(wanted: Download, folder: Path, progress: Progress) -> Path:
    """The checked file in ``folder``, from its URL or else a mirror; another process's download is waited for.

    Raises DataUnavailable with what each address answered, or where the disk has no room; the folder then holds what
    it did before, and parts of the file to go on from.
    """
    target = folder / wanted.file
    refusals = []
    with alone(target):
        if target.is_file():
            return target
        for url in (wanted.url, *wanted.mirrors):
            try:
                os.replace(_patiently(url, wanted, target, progress), target)
            except Refused as reason:
                refusals.append(f"{url} ({reason})")
                continue
            for left in parts(target):
                left.unlink()
            return target
    remedy = f"put {wanted.file} into a folder and name it in ASTROUNET_DATA_DIR, or try again later{wanted.hint}"
    raise DataUnavailable(f"cannot fetch {', nor '.join(refusals)}; {remedy}.")


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Only one thread of one process at a time holds a path; its folder is made where there is none."""
    locks = path.parent / ".locks"
    try:
        locks.mkdir(parents=True, exist_ok=True)
        lock = FileLock(locks / f"{path.name}.lock")
        lock.acquire()
    except OSError as error:
        raise unwritable(path, error) from None
    try:
        yield
    finally:
        lock.release()


def _patiently(url: str, wanted: Download, target: Path, progress: Progress) -> Path:
    """The checked part from one address; asks again after pauses, raises Refused when that is no use."""
    for tried in range(TRIES):
        try:
            return request(url, wanted, target, progress.report)
        except Again as trouble:
            wait = max(PAUSE * 2**tried, trouble.wait)
            if trouble.wait > LONGEST_PAUSE:
                raise Refused(f"{trouble}, and asks for {trouble.wait:.0f} s of patience") from None
            if tried + 1 == TRIES:
                raise Refused(f"{trouble}, {TRIES} times") from None
            progress.stop.wait(min(wait, LONGEST_PAUSE))
