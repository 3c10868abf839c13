"""One model's answers to the test rows, judged: its figures, and its predictions in the unit that people know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kickstand.config.model import TargetTransform
from kickstand.errors import KickstandError, Problem
from promotion.gates.metric_names import reported_metrics
from promotion.review.model.stores import UnsoundModelError
from training.prediction.metrics import REGRESSION, Vector, figures, original_units, require_figure


@dataclass(frozen=True, slots=True)
class TestLabels:
    """What the rows truly are. values: as in the CSV. transform: what was done to them before."""

    __test__ = False  # not a test of pytest's

    values: Vector
    transform: TargetTransform

    def __len__(self) -> int:
        return len(self.values)

    def of(self, rows: NDArray[np.bool_]) -> TestLabels:
        return TestLabels(self.values[rows], self.transform)


@dataclass(frozen=True, slots=True)
class Judged:
    """One model on the test rows.

    answers: what it gave. predicted: one number a row: a value in original units, a probability, or a class.
    metrics: lower is better; `model:` ones are missing where its labels were transformed in another way.
    """

    objective: str
    transform: TargetTransform
    answers: NDArray[np.float64]
    predicted: Vector
    metrics: Mapping[str, float]

    @property
    def regression(self) -> bool:
        return self.objective.startswith(REGRESSION)

    def on(self, labels: TestLabels, rows: NDArray[np.bool_]) -> Mapping[str, float]:
        """The metrics on some of the rows. labels: of all."""
        return _figures(self.objective, self.transform, labels.of(rows), self.answers[rows])


def judged(
    answers: NDArray[np.float64], labels: TestLabels, *, objective: str, transform: TargetTransform, where: str
) -> Judged:
    """Judge a model's answers.

    objective, transform: of the model, which may have been trained on labels that were transformed in another way.
    where: the model, for messages. Raises InputError for an objective without a figure, KickstandError where an
    answer is no finite number or a label is of a class that the model does not know.
    """
    require_figure(objective)
    if len(answers) != len(labels):
        raise KickstandError(Problem(f"The model gave {len(answers):,} answers to {len(labels):,} rows.", where))
    if not len(labels):
        raise KickstandError(Problem("The test channel has no rows.", where))
    regression = objective.startswith(REGRESSION)
    with np.errstate(over="ignore"):
        predicted = original_units(answers, transform) if regression else answers
    finite = np.isfinite(predicted if predicted.ndim == 1 else predicted.sum(axis=1))
    if not finite.all():
        message = f"The model's answers to {int((~finite).sum()):,} of {len(finite):,} test rows are no finite numbers."
        raise UnsoundModelError(Problem(message, where, "It has not learned; do not serve it."))
    if answers.ndim == 2:
        if labels.values.max() >= answers.shape[1]:
            message = f"A test row is of class {labels.values.max():g}; the model knows {answers.shape[1]} classes."
            raise KickstandError(Problem(message, where))
        predicted = answers.argmax(axis=1).astype(np.float64)
    return Judged(objective, transform, answers, predicted, _figures(objective, transform, labels, answers))


def _figures(
    objective: str, transform: TargetTransform, labels: TestLabels, answers: NDArray[np.float64]
) -> Mapping[str, float]:
    actual = labels.values
    if labels.transform != transform:
        actual = original_units(actual, labels.transform)
        actual = np.log1p(actual) if transform == "log1p" else actual
    told, _ = figures(objective, actual, answers, transform)
    if not objective.startswith(REGRESSION):
        return told
    # Without a transform both scales are one; with another transform the model's own compares with nothing.
    scales = ("original:",) if labels.transform != transform or transform == "none" else ("original:", "model:")
    return {name: value for name, value in told.items() if name.startswith(scales)}


def main_metric(wanted: str | None, one: Judged) -> str:
    """The metric that models are compared by: the one of the gates, else the objective's own."""
    if wanted in one.metrics:
        return str(wanted)
    if one.transform == "log1p" and "original:rmsle" in one.metrics:
        return "original:rmsle"
    return next(name for name in reported_metrics(one.objective) if name in one.metrics)
