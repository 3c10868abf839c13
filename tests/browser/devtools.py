"""Chromium without a window that a test drives by the DevTools protocol: it opens pages, runs scripts, presses keys.

Over a pair of pipes: no port that others could reach, and no library. https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from browser import chromium

SECONDS = 90
_WORDS = (
    "--headless=new",
    "--no-sandbox",  # it cannot have one where the tests run as root, and opens only pages of ours
    "--disable-gpu",
    "--hide-scrollbars",  # a telephone's take no room
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--remote-debugging-pipe",
)


@dataclass
class Page:
    """A page of a browser that runs. console: what was written to its console, and what its policy refused."""

    browser: Browser
    session: str
    console: list[str] = field(default_factory=list)

    def call(self, method: str, **parameters: Any) -> Any:
        return self.browser.call(method, parameters, self.session)

    def show(self, *, width: int, height: int, dark: bool = False, scripts: bool = True) -> None:
        """Be of a size, in light or dark, with or without scripts."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)

    def open(self, address: str) -> int:
        """Open an address; the status of its answer."""
        self.browser.events.clear()
        loader = self.call("Page.navigate", url=address).get("loaderId")
        status, begun = 0, loader is None
        while True:
            for event in self.browser.until("Page.loadEventFired"):
                if event["method"] == "Network.responseReceived" and event["params"]["type"] == "Document":
                    status = event["params"]["response"]["status"]
                elif event["method"] == "Page.frameNavigated":
                    begun = begun or event["params"]["frame"]["loaderId"] == loader
            if begun:  # else it was the last page that is loaded only now
                return status

    def run(self, script: str) -> Any:
        """The value of an expression, of its promise where it is one. No policy holds it."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, script: str, seconds: float = 30.0) -> Any:
        """The value of an expression as soon as it is true."""
        deadline = time.monotonic() + seconds
        while not (found := self.run(script)):
            assert time.monotonic() < deadline, (
                f"{script} stays {found!r}: {self.run('document.body.innerText')[:3000]}"
            )
            time.sleep(0.05)
        return found

    def press(self, key: str, code: int) -> None:
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def picture(self, file: Path, *, whole: bool = False) -> None:
        """What is shown, as PNG. whole: below the fold too."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(answer["data"]))


class Browser:
    """The program and what it says."""

    def __init__(self, process: subprocess.Popen[bytes], write: int, read: int) -> None:
        self._process, self._write, self._read = process, write, read
        self._held, self._number = b"", 0
        self.events: deque[dict[str, Any]] = deque()
        self.pages: dict[str, Page] = {}

    def call(self, method: str, parameters: Mapping[str, Any] | None = None, session: str = "") -> Any:
        self._number += 1
        request = {"id": self._number, "method": method, "params": parameters or {}}
        os.write(self._write, json.dumps(request | ({"sessionId": session} if session else {})).encode() + b"\0")
        while True:
            message = self._next()
            if message.get("id") == self._number:
                assert "error" not in message, (method, message["error"])
                return message["result"]
            self._note(message)

    def until(self, method: str) -> Iterator[dict[str, Any]]:
        """The events up to one of a name."""
        while True:
            while self.events:
                event = self.events.popleft()
                yield event
                if event["method"] == method:
                    return
            self._note(self._next())

    def new_page(self) -> Page:
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = self.pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.call(f"{domain}.enable")
        return page

    def _note(self, message: dict[str, Any]) -> None:
        self.events.append(message)
        page = self.pages.get(message.get("sessionId", ""))
        if page is not None and message["method"] == "Log.entryAdded":
            page.console.append(message["params"]["entry"]["text"])
        elif page is not None and message["method"] == "Runtime.consoleAPICalled":
            page.console.append(str(message["params"]["args"]))
        elif page is not None and message["method"] == "Runtime.exceptionThrown":
            page.console.append(str(message["params"]["exceptionDetails"]))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._held:
            ready, _, _ = select.select([self._read], [], [], SECONDS)
            assert ready, "Chromium says nothing more"
            part = os.read(self._read, 1 << 20)
            assert part, "Chromium has ended"
            self._held += part
        line, _, self._held = self._held.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Chromium, with a home of its own that is gone in the end."""
    program = chromium()
    assert program is not None
    commands, write = os.pipe()
    read, answers = os.pipe()
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as home:
        # The program reads at descriptor 3 and writes at 4; the shell puts them there.
        line = f'exec "$@" 3<&{commands} 4>&{answers}'
        process = subprocess.Popen(
            ["bash", "-c", line, "chromium", program, *_WORDS, f"--user-data-dir={home}", "about:blank"],
            env={**os.environ, "HOME": home},
            pass_fds=(commands, answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        browser = Browser(process, write, read)
        try:
            yield browser
        finally:
            browser.call("Browser.close")
            process.wait(30)
            os.close(write)
            os.close(read)
