"""What the labels of a channel, taken together, cannot give: a model, a metric, a ranking.

Each label alone may be right (`objectives`), and all of them alike leave nothing to learn or to measure. What xgboost
makes of it depends on its version: `tests/unit/training/data/checks/test_channel_labels.py` trains on such labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from kickstand.errors import Problem
from kickstand.xgboost_container import kind_of
from training.data.files import ChannelReport
from training.hyperparameters.table import requested_metrics, stopping_metric

_WITH_INTERCEPT = ("3.0-5", "3.2-0")
"""Images whose xgboost takes a base_score that is not set from the labels of train."""
_OF_VALUES = frozenset({"rmse", "mse", "mae", "mape", "rmsle", "mphe", "r2", "logloss", "error"})
"""Metrics that compare a prediction with its label on the label's own scale."""
_OF_SHARES = ("logloss", "error", "aucpr")
_QUERIES = ("map", "ndcg")


@dataclass(frozen=True, slots=True)
class _Labels:
    """The labels of a channel, or of two together."""

    channel: str
    rows: int
    low: float
    high: float
    grouped: bool

    @property
    def alike(self) -> bool:
        return self.low == self.high

    def all_are(self) -> str:
        """`all 240 labels of train are 1`."""
        return f"all {self.rows:,} labels of {self.channel} are {self.low:g}"


def label_problems(
    values: Mapping[str, str],
    channels: Mapping[str, ChannelReport],
    *,
    version: str,
    where: Callable[[str], str] = lambda setting: "",
) -> list[Problem]:
    """What ends in a failed job, in a model of nan, or in early stopping that compares nothing.

    values: hyperparameters as strings. version: of the image. where: the place of a setting by its dotted name.
    """
    found = _labels(channels)
    objective, problems = values.get("objective", ""), []
    train = _together(found) if "_kfold" in values else found.get("train")
    if train is not None and (fault := _untrainable(train, objective, version, with_base="base_score" in values)):
        fix = "Train on labels that differ"
        if fault.intercept:
            fix += ", or set base_score"
        problems.append(Problem(fault.message, where("hyperparameters.objective"), f"{fix}."))
    for metric in dict.fromkeys(metric.partition("@")[0] for metric in requested_metrics(values)):
        if outside := _outside(metric, objective, list(found.values())):
            setting = "eval_metric" if metric in values.get("eval_metric", "") else "_tuning_objective_metric"
            problems.append(Problem(outside, where(f"hyperparameters.{setting}"), "Use rmse or mae."))
    watched, validation = stopping_metric(values), found.get("validation")
    if watched and validation is not None and (why := _unmeasurable(watched, validation)):
        message = f"Early stopping watches {watched}, which {why}: no round is better than the first, which it keeps."
        fix = "Watch another metric, use validation rows of both kinds, or remove early_stopping_rounds."
        problems.append(Problem(message, where("hyperparameters.early_stopping_rounds"), fix))
    return problems


def label_warnings(values: Mapping[str, str], channels: Mapping[str, ChannelReport], content_type: str) -> list[str]:
    """What SageMaker trains and measures, and its user may not have meant; a line each."""
    objective, found = values.get("objective", ""), _labels(channels)
    return [
        *(
            f"{labels.all_are()}: a model learns nothing but that number."
            for labels in found.values()
            if labels.channel == "train" and labels.alike and labels.rows > 1
        ),
        *(
            f"metric {metric} {why}: the figure says nothing of the model."
            for metric in requested_metrics(values)
            for labels in found.values()
            if (why := _unmeasurable(metric, labels))
        ),
        *_ungrouped(values, objective, [labels for labels in found.values() if not labels.grouped], content_type),
        *_other_scale(values, objective),
    ]


@dataclass(frozen=True, slots=True)
class _Fault:
    message: str
    intercept: bool = False
    """Whether it comes of the base_score that xgboost takes from the labels."""


def _untrainable(train: _Labels, objective: str, version: str, *, with_base: bool) -> _Fault | None:
    if objective == "survival:cox" and train.high <= 0:
        message = f"objective survival:cox takes a label of 0 or less for no event, and no row of {train.channel} "
        return _Fault(f"{message}({train.rows:,} rows) has one: the loss is nan, and nothing is learnt.")
    if with_base or not train.alike:
        return None
    if objective in ("binary:logistic", "reg:logistic") and train.low in (0, 1) and version == "3.0-5":
        message = f"{train.all_are()}: image 3.0-5 takes base_score from them, which must be above 0 and below 1 with "
        return _Fault(f"{message}objective {objective}, and the job fails.", intercept=True)
    if objective == "reg:tweedie" and train.low == 0 and version in _WITH_INTERCEPT:
        message = f"{train.all_are()}: image {version} takes base_score from them, of which objective {objective} "
        return _Fault(f"{message}makes nan, in every prediction.", intercept=True)
    return None


def _outside(metric: str, objective: str, channels: list[_Labels]) -> str:
    """What a metric takes, and the labels that are something else; empty where they fit, or the objective sees to it.

    xgboost computes on: a log loss below 0, a share of errors by the size of the label, an infinite logarithm.
    """
    if metric in _OF_SHARES and not objective.startswith(("binary:", "multi:")):
        takes, wrong = "labels from 0 to 1", [labels for labels in channels if labels.low < 0 or labels.high > 1]
    elif metric == "rmsle":
        takes, wrong = "labels above -1", [labels for labels in channels if labels.low <= -1]
    else:
        return ""
    if not wrong:
        return ""
    ranges = ", ".join(f"those of {labels.channel} go from {labels.low:g} to {labels.high:g}" for labels in wrong)
    return f"metric {metric} takes {takes}; {ranges}."


def _unmeasurable(metric: str, labels: _Labels) -> str:
    """Why a metric has no figure, or always the same one, on these labels; empty where it has one."""
    base = metric.partition("@")[0]
    if base == "cox-nloglik" and labels.high <= 0:
        return f"is nan on {labels.channel}, where none of {labels.rows:,} rows has an event (a label above 0)"
    if not labels.alike:
        return ""
    if base in ("auc", "aucpr"):
        return f"is nan where {labels.all_are()}"
    if base in _QUERIES:
        return f"is 1 in every round where {labels.all_are()}"
    if base == "r2":
        return f"is {'nan' if labels.rows == 1 else 0} in every round where {labels.all_are()}"
    return ""


def _ungrouped(values: Mapping[str, str], objective: str, channels: list[_Labels], content_type: str) -> Iterator[str]:
    """Ranking without queries: xgboost takes all rows of a channel for one."""
    ranked = [f"metric {metric}" for metric in requested_metrics(values) if metric.partition("@")[0] in _QUERIES]
    if objective.startswith("rank:"):
        ranked = [f"objective {objective}"]
    if not ranked or not channels:
        return
    kind = kind_of(content_type)
    none = "no row has a qid" if kind == "libsvm" else f"{kind} has no queries (libsvm has: qid)"
    counts = " and ".join(f"all {labels.rows:,} rows of {labels.channel}" for labels in channels)
    each = "are one query" if len(channels) == 1 else "are one query each"
    yield f"{' and '.join(ranked)} ranks rows within their query, and {none}: {counts} {each}."


def _other_scale(values: Mapping[str, str], objective: str) -> Iterator[str]:
    """Metrics that compare labels with what is no estimate of a label."""
    if not objective.startswith("rank:") and objective != "survival:cox":
        return
    metrics = [metric for metric in requested_metrics(values) if metric.partition("@")[0] in _OF_VALUES]
    if metrics:
        what = "scores for an order" if objective.startswith("rank:") else "hazard ratios"
        names = f"metric{'' if len(metrics) == 1 else 's'} {' and '.join(metrics)}"
        yield f"objective {objective} predicts {what}, no labels: {names} of them says nothing of the model."


def _labels(channels: Mapping[str, ChannelReport]) -> dict[str, _Labels]:
    """Of the channels that a job reads and that have rows whose labels are numbers."""
    return {
        name: _Labels(name, report.rows, report.label_min, report.label_max, report.grouped)
        for name, report in channels.items()
        if name in ("train", "validation") and report.rows and math.isfinite(report.label_min + report.label_max)
    }


def _together(found: Mapping[str, _Labels]) -> _Labels | None:
    """The rows that a cross-validation divides anew."""
    if not found:
        return None
    every = tuple(found.values())
    low, high = min(labels.low for labels in every), max(labels.high for labels in every)
    rows, grouped = sum(labels.rows for labels in every), all(labels.grouped for labels in every)
    return _Labels(" and ".join(found), rows, low, high, grouped)
