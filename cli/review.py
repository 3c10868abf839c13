"""`kickstand review` and `assembly`: what a deployment would change, as a bundle; its SHA-256. Both read only."""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import choose, load, open_workspace
from cli.options import AS_JSON, ENV, root_of
from deployment.cdk import Cdk
from kickstand.console import echo, echo_json, make_console
from kickstand.errors import InputError, KickstandError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from deployment.cdk import Cdk
    from kickstand.release.model import Release
    from kickstand.workspace import Workspace
    from review.bundle import Bundle
    from review.reports import Headline


LEVELS = ("note", "warning", "danger")


def review(
    ctx: typer.Context,
    environment: ENV,
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
    from review.bundle import read_bundle, write_folder

    day, level = day_of(as_of), level_of(fail_on)
    workspace, console = open_workspace(ctx, environment)
    release, cdk = assembled(workspace, assembly)
    folder = out or default_folder(workspace, local=root_of(ctx).local)
    if prepare:
        from review.prepare import prepare as make_change_sets

        bundle = read_bundle(folder / "review.json", workspace.environment, make=workspace.command("review"))
        bundle = make_change_sets(cdk, bundle, release, console.print, now=datetime.now(UTC))
    else:
        bundle = _made(cdk, release, day, drift, console)
    from review.make import pages

    write_folder(folder, pages(bundle))
    _show(workspace, console, bundle, folder, prepared=prepare)
    if level and any(LEVELS.index(one.level) >= LEVELS.index(level) for one in bundle.headlines):
        raise typer.Exit(1)


def headline_lines(headline: Headline, width: int | None) -> str:
    """A headline behind its level. width: of the terminal, in which it is broken below itself; None: one line."""
    line, indent = f"{headline.level:<8} {headline.sentence}", " " * 9
    if width is None or width < 40:
        return line
    return fill(line, width, subsequent_indent=indent, break_on_hyphens=False)


def day_of(text: str) -> date:
    """A day as `YYYY-MM-DD`; empty: today, UTC. InputError: another text."""
    if not text:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(Problem(f"Expected a day as YYYY-MM-DD, found {text!r}.", "--as-of")) from None


def level_of(text: str) -> str:
    """A level of headlines, or empty. InputError: another text."""
    if text and text not in LEVELS:
        raise InputError(Problem(f"Expected one of {', '.join(LEVELS)}, found {text!r}.", "--fail-on"))
    return text


def assembled(workspace: Workspace, assembly: Path | None) -> tuple[Release | None, Cdk]:
    """The environment's release, and a Cdk that works from the given assembly, else from one that it makes now."""
    from kickstand.release.rules import require_serving

    release = workspace.release_or_none()
    if release is not None:
        require_serving(release, workspace.environment.known_faults)
    built = assembly.resolve() if assembly is not None else None
    return release, Cdk(workspace, built).synthesise()


def default_folder(workspace: Workspace, *, local: bool) -> Path:
    """Where a review of this environment lies when nobody names another place."""
    from review.bundle import review_folder

    project = workspace.project
    return review_folder(workspace.releases, project.file, project.name, workspace.environment.name, local=local)


def _made(cdk: Cdk, release: Release | None, day: date, drift: Path | None, console: Console) -> Bundle:
    from review.drift import read_drift
    from review.make import ReviewRequest, make_bundle

    request = ReviewRequest(cdk, release, day, read_drift(drift) if drift is not None else None)
    return make_bundle(request, now=datetime.now(UTC), say=console.print)


def _show(workspace: Workspace, console: Console, bundle: Bundle, folder: Path, *, prepared: bool) -> None:
    """The headlines, danger first, the verdict, and where the pages are."""
    from rich.text import Text

    from review.pages.summary import verdict, worst

    styles = {"danger": "bold red", "warning": "yellow", "note": ""}
    if not any(stack.exists for stack in bundle.infrastructure.stacks):
        console.print("This is the first deployment: no stack of the environment is deployed yet.")
    width = console.width if console.is_terminal else None
    for one in bundle.headlines:
        console.print(Text(headline_lines(one, width), style=styles[one.level]))
    console.print(Text(f"\n{verdict(bundle)}", style=styles[worst(bundle)] or "bold"))
    for change_set in bundle.change_sets:
        said = change_set.waits_for or ("nothing to do" if change_set.empty else change_set.arn)
        console.print(f"{change_set.stack}: {said}")
    console.print(str(folder / "index.html"))
    name = bundle.environment
    following = f"deploy {name} --reviewed {folder / 'review.json'}" if prepared else f"review {name} --prepare"
    console.print(f"Next, {'when it is approved' if prepared else 'in the protected job'}:")
    console.print(f"  {workspace.typed(following)}")


def assembly(
    ctx: typer.Context,
    environments: Annotated[
        list[str] | None, typer.Argument(metavar="[ENV]...", help="dev, staging or prod. Default: all.")
    ] = None,
    since: Annotated[
        str, typer.Option(metavar="COMMIT", help="Say which environments this commit did not have as they are now.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="DIR", help="Keep the assemblies, as DIR/ENV.")
    ] = None,
    same_as: Annotated[
        Path | None,
        typer.Option(
            "--same-as", metavar="DIR", help="Fail unless this assembly is what the files here give (one ENV)."
        ),
    ] = None,
    as_json: AS_JSON = False,
) -> None:
    """Synthesise the environments and print the SHA-256 of each cloud assembly; AWS is not asked."""
    from deployment.assembly_digests import Tree, digests_of_commit

    project = load(ctx)
    names: list[str] = [choose(project, name).name for name in environments or project.environments]
    console = make_console(sys.stderr if as_json else sys.stdout)
    with ExitStack() as stack:
        folder = out or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kickstand-")))
        made = Tree.own().digests(names, project.file, project.releases, folder.resolve())
    if same_as is not None:
        _require_same(names, made, same_as)
    before: Mapping[str, str] | None = None
    if since:

        def say(line: str) -> None:
            echo(line, err=True)

        # GitHub writes zeros where there was no commit before.
        none_before = set(since) == {"0"}
        before = dict.fromkeys(names, "") if none_before else digests_of_commit(since, names, project.file, say=say)
    if as_json:
        echo_json(json.dumps(_digests_json(made, before), sort_keys=True))
    else:
        _show_digests(console, made, before)


def _require_same(names: list[str], made: Mapping[str, str], folder: Path) -> None:
    from deployment.assembly import assembly_digest

    if len(names) != 1:
        raise InputError(Problem("--same-as is about one environment.", "--same-as", "Name it: kickstand assembly ENV"))
    (name,) = names
    found = assembly_digest(folder)
    if found != made[name]:
        raise KickstandError(
            Problem(
                f"This is not the assembly that the files here give: expected {made[name]}, found {found}.",
                str(folder),
                "Somebody changed what it is made of since. Review what there is now, in a pull request of its own.",
            )
        )


def _digests_json(made: Mapping[str, str], before: Mapping[str, str] | None) -> dict[str, object]:
    """The JSON of `--json`: digests by environment, and with --since those that changed, in the project's order."""
    fields: dict[str, object] = {"assemblies": dict(made)}
    if before is not None:
        fields["changed"] = [name for name, digest in made.items() if before[name] != digest]
    return fields


def _show_digests(console: Console, made: Mapping[str, str], before: Mapping[str, str] | None) -> None:
    for name, digest in made.items():
        said = "" if before is None else "  unchanged" if before[name] == digest else "  changed"
        console.print(f"{name:<8} {digest}{said}", soft_wrap=True)
