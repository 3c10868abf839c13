"""A local cloud that is killed, and the processes below it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable

from benchmarks.measure import is_running, working_in
from localcloud.cloud import LocalCloud
from localcloud.server.running import holder


def kill(cloud: LocalCloud) -> None:
    """End the server of a cloud without a word to it; return once it is gone."""
    pid = holder(cloud.folder.lock)
    assert pid is not None, "the server ended by itself"
    os.kill(pid, signal.SIGKILL)
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:  # another process started it and takes its end
        deadline = time.monotonic() + 30
        while is_running(pid):
            assert time.monotonic() < deadline, "the server does not end"
            time.sleep(0.01)


def kill_and_start(cloud: LocalCloud) -> None:
    kill(cloud)
    cloud.start()


def programs_of(cloud: LocalCloud, name: str = "") -> list[int]:
    """The processes of a cloud's jobs and endpoints, of one endpoint by its name: each works in a folder of its own.

    They need not be the server's children: tests/kit/program_forker.py forks them.
    """
    return [pid for pid, place in working_in(cloud.folder.root).items() if not name or name in place.parts]


def alive_after(pids: Iterable[int], seconds: float) -> list[int]:
    """Those that still run after that time."""
    deadline = time.monotonic() + seconds
    while (left := [pid for pid in pids if is_running(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left
