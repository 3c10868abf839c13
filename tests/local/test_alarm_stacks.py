"""Alarms and topics that a template makes: metric math, composite alarms, encryption, policies, e-mail."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from local_client import ACCOUNT, REGION

Client = Callable[..., Any]


def deploy(client: Client, name: str, resources: dict[str, Any], *, update: bool = False) -> dict[str, str]:
    """Physical ids by logical id of a stack of these resources."""
    stacks = client("cloudformation")
    body = json.dumps({"Resources": resources})
    change = stacks.update_stack if update else stacks.create_stack
    change(StackName=name, TemplateBody=body)
    waiter = stacks.get_waiter("stack_update_complete" if update else "stack_create_complete")
    waiter.wait(StackName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 300})
    found = stacks.list_stack_resources(StackName=name)["StackResourceSummaries"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}


def failure(client: Client, name: str, resources: dict[str, Any]) -> str:
    """Why a stack of these resources is not made."""
    stacks = client("cloudformation")
    stacks.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}), OnFailure="DO_NOTHING")
    with pytest.raises(Exception, match="CREATE_FAILED"):
        stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 300})
    events = stacks.describe_stack_events(StackName=name)["StackEvents"]
    stacks.delete_stack(StackName=name)
    failed = [each for each in events if each["LogicalResourceId"] in resources]
    return next(str(each["ResourceStatusReason"]) for each in failed if each["ResourceStatus"] == "CREATE_FAILED")


def query(name: str, metric: str) -> dict[str, Any]:
    stat = {"Metric": {"Namespace": "Own", "MetricName": metric}, "Period": "60", "Stat": "Sum"}
    return {"Id": name, "MetricStat": stat, "ReturnData": "false"}


def math_alarm(**changes: Any) -> dict[str, Any]:
    properties = {
        "Metrics": [
            query("errors", "Errors"),
            query("requests", "Requests"),
            {"Id": "rate", "Expression": "IF(requests > 10, errors / requests, 0)"},
        ],
        "EvaluationPeriods": "3",
        "DatapointsToAlarm": 2,
        "Threshold": "0.01",
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "Tags": [{"Key": "team", "Value": "models"}],
    }
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": {**properties, **changes}}


@pytest.mark.contract("N02", "N09", "N11")
def test_an_alarm_of_metric_math_and_a_composite_one(client: Client) -> None:
    name = f"alarms-{uuid.uuid4().hex[:8]}"
    both = {"Fn::Sub": "ALARM(${Rate}) OR ALARM(${Other})"}
    resources = {
        "Rate": math_alarm(),
        "Other": math_alarm(AlarmName=f"{name}-other"),
        "Both": {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": {"AlarmRule": both}},
    }
    ids = deploy(client, name, resources)
    monitoring = client("cloudwatch")
    (alarm,) = monitoring.describe_alarms(AlarmNames=[ids["Rate"]])["MetricAlarms"]
    shown = ("EvaluationPeriods", "DatapointsToAlarm", "Threshold", "TreatMissingData", "ActionsEnabled")
    assert [alarm[one] for one in shown] == [3, 2, 0.01, "notBreaching", True]
    assert [(each["Id"], each.get("ReturnData", True)) for each in alarm["Metrics"]] == [
        ("errors", False),
        ("requests", False),
        ("rate", True),
    ]
    tags = monitoring.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
    assert {"Key": "team", "Value": "models"} in tags
    monitoring.set_alarm_state(AlarmName=ids["Rate"], StateValue="ALARM", StateReason="by hand")
    (composite,) = monitoring.describe_alarms(AlarmNames=[ids["Both"]], AlarmTypes=["CompositeAlarm"])[
        "CompositeAlarms"
    ]
    assert composite["StateValue"] == "ALARM"
    # An update of the configuration leaves the state; another name is another alarm.
    resources["Rate"] = math_alarm(Threshold=0.5, TreatMissingData="ignore")
    resources["Other"] = math_alarm(AlarmName=f"{name}-renamed")
    updated = deploy(client, name, resources, update=True)
    assert updated == {**ids, "Other": f"{name}-renamed"}
    assert monitoring.describe_alarms(AlarmNames=[ids["Other"]])["MetricAlarms"] == []
    (alarm,) = monitoring.describe_alarms(AlarmNames=[ids["Rate"]])["MetricAlarms"]
    assert (alarm["Threshold"], alarm["StateValue"]) == (0.5, "ALARM")
    stacks = client("cloudformation")
    stacks.delete_stack(StackName=name)
    stacks.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 300})
    left = monitoring.describe_alarms(AlarmNamePrefix=name, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    assert left["MetricAlarms"] + left["CompositeAlarms"] == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Metrics": [{"Id": "x", "Expression": "SEARCH('{a}', 'Sum')"}]}, "the function SEARCH is not supported"),
        ({"DatapointsToAlarm": 4}, "DatapointsToAlarm must be from 1 to EvaluationPeriods"),
        ({"Period": 60}, "Where Metrics is specified, Period cannot be"),
    ],
)
def test_an_alarm_that_is_wrong_fails_its_stack(client: Client, changes: dict[str, Any], reason: str) -> None:
    assert reason in failure(client, f"wrong-{uuid.uuid4().hex[:8]}", {"Rate": math_alarm(**changes)})


def topic_resources(address: str) -> dict[str, Any]:
    allowed = {"Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Resource": "*"}
    key = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": "kms:*",
                "Resource": "*",
            },
            {**allowed, "Action": ["kms:Decrypt", "kms:GenerateDataKey*"]},
        ],
    }
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {**allowed, "Action": "sns:Publish", "Resource": {"Ref": "Topic"}},
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sns:Publish",
                "Resource": {"Ref": "Topic"},
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ],
    }
    return {
        "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": key}},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": {"Ref": "Key"}}},
        "Policy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {"Topics": [{"Ref": "Topic"}], "PolicyDocument": policy},
        },
        "Mail": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {"TopicArn": {"Ref": "Topic"}, "Protocol": "email", "Endpoint": address},
        },
    }


def last_action(client: Client, topic: str) -> str:
    """What the history says of an alarm's action on a topic."""
    monitoring, name = client("cloudwatch"), f"acts-{uuid.uuid4().hex[:8]}"
    monitoring.put_metric_alarm(
        AlarmName=name,
        Namespace="Own",
        MetricName="None",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
        AlarmActions=[topic],
    )
    monitoring.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="by hand")
    items = monitoring.describe_alarm_history(AlarmName=name, HistoryItemType="Action")["AlarmHistoryItems"]
    return str(items[0]["HistorySummary"])


def test_an_encrypted_topic_with_a_policy_and_an_address(client: Client) -> None:
    name = f"alerts-{uuid.uuid4().hex[:8]}"
    resources = topic_resources("team@example.com")
    ids = deploy(client, name, resources)
    sns = client("sns")
    attributes = sns.get_topic_attributes(TopicArn=ids["Topic"])["Attributes"]
    assert attributes["KmsMasterKeyId"] == ids["Key"]
    assert [each["Effect"] for each in json.loads(attributes["Policy"])["Statement"]] == ["Allow", "Deny"]
    assert (attributes["SubscriptionsPending"], attributes["SubscriptionsConfirmed"]) == ("1", "0")
    (listed,) = sns.list_subscriptions_by_topic(TopicArn=ids["Topic"])["Subscriptions"]
    assert (listed["SubscriptionArn"], listed["Protocol"], listed["Endpoint"]) == (
        "PendingConfirmation",
        "email",
        "team@example.com",
    )
    assert last_action(client, ids["Topic"]) == f"Successfully executed action {ids['Topic']}"
    # A key that does not admit CloudWatch, and a policy that does not, end in silence; the history says so.
    key = resources["Key"]["Properties"]["KeyPolicy"]
    resources["Key"]["Properties"]["KeyPolicy"] = {**key, "Statement": key["Statement"][:1]}
    deploy(client, name, resources, update=True)
    assert last_action(client, ids["Topic"]) == f"Failed to execute action {ids['Topic']}"
    resources["Key"]["Properties"]["KeyPolicy"] = key
    statements = resources["Policy"]["Properties"]["PolicyDocument"]["Statement"]
    del statements[0]
    deploy(client, name, resources, update=True)
    assert last_action(client, ids["Topic"]) == f"Failed to execute action {ids['Topic']}"
    # Without a policy of its own the topic has its first one, which admits its account.
    del resources["Policy"]
    resources["Topic"]["Properties"].pop("KmsMasterKeyId")
    deploy(client, name, resources, update=True)
    assert "KmsMasterKeyId" not in sns.get_topic_attributes(TopicArn=ids["Topic"])["Attributes"]
    assert last_action(client, ids["Topic"]) == f"Successfully executed action {ids['Topic']}"


def test_an_address_by_a_call_waits_too(client: Client) -> None:
    sns = client("sns")
    topic = sns.create_topic(Name=f"mail-{uuid.uuid4().hex[:8]}")["TopicArn"]
    asked = {"TopicArn": topic, "Protocol": "email", "Endpoint": "team@example.com"}
    assert sns.subscribe(**asked)["SubscriptionArn"] == "pending confirmation"
    arn = sns.subscribe(**asked, ReturnSubscriptionArn=True)["SubscriptionArn"]
    assert arn.startswith(f"{topic}:")
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"] == "true"
    with pytest.raises(ClientError, match="Invalid parameter: Email address"):
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="team")


def test_an_address_that_is_none_fails_its_stack(client: Client) -> None:
    reason = failure(client, f"mail-{uuid.uuid4().hex[:8]}", topic_resources("team"))
    assert "Invalid parameter: Email address" in reason


def test_a_topic_that_is_not_there_fails_the_action(client: Client) -> None:
    missing = f"arn:aws:sns:{REGION}:{ACCOUNT}:nowhere-{uuid.uuid4().hex[:8]}"
    assert last_action(client, missing) == f"Failed to execute action {missing}"
