"""`kickstand doctor`: what would go wrong in an environment, before it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kickstand.console import echo_json
from kickstand.text import plain

if TYPE_CHECKING:
    from rich.text import Text

    from promotion.doctor.finding import Finding

_STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red", "skipped": "dim"}


def doctor(
    ctx: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod.")],
    as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON, for machines.")] = False,
) -> None:
    """Check credentials, quotas, bootstrap, roles, keys, bucket, stacks, tools; say how to mend each."""
    import sys

    from kickstand.commands.context import choose, enter_local_cloud, load, root_of, typed
    from kickstand.commands.places import open_place
    from kickstand.console import make_console
    from kickstand.session import open_session
    from promotion.cdk import Cdk
    from promotion.doctor.examination import examination
    from promotion.doctor.finding import problems
    from promotion.doctor.patient import Patient

    root, project = root_of(ctx), load(ctx)
    chosen = choose(project, environment)
    releases = enter_local_cloud(project, chosen).releases_folder(project.name) if root.local else project.releases

    def patient() -> Patient:
        session = open_session(chosen)
        words = " ".join(Cdk(project, chosen, session, releases).bootstrap_words())
        profile = f" --profile {chosen.profile}" if chosen.profile else ""
        # The local cloud is bootstrapped by its first deployment.
        fix = typed(root, f"deploy {environment}") if root.local else f"npx cdk {words}{profile}"
        return Patient(
            project,
            chosen,
            session,
            releases,
            f"Run: {fix}",
            typed=lambda command: typed(root, command),
            open_other=lambda other: open_place(root, project, other.name).session,
        )

    console, findings = make_console(sys.stdout), []
    for finding in examination(chosen, patient):
        findings.append(finding)
        if not as_json:
            console.print(_line(finding))
    wrong = problems(findings)
    if as_json:
        echo_json(_document(environment, findings))
    else:
        console.print(_summary(findings))
    raise typer.Exit(1 if wrong else 0)


def _line(finding: Finding) -> Text:
    from rich.text import Text

    text = Text(f"{finding.status:<9}", style=_STYLES[finding.status])
    text.append(f"{finding.name}: ", style="bold")
    text.append(plain(finding.found), style="none")
    for line in finding.fix.splitlines():
        text.append(f"\n         {plain(line)}", style="cyan")
    return text


def _summary(findings: list[Finding]) -> str:
    from collections import Counter

    counted = Counter(finding.status for finding in findings)
    return ", ".join(
        f"{counted[status]} {status}{'s' if status in ('problem', 'warning') and counted[status] != 1 else ''}"
        for status in ("problem", "warning", "skipped", "ok")
    )


def _document(environment: str, findings: list[Finding]) -> str:
    import json
    from dataclasses import asdict

    return json.dumps({"environment": environment, "findings": [asdict(one) for one in findings]}, indent=2)
