"""A local server that answers each path as it is told, well or badly, and the file it has."""

import io
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from astropy.io import fits

HTML = b"<!DOCTYPE html><html><body>Down for maintenance.</body></html>"


def fits_bytes(seed: int) -> bytes:
    """A FITS file of 23,040 bytes, with an image extension."""
    stream = io.BytesIO()
    image = np.random.default_rng(seed).normal(size=(60, 70)).astype(np.float32)
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(image, name="SCI")]).writeto(stream)
    return stream.getvalue()


CONTENT, OTHER = fits_bytes(0), fits_bytes(1)
HALF = len(CONTENT) // 2


def send(handler, status: int, body: bytes, length: int | str | None = None, **headers) -> None:
    """Answer; ``length`` as it is said, where that is not the truth, or "" to say nothing."""
    handler.send_response(status)
    said = {"Content-Length": len(body) if length is None else length, **headers}
    for name, value in said.items():
        if value != "":
            handler.send_header(name.replace("_", "-"), str(value))
    handler.end_headers()
    handler.wfile.write(body)


def serving(content: bytes, version: str = '"1"'):
    """As it should be: Range and ETag."""

    def answer(handler) -> None:
        asked = handler.headers.get("Range")
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        place = {"Content_Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if asked else {}
        send(handler, 206 if asked else 200, content[start:], ETag=version, **place)

    return answer


whole = serving(CONTENT)


def sending(body: bytes, length: int | str | None = None, status: int = 200, **headers):
    """Without regard to Range: these bytes, or this status."""
    return lambda handler: send(handler, status, body, length, **headers)


def failing(status: int, **headers):
    """An error with a page."""
    return sending(HTML, status=status, **headers)


dropping = sending(CONTENT[:HALF], len(CONTENT), ETag='"1"')
"""Half of the file, then the connection ends."""

dropping_unsaid = sending(CONTENT[:HALF], "")
"""Half of the file, without a word on how long it is."""


def stalling(handler) -> None:
    """Half of the file, then nothing for as long as the test runs."""
    dropping(handler)
    handler.wfile.flush()
    handler.server.released.wait(10)


class Handler(BaseHTTPRequestHandler):
    """Each path has a list of answers, given in turn, the last for ever."""

    def do_GET(self):
        answers, turn = self.server.answers[self.path], self.server.count[self.path]
        self.server.count[self.path] += 1
        self.server.asked.append((self.path, self.headers.get("Range")))
        answers[min(turn, len(answers) - 1)](self)

    def log_message(self, *_):
        """Keep quiet."""


@contextmanager
def misbehaving_server() -> Iterator[ThreadingHTTPServer]:
    """A server with ``url``, ``answers`` to be filled (404 otherwise), and ``asked``: each path with its Range."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.answers, httpd.count, httpd.asked = defaultdict(lambda: [failing(404)]), Counter(), []
        httpd.released, httpd.url = threading.Event(), f"http://127.0.0.1:{httpd.server_port}"
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield httpd
        finally:
            httpd.released.set()
            httpd.shutdown()
            thread.join()
