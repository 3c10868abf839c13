"""The policy part of a review."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from infra.policy_rules import rule_files, rule_names
from kickstand.config.model import Environment, Project
from promotion.policy.checked_assembly import checked_assembly
from promotion.policy.exceptions import apply_exceptions
from promotion.policy.headlines import policy_headlines
from promotion.policy.template_lint import lint_findings
from promotion.policy.validation import reported_acknowledgements, reported_findings
from promotion.review.parts import Finding, PolicyReport

NAG_RULES = 131
"""Of the pack AwsSolutions in the pinned cdk-nag, which does not tell how many it asks."""


def policy_report(project: Project, environment: Environment, releases: Path) -> PolicyReport:
    """Every finding about an environment's stacks as they would be deployed, and what is accepted.

    releases: the folder of the release files. Takes some seconds: the stacks are synthesised once more, into a
    folder of its own that is gone afterwards.
    InputError: the project file or the release is wrong. KickstandError: synthesis failed, or a check did.
    """
    assembly = checked_assembly(project, environment, releases)
    stacks = {stack.path: stack.name for stack in assembly.stacks}
    linted, lint_rules = lint_findings(assembly.stacks, environment.region)
    found = (*reported_findings(assembly.report, stacks), *linted)
    findings, accepted = apply_exceptions(_once(found), environment)
    ordered = tuple(sorted(findings, key=lambda one: (one.level, one.source, one.rule, one.stack, one.resource)))
    acknowledged = (*accepted, *reported_acknowledgements(assembly.report))
    return PolicyReport(
        findings=ordered,
        acknowledged=acknowledged,
        rules_run={"cdk-nag": NAG_RULES, "guard": guard_rules(environment), "cfn-lint": lint_rules},
        headlines=policy_headlines(ordered, acknowledged),
    )


def guard_rules(environment: Environment) -> int:
    """How many rules of our own an environment's stacks are held to."""
    return sum(len(rule_names(file)) for file in rule_files(environment))


def _once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each finding once: a rule of cfn-lint that the CDK asked too is told of by the CDK, which knows the construct."""
    told: dict[tuple[str, str, str, str], Finding] = {}
    by_the_cdk: set[tuple[str, str]] = set()
    for finding in findings:
        if finding.source == "cfn-lint" and "/" in finding.resource:
            by_the_cdk.add((finding.rule, finding.stack))
        elif finding.source == "cfn-lint" and (finding.rule, finding.stack) in by_the_cdk:
            continue
        told.setdefault((finding.rule, finding.stack, finding.resource, finding.message), finding)
    return tuple(told.values())
