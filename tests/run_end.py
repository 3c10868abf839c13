"""How a test run ends that is interrupted: within seconds, on pytest's own summary, with no process left.

SIGINT and SIGTERM to pytest mean the same, also where the shell that started it in the background had SIGINT ignored.
The workers' tests are interrupted, so that their fixtures end what they started; what is left after that is ended here.
Hooks, which `conftest.py` imports.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

import pytest
from once_a_run import FOLDER

MARK = "KICKSTAND_TEST_RUN"
"""A variable of all processes of a run; servers of the local cloud pass on what begins so."""

_ROOM = 4 << 30
"""Bytes: a run writes a tenth of it."""

_SECONDS = 5.0
"""Until a process that was asked to end is killed."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        os.environ[MARK] = f"{os.getpid()}-{time.time_ns()}"
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="kickstand-tests-", dir=_memory())
        if config.getoption("numprocesses", None) and config.option.basetemp is None:
            config.option.basetemp = Path(os.environ[FOLDER], "tmp")
        # Called after the summary, and after what others registered later: jsii ends its own process, without a word.
        atexit.register(_end_what_is_left)
        signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)


def _memory() -> str | None:
    """A folder in memory for what a run writes, where there is room: the local clouds' disks take a tenth of its time.

    None: the folder of the machine for such files. What tests of a whole run have written is gone at its end; a run in
    this process alone (a file, or `-n 0`) leaves it where pytest does.
    """
    with suppress(OSError):
        if os.access("/dev/shm", os.W_OK) and shutil.disk_usage("/dev/shm").free > _ROOM:
            return "/dev/shm"
    return None


def pytest_keyboard_interrupt() -> None:
    """Interrupt the workers, which a signal to this process alone does not reach."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        for pid in _children():
            _signal(pid, signal.SIGINT)


def _end_what_is_left() -> None:
    """End the processes of the run, whose workers have ended, and remove its folder."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        left, deadline = _marked(), time.monotonic() + _SECONDS
        for pid in left:
            _signal(pid, number)
        while left and time.monotonic() < deadline:
            time.sleep(0.05)
            left = _marked()
    shutil.rmtree(os.environ[FOLDER], ignore_errors=True)


_interrupted = 0.0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, once for the signals that a terminal and the first process of a run send together."""
    global _interrupted
    if time.monotonic() - _interrupted > _SECONDS:
        _interrupted = time.monotonic()
        raise KeyboardInterrupt


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _children() -> list[int]:
    table = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, encoding="utf-8", check=True).stdout
    return [pid for pid, parent in (map(int, line.split()) for line in table.splitlines()) if parent == os.getpid()]


def _marked() -> list[int]:
    """The other processes of this run; none where there is no /proc."""
    mark, found = f"{MARK}={os.environ[MARK]}".encode(), []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue  # it has ended, or is another user's
    return found
