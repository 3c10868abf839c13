"""Another deployment of the same stacks, from another shell or by another person: waited for, and named.

CloudFormation runs one operation on a stack at a time and refuses the second. The CDK command line gives every change
set the same name unless told one; of two runs, one then waits for ever for the other's to be deleted.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

from kickstand.aws_errors import AWS_FAILURES
from kickstand.errors import Problem

_POLL = 5.0
"""Seconds."""


def new_change_set_name() -> str:
    """A name that no other run has."""
    return f"kickstand-deploy-{secrets.token_hex(6)}"


def running_operations(cloudformation: Any, stacks: Sequence[str]) -> list[Problem]:
    """The operations that run on some stacks. What may not be described is taken to be idle."""
    found = []
    for name in stacks:
        try:
            stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except AWS_FAILURES:
            continue  # it is not there yet
        status = str(stack["StackStatus"])
        if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
            since = stack.get("LastUpdatedTime") or stack["CreationTime"]
            message = f"Another deployment runs: the stack is {status} since {since:%H:%M:%S} UTC."
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
