"""The `kickstand` command line: the options before a command's name, and the list of commands.

Importing this module must stay cheap: commands import what is heavy when they run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import (
    deploy,
    evaluate,
    fit,
    init,
    inspect,
    local,
    predict,
    promote,
    release,
    review,
    rollback,
    transform,
    verify,
)
from cli.context import Root, default_config
from cli.demo import main_job, promotion
from kickstand import __version__
from kickstand.console import echo

app = typer.Typer(
    name="kickstand",
    help="From CSV files to a SageMaker XGBoost HTTPS endpoint: reviewed, promotable, and runnable on a laptop.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
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


app.command("upload")(fit.upload)
app.command("fit")(fit.fit)
app.command("adopt")(fit.adopt)
app.command("approve")(promote.approve)
app.command("assembly")(review.assembly)
app.command("reject")(promote.reject)
app.command("deploy")(deploy.deploy)
app.command("access")(inspect.access)
app.command("cost")(inspect.cost)
app.command("verify")(verify.verify)
app.command("predict")(predict.predict)
app.command("transform")(transform.transform)
app.command("evaluate")(evaluate.evaluate)
app.command("review")(review.review)
app.command("destroy")(deploy.destroy)
app.command("doctor")(inspect.doctor)
app.command("gate")(promote.gate)
app.command("init")(init.init)
app.command("demo")(main_job.demo)
app.command("demo-promotion")(promotion.demo_promotion)
app.command("promote")(promote.promote)
app.command("rollback")(rollback.rollback)
app.add_typer(release.app, name="release")
app.add_typer(local.app, name="local")
