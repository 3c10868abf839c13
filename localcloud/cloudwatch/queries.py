"""Metrics and expressions by id, as GetMetricData and alarms name them (MetricDataQueries), and their values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.cloudwatch.metric_math import Expression, MathError, Series, Value
from localcloud.cloudwatch.metric_store import Metric, MetricStore
from localcloud.cloudwatch.statistic_set import BASIC, StatisticSet, is_percentile
from localcloud.sagemaker.api.call import NOT_SUPPORTED, Scope, ServiceError

_ID = re.compile(r"[a-z][a-zA-Z0-9_]{0,254}")
_SHORT_PERIODS = (1, 5, 10, 20, 30)


def invalid(message: str) -> ServiceError:
    """A ValidationError, CloudWatch's code for what its alarms and queries refuse."""
    return ServiceError("ValidationError", message)


@dataclass(frozen=True, slots=True)
class Measure:
    """One statistic of one metric. period: AWS seconds. unit: None for values of any unit."""

    metric: Metric
    statistic: str
    period: int
    unit: str | None

    @classmethod
    def of(cls, metric: Mapping[str, Any], statistic: str, period: int, unit: str | None) -> Measure:
        """Of members of a request: `Namespace`, `MetricName`, `Dimensions`. Raises ServiceError."""
        if statistic not in BASIC and not is_percentile(statistic):
            raise invalid(f"The statistic {statistic} is {NOT_SUPPORTED}: it knows {', '.join(BASIC)} and p0 to p100.")
        if period not in _SHORT_PERIODS and (period < 60 or period % 60):
            raise invalid(f"Expected a Period of 1, 5, 10, 20, 30 or a multiple of 60 seconds, found {period}.")
        named = dimensions(metric.get("Dimensions"))
        return cls(Metric.of(metric["Namespace"], metric["MetricName"], named), statistic, period, unit)

    def sets(self, store: MetricStore, scope: Scope, start: float, count: int) -> list[StatisticSet | None]:
        return store.periods(scope, self.metric, self.unit, start, self.period, count)

    def value(self, found: StatisticSet | None) -> float | None:
        return None if found is None else found.statistic(self.statistic)


def dimensions(members: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    """Values by name. Raises ServiceError for more than 30."""
    if len(members or ()) > 30:
        raise invalid(f"Expected at most 30 Dimensions, found {len(members or ())}.")
    return {one["Name"]: one["Value"] for one in members or ()}


@dataclass(frozen=True, slots=True)
class Query:
    """One member of MetricDataQueries. period: AWS seconds; None for an expression without metrics."""

    id: str
    label: str
    returned: bool
    source: Measure | Expression
    period: int | None


class Queries:
    """MetricDataQueries that were checked. Raises ServiceError where they are wrong."""

    def __init__(self, members: Sequence[Mapping[str, Any]]) -> None:
        sources: dict[str, Measure | Expression] = {}
        for member in members:
            name = member["Id"]
            if not _ID.fullmatch(name):
                raise invalid(f"Expected an Id that begins with a lower-case letter, found {name}.")
            if name in sources:
                raise invalid(f"The Id {name} is there twice.")
            sources[name] = _source(member)
        self._order = _order(sources)
        periods = _periods(sources, self._order)
        self.queries = [
            Query(
                member["Id"],
                member.get("Label") or _label(member["Id"], sources[member["Id"]]),
                member.get("ReturnData", True),
                sources[member["Id"]],
                periods[member["Id"]],
            )
            for member in members
        ]
        self._sources = sources

    def needed(self, name: str) -> set[str]:
        """The ids that one needs, itself too."""
        source = self._sources[name]
        ids = source.ids if isinstance(source, Expression) else set()
        return {name}.union(*(self.needed(each) for each in ids))

    def values(self, store: MetricStore, scope: Scope, name: str, start: float, count: int) -> Series:
        """The values of one id for `count` of its periods from `start` on."""
        found: dict[str, Value] = {}
        needed = self.needed(name)
        for each in self._order:
            if each in needed:
                source = self._sources[each]
                if isinstance(source, Measure):
                    found[each] = [source.value(one) for one in source.sets(store, scope, start, count)]
                else:
                    found[each] = source.value(found, count)
        value = found[name]
        return [value] * count if isinstance(value, float) else value


def _source(member: Mapping[str, Any]) -> Measure | Expression:
    name, stat, expression = member["Id"], member.get("MetricStat"), str(member.get("Expression", ""))
    if (stat is None) == ("Expression" not in member):
        raise invalid(f"Expected exactly one of MetricStat and Expression in the query {name}.")
    if member.get("AccountId"):
        raise invalid(f"AccountId, in the query {name}, is {NOT_SUPPORTED}.")
    if stat is not None:
        return Measure.of(stat["Metric"], stat["Stat"], stat["Period"], stat.get("Unit"))
    try:
        return Expression(expression)
    except MathError as error:
        raise invalid(str(error)) from None


def _order(sources: Mapping[str, Measure | Expression]) -> list[str]:
    """The ids, each after those that it needs."""
    ordered: list[str] = []
    waiting = dict(sources)
    while waiting:
        ready = [
            name
            for name, source in waiting.items()
            if isinstance(source, Measure) or not any(each in waiting for each in source.ids)
        ]
        for name in ready:
            source = waiting[name]
            unknown = sorted(source.ids - sources.keys()) if isinstance(source, Expression) else []
            if unknown:
                raise invalid(f"The expression of {name} names {', '.join(unknown)}, which is not among the queries.")
        if not ready:
            raise invalid(f"The expressions of {', '.join(sorted(waiting))} need each other.")
        ordered += ready
        for name in ready:
            del waiting[name]
    return ordered


def _periods(sources: Mapping[str, Measure | Expression], order: Sequence[str]) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for name in order:
        source = sources[name]
        if isinstance(source, Measure):
            found[name] = source.period
            continue
        own = {period for each in source.ids if (period := found[each]) is not None}
        if len(own) > 1:
            raise invalid(f"The metrics of the expression {name} have different periods, which is {NOT_SUPPORTED}.")
        found[name] = next(iter(own), None)
    return found


def _label(name: str, source: Measure | Expression) -> str:
    return source.metric.name if isinstance(source, Measure) else name
