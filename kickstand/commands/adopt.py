"""`kickstand adopt`: the release of a training job that was started elsewhere, or was left before its end."""

from __future__ import annotations

from typing import Annotated

import typer


def adopt(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The name of a completed training job.")],
    environment: Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod.")],
) -> None:
    """Make a release of any completed training job of the account that ran the built-in XGBoost."""
    from kickstand.commands.context import open_context
    from kickstand.commands.fit import fitting, write_release

    context = open_context(ctx, environment)
    work = fitting(context)
    write_release(context, work, work.find(job))
