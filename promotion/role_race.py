"""Deployments that fail because IAM has not spread a new role's policy yet, and succeed when they are run once more.

IAM is eventually consistent (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html, "Changes that I make
are not always immediately visible"): a stack that makes a role, and right after it what works in that role, can be
refused although its order is right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kickstand.errors import KickstandError

if TYPE_CHECKING:
    import boto3

TEXTS = (
    # SageMaker, CreateModel
    re.compile(r"Could not access model data at .*Please ensure that the role", re.DOTALL),
    # Step Functions, CreateStateMachine with logging; and the role's trust policy
    re.compile(r"The state machine IAM Role is not authorized to access the Log Destination"),
    re.compile(r"Neither the global service principal states\.\S+, nor the regional one is authorized to assume"),
    # EventBridge Scheduler, CreateSchedule
    re.compile(r"The execution role you provide must allow AWS EventBridge Scheduler to assume the role"),
)
"""How the services refuse a role that is not in force yet, as CloudFormation passes it on."""

_STACK = "AWS::CloudFormation::Stack"


def is_role_race(reason: str) -> bool:
    """Whether a resource's failure is one that a new role's policy, not in force yet, leads to."""
    return any(text.search(reason) for text in TEXTS)


def raced(events: Iterable[Mapping[str, Any]]) -> str:
    """The resource that failed by such a race, as `LOGICAL-ID (TYPE)`; empty where anything failed otherwise too.

    events: of one attempt at a deployment. What CloudFormation cancelled because of another failure does not count.
    """
    failed = [
        event
        for event in events
        if event["ResourceStatus"] in ("CREATE_FAILED", "UPDATE_FAILED")
        and event["ResourceType"] != _STACK
        and "cancelled" not in event.get("ResourceStatusReason", "")
    ]
    if not failed or not all(is_role_race(event.get("ResourceStatusReason", "")) for event in failed):
        return ""
    return f"{failed[0]['LogicalResourceId']} ({failed[0]['ResourceType']})"


def deploy_twice(
    session: boto3.Session, stacks: Sequence[str], deploy: Callable[[], None], say: Callable[[str], None]
) -> None:
    """Run a deployment; once more where it failed by nothing but such a race, which is said in one line.

    stacks: the names whose events are read. A first creation that was rolled back is removed by the CDK command line.
    Raises what `deploy` raises, for any other failure and for a second one.
    """
    cloudformation = session.client("cloudformation")
    known = {event["EventId"] for stack in stacks for event in _events(cloudformation, stack)}
    try:
        deploy()
    except KickstandError:
        new = [event for stack in stacks for event in _events(cloudformation, stack) if event["EventId"] not in known]
        resource = raced(new)
        if not resource:
            raise
        say(f"{resource} was refused because IAM had not spread its new role's policy yet; deploying once more.")
        deploy()


def _events(cloudformation: Any, stack: str) -> Iterator[Mapping[str, Any]]:
    """Events of a stack; none of one that is not there."""
    from botocore.exceptions import ClientError

    try:
        for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack):
            yield from page["StackEvents"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
