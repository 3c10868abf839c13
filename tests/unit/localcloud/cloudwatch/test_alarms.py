"""Alarms over a store whose clock the test moves: periods that slide, percentiles, expressions, what changes whom."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from localcloud.clock import Clock
from localcloud.cloudwatch.alarm_state import Alarm, event_detail
from localcloud.cloudwatch.alarms import Alarms
from localcloud.cloudwatch.invocation_metrics import InvocationMetrics
from localcloud.cloudwatch.metric_store import Metric, MetricStore
from localcloud.cloudwatch.statistic_set import StatisticSet
from localcloud.sagemaker.api.call import Scope, ServiceError

SCOPE = Scope("111122223333", "us-east-1")
START = 1_780_000_020.0
"""The beginning of a minute."""
PLACE = {"EndpointName": "ep"}


@dataclass(frozen=True, slots=True)
class Moments(Clock):
    """A clock that stands where the test puts it."""

    hand: list[float] = field(default_factory=lambda: [START])

    def now(self) -> float:
        return self.hand[0]


@dataclass
class Kept:
    """Alarms by name, and the changes of state."""

    alarms: dict[str, Alarm] = field(default_factory=dict)
    changes: list[tuple[str, str, str]] = field(default_factory=list)

    def metric_alarms(self) -> Iterable[tuple[Scope, Alarm]]:
        return [(SCOPE, alarm) for alarm in self.alarms.values()]

    def find(self, scope: Scope, name: str) -> Alarm | None:
        return self.alarms.get(name)

    def keep(self, scope: Scope, alarm: Alarm) -> None:
        self.alarms[alarm["AlarmName"]] = alarm

    def forget(self, scope: Scope, name: str) -> None:
        self.alarms.pop(name, None)

    def changed(self, scope: Scope, alarm: Alarm, before: Mapping[str, Any]) -> None:
        self.changes.append((alarm["AlarmName"], before["StateValue"], alarm["StateValue"]))


@dataclass
class Watched:
    """A store, its alarms and its clock."""

    clock: Moments
    store: MetricStore
    kept: Kept
    alarms: Alarms

    def put(
        self, value: float, *, minute: float = 0, count: float = 1, name: str = "Latency", unit: str = "None"
    ) -> None:
        metric = Metric.of("Own", name, PLACE)
        self.store.put(SCOPE, metric, unit, START + 60 * minute, StatisticSet.of({value: count}), period=10)

    def state_at(self, minute: float, name: str = "a", *, whole_minute: bool = True) -> str:
        self.clock.hand[0] = START + 60 * minute
        self.alarms.evaluate(whole_minute=whole_minute)
        return str(self.kept.alarms[name]["StateValue"])


@pytest.fixture
def watched() -> Watched:
    clock = Moments()
    store, kept = MetricStore(clock), Kept()
    return Watched(clock, store, kept, Alarms(clock, store, kept))


def request(**changes: Any) -> dict[str, Any]:
    usual = {
        "AlarmName": "a",
        "Namespace": "Own",
        "MetricName": "Latency",
        "Dimensions": [{"Name": "EndpointName", "Value": "ep"}],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 5.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


@pytest.mark.contract("N01")
def test_a_new_alarm_has_no_data_and_says_so(watched: Watched) -> None:
    alarm = watched.alarms.put(SCOPE, request())
    assert (alarm["StateValue"], alarm["StateReason"]) == ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation")
    assert alarm["AlarmArn"] == "arn:aws:cloudwatch:us-east-1:111122223333:alarm:a"
    assert watched.kept.changes == []


def test_the_minute_in_progress_counts_when_it_is_over(watched: Watched) -> None:
    watched.alarms.put(SCOPE, request())
    watched.put(9, minute=0)
    assert watched.state_at(0.5) == "OK"
    assert watched.state_at(1) == "ALARM"
    assert watched.alarms.in_alarm(SCOPE, ["none", "a"]) == ("a",)
    assert watched.alarms.reason(SCOPE, "a").startswith("Threshold Crossed: 1 out of the last 1 datapoints [9.0 (")
    assert watched.alarms.reason(SCOPE, "none") == ""
    assert [watched.state_at(minute) for minute in (2, 3, 4)] == ["ALARM", "ALARM", "OK"]
    assert watched.kept.changes == [("a", "INSUFFICIENT_DATA", "OK"), ("a", "OK", "ALARM"), ("a", "ALARM", "OK")]


def test_a_period_longer_than_a_minute_slides(watched: Watched) -> None:
    watched.alarms.put(SCOPE, request(Period=300))
    watched.put(9, minute=7)
    assert watched.state_at(7) == "OK"
    assert watched.state_at(8) == "ALARM"
    data = json.loads(watched.kept.alarms["a"]["StateReasonData"])
    assert (data["startDate"], data["period"]) == ("2026-05-28T20:30:00.000+0000", 300)


def test_a_short_period_is_evaluated_within_the_minute(watched: Watched) -> None:
    watched.alarms.put(SCOPE, request(Period=10))
    watched.alarms.put(SCOPE, request(AlarmName="long"))
    assert watched.alarms.has_short_periods()
    watched.put(9, minute=0)
    assert watched.state_at(1 / 6, whole_minute=False) == "ALARM"
    assert watched.kept.alarms["long"]["StateValue"] == "INSUFFICIENT_DATA"


def test_a_percentile_is_ignored_while_its_samples_are_few(watched: Watched) -> None:
    percentile = {"Statistic": None, "ExtendedStatistic": "p90", "EvaluateLowSampleCountPercentile": "ignore"}
    watched.alarms.put(SCOPE, request(**percentile))
    watched.put(9, count=99)
    assert watched.state_at(1) == "INSUFFICIENT_DATA"
    watched.put(9, count=1)
    assert watched.state_at(1) == "ALARM"


@pytest.mark.contract("M08")
def test_a_unit_that_nobody_sends_has_no_data(watched: Watched) -> None:
    watched.alarms.put(SCOPE, request(Unit="Count", TreatMissingData="missing"))
    watched.put(9, unit="None")
    assert watched.state_at(1) == "INSUFFICIENT_DATA"
    watched.put(9, unit="Count")
    assert watched.state_at(1) == "ALARM"


@pytest.mark.contract("N09")
def test_an_expression_is_evaluated_for_each_period(watched: Watched) -> None:
    def query(name: str, metric: str) -> dict[str, Any]:
        named = {"Namespace": "Own", "MetricName": metric, "Dimensions": [{"Name": "EndpointName", "Value": "ep"}]}
        return {"Id": name, "MetricStat": {"Metric": named, "Period": 60, "Stat": "Sum"}, "ReturnData": False}

    one_metric = ("Namespace", "MetricName", "Dimensions", "Statistic", "Period")
    rate = {"Id": "rate", "Expression": "IF(r > 10, e / r, 0)"}
    metrics = [query("e", "Errors"), query("r", "Requests"), rate]
    watched.alarms.put(SCOPE, request(**dict.fromkeys(one_metric), Metrics=metrics, Threshold=0.1))
    watched.put(5, name="Errors")
    watched.put(5, name="Requests")
    assert watched.state_at(1) == "OK"  # too little traffic
    watched.put(15, minute=0.5, name="Requests")
    assert watched.state_at(1) == "ALARM"
    assert watched.alarms.reason(SCOPE, "a").startswith("Threshold Crossed: 1 out of the last 1 datapoints [0.25 (")
    (_, _, shown) = event_detail(watched.kept.alarms["a"], watched.kept.alarms["a"])["configuration"]["metrics"]
    assert shown == {"id": "rate", "returnData": True, "expression": "IF(r > 10, e / r, 0)"}


@pytest.mark.contract("N02")
def test_an_update_of_the_configuration_leaves_the_state(watched: Watched) -> None:
    watched.alarms.put(SCOPE, request())
    watched.put(9)
    assert watched.state_at(1) == "ALARM"
    changed = watched.alarms.put(SCOPE, request(Threshold=50.0))
    assert (changed["StateValue"], changed["Threshold"]) == ("ALARM", 50.0)
    elsewhere = watched.alarms.put(SCOPE, request(Dimensions=[{"Name": "EndpointName", "Value": "other"}]))
    assert (elsewhere["StateValue"], watched.alarms.in_alarm(SCOPE, ["a"])) == ("ALARM", ("a",))
    assert watched.state_at(1) == "OK"


@dataclass
class Endpoint:
    """An endpoint that is updated from the configuration `old` to `new`, and the metrics of its requests."""

    watched: Watched

    def __post_init__(self) -> None:
        self.metrics = InvocationMetrics(self.watched.clock, self.watched.store)

    def minute(self, number: int, *, old: Sequence[int] = (), new: Sequence[int] = (), micros: int = 1000) -> None:
        """Requests of one minute: the status of each, by what answered; then the minute's end."""
        self.watched.clock.hand[0] = START + 60 * number
        for config, statuses in (("old", old), ("new", new)):
            for status in statuses:
                self.metrics.record(SCOPE, "ep", "AllTraffic", config, 1, status, micros, 10)
        self.watched.clock.hand[0] = START + 60 * (number + 1)
        self.metrics.publish()
        self.watched.alarms.evaluate()

    def state(self, name: str = "a") -> str:
        return str(self.watched.kept.alarms[name]["StateValue"])


@pytest.fixture
def endpoint(watched: Watched) -> Endpoint:
    return Endpoint(watched)


def on_endpoint(metric: str, *, config: str | None = None, **changes: Any) -> dict[str, Any]:
    named = {"EndpointName": "ep", "VariantName": "AllTraffic", **({"EndpointConfigName": config} if config else {})}
    place = [{"Name": name, "Value": value} for name, value in named.items()]
    usual = {"Statistic": "Average", "Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": place}
    return request(**{**usual, **changes})


@pytest.mark.contract("N06")
def test_the_alarm_that_the_guide_prints_for_all_fleets_can_never_be_raised(endpoint: Endpoint) -> None:
    """The average of zeros and ones is at most 1; with a rate as its limit the same alarm is raised."""
    printed: dict[str, Any] = {"Period": 600, "EvaluationPeriods": 2, "Threshold": 1.0}
    alarms = endpoint.watched.alarms
    alarms.put(SCOPE, on_endpoint("Invocation4XXErrors", **printed))
    alarms.put(SCOPE, on_endpoint("Invocation4XXErrors", **{**printed, "Threshold": 0.01}, AlarmName="rate"))
    for number in range(40):
        endpoint.minute(number, old=[400] * 5)
    assert (endpoint.state(), endpoint.state("rate")) == ("OK", "ALARM")


@pytest.mark.contract("A05", "A06", "N07")
def test_the_alarm_that_the_guide_prints_for_the_new_fleet_sees_that_fleet_alone(endpoint: Endpoint) -> None:
    printed: dict[str, Any] = {"Period": 300, "EvaluationPeriods": 2, "Threshold": 100_000.0}
    alarms = endpoint.watched.alarms
    alarms.put(SCOPE, on_endpoint("ModelLatency", config="new", **printed))
    alarms.put(SCOPE, on_endpoint("ModelLatency", **printed, AlarmName="both"))
    for number in range(10):
        endpoint.minute(number, old=[200], micros=150_000)
    assert (endpoint.state(), endpoint.state("both")) == ("OK", "ALARM")
    for number in range(10, 20):
        endpoint.minute(number, new=[200], micros=150_000)
    assert endpoint.state() == "ALARM"


@pytest.mark.contract("N08")
def test_a_count_of_server_errors_is_raised_by_one_and_without_requests_has_no_data(endpoint: Endpoint) -> None:
    """As AWS's sample project writes it: no TreatMissingData."""
    counted = on_endpoint(
        "Invocation5XXErrors",
        Statistic="Sum",
        Threshold=1.0,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData=None,
    )
    endpoint.watched.alarms.put(SCOPE, counted)
    endpoint.minute(0, old=[200, 200])
    assert endpoint.state() == "OK"
    endpoint.minute(1, old=[200, 500])
    assert endpoint.state() == "ALARM"
    for number in range(2, 6):
        endpoint.minute(number)
    assert endpoint.state() == "INSUFFICIENT_DATA"
    assert endpoint.watched.alarms.in_alarm(SCOPE, ["a"]) == ()


@pytest.mark.contract("M04", "N09")
def test_an_average_of_errors_is_their_rate(endpoint: Endpoint) -> None:
    for limit, name in ((0.24, "below"), (0.25, "at")):
        endpoint.watched.alarms.put(SCOPE, on_endpoint("Invocation5XXErrors", Threshold=limit, AlarmName=name))
    endpoint.minute(0, new=[500, 200, 200, 200])
    assert (endpoint.state("below"), endpoint.state("at")) == ("ALARM", "OK")


@pytest.mark.contract("A02")
def test_only_an_alarm_in_the_state_alarm_ends_a_deployment(watched: Watched) -> None:
    for name in ("a", "b", "c"):
        watched.alarms.put(SCOPE, request(AlarmName=name))
    watched.alarms.set_state(SCOPE, "b", "OK", "a drill")
    watched.alarms.set_state(SCOPE, "c", "ALARM", "a drill")
    names = ["a", "b", "c", "none"]
    assert watched.kept.alarms["a"]["StateValue"] == "INSUFFICIENT_DATA"
    assert watched.alarms.in_alarm(SCOPE, names) == ("c",)
    assert watched.alarms.missing(SCOPE, names) == ("none",)


@pytest.mark.contract("N05")
@pytest.mark.parametrize("period", [10, 20, 30, 60, 120, 300])
def test_the_periods_that_there_are(watched: Watched, period: int) -> None:
    assert watched.alarms.put(SCOPE, request(Period=period))["Period"] == period


@pytest.mark.contract("N05")
@pytest.mark.parametrize("period", [1, 5, 15, 40, 61])
def test_the_periods_that_there_are_not(watched: Watched, period: int) -> None:
    with pytest.raises(ServiceError, match=f"Period must be 10, 20, 30 or a multiple of 60; found {period}"):
        watched.alarms.put(SCOPE, request(Period=period))


@pytest.mark.contract("N10")
@pytest.mark.parametrize(
    "name", ["EvaluationWindow", "EvaluationInterval", "EvaluationCriteria", "WarmUpConfiguration", "ThresholdMetricId"]
)
def test_newer_settings_are_refused_by_name(watched: Watched, name: str) -> None:
    with pytest.raises(ServiceError, match=f"{name} is not supported by the local cloud yet"):
        watched.alarms.put(SCOPE, request(**{name: {}}))


def test_a_state_by_hand_lasts_until_the_next_evaluation(watched: Watched) -> None:
    watched.alarms.put(SCOPE, request())
    watched.alarms.set_state(SCOPE, "a", "ALARM", "a drill")
    assert watched.alarms.in_alarm(SCOPE, ["a"]) == ("a",)
    assert watched.state_at(1) == "OK"
    with pytest.raises(ServiceError, match="Alarm b not found"):
        watched.alarms.set_state(SCOPE, "b", "ALARM", "a drill")
    with pytest.raises(ServiceError, match="Value 'RED' at 'stateValue'"):
        watched.alarms.set_state(SCOPE, "a", "RED", "a drill")


def test_one_alarm_that_cannot_be_evaluated_stops_no_other(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    watched.alarms.put(SCOPE, request(AlarmName="broken"))
    watched.alarms.put(SCOPE, request())
    watched.kept.alarms["broken"]["Statistic"] = "Unknown"
    watched.put(9)
    assert watched.state_at(1) == "ALARM"
    assert "the alarm broken was not evaluated" in caplog.text


@pytest.mark.contract("N05", "N10")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Namespace": None}, "The parameter Namespace must be specified"),
        ({"Threshold": None}, "The parameter Threshold must be specified"),
        ({"EvaluationPeriods": 0}, "Value '0' at 'evaluationPeriods'"),
        ({"Period": 90}, "found 90"),
        ({"Statistic": None}, "Exactly one of Statistic and ExtendedStatistic"),
        ({"Statistic": None, "ExtendedStatistic": "tm99"}, "The ExtendedStatistic tm99 is not supported"),
        ({"AlarmActions": ["arn:aws:sns:us-east-1:111122223333:t"] * 6}, "at most 5 AlarmActions"),
        ({"ThresholdMetricId": "x"}, "ThresholdMetricId is not supported"),
        ({"Period": 3600, "EvaluationPeriods": 169}, "more than a day"),
        ({"Dimensions": [{"Name": str(n), "Value": "x"} for n in range(31)]}, "at most 30 Dimensions"),
    ],
)
def test_what_is_wrong_is_refused(watched: Watched, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ServiceError, match=message) as caught:
        watched.alarms.put(SCOPE, request(**changes))
    assert caught.value.code == "ValidationError"
    assert watched.kept.alarms == {}


METRICS = dict.fromkeys(("Namespace", "MetricName", "Dimensions", "Statistic", "Period"))
STAT = {"Metric": {"Namespace": "Own", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ([{"Id": "a", "MetricStat": STAT}, {"Id": "a", "MetricStat": STAT}], "The Id a is there twice"),
        ([{"Id": "A", "MetricStat": STAT}], "begins with a lower-case letter"),
        ([{"Id": "a", "MetricStat": STAT, "Expression": "b"}], "exactly one of MetricStat and Expression"),
        ([{"Id": "a", "Expression": "b"}], "names b, which is not among the queries"),
        ([{"Id": "a", "Expression": "b"}, {"Id": "b", "Expression": "a"}], "a, b need each other"),
        ([{"Id": "a", "Expression": "1 + 1"}], "has no metric"),
        ([{"Id": "a", "MetricStat": STAT}, {"Id": "b", "MetricStat": STAT}], "ReturnData of true, found 2"),
        (
            [
                {"Id": "a", "MetricStat": STAT, "ReturnData": False},
                {"Id": "b", "MetricStat": {**STAT, "Period": 300}, "ReturnData": False},
                {"Id": "c", "Expression": "a + b"},
            ],
            "different periods",
        ),
    ],
)
def test_queries_that_are_wrong_are_refused(watched: Watched, metrics: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ServiceError, match=message):
        watched.alarms.put(SCOPE, request(**METRICS, Metrics=metrics))
