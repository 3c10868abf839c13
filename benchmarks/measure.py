"""How measurements are taken: time and memory of processes and of jobs, in turn with their peers' in the same run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.figure import UNCLEAR, Figure

REPOSITORY = Path(__file__).resolve().parents[1]
BIN = REPOSITORY / ".venv" / "bin"
CDK: tuple[str | Path, ...] = (BIN / "node", REPOSITORY / "node_modules" / "aws-cdk" / "bin" / "cdk")

Key = TypeVar("Key")
Taken = TypeVar("Taken")


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


def until_clear(
    take: Callable[[int], Taken],
    figures: Callable[[Sequence[Taken]], list[Figure]],
    *,
    least: int = 5,
    most: int = 9,
) -> list[Figure]:
    """Take round after round (it is given the number of those before) until every verdict is clear; the figures.

    least, most: rounds. What is unclear after the last one stays so.
    """
    rounds: list[Taken] = []
    while True:
        rounds.append(take(len(rounds)))
        if len(rounds) >= least:
            found = figures(rounds)
            if len(rounds) >= most or all(figure.verdict != UNCLEAR for figure in found):
                return found


def in_turn(
    measures: Mapping[Key, Callable[[], Taken]],
    figures: Callable[[Sequence[Mapping[Key, Taken]]], list[Figure]],
    *,
    least: int = 5,
    most: int = 9,
    warm_up: bool = True,
) -> list[Figure]:
    """All measures in every round, forwards and backwards by turns, until every verdict is clear.

    warm_up: take each once before, for nothing.
    """
    if warm_up:
        for measure in measures.values():
            measure()

    def take(before: int) -> Mapping[Key, Taken]:
        return {name: measures[name]() for name in list(measures)[:: 1 if before % 2 == 0 else -1]}

    return until_clear(take, figures, least=least, most=most)


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
    return sum(int(fields[21]) for fields in _tree(pid)) * os.sysconf("SC_PAGE_SIZE") / 2**20


def tree_processor(pid: int) -> float:
    """Processor seconds of a process and its descendants, those that have ended too; 0 where the system does not tell.

    pid: 0 for none.
    """
    return sum(sum(map(int, fields[11:15])) for fields in _tree(pid)) / os.sysconf("SC_CLK_TCK")


def descendants(pid: int) -> Iterator[int]:
    """The processes below one; none where the system does not tell."""
    try:
        children = [(task / "children").read_text("utf-8") for task in (_PROCESSES / str(pid) / "task").iterdir()]
    except OSError:  # it has ended, or this is no Linux
        return
    for child in map(int, " ".join(children).split()):
        yield child
        yield from descendants(child)


def _tree(pid: int) -> Iterator[list[str]]:
    """The fields of proc_pid_stat(5) behind the program's name, of a process and its descendants."""
    for each in (pid, *descendants(pid)):
        with contextlib.suppress(OSError):
            yield (_PROCESSES / str(each) / "stat").read_text("utf-8").rpartition(") ")[2].split()
