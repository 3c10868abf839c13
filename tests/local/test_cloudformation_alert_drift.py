"""Drift of alarms, their topic and its key, changed by hand through their own services."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from local_client import ACCOUNT
from test_alarm_stacks import math_alarm
from test_cloudformation_drift import make, name  # noqa: F401 - a fixture

Client = Callable[..., Any]
PLAIN = {
    "AlarmDescription": "The model answers late",
    "Namespace": "AWS/SageMaker",
    "MetricName": "ModelLatency",
    "Dimensions": [{"Name": "EndpointName", "Value": "bikes"}, {"Name": "VariantName", "Value": "AllTraffic"}],
    "ExtendedStatistic": "p99",
    "Period": 60,
    "EvaluationPeriods": 3,
    "DatapointsToAlarm": 2,
    "Threshold": 500000,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
}
"""Properties of AWS::CloudWatch::Alarm, and members of PutMetricAlarm."""

Differences = list[tuple[str, str, str, str]]
"""Path, expected, actual and kind of each difference, in order."""


def key_policy(*actions: str) -> dict[str, Any]:
    owner = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    administer = {"Sid": "Administer", "Effect": "Allow", "Principal": owner, "Action": "kms:*", "Resource": "*"}
    service = {"Service": "cloudwatch.amazonaws.com"}
    use = {"Sid": "Use", "Effect": "Allow", "Principal": service, "Action": list(actions), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [administer, use]}


def alerts_template(name: str) -> dict[str, Any]:  # noqa: F811
    key = {
        "Description": "Alerts",
        "EnableKeyRotation": True,
        "RotationPeriodInDays": 180,
        "KeyPolicy": key_policy("kms:Decrypt", "kms:GenerateDataKey"),
    }
    topic = {"TopicName": name, "DisplayName": "Alerts", "KmsMasterKeyId": {"Fn::GetAtt": ["Key", "KeyId"]}}
    actions = {"AlarmActions": [{"Ref": "Topic"}], "OKActions": [{"Ref": "Topic"}]}
    resources = {
        "Key": {"Type": "AWS::KMS::Key", "Properties": key},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": topic},
        "Plain": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmName": f"{name}-plain", **PLAIN, **actions}},
        "Math": math_alarm(AlarmName=f"{name}-math"),
    }
    return {"Resources": resources}


class Alerts:
    """A deployed stack of a key, a topic and two alarms."""

    def __init__(self, client: Client, name: str) -> None:  # noqa: F811
        make(client, name, alerts_template(name))
        self.name, self.cloudformation = name, client("cloudformation")
        self.kms, self.sns, self.cloudwatch = client("kms"), client("sns"), client("cloudwatch")
        self.key, self.topic = self._id("Key"), self._id("Topic")

    def _id(self, logical_id: str) -> str:
        found = self.cloudformation.describe_stack_resource(StackName=self.name, LogicalResourceId=logical_id)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def drift(self, logical_id: str) -> tuple[str, Differences]:
        """A resource's status, and what differs."""
        found = self.cloudformation.detect_stack_resource_drift(StackName=self.name, LogicalResourceId=logical_id)
        drift = found["StackResourceDrift"]
        shown = ("PropertyPath", "ExpectedValue", "ActualValue", "DifferenceType")
        differences = [tuple(one[each] for each in shown) for one in drift.get("PropertyDifferences", [])]
        return drift["StackResourceDriftStatus"], sorted(differences)

    def put_alarm(self, **changes: Any) -> None:
        """PutMetricAlarm, which sets the whole alarm: as the stack made it, but for what is changed; None: left out."""
        actions = {"AlarmActions": [self.topic], "OKActions": [self.topic]}
        given = {"AlarmName": f"{self.name}-plain", **PLAIN, **actions, **changes}
        self.cloudwatch.put_metric_alarm(**{key: value for key, value in given.items() if value is not None})


@pytest.fixture
def alerts(client: Client, name: str) -> Alerts:  # noqa: F811
    return Alerts(client, name)


def test_what_was_deployed_is_in_sync(alerts: Alerts) -> None:
    for logical_id in ("Key", "Topic", "Plain", "Math"):
        assert alerts.drift(logical_id) == ("IN_SYNC", [])
    # The same alarm once more is no change: CloudWatch keeps its threshold as 500000.0.
    alerts.put_alarm()
    assert alerts.drift("Plain") == ("IN_SYNC", [])


def test_an_alarm_that_was_changed_by_hand(alerts: Alerts) -> None:
    alerts.put_alarm(Threshold=2000000.0)
    assert alerts.drift("Plain") == ("MODIFIED", [("/Threshold", "500000", "2000000", "NOT_EQUAL")])
    other = [{"Name": "EndpointName", "Value": "other"}, PLAIN["Dimensions"][1]]  # type: ignore[index]
    alerts.put_alarm(
        Threshold=0.5, Dimensions=other, TreatMissingData=None, DatapointsToAlarm=None, AlarmActions=[], OKActions=None
    )
    assert alerts.drift("Plain") == (
        "MODIFIED",
        [
            ("/AlarmActions/0", alerts.topic, "null", "REMOVE"),
            ("/DatapointsToAlarm", "2", "null", "REMOVE"),
            ("/Dimensions/0/Value", "bikes", "other", "NOT_EQUAL"),
            ("/OKActions/0", alerts.topic, "null", "REMOVE"),
            ("/Threshold", "500000", "0.5", "NOT_EQUAL"),
            ("/TreatMissingData", "notBreaching", "missing", "NOT_EQUAL"),
        ],
    )


def test_an_expression_that_was_changed_by_hand(alerts: Alerts) -> None:
    (alarm,) = alerts.cloudwatch.describe_alarms(AlarmNames=[f"{alerts.name}-math"])["MetricAlarms"]
    metrics = [
        {**one, "Expression": "IF(requests > 10, 0, 0)"} if one["Id"] == "rate" else one for one in alarm["Metrics"]
    ]
    settings = ("AlarmName", "EvaluationPeriods", "DatapointsToAlarm", "Threshold", "ComparisonOperator")
    kept = {each: alarm[each] for each in (*settings, "TreatMissingData")}
    alerts.cloudwatch.put_metric_alarm(**kept, Metrics=metrics)
    status, ((path, expected, actual, kind),) = alerts.drift("Math")
    assert (status, path, kind) == ("MODIFIED", "/Metrics/2/Expression", "NOT_EQUAL")
    assert (expected, actual) == ("IF(requests > 10, errors / requests, 0)", "IF(requests > 10, 0, 0)")


def test_tags_of_an_alarm_that_were_changed_by_hand(alerts: Alerts) -> None:
    arn = f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:{alerts.name}-math"
    alerts.cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": "team", "Value": "nobody"}])
    assert alerts.drift("Math") == ("MODIFIED", [("/Tags/0/Value", "models", "nobody", "NOT_EQUAL")])


def test_a_topic_that_was_changed_by_hand(alerts: Alerts) -> None:
    def set_attribute(attribute: str, value: str) -> None:
        alerts.sns.set_topic_attributes(TopicArn=alerts.topic, AttributeName=attribute, AttributeValue=value)

    set_attribute("KmsMasterKeyId", "alias/aws/sns")
    changed = ("/KmsMasterKeyId", alerts.key, "alias/aws/sns", "NOT_EQUAL")
    assert alerts.drift("Topic") == ("MODIFIED", [changed])
    set_attribute("KmsMasterKeyId", "")
    set_attribute("DisplayName", "")
    assert alerts.drift("Topic") == (
        "MODIFIED",
        [("/DisplayName", "Alerts", "", "NOT_EQUAL"), ("/KmsMasterKeyId", alerts.key, "null", "REMOVE")],
    )
    # Whom it admits is no property of the topic.
    set_attribute("KmsMasterKeyId", alerts.key)
    set_attribute("DisplayName", "Alerts")
    set_attribute("Policy", json.dumps({"Version": "2012-10-17", "Statement": []}))
    assert alerts.drift("Topic") == ("IN_SYNC", [])


def test_a_key_that_was_changed_by_hand(alerts: Alerts) -> None:
    # How often it is renewed cannot be read back by CloudFormation.
    alerts.kms.enable_key_rotation(KeyId=alerts.key, RotationPeriodInDays=365)
    assert alerts.drift("Key") == ("IN_SYNC", [])
    alerts.kms.disable_key_rotation(KeyId=alerts.key)
    widened = json.dumps(key_policy("kms:Decrypt", "kms:CreateGrant"))
    alerts.kms.put_key_policy(KeyId=alerts.key, PolicyName="default", Policy=widened)
    alerts.kms.tag_resource(KeyId=alerts.key, Tags=[{"TagKey": "team", "TagValue": "nobody"}])
    assert alerts.drift("Key") == (
        "MODIFIED",
        [
            ("/EnableKeyRotation", "true", "false", "NOT_EQUAL"),
            ("/KeyPolicy/Statement/1/Action/1", "kms:GenerateDataKey", "kms:CreateGrant", "NOT_EQUAL"),
            ("/Tags/0/Value", "rides", "nobody", "NOT_EQUAL"),
        ],
    )


def test_what_was_deleted_by_hand(alerts: Alerts) -> None:
    alerts.cloudwatch.delete_alarms(AlarmNames=[f"{alerts.name}-plain", f"{alerts.name}-math"])
    alerts.sns.delete_topic(TopicArn=alerts.topic)
    alerts.kms.schedule_key_deletion(KeyId=alerts.key, PendingWindowInDays=7)
    for logical_id in ("Key", "Topic", "Plain", "Math"):
        assert alerts.drift(logical_id) == ("DELETED", [])
    # A key can be taken back in its last days, and then is disabled: the template does not say that it is enabled.
    alerts.kms.cancel_key_deletion(KeyId=alerts.key)
    assert alerts.drift("Key") == ("IN_SYNC", [])
