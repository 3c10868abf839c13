"""The local cloud's server, and the programs of its jobs and endpoints, forked from a process that has imported them.

Each takes half a second to a second of CPU to import what it needs, and a test run starts hundreds. A test that kills
such processes, or looks at them from outside (their parents, `/proc/PID/environ`), starts them: `cold_programs`. The
main job (tests/e2e) has none of this. The process that forks is `program_forker.py`; it is started once a test run.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from once_a_run import FOLDER

FORKER = Path(__file__).with_name("program_forker.py")
LENGTH = 4
"""Bytes before a request that say how long it is, of a process's number, and of how it ended."""
_ROOT = Path(__file__).resolve().parents[2]
MARK = "SAGEMAKER_MARK"
"""A variable of containers: one that has it is not forked, as a test looks for it from outside."""
FORKED_BY: list[str] = []
"""In a forked process: the socket of the one that forks."""
_PRELOADED = ExitStack()
_PYTHON = sys.executable
_PIPE, _DEVNULL = subprocess.PIPE, subprocess.DEVNULL


class WarmProcess:
    """As much of `subprocess.Popen` as the local cloud uses, for a process that another one has forked."""

    def __init__(self, place: str, words: Sequence[str], passed: Sequence[int], **how: Any) -> None:
        self.args, self.returncode = words, cast("int | None", None)
        self.stdin, given_in = self._stream(how["stdin"], 0)
        self.stdout, given_out = self._stream(how["stdout"], 1)
        same = how["stderr"] == subprocess.STDOUT
        _, given_error = (None, given_out) if same else self._stream(how["stderr"], 1)
        streams = (given_in, given_out, given_error)
        request = json.dumps(
            {
                "words": words,
                "folder": str(how["cwd"]),
                "variables": dict(how["env"]),
                "passed": list(passed),
                "session": how.get("start_new_session", False),
            }
        ).encode()
        self._connection = socket.socket(socket.AF_UNIX)
        try:
            self._connection.connect(place)
            socket.send_fds(self._connection, [len(request).to_bytes(LENGTH, "big")], [*streams, *passed])
            self._connection.sendall(request)
            self.pid = int.from_bytes(exactly(self._connection, LENGTH), "big")
        finally:
            for stream in {*streams}:
                if stream not in self._borrowed:
                    os.close(stream)

    _borrowed: tuple[int, ...] = ()

    def _stream(self, wanted: Any, way: int) -> tuple[Any, int]:
        """This side of a stream and the other's; way: 0 for one that the program reads."""
        if wanted == _PIPE:
            ends = os.pipe()
            return os.fdopen(ends[1 - way], "rb" if way else "wb"), ends[way]
        if wanted == _DEVNULL:
            return None, os.open(os.devnull, os.O_RDWR)
        number = wanted if isinstance(wanted, int) else wanted.fileno()
        self._borrowed = (*self._borrowed, number)
        return None, number

    def __del__(self) -> None:
        self._connection.close()

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def _ended(self, timeout: float | None) -> int | None:
        while self.returncode is None:
            poll = select.poll()  # of any number of descriptors
            poll.register(self._connection, select.POLLIN)
            if not poll.poll(None if timeout is None else timeout * 1000):
                return None
            try:
                told = self._connection.recv(LENGTH, socket.MSG_PEEK)  # other threads may wait too
            except OSError:
                told = b""
            # Without an answer the one that forks is gone, and with it whoever could say how this one ended.
            self.returncode = int.from_bytes(told, "big", signed=True) if len(told) == LENGTH else -signal.SIGKILL
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@contextmanager
def warm_programs() -> Iterator[None]:
    """Servers and jobs that this process starts are forked; outside a test run they are started as ever."""
    if FOLDER not in os.environ:
        yield
        return
    import localcloud.jobs.process.program
    import localcloud.server.process

    with (
        patch.object(localcloud.server.process, "subprocess", forking()),
        patch.object(localcloud.jobs.process.program, "subprocess", forking()),
    ):
        yield


def preload() -> None:
    """From here on: for a process that others are forked from (`warm_python.py`), which start servers.

    What forks them is started here: it would keep open the streams of the first that needs it.
    """
    _PRELOADED.enter_context(warm_programs())
    if FOLDER in os.environ:
        forking_place()


@contextmanager
def cold_programs() -> Iterator[None]:
    """Servers and jobs that this process starts begin as on a user's machine, and with them all that they start."""
    import localcloud.jobs.process.program
    import localcloud.server.process

    with (
        patch.object(localcloud.server.process, "subprocess", subprocess),
        patch.object(localcloud.jobs.process.program, "subprocess", subprocess),
    ):
        yield


def forking(**more: Any) -> Any:
    """What stands for `subprocess` in a module whose programs are forked; more: what else the module uses of it."""
    return SimpleNamespace(Popen=_start, PIPE=_PIPE, STDOUT=subprocess.STDOUT, DEVNULL=_DEVNULL, **more)


def _start(line: Sequence[str], **how: Any) -> Any:
    """`subprocess.Popen`, forked where it is this Python that runs a module."""
    words = [*line[2:]] if line[1] == "-P" else [*line[1:]]
    if line[0] != _PYTHON or words[0] != "-m" or MARK in how["env"] or not _alike(how["env"]):
        return subprocess.Popen(line, **how)
    return WarmProcess(forking_place(), words[1:], how.pop("pass_fds", ()), **how)


def _alike(variables: Mapping[str, str]) -> bool:
    """Whether OpenMP was loaded with these variables; the number of threads can be said later."""
    names = {name for name in (*variables, *os.environ) if name.startswith(("OMP_", "GOMP_"))} - {"OMP_NUM_THREADS"}
    return all(variables.get(name) == os.environ.get(name) for name in names)


def forking_place() -> str:
    """The socket of the run's process that forks; it is started where it is not there."""
    if FORKED_BY:
        return FORKED_BY[0]
    place = Path(os.environ[FOLDER], "programs")
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            server = subprocess.Popen(
                [_PYTHON, "-P", str(FORKER), str(place)],
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join((str(_ROOT), str(Path(__file__).parent))),
                    "OPENBLAS_NUM_THREADS": "1",
                },
                stdin=_DEVNULL,
                stdout=_DEVNULL,
                start_new_session=True,
            )
            while not place.exists():
                if server.poll() is not None:
                    raise RuntimeError(f"the programs cannot be loaded: exit code {server.returncode}")
                time.sleep(0.02)
            server.returncode = 0  # it outlives this process
    return str(place)


def exactly(connection: socket.socket, count: int) -> bytes:
    """So many bytes. Raises OSError where the other side is gone before."""
    read = b""
    while len(read) < count:
        part = connection.recv(count - len(read))
        if not part:
            raise OSError("the process that forks is gone")
        read += part
    return read
