"""Read the deployed stacks of an environment, with the names that AWS knows their resources by."""

from __future__ import annotations

from typing import Any

from kickstand.aws_errors import explained
from kickstand.errors import KickstandError, Problem
from kickstand.names import Names
from promotion.access.allowed import DeployedStack
from promotion.review.changes.read import live_pairs


def deployed_stacks(cloudformation: Any, names: Names, *, deploy: str) -> tuple[DeployedStack, ...]:
    """In the order they are deployed. deploy: the command that deploys them, for the message.

    Raises KickstandError where none is deployed, or AWS does not tell.
    """
    found = [
        DeployedStack(pair.stack, pair.live, _physical(cloudformation, pair.stack))
        for pair in live_pairs(cloudformation, names)
        if pair.live is not None
    ]
    if not found:
        message = f"No stack of {names.prefix} is deployed, so nothing is allowed by one."
        raise KickstandError(Problem(message, fix=f"Deploy it: {deploy}"))
    return tuple(found)


def _physical(cloudformation: Any, stack: str) -> dict[str, str]:
    with explained("reading the resources of a deployed stack", f"stack {stack}"):
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        return {
            one["LogicalResourceId"]: one.get("PhysicalResourceId", "")
            for page in pages
            for one in page["StackResourceSummaries"]
        }
