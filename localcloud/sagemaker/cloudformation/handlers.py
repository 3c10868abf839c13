"""CloudFormation's handlers for the SageMaker nouns that are replaced and not updated.

A template's properties become an API request: CloudFormation lets numbers and booleans be written as strings.
"""

from __future__ import annotations

import secrets
import string
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.ministack.cloudformation.template import Created
from localcloud.sagemaker.api.call import Caller, Scope, ServiceError
from localcloud.sagemaker.api.service_model import operation_input
from localcloud.sagemaker.control import Control
from localcloud.sagemaker.store import Record, Table


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


_NAME_LENGTH = 63
_RANDOM = string.ascii_uppercase + string.digits
Properties = dict[str, Any]


class NounHandler:
    """Create, tag and delete one noun whose other properties replace it: Model, EndpointConfig, ModelPackageGroup.

    noun: as in the operations' names. scope: of the running stack operation.
    initiated: told the physical id as soon as there is one.
    """

    changeable: tuple[str, ...] = ()
    """Properties besides the tags that somebody can change past the stack."""

    def __init__(
        self,
        noun: str,
        table: Table,
        control: Control,
        caller: Caller,
        *,
        scope: Callable[[], Scope],
        initiated: Callable[[str], None],
    ) -> None:
        self.noun, self.table, self.control, self.caller = noun, table, control, caller
        self.scope, self.initiated = scope, initiated
        self.name_property, self.arn_property = f"{noun}Name", f"{noun}Arn"

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:
        request = self.request(f"Create{self.noun}", properties)
        request.setdefault(self.name_property, physical_name(stack_name, logical_id))
        arn = self.perform(f"Create{self.noun}", request)[self.arn_property]
        self.initiated(arn)
        return arn, self.attributes(arn)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        """What reaches this changes the tags alone: every other property replaces."""
        self.control.tags.replace(self.scope(), physical_id, new.get("Tags") or ())
        return physical_id, self.attributes(physical_id)

    def delete(self, physical_id: str, properties: Properties) -> None:
        record = self.record(physical_id)
        if record is not None:
            self.perform(f"Delete{self.noun}", {self.name_property: record[self.name_property]})

    def read(self, physical_id: str, expected: Properties) -> Properties | None:
        """The current properties, as drift compares them; None where it is gone. What cannot change is as expected."""
        record = self.record(physical_id)
        if record is None:
            return None
        tags = {tag["Key"]: tag["Value"] for tag in self.control.tags.of(self.scope(), physical_id)}
        return {**expected, **{name: record.get(name) for name in self.changeable}, "Tags": tags}

    def adopt(self, arn: str) -> Created | None:
        """An existing resource, for an import."""
        return (arn, self.attributes(arn)) if self.record(arn) else None

    def request(self, operation: str, properties: Properties) -> dict[str, Any]:
        return as_request(operation_input(operation), properties)

    def perform(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return self.control.perform(operation, self.scope(), request, self.caller)
        except ServiceError as error:
            raise ValueError(handler_message(error)) from error

    def record(self, physical_id: str) -> Record | None:
        return self.table.get(self.scope(), physical_id.rpartition("/")[2])

    def attributes(self, physical_id: str) -> dict[str, Any]:
        record = self.record(physical_id) or {}
        return {name: record[name] for name in (self.name_property, self.arn_property) if name in record}


class GroupHandler(NounHandler):
    """AWS::SageMaker::ModelPackageGroup: has a status and a time as further attributes."""

    def attributes(self, physical_id: str) -> dict[str, Any]:
        record = self.record(physical_id) or {}
        further = {"ModelPackageGroupStatus": record.get("ModelPackageGroupStatus", "")}
        if "CreationTime" in record:
            further["CreationTime"] = str(record["CreationTime"])
        return {**super().attributes(physical_id), **further}


def handler_message(error: ServiceError) -> str:
    """A service's refusal as a stack event shows it."""
    code = {"AccessDeniedException": "AccessDenied", "ResourceLimitExceeded": "ServiceLimitExceeded"}.get(
        error.code, "AlreadyExists" if "already exist" in error.message else "InvalidRequest"
    )
    return (
        f'Resource handler returned message: "{error.message} (Service: SageMaker, Status Code: {error.status}, '
        f'Request ID: {uuid.uuid4()})" (HandlerErrorCode: {code})'
    )


def physical_name(stack_name: str, logical_id: str) -> str:
    """`STACK-LOGICALID-RANDOM`, at most 63 characters: a replacement never meets the name of what it replaces."""
    suffix = "".join(secrets.choice(_RANDOM) for _ in range(12))
    return f"{f'{stack_name}-{logical_id}'[: _NAME_LENGTH - 13].rstrip('-')}-{suffix}"
