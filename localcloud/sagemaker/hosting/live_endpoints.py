"""The endpoints that are alive: deployments carried out in the background, fleets switched, hosted again at a start."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from localcloud.jobs.events import is_exhausted, without_machine_paths
from localcloud.sagemaker.api.call import Scope
from localcloud.sagemaker.hosting.endpoint_config import Deployment, images, orders
from localcloud.sagemaker.hosting.fleet import Fleet, Traffic, start_fleet, summaries
from localcloud.sagemaker.image import Roles
from localcloud.sagemaker.processes import Processes
from localcloud.sagemaker.store import Events, Record, Stores

_LOG = logging.getLogger(__name__)
_DRAIN_SECONDS = 60.0
"""InvokeEndpoint's own limit: no request in flight takes longer."""
_AT_ONCE = 2
"""Endpoints hosted again at the same time after a restart: each start keeps a core busy."""

_RETRY_SECONDS = 10.0
"""Between two attempts to host an endpoint again on a machine that has too little of something."""

Key = tuple[Scope, str]


class Hosting:
    """Fleets of model servers by endpoint.

    folder: each fleet works in a folder of its own below it, gone when the fleet is.
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
        self._fleets: dict[Key, Fleet] = {}
        self._resuming: set[Key] = set()
        self._changed = threading.Condition(stores.lock)
        self._retries: dict[Key, threading.Timer] = {}
        self._generation = 0
        self._closing = False

    def deploy(self, scope: Scope, name: str, deployment: Deployment) -> None:
        """Start a deployment in the background; the endpoint's record says how it goes."""
        threading.Thread(
            target=self._deploy, args=(scope, name, deployment), name=f"deploy-{name}", daemon=True
        ).start()

    def remove(self, scope: Scope, name: str, forget: Callable[[], None]) -> None:
        """Stop an endpoint's servers in the background, then have it forgotten."""

        def stop() -> None:
            if fleet is not None:
                fleet.retire(_DRAIN_SECONDS)
            shutil.rmtree(self._place(scope, name), ignore_errors=True)
            with self._changed:
                forget()
                self._changed.notify_all()

        with self._changed:
            fleet = self._fleets.pop((scope, name), None)
        threading.Thread(target=stop, name=f"delete-{name}", daemon=True).start()

    def reweigh(self, scope: Scope, name: str, weights: dict[str, float]) -> None:
        """Share the requests that follow by other weights."""
        fleet = self._fleets.get((scope, name))
        if fleet is not None:
            fleet.traffic = Traffic(weights)

    def fleet(self, scope: Scope, name: str, seconds: float) -> Fleet | None:
        """The servers of an endpoint; None where there are none.

        Waits up to `seconds` for an endpoint that is being hosted again after a restart: for its callers it was in
        service all the time.
        """
        key = (scope, name)
        with self._changed:
            self._changed.wait_for(lambda: key not in self._resuming, seconds)
            return self._fleets.get(key)

    def wait(self, scope: Scope, name: str, seconds: float) -> Record | None:
        """The endpoint's record once nothing is in progress, or as it is after `seconds`; None where there is none."""

        def settled() -> bool:
            record = self._stores.endpoints.get(scope, name)
            return record is None or record["EndpointStatus"] in ("InService", "Failed")

        with self._changed:
            self._changed.wait_for(settled, seconds)
            return self._stores.endpoints.get(scope, name)

    def wait_gone(self, scope: Scope, name: str, seconds: float) -> None:
        """Wait until a deleted endpoint has left nothing, for at most `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: self._stores.endpoints.get(scope, name) is None, seconds)

    def resume(self) -> None:
        """Host again what was hosted when the server ended, in the background. Call once the state is loaded."""
        shutil.rmtree(self._folder, ignore_errors=True)
        waiting: list[tuple[Key, Deployment]] = []
        for scope, record in self._stores.endpoints.everywhere():
            deployment = record.get("_hosted") or record.get("_pending")
            name = record["EndpointName"]
            if record["EndpointStatus"] == "Deleting":
                self._stores.endpoints.remove(scope, name)
            elif deployment is not None:
                reason = None if record["EndpointStatus"] == "Failed" else record.get("FailureReason")
                if record["EndpointStatus"] in ("Updating", "RollingBack"):
                    reason = (
                        "The update was interrupted: the local cloud was stopped. The previous configuration serves."
                    )
                self._stores.endpoints.change(
                    scope,
                    name,
                    EndpointStatus="Creating",
                    PendingDeploymentSummary=None,
                    FailureReason=reason,
                    _pending=deployment,
                    _reason=reason,
                )
                self._resuming.add((scope, name))
                waiting.append(((scope, name), deployment))
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="rehost")
        for (scope, name), deployment in waiting:
            pool.submit(self._deploy, scope, name, deployment)
        pool.shutdown(wait=False)

    def shutdown(self) -> None:
        """Stop every server. The records stay as they are: the next start hosts them again."""
        with self._changed:
            self._closing = True
            for timer in self._retries.values():
                timer.cancel()
            fleets = list(self._fleets.values())
            self._fleets.clear()
        if fleets:
            with ThreadPoolExecutor(len(fleets), thread_name_prefix="unhost") as pool:
                list(pool.map(lambda fleet: fleet.retire(0), fleets))

    def _deploy(self, scope: Scope, name: str, deployment: Deployment) -> None:
        with self._stores.lock:
            self._generation += 1
            folder = self._place(scope, name) / str(self._generation)
        weights = {variant["VariantName"]: float(variant["InitialVariantWeight"]) for variant in deployment["variants"]}
        try:
            fleet = start_fleet(self._processes, orders(deployment, scope, name, self._roles, folder), weights, folder)
        except Exception as error:
            _LOG.warning("endpoint %s: %s", name, error)
            if (scope, name) in self._resuming:
                self._not_hosted_again(scope, name, deployment, error)
            else:
                self._failed(scope, name, str(error))
            return
        self._switch(scope, name, deployment, fleet)

    def _switch(self, scope: Scope, name: str, deployment: Deployment, fleet: Fleet) -> None:
        with self._changed:
            record = self._stores.endpoints.get(scope, name)
            if record is None or self._closing:
                replaced: Fleet | None = fleet
                record = None
            else:
                replaced = self._fleets.get((scope, name))
                self._fleets[scope, name] = fleet
                record = self._in_service(scope, record, deployment)
                weights = {shown["VariantName"]: shown["CurrentWeight"] for shown in record["ProductionVariants"]}
                fleet.traffic = Traffic(weights)
            self._resuming.discard((scope, name))
            self._changed.notify_all()
        if record is not None:
            self._events.endpoint(scope, record)
        if replaced is not None:
            replaced.retire(_DRAIN_SECONDS)

    def _in_service(self, scope: Scope, record: Record, deployment: Deployment) -> Record:
        again = (scope, record["EndpointName"]) in self._resuming
        now = self._clock()
        shown = summaries(
            deployment["variants"],
            images(deployment),
            now,
            before=record.get("ProductionVariants") or (),
            # Hosted again after a restart: weights and counts that were changed since stay changed.
            retained={"DesiredWeight", "DesiredInstanceCount"} if again else deployment["retained"],
        )
        changed: dict[str, Any] = {
            "EndpointStatus": "InService",
            "EndpointConfigName": deployment["config"],
            "ProductionVariants": shown,
            "PendingDeploymentSummary": None,
            "LastDeploymentConfig": deployment["deployment_config"] or record.get("LastDeploymentConfig"),
            "_hosted": deployment,
            "_pending": None,
        }
        if again:
            changed["FailureReason"] = record.get("_reason")
        else:
            changed.update(FailureReason=None, LastModifiedTime=now)
        written = self._stores.endpoints.change(scope, record["EndpointName"], **changed)
        assert written is not None
        return written

    def _failed(self, scope: Scope, name: str, reason: str) -> None:
        """A first deployment that fails leaves a Failed endpoint; an update that fails leaves the old one serving."""
        with self._changed:
            if self._closing:
                return  # its servers ended because this one does: the next start hosts it again
            serving = (scope, name) in self._fleets
            record = self._stores.endpoints.change(
                scope,
                name,
                EndpointStatus="InService" if serving else "Failed",
                FailureReason=without_machine_paths(reason, self._place(scope, name))[:1024],
                PendingDeploymentSummary=None,
                LastModifiedTime=self._clock(),
                _pending=None,
            )
            self._resuming.discard((scope, name))
            self._changed.notify_all()
        if record is not None:
            self._events.endpoint(scope, record)

    def _not_hosted_again(self, scope: Scope, name: str, deployment: Deployment, error: Exception) -> None:
        """An endpoint that cannot be hosted after a restart is Failed until it can: nobody has to make it anew.

        It is tried again at the next start, and every few seconds where this machine had too little of something.
        """
        key, cause = (scope, name), without_machine_paths(str(error), self._place(scope, name))
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
            if record is not None and not self._closing:
                record = self._stores.endpoints.change(
                    scope, name, EndpointStatus="Failed", FailureReason=reason, LastModifiedTime=self._clock()
                )
                if exhausted:
                    self._retry_later(key, deployment)
            self._resuming.discard(key)
            self._changed.notify_all()
        if record is not None and not known:
            self._events.endpoint(scope, record)

    def _retry_later(self, key: Key, deployment: Deployment) -> None:
        def retry() -> None:
            with self._changed:
                record = self._stores.endpoints.get(*key)
                if self._closing or record is None or record["EndpointStatus"] != "Failed":
                    return  # deleted, or made anew under its name
                self._resuming.add(key)
            self._deploy(*key, deployment)

        timer = threading.Timer(_RETRY_SECONDS, retry)
        timer.daemon = True
        self._retries[key] = timer
        timer.start()

    def _place(self, scope: Scope, name: str) -> Path:
        return self._folder / scope.account / scope.region / name
