"""Findings that a project accepts: `[policy_exceptions]` of its file."""

from __future__ import annotations

from collections.abc import Iterable

from kickstand.config.model import Environment
from promotion.policy.validation import Source
from promotion.review.reports import Acknowledged, Finding


def apply_exceptions(
    findings: Iterable[Finding], environment: Environment
) -> tuple[tuple[Finding, ...], tuple[Acknowledged, ...]]:
    """What stays a finding, and what the project file accepts.

    An exception names a rule exactly as a finding does. One that no finding has is a finding itself, a warning: it
    would accept something unseen one day.
    """
    exceptions = environment.policy_exceptions
    kept, accepted = [], dict[str, list[str]]()
    for finding in findings:
        if finding.rule in exceptions:
            accepted.setdefault(finding.rule, []).append(finding.resource or finding.stack)
        else:
            kept.append(finding)
    kept += [_useless(rule, environment) for rule in exceptions if rule not in accepted]
    return tuple(kept), tuple(
        Acknowledged(
            rule=rule,
            reason=exceptions[rule],
            where=environment.where(f"policy_exceptions.{rule}"),
            resources=tuple(sorted(set(resources))),
        )
        for rule, resources in sorted(accepted.items())
    )


def _useless(rule: str, environment: Environment) -> Finding:
    where = environment.where(f"policy_exceptions.{rule}")
    return Finding(
        source=_source(rule),
        rule=rule,
        level="warning",
        stack="",
        resource=where,
        message=f"The exception for {rule} accepts nothing: no finding has that rule.",
        fix=f"Take it out of {where}, or write the rule as the finding names it.",
    )


def _source(rule: str) -> Source:
    if rule.startswith("AwsSolutions-"):
        return "cdk-nag"
    return "guard" if rule.startswith("KICKSTAND-") else "cfn-lint"
