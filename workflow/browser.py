"""Headless Chromium with the network off, driven over two pipes by its DevTools protocol; nothing else is needed."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe"),
    "--host-resolver-rules=MAP * ~NOTFOUND",
]
PATIENCE = 600
"""Seconds that one step may take before the browser counts as stuck."""


def find() -> str | None:
    """The Chromium of this machine, None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One tab. Opening a page collects what went wrong in it: console errors, and what it asked of the network."""

    def __init__(self, executable: str):
        self._folder = TemporaryDirectory(ignore_cleanup_errors=True)
        (theirs_in, self._commands), (self._answers, theirs_out) = os.pipe(), os.pipe()
        self._process = subprocess.Popen(
            [executable, *OPTIONS, f"--user-data-dir={self._folder.name}"],
            preexec_fn=lambda: (os.dup2(theirs_in, 3), os.dup2(theirs_out, 4)),  # where Chromium looks for its pipes
            pass_fds=(3, 4),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in), os.close(theirs_out)
        self._rest, self._count, self._session, self._events = b"", 0, {}, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_) -> None:
        self._process.terminate()
        self._process.wait()
        os.close(self._commands), os.close(self._answers)
        self._folder.cleanup()

    def call(self, method: str, **parameters) -> dict:
        """One command of the protocol and its answer. RuntimeError where the browser refuses it or doesn't answer."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters} | self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            heard = self._hear()
            if heard.get("id") == self._count:
                break
            self._events.append(heard)
        if "error" in heard:
            raise RuntimeError(f"Chromium refused {method}: {heard['error']['message']}.")
        return heard["result"]

    def _hear(self) -> dict:
        """The next message of the browser, an answer or an event."""
        deadline = time.monotonic() + PATIENCE
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._answers], [], [], max(0, deadline - time.monotonic()))
            piece = os.read(self._answers, 1 << 20) if ready else b""
            if not piece:
                raise RuntimeError(f"Chromium fell silent, or took more than {PATIENCE} s for one step.")
            self._rest += piece
        message, self._rest = self._rest.split(b"\0", 1)
        return json.loads(message)

    def open(self, page: Path) -> list[str]:
        """Load a page, wait until its scripts and equations are done; returns its complaints."""
        self._events.clear()
        answer = self.call("Page.navigate", url=page.resolve().as_uri())
        if "errorText" in answer:
            return [f"the page did not load: {answer['errorText']}"]
        while not any(event.get("method") == "Page.loadEventFired" for event in self._events):
            self._events.append(self._hear())
        self.evaluate(
            "Promise.resolve(window.MathJax?.startup?.promise).then(() => document.fonts.ready).then(() => 0)"
        )
        return [text for event in self._events if (text := complaint(event))]

    def evaluate(self, script: str):
        """The value of an expression in the page; of a promise, what it comes to."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"a script failed in the page: {_thrown(answer)}")
        return answer["result"].get("value")

    def resize(self, width: int, height: int = 900) -> None:
        """Make the window that wide, in CSS pixels."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def pdf(self, **options) -> bytes:
        """The page as it prints."""
        return base64.b64decode(self.call("Page.printToPDF", **options)["data"])


def complaint(event: dict) -> str:
    """What is wrong about an event of the browser: an error, or a request to anywhere outside; empty if nothing is."""
    method, said = event.get("method"), event.get("params", {})
    if method == "Runtime.exceptionThrown":
        return f"error: {_thrown(said)}"
    if method == "Runtime.consoleAPICalled" and said["type"] in ("error", "assert"):
        return f"console: {' '.join(str(one.get('value', one.get('description'))) for one in said['args'])}"
    if method == "Log.entryAdded" and said["entry"]["level"] == "error":
        return f"console: {said['entry']['text']} {said['entry'].get('url', '')}".strip()
    if method == "Network.requestWillBeSent" and not said["request"]["url"].startswith(("file:", "data:", "blob:")):
        return f"asked for {said['request']['url']}"
    return ""


def _thrown(said: dict) -> str:
    details = said["exceptionDetails"]
    return details.get("exception", {}).get("description", details["text"])
