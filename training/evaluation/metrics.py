"""How good predictions are: the metrics that `evaluate` reports, as functions of labels and predictions.

Beside them their names by objective, by which models can be compared, and which way each is better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kickstand.config.model import TargetTransform
from kickstand.errors import InputError, KickstandError, Problem
from training.hyperparameters.table import MAXIMIZED_METRICS

Vector = NDArray[np.float64]

REGRESSION = ("reg:", "count:")
_CLASSES = frozenset({"binary:logistic", "binary:hinge", "multi:softmax", "multi:softprob"})


def rmse(actual: Vector, predicted: Vector) -> float:
    """Root mean squared error, in the unit of the values."""
    return float(np.sqrt(np.mean((predicted - actual) ** 2)))


def mae(actual: Vector, predicted: Vector) -> float:
    """Mean absolute error, in the unit of the values."""
    return float(np.mean(np.abs(predicted - actual)))


def rmsle(actual: Vector, predicted: Vector) -> float | None:
    """Root mean squared logarithmic error; predictions below 0 count as 0. None where a label is below 0."""
    if actual.min() < 0:
        return None
    return rmse(np.log1p(actual), np.log1p(np.maximum(predicted, 0)))


def error_rate(actual: Vector, predicted: Vector) -> float:
    """The share of rows whose class is not the predicted one."""
    return float(np.mean(actual != predicted))


def log_loss(actual: Vector, probability: Vector) -> float:
    """Mean negative log likelihood of binary labels; probabilities are kept 1e-15 away from 0 and 1."""
    p = np.clip(probability, 1e-15, 1 - 1e-15)
    return float(-np.mean(actual * np.log(p) + (1 - actual) * np.log(1 - p)))


def original_units(values: Vector, transform: TargetTransform) -> Vector:
    """Undo the target transform."""
    return np.expm1(values) if transform == "log1p" else values


def evaluation(
    objective: str, actual: Vector, answers: list[str], transform: TargetTransform
) -> tuple[Mapping[str, float], Vector]:
    """The metrics of an objective, and the predictions as one number a row.

    actual: labels as in the CSV. answers: the endpoint's csv rows. Regression metrics come in the
    model's units (`model:rmse`) and in the original ones (`original:rmse`, `original:rmsle`, …).
    Raises InputError for an objective that has no test-set figure here (ranking, survival).
    """
    require_figure(objective)
    given = answer_numbers(answers, several=objective == "multi:softprob")
    if given.ndim == 2 and len(actual) and actual.max() >= given.shape[1]:
        message = f"A test row is of class {actual.max():g}; the endpoint answers for {given.shape[1]} classes."
        raise KickstandError(Problem(message, "test channel", "Train it on rows of every class."))
    return figures(objective, actual, given, transform)


def answer_numbers(answers: Sequence[str], *, several: bool) -> NDArray[np.float64]:
    """The endpoint's csv rows as numbers: shape (rows,), or (rows, numbers a row) for `several`.

    Raises KickstandError for an answer that is no finite number, or of another count of numbers than the first.
    """
    rows = [text.split(",") for text in answers]
    width = len(rows[0]) if several and rows else 1
    table = np.empty((len(rows), width))
    for number, cells in enumerate(rows):
        try:
            table[number] = [float(cell) for cell in cells] if len(cells) == width else math.nan
        except ValueError:
            table[number] = math.nan
    odd = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if len(odd):
        wanted = "a finite number" if width == 1 else f"{width} finite numbers"
        first = answers[odd[0]]
        shown = first if len(first) <= 60 else f"{first[:60]}…"
        message = (
            f"{len(odd):,} of {len(rows):,} answers are not {wanted}: the first is {shown!r}, of row {odd[0] + 1:,}."
        )
        raise KickstandError(Problem(message, "the endpoint's answers", "The model has not learned; do not serve it."))
    return table if several else table[:, 0]


def figures(
    objective: str, actual: Vector, answers: NDArray[np.float64], transform: TargetTransform
) -> tuple[Mapping[str, float], Vector]:
    """`evaluation` of answers that are numbers: shape (rows,), or (rows, classes) for `multi:softprob`.

    Raises KickstandError where a figure is beyond a 64-bit float, as the squares of answers like 1e200 are.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        told, predicted = _figures(objective, actual, answers, transform)
    if odd := [name for name, value in told.items() if not math.isfinite(value)]:
        top = f"{np.abs(answers).max():g}"
        message = f"{' and '.join(odd)} cannot be computed: answers reach {top}, which is beyond what a float can hold"
        fix = "The model has not learned; do not serve it."
        raise KickstandError(Problem(f"{message} ({transform} undone).", "the model's answers", fix))
    return told, predicted


def _figures(
    objective: str, actual: Vector, answers: NDArray[np.float64], transform: TargetTransform
) -> tuple[dict[str, float], Vector]:
    if objective.startswith(REGRESSION):
        return _regression(actual, answers, transform), answers
    if objective == "binary:logistic":
        told = {
            "model:logloss": log_loss(actual, answers),
            "model:error": error_rate(actual, (answers > 0.5).astype(np.float64)),
        }
        return told, answers
    if objective in ("binary:hinge", "multi:softmax"):
        return {"model:error": error_rate(actual, answers)}, answers
    if objective == "multi:softprob":
        predicted = answers.argmax(axis=1).astype(np.float64)
        chosen = np.clip(answers[np.arange(len(actual)), actual.astype(int)], 1e-15, 1)
        return {
            "model:mlogloss": float(-np.mean(np.log(chosen))),
            "model:error": error_rate(actual, predicted),
        }, predicted
    raise InputError(_no_figure(objective))


def require_figure(objective: str) -> None:
    """Raise InputError for an objective that `evaluation` has no figure for, before anything is asked."""
    if not objective.startswith(REGRESSION) and objective not in _CLASSES:
        raise InputError(_no_figure(objective))


def _no_figure(objective: str) -> Problem:
    return Problem(
        f"There is no test-set figure for the objective {objective} here.",
        "[hyperparameters] objective",
        "Use kickstand predict and compute the figure that fits the task.",
    )


def _regression(actual: Vector, predicted: Vector, transform: TargetTransform) -> dict[str, float]:
    told = {"model:rmse": rmse(actual, predicted), "model:mae": mae(actual, predicted)}
    truth, guess = original_units(actual, transform), original_units(predicted, transform)
    told |= {"original:rmse": rmse(truth, guess), "original:mae": mae(truth, guess)}
    logarithmic = rmsle(truth, guess)
    if logarithmic is not None:
        told["original:rmsle"] = logarithmic
    return told


_REGRESSION_METRICS = ("original:rmse", "original:mae", "original:rmsle", "model:rmse", "model:mae")
_CLASS_METRICS = {
    "binary:logistic": ("model:logloss", "model:error"),
    "binary:hinge": ("model:error",),
    "multi:softmax": ("model:error",),
    "multi:softprob": ("model:mlogloss", "model:error"),
}


def reported_metrics(objective: str) -> tuple[str, ...]:
    """The metrics of an objective with their scale, original units first; none for ranking and survival."""
    if objective.startswith(("reg:", "count:")):
        return _REGRESSION_METRICS
    return _CLASS_METRICS.get(objective, ())


def lower_is_better(metric: str) -> bool:
    """Of a metric by its name, with or without a channel, a threshold or a depth: `validation:rmse`, `ndcg@5`."""
    return metric.rpartition(":")[2].partition("@")[0] not in MAXIMIZED_METRICS
