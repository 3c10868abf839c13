"""`kickstand cost`: what an environment costs as it is deployed, and what it has cost so far."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from kickstand.console import echo, echo_json

if TYPE_CHECKING:
    from kickstand.commands.context import CommandContext
    from promotion.cost.spent import Spent


def cost(
    ctx: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod.")],
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", formats=["%Y-%m-%d"], help="Count to the end of this day. Default: until now."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a program: JSON on standard output.")] = False,
) -> None:
    """Say what training, endpoint and transform jobs have cost so far, and what the deployed stacks cost a month."""
    import json

    from kickstand.aws_errors import explained
    from kickstand.commands.context import open_context
    from promotion.cost.lines import cost_fields, cost_lines
    from promotion.cost.report import cost_report
    from promotion.review.changes.read import live_pairs

    context = open_context(ctx, environment, data_on_stdout=as_json)
    until = as_of.replace(hour=23, minute=59, second=59, tzinfo=UTC) if as_of else datetime.now(UTC)
    with explained("reading the deployed stacks"):
        live = {pair.stack: pair.live for pair in live_pairs(context.session.client("cloudformation"), context.names)}
    report = cost_report(live, live, context.environment, as_of=until.date())
    spent = _spent(context, until)
    if as_json:
        echo_json(json.dumps(cost_fields(context.names.prefix, report, spent, until), indent=2))
        return
    for line in cost_lines(context.names.prefix, report, spent, until):
        echo(line)


def _spent(context: CommandContext, until: datetime) -> list[Spent]:
    """The released model's training, the endpoint since it exists, and transform jobs; less where there are none."""
    from kickstand.release_file import read_release, release_path
    from promotion.cost.hosted import hosted_endpoint
    from promotion.cost.prices import price_table
    from promotion.cost.spent import Spent, hosting_spent, training_spent, transform_spent
    from promotion.cost.transformed import transformed_jobs

    table, spent = price_table(), []
    path = release_path(context.releases, context.environment.name)
    if path.exists():
        spent.append(training_spent(read_release(path, context.environment), table, as_of=until.date()))
    sagemaker, region = context.session.client("sagemaker"), context.environment.region
    hosted = hosted_endpoint(sagemaker, context.names.endpoint)
    if hosted is not None:
        spent += hosting_spent(hosted, region, table, until=until)
    jobs, older = transformed_jobs(sagemaker, context.names.prefix)
    spent += transform_spent(jobs, region, table, until=until)
    if older:
        spent.append(Spent("batch transform", None, f"{older:,} older transform jobs, which were not looked at"))
    return spent
