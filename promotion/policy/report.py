"""The policy part of a review."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from infra.policy_rules import rule_files, rule_names
from kickstand.config.model import Environment, Project
from promotion.policy.checked_assembly import checked_assembly
from promotion.policy.exceptions import apply_exceptions
from promotion.policy.headlines import policy_headlines
from promotion.policy.template_lint import lint_findings
from promotion.policy.validation import logical_ids, reported_acknowledgements, reported_findings
from promotion.review.reports import Finding, PolicyReport

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
    told = reported_findings(assembly.report, stacks)
    found = (*told, *_untold(linted, told, logical_ids(assembly.report)))
    findings, accepted = apply_exceptions(found, environment)
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


def _untold(linted: Iterable[Finding], told: Iterable[Finding], ids: Mapping[str, str]) -> Iterator[Finding]:
    """What cfn-lint finds beyond the CDK, which asks some of its rules too, and knows the construct."""
    known = {(one.rule, one.stack, ids.get(one.resource, one.resource)) for one in told}
    return (one for one in linted if (one.rule, one.stack, one.resource) not in known)
