"""A template's properties as an API request: CloudFormation lets numbers and booleans be written as strings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def as_request(shape: Any, properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties with the types that the operation's input shape asks for.

    What cannot be converted stays as it is, for the service to refuse. Raises ValueError, worded as CloudFormation
    words it, for a property that the resource does not have.
    """
    request: dict[str, Any] = _structure(shape, properties, "#")
    return request


def _structure(shape: Any, value: Mapping[str, Any], place: str) -> dict[str, Any]:
    unknown = sorted(set(value) - set(shape.members))
    if unknown:
        raise ValueError(
            f"Properties validation failed with message: [{place}: extraneous key [{unknown[0]}] is not permitted]"
        )
    return {name: _value(shape.members[name], item, f"{place}/{name}") for name, item in value.items()}


def _value(shape: Any, value: Any, place: str) -> Any:
    kind = shape.type_name
    if kind == "structure" and isinstance(value, Mapping):
        return _structure(shape, value, place)
    if kind == "list" and isinstance(value, list):
        return [_value(shape.member, item, f"{place}/{number}") for number, item in enumerate(value)]
    if kind == "map" and isinstance(value, Mapping):
        return {key: _value(shape.value, item, f"{place}/{key}") for key, item in value.items()}
    return _scalar(kind, value)


def _scalar(kind: str, value: Any) -> Any:
    if kind == "string" and isinstance(value, bool):
        return "true" if value else "false"
    if kind == "string" and isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        return value
    if kind == "boolean" and value.lower() in ("true", "false"):
        return value.lower() == "true"
    converter = {"integer": int, "long": int, "float": float, "double": float}.get(kind)
    try:
        return converter(value) if converter else value
    except ValueError:
        return value
