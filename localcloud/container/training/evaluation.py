"""The metrics that the container computes itself: accuracy, F1, precision, recall, MSE, R², and RMSE and MAE as well.

Source: the container's `metrics/custom_metrics.py`, which calls scikit-learn's functions of those names. No row's
weight counts, and errors are added up in float32, the type of labels and predictions. From image 3.x on the container
takes a prediction above 0 for class 1, although xgboost hands it probabilities: here a probability is taken for a yes
above 0.5, a margin above 0, and a number of a class for that class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]

NOT_BINARY = (
    "Target is multiclass but average='binary'. Please choose another average setting, one of "
    "[None, 'micro', 'macro', 'weighted']."
)


def container_metrics(names: Sequence[str], objective: str) -> Callable[[Any, Any], list[tuple[str, float]]] | None:
    """The function for `xgboost.train(custom_metric=…)` that gives these metrics; None where there are none.

    names: metrics in the order asked for, which is that of the log; those of xgboost alone are passed over.
    The function raises ValueError, in scikit-learn's words, for predictions that are no finite numbers.
    """
    own = [name for name in dict.fromkeys(names) if is_container_metric(name)]
    if not own:
        return None

    def measured(predictions: Any, matrix: Any) -> list[tuple[str, float]]:
        labels, predicted = matrix.get_label(), np.asarray(predictions)
        return [
            (
                name,
                _OF_CLASSES[name](labels, predicted, objective)
                if name in _OF_CLASSES
                else _error(name, labels, predicted),
            )
            for name in own
        ]

    return measured


def is_container_metric(name: str) -> bool:
    return name in _OF_CLASSES or name in _OF_NUMBERS


def xgboost_metrics(names: Sequence[str]) -> list[str]:
    """Those of the metrics that are left to xgboost; where there is none, it logs the objective's default metric.

    The container takes its own metrics out of the list, and xgboost knows nothing of them: `mae` alone brings the
    default metric along, and `rmse` of an objective whose default it is is computed twice, of which the log shows the
    container's. (Beside one of its own the container puts the others in no order, that of a Python set of texts; here
    they stand in the order asked for.)
    """
    left = [name for name in names if not is_container_metric(name)]
    return left if len(left) == len(names) else list(dict.fromkeys(left))


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
    """How often each class was right, predicted, and meant. classes: those that occur, sorted."""

    def __init__(self, labels: Floats, predicted: Floats) -> None:
        self.classes, places = np.unique(np.concatenate([labels, predicted]), return_inverse=True)
        meant_at, predicted_at = places[: len(labels)], places[len(labels) :]
        size = len(self.classes)
        self.right: Counts = np.bincount(meant_at[meant_at == predicted_at], minlength=size)
        self.meant: Counts = np.bincount(meant_at, minlength=size)
        self.predicted: Counts = np.bincount(predicted_at, minlength=size)

    def binary(self) -> _One:
        """The counts of class 1. Raises ValueError, in scikit-learn's words, for more than two classes."""
        if len(self.classes) > 2:
            raise ValueError(NOT_BINARY)
        here = self.classes == 1
        return _One(*(int(counts[here].sum()) for counts in (self.right, self.meant, self.predicted)))

    def each(self) -> list[_One]:
        counts = zip(self.right.tolist(), self.meant.tolist(), self.predicted.tolist(), strict=True)
        return [_One(*one) for one in counts]

    def together(self) -> _One:
        return _One(int(self.right.sum()), int(self.meant.sum()), int(self.predicted.sum()))


class _One:
    """The counts of one class; a share of nothing is 0, as in scikit-learn."""

    def __init__(self, right: int, meant: int, predicted: int) -> None:
        self.precision = right / predicted if predicted else 0.0
        self.recall = right / meant if meant else 0.0
        self.f1 = 2 * right / (meant + predicted) if meant + predicted else 0.0
        self.meant = meant


def _of_classes(figure: Callable[[_Confusion], float]) -> Callable[[Singles, npt.NDArray[Any], str], float]:
    def measured(labels: Singles, predictions: npt.NDArray[Any], objective: str) -> float:
        if not len(labels):
            return 0.0
        return figure(_Confusion(labels.astype(np.float64), classes_of(predictions, objective)))

    return measured


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _error(name: str, labels: Singles, predictions: Singles) -> float:
    if predictions.ndim > 1:
        raise ValueError(f"y_true and y_pred have different number of output (1!={predictions.shape[1]})")
    if np.isnan(predictions).any():
        raise ValueError("Input contains NaN.")
    if np.isinf(predictions).any():
        raise ValueError("Input contains infinity or a value too large for dtype('float32').")
    with np.errstate(over="ignore", invalid="ignore"):
        return float(_OF_NUMBERS[name](labels, predictions))


def _determination(labels: Singles, predictions: Singles) -> float:
    if len(labels) < 2:
        return float("nan")
    left = np.sum((labels - predictions) ** 2)
    total = np.sum((labels - np.mean(labels)) ** 2)
    if total == 0.0:
        return 1.0 if left == 0.0 else 0.0
    return float(1 - left / total)


_OF_CLASSES: Mapping[str, Callable[[Singles, npt.NDArray[Any], str], float]] = {
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
}
_OF_NUMBERS: Mapping[str, Callable[[Singles, Singles], Any]] = {
    "mae": lambda labels, predictions: np.mean(np.abs(predictions - labels)),
    "mse": lambda labels, predictions: np.mean((labels - predictions) ** 2),
    "r2": _determination,
    "rmse": lambda labels, predictions: np.sqrt(np.mean((labels - predictions) ** 2)),
}
