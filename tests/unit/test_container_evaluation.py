"""The metrics that the container computes: figures worked out by hand, and what scikit-learn says at the edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from localcloud.container.training.evaluation import container_metrics
from training.hyperparameters.table import CONTAINER_METRICS


class Labels:
    """Stands for a matrix: labels are all that is asked of it."""

    def __init__(self, *labels: float) -> None:
        self._labels = np.array(labels, dtype=np.float32)

    def get_label(self) -> Any:
        return self._labels


def figure(name: str, labels: Sequence[float], predictions: Any, objective: str = "binary:logistic") -> float:
    measure = container_metrics([name], objective)
    assert measure is not None
    ((found, value),) = measure(np.array(predictions, dtype=np.float32), Labels(*labels))
    assert found == name
    return value


YES_AND_NO = ([1, 1, 1, 0, 0, 0, 0, 0], [0.9, 0.8, 0.4, 0.6, 0.1, 0.2, 0.3, 0.5])
"""Of three yeses two are found; one of five noes is taken for a yes (0.5 is a no)."""


@pytest.mark.contract("T24", "F3")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", 6 / 8),
        ("balanced_accuracy", (2 / 3 + 4 / 5) / 2),
        ("f1", (2 / 3 + 4 / 5) / 2),
        ("f1_binary", 2 / 3),
        ("f1_macro", (2 / 3 + 4 / 5) / 2),
        ("precision", 2 / 3),
        ("precision_macro", (2 / 3 + 4 / 5) / 2),
        ("precision_micro", 6 / 8),
        ("recall", 2 / 3),
        ("recall_macro", (2 / 3 + 4 / 5) / 2),
        ("recall_micro", 6 / 8),
    ],
)
def test_probabilities_above_one_half_are_a_yes(name: str, expected: float) -> None:
    assert figure(name, *YES_AND_NO) == pytest.approx(expected)


def test_margins_above_zero_are_a_yes() -> None:
    labels, probabilities = YES_AND_NO
    margins = np.array(probabilities) - 0.5
    assert figure("accuracy", labels, margins, "binary:logitraw") == 6 / 8


THREE = ([0, 0, 1, 1, 2, 2], [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0, 1, 0], [0, 1, 0], [0.5, 0.1, 0.4], [0, 0, 1]])
"""Said: 0 1 1 1 0 2."""


@pytest.mark.contract("T24")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", 4 / 6),
        ("balanced_accuracy", (1 / 2 + 1 + 1 / 2) / 3),
        ("f1", (1 / 2 + 4 / 5 + 2 / 3) / 3),
        ("precision_macro", (1 / 2 + 2 / 3 + 1) / 3),
        ("recall_macro", (1 / 2 + 1 + 1 / 2) / 3),
        ("recall_micro", 4 / 6),
    ],
)
def test_of_several_classes_the_most_probable_is_said(name: str, expected: float) -> None:
    assert figure(name, *THREE, "multi:softprob") == pytest.approx(expected)
    classes = [0, 1, 1, 1, 0, 2]
    assert figure(name, THREE[0], classes, "multi:softmax") == pytest.approx(expected)


@pytest.mark.parametrize("name", ["f1_binary", "precision", "recall"])
def test_metrics_of_two_classes_refuse_three(name: str) -> None:
    with pytest.raises(ValueError, match="Target is multiclass but average='binary'"):
        figure(name, *THREE, "multi:softprob")


def test_a_class_that_never_occurs_counts_nothing() -> None:
    assert figure("f1_binary", [0, 0], [0.1, 0.2]) == 0.0
    assert figure("precision", [1, 1], [0.1, 0.2]) == 0.0
    # said but never meant: macro F1 counts the class, balanced accuracy does not
    assert figure("f1", [0, 0], [0.1, 0.9]) == pytest.approx((2 / 3 + 0) / 2)
    assert figure("balanced_accuracy", [0, 0], [0.1, 0.9]) == 0.5


@pytest.mark.contract("T24")
def test_mse_and_r2() -> None:
    labels, predictions = [1, 2, 3, 4], [1, 2, 3, 6]
    assert figure("mse", labels, predictions, "reg:squarederror") == 1.0
    assert figure("r2", labels, predictions, "reg:squarederror") == pytest.approx(1 - 4 / 5)
    assert figure("r2", [2, 2], [2, 2], "reg:squarederror") == 1.0
    assert figure("r2", [2, 2], [2, 3], "reg:squarederror") == 0.0
    assert np.isnan(figure("r2", [2], [2], "reg:squarederror"))


def test_what_xgboost_computes_itself_is_left_to_it() -> None:
    assert container_metrics(["rmse", "mae"], "reg:squarederror") is None
    measure = container_metrics([*sorted(CONTAINER_METRICS), "rmse"], "binary:logistic")
    assert measure is not None
    labels, predictions = YES_AND_NO
    names = [name for name, _ in measure(np.array(predictions), Labels(*labels))]
    assert names == sorted(CONTAINER_METRICS)
