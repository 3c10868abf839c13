"""How measurements are taken: time, processor time and memory of processes and of jobs."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
BIN = REPOSITORY / ".venv" / "bin"
CDK: tuple[str | Path, ...] = (BIN / "node", REPOSITORY / "node_modules" / "aws-cdk" / "bin" / "cdk")


@dataclass(frozen=True, slots=True)
class Use:
    """What a program or a job took.

    seconds:   of the clock: what a user waits for, and longer where others use the machine too.
    processor: seconds of all cores, of its children and of the servers that work for it: much the same beside others.
    mebibytes: peak resident memory, 0 where it is not measured.
    """

    seconds: float
    processor: float = 0.0
    mebibytes: float = 0.0


_LAUNCHER = """
import os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
print(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss)
process.returncode = os.waitstatus_to_exitcode(status)
sys.exit(process.returncode != 0)
"""
# A small process of its own: Linux counts the memory of the process that forks as its child's peak.


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path = REPOSITORY,
    environment: Mapping[str, str] | None = None,
    server: int = 0,
) -> Use:
    """One whole process, its output thrown away. Raises SystemExit with the end of its errors where it fails.

    server: a process that works for it, whose processor time counts too. The memory is that of the process itself or
    of its largest child, whichever is more.
    """
    before = tree_processor(server)
    words = [str(word) for word in command]
    launcher = subprocess.Popen(
        [BIN / "python", "-I", "-S", "-c", _LAUNCHER, *words],
        cwd=cwd,
        env=process_environment(environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    try:
        said, errors = launcher.communicate()
    except BaseException:  # interrupted: it ends with all that it started
        os.killpg(launcher.pid, signal.SIGTERM)
        launcher.communicate()
        raise
    if launcher.returncode:
        raise SystemExit(f"error: {' '.join(words)} failed: {errors[-2000:]}")
    seconds, processor, peak = map(float, said.split())
    unit = 1 if sys.platform == "darwin" else 1024  # Linux counts in KiB
    return Use(seconds, processor + tree_processor(server) - before, peak * unit / 2**20)


def process_environment(more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a measured process: this one's, the project's own programs first, and `more`."""
    own = {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "PYTHONPATH": str(REPOSITORY),
    }
    return {**os.environ, **own, **more}


_PROCESSES = Path("/proc")
_READINGS = 20
"""Of a tree whose processes begin and end all the time, until the last is taken."""


class Peak:
    """The most that a process and its descendants held at once, MiB of resident memory; 0 where that is not known."""

    def __init__(self) -> None:
        self.mebibytes = 0.0


_EVERY_SECONDS = 0.1


@contextlib.contextmanager
def peak_memory(pid: int) -> Iterator[Peak]:
    """Watch a process and its descendants, ten times a second, until the block ends. Linux tells it, others do not."""
    peak, ended = Peak(), threading.Event()

    def watch() -> None:
        while not ended.wait(_EVERY_SECONDS):
            peak.mebibytes = max(peak.mebibytes, tree_mebibytes(pid))

    peak.mebibytes = tree_mebibytes(pid)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()


def tree_mebibytes(pid: int) -> float:
    """Resident memory of a process and its descendants now; 0 where the system does not tell."""
    return sum(int(fields[21]) for _, fields in _tree(pid)) * os.sysconf("SC_PAGE_SIZE") / 2**20


def tree_processor(pid: int) -> float:
    """Processor seconds of a process and its descendants, those that have ended too; 0 where the system does not tell.

    Of those that live to the nanosecond, of those that have ended in hundredths of a second, from where their parent
    has waited for them. Later it is never less, but where a process ends before its children: the system's first
    process waits for those. pid: 0 for none.
    """
    ended = _ended(pid)
    for _ in range(_READINGS):
        living = sum(map(_processor, ended))
        before, ended = ended, _ended(pid)
        if ended == before:
            break  # else one that ended in between would be counted neither with those that live nor with its parent
    return sum(ended.values()) / os.sysconf("SC_CLK_TCK") + living


def _ended(pid: int) -> dict[int, int]:
    """The processes of a tree, each with the ticks that its ended descendants took."""
    return {each: int(fields[13]) + int(fields[14]) for each, fields in _tree(pid)}


def descendants(pid: int) -> Iterator[int]:
    """The processes below one; none where the system does not tell."""
    children = []
    for task in _tasks(pid):
        with contextlib.suppress(OSError):  # this thread has ended since
            children += (task / "children").read_text("utf-8").split()
    for child in map(int, children):
        yield child
        yield from descendants(child)


def working_in(folder: Path) -> dict[int, Path]:
    """The processes that work in a folder or below it, each with where; none where the system does not tell."""
    found, top = {}, folder.resolve()
    for process in _PROCESSES.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # another user's, or gone
            found[int(process.name)] = (process / "cwd").readlink()
    return {pid: place for pid, place in sorted(found.items()) if place.is_relative_to(top)}


def is_running(pid: int) -> bool:
    """Whether any thread of a process runs: what it holds is closed by the last one. False where no system tells.

    One whose first thread has ended is in state Z while others still run, as is one that its parent has not collected.
    """
    for task in _tasks(pid):
        with contextlib.suppress(OSError):  # this thread has ended since
            if _fields(task)[0] not in ("Z", "X"):
                return True
    return False


def _tasks(pid: int) -> list[Path]:
    """The folders of a process's threads; none where it has ended, or this is no Linux."""
    try:
        return list((_PROCESSES / str(pid) / "task").iterdir())
    except OSError:
        return []


def _fields(folder: Path) -> list[str]:
    """What proc_pid_stat(5) says behind the program's name, of a process or a thread; the first is its state."""
    return (folder / "stat").read_text("utf-8").rpartition(") ")[2].split()


def _tree(pid: int) -> Iterator[tuple[int, list[str]]]:
    """A process and its descendants, each with its fields."""
    for each in (pid, *descendants(pid)):
        with contextlib.suppress(OSError):
            yield each, _fields(_PROCESSES / str(each))


def _processor(pid: int) -> float:
    """Processor seconds of a process that lives: its clock, as clock_getcpuclockid(3) makes it on Linux."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:  # it has ended in this moment
        return 0.0
