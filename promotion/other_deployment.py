"""Another deployment of the same stacks, from another shell or by another person: waited for, and named.

CloudFormation runs one operation on a stack at a time, refuses the second, and deletes the change sets that were made
for the stack as it was before. The CDK command line gives every change set the same name unless told one; of two runs,
one then waits for ever for the other's to be deleted.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-execute.html
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kickstand.aws_errors import AWS_FAILURES
from kickstand.errors import Problem

_POLL = 5.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class StackWatch:
    """Some stacks as they were before an operation, to know what another deployment did to them meanwhile."""

    cloudformation: Any
    stacks: tuple[str, ...]
    change_set: str
    """The name of this run's change sets, which no other run has."""
    before: dict[str, datetime]

    @classmethod
    def open(cls, cloudformation: Any, stacks: Sequence[str]) -> StackWatch:
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


def running_operations(cloudformation: Any, stacks: Sequence[str]) -> list[Problem]:
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
    cloudformation: Any,
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


def _described(cloudformation: Any, name: str) -> dict[str, Any]:
    """The stack; empty where it is not there, or may not be described."""
    try:
        return dict(cloudformation.describe_stacks(StackName=name)["Stacks"][0])
    except AWS_FAILURES:
        return {}


def _changed(stack: dict[str, Any]) -> datetime:
    changed: datetime = stack.get("LastUpdatedTime") or stack["CreationTime"]
    return changed
