"""Why CloudFormation refused or failed: its own reasons, which the CDK command line does not print all of.

What fails its validation before anything is made ("Validation failed with 1 error(s). Call DescribeEvents …") is
recorded only as operation events; what fails while it is made is a stack event too.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeEvents.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kickstand.aws_errors import AWS_FAILURES
from kickstand.errors import Problem

_PAGES = 10
"""Pages of events that are read of one stack; the newest are on the first."""


@dataclass(frozen=True, slots=True)
class FailureLog:
    """The failures of some stacks that were recorded before an operation, to tell its own from them."""

    cloudformation: Any
    stacks: tuple[str, ...]
    known: frozenset[str]
    """Ids of events."""

    @classmethod
    def open(cls, cloudformation: Any, stacks: Sequence[str]) -> FailureLog:
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


def _place(event: dict[str, Any], resource: str, stack: str) -> str:
    kind = f" ({event['ResourceType']})" if event.get("ResourceType") else ""
    return f"{resource}{kind} of {stack}" if resource else f"stack {stack}"


def _reason(event: dict[str, Any]) -> str:
    for name in ("ValidationStatusReason", "HookStatusReason", "ResourceStatusReason"):
        if event.get(name):
            return str(event[name])
    return ""


def _failures(cloudformation: Any, stack: str) -> Iterator[dict[str, Any]]:
    """The failures that are on record of a stack; none where it is not there, or may not be asked about."""
    try:
        token: dict[str, str] = {}
        for _ in range(_PAGES):
            page = cloudformation.describe_events(StackName=stack, Filters={"FailedEvents": True}, **token)
            yield from (one for one in page["OperationEvents"] if one.get("ValidationFailureMode") != "WARN")
            if not page.get("NextToken"):
                break
            token = {"NextToken": page["NextToken"]}
    except AWS_FAILURES:
        pass  # an older role lacks cloudformation:DescribeEvents
    try:
        page = cloudformation.describe_stack_events(StackName=stack)
        yield from (one for one in page["StackEvents"] if str(one["ResourceStatus"]).endswith("_FAILED"))
    except AWS_FAILURES:
        return
