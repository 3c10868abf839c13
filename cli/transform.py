"""`kickstand transform`: rows through a batch transform job of the endpoint's model, without an endpoint."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated, cast

import typer

from cli.context import accept_problems, expected_features, open_workspace, reading, rows_file_problems, writing
from cli.options import ACCEPT, ENV, FOLLOW, STOP
from kickstand.console import echo
from kickstand.errors import InputError, Problem

if TYPE_CHECKING:
    from kickstand.workspace import Workspace
    from training.job.jobs import TransformDescription
    from training.prediction.endpoint_client import Accept
    from training.transform.transform import Transform

_LINES_AT_ONCE = 10_000


def transform(
    ctx: typer.Context,
    environment: ENV,
    source: Annotated[
        str | None,
        typer.Argument(metavar="FILE|S3URI", help="Rows of features: a CSV, - for stdin, or files below an S3 prefix."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Where answers go; - for stdout, a FILE's default."),
    ] = None,
    join: Annotated[bool, typer.Option("--join", help="Put each row before its answer.")] = False,
    accept: ACCEPT = "csv",
    follow: FOLLOW = None,
    stop: STOP = None,
) -> None:
    """Send rows through a batch transform job; one answer a row, in order. Ctrl-C leaves the job running."""
    from training.transform.transform import Transform

    problems = [*_word_problems(source, follow, stop, output, join, accept), *rows_file_problems(source, output)]
    if problems:
        raise InputError(*problems)

    to_stdout = stop is None and (output == "-" or (output is None and not (source or "").startswith("s3://")))
    workspace, console = open_workspace(ctx, environment, data_on_stdout=to_stdout)
    work = Transform(workspace, console)
    if stop is not None:
        stopped = work.run.stop(stop)
        said = f"Stopping {' and '.join(stopped)}." if stopped else f"{stop} does not run."
        console.print(said)
        return
    rows: int | None = None
    if follow is None:
        follow, rows = _start(workspace, work, cast(str, source), join, to_one=output is not None)
    _results(work, work.follow(follow), output, cast("Accept", accept), rows)


def _word_problems(
    source: str | None, follow: str | None, stop: str | None, output: str | None, join: bool, accept: str
) -> Iterator[Problem]:
    """What is wrong with the words of the command, told before anything is opened."""
    given = [word for word, value in (("FILE", source), ("--follow", follow), ("--stop", stop)) if value is not None]
    if len(given) != 1:
        found = " and ".join(given) if given else "none of them"
        yield Problem(
            f"Expected one of FILE, --follow and --stop, found {found}.",
            "kickstand transform",
            "For example: kickstand transform dev rows.csv -o answers.csv",
        )
    if wrong := list(accept_problems(accept, csv_only={"--join": join})):
        yield from wrong
    elif accept != "csv" and output is None and (source or "").startswith("s3://"):
        yield Problem("Results that stay in S3 are csv.", "--accept", "Leave it away, or give -o.")
    if source is None and join:
        yield Problem("--join belongs to the start of a job.", "--join", "Leave it away.")
    if stop is not None and output is not None:
        yield Problem("A job that is stopped leaves no results.", "--output", "Leave it away.")


def _start(workspace: Workspace, work: Transform, source: str, join: bool, *, to_one: bool) -> tuple[str, int | None]:
    """Start a job; its name, and how many answers there must be where that is known.

    to_one: the answers are to go into one file.
    """
    from training.transform.rows import input_location

    rows: int | None = None
    if source.startswith("s3://"):
        location = input_location(source, workspace.names)
        if to_one:
            work.require_one_file(location)
    else:
        with reading(source) as stream:
            label = "stdin" if source == "-" else source
            location, rows = work.send(stream, label, expected_features(workspace))
    job = workspace.names.transform_job(datetime.now(UTC), secrets.token_hex(2))
    work.start(job, location, join=join)
    return job, rows


def _results(
    work: Transform,
    job: TransformDescription,
    output: str | None,
    accept: Accept,
    rows: int | None,
) -> None:
    """Fetch the answers, or say where they are: of a job on S3 they stay there unless a file is named."""
    from training.transform.rows import is_local_rows

    if output is not None or is_local_rows(job.input_uri):
        _write(work.answers(job, accept, rows), output or "-")
        return
    for uri in work.files(job):
        echo(uri)


def _write(lines: Iterable[str], output: str) -> None:
    rest = iter(lines)
    with writing(output) as sink:
        while part := list(islice(rest, _LINES_AT_ONCE)):
            sink.write(("\n".join(part) + "\n").encode())
