"""Drift of the resource types that our stacks have: what AWS compares, read back from the services' own tables.

A bucket's settings are read as a request to S3 reads them, and compared as the properties of an AWS::S3::Bucket.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

from localcloud.jobs.s3 import core_session
from localcloud.ministack.door.cloudformation import drift
from localcloud.ministack.door.names import Seam, SeamMovedError
from localcloud.ministack.door.services import iam, s3, stepfunctions
from localcloud.ministack.s3 import bucket_resource as configuration
from localcloud.ministack.s3.bucket_resource import _body

_COMPARED = {
    "BucketEncryption": ("Encryption", s3.get_bucket_encryption, configuration.encryption),
    "LifecycleConfiguration": ("LifecycleConfiguration", s3.get_bucket_lifecycle, configuration.lifecycle),
    "OwnershipControls": ("OwnershipControls", s3.get_bucket_ownership_controls, configuration.ownership),
}
"""Property, the end of its operations' names, what answers the one that reads, and its request."""

Properties = dict[str, Any]


def bucket_state(name: str, expected: Properties) -> Properties | None:
    """The current properties of a bucket; None where it is gone.

    A setting that means the same as the expected one is given as the template writes it, any other as S3 has it.
    """
    if name not in s3.buckets:
        return None
    found: Properties = {"BucketName": name, "Tags": dict(s3.bucket_tags.get(name) or {})}
    for property_name, (operation, read, request) in _COMPARED.items():
        now = _answered(f"GetBucket{operation}", read, name)
        wanted = expected.get(property_name)
        if wanted and now == _parsed(f"GetBucket{operation}", _body(f"PutBucket{operation}", request(wanted))):
            now = wanted
        found[property_name] = now
    found["VersioningConfiguration"] = {"Status": s3.bucket_versioning.get(name, "Suspended")}
    wanted = expected.get("PublicAccessBlockConfiguration") or {}
    block = _answered("GetPublicAccessBlock", s3.get_public_access_block, name).get(
        "PublicAccessBlockConfiguration", {}
    )
    found["PublicAccessBlockConfiguration"] = {each: value for each, value in block.items() if each in wanted or value}
    if "NotificationConfiguration" in expected:
        now = _answered("GetBucketNotificationConfiguration", s3.get_bucket_notification, name)
        found["NotificationConfiguration"] = _notifications(now, expected["NotificationConfiguration"])
    return {each: value for each, value in found.items() if value or each in expected}


def _notifications(now: Properties, wanted: Properties) -> Properties:
    """EventBridge as a template writes it, on or off; other targets as S3 has them."""
    found: Properties = {each: value for each, value in now.items() if each != "EventBridgeConfiguration"}
    if "EventBridgeConfiguration" in now or "EventBridgeConfiguration" in wanted:
        found["EventBridgeConfiguration"] = {"EventBridgeEnabled": "EventBridgeConfiguration" in now}
    return found


def _answered(operation: str, read: Seam, name: str) -> Properties:
    """What a client would read; empty where S3 answers that there is no such setting."""
    status, _, body = read.original()(name)
    return _parsed(operation, body) if status == 200 else {}


def _parsed(operation: str, body: str | bytes) -> Properties:
    model, parser = _parser()
    text = body.encode() if isinstance(body, str) else body
    response = {"body": text, "headers": {}, "status_code": 200}
    answer = parser.parse(response, model.operation_model(operation).output_shape)
    return {member: value for member, value in answer.items() if member != "ResponseMetadata"}


@functools.cache
def _parser() -> tuple[Any, Any]:
    from botocore.parsers import create_parser

    return core_session().get_service_model("s3"), create_parser("rest-xml")


Reader = Callable[[str, Properties], Properties | None]
"""Physical id and expected properties -> the current ones as a template writes them; None where it is gone."""


def install() -> None:
    """Add the readers that are missing and complete those that see too little."""
    readers = drift.DRIFT_READERS
    for known in ("AWS::IAM::Role", "AWS::S3::Bucket", "AWS::StepFunctions::StateMachine"):
        if known not in readers:
            raise SeamMovedError(f"_DRIFT_READERS has no {known}")
    read_role, role_properties = readers["AWS::IAM::Role"]
    compare(
        "AWS::IAM::Role",
        lambda name, properties: _role(read_role(name, properties), name, properties),
        {*role_properties, "ManagedPolicyArns", "PermissionsBoundary", "Policies"},
    )
    compare("AWS::IAM::ManagedPolicy", _managed_policy, {"PolicyDocument", "Path", "Description", *_ATTACHED})
    compare("AWS::S3::BucketPolicy", _bucket_policy, {"Bucket", "PolicyDocument"})
    compare("AWS::S3::Bucket", bucket_state, {"BucketName", *_BUCKET})
    compare("AWS::StepFunctions::StateMachine", _state_machine, {"DefinitionString", "RoleArn", "StateMachineName"})


def compare(type_name: str, read: Reader, properties: set[str]) -> None:
    """Let CloudFormation compare `properties` of a type with what `read` finds."""
    drift.DRIFT_READERS[type_name] = (read, frozenset(properties))


_ATTACHED = ("Roles", "Users", "Groups")
_BUCKET = (
    "BucketEncryption",
    "LifecycleConfiguration",
    "NotificationConfiguration",
    "OwnershipControls",
    "PublicAccessBlockConfiguration",
    "Tags",
    "VersioningConfiguration",
)


def _role(found: Properties | None, name: str, expected: Properties) -> Properties | None:
    record = iam.roles.get(name)
    if found is None or record is None:
        return None
    attached = [each if isinstance(each, str) else each["PolicyArn"] for each in record.get("AttachedPolicies") or []]
    inline = record.get("InlinePolicies") or {}
    named = {each.get("PolicyName") for each in expected.get("Policies") or []}
    return {
        **found,
        "PermissionsBoundary": _boundary(record.get("PermissionsBoundary")),
        # Policies that the stack's own AWS::IAM::Policy resources put on the role are theirs.
        "ManagedPolicyArns": sorted(attached),
        "Policies": [
            {"PolicyName": each, "PolicyDocument": as_document(inline[each])}
            for each in sorted(inline)
            if each in named
        ],
    }


def _boundary(found: Any) -> Any:
    return found.get("PermissionsBoundaryArn") if isinstance(found, dict) else found


def _managed_policy(arn: str, expected: Properties) -> Properties | None:
    record = iam.policies.get(arn)
    if record is None:
        return None
    document = record["Versions"][record["DefaultVersionId"]]["Document"]
    found = {
        "PolicyDocument": as_document(document),
        "Path": record.get("Path", "/"),
        "Description": record.get("Description", ""),
    }
    for name, entities in zip(_ATTACHED, (iam.roles, iam.users, iam.groups), strict=True):
        found[name] = [each for each, entity in entities.items() if arn in (entity.get("AttachedPolicies") or [])]
    return found


def _bucket_policy(physical_id: str, expected: Properties) -> Properties | None:
    document = s3.bucket_policies.get(expected.get("Bucket", ""))
    return None if document is None else {"Bucket": expected["Bucket"], "PolicyDocument": as_document(document)}


def _state_machine(arn: str, expected: Properties) -> Properties | None:
    record = stepfunctions.state_machines.get(arn)
    if record is None:
        return None
    wanted, found = expected.get("DefinitionString", ""), record.get("definition", "")
    # Text in another form is the same definition.
    same = isinstance(wanted, str) and as_document(wanted) == as_document(found)
    return {
        "DefinitionString": wanted if same else found,
        "RoleArn": record.get("roleArn", ""),
        "StateMachineName": record.get("name", ""),
    }


def as_document(value: Any) -> Any:
    """A policy or definition as the object that a template writes; the text itself where it is no JSON."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value
