"""The stacks that the run itself makes, beside Kickstand's: a KMS key for each environment, and roles for people.

A role stands for a person who has nothing but Kickstand's own policies: a fitter, a reviewer, the pipeline's job that
prepares change sets. What AWS answers to such a role does not depend on the rights of whoever runs this.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from acceptance.waiting import Deadline, retried_until_allowed
from infra.policies.automation import prepare_statements
from infra.policies.statement import key_grant, policy_document
from kickstand.aws.deployed import stack_events
from kickstand.aws.errors import error_code
from kickstand.errors import KickstandError, Problem
from kickstand.names import Names, partition
from kickstand.workspace import Workspace

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

KEY_DAYS = 7
"""The shortest time that AWS KMS keeps a key whose deletion is scheduled. It costs nothing then."""
STACK_SECONDS = 600.0
SESSION_SECONDS = 3600

PERSONAS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], bool]] = {
    "Fitter": (("fitter",), (), False),
    "Reviewer": (("reviewer", "drift"), (), False),
    "Preparer": (("reviewer", "drift"), (), True),
    "PreparerWithoutParameters": (("reviewer", "drift"), ("ssm:GetParameters",), True),
    "PreparerWithoutTags": (("reviewer", "drift"), ("cloudformation:TagResource",), True),
}
"""By name: Kickstand's managed policies, the actions that are denied, whether the statements of the pipeline's
`prepare` role are its own too (that role itself trusts GitHub alone)."""


def key_stack(prefix: str) -> str:
    """The stack of an environment's KMS key."""
    return f"{prefix}-key"


def personas_stack(prefix: str) -> str:
    """The stack of the roles that stand for people."""
    return f"{prefix}-personas"


def key_template(own: Names, target: Names | None) -> dict[str, Any]:
    """A key that the account's IAM policies grant. target: the environment whose release role decrypts with it."""
    account = f"arn:{partition(own.environment.region)}:iam::{own.environment.account}:root"
    whole = {"Sid": "Iam", "Effect": "Allow", "Principal": {"AWS": account}, "Action": "kms:*", "Resource": "*"}
    key = {
        "Type": "AWS::KMS::Key",
        "Properties": {
            "Description": f"Artifacts of {own.prefix}, an acceptance run of Kickstand",
            "KeyPolicy": {"Version": "2012-10-17", "Statement": [whole, *([key_grant(target)] if target else [])]},
            "PendingWindowInDays": KEY_DAYS,
        },
    }
    return {"Resources": {"Key": key}, "Outputs": {"Key": {"Value": {"Fn::GetAtt": ["Key", "Arn"]}}}}


def personas_template(names: Names, secret: str) -> dict[str, Any]:
    """A role for each persona. secret: the external id without which none can be assumed."""
    environment = names.environment
    iam = f"arn:{partition(environment.region)}:iam::{environment.account}"
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"{iam}:root"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": secret}},
            }
        ],
    }
    boundary = environment.roles.permissions_boundary
    resources = {}
    for persona, (jobs, denied, prepares) in PERSONAS.items():
        policies = {"prepare": policy_document(prepare_statements(names))} if prepares else {}
        if denied:
            statement = {"Effect": "Deny", "Action": list(denied), "Resource": "*"}
            policies["denied"] = {"Version": "2012-10-17", "Statement": [statement]}
        resources[persona] = {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": trust,
                "Description": f"{persona} of {names.prefix}, for an acceptance run of Kickstand",
                "MaxSessionDuration": SESSION_SECONDS,
                "ManagedPolicyArns": [f"{iam}:policy/{names.managed_policy(job)}" for job in jobs],
                "Policies": [{"PolicyName": name, "PolicyDocument": each} for name, each in policies.items()],
                **({"PermissionsBoundary": boundary} if boundary else {}),
            },
        }
    outputs = {persona: {"Value": {"Fn::GetAtt": [persona, "Arn"]}} for persona in PERSONAS}
    return {"Resources": resources, "Outputs": outputs}


def make_stack(workspace: Workspace, stack: str, template: Mapping[str, Any]) -> dict[str, str]:
    """Make a stack unless it is there, wait for it, and return its outputs. KickstandError says why it failed."""
    cloudformation = workspace.session.client("cloudformation")
    tags = [{"Key": key, "Value": value} for key, value in workspace.environment.tags.items()]
    try:
        cloudformation.create_stack(
            StackName=stack,
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_IAM"],
            Tags=tags,
        )
    except ClientError as error:
        if error_code(error) != "AlreadyExistsException":
            raise
    patience = Deadline(f"The stack {stack}", STACK_SECONDS)
    while True:
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        status = found["StackStatus"]
        if status == "CREATE_COMPLETE":
            return {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", ())}
        if status != "CREATE_IN_PROGRESS":
            reasons = creation_failures(cloudformation, stack) or [found.get("StackStatusReason", "no reason given")]
            raise KickstandError(*(Problem(f"The stack is {status}. {reason}", f"stack {stack}") for reason in reasons))
        patience.sleep(1.5)


def creation_failures(cloudformation: CloudFormationClient, stack: str) -> list[str]:
    """`LogicalId (Type): reason` of each resource whose creation failed by itself. stack: its name, or its id."""
    found = []
    for event in stack_events(cloudformation, stack):
        reason = event.get("ResourceStatusReason", "")
        if event["ResourceStatus"] == "CREATE_FAILED" and "cancelled" not in reason:
            found.append(f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}")
    return found


def make_key(workspace: Workspace, target: Names | None) -> str:
    """The ARN of an environment's key."""
    names = workspace.names
    return make_stack(workspace, key_stack(names.prefix), key_template(names, target))["Key"]


def persona(workspace: Workspace, name: str, secret: str) -> Any:
    """A session of a persona, whose stack is made where there is none; waits until IAM knows the role."""
    import boto3

    names = workspace.names
    role = make_stack(workspace, personas_stack(names.prefix), personas_template(names, secret))[name]
    answer = retried_until_allowed(
        lambda: workspace.session.client("sts").assume_role(
            RoleArn=role, RoleSessionName="acceptance", ExternalId=secret, DurationSeconds=SESSION_SECONDS
        )
    )
    credentials = answer["Credentials"]
    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name=workspace.environment.region,
    )
