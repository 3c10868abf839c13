"""The program that plays SageMaker around the container of one job, whatever its kind.

Standard input: one JSON line with the order, then commands (`{"stop": STATUS}`, `{"interrupt": true}`); its end means
that the parent is gone, and ends container and agent at once. Standard output: one JobEvent a line. The environment
holds AWS_* with temporary credentials of the role that the job works in.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from localcloud.jobs.events import JobEvent, JobFailure, JobStopped, Outcome, shortened
from localcloud.jobs.process.lifeline import ORPHANED

_report_lock = threading.Lock()


def report(event: JobEvent) -> None:
    """Write an event for the parent."""
    with _report_lock:
        sys.stdout.write(event.to_line())
        sys.stdout.flush()


class JobAgent(ABC):
    """One job, from the first byte downloaded to the last one uploaded.

    order: `request` (of the job's creation), `model` (of a transform job), `folder` (for this job alone), `kill_after`
           (seconds from SIGTERM to SIGKILL).
    """

    def __init__(self, order: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self._request: Mapping[str, Any] = order["request"]
        self._folder = Path(order["folder"])
        self._environment = environment

    def run(self) -> None:
        """Do the whole job and report how it ended. Raises nothing."""
        try:
            outcome, made = self._steps()
            self._finish(outcome, **made)
        except JobStopped:
            self._finish("Stopped")
        except JobFailure as failure:
            self._finish("Failed", failure_reason=failure.reason)
        except Exception as error:
            traceback.print_exc()
            self._finish("Failed", failure_reason=shortened(f"InternalServerError: {type(error).__name__}: {error}"))

    @abstractmethod
    def _steps(self) -> tuple[Outcome, dict[str, Any]]:
        """Do the job: how it ended, and what the last event says besides. Raises JobFailure and JobStopped."""

    @abstractmethod
    def stop(self, final_status: str) -> None:
        """End the job soon; `final_status` is the last secondary status."""

    def interrupt(self) -> None:
        """Take the spot instances away. Nothing where the kind of job has none."""
        return

    def abandon(self) -> None:
        """The parent is gone: end everything now."""
        os._exit(ORPHANED)

    @property
    def _region(self) -> str:
        return self._environment.get("AWS_REGION") or self._environment.get("AWS_DEFAULT_REGION", "")

    def _status(self, status: str, message: str = "") -> None:
        report(JobEvent(time.time(), "status", status, message))

    def _finish(self, outcome: Outcome, **fields: Any) -> None:
        report(JobEvent(time.time(), "finished", outcome=outcome, **fields))


def main(agent_of: Callable[[Mapping[str, Any], Mapping[str, str]], JobAgent]) -> None:
    """Take the order, watch the parent, do the job."""
    order = sys.stdin.readline()
    if not order:
        sys.exit(ORPHANED)
    agent = agent_of(json.loads(order), os.environ)
    threading.Thread(target=_read_commands, args=(agent,), name="commands", daemon=True).start()
    agent.run()
    sys.stdout.flush()
    os._exit(0)  # the thread on standard input would hold an orderly exit up


def _read_commands(agent: JobAgent) -> None:
    """Read commands until the parent is gone."""
    for line in sys.stdin:
        command = json.loads(line)
        if command.get("interrupt"):
            agent.interrupt()
        else:
            agent.stop(command["stop"])
    agent.abandon()
