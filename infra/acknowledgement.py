"""Findings that are accepted, each with its reason, said by the construct that they are about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import aws_cdk as cdk
from constructs import Construct

from infra.statement import Statement
from infra.wildcard import wildcard_reason

POLICY_CONTEXT = "policy"
"""The context value that asks for the policy checks: `-c policy=on`."""

PACK = "AwsSolutions"
"""The pack of rules that findings are accepted of, as its ids begin."""


def checks_are_on(construct: Construct) -> bool:
    """Whether this synthesis is one that is checked."""
    return bool(construct.node.try_get_context(POLICY_CONTEXT) == "on")


def acknowledge(construct: Construct, reasons: Mapping[str, str]) -> None:
    """Accept findings about a construct or what is in it: rule (`AwsSolutions-S1`) and reason.

    Only where the checks are on: acknowledgements are metadata, which an assembly that is deployed has no use for.
    The id that the CDK keeps names the plugin too; without it the finding would vanish, and its reason with it.
    """
    if not checks_are_on(construct):
        return
    accepted = [cdk.Acknowledgment(id=f"{PACK}::{rule}", reason=reason) for rule, reason in reasons.items()]
    cdk.Validations.of(construct).acknowledge(*accepted)


def acknowledge_wildcards(policy: Construct, statements: Iterable[Statement]) -> None:
    """Accept the wildcards in a policy's resources that have a reason; any other stays a finding."""
    reasons: dict[str, list[str]] = {}
    for statement in statements:
        if statement.everywhere:
            reasons.setdefault("*", []).append(f"{statement.sid}: {statement.everywhere}")
        for resource in statement.resources:
            reason = wildcard_reason(resource)
            if reason and reason not in reasons.setdefault(resource, []):
                reasons[resource].append(reason)
    acknowledge(policy, {f"{PACK}-IAM5[Resource::{arn}]": " ".join(said) for arn, said in reasons.items() if said})
