"""Log events in segments of their own: they grow without end, and what was written never changes.

With the rest of the records they would be written again and again, at each save of anything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, request_scope
from ministack.services import cloudwatch_logs

SERVICE = "cloudwatch_logs"
PREFIX = f"{SERVICE}-events-"
LENGTH = 1000
"""Events in a segment."""

Signature = tuple[int, str, str]
"""Length, first and last event id of a segment: late events go into the middle and push the others on."""


class LogSegments:
    """Splits the events off the records of CloudWatch Logs, and tells which segments are new."""

    def __init__(self) -> None:
        self._saved: dict[str, Signature] = {}

    def split(self, state: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, list[Any]], dict[str, Signature]]:
        """The state with the names of segments in the place of events; the segments that changed; all signatures.

        Raises RuntimeError where a thread adds to the records meanwhile.
        """
        groups, changed, signatures = AccountRegionScopedDict(), {}, {}
        for place, group in state["log_groups"]._data.items():
            streams = {}
            for stream_name, stream in group.get("streams", {}).items():
                names = []
                for number, segment in _segments(stream["events"]):
                    name = _name(place, stream_name, number)
                    signature = (len(segment), segment[0]["eventId"], segment[-1]["eventId"])
                    names.append(name)
                    signatures[name] = signature
                    if self._saved.get(name) != signature:
                        changed[name] = segment
                streams[stream_name] = {**stream, "events": names}
            groups._data[place] = {**group, "streams": streams}
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
    groups = state.get("log_groups", AccountRegionScopedDict())
    for (account, region, group_name), group in groups._data.items():
        for stream_name, stream in group.get("streams", {}).items():
            events = [event for name in stream["events"] for event in json.loads(documents[name])]
            stream["events"] = events
            with request_scope(account, region):
                for event in events:
                    cloudwatch_logs._log_records[event["eventId"]] = cloudwatch_logs._build_log_record(
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
    digest = hashlib.sha256("\0".join([*place, stream]).encode()).hexdigest()[:24]
    return f"{PREFIX}{digest}-{number}"
