"""Endpoints hosted again after a restart: on the configuration that served, wholly, whatever was in progress."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from localcloud.jobs.events import is_exhausted, without_machine_paths
from localcloud.sagemaker.api.call import Scope
from localcloud.sagemaker.hosting.course import ServerStopsError
from localcloud.sagemaker.hosting.endpoint_config import Deployment
from localcloud.sagemaker.store import Events, Record, Stores

Key = tuple[Scope, str]
_AT_ONCE = 2
"""Endpoints hosted again at the same time after a restart: each start keeps a core busy."""
_RETRY_SECONDS = 10.0
"""Between two attempts to host an endpoint again on a machine that has too little of something."""


class Rehosting:
    """What a start does about the endpoints that the last one left.

    changed: the condition of all records. closing: set when the server stops.
    folder:  of all fleets; emptied.
    host:    hosts an endpoint by its key, its deployment and the FailureReason to show; raises why it cannot.
    """

    def __init__(
        self,
        stores: Stores,
        events: Events,
        changed: threading.Condition,
        closing: threading.Event,
        folder: Path,
        clock: Callable[[], float],
        host: Callable[[Key, Deployment, str | None], None],
    ) -> None:
        self._stores, self._events, self._changed, self._closing = stores, events, changed, closing
        self._folder, self._clock, self._host = folder, clock, host
        self._resuming: set[Key] = set()
        self._retries: dict[Key, threading.Timer] = {}

    def wait(self, key: Key, seconds: float) -> None:
        """Wait until an endpoint that is being hosted again is so, or is Failed; for at most `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: key not in self._resuming, seconds)

    def resume(self) -> None:
        """Host again what was hosted, in the background."""
        shutil.rmtree(self._folder, ignore_errors=True)
        waiting: list[tuple[Key, Deployment]] = []
        for scope, record in self._stores.endpoints.everywhere():
            deployment = record.get("_hosted") or record.get("_pending")
            name = record["EndpointName"]
            if record["EndpointStatus"] == "Deleting":
                self._stores.endpoints.remove(scope, name)
            elif deployment is not None:
                reason, interrupted = _reason_after(record, deployment)
                self._stores.endpoints.change(
                    scope,
                    name,
                    EndpointStatus="Creating",
                    PendingDeploymentSummary=None,
                    FailureReason=reason,
                    _pending=deployment,
                    _reason=reason,
                    _interrupted=interrupted,
                )
                self._resuming.add((scope, name))
                waiting.append(((scope, name), deployment))
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="rehost")
        for key, deployment in waiting:
            pool.submit(self._try, key, deployment)
        pool.shutdown(wait=False)

    def shutdown(self) -> None:
        """Try nothing again."""
        for timer in self._retries.values():
            timer.cancel()

    def _try(self, key: Key, deployment: Deployment) -> None:
        record = self._stores.endpoints.get(*key) or {}
        try:
            self._host(key, deployment, record.get("_reason"))
        except ServerStopsError:
            return
        except Exception as error:
            self._not_hosted(key, deployment, error)
        finally:
            with self._changed:
                self._resuming.discard(key)
                self._changed.notify_all()

    def _not_hosted(self, key: Key, deployment: Deployment, error: Exception) -> None:
        """An endpoint that cannot be hosted after a restart is Failed until it can: nobody has to make it anew.

        It is tried again at the next start, and every few seconds where this machine had too little of something.
        """
        scope, name = key
        cause = without_machine_paths(str(error), self._folder / scope.account / scope.region / name)
        exhausted = is_exhausted(error)
        way = (
            f"It is tried again every {_RETRY_SECONDS:g} seconds: make room in memory and on the disk of the local "
            "cloud's state folder."
            if exhausted
            else "It is tried again at the next start: kickstand local stop, then kickstand local start."
        )
        reason = f"The endpoint could not be hosted again after a restart: {cause[:700]} {way}"
        with self._changed:
            record = self._stores.endpoints.get(scope, name)
            known = record is not None and record.get("FailureReason") == reason
            if record is not None and not self._closing.is_set():
                record = self._stores.endpoints.change(
                    scope, name, EndpointStatus="Failed", FailureReason=reason, LastModifiedTime=self._clock()
                )
                if exhausted:
                    self._retry_later(key, deployment)
        if record is not None and not known:
            self._events.endpoint(scope, record)

    def _retry_later(self, key: Key, deployment: Deployment) -> None:
        def retry() -> None:
            with self._changed:
                record = self._stores.endpoints.get(*key)
                if self._closing.is_set() or record is None or record["EndpointStatus"] != "Failed":
                    return  # deleted, or made anew under its name
                self._resuming.add(key)
            self._try(key, deployment)

        timer = threading.Timer(_RETRY_SECONDS, retry)
        timer.daemon = True
        self._retries[key] = timer
        timer.start()


def _reason_after(record: Record, deployment: Deployment) -> tuple[str | None, bool]:
    """The FailureReason of an endpoint after a restart, and whether an update of it was interrupted."""
    serves = f"Endpoint configuration {deployment['config']} serves"
    pending: dict[str, Any] | None = record.get("_pending")
    status = record["EndpointStatus"]
    if status == "UpdateRollbackFailed":
        return f"{record.get('FailureReason')} The local cloud was started again: {serves} alone."[-1024:], False
    if status in ("Updating", "RollingBack") and pending:
        return f"The update was interrupted: the local cloud was stopped. {serves}, not {pending['config']}.", True
    return None if status == "Failed" else record.get("FailureReason"), bool(record.get("_interrupted"))
