"""FilterLogEvents as AWS answers it: of the streams that a prefix names, and in pages.

ministack leaves `logStreamNamePrefix` out of account, so the log of one training job is that of all, and cuts the
answer at `limit` without saying that there is more.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.emulator.seam import Seam, wrap

LOGS = "ministack.services.cloudwatch_logs"
FILTER = Seam(LOGS, "_filter_log_events", ("data",))
MOST = 10_000
"""Events in one answer, of AWS and of ministack."""

Answer = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Filter by prefix, and in pages."""
    wrap(FILTER, _paged)


def _paged(original: Callable[[dict[str, Any]], Answer]) -> Callable[..., Answer]:
    def filter_log_events(data: dict[str, Any]) -> Answer:
        from ministack.services import cloudwatch_logs

        prefix, request = data.get("logStreamNamePrefix"), dict(data)
        if prefix and data.get("logStreamNames"):
            return _refused("logStreamNamePrefix and logStreamNames cannot both be specified.")
        group = cloudwatch_logs._log_groups.get(cloudwatch_logs._resolve_log_group_name(data))
        if prefix and group is not None:
            # A name that no stream can have, where there is none: an empty list would mean all of them.
            request["logStreamNames"] = [name for name in group["streams"] if name.startswith(prefix)] or [":"]
        try:
            moment, seen = _position(data.get("nextToken"))
        except ValueError:
            return _refused("The specified nextToken is invalid.")
        if moment is not None:
            request["startTime"] = moment
        status, headers, body = original({**request, "limit": MOST})
        if status != 200:
            return status, headers, body
        answer = json.loads(body)
        found = answer["events"]
        page = found[seen : seen + min(data.get("limit") or MOST, MOST)]
        answer["events"] = page
        if page and (seen + len(page) < len(found) or len(found) == MOST):
            answer["nextToken"] = _token(page, moment, seen)
        return status, headers, json.dumps(answer).encode()

    return filter_log_events


def _refused(message: str) -> Answer:
    from ministack.core.responses import error_response_json

    answer: Answer = error_response_json("InvalidParameterException", message, 400)
    return answer


def _token(page: list[Mapping[str, Any]], moment: int | None, seen: int) -> str:
    """Where the next page begins: the time of the last event, and how many of that time have been given.

    A time and not a number of events: what is logged later than this page does not move it.
    """
    last = page[-1]["timestamp"]
    given = sum(event["timestamp"] == last for event in page) + (seen if last == moment else 0)
    return base64.urlsafe_b64encode(json.dumps([last, given]).encode()).decode()


def _position(token: str | None) -> tuple[int | None, int]:
    """Time and number of a token; ValueError for one that was not given here."""
    if not token:
        return None, 0
    try:
        moment, seen = json.loads(base64.urlsafe_b64decode(token.encode()))
        return int(moment), int(seen)
    except (ValueError, TypeError) as wrong:
        raise ValueError(token) from wrong
