"""The server of `warm_python` for as long as a test needs it, and the words that stand for its `python`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = Path(__file__).with_name("warm_python.py")


@contextmanager
def warm_python(*modules: str) -> Iterator[list[str]]:
    """The beginning of a command line that is `python` with these modules imported."""
    with tempfile.TemporaryDirectory(prefix="kickstand-warm-") as folder:  # a socket's path is short
        place = Path(folder) / "socket"
        server = subprocess.Popen([sys.executable, str(PROGRAM), "--serve", str(place), *modules])
        try:
            deadline = time.monotonic() + 120
            while not place.exists():
                assert server.poll() is None and time.monotonic() < deadline, "the server did not begin"
                time.sleep(0.05)
            yield [sys.executable, "-I", "-S", str(PROGRAM), str(place)]
        finally:
            server.terminate()
            server.wait()
