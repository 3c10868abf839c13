"""`kickstand demo`: the main job on this machine, narrated, from CSV files to predictions."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import copyfileobj
from typing import TYPE_CHECKING, Final

import typer

from cli.context import choose, load, open_workspace
from cli.evaluate import default_folder, own_rows, test_channel, test_report
from cli.options import REPOSITORY, TIMES, root_of
from deployment.cdk import Cdk, is_bootstrapped
from kickstand.atomic_file import atomic_file
from kickstand.console import make_console
from kickstand.errors import KickstandError, Problem
from kickstand.json_text import parse_json
from kickstand.programs import run_child

if TYPE_CHECKING:
    from rich.console import Console

    from kickstand.workspace import Workspace


ENVIRONMENT: Final = "dev"


@dataclass
class Steps:
    """The steps done so far, with the seconds that each took."""

    console: Console
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str, why: str) -> Iterator[None]:
        """Announce a step, do it, and note its time."""
        self.console.print(f"\n{len(self.seconds) + 1}. {name}: {why}", style="bold cyan")
        began = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - began
        self.console.print(f"   {self.seconds[name]:.1f} s", style="dim")


def demo(
    ctx: typer.Context,
    times: TIMES = None,
) -> None:
    """The example from CSV files to predictions, in the local cloud on this machine."""
    ctx.obj = root = replace(root_of(ctx), local=True)
    console = make_console(sys.stdout)
    console.print("Kickstand: bike rental, from CSV files to an HTTPS endpoint, on this machine.", style="bold")
    steps = Steps(console)
    project = load(ctx)
    environment = choose(project, ENVIRONMENT)
    test_channel(environment)
    data = environment.data
    if project.file.parent == REPOSITORY and not all(path.exists() for path in data.channels().values()):
        with steps.step("Prepare the data", "17,379 hours become train, validation and test"):
            run([sys.executable, str(REPOSITORY / "data" / "prepare.py")])
    with steps.step("Start the local cloud", "an AWS on loopback: S3, IAM, CloudFormation, SageMaker"):
        workspace, console = open_workspace(ctx, ENVIRONMENT)
    with steps.step("Bootstrap", "the CDK's own bucket and roles, once for an account and region"):
        bootstrap(workspace, console)
    kickstand = [sys.executable, "-m", "cli", "--local", "--config", str(root.config)]
    folder = default_folder(workspace)
    rows, predictions = folder / "rows.csv", folder / "answers.csv"
    for name, why, words in (
        ("Deploy training", "bucket, roles, training trigger, model package group", ["deploy", ENVIRONMENT, "--yes"]),
        ("Fit", "check, upload, train, and write the release", ["fit", ENVIRONMENT]),
        ("Deploy hosting", "Model, EndpointConfig, Endpoint", ["deploy", ENVIRONMENT, "--yes"]),
        ("Evaluate", "every test row through the endpoint", ["evaluate", ENVIRONMENT, "--out", str(folder)]),
    ):
        with steps.step(name, why):
            console.print(f"   $ {workspace.typed(' '.join(words))}", style="dim")
            run([*kickstand, *words])
    with steps.step("Predict", "what a caller of the endpoint does"):
        write_rows(workspace, rows)
        units = ["--original-units"] if data.target_transform != "none" else []
        words = ["predict", ENVIRONMENT, str(rows), *units, "-o", str(predictions)]
        console.print(f"   $ {workspace.typed(' '.join(words))}", style="dim")
        run([*kickstand, *words])
    show_results(workspace, console, steps, folder, predictions)
    if times is not None:
        times.write_text(json.dumps(steps.seconds, indent=2) + "\n", "utf-8")


def run(command: list[str]) -> None:
    """Run a step's command with the terminal as its own; end the demo where it fails."""
    try:
        code = run_child(command)
    except KeyboardInterrupt:
        raise KickstandError(
            Problem(
                "The demo was interrupted at this step; the local cloud goes on.",
                fix="Run make demo again: what is done stays done. To end the local cloud: kickstand local stop",
            )
        ) from None
    if code != 0:
        raise KickstandError(
            Problem(
                f"The demo stopped at this step (exit code {code}).", fix="Fix its cause, then run make demo again."
            )
        )


def bootstrap(workspace: Workspace, console: Console) -> None:
    from kickstand.aws.errors import explained

    with explained("looking for the CDK bootstrap stack"):
        if is_bootstrapped(workspace.session, workspace.environment):
            console.print("   done before")
            return
    Cdk(workspace).bootstrap()


def write_rows(workspace: Workspace, rows: Path) -> None:
    """The test channel without its labels: what a caller of the endpoint would send."""
    report = test_report(workspace)
    with own_rows(workspace, report) as channel, channel.features() as features, atomic_file(rows) as stream:
        copyfileobj(features, stream)


def _score(metrics: Mapping[str, float]) -> list[tuple[str, str]]:
    """The figure that the example is known by, or whatever its objective has."""
    known = "original:rmsle"
    names = [known] if known in metrics else [name for name in sorted(metrics) if name.startswith("model:")]
    return [(name.partition(":")[2].upper(), f"{metrics[name]:.4f} on the test rows") for name in names]


def show_results(workspace: Workspace, console: Console, steps: Steps, folder: Path, predictions: Path) -> None:
    """Where everything is, what it scored, what to type next. Plain lines, so that paths can be copied whole."""
    metrics = parse_json((folder / "metrics.json").read_text("utf-8"))["metrics"]
    endpoint = workspace.session.client("sagemaker").describe_endpoint(EndpointName=workspace.names.endpoint)
    say = console.print
    say(f"\nDone in {sum(steps.seconds.values()):.0f} s", style="bold green")
    for name, seconds in steps.seconds.items():
        say(f"  {name:<24}{seconds:>6.1f} s")
    say("")
    for label, value in (
        ("endpoint", f"{workspace.names.endpoint} ({endpoint['EndpointStatus']})"),
        *_score(metrics),
        ("release", workspace.release_file),
        ("predictions", predictions),
        ("plot", folder / "predicted-actual.png"),
        ("next", "change a hyperparameter in kickstand.toml, then"),
        ("", workspace.command("fit")),
        ("", workspace.command("deploy")),
        ("", workspace.command("predict", str(folder / "rows.csv"))),
        ("stop", "kickstand local stop     (its state stays; kickstand local reset removes it)"),
        ("", "The command lives in the clone: source .venv/bin/activate"),
    ):
        say(f"  {label:<13}{value}")
