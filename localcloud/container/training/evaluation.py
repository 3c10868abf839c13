"""The metrics that the container computes and xgboost does not know: accuracy, F1, precision, recall, MSE, R².

Definitions: scikit-learn's functions of those names, which the container calls, without weights. From image 3.x on the
container takes a prediction above 0 for class 1, although xgboost hands it probabilities: here a probability is taken
for a yes above 0.5, a margin above 0, and a number of a class for that class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

NOT_BINARY = (
    "Target is multiclass but average='binary'. Please choose another average setting, one of "
    "[None, 'micro', 'macro', 'weighted']."
)


def container_metrics(names: Sequence[str], objective: str) -> Callable[[Any, Any], list[tuple[str, float]]] | None:
    """The function for `xgboost.train(custom_metric=…)` that gives these metrics; None where there are none.

    names: metrics in the order asked for; those that xgboost computes itself are passed over.
    """
    own = [name for name in dict.fromkeys(names) if name in _METRICS]
    if not own:
        return None

    def measured(predictions: Any, matrix: Any) -> list[tuple[str, float]]:
        labels = matrix.get_label().astype(np.float64)
        return [(name, _METRICS[name](labels, np.asarray(predictions), objective)) for name in own]

    return measured


def is_container_metric(name: str) -> bool:
    return name in _METRICS


def classes_of(predictions: npt.NDArray[Any], objective: str) -> Floats:
    """The class that each prediction says, as a number."""
    if predictions.ndim > 1:
        found: Floats = predictions.argmax(axis=-1).astype(np.float64)
        return found
    if objective == "multi:softmax":
        return predictions.astype(np.float64)
    threshold = 0.0 if objective == "binary:logitraw" else 0.5
    return (predictions > threshold).astype(np.float64)


class _Confusion:
    """How often each class was right, said, and meant. classes: those that occur, sorted."""

    def __init__(self, labels: Floats, said: Floats) -> None:
        self.classes, places = np.unique(np.concatenate([labels, said]), return_inverse=True)
        meant_at, said_at = places[: len(labels)], places[len(labels) :]
        size = len(self.classes)
        self.right: Counts = np.bincount(meant_at[meant_at == said_at], minlength=size)
        self.meant: Counts = np.bincount(meant_at, minlength=size)
        self.said: Counts = np.bincount(said_at, minlength=size)

    def binary(self) -> _One:
        """The counts of class 1. Raises ValueError, in scikit-learn's words, for more than two classes."""
        if len(self.classes) > 2:
            raise ValueError(NOT_BINARY)
        here = self.classes == 1
        return _One(*(int(counts[here].sum()) for counts in (self.right, self.meant, self.said)))

    def each(self) -> list[_One]:
        counts = zip(self.right.tolist(), self.meant.tolist(), self.said.tolist(), strict=True)
        return [_One(*one) for one in counts]

    def together(self) -> _One:
        return _One(int(self.right.sum()), int(self.meant.sum()), int(self.said.sum()))


class _One:
    """The counts of one class; a share of nothing is 0, as in scikit-learn."""

    def __init__(self, right: int, meant: int, said: int) -> None:
        self.precision = right / said if said else 0.0
        self.recall = right / meant if meant else 0.0
        self.f1 = 2 * right / (meant + said) if meant + said else 0.0
        self.meant = meant


def _of_classes(figure: Callable[[_Confusion], float]) -> Callable[[Floats, npt.NDArray[Any], str], float]:
    def measured(labels: Floats, predictions: npt.NDArray[Any], objective: str) -> float:
        return figure(_Confusion(labels, classes_of(predictions, objective))) if len(labels) else 0.0

    return measured


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _squares(labels: Floats, predictions: npt.NDArray[Any], objective: str) -> float:
    return float(np.mean((labels - predictions.astype(np.float64)) ** 2))


def _determination(labels: Floats, predictions: npt.NDArray[Any], objective: str) -> float:
    if len(labels) < 2:
        return float("nan")
    left = float(np.sum((labels - predictions.astype(np.float64)) ** 2))
    total = float(np.sum((labels - labels.mean()) ** 2))
    if total == 0.0:
        return 1.0 if left == 0.0 else 0.0
    return 1 - left / total


_METRICS: Mapping[str, Callable[[Floats, npt.NDArray[Any], str], float]] = {
    "accuracy": _of_classes(lambda counts: counts.together().recall),
    "balanced_accuracy": _of_classes(lambda counts: _mean([one.recall for one in counts.each() if one.meant])),
    "f1": _of_classes(lambda counts: _mean([one.f1 for one in counts.each()])),
    "f1_binary": _of_classes(lambda counts: counts.binary().f1),
    "f1_macro": _of_classes(lambda counts: _mean([one.f1 for one in counts.each()])),
    "precision": _of_classes(lambda counts: counts.binary().precision),
    "precision_macro": _of_classes(lambda counts: _mean([one.precision for one in counts.each()])),
    "precision_micro": _of_classes(lambda counts: counts.together().precision),
    "recall": _of_classes(lambda counts: counts.binary().recall),
    "recall_macro": _of_classes(lambda counts: _mean([one.recall for one in counts.each()])),
    "recall_micro": _of_classes(lambda counts: counts.together().recall),
    "mse": _squares,
    "r2": _determination,
}
