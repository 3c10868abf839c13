"""PutMetricAlarm's members, checked as CloudWatch checks them; a template's alarm has the same.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.cloudwatch.evaluation import COMPARISONS, TREATMENTS, Rule
from localcloud.cloudwatch.queries import Measure, Queries, invalid
from localcloud.cloudwatch.statistic_set import BASIC, is_percentile
from localcloud.sagemaker.api.call import NOT_SUPPORTED

_NOT_SUPPORTED = (
    "ThresholdMetricId",
    "EvaluationWindow",
    "WarmUpConfiguration",
    "EvaluationCriteria",
    "EvaluationInterval",
)
_OF_ONE_METRIC = ("Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit")
_OF_BANDS = ("LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold")
"""Comparisons of anomaly detection."""
_ACTIONS = ("OKActions", "AlarmActions", "InsufficientDataActions")
_ARN = re.compile(r"arn:[\w-]+:[\w-]+:[\w-]*:\d*:.+")
_SHORT_PERIODS = (10, 20, 30)
_DAY, _WEEK = 86400, 604800
_QUERIES = 20
"""An alarm's expressions and metrics, at most."""

Members = Mapping[str, Any]


def configuration(request: Members) -> dict[str, Any]:
    """What DescribeAlarms shows of the request. Raises ServiceError with what is wrong first."""
    _require_supported(request)
    _require_enums(request)
    if ("MetricName" in request) == ("Metrics" in request):
        raise invalid("Exactly one of MetricName and Metrics must be specified.")
    if "Threshold" not in request:
        raise invalid("The parameter Threshold must be specified.")
    if "ComparisonOperator" not in request:
        raise invalid("The parameter ComparisonOperator must be specified.")
    periods = request.get("EvaluationPeriods", 0)
    if periods < 1:
        raise invalid(
            f"1 validation error detected: Value '{periods}' at 'evaluationPeriods' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1"
        )
    if not 1 <= (needed := request.get("DatapointsToAlarm", periods)) <= periods:
        raise invalid(f"DatapointsToAlarm must be from 1 to EvaluationPeriods, which is {periods}; found {needed}.")
    period = _period_of_metrics(request) if "Metrics" in request else _period_of_metric(request)
    if period not in _SHORT_PERIODS and (period < 60 or period % 60):
        raise invalid(f"Period must be 10, 20, 30 or a multiple of 60; found {period}.")
    if period * periods > (_WEEK if period >= 3600 else _DAY):
        raise invalid("Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).")
    for name in _ACTIONS:
        _require_actions(name, request.get(name, ()))
    defaults = {"ActionsEnabled": True, "TreatMissingData": "missing", **{name: [] for name in _ACTIONS}}
    return {**defaults, **{name: value for name, value in request.items() if name != "Tags" and value is not None}}


def rule_of(alarm: Members) -> Rule:
    """What of a configuration decides about the state."""
    periods = alarm["EvaluationPeriods"]
    return Rule(
        alarm["ComparisonOperator"],
        alarm["Threshold"],
        periods,
        alarm.get("DatapointsToAlarm", periods),
        alarm.get("TreatMissingData") or "missing",
    )


def measure_of(alarm: Members) -> Measure:
    """The statistic that an alarm on one metric watches."""
    statistic = alarm.get("ExtendedStatistic") or alarm["Statistic"]
    return Measure.of(alarm, statistic, alarm["Period"], alarm.get("Unit"))


def queries_of(alarm: Members) -> tuple[Queries, str, int]:
    """The queries of an alarm on an expression, the id that it watches, and their period."""
    queries = Queries(alarm["Metrics"])
    (watched,) = (query for query in queries.queries if query.returned)
    assert watched.period is not None
    return queries, watched.id, watched.period


def _require_supported(request: Members) -> None:
    for name in _NOT_SUPPORTED:
        if name in request:
            raise invalid(f"{name} is {NOT_SUPPORTED}.")
    if (comparison := request.get("ComparisonOperator")) in _OF_BANDS:
        raise invalid(f"The ComparisonOperator {comparison} is {NOT_SUPPORTED}: it knows {', '.join(COMPARISONS)}.")


def _require_enums(request: Members) -> None:
    for name, known in (
        ("ComparisonOperator", tuple(COMPARISONS)),
        ("TreatMissingData", tuple(TREATMENTS)),
        ("Statistic", BASIC),
        ("EvaluateLowSampleCountPercentile", ("evaluate", "ignore")),
    ):
        value = request.get(name)
        if value is not None and value not in known:
            place = name[0].lower() + name[1:]
            raise invalid(
                f"1 validation error detected: Value '{value}' at '{place}' failed to satisfy constraint: "
                f"Member must satisfy enum value set: [{', '.join(known)}]"
            )


def _period_of_metric(request: Members) -> int:
    for name in ("Namespace", "Period"):
        if name not in request:
            raise invalid(f"The parameter {name} must be specified where MetricName is.")
    if ("Statistic" in request) == ("ExtendedStatistic" in request):
        raise invalid("Exactly one of Statistic and ExtendedStatistic must be specified.")
    extended = request.get("ExtendedStatistic")
    if extended is not None and not is_percentile(extended):
        raise invalid(f"The ExtendedStatistic {extended} is {NOT_SUPPORTED}: it knows p0 to p100.")
    period = int(request["Period"])
    if period in _SHORT_PERIODS or (period >= 60 and period % 60 == 0):
        measure_of(request)
    return period


def _period_of_metrics(request: Members) -> int:
    if named := [name for name in _OF_ONE_METRIC if name in request]:
        raise invalid(f"Where Metrics is specified, {', '.join(named)} cannot be.")
    metrics: Sequence[Members] = request["Metrics"]
    if not 1 <= len(metrics) <= _QUERIES:
        raise invalid(f"Expected 1 to {_QUERIES} Metrics, found {len(metrics)}.")
    queries = Queries(metrics)
    watched = [query for query in queries.queries if query.returned]
    if len(watched) != 1:
        raise invalid(f"Exactly one of Metrics must have a ReturnData of true, found {len(watched)}.")
    if watched[0].period is None:
        raise invalid(f"The expression {watched[0].id} has no metric.")
    if len({query.period for query in queries.queries} - {None}) > 1:
        raise invalid(f"Metrics of different periods in one alarm are {NOT_SUPPORTED}.")
    return watched[0].period


def _require_actions(name: str, actions: Sequence[str]) -> None:
    if len(actions) > 5:
        raise invalid(f"Expected at most 5 {name}, found {len(actions)}.")
    for action in actions:
        if not _ARN.fullmatch(action):
            raise invalid(f"Invalid arn syntax: {action}")
