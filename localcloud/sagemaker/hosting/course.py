"""The steps of a deployment to an endpoint that serves: instances launched, traffic moved, bakes, fleets removed.

A share of traffic is active new instances by all new ones, of the requests and not of the connections. Alarms count
during bakes alone.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from localcloud.clock import Clock
from localcloud.sagemaker.hosting.deployment_policy import Policy, instances_of
from localcloud.sagemaker.hosting.endpoint_record import Counts, EndpointRecord, Status
from localcloud.sagemaker.hosting.fleet import Fleet, LiveEndpoint, RetiredError

_LOOK_SECONDS = 10.0
"""AWS's seconds between two looks at the alarms."""


class ServerStopsError(Exception):
    """The local cloud is stopped: the deployment is left as it is."""


class RolledBackError(Exception):
    """Why a deployment is rolled back."""


class Pace:
    """The time of one deployment in AWS's seconds: what it waits for is shortened by the time factor, what it does not.

    closing: set when the server stops.
    """

    def __init__(self, clock: Clock, closing: threading.Event) -> None:
        self._clock, self._closing = clock, closing
        self._saved, self._began = 0.0, time.monotonic()

    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began + self._saved

    def wait(self, seconds: float) -> None:
        """Let so many seconds pass. Raises ServerStopsError."""
        real = self._clock.real(seconds)
        if self._closing.wait(real):
            raise ServerStopsError
        self._saved += seconds - real


class Waits(Protocol):
    """`Pace`, as a course needs it."""

    def elapsed(self) -> float: ...
    def wait(self, seconds: float) -> None: ...


class Course:
    """The steps that strategies are made of.

    old:    the fleets that serve: one, or what a rolling update left whose rollback failed.
    new:    the fleet to come, empty. counts: its instances by variant.
    tripped: the sentence why the alarms end the deployment; empty where none of them does.
    """

    def __init__(
        self,
        policy: Policy,
        live: LiveEndpoint,
        new: Fleet,
        counts: Counts,
        record: EndpointRecord,
        *,
        tripped: Callable[[], str],
        pace: Waits,
    ) -> None:
        self.policy, self.new, self.counts = policy, new, dict(counts)
        self.old = live.fleets()
        self.before = {fleet: fleet.sizes() for fleet in self.old}
        self._live, self._record, self._tripped, self._pace = live, record, tripped, pace

    def step(self) -> dict[str, int]:
        """The instances of the policy's step, by variant."""
        return {name: instances_of(self.policy.step, count) for name, count in self.counts.items()}

    def launch(self, counts: Counts) -> None:
        """Start new instances, without traffic. Raises RolledBackError where one does not pass its health check."""
        self._show("Creating", "Launching {} instance(s).", counts)
        _launch(self.new, counts)
        self._require_time()

    def activate(self, counts: Counts, capacity: str) -> None:
        """Give so many new instances their share of the requests, the old ones the rest."""
        self._show("ActivatingTraffic", f"Activating traffic on {capacity} capacity of {{}} instance(s).", counts)
        self.new.activate(counts)
        self.route(sum(counts.values()))

    def bake(self, seconds: int, capacity: str) -> None:
        """Let so many seconds pass, during which the alarms count. Raises RolledBackError."""
        if not seconds:
            return
        active = {name: self.new.instances(name) for name in self.counts}
        # SageMaker names TerminationWaitInSeconds in the bake of the canary, too, whose length is another setting.
        text = f"Baking for {seconds} seconds (TerminationWaitInSeconds) with traffic enabled on {capacity} capacity of"
        self._show("Baking", text + " {} instance(s).", active)
        rest = float(seconds)
        while True:
            if sentence := self._tripped():
                raise RolledBackError(sentence)
            self._require_time()
            if rest <= 0:
                return
            step = min(rest, _LOOK_SECONDS)
            self._pace.wait(step)
            rest -= step

    def deactivate_old(self, active: Counts) -> None:
        """Take traffic from as large a part of the old instances as of the new ones has it."""
        for fleet, sizes in self.before.items():
            fleet.activate(
                {name: size - size * active.get(name, 0) // self.counts.get(name, 1) for name, size in sizes.items()}
            )

    def terminate_old(self) -> None:
        """Drain and remove the old fleets: what they have accepted, they answer."""
        self._show_old("Deleting", "Terminating {} instance(s).", self.old_sizes())
        for fleet in self.old:
            fleet.retire()

    def terminate_new(self) -> None:
        """All traffic to the old fleets in one step; the new one is drained and removed."""
        for fleet, sizes in self.before.items():
            fleet.activate(sizes)
        self.route(0)
        self.new.activate(dict.fromkeys(self.counts, 0))
        if any(self.new.sizes().values()):
            self._show("Deleting", "Terminating {} instance(s).", self.new.sizes())
        self.new.retire()

    def route(self, active: int) -> None:
        """Give the new fleet the share of so many of its wanted instances, the old ones the rest by their sizes."""
        total = sum(self.counts.values())
        sizes = {fleet: sum(fleet.sizes().values()) for fleet in self.old}
        shares = {fleet: (total - active) * size / sum(sizes.values()) for fleet, size in sizes.items() if size}
        self._live.route({**shares, self.new: float(active)} if active else shares)

    # The rest is for rolling updates, which have one variant.

    def remove_old(self, count: int) -> None:
        """Drain and remove so many old instances, or all that are left."""
        if count >= sum(self.old_sizes().values()):
            self.route(sum(self.counts.values()))
        for fleet in self.old:
            leaving = {name: min(count, size) for name, size in fleet.sizes().items()}
            if any(leaving.values()):
                self._show_old("Deleting", "Terminating {} instance(s).", leaving)
                fleet.remove(leaving)
                count -= sum(leaving.values())

    def restore_old(self, count: int) -> None:
        """Start so many of the removed instances again, with traffic. Raises RolledBackError where one fails."""
        for fleet, sizes in self.before.items():
            lost = {name: min(count, size - fleet.sizes()[name]) for name, size in sizes.items()}
            if any(lost.values()):
                self._show_old("Updating", "Launching {} instance(s).", lost)
                _launch(fleet, lost)
                fleet.activate(fleet.sizes())
                count -= sum(lost.values())

    def remove_new(self, count: int) -> None:
        """Take so many new instances out of the traffic, drain and remove them."""
        rest = {name: size - count for name, size in self.new.sizes().items()}
        self.new.activate(rest)
        self.route(sum(rest.values()))
        self._show("Deleting", "Terminating {} instance(s).", dict.fromkeys(self.counts, count))
        self.new.remove(dict.fromkeys(self.counts, count))

    def serve_mix(self) -> None:
        """Share the requests among all instances that are left, new and old."""
        sizes = {fleet: sum(fleet.sizes().values()) for fleet in (*self.old, self.new)}
        self._live.route({fleet: float(size) for fleet, size in sizes.items() if size})

    def _require_time(self) -> None:
        longest = self.policy.longest
        if longest is not None and self._pace.elapsed() > longest:
            raise RolledBackError(
                f"The deployment did not complete within MaximumExecutionTimeoutInSeconds ({longest})."
            )

    def _show(self, status: Status, text: str, counts: Counts) -> None:
        self._record.show("new", status, _texts(text, counts), new=self._active(), old=self.old_sizes())

    def _show_old(self, status: Status, text: str, counts: Counts) -> None:
        self._record.show("old", status, _texts(text, counts), new=self._active(), old=self.old_sizes())

    def _active(self) -> Counts:
        return {name: self.new.instances(name) for name in self.counts}

    def old_sizes(self) -> Counts:
        """The old instances that are left, by variant."""
        sizes: Counter[str] = Counter()
        for fleet in self.old:
            sizes.update(fleet.sizes())
        return sizes


def _launch(fleet: Fleet, counts: Counts) -> None:
    try:
        fleet.launch(counts)
    except RetiredError:
        raise ServerStopsError from None
    except Exception as error:
        raise RolledBackError(str(error)) from error


def _texts(text: str, counts: Counts) -> dict[str, str]:
    return {name: text.format(count) for name, count in counts.items()}
