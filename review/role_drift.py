"""What the roles of a stack may do, against its template: CloudFormation does not compare AWS::IAM::Policy.

Nor does it tell of a policy that somebody added to a role whose template names none. Both widen what a role may do
without a trace in the stack, so both are looked at here. Reads only: iam:GetRolePolicy, ListRolePolicies,
ListAttachedRolePolicies of the stack's own roles.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kickstand.aws.deployed import live_template
from review.reports import DriftedResource

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_iam import IAMClient

POLICY = "AWS::IAM::Policy"
ROLE = "AWS::IAM::Role"


def role_drift(session: boto3.Session, stack: str, *, checked: set[str]) -> tuple[list[DriftedResource], list[str]]:
    """The inline policies and roles of a live stack that are not as its template has them.

    checked: logical ids whose difference is known already; they are not told again.
    Returns the differences, and a sentence for each role that these credentials may not look at.
    """
    from botocore.exceptions import ClientError

    from kickstand.aws.errors import DENIED

    cloudformation, iam = session.client("cloudformation"), session.client("iam")
    resources = (live_template(session, stack) or {}).get("Resources", {})
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    physical = {
        one["LogicalResourceId"]: one.get("PhysicalResourceId", "")
        for page in pages
        for one in page["StackResourceSummaries"]
    }
    found: list[DriftedResource] = []
    notes: list[str] = []
    for logical_id, resource in resources.items():
        if resource.get("Type") != ROLE or logical_id in checked or not physical.get(logical_id):
            continue
        role = physical[logical_id]
        try:
            found += compare_role(iam, role, logical_id, resources, physical)
        except iam.exceptions.NoSuchEntityException:
            found.append(DriftedResource(logical_id=logical_id, type=ROLE, status="DELETED", differences=()))
        except ClientError as error:
            if error.response["Error"]["Code"] not in DENIED:
                raise
            notes.append(f"What the role {role} may do could not be compared: {error.response['Error']['Message']}.")
    return found, notes


def compare_role(
    iam: IAMClient, role: str, logical_id: str, resources: Mapping[str, Any], physical: Mapping[str, str]
) -> Iterator[DriftedResource]:
    """What differs of one role: its inline policies and which managed ones are attached."""
    inline = {
        name for page in iam.get_paginator("list_role_policies").paginate(RoleName=role) for name in page["PolicyNames"]
    }
    for policy_id, policy in _policies_of(logical_id, resources):
        name, expected = policy["PolicyName"], policy["PolicyDocument"]
        if name not in inline:
            yield DriftedResource(logical_id=policy_id, type=POLICY, status="DELETED", differences=())
            continue
        inline.discard(name)
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        differences = tuple(document_differences(expected, document, "PolicyDocument"))
        if differences:
            yield DriftedResource(logical_id=policy_id, type=POLICY, status="MODIFIED", differences=differences)
    own = resources[logical_id].get("Properties", {})
    inline -= {one.get("PolicyName", "") for one in own.get("Policies", [])}
    attached = {
        one["PolicyArn"]
        for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=role)
        for one in page["AttachedPolicies"]
    }
    expected_arns, unknown = _attachments(logical_id, resources, physical)
    extra = sorted(attached - expected_arns)[unknown:] if len(attached - expected_arns) > unknown else []
    added = [f'Policies: expected no policy "{name}", found one' for name in sorted(inline)]
    added += [f'ManagedPolicyArns: expected nothing, found "{arn}"' for arn in extra]
    added += [f'ManagedPolicyArns: expected "{arn}", found nothing' for arn in sorted(expected_arns - attached)]
    if added:
        yield DriftedResource(logical_id=logical_id, type=ROLE, status="MODIFIED", differences=tuple(added))


def document_differences(expected: Any, found: Any, path: str) -> Iterator[str]:
    """Where a live document is not the template's; what the template computes (Ref, Fn::…) may be any text."""
    if isinstance(expected, dict) and len(expected) == 1 and next(iter(expected)).startswith(("Ref", "Fn::")):
        if not isinstance(found, str):
            yield _difference(path, expected, found)
    elif isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            yield from document_differences(expected.get(key), found.get(key), f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(found, list):
        yield from _list_differences(expected, found, path)
    elif expected != found:
        yield _difference(path, expected, found)


def _list_differences(expected: list[Any], found: list[Any], path: str) -> Iterator[str]:
    """Members that are the same wherever they stand are none; of the rest, those at one place are compared."""
    extra = dict(enumerate(found))
    missing: dict[int, Any] = {}
    for index, one in enumerate(expected):
        same = next((place for place, other in extra.items() if not [*document_differences(one, other, "")]), None)
        if same is None:
            missing[index] = one
        else:
            del extra[same]
    for index in sorted(missing.keys() | extra.keys()):
        yield from document_differences(missing.get(index), extra.get(index), f"{path}[{index}]")


def _difference(path: str, expected: Any, found: Any) -> str:
    said = ["nothing" if side is None else json.dumps(side, sort_keys=True) for side in (expected, found)]
    return f"{path}: expected {said[0]}, found {said[1]}"


def _policies_of(role_id: str, resources: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for policy_id, resource in sorted(resources.items()):
        properties = resource.get("Properties", {})
        if resource.get("Type") == POLICY and {"Ref": role_id} in properties.get("Roles", []):
            yield policy_id, properties


def _attachments(role_id: str, resources: Mapping[str, Any], physical: Mapping[str, str]) -> tuple[set[str], int]:
    """The ARNs of the managed policies that the template attaches, and how many it computes otherwise."""
    own = resources[role_id].get("Properties", {}).get("ManagedPolicyArns", [])
    arns = {one if isinstance(one, str) else physical.get(str(one.get("Ref", "")), "") for one in own}
    for logical_id, resource in resources.items():
        roles = resource.get("Properties", {}).get("Roles", [])
        if resource.get("Type") == "AWS::IAM::ManagedPolicy" and {"Ref": role_id} in roles:
            arns.add(physical.get(logical_id, ""))
    return arns - {""}, sum(1 for one in own if not isinstance(one, str) and not physical.get(str(one.get("Ref", ""))))
