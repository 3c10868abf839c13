"""`kickstand evaluate`: how good the live endpoint is on the test channel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import expected_features, open_workspace
from cli.options import ENV, PARALLEL, REQUESTS_IN_FLIGHT
from kickstand.atomic_file import atomic_file
from kickstand.errors import InputError, Problem
from kickstand.xgboost_container import kind_of
from training.data.checks.objectives import label_columns

if TYPE_CHECKING:
    from rich.console import Console

    from kickstand.config.model import Environment
    from kickstand.workspace import Workspace
    from training.data.files import ChannelReport
    from training.evaluation.evaluation import Evaluation
    from training.evaluation.rows import Rows


def evaluate(
    ctx: typer.Context,
    environment: ENV,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="DIR", help="Where predictions, metrics and plot go.")
    ] = None,
    parallel: PARALLEL = REQUESTS_IN_FLIGHT,
) -> None:
    """Send the test channel through the endpoint; report metrics, save predictions and a plot."""
    from kickstand.aws.errors import explained
    from training.evaluation.answers import endpoint_answers
    from training.evaluation.evaluation import evaluate as evaluate_answers
    from training.evaluation.metrics import objective_of, require_figure
    from training.prediction.batches import rows_progress

    workspace, console = open_workspace(ctx, environment)
    objective = objective_of(workspace.environment.hyperparameters)
    require_figure(objective)
    report = test_report(workspace)
    expected = expected_features(workspace)
    folder = out or default_folder(workspace)
    if folder.exists() and not folder.is_dir():
        raise InputError(Problem("Expected a folder, found a file.", str(folder), "Name a folder with --out."))
    endpoint = workspace.names.endpoint
    with explained(f"evaluating the endpoint {endpoint}"), rows_progress(console) as progress:
        with own_rows(workspace, report, width=expected.features + 1 if expected else 0) as rows:
            answers = endpoint_answers(
                workspace.session,
                endpoint,
                rows,
                objective=objective,
                transform=rows.labels.transform,
                expected=expected,
                parallel=parallel,
                done=progress,
            )
        result = evaluate_answers(answers, rows.labels)
    _save(workspace, result, folder)
    _show(workspace, console, result, folder)


def default_folder(workspace: Workspace) -> Path:
    """`.kickstand/evaluation/PROJECT-ENV` beside the project file; it keeps itself out of git."""
    hidden = workspace.project.file.parent / ".kickstand"
    hidden.mkdir(exist_ok=True)
    ignore = hidden / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", "utf-8")
    return hidden / "evaluation" / workspace.names.prefix


def test_report(workspace: Workspace) -> ChannelReport:
    """The test channel, checked as for an upload.

    Raises InputError with everything that is wrong with them.
    """
    from training.data.check import check_data

    environment = workspace.environment
    report, problems = check_data(
        {"test": test_channel(environment)},
        content_type=environment.data.content_type,
        hyperparameters=environment.hyperparameters,
        target_transform=environment.data.target_transform,
        columns=environment.data.columns,
        where=environment.where,
    )
    if problems:
        raise InputError(*problems)
    return report.channels["test"]


@contextmanager
def own_rows(workspace: Workspace, report: ChannelReport, *, width: int = 0) -> Iterator[Rows]:
    """The rows of the checked test channel, as long as the block lasts. width: columns with the label, at least."""
    from tempfile import TemporaryDirectory

    from training.evaluation.rows import read_rows

    environment, files = workspace.environment, [(str(file.path), file.path) for file in report.files]
    with TemporaryDirectory(prefix="kickstand-") as folder:
        yield read_rows(
            files,
            label_columns=label_columns(environment.hyperparameters, environment.data.content_type),
            transform=environment.data.target_transform,
            source=files[0][0] if len(files) == 1 else "test channel",
            folder=Path(folder),
            kind=kind_of(environment.data.content_type),
            width=max(report.columns, width),
        )


def test_channel(environment: Environment) -> Path:
    """Where the test channel is; InputError where the project names none."""
    if environment.data.test is None:
        raise InputError(
            Problem("There is no test channel.", environment.where("data"), "Name its files as [data] test.")
        )
    return environment.data.test


def _save(workspace: Workspace, result: Evaluation, folder: Path) -> None:
    from training.evaluation.evaluation import draw_predicted_actual

    with atomic_file(folder / "predictions.csv") as stream:
        stream.write(("\n".join(result.answers.texts) + "\n").encode())
    with atomic_file(folder / "metrics.json") as stream:
        figures = {"endpoint": workspace.names.endpoint, "rows": len(result.answers), "metrics": dict(result.metrics)}
        stream.write((json.dumps(figures, indent=2, sort_keys=True) + "\n").encode())
    data = workspace.environment.data
    title = f"{workspace.names.endpoint}: {len(result.answers):,} test rows"
    if "original:rmsle" in result.metrics:
        title += f", RMSLE {result.metrics['original:rmsle']:.4f}"
    draw_predicted_actual(
        result.actual,
        result.predicted,
        title=title,
        unit=data.columns[0] if data.columns else "label",
        file=folder / "predicted-actual.png",
    )


def _show(workspace: Workspace, console: Console, result: Evaluation, folder: Path) -> None:
    from rich.table import Table

    transform = workspace.environment.data.target_transform
    table = Table(title=f"{workspace.names.endpoint} on {len(result.answers):,} test rows", title_justify="left")
    table.add_column("metric")
    table.add_column("model's units" + (f" ({transform})" if transform != "none" else ""), justify="right")
    table.add_column("original units", justify="right")
    for name in dict.fromkeys(key.split(":", 1)[1] for key in result.metrics):
        cells = [result.metrics.get(f"{scale}:{name}") for scale in ("model", "original")]
        table.add_row(name.upper(), *("" if value is None else f"{value:.5f}" for value in cells))
    console.print(table)
    for label, name in (
        ("predictions", "predictions.csv"),
        ("metrics", "metrics.json"),
        ("plot", "predicted-actual.png"),
    ):
        console.print(f"{label:<12}{folder / name}")
