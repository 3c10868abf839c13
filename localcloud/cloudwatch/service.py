"""CloudWatch in the local cloud's server: put into the emulator, and the thread that publishes and evaluates.

At the end of each minute the counts of requests, the use of the processes and the depth of queues are published, then
all alarms are evaluated: what lies in a minute decides right after it. With a time factor a minute is shorter.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable

from localcloud.clock import Clock
from localcloud.cloudwatch.alarms import TICK, Alarms
from localcloud.cloudwatch.invocation_metrics import InvocationMetrics, Served, publish_peaks
from localcloud.cloudwatch.metric_store import MINUTE, MetricStore
from localcloud.cloudwatch.operations import Metrics
from localcloud.cloudwatch.utilisation import Instance, Utilisation
from localcloud.ministack.cloudformation.rollback_triggers import watch_alarms
from localcloud.ministack.cloudwatch import access, resource_types, service_metrics
from localcloud.ministack.cloudwatch.replacement import AlarmRecords, Replacement
from localcloud.ministack.door.names import entries
from localcloud.ministack.frozen import frozen_store
from localcloud.server.running import ServerContext

_LOG = logging.getLogger("kickstand.cloudwatch")
_SHORTEST = 0.02
"""Seconds between two turns, whatever the time factor."""
_COMPACTING = 5 * MINUTE


class CloudWatch:
    """The metrics and alarms of one server.

    running, in_service, peaks: the instances that run now, the variants that serve, and what each instance had to
                                answer at one time; see `watch`.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._points = frozen_store()
        self.store = MetricStore(clock, entries(self._points))
        self.invocations = InvocationMetrics(clock, self.store)
        self.records = AlarmRecords()
        self.alarms = Alarms(clock, self.store, self.records)
        self._running: Callable[[], Iterable[Instance]] = tuple
        self._in_service: Callable[[], Iterable[Served]] = tuple
        self._peaks: Callable[[], Iterable[tuple[Served, int]]] = tuple
        self._serves = False
        self._utilisation = Utilisation(clock, self.store, lambda: self._running())
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cloudwatch", daemon=True)
        self._compacted = 0.0
        self._followers: list[Callable[[], None]] = []

    def install(self) -> None:
        """Take the place of ministack's."""
        Replacement(self._points, self.store, Metrics(self._clock, self.store), self.alarms, self.records).install()
        resource_types.install(self.alarms)
        access.install()
        service_metrics.install()
        watch_alarms(self.alarms, self._clock)

    def watch(
        self,
        running: Callable[[], Iterable[Instance]],
        in_service: Callable[[], Iterable[Served]],
        peaks: Callable[[], Iterable[tuple[Served, int]]],
    ) -> None:
        """Measure the instances that `running` gives, send the zeros of variants that `in_service` gives, and publish
        every ten seconds how many requests at one time an instance had."""
        self._running, self._in_service, self._peaks = running, in_service, peaks

    def follow(self, minute: Callable[[], None]) -> None:
        """Have something done after each minute's evaluation of the alarms."""
        self._followers.append(minute)

    def start(self) -> None:
        """Publish and evaluate from now on."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and publish what is counted so far."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        self.invocations.publish(unfinished=True)

    def _run(self) -> None:
        now = self._clock.now()
        while True:
            minute_end = self._clock.following(now, MINUTE)
            short = self._serves or self.alarms.has_short_periods()
            turn = self._clock.following(now, TICK) if short else minute_end
            if self._stopped.wait(max(_SHORTEST, min(turn, minute_end) - self._clock.now())):
                return
            now = self._clock.now()
            try:
                self._turn(now, whole_minute=now >= minute_end)
            except Exception:
                _LOG.exception("metrics and alarms go on after an error")

    def _turn(self, now: float, *, whole_minute: bool) -> None:
        self._serves = publish_peaks(self._clock, self.store, self._peaks())
        if whole_minute:
            self.invocations.publish(in_service=self._in_service)
            self._utilisation.publish()
            service_metrics.publish_queues(self._clock, self.store)
            if now - self._compacted >= self._clock.real(_COMPACTING):
                self.store.compact()
                self._compacted = now
        self.alarms.evaluate(whole_minute=whole_minute)
        for minute in self._followers if whole_minute else ():
            minute()


_running: CloudWatch | None = None


def installed() -> CloudWatch:
    """That of this process's server. RuntimeError before it is installed."""
    if _running is None:
        raise RuntimeError("CloudWatch is not installed yet")
    return _running


def install(context: ServerContext) -> None:
    """Once, before the emulator starts and before the services that are measured."""
    global _running
    _running = CloudWatch(context.clock)
    _running.install()


def resume(context: ServerContext) -> None:
    """Evaluate the alarms from now on: the state is loaded."""
    installed().start()


def shutdown() -> None:
    """Stop, with everything counted in the store."""
    if _running is not None:
        _running.stop()
