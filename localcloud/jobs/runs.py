"""One job as the control plane sees it: started, followed, stopped."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kickstand.programs import registry_settings
from localcloud.jobs.events import JobEvent
from localcloud.jobs.process.program import program_environment, start_program

_KILL_AFTER_SECONDS = 120.0
"""StopTrainingJob: SIGTERM, then SIGKILL after 120 seconds (the API's own documentation)."""


class JobRun:
    """A job in a process of its own.

    agent:       the kind of job: the folder of `localcloud/jobs` whose `agent.py` runs it.
    request:     the request of its creation, as boto3 takes it.
    model:       of a transform job: `image` (checked by the control plane), `url`, `variables`, `role`.
    folder:      an empty or absent folder for this job alone; `opt/ml` and `agent.log` appear in it.
    environment: AWS_* of the agent: AWS_ENDPOINT_URL, AWS_CA_BUNDLE, AWS_REGION and the temporary credentials of the
                 job's (a transform job's: its model's) execution role. The container's program sees none of it.
    on_event:    called with every JobEvent, in order, from a thread of this object's own. The last call is always
                 of kind "finished", whatever happens to the process.

    The agent and the container's program hold a pipe from this process: they exit when it dies.
    """

    def __init__(
        self,
        agent: str,
        request: Mapping[str, Any],
        *,
        folder: Path,
        environment: Mapping[str, str],
        on_event: Callable[[JobEvent], None],
        model: Mapping[str, Any] | None = None,
    ) -> None:
        self._agent = agent
        self._request, self._model = dict(request), dict(model or {})
        self._folder = folder
        self._environment = dict(environment)
        self._on_event = on_event
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._write_lock = threading.Lock()
        self._early: list[Mapping[str, Any]] | None = []
        """Commands that came before the agent has its order; None from then on."""

    @property
    def pid(self) -> int | None:
        """The agent's process id, once started."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the agent and return at once. Raises OSError where no process can be made."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "agent.log").open("ab") as log:
            self._process = start_program(
                f"localcloud.jobs.{self._agent}.agent",
                environment=program_environment({**registry_settings(), **self._environment}),
                folder=self._folder,
                lifeline=False,  # the agent reads its commands from the same pipe
                stderr=log,
            )
        with self._write_lock:
            first, self._early = [self._order(), *(self._early or ())], None
            for command in first:
                self._write(command)
        self._reader = threading.Thread(target=self._follow, name="job-run", daemon=True)
        self._reader.start()

    def stop(self, *, final_status: str = "Stopped") -> None:
        """Stop as StopTrainingJob does: SIGTERM, SIGKILL after 120 seconds; what the model folder holds is kept.

        final_status: the last secondary status: "Stopped", "MaxRuntimeExceeded" or "MaxWaitTimeExceeded".
        Returns at once; a second call, or one after the end, changes nothing. One before the start ends the job soon
        after it.
        """
        self._send({"stop": final_status})

    def interrupt(self) -> None:
        """Take the job's spot instances away: it starts over, with secondary status Interrupted in between."""
        self._send({"interrupt": True})

    def terminate(self) -> None:
        """End agent and program now, keeping nothing. The "finished" event says Failed."""
        if self._process is not None:
            with self._write_lock:
                if self._process.stdin and not self._process.stdin.closed:
                    self._process.stdin.close()  # the agent ends its program, then itself
            try:
                self._process.wait(2)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the last event has been delivered; False where `timeout` seconds did not suffice."""
        if self._reader is not None:
            self._reader.join(timeout)
            return not self._reader.is_alive()
        return True

    def _order(self) -> dict[str, Any]:
        """The first line that the agent reads."""
        return {
            "request": self._request,
            "model": self._model,
            "folder": str(self._folder),
            "kill_after": _KILL_AFTER_SECONDS,
        }

    def _send(self, command: Mapping[str, Any]) -> None:
        with self._write_lock:
            if self._early is None:
                self._write(command)
            else:
                self._early.append(command)

    def _write(self, command: Mapping[str, Any]) -> None:
        assert self._process is not None and self._process.stdin is not None
        # Where it fails the agent has ended already, and `_follow` says how.
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(json.dumps(command, default=str).encode() + b"\n")
            self._process.stdin.flush()

    def _follow(self) -> None:
        process = self._process
        assert process is not None and process.stdout is not None
        finished = False
        for line in process.stdout:
            try:
                event = JobEvent.from_line(line)
            except (ValueError, TypeError):
                continue  # a library wrote to standard output; agent.log is the place to look
            finished = finished or event.kind == "finished"
            self._on_event(event)
        code = process.wait()
        process.stdout.close()
        with self._write_lock:
            if process.stdin and not process.stdin.closed:
                with contextlib.suppress(OSError):
                    process.stdin.close()
        if not finished:
            reason = f"InternalServerError: the process of this {self._agent} job ended (exit code {code})"
            now = time.time()
            self._on_event(JobEvent(now, "status", "Failed", f"{self._agent.title()} job failed"))
            self._on_event(JobEvent(now, "finished", outcome="Failed", failure_reason=reason))
