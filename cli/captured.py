"""`kickstand captured`: the requests that an endpoint has captured, as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import expected_features, open_workspace, rows_file_problems, writing
from cli.options import ENV
from kickstand.errors import InputError, KickstandError, Problem
from training.captured.objects import captured_objects, moment_of, read_lines
from training.data.checks.objectives import label_columns

if TYPE_CHECKING:
    from kickstand.workspace import Workspace
    from training.captured.records import Captured

_HELD_BYTES = 1 << 18
"""Lines that are written together."""


def captured(
    ctx: typer.Context,
    environment: ENV,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="The first moment: 7d, 6h, 30m ago, 2026-11-29, 2026-11-29T14:00 (UTC)."),
    ] = None,
    join_answers: Annotated[
        bool, typer.Option("--join-answers", help="The model's answers too, in the last columns.")
    ] = False,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="FILE", help="Where the rows go; - for stdout.")
    ] = "-",
) -> None:
    """Read the requests that the endpoint has captured, as CSV with named columns, oldest first."""
    from kickstand.aws.errors import AWS_FAILURES, DENIED, aws_error, error_code
    from training.captured.table import Table

    problems = list(rows_file_problems(None, output))
    if problems:
        raise InputError(*problems)
    start = moment_of(since, datetime.now(UTC)) if since is not None else None
    workspace, console = open_workspace(ctx, environment, data_on_stdout=True)
    table = Table(_features(workspace), join_answers)
    try:
        with writing(output) as sink:
            held, size = [], 0
            for line in table.lines(_records(workspace, start)):
                held.append(line)
                size += len(line)
                if size >= _HELD_BYTES:
                    sink.write(b"".join(held))
                    held, size = [], 0
            sink.write(b"".join(held))
    except AWS_FAILURES as error:
        if error_code(error) not in DENIED:
            raise aws_error(error, "reading captured requests", f"bucket {workspace.names.bucket}") from error
        fix = (
            f"Attach the policy {workspace.names.managed_policy('captured')} to your role; the hosting stack makes it."
        )
        message = "These credentials may not read captured requests."
        raise KickstandError(Problem(message, f"bucket {workspace.names.bucket}", fix)) from error
    for sentence in table.sentences():
        console.print(sentence)
    if not table.rows:
        console.print(_why_nothing(workspace))


def _features(workspace: Workspace) -> tuple[str, ...]:
    """The names of the features; as many as the released model takes where the project does not name its columns."""
    release, named = workspace.release_or_none(), workspace.environment.data.columns
    if named:
        hyperparameters = workspace.environment.hyperparameters if release is None else release.hyperparameters
        return named[label_columns(hyperparameters, workspace.environment.data.content_type) :]
    expected = expected_features(workspace)
    return tuple(f"f{number}" for number in range(expected.features)) if expected is not None else ()


def _records(workspace: Workspace, start: datetime | None) -> Iterator[tuple[str, Captured]]:
    """The model and the request of each record since a moment."""
    from training.captured.records import read_record

    s3, names = workspace.session.client("s3"), workspace.names
    prefix = workspace.environment.hosting.capture.prefix
    first = f"{start:%Y-%m-%dT%H:%M:%SZ}" if start is not None else ""
    for found in captured_objects(s3, names.bucket, prefix, names.endpoint, start):
        for line in read_lines(s3, names.bucket, found.key):
            record = read_record(line)
            if not record.time or record.time >= first:
                yield found.model, record


def _why_nothing(workspace: Workspace) -> str:
    environment = workspace.environment
    if not environment.captures:
        return (
            f"{environment.name} captures nothing ({environment.where('hosting.capture')}): enabled = true in "
            "[hosting.capture] does, from its next deployment on."
        )
    return (
        "SageMaker delivers requests some minutes after they were answered; those that the endpoint's role may not "
        f"write to s3://{workspace.names.bucket}/{environment.hosting.capture.prefix}/ are lost."
    )
