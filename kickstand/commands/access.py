"""`kickstand access`: who may do what in an environment, read from what is deployed."""

from __future__ import annotations

from typing import Annotated

import typer

from kickstand.console import echo, echo_json


def access(
    ctx: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod.")],
    full: Annotated[
        bool, typer.Option("--full", help="Every action and resource by its exact name, of everybody.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For a program: JSON on standard output.")] = False,
) -> None:
    """Say what the deployed stacks allow: to the endpoint's model, to jobs, to people, to other accounts."""
    import json

    from kickstand.commands.context import open_context
    from promotion.access.allowed import allowed
    from promotion.access.fields import access_fields
    from promotion.access.lines import IN_BRIEF, access_lines
    from promotion.access.read import deployed_stacks

    context = open_context(ctx, environment, data_on_stdout=as_json)
    deploy = context.typed(f"deploy {environment}")
    stacks = deployed_stacks(context.session.client("cloudformation"), context.names, deploy=deploy)
    found = allowed(stacks, context.environment)
    if as_json:
        fields = {"environment": context.environment.name, "stacks": [one.name for one in stacks]}
        echo_json(json.dumps({**fields, **access_fields(found)}, indent=2))
        return
    echo(f"{context.names.prefix}, by its deployed stacks: {', '.join(one.name for one in stacks)}")
    echo("" if full else f"{IN_BRIEF}\n")
    for line in access_lines(found, context.environment.account, bucket=context.names.bucket, full=full):
        echo(line)
