"""The operations on metrics: members in, members out, checked as CloudWatch checks them.

A Period is a duration of AWS: with a time factor of 60, that of 60 seconds is one second of the timestamps.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import base64
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.clock import Clock
from localcloud.cloudwatch.metric_store import MINUTE, Metric, MetricStore
from localcloud.cloudwatch.queries import Measure, Queries, dimensions, invalid
from localcloud.cloudwatch.statistic_set import BASIC, StatisticSet
from localcloud.sagemaker.api.call import NOT_SUPPORTED, Scope, ServiceError

_TWO_WEEKS, _TWO_HOURS, _RECENTLY = 14 * 86400.0, 7200.0, 3 * 3600.0
_POINTS_OF_STATISTICS = 1440
_POINTS_OF_DATA = 100_800
_PAGE = 500

Members = Mapping[str, Any]


class Metrics:
    """The operations on the metrics of a store."""

    def __init__(self, clock: Clock, store: MetricStore) -> None:
        self._clock, self._store = clock, store

    def now(self) -> float:
        """The present moment."""
        return self._clock.now()

    def put_metric_data(self, scope: Scope, request: Members) -> dict[str, Any]:
        """PutMetricData: everything or nothing."""
        namespace = request["Namespace"]
        if namespace.startswith("AWS/"):
            raise _value("The value AWS/ for parameter Namespace is invalid.")
        if "EntityMetricData" in request:
            raise _value(f"EntityMetricData is {NOT_SUPPORTED}.")
        data = request.get("MetricData") or ()
        checked = [self._datum(datum, f"MetricData.member.{number}") for number, datum in enumerate(data, start=1)]
        for datum, (moment, values, period) in zip(data, checked, strict=True):
            metric = Metric.of(namespace, datum["MetricName"], dimensions(datum.get("Dimensions")))
            self._store.put(scope, metric, datum.get("Unit", "None"), moment, values, period=period)
        return {}

    def _datum(self, datum: Members, place: str) -> tuple[float, StatisticSet, float]:
        now = self._clock.now()
        moment = datum.get("Timestamp", now)
        if moment < now - _TWO_WEEKS:
            raise _value(f"The parameter {place}.Timestamp must specify a time within the past two weeks.")
        if moment > now + _TWO_HOURS:
            raise _value(f"The parameter {place}.Timestamp must specify a time no more than two hours in the future.")
        resolution = datum.get("StorageResolution", MINUTE)
        if resolution not in (1, MINUTE):
            raise _value(f"The parameter {place}.StorageResolution must be 1 or 60.")
        given = [name for name in ("Value", "Values", "StatisticValues") if name in datum]
        if len(given) != 1:
            raise ServiceError(
                "InvalidParameterCombination",
                f"Exactly one of {place}.Value, {place}.Values and {place}.StatisticValues must be specified.",
            )
        dimensions(datum.get("Dimensions"))
        return moment, _values(datum, place), float(resolution)

    def get_metric_statistics(self, scope: Scope, request: Members) -> dict[str, Any]:
        """GetMetricStatistics: a data point for each period and unit that has values."""
        names = [*(request.get("Statistics") or ()), *(request.get("ExtendedStatistics") or ())]
        if not names:
            message = "At least one of the parameters Statistics and ExtendedStatistics must be specified."
            raise ServiceError("MissingParameter", message)
        measures = [Measure.of(request, name, request["Period"], request.get("Unit")) for name in names]
        start, end, period = request["StartTime"], request["EndTime"], request["Period"]
        _require_order(start, end)
        if (wanted := math.ceil((end - start) / period)) > _POINTS_OF_STATISTICS:
            raise ServiceError(
                "InvalidParameterCombination",
                f"You have requested up to {wanted:,} datapoints, which exceeds the limit of 1,440. You may reduce the "
                "datapoints requested by increasing Period, or decreasing the time range.",
            )
        start, length = self._clock.beginning(start, period), self._clock.real(period)
        parts: dict[tuple[int, str], list[StatisticSet]] = defaultdict(list)
        for moment, unit, values in self._store.points(scope, measures[0].metric, request.get("Unit"), start, end):
            parts[int((moment - start) / length + 1e-3), unit].append(values)
        points = []
        for (number, unit), sets in sorted(parts.items()):
            merged = StatisticSet.merged(sets)
            point: dict[str, Any] = {"Timestamp": start + number * length, "Unit": unit}
            found = {each.statistic: each.value(merged) for each in measures}
            point.update({name: value for name, value in found.items() if name in BASIC})
            extended = {name: value for name, value in found.items() if name not in BASIC and value is not None}
            if extended:
                point["ExtendedStatistics"] = extended
            points.append(point)
        return {"Label": request["MetricName"], "Datapoints": points}

    def get_metric_data(self, scope: Scope, request: Members) -> dict[str, Any]:
        """GetMetricData: metrics and expressions, the newest values first unless asked otherwise."""
        start, end = request["StartTime"], request["EndTime"]
        _require_order(start, end)
        queries = Queries(request["MetricDataQueries"])
        results = []
        for query in queries.queries:
            if not query.returned:
                continue
            if query.period is None:
                raise invalid(f"The expression {query.id} has no metric.")
            first, length = self._clock.beginning(start, query.period), self._clock.real(query.period)
            count = math.ceil((end - first) / length - 1e-3)
            if count > _POINTS_OF_DATA:
                raise invalid(f"The query {query.id} asks for {count:,} data points; the limit is {_POINTS_OF_DATA:,}.")
            values = queries.values(self._store, scope, query.id, first, count)
            pairs = [(first + number * length, value) for number, value in enumerate(values) if value is not None]
            if request.get("ScanBy") != "TimestampAscending":
                pairs.reverse()
            pairs = pairs[: request.get("MaxDatapoints", _POINTS_OF_DATA)]
            results.append(
                {
                    "Id": query.id,
                    "Label": query.label,
                    "Timestamps": [moment for moment, _ in pairs],
                    "Values": [value for _, value in pairs],
                    "StatusCode": "Complete",
                }
            )
        return {"MetricDataResults": results, "Messages": []}

    def list_metrics(self, scope: Scope, request: Members) -> dict[str, Any]:
        """ListMetrics, in pages of 500."""
        wanted = [(each["Name"], each.get("Value")) for each in request.get("Dimensions") or ()]
        since = self._clock.now() - self._clock.real(_RECENTLY) if request.get("RecentlyActive") else 0
        found = sorted(
            metric
            for metric, latest in self._store.metrics(scope)
            if request.get("Namespace") in (None, metric.namespace)
            and request.get("MetricName") in (None, metric.name)
            and all(any(name == n and value in (None, v) for n, v in metric.dimensions) for name, value in wanted)
            and latest >= since
        )
        start = _position(request.get("NextToken"))
        answer: dict[str, Any] = {"Metrics": [_shown(metric) for metric in found[start : start + _PAGE]]}
        if len(found) > start + _PAGE:
            answer["NextToken"] = base64.urlsafe_b64encode(str(start + _PAGE).encode()).decode()
        return answer


def alarms_for_metric(alarms: Sequence[Members], request: Members) -> list[Members]:
    """Of these alarms, those that DescribeAlarmsForMetric shows: on the very metric, with the very settings given."""
    metric = Metric.of(request["Namespace"], request["MetricName"], dimensions(request.get("Dimensions")))
    settings = {
        name: request[name] for name in ("Statistic", "ExtendedStatistic", "Period", "Unit") if request.get(name)
    }
    return [
        alarm
        for alarm in alarms
        if "MetricName" in alarm
        and Metric.of(alarm["Namespace"], alarm["MetricName"], dimensions(alarm.get("Dimensions"))) == metric
        and all(alarm.get(name) == value for name, value in settings.items())
    ]


def _values(datum: Members, place: str) -> StatisticSet:
    if "StatisticValues" in datum:
        sent = datum["StatisticValues"]
        numbers = [float(sent[name]) for name in ("SampleCount", "Sum", "Minimum", "Maximum")]
        if numbers[0] <= 0 or not all(map(math.isfinite, numbers)):
            raise _value(f"The parameter {place}.StatisticValues must have a SampleCount above 0 and finite numbers.")
        return StatisticSet.sent(*numbers)
    values = [float(each) for each in datum.get("Values", [datum.get("Value")])]
    counts = [float(each) for each in datum.get("Counts") or [1] * len(values)]
    if not values or len(values) != len(counts) or not all(map(math.isfinite, [*values, *counts])) or min(counts) <= 0:
        raise _value(f"The parameter {place} must have finite values, and as many counts above 0 as there are Values.")
    samples: dict[float, float] = defaultdict(float)
    for value, count in zip(values, counts, strict=True):
        samples[value] += count
    return StatisticSet.of(samples)


def _require_order(start: float, end: float) -> None:
    if start >= end:
        raise invalid("The parameter StartTime must be less than the parameter EndTime.")


def _value(message: str) -> ServiceError:
    return ServiceError("InvalidParameterValue", message)


def _shown(metric: Metric) -> dict[str, Any]:
    pairs = [{"Name": name, "Value": value} for name, value in metric.dimensions]
    return {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": pairs}


def _position(token: str | None) -> int:
    try:
        return int(base64.urlsafe_b64decode((token or "MA==").encode()))
    except ValueError:
        raise _value(f"The value {token} for parameter NextToken is invalid.") from None
