"""`kickstand local …`: the AWS on this machine, started, looked at, stopped, forgotten."""

from __future__ import annotations

import shlex
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import choose, load
from cli.options import YES, default_config, root_of
from kickstand.console import confirm, echo, echo_text, make_console
from kickstand.errors import InputError, Problem
from localcloud.clients.environment import CLEARED, client_python
from localcloud.cloud import LocalCloud
from localcloud.server.process import follow_log
from localcloud.state import SWITCHES, Switches

if TYPE_CHECKING:
    from kickstand.config.model import Project
    from localcloud.cloud import Status

app = typer.Typer(
    help="The local cloud: an AWS on this machine that trains and hosts for real.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command()
def start(
    ctx: typer.Context,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Default: the last one, else 4566, else the next free one."),
    ] = None,
    time_factor: Annotated[
        float | None,
        typer.Option(
            "--time-factor",
            metavar="X",
            help="Make AWS's waits and periods X times shorter, until it is stopped; 1 (default) or more.",
        ),
    ] = None,
) -> None:
    """Start it, or do nothing where it runs; ends when it answers."""
    cloud = LocalCloud.default()
    cloud.start(port, project=_project(ctx), time_factor=time_factor)
    echo(f"The local cloud answers at {cloud.url}")
    echo('Point a shell at it: eval "$(kickstand local env)"')


@app.command()
def stop(
    discard: Annotated[
        bool, typer.Option("--discard", help="Even where its state cannot be saved; that is lost.")
    ] = False,
) -> None:
    """Save its state and stop it; goes on running where the state cannot be saved."""
    stopped = LocalCloud.default().stop(discard=discard)
    echo("The local cloud is stopped; its state is kept." if stopped else "The local cloud was not running.")


@app.command()
def status() -> None:
    """Whether it runs, and what it holds: accounts, endpoints, alarms, training jobs, stacks."""
    from localcloud.resources import list_resources

    console = make_console(sys.stdout)
    cloud = LocalCloud.default()
    found = cloud.status()
    for line in _status_lines(found):
        console.print(line)
    if not found.running:
        return
    for account, regions in found.accounts:
        console.print(f"account {account}", style="bold")
        for region in regions:
            for kind, name, state in list_resources(cloud, account, region):
                console.print(f"  {region}  {kind:<13} {name}  {state}")


@app.command()
def logs(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as the server writes; Ctrl-C ends it.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 50,
) -> None:
    """Show the server's own log (a job's log is shown by `kickstand fit`)."""
    cloud = LocalCloud.default()
    text = cloud.last_log_lines(lines)
    if text:
        echo_text(text)
    if follow:
        for part in follow_log(cloud.log):
            echo_text(part, nl=False)


@app.command()
def interrupt(
    job: Annotated[str | None, typer.Argument(metavar="JOB", help="A spot training job that runs.")] = None,
    latest: Annotated[bool, typer.Option("--latest", help="The one that was started last.")] = False,
) -> None:
    """Take a spot job's instances away, as AWS may at any time: it starts over, and its log says so."""
    from localcloud.resources import interrupt as interrupt_job

    if (job is None) != latest:
        found = "none of them" if job is None else "both"
        raise InputError(Problem(f"Expected JOB or --latest, found {found}.", "kickstand local interrupt"))
    name = interrupt_job(LocalCloud.default(), job)
    echo(f"The instances of {name} were taken away; it starts over.")


@app.command()
def switch(
    name: Annotated[str | None, typer.Argument(metavar="SWITCH", help="Which; without one, all are listed.")] = None,
    value: Annotated[str | None, typer.Argument(metavar="VALUE", help="What it is set to.")] = None,
) -> None:
    """Choose how it behaves where AWS's behaviour is not known, or differs from one time to the next."""
    switches = Switches(LocalCloud.default().folder)
    if name is not None:
        if value is None:
            fix = f"For example: kickstand local switch {SWITCHES[0].name} {SWITCHES[0].values[1]}"
            raise InputError(Problem("Expected SWITCH and VALUE, found one of them.", "kickstand local switch", fix))
        switches.set(name, value)
    for one in SWITCHES:
        if name in (None, one.name):
            echo(f"{one.name:<20}{switches.value(one):<11}({', '.join(one.values)}) {one.meaning}")


@app.command()
def reset(yes: YES = False) -> None:
    """Stop it and delete everything in it: buckets, models, endpoints, stacks, releases."""
    cloud = LocalCloud.default()
    if not yes:
        confirm(f"Delete the local cloud in {cloud.folder.root}, releases included?")
    cloud.reset()
    echo("The local cloud is empty.")


@app.command()
def env(
    ctx: typer.Context,
    environment: Annotated[
        str, typer.Argument(metavar="ENV", help="Whose account and region: dev, staging or prod.")
    ] = "dev",
) -> None:
    """Print what points a shell at it: eval "$(kickstand local env dev)"."""
    chosen = choose(load(ctx), environment)
    variables = LocalCloud.default().environment(chosen.account, chosen.region)
    echo(f"unset {' '.join(CLEARED)}")
    for name, value in variables.items():
        echo_text(f"export {name}={shlex.quote(value)}")


@app.command()
def client(
    name: Annotated[
        str, typer.Argument(metavar="CLIENT", help="model-trainer: SageMaker's SDK with ModelTrainer; sdk-v2: SDK v2.")
    ],
) -> None:
    """Print the Python of a client that is not in the project's environment; made now where it is not there yet."""
    echo_text(str(client_python(name)))


def _project(ctx: typer.Context) -> Project | None:
    """The project file where there is one: the cloud starts without, and then has no profiles and roles of it.

    Raises InputError where `--config` names none.
    """
    config = root_of(ctx).config
    return load(ctx) if config != default_config() or config.exists() else None


def _status_lines(found: Status) -> list[str]:
    size = f"{found.state_bytes / 1e6:.1f} MB in {found.state}"
    if not found.running:
        return ["not running", f"state    {size}", "start    kickstand local start"]
    started = datetime.fromtimestamp(found.started or 0).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    lines = [f"running  {found.url}", f"process  {found.pid}, since {started}", f"state    {size}"]
    if found.time_factor != 1:
        lines.append(f"time     factor {found.time_factor:g}: five minutes of AWS take {300 / found.time_factor:g} s")
    if found.unsaved:
        lines.append(f"WARNING  not saved: {found.unsaved}")
    else:
        lines.append("saved    every answered request; a job's progress within a second")
    return lines
