"""The options before a command's name, and those that several commands have, each declared and worded once."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

import typer

ENV = Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod.")]
AS_JSON = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
YES = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
DESPITE_ALARMS = Annotated[
    bool, typer.Option("--despite-alarms", help="Begin although an alarm is in ALARM that rolls the update back.")
]
FOLLOW = Annotated[str | None, typer.Option("--follow", metavar="JOB", help="Follow a job that was started before.")]
STOP = Annotated[str | None, typer.Option("--stop", metavar="JOB", help="Stop a job that runs.")]
ACCEPT = Annotated[str, typer.Option(metavar="csv|json", help="The form of the answers.")]
PARALLEL = Annotated[int, typer.Option(min=1, max=64, help="Requests in flight.")]
REQUESTS_IN_FLIGHT = 4
"""The default of PARALLEL."""
TIMES = Annotated[Path | None, typer.Option(metavar="FILE", help="Write each step's seconds there, as JSON.")]

REPOSITORY = Path(__file__).resolve().parents[1]
"""The folder of `app.py` and `cdk.json`."""

DEFAULT_CONFIG = "kickstand.toml"


@dataclass(frozen=True, slots=True)
class Root:
    """The options before the command's name."""

    config: Path
    local: bool


def default_config() -> Path:
    """The project file in this folder, else the one of the repository."""
    here = Path(DEFAULT_CONFIG)
    return here if here.exists() else REPOSITORY / DEFAULT_CONFIG


def root_of(ctx: typer.Context) -> Root:
    return cast(Root, ctx.obj)


def options_of(root: Root) -> tuple[str, ...]:
    """The options with which `kickstand` reaches the same project in the same place, quoted."""
    config = () if root.config == default_config() else ("--config", shlex.quote(str(root.config)))
    return (*(("--local",) if root.local else ()), *config)
