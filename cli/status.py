"""`kickstand status`: whether an environment's endpoint is up, what it serves, and when it stops by itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from cli.context import open_workspace
from cli.options import AS_JSON, ENV
from kickstand.console import echo, echo_json
from kickstand.text import labelled

if TYPE_CHECKING:
    from deployment.endpoint.expiry import EndpointEnd
    from kickstand.aws.deployed import Served
    from kickstand.workspace import Workspace


def status(ctx: typer.Context, environment: ENV, as_json: AS_JSON = False) -> None:
    """Say whether the endpoint is up, which model it serves since when, and when and why it stops by itself."""
    from deployment.endpoint.expiry import endpoint_ends
    from kickstand.aws.deployed import served, stack_status
    from kickstand.aws.errors import explained

    workspace, _ = open_workspace(ctx, environment, data_on_stdout=as_json)
    session, names = workspace.session, workspace.names
    with explained(f"looking at the endpoint {names.endpoint}"):
        stack = stack_status(session.client("cloudformation"), names.hosting_stack)
        found = served(session.client("sagemaker"), names.endpoint)
    with explained(f"looking for the end of the endpoint {names.endpoint}"):
        ends = endpoint_ends(session, names, datetime.now(UTC))
    if as_json:
        echo_json(json.dumps(_fields(workspace, stack, found, ends), indent=2))
        return
    for label, text in _shown(workspace, stack, found, ends):
        for line in labelled(label, text, indent=0, width=12):
            echo(line)


def _shown(
    workspace: Workspace, stack: str | None, found: Served | None, ends: tuple[EndpointEnd, ...]
) -> list[tuple[str, str]]:
    endpoint, deploy = workspace.names.endpoint, workspace.command("deploy")
    lines = [("stack", f"{workspace.names.hosting_stack} is {stack or 'not deployed'}")]
    if found is None:
        back = f" It comes back by: {deploy}" if workspace.release_file.exists() else ""
        return [*lines, ("endpoint", f"{endpoint} is not there.{back}")]
    lines += [
        ("endpoint", f"{endpoint} is {found.status}, since {found.since.astimezone(UTC):%Y-%m-%d %H:%M %Z}"),
        ("model", ", ".join(found.models)),
        *(("stops", one.sentence()) for one in ends),
    ]
    kept = f"To restart the time, or to bring the endpoint back after its end: {deploy}"
    return [*lines, ("", kept)] if ends else [*lines, ("stops", "not by itself")]


def _fields(
    workspace: Workspace, stack: str | None, found: Served | None, ends: tuple[EndpointEnd, ...]
) -> dict[str, Any]:
    return {
        "environment": workspace.environment.name,
        "stack": stack,
        "endpoint": workspace.names.endpoint,
        "status": None if found is None else found.status,
        "since": None if found is None else found.since.astimezone(UTC).isoformat(),
        "models": [] if found is None else list(found.models),
        "ends": [
            {"reason": one.reason, "why": one.why, "at": None if one.at is None else one.at.isoformat()} for one in ends
        ],
    }
