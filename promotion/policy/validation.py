"""What the CDK's validation report says, as findings and acknowledgements.

The report is described at https://docs.aws.amazon.com/cdk/v2/guide/policy-validation-synthesis.html; its plugins are
those of infra/policy_checks.py and the CDK's own check of templates, which has cfn-lint's rules and ids.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from promotion.review.reports import Acknowledged, Finding

Source = Literal["cdk-nag", "guard", "cfn-lint"]

_SOURCES: Mapping[str, Source] = {
    "AwsSolutions": "cdk-nag",
    "cdk-validator-cfnguard": "guard",
    "CloudFormation Validate": "cfn-lint",
}
_SPEAKER = "[KICKSTAND]: "
"""How the first line of a Guard rule's message begins."""


def reported_findings(report: Mapping[str, Any], stacks: Mapping[str, str]) -> tuple[Finding, ...]:
    """The findings of a validation report.

    stacks: the name of each stack by its construct's path, `{"prod/training": "bikes-prod-training"}`.
    """
    return tuple(
        Finding(
            source=source,
            rule=rule_name(violation["ruleName"]),
            level="warning" if violation["severity"] in ("warning", "info") else "error",
            stack=_stack(construct["constructPath"], stacks),
            resource=construct["constructPath"] or construct.get("cloudFormationResource", {}).get("logicalId", ""),
            message=violation["description"].removeprefix(_SPEAKER).strip(),
            fix=_fix(source, violation),
        )
        for source, violation in _violations(report, "violations")
        for construct in violation["violatingConstructs"]
    )


def reported_acknowledgements(report: Mapping[str, Any]) -> tuple[Acknowledged, ...]:
    """What the constructs accept themselves: each rule and reason once, with all that it is about."""
    found: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    for _, violation in _violations(report, "suppressedViolations"):
        key = rule_name(violation["ruleName"]), violation.get("reason", "")
        places, resources = found.setdefault(key, (set(), set()))
        places.add(violation.get("acknowledgedAt", ""))
        resources.update(construct["constructPath"] for construct in violation["violatingConstructs"])
    return tuple(
        Acknowledged(rule=rule, reason=reason, where=", ".join(sorted(places)), resources=tuple(sorted(resources)))
        for (rule, reason), (places, resources) in sorted(found.items())
    )


def logical_ids(report: Mapping[str, Any]) -> Mapping[str, str]:
    """The logical id of each construct that a finding is about, as far as the report tells."""
    return {
        construct["constructPath"]: construct["cloudFormationResource"]["logicalId"]
        for _, violation in _violations(report, "violations")
        for construct in violation["violatingConstructs"]
        if construct.get("cloudFormationResource")
    }


def rule_name(name: str) -> str:
    """A rule as a person names it.

    Guard's names take no hyphen, ours are written with them. What the CDK calls fatal (`F3006`) is cfn-lint's error
    of that number.
    """
    if re.fullmatch(r"F\d{4}", name):
        return f"E{name[1:]}"
    return name.replace("_", "-") if name.startswith("KICKSTAND_") else name


def _violations(report: Mapping[str, Any], kind: str) -> Iterator[tuple[Source, Mapping[str, Any]]]:
    reports: Iterable[Mapping[str, Any]] = report["pluginReports"]
    for plugin in reports:
        source = _SOURCES.get(plugin["pluginName"])
        if source is not None:  # the rest are remarks of the CDK about the program, not about what it makes
            for violation in plugin.get(kind) or ():
                yield source, violation


def _stack(path: str, stacks: Mapping[str, str]) -> str:
    return next((name for stack, name in stacks.items() if path.startswith(f"{stack}/")), "")


def _fix(source: Source, violation: Mapping[str, Any]) -> str:
    told = violation.get("suggestedFix") or ""
    if source == "guard" and told != violation["description"]:
        return str(told)
    if violation["ruleName"].startswith("AwsSolutions-IAM5"):
        return "Narrow the policy to the resources that are needed."
    return f'Mend it, or accept it with its reason: [policy_exceptions] "{rule_name(violation["ruleName"])}" = "…".'
