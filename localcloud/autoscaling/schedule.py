"""When a scheduled action is due: `at(…)`, `rate(…)` and `cron(…)`, in a time zone, between two moments.

A time of day is a real one; a rate lasts as long as the time factor makes it.
https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from localcloud.clock import Clock
from localcloud.ministack.door.services import eventbridge
from localcloud.sagemaker.api.call import validation_error

_SECONDS = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}
_AT = "at(%Y-%m-%dT%H:%M:%S)"


def check_schedule(request: Mapping[str, Any]) -> None:
    """Refuse an expression, a zone or bounds that AWS would refuse. Raises ServiceError."""
    expression = request["Schedule"]
    if expression.startswith("at("):
        try:
            datetime.strptime(expression, _AT)
        except ValueError:
            raise validation_error(f"Invalid schedule expression: {expression}") from None
    else:
        # The module of a project file's values loads pydantic, 0.1 s of every start of the server.
        from kickstand.config.values import schedule_fault

        if fault := schedule_fault(expression):
            raise validation_error(f"Invalid schedule expression: {expression}, which {fault}.")
    zone(request)
    start, end = request.get("StartTime"), request.get("EndTime")
    if start is not None and end is not None and not start < end:
        raise validation_error("StartTime must be before EndTime.")


def zone(request: Mapping[str, Any]) -> ZoneInfo:
    """The time zone of an action. Raises ServiceError for one that there is not."""
    name = request.get("Timezone") or "UTC"
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # of a name that is unknown, no path, or a folder
        raise validation_error(f"Invalid time zone: {name}") from None


def following(action: Mapping[str, Any], clock: Clock, after: float) -> float | None:
    """The next moment behind `after` at which an action is due; None where there is none."""
    expression, begin = action["Schedule"], action.get("StartTime")
    found: float | None
    if rate := re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression):
        length = clock.real(int(rate[1]) * _SECONDS[rate[2]])
        first = begin if begin is not None else float(action["CreationTime"]) + length
        found = first if after < first else first + (int((after - first) / length) + 1) * length
    elif expression.startswith("at("):
        found = _moment(datetime.strptime(expression, _AT), zone(action))
        found = found if found > after else None
    else:
        found = _cron(expression, max(after, begin - 60 if begin is not None else after), zone(action))
    return None if found is None or (action.get("EndTime") or found) < found else found


def _cron(expression: str, after: float, place: ZoneInfo) -> float | None:
    """The fields are of the zone's own clock, which the emulator's function takes for UTC."""
    local = datetime.fromtimestamp(after, place).replace(tzinfo=UTC)
    fields = eventbridge.parse_cron_fields(expression)
    found = eventbridge.cron_next_fire(fields, local) if fields else None
    return None if found is None else _moment(found, place)


def _moment(local: datetime, place: ZoneInfo) -> float:
    return local.replace(tzinfo=place).timestamp()
