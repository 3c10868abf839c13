"""The hyperparameters of SageMaker's built-in XGBoost: names, types, ranges.

Source: the container's `algorithm_mode/hyperparameter_validation.py` (aws/sagemaker-xgboost-container, 3.2-0)
and https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost_hyperparameters.html. There are no defaults
here: the container has none, xgboost's own apply.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from training.hyperparameters.lists import CommaList, Metrics, NestedList, SignTuple, TuningMetric
from training.hyperparameters.values import Choice, Hyperparameter, Integer, Interval, Real

MAXIMIZED_METRICS = (
    "accuracy",
    "auc",
    "aucpr",
    "balanced_accuracy",
    "f1",
    "f1_binary",
    "f1_macro",
    "map",
    "ndcg",
    "precision",
    "r2",
    "recall",
    "precision_macro",
    "precision_micro",
    "recall_macro",
    "recall_micro",
)
"""In the container's order, which its messages show."""
MINIMIZED_METRICS = (
    "aft-nloglik",
    "cox-nloglik",
    "error",
    "gamma-deviance",
    "gamma-nloglik",
    "interval-regression-accuracy",
    "logloss",
    "mae",
    "mape",
    "merror",
    "mlogloss",
    "mphe",
    "mse",
    "poisson-nloglik",
    "rmse",
    "rmsle",
    "tweedie-nloglik",
)
METRICS = MAXIMIZED_METRICS + MINIMIZED_METRICS

CLASSIFICATION_METRICS = frozenset(
    {"accuracy", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "precision", "precision_macro"}
    | {"precision_micro", "recall", "recall_macro", "recall_micro"}
)
"""Metrics that the container computes from class labels; xgboost itself does not know them."""

ERROR_METRICS = frozenset({"mae", "mse", "r2", "rmse"})
"""Metrics that the container computes from labels and predictions, although xgboost knows two of them as well."""

CONTAINER_METRICS = CLASSIFICATION_METRICS | ERROR_METRICS
"""Every metric that the container computes itself (its `metrics/custom_metrics.py`), and never xgboost."""

OBJECTIVES = (
    "aft_loss_distribution",
    "binary:logistic",
    "binary:logitraw",
    "binary:hinge",
    "count:poisson",
    "multi:softmax",
    "multi:softprob",
    "rank:pairwise",
    "rank:ndcg",
    "rank:map",
    "reg:linear",
    "reg:squarederror",
    "reg:logistic",
    "reg:gamma",
    "reg:pseudohubererror",
    "reg:squaredlogerror",
    "reg:absoluteerror",
    "reg:tweedie",
    "survival:aft",
    "survival:cox",
)

TREE_GROWERS = ("grow_colmaker", "distcol", "grow_histmaker")
"""Updaters that build trees: at most one of them."""
TREE_UPDATERS = (*TREE_GROWERS, "grow_skmaker", "sync", "refresh", "prune")
LINEAR_UPDATERS = ("shotgun", "coord_descent")
PROCESS_UPDATERS = ("refresh", "prune")
"""The only ones that go with `process_type = update`."""

_YES_NO = ("true", "false")
_FLAG = Interval(0, 1)
_UNIT = Interval(0, 1)
_SHARE = Interval(0, 1, low_open=True)
_AT_LEAST_0 = Interval(0)
_AT_LEAST_1 = Interval(1)

_RULES: tuple[Hyperparameter, ...] = (
    Integer("num_round", _AT_LEAST_1, required=True),
    Integer("csv_weights", _FLAG),
    Integer("early_stopping_rounds", _AT_LEAST_1),
    Choice("booster", ("gbtree", "gblinear", "dart")),
    Integer("verbosity", Interval(0, 3)),
    Integer("nthread", _AT_LEAST_1),
    Real("eta", _UNIT),
    Real("gamma", _AT_LEAST_0),
    Integer("max_depth", _AT_LEAST_0),
    Real("min_child_weight", _AT_LEAST_0),
    Real("max_delta_step", _AT_LEAST_0),
    Real("subsample", _SHARE),
    Real("colsample_bytree", _SHARE),
    Real("colsample_bylevel", _SHARE),
    Real("colsample_bynode", _SHARE),
    Real("lambda", _AT_LEAST_0),
    Real("alpha", _AT_LEAST_0),
    Choice("tree_method", ("auto", "exact", "approx", "hist", "gpu_hist")),
    Real("sketch_eps", Interval(0, 1, low_open=True, high_open=True)),
    Real("scale_pos_weight", Interval(0, low_open=True)),
    CommaList("updater", TREE_UPDATERS + LINEAR_UPDATERS),
    Choice("dsplit", ("row", "col")),
    Integer("refresh_leaf", _FLAG),
    Choice("process_type", ("default", "update")),
    Choice("grow_policy", ("depthwise", "lossguide")),
    Integer("max_leaves", _AT_LEAST_0),
    Integer("max_bin", _AT_LEAST_0),
    Choice("predictor", ("auto", "cpu_predictor", "gpu_predictor")),
    SignTuple("monotone_constraints"),
    NestedList("interaction_constraints", _AT_LEAST_1),
    Choice("sample_type", ("uniform", "weighted")),
    Choice("normalize_type", ("tree", "forest")),
    Real("rate_drop", _UNIT),
    Integer("one_drop", _FLAG),
    Real("skip_drop", _UNIT),
    Real("lambda_bias", _UNIT),
    Real("tweedie_variance_power", Interval(1, 2, low_open=True, high_open=True)),
    Choice("objective", OBJECTIVES),
    Integer("num_class", Interval(2)),
    Real("base_score", _AT_LEAST_0),
    Integer("_kfold", Interval(2)),
    Integer("_num_cv_round", _AT_LEAST_1),
    TuningMetric("_tuning_objective_metric", METRICS),
    Metrics("eval_metric", METRICS),
    Integer("seed", Interval(-(2**31), 2**31 - 1, low_open=True, high_open=True)),
    Integer("num_parallel_tree", _AT_LEAST_1),
    Choice("save_model_on_termination", _YES_NO),
    Choice("aft_loss_distribution", ("normal", "logistic", "extreme")),
    Real("aft_loss_distribution_scale", _AT_LEAST_0),
    Choice("deterministic_histogram", _YES_NO),
    Choice("sampling_method", ("uniform", "gradient_based")),
    Integer("prob_buffer_row", Interval(1.0, low_open=True)),
    Choice("use_dask_gpu_training", _YES_NO),
)

TABLE: Mapping[str, Hyperparameter] = {rule.name: rule for rule in _RULES}

ALIASES: Mapping[str, str] = {
    "learning_rate": "eta",
    "min_split_loss": "gamma",
    "reg_lambda": "lambda",
    "reg_alpha": "alpha",
}
"""Second names that the container accepts, and the names that they stand for."""

FOREIGN_NAMES: Mapping[str, str] = {
    "n_estimators": "num_round",
    "num_boost_round": "num_round",
    "iterations": "num_round",
    "random_state": "seed",
    "n_jobs": "nthread",
    "num_threads": "nthread",
    "num_leaves": "max_leaves",
    "k_fold": "_kfold",
    "metric": "eval_metric",
}
"""What the same thing is called in xgboost's Python API, scikit-learn or LightGBM: for suggestions only."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """Values by canonical name, and the names that were given but could not be used.

    A rule between two hyperparameters says nothing where one of them is already reported as wrong.
    """

    values: Mapping[str, object]
    broken: frozenset[str]

    def get(self, name: str) -> object:
        return self.values.get(name)

    def given(self, name: str) -> bool:
        return name in self.values or name in self.broken


def requested_metrics(hyperparameters: Mapping[str, str]) -> tuple[str, ...]:
    """The metrics that a job is to log beside its objective's own: of eval_metric, and the one of a tuning job.

    hyperparameters: as SageMaker has them: text, in quotes where a client wrote it so.
    """
    metrics = [metric.strip() for metric in hyperparameters.get("eval_metric", "").strip('" ').split(",")]
    return tuple(metric for metric in dict.fromkeys([*metrics, _tuned(hyperparameters)]) if metric)


def stopping_metric(hyperparameters: Mapping[str, str]) -> str | None:
    """The metric that early stopping watches on the validation channel; None without early stopping.

    The tuning job's, else the last of eval_metric (the container's `algorithm_mode/train_utils.py`).
    """
    if "early_stopping_rounds" not in hyperparameters:
        return None
    last = hyperparameters.get("eval_metric", "").strip('" ').rpartition(",")[2].strip()
    return _tuned(hyperparameters) or last or None


def _tuned(hyperparameters: Mapping[str, str]) -> str:
    return hyperparameters.get("_tuning_objective_metric", "").strip('" ').partition(":")[2]
