"""botocore's own description of the SageMaker API: the source of every rule about requests and answers.

A request is checked against the operation's input shape and refused in AWS's words. A record becomes an answer by the
output shape: unknown members dropped, absent ones omitted. Patterns are Java's there and Python's here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from localcloud.jobs.s3 import core_session
from localcloud.sagemaker.api.call import ServiceError, validation_error

# Java's Unicode classes as they may stand inside brackets. \p{L} takes the underscore and digits with it, because
# Python has no class for letters alone; every pattern of SageMaker that has \p{L} has \p{N} beside it.
_CLASSES = {
    r"\p{L}": r"\w",
    r"\p{N}": r"\d",
    r"\p{Z}": r" \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
    r"\p{M}": r"\u0300-\u036f\u1ab0-\u1aff\u20d0-\u20ff",
    r"\p{S}": r"$+<=>^`|~\u00a2-\u00a9\u00ac\u00ae-\u00b1\u00b4\u00d7\u00f7\u2000-\u2bff",
    r"\p{P}": r"!-#%-*,-/:;?@\[-\]_{}\u00a1\u00a7\u00ab\u00b6\u00b7\u00bb\u00bf\u2010-\u2027\u2030-\u205e",
    r"\p{Alnum}": "A-Za-z0-9",
    r"\p{ASCII}": r"[\x00-\x7f]",
    r"\p{Print}": r"\x20-\x7e",
}


@cache
def compiled(pattern: str) -> re.Pattern[str] | None:
    """The pattern, to be used with fullmatch; None where it cannot be said in Python (then nothing is checked)."""
    # Two metadata patterns carry a stray "$" before their length: "(…)${1,128}".
    text = re.sub(r"\$\{\d+,\d+\}$", "", pattern)
    text = text.replace(r"\p{Print}+", r"[\p{Print}]+")  # Application Auto Scaling has it without brackets
    for java, python in _CLASSES.items():
        text = text.replace(java, python)
    try:
        return re.compile(text)
    except re.error:
        return None


def matches(pattern: str, value: str) -> bool:
    """Whether the whole value fits, as AWS asks."""
    regex = compiled(pattern)
    return regex is None or regex.fullmatch(value) is not None


_JSON_KINDS = ((bool, "TRUE_VALUE"), (str, "STRING_VALUE"), (int, "NUMBER_VALUE"), (float, "DECIMAL_VALUE"))
_JAVA_TYPES = {
    "string": "String",
    "integer": "Integer",
    "long": "Long",
    "float": "Float",
    "double": "Double",
    "boolean": "Boolean",
    "timestamp": "Timestamp",
}


def check_request(shape: Any, request: Mapping[str, Any]) -> None:
    """Refuse a request that does not fit its shape, with all violations in one ValidationException.

    shape: botocore's input shape of the operation. Raises SerializationException for a value of another JSON type.
    """
    violations = list(_check_structure(shape, request, ""))
    if violations:
        noun = "error" if len(violations) == 1 else "errors"
        raise validation_error(f"{len(violations)} validation {noun} detected: " + "; ".join(violations))


def _check_structure(shape: Any, value: Any, path: str) -> Iterator[str]:
    _expect(value, dict, shape)
    for name in shape.required_members:
        if value.get(name) is None:
            yield _violation(None, _join(path, name), "Member must not be null")
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _check_value(member, value[name], _join(path, name))


def _check_value(shape: Any, value: Any, path: str) -> Iterator[str]:
    kind = shape.type_name
    if kind == "structure":
        yield from _check_structure(shape, value, path)
    elif kind == "list":
        _expect(value, list, shape)
        yield from _length(shape, value, path)
        for number, item in enumerate(value, start=1):
            yield from _check_value(shape.member, item, f"{path}.{number}.member")
    elif kind == "map":
        _expect(value, dict, shape)
        yield from _length(shape, value, path)
        yield from _entries(shape, value, path)
    else:
        _scalar_type(shape, value)
        for constraint in _broken(shape, value):
            yield _violation(value, path, constraint)


def _entries(shape: Any, value: Mapping[str, Any], path: str) -> Iterator[str]:
    """A map's keys and values: AWS names the whole map and the constraint, not the entry."""
    for key, item in value.items():
        broken = list(_broken(shape.key, key))
        if broken:
            yield _violation(value, path, f"Map keys must satisfy constraint: [{', '.join(broken)}]")
        if shape.value.type_name in ("structure", "list", "map"):
            yield from _check_value(shape.value, item, f"{path}.{key}.member")
            continue
        _scalar_type(shape.value, item)
        broken = list(_broken(shape.value, item))
        if broken:
            yield _violation(value, path, f"Map value must satisfy constraint: [{', '.join(broken)}]")


def _broken(shape: Any, value: Any) -> Iterator[str]:
    rules = shape.metadata
    if shape.type_name == "string":
        if "max" in rules and len(value) > rules["max"]:
            yield f"Member must have length less than or equal to {rules['max']}"
        if "min" in rules and len(value) < rules["min"]:
            yield f"Member must have length greater than or equal to {rules['min']}"
        if "pattern" in rules and not matches(rules["pattern"], value):
            yield f"Member must satisfy regular expression pattern: {rules['pattern']}"
        if shape.enum and value not in shape.enum:
            yield f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
    elif shape.type_name in ("integer", "long", "float", "double"):
        if "max" in rules and value > rules["max"]:
            yield f"Member must have value less than or equal to {rules['max']}"
        if "min" in rules and value < rules["min"]:
            yield f"Member must have value greater than or equal to {rules['min']}"


def _length(shape: Any, value: Any, path: str) -> Iterator[str]:
    rules = shape.metadata
    if "max" in rules and len(value) > rules["max"]:
        yield _violation(value, path, f"Member must have length less than or equal to {rules['max']}")
    if "min" in rules and len(value) < rules["min"]:
        yield _violation(value, path, f"Member must have length greater than or equal to {rules['min']}")


def _scalar_type(shape: Any, value: Any) -> None:
    kind = shape.type_name
    if kind == "string":
        _expect(value, str, shape)
    elif kind == "boolean":
        _expect(value, bool, shape)
    elif kind in ("integer", "long"):
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong_type(value, shape)
    elif kind in ("float", "double", "timestamp") and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise _wrong_type(value, shape)


def _expect(value: Any, python_type: type, shape: Any) -> None:
    if not isinstance(value, python_type):
        raise _wrong_type(value, shape)


def _wrong_type(value: Any, shape: Any) -> ServiceError:
    wanted = _JAVA_TYPES.get(shape.type_name)
    found = next((name for kind, name in _JSON_KINDS if isinstance(value, kind)), None)
    if found is None:
        text = "Start of structure or map found where not expected."
        if isinstance(value, list):
            text = "Start of list found where not expected"
    elif wanted is None:
        text = "Unexpected field type"
    else:
        text = f"{found} can not be converted to a{'n' if wanted == 'Integer' else ''} {wanted}"
    return ServiceError("SerializationException", text)


def _violation(value: Any, path: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{value if isinstance(value, str) else json.dumps(value)}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


def _join(path: str, member: str) -> str:
    """The member's place as AWS writes it: camel case, dots."""
    name = member[:1].lower() + member[1:]
    return f"{path}.{name}" if path else name


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
    rendered = _render_structure(shape, record)
    empty: dict[str, Any] = {name: [] for name in shape.members if whole and record.get(name) == []}
    return {**empty, **rendered}


_RENDERED = frozenset({"structure", "list", "map", "timestamp"})
"""What is shown as something else than it is kept."""


def _render_structure(shape: Any, value: Mapping[str, Any]) -> dict[str, Any]:
    rendered = {}
    for name, member in shape.members.items():
        found = value.get(name)
        if found is None:
            continue
        if member.type_name not in _RENDERED:
            rendered[name] = found
            continue
        shown = _render_value(member, found)
        if shown in ({}, []) and name not in shape.required_members:
            continue
        rendered[name] = shown
    return rendered


def _render_value(shape: Any, value: Any) -> Any:
    if shape.type_name == "structure":
        return _render_structure(shape, value)
    if shape.type_name == "list":
        return [_render_value(shape.member, item) for item in value]
    if shape.type_name == "map":
        return {key: _render_value(shape.value, item) for key, item in value.items()}
    if shape.type_name == "timestamp":
        return round(float(value), 3)
    return value


@cache
def service_model(name: str = "sagemaker") -> Any:
    """botocore's model of a service, read once (50 ms)."""
    return core_session().get_service_model(name)


@cache
def operation_input(name: str) -> Any:
    return service_model().operation_model(name).input_shape


@cache
def operation_output(name: str) -> Any | None:
    return service_model().operation_model(name).output_shape
