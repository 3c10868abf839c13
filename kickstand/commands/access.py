"""`kickstand access`: who may do what in an environment, read from what is deployed."""

from __future__ import annotations

from typing import Annotated

import typer


def access(
    ctx: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod.")],
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say in sentences what the deployed stacks allow: to the endpoint, to jobs, to callers, to other accounts."""
    import json

    from kickstand.aws_errors import explained
    from kickstand.commands.context import open_context
    from kickstand.errors import KickstandError, Problem
    from kickstand.release_view import plain
    from promotion.review.changes.infrastructure import infrastructure
    from promotion.review.changes.read import live_pairs
    from promotion.review.changes.stack_pair import StackPair

    context = open_context(ctx, environment, data_on_stdout=as_json)
    with explained("reading the deployed stacks"):
        deployed = live_pairs(context.session.client("cloudformation"), context.names)
    if not deployed:
        message = f"No stack of {context.names.prefix} is deployed, so nothing is allowed by one."
        raise KickstandError(Problem(message, fix=f"Deploy it: {context.typed(f'deploy {environment}')}"))
    # As if they were deployed now for the first time: what a first deployment allows is all that they allow.
    anew = tuple(StackPair(pair.stack, None, pair.live, {}, pair.live_tags) for pair in deployed)
    told = infrastructure(anew, context.environment).permissions
    if as_json:
        typer.echo(json.dumps([{"stack": one.stack, "resource": one.logical_id, "says": one.sentence} for one in told]))
        return
    for pair in deployed:
        context.console.print(pair.stack, style="bold", highlight=False)
        for one in (one for one in told if one.stack == pair.stack):
            context.console.print(plain(f"  {one.sentence.removeprefix('New: ')}"), markup=False, highlight=False)
