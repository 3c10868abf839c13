"""Delete one CloudFormation stack and follow it to its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kickstand.errors import KickstandError, Problem

if TYPE_CHECKING:
    import boto3

POLL_SECONDS = 1.5


def delete_stack(
    session: boto3.Session, stack: str, *, show: Callable[[str], None], sleep: Callable[[float], None] = time.sleep
) -> None:
    """Delete a stack; show each resource as it goes.

    Raises KickstandError with CloudFormation's own reason for every resource that could not be deleted.
    """
    cloudformation = session.client("cloudformation")
    stack_id = _stack_id(cloudformation, stack)
    if stack_id is None:
        return  # an earlier deletion, interrupted here, has come to its end
    known = {event["EventId"] for event in _events(cloudformation, stack_id)}
    cloudformation.delete_stack(StackName=stack_id)
    failures: list[Problem] = []
    while True:
        for event in reversed([one for one in _events(cloudformation, stack_id) if one["EventId"] not in known]):
            known.add(event["EventId"])
            if event["ResourceStatus"] in ("DELETE_COMPLETE", "DELETE_SKIPPED"):
                kept = "kept " if event["ResourceStatus"] == "DELETE_SKIPPED" else ""
                show(f"{kept}{event['ResourceType']} {event.get('PhysicalResourceId', '').rsplit('/', 1)[-1]}")
            if event["ResourceStatus"] == "DELETE_FAILED":
                failures.append(
                    Problem(
                        event.get("ResourceStatusReason", "no reason given"), f"{event['LogicalResourceId']} of {stack}"
                    )
                )
        status = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]
        if status == "DELETE_COMPLETE":
            return
        if status != "DELETE_IN_PROGRESS":
            raise KickstandError(*(failures or [Problem(f"The stack ended as {status}.", f"stack {stack}")]))
        sleep(POLL_SECONDS)


def _stack_id(cloudformation: Any, stack: str) -> str | None:
    """The id by which a stack can be asked for when it is gone; None where there is no such stack."""
    from botocore.exceptions import ClientError

    try:
        return str(cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackId"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError" and "does not exist" in str(error):
            return None
        raise


def _events(cloudformation: Any, stack_id: str) -> list[dict[str, Any]]:
    """Events of the stack, newest first."""
    return [
        event
        for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        for event in page["StackEvents"]
    ]
