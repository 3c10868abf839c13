"""`kickstand upload`: check the data, bring it to S3, announce it."""

from __future__ import annotations

from typing import Annotated

import typer


def upload(
    ctx: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod.")],
) -> None:
    """Check the data and upload it; what is there already is not sent again."""
    from kickstand.commands.context import open_context
    from training.upload.channels import publish_manifest, s3_client
    from training.upload.send_data import send_data

    context = open_context(ctx, environment)
    sent = send_data(context.environment, context.session, context.console, typed=context.typed)
    key = publish_manifest(s3_client(context.session), context.environment, sent.channels)
    context.console.print(f"manifest   s3://{context.names.bucket}/{key}")
    if context.environment.training.on_new_data:
        adopt = context.typed(f"adopt JOB {environment}")
        context.console.print(f"A job starts by itself where this is new (on_new_data). Then release it: {adopt}")
        return
    context.console.print(f"Train on it: {context.typed(f'fit {environment}')}")
