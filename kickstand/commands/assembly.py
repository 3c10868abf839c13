"""`kickstand assembly`: the SHA-256 of what would be deployed, offline; which environments a commit changes."""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kickstand.console import echo, echo_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console


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
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Synthesise the environments and print the SHA-256 of each cloud assembly; AWS is not asked."""
    from kickstand.commands.context import choose, load
    from kickstand.console import make_console
    from promotion.assembly_digests import Tree, digests_of_commit

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
        echo_json(json.dumps(_told(made, before), sort_keys=True))
    else:
        _show(console, made, before)


def _require_same(names: list[str], made: Mapping[str, str], folder: Path) -> None:
    from kickstand.errors import InputError, KickstandError, Problem
    from promotion.assembly import assembly_digest

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


def _told(made: Mapping[str, str], before: Mapping[str, str] | None) -> dict[str, object]:
    """The JSON of `--json`: digests by environment, and with --since those that changed, in the project's order."""
    told: dict[str, object] = {"assemblies": dict(made)}
    if before is not None:
        told["changed"] = [name for name, digest in made.items() if before[name] != digest]
    return told


def _show(console: Console, made: Mapping[str, str], before: Mapping[str, str] | None) -> None:
    for name, digest in made.items():
        said = "" if before is None else "  unchanged" if before[name] == digest else "  changed"
        console.print(f"{name:<8} {digest}{said}", soft_wrap=True)
