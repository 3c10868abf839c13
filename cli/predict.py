"""`kickstand predict`: a CSV of features in, the endpoint's answers out."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, cast

import typer

from cli.context import (
    accept_problems,
    enter_local_cloud,
    expected_features,
    load,
    open_workspace,
    reading,
    rows_file_problems,
    writing,
)
from cli.options import ACCEPT, PARALLEL, REQUESTS_IN_FLIGHT, root_of
from kickstand.console import make_console
from kickstand.errors import InputError, Problem

if TYPE_CHECKING:
    import boto3

    from kickstand.config.model import TargetTransform
    from training.prediction.batches import Expected
    from training.prediction.endpoint_client import Accept


def predict(
    ctx: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[ENV] INPUT.csv", help="The environment (not with --endpoint) and the rows; - for stdin."
        ),
    ],
    endpoint: Annotated[str | None, typer.Option(metavar="NAME", help="Any endpoint, by name.")] = None,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="FILE", help="Where answers go; - for stdout.")
    ] = "-",
    accept: ACCEPT = "csv",
    original_units: Annotated[bool, typer.Option("--original-units", help="Undo the target transform.")] = False,
    parallel: PARALLEL = REQUESTS_IN_FLIGHT,
) -> None:
    """Send rows of features through an endpoint; one answer a row, in order, with all digits."""
    environment, source = _words(words, endpoint)
    problems = [
        *accept_problems(accept, csv_only={"--original-units": original_units}),
        *rows_file_problems(source, output),
    ]
    if problems:
        raise InputError(*problems)
    target = _target(ctx, environment, endpoint)
    if original_units and target.transform != "log1p":
        raise InputError(
            Problem(
                "There is no target transform to undo.",
                "--original-units",
                "It is [data] target_transform of an environment; with --endpoint it is not known.",
            )
        )
    _run(target, source, output, cast("Accept", accept), original_units, parallel)


@dataclass(frozen=True, slots=True)
class _Target:
    """The endpoint to ask, and what the project knows of its model."""

    session: boto3.Session
    endpoint: str
    transform: TargetTransform
    expected: Expected | None


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


def _target(ctx: typer.Context, environment: str | None, endpoint: str | None) -> _Target:
    if environment is not None:
        workspace, _ = open_workspace(ctx, environment, data_on_stdout=True)
        transform = workspace.environment.data.target_transform
        return _Target(workspace.session, workspace.names.endpoint, transform, expected_features(workspace))
    if root_of(ctx).local:
        project = load(ctx)
        enter_local_cloud(project, next(iter(project.environments.values())))
    return _Target(_own_session(), cast(str, endpoint), "none", None)


def _own_session() -> boto3.Session:
    """The session of the credentials and the region that the AWS tools find by themselves."""
    import boto3
    from botocore.exceptions import NoCredentialsError, NoRegionError

    from kickstand.aws.errors import explained

    with explained("opening an AWS session"):
        session = boto3.Session()
        if session.region_name is None:
            raise NoRegionError
        if session.get_credentials() is None:
            raise NoCredentialsError
    return session


def _run(target: _Target, source: str, output: str, accept: Accept, original_units: bool, parallel: int) -> None:
    from kickstand.aws.errors import explained
    from training.prediction.batches import batches, in_order, rows_progress
    from training.prediction.endpoint_client import EndpointClient, runtime_client, to_original_units

    label = "stdin" if source == "-" else source
    with (
        reading(source) as stream,
        explained(f"predicting with the endpoint {target.endpoint}"),
        writing(output) as sink,
        rows_progress(make_console(sys.stderr) if _watched() else None) as progress,
    ):
        client = runtime_client(target.session, parallel=parallel)
        invoke = EndpointClient(client, endpoint=target.endpoint, accept=accept, source=label)
        cut = batches(stream, label, expected=target.expected)
        for answers in in_order(cut, invoke, parallel=parallel, done=progress):
            rows = map(to_original_units, answers.rows) if original_units else answers.rows
            sink.write(("\n".join(rows) + "\n").encode())


def _watched() -> bool:
    """Whether somebody looks: drawing takes time to load, and a script does not look."""
    return sys.stderr is not None and sys.stderr.isatty()
