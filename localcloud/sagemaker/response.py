"""A record as the operation's output shape says it: unknown members dropped, absent ones omitted.

SDKs that parse strictly (sagemaker-core) fail on `{}` or null where AWS omits a member, so those never appear.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def render(shape: Any | None, record: Mapping[str, Any], *, whole: bool = False) -> dict[str, Any]:
    """The JSON body of a successful answer.

    shape: botocore's output shape, None for operations that answer nothing. Members that the shape does not have
    (a record's private fields) are left out; so are None and empty structures, and empty lists and maps unless the
    shape requires them. Timestamps are seconds since 1970, as floats.
    whole: the record's own lists stay though they are empty: ListTags answers `{"Tags": []}`, which SageMaker's SDKs
           index without looking.
    """
    if shape is None:
        return {}
    rendered = _structure(shape, record)
    empty: dict[str, Any] = {name: [] for name in shape.members if whole and record.get(name) == []}
    return {**empty, **rendered}


def _structure(shape: Any, value: Mapping[str, Any]) -> dict[str, Any]:
    rendered = {}
    for name, member in shape.members.items():
        found = value.get(name)
        if found is None:
            continue
        shown = _value(member, found)
        if shown in ({}, []) and name not in shape.required_members:
            continue
        rendered[name] = shown
    return rendered


def _value(shape: Any, value: Any) -> Any:
    if shape.type_name == "structure":
        return _structure(shape, value)
    if shape.type_name == "list":
        return [_value(shape.member, item) for item in value]
    if shape.type_name == "map":
        return {key: _value(shape.value, item) for key, item in value.items()}
    if shape.type_name == "timestamp":
        return round(float(value), 3)
    return value
