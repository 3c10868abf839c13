"""`kickstand predict`: a CSV of features in, the endpoint's answers out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, cast

import typer

from kickstand.errors import InputError, Problem

if TYPE_CHECKING:
    import boto3

    from kickstand.config.model import TargetTransform
    from training.answers import Accept

PARALLEL = 4


def predict(
    ctx: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[ENV] INPUT.csv", help="The environment (not with --endpoint) and the rows; - for stdin."
        ),
    ],
    endpoint: Annotated[str | None, typer.Option(metavar="NAME", help="An endpoint by name, whoever made it.")] = None,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="FILE", help="Where answers go; - for stdout.")
    ] = "-",
    accept: Annotated[str, typer.Option(metavar="csv|json", help="The form of the answers.")] = "csv",
    original_units: Annotated[bool, typer.Option("--original-units", help="Undo the target transform.")] = False,
    parallel: Annotated[int, typer.Option(min=1, max=64, help="Requests in flight.")] = PARALLEL,
) -> None:
    """Send rows of features through an endpoint; one answer a row, in order, with all digits."""
    environment, source = _words(words, endpoint)
    if accept not in ("csv", "json"):
        raise InputError(Problem(f"Expected csv or json, found {accept!r}.", "--accept"))
    if original_units and accept != "csv":
        raise InputError(Problem("--original-units works on the csv form.", "--accept", "Leave --accept away."))
    session, name, transform = _target(ctx, environment, endpoint)
    if original_units and transform != "log1p":
        raise InputError(
            Problem(
                "There is no target transform to undo.",
                "--original-units",
                "It is [data] target_transform of an environment; with --endpoint it is not known.",
            )
        )
    _run(session, name, source, output, cast("Accept", accept), original_units, parallel)


def _words(words: list[str], endpoint: str | None) -> tuple[str | None, str]:
    if endpoint is None and len(words) == 2:
        return words[0], words[1]
    if endpoint is not None and len(words) == 1:
        return None, words[0]
    found = " ".join(words)
    raise InputError(
        Problem(
            f"Expected `ENV INPUT.csv`, or `--endpoint NAME INPUT.csv`, found `{found}`.",
            "kickstand predict",
            "For example: kickstand predict dev rows.csv -o answers.csv",
        )
    )


def _target(
    ctx: typer.Context, environment: str | None, endpoint: str | None
) -> tuple[boto3.Session, str, TargetTransform]:
    from kickstand.commands.context import enter_local_cloud, load, open_context, root_of

    if environment is not None:
        context = open_context(ctx, environment, data_on_stdout=True)
        return context.session, context.names.endpoint, context.environment.data.target_transform
    import boto3

    if root_of(ctx).local:
        project = load(ctx)
        enter_local_cloud(project, next(iter(project.environments.values())))
    return boto3.Session(), cast(str, endpoint), "none"


def _run(
    session: boto3.Session, name: str, source: str, output: str, accept: Accept, original_units: bool, parallel: int
) -> None:
    from kickstand.aws_errors import explained
    from kickstand.console import make_console
    from training.answers import to_original_units
    from training.endpoint_client import EndpointClient, runtime_client
    from training.predict import batches, in_order
    from training.rows_progress import rows_progress

    label = "stdin" if source == "-" else source
    with (
        _reading(source) as stream,
        explained(f"predicting with the endpoint {name}"),
        _writing(output) as sink,
        rows_progress(make_console(sys.stderr)) as progress,
    ):
        client = runtime_client(session, parallel=parallel)
        invoke = EndpointClient(client, endpoint=name, accept=accept, source=label)
        for answers in in_order(batches(stream, label), invoke, parallel=parallel, done=progress):
            rows = map(to_original_units, answers.rows) if original_units else answers.rows
            sink.write(("\n".join(rows) + "\n").encode())


@contextmanager
def _reading(source: str) -> Iterator[BinaryIO]:
    if source == "-":
        yield sys.stdin.buffer
        return
    path = Path(source)
    if not path.is_file():
        raise InputError(Problem("Expected a CSV file of rows, found none.", source))
    with path.open("rb") as stream:
        yield stream


@contextmanager
def _writing(output: str) -> Iterator[Any]:
    from kickstand.atomic_file import atomic_file

    if output == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with atomic_file(Path(output)) as stream:
        yield stream
