"""CloudFormation's handlers for the SageMaker nouns that are replaced and not updated.

The attributes are those of the resource provider schemas (readOnlyProperties); Ref gives the ARN.
"""

from __future__ import annotations

import secrets
import string
import uuid
from collections.abc import Callable
from typing import Any

from localcloud.emulator.sagemaker_cloudformation import Created
from localcloud.sagemaker.call import Caller
from localcloud.sagemaker.control import Control
from localcloud.sagemaker.errors import ServiceError
from localcloud.sagemaker.scope import Scope
from localcloud.sagemaker.service_model import operation_input
from localcloud.sagemaker.store import Record, Table
from localcloud.sagemaker.template_values import as_request

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
