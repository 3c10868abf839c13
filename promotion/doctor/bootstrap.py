"""The CDK bootstrap stack, against what the environment's own cloud assembly needs of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kickstand.errors import KickstandError, Problem
from kickstand.json_text import parse_json
from promotion.app_run import run_app
from promotion.doctor.finding import Finding
from promotion.doctor.patient import Patient


def bootstrap_findings(patient: Patient) -> Iterator[Finding]:
    """Synthesise the environment, and compare the version in its SSM parameter with the one that is needed."""
    with tempfile.TemporaryDirectory(prefix="kickstand-") as folder:
        needed = synthesised_need(patient, Path(folder))
    yield Finding("synthesis", "ok", f"The stacks can be made; they need a bootstrap stack of version {needed}.")
    reviewed = patient.environment.review.require_review
    yield bootstrap_verdict(bootstrap_version(patient), needed, patient.bootstrap, reviewed=reviewed)


LISTS_CHANGE_SETS = 32
"""The bootstrap version from which on its deploy role may list change sets (aws-cdk-cli, pull request 1403)."""


def bootstrap_verdict(found: str | None, needed: int, fix: str, *, reviewed: bool = False) -> Finding:
    """found: the text of the parameter; None where there is none. reviewed: `require_review` is set."""
    if found is None:
        return Finding("bootstrap", "problem", "The CDK bootstrap stack is missing.", fix)
    if not found.isdecimal():
        return Finding("bootstrap", "problem", f"Its version is not a number: {found!r}.", fix)
    if int(found) < needed:
        return Finding("bootstrap", "problem", f"Version {found}; the stacks need {needed}.", fix)
    if reviewed and int(found) < LISTS_CHANGE_SETS:
        return Finding(
            "bootstrap",
            "warning",
            f"Version {found}; its deploy role may not list change sets, as it may from version {LISTS_CHANGE_SETS} "
            "on. Whoever prepares a review needs cloudformation:ListChangeSets, which the reviewer policy has.",
            fix,
        )
    return Finding("bootstrap", "ok", f"Version {found}; the stacks need {needed}.")


def bootstrap_version(patient: Patient) -> str | None:
    """What the bootstrap stack has left in SSM, where the CDK CLI reads it too; None for nothing."""
    ssm = patient.session.client("ssm")
    name = f"/cdk-bootstrap/{patient.environment.bootstrap.qualifier}/version"
    try:
        return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        return None


def synthesised_need(patient: Patient, folder: Path) -> int:
    """Synthesise into a folder, offline, and read the version that the assembly asks for."""
    done = run_app(patient.project, patient.environment, patient.releases, folder)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise KickstandError(
            Problem(
                f"The stacks cannot be synthesised: {said[-1] if said else done.returncode}", fix="Mend that first."
            )
        )
    return max(needed_version(parse_json(path.read_text("utf-8"))) for path in folder.glob("assembly-*/manifest.json"))


def needed_version(manifest: Mapping[str, Any]) -> int:
    """The greatest version that an artifact of a cloud assembly's manifest asks for; 0 where none does."""
    asked = (one.get("properties", {}) for one in manifest.get("artifacts", {}).values())
    return max((int(one.get("requiresBootstrapStackVersion", 0)) for one in asked), default=0)
