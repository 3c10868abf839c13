"""Drift of what people watch, and of what notifies them: dashboards, alarms, their topic, and the topic's key.

Compared is what the resource provider schemas let CloudFormation read; what they call write-only is not, such as a
key's rotation period. https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
A topic's policy has no reader on AWS either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.cloudwatch.alarm_state import alarm_arn
from localcloud.ministack.cloudformation.drift import Properties, as_document, compare
from localcloud.ministack.door.services import cloudwatch, kms, sns
from localcloud.ministack.registry import account_id, region
from localcloud.sagemaker.api.call import Scope

_ALARM = (
    "ActionsEnabled",
    "AlarmActions",
    "AlarmDescription",
    "AlarmName",
    "ComparisonOperator",
    "DatapointsToAlarm",
    "Dimensions",
    "EvaluateLowSampleCountPercentile",
    "EvaluationPeriods",
    "ExtendedStatistic",
    "InsufficientDataActions",
    "MetricName",
    "Metrics",
    "Namespace",
    "OKActions",
    "Period",
    "Statistic",
    "Threshold",
    "TreatMissingData",
    "Unit",
)
_TOPIC_TEXTS = ("DisplayName", "KmsMasterKeyId", "SignatureVersion", "TracingConfig")
_TOPIC_SWITCHES = ("ContentBasedDeduplication", "FifoTopic")
_KEY = ("Description", "Enabled", "KeySpec", "KeyUsage", "MultiRegion", "Origin")


def install() -> None:
    """Once, behind the readers of the other types."""
    compare("AWS::CloudWatch::Alarm", _alarm, {*_ALARM, "Tags"})
    compare("AWS::CloudWatch::Dashboard", _dashboard, {"DashboardBody", "DashboardName"})
    topic = {*_TOPIC_TEXTS, *_TOPIC_SWITCHES, "ArchivePolicy", "Subscription", "Tags", "TopicName"}
    compare("AWS::SNS::Topic", _topic, topic)
    compare("AWS::KMS::Key", _key, {*_KEY, "EnableKeyRotation", "KeyPolicy", "Tags"})


def _alarm(name: str, expected: Properties) -> Properties | None:
    alarm = cloudwatch.alarms.get(name)
    if alarm is None:
        return None
    found = {each: _number_like(expected.get(each), alarm[each]) for each in _ALARM if alarm.get(each) is not None}
    tags = cloudwatch.resource_tags.get(alarm_arn(Scope(account_id(), region()), name))
    return {**found, "Tags": dict(tags or {})}


def _dashboard(name: str, expected: Properties) -> Properties | None:
    dashboard = cloudwatch.dashboards.get(name)
    return dashboard and {each: dashboard[each] for each in ("DashboardBody", "DashboardName")}


def _number_like(expected: Any, found: Any) -> Any:
    """A number as the template writes it, where it is the same one: CloudWatch keeps a threshold of 5 as 5.0."""
    if isinstance(found, bool) or not isinstance(found, int | float):
        return found
    try:
        if not isinstance(expected, bool) and float(expected) == found:
            return expected
    except (TypeError, ValueError):
        pass
    return int(found) if found == int(found) else found


def _topic(arn: str, expected: Properties) -> Properties | None:
    topic = sns.topics.get(arn)
    if topic is None:
        return None
    attributes: Mapping[str, str] = topic["attributes"]
    # SNS does not show an attribute that was set to nothing, but for the name that people see.
    found: Properties = {each: attributes[each] for each in _TOPIC_TEXTS if attributes.get(each)}
    found["DisplayName"] = attributes.get("DisplayName", "")
    found |= {each: attributes.get(each) == "true" for each in _TOPIC_SWITCHES}
    if attributes.get("ArchivePolicy"):
        found["ArchivePolicy"] = as_document(attributes["ArchivePolicy"])
    subscriptions = [{"Protocol": one["protocol"], "Endpoint": one["endpoint"]} for one in topic["subscriptions"]]
    return {**found, "TopicName": topic["name"], "Subscription": subscriptions, "Tags": dict(topic.get("tags") or {})}


def _key(key_id: str, expected: Properties) -> Properties | None:
    """A key that waits for its deletion, which can be cancelled for some days, is gone to CloudFormation."""
    key = kms.keys.get(key_id)
    if key is None or key["KeyState"] in ("PendingDeletion", "PendingReplicaDeletion"):
        return None
    return {
        **{each: key[each] for each in _KEY if each in key},
        "EnableKeyRotation": bool(key.get("KeyRotationEnabled")),
        "KeyPolicy": as_document(key.get("Policy")),
        "Tags": {tag["TagKey"]: tag["TagValue"] for tag in key.get("Tags") or ()},
    }
