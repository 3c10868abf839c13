"""The metrics of invocations, namespace AWS/SageMaker: counted at each request, published once a minute.

Each request sends 1 or 0 to every count, so that an average is a rate; a minute without requests has no point. Every
metric is published for the endpoint's variant and once more for the endpoint configuration that answered.
https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from localcloud.clock import Clock
from localcloud.cloudwatch.alarms import TICK
from localcloud.cloudwatch.metric_store import MINUTE, Metric, MetricStore
from localcloud.cloudwatch.statistic_set import Samples, StatisticSet, bucket_of, bucket_value
from localcloud.sagemaker.api.call import Scope
from localcloud.state import IDLE_METRICS, stands_at

NAMESPACE = "AWS/SageMaker"
_MICROSECONDS = "Microseconds"
_NONE = "None"


class Served(NamedTuple):
    """What answers: an endpoint's variant, under one endpoint configuration."""

    scope: Scope
    endpoint: str
    variant: str
    config: str


class _Latency:
    """Durations in microseconds: a histogram and exact bounds."""

    __slots__ = ("buckets", "greatest", "least", "total")

    def __init__(self) -> None:
        self.buckets: dict[int, int] = {}
        self.total = 0
        self.least = 1 << 62
        self.greatest = 0

    def add(self, duration: int) -> None:
        bucket = bucket_of(duration or 1)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1
        self.total += duration
        if duration < self.least:
            self.least = duration
        if duration > self.greatest:
            self.greatest = duration

    def statistics(self) -> StatisticSet:
        samples: Samples = {bucket_value(bucket): float(count) for bucket, count in sorted(self.buckets.items())}
        return StatisticSet(sum(samples.values()), self.total, self.least, self.greatest, samples)


class _Count:
    """What is counted of one variant and configuration in one minute."""

    __slots__ = ("client_errors", "instances", "model", "model_errors", "overhead", "requests", "server_errors")

    def __init__(self) -> None:
        self.requests = self.client_errors = self.server_errors = self.model_errors = 0
        self.instances: dict[int, int] = {}
        self.model, self.overhead = _Latency(), _Latency()

    def published(self) -> Iterator[tuple[str, str, StatisticSet]]:
        requests = float(self.requests)
        yield "Invocations", _NONE, StatisticSet.of({1.0: requests})
        shares = {1 / instances: float(times) for instances, times in self.instances.items()}
        yield "InvocationsPerInstance", _NONE, StatisticSet.of(shares)
        for name, errors in (
            ("Invocation4XXErrors", self.client_errors),
            ("Invocation5XXErrors", self.server_errors),
            ("InvocationModelErrors", self.model_errors),
        ):
            yield name, _NONE, StatisticSet.of({0.0: requests - errors, 1.0: float(errors)})
        yield "ModelLatency", _MICROSECONDS, self.model.statistics()
        yield "OverheadLatency", _MICROSECONDS, self.overhead.statistics()


class InvocationMetrics:
    """Counts requests and publishes the counts of each minute. May be used from any thread."""

    def __init__(self, clock: Clock, store: MetricStore) -> None:
        self._clock, self._store = clock, store
        self._lock = threading.Lock()
        self._counts: dict[Served, _Count] = {}
        self._ended: list[tuple[float, dict[Served, _Count]]] = []
        self._start = self._end = 0.0

    def record(
        self,
        scope: Scope,
        endpoint: str,
        variant: str,
        config: str,
        instances: int,
        status: int | None,
        model_us: int,
        overhead_us: int,
    ) -> None:
        """Count one request that was passed to a model.

        instances:   how many share the variant's requests.
        status:      of the model's answer; None where no HTTP answer came: a model error, of neither 4XX nor 5XX.
        model_us:    microseconds from the request to the model until its answer or its failure.
        overhead_us: microseconds of all the rest.
        """
        now = self._clock.now()
        served = Served(scope, endpoint, variant, config)
        with self._lock:
            if now >= self._end:
                self._begin(now)
            count = self._counts.get(served)
            if count is None:
                count = self._counts[served] = _Count()
            count.requests += 1
            count.instances[instances] = count.instances.get(instances, 0) + 1
            if status is None or not 200 <= status < 300:
                count.model_errors += 1
                if status is not None and 400 <= status < 500:
                    count.client_errors += 1
                elif status is not None and status >= 500:
                    count.server_errors += 1
            count.model.add(model_us)
            count.overhead.add(overhead_us)

    def _begin(self, now: float) -> None:
        if self._counts:
            self._ended.append((self._start, self._counts))
        self._counts = {}
        self._start, self._end = self._clock.beginning(now, MINUTE), self._clock.following(now, MINUTE)

    def publish(self, *, in_service: Callable[[], Iterable[Served]] = tuple, unfinished: bool = False) -> None:
        """Put the counts of the minutes that are over into the store.

        in_service: variants that send zeros for the minute just over where they had no request, if the switch
                    idle-metrics says so.
        unfinished: also those of the present minute, before the server stops.
        """
        now = self._clock.now()
        with self._lock:
            if now >= self._end or unfinished:
                self._begin(now)
            ended, self._ended = self._ended, []
        for start, counts in ended:
            self._put(start, counts)
        if stands_at(IDLE_METRICS) == "zeros":
            last = self._clock.beginning(self._clock.beginning(now, MINUTE) - self._clock.real(MINUTE / 2), MINUTE)
            busy = {served for start, counts in ended if abs(start - last) < 1e-4 for served in counts}
            for served in set(in_service()) - busy:
                for dimensions in _dimensions(served):
                    for name in ("Invocations", "InvocationsPerInstance"):
                        metric = Metric.of(NAMESPACE, name, dimensions)
                        self._store.put(served.scope, metric, _NONE, last, StatisticSet.of({0.0: 1.0}))

    def _put(self, start: float, counts: dict[Served, _Count]) -> None:
        parts: dict[tuple[Scope, Metric, str], list[StatisticSet]] = defaultdict(list)
        for served, count in counts.items():
            for name, unit, values in count.published():
                for dimensions in _dimensions(served):
                    parts[served.scope, Metric.of(NAMESPACE, name, dimensions), unit].append(values)
        for (scope, metric, unit), sets in parts.items():
            self._store.put(scope, metric, unit, start, StatisticSet.merged(sets))


def publish_peaks(clock: Clock, store: MetricStore, peaks: Iterable[tuple[Served, int]]) -> bool:
    """Publish ConcurrentRequestsPerModel of the ten seconds just over; whether there was an instance.

    peaks: most requests at one time, of each instance. Where none came there is no point, as for all metrics of
    invocations, unless the switch idle-metrics says so.
    """
    start = clock.beginning(clock.beginning(clock.now(), TICK) - clock.real(TICK / 2), TICK)
    idle, found = stands_at(IDLE_METRICS) == "zeros", False
    for served, peak in peaks:
        found = True
        if peak or idle:
            for dimensions in _dimensions(served):
                metric = Metric.of(NAMESPACE, "ConcurrentRequestsPerModel", dimensions)
                store.put(served.scope, metric, _NONE, start, StatisticSet.of({float(peak): 1.0}), period=10)
    return found


def _dimensions(served: Served) -> tuple[dict[str, str], dict[str, str]]:
    variant = {"EndpointName": served.endpoint, "VariantName": served.variant}
    return variant, {**variant, "EndpointConfigName": served.config}
