"""A local cloud that is killed, and the processes below it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from localcloud.cloud import LocalCloud
from localcloud.server.running import holder


def kill(cloud: LocalCloud) -> None:
    """End the server of a cloud without a word to it; return once it is gone."""
    pid = holder(cloud.folder.lock)
    assert pid is not None, "the server ended by itself"
    os.kill(pid, signal.SIGKILL)
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:  # another process started it, which takes its end; a zombie's threads may have its lock
        deadline = time.monotonic() + 30
        while Path(f"/proc/{pid}").exists():
            assert time.monotonic() < deadline, "the server does not end"
            time.sleep(0.01)


def kill_and_start(cloud: LocalCloud) -> None:
    kill(cloud)
    cloud.start()


def programs_of(cloud: LocalCloud, name: str = "") -> list[int]:
    """The processes of a cloud's jobs and endpoints, of one endpoint by its name: each works in a folder of its own.

    They need not be the server's children: tests/kit/warm_programs.py forks them.
    """
    top, place = f"{cloud.folder.root.resolve()}/", f"/{name}/" if name else ""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # another user's, or gone
            folder = str((process / "cwd").readlink())
            if folder.startswith(top) and place in folder:
                found.append(int(process.name))
    return found


def children_of(pid: int | None) -> list[int]:
    """Every process below one."""
    found: list[int] = []
    waiting = [pid]
    table = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, encoding="utf-8", check=True).stdout
    parents = [tuple(int(number) for number in line.split()) for line in table.splitlines()]
    while waiting:
        parent = waiting.pop()
        below = [child for child, above in parents if above == parent]
        found += below
        waiting += below
    return found


def alive_after(pids: Iterable[int], seconds: float) -> list[int]:
    """Those that still run after that time."""
    deadline = time.monotonic() + seconds
    while (left := [pid for pid in pids if alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def alive(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    return False
