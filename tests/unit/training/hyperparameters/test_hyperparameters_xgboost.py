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


@pytest.mark.parametrize("objective", ["binary:logistic", "reg:logistic"])
@pytest.mark.parametrize("base_score", ["0", "1", "1e-9", "0.999999999"])
def test_a_probability_at_its_edge_learns_nothing_and_is_refused(objective: str, base_score: str) -> None:
    values = {"objective": objective, "base_score": base_score}
    (problem,) = check_hyperparameters({"num_round": "5", **values})
    assert problem.message == (
        f"base_score is {float(base_score):g}; with objective {objective} it is a probability above 0 and below 1: at "
        "the ends no round learns anything, or the job fails."
    )
    figures: dict[str, Any] = {}
    data = xgboost.DMatrix(FEATURES, LABELS["binary"])
    xgboost.train({"verbosity": 0, **values}, data, 5, evals=[(data, "t")], evals_result=figures, verbose_eval=False)
    (logged,) = figures["t"].values()
    assert len(set(logged)) == 1
    assert check_hyperparameters({"num_round": "5", "objective": objective, "base_score": "0.001"}) == []


@pytest.mark.parametrize(
    ("objective", "metric"),
    [
        ("reg:squarederror", "gamma-deviance"),
        ("reg:absoluteerror", "cox-nloglik"),
    ],
)
def test_a_metric_of_other_predictions_is_nan_and_refused(objective: str, metric: str) -> None:
    values = {"objective": objective, "eval_metric": metric}
    (problem,) = check_hyperparameters({"num_round": "5", **values})
    assert problem.message.startswith(f"{metric} ")
    figures: dict[str, Any] = {}
    data = xgboost.DMatrix(FEATURES, LABELS["positive"] - 0.6)
    xgboost.train({"verbosity": 0, **values}, data, 5, evals=[(data, "t")], evals_result=figures, verbose_eval=False)
    assert np.isnan(figures["t"][metric][-1])


@pytest.mark.parametrize(
    ("objective", "metric", "message"),
    [
        (
            "reg:squarederror",
            "poisson-nloglik",
            "poisson-nloglik is of predictions above 0; objective reg:squarederror predicts any number.",
        ),
        (
            "rank:ndcg",
            "gamma-nloglik",
            "gamma-nloglik is of predictions above 0; objective rank:ndcg predicts any number.",
        ),
        ("count:poisson", "cox-nloglik", "cox-nloglik goes with survival:cox only; objective is count:poisson."),
        ("binary:logitraw", "logloss", "logloss is of probabilities; objective binary:logitraw predicts margins."),
        ("binary:hinge", "logloss", "logloss is of probabilities; objective binary:hinge predicts classes."),
    ],
)
def test_each_metric_that_does_not_fit_is_refused_by_name(objective: str, metric: str, message: str) -> None:
    (problem,) = check_hyperparameters({"num_round": "5", "objective": objective, "eval_metric": metric})
    assert problem.message == message


@pytest.mark.contract("T57")
def test_kfold_needs_an_objective() -> None:
    values = {"num_round": "2", "_kfold": "2"}
    (problem,) = check_hyperparameters(values)
    assert (
        problem.message == "_kfold needs an objective beside it: without one the container fails before the first fold."
    )
    assert container_error(values) is None  # its hyperparameter check lets it pass
    assert check_hyperparameters({**values, "objective": "reg:squarederror"}) == []
