"""`kickstand cost`: what an environment costs as it is deployed, and what its model cost to train."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datetime import date

    from kickstand.commands.context import CommandContext


def cost(
    ctx: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod.")],
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="The day that prices' ages are counted to.")
    ] = None,
) -> None:
    """Say what the deployed stacks cost a month, from the repository's price table, and what the training cost."""
    from kickstand.aws_errors import explained
    from kickstand.commands.context import open_context
    from promotion.cost.report import cost_report
    from promotion.review.changes.read import live_pairs

    context = open_context(ctx, environment)
    with explained("reading the deployed stacks"):
        live = {pair.stack: pair.live for pair in live_pairs(context.session.client("cloudformation"), context.names)}
    day = (as_of or datetime.now(UTC)).date()
    report = cost_report(live, live, context.environment, as_of=day)
    say = context.console.print
    for line in report.lines:
        amount = "no known price" if line.after is None else f"{line.after:>10,.2f} {report.currency} a month"
        say(f"{line.what:<48}{amount}", highlight=False, markup=False)
        say(f"  {line.quantity}{f' at {line.unit_price}' if line.unit_price else ''}", style="dim", highlight=False)
    say(f"{'together':<48}{report.after:>10,.2f} {report.currency} a month", style="bold", highlight=False)
    for sentence in _training(context, day):
        say(sentence, highlight=False, markup=False)
    for sentence in (*(f"No known price: {one}" for one in report.unknown), *report.assumptions):
        say(sentence, style="dim", highlight=False, markup=False)


def _training(context: CommandContext, day: date) -> list[str]:
    """What the released model's training job cost; nothing without a release."""
    from kickstand.release_file import read_release, release_path
    from promotion.cost.prices import price_table
    from promotion.cost.trained import training_cost

    path = release_path(context.releases, context.environment.name)
    if not path.exists():
        return []
    return [training_cost(read_release(path, context.environment), price_table(), as_of=day)]
