"""The metrics of invocations: values, units and dimensions; their statistics are those of numpy."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from localcloud.clock import Clock
from localcloud.cloudwatch.invocation_metrics import InvocationMetrics, Served, publish_peaks
from localcloud.cloudwatch.metric_store import Metric, MetricStore
from localcloud.cloudwatch.statistic_set import StatisticSet, is_percentile
from localcloud.cloudwatch.utilisation import Instance, Utilisation
from localcloud.sagemaker.api.call import Scope
from localcloud.state import StateFolder, Switches

SCOPE = Scope("111122223333", "us-east-1")
VARIANT = {"EndpointName": "ep", "VariantName": "AllTraffic"}
START = 1_780_000_020.0
"""The beginning of a minute."""


@dataclass(frozen=True, slots=True)
class Moments(Clock):
    """A clock that stands where the test puts it."""

    hand: list[float] = None  # type: ignore[assignment]

    def now(self) -> float:
        return self.hand[0]


def at(moment: float, factor: float = 1) -> Moments:
    return Moments(factor, [moment])


def point(store: MetricStore, name: str, unit: str | None, **dimensions: str) -> StatisticSet | None:
    return store.periods(SCOPE, Metric.of("AWS/SageMaker", name, {**VARIANT, **dimensions}), unit, START, 60, 1)[0]


def stat(found: StatisticSet | None, name: str) -> float | None:
    assert found is not None
    return found.statistic(name)


@pytest.mark.contract("A05", "A06", "M01", "M02", "M03", "M04", "M05", "M08", "M11", "M07")
def test_each_request_counts_in_both_dimension_sets() -> None:
    clock = at(START + 59.9)
    store = MetricStore(clock)
    metrics = InvocationMetrics(clock, store)
    for config, instances, status in (
        ("old", 2, 200),
        ("old", 2, 400),
        ("new", 4, 500),
        ("new", 4, None),
    ):
        metrics.record(SCOPE, "ep", "AllTraffic", config, instances, status, 1000, 10)
    metrics.publish()
    assert list(store.metrics(SCOPE)) == []  # the minute is not over
    clock.hand[0] = START + 60
    metrics.publish()
    sums = {
        name: (stat(point(store, name, "None"), "Sum"), stat(point(store, name, "None"), "SampleCount"))
        for name in (
            "Invocations",
            "InvocationsPerInstance",
            "Invocation4XXErrors",
            "Invocation5XXErrors",
            "InvocationModelErrors",
        )
    }
    assert sums == {
        "Invocations": (4, 4),
        "InvocationsPerInstance": (1.5, 4),
        "Invocation4XXErrors": (1, 4),
        "Invocation5XXErrors": (1, 4),
        "InvocationModelErrors": (3, 4),
    }
    new = point(store, "Invocation5XXErrors", "None", EndpointConfigName="new")
    old = point(store, "Invocation5XXErrors", "None", EndpointConfigName="old")
    assert (stat(new, "Average"), stat(old, "Average")) == (0.5, 0)
    assert stat(point(store, "InvocationModelErrors", "None", EndpointConfigName="new"), "Average") == 1
    # An alarm with the unit Count sees nothing of what has the unit None.
    assert point(store, "Invocations", "Count") is None
    assert stat(point(store, "OverheadLatency", "Microseconds"), "Average") == 10


@pytest.mark.contract("M06")
def test_statistics_of_latencies_are_those_of_numpy() -> None:
    clock = at(START)
    store = MetricStore(clock)
    metrics = InvocationMetrics(clock, store)
    random = np.random.default_rng(7)
    latencies = np.concatenate([random.lognormal(7.5, 0.8, 20_000), [3_000_000.0, 0.0]]).astype(int)
    for latency in latencies.tolist():
        metrics.record(SCOPE, "ep", "AllTraffic", "c", 1, 200, latency, 1)
    clock.hand[0] += 60
    metrics.publish()
    found = point(store, "ModelLatency", "Microseconds")
    expected = {
        "SampleCount": latencies.size,
        "Sum": latencies.sum(),
        "Minimum": 0,
        "Maximum": 3_000_000,
        "Average": latencies.mean(),
    }
    assert {name: stat(found, name) for name in expected} == pytest.approx(expected, rel=1e-12)
    for percent in (0.5, 10, 50, 90, 99, 99.9):
        assert stat(found, f"p{percent:g}") == pytest.approx(np.percentile(latencies, percent), rel=0.01), percent


def test_a_percentile_of_few_values_is_exact() -> None:
    found = StatisticSet.of({10.0: 1, 20.0: 2, 50.0: 1})
    assert [found.percentile(percent) for percent in (0, 50, 90, 100)] == pytest.approx(
        [float(np.percentile([10, 20, 20, 50], percent)) for percent in (0, 50, 90, 100)]
    )
    assert StatisticSet.sent(4, 100, 10, 50).percentile(50) is None
    assert StatisticSet.sent(4, 40, 10, 10).percentile(50) == 10
    assert StatisticSet.of({-1.0: 1}).percentile(50) is None
    names = ["p0", "p99", "p99.9", "P50", "p100", "p100.0", "p101", "p", "Average", "tm99", "p-1"]
    assert [is_percentile(name) for name in names] == [True] * 6 + [False] * 5


def test_a_minute_under_a_time_factor_is_a_second() -> None:
    clock = at(START + 0.5, 60)
    store = MetricStore(clock)
    metrics = InvocationMetrics(clock, store)
    for moment in (START + 0.5, START + 0.99, START + 1.01):
        clock.hand[0] = moment
        metrics.record(SCOPE, "ep", "AllTraffic", "c", 1, 200, 1000, 10)
    clock.hand[0] = START + 5
    metrics.publish()
    found = store.periods(SCOPE, Metric.of("AWS/SageMaker", "Invocations", VARIANT), None, START, 60, 3)
    assert [each and each.count for each in found] == [2, 1, None]


@pytest.mark.contract("M10")
def test_silence_sends_nothing_unless_the_switch_says_zeros(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = StateFolder(tmp_path)
    clock = at(START + 61)
    store = MetricStore(clock)
    metrics = InvocationMetrics(clock, store)
    variants = [Served(SCOPE, "ep", "AllTraffic", "c")]
    metrics.publish(in_service=lambda: variants)
    assert list(store.metrics(SCOPE)) == []
    Switches(folder).set("idle-metrics", "zeros")
    monkeypatch.setattr("localcloud.state._serving", Switches(folder))
    metrics.publish(in_service=lambda: variants)
    assert stat(point(store, "Invocations", "None"), "Sum") == 0
    assert stat(point(store, "Invocations", "None", EndpointConfigName="c"), "Sum") == 0
    assert point(store, "ModelLatency", None) is None


def test_old_points_are_merged_and_the_state_is_read_back() -> None:
    clock = at(START)
    store = MetricStore(clock)
    metric = Metric.of("Own", "Value", {})
    for minute in range(600):
        store.put(SCOPE, metric, "None", START + 60 * minute, StatisticSet.of({float(minute): 1}))
    clock.hand[0] = START + 600 * 60
    whole = store.periods(SCOPE, metric, None, START, 600 * 60, 1)[0]
    store.compact()
    again = MetricStore(clock)
    saved = json.loads(json.dumps([[[*place], units] for place, units in store.table.items()]))
    again.load({tuple(place): units for place, units in saved})
    assert again.table == store.table
    assert again.periods(SCOPE, metric, None, START - 1200, 700 * 60, 1)[0] == whole
    points = again.points(SCOPE, metric, None, 0, 1e12)
    assert len([moment for moment, _, _ in points if moment >= clock.hand[0] - 3 * 3600]) == 180
    assert len(points) < 180 + 90
    clock.hand[0] += 16 * 86400
    again.compact()
    assert list(again.metrics(SCOPE)) == []


@pytest.mark.contract("M12")
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
def test_utilisation_is_that_of_the_process(tmp_path: Path) -> None:
    clock = at(START + 60)
    store = MetricStore(clock)
    instances = [Instance(SCOPE, "ep", "AllTraffic", os.getpid(), tmp_path)]
    use = Utilisation(clock, store, lambda: instances)
    use.publish()
    started = os.times()
    while os.times().user - started.user < 0.3:
        sum(range(10_000))
    clock.hand[0] += 60
    use.publish()
    spent = os.times().user + os.times().system - started.user - started.system
    names = ("CPUUtilization", "MemoryUtilization", "DiskUtilization")
    found = {
        name: store.points(SCOPE, Metric.of("/aws/sagemaker/Endpoints", name, VARIANT), "Percent", 0, 1e12)
        for name in names
    }
    assert [(moment, unit) for moment, unit, _ in found["MemoryUtilization"]] == [
        (START, "Percent"),
        (START + 60, "Percent"),
    ]
    ((moment, _, processor),) = found["CPUUtilization"]
    assert moment == START + 60
    assert processor.maximum == pytest.approx(100 * spent / 60, abs=0.2)
    assert 0 < found["MemoryUtilization"][0][2].maximum < 100
    assert 0 < found["DiskUtilization"][0][2].maximum <= 100


@pytest.mark.contract("M14")
def test_requests_at_one_time_are_a_point_of_each_instance_every_ten_seconds() -> None:
    clock = at(START + 10.01)
    store, served = MetricStore(clock), Served(SCOPE, "ep", "AllTraffic", "c1")
    assert publish_peaks(clock, store, [(served, 3), (served, 5), (served, 0)])
    clock.hand[0] = START + 20.01
    assert publish_peaks(clock, store, [(served, 0)])
    assert not publish_peaks(clock, store, [])
    for dimensions in (VARIANT, {**VARIANT, "EndpointConfigName": "c1"}):
        metric = Metric.of("AWS/SageMaker", "ConcurrentRequestsPerModel", dimensions)
        first, second = store.periods(SCOPE, metric, "None", START, 10, 2)
        assert [stat(first, name) for name in ("Minimum", "Maximum", "SampleCount")] == [3, 5, 2]
        assert second is None  # no request, no point


@pytest.mark.contract("M14")
def test_idle_instances_send_zeros_where_the_switch_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = StateFolder(tmp_path)
    folder.create()
    Switches(folder).set("idle-metrics", "zeros")
    monkeypatch.setattr("localcloud.state._serving", Switches(folder))
    clock = at(START + 10.01)
    store = MetricStore(clock)
    publish_peaks(clock, store, [(Served(SCOPE, "ep", "AllTraffic", "c1"), 0)])
    metric = Metric.of("AWS/SageMaker", "ConcurrentRequestsPerModel", VARIANT)
    assert stat(store.periods(SCOPE, metric, "None", START, 10, 1)[0], "Maximum") == 0
