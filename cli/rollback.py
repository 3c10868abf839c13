"""`kickstand rollback`: an environment back to an earlier release, from git, in one deployment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import choose, load, open_workspace
from cli.options import DESPITE_ALARMS, ENV, YES, root_of
from deployment.cdk import Cdk
from kickstand.console import confirm
from kickstand.errors import InputError, KickstandError, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from kickstand.release.model import Release
    from kickstand.workspace import Workspace
    from promotion.gates.gate import Outcome


def rollback(
    ctx: typer.Context,
    environment: ENV,
    to: Annotated[
        str,
        typer.Option("--to", metavar="N|COMMIT", help="How many releases back, or a commit that has the release."),
    ] = "1",
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; it goes into the commit that records it.")
    ] = "",
    yes: YES = False,
    despite_alarms: DESPITE_ALARMS = False,
) -> None:
    """Restore an earlier release byte for byte, once the gates let it pass, and deploy it.

    Where the environment is deployed by reviewed change sets alone, it stops before the deployment.
    """
    from kickstand.release.file import release_path
    from promotion.rollback import earlier_release, require_committed, require_gates, require_good, restore
    from promotion.view import commit_lines, review_lines, rollback_lines
    from training.model.artifact import require_artifact

    project = load(ctx)
    chosen = choose(project, environment)
    path = release_path(project.releases, environment)
    if root_of(ctx).local:
        _refuse_local(path)
    earlier = earlier_release(path, to)
    require_committed(path, earlier)
    release = require_good(earlier, path, chosen)
    workspace, console = open_workspace(ctx, environment)
    _print(console, rollback_lines(earlier, environment))
    adopt = workspace.command(f"adopt {release.training_job.name}")
    require_artifact(workspace.session.client("s3"), release, adopt_command=adopt)
    require_gates(_ask(workspace, console, release, to), release)
    if not yes:
        confirm(f"Go back to it in {environment}?")
    restore(earlier, path)
    if chosen.review.require_review:
        _print(console, [*commit_lines(earlier, path, reason), *review_lines(workspace)])
        return
    _deploy(workspace, console, release, prompt=not yes, despite_alarms=despite_alarms)
    _print(console, commit_lines(earlier, path, reason))


def _refuse_local(path: Path) -> None:
    message = "The local cloud keeps only the last release of an environment, out of git: there is no earlier one."
    fix = (
        "In a terminal that was pointed at the local cloud (kickstand local env), without --local, releases are the "
        "repository's, and their history is git's."
    )
    raise InputError(Problem(message, str(path), fix))


def _ask(workspace: Workspace, console: Console, release: Release, to: str) -> tuple[Outcome, ...]:
    """The environment's own gates, but those that measure or compare what is live: they are of the other model."""
    from promotion.gates.context import GateContext
    from promotion.gates.gate import show_outcomes
    from promotion.gates.run import evaluate_gates

    context = GateContext(
        source=workspace,
        target=workspace,
        release=release,
        candidate=release,
        now=datetime.now(UTC),
        is_rollback=True,
        rollback_command=workspace.command("rollback", "--to", to),
    )
    with console.status("") as status:
        outcomes = evaluate_gates(context, begun=lambda name: status.update(f"checking the gate {name}"))
    show_outcomes(console, outcomes)
    return outcomes


def _deploy(workspace: Workspace, console: Console, release: Release, *, prompt: bool, despite_alarms: bool) -> None:
    """The one deployment. Where it fails, the release stays restored, and the message says what to type."""
    from deployment.deploy import deploy_environment

    try:
        proof = deploy_environment(Cdk(workspace), release, console.print, prompt=prompt, despite_alarms=despite_alarms)
    except KickstandError as error:
        again = Problem(
            "The release is restored, and was not deployed.",
            fix=f"When the cause is fixed: {workspace.command('deploy')}",
        )
        raise type(error)(*error.problems, again) from error
    if proof is not None:
        console.print(proof.sentence())


def _print(console: Console, lines: list[str]) -> None:
    for line in lines:
        console.print(line)
