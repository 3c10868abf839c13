"""CloudWatch's requests and answers by the service's model, in each of its protocols: CBOR, JSON and Query."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from localcloud.jobs.s3 import core_session
from localcloud.ministack.door.services import cloudwatch
from localcloud.sagemaker.api.call import ServiceError

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[..., Answer]
"""ministack's: parameters of a Query request, members of another, whether it is CBOR, whether it is JSON."""
Perform = Callable[[dict[str, Any]], Mapping[str, Any]]
"""Members by name, timestamps as seconds since 1970, to the members of the answer; raises ServiceError."""

_NUMBERS = {"integer": int, "long": int, "float": float, "double": float}


@cache
def _model() -> Any:
    return core_session().get_service_model("cloudwatch")


def input_shape(operation: str) -> Any:
    """The shape of an operation's input."""
    return _model().operation_model(operation).input_shape


def handler(operation: str, perform: Perform) -> Handler:
    """A handler of ministack's that answers what `perform` does."""

    def handle(params: Mapping[str, Any], data: Any, is_cbor: bool, is_json: bool = False) -> Answer:
        try:
            shape = input_shape(operation)
            members = _typed(shape, data if is_cbor or is_json else _of_query(shape, _flat(params), ""), "")
            found = perform(members)
        except ServiceError as error:
            return refusal(error, is_cbor=is_cbor, is_json=is_json)
        return _answer(operation, found, is_cbor=is_cbor, is_json=is_json)

    return handle


def through_json(
    operation: str, original: Handler, params: Mapping[str, Any], data: Any, is_cbor: bool, is_json: bool = False
) -> Answer:
    """Answer a Query request as a JSON one: ministack's own XML leaves out most of what there is to say."""
    if is_cbor or is_json:
        return original(params, data, is_cbor, is_json)
    members = _of_query(input_shape(operation), _flat(params), "")
    status, _, body = original({}, members, False, True)
    parsed = json.loads(body)
    if status != 200:
        error = ServiceError(parsed["__type"], parsed["message"], status)
        return refusal(error, is_cbor=False, is_json=False)
    return _answer(operation, parsed, is_cbor=False, is_json=False)


def refusal(error: ServiceError, *, is_cbor: bool, is_json: bool) -> Answer:
    """An error in the protocol of its request."""
    answer: Answer = cloudwatch.error(error.code, error.message, error.status, use_json=is_json, use_cbor=is_cbor)
    return answer


def _answer(operation: str, members: Mapping[str, Any], *, is_cbor: bool, is_json: bool) -> Answer:
    shape = _model().operation_model(operation).output_shape
    if is_cbor:
        shown = _shown(shape, members, cloudwatch.cbor_timestamp) if shape else {}
        answer: Answer = cloudwatch.cbor_ok(shown)
    elif is_json:
        answer = cloudwatch.json_ok(_shown(shape, members, float) if shape else {})
    else:
        inner = f"<{operation}Result>{_xml(shape, members)}</{operation}Result>" if shape else ""
        answer = cloudwatch.xml(200, f"{operation}Response", inner)
    return answer


def _typed(shape: Any, value: Any, place: str) -> Any:
    """The value as the shape has it; what has no value is left out. Raises ServiceError for another type."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, Mapping):
        for name in shape.required_members:
            if value.get(name) is None:
                raise ServiceError("MissingParameter", f"The request must contain the parameter {place}{name}.")
        found = {name: value[name] for name in shape.members if value.get(name) is not None}
        return {name: _typed(shape.members[name], each, f"{place}{name}.") for name, each in found.items()}
    if kind == "list" and isinstance(value, list):
        return [_typed(shape.member, each, f"{place}member.{number}.") for number, each in enumerate(value, start=1)]
    if kind == "timestamp" and (moment := cloudwatch.parse_ts(value)) is not None:
        return float(moment)
    if kind == "string" and isinstance(value, str):
        return value
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind in _NUMBERS and isinstance(value, int | float) and not isinstance(value, bool):
        return _NUMBERS[kind](value)
    raise ServiceError("MalformedInput", f"Expected {kind} in {place.rstrip('.') or 'the request'}, found {value!r}.")


def _flat(params: Mapping[str, Any]) -> dict[str, str]:
    return {name: value[0] if isinstance(value, list) else value for name, value in params.items()}


def _of_query(shape: Any, params: Mapping[str, str], prefix: str) -> Any:
    """The members below a prefix of the parameters; None where there is none."""
    kind = shape.type_name
    if kind == "structure":
        found = {name: _of_query(member, params, f"{prefix}{name}.") for name, member in shape.members.items()}
        found = {name: value for name, value in found.items() if value is not None}
        return found if found or not prefix else None
    if kind == "list":
        values: list[Any] = []
        while (value := _of_query(shape.member, params, f"{prefix}member.{len(values) + 1}.")) is not None:
            values.append(value)
        return values or None
    text = params.get(prefix.rstrip("."))
    if text is None:
        return None
    if kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return _NUMBERS[kind](text) if kind in _NUMBERS else text
    except ValueError:
        return text


def _shown(shape: Any, value: Any, timestamp: Callable[[Any], Any]) -> Any:
    """The value with nothing but what the shape has."""
    kind = shape.type_name
    if kind == "structure":
        members = {name: value[name] for name in shape.members if value.get(name) is not None}
        return {name: _shown(shape.members[name], each, timestamp) for name, each in members.items()}
    if kind == "list":
        return [_shown(shape.member, each, timestamp) for each in value]
    return timestamp(value) if kind == "timestamp" else value


def _xml(shape: Any, value: Any) -> str:
    kind = shape.type_name
    if kind == "structure":
        members = ((name, value[name]) for name in shape.members if value.get(name) is not None)
        return "".join(f"<{name}>{_xml(shape.members[name], each)}</{name}>" for name, each in members)
    if kind == "list":
        return "".join(f"<member>{_xml(shape.member, each)}</member>" for each in value)
    if kind == "map":
        pairs = ((_xml(shape.key, key), _xml(shape.value, each)) for key, each in value.items())
        return "".join(f"<entry><key>{key}</key><value>{each}</value></entry>" for key, each in pairs)
    if kind == "timestamp":
        return datetime.fromtimestamp(cloudwatch.parse_ts(value), UTC).isoformat().replace("+00:00", "Z")
    if kind == "boolean":
        return "true" if value else "false"
    return escape(str(value))
