"""Resource types in plain words, and values of properties: where two of them differ, and what a value refers to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kickstand.aws.resource_schema import resource_schema

_KINDS = {
    "AWS::SageMaker::EndpointConfig": "endpoint configuration",
    "AWS::SageMaker::ModelPackageGroup": "model package group",
    "AWS::IAM::Role": "role",
    "AWS::IAM::Policy": "policy",
    "AWS::IAM::ManagedPolicy": "managed policy",
    "AWS::IAM::OIDCProvider": "OIDC provider",
    "AWS::ApplicationAutoScaling::ScalableTarget": "scalable target",
    "AWS::KMS::Key": "encryption key",
    "AWS::Lambda::Permission": "function's permission",
    "AWS::Events::Rule": "event rule",
}

STATEFUL = {
    "AWS::S3::Bucket": "the data, models and evidence in it",
    "AWS::SageMaker::ModelPackageGroup": "the record of approved models",
    "AWS::Logs::LogGroup": "the logs",
    "AWS::KMS::Key": "everything encrypted with it",
    "AWS::DynamoDB::Table": "its rows",
}
"""Types that hold what cannot be made again, and what is lost with one."""


def kind(type_name: str) -> str:
    """`endpoint configuration` for `AWS::SageMaker::EndpointConfig`."""
    last = type_name.rpartition("::")[2]
    return _KINDS.get(type_name, re.sub(r"(?<=[a-z])(?=[A-Z])", " ", last).lower())


def own_name(resource: Mapping[str, Any], region: str) -> str:
    """The name that the template gives a resource; empty where AWS makes one."""
    schema = resource_schema(region, str(resource.get("Type", "")))
    properties = resource.get("Properties") or {}
    found = properties.get(schema.name_property or "PolicyName")
    return found if isinstance(found, str) else ""


def known_as(resource: Mapping[str, Any], region: str) -> str:
    """The physical name, else the construct's path; empty where a template has neither."""
    path = (resource.get("Metadata") or {}).get("aws:cdk:path", "")
    return own_name(resource, region) or str(path).removesuffix("/Resource")


def called(logical_id: str, resource: Mapping[str, Any], region: str) -> str:
    """`endpoint bikes-prod`; by its logical id where it has no name: `model Model2AD80A05`."""
    return f"{kind(str(resource.get('Type', '')))} {own_name(resource, region) or logical_id}"


def listed(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


NATURAL_KEYS = ("Sid", "Key", "VariantName", "Id", "Name", "AttributeName", "AlarmName")
"""Members of an object that name it among its neighbours."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two values differ; None where there is nothing."""

    path: str
    before: Any
    after: Any


def differences(path: str, before: Any, after: Any) -> Iterator[Difference]:
    """The innermost differences; none where the values are equal, whatever the order of keys."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict) and not _function(before) and not _function(after):
        for key in sorted(before.keys() | after.keys()):
            yield from differences(f"{path}.{key}", before.get(key), after.get(key))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(path, before, after)
    else:
        yield Difference(path, before, after)


def _of_lists(path: str, before: list[Any], after: list[Any]) -> Iterator[Difference]:
    if not any(isinstance(item, dict) for item in [*before, *after]):
        yield Difference(path, before, after)
        return
    key = natural_key([*before, *after], before, after)
    if key:
        old, new = ({str(item[key]): item for item in items} for items in (before, after))
        found = [
            one
            for name in sorted(old.keys() | new.keys())
            for one in differences(f"{path}[{name}]", old.get(name), new.get(name))
        ]
        # The same members in another order: still another value to CloudFormation.
        yield from found or [Difference(path, before, after)]
        return
    for index in range(max(len(before), len(after))):
        old_item = before[index] if index < len(before) else None
        new_item = after[index] if index < len(after) else None
        yield from differences(f"{path}[{index}]", old_item, new_item)


def natural_key(items: list[Any], *lists: list[Any]) -> str:
    """The member that names every object of each list, once; empty where there is none."""
    for key in NATURAL_KEYS:
        if all(isinstance(item, dict) and isinstance(item.get(key), str) for item in items) and all(
            len({item[key] for item in one}) == len(one) for one in lists
        ):
            return key
    return ""


def _function(value: dict[str, Any]) -> bool:
    """Whether it is an intrinsic function: its inside is not the property's."""
    name = next(iter(value), "")
    return len(value) == 1 and (name == "Ref" or name.startswith("Fn::"))


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
