"""The resources that a value refers to: Ref, Fn::GetAtt, and the variables of Fn::Sub."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from promotion.review.changes.property_diff import natural_key

_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")


def references(value: Any) -> Iterator[tuple[str, str]]:
    """(logical id or parameter, attribute) of every reference in a value; the attribute is empty for a Ref.

    DependsOn is no reference: it orders, and moves nothing.
    """
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for key, argument in value.items():
            if key == "Ref" and isinstance(argument, str):
                yield argument, ""
            elif key == "Fn::GetAtt":
                yield from _attribute(argument)
            elif key == "Fn::Sub":
                yield from _substituted(argument)
            else:
                yield from references(argument)


def _attribute(argument: Any) -> Iterator[tuple[str, str]]:
    parts = argument.split(".", 1) if isinstance(argument, str) else argument
    if isinstance(parts, list) and len(parts) == 2 and isinstance(parts[0], str):
        yield parts[0], parts[1] if isinstance(parts[1], str) else "*"


def _substituted(argument: Any) -> Iterator[tuple[str, str]]:
    text, given = (
        (argument if len(argument) == 2 else [*argument, {}]) if isinstance(argument, list) else (argument, {})
    )
    for variable in _VARIABLE.findall(text if isinstance(text, str) else ""):
        if variable not in given:
            name, _, attribute = variable.partition(".")
            yield name, attribute
    yield from references(list(given.values()))


def places(path: str, value: Any, target: str) -> Iterator[tuple[str, Any]]:
    """(where, the intrinsic function) of every reference to a resource inside a property's value."""
    if isinstance(value, list):
        key = natural_key(value, value)
        for index, item in enumerate(value):
            yield from places(f"{path}[{item[key] if key else index}]", item, target)
    elif isinstance(value, dict):
        if len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::")):
            if any(name == target for name, _ in references(value)):
                yield path, value
        else:
            for name in sorted(value):
                yield from places(f"{path}.{name}", value[name], target)
