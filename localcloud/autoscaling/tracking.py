"""Target tracking: the two alarms of a policy, and how many instances its metric asks for.

The alarms are those that AWS makes, as their outputs show them: High above the target for three points in three
minutes (of the metric of concurrent requests for three points of ten seconds), Low below nine tenths of it for
fifteen in fifteen minutes. How many instances are added follows from the metric; they are removed one at a time, and
only where those that stay keep below the target: AWS says no more than that it scales in with more care.
https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.autoscaling.records import TargetId
from localcloud.sagemaker.api.call import NOT_SUPPORTED, validation_error

_LOW_SHARE = 0.9
_MINUTE, _TICK = 60, 10
_PREDEFINED = {
    "SageMakerVariantInvocationsPerInstance": ("InvocationsPerInstance", "Sum", _MINUTE),
    "SageMakerVariantConcurrentRequestsPerModelHighResolution": ("ConcurrentRequestsPerModel", "Maximum", _TICK),
}
"""Metric, statistic and the High alarm's period. The statistic of the latter AWS does not name; it lists two."""


def check_configuration(config: Mapping[str, Any]) -> None:
    """Refuse a TargetTrackingScalingPolicyConfiguration that AWS would refuse. Raises ServiceError."""
    predefined = config.get("PredefinedMetricSpecification")
    custom = config.get("CustomizedMetricSpecification")
    if (predefined is None) == (custom is None):
        raise validation_error(
            "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified."
        )
    if not config["TargetValue"] > 0:
        raise validation_error(f"TargetValue must be greater than 0, found {config['TargetValue']:g}.")
    for name in ("ScaleOutCooldown", "ScaleInCooldown"):
        if config.get(name, 0) < 0:
            raise validation_error(f"{name} must be at least 0, found {config[name]}.")
    if predefined is not None and predefined["PredefinedMetricType"] not in _PREDEFINED:
        kind = predefined["PredefinedMetricType"]
        known = ", ".join(_PREDEFINED)
        raise validation_error(f"Unsupported predefined metric type {kind} for a variant of an endpoint: {known}.")
    if custom is not None and custom.get("Metrics"):
        raise validation_error(f"CustomizedMetricSpecification.Metrics is {NOT_SUPPORTED}.")
    if custom is not None and not all(custom.get(name) for name in ("MetricName", "Namespace", "Statistic")):
        raise validation_error("A customized metric needs MetricName, Namespace and Statistic.")


def alarm_requests(target: TargetId, policy_arn: str, config: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    """PutMetricAlarm's members for the High alarm and the Low one. names: theirs."""
    metric, period = _metric(target, config)
    common = {
        **metric,
        "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy_arn}.",
        "ActionsEnabled": True,
        "AlarmActions": [policy_arn],
    }
    high, low = names
    return [
        {
            **common,
            "AlarmName": high,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": float(config["TargetValue"]),
            "Period": period,
            "EvaluationPeriods": 3,
        },
        {
            **common,
            "AlarmName": low,
            "ComparisonOperator": "LessThanThreshold",
            "Threshold": float(config["TargetValue"]) * _LOW_SHARE,
            "Period": _MINUTE,
            "EvaluationPeriods": 15,
        },
    ]


def alarm_names(target: TargetId, suffixes: Sequence[str]) -> list[str]:
    """`TargetTracking-endpoint/N/variant/V-AlarmHigh-…` and the Low alarm's."""
    return [
        f"TargetTracking-{target.resource}-{kind}-{suffix}"
        for kind, suffix in zip(("AlarmHigh", "AlarmLow"), suffixes, strict=True)
    ]


def _metric(target: TargetId, config: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    if predefined := config.get("PredefinedMetricSpecification"):
        name, statistic, period = _PREDEFINED[predefined["PredefinedMetricType"]]
        dimensions = [
            {"Name": "EndpointName", "Value": target.endpoint},
            {"Name": "VariantName", "Value": target.variant},
        ]
        found: dict[str, Any] = {"MetricName": name, "Namespace": "AWS/SageMaker", "Dimensions": dimensions}
        return {**found, "Statistic": statistic}, period
    custom = config["CustomizedMetricSpecification"]
    return {name: custom[name] for name in (*_CUSTOM, "Statistic") if custom.get(name)}, _MINUTE


_CUSTOM = ("MetricName", "Namespace", "Dimensions", "Unit")


def scaled_out(capacity: int, value: float, target: float) -> int:
    """How many instances bring a metric to its target that so many have at `value`; one more at least."""
    return max(capacity + 1, math.ceil(capacity * value / target - 1e-9))


def scaled_in(capacity: int, values: Sequence[float], target: float) -> int:
    """One instance fewer, where the highest of the values allows it; else as many."""
    needed = math.ceil(capacity * max(values) / target - 1e-9)
    return capacity - 1 if needed < capacity else capacity
