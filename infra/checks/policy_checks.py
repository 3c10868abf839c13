"""The policy checks of a synthesis with `-c policy=on`, and the findings that constructs accept, each with its reason.

Two of the three sources of findings: AWS's advice (cdk-nag's pack AwsSolutions) and our own rules (`guard_rules`). Both
write into validation-report.json of the assembly. Without the context nothing is checked or loaded, and the assembly is
the one that is deployed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

import aws_cdk as cdk
from constructs import Construct

from infra.checks.guard_rules import rule_files
from infra.policies.statement import Statement, wildcard_reason
from kickstand.config.model import Project

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


def add_policy_checks(app: cdk.App, project: Project) -> None:
    """Have the stages that the app has by now checked, if the context says so.

    A finding makes the synthesis fail once everything is written.
    """
    if not checks_are_on(app):
        return
    from cdk_nag import AwsSolutionsChecks
    from cdklabs.cdk_validator_cfnguard import CfnGuardValidator

    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    for environment in project.environments.values():
        stage = app.node.try_find_child(environment.name)
        if stage is not None:
            rules = [str(file) for file in rule_files(environment)]
            guard = CfnGuardValidator(control_tower_rules_enabled=False, rules=rules)
            # Typed for the interface's earlier name; the CDK takes both.
            cdk.Validations.of(stage).add_plugins(cast("cdk.IPolicyValidationPlugin", guard))
