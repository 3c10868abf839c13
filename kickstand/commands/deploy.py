"""`kickstand deploy`: the pinned `cdk deploy` of one environment, or the change sets of its review."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kickstand.commands.context import CommandContext
    from kickstand.release import Release
    from promotion.cdk import Cdk
    from promotion.deployment import Talk
    from promotion.verify import Proof


def deploy(
    ctx: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod.")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask before security-relevant changes; needed without a terminal.")
    ] = False,
    reviewed: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Execute the change sets of this review.json, and no others."),
    ] = None,
    assembly: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Deploy this cloud assembly instead of synthesising one.")
    ] = None,
    take_back: Annotated[
        bool, typer.Option("--take-back", help="Only take back what a destroyed environment kept; deploy nothing.")
    ] = False,
    training: Annotated[
        bool, typer.Option("--training", help="Only deploy the training stack; what is served stays as it is.")
    ] = False,
    pipeline: Annotated[
        bool, typer.Option("--pipeline", help="Only deploy the roles of the repository's workflows ([pipeline]).")
    ] = False,
) -> None:
    """Deploy the environment's stacks: training, and hosting once there is a release."""
    from kickstand.commands.context import open_context
    from kickstand.release_file import read_release, release_path
    from promotion.assembly import require_assembly
    from promotion.cdk import Cdk

    if not (yes or reviewed or take_back):
        _require_terminal(environment)
    context = open_context(ctx, environment)
    path = release_path(context.releases, context.environment.name)
    release = read_release(path, context.environment) if path.exists() else None
    built = assembly.resolve() if assembly is not None else None
    cdk = Cdk(context.project, context.environment, context.session, context.releases, built)
    if built is not None:
        require_assembly(built, context.environment, release)
    if pipeline:
        from promotion.pipeline.stack import deploy_pipeline

        deploy_pipeline(cdk, talk(context).say, ask=not yes, may_bootstrap=context.root.local)
        return
    if training:
        from promotion.deployment import deploy_training

        deploy_training(cdk, talk(context), ask=not yes, may_bootstrap=context.root.local)
        return
    if take_back:
        _take_back(context, cdk)
        return
    proof = _reviewed(context, cdk, release, reviewed) if reviewed else _deployed(context, cdk, release, ask=not yes)
    if release is None:
        context.console.print(f"There is no release yet. Train a model: {context.typed(f'fit {environment}')}")
    if proof is None:
        return
    context.console.print(proof.sentence())
    context.console.print(f"Ask it: {context.typed(f'predict {environment} ROWS.csv')}")


def _require_terminal(environment: str) -> None:
    """Raise InputError where nobody could answer the CDK command line, which then fails in the middle."""
    import sys

    from kickstand.errors import InputError, Problem

    if sys.stdin is None or not sys.stdin.isatty():
        message = "Security-relevant changes are asked about, and there is no terminal to answer in."
        raise InputError(Problem(f"{message} Nothing was deployed.", f"deploy {environment}", "Add --yes."))


def talk(context: CommandContext) -> Talk:
    """A deployment's words on this command's console."""
    from promotion.deployment import Talk

    return Talk(context.console.print, context.typed)


def _deployed(context: CommandContext, cdk: Cdk, release: Release | None, *, ask: bool) -> Proof | None:
    from promotion.deployment import deploy_environment

    return deploy_environment(cdk, release, talk(context), ask=ask, may_bootstrap=context.root.local)


def _reviewed(context: CommandContext, cdk: Cdk, release: Release | None, file: Path) -> Proof | None:
    from promotion.review.review_file import read_bundle
    from promotion.reviewed import deploy_reviewed

    again = context.typed(f"review {context.environment.name}")
    bundle = read_bundle(file, context.environment, make=again)
    return deploy_reviewed(cdk.synthesise(), bundle, release, talk(context), now=lambda: datetime.now(UTC))


def _take_back(context: CommandContext, cdk: Cdk) -> None:
    from kickstand.aws_errors import explained
    from promotion.kept import take_back

    with explained("looking for what a destroyed environment kept"):
        take_back(cdk, context.names, talk(context).say)
