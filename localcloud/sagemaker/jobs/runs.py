"""The runs of jobs that are alive: started, timed, stopped, and their reports written into the job's record."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from localcloud.jobs.events import JobEvent, without_machine_paths
from localcloud.sagemaker.api.call import Scope
from localcloud.sagemaker.image import Roles
from localcloud.sagemaker.jobs.kind import JobRules
from localcloud.sagemaker.processes import JobOrder, Processes, Run
from localcloud.sagemaker.store import Events, Record, Stores

_LOG = logging.getLogger(__name__)

Key = tuple[Scope, str]


class JobRuns:
    """Runs of the jobs of one kind, one process tree each.

    folder: each job works in a folder of its own below it, gone when the job has ended.
    """

    def __init__(
        self,
        rules: JobRules,
        stores: Stores,
        processes: Processes,
        roles: Roles,
        events: Events,
        *,
        folder: Path,
        clock: Callable[[], float],
    ) -> None:
        self._rules, self._kind = rules, rules.kind
        self._lock, self._table = stores.lock, stores.table(rules.kind.table)
        self._processes, self._roles, self._events = processes, roles, events
        self._folder, self._clock = folder / rules.kind.folder, clock
        self._alive: dict[Key, Run] = {}
        self._interrupted: set[Key] = set()
        """Jobs whose instances are to be taken away as soon as there is a run."""
        self._timers: dict[Key, list[threading.Timer]] = {}
        self._ended = threading.Condition(stores.lock)

    def start(self, scope: Scope, name: str, order: JobOrder) -> None:
        """Start the run of a job whose record is there. What goes wrong becomes the job's FailureReason."""
        key = (scope, name)
        try:
            environment = self._roles.environment(scope, order.role, "SageMaker", order.session_seconds)
            place = self._place(scope, name)
            run = self._processes.job(
                self._kind.agent, order, place, environment, lambda event: self._report(key, event)
            )
            with self._lock:
                self._alive[key] = run
                record = self._table.get(scope, name) or {}
            self._time(key, record, None)
            if record.get(self._kind.status) == "Stopping":  # it was told to before there was a run
                run.stop()
            if key in self._interrupted:
                run.interrupt()
            run.start()
        except Exception as error:
            _LOG.exception("%s %s could not be started", self._kind.title, name)
            with self._lock:
                self._alive.pop(key, None)
            self._end(key, self._failure(f"InternalServerError: {error}"))

    def stop(self, scope: Scope, name: str, final: str = "Stopped") -> None:
        """Tell a job to stop; nothing where it has ended or is stopping already."""
        with self._lock:
            record, run = self._running(scope, name)
            if record is None:
                return
            record = self._rules.stopping(record, final, self._clock())
            self._table.put(scope, name, record)
        if self._kind.announces_stop:
            self._events.job(self._kind, scope, record)
        if run is not None:  # else it is being started, which looks for this status
            run.stop(final_status=final)

    def interrupt(self, scope: Scope, name: str) -> None:
        """Take a job's spot instances away; nothing where it has ended or is stopping."""
        with self._lock:
            record, run = self._running(scope, name)
            if record is not None and run is None:
                self._interrupted.add((scope, name))
        if record is not None and run is not None:
            run.interrupt()

    def wait(self, scope: Scope, name: str, seconds: float) -> Record | None:
        """The job's record once it has ended, or as it is after `seconds`; None where there is none."""
        with self._ended:
            self._ended.wait_for(lambda: self._has_ended(scope, name), seconds)
            return self._table.get(scope, name)

    def shutdown(self) -> None:
        """End every process now. The records stay InProgress: the next start says what became of them."""
        with self._lock:
            runs = list(self._alive.values())
            self._alive.clear()
            timers = [timer for timers in self._timers.values() for timer in timers]
        for timer in timers:
            timer.cancel()
        for run in runs:
            run.terminate()

    def fail_interrupted(self) -> None:
        """Close the jobs that were running when the server ended: their processes died with it."""
        for scope, record in self._table.everywhere():
            if self._kind.has_ended(record):
                continue
            status = record.get("SecondaryStatus", record[self._kind.status])
            reason = (
                f"InternalServerError: The local cloud was stopped while this {self._kind.title} was in status "
                f"{status}; its processes ended with it."
            )
            ended = self._rules.finished(record, self._failure(reason))
            self._table.put(scope, ended[self._kind.name], ended)
            self._events.job(self._kind, scope, ended)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _running(self, scope: Scope, name: str) -> tuple[Record | None, Run | None]:
        """Record and run of a job that is neither ended nor stopping."""
        record = self._table.get(scope, name)
        going = record is not None and record[self._kind.status] == "InProgress"
        return (record if going else None), self._alive.get((scope, name))

    def _report(self, key: Key, event: JobEvent) -> None:
        scope, name = key
        if event.kind == "finished":
            with self._lock:
                known = self._alive.pop(key, None) is not None
            if known:  # else the server is stopping: the next start says what became of the job
                self._end(key, event)
            return
        with self._lock:
            record = self._table.get(scope, name)
            changed = None if record is None or key not in self._alive else self._rules.after(record, event)
            if record is None or changed is None:
                return
            self._time(key, record, event)
            self._table.put(scope, name, changed)
        if changed.get("SecondaryStatus") != record.get("SecondaryStatus"):
            self._events.job(self._kind, scope, changed)

    def _failure(self, reason: str) -> JobEvent:
        return JobEvent(self._clock(), "finished", outcome="Failed", failure_reason=reason)

    def _end(self, key: Key, event: JobEvent) -> None:
        scope, name = key
        # The folder goes first: who sees the job ended also sees nothing of it left on the disk.
        shutil.rmtree(self._place(scope, name), ignore_errors=True)
        with self._ended:
            self._interrupted.discard(key)
            for timer in self._timers.pop(key, ()):
                timer.cancel()
            record = self._table.get(scope, name)
            if record is None or self._kind.has_ended(record):
                return
            shown = without_machine_paths(event.failure_reason, self._place(scope, name))
            record = self._rules.finished(record, replace(event, failure_reason=shown))
            self._table.put(scope, name, record)
            self._ended.notify_all()
        self._events.job(self._kind, scope, record)

    def _time(self, key: Key, record: Record, event: JobEvent | None) -> None:
        for seconds, final in self._rules.limits(record, event):
            timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self.stop, (*key, final))
            timer.daemon = True
            self._timers.setdefault(key, []).append(timer)
            timer.start()

    def _has_ended(self, scope: Scope, name: str) -> bool:
        record = self._table.get(scope, name)
        return record is None or self._kind.has_ended(record)

    def _place(self, scope: Scope, name: str) -> Path:
        return self._folder / scope.account / scope.region / name
