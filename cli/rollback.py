"""`kickstand rollback`: an environment back to an earlier release, from git, in one deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kickstand.console import confirm

if TYPE_CHECKING:
    from pathlib import Path

    from cli.context import CommandContext
    from kickstand.release.model import Release
    from promotion.gates.gate import Outcome


def rollback(
    ctx: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod.")],
    to: Annotated[
        str,
        typer.Option("--to", metavar="N|COMMIT", help="How many releases back, or a commit that has the release."),
    ] = "1",
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; it goes into the commit that records it.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Restore an earlier release byte for byte, once the gates let it pass, and deploy it.

    Where the environment is deployed by reviewed change sets alone, it stops before the deployment.
    """
    from cli.context import choose, load, open_context, root_of
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
    context = open_context(ctx, environment)
    _print(context, rollback_lines(earlier, environment))
    again = context.typed(f"adopt {release.training_job.name} {environment}")
    require_artifact(context.session.client("s3"), release, adopt_command=again)
    require_gates(_ask(context, release, to), release)
    if not yes:
        confirm(f"Go back to it in {environment}?")
    restore(earlier, path)
    if chosen.review.require_review:
        _print(context, [*commit_lines(earlier, path, reason), *review_lines(chosen, context.typed)])
        return
    _deploy(context, release, ask=not yes)
    _print(context, commit_lines(earlier, path, reason))


def _refuse_local(path: Path) -> None:
    from kickstand.errors import InputError, Problem

    message = "The local cloud keeps only the last release of an environment, out of git: there is no earlier one."
    fix = (
        "In a terminal that was pointed at the local cloud (kickstand local env), without --local, releases are the "
        "repository's, and their history is git's."
    )
    raise InputError(Problem(message, str(path), fix))


def _ask(context: CommandContext, release: Release, to: str) -> tuple[Outcome, ...]:
    """The environment's own gates, but those that measure or compare what is live: they are of the other model."""
    from datetime import UTC, datetime

    from cli.context import open_workspace
    from kickstand.workspace import Workspace
    from promotion.gates.context import GateContext
    from promotion.gates.gate import show_outcomes
    from promotion.gates.run import evaluate_gates

    here = Workspace(context.environment, context.names, context.session, context.releases)
    contest = GateContext(
        project=context.project,
        source=here,
        target=here,
        release=release,
        candidate=release,
        now=datetime.now(UTC),
        newer=False,
        way_back=f"rollback {context.environment.name} --to {to}",
        open_place=lambda name: open_workspace(context.root, context.project, name),
        typed=context.typed,
    )
    with context.console.status("") as status:
        outcomes = evaluate_gates(contest, begun=lambda name: status.update(f"asking the gate {name}"))
    show_outcomes(context.console, outcomes)
    return outcomes


def _deploy(context: CommandContext, release: Release, *, ask: bool) -> None:
    """The one deployment. Where it fails, the release stays restored, and the message says what to type."""
    from cli.deploy import reporter
    from deployment.cdk import Cdk
    from deployment.deploy import deploy_environment
    from kickstand.errors import KickstandError, Problem

    cdk = Cdk(context.project, context.environment, context.session, context.releases)
    try:
        proof = deploy_environment(cdk, release, reporter(context), ask=ask)
    except KickstandError as error:
        again = Problem(
            "The release is restored, and was not deployed.",
            fix=f"When the cause is mended: {context.typed(f'deploy {context.environment.name}')}",
        )
        raise type(error)(*error.problems, again) from error
    if proof is not None:
        context.console.print(proof.sentence())


def _print(context: CommandContext, lines: list[str]) -> None:
    for line in lines:
        context.console.print(line)
