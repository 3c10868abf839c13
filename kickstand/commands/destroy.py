"""`kickstand destroy`: take an environment down, hosting first, and say what remains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kickstand.console import confirm

if TYPE_CHECKING:
    from kickstand.commands.context import CommandContext
    from promotion.destroy import Doomed


def destroy(
    ctx: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod.")],
    hosting: Annotated[
        bool, typer.Option("--hosting", help="The endpoint only: the bill stops, nothing is lost.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete the environment's stacks, hosting first; fail unless what remains is to be kept."""
    from kickstand.aws_errors import explained
    from kickstand.commands.context import open_context
    from promotion.destroy import doomed_by, empty, live_template

    context = open_context(ctx, environment)
    names = context.names
    with explained("reading the deployed stacks"):
        served = live_template(context.session, names.hosting_stack) is not None
        trained = None if hosting else live_template(context.session, names.training_stack)
    if not served and trained is None:
        context.console.print(f"No stack of {names.prefix} is deployed.")
    else:
        stacks = [names.hosting_stack] * served + [names.training_stack] * (trained is not None)
        doomed = None if trained is None else doomed_by(trained, names)
        _confirm(context, stacks, doomed, yes=yes)
        if served:
            _delete(context, names.hosting_stack)
        if doomed is not None:
            with explained("emptying what the training stack deletes"):
                empty(context.session, doomed)
            _delete(context, names.training_stack)
    _delete_left_log_groups(context, hosting_only=hosting, yes=yes or served or trained is not None)
    _account_for_the_rest(context, hosting_only=hosting)


def _delete_left_log_groups(context: CommandContext, *, hosting_only: bool, yes: bool) -> None:
    """Delete log groups that came back after their stack was gone. yes: the deletion was agreed to before."""
    from kickstand.aws_errors import explained
    from promotion.destroy import delete_log_groups, left_log_groups

    with explained("looking for log groups that came back"):
        groups = left_log_groups(context.session, context.names, hosting_only=hosting_only)
    if not groups:
        return
    if not yes:
        context.console.print(f"To be deleted, left without their stack: {', '.join(groups)}")
        confirm("Go on?")
    with explained("deleting log groups that came back"):
        delete_log_groups(context.session, groups)
    for group in groups:
        context.console.print(f"Deleted the log group {group}: it was there without its stack.")


def _delete(context: CommandContext, stack: str) -> None:
    """Delete one stack and wait, showing what goes; through CloudFormation, so that no release is needed."""
    from kickstand.aws_errors import explained
    from kickstand.errors import KickstandError, Problem
    from promotion.stack_deletion import delete_stack

    context.console.print(f"Deleting {stack} …")
    try:
        with explained("deleting the stack", f"stack {stack}"):
            delete_stack(context.session, stack, show=lambda line: context.console.print(f"  {line}"))
    except KeyboardInterrupt:
        message = "Interrupted; CloudFormation goes on deleting what it has begun."
        raise KickstandError(Problem(message, f"stack {stack}", "For the rest, run the same command again.")) from None


def _confirm(context: CommandContext, stacks: list[str], doomed: Doomed | None, *, yes: bool) -> None:
    context.console.print("To be deleted: " + ", ".join(stacks))
    if doomed is not None and doomed.bucket is not None:
        context.console.print(f"With them, for good: every object of {doomed.bucket} (data, models, evidence)")
    if doomed is not None and doomed.model_package_group is not None:
        context.console.print(f"With them, for good: the model packages of {doomed.model_package_group}")
    if not yes:
        confirm("Go on?")


def _account_for_the_rest(context: CommandContext, *, hosting_only: bool) -> None:
    """Say all that remains, by asking AWS; KickstandError where something costs that is not to be kept."""
    import math

    from kickstand.aws_errors import explained
    from kickstand.errors import KickstandError
    from kickstand.release_file import release_path
    from promotion.remains import remains
    from promotion.to_keep import kept_because, surplus

    with explained("asking what remains"):
        left = remains(context.session, context.names)
    environment, console = context.environment, context.console
    console.print("What remains:" if left else "Nothing remains.")
    for one in left:
        cost = "while it runs" if math.isinf(one.dollars_a_month) else f"${one.dollars_a_month:,.2f} a month"
        reason = kept_because(one, environment, hosting_only=hosting_only)
        kept = f"kept: {reason}" if reason else "not to be kept" if one.billable else "costs nothing"
        console.print(f"  {one.what:<16}{one.name}  {one.amount}  {cost}  ({kept})")
    path = release_path(context.releases, environment.name)
    if path.exists() and not any(one.what == "artifact bucket" for one in left):
        console.print(f"{path} names a model that is gone with its bucket: remove the file before the next deploy.")
    problems = surplus(left, environment, hosting_only=hosting_only)
    if problems:
        raise KickstandError(*problems)
    if left:
        console.print("Nothing of it costs but what is to be kept.")
