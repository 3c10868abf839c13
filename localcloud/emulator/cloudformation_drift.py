"""Drift of the types that our stacks have: what AWS compares of them, read back from the services' own tables.

ministack compares ten types, and of a bucket only its name and versioning. AWS compares every type whose resource
provider schema has a read handler; AWS::IAM::Policy has none, and is not checked there either
(https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1686).
Only properties that the template sets are compared, and none that the schema calls writeOnlyProperties:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict

from localcloud.emulator.s3_bucket_state import bucket_state, check_seams
from localcloud.emulator.seam import SeamMovedError, attribute

DRIFT = "ministack.services.cloudformation.drift"
IAM = "ministack.services.iam"

Properties = dict[str, Any]
Reader = Callable[[str, Properties], Properties | None]
"""Physical id and expected properties -> the current ones as a template writes them; None where it is gone."""


def install() -> None:
    """Add the readers that are missing and complete those that see too little."""
    check_seams()
    for name in ("_roles", "_policies", "_users", "_groups"):
        attribute(IAM, name, AccountScopedDict)
    attribute("ministack.services.s3", "_bucket_policies", AccountScopedDict)
    attribute("ministack.services.stepfunctions", "_state_machines", AccountRegionScopedDict)
    readers = attribute(DRIFT, "_DRIFT_READERS", dict)
    for known in ("AWS::IAM::Role", "AWS::S3::Bucket", "AWS::StepFunctions::StateMachine"):
        if known not in readers:
            raise SeamMovedError(f"{DRIFT}._DRIFT_READERS has no {known}")
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
    attribute(DRIFT, "_DRIFT_READERS", dict)[type_name] = (read, frozenset(properties))


_ATTACHED = {"Roles": "_roles", "Users": "_users", "Groups": "_groups"}
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
    from ministack.services import iam

    record = iam._roles.get(name)
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
            {"PolicyName": each, "PolicyDocument": _document(inline[each])} for each in sorted(inline) if each in named
        ],
    }


def _boundary(found: Any) -> Any:
    return found.get("PermissionsBoundaryArn") if isinstance(found, dict) else found


def _managed_policy(arn: str, expected: Properties) -> Properties | None:
    from ministack.services import iam

    record = iam._policies.get(arn)
    if record is None:
        return None
    document = record["Versions"][record["DefaultVersionId"]]["Document"]
    found = {
        "PolicyDocument": _document(document),
        "Path": record.get("Path", "/"),
        "Description": record.get("Description", ""),
    }
    for name, table in _ATTACHED.items():
        entities = getattr(iam, table)
        found[name] = [each for each, entity in entities.items() if arn in (entity.get("AttachedPolicies") or [])]
    return found


def _bucket_policy(physical_id: str, expected: Properties) -> Properties | None:
    from ministack.services import s3

    document = s3._bucket_policies.get(expected.get("Bucket", ""))
    return None if document is None else {"Bucket": expected["Bucket"], "PolicyDocument": _document(document)}


def _state_machine(arn: str, expected: Properties) -> Properties | None:
    from ministack.services import stepfunctions

    record = stepfunctions._state_machines.get(arn)
    if record is None:
        return None
    wanted, found = expected.get("DefinitionString", ""), record.get("definition", "")
    # Text in another form is the same definition.
    same = isinstance(wanted, str) and _document(wanted) == _document(found)
    return {
        "DefinitionString": wanted if same else found,
        "RoleArn": record.get("roleArn", ""),
        "StateMachineName": record.get("name", ""),
    }


def _document(value: Any) -> Any:
    """A policy or definition as the object that a template writes; the text itself where it is no JSON."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value
