"""One CloudFormation change set: described, deleted, executed and followed to its end, in the CDK's deploy role."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from deployment.assembly import AssembledStack
from deployment.failures import is_role_race
from kickstand.aws.deployed import find_stack, is_no_stack, stack_events, stack_status
from kickstand.aws.errors import error_code, is_denied
from kickstand.errors import KickstandError, Problem

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import DescribeChangeSetOutputTypeDef


POLL_SECONDS = 1.5
_STACK = "AWS::CloudFormation::Stack"
_WELL = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
_NOTHING = ("didn't contain changes", "No updates are to be performed")


class RolledBackError(KickstandError):
    """CloudFormation took an operation back, and no resource of it had failed: a rollback trigger did, or a person."""


def describe_change_set(
    cloudformation: CloudFormationClient, name: str, stack: str = ""
) -> DescribeChangeSetOutputTypeDef | None:
    """A change set with all its changes; None where there is none. name: its ARN, or its name with its stack."""
    requested: dict[str, Any] = {"ChangeSetName": name, **({"StackName": stack} if stack else {})}
    try:
        found = cloudformation.describe_change_set(**requested)
        page = found
        while page.get("NextToken"):
            page = cloudformation.describe_change_set(**requested, NextToken=page["NextToken"])
            found["Changes"] += page["Changes"]
    except ClientError as error:
        if error_code(error) in ("ChangeSetNotFound", "ChangeSetNotFoundException") or is_no_stack(error):
            return None
        raise
    return found


def is_empty(described: Mapping[str, Any]) -> bool:
    """Whether CloudFormation found nothing to do: such a change set is FAILED, and cannot be executed."""
    return described["Status"] == "FAILED" and any(words in described.get("StatusReason", "") for words in _NOTHING)


def last_change_set(cloudformation: CloudFormationClient, stack_arn: str) -> str:
    """ARN of the change set by which a stack came to what it is; empty where that was none, or failed."""
    stack = find_stack(cloudformation, stack_arn)
    return stack.get("ChangeSetId", "") if stack is not None and stack["StackStatus"] in _WELL else ""


def delete_change_set(reader: CloudFormationClient, writer: CloudFormationClient, arn: str) -> None:
    """Delete a change set, and the stack that was made for it where it holds nothing.

    reader: a client of CloudFormation with the caller's own credentials. writer: one as the CDK's deploy role, which
    may not list change sets where its bootstrap stack is older than version 32.
    """
    described = describe_change_set(reader, arn)
    if described is None:
        return
    stack = described["StackId"]
    writer.delete_change_set(ChangeSetName=arn)
    if stack_status(reader, stack) != "REVIEW_IN_PROGRESS":
        return
    try:
        left = reader.list_change_sets(StackName=stack)["Summaries"]
    except ClientError as error:
        if is_no_stack(error):
            return
        raise
    if not [one for one in left if one["ChangeSetId"] != arn]:
        try:
            writer.delete_stack(StackName=stack)
        except ClientError as error:
            # Whoever prepares in a pipeline may not. Nothing is in it, and the next change set is made in it.
            if not is_denied(error):
                raise


def execute_change_set(
    session: boto3.Session,
    arn: str,
    stack_arn: str,
    *,
    show: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Execute a change set and follow its stack to the end; show each resource that is done.

    Raises KickstandError with CloudFormation's own reason for every resource that failed; RolledBackError, whose
    first problem is CloudFormation's reason, where none had when it began to roll back.
    """
    cloudformation = session.client("cloudformation")
    known = {event["EventId"] for event in stack_events(cloudformation, stack_arn)}
    cloudformation.execute_change_set(ChangeSetName=arn)
    failures: list[Problem] = []
    rolled_back: list[Problem] = []
    stack = stack_arn.split("/")[1]
    while True:
        for event in reversed([one for one in stack_events(cloudformation, stack_arn) if one["EventId"] not in known]):
            known.add(event["EventId"])
            status = event["ResourceStatus"]
            if event["ResourceType"] == _STACK and event.get("PhysicalResourceId") == stack_arn:
                if status == "UPDATE_ROLLBACK_IN_PROGRESS" and not failures:
                    rolled_back.append(Problem(event.get("ResourceStatusReason", "no reason given"), f"stack {stack}"))
                if status.endswith("_IN_PROGRESS"):
                    continue
                if status in _WELL:
                    return
                if rolled_back:
                    raise RolledBackError(*rolled_back, *failures)
                raise KickstandError(*(failures or [Problem(f"The stack ended as {status}.", f"stack {stack}")]))
            if status.endswith("_FAILED") and "cancelled" not in event.get("ResourceStatusReason", ""):
                reason = event.get("ResourceStatusReason", "no reason given")
                resource = f"{event['LogicalResourceId']} ({event['ResourceType']})"
                failures.append(Problem(reason, f"{resource} of {stack}", _fix(reason)))
            if not status.endswith("_IN_PROGRESS"):
                show(f"{status.lower().replace('_', ' ')}: {event['LogicalResourceId']} ({event['ResourceType']})")
        sleep(POLL_SECONDS)


def _fix(reason: str) -> str:
    """What to do about a resource's failure where that is known: a change set can be executed only once."""
    if not is_role_race(reason):
        return ""
    return "IAM had not spread the new role's policy yet. That passes: review and prepare again, then deploy that."


def deploy_session(session: boto3.Session, stack: AssembledStack) -> boto3.Session:
    """A session as the stack's deploy role; the given one where the role may not be assumed or there is none.

    The CDK command line goes on with the credentials at hand too: whoever may do it directly needs no role.
    """
    import boto3

    if not stack.deploy_role_arn:
        return session
    try:
        answer = session.client("sts").assume_role(RoleArn=stack.deploy_role_arn, RoleSessionName="kickstand")
    except ClientError:
        return session
    credentials = answer["Credentials"]
    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name=stack.environment.rpartition("/")[2],
    )
