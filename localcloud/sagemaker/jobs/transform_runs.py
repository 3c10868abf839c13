"""The transform runs that are alive: started, stopped, and their reports written into the job's record."""

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
from localcloud.sagemaker.processes import Event, Processes, Run, TransformOrder
from localcloud.sagemaker.store import Events, Record, Stores

_LOG = logging.getLogger(__name__)
_SESSION_SECONDS = 5 * 86_400
"""How long a job's credentials live: longer than any job on one machine."""
_REASON_LENGTH = 1024

ENDED = ("Completed", "Failed", "Stopped")
Key = tuple[Scope, str]


class TransformRuns:
    """Runs of transform jobs, one process tree each.

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
        self._ended = threading.Condition(stores.lock)

    def start(self, scope: Scope, request: Mapping[str, Any], model: Record) -> None:
        """Start the run of a job whose record is there. What goes wrong becomes the job's FailureReason."""
        name, role = request["TransformJobName"], model["ExecutionRoleArn"]
        key, source = (scope, name), model["_source"]
        try:
            order = TransformOrder(
                request=request,
                image=source["Image"],
                model_data_url=source["ModelDataUrl"],
                variables=source["Environment"],
                role=role,
                folder=self._place(scope, name),
                environment=self._roles.environment(scope, role, "SageMaker", _SESSION_SECONDS),
            )
            run = self._processes.transform(order, lambda event: self._report(key, event))
            with self._stores.lock:
                self._alive[key] = run
            run.start()
        except Exception as error:
            _LOG.exception("transform job %s could not be started", name)
            with self._stores.lock:
                self._alive.pop(key, None)
            self._end(key, "Failed", self._clock(), f"InternalServerError: {error}")

    def stop(self, scope: Scope, name: str) -> None:
        """Tell a job to stop; nothing where it has ended or is stopping already."""
        with self._stores.lock:
            record = self._stores.transform_jobs.get(scope, name)
            run = self._alive.get((scope, name))
            if record is None or run is None or record["TransformJobStatus"] != "InProgress":
                return
            record = self._change(scope, record, TransformJobStatus="Stopping")
        self._events.transform_job(scope, record)
        run.stop()

    def wait(self, scope: Scope, name: str, seconds: float) -> Record | None:
        """The job's record once it has ended, or as it is after `seconds`; None where there is none."""
        with self._ended:
            self._ended.wait_for(lambda: self._has_ended(scope, name), seconds)
            return self._stores.transform_jobs.get(scope, name)

    def shutdown(self) -> None:
        """End every process now. The records stay InProgress: the next start says what became of them."""
        with self._stores.lock:
            runs = list(self._alive.values())
            self._alive.clear()
        for run in runs:
            run.terminate()

    def fail_interrupted(self) -> None:
        """Close the jobs that were running when the server ended: their processes died with it."""
        for scope, record in self._stores.transform_jobs.everywhere():
            if record["TransformJobStatus"] not in ENDED:
                reason = (
                    "InternalServerError: The local cloud was stopped while this transform job was in status "
                    f"{record['TransformJobStatus']}; its processes ended with it."
                )
                self._close(scope, record, "Failed", self._clock(), reason)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _report(self, key: Key, event: Event) -> None:
        scope, name = key
        if event.kind == "finished":
            with self._stores.lock:
                known = self._alive.pop(key, None) is not None
            if known:  # else the server is stopping: the next start says what became of the job
                self._end(key, event.outcome or "Failed", event.time, event.failure_reason)
        elif event.secondary_status == "Transforming":
            with self._stores.lock:
                record = self._stores.transform_jobs.get(scope, name)
                if record is not None and key in self._alive:
                    self._change(scope, record, TransformStartTime=event.time)

    def _end(self, key: Key, outcome: str, now: float, reason: str = "") -> None:
        scope, name = key
        # The folder goes first: who sees the job ended also sees nothing of it left on the disk.
        shutil.rmtree(self._place(scope, name), ignore_errors=True)
        with self._ended:
            record = self._stores.transform_jobs.get(scope, name)
            if record is None or record["TransformJobStatus"] in ENDED:
                return
            if record["TransformJobStatus"] == "Stopping" and outcome == "Failed":
                outcome = "Stopped"
            self._close(scope, record, outcome, now, without_machine_paths(reason, self._place(scope, name)))
            self._ended.notify_all()

    def _close(self, scope: Scope, record: Record, outcome: str, now: float, reason: str) -> None:
        told = {"FailureReason": reason[:_REASON_LENGTH]} if outcome == "Failed" else {}
        ended = self._change(scope, record, TransformJobStatus=outcome, TransformEndTime=now, **told)
        self._events.transform_job(scope, ended)

    def _change(self, scope: Scope, record: Record, **fields: Any) -> Record:
        changed = {**record, "LastModifiedTime": self._clock(), **fields}
        self._stores.transform_jobs.put(scope, record["TransformJobName"], changed)
        return changed

    def _has_ended(self, scope: Scope, name: str) -> bool:
        record = self._stores.transform_jobs.get(scope, name)
        return record is None or record["TransformJobStatus"] in ENDED

    def _place(self, scope: Scope, name: str) -> Path:
        return self._folder / scope.account / scope.region / name
