"""The training runs that are alive: started, timed, stopped, and their reports written into the job's record."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from localcloud.jobs.events import without_machine_paths
from localcloud.sagemaker.api.call import Scope
from localcloud.sagemaker.image import Roles
from localcloud.sagemaker.jobs.training_record import (
    DEFAULT_MAX_RUNTIME,
    ENDED,
    finished,
    stopping,
    with_metric,
    with_status,
)
from localcloud.sagemaker.processes import Event, Processes, Run
from localcloud.sagemaker.store import Events, Record, Stores

_LOG = logging.getLogger(__name__)
_MARGIN = 3600
"""Seconds that a job's credentials outlive its longest run: for the stop, the upload and the last of the log."""

Key = tuple[Scope, str]


class TrainingRuns:
    """Runs of training jobs, one process tree each.

    folder: each job works in a folder of its own below it, gone when the job has ended.
    """

    def __init__(
        self,
        stores: Stores,
        processes: Processes,
        roles: Roles,
        events: Events,
        *,
        folder: Path,
        clock: Callable[[], float],
    ) -> None:
        self._stores, self._processes, self._roles, self._events = stores, processes, roles, events
        self._folder, self._clock = folder, clock
        self._alive: dict[Key, Run] = {}
        self._timers: dict[Key, list[threading.Timer]] = {}
        self._ended = threading.Condition(stores.lock)

    def start(self, scope: Scope, request: Mapping[str, Any]) -> None:
        """Start the run of a job whose record is there. What goes wrong becomes the job's FailureReason."""
        name = request["TrainingJobName"]
        key = (scope, name)
        stopping_condition = request.get("StoppingCondition") or {}
        longest = stopping_condition.get("MaxWaitTimeInSeconds") or stopping_condition.get(
            "MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME
        )
        try:
            environment = self._roles.environment(scope, request["RoleArn"], "SageMaker", longest + _MARGIN)
            run = self._processes.training(
                request, self._place(scope, name), environment, lambda event: self._report(key, event)
            )
            with self._stores.lock:
                self._alive[key] = run
            if "MaxWaitTimeInSeconds" in stopping_condition:
                self._time(key, stopping_condition["MaxWaitTimeInSeconds"], "MaxWaitTimeExceeded")
            run.start()
        except Exception as error:
            _LOG.exception("training job %s could not be started", name)
            with self._stores.lock:
                self._alive.pop(key, None)
            self._end(key, "Failed", self._clock(), reason=f"InternalServerError: {error}")

    def stop(self, scope: Scope, name: str, final: str = "Stopped") -> None:
        """Tell a job to stop; nothing where it has ended or is stopping already."""
        with self._stores.lock:
            record = self._stores.training_jobs.get(scope, name)
            run = self._alive.get((scope, name))
            if record is None or run is None or record["TrainingJobStatus"] != "InProgress":
                return
            self._put(scope, stopping(record, final, self._clock()))
        run.stop(final_status=final)

    def interrupt(self, scope: Scope, name: str) -> None:
        """Take a job's spot instances away; nothing where it has ended or is stopping."""
        with self._stores.lock:
            record = self._stores.training_jobs.get(scope, name)
            run = self._alive.get((scope, name))
        if record is not None and run is not None and record["TrainingJobStatus"] == "InProgress":
            run.interrupt()

    def wait(self, scope: Scope, name: str, seconds: float) -> Record | None:
        """The job's record once it has ended, or as it is after `seconds`; None where there is none."""
        with self._ended:
            self._ended.wait_for(lambda: self._has_ended(scope, name), seconds)
            return self._stores.training_jobs.get(scope, name)

    def shutdown(self) -> None:
        """End every process now. The records stay InProgress: the next start says what became of them."""
        with self._stores.lock:
            runs = list(self._alive.values())
            self._alive.clear()
            timers = [timer for timers in self._timers.values() for timer in timers]
        for timer in timers:
            timer.cancel()
        for run in runs:
            run.terminate()

    def fail_interrupted(self) -> None:
        """Close the jobs that were running when the server ended: their processes died with it."""
        for scope, record in self._stores.training_jobs.everywhere():
            if record["TrainingJobStatus"] in ENDED:
                continue
            reason = (
                "InternalServerError: The local cloud was stopped while this training job was in status "
                f"{record['SecondaryStatus']}; its processes ended with it."
            )
            ended = finished(record, "Failed", self._clock(), reason=reason)
            self._put(scope, ended)
            self._events.training_job(scope, ended)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _report(self, key: Key, event: Event) -> None:
        scope, name = key
        if event.kind == "finished":
            with self._stores.lock:
                known = self._alive.pop(key, None) is not None
            if not known:
                return  # the server is stopping: the next start says what became of the job
            self._end(
                key,
                event.outcome or "Failed",
                event.time,
                reason=event.failure_reason,
                artifact=event.artifact,
                seconds=event.training_seconds,
            )
            return
        with self._stores.lock:
            record = self._stores.training_jobs.get(scope, name)
            if record is None or key not in self._alive:
                return
            if event.kind == "metric" and event.metric is not None:
                self._put(scope, with_metric(record, *event.metric, event.time))
                return
            # The last status is written with the end itself, so that nobody sees one without the other.
            if event.kind != "status" or event.secondary_status in (
                *ENDED,
                "MaxRuntimeExceeded",
                "MaxWaitTimeExceeded",
            ):
                return
            if event.secondary_status == "Downloading" and "TrainingStartTime" not in record:
                limit = (record.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME)
                self._time(key, limit, "MaxRuntimeExceeded")
            changed = with_status(record, event.secondary_status, event.message, event.time)
            self._put(scope, changed)
        if changed["SecondaryStatus"] != record["SecondaryStatus"]:
            self._events.training_job(scope, changed)

    def _end(
        self, key: Key, outcome: str, now: float, *, reason: str = "", artifact: str = "", seconds: int = 0
    ) -> None:
        scope, name = key
        # The folder goes first: who sees the job ended also sees nothing of it left on the disk.
        shutil.rmtree(self._place(scope, name), ignore_errors=True)
        with self._ended:
            for timer in self._timers.pop(key, ()):
                timer.cancel()
            record = self._stores.training_jobs.get(scope, name)
            if record is None or record["TrainingJobStatus"] in ENDED:
                return
            shown = without_machine_paths(reason, self._place(scope, name))
            record = finished(record, outcome, now, reason=shown, artifact=artifact, seconds=seconds)
            self._put(scope, record)
            self._ended.notify_all()
        self._events.training_job(scope, record)

    def _time(self, key: Key, seconds: float, final: str) -> None:
        timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self.stop, (*key, final))
        timer.daemon = True
        self._timers.setdefault(key, []).append(timer)
        timer.start()

    def _has_ended(self, scope: Scope, name: str) -> bool:
        record = self._stores.training_jobs.get(scope, name)
        return record is None or record["TrainingJobStatus"] in ENDED

    def _put(self, scope: Scope, record: Record) -> None:
        self._stores.training_jobs.put(scope, record["TrainingJobName"], record)

    def _place(self, scope: Scope, name: str) -> Path:
        return self._folder / scope.account / scope.region / name
