"""The `kickstand` command line: the options before a command's name, the list of commands, the exit codes.

Exit codes: 0 done; 1 an operation failed or was interrupted; 2 what the user gave is wrong.
Importing this module must stay cheap: commands import what is heavy when they run.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from kickstand import __version__
from kickstand.commands import adopt, demo, deploy, destroy, evaluate, fit, local, predict, upload
from kickstand.commands.context import Root, default_config
from kickstand.errors import KickstandError

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
        typer.echo(f"kickstand {__version__}")
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


app.command("upload")(upload.upload)
app.command("fit")(fit.fit)
app.command("adopt")(adopt.adopt)
app.command("deploy")(deploy.deploy)
app.command("predict")(predict.predict)
app.command("evaluate")(evaluate.evaluate)
app.command("destroy")(destroy.destroy)
app.command("demo")(demo.demo)
app.add_typer(local.app, name="local")


def main() -> None:
    """Run the command line; end the process with its exit code."""
    try:
        code = app(standalone_mode=False)
    except KickstandError as error:
        from kickstand.console import show_error

        show_error(error)
        sys.exit(error.exit_code)
    except typer.Exit as wanted:
        sys.exit(wanted.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("\nInterrupted. What was begun and not finished can be run again.", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        if not _is_usage(error):
            raise
        error.show()  # type: ignore[attr-defined]
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)


def _is_usage(error: Exception) -> bool:
    """Whether click refused the words of the command line (its class moves between click and typer)."""
    return any(kind.__name__ == "ClickException" for kind in type(error).__mro__)
