"""Failed and concurrent CloudFormation operations: its reasons, what a second run gets past, who else is deploying.

The CDK command line does not print all reasons. Right after a role was made, IAM may not have its policy everywhere
yet: such a deployment is run once more. CloudFormation runs one operation on a stack at a time, refuses the second, and
deletes the change sets that were made for the stack as it was before. The CDK gives every change set the same name
unless told one; of two runs, one then waits without end for the other's to be deleted.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-execute.html
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kickstand.aws.deployed import stack_events
from kickstand.aws.errors import AWS_FAILURES
from kickstand.errors import KickstandError, Problem

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_cloudformation import CloudFormationClient


_POLL = 5.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class StackWatch:
    """Some stacks as they were before an operation, to know what another deployment did to them meanwhile."""

    cloudformation: CloudFormationClient
    stacks: tuple[str, ...]
    change_set: str
    """The name of this run's change sets, which no other run has."""
    before: dict[str, datetime]

    @classmethod
    def open(cls, cloudformation: CloudFormationClient, stacks: Sequence[str]) -> StackWatch:
        found = ((name, _described(cloudformation, name)) for name in stacks)
        before = {name: _changed(stack) for name, stack in found if stack}
        return cls(cloudformation, tuple(stacks), f"kickstand-deploy-{secrets.token_hex(6)}", before)

    def others(self) -> list[Problem]:
        """The other deployments that run, or that have changed a stack since."""
        return running_operations(self.cloudformation, self.stacks) or list(self._finished())

    def _finished(self) -> Iterator[Problem]:
        for name in self.stacks:
            stack = _described(self.cloudformation, name)
            if stack and _changed(stack) != self.before.get(name) and not self._is_ours(name):
                message = f"Another deployment changed the stack at {_changed(stack):%H:%M:%S} UTC, while this one ran."
                yield Problem(message, f"stack {name}", "Run the same command again.")

    def _is_ours(self, stack: str) -> bool:
        try:
            found = self.cloudformation.list_change_sets(StackName=stack)["Summaries"]
        except AWS_FAILURES:
            return True  # nothing is claimed that cannot be seen
        return any(one["ChangeSetName"] == self.change_set for one in found)


def running_operations(cloudformation: CloudFormationClient, stacks: Sequence[str]) -> list[Problem]:
    """The operations that run on some stacks. What may not be described is taken to be idle."""
    found = []
    for name in stacks:
        stack = _described(cloudformation, name)
        status = str(stack.get("StackStatus", ""))
        if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
            message = f"Another deployment runs: the stack is {status} since {_changed(stack):%H:%M:%S} UTC."
            found.append(Problem(message, f"stack {name}", "Wait for it, then run the same command again."))
    return found


def wait_for_others(
    cloudformation: CloudFormationClient,
    stacks: Sequence[str],
    say: Callable[[str], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return when no operation runs on the stacks. say: prints a line, once for each status."""
    said = ""
    while running := running_operations(cloudformation, stacks):
        line = f"{running[0].where}: {running[0].message} Waiting for it; Ctrl-C ends the waiting."
        if line != said:
            say(line)
            said = line
        sleep(_POLL)


def _described(cloudformation: CloudFormationClient, name: str) -> dict[str, Any]:
    """The stack; empty where it is not there, or may not be described."""
    try:
        return dict(cloudformation.describe_stacks(StackName=name)["Stacks"][0])
    except AWS_FAILURES:
        return {}


def _changed(stack: dict[str, Any]) -> datetime:
    changed: datetime = stack.get("LastUpdatedTime") or stack["CreationTime"]
    return changed


_PAGES = 10
"""Pages of events that are read of one stack; the newest are on the first."""


@dataclass(frozen=True, slots=True)
class FailureLog:
    """The failures of some stacks that were recorded before an operation, to tell its own from them."""

    cloudformation: CloudFormationClient
    stacks: tuple[str, ...]
    known: frozenset[str]
    """Ids of events."""

    @classmethod
    def open(cls, cloudformation: CloudFormationClient, stacks: Sequence[str]) -> FailureLog:
        known = {str(event["EventId"]) for stack in stacks for event in _failures(cloudformation, stack)}
        return cls(cloudformation, tuple(stacks), frozenset(known))

    def reasons(self) -> list[Problem]:
        """Why each resource failed since, in the order of the stacks, oldest first; each reason once."""
        found: dict[tuple[str, str], Problem] = {}
        for stack in self.stacks:
            new = [one for one in _failures(self.cloudformation, stack) if str(one["EventId"]) not in self.known]
            for event in sorted(new, key=lambda one: str(one["Timestamp"])):
                reason, resource = _reason(event), str(event.get("LogicalResourceId", ""))
                if reason and resource != stack and "cancelled" not in reason:
                    found.setdefault((resource, reason), Problem(reason, _place(event, resource, stack)))
        return list(found.values())


def _place(event: Mapping[str, Any], resource: str, stack: str) -> str:
    kind = f" ({event['ResourceType']})" if event.get("ResourceType") else ""
    return f"{resource}{kind} of {stack}" if resource else f"stack {stack}"


def _reason(event: Mapping[str, Any]) -> str:
    for name in ("ValidationStatusReason", "HookStatusReason", "ResourceStatusReason"):
        if event.get(name):
            return str(event[name])
    return ""


def _failures(cloudformation: CloudFormationClient, stack: str) -> Iterator[Mapping[str, Any]]:
    """The failures that are on record of a stack; none where it is not there, or may not be asked about."""
    try:
        token: dict[str, Any] = {}
        for _ in range(_PAGES):
            page = cloudformation.describe_events(StackName=stack, Filters={"FailedEvents": True}, **token)
            yield from (one for one in page["OperationEvents"] if one.get("ValidationFailureMode") != "WARN")
            if not page.get("NextToken"):
                break
            token = {"NextToken": page["NextToken"]}
    except AWS_FAILURES:
        pass  # an older role lacks cloudformation:DescribeEvents
    try:
        events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        yield from (one for one in events if one["ResourceStatus"].endswith("_FAILED"))
    except AWS_FAILURES:
        return


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
    known = {event["EventId"] for stack in stacks for event in stack_events(cloudformation, stack)}
    try:
        deploy()
    except KickstandError:
        events = [event for stack in stacks for event in stack_events(cloudformation, stack)]
        new = [event for event in events if event["EventId"] not in known]
        resource = raced(new)
        if not resource:
            raise
        say(f"{resource} was refused because IAM had not spread its new role's policy yet; deploying once more.")
        deploy()
