"""One service's records as a JSON document, and back: whatever a request put into them.

The emulator's own format, with one addition. It marks its stores and bytes by a key (`__scoped__`, `__bytes__`), and a
template, an event or a tag of a user may have such a key too: read back, it would be taken for a mark. Keys of users
that look like a mark get a backslash in front, which reading takes away.
"""

from __future__ import annotations

import json
import re
from typing import Any

from localcloud.ministack.door.core import responses, state_format
from localcloud.ministack.door.names import entries

_MARKS = ("__bytes__", "__scoped__", "__account_region_scoped__")
_MARK = re.compile(r"\\*(?:" + "|".join(_MARKS) + ")")


class UnsavableError(ValueError):
    """Records that JSON cannot hold; the text says what and where."""


def encode(service: str, records: Any) -> bytes:
    """The document of a service's records. Raises UnsavableError."""
    made = 0

    def marked(value: Any) -> Any:
        nonlocal made
        made += 1
        return state_format.json_default(value)

    def written(payload: Any) -> str:
        version = state_format.state_format_version(service)
        return json.dumps({"__ministack_format__": version, "payload": payload}, default=marked)

    try:
        text = written(records)
        if sum(text.count(f'{mark}":') for mark in _MARKS) != made:
            text = written(_escaped(records))
    except (TypeError, ValueError, RecursionError, UnicodeError) as error:
        raise UnsavableError(_reason(records, error)) from error
    return text.encode()


def decode(document: bytes) -> Any:
    """The records of a document that `encode` made. Raises ValueError."""
    return json.loads(document, object_hook=_restored)["payload"]


def _escaped(value: Any) -> Any:
    """The value with a backslash in front of its keys that look like a mark; stores stay stores."""
    if isinstance(value, dict):
        return {
            f"\\{key}" if isinstance(key, str) and _MARK.fullmatch(key) else key: _escaped(each)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_escaped(each) for each in value]
    if isinstance(value, responses.AccountScopedDict | responses.AccountRegionScopedDict):
        store = type(value)()
        entries(store).update({key: _escaped(each) for key, each in entries(value).items()})
        return store
    return value


def _restored(value: dict[str, Any]) -> Any:
    found = state_format.json_object_hook(value)
    if found is value and any(key.startswith("\\") for key in value):
        return {key[1:] if key[:1] == "\\" and _MARK.fullmatch(key) else key: each for key, each in value.items()}
    return found


def _reason(records: Any, error: Exception) -> str:
    """What cannot be saved, and the way to it."""
    if isinstance(error, RecursionError):
        return "its records are nested too deep"
    place = _place(records, "records", 0)
    return f"{error}, at {place}" if place else str(error)


def _place(value: Any, path: str, depth: int) -> str:
    """The way to the first value that JSON cannot hold; empty where none is found near the top."""
    if depth > 12:
        return ""
    if isinstance(value, responses.AccountScopedDict | responses.AccountRegionScopedDict):
        value = entries(value)
    if isinstance(value, dict):
        found = (_place(each, f"{path}[{key!r}]"[:300], depth + 1) for key, each in value.items())
        return next(filter(None, found), "")
    if isinstance(value, list | tuple):
        found = (_place(each, f"{path}[{number}]"[:300], depth + 1) for number, each in enumerate(value))
        return next(filter(None, found), "")
    return "" if value is None or isinstance(value, str | int | float | bytes | bytearray) else path
