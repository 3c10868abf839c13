"""`kickstand transform`: rows through a batch transform job of the endpoint's model, without an endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from kickstand.console import echo
from kickstand.errors import InputError, Problem

if TYPE_CHECKING:
    from cli.context import CommandContext
    from training.job.jobs import TransformDescription
    from training.prediction.endpoint_client import Accept
    from training.transform.transform import Transform

_LINES_AT_ONCE = 10_000


def transform(
    ctx: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod.")],
    source: Annotated[
        str | None,
        typer.Argument(metavar="FILE|S3URI", help="Rows of features: a CSV, - for stdin, or files below an S3 prefix."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Where answers go; - for stdout, a FILE's default."),
    ] = None,
    join: Annotated[bool, typer.Option("--join", help="Put each row before its answer.")] = False,
    accept: Annotated[str, typer.Option(metavar="csv|json", help="The form of the answers.")] = "csv",
    follow: Annotated[
        str | None, typer.Option("--follow", metavar="JOB", help="Follow a job that was started before.")
    ] = None,
    stop: Annotated[str | None, typer.Option("--stop", metavar="JOB", help="Stop a job that runs.")] = None,
) -> None:
    """Send rows through a batch transform job; one answer a row, in order. Ctrl-C leaves the job running."""
    problems = [*_word_problems(source, follow, stop, output, join, accept), *_file_problems(source, output)]
    if problems:
        raise InputError(*problems)
    from cli.context import open_context

    to_stdout = stop is None and (output == "-" or (output is None and not (source or "").startswith("s3://")))
    context = open_context(ctx, environment, data_on_stdout=to_stdout)
    work = _work(context)
    if stop is not None:
        stopped = work.stop(stop)
        said = f"Stopping {' and '.join(stopped)}." if stopped else f"{stop} does not run."
        context.console.print(said)
        return
    rows: int | None = None
    if follow is None:
        follow, rows = _start(context, work, cast(str, source), join, to_one=output is not None)
    _results(context, work, work.follow(follow), output, cast("Accept", accept), rows)


def _word_problems(
    source: str | None, follow: str | None, stop: str | None, output: str | None, join: bool, accept: str
) -> Iterator[Problem]:
    """What is wrong with the words of the command, told before anything is opened."""
    given = [word for word, value in (("FILE", source), ("--follow", follow), ("--stop", stop)) if value is not None]
    if len(given) != 1:
        told = " and ".join(given) if given else "none of them"
        yield Problem(
            f"Expected one of FILE, --follow and --stop, found {told}.",
            "kickstand transform",
            "For example: kickstand transform dev rows.csv -o answers.csv",
        )
    if accept not in ("csv", "json"):
        yield Problem(f"Expected csv or json, found {accept!r}.", "--accept")
    elif join and accept != "csv":
        yield Problem("--join works on the csv form.", "--accept", "Leave --accept away.")
    elif accept != "csv" and output is None and (source or "").startswith("s3://"):
        yield Problem("Results that stay in S3 are csv.", "--accept", "Leave it away, or give -o.")
    if source is None and join:
        yield Problem("--join belongs to the start of a job.", "--join", "Leave it away.")
    if stop is not None and output is not None:
        yield Problem("A job that is stopped leaves no results.", "--output", "Leave it away.")


def _file_problems(source: str | None, output: str | None) -> Iterator[Problem]:
    """What is wrong with input and output as files."""
    local = source is not None and source != "-" and not source.startswith("s3://")
    file = Path(source or "")
    # A pipe with a name (`<(cut …)`) is as good as a file.
    if local and (not file.exists() or file.is_dir()):
        yield Problem("Expected a CSV file of rows, found none.", str(source))
    if output is None or output == "-":
        return
    if Path(output).is_dir():
        yield Problem("Expected the name of a file for the answers, found a folder.", output, "Name a file in it.")
    elif local and Path(output).exists() and file.exists() and Path(output).samefile(file):
        yield Problem("The answers would take the place of the rows.", output, "Name another file.")


def _work(context: CommandContext) -> Transform:
    """The work on transform jobs, at the edge: real clock, real sleep."""
    import time

    from training.transform.transform import Transform

    return Transform(
        environment=context.environment,
        session=context.session,
        console=context.console,
        typed=context.typed,
        sleep=time.sleep,
        clock=time.monotonic,
    )


def _start(
    context: CommandContext, work: Transform, source: str, join: bool, *, to_one: bool
) -> tuple[str, int | None]:
    """Start a job; its name, and how many answers there must be where that is known.

    to_one: the answers are to go into one file.
    """
    import secrets
    from datetime import UTC, datetime

    from cli.predict import reading
    from training.transform.rows import input_location

    rows: int | None = None
    if source.startswith("s3://"):
        location = input_location(source, context.names)
        if to_one:
            work.require_one_file(location)
    else:
        with reading(source) as stream:
            label = "stdin" if source == "-" else source
            location, rows = work.send(stream, label, context.expected_features())
    job = context.names.transform_job(datetime.now(UTC), secrets.token_hex(2))
    work.start(job, location, join=join)
    return job, rows


def _results(
    context: CommandContext,
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
    from cli.predict import writing

    rest = iter(lines)
    with writing(output) as sink:
        while part := list(islice(rest, _LINES_AT_ONCE)):
            sink.write(("\n".join(part) + "\n").encode())
