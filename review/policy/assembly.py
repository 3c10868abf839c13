"""A cloud assembly that is made to be checked and thrown away, and what the CDK and cfn-lint say of its templates.

The CDK's report is described at https://docs.aws.amazon.com/cdk/v2/guide/policy-validation-synthesis.html; its plugins
are those of infra/checks/policy_checks.py and the CDK's own check of templates, which has cfn-lint's rules and ids.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from deployment.assembly import run_app
from kickstand.config.model import Environment, Project
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.json_text import parse_json
from review.reports import Acknowledged, Finding

_REPORT = "validation-report.json"
_LAST_LINES = 12


@dataclass(frozen=True, slots=True)
class CheckedStack:
    """One stack of the assembly. path: its construct's, `prod/training`; name: CloudFormation's."""

    path: str
    name: str
    template: str
    """JSON, as it would be deployed."""


@dataclass(frozen=True, slots=True)
class CheckedAssembly:
    """What a checked synthesis wrote: the stacks, and the CDK's validation report as it stands."""

    stacks: tuple[CheckedStack, ...]
    report: Mapping[str, Any]


@contextmanager
def _synthesised(project: Project, environment: Environment, releases: Path) -> Iterator[Path]:
    """An assembly in a folder that goes with the block. The one that is deployed is never touched."""
    with TemporaryDirectory(prefix="kickstand-policy-") as folder:
        assembly = Path(folder) / "cdk.out"
        done = run_app(project, environment, releases, assembly, policy="on")
        # A finding makes it fail too, once everything is written: then there is a report.
        if not (assembly / _REPORT).exists() and done.returncode != 0:
            raise _failed(done, environment)
        yield assembly


def checked_assembly(project: Project, environment: Environment, releases: Path) -> CheckedAssembly:
    """Synthesise one environment with the policy checks on.

    releases: the folder of the release files.
    InputError: the project file or the release is wrong. KickstandError: synthesis failed, or a check did.
    """
    with _synthesised(project, environment, releases) as assembly:
        file = assembly / _REPORT
        report = parse_json(file.read_text("utf-8")) if file.exists() else {"pluginReports": []}
        stacks = tuple(sorted(_stacks(assembly), key=lambda stack: stack.path))
    broken = [one for one in report["pluginReports"] if one["conclusion"] == "failure" and not one["violations"]]
    if broken:
        raise KickstandError(*(_unasked(one) for one in broken))
    return CheckedAssembly(stacks, report)


def _stacks(assembly: Path) -> Iterator[CheckedStack]:
    for manifest in assembly.rglob("manifest.json"):
        for artifact in parse_json(manifest.read_text("utf-8")).get("artifacts", {}).values():
            if artifact["type"] == "aws:cloudformation:stack":
                properties = artifact["properties"]
                template = (manifest.parent / properties["templateFile"]).read_text("utf-8")
                yield CheckedStack(artifact["displayName"].partition(" ")[0], properties["stackName"], template)


def _unasked(report: Mapping[str, Any]) -> Problem:
    reason = (report.get("metadata") or {}).get("error", "it does not say why.")
    return Problem(
        f"The policy check {report['pluginName']} could not be run: {reason}", "infra/checks/policy_checks.py"
    )


def _failed(done: subprocess.CompletedProcess[str], environment: Environment) -> KickstandError:
    said = "\n".join(done.stderr.strip().splitlines()[-_LAST_LINES:])
    kind = InputError if done.returncode == InputError.exit_code else KickstandError
    where = "" if kind is InputError else f"{environment.project}-{environment.name}"
    return kind(Problem(said or "The stacks could not be synthesised.", where))


def lint_findings(stacks: Iterable[CheckedStack], region: str) -> tuple[tuple[Finding, ...], int]:
    """The findings of cfn-lint, and how many rules it asked.

    Offline, and without the machine's own `.cfnlintrc`: what a review says must not depend on who makes it.
    """
    from cfnlint.config import ConfigMixIn
    from cfnlint.decode.decode import decode_str
    from cfnlint.runner import Runner

    with TemporaryDirectory(prefix="kickstand-lint-") as folder:
        settings = Path(folder) / "cfnlintrc.yaml"
        settings.write_text("{}\n", "utf-8")
        runner = Runner(ConfigMixIn(["--config-file", str(settings), "--regions", region]))
        findings = []
        for stack in stacks:
            template, faults = decode_str(stack.template)
            matches = faults if template is None else list(runner.validate_template(template))
            for match in matches:
                path = [str(part) for part in getattr(match, "path", None) or ()]
                where = ".".join(path[2:]) if path[:1] == ["Resources"] else ".".join(path)
                findings.append(
                    Finding(
                        source="cfn-lint",
                        rule=match.rule.id,
                        level="error" if match.rule.severity == "error" else "warning",
                        stack=stack.name,
                        resource=path[1] if path[:1] == ["Resources"] and len(path) > 1 else "",
                        message=f"{where}: {match.message}" if where else match.message,
                        fix=f"{match.rule.shortdesc}: {match.rule.source_url}",
                    )
                )
        return tuple(findings), len(runner.rules)


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
    properties = violation.get("suggestedFix") or ""
    if source == "guard" and properties != violation["description"]:
        return str(properties)
    if violation["ruleName"].startswith("AwsSolutions-IAM5"):
        return "Narrow the policy to the resources that are needed."
    return f'Fix it, or accept it with its reason: [policy_exceptions] "{rule_name(violation["ruleName"])}" = "…".'
