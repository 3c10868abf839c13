"""`kickstand release …`: the release of an environment, looked at, checked, compared, signed, and its history.

Files and git alone: no session is opened, nothing is started, under `--local` neither. Signing by a KMS key is the
exception: see signing.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import signing
from cli.signing import short
from kickstand.console import echo, echo_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.context import Root
    from kickstand.config.model import Environment, Project
    from kickstand.release.model import Release

app = typer.Typer(
    help="The release of an environment: show, check, diff, history, from files and git; sign and verify.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Name = Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod.")]
AsJson = Annotated[bool, typer.Option("--json", help="For a program: JSON on standard output.")]


@dataclass(frozen=True, slots=True)
class ReleaseFiles:
    """What these commands need to know."""

    root: Root
    project: Project
    environment: Environment
    releases: Path

    @property
    def path(self) -> Path:
        from kickstand.release.file import release_path

        return release_path(self.releases, self.environment.name)

    def release(self) -> Release:
        from kickstand.release.file import read_release

        return read_release(self.path, self.environment)


@app.command()
def show(ctx: typer.Context, environment: Name, as_json: AsJson = False) -> None:
    """Show the release, once it has passed every check."""
    from kickstand.release.file import canonical
    from kickstand.release.view import release_lines

    desk = _release_files(ctx, environment)
    release = desk.release()
    if as_json:
        echo_json(canonical(release.model_dump()))
    else:
        _print(release_lines(release, short(desk.path)))


@app.command()
def check(ctx: typer.Context, environment: Name) -> None:
    """Check the release file: its seal, its schema, that it is of this environment. Exit code 2 with all problems."""
    from kickstand.release.file import parse_fields, release_text
    from kickstand.release.schema import check_release

    desk = _release_files(ctx, environment)
    release = check_release(desk.path, desk.environment)
    written = parse_fields(release_text(desk.path, desk.environment), desk.path)["schema_version"]
    read_as = f", read as {release.schema_version}" if written != release.schema_version else ""
    echo(
        f"{short(desk.path)}: good. Release {release.sha256[:12]} of {release.project} {release.environment}, "
        f"model {release.artifact.sha256[:12]}, schema version {written}{read_as}."
    )


@app.command()
def diff(
    ctx: typer.Context,
    environment: Name,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="COMMIT|ENV|FILE",
            help="What to compare with: an environment of the project, else a file, else a commit. Default: the "
            "release that is committed; where that is the very same, the one before it.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what the release changes, field by field."""
    import json

    from kickstand.release.history import earlier_release, named_release
    from kickstand.release.view import diff_lines, differences
    from kickstand.text import plain

    desk = _release_files(ctx, environment)
    release = desk.release()
    if source is None:
        _require_history(desk, "Name what to compare with: --from ENV or --from FILE.")
        place, before = earlier_release(desk.path, release)
    else:
        place, before = named_release(source, desk.path, desk.project)
    changes = differences(before, release)
    if as_json:
        rows = [{"field": c.field, "before": c.before, "after": c.after, "delta": c.delta} for c in changes]
        echo_json(json.dumps({"from": place, "to": str(desk.path), "changes": rows}, indent=2))
        return
    echo(plain(f"{place} -> {short(desk.path)}"))
    echo(f"release {before.sha256[:12]} -> {release.sha256[:12]}")
    _print(map(plain, diff_lines(changes) or ["They are the same."]))


@app.command()
def history(ctx: typer.Context, environment: Name, as_json: AsJson = False) -> None:
    """Tell from git who changed the release, when, to which model, promoted from where."""
    import json

    from kickstand.git import GitFile
    from kickstand.release.history import environment_history
    from kickstand.release.history_view import history_fields, history_lines
    from kickstand.signing.envelope import signatures_in_git
    from kickstand.text import plain

    desk = _release_files(ctx, environment)
    _require_history(desk, "Ask for that of the repository's releases, without --local.")
    file = GitFile.of(desk.path)
    told = environment_history(file, desk.path, desk.project.environments)
    for note in told.notes:
        echo(plain(f"note: {note}"), err=True)
    signatures = signatures_in_git(desk.path)
    if as_json:
        echo_json(json.dumps(history_fields(told.revisions, told.sources, signatures), indent=2))
    else:
        _print(history_lines(told.revisions, told.sources, signatures))


app.command("sign")(signing.sign)
app.command("verify")(signing.verify)
app.command("key")(signing.new_key)
app.command("public-key")(signing.show_public_key)


def _release_files(ctx: typer.Context, environment: str) -> ReleaseFiles:
    from cli.context import choose, load, root_of

    root, project = root_of(ctx), load(ctx)
    chosen = choose(project, environment)
    return ReleaseFiles(root, project, chosen, signing.releases_of(root, project))


def _require_history(desk: ReleaseFiles, fix: str) -> None:
    """Raises InputError for the local cloud, whose state folder git does not keep."""
    from kickstand.errors import InputError, Problem

    if desk.root.local:
        message = "The local cloud keeps only the last release of an environment, out of git: it has no history."
        raise InputError(Problem(message, str(desk.path), fix))


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        echo(line)
