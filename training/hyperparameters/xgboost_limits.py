"""What the container's own check lets pass and xgboost 3.2.0 refuses, misreads, or silently ignores.

xgboost keeps whole numbers and real ones in 32 bits. Found by training with xgboost 3.2.0 on CSV-shaped data and on
every end of every range; `test_hyperparameters_xgboost.py` and `test_hyperparameters_accepted.py` in
`tests/unit/training/hyperparameters` hold each rule against the library. A job would be started, paid for and fail, so
it is refused before.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Collection, Iterator
from typing import cast

from training.hyperparameters.table import (
    CLASSIFICATION_METRICS,
    CONTAINER_METRICS,
    METRICS,
    PROCESS_UPDATERS,
    TABLE,
    Parsed,
)
from training.hyperparameters.values import Integer, Real, Violation

_LARGEST = 2**31 - 1
_SMALLEST_REAL = 1.2e-38
"""Near 2 to the power of -126 a 32-bit number begins to lose digits, and xgboost refuses it as out of range."""
_CONTAINERS_OWN = ("num_round", "csv_weights", "early_stopping_rounds", "prob_buffer_row", "_kfold", "_num_cv_round")
_DEPTH = re.compile(r"[1-9]\d*")
_LOGARITHMS = {"count:poisson": "0", "reg:tweedie": "no number", "survival:cox": "no number"}
"""Objectives that begin at the logarithm of base_score, and what they predict where it is 0."""


def number_faults(parsed: Parsed) -> Iterator[Violation]:
    """What xgboost cannot hold, and what it would hold as something else."""
    for name, value in parsed.values.items():
        rule = TABLE[name]
        if isinstance(rule, Integer) and name not in _CONTAINERS_OWN and cast("int", value) > _LARGEST:
            yield Violation(name, f"{name} is {value}; xgboost takes {_LARGEST} at most.")
        elif isinstance(rule, Real) and not _holds(cast("float", value)):
            yield Violation(name, f"{name} is {value:g}; xgboost takes 0 and {_SMALLEST_REAL} to 3.4e+38.")
    yield from _powers(parsed)
    yield from _thresholds(parsed)


def _holds(value: float) -> bool:
    try:
        struct.pack("<f", value)
    except OverflowError:
        return False
    return value == 0 or abs(value) >= _SMALLEST_REAL


def _powers(parsed: Parsed) -> Iterator[Violation]:
    objective, power = parsed.get("objective"), parsed.get("tweedie_variance_power")
    if objective == "reg:tweedie" and isinstance(power, float) and f"{power:g}" in ("1", "2"):
        message = f"tweedie_variance_power is {power!r}, which xgboost's metric takes for {power:g}, outside (1, 2)."
        yield Violation("tweedie_variance_power", message)
    if str(objective) in _LOGARITHMS and parsed.get("base_score") == 0:
        message = (
            f"base_score is 0; with objective {objective} every prediction would be {_LOGARITHMS[str(objective)]}."
        )
        yield Violation("base_score", message, "Set it above 0, or leave it out.")


def _thresholds(parsed: Parsed) -> Iterator[Violation]:
    """What stands before and behind the @ of a metric: `error@0.3`, `ndcg@5`, `map@3`."""
    metrics = cast("list[str]", parsed.get("eval_metric") or [])
    for place, metric in enumerate(metrics):
        base, at, threshold = metric.partition("@")
        if not at:
            continue
        last = place == len(metrics) - 1 and not parsed.given("_tuning_objective_metric")
        if base != base.strip():
            yield Violation("eval_metric", f"eval_metric holds {metric!r}: xgboost knows no metric {base!r}.")
        elif base in ("ndcg", "map"):
            if not _DEPTH.fullmatch(threshold) or int(threshold) > _LARGEST:
                message = f"eval_metric holds {metric!r}; behind the @ a whole number from 1 on is expected."
                yield Violation("eval_metric", message)
        else:
            yield from _error_threshold(metric, threshold.split("@")[0], watched=last and _stops_early(parsed))


def _error_threshold(metric: str, threshold: str, *, watched: bool) -> Iterator[Violation]:
    value = float(threshold)
    logged = "error" if value == 0.5 else f"error@{value:g}"
    if not math.isfinite(value):
        yield Violation("eval_metric", f"eval_metric holds {metric!r}; behind the @ a finite number is expected.")
    elif watched and metric != logged:
        message = f"early stopping watches {metric!r}, which xgboost calls {logged}: it would not be found."
        yield Violation("eval_metric", message, f"Write {logged}.")


def _stops_early(parsed: Parsed) -> bool:
    return parsed.given("early_stopping_rounds")


_MULTI = ("multi:softmax", "multi:softprob")
_CLOSEST = 1e-6
_ABOVE_0_METRICS = ("poisson-nloglik", "gamma-nloglik", "gamma-deviance")
_ABOVE_0_PREDICTED = ("count:poisson", "reg:gamma", "reg:tweedie", "reg:logistic", "binary:logistic")
"""Objectives that predict numbers above 0 alone."""
_MULTI_ONLY_METRICS = ("merror", "mlogloss")
_GONE_UPDATERS = ("distcol", "grow_skmaker")


def xgboost_faults(parsed: Parsed) -> Iterator[Violation]:
    """Combinations that end in an error of xgboost 3.2.0."""
    yield from _objective(parsed)
    yield from _metrics(parsed)
    yield from _trees(parsed)
    yield from _updaters(parsed)
    if parsed.given("interaction_constraints") and "interaction_constraints" not in parsed.broken:
        message = "interaction_constraints passes the container's check, which hands xgboost numbers for feature names."
        yield Violation("interaction_constraints", message, "Remove it; the data of a channel has no feature names.")


def without_effect(parsed: Parsed, channels: Collection[str]) -> Iterator[Violation]:
    """Settings that the container ignores without a word."""
    has_metric = parsed.given("eval_metric") or parsed.given("_tuning_objective_metric")
    if parsed.given("early_stopping_rounds"):
        if "validation" not in channels:
            message = "early_stopping_rounds needs a validation channel; without one the container ignores it."
            yield Violation("early_stopping_rounds", message, "Add validation data or remove the setting.")
        if not has_metric:
            message = "early_stopping_rounds needs a metric to watch; without one the container ignores it."
            yield Violation("early_stopping_rounds", message, "Set eval_metric, for example to rmse.")
        if parsed.get("booster") == "gblinear":
            message = "early_stopping_rounds keeps the best round's trees; booster gblinear has none."
            yield Violation("early_stopping_rounds", message, "Remove one of the two.")
    if parsed.given("_tuning_objective_metric") and "validation" not in channels:
        message = "_tuning_objective_metric is measured on the validation channel; there is none."
        yield Violation("_tuning_objective_metric", message, "Add validation data.")


def _objective(parsed: Parsed) -> Iterator[Violation]:
    objective = parsed.get("objective")
    base_score = cast("float | None", parsed.get("base_score"))
    if objective == "aft_loss_distribution":
        message = "objective aft_loss_distribution passes the container's check, but xgboost has no such objective."
        yield Violation("objective", message, "It is a setting of its own, for objective survival:aft.")
    if objective == "survival:aft":
        message = "objective survival:aft needs a lower and an upper bound for each label; a channel holds one label."
        yield Violation("objective", message, "Use survival:cox, or train with a script of your own.")
    if parsed.given("_kfold") and not parsed.given("objective"):
        message = "_kfold needs an objective beside it: without one the container fails before the first fold."
        yield Violation("_kfold", message, "Set objective, for example to reg:squarederror.")
    if parsed.given("num_class") and "objective" not in parsed.broken and objective not in _MULTI:
        found = f"objective is {objective}" if objective else "objective is not set"
        yield Violation("num_class", f"num_class goes with {' and '.join(_MULTI)} only; {found}.")
    if base_score is not None:
        # xgboost 3.2.0 keeps a probability this far from 0 and 1, where no leaf has weight; older ones fail there.
        if objective in ("reg:logistic", "binary:logistic") and not _CLOSEST < base_score < 1 - _CLOSEST:
            message = (
                f"base_score is {base_score:g}; with objective {objective} it is a probability above 0 and below 1: "
                "at the ends no round learns anything, or the job fails."
            )
            yield Violation("base_score", message, "Use a probability between 0 and 1, or leave it out.")
        if objective == "reg:gamma" and base_score == 0:
            yield Violation("base_score", "base_score is 0; with objective reg:gamma it must be greater than 0.")


def _metrics(parsed: Parsed) -> Iterator[Violation]:
    objective = parsed.get("objective")
    tuning = str(parsed.get("_tuning_objective_metric") or "").partition(":")[2]
    metrics = [("eval_metric", m) for m in cast("list[str]", parsed.get("eval_metric") or [])]
    for name, metric in [*metrics, ("_tuning_objective_metric", tuning)]:
        base = metric.partition("@")[0].strip()
        if base not in METRICS:
            continue
        if base in CONTAINER_METRICS:
            yield from _container_metric(parsed, name, base)
            continue
        if base == "tweedie-nloglik":
            yield Violation(
                name,
                "tweedie-nloglik needs its rho behind an @ in xgboost, which the container does not let pass.",
                "Remove it: it is the default metric of objective reg:tweedie.",
            )
        elif base in _of_bounds(name) and objective != "survival:aft":
            yield Violation(name, f"{base} needs label bounds, which a channel does not hold.", "Remove it.")
        elif base in _MULTI_ONLY_METRICS and objective is not None and objective not in _MULTI:
            yield Violation(name, f"{base} goes with {' and '.join(_MULTI)} only; objective is {objective}.")
        elif objective in _MULTI and base in _SINGLE_OUTPUT_METRICS:
            yield Violation(name, f"{base} does not go with objective {objective}.", "Use merror or mlogloss.")
        elif objective is not None and (fault := _other_predictions(base, str(objective))):
            yield Violation(name, *fault)


def _other_predictions(metric: str, objective: str) -> tuple[str, str] | None:
    """A metric that takes predictions for what the objective does not predict: a number comes of it, and no figure."""
    if metric in _ABOVE_0_METRICS and objective not in _ABOVE_0_PREDICTED:
        message = f"{metric} is of predictions above 0; objective {objective} predicts any number."
        return (
            message,
            f"Use rmse or mae, or an objective such as {'count:poisson' if 'poisson' in metric else 'reg:gamma'}.",
        )
    if metric == "cox-nloglik" and objective != "survival:cox":
        return f"{metric} goes with survival:cox only; objective is {objective}.", "Remove it."
    if metric == "logloss" and objective in ("binary:logitraw", "binary:hinge"):
        predicted = "margins" if objective == "binary:logitraw" else "classes"
        return (
            f"logloss is of probabilities; objective {objective} predicts {predicted}.",
            "Use auc, or binary:logistic.",
        )
    return None


def _container_metric(parsed: Parsed, name: str, metric: str) -> Iterator[Violation]:
    """What scikit-learn, with which the container computes these, would fail on in the first round."""
    objective = parsed.get("objective")
    classes = objective is None or str(objective).startswith(("binary:", "multi:"))
    if metric in CLASSIFICATION_METRICS and not classes:
        yield Violation(name, f"{metric} compares classes; objective {objective} predicts none.", "Use rmse or mae.")
    elif metric not in CLASSIFICATION_METRICS and str(objective) == "multi:softprob":
        yield Violation(name, f"{metric} does not go with objective {objective}.", "Use merror or mlogloss.")
    elif metric in _TWO_CLASSES and objective in _MULTI and cast("int", parsed.get("num_class") or 2) > 2:
        message = f"{metric} is for two classes; num_class is {parsed.get('num_class')}."
        yield Violation(name, message, f"Use {'f1' if metric == 'f1_binary' else metric}_macro.")


def _of_bounds(name: str) -> tuple[str, ...]:
    """Metrics of label bounds; of those in eval_metric the container itself refuses one."""
    bounds = ("interval-regression-accuracy",)
    return bounds if name == "eval_metric" else (*bounds, "aft-nloglik")


_TWO_CLASSES = ("f1_binary", "precision", "recall")

_SINGLE_OUTPUT_METRICS = frozenset(
    {"rmsle", "mape", "error", "logloss", "ndcg", "map"} | {"gamma-nloglik", "gamma-deviance", "poisson-nloglik"}
)
"""Metrics that compare one prediction with each label, where multi: objectives give one a class."""


def _trees(parsed: Parsed) -> Iterator[Violation]:
    if parsed.get("tree_method") == "gpu_hist":
        message = (
            "tree_method gpu_hist passes the container's check, but xgboost 3 refuses it, and image 1.7-1 wants a GPU."
        )
        yield Violation("tree_method", message, "Use hist.")
    if parsed.get("tree_method") == "exact":
        if parsed.get("max_depth") == 0:
            message = "max_depth 0 (no limit) does not go with tree_method exact."
            yield Violation("max_depth", message, "Set a limit, or tree_method to hist.")
        if cast("float", parsed.get("colsample_bynode") or 1.0) < 1:
            message = "colsample_bynode does not go with tree_method exact."
            yield Violation("colsample_bynode", message, "Use colsample_bylevel, or tree_method hist.")
        if parsed.get("sampling_method") == "gradient_based":
            message = "sampling_method gradient_based does not go with tree_method exact."
            yield Violation("sampling_method", message, "Use uniform, or tree_method hist.")
    elif "grow_colmaker" in cast("list[str]", parsed.get("updater") or []) and parsed.get("max_depth") == 0:
        message = "max_depth 0 (no limit) does not go with updater grow_colmaker."
        yield Violation("max_depth", message, "Set a limit, or the updater to grow_histmaker.")
    max_bin = parsed.get("max_bin")
    if isinstance(max_bin, int) and max_bin < 2:
        yield Violation("max_bin", f"max_bin is {max_bin}; xgboost wants at least 2.")


def _updaters(parsed: Parsed) -> Iterator[Violation]:
    updaters = cast("list[str]", parsed.get("updater") or [])
    for updater in updaters:
        if updater in _GONE_UPDATERS:
            message = f"updater {updater} passes the container's check, but xgboost no longer has it."
            yield Violation("updater", message, "Remove it, or use grow_histmaker.")
    if parsed.get("process_type") == "update":
        message = "process_type update changes the trees of an earlier model; a training job begins without one."
        yield Violation("process_type", message, "Remove it.")
    elif updaters and updaters[0] in PROCESS_UPDATERS and "process_type" not in parsed.broken:
        message = f"updater {updaters[0]} cannot come first: there are no trees for it yet."
        yield Violation("updater", message, "Put an updater that grows trees before it, such as grow_histmaker.")
