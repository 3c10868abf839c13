"""The endpoints that are alive: created, updated, scaled and removed in the background, hosted again at a start."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from localcloud.clock import Clock
from localcloud.jobs.events import LONGEST_REASON, without_machine_paths
from localcloud.sagemaker.api.call import Scope
from localcloud.sagemaker.capture.configuration import CaptureRules
from localcloud.sagemaker.capture.writer import CaptureWriter
from localcloud.sagemaker.hosting.course import Course, Pace, ServerStopsError
from localcloud.sagemaker.hosting.deployment import change_capacity, run
from localcloud.sagemaker.hosting.deployment_policy import Policy
from localcloud.sagemaker.hosting.endpoint_config import Deployment, images, least_outstanding, order_of
from localcloud.sagemaker.hosting.endpoint_record import RETAINABLE, EndpointRecord, desired_counts, summaries
from localcloud.sagemaker.hosting.fleet import Fleet, LiveEndpoint, Traffic
from localcloud.sagemaker.hosting.rehosting import Key, Rehosting
from localcloud.sagemaker.hosting.rollback_alarms import AlarmStates, NoAlarms, RollbackAlarms
from localcloud.sagemaker.image import Roles
from localcloud.sagemaker.processes import Processes
from localcloud.sagemaker.store import Events, Record, Stores

_LOG = logging.getLogger(__name__)
Shown = list[dict[str, Any]]
SETTLED = ("InService", "Failed", "UpdateRollbackFailed")
"""Statuses in which nothing is in progress."""


class Hosting:
    """Fleets of model servers by endpoint.

    folder: each fleet works in a folder of its own below it, gone when the fleet is.
    clock:  for records; durations: how long waits of AWS are here.
    alarms: what the alarms of deployments are read from.
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
        durations: Clock | None = None,
        alarms: AlarmStates | None = None,
    ) -> None:
        self._stores, self._processes, self._roles, self._events = stores, processes, roles, events
        self._folder, self._clock = folder, clock
        self._durations, self._alarms = durations or Clock(), alarms or NoAlarms()
        self.captures = CaptureWriter(roles, self._durations)
        self._live: dict[Key, LiveEndpoint] = {}
        self._coming: dict[Key, tuple[Fleet, ...]] = {}
        self._changed = threading.Condition(stores.lock)
        self._closing = threading.Event()
        self._generation = 0
        self._rehosting = Rehosting(stores, events, self._changed, self._closing, folder, clock, self._host_again)

    def deploy(self, scope: Scope, name: str, deployment: Deployment) -> None:
        """Start a deployment in the background; the endpoint's record says how it goes."""
        serves = (scope, name) in self._live
        self._start(f"deploy-{name}", self._update if serves else self._create, scope, name, deployment)

    def scale(self, scope: Scope, name: str, weights: Mapping[str, float], counts: Mapping[str, int]) -> None:
        """Change weights and instances in the background."""
        self._start(f"scale-{name}", self._scale, scope, name, weights, counts)

    def remove(self, scope: Scope, name: str, forget: Callable[[], None]) -> None:
        """Stop an endpoint's servers in the background, then have it forgotten."""

        def stop() -> None:
            for fleet in live.fleets() if live is not None else ():
                fleet.retire()
            shutil.rmtree(self._place(scope, name), ignore_errors=True)
            with self._changed:
                forget()
                self._changed.notify_all()

        with self._changed:
            live = self._live.pop((scope, name), None)
        self._start(f"delete-{name}", stop)

    def fleet(self, scope: Scope, name: str, seconds: float) -> Fleet | None:
        """The fleet that the next request to an endpoint goes to; None where there is none.

        Waits up to `seconds` for an endpoint that is being hosted again after a restart: for its callers it was in
        service all the time.
        """
        live = self._live.get((scope, name))
        if live is None:
            self._rehosting.wait((scope, name), seconds)
            live = self._live.get((scope, name))
        return None if live is None else live.choose()

    def fleets(self) -> dict[Key, tuple[Fleet, ...]]:
        """All fleets by endpoint, those of a deployment on its way too."""
        with self._changed:
            routed = {key: live.fleets() for key, live in self._live.items()}
            keys = {*routed, *self._coming}
            return {key: tuple({*routed.get(key, ()), *self._coming.get(key, ())}) for key in keys}

    def wait(self, scope: Scope, name: str, seconds: float) -> Record | None:
        """The endpoint's record once nothing is in progress, or as it is after `seconds`; None where there is none."""

        def settled() -> bool:
            record = self._stores.endpoints.get(scope, name)
            return record is None or record["EndpointStatus"] in SETTLED

        with self._changed:
            self._changed.wait_for(settled, seconds)
            return self._stores.endpoints.get(scope, name)

    def wait_gone(self, scope: Scope, name: str, seconds: float) -> None:
        """Wait until a deleted endpoint has left nothing, for at most `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: self._stores.endpoints.get(scope, name) is None, seconds)

    def resume(self) -> None:
        """Host again what was hosted when the server ended, in the background. Call once the state is loaded."""
        self._rehosting.resume()

    def shutdown(self) -> None:
        """Stop every server. The records stay as they are: the next start hosts them again."""
        with self._changed:
            self._closing.set()
            self._rehosting.shutdown()
            every = [fleet for fleets in self.fleets().values() for fleet in fleets]
            self._live.clear()
        if every:
            with ThreadPoolExecutor(len(every), thread_name_prefix="unhost") as pool:
                list(pool.map(lambda fleet: fleet.retire(0), every))

    def _create(self, scope: Scope, name: str, deployment: Deployment) -> None:
        record = self._record(scope, name)
        try:
            shown = self._launched(scope, name, deployment, deployment["retained"])
        except ServerStopsError:
            return
        except Exception as error:
            _LOG.warning("endpoint %s: %s", name, error)
            record.end(EndpointStatus="Failed", FailureReason=self._reason(scope, name, error))
            return
        _show_served(record, deployment, shown)

    def _host_again(self, key: Key, deployment: Deployment, reason: str | None) -> None:
        """The same after a restart. Raises what the first server that fails raised, and ServerStopsError."""
        shown = self._launched(*key, deployment, RETAINABLE)
        record = self._stores.endpoints.get(*key) or {}
        modified = record.get("LastModifiedTime")
        _show_served(self._record(*key), deployment, shown, FailureReason=reason, LastModifiedTime=modified)

    def _launched(self, scope: Scope, name: str, deployment: Deployment, retained: Iterable[str]) -> Shown:
        """Start the only fleet of an endpoint and give it all traffic; the variants to show."""
        key = (scope, name)
        fleet, shown = self._fleet(scope, name, deployment, retained)
        try:
            fleet.launch(desired_counts(shown))
        except BaseException:
            self._expect(key)
            fleet.retire(0)
            if self._closing.is_set():
                raise ServerStopsError from None
            raise
        fleet.activate(desired_counts(shown))
        with self._changed:
            self._expect(key)
            gone = self._closing.is_set() or self._stores.endpoints.get(*key) is None
            if not gone:
                self._live[key] = LiveEndpoint(fleet)
        if gone:
            fleet.retire(0)
            raise ServerStopsError
        return shown

    def _update(self, scope: Scope, name: str, deployment: Deployment) -> None:
        key, policy = (scope, name), Policy.of(deployment["deployment_config"], deployment["variants"])
        record = self._record(scope, name, announces=not policy.excluded)
        new, shown = self._fleet(scope, name, deployment, deployment["retained"])
        roles = sorted({model["ExecutionRoleArn"] for model in deployment["models"].values()})
        course = Course(
            policy,
            self._live[key],
            new,
            desired_counts(shown),
            record,
            tripped=RollbackAlarms(self._alarms, self._roles, scope, policy.alarms, roles).tripped,
            pace=Pace(self._durations, self._closing),
        )
        self._expect(key, new, *course.old)
        try:
            outcome = run(course)
        except ServerStopsError:
            return
        finally:
            self._expect(key)
        if self._closing.is_set():
            return  # its servers ended because this one does: the next start hosts what served before
        if outcome.status == "Succeeded":
            _show_served(record, deployment, shown)
            return
        status = "InService" if outcome.status == "RolledBack" else "UpdateRollbackFailed"
        _LOG.warning("endpoint %s: %s", name, outcome.reason)
        record.end(course.old_sizes(), EndpointStatus=status, FailureReason=self._reason(scope, name, outcome.reason))

    def _scale(self, scope: Scope, name: str, weights: Mapping[str, float], counts: Mapping[str, int]) -> None:
        record = self._record(scope, name)
        (fleet,) = self._live[scope, name].fleets()
        fleet.traffic = Traffic(weights)
        before = fleet.sizes()
        try:
            change_capacity(record, fleet, counts)
        except Exception as error:
            if self._closing.is_set():
                return
            record.begin(EndpointStatus="RollingBack")
            record.end(before, before, EndpointStatus="InService", FailureReason=self._reason(scope, name, error))
            return
        if not self._closing.is_set():
            record.end(fleet.sizes(), EndpointStatus="InService", FailureReason=None)

    def _fleet(self, scope: Scope, name: str, deployment: Deployment, retained: Iterable[str]) -> tuple[Fleet, Shown]:
        """An empty fleet of a deployment, and what DescribeEndpoint shows once it serves."""
        with self._stores.lock:
            self._generation += 1
            folder = self._place(scope, name) / str(self._generation)
            record = self._stores.endpoints.get(scope, name) or {}
        shown = summaries(
            deployment["variants"],
            images(deployment),
            self._clock(),
            before=record.get("ProductionVariants") or (),
            retained=retained,
        )
        fleet = Fleet(
            self._processes,
            deployment["config"],
            {variant["VariantName"]: variant["DesiredWeight"] for variant in shown},
            lambda variant: order_of(deployment, variant, scope, name, self._roles, folder),
            least=least_outstanding(deployment),
            folder=folder,
            capture=self.captures.open(
                CaptureRules.of(deployment.get("capture"), scope.region),
                *(scope, name, {each: model["ExecutionRoleArn"] for each, model in deployment["models"].items()}),
            ),
        )
        self._expect((scope, name), fleet)
        return fleet, shown

    def _expect(self, key: Key, *fleets: Fleet) -> None:
        """Know these fleets of a deployment on its way beside those that get requests; none: it has ended."""
        with self._changed:
            self._coming[key] = fleets
            if not fleets:
                del self._coming[key]

    def _record(self, scope: Scope, name: str, *, announces: bool = True) -> EndpointRecord:
        return EndpointRecord(
            self._stores, self._events, self._changed, scope, name, clock=self._clock, announces=announces
        )

    def _reason(self, scope: Scope, name: str, why: object) -> str:
        return without_machine_paths(str(why), self._place(scope, name))[:LONGEST_REASON]

    def _place(self, scope: Scope, name: str) -> Path:
        return self._folder / scope.account / scope.region / name

    @staticmethod
    def _start(name: str, work: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, name=name, daemon=True).start()


def _show_served(record: EndpointRecord, deployment: Deployment, shown: Shown, **fields: Any) -> None:
    served = {"EndpointStatus": "InService", "EndpointConfigName": deployment["config"], "FailureReason": None}
    described = {"MetricsConfig": None, "DataCaptureConfig": None, **deployment.get("described", {})}
    record.end(**{**served, **described, "ProductionVariants": shown, "_hosted": deployment, **fields})
