"""Which IAM actions a handler of CloudFormation's takes for a resource, each with the resource that IAM is asked about.

The actions are those that the resource provider schemas list for each handler. Those lists hold for every property
that a type has: what stands for properties that a resource does not set, or an update does not change, is left out.
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html (handlers, tagging)

What is left out, and why:
- actions of tags where there are no tags of one's own (the tags of CloudFormation's own, `aws:…`, take none)
- iam:PassRole where no role is named, else for each role; on reading and deleting none is passed
- actions on KMS keys and S3 objects where none is named, and those of other services
- those of `PROPERTIES` where the property is absent, or not changed
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kickstand.aws.resource_schema import ResourceSchema, resource_schema
from kickstand.names import partition
from localcloud.ministack.cloudformation.permissions.arns import attached_to, on_everything, resource_arns
from localcloud.ministack.cloudformation.permissions.property_actions import PROPERTIES
from localcloud.ministack.iam import linked_roles
from localcloud.ministack.kms.keys import find_key, key_arn
from localcloud.ministack.registry import account_id, region
from localcloud.sagemaker.api.call import Scope

Properties = Mapping[str, Any]

_REMOVING = re.compile(r":(Delete|Detach|Disassociate|Remove|Untag|Unsubscribe)")
_ATTACHING = re.compile(r":(Attach|Detach)(Role|User)Policy$")
_ROLE_KEY = re.compile(r"(Role|RoleArn|RoleARN)$")
_ROLE = re.compile(r"arn:[\w-]+:iam::\d{12}:role/.+")
_KMS_KEY = re.compile(r"kms\w*key(id|arn)?$", re.IGNORECASE)
_NAMING = (("S3Bucket", "S3Key"), ("Bucket", "Key"))


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing that IAM is asked. spellings: the resource, in each way in which policies may name it."""

    action: str
    spellings: tuple[str, ...]
    context: Mapping[str, Any] = field(default_factory=dict)
    tagging: bool = False


@dataclass(frozen=True, slots=True)
class HandlerCall:
    """A call of a resource type's handler.

    verb:     `create`, `read`, `update` or `delete`.
    old, new: the properties before and after; none before a create, none after a delete.
    name:     the physical id; before a create, the name that the resource gets where `new` gives none.
    """

    type: str
    verb: str
    name: str
    old: Properties
    new: Properties

    @property
    def current(self) -> Properties:
        return self.old if self.verb == "delete" else self.new

    def added(self, name: str) -> bool:
        before, after = self.old.get(name), self.new.get(name)
        if isinstance(before, list) and isinstance(after, list):
            return any(each not in before for each in after)
        return after is not None and after != before

    def removed(self, name: str) -> bool:
        before, after = self.old.get(name), self.new.get(name)
        if isinstance(before, list) and isinstance(after, list):
            return any(each not in after for each in before)
        return before is not None and after is None


def permissions(call: HandlerCall) -> Iterator[Permission]:
    """What IAM is asked for a handler's call, in the order of the schema's list."""
    schema = resource_schema(region(), call.type)
    token = str(call.current.get("ServiceToken", ""))
    if token and not schema.handlers:
        # A custom resource: CloudFormation itself calls what stands behind it.
        yield Permission("sns:Publish" if ":sns:" in token else "lambda:InvokeFunction", (token,))
    listed = schema.handlers.get(call.verb)
    if listed is None and call.verb == "update":
        listed = schema.handlers.get("create")  # ministack makes such a resource once more
    for action in listed or ():
        tagging = action in schema.tag_actions and call.verb != "read"
        if _takes(call, action, schema):
            for spellings, context in _asked(call, action):
                yield Permission(action, spellings, {**_context(call, action, schema), **context}, tagging)


def _takes(call: HandlerCall, action: str, schema: ResourceSchema) -> bool:
    names = PROPERTIES.get(call.type, {}).get(action)
    if call.verb == "read":
        return True
    if action in schema.tag_actions and call.verb == "delete":
        return False
    if action in schema.tag_actions:
        before, after = _own_tags(call.old, schema), _own_tags(call.new, schema)
        return bool(before.keys() - after.keys()) if _REMOVING.search(action) else bool(after.items() - before.items())
    if names is None or (call.verb == "delete" and not _REMOVING.search(action)):
        return True
    if _REMOVING.search(action):
        return any(call.removed(name) for name in names)
    # What puts a configuration of a bucket removes it too.
    return any(call.added(name) or (action.startswith("s3:Put") and call.removed(name)) for name in names)


def _asked(call: HandlerCall, action: str) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Each resource, spelt in its ways, with the condition keys of its own."""
    service, own = action.partition(":")[0], own_service(call.type)
    if action == "iam:PassRole":
        passed = _named(call.new, _ROLE_KEY) if call.verb in ("create", "update") else ()
        for role in dict.fromkeys(each for each in passed if _ROLE.match(each)):
            yield (role,), {"iam:PassedToService": f"{own}.amazonaws.com"}
    elif action == "iam:CreateServiceLinkedRole" and own == "application-autoscaling":
        if linked_roles.is_missing(linked_roles.SCALING_SERVICE):
            arn = linked_roles.role_arn(Scope(account_id(), region()), linked_roles.SCALING_SERVICE)
            yield (arn,), {"iam:AWSServiceName": linked_roles.SCALING_SERVICE}
    elif service == "kms" != own:
        for key in dict.fromkeys(_named(call.current, _KMS_KEY)):
            arn = key_arn(key, account_id(), region())
            found = find_key(arn) if arn.count(":") == 5 else None
            yield (found.arn if found else arn,), {}
    elif service == "s3" != own:
        for name in dict.fromkeys(_objects(call.new)):
            yield (f"arn:{partition(region())}:s3:::{name}",), {}
    elif service.lower() == own and on_everything(action):
        yield ("*",), {}
    elif service.lower() == own and call.type in ("AWS::IAM::Role", "AWS::IAM::User") and _ATTACHING.search(action):
        before, after = (set(each.get("ManagedPolicyArns") or ()) for each in (call.old, call.new))
        for policy in sorted(before - after if _REMOVING.search(action) else after - before):
            for each in resource_arns(call.type, action, call.name, call.current):
                yield each, {"iam:PolicyARN": policy}
    elif service.lower() == own:
        attached = attached_to(call.type, call.verb, action, call.old, call.new)
        for each in attached if attached is not None else resource_arns(call.type, action, call.name, call.current):
            yield each, {}


def own_service(type_name: str) -> str:
    """The prefix of a type's own actions: that of `AWS::StepFunctions::StateMachine` is `states`."""
    short = type_name.split("::")[1].lower()
    return {"stepfunctions": "states", "applicationautoscaling": "application-autoscaling"}.get(short, short)


def _context(call: HandlerCall, action: str, schema: ResourceSchema) -> dict[str, Any]:
    found: dict[str, Any] = {}
    operation = action.partition(":")[2]
    tags = _own_tags(call.new, schema)
    if tags and (action in schema.tag_actions or operation.startswith("Create") or operation == "PutRule"):
        found = {f"aws:RequestTag/{key}": value for key, value in tags.items()} | {"aws:TagKeys": list(tags)}
    if call.type in ("AWS::IAM::Role", "AWS::IAM::User"):
        boundary = call.current.get("PermissionsBoundary")
        found |= {"iam:PermissionsBoundary": boundary} if boundary else {}
    return found


def _own_tags(properties: Properties, schema: ResourceSchema) -> dict[str, str]:
    tags = properties.get(schema.tag_property) if schema.tag_property else None
    if isinstance(tags, list):
        tags = {each.get("Key"): each.get("Value", "") for each in tags if isinstance(each, dict)}
    return {str(key): str(value) for key, value in (tags or {}).items() if not str(key).startswith("aws:")}


def _named(value: Any, key: re.Pattern[str]) -> Iterator[str]:
    """Texts under a key, at any depth; a state machine's definition is text of its own, whatever stands in it."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            if isinstance(each, str) and each and key.search(name):
                yield each
            elif name != "Definition":
                yield from _named(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from _named(each, key)


def _objects(properties: Properties) -> Iterator[str]:
    """`BUCKET/KEY` of each S3 object that a property names."""
    for value in properties.values():
        if isinstance(value, Mapping):
            for bucket, key in _NAMING:
                if bucket in value and key in value:
                    yield f"{value[bucket]}/{value[key]}"
