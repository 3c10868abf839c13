"""`kickstand deploy`: the pinned `cdk deploy` of one environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kickstand.commands.context import CommandContext
    from promotion.deployment import Talk


def deploy(
    ctx: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before security-relevant changes.")] = False,
) -> None:
    """Deploy the environment's stacks: training, and hosting once there is a release."""
    from kickstand.commands.context import open_context
    from kickstand.release_file import read_release, release_path
    from promotion.cdk import Cdk
    from promotion.deployment import deploy_environment, refuse_without_review

    context = open_context(ctx, environment)
    refuse_without_review(context.environment, context.typed)
    path = release_path(context.releases, context.environment.name)
    release = read_release(path, context.environment) if path.exists() else None
    cdk = Cdk(context.project, context.environment, context.session, context.releases)
    proof = deploy_environment(cdk, release, talk(context), ask=not yes, may_bootstrap=context.root.local)
    if proof is None:
        context.console.print(f"There is no release yet. Train a model: {context.typed(f'fit {environment}')}")
        return
    context.console.print(proof.sentence())
    context.console.print(f"Ask it: {context.typed(f'predict {environment} ROWS.csv')}")


def talk(context: CommandContext) -> Talk:
    """A deployment's words on this command's console."""
    from promotion.deployment import Talk

    return Talk(lambda line: context.console.print(line, markup=False), context.typed)
