"""`kickstand review`: what a deployment would change, as a bundle for people and machines; reads only."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kickstand.commands.context import CommandContext
    from kickstand.release import Release
    from promotion.cdk import Cdk
    from promotion.deployment import Talk
    from promotion.review.bundle import Bundle
    from promotion.review.parts import Headline

LEVELS = ("note", "warning", "danger")


def review(
    ctx: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod.")],
    as_of: Annotated[
        str, typer.Option("--as-of", metavar="DATE", help="The day that ages are counted to. Default: today (UTC).")
    ] = "",
    drift: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Take the drift that an earlier review.json recorded.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="DIR", help="Where it goes. Default: review/ENV.")
    ] = None,
    assembly: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Review this cloud assembly instead of synthesising one.")
    ] = None,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Make the review that is there anew, compare, and make its change sets.")
    ] = False,
    fail_on: Annotated[
        str, typer.Option("--fail-on", metavar="LEVEL", help="End with 1 where a headline is danger (or warning).")
    ] = "",
) -> None:
    """Make the review bundle of an environment: index.html, review.md, review.json."""
    from kickstand.commands.context import open_context
    from promotion.review.review_file import read_bundle, write_folder

    day, level = day_of(as_of), level_of(fail_on)
    context = open_context(ctx, environment)
    release, cdk = assembled(context, assembly)
    folder = out or default_folder(context)
    again = context.typed(f"review {environment}")
    if prepare:
        from promotion.review.prepare import prepare as make_change_sets

        bundle = read_bundle(folder / "review.json", context.environment, make=again)
        bundle = make_change_sets(cdk, bundle, release, talk_of(context), now=datetime.now(UTC))
    else:
        bundle = _made(context, cdk, release, day, drift)
    from promotion.review.make import pages

    write_folder(folder, pages(bundle))
    _show(context, bundle, folder, prepared=prepare)
    if level and any(LEVELS.index(one.level) >= LEVELS.index(level) for one in bundle.headlines):
        raise typer.Exit(1)


def headline_lines(headline: Headline, width: int | None) -> str:
    """A headline behind its level. width: of the terminal, in which it is broken below itself; None: one line."""
    from textwrap import fill

    line, indent = f"{headline.level:<8} {headline.sentence}", " " * 9
    if width is None or width < 40:
        return line
    return fill(line, width, subsequent_indent=indent, break_on_hyphens=False)


def day_of(text: str) -> date:
    """A day as `YYYY-MM-DD`; empty: today, UTC. InputError: another text."""
    from kickstand.errors import InputError, Problem

    if not text:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(Problem(f"Expected a day as YYYY-MM-DD, found {text!r}.", "--as-of")) from None


def level_of(text: str) -> str:
    """A level of headlines, or empty. InputError: another text."""
    from kickstand.errors import InputError, Problem

    if text and text not in LEVELS:
        raise InputError(Problem(f"Expected one of {', '.join(LEVELS)}, found {text!r}.", "--fail-on"))
    return text


def assembled(context: CommandContext, assembly: Path | None) -> tuple[Release | None, Cdk]:
    """The environment's release, and a Cdk that works from the given assembly, else from one that it makes now."""
    from kickstand.release_file import read_release, release_path
    from kickstand.release_serving import require_serving
    from promotion.cdk import Cdk

    path = release_path(context.releases, context.environment.name)
    release = read_release(path, context.environment) if path.exists() else None
    if release is not None:
        require_serving(release, context.environment.known_faults)
    built = assembly.resolve() if assembly is not None else None
    cdk = Cdk(context.project, context.environment, context.session, context.releases, built)
    return release, cdk.synthesise()


def default_folder(context: CommandContext) -> Path:
    """Where a review of this environment lies when nobody names another place."""
    from promotion.review.review_file import review_folder

    project, root = context.project, context.root
    return review_folder(context.releases, project.file, project.name, context.environment.name, local=root.local)


def talk_of(context: CommandContext) -> Talk:
    from kickstand.commands.deploy import talk

    return talk(context)


def _made(context: CommandContext, cdk: Cdk, release: Release | None, day: date, drift: Path | None) -> Bundle:
    from kickstand.commands.places import open_place
    from promotion.review.drift import read_drift
    from promotion.review.make import Question, make_bundle

    question = Question(
        cdk,
        release,
        day,
        read_drift(drift) if drift is not None else None,
        lambda other: open_place(context.root, context.project, other.name).session,
    )
    say = talk_of(context).say
    return make_bundle(question, now=datetime.now(UTC), say=say)


def _show(context: CommandContext, bundle: Bundle, folder: Path, *, prepared: bool) -> None:
    """The headlines, danger first, the verdict, and where the pages are."""
    from rich.text import Text

    from promotion.review.pages.verdict import verdict, worst

    styles = {"danger": "bold red", "warning": "yellow", "note": ""}
    if not any(stack.exists for stack in bundle.infrastructure.stacks):
        context.console.print("This is the first deployment: no stack of the environment is deployed yet.")
    width = context.console.width if context.console.is_terminal else None
    for one in bundle.headlines:
        context.console.print(Text(headline_lines(one, width), style=styles[one.level]))
    context.console.print(Text(f"\n{verdict(bundle)}", style=styles[worst(bundle)] or "bold"))
    for change_set in bundle.change_sets:
        said = change_set.waits_for or ("nothing to do" if change_set.empty else change_set.arn)
        context.console.print(f"{change_set.stack}: {said}")
    context.console.print(str(folder / "index.html"))
    name = bundle.environment
    following = f"deploy {name} --reviewed {folder / 'review.json'}" if prepared else f"review {name} --prepare"
    context.console.print(f"Next, {'when it is approved' if prepared else 'in the protected job'}:")
    context.console.print(f"  {context.typed(following)}")
