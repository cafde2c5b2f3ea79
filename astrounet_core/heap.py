"""Keeping memory between tiles, so that the system need not hand it out, page by page and zeroed, for every map."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

MMAP_THRESHOLD, TRIM_THRESHOLD, MMAP_MAX = -3, -1, -4
"""Parameters of glibc's mallopt(3)."""


@contextmanager
def kept() -> Iterator[None]:
    """While it lasts, glibc keeps what this process frees; afterwards all of it goes back to the system.

    A network's feature maps are allocated and freed by the gigabyte a second; on a CPU, page faults take a third of the
    time of a large tile. Nothing happens where the C library has no mallopt (macOS, musl).
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if not hasattr(libc, "mallopt"):
        yield
        return
    libc.mallopt(MMAP_MAX, 0)
    libc.mallopt(TRIM_THRESHOLD, 2**31 - 1)
    try:
        yield
    finally:
        libc.mallopt(MMAP_MAX, 65536)
        libc.mallopt(MMAP_THRESHOLD, 2**25)  # where glibc's own, growing thresholds end
        libc.mallopt(TRIM_THRESHOLD, 2**26)
        libc.malloc_trim(0)
