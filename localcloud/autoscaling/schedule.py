"""The schedule of a scheduled action: what Application Auto Scaling refuses in it, and when the action is due.

https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from localcloud.clock import Clock
from localcloud.sagemaker.api.call import validation_error
from localcloud.timetable import Timetable, expression_fault, rate_seconds, time_zone


def check_schedule(request: Mapping[str, Any]) -> None:
    """Refuse an expression, a zone or bounds that AWS would refuse. Raises ServiceError."""
    expression = request["Schedule"]
    if fault := expression_fault(expression):
        raise validation_error(f"Invalid schedule expression: {expression}, which {fault}.")
    zone(request)
    start, end = request.get("StartTime"), request.get("EndTime")
    if start is not None and end is not None and not start < end:
        raise validation_error("StartTime must be before EndTime.")


def zone(request: Mapping[str, Any]) -> ZoneInfo:
    """The time zone of an action. Raises ServiceError for one that there is not."""
    found = time_zone(request.get("Timezone"))
    if found is None:
        raise validation_error(f"Invalid time zone: {request['Timezone']}")
    return found


def following(action: Mapping[str, Any], clock: Clock, after: float) -> float | None:
    """The next moment behind `after` at which an action is due; None where there is none.

    A rate begins with its StartTime, without one after its first interval.
    """
    expression, begin = action["Schedule"], action.get("StartTime")
    first = float(action["CreationTime"]) + clock.real(rate_seconds(expression) or 0.0) if begin is None else begin
    return Timetable(expression, zone(action), first, begin, action.get("EndTime")).following(clock, after)
