"""Rules beyond the container's: each combination is tried on xgboost 3.2.0 itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xgboost

from training.hyperparameters.check import check_hyperparameters, container_error, parse_hyperparameters

ROWS = 24
_SEEDED = np.random.default_rng(0)
FEATURES = _SEEDED.random((ROWS, 4))
LABELS = {"positive": _SEEDED.random(ROWS) + 0.1, "binary": np.arange(ROWS) % 2, "classes": np.arange(ROWS) % 3}
LABEL_OF = {
    "binary:logistic": "binary",
    "reg:logistic": "binary",
    "multi:softmax": "classes",
    "multi:softprob": "classes",
}

REFUSED = [
    {"objective": "aft_loss_distribution"},
    {"objective": "survival:aft"},
    {"objective": "reg:squarederror", "num_class": "3"},
    {"num_class": "3"},
    {"objective": "binary:logistic", "base_score": "1.5"},
    {"objective": "reg:logistic", "base_score": "1.5"},
    {"objective": "reg:gamma", "base_score": "0"},
    {"objective": "reg:tweedie", "eval_metric": "tweedie-nloglik"},
    {"objective": "reg:squarederror", "eval_metric": "interval-regression-accuracy"},
    {"objective": "reg:squarederror", "eval_metric": "merror"},
    {"objective": "binary:logistic", "eval_metric": "mlogloss"},
    *(
        {"objective": "multi:softprob", "num_class": "3", "eval_metric": metric}
        for metric in ("rmse", "error", "logloss")
    ),
    *({"objective": "multi:softmax", "num_class": "3", "eval_metric": metric} for metric in ("mape", "ndcg", "map")),
    {"tree_method": "gpu_hist"},
    {"tree_method": "exact", "max_depth": "0"},
    {"tree_method": "exact", "sampling_method": "gradient_based", "subsample": "0.5"},
    {"tree_method": "exact", "colsample_bynode": "0.5"},
    {"max_bin": "1"},
    {"updater": "distcol"},
    {"updater": "grow_skmaker"},
    {"updater": "prune"},
    {"process_type": "update", "updater": "refresh"},
    {"process_type": "update"},
]
ACCEPTED = [
    {"objective": "binary:logistic", "base_score": "0.5", "eval_metric": "error@0.3,auc,aucpr,logloss"},
    {"objective": "reg:linear"},
    {"objective": "reg:gamma", "base_score": "0.5", "eval_metric": "gamma-deviance,gamma-nloglik"},
    {"objective": "reg:tweedie", "tweedie_variance_power": "1.5"},
    {"objective": "count:poisson", "eval_metric": "poisson-nloglik"},
    {"objective": "reg:absoluteerror", "eval_metric": "mape,mphe,rmsle"},
    {"objective": "survival:cox", "eval_metric": "cox-nloglik"},
    {"objective": "multi:softmax", "num_class": "3", "eval_metric": "merror,mlogloss"},
    {"objective": "multi:softprob", "num_class": "3", "eval_metric": "aucpr"},
    {"updater": "grow_histmaker,prune"},
    {"updater": "grow_colmaker,refresh"},
    {"tree_method": "exact", "colsample_bynode": "1"},
    {"tree_method": "hist", "max_depth": "0", "max_leaves": "0"},
    {"tree_method": "hist", "monotone_constraints": "(1,0,-1)"},
    {"booster": "dart", "rate_drop": "0.1", "sample_type": "weighted", "one_drop": "1"},
    {"booster": "gblinear", "updater": "coord_descent", "lambda_bias": "0.1"},
]


def train(values: dict[str, str]) -> None:
    parsed: dict[str, Any] = dict(parse_hyperparameters({"num_round": "2", **values}))
    label = LABELS[LABEL_OF.get(values.get("objective", ""), "positive")]
    data = xgboost.DMatrix(FEATURES, label)
    rounds = parsed.pop("num_round")
    with np.errstate(all="ignore"):
        xgboost.train({"verbosity": 0, **parsed}, data, rounds, evals=[(data, "train")], verbose_eval=False)


@pytest.mark.contract("T26", "T27")
@pytest.mark.parametrize("values", REFUSED, ids=str)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_xgboost_refuses_is_refused_before_the_job(values: dict[str, str]) -> None:
    given = {"num_round": "2", **values}
    assert container_error(given) is None
    assert len(check_hyperparameters(given)) >= 1
    with pytest.raises((ValueError, xgboost.core.XGBoostError)):
        train(values)


@pytest.mark.parametrize("values", ACCEPTED, ids=str)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_what_passes_here_trains(values: dict[str, str]) -> None:
    assert check_hyperparameters({"num_round": "2", **values}) == []
    train(values)


@pytest.mark.contract("T57")
def test_kfold_needs_an_objective() -> None:
    values = {"num_round": "2", "_kfold": "2"}
    (problem,) = check_hyperparameters(values)
    assert (
        problem.message == "_kfold needs an objective beside it: without one the container fails before the first fold."
    )
    assert container_error(values) is None  # its hyperparameter check lets it pass
    assert check_hyperparameters({**values, "objective": "reg:squarederror"}) == []
