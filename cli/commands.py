"""The `kickstand` command line: the options before a command's name, and the table of commands.

A command's module is imported when the command is called: `kickstand --help` imports none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from cli.options import Root, default_config
from kickstand import __version__
from kickstand.console import echo


class Entry(NamedTuple):
    """One command, or a group of them.

    target: `module:function`, or `module:app` of a Typer. help: the first sentence of its own help.
    """

    target: str
    help: str


COMMANDS: Final[Mapping[str, Entry]] = {
    "upload": Entry("cli.fit:upload", "Check the data and upload it; what is there already is not sent again."),
    "fit": Entry("cli.fit:fit", "Check, upload, train, and write the release."),
    "adopt": Entry(
        "cli.fit:adopt", "Make a release of any completed training job of the account that ran the built-in XGBoost."
    ),
    "approve": Entry("cli.promote:approve", "Approve the model of ENV's release, in the model registry: who and why."),
    "assembly": Entry(
        "cli.review:assembly",
        "Synthesise the environments and print the SHA-256 of each cloud assembly; AWS is not asked.",
    ),
    "reject": Entry("cli.promote:reject", "Reject the model of ENV's release, in the model registry: who and why."),
    "deploy": Entry(
        "cli.deploy:deploy", "Deploy the environment's stacks: training, and hosting once there is a release."
    ),
    "access": Entry(
        "cli.inspect:access",
        "Show what the deployed stacks allow: to the endpoint's model, to jobs, to people, to other accounts.",
    ),
    "cost": Entry(
        "cli.inspect:cost",
        "Say what training, endpoint and transform jobs have cost so far, and what the deployed stacks cost a month.",
    ),
    "status": Entry(
        "cli.status:status",
        "Say whether the endpoint is up, which model it serves since when, and when and why it stops by itself.",
    ),
    "console": Entry(
        "cli.console:console",
        "Show the environment live in the browser: jobs, endpoint, metrics, releases, bucket, cost.",
    ),
    "verify": Entry(
        "cli.verify:verify",
        "Verify release, signature, artifact and live endpoint against each other, and show who could replace them.",
    ),
    "predict": Entry(
        "cli.predict:predict",
        "Send rows of features through an endpoint; one answer a row, in order, with all digits.",
    ),
    "transform": Entry(
        "cli.transform:transform", "Send rows through a batch transform job; one answer a row, in order."
    ),
    "evaluate": Entry(
        "cli.evaluate:evaluate",
        "Send the test channel through the endpoint; report metrics, save predictions and a plot.",
    ),
    "traffic": Entry(
        "cli.traffic:traffic",
        "Send rows of the test channel to the endpoint at a steady rate; report errors and latencies.",
    ),
    "captured": Entry(
        "cli.captured:captured",
        "Read the requests that the endpoint has captured, as CSV with named columns, oldest first.",
    ),
    "review": Entry(
        "cli.review:review", "Make the review bundle of an environment: index.html, review.md, review.json."
    ),
    "destroy": Entry(
        "cli.deploy:destroy",
        "Delete the environment's stacks, hosting first; fail unless only what is retained is left.",
    ),
    "doctor": Entry(
        "cli.inspect:doctor",
        "Check credentials, quotas, bootstrap, roles, keys, bucket, stacks, tools; print the fix for each.",
    ),
    "gate": Entry(
        "cli.promote:gate",
        "Check the gates of an environment for the release that would be promoted into it; change nothing.",
    ),
    "init": Entry(
        "cli.init:init", "Write the workflows that review pull requests and deploy merges, from the project file."
    ),
    "demo": Entry(
        "cli.demo.main_job:demo",
        "The example from CSV files to predictions, in the local cloud on this machine.",
    ),
    "demo-promotion": Entry(
        "cli.demo.promotion:demo_promotion",
        "Models on their way from dev to staging to prod: gates, signatures, reviews, a canary, a rollback by alarm.",
    ),
    "promote": Entry(
        "cli.promote:promote",
        "Check TO's gates; then copy FROM's model under its digest, register it, and write releases/TO.json.",
    ),
    "rollback": Entry(
        "cli.rollback:rollback",
        "Restore an earlier release byte for byte, once the gates let it pass, and deploy it.",
    ),
    "release": Entry(
        "cli.release:app",
        "The release of an environment: show, check, diff, history, from files and git; sign and verify.",
    ),
    "local": Entry("cli.local:app", "The local cloud: an AWS on this machine that trains and hosts for real."),
}
"""Every command, in the order of `kickstand --help`."""

_PLAIN: Final[Mapping[str, Any]] = {
    "add_completion": False,
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
}


class CommandTable(TyperGroup):
    """The commands of COMMANDS by their names and first sentences; the one that is called is imported."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that the first word names, imported. Fails as click does where there is none of that name."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, None if name is None else load_command(name), rest


def load_command(name: str) -> Any:
    """The click command, or group, of a name in COMMANDS."""
    module, _, attribute = COMMANDS[name].target.partition(":")
    target = getattr(import_module(module), attribute)
    if isinstance(target, typer.Typer):
        group = get_group(target)
        group.name = name
        return group
    alone = typer.Typer(**_PLAIN)
    alone.command(name)(target)
    return get_command(alone)


app = typer.Typer(
    name="kickstand",
    cls=CommandTable,
    help="From CSV files to a SageMaker XGBoost HTTPS endpoint: reviewed, promotable, and runnable on a laptop.",
    no_args_is_help=True,
    **_PLAIN,
)


def _version(wanted: bool) -> None:
    if wanted:
        echo(f"kickstand {__version__}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="The project file. Default: kickstand.toml."),
    ] = None,
    on_laptop: Annotated[
        bool,
        typer.Option("--local", help="Use the local cloud on this machine; it is started when needed."),
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop."),
    ] = False,
) -> None:
    """Runs before every command."""
    ctx.obj = Root(config=config or default_config(), local=on_laptop)


def _not_imported() -> None:
    """Stands for a command in the table, with its help: `CommandTable` replaces it by the one that is called."""


for _name, _entry in COMMANDS.items():
    app.command(_name, help=_entry.help)(_not_imported)
