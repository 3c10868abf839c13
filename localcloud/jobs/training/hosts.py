"""The hosts of a training job: a folder each, their share of the data, their programs, started and stopped together.

When the program of one host fails, none goes on.
"""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.container.training.collective import LOST
from localcloud.jobs.events import program_failure
from localcloud.jobs.process.program import program_environment, start_program

SHARDED = "ShardedByS3Key"


@dataclass(frozen=True, slots=True)
class Host:
    """One host: its name, and the folder that is its own; `opt/ml` below it stands for /opt/ml."""

    name: str
    folder: Path

    @property
    def base(self) -> Path:
        return self.folder / "opt" / "ml"

    def channel(self, name: str) -> Path:
        return self.base / "input" / "data" / name


def host_names(request: Mapping[str, Any]) -> list[str]:
    """`algo-1` … `algo-N` of a CreateTrainingJob request."""
    instances = int(request.get("ResourceConfig", {}).get("InstanceCount", 1))
    return [f"algo-{number}" for number in range(1, instances + 1)]


def job_hosts(request: Mapping[str, Any], folder: Path) -> tuple[Host, ...]:
    """The hosts of a job that works in `folder`; a single one has the folder itself."""
    names = host_names(request)
    return (Host(names[0], folder),) if len(names) == 1 else tuple(Host(name, folder / name) for name in names)


def share_channel(source: Path, hosts: Sequence[Host], channel: Mapping[str, Any]) -> None:
    """Give every host its files of a channel that was downloaded to `source`, which is gone afterwards.

    channel: an entry of InputDataConfig. FullyReplicated: every host has every file. ShardedByS3Key: the files, in
             the order of their keys, are dealt out one by one; a host beyond their number has none. (SageMaker says
             that each of N hosts gets a part, about 1/N of the objects, and not which.)
    """
    name = channel["ChannelName"]
    sharded = channel["DataSource"]["S3DataSource"].get("S3DataDistributionType") == SHARDED
    for host in hosts:
        host.channel(name).mkdir(parents=True, exist_ok=True)
    files = sorted((path for path in source.rglob("*") if path.is_file()), key=lambda path: path.as_posix())
    for number, file in enumerate(files):
        for host in [hosts[number % len(hosts)]] if sharded else hosts:
            target = host.channel(name) / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(file, target)
    shutil.rmtree(source)


def gather(hosts: Sequence[Host]) -> Host:
    """Put the models and output data of all hosts into the first one's folders, as SageMaker makes one artifact of all.

    Where two hosts wrote the same file, the one of the first host by name stays.
    """
    first, *others = hosts
    for host in others:
        for place in ("model", "output/data"):
            for file in sorted(path for path in (host.base / place).rglob("*") if path.is_file()):
                target = first.base / place / file.relative_to(host.base / place)
                if not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    file.replace(target)
    return first


def _link(file: Path, target: Path) -> None:
    """One file, many names: the hosts read their input only."""
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)


_LONGEST_LINE = 1 << 16
_GRACE_SECONDS = 1.0
"""How long the hosts may go on after one of them failed: time for the last of their logs."""


@dataclass(frozen=True, slots=True)
class _End:
    host: Host
    code: int


class HostPrograms:
    """One training program a host.

    variables:   the container's environment, the same on every host.
    descriptors: of the `Namespace` that all of them are in; () for the machine's own.
    python:      the interpreter with the image's xgboost; None for the one that runs this.
    on_line:     called with a host's name and each line of its output, from a thread for each host.
    kill_after:  seconds from SIGTERM to SIGKILL.
    """

    def __init__(
        self,
        hosts: Sequence[Host],
        variables: Mapping[str, str],
        *,
        descriptors: Sequence[int] = (),
        python: Path | None = None,
        on_line: Callable[[str, str], None],
        kill_after: float,
    ) -> None:
        self._hosts = tuple(hosts)
        self._variables = dict(variables)
        if len(hosts) > 1:  # they share the cores of one machine
            self._variables.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // len(hosts))))
        self._descriptors = tuple(descriptors)
        self._python = python
        self._on_line = on_line
        self._kill_after = kill_after
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ends: queue.Queue[_End] = queue.Queue()

    def start(self) -> None:
        """Start all of them. Raises OSError where no process can be made; then none runs."""
        try:
            for host in self._hosts:
                settings = {**self._variables, "SAGEMAKER_BASE_DIR": str(host.base)}
                self._running[host.name] = start_program(
                    "localcloud.container.train",
                    environment=program_environment(settings),
                    folder=host.folder,
                    namespace=self._descriptors,
                    python=self._python,
                )
        except OSError:
            self.kill()
            raise
        for host in self._hosts:
            threading.Thread(target=self._follow, args=(host,), name=f"host-{host.name}", daemon=True).start()

    def stop(self) -> None:
        """SIGTERM to all, SIGKILL to those that still run when their time is over."""
        for program in self._running.values():
            program.terminate()
        timer = threading.Timer(self._kill_after, self.kill)
        timer.daemon = True
        timer.start()

    def kill(self) -> None:
        """SIGKILL to all."""
        for program in self._running.values():
            program.kill()

    def wait(self) -> str:
        """Wait until all have ended; the FailureReason where one of them failed, else "".

        The others are ended soon after the first failure: they wait for a host that will not come.
        """
        failed: list[_End] = []
        left = len(self._hosts)
        deadline: float | None = None
        while left:
            try:
                end = self._ends.get(timeout=None if deadline is None else max(deadline - time.monotonic(), 0.001))
            except queue.Empty:
                self.kill()
                break  # what ends from here on was ended by us
            left -= 1
            if end.code != 0:
                failed.append(end)
                deadline = deadline or time.monotonic() + _GRACE_SECONDS
        for program in self._running.values():
            program.wait()
        return self._reason(failed) if failed else ""

    def _reason(self, failed: Sequence[_End]) -> str:
        """In the words of the host that failed by itself, not of those that lost it."""
        words = {end.host.name: _failure_text(end.host) for end in failed}
        cause = min(failed, key=lambda end: (end.code > 0, LOST in words[end.host.name]))
        return program_failure(words[cause.host.name], cause.code, self._explanation(cause))

    def _explanation(self, cause: _End) -> str:
        if len(self._hosts) == 1:
            return ""
        how = f"was ended by {signal.Signals(-cause.code).name}" if cause.code < 0 else "failed"
        return f". Host {cause.host.name} of {len(self._hosts)} {how}; the others were stopped"

    def _follow(self, host: Host) -> None:
        program = self._running[host.name]
        assert program.stdout is not None
        with program.stdout as output:
            for raw in iter(lambda: output.readline(_LONGEST_LINE), b""):
                self._on_line(host.name, raw.decode("utf-8", errors="replace").rstrip("\r\n"))
        self._ends.put(_End(host, program.wait()))


def _failure_text(host: Host) -> str:
    file = host.base / "output" / "failure"
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
