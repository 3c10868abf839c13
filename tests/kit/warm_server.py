"""The server of `warm_python` for as long as a test needs it, and the words that stand for its `python`."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from once_a_run import FOLDER

PROGRAM = Path(__file__).with_name("warm_python.py")
AWS = ("awscli.clidriver", "awscli.handlers", "awscli.customizations.s3.s3")
"""What the `aws` command begins with, for 0.7 s of CPU."""


def shared_python(*modules: str) -> list[str]:
    """The same from one server for all processes of a run, until it ends: for files that run a program or two.

    Outside a run it is `python` itself.
    """
    if FOLDER not in os.environ:
        return [sys.executable]
    place = Path(os.environ[FOLDER], f"python-{hashlib.sha256(' '.join(modules).encode()).hexdigest()[:8]}")
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            server = _start(place, modules, start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            server.returncode = 0  # it outlives this process; what is left of a run is ended with it
    return _client(place)


@contextmanager
def warm_python(*modules: str) -> Iterator[list[str]]:
    """The beginning of a command line that is `python` with these modules imported."""
    with tempfile.TemporaryDirectory(prefix="kickstand-warm-") as folder:  # a socket's path is short
        place = Path(folder) / "socket"
        server = _start(place, modules)
        try:
            yield _client(place)
        finally:
            server.terminate()
            server.wait()


def _start(place: Path, modules: Sequence[str], **how: Any) -> subprocess.Popen[bytes]:
    """Begin a server; return once it answers."""
    server = subprocess.Popen([sys.executable, str(PROGRAM), "--serve", str(place), *modules], **how)
    deadline = time.monotonic() + 120
    while not place.exists():
        assert server.poll() is None and time.monotonic() < deadline, "the server did not begin"
        time.sleep(0.05)
    return server


def _client(place: Path) -> list[str]:
    return [sys.executable, "-I", "-S", str(PROGRAM), str(place)]
