"""Chromium, where it is installed, and a folder that it can open pages of."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str | None:
    """The program; None where it is not installed."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


NEEDS_CHROMIUM = pytest.mark.skipif(
    chromium() is None,
    reason="NOT LOOKED AT IN A BROWSER: Chromium is not installed (Debian: apt-get install chromium)",
)
MEASURE = Path(__file__).with_name("measure.js")
SMALLEST = 12.0
"""The smallest letters of a page, CSS pixels."""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Requests are no output of a test."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder on the loopback address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()
