"""Metrics of a model's answers to labelled rows: which an objective has, the loss of each row, and what they come to.

The loss of a row is what it adds to a metric: the metric is the mean of the losses, or the root of that mean, so the
metric of any selection of rows, a slice or a resample, is one mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kickstand.config.model import TargetTransform
from kickstand.errors import InputError, KickstandError, Problem
from training.hyperparameters.table import MAXIMIZED_METRICS

Vector = NDArray[np.float64]

_REGRESSION = ("original:rmse", "original:mae", "original:rmsle", "model:rmse", "model:mae")
METRICS: Mapping[str, tuple[str, ...]] = {
    "reg": _REGRESSION,
    "count": _REGRESSION,
    "binary:logistic": ("model:logloss", "model:error"),
    "binary:hinge": ("model:error",),
    "multi:softmax": ("model:error",),
    "multi:softprob": ("model:mlogloss", "model:error"),
}
"""By objective, or by the group of it; each with its scale, original units first. All of them are better when lower."""

_ROOTS = frozenset({"rmse", "rmsle"})
_NEAREST_PROBABILITY = 1e-15


class UnsoundModelError(KickstandError):
    """A model that cannot be opened, or whose answers are no numbers that a metric can be computed from."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What rows truly are. values: as in the data. transform: what was done to them before."""

    values: Vector
    transform: TargetTransform

    def __len__(self) -> int:
        return len(self.values)

    @property
    def original(self) -> Vector:
        """The values in original units."""
        return original_units(self.values, self.transform)


@dataclass(frozen=True, slots=True)
class Answers:
    """What one model gave for rows, in their order.

    objective, transform: of the model, which may have been trained on labels that were transformed in another way.
    values: finite numbers, shape (rows,), or (rows, classes) for `multi:softprob`. where: the model, for messages.
    texts: what an endpoint wrote, with all its digits; none for a model that was run here.
    """

    objective: str
    transform: TargetTransform
    values: NDArray[np.float64]
    where: str
    texts: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    @property
    def regression(self) -> bool:
        return self.objective.startswith(("reg:", "count:"))

    @property
    def predicted(self) -> Vector:
        """One number a row: a value in original units, a probability, or a class."""
        if self.regression:
            return original_units(self.values, self.transform)
        return self.values.argmax(axis=1).astype(np.float64) if self.values.ndim == 2 else self.values


def original_units(values: Vector, transform: TargetTransform) -> Vector:
    """Undo the target transform. A value that a float cannot hold becomes infinite."""
    with np.errstate(over="ignore"):
        return np.expm1(values) if transform == "log1p" else values


def objective_of(hyperparameters: Mapping[str, str]) -> str:
    """The objective that a model is trained for; XGBoost's default where none is given."""
    return hyperparameters.get("objective", "reg:squarederror")


def reported_metrics(objective: str) -> tuple[str, ...]:
    """The metrics of an objective with their scale; none for ranking and survival."""
    return METRICS.get(objective) or METRICS.get(objective.partition(":")[0], ())


def require_figure(objective: str) -> None:
    """Raise InputError for an objective that has no metric here, before an endpoint is invoked."""
    if not reported_metrics(objective):
        raise InputError(
            Problem(
                f"There is no test-set figure for the objective {objective} here.",
                "[hyperparameters] objective",
                "Use kickstand predict and compute the figure that fits the task.",
            )
        )


def lower_is_better(metric: str) -> bool:
    """Of a metric by its name, with or without a channel, a threshold or a depth: `validation:rmse`, `ndcg@5`."""
    return metric.rpartition(":")[2].partition("@")[0] not in MAXIMIZED_METRICS


def metric_of(metric: str, losses: Vector) -> float:
    """The metric of rows whose losses are given."""
    return float(metrics_of(metric, np.asarray(losses.mean())))


def metrics_of(metric: str, means: NDArray[np.float64]) -> NDArray[np.float64]:
    """The metric of many selections of rows, from the means of their losses."""
    return np.sqrt(means) if metric.split(":")[1] in _ROOTS else means


def metrics(answers: Answers, labels: Labels) -> Mapping[str, float]:
    """The metrics of a model that its labels allow, by name.

    Those in the model's units are left out where the labels were transformed in another way, rmsle where one is
    below 0. Raises InputError for an objective without a metric, UnsoundModelError where one cannot be computed.
    """
    require_figure(answers.objective)
    _require_rows(answers, labels)
    computed = {
        name: metric_of(name, _losses(name, answers, labels))
        for name in reported_metrics(answers.objective)
        if _obstacle(name, answers, labels) is None
    }
    _require_computed(computed, answers)
    return computed


def losses(metric: str, answers: Answers, labels: Labels) -> Vector:
    """The loss of each row, for a metric with its scale: `original:rmse`.

    Raises KickstandError for a metric that the model, or the labels, do not have; UnsoundModelError where it cannot be
    computed.
    """
    _require_rows(answers, labels)
    if problem := _obstacle(metric, answers, labels):
        raise KickstandError(problem)
    row_losses = _losses(metric, answers, labels)
    _require_computed({metric: metric_of(metric, row_losses)}, answers)
    return row_losses


def _obstacle(metric: str, answers: Answers, labels: Labels) -> Problem | None:
    """Why there is no such metric of these answers to rows of these labels."""
    scale, _, name = metric.partition(":")
    if metric not in reported_metrics(answers.objective):
        message = f"The model of the objective {answers.objective} has no {metric}."
        return Problem(message, answers.where, "Compare by a metric that both have.")
    if answers.regression and scale == "model" and answers.transform != labels.transform:
        message = f"It was trained with target_transform {answers.transform}, the test labels are {labels.transform}."
        return Problem(message, answers.where, f"Compare in original units: {name}.")
    if name == "rmsle" and labels.original.min() < 0:
        return Problem("Labels below 0 have no rmsle.", "test channel", "Compare by rmse or mae.")
    return None


def _losses(metric: str, answers: Answers, labels: Labels) -> Vector:
    """Infinite, or NaN, where a float cannot hold one."""
    scale, _, name = metric.partition(":")
    with np.errstate(over="ignore", invalid="ignore"):
        if not answers.regression:
            return _class_losses(name, answers, labels.values)
        actual, predicted = labels.values, answers.values
        if scale == "original":
            actual, predicted = labels.original, answers.predicted
        if name == "mae":
            return np.asarray(np.abs(predicted - actual), dtype=np.float64)
        if name == "rmsle":
            actual, predicted = np.log1p(actual), np.log1p(np.maximum(predicted, 0))
        return np.asarray((predicted - actual) ** 2, dtype=np.float64)


def _class_losses(name: str, answers: Answers, actual: Vector) -> Vector:
    if name == "error":
        chosen = answers.predicted
        chosen = (chosen > 0.5).astype(np.float64) if answers.objective == "binary:logistic" else chosen
        return np.asarray(actual != chosen, dtype=np.float64)
    if name == "logloss":
        p = np.clip(answers.values, _NEAREST_PROBABILITY, 1 - _NEAREST_PROBABILITY)
        return np.asarray(-(actual * np.log(p) + (1 - actual) * np.log(1 - p)), dtype=np.float64)
    of_actual = answers.values[np.arange(len(actual)), actual.astype(int)]
    return np.asarray(-np.log(np.clip(of_actual, _NEAREST_PROBABILITY, 1)), dtype=np.float64)


def _require_rows(answers: Answers, labels: Labels) -> None:
    if len(answers) != len(labels):
        message = f"The model gave {len(answers):,} answers to {len(labels):,} rows."
        raise KickstandError(Problem(message, answers.where))
    if not len(labels):
        raise KickstandError(Problem("The test channel has no rows.", answers.where))
    if answers.values.ndim == 2 and labels.values.max() >= answers.values.shape[1]:
        classes = answers.values.shape[1]
        message = f"A test row is of class {labels.values.max():g}; the model knows {classes} classes."
        raise KickstandError(Problem(message, answers.where, "Train it on rows of every class."))


def _require_computed(figures: Mapping[str, float], answers: Answers) -> None:
    if odd := [name for name, value in figures.items() if not math.isfinite(value)]:
        top = f"{np.abs(answers.values).max():g}"
        message = f"{' and '.join(odd)} cannot be computed: answers reach {top}, which is beyond what a float can hold"
        fix = "The model has not learned; do not serve it."
        raise UnsoundModelError(Problem(f"{message} ({answers.transform} undone).", answers.where, fix))
