"""One request for one file: what is asked, what of the answer is kept, and whether it is the file.

What has come of a file lies beside its place as ``FILE.<address>-<version>.part``, and the next request goes on from
there (HTTP Range) if the address still has that version. Nothing else ever reads a part.
"""

import hashlib
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from itertools import chain
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from . import __version__
from .provenance import sha256

TIMEOUT = 20.0
"""Seconds without an answer or another byte after which a connection is given up."""

PASSING = {408, 425, 429, 500, 502, 503, 504}
"""HTTP statuses that may be others a moment later."""

MAGIC = b"SIMPLE  ="
PIECE = 1 << 18

Report = Callable[[str, int, int | None], None]
"""Told a file's name, how many bytes of it are here, and of how many; raises DataUnavailable to stop."""


class DataUnavailable(OSError):
    """A file is neither on this machine nor to be had over the network."""


class Refused(Exception):
    """An address doesn't have the file; another may."""


class Again(Exception):
    """A request failed in a way that may pass; ``wait``: seconds that the server asks for."""

    def __init__(self, reason: object, wait: float = 0.0):
        super().__init__(reason)
        self.wait = wait


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file to be had by URL, and how to know it: bytes and sha256 are None where nobody publishes them.

    mirrors: further addresses, asked in turn. hint: what else to do where its bytes are not the expected ones.
    """

    name: str
    file: str
    bytes: int | None = None
    sha256: str | None = None
    url: str
    mirrors: tuple[str, ...] = ()
    licence: str
    note: str
    hint: str = ""


def request(url: str, wanted: Download, target: Path, report: Report) -> Path:
    """The checked part after one request at most, which goes on where an earlier one ended.

    Raises Again or Refused, or DataUnavailable where the disk has no room or can't be written.
    """
    mark = hashlib.sha256(url.encode()).hexdigest()[:8]
    old = next(iter(parts(target, f"{mark}-*")), None)
    have = old.stat().st_size if old else 0
    if old and have == wanted.bytes:
        return _checked(old, wanted, unsure=True)
    with _ask(url, have, old) as answer:
        total, version = _promise(answer, wanted)
        part = target.with_name(f"{target.name}.{mark}-{version}.part")
        if old and (answer.status, _range(answer)[0], part) != (206, have, old):
            old.unlink()
            have = 0
        if answer.status == 206 and not have:
            raise Again("it holds another version by now")
        _room(target, (total or wanted.bytes or have) - have)
        _receive(answer, part, have, total, wanted, report)
    return _checked(part, wanted, unsure=have > 0 or total is None)


def parts(target: Path, kind: str = "*-*") -> list[Path]:
    """What is there of a file, from one address or from all."""
    return sorted(target.parent.glob(f"{target.name}.{kind}.part"))


def check_fits(path: Path) -> None:
    """Raises ValueError for a FITS file that ends before its headers say it does, or that can't be read as FITS."""
    from astropy.io import fits

    try:
        with warnings.catch_warnings(action="ignore"), fits.open(path) as hdus:
            ends = [place["datLoc"] + place["datSpan"] for place in (hdu.fileinfo() for hdu in hdus)]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} cannot be read as FITS ({error}); delete it and fetch it again.") from None
    have = path.stat().st_size
    if max(ends) > have:
        raise ValueError(f"{path} ends after {have} of {max(ends)} bytes; delete it and fetch it again.")


def _ask(url: str, have: int, old: Path | None) -> HTTPResponse:
    """Ask for the bytes from ``have`` on. An address that can't be reached is not tried again, one that is busy is."""
    headers = {"User-Agent": f"astrounet/{__version__}"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        return urlopen(Request(url, headers=headers), timeout=TIMEOUT)
    except HTTPError as error:
        error.close()
        if error.code == 416 and old:
            old.unlink()
        elif error.code not in PASSING:
            raise Refused(error) from None
        raise Again(error, _seconds(error.headers.get("Retry-After"))) from None
    except URLError as error:
        raise Refused(error.reason) from None
    except (OSError, HTTPException) as error:
        raise Again(error) from None


def _seconds(retry_after: str | None) -> float:
    """Seconds that a server asks to be left alone: a number, or a date; 0 for anything else."""
    try:
        return float(retry_after or 0)
    except ValueError:
        pass
    try:
        return max((parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return 0.0


def _promise(answer: HTTPResponse, wanted: Download) -> tuple[int | None, str]:
    """Bytes of the whole file, where the answer says it, and a key that is another one for another version of it."""
    total = _range(answer)[1] if answer.status == 206 else answer.length
    if None not in (total, wanted.bytes) and total != wanted.bytes:
        raise Refused(f"has something else than {wanted.file}: {total} bytes, not {wanted.bytes}")
    known = (answer.headers.get("ETag"), answer.headers.get("Last-Modified"), total)
    return total, hashlib.sha256(repr(known).encode()).hexdigest()[:8]


def _range(answer: HTTPResponse) -> tuple[int | None, int | None]:
    """First byte and total of ``Content-Range: bytes 100-199/200``; None for what it doesn't say."""
    place, _, total = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    first = place.split("-")[0]
    return int(first) if first.isdigit() else None, int(total) if total.isdigit() else None


def _room(target: Path, needed: int) -> None:
    free = shutil.disk_usage(target.parent).free
    if needed > free:
        raise DataUnavailable(
            f"no room for {target}: it needs {needed / 1e6:.1f} MB more, {free / 1e6:.1f} MB are free; make room, or "
            "name another folder in ASTROUNET_CACHE_DIR."
        )


def _receive(answer: HTTPResponse, part: Path, have: int, total: int | None, wanted: Download, report: Report) -> None:
    """Add what comes to the part, unless it is no such file. Raises Again where it ends early."""
    pieces = _pieces(answer)
    first = next(pieces, b"")
    if not have:
        _check_beginning(first, wanted)
    try:
        with open(part, "ab" if have else "wb") as stream:
            for piece in chain([first], pieces):
                stream.write(piece)
                have += len(piece)
                report(wanted.file, have, total or wanted.bytes)
                if wanted.bytes is not None and have > wanted.bytes:
                    break
    except DataUnavailable:
        raise
    except OSError as error:
        raise unwritable(part, error) from None
    if total is not None and have < total:
        raise Again(f"the connection ended after {have} of {total} bytes")


def _pieces(answer: HTTPResponse) -> Iterator[bytes]:
    """The bytes as they come, the first 80 in one piece."""
    try:
        piece = answer.read(80)
        while piece:
            yield piece
            piece = answer.read1(PIECE)
    except (OSError, HTTPException) as error:
        raise Again(error) from None


def unwritable(path: Path, error: OSError) -> DataUnavailable:
    remedy = "make room, or name a folder that can be written in ASTROUNET_CACHE_DIR"
    return DataUnavailable(f"cannot write {path} ({error.strerror}); {remedy}.")


def _check_beginning(first: bytes, wanted: Download) -> None:
    """Refuse a web page, whatever it calls itself, and what does not begin as FITS files do."""
    if first.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise Refused(f"answers with a web page, not with {wanted.file}")
    if wanted.file.endswith(".fits") and first[: len(MAGIC)] != MAGIC[: len(first)]:
        raise Refused(f"has something else than {wanted.file}: it does not begin as FITS files do")


def _checked(part: Path, wanted: Download, unsure: bool) -> Path:
    """The part, or none where it is not the file; one that came in several goes, or of no said length, may be next."""
    try:
        if wanted.sha256 is None:
            check_fits(part)
        elif sha256(part) != wanted.sha256:
            raise ValueError(f"has something else than {wanted.file}: another sha256")
    except ValueError as error:
        part.unlink()
        raise (Again if unsure else Refused)(error) from None
    return part
