"""What objectives demand of labels, held against xgboost's own checks."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost

from training.data.checks.objectives import column_rules, label_columns

FEATURES = np.arange(8.0).reshape(4, 2)


def refused_here(labels: list[float], **hyperparameters: str) -> bool:
    rules = column_rules(hyperparameters)
    by_array = any(rule.broken(np.array(labels)).any() for rule in rules)
    assert by_array == any(rule.breaks(label) for rule in rules for label in labels)
    return by_array


def refused_by_xgboost(labels: list[float], **hyperparameters: str) -> bool:
    data = xgboost.DMatrix(FEATURES, np.array(labels))
    try:
        xgboost.train({"verbosity": 0, **hyperparameters}, data, 1, evals=[(data, "train")], verbose_eval=False)
    except xgboost.core.XGBoostError:
        return True
    return False


@pytest.mark.parametrize(
    ("objective", "more", "good", "bad"),
    [
        ("binary:logistic", {}, [0, 1, 1, 0], [0, 1, 2, 0]),
        ("multi:softmax", {"num_class": "3"}, [0, 1, 2, 0], [0, 1, 3, 0]),
        ("multi:softprob", {"num_class": "3"}, [0, 1, 2, 0], [0, 1, -1, 0]),
        ("multi:softmax", {"num_class": "3"}, [2, 1, 2, 0], [0, 1.5, 1, 0]),
        ("count:poisson", {}, [0, 0.5, 3, 9], [0, 1, -1, 0]),
        ("reg:gamma", {}, [0.1, 0.5, 3, 9], [0, 1, 2, 3]),
        ("reg:tweedie", {}, [0, 0.5, 3, 9], [0, 1, -1, 0]),
        ("reg:logistic", {}, [0, 0.5, 1, 0], [0, 0.5, 1.1, 0]),
        ("reg:squaredlogerror", {}, [0, -0.5, 3, 9], [0, 1, -1, 0]),
        ("rank:ndcg", {}, [0, 1, 31, 2], [0, 1, 2.5, 0]),
        ("rank:map", {}, [0, 1, 1, 0], [0, 1, 2, 0]),
    ],
)
def test_the_rules_are_xgboosts(objective: str, more: dict[str, str], good: list[float], bad: list[float]) -> None:
    values = {"objective": objective, **more}
    assert not refused_here(good, **values)
    assert not refused_by_xgboost(good, **values)
    assert refused_here(bad, **values)
    assert refused_by_xgboost(bad, **values)


def test_a_share_of_a_label_of_0_is_infinite_and_refused() -> None:
    assert not refused_here([-1, 0.5, 3, 9], objective="reg:squarederror", eval_metric="mape")
    assert refused_here([0, 1, 2, 3], objective="reg:squarederror", eval_metric="rmse,mape")
    assert refused_here([0, 1, 2, 3], objective="reg:squarederror", _tuning_objective_metric="validation:mape")
    figures: dict[str, dict[str, list[float]]] = {}
    data = xgboost.DMatrix(FEATURES, np.array([0, 1, 2, 3]))
    values = {"eval_metric": "mape", "verbosity": 0}
    xgboost.train(values, data, 1, evals=[(data, "t")], evals_result=figures, verbose_eval=False)
    assert np.isinf(figures["t"]["mape"]).all()


@pytest.mark.parametrize(("metric", "bad"), [("ndcg", [0, 1, 2.5, 0]), ("map@2", [0, 1, 2, 0])])
def test_metrics_demand_labels_too(metric: str, bad: list[float]) -> None:
    values = {"objective": "reg:squarederror", "eval_metric": metric}
    assert refused_here(bad, **values)
    assert refused_by_xgboost(bad, **values)


def test_hinge_takes_no_shares_though_xgboost_would() -> None:
    assert refused_here([0, 0.5, 1, 1], objective="binary:hinge")


def test_missing_values_break_no_rule() -> None:
    (rule,) = column_rules({"objective": "binary:logistic"})
    assert rule.broken(np.array([np.nan, 0.0, 2.0])).tolist() == [False, False, True]


def test_a_weight_column_comes_before_the_features() -> None:
    assert label_columns({}) == 1
    assert label_columns({"csv_weights": "0"}) == 1
    assert label_columns({"csv_weights": "1"}) == 2
