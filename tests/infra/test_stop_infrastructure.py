"""What stops an endpoint by itself, in the templates: who may do it, who starts it, who hears of it, and where not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from synthesis import BOUNDARY, synthesised

from kickstand.aws.resource_schema import schema_text

ARN = "arn:aws:{}:us-east-1:111122223333:{}".format
MACHINE = ARN("states", "stateMachine:bikes-dev-stop")
NAMES = ("bikes-dev-stop", "bikes-dev-stop-schedules")


def of_type(kind: str, variant: str = "stops") -> list[dict[str, Any]]:
    return [one["Properties"] for one in synthesised(variant).resources(kind)]


def policy(name: str) -> dict[str, tuple[list[str], Any]]:
    """Actions and resources of a policy's statements, by Sid."""
    (found,) = [one for one in of_type("AWS::IAM::Policy") if one["PolicyName"] == name]
    return {one["Sid"]: (one["Action"], one["Resource"]) for one in found["PolicyDocument"]["Statement"]}


@pytest.mark.contract("L02")
def test_the_stop_machine_deletes_one_stack_and_nothing_else() -> None:
    rules = policy("bikes-dev-stop")
    log = rules.pop("DeliverLogs")
    assert log[1] == "*"
    assert rules == {
        "StopEndpoint": (
            ["cloudformation:DeleteStack", "cloudformation:DescribeStacks"],
            [ARN("cloudformation", "stack/bikes-dev-hosting/*")],
        ),
        "ReadEndpoint": (["sagemaker:DescribeEndpoint"], [ARN("sagemaker", "endpoint/bikes-dev")]),
        "ListExecutions": (["states:ListExecutions"], [MACHINE, ARN("states", "stateMachine:bikes-dev-transform")]),
        "HandOn": (["states:StartExecution"], [MACHINE]),
        "ReadIdleAlarm": (["cloudwatch:DescribeAlarms"], [ARN("cloudwatch", "alarm:bikes-dev-idle")]),
        "GiveNotice": (["sns:Publish"], [ARN("sns", "bikes-dev-alerts")]),
        "NotifyEnd": (["events:PutEvents"], [ARN("events", "event-bus/default")]),
    }


@pytest.mark.contract("L01")
def test_all_of_it_is_in_the_stack_that_stays() -> None:
    def named(stack: str) -> set[str]:
        resources = getattr(synthesised("stops"), stack)["Resources"].values()
        keys = ("StateMachineName", "Name", "AlarmName", "LogGroupName", "PolicyName")
        found = {one["Properties"].get(key) for one in resources for key in keys}
        return {name for name in found if isinstance(name, str) and ("stop" in name or name.endswith("-idle"))}

    assert named("hosting") == {"bikes-dev-idle"}
    assert named("training") == {
        *NAMES,
        *("bikes-dev-stop-watch", "bikes-dev-stop-awake", "bikes-dev-stop-failed", "bikes-dev-stop-lost"),
        "/aws/vendedlogs/states/bikes-dev-stop",
    }


def test_the_schedules_start_it_as_a_role_of_their_own() -> None:
    machine, queue = ({"Fn::GetAtt": [prefix, "Arn"]} for prefix in (_id("StateMachine", "stop"), _id("Queue", "")))
    assert policy("bikes-dev-stop-schedules") == {
        "StartStop": (["states:StartExecution"], [machine]),
        "SendDeadLetters": (["sqs:SendMessage"], [queue]),
    }
    assert {
        one["Name"]: (one["ScheduleExpression"], one["Target"]["Input"]) for one in of_type("AWS::Scheduler::Schedule")
    } == {
        "bikes-dev-stop-watch": ("rate(1 hour)", '{"Reason": "watch"}'),
        "bikes-dev-stop-awake": ("cron(30 18 ? * MON,TUE,WED,THU,FRI *)", '{"Reason": "awake"}'),
    }
    for one in of_type("AWS::Scheduler::Schedule"):
        assert one["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 5, "MaximumEventAgeInSeconds": 3600}
        assert one["Target"]["Arn"] == machine
        assert one["Target"]["DeadLetterConfig"] == {"Arn": queue}
        assert one["FlexibleTimeWindow"] == {"Mode": "OFF"}


@pytest.mark.contract("L05")
def test_a_schedule_of_a_template_has_no_end_and_no_tags_of_its_own() -> None:
    schema = json.loads(schema_text("AWS::Scheduler::Schedule"))
    assert {"ActionAfterCompletion", "Tags"} & set(schema["properties"]) == set()
    assert schema["createOnlyProperties"] == ["/properties/Name"]
    assert "FlexibleTimeWindow" in schema["required"]


@pytest.mark.contract("L09")
def test_no_stack_has_a_budget_which_would_stop_nothing() -> None:
    schema = json.loads(schema_text("AWS::Budgets::Budget"))
    names = {"/properties/Budget/BudgetName", "/properties/NotificationsWithSubscribers"}
    assert set(schema["createOnlyProperties"]) == names
    made = synthesised("stops")
    kinds = {one["Type"] for template in (made.training, made.hosting) for one in template["Resources"].values()}
    assert "AWS::SageMaker::Endpoint" in kinds and "AWS::Budgets::Budget" not in kinds


def _id(kind: str, name: str) -> str:
    """The logical id of the training stack's one queue, or of the state machine whose name ends in `name`."""
    resources = synthesised("stops").training["Resources"].items()
    (found,) = [
        key
        for key, one in resources
        if one["Type"].endswith(f"::{kind}") and str(one["Properties"].get("StateMachineName", "")).endswith(name)
    ]
    return str(found)


def test_the_key_of_alerts_lets_the_machines_role_encrypt() -> None:
    (key,) = of_type("AWS::KMS::Key")
    statement = next(one for one in key["KeyPolicy"]["Statement"] if one["Sid"] == "EncryptNotices")
    role = statement["Principal"]["AWS"]["Fn::GetAtt"][0]
    (mine,) = [one for one in of_type("AWS::IAM::Policy") if one["PolicyName"] == "bikes-dev-stop"]
    assert mine["Roles"] == [{"Ref": role}]
    assert statement["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]


def test_its_failures_and_lost_starts_raise_alarms() -> None:
    alarms = {one["AlarmName"]: one for one in of_type("AWS::CloudWatch::Alarm")}
    topic = [ARN("sns", "bikes-dev-alerts")]
    failed, lost, idle = (alarms[f"bikes-dev-{what}"] for what in ("stop-failed", "not-started", "idle"))
    unsent = alarms["bikes-dev-stop-lost"]
    assert (unsent["Namespace"], unsent["MetricName"], unsent["AlarmActions"]) == (
        *("AWS/Scheduler", "InvocationsFailedToBeSentToDeadLetterCount"),
        topic,
    )
    assert (failed["Namespace"], failed["MetricName"], failed["AlarmActions"]) == (
        "AWS/States",
        "ExecutionsFailed",
        topic,
    )
    assert (lost["MetricName"], lost["AlarmActions"]) == ("ApproximateNumberOfMessagesVisible", topic)
    assert "AlarmActions" not in idle
    assert {key: idle[key] for key in ("Period", "EvaluationPeriods", "DatapointsToAlarm", "TreatMissingData")} == {
        "Period": 300,
        "EvaluationPeriods": 18,  # the half hour after the notice is apart
        "DatapointsToAlarm": 18,
        "TreatMissingData": "breaching",
    }
    assert (idle["MetricName"], idle["Statistic"], idle["ComparisonOperator"], idle["Threshold"]) == (
        *("Invocations", "Sum", "LessThanThreshold"),
        1,
    )


def test_its_roles_have_the_boundary() -> None:
    roles = of_type("AWS::IAM::Role")
    assert len(roles) == 6
    assert {role["PermissionsBoundary"] for role in roles} == {BOUNDARY}


@pytest.mark.parametrize("variant", ["plain", "prod", "everything"])
def test_an_environment_without_an_end_has_none_of_it(variant: str) -> None:
    text = json.dumps([synthesised(variant).training, synthesised(variant).hosting])
    assert [word for word in ("-stop", "bikes-dev-idle", "EncryptNotices", "HandOn") if word in text] == []
