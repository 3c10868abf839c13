"""Alarms: made and changed by requests and templates, evaluated by a clock, so that silence changes them too."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from localcloud.clock import Clock
from localcloud.cloudwatch.alarm_request import configuration, measure_of, queries_of, rule_of
from localcloud.cloudwatch.alarm_state import CREATED, Alarm, alarm_arn, reason_data, short_date, state_of
from localcloud.cloudwatch.evaluation import ALARM, INSUFFICIENT_DATA, STATES, evaluate, reason
from localcloud.cloudwatch.metric_store import MINUTE, MetricStore
from localcloud.cloudwatch.queries import invalid
from localcloud.cloudwatch.statistic_set import StatisticSet
from localcloud.sagemaker.api.call import Scope, ServiceError

_LOG = logging.getLogger("kickstand.cloudwatch")
TICK = 10.0
"""AWS seconds between evaluations of alarms with a period below a minute; all others are evaluated each minute."""


class Records(Protocol):
    """Where the alarms are kept, and who is told of their changes."""

    def metric_alarms(self) -> Iterable[tuple[Scope, Alarm]]:
        """Those of every account and region."""

    def find(self, scope: Scope, name: str) -> Alarm | None:
        """A metric alarm or a composite one."""

    def keep(self, scope: Scope, alarm: Alarm) -> None:
        """Put a metric alarm in its place, under its name."""

    def forget(self, scope: Scope, name: str) -> None:
        """Remove a metric alarm; nothing where there is none."""

    def changed(self, scope: Scope, alarm: Alarm, before: Mapping[str, Any]) -> None:
        """An alarm has another state: history, actions, event, composite alarms.

        alarm: as it is now, a copy. before: `state_of` it before.
        """


class Alarms:
    """The alarms of all accounts. May be used from any thread."""

    def __init__(self, clock: Clock, store: MetricStore, records: Records) -> None:
        self._clock, self._store, self._records = clock, store, records
        self._lock = threading.RLock()

    def put(self, scope: Scope, request: Mapping[str, Any]) -> Alarm:
        """PutMetricAlarm: a new alarm has no data yet, a changed one keeps its state. Raises ServiceError."""
        configured = configuration(request)
        name, now = request["AlarmName"], self._clock.now()
        with self._lock:
            known = self._records.find(scope, name)
            if known is not None and "AlarmRule" in known:
                raise invalid(f"The alarm {name} is a composite alarm.")
            state = (
                state_of(known)
                if known is not None
                else {
                    "StateValue": INSUFFICIENT_DATA,
                    "StateReason": CREATED,
                    "StateUpdatedTimestamp": now,
                    "StateTransitionedTimestamp": now,
                }
            )
            alarm = {
                "AlarmArn": alarm_arn(scope, name),
                **configured,
                **state,
                "AlarmConfigurationUpdatedTimestamp": now,
            }
            self._records.keep(scope, alarm)
            return alarm

    def set_state(self, scope: Scope, name: str, state: str, why: str, data: str = "") -> None:
        """SetAlarmState: the next evaluation may change it back. Raises ServiceError."""
        if state not in STATES:
            raise invalid(
                f"1 validation error detected: Value '{state}' at 'stateValue' failed to satisfy constraint: Member "
                f"must satisfy enum value set: [{', '.join(STATES)}]"
            )
        with self._lock:
            alarm = self._records.find(scope, name)
            if alarm is None:
                raise ServiceError("ResourceNotFound", f"Alarm {name} not found", 404)
            before = self._change(alarm, state, why, data)
            changed = dict(alarm)
        self._tell(scope, changed, before)

    def evaluate(self, *, whole_minute: bool = True) -> None:
        """Evaluate the alarms at the end of a minute, or in between those with a shorter period alone."""
        for scope, alarm in [*self._records.metric_alarms()]:
            try:
                self._evaluate(scope, alarm, whole_minute)
            except Exception:
                _LOG.exception("the alarm %s was not evaluated", alarm.get("AlarmName"))

    def has_short_periods(self) -> bool:
        """Whether an alarm has a period below a minute."""
        return any(_period(alarm) < MINUTE for _, alarm in self._records.metric_alarms())

    def in_alarm(self, scope: Scope, names: Iterable[str]) -> tuple[str, ...]:
        """Those of the named alarms that are in ALARM now, in their order; a name without an alarm is in none."""
        found = ((name, self._records.find(scope, name)) for name in names)
        return tuple(name for name, alarm in found if alarm is not None and alarm["StateValue"] == ALARM)

    def missing(self, scope: Scope, names: Iterable[str]) -> tuple[str, ...]:
        """Those of these names under which there is no alarm."""
        return tuple(name for name in names if self._records.find(scope, name) is None)

    def reason(self, scope: Scope, name: str) -> str:
        """StateReason of an alarm; empty where there is none."""
        alarm = self._records.find(scope, name)
        return "" if alarm is None else str(alarm.get("StateReason", ""))

    def delete(self, scope: Scope, name: str) -> None:
        """Delete a metric alarm; nothing where there is none."""
        with self._lock:
            self._records.forget(scope, name)

    def recent(self, scope: Scope, name: str) -> list[float]:
        """The last data points of an alarm, as many as it evaluates at most, oldest first."""
        alarm = self._records.find(scope, name)
        if alarm is None:
            return []
        rule = rule_of(alarm)
        values, _ = self._values(scope, alarm, self._start(alarm, rule.range), rule.range)
        return [value for value in values if value is not None][-rule.periods :]

    def _start(self, alarm: Alarm, count: int) -> float:
        """When the first of the last `count` periods began that are over."""
        period = _period(alarm)
        # Periods longer than a minute slide: they end now, and not at a multiple of theirs.
        end = self._clock.beginning(self._clock.now(), MINUTE if period >= MINUTE else TICK)
        return end - count * self._clock.real(period)

    def _evaluate(self, scope: Scope, alarm: Alarm, whole_minute: bool) -> None:
        period = _period(alarm)
        if period >= MINUTE and not whole_minute:
            return
        rule, now = rule_of(alarm), self._clock.now()
        length, start = self._clock.real(period), self._start(alarm, rule.range)
        values, counts = self._values(scope, alarm, start, rule.range)
        with self._lock:
            if self._records.find(scope, alarm["AlarmName"]) is not alarm:
                return  # changed or deleted meanwhile
            outcome = evaluate(rule, values)
            if outcome.state in (None, alarm["StateValue"]) or _too_few(alarm, outcome.used, counts):
                return
            moments = [start + number * length for number in range(rule.range)]
            why = reason(rule, outcome, values, [*map(short_date, moments)])
            data = reason_data(alarm, outcome, values, counts, moments, now=now, period=period)
            before = self._change(alarm, str(outcome.state), why, data)
            changed = dict(alarm)
        self._tell(scope, changed, before)

    def _values(
        self, scope: Scope, alarm: Alarm, start: float, count: int
    ) -> tuple[list[float | None], list[float | None]]:
        """Values of the periods, and how many samples each is of (None where unknown)."""
        if "Metrics" in alarm:
            queries, watched, _ = queries_of(alarm)
            return queries.values(self._store, scope, watched, start, count), [None] * count
        measure = measure_of(alarm)
        sets: list[StatisticSet | None] = measure.sets(self._store, scope, start, count)
        return [measure.value(one) for one in sets], [None if one is None else one.count for one in sets]

    def _change(self, alarm: Alarm, state: str, why: str, data: str) -> dict[str, Any]:
        """Give an alarm a state; the one that it had."""
        before, now = state_of(alarm), self._clock.now()
        alarm.update(StateValue=state, StateReason=why, StateUpdatedTimestamp=now)
        if data:
            alarm["StateReasonData"] = data
        else:
            alarm.pop("StateReasonData", None)
        if before["StateValue"] != state:
            alarm["StateTransitionedTimestamp"] = now
        return before

    def _tell(self, scope: Scope, alarm: Alarm, before: Mapping[str, Any]) -> None:
        """Tell of a change, without the lock: who is told may call a service that waits for a request."""
        if before["StateValue"] != alarm["StateValue"]:
            self._records.changed(scope, alarm, before)


def _period(alarm: Alarm) -> int:
    return queries_of(alarm)[2] if "Metrics" in alarm else int(alarm["Period"])


def _too_few(alarm: Alarm, used: Sequence[int], counts: Sequence[float | None]) -> bool:
    """Whether a percentile is of too few samples, and the alarm is to ignore those.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
    """
    if alarm.get("EvaluateLowSampleCountPercentile") != "ignore" or "ExtendedStatistic" not in alarm:
        return False
    share = float(alarm["ExtendedStatistic"][1:]) / 100
    rarer = 1 - share if share >= 0.5 else share
    return rarer == 0 or any((counts[number] or 0) < 10 / rarer - 1e-6 for number in used)
