"""The metrics that the container computes: figures worked out by hand, and what scikit-learn says at the edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from localcloud.container.training.evaluation import container_metrics, xgboost_metrics
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


@pytest.mark.contract("T24")
@pytest.mark.parametrize("rows", [2, 9, 127, 1000, 30_000])
def test_errors_are_added_up_in_float32_and_no_weight_counts(rows: int) -> None:
    """scikit-learn keeps the float32 of labels and predictions, which shows in the fifth decimal of large values."""
    draw = np.random.default_rng(rows)
    labels, predictions = (draw.random((2, rows)) * 1e4).astype(np.float32)
    left = labels - predictions
    expected = {
        "mae": np.abs(left).mean(dtype=np.float32),
        "mse": np.square(left).mean(dtype=np.float32),
        "rmse": np.sqrt(np.square(left).mean(dtype=np.float32)),
        "r2": 1 - np.square(left).sum() / np.square(labels - labels.mean()).sum(),
    }
    found = {name: figure(name, labels.tolist(), predictions, "count:poisson") for name in expected}
    assert found == {name: float(value) for name, value in expected.items()}


@pytest.mark.contract("T24")
@pytest.mark.parametrize("name", ["mae", "mse", "r2", "rmse"])
def test_errors_of_what_is_no_number_fail_in_scikit_learns_words(name: str) -> None:
    with pytest.raises(ValueError, match=r"^Input contains NaN\.$"):
        figure(name, [1, 2], [1, np.nan])
    with pytest.raises(ValueError, match=r"^Input contains infinity or a value too large for dtype\('float32'\)\.$"):
        figure(name, [1, 2], [1, np.inf])
    with pytest.raises(ValueError, match=r"^y_true and y_pred have different number of output \(1!=3\)$"):
        figure(name, *THREE, "multi:softprob")


@pytest.mark.contract("T24")
def test_the_containers_metrics_are_the_fifteen_of_its_table_and_the_rest_is_left_to_xgboost() -> None:
    """`CUSTOM_METRICS` of the container's metrics/custom_metrics.py."""
    table = [
        "accuracy",
        "balanced_accuracy",
        "f1",
        "f1_binary",
        "f1_macro",
        "mse",
        "rmse",
        "mae",
        "precision",
        "precision_macro",
        "precision_micro",
        "r2",
        "recall",
        "recall_macro",
        "recall_micro",
    ]
    assert sorted(table) == sorted(CONTAINER_METRICS)
    measure = container_metrics([*table, "mae", "logloss"], "binary:logistic")
    assert measure is not None
    labels, predictions = YES_AND_NO
    names = [name for name, _ in measure(np.array(predictions, dtype=np.float32), Labels(*labels))]
    assert names == table
    assert container_metrics(["rmsle", "logloss"], "reg:squarederror") is None
    assert xgboost_metrics(["rmsle", "mae", "mape", "rmsle", "rmse"]) == ["rmsle", "mape"]
    assert xgboost_metrics(["mape", "rmsle"]) == ["mape", "rmsle"]
    assert xgboost_metrics(["mae", "rmse"]) == []
