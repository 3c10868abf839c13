"""When a schedule is due: `at(…)`, `rate(…)` and `cron(…)`, in a time zone, between two moments.

A time of day is a real one; a rate lasts as long as the time factor makes it. The zone's clock decides: a time that it
leaps over in spring is no time, and one that comes twice in autumn is the first one.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from localcloud.clock import Clock
from localcloud.ministack.door.services import eventbridge

_SECONDS = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}
_AT = "at(%Y-%m-%dT%H:%M:%S)"
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")


def expression_fault(expression: str) -> str | None:
    """What AWS would refuse in an expression; None where it is well-formed."""
    if expression.startswith("at("):
        try:
            datetime.strptime(expression, _AT)
        except ValueError:
            return "must be at(YYYY-MM-DDTHH:MM:SS)"
        return None
    # The module of a project file's values loads pydantic, 0.1 s of every start of the server.
    from kickstand.config.values import schedule_fault

    return schedule_fault(expression)


def time_zone(name: str | None) -> ZoneInfo | None:
    """The time zone of a name, UTC without one; None where there is no such zone."""
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):  # of a name that is unknown, no path, or a folder
        return None


def rate_seconds(expression: str) -> float | None:
    """The AWS seconds after which a rate recurs; None for an expression of another kind."""
    rate = _RATE.fullmatch(expression)
    return int(rate[1]) * _SECONDS[rate[2]] if rate else None


@dataclass(frozen=True, slots=True)
class Timetable:
    """The moments of an expression that has no fault. Moments are seconds since 1970.

    first: the first moment of a rate; the others follow from it.
    begin, end: no moment is before or after them.
    """

    expression: str
    zone: ZoneInfo
    first: float
    begin: float | None = None
    end: float | None = None

    def following(self, clock: Clock, after: float) -> float | None:
        """The first moment behind `after`; None where there is none."""
        found: float | None
        if (seconds := rate_seconds(self.expression)) is not None:
            found = self._of_rate(clock.real(seconds), after)
        elif self.expression.startswith("at("):
            found = datetime.strptime(self.expression, _AT).replace(tzinfo=self.zone).timestamp()
            found = found if found > after else None
        else:
            found = self._of_cron(after)
        return None if found is None or (self.end is not None and self.end < found) else found

    def _of_rate(self, length: float, after: float) -> float | None:
        if after < self.first:
            return self.first
        count = math.floor((after - self.first) / length) + 1
        moment = self.first + count * length
        return moment if moment > after else moment + length  # where rounding gave `after` itself

    def _of_cron(self, after: float) -> float | None:
        """The fields are of the zone's own clock, which the emulator's function takes for UTC."""
        fields = eventbridge.parse_cron_fields(self.expression)
        earliest = after if self.begin is None else max(after, self.begin - 60)
        found = datetime.fromtimestamp(earliest, self.zone).replace(tzinfo=UTC, fold=0)
        while fields and (found := eventbridge.cron_next_fire(fields, found)) is not None:
            local = found.replace(tzinfo=self.zone)
            moment: float = local.timestamp()
            exists = datetime.fromtimestamp(moment, self.zone).replace(tzinfo=None) == local.replace(tzinfo=None)
            if exists and moment > after and (self.begin is None or moment >= self.begin):
                return moment
        return None
