"""All checks of an environment, in the order in which their problems would be met."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from deployment.doctor.account import account_findings, bootstrap_findings, clock_finding, region_findings
from deployment.doctor.bucket import bucket_findings, key_access_findings, key_findings
from deployment.doctor.finding import Check, Finding, findings_of
from deployment.doctor.quotas import quota_findings
from deployment.doctor.roles import pipeline_findings, promotion_findings, role_findings
from deployment.doctor.stacks import (
    alert_finding,
    endpoint_finding,
    scaling_findings,
    stack_findings,
    stop_findings,
)
from deployment.doctor.tools import image_finding, resource_type_finding, tool_findings
from kickstand.errors import KickstandError
from kickstand.workspace import Workspace

if TYPE_CHECKING:
    from kickstand.config.model import Environment


def _account_checks(bootstrap: str) -> tuple[tuple[str, Callable[[Workspace], Iterator[Finding]]], ...]:
    """Those that need a session in the environment's account."""
    return (
        ("credentials", account_findings),
        ("region", region_findings),
        ("bootstrap", partial(bootstrap_findings, how=bootstrap)),
        ("roles", role_findings),
        ("KMS", key_findings),
        ("key access", key_access_findings),
        ("quotas", quota_findings),
        ("autoscaling", scaling_findings),
        ("bucket", bucket_findings),
        ("stacks", stack_findings),
        ("schedules", stop_findings),
        ("promotion", promotion_findings),
        ("endpoint", lambda workspace: iter([endpoint_finding(workspace)])),
    )


def run_checks(
    environment: Environment, open_workspace: Callable[[], Workspace], *, bootstrap: str
) -> Iterator[Finding]:
    """Every finding of an environment, as it is made.

    open_workspace: where it raises, its problems are findings, and what needs the account is skipped.
    bootstrap: how the CDK bootstrap stack is made or renewed, as a sentence.
    """
    here: tuple[tuple[str, Check], ...] = (
        ("tools", tool_findings),
        ("image", lambda: [image_finding(environment)]),
        ("resource types", lambda: [resource_type_finding(environment.region)]),
        ("pipeline", lambda: pipeline_findings(environment)),
        ("alerts", lambda: [alert_finding(environment)]),
        ("clock", lambda: [clock_finding(environment)]),
    )
    yield from findings_of(here)
    checks = _account_checks(bootstrap)
    try:
        workspace = open_workspace()
    except KickstandError as error:
        yield from (Finding("credentials", "problem", p.message, p.fix) for p in error.problems)
        for name, _ in checks[1:]:
            yield Finding(name, "skipped", "Not checked: there is no session in the environment's account.")
        return
    yield from findings_of((name, partial(check, workspace)) for name, check in checks)
