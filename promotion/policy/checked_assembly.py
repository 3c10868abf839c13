"""A cloud assembly that is made to be checked, and thrown away."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kickstand.config.model import Environment, Project
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.json_text import parse_json
from promotion.app_run import run_app

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
                told = artifact["properties"]
                template = (manifest.parent / told["templateFile"]).read_text("utf-8")
                yield CheckedStack(artifact["displayName"].partition(" ")[0], told["stackName"], template)


def _unasked(report: Mapping[str, Any]) -> Problem:
    reason = (report.get("metadata") or {}).get("error", "it does not say why.")
    return Problem(f"The policy check {report['pluginName']} could not be run: {reason}", "infra/policy_checks.py")


def _failed(done: subprocess.CompletedProcess[str], environment: Environment) -> KickstandError:
    said = "\n".join(done.stderr.strip().splitlines()[-_LAST_LINES:])
    kind = InputError if done.returncode == InputError.exit_code else KickstandError
    where = "" if kind is InputError else f"{environment.project}-{environment.name}"
    return kind(Problem(said or "The stacks could not be synthesised.", where))
