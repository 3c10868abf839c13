"""The serving processes of one endpoint configuration: instances by variant, and which of them a request goes to.

Where a variant's RoutingConfig says LEAST_OUTSTANDING_REQUESTS, a request goes to the instance with the fewest at work,
else to each in its turn; AWS's default is chance, which small numbers of requests would not show as even. An instance
whose process has died gets no request until its process is started again, which it does by itself. What was sent to the
process that died has no answer, a model error as on AWS (InvocationModelErrors counts socket errors): nobody says there
that SageMaker sends a request twice. What could not be sent goes to another instance, or waits for one.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from localcloud.sagemaker.capture.writer import Capture
from localcloud.sagemaker.processes import Processes, Server, ServerOrder

_LOG = logging.getLogger(__name__)
DRAIN_SECONDS = 60.0
"""InvokeEndpoint's own limit: no request in flight takes longer."""
_STARTS = 4
"""Processes of a fleet that are started at the same time: each keeps a core busy."""
_LOOK_SECONDS = 0.05
"""Between two looks whether an instance is ready again."""

T = TypeVar("T", bound=Hashable)


class Traffic(Generic[T]):
    """Shares requests by weight, evenly: of 10 requests at weights 9 and 1, exactly one is the second's.

    Smooth weighted round-robin rather than chance, so that small numbers of requests already show the weights.
    """

    def __init__(self, weights: Mapping[T, float]) -> None:
        self.weights = {each: weight for each, weight in weights.items() if weight > 0} or dict(weights)
        self._current = dict.fromkeys(self.weights, 0.0)
        self._only = next(iter(self.weights)) if len(self.weights) == 1 else None
        self._lock = threading.Lock()

    def choose(self) -> T:
        """What the next request goes to."""
        if self._only is not None:
            return self._only
        with self._lock:
            for each, weight in self.weights.items():
                self._current[each] += weight
            chosen = max(self._current, key=lambda each: self._current[each])
            self._current[chosen] -= sum(self.weights.values())
            return chosen


class RetiredError(Exception):
    """The fleet was replaced before the request could be sent: ask the one that took its place."""


class UnansweredError(Exception):
    """No instance was ready for a request within its time."""


class Instance:
    """One serving process. name: `i-…`, as in its log stream; outstanding: requests that it is answering; peak: most
    of them at one time since that was read last."""

    __slots__ = ("name", "order", "outstanding", "peak", "server")

    def __init__(self, order: ServerOrder, server: Server) -> None:
        self.name, self.order, self.server, self.outstanding, self.peak = order.instance, order, server, 0, 0

    def stop(self) -> None:
        """End the process and delete its files. A failure is logged: the endpoint would stay in progress for ever."""
        try:
            self.server.stop()
        except Exception:
            _LOG.exception("the instance %s did not end as it should", self.name)
        shutil.rmtree(self.order.folder, ignore_errors=True)


class _Variant:
    """The instances of one variant. Traffic goes to the first `active` of them."""

    __slots__ = ("active", "instances", "least", "turn")

    def __init__(self, *, least: bool) -> None:
        self.instances: list[Instance] = []
        self.active, self.turn, self.least = 0, 0, least

    def choose(self) -> Instance | None:
        """Whom the next request meets: an active instance, another one where none of them is ready; None for nobody."""
        ready = [each for each in self.instances[: self.active] if each.server.ready]
        ready = ready or [each for each in self.instances if each.server.ready]
        if not ready:
            return None
        self.turn += 1
        first = self.turn % len(ready)
        if not self.least:
            return ready[first]
        return min(ready[first:] + ready[:first], key=lambda each: each.outstanding)


class Fleet:
    """The instances of one endpoint configuration by variant.

    config:  its name.
    weights: by variant.
    least:   variants whose requests go to the instance with the fewest outstanding ones.
    order:   gives the order of one more instance of a variant.
    folder:  that the instances work below; deleted with the fleet.
    capture: takes requests and answers; None where nothing does.
    """

    def __init__(
        self,
        processes: Processes,
        config: str,
        weights: Mapping[str, float],
        order: Callable[[str], ServerOrder],
        *,
        least: Iterable[str] = (),
        folder: Path | None = None,
        capture: Capture | None = None,
    ) -> None:
        self.config, self.capture = config, capture
        self.traffic: Traffic[str] = Traffic(weights)
        self._processes, self._order, self._folder = processes, order, folder
        self._state = threading.Condition()
        self._variants = {name: _Variant(least=name in set(least)) for name in weights}
        self._retired = False

    def __contains__(self, variant: str) -> bool:
        return variant in self._variants

    def instances(self, variant: str) -> int:
        """How many instances of a variant get traffic."""
        return self._variants[variant].active

    def servers(self, variant: str) -> tuple[Server, ...]:
        """The processes of a variant, with traffic or without."""
        return tuple(each.server for each in self._variants[variant].instances)

    def peaks(self, variant: str) -> list[int]:
        """Most requests that each instance with traffic had at one time since the last call."""
        group = self._variants[variant]
        with self._state:
            active = group.instances[: group.active]
            found = [each.peak for each in active]
            for each in active:
                each.peak = each.outstanding
        return found

    def sizes(self) -> dict[str, int]:
        """How many instances each variant has, with traffic or without."""
        return {name: len(variant.instances) for name, variant in self._variants.items()}

    @contextmanager
    def lease(self, variant: str, seconds: float = DRAIN_SECONDS) -> Iterator[Instance]:
        """An instance for one request, which it is not stopped before.

        Waits up to `seconds` where none is ready. Raises RetiredError and UnansweredError.
        """
        instance = self._leased(variant, seconds)
        try:
            yield instance
        finally:
            with self._state:
                instance.outstanding -= 1
                self._state.notify_all()

    def _leased(self, variant: str, seconds: float) -> Instance:
        group, deadline = self._variants[variant], 0.0
        with self._state:
            while True:
                if self._retired or not group.instances:
                    raise RetiredError
                chosen = group.choose()
                if chosen is not None:
                    chosen.outstanding += 1
                    chosen.peak = max(chosen.peak, chosen.outstanding)
                    return chosen
                deadline = deadline or time.monotonic() + seconds
                if time.monotonic() >= deadline:
                    raise UnansweredError(f"No instance of production variant {variant} answers.")
                self._state.wait(_LOOK_SECONDS)

    def launch(self, counts: Mapping[str, int]) -> None:
        """Start so many more instances of each variant and wait until each answers its health check. Without traffic.

        Raises what the first failing one raised, when all others of these are stopped again; RetiredError where the
        fleet was retired meanwhile.
        """
        started: list[tuple[str, Instance]] = []
        pool = ThreadPoolExecutor(_STARTS, thread_name_prefix="fleet")
        try:
            for variant, count in counts.items():
                for order in [self._order(variant) for _ in range(count)]:
                    started.append((variant, Instance(order, self._processes.hosting(order))))
            for start in [pool.submit(instance.server.start) for _, instance in started]:
                start.result()
            with self._state:
                if self._retired:
                    raise RetiredError
                for variant, instance in started:
                    self._variants[variant].instances.append(instance)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            _stop([instance for _, instance in started])
            raise
        pool.shutdown()

    def activate(self, counts: Mapping[str, int]) -> None:
        """Give traffic to so many instances of each variant and to no more."""
        with self._state:
            for variant, count in counts.items():
                self._variants[variant].active = count

    def remove(self, counts: Mapping[str, int], seconds: float = DRAIN_SECONDS) -> None:
        """Drain and stop so many instances of each variant, those started last."""
        leaving: list[Instance] = []
        with self._state:
            for name, count in counts.items():
                variant = self._variants[name]
                rest = len(variant.instances) - count
                leaving += variant.instances[rest:]
                del variant.instances[rest:]
                variant.active = min(variant.active, rest)
        self._drain(leaving, seconds)
        if self.capture is not None and leaving:
            self.capture.flush()

    def retire(self, seconds: float = DRAIN_SECONDS) -> None:
        """Take no more requests, let those in flight finish for at most `seconds`, then stop."""
        with self._state:
            self._retired = True
            leaving = [instance for variant in self._variants.values() for instance in variant.instances]
            for variant in self._variants.values():
                variant.instances = []
            self._state.notify_all()
        self._drain(leaving, seconds)
        if self.capture is not None:
            self.capture.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _drain(self, leaving: list[Instance], seconds: float) -> None:
        with self._state:
            self._state.wait_for(lambda: all(each.outstanding == 0 for each in leaving), seconds)
        _stop(leaving)


def _stop(instances: list[Instance]) -> None:
    if instances:
        with ThreadPoolExecutor(len(instances), thread_name_prefix="fleet-stop") as pool:
            list(pool.map(Instance.stop, instances))


class LiveEndpoint:
    """What serves an endpoint: one fleet; during a deployment two, each with its share of the requests."""

    def __init__(self, fleet: Fleet) -> None:
        self._traffic = Traffic({fleet: 1.0})

    def choose(self) -> Fleet:
        """The fleet that the next request goes to."""
        return self._traffic.choose()

    def route(self, shares: Mapping[Fleet, float]) -> None:
        """Share the requests that follow among these fleets, by requests and not by connections."""
        self._traffic = Traffic(shares)

    def fleets(self) -> tuple[Fleet, ...]:
        """Those that get requests."""
        return tuple(self._traffic.weights)
