"""A program that is run with the terminal as its own: what it prints is seen, what is typed goes to it."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_LAST_WORDS_SECONDS = 15.0
"""How long an interrupted program may take to end by itself; then it is killed."""


def run_child(command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> int:
    """Run a program and wait for its end; its exit code (negative: the signal that ended it).

    Ctrl-C reaches it too, by the terminal. It is given time to say what it leaves behind; then KeyboardInterrupt
    goes on. Pressed again, it is killed. SIGTERM, which reaches this process alone, is passed on to it, and ends this
    process behind it.
    """
    child = subprocess.Popen(command, cwd=cwd, env=env)
    try:
        with _passing_on_sigterm(child):
            code = child.wait()
    except KeyboardInterrupt:
        try:
            child.wait(_LAST_WORDS_SECONDS)
        except (KeyboardInterrupt, subprocess.TimeoutExpired):
            child.kill()
            child.wait()
        raise
    except BaseException:
        child.kill()
        child.wait()
        raise
    if code == -signal.SIGINT:  # it was quicker to end than this process to be told
        raise KeyboardInterrupt
    return code


@contextlib.contextmanager
def _passing_on_sigterm(child: subprocess.Popen[bytes]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets no other thread handle a signal
        return
    received = []

    def pass_on(number: int, frame: object) -> None:
        received.append(number)
        child.terminate()

    before = signal.signal(signal.SIGTERM, pass_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
    if received:
        sys.exit(128 + signal.SIGTERM)
