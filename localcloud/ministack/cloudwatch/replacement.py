"""Puts our metrics, our evaluation of alarms and their notifications in the place of ministack's.

Of ministack stay the composite alarms' rules, tags, dashboards and the paging of lists. ministack evaluates an alarm
when data is put, over all dimensions at once; here a clock does it (`localcloud.cloudwatch.service`).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from localcloud.cloudwatch.alarm_state import (
    EVENT,
    SOURCE,
    Alarm,
    event_detail,
    history_of_action,
    history_of_change,
    history_of_request,
    state_of,
)
from localcloud.cloudwatch.alarms import Alarms
from localcloud.cloudwatch.metric_store import Metric, MetricStore
from localcloud.cloudwatch.operations import Metrics, alarms_for_metric
from localcloud.cloudwatch.statistic_set import StatisticSet
from localcloud.ministack.cloudwatch.notification import actions_of, notify
from localcloud.ministack.cloudwatch.protocol import Answer, handler, through_json
from localcloud.ministack.door.names import Seam, correct, entries
from localcloud.ministack.door.services import cloudwatch
from localcloud.ministack.registry import account_id, region, request_scope
from localcloud.ministack.stepfunctions.integrations import put_service_event
from localcloud.sagemaker.api.call import Scope

_LOG = logging.getLogger("kickstand.cloudwatch")
_POINTS = "points"
"""The metrics, among the saved records."""
_HISTORY = 2000
"""Entries of one account and region; the oldest go first."""


class AlarmRecords:
    """ministack's table of alarms; a change of state goes into the history, to the topics and onto the bus."""

    def metric_alarms(self) -> Iterable[tuple[Scope, Alarm]]:
        return [(Scope(account, place), alarm) for (account, place, _), alarm in [*entries(cloudwatch.alarms).items()]]

    def find(self, scope: Scope, name: str) -> Alarm | None:
        key = (scope.account, scope.region, name)
        found: Alarm | None = entries(cloudwatch.alarms).get(key) or entries(cloudwatch.composite_alarms).get(key)
        return found

    def keep(self, scope: Scope, alarm: Alarm) -> None:
        name = alarm["AlarmName"]
        with request_scope(scope.account, scope.region):
            created = name not in cloudwatch.alarms
            cloudwatch.alarms[name] = alarm
            self._add(history_of_request(alarm, created=created))

    def forget(self, scope: Scope, name: str) -> None:
        with request_scope(scope.account, scope.region):
            alarm = cloudwatch.alarms.pop(name, None)
            if alarm is not None:
                cloudwatch.resource_tags.pop(alarm["AlarmArn"], None)

    def changed(self, scope: Scope, alarm: Alarm, before: Mapping[str, Any]) -> None:
        with request_scope(scope.account, scope.region):
            self._add(history_of_change(alarm, before))
            cloudwatch.composite_triggers.pop(alarm["AlarmName"], None)
            self.publish(scope, alarm, before)
            cloudwatch.evaluate_parent_alarms(alarm)

    def publish(self, scope: Scope, alarm: Alarm, before: Mapping[str, Any]) -> None:
        """Take the actions of the alarm's state, and put the event on the bus."""
        for action in actions_of(alarm):
            try:
                problem = notify(scope, alarm, before["StateValue"], action)
            except Exception as error:
                _LOG.exception("the alarm %s could not do %s", alarm["AlarmName"], action)
                problem = str(error)
            self._add(history_of_action(alarm, action, problem))
        try:
            put_service_event(
                scope.account,
                scope.region,
                source=SOURCE,
                detail_type=EVENT,
                resource=alarm["AlarmArn"],
                detail=event_detail(alarm, before),
            )
        except Exception:
            _LOG.exception("the event of the alarm %s was lost", alarm["AlarmName"])

    def _add(self, entry: dict[str, Any]) -> None:
        history = cloudwatch.history_entries()
        history.append(entry)
        del history[:-_HISTORY]


@dataclass(frozen=True, slots=True)
class Replacement:
    """What stands in ministack's place.

    points: the store of frozen records that is the table of `store`.
    """

    points: Any
    store: MetricStore
    metrics: Metrics
    alarms: Alarms
    records: AlarmRecords

    def install(self) -> None:
        """Once, before the emulator starts and before it loads its state."""
        for seam, operation, perform in (
            (cloudwatch.put_metric_data, "PutMetricData", self.metrics.put_metric_data),
            (cloudwatch.get_metric_statistics, "GetMetricStatistics", self.metrics.get_metric_statistics),
            (cloudwatch.get_metric_data, "GetMetricData", self.metrics.get_metric_data),
            (cloudwatch.list_metrics, "ListMetrics", self.metrics.list_metrics),
            (cloudwatch.set_alarm_state, "SetAlarmState", self._set_alarm_state),
            (cloudwatch.describe_alarms_for_metric, "DescribeAlarmsForMetric", self._alarms_for_metric),
        ):
            _put(seam, handler(operation, _scoped(perform)))
        correct(cloudwatch.put_metric_alarm, self._putting)
        for seam, operation in (
            (cloudwatch.describe_alarms, "DescribeAlarms"),
            (cloudwatch.describe_alarm_history, "DescribeAlarmHistory"),
        ):
            correct(seam, partial(through_json, operation))
        for seam in (cloudwatch.evaluate_alarm, cloudwatch.evaluate_all_alarms, cloudwatch.evict_old_metrics):
            _put(seam, lambda *_: None)
        _put(cloudwatch.record_metric, self._record)
        correct(cloudwatch.transition_composite, self._with_event)
        # The actions of composite alarms are taken with their event.
        _put(cloudwatch.dispatch_alarm_actions, lambda *_: None)
        correct(cloudwatch.get_state, self._saved)
        correct(cloudwatch.load_persisted_state, self._loaded)

    def _set_alarm_state(self, scope: Scope, request: Mapping[str, Any]) -> dict[str, Any]:
        self.alarms.set_state(
            scope,
            request["AlarmName"],
            request["StateValue"],
            request["StateReason"],
            request.get("StateReasonData", ""),
        )
        return {}

    def _alarms_for_metric(self, scope: Scope, request: Mapping[str, Any]) -> dict[str, Any]:
        mine = [alarm for place, alarm in self.records.metric_alarms() if place == scope]
        return {"MetricAlarms": alarms_for_metric(mine, request)}

    def _putting(
        self, original: Callable[..., Answer], params: Any, cbor_data: Any, is_cbor: bool, is_json: bool = False
    ) -> Answer:
        """PutMetricAlarm; its tags are ministack's to check and to keep."""
        tags = cloudwatch.alarm_request_tags(params, cbor_data, is_cbor, is_json)

        def perform(scope: Scope, request: Mapping[str, Any]) -> dict[str, Any]:
            created = request["AlarmName"] not in cloudwatch.alarms
            alarm = self.alarms.put(scope, request)
            if created and tags:
                cloudwatch.resource_tags[alarm["AlarmArn"]] = {tag["Key"]: tag["Value"] for tag in tags}
            return {}

        name = (cbor_data or {}).get("AlarmName") if is_cbor or is_json else cloudwatch.p(params, "AlarmName")
        is_new = str(name) not in cloudwatch.alarms
        refused: Answer | None = cloudwatch.alarm_tags_refusal(tags, None, is_new, is_cbor, is_json)
        return refused or handler("PutMetricAlarm", _scoped(perform))(params, cbor_data, is_cbor, is_json)

    def _record(
        self,
        namespace: str,
        metric_name: str,
        value: float,
        unit: str = "None",
        dimensions: dict[str, str] | None = None,
    ) -> None:
        """What other services of ministack publish about themselves."""
        metric = Metric.of(namespace, metric_name, dimensions or {})
        self.store.put(_scope(), metric, unit, self.metrics.now(), StatisticSet.of({float(value): 1.0}))

    def _with_event(
        self, original: Callable[..., None], alarm: Alarm, new_state: str, *more: Any, **named: Any
    ) -> None:
        before = state_of(alarm)
        original(alarm, new_state, *more, **named)
        if before["StateValue"] != new_state:
            self.records.publish(_scope(), alarm, before)

    def _saved(self, original: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        return {**original(), _POINTS: self.points}

    def _loaded(self, original: Callable[[Any], None], data: Mapping[str, Any]) -> None:
        self.store.load(entries(data[_POINTS]) if _POINTS in data else {})
        original(data)
        for scope, metric, point in _earlier_points():
            self.store.put(scope, metric, point.get("Unit", "None"), point["Timestamp"], _values(point))
        entries(cloudwatch.metrics).clear()
        for key, alarm in [*entries(cloudwatch.alarms).items()]:
            entries(cloudwatch.alarms)[key] = {name: value for name, value in alarm.items() if value is not None}


def _put(seam: Seam, replacement: Callable[..., Any]) -> None:
    correct(seam, lambda _, *arguments, **named: replacement(*arguments, **named))


def _scope() -> Scope:
    return Scope(account_id(), region())


def _scoped(perform: Callable[[Scope, dict[str, Any]], Mapping[str, Any]]) -> Callable[..., Mapping[str, Any]]:
    return lambda members: perform(_scope(), members)


def _earlier_points() -> Iterator[tuple[Scope, Metric, Mapping[str, Any]]]:
    """What a state of an earlier version holds: each value as a point of its own."""
    for (account, place, key), points in entries(cloudwatch.metrics).items():
        namespace, name = (key if isinstance(key, tuple | list) else json.loads(key))[:2]
        for point in points:
            yield Scope(account, place), Metric.of(namespace, name, point.get("Dimensions", {})), point


def _values(point: Mapping[str, Any]) -> StatisticSet:
    if sent := point.get("_stat"):
        numbers = [float(sent.get(name, 0)) for name in ("SampleCount", "Sum", "Minimum", "Maximum")]
        return StatisticSet.sent(max(1.0, numbers[0]), *numbers[1:])
    return StatisticSet.of({float(point["Value"]): float(point.get("Count", 1))})
