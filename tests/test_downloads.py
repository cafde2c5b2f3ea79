"""Files from servers that misbehave: what is on the disk afterwards, how often was asked, what is said."""

import hashlib
import shutil
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import pytest
from misbehaving import (
    CONTENT,
    HALF,
    HTML,
    OTHER,
    dropping,
    dropping_unsaid,
    failing,
    misbehaving_server,
    sending,
    stalling,
    whole,
)

from astrounet_core import downloads, transfer
from astrounet_core.downloads import Progress, download
from astrounet_core.transfer import DataUnavailable, Download

SHA = hashlib.sha256(CONTENT).hexdigest()
KNOWN, UNKNOWN = {"bytes": len(CONTENT), "sha256": SHA}, {"bytes": None, "sha256": None}
REST = f"bytes={HALF}-"
NOWHERE = "http://127.0.0.1:9/x.fits"


class Impatient(threading.Event):
    """Waits for nothing, and remembers how long it should have."""

    def __init__(self):
        super().__init__()
        self.waited = []

    def wait(self, timeout=None):
        self.waited.append(timeout)
        return self.is_set()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with misbehaving_server() as httpd:
        yield httpd


@pytest.fixture
def progress():
    with Progress() as shown:
        shown.stop = Impatient()
        yield shown


@pytest.fixture
def get(server, progress, tmp_path):
    """``get(answer, ...)``: a file from an address that answers so, one after the other, the last for ever."""

    def fetch(*answers, mirrors=(), url=None, known=KNOWN):
        server.answers["/x.fits"] = list(answers)
        address = {"url": url or f"{server.url}/x.fits", "mirrors": mirrors}
        wanted = Download(name="x", file="x.fits", licence="", note="", **address, **known)
        return download(wanted, tmp_path / "cache", progress)

    fetch.cache = tmp_path / "cache"
    return fetch


def left(folder) -> list[tuple[str, bytes]]:
    """What lies in a folder: names, or for a part that it is one; and contents."""
    paths = sorted(folder.glob("[!.]*"))
    return [("part" if path.suffix == ".part" else path.name, path.read_bytes()) for path in paths]


def ranges(server) -> list[str | None]:
    return [asked for _, asked in server.asked]


@pytest.mark.parametrize("known", [KNOWN, UNKNOWN])
@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ([whole], [None]),
        ([sending(CONTENT, "")], [None]),
        ([dropping, whole], [None, REST]),
        ([dropping, sending(CONTENT)], [None, REST]),
        ([dropping, failing(503), whole], [None, REST, REST]),
        ([dropping, failing(416), whole], [None, REST, None]),
        ([dropping_unsaid, sending(CONTENT, "")], [None, None]),
        ([failing(503), whole], [None, None]),
        ([failing(429), failing(500), failing(504), whole], [None] * 4),
        ([lambda handler: handler.connection.close(), whole], [None, None]),
    ],
)
def test_the_file_comes_whole_in_the_end(get, server, answers, asked, known):
    path = get(*answers, known=known)
    assert path == get.cache / "x.fits" and left(get.cache) == [("x.fits", CONTENT)]
    assert ranges(server) == asked


def test_a_stalled_connection_is_given_up_and_its_bytes_are_kept(get, server, monkeypatch):
    monkeypatch.setattr(transfer, "TIMEOUT", 0.2)
    assert get(stalling, whole).read_bytes() == CONTENT
    assert ranges(server) == [None, REST]


@pytest.mark.parametrize("known", [KNOWN, UNKNOWN])
def test_what_came_is_kept_for_the_next_call_and_is_no_data(get, server, known):
    with pytest.raises(DataUnavailable, match=r"/x\.fits \(.*503.*, 4 times\); put x\.fits into a folder and name it"):
        get(dropping, failing(503), known=known)
    assert left(get.cache) == [("part", CONTENT[:HALF])]
    server.count.clear()
    assert get(whole, known=known).read_bytes() == CONTENT
    assert ranges(server) == [None, REST, REST, REST, REST] and left(get.cache) == [("x.fits", CONTENT)]


def test_a_connection_that_ends_each_time_gets_further_each_time(get, server):
    def some(handler):
        start = int((handler.headers.get("Range") or "bytes=0-")[6:-1])
        place = {"Content_Range": f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"} if start else {}
        body = CONTENT[start : start + 8000]
        sending(body, len(CONTENT) - start, 206 if start else 200, **place)(handler)

    assert get(some).read_bytes() == CONTENT
    assert ranges(server) == [None, "bytes=8000-", "bytes=16000-"]


@pytest.mark.parametrize("known", [KNOWN, UNKNOWN])
def test_halves_of_two_versions_are_not_joined(get, server, known):
    with pytest.raises(DataUnavailable):
        get(sending(OTHER[:HALF], len(OTHER), ETag='"0"'), failing(503), known=known)
    server.asked.clear(), server.count.clear()
    assert get(whole, known=known).read_bytes() == CONTENT
    assert ranges(server) == [REST, None] and left(get.cache) == [("x.fits", CONTENT)]


def test_halves_that_do_not_fit_are_begun_anew_once(get, server):
    with pytest.raises(DataUnavailable):
        get(sending(OTHER[:HALF], len(OTHER), ETag='"1"'), failing(503))
    server.asked.clear(), server.count.clear()
    assert get(whole).read_bytes() == CONTENT
    assert ranges(server) == [REST, None]


def test_a_part_that_is_complete_is_not_asked_for(get, server):
    with pytest.raises(DataUnavailable):
        get(dropping, failing(503))
    (part,) = get.cache.glob("*.part")
    part.write_bytes(CONTENT)
    server.asked.clear()
    assert get(failing(404)).read_bytes() == CONTENT and server.asked == []


@pytest.mark.parametrize("known", [KNOWN, UNKNOWN])
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (failing(404), "HTTP Error 404: Not Found"),
        (failing(403), "HTTP Error 403: Forbidden"),
        (sending(HTML, ""), "answers with a web page, not with x.fits"),
        (sending(b"\n " + HTML.lower(), "", Content_Type="image/fits"), "answers with a web page, not with x.fits"),
        (sending(b"SIMPLE =" + CONTENT[8:]), "does not begin as FITS files do"),
        (sending(CONTENT[::-1]), "does not begin as FITS files do"),
    ],
)
def test_what_is_not_the_file_is_refused_at_once(get, server, answer, reason, known):
    with pytest.raises(DataUnavailable, match=rf"^cannot fetch {server.url}/x\.fits \(.*{reason}\); put x\.fits into "):
        get(answer, known=known)
    assert left(get.cache) == [] and ranges(server) == [None]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (sending(OTHER), "has something else than x.fits: another sha256"),
        (sending(CONTENT[:-1] + b"x"), "has something else than x.fits: another sha256"),
        (sending(CONTENT[:100]), f"has something else than x.fits: 100 bytes, not {len(CONTENT)}"),
        (sending(CONTENT * 3), f"has something else than x.fits: {3 * len(CONTENT)} bytes"),
    ],
)
def test_other_bytes_than_the_listed_ones_are_refused_at_once(get, server, answer, reason):
    with pytest.raises(DataUnavailable, match=reason):
        get(answer)
    assert left(get.cache) == [] and ranges(server) == [None]


@pytest.mark.parametrize("known", [KNOWN, UNKNOWN])
def test_an_answer_that_says_no_length_and_ends_early_is_refused(get, server, known):
    with pytest.raises(DataUnavailable, match=r"(ends after \d+ of 23040 bytes|another sha256).*4 times\)"):
        get(dropping_unsaid, known=known)
    assert left(get.cache) == [] and ranges(server) == [None] * 4


def test_an_answer_without_end_is_cut_off(get, progress, monkeypatch):
    seen = []
    monkeypatch.setattr(transfer, "PIECE", 1000)
    monkeypatch.setattr(progress, "report", lambda file, have, total: seen.append(have))
    with pytest.raises(DataUnavailable, match="another sha256"):
        get(sending(CONTENT * 50, ""))
    assert left(get.cache) == [] and len(CONTENT) < max(seen) <= len(CONTENT) + 1000


def test_a_file_its_headers_contradict_is_refused_without_a_known_hash(get, server):
    with pytest.raises(DataUnavailable, match=r"ends after 20160 of 23040 bytes"):
        get(sending(CONTENT[:20160]), known=UNKNOWN)
    assert left(get.cache) == [] and ranges(server) == [None]


def test_pauses_double(get, server, progress):
    with pytest.raises(DataUnavailable, match="503"):
        get(failing(503))
    assert progress.stop.waited == [1.0, 2.0, 4.0] and len(server.asked) == 4


def test_a_server_that_asks_for_time_gets_it(get, server, progress):
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    get(failing(503, Retry_After=7), failing(429, Retry_After=date), failing(503, Retry_After="soon"), whole)
    first, second, third = progress.stop.waited
    assert (first, third) == (7.0, 4.0) and 25 < second <= 30


def test_who_asks_for_too_much_time_is_left_alone(get, server, progress):
    with pytest.raises(DataUnavailable, match=r"503.*asks for 3600 s"):
        get(failing(503, Retry_After=3600))
    assert len(server.asked) == 1 and progress.stop.waited == []


@pytest.mark.parametrize("bad", [failing(404), failing(503), sending(HTML), sending(OTHER), dropping])
def test_the_second_address_is_asked_where_the_first_fails(get, server, bad):
    server.answers["/mirror"] = [whole]
    assert get(bad, mirrors=(f"{server.url}/mirror",)).read_bytes() == CONTENT
    assert server.asked[-1] == ("/mirror", None) and left(get.cache) == [("x.fits", CONTENT)]


def test_a_dead_address_is_asked_once(get, server, progress):
    server.answers["/mirror"] = [whole]
    assert get(url=NOWHERE, mirrors=(f"{server.url}/mirror",)).read_bytes() == CONTENT
    assert progress.stop.waited == [] and server.asked == [("/mirror", None)]


def test_every_address_is_named_where_none_has_it(get, server):
    with pytest.raises(DataUnavailable) as caught:
        get(url=NOWHERE, mirrors=(f"{server.url}/mirror",))
    assert str(caught.value).startswith(f"cannot fetch {NOWHERE} (")
    assert f"nor {server.url}/mirror (HTTP Error 404: Not Found); put x.fits into a folder" in str(caught.value)


@pytest.mark.parametrize("known", [KNOWN, UNKNOWN])
def test_a_full_disk_is_said_before(get, server, monkeypatch, known):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=len(CONTENT) - 1))
    server.answers["/mirror"] = [whole]
    complaint = r"^no room for \S+/x\.fits: it needs 0\.0 MB more, 0\.0 MB are free; make room, or name another folder"
    with pytest.raises(DataUnavailable, match=complaint):
        get(whole, mirrors=(f"{server.url}/mirror",), known=known)
    assert left(get.cache) == [] and len(server.asked) == 1


def test_what_is_there_already_needs_no_room(get, server, monkeypatch):
    with pytest.raises(DataUnavailable):
        get(dropping, failing(503))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=len(CONTENT) - HALF))
    server.count.clear()
    assert get(whole).read_bytes() == CONTENT


def test_a_disk_that_fills_up_meanwhile_is_one_sentence(get, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(transfer, "open", full, raising=False)
    with pytest.raises(DataUnavailable, match=r"^cannot write \S+\.part \(No space left on device\); make room, or "):
        get(whole)


def test_a_cache_that_cannot_be_made_is_one_sentence(get, server):
    get.cache.write_text("a file where a folder should be")
    with pytest.raises(DataUnavailable, match=r"^cannot write \S+/x\.fits \(.*\); make room, or name a folder"):
        get(whole)
    assert server.asked == []


def test_an_interrupt_keeps_the_part(get, server, progress, monkeypatch):
    monkeypatch.setattr(transfer, "PIECE", 1000)
    monkeypatch.setattr(progress, "report", lambda file, have, total: interrupt() if have > 5000 else None)

    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(whole)
    ((name, content),) = left(get.cache)
    assert name == "part" and 5000 < len(content) < len(CONTENT) and CONTENT.startswith(content)
    monkeypatch.undo()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert get(whole).read_bytes() == CONTENT
    assert ranges(server) == [None, f"bytes={len(content)}-"]


def test_two_at_once_for_one_file_ask_once(get, server):
    threads = [threading.Thread(target=get, args=(whole,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.asked) == 1 and left(get.cache) == [("x.fits", CONTENT)]


def test_the_constants_are_polite():
    assert downloads.TRIES <= 5 and downloads.PAUSE >= 1 and transfer.TIMEOUT >= 10
