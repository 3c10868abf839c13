"""A release has the figures of the model that it releases. The oracle: numpy, on the saved model's own predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from gate_context import gate_context
from job_shapes import channel, described
from samples import release

from kickstand.config.promotion import Gates
from kickstand.release.view import differences, release_lines
from localcloud.container.training.boosting import boost
from localcloud.container.training.training_data import TrainingData
from promotion.gates import release_checks
from review.model.comparison import metric_pairs
from training.hyperparameters.check import parse_hyperparameters
from training.job.jobs import JobDescription, parse_job
from training.job.log import LogLine, Round, parse_round, runs_of
from training.model.figures import Figures, released_figures, rounds_of_models, stopping_problems

Rows = tuple[np.ndarray, np.ndarray]


def noisy(rows: int, seed: int, *, classes: bool = False) -> Rows:
    random = np.random.default_rng(seed)
    features = random.random((rows, 4), dtype="float32")
    label = features[:, 0] * 4 + random.normal(0, 1, rows)
    return features, (label > 2).astype("float32") if classes else label.astype("float32")


def trained(
    values: dict[str, str], train: Rows, validation: Rows, capsys: pytest.CaptureFixture[str]
) -> tuple[xgboost.Booster, JobDescription, tuple[LogLine, ...]]:
    """A model as it is saved, its job as AWS describes it (of each metric the last value), and the job's log."""
    data = TrainingData(xgboost.DMatrix(*train), xgboost.DMatrix(*validation))
    model = boost(parse_hyperparameters(values), data)
    lines = tuple(LogLine(time, "algo-1", text) for time, text in enumerate(capsys.readouterr().out.splitlines()))
    final: dict[str, float] = {}
    for line in lines:
        done = parse_round(line.text)
        final |= {name: value for name, value in (done.metrics.items() if done else ()) if np.isfinite(value)}
    metrics = [{"MetricName": name.replace("-", ":", 1), "Value": value} for name, value in final.items()]
    channels = [channel("train", "s3://b/t/"), channel("validation", "s3://b/v/")]
    job = described(HyperParameters=values, FinalMetricDataList=metrics, InputDataConfig=channels)
    return xgboost.Booster(model_file=bytearray(model.save_raw("ubj"))), parse_job(job), lines


def rmse(model: xgboost.Booster, rows: Rows) -> float:
    return float(np.sqrt(np.mean((model.predict(xgboost.DMatrix(rows[0])) - rows[1]) ** 2)))


def logloss(model: xgboost.Booster, rows: Rows) -> float:
    given = model.predict(xgboost.DMatrix(rows[0])).astype("float64")
    return float(-np.mean(rows[1] * np.log(given) + (1 - rows[1]) * np.log(1 - given)))


STOPPING = {"num_round": "300", "max_depth": "6", "eta": "0.9", "early_stopping_rounds": "10"}


@pytest.mark.parametrize(
    "values",
    [
        {"eval_metric": "rmse"},
        {"eval_metric": "rmse", "num_parallel_tree": "3", "subsample": "0.5"},
        {"eval_metric": "r2,rmse"},
        {"eval_metric": "rmse,r2"},  # of the container's own metrics, more is better
        {"eval_metric": "rmse", "_tuning_objective_metric": "validation:mae"},
        {"eval_metric": "rmse", "booster": "dart"},
    ],
    ids=lambda values: ",".join(values.values()),
)
def test_early_stopping_releases_the_figures_of_the_model_that_was_cut(
    values: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    train, validation = noisy(160, 1), noisy(60, 2)
    model, job, lines = trained({**STOPPING, "objective": "reg:squarederror", **values}, train, validation, capsys)
    runs = runs_of(lines, job)
    assert model.num_boosted_rounds() == len(runs[0]) - 10  # the log goes on
    figures = released_figures(job, [model.num_boosted_rounds()], runs)
    assert figures.warnings == ()
    assert figures.metrics["train:rmse"] == pytest.approx(rmse(model, train), abs=6e-6)
    assert figures.metrics["validation:rmse"] == pytest.approx(rmse(model, validation), abs=6e-6)
    assert abs(job.metrics["train:rmse"] - rmse(model, train)) > 1e-4  # SageMaker's own are another model's


def test_a_metric_with_a_threshold_is_in_the_release(capsys: pytest.CaptureFixture[str]) -> None:
    """SageMaker's metric definitions do not match its name."""
    train, validation = noisy(160, 1, classes=True), noisy(60, 2, classes=True)
    values = {"num_round": "4", "objective": "binary:logistic", "eval_metric": "error@0.7,logloss"}
    model, job, lines = trained(values, train, validation, capsys)
    given = model.predict(xgboost.DMatrix(validation[0])) > 0.7
    figures = released_figures(job, [4], runs_of(lines, job))
    assert figures.metrics["validation:error@0.7"] == pytest.approx(float(np.mean(given != validation[1])), abs=6e-6)
    assert figures.metrics["train:logloss"] == pytest.approx(logloss(model, train), abs=6e-6)


def test_show_diff_the_gate_and_the_review_have_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, validation = noisy(160, 1), noisy(60, 2)
    values = {**STOPPING, "objective": "reg:squarederror", "eval_metric": "rmse"}
    model, job, lines = trained(values, train, validation, capsys)
    rounds = model.num_boosted_rounds()
    figures = released_figures(job, [rounds], runs_of(lines, job))
    before = release(metrics={"train:rmse": 9.0, "validation:rmse": 9.0})
    made = release(metrics=figures.metrics, artifact=before.artifact.model_copy(update={"rounds": (rounds,)}))
    own, last = rmse(model, validation), job.metrics["validation:rmse"]
    assert last > own + 0.001
    (shown,) = [
        line.split()[1] for line in release_lines(made, "releases/dev.json") if line.startswith("  validation:rmse ")
    ]
    (change,) = [one for one in differences(before, made) if one.field == "metrics.validation:rmse"]
    (pair,) = [one for one in metric_pairs(made, before, None, None) if one.name == "validation:rmse"]
    assert [float(shown), change.after, pair.released] == pytest.approx([own] * 3, abs=6e-6)
    limit = Gates(metrics=(f"validation:rmse <= {own + 0.0001:.6f}",))  # which the job's last round does not hold
    assert release_checks.evaluate_metrics(gate_context(tmp_path, gates=limit, released=made)).passed


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_metric_that_is_no_number_is_left_out_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    train, (features, label) = noisy(160, 1, classes=True), noisy(60, 2, classes=True)
    values = {"num_round": "4", "objective": "binary:logistic", "eval_metric": "auc"}
    _, job, lines = trained(values, train, (features, label * 0 + 1), capsys)
    figures = released_figures(job, [4], runs_of(lines, job))
    assert set(figures.metrics) == {"train:auc"}
    assert figures.warnings == ("validation:auc is nan in round 4, the last of the model: it is left out.",)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_early_stopping_on_nan_is_found_in_the_log_and_on_a_number_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    train, (features, label) = noisy(160, 1, classes=True), noisy(60, 2, classes=True)
    values = {**STOPPING, "objective": "binary:logistic", "eval_metric": "logloss,auc", "early_stopping_rounds": "3"}
    model, job, lines = trained(values, train, (features, label * 0 + 1), capsys)
    (problem,) = stopping_problems(job, [model.num_boosted_rounds()], runs_of(lines, job))
    assert problem.message == (
        "Early stopping watched validation:auc, which is nan in 4 of 4 rounds: nothing could be compared, and the "
        "model is cut to round 1."
    )
    model, job, lines = trained(values, train, (features, label), capsys)
    assert stopping_problems(job, [model.num_boosted_rounds()], runs_of(lines, job)) == []


def test_rounds_that_early_stopping_could_not_compare_are_named() -> None:
    given = parse_job(described(HyperParameters={**STOPPING, "eval_metric": "auc", "early_stopping_rounds": "2"}))
    values = (0.5, 0.75, float("nan"), float("nan"))
    rounds = tuple(Round(number, {"validation-auc": value}) for number, value in enumerate(values))
    assert stopping_problems(given, [2], [rounds]) == []
    assert released_figures(given, [2], [rounds]) == Figures(
        {"validation:auc": 0.75},
        (
            "Early stopping watched validation:auc, which is nan in 2 of the 2 rounds behind the model's last: they "
            "were not compared.",
        ),
    )


def job(models: int = 1, **values: str) -> JobDescription:
    values = {"num_round": "4", "eval_metric": "rmse", **({"_kfold": str(models)} if models > 1 else {}), **values}
    final = [{"MetricName": "train:rmse", "Value": 1.0}, {"MetricName": "mine", "Value": 7.0}]
    channels = [channel("train", "s3://b/t/")]
    return parse_job(described(HyperParameters=values, FinalMetricDataList=final, InputDataConfig=channels))


def run(*values: float) -> tuple[Round, ...]:
    return tuple(Round(number, {"train-rmse": value}) for number, value in enumerate(values))


STOPS: dict[str, Any] = {"early_stopping_rounds": "2"}
LEFT_OUT = "The figures of the released model (mine, train:rmse) are not known and left out: "


@pytest.mark.parametrize(
    ("given", "rounds", "runs", "expected"),
    [
        # Of every round: SageMaker's values, and those of a metric that the job defines.
        (job(), [4], [run(4, 3, 2, 1)], Figures({"train:rmse": 1.0, "mine": 7.0}, ())),
        (job(), [4], [], Figures({"train:rmse": 1.0, "mine": 7.0}, ())),
        (job(**STOPS), [4], [], Figures({"train:rmse": 1.0, "mine": 7.0}, ())),
        (job(), [4], [run(4, 3)], Figures({"train:rmse": 1.0, "mine": 7.0}, ())),  # the log is behind
        # Kept when it was stopped (save_model_on_termination): the last that was logged.
        (job(), [3], [run(4, 3, 2)], Figures({"train:rmse": 2, "mine": 7.0}, ())),
        (job(), [2], [run(4, 3, 2)], Figures({"train:rmse": 3}, ())),
        # The mean over the folds, each at its own round.
        (job(2, **STOPS), [1, 3], [run(8, 9, 9), run(4, 3, 2, 3)], Figures({"train:rmse": 5.0}, ())),
        # Not known.
        (
            job(**STOPS),
            [2],
            [],
            Figures({}, (LEFT_OUT + "it has 2 rounds of 4, and the log of its job is gone, or cannot be read.",)),
        ),
        (
            job(**STOPS),
            [3],
            [run(4)],
            Figures({}, (LEFT_OUT + "it has 3 rounds of 4, and the log of its job has 1 round.",)),
        ),
        (
            job(booster="dart", rate_drop="0.1", **STOPS),
            [2],
            [run(4, 3, 5, 6)],
            Figures(
                {},
                (
                    f"{LEFT_OUT}it has 2 rounds, and the rounds behind them, which early stopping cut off, changed the "
                    "weights of its trees (booster dart).",
                ),
            ),
        ),
        # Asked for, and nowhere.
        (
            job(eval_metric="rmse,mae"),
            [4],
            [run(4, 3, 2, 1)],
            Figures(
                {"train:rmse": 1.0, "mine": 7.0},
                ("train:mae is in no line of the job's log, although eval_metric names it: it is left out.",),
            ),
        ),
    ],
)
def test_what_is_known_of_the_released_model(
    given: JobDescription, rounds: list[int], runs: Any, expected: Any
) -> None:
    assert released_figures(given, rounds, runs) == expected


def test_rounds_that_an_older_xgboost_does_not_write_are_all_of_them() -> None:
    assert rounds_of_models(job(booster="gblinear"), [0]) == (4,)
    assert rounds_of_models(job(2, **STOPS), [1, 3]) == (1, 3)


def test_dart_that_drops_trees_is_another_model_behind_its_best_round(capsys: pytest.CaptureFixture[str]) -> None:
    """Why its figures are not known: what was logged of the round is not what the model cut to it gives."""
    values = {**STOPPING, "objective": "reg:squarederror", "booster": "dart", "rate_drop": "0.5", "eval_metric": "rmse"}
    train, validation = noisy(160, 1), noisy(60, 2)
    model, given, lines = trained({**values, "seed": "3"}, train, validation, capsys)
    (rounds,) = runs_of(lines, given)
    count = model.num_boosted_rounds()
    assert count < len(rounds)
    assert abs(rounds[count - 1].metrics["train-rmse"] - rmse(model, train)) > 1e-4
    assert released_figures(given, [count], [rounds]).metrics == {}
