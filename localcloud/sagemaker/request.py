"""A request held against botocore's own model of the operation, answered in AWS's words.

Rules (required members, types, lengths, ranges, patterns, enumerations) come from the service model that boto3
ships; the form of the text is that of AWS's own ValidationException:
`1 validation error detected: Value 'a_b' at 'trainingJobName' failed to satisfy constraint: …`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.sagemaker.errors import ServiceError, validation_error
from localcloud.sagemaker.patterns import matches

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
    violations = list(_structure(shape, request, ""))
    if violations:
        noun = "error" if len(violations) == 1 else "errors"
        raise validation_error(f"{len(violations)} validation {noun} detected: " + "; ".join(violations))


def _structure(shape: Any, value: Any, path: str) -> Iterator[str]:
    _expect(value, dict, shape)
    for name in shape.required_members:
        if value.get(name) is None:
            yield _violation(None, _join(path, name), "Member must not be null")
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _value(member, value[name], _join(path, name))


def _value(shape: Any, value: Any, path: str) -> Iterator[str]:
    kind = shape.type_name
    if kind == "structure":
        yield from _structure(shape, value, path)
    elif kind == "list":
        _expect(value, list, shape)
        yield from _length(shape, value, path)
        for number, item in enumerate(value, start=1):
            yield from _value(shape.member, item, f"{path}.{number}.member")
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
            yield from _value(shape.value, item, f"{path}.{key}.member")
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
