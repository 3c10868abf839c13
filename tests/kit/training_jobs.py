"""Training jobs as processes, and what became of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.measure import is_running, working_in
from localcloud.jobs.events import JobEvent
from localcloud.jobs.runs import JobRun


class Job:
    """One training job and everything that it reported."""

    def __init__(
        self, request: Mapping[str, Any], folder: Path, environment: Mapping[str, str], *, stopped: bool = False
    ) -> None:
        """stopped: it is told to stop before it is started."""
        self.events: list[JobEvent] = []
        self.run = JobRun("training", request, folder=folder, environment=environment, on_event=self.events.append)
        if stopped:
            self.run.stop()
        self.run.start()

    def wait_for(self, text: str, seconds: float = 30) -> None:
        """Wait for a log line or secondary status."""
        deadline = time.monotonic() + seconds
        while not any(
            text in (event.message, event.secondary_status) or text in event.message for event in self.events
        ):
            assert time.monotonic() < deadline, self.events
            time.sleep(0.02)

    def end(self) -> JobEvent:
        assert self.run.wait(60), self.events
        assert self.events[-1].kind == "finished"
        return self.events[-1]

    def statuses(self) -> list[str]:
        return [event.secondary_status for event in self.events if event.kind == "status"]


def programs_in(folder: Path, agent: int | None) -> list[int]:
    """The programs of a job that works in a folder, without its agent: each works there, or in its host's folder below.

    They need not be the agent's children: program_forker.py forks them.
    """
    return [pid for pid in working_in(folder) if pid != agent]


def children(pid: int | None) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_until_gone(*pids: int, seconds: float = 1.0) -> None:
    deadline = time.monotonic() + seconds
    while left := [pid for pid in pids if is_running(pid)]:
        assert time.monotonic() < deadline, f"alive after {seconds} s: {left}"
        time.sleep(0.02)
