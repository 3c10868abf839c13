"""What each test row adds to a metric: the values whose mean (and its root) is the metric.

So a metric of any selection of rows, a slice or a resample, is one mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kickstand.config.model import TargetTransform
from kickstand.errors import KickstandError, Problem
from promotion.gates.judged_rows import TestRows
from promotion.gates.metric_names import reported_metrics
from training.prediction.metrics import Vector, original_units

_ROOTS = frozenset({"rmse", "rmsle"})
_NEAREST_PROBABILITY = 1e-15


@dataclass(frozen=True, slots=True)
class Answered:
    """The answers of one model to the test rows: texts as the endpoint gave them, and how they are to be read."""

    texts: tuple[str, ...]
    objective: str
    transform: TargetTransform


def figure(metric: str, losses: NDArray[np.float64]) -> float:
    """The metric of rows whose losses are given."""
    return float(figures(metric, np.asarray(losses.mean())))


def figures(metric: str, means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metrics of many selections of rows from the means of their losses."""
    return np.sqrt(means) if metric.split(":")[1] in _ROOTS else means


def row_losses(
    metric: str, answered: Answered, rows: TestRows, labels_transform: TargetTransform, *, where: str
) -> Vector:
    """The loss of each row.

    metric: a reported one, `original:rmse`. labels_transform: what was done to the labels of the rows; the model's
    own transform may be another, and then original units alone compare. where: the model, for messages.
    Raises KickstandError for an answer that is no finite number, by its row, and for a metric that the model's
    objective does not have.
    """
    if metric not in reported_metrics(answered.objective):
        message = f"The model of the objective {answered.objective} has no {metric}."
        raise KickstandError(Problem(message, where, "Compare by a metric that both have."))
    if metric.startswith("model:") and answered.transform != labels_transform:
        message = f"It was trained with target_transform {answered.transform}, the test labels are {labels_transform}."
        raise KickstandError(Problem(message, where, f"Compare in original units: {metric.split(':')[1]}."))
    table = _numbers(answered, rows, where)
    name = metric.split(":")[1]
    if answered.objective.startswith(("reg:", "count:")):
        return _regression(metric, name, table, answered, rows, labels_transform, where)
    actual, predicted = rows.labels, table[:, 0]
    if name == "error":
        return np.asarray(actual != _class_of(answered.objective, table), dtype=np.float64)
    if name == "logloss":
        p = np.clip(predicted, _NEAREST_PROBABILITY, 1 - _NEAREST_PROBABILITY)
        return np.asarray(-(actual * np.log(p) + (1 - actual) * np.log(1 - p)), dtype=np.float64)
    chosen = table[np.arange(len(actual)), actual.astype(int)]
    return np.asarray(-np.log(np.clip(chosen, _NEAREST_PROBABILITY, 1)), dtype=np.float64)


def _class_of(objective: str, table: NDArray[np.float64]) -> Vector:
    if objective == "multi:softprob":
        return np.asarray(table.argmax(axis=1), dtype=np.float64)
    chances = table[:, 0]
    return np.asarray(chances > 0.5, dtype=np.float64) if objective == "binary:logistic" else chances


def _regression(
    metric: str,
    name: str,
    table: NDArray[np.float64],
    answered: Answered,
    rows: TestRows,
    labels_transform: TargetTransform,
    where: str,
) -> Vector:
    actual, predicted = rows.labels, table[:, 0]
    if metric.startswith("original:"):
        actual = original_units(actual, labels_transform)
        with np.errstate(over="ignore"):
            predicted = original_units(predicted, answered.transform)
        _require_finite(predicted[:, None], answered, rows, where, " in original units")
    if name == "mae":
        return np.asarray(np.abs(predicted - actual), dtype=np.float64)
    if name == "rmsle":
        if actual.min() < 0:
            raise KickstandError(Problem("Labels below 0 have no rmsle.", rows.source, "Compare by rmse or mae."))
        actual, predicted = np.log1p(actual), np.log1p(np.maximum(predicted, 0))
    with np.errstate(over="ignore"):
        squares = np.asarray((predicted - actual) ** 2, dtype=np.float64)
    _require_finite(squares[:, None], answered, rows, where, " once squared")
    return squares


def _numbers(answered: Answered, rows: TestRows, where: str) -> NDArray[np.float64]:
    try:
        table = np.array([text.split(",") for text in answered.texts], dtype=np.float64)
    except ValueError as error:
        raise KickstandError(Problem(f"Expected numbers from the endpoint: {error}.", where)) from error
    _require_finite(table, answered, rows, where, "")
    return table


def _require_finite(table: NDArray[np.float64], answered: Answered, rows: TestRows, where: str, units: str) -> None:
    bad = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if len(bad):
        first = int(bad[0])
        more = f", and {len(bad) - 1:,} more" if len(bad) > 1 else ""
        message = f"The answer to the row {rows.place(first)} is {answered.texts[first]}, not finite{units}{more}."
        raise KickstandError(Problem(message, where, "The model has not learned; do not promote it."))
