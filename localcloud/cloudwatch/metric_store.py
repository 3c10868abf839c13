"""The metrics of every account and region: a point for each period, merged as it gets older, saved with the state.

As at CloudWatch a minute stays a minute for a while, then becomes part of five minutes, then of an hour; the times are
shorter than there, for everything is kept in memory and in one file. With a time factor a minute is shorter too.
"""

from __future__ import annotations

import json
import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any, NamedTuple

from localcloud.clock import Clock
from localcloud.cloudwatch.statistic_set import StatisticSet
from localcloud.sagemaker.api.call import Scope

MINUTE = 60.0
_COARSER = ((3 * 3600.0, 300.0), (24 * 3600.0, 3600.0))
"""AWS seconds: from which age on, into periods of which length."""
_LONGEST = 15 * 86400.0
"""Real seconds that a point is kept."""
_MOST = 2000
"""Points of one metric and unit; the oldest go first."""

_ROUNDING = 5e-5
"""Seconds by which two ways to compute the same beginning may differ."""

Row = tuple[Any, ...]
Address = tuple[str, str, str]
"""Account, region, and a metric's key."""
Table = MutableMapping[Address, Mapping[str, tuple[Row, ...]]]
"""Of each metric the points of each unit, by moment: as JSON, and replaced as a whole where a point comes or changes,
so that what looks for changes need not read them."""


class Metric(NamedTuple):
    """A metric by its namespace, name and dimensions (by name): each other set of dimensions is another metric."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Mapping[str, str]) -> Metric:
        return cls(namespace, name, tuple(sorted(dimensions.items())))

    @property
    def key(self) -> str:
        return json.dumps([self.namespace, self.name, [list(pair) for pair in self.dimensions]])


class MetricStore:
    """Points by account, region, metric and unit. May be used from any thread.

    table: where they are kept, and saved from.
    """

    def __init__(self, clock: Clock, table: Table | None = None) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.table: Table = {} if table is None else table

    def load(self, saved: Mapping[Address, Mapping[str, Sequence[Sequence[Any]]]]) -> None:
        """Take over what was saved."""
        with self._lock:
            for address, units in saved.items():
                self.table[address] = {unit: tuple(map(tuple, rows)) for unit, rows in units.items()}

    def put(
        self, scope: Scope, metric: Metric, unit: str, moment: float, values: StatisticSet, *, period: float = MINUTE
    ) -> None:
        """Add values to the point of their period (AWS seconds)."""
        start = round(self._clock.beginning(moment, period), 6)
        address = (scope.account, scope.region, metric.key)
        with self._lock:
            units = self.table.get(address, {})
            rows = units.get(unit, ())
            at = after = bisect_left(rows, start, key=_moment)
            if at < len(rows) and rows[at][0] == start:
                values, after = StatisticSet.merged([StatisticSet.of_row(rows[at]), values]), at + 1
            self.table[address] = {**units, unit: (*rows[:at], values.row(start), *rows[after:])}

    def points(
        self, scope: Scope, metric: Metric, unit: str | None, start: float, end: float
    ) -> list[tuple[float, str, StatisticSet]]:
        """The points that begin from `start` on and before `end`, with their units; None: of every unit."""
        found = []
        for name, rows in self.table.get((scope.account, scope.region, metric.key), {}).items():
            if unit in (None, name):
                first, last = (bisect_left(rows, edge - _ROUNDING, key=_moment) for edge in (start, end))
                found += [(row[0], name, row) for row in rows[first:last]]
        return [(moment, name, StatisticSet.of_row(row)) for moment, name, row in found]

    def periods(
        self, scope: Scope, metric: Metric, unit: str | None, start: float, period: float, count: int
    ) -> list[StatisticSet | None]:
        """One set for each of `count` periods (AWS seconds) from `start` on; None where no value came."""
        length = self._clock.real(period)
        parts: dict[int, list[StatisticSet]] = defaultdict(list)
        for moment, _, values in self.points(scope, metric, unit, start, start + count * length):
            parts[min(count - 1, int((moment - start) / length + 1e-3))].append(values)
        return [StatisticSet.merged(parts[number]) if number in parts else None for number in range(count)]

    def metrics(self, scope: Scope) -> Iterator[tuple[Metric, float]]:
        """The metrics of an account and region, each with the moment of its latest point."""
        for account, region, key in [*self.table]:
            if (account, region) == (scope.account, scope.region) and (units := self.table.get((account, region, key))):
                namespace, name, pairs = json.loads(key)
                yield Metric.of(namespace, name, dict(pairs)), max(rows[-1][0] for rows in units.values())

    def compact(self) -> None:
        """Merge old points into longer periods, and forget the oldest."""
        now = self._clock.now()
        with self._lock:
            for address in [*self.table]:
                units = self.table[address]
                kept = {unit: self._compacted(rows, now) for unit, rows in units.items()}
                kept = {unit: rows for unit, rows in kept.items() if rows}
                if not kept:
                    del self.table[address]
                elif kept != units:
                    self.table[address] = kept

    def _compacted(self, rows: tuple[Row, ...], now: float) -> tuple[Row, ...]:
        kept = rows[max(bisect_left(rows, now - _LONGEST, key=_moment), len(rows) - _MOST) :]
        for age, period in _COARSER:
            edge = self._clock.beginning(now - self._clock.real(age), period)
            old = kept[: bisect_left(kept, edge - _ROUNDING, key=_moment)]
            parts: dict[float, list[Row]] = defaultdict(list)
            for row in old:
                parts[round(self._clock.beginning(row[0], period), 6)].append(row)
            if len(parts) < len(old):
                merged = [
                    part[0] if len(part) == 1 else StatisticSet.merged([*map(StatisticSet.of_row, part)]).row(start)
                    for start, part in parts.items()
                ]
                kept = (*merged, *kept[len(old) :])
        return kept


def _moment(row: Row) -> float:
    return float(row[0])
