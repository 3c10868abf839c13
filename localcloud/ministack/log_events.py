"""CloudWatch Logs: events in segments of their own, and FilterLogEvents as AWS answers it.

Log events grow without end, and what was written never changes: each segment is saved once. FilterLogEvents reads the
streams that a prefix names, in pages.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from localcloud.ministack.door.core import responses
from localcloud.ministack.door.names import correct, entries
from localcloud.ministack.door.services import logs

SERVICE = "cloudwatch_logs"
PREFIX = f"{SERVICE}-events-"
LENGTH = 1000
"""Events in a segment."""

_LATEST = 253_402_300_799_999
"""Milliseconds: the last one of the year 9999, the end of what a date can be."""

Signature = tuple[int, str, str]
"""Length, first and last event id of a segment: late events go into the middle and push the others on."""


def install() -> None:
    """Let every event that is stored be a whole one, whoever stores it. Once, before the start."""
    correct(logs.append_log_events, _identified)
    correct(logs.put_log_events, _checked)


def _identified(original: Callable[..., None], stream: dict[str, Any], events: list[dict[str, Any]]) -> None:
    """Give each event an id: some of ministack's services append events that have none."""
    for event in events:
        event.setdefault("eventId", str(uuid.uuid4()))
    original(stream, events)


def _checked(original: Callable[..., Any], data: dict[str, Any]) -> Any:
    """Refuse events that CloudWatch Logs has no place for: they could be neither sorted, shown nor saved."""
    wrong = _wrong(data.get("logEvents"))
    return responses.error_response_json("InvalidParameterException", wrong, 400) if wrong else original(data)


def _wrong(events: Any) -> str:
    """What is wrong with the events of a request; empty where nothing is."""
    if not isinstance(events, list) or not events:
        return "Expected logEvents to be a list of at least one event."
    for number, event in enumerate(events):
        if not isinstance(event, dict):
            return f"Expected logEvents[{number}] to have a timestamp and a message."
        moment, message = event.get("timestamp"), event.get("message")
        if type(moment) is not int or not 0 <= moment <= _LATEST:
            return f"Expected logEvents[{number}].timestamp to be milliseconds since 1970, at most {_LATEST}."
        if not isinstance(message, str) or not message:
            return f"Expected logEvents[{number}].message to be a text of at least one character."
    return ""


class LogSegments:
    """Splits the events off the records of CloudWatch Logs, and tells which segments are new."""

    def __init__(self) -> None:
        self._saved: dict[str, Signature] = {}

    def split(self, state: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, list[Any]], dict[str, Signature]]:
        """The state with the names of segments in the place of events; the segments that changed; all signatures.

        Raises RuntimeError where a thread adds to the records meanwhile.
        """
        groups, changed, signatures = responses.AccountRegionScopedDict(), {}, {}
        for place, group in entries(state["log_groups"]).items():
            streams = {}
            for stream_name, stream in group.get("streams", {}).items():
                names = []
                for number, segment in _segments(stream["events"]):
                    name = _name(place, stream_name, number)
                    signature = (len(segment), str(segment[0]["eventId"]), str(segment[-1]["eventId"]))
                    names.append(name)
                    signatures[name] = signature
                    if self._saved.get(name) != signature:
                        changed[name] = segment
                streams[stream_name] = {**stream, "events": names}
            entries(groups)[place] = {**group, "streams": streams}
        # Records by pointer are the events once more: they are made again at the start.
        rest = {key: value for key, value in state.items() if key not in ("log_groups", "log_records")}
        return {**rest, "log_groups": groups}, changed, signatures

    def saved(self, signatures: Mapping[str, Signature]) -> None:
        """These segments are on their way to the disk."""
        self._saved = dict(signatures)

    def forget(self) -> None:
        """Hold every segment to be new."""
        self._saved = {}


def join(state: dict[str, Any], documents: Mapping[str, bytes]) -> dict[str, Any]:
    """Put the events of the saved segments back into the restored state, in place; returns it."""
    groups = state.get("log_groups", responses.AccountRegionScopedDict())
    for (account, region, group_name), group in entries(groups).items():
        for stream_name, stream in group.get("streams", {}).items():
            events = [event for name in stream["events"] for event in json.loads(documents[name])]
            stream["events"] = events
            with responses.request_scope(account, region):
                for event in events:
                    logs.log_records[event["eventId"]] = logs.build_log_record(
                        ptr=event["eventId"],
                        timestamp_ms=event["timestamp"],
                        message=event["message"],
                        log_group=group_name,
                        log_stream=stream_name,
                    )
    return state


def _segments(events: list[Any]) -> Iterator[tuple[int, list[Any]]]:
    for start in range(0, len(events), LENGTH):
        yield start // LENGTH, events[start : start + LENGTH]


def _name(place: tuple[str, ...], stream: str, number: int) -> str:
    digest = hashlib.sha256("\0".join([*place, stream]).encode(errors="surrogatepass")).hexdigest()[:24]
    return f"{PREFIX}{digest}-{number}"


MOST = 10_000
"""Events in one answer, of AWS and of ministack."""

Answer = tuple[int, dict[str, str], bytes]


def install_filters() -> None:
    """Filter by prefix, and in pages."""
    correct(logs.filter_log_events, _paged)


def _paged(original: Callable[[dict[str, Any]], Answer], data: dict[str, Any]) -> Answer:
    prefix, request = data.get("logStreamNamePrefix"), dict(data)
    if prefix and data.get("logStreamNames"):
        return _refused("logStreamNamePrefix and logStreamNames cannot both be specified.")
    group = logs.log_groups.get(logs.resolve_log_group_name(data))
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


def _refused(message: str) -> Answer:
    answer: Answer = responses.error_response_json("InvalidParameterException", message, 400)
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
