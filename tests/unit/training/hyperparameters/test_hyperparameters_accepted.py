"""What the check accepts, the program trains: any values of any hyperparameters, the ends of every range among them."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np
import pytest
import xgboost
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from localcloud.container.training.boosting import boost
from localcloud.container.training.training_data import TrainingData
from training.hyperparameters.check import check_hyperparameters, container_error, parse_hyperparameters
from training.hyperparameters.table import ALIASES, METRICS, OBJECTIVES, TABLE
from training.hyperparameters.values import Choice, Integer, Real

ROWS = 24
_DRAWN = np.random.default_rng(5)
FEATURES = _DRAWN.random((ROWS, 4))
SHARES = _DRAWN.random(ROWS) * 0.8 + 0.1
_SLOW = {"num_round": 3, "num_parallel_tree": 3, "nthread": 2, "num_class": 9, "max_depth": 40, "max_bin": 1000}
"""What a test of a second can wait for; the very ends have a test of their own."""
_THRESHOLDS = st.sampled_from(
    ["error@0.3", "error@0.5", "error@.50", "error@-1e3", "ndcg@2", "ndcg@0", "map@3", "map@x"]
)


def _texts(name: str) -> st.SearchStrategy[str]:
    rule = TABLE[ALIASES.get(name, name)]
    if isinstance(rule, Choice):
        return st.sampled_from(rule.options)
    if isinstance(rule, Integer):
        low = int(rule.range.low or 0)
        return st.integers(low, min(low + 5, _SLOW.get(rule.name, 10**9))).map(str)
    if isinstance(rule, Real):
        ends = [0.0, 1e-300, 1e-40, 1.2e-38, 0.5, 1.0, 1.00000001, 1.5, 1.9999999, 2.0, 3.4e38, 3.5e38, 1e300]
        return st.sampled_from(ends).map(repr) | st.floats(0, 2).map(repr)
    if name == "eval_metric":
        return st.lists(st.sampled_from(METRICS) | _THRESHOLDS, min_size=1, max_size=3).map(",".join)
    if name == "_tuning_objective_metric":
        return st.sampled_from(METRICS).map("validation:{}".format)
    if name == "monotone_constraints":
        return st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=4).map(lambda signs: f"{(*signs,)}")
    if name == "updater":
        return st.lists(st.sampled_from(rule.options), min_size=1, max_size=2).map(",".join)  # type: ignore[attr-defined]
    return st.just("[[1,2]]")


_NAMES = sorted(set(TABLE) - {"objective", "num_round", "num_class"})
_SETTINGS = st.lists(st.sampled_from(_NAMES), unique=True, max_size=5).flatmap(
    lambda names: st.fixed_dictionaries({name: _texts(name) for name in names})
)


def _data(objective: str, classes: int) -> TrainingData:
    """Labels that the objective takes: what is wrong with labels is no matter of hyperparameters."""
    whole = np.arange(ROWS) % (classes if objective.startswith("multi:") else 2)
    with_shares = objective.startswith(("reg:", "survival:"))
    matrix = xgboost.DMatrix(FEATURES, SHARES if with_shares else whole, nthread=1)
    return TrainingData(matrix, matrix)


def _train(values: dict[str, str]) -> xgboost.Booster:
    parsed: dict[str, Any] = {"nthread": 1, **parse_hyperparameters(values), "verbosity": 0}
    data = _data(str(parsed.get("objective", "")), int(parsed.get("num_class", 2)))
    with np.errstate(all="ignore"), mock.patch("signal.signal"):
        return boost(parsed, data, logs_rounds=False)


@pytest.mark.contract("T26", "T29")
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.sampled_from(["", *OBJECTIVES]), st.integers(2, 4), _SETTINGS)
@example("binary:logistic", 2, {"eval_metric": "error@0.5", "early_stopping_rounds": "1"})
@example("reg:tweedie", 2, {"tweedie_variance_power": "1.9999999"})
@example("rank:ndcg", 2, {"eval_metric": "ndcg@0"})
@example("", 2, {"lambda": "1e-40"})
def test_what_the_check_accepts_trains(objective: str, classes: int, chosen: dict[str, str]) -> None:
    values = {"num_round": "2", **({"objective": objective} if objective else {}), **chosen}
    if objective.startswith("multi:"):
        values["num_class"] = str(classes)
    metrics = values.get("eval_metric", "") + values.get("_tuning_objective_metric", "")
    # these ask for labels of their own: whole numbers, or none but 0 and 1
    assume(not objective.startswith(("reg:", "survival:")) or "ndcg" not in metrics)
    assume(not objective.startswith(("reg:", "survival:", "multi:")) or "map" not in metrics)
    problems = check_hyperparameters(values)
    if container_error(values):
        assert problems
    if not problems:
        assert _train(values).num_features() == 4


@pytest.mark.contract("T26")
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_depth": "2147483648"}, "max_depth is 2147483648; xgboost takes 2147483647 at most."),
        ({"nthread": "2147483648"}, "nthread is 2147483648; xgboost takes 2147483647 at most."),
        ({"lambda": "1e39"}, "lambda is 1e+39; xgboost takes 0 and 1.2e-38 to 3.4e+38."),
        ({"subsample": "1e-40"}, "subsample is 1e-40; xgboost takes 0 and 1.2e-38 to 3.4e+38."),
        (
            {"objective": "reg:tweedie", "tweedie_variance_power": "1.9999999"},
            "tweedie_variance_power is 1.9999999, which xgboost's metric takes for 2, outside (1, 2).",
        ),
        (
            {"updater": "grow_colmaker", "max_depth": "0"},
            "max_depth 0 (no limit) does not go with updater grow_colmaker.",
        ),
        (
            {"objective": "binary:logistic", "eval_metric": "error @0.3"},
            "eval_metric holds 'error @0.3': xgboost knows no metric 'error '.",
        ),
        *(
            (
                {"objective": "rank:ndcg", "eval_metric": metric},
                f"eval_metric holds '{metric}'; behind the @ a whole number from 1 on is expected.",
            )
            for metric in ("ndcg@0", "ndcg@nan", "ndcg@4294967296")
        ),
        (
            {"objective": "binary:logistic", "eval_metric": "error@0.50", "early_stopping_rounds": "1"},
            "early stopping watches 'error@0.50', which xgboost calls error: it would not be found.",
        ),
    ],
)
def test_numbers_that_xgboost_cannot_hold_are_refused_and_it_does_refuse_them(
    values: dict[str, str], message: str
) -> None:
    given_values = {"num_round": "1", **values}
    assert container_error(given_values) is None
    assert [problem.message for problem in check_hyperparameters(given_values)] == [message]
    with pytest.raises(Exception, match=r"xgboost|XGB|XGBoost|value|Check failed|Unknown|Invalid|Out of range"):
        _train(given_values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"base_score": "1e39"}, "base_score is 1e+39; xgboost takes 0 and 1.2e-38 to 3.4e+38."),
        *(
            (
                {"objective": objective, "base_score": "0"},
                f"base_score is 0; with objective {objective} every prediction would be {what}.",
            )
            for objective, what in (
                ("reg:tweedie", "no number"),
                ("survival:cox", "no number"),
                ("count:poisson", "0"),
            )
        ),
    ],
)
def test_a_base_score_that_makes_every_prediction_nothing_is_refused(values: dict[str, str], message: str) -> None:
    given_values = {"num_round": "1", **values}
    assert [problem.message for problem in check_hyperparameters(given_values)] == [message]
    predictions = _train(given_values).predict(xgboost.DMatrix(FEATURES))
    assert np.all(np.isnan(predictions) | (predictions == 0))


@pytest.mark.parametrize("metric", ["error@nan", "error@1e400"])
def test_a_threshold_that_is_no_finite_number_is_refused(metric: str) -> None:
    values = {"num_round": "1", "objective": "binary:logistic", "eval_metric": metric}
    (problem,) = check_hyperparameters(values)
    assert problem.message == f"eval_metric holds '{metric}'; behind the @ a finite number is expected."


@pytest.mark.parametrize(
    "values",
    [
        {"max_depth": "2147483647"},
        {"max_leaves": "2147483647"},
        {"lambda": "3.4028234e38"},
        {"lambda": "1.2e-38"},
        {"seed": "-2147483647"},
        {"seed": "2147483646"},
    ],
)
def test_the_ends_that_xgboost_takes_pass(values: dict[str, str]) -> None:
    assert check_hyperparameters({"num_round": "1", **values}) == []
    assert _train({"num_round": "1", **values}).num_boosted_rounds() == 1
