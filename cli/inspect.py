"""`kickstand doctor`, `access` and `cost`: what would fail in an environment, who may do what in it, what it costs."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import choose, enter_local_cloud, load, open_workspace, workspace_of
from cli.options import AS_JSON, ENV, options_of, root_of
from deployment.cdk import bootstrap_command
from deployment.doctor.finding import problems
from kickstand.console import echo, echo_json, make_console
from kickstand.text import plain

if TYPE_CHECKING:
    from rich.text import Text

    from deployment.doctor.finding import Finding


def access(
    ctx: typer.Context,
    environment: ENV,
    full: Annotated[
        bool, typer.Option("--full", help="Every action and resource by its exact name, of everybody.")
    ] = False,
    as_json: AS_JSON = False,
) -> None:
    """Show what the deployed stacks allow: to the endpoint's model, to jobs, to people, to other accounts."""
    from review.access.allowed import allowed, deployed_stacks
    from review.access.view import IN_BRIEF, access_fields, access_lines

    workspace, _ = open_workspace(ctx, environment, data_on_stdout=as_json)
    deploy = workspace.command("deploy")
    stacks = deployed_stacks(workspace.session.client("cloudformation"), workspace.names, deploy=deploy)
    found = allowed(stacks, workspace.environment)
    if as_json:
        fields = {"environment": workspace.environment.name, "stacks": [one.name for one in stacks]}
        echo_json(json.dumps({**fields, **access_fields(found)}, indent=2))
        return
    echo(f"{workspace.names.prefix}, by its deployed stacks: {', '.join(one.name for one in stacks)}")
    echo("" if full else f"{IN_BRIEF}\n")
    for line in access_lines(found, workspace.environment.account, bucket=workspace.names.bucket, full=full):
        echo(line)


def cost(
    ctx: typer.Context,
    environment: ENV,
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", formats=["%Y-%m-%d"], help="Count to the end of this day. Default: until now."),
    ] = None,
    as_json: AS_JSON = False,
) -> None:
    """Say what training, endpoint and transform jobs have cost so far, and what the deployed stacks cost a month."""
    from kickstand.aws.errors import explained
    from review.changes.stacks import live_pairs
    from review.cost.report import cost_report
    from review.cost.spent import cost_fields, cost_lines, spent_so_far

    workspace, _ = open_workspace(ctx, environment, data_on_stdout=as_json)
    until = as_of.replace(hour=23, minute=59, second=59, tzinfo=UTC) if as_of else datetime.now(UTC)
    with explained("reading the deployed stacks"):
        live = {
            pair.stack: pair.live for pair in live_pairs(workspace.session.client("cloudformation"), workspace.names)
        }
    report = cost_report(live, live, workspace.environment, as_of=until.date())
    spent = spent_so_far(workspace, until)
    if as_json:
        echo_json(json.dumps(cost_fields(workspace.names.prefix, report, spent, until), indent=2))
        return
    for line in cost_lines(workspace.names.prefix, report, spent, until):
        echo(line)


_STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red", "skipped": "dim"}


def doctor(
    ctx: typer.Context,
    environment: ENV,
    as_json: AS_JSON = False,
) -> None:
    """Check credentials, quotas, bootstrap, roles, keys, bucket, stacks, tools; print the fix for each."""
    from deployment.doctor.checks import run_checks
    from kickstand.workspace import command_line

    root, project = root_of(ctx), load(ctx)
    chosen = choose(project, environment)
    if root.local:
        enter_local_cloud(project, chosen)  # what needs no session asks it too
    # The local cloud is bootstrapped by its first deployment.
    fix = command_line(options_of(root), f"deploy {environment}") if root.local else bootstrap_command(chosen)
    console, findings = make_console(sys.stdout), []
    for finding in run_checks(chosen, lambda: workspace_of(root, project, environment), bootstrap=f"Run: {fix}"):
        findings.append(finding)
        if not as_json:
            console.print(_finding_line(finding))
    wrong = problems(findings)
    if as_json:
        echo_json(_findings_json(environment, findings))
    else:
        console.print(_findings_summary(findings))
    raise typer.Exit(1 if wrong else 0)


def _finding_line(finding: Finding) -> Text:
    from rich.text import Text

    text = Text(f"{finding.status:<9}", style=_STYLES[finding.status])
    text.append(f"{finding.name}: ", style="bold")
    text.append(plain(finding.found), style="none")
    for line in finding.fix.splitlines():
        text.append(f"\n         {plain(line)}", style="cyan")
    return text


def _findings_summary(findings: list[Finding]) -> str:
    counted = Counter(finding.status for finding in findings)
    return ", ".join(
        f"{counted[status]} {status}{'s' if status in ('problem', 'warning') and counted[status] != 1 else ''}"
        for status in ("problem", "warning", "skipped", "ok")
    )


def _findings_json(environment: str, findings: list[Finding]) -> str:
    return json.dumps({"environment": environment, "findings": [asdict(one) for one in findings]}, indent=2)
