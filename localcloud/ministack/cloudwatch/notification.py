"""What an alarm tells SNS, and whether the topic and its key let CloudWatch publish.

A topic whose policy was replaced, as one that admits TLS alone is, no longer lets CloudWatch publish by itself, and
CloudWatch cannot use the key `alias/aws/sns` at all: alarms then change their state and nobody is content.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from botocore.loaders import create_loader

from localcloud.cloudwatch.alarm_state import Alarm, date
from localcloud.ministack.door.core import iam_evaluator
from localcloud.ministack.door.services import sns
from localcloud.ministack.kms.keys import find_key, key_arn
from localcloud.ministack.registry import request_scope
from localcloud.sagemaker.api.call import NOT_SUPPORTED, Scope

_PRINCIPAL = "cloudwatch.amazonaws.com"
_KEY_ACTIONS = ("kms:GenerateDataKey", "kms:Decrypt")
_ACTIONS = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}
_LISTS = ("OKActions", "AlarmActions", "InsufficientDataActions")
_TRIGGER = (
    "Period",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "ComparisonOperator",
    "Threshold",
    "TreatMissingData",
    "EvaluateLowSampleCountPercentile",
)


_takers: dict[str, Callable[[Scope, str], None]] = {}


def take_actions(service: str, take: Callable[[Scope, str], None]) -> None:
    """Have the actions of alarms taken whose ARNs are of a service. take: is given the ARN."""
    _takers[service] = take


def actions_of(alarm: Mapping[str, Any]) -> list[str]:
    """What the alarm's present state does; nothing where its actions are disabled."""
    return [*(alarm.get(_ACTIONS[alarm["StateValue"]]) or ())] if alarm.get("ActionsEnabled", True) else []


def notify(scope: Scope, alarm: Alarm, old_state: str, action: str) -> str:
    """Take one action of an alarm; why it failed, empty where it did not."""
    service = action.split(":")[2]
    if service in _takers:
        _takers[service](scope, action)
        return ""
    if service != "sns":
        return f"The action {action} is {NOT_SUPPORTED}."
    topic = sns.topic_by_arn_any_scope(action)
    if topic is None:
        return f"The topic {action} does not exist."
    if problem := _problem(scope, alarm["AlarmArn"], topic):
        return problem
    subject = f'{alarm["StateValue"]}: "{alarm["AlarmName"]}" in {_region_name(scope.region)}'[:100]
    sns.fanout(action, str(uuid.uuid4()), json.dumps(message(scope, alarm, old_state)), subject)
    return ""


def message(scope: Scope, alarm: Alarm, old_state: str) -> dict[str, Any]:
    """The message to a topic."""
    content = {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription") or None,
        "AWSAccountId": scope.account,
        "AlarmConfigurationUpdatedTimestamp": date(alarm["AlarmConfigurationUpdatedTimestamp"]),
        "NewStateValue": alarm["StateValue"],
        "NewStateReason": alarm["StateReason"],
        "StateChangeTime": date(alarm["StateUpdatedTimestamp"]),
        "Region": _region_name(scope.region),
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": old_state,
        **{name: alarm.get(name) or [] for name in _LISTS},
    }
    if "AlarmRule" in alarm:
        return {**content, "AlarmRule": alarm["AlarmRule"]}
    trigger = {name: alarm.get(name, "" if name.startswith("Evaluate") else None) for name in _TRIGGER}
    if "Metrics" in alarm:
        return {**content, "Trigger": {**trigger, "Metrics": [_query(query) for query in alarm["Metrics"]]}}
    extended = alarm.get("ExtendedStatistic")
    statistic = {
        "StatisticType": "ExtendedStatistic" if extended else "Statistic",
        "ExtendedStatistic" if extended else "Statistic": extended or _capitals(alarm["Statistic"]),
    }
    own = {"MetricName": alarm["MetricName"], "Namespace": alarm["Namespace"], **statistic, "Unit": alarm.get("Unit")}
    return {**content, "Trigger": {**own, "Dimensions": _dimensions(alarm), **trigger}}


def _problem(scope: Scope, alarm: str, topic: Mapping[str, Any]) -> str:
    """Why CloudWatch may not publish to a topic; empty where it may."""
    attributes, arn = topic["attributes"], topic["arn"]
    policy = attributes.get("Policy") or ""
    owner, place = arn.split(":")[4], arn.split(":")[3]
    with request_scope(owner, place):
        asked = {"action": "sns:Publish", "resource": arn, "scope": scope, "alarm": alarm}
        if not _allows(policy, **asked):
            return f"{_PRINCIPAL} is not authorized to perform: sns:Publish on resource: {arn}"
        if key := attributes.get("KmsMasterKeyId"):
            found = find_key(key_arn(key, owner, place))
            if found is None or not all(
                _allows(found.policy, action=action, resource=found.arn, scope=scope, alarm=alarm)
                for action in _KEY_ACTIONS
            ):
                return f"{_PRINCIPAL} is not authorized to perform: kms:GenerateDataKey and kms:Decrypt with {key}"
    return ""


def _allows(policy: str, *, action: str, resource: str, scope: Scope, alarm: str) -> bool:
    """Whether a resource's policy lets CloudWatch do something for an alarm.

    The first policy of a topic admits everybody for the owner's account (AWS:SourceOwner), CloudWatch too.
    """
    requested = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=scope.region,
        secure_transport=True,
        service_context={
            "aws:sourceaccount": scope.account,
            "aws:sourceowner": scope.account,
            "aws:sourcearn": alarm,
        },
    )
    decision: str = iam_evaluator.evaluate_resource_policy.original()(policy, requested, _PRINCIPAL).decision
    return decision == "Allow"


def _query(query: Mapping[str, Any]) -> dict[str, Any]:
    if "MetricStat" not in query:
        return dict(query)
    stat = query["MetricStat"]
    metric = {**stat["Metric"], "Dimensions": _dimensions(stat["Metric"])}
    return {**query, "MetricStat": {**stat, "Metric": metric}}


def _dimensions(metric: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"value": each["Value"], "name": each["Name"]} for each in metric.get("Dimensions") or ()]


def _capitals(statistic: str) -> str:
    return "SAMPLE_COUNT" if statistic == "SampleCount" else statistic.upper()


@cache
def _region_name(region: str) -> str:
    for part in create_loader().load_data("endpoints")["partitions"]:
        if region in part["regions"]:
            return str(part["regions"][region]["description"])
    return region
