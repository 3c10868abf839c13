"""Fit at the edge: Ctrl-C, what is stopped, and what a person reads."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from job_shapes import at, described
from memory_s3 import refusal
from samples import release
from workspaces import workspace

from kickstand.console import make_console
from kickstand.errors import KickstandError
from training.job.fit import Fit
from training.job.follow_view import LiveView, PlainView, reports
from training.job.jobs import Phase, parse_job
from training.job.log import LogLine, Round
from training.model.release_maker import show_release


@dataclass
class Cloud:
    """A session whose every client is this: one job that runs, and its execution."""

    interrupt: bool = False
    execution: str = "RUNNING"
    jobs: dict[str, str] = field(default_factory=lambda: {"j": "InProgress"})
    calls: list[str] = field(default_factory=list)

    def client(self, service: str, config: object = None) -> Cloud:
        return self

    def describe_training_job(self, *, TrainingJobName: str) -> dict[str, Any]:  # noqa: N803
        if self.interrupt:
            raise KeyboardInterrupt
        if TrainingJobName not in self.jobs:
            raise refusal("ValidationException", "DescribeTrainingJob", 400, "Requested resource not found.")
        return described(TrainingJobName, self.jobs[TrainingJobName])

    def stop_training_job(self, *, TrainingJobName: str) -> dict[str, Any]:  # noqa: N803
        self.calls.append(f"stop {TrainingJobName}")
        return {}

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803
        return {"executionArn": executionArn, "status": self.execution}

    def stop_execution(self, *, executionArn: str, error: str, cause: str) -> dict[str, Any]:  # noqa: N803
        self.calls.append("stop execution")
        return {}


def fit(cloud: Cloud, told: io.StringIO | None = None) -> Fit:
    return Fit(
        workspace(cloud, options=("--local",)),
        console=make_console(told or io.StringIO()),
        sleep=lambda seconds: None,
        clock=lambda: 0.0,
    )


def test_ctrl_c_leaves_the_job_running_and_gives_the_commands() -> None:
    cloud = Cloud(interrupt=True)
    with pytest.raises(KickstandError) as told:
        fit(cloud).follow("j", show_log=False)
    (problem,) = told.value.problems
    assert "training job j goes on, and costs, until it ends" in problem.message
    assert "Follow it again: kickstand --local fit dev --follow j, or stop it: kickstand" in problem.fix
    assert problem.fix.endswith("kickstand --local fit dev --stop j")
    assert told.value.exit_code == 1
    assert cloud.calls == []


def test_stopping_ends_the_execution_before_the_job() -> None:
    cloud = Cloud(jobs={"j": "Failed", "j-r1": "InProgress"})
    assert fit(cloud).run.stop("j-r1") == ["training job j-r1", "its execution"]
    assert cloud.calls == ["stop execution", "stop j-r1"]


def test_stopping_what_has_ended_does_nothing() -> None:
    cloud = Cloud(execution="SUCCEEDED", jobs={"j": "Completed"})
    assert fit(cloud).run.stop("j") == []
    assert cloud.calls == []


@pytest.mark.parametrize(
    ("total", "shown"),
    [
        (10, list(range(10))),
        (25, [0, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 24]),
        (150, [0, 14, 29, 44, 59, 74, 89, 104, 119, 134, 149]),
    ],
)
def test_a_plain_listing_shows_about_ten_rounds(total: int, shown: list[int]) -> None:
    assert [number for number in range(total) if reports(Round(number, {}), total)] == shown


def plain(*, show_log: bool) -> str:
    told = io.StringIO()
    view = PlainView(make_console(told), show_log=show_log)
    view.attempt("j", parse_job(described("j", "InProgress")))
    view.phase(Phase("Downloading", "Downloading input data", at(0), at(2.04)))
    view.log(LogLine(0, "algo-1", "[0]#011train-rmse:1.5"))
    view.round(Round(0, {"train-rmse": 1.5, "validation-rmse": 2}))
    view.note("a [note]")
    return told.getvalue()


def test_without_a_terminal_there_are_plain_lines() -> None:
    assert plain(show_log=False).splitlines() == [
        "training job j on 1 x ml.m5.xlarge",
        "  Downloading                2.0 s  Downloading input data",
        "  round 1/10  train-rmse 1.50000  validation-rmse 2.00000",
        "  a [note]",
    ]


def test_the_folds_of_a_cross_validation_are_told_one_by_one() -> None:
    told = io.StringIO()
    view = PlainView(make_console(told), show_log=False)
    view.attempt("j", parse_job(described("j", HyperParameters={"num_round": "2", "_kfold": "3"})))
    view.round(Round(0, {"train-rmse": 1.5}))
    view.round(Round(1, {"train-rmse": 1}, fold=2))
    view.round(Round(2, {"train-rmse": 1.25}, fold=3))
    assert told.getvalue().splitlines()[1:] == [
        "  fold 1/3  round 1/2  train-rmse 1.50000",
        "  fold 3/3  round 2/2  train-rmse 1.00000",
        "  mean of the folds  train-rmse 1.25000",
    ]


def test_a_bar_goes_over_the_rounds_of_all_folds() -> None:
    from rich.progress import Progress

    console = make_console(io.StringIO())
    progress = Progress(console=console)
    view = LiveView(console, progress, show_log=False)
    view.attempt("j", parse_job(described("j", HyperParameters={"num_round": "2", "_kfold": "3"})))
    (bar,) = progress.tasks
    reached = []
    for done in (Round(0, {}), Round(1, {}, fold=1), Round(1, {}, fold=2), Round(2, {}, fold=3)):
        view.round(done)
        reached.append(bar.completed)
    assert (bar.total, reached) == (6, [1, 4, 6, 6])


def test_the_log_is_shown_on_demand() -> None:
    lines = plain(show_log=True).splitlines()
    assert "  algo-1 | [0]#011train-rmse:1.5" in lines
    assert not [line for line in lines if "round" in line]


def test_the_last_screen_says_what_and_where_and_what_next() -> None:
    told = io.StringIO()
    show_release(make_console(told), release(), Path("releases/dev.json"), next_command="kickstand deploy dev")
    assert told.getvalue().splitlines()[1:] == [
        "metrics        train:rmse 0.21000  validation:rmse 0.29000",
        f"model          SHA-256 {'ab' * 32}, 300,000 bytes",
        "job            bikes-dev-20261123-101112-abcd, 60 s billable on 1 x ml.m5.xlarge",
        "release        releases/dev.json",
        "",
        "Serve it: kickstand deploy dev",
    ]
