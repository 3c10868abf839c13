"""What AWS's image is known to do wrong: refused by name, here and on AWS alike, unless accepted with a reason.

A fault is accepted in the project file, where a person reads the reason:

    [known_faults]
    class-metrics = "Only shown on a dashboard; the model is chosen by logloss."

and, for a training job that comes from elsewhere, in the job's Environment, as JSON in KICKSTAND_KNOWN_FAULTS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from kickstand.errors import Problem
from kickstand.xgboost_container import (
    CHECKPOINT_RESUME,
    CLASS_METRICS,
    FAULTS,
    FOLD_CLASSES,
    MARGIN_METRICS,
    STOPPING_DIRECTION,
    has_fault,
    or_accept,
)
from training.hyperparameters.table import CLASSIFICATION_METRICS, ERROR_METRICS

_TRANSFORMED = (
    *("binary:logistic", "binary:hinge", "count:poisson", "reg:gamma", "reg:logistic", "reg:tweedie", "survival:cox"),
)
"""Objectives whose prediction is not the margin, the sum of the leaves."""


def _nowhere(name: str) -> str:
    return ""


def known_faults(
    values: Mapping[str, str],
    version: str = "3.2-0",
    *,
    checkpoints: bool = False,
    where: Callable[[str], str] = _nowhere,
    accepted: Mapping[str, str],
) -> list[Problem]:
    """The faults that this use would meet and that are not accepted, and names in `accepted` that are no faults.

    values:        hyperparameters as strings, by canonical name.
    version:       the image version.
    checkpoints:   whether the job has a CheckpointConfig.
    where:         the place of a hyperparameter by name, of `checkpoints`, of `known_faults.NAME`.
    """
    problems = [
        Problem(
            f"{name} is not a known fault of the image.", where(f"known_faults.{name}"), f"Known: {', '.join(FAULTS)}."
        )
        for name in accepted
        if name not in FAULTS
    ]
    met = {fault for fault in FAULTS if has_fault(version, fault) and fault not in accepted}
    if CLASS_METRICS in met:
        problems += _class_metrics(values, where)
    if FOLD_CLASSES in met:
        problems += _fold_classes(values, version, where)
    if MARGIN_METRICS in met:
        problems += _margin_metrics(values, version, where)
    if STOPPING_DIRECTION in met:
        problems += _stopping_direction(values, version, where)
    if checkpoints and CHECKPOINT_RESUME in met:
        message = (
            f"checkpoints do not work in image {version}: it writes xgboost-checkpoint_0.ubj and looks for "
            "xgboost-checkpoint.N, so a resumed job silently starts again."
        )
        problems.append(
            Problem(message, where("checkpoints"), or_accept("Remove the checkpoint configuration", CHECKPOINT_RESUME))
        )
    return problems


def _class_metrics(values: Mapping[str, str], where: Callable[[str], str]) -> Iterator[Problem]:
    objective = values.get("objective", "")
    if objective.startswith("binary:"):
        what, instead = "it takes every probability above 0 for a yes", "Use error, logloss, auc or aucpr"
    elif objective == "multi:softmax":
        what, instead = "it takes every class above 0 for class 1", "Use merror, or objective multi:softprob"
    else:
        return
    for name, metric in _metrics(values):
        if metric in CLASSIFICATION_METRICS:
            message = f"metric {metric} is computed wrongly for objective {objective} by image 3.x: {what}."
            yield Problem(message, where(name), or_accept(instead, CLASS_METRICS))


def _fold_classes(values: Mapping[str, str], version: str, where: Callable[[str], str]) -> Iterator[Problem]:
    what = {
        "multi:softmax": ("a class", "Use multi:softprob"),
        "binary:logitraw": ("a margin", "Use binary:logistic"),
    }.get(values.get("objective", ""))
    if what and values.get("_kfold"):
        message = (
            f"image {version} writes wrong classes of objective {values['objective']} to predictions.csv: it takes "
            f"{what[0]} above 0.5 for class 1, and any other for class 0."
        )
        yield Problem(message, where("_kfold"), or_accept(what[1], FOLD_CLASSES))


def _margin_metrics(values: Mapping[str, str], version: str, where: Callable[[str], str]) -> Iterator[Problem]:
    objective = values.get("objective", "")
    for name, metric in _metrics(values):
        if objective in _TRANSFORMED and metric in ERROR_METRICS:
            message = (
                f"metric {metric} is computed wrongly for objective {objective} by image {version}: it compares labels "
                "with margins, which are no predictions yet."
            )
            yield Problem(message, where(name), or_accept("Use a metric of xgboost's or image 3.2-0", MARGIN_METRICS))


def _stopping_direction(values: Mapping[str, str], version: str, where: Callable[[str], str]) -> Iterator[Problem]:
    watched = values.get("eval_metric", "").rpartition(",")[2].strip()
    if not values.get("early_stopping_rounds") or values.get("_tuning_objective_metric"):
        return
    if watched.startswith(("map@", "ndcg@")):
        base = watched.partition("@")[0]
        message = (
            f"early stopping watches {watched}, of which image {version} takes less for better: it keeps the round "
            f"that is worst, because only {base} without a number is in its list of metrics of which more is better."
        )
        yield Problem(message, where("eval_metric"), or_accept(f"Name {base} last", STOPPING_DIRECTION))


def _metrics(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Every metric that is asked for, and the hyperparameter that does."""
    for metric in values.get("eval_metric", "").split(","):
        yield "eval_metric", metric.strip()
    yield "_tuning_objective_metric", values.get("_tuning_objective_metric", "").partition(":")[2]
