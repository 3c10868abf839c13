"""CloudWatch Logs: events in segments of their own, and FilterLogEvents as AWS answers it.

Log events grow without end, and what was written never changes: each segment is saved once. FilterLogEvents reads the
streams that a prefix names, in pages.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.ministack.door.core import responses
from localcloud.ministack.door.names import correct, entries
from localcloud.ministack.door.services import logs

SERVICE = "cloudwatch_logs"
PREFIX = f"{SERVICE}/events/"
_FIRST_PREFIX = f"{SERVICE}-events-"
"""What versions up to 0.3.0 wrote for it."""
_STREAMS = "log_streams"
"""The store of streams, which ministack keeps in their groups."""
LENGTH = 1000
"""Events in a segment."""

_LATEST = 253_402_300_799_999
"""Milliseconds: the last one of the year 9999, the end of what a date can be."""

Signature = tuple[int, str, str]
"""Length, first and last event id: late events go into the middle and push the others on."""


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


@dataclass(frozen=True, slots=True)
class _Stream:
    """The events of a stream as they were seen last."""

    mark: Signature | None
    """Of all its events; None where there are none."""
    segments: dict[str, Signature]


Streams = dict[tuple[str, str, tuple[str, str]], _Stream]
"""By account, region, and group and stream."""


@dataclass(frozen=True, slots=True)
class Events:
    """The events of all streams: which segments changed, by name, and the names of those that are gone."""

    changed: dict[str, list[Any]]
    removed: list[str]
    streams: Streams


class LogSegments:
    """Splits the events off the records of CloudWatch Logs, and tells which segments are new."""

    def __init__(self) -> None:
        self._saved: Streams = {}

    def split(self, state: Mapping[str, Any]) -> tuple[dict[str, Any], Events]:
        """The state, with each stream as a record of its own that names the segments of its events; and the events.

        Events are added and never changed, and go with their stream: a stream with as many events as before, between
        the same first and last one, has the same.
        Raises RuntimeError where a thread adds to the records meanwhile.
        """
        groups, streams = responses.AccountRegionScopedDict(), responses.AccountRegionScopedDict()
        heads, records = entries(groups), entries(streams)
        changed: dict[str, list[Any]] = {}
        removed: list[str] = []
        found: Streams = {}
        for place, group in entries(state["log_groups"]).items():
            account, region, group_name = place
            heads[place] = {**group, "streams": {}}
            for name, stream in group.get("streams", {}).items():
                key = (account, region, (group_name, name))
                events = stream["events"]
                seen = self._saved.get(key)
                if seen is None or seen.mark != _signature(events, 0, len(events)):
                    before, seen = seen, _cut(key, events)
                    known = before.segments if before else {}
                    for number, (segment, signature) in enumerate(seen.segments.items()):
                        if known.get(segment) != signature:
                            changed[segment] = events[number * LENGTH : (number + 1) * LENGTH]
                    removed += [segment for segment in known if segment not in seen.segments]
                records[key] = {**stream, "events": [*seen.segments]}
                found[key] = seen
        for key in self._saved.keys() - found.keys():
            removed += self._saved[key].segments
        # Records by pointer are the events once more: they are made again at the start.
        rest = {key: value for key, value in state.items() if key not in ("log_groups", "log_records")}
        return {**rest, "log_groups": groups, _STREAMS: streams}, Events(changed, removed, found)

    def saved(self, events: Events) -> None:
        """These are on their way to the disk."""
        self._saved = events.streams

    def forget(self) -> None:
        """Hold every segment to be new."""
        self._saved = {}


def join(state: dict[str, Any], segments: Mapping[str, bytes]) -> dict[str, Any]:
    """Put the streams and the events of their segments back into the restored state, in place; returns it."""
    groups = entries(state.get("log_groups", responses.AccountRegionScopedDict()))
    streams = state.pop(_STREAMS, responses.AccountRegionScopedDict())
    for (account, region, (group_name, stream_name)), stream in entries(streams).items():
        groups[account, region, group_name]["streams"][stream_name] = stream
    for (account, region, group_name), group in groups.items():
        for stream_name, stream in group.get("streams", {}).items():
            names = [f"{PREFIX}{name.removeprefix(_FIRST_PREFIX).removeprefix(PREFIX)}" for name in stream["events"]]
            events = [event for name in names for event in json.loads(segments[name])]
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


def _cut(key: tuple[str, str, tuple[str, str]], events: list[Any]) -> _Stream:
    account, region, names = key
    digest = hashlib.sha256("\0".join([account, region, *names]).encode(errors="surrogatepass")).hexdigest()[:24]
    segments = {}
    for start in range(0, len(events), LENGTH):
        signature = _signature(events, start, min(start + LENGTH, len(events)))
        assert signature is not None
        segments[f"{PREFIX}{digest}-{start // LENGTH}"] = signature
    return _Stream(_signature(events, 0, len(events)), segments)


def _signature(events: list[Any], start: int, end: int) -> Signature | None:
    return (end - start, str(events[start]["eventId"]), str(events[end - 1]["eventId"])) if end > start else None


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
