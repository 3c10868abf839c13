"""CloudFormation's calls for the resources of a stack, each asked of IAM for the one it works as.

ministack makes resources in nobody's name: whoever could make a stack could make anything, and a policy too narrow for
CloudFormation was not noticed. What IAM refuses fails the resource as on AWS, and the rollback is asked as well.
Whom: `cloudformation_role`. What: `cloudformation_permissions`. Detecting drift reads each resource as the caller:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/detect-drift-stack.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from kickstand.aws.resource_schema import resource_schema
from localcloud.ministack.cloudformation.permissions.actions import HandlerCall, Permission, permissions
from localcloud.ministack.cloudformation.permissions.arns import name_of
from localcloud.ministack.door.cloudformation import drift, provisioners
from localcloud.ministack.door.names import correct
from localcloud.ministack.iam import acting
from localcloud.ministack.iam.sts import AccessDenied
from localcloud.ministack.registry import region

_ASKING_THEMSELVES = ("AWS::SageMaker::", "AWS::CloudFormation::Stack")
"""Types whose handlers ask IAM, KMS and others of their own: of a nested stack, for each resource in it."""

_TAGGING = (
    "Encountered a permissions error performing a tagging operation, please add required tag permissions. See "
    "https://repost.aws/knowledge-center/cloudformation-tagging-permission-error for how to resolve. Resource handler "
    'returned message: "{}"'
)

Properties = dict[str, Any]


def install() -> None:
    """Ask before each handler. First of all corrections of these functions: what they tell of it goes around."""
    correct(provisioners.provision_resource, _create)
    correct(provisioners.update_resource, _update)
    correct(provisioners.delete_resource, _delete)
    correct(provisioners.import_resource, _import)
    correct(drift.detect_resource_drift, _drift)


def require(call: HandlerCall) -> None:
    """Ask IAM for all that a handler's call takes. Raises ValueError with the reason that the stack event shows."""
    if acting.access_key() is None:
        return
    for permission in permissions(call):
        try:
            _require(permission)
        except AccessDenied as refused:
            raise ValueError(handler_message(str(refused), tagging=permission.tagging)) from None


def handler_message(refusal: str, *, tagging: bool) -> str:
    """IAM's refusal as a stack event shows it."""
    reason, code = (_TAGGING.format(refusal), "UnauthorizedTaggingOperation") if tagging else (refusal, "AccessDenied")
    return f'Resource handler returned message: "{reason}" (HandlerErrorCode: {code})'


def _require(permission: Permission) -> None:
    role = acting.acting_role()
    # A session of the caller's own goes through CloudFormation; one of a role that it was given does not.
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html
    via = {"aws:ViaAWSService": "true", "aws:CalledVia": ["cloudformation.amazonaws.com"]} if role is None else {}
    refusals = []
    for spelling in permission.spellings:
        try:
            acting.require(permission.action, spelling, context={**via, **permission.context})
        except AccessDenied as refused:
            refusals.append(refused)
        else:
            return
    raise refusals[0]


def _own_name(resource_type: str) -> AbstractContextManager[None]:
    """What a handler then does, it does in the service's name: all of it was asked."""
    return nullcontext() if resource_type.startswith(_ASKING_THEMSELVES) else acting.acting_as_the_service()


def _create(
    original: Callable[..., Any], resource_type: str, logical_id: str, props: Properties, stack_name: str
) -> Any:
    lowercase = resource_type == "AWS::S3::Bucket"
    generated = provisioners.physical_name(stack_name, logical_id, lowercase=lowercase, max_len=63)
    require(HandlerCall(resource_type, "create", name_of(resource_type, props, generated), {}, props))
    with _own_name(resource_type):
        return original(resource_type, logical_id, props, stack_name)


def _update(
    original: Callable[..., Any],
    resource_type: str,
    physical_id: str,
    old_props: Properties,
    new_props: Properties,
    stack_name: str,
    logical_id: str | None = None,
    old_attrs: Properties | None = None,
) -> Any:
    given = (resource_type, physical_id, old_props, new_props, stack_name, logical_id, old_attrs)
    if old_props == new_props:
        return original(*given)
    if provisioners.replacing_change(resource_type, old_props, new_props):
        return original(*given)  # which makes another, and deletes this one
    renamed = _replaces(resource_type, old_props, new_props)
    name = name_of(resource_type, new_props, physical_id) if renamed else physical_id
    before = {} if renamed else old_props
    require(HandlerCall(resource_type, "create" if renamed else "update", name, before, new_props))
    with _own_name(resource_type):
        made = original(*given)
    _ask_later(HandlerCall(resource_type, "delete", physical_id, old_props, {}))
    return made


def _replaces(resource_type: str, old: Properties, new: Properties) -> bool:
    schema = resource_schema(region(), resource_type)
    return any(old.get(name) != new.get(name) for name in schema.always)


def _ask_later(call: HandlerCall) -> None:
    """Ask for the deletions that a handler left for the end of the update, when they are made."""
    variable = provisioners.DEFERRED_PREDECESSOR_DELETES
    pending = variable.get() or []
    for place, (delete, arguments, named) in enumerate(pending):

        def asking(*given: Any, _delete: Callable[..., None] = delete, **more: Any) -> None:
            require(call)
            with acting.acting_as_the_service():
                _delete(*given, **more)

        pending[place] = (asking, arguments, named)


def _delete(
    original: Callable[..., Any],
    resource_type: str,
    physical_id: str,
    props: Properties,
    stack_name: str | None = None,
    logical_id: str | None = None,
) -> None:
    require(HandlerCall(resource_type, "delete", physical_id, props, {}))
    with _own_name(resource_type):
        original(resource_type, physical_id, props, stack_name, logical_id)


def _import(original: Callable[..., Any], resource_type: str, identifier: Mapping[str, str]) -> Any:
    name = next(iter(identifier.values()), "")
    require(HandlerCall(resource_type, "read", name, {}, dict(identifier)))
    return original(resource_type, identifier)


def _drift(
    original: Callable[..., Any], stack: Properties, logical_id: str, record: Properties, timestamp: str
) -> Properties:
    kind, name = record.get("ResourceType", ""), record.get("PhysicalResourceId", "")
    try:
        require(HandlerCall(kind, "read", name, {}, record.get("Properties") or {}))
    except ValueError as refused:
        return {
            "StackId": stack.get("StackId", ""),
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": name,
            "ResourceType": kind,
            "Timestamp": timestamp,
            "StackResourceDriftStatus": "UNKNOWN",
            "DriftStatusReason": str(refused),
        }
    found: Properties = original(stack, logical_id, record, timestamp)
    return found
