"""The policy part of a review: every finding, those accepted with `[policy_exceptions]`, and headlines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from infra.checks.guard_rules import rule_files, rule_names
from kickstand.config.model import Environment, Project
from review.policy.assembly import (
    Source,
    checked_assembly,
    lint_findings,
    logical_ids,
    reported_acknowledgements,
    reported_findings,
)
from review.reports import Acknowledged, Finding, Headline, PolicyReport


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


_NAMED = 3
"""Resources that a headline names; the rest it counts."""


def policy_headlines(findings: Sequence[Finding], acknowledged: Sequence[Acknowledged]) -> tuple[Headline, ...]:
    """A danger for each rule that is broken, in words; one warning for all warnings; a note where there is nothing."""
    kinds: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.level == "error":
            kinds.setdefault(finding.rule.partition("[")[0], []).append(finding)
    found = [Headline(level="danger", sentence=_sentence(rule, broken)) for rule, broken in sorted(kinds.items())]
    warnings = sum(finding.level == "warning" for finding in findings)
    if warnings:
        found.append(Headline(level="warning", sentence=f"{_count(warnings, 'policy warning')}."))
    accepted = (
        f"{_count(len(acknowledged), 'finding')} accepted with {'its reason' if len(acknowledged) == 1 else 'reasons'}"
    )
    if not findings:
        sentence = f"No policy findings; {accepted}." if acknowledged else "No policy findings."
        found.append(Headline(level="note", sentence=sentence))
    elif acknowledged:
        found.append(Headline(level="note", sentence=f"{accepted}."))
    return tuple(found)


def _sentence(rule: str, broken: Sequence[Finding]) -> str:
    """`The bucket can be made public. (KICKSTAND-…: prod/training/ArtifactBucket/Bucket)`"""
    places = sorted({finding.resource or finding.stack for finding in broken})
    more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
    message = broken[0].message.rstrip(".")
    return f"{message}. ({rule}: {', '.join(places[:_NAMED])}{more})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


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
    reported = reported_findings(assembly.report, stacks)
    found = (*reported, *_unreported(linted, reported, logical_ids(assembly.report)))
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


def _unreported(linted: Iterable[Finding], reported: Iterable[Finding], ids: Mapping[str, str]) -> Iterator[Finding]:
    """What cfn-lint finds beyond the CDK, which asks some of its rules too, and knows the construct."""
    known = {(one.rule, one.stack, ids.get(one.resource, one.resource)) for one in reported}
    return (one for one in linted if (one.rule, one.stack, one.resource) not in known)
