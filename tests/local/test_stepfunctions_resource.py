"""A state machine made by a stack: its definition, its role, its logs; and what starts it."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
from state_machines import ACCOUNT, Client, allow, new_role, trust

from localcloud.ministack.stepfunctions.state_machine import DELIVERY_ACTIONS

LOGGED = allow(list(DELIVERY_ACTIONS), "*")


def statement(action: Any, resource: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def role(service: str, *statements: dict[str, Any]) -> dict[str, Any]:
    policy = {"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)}}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": json.loads(trust(service)),
            "Policies": [policy] if statements else [],
        },
    }


def machine(properties: dict[str, Any]) -> dict[str, Any]:
    return {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}


PASS = json.dumps(
    {
        "QueryLanguage": "JSONata",
        "StartAt": "Say",
        "States": {"Say": {"Type": "Pass", "Output": {"said": "${Word}", "got": "{% $states.input %}"}, "End": True}},
    }
)


def deploy(client: Client, resources: dict[str, Any]) -> tuple[str, dict[str, str], list[str]]:
    """(status, physical ids by logical id, the reasons of the stack's events)."""
    cfn, stack = client("cloudformation"), f"machine-{uuid.uuid4().hex[:8]}"
    cfn.create_stack(
        StackName=stack, TemplateBody=json.dumps({"Resources": resources}), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    deadline = time.time() + 20
    while (status := cfn.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]).endswith("_IN_PROGRESS"):
        assert time.time() < deadline
        time.sleep(0.05)
    found = cfn.describe_stack_resources(StackName=stack)["StackResources"]
    reasons = [e.get("ResourceStatusReason", "") for e in cfn.describe_stack_events(StackName=stack)["StackEvents"]]
    return status, {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in found}, reasons


def executions(client: Client, arn: str, count: int = 1, seconds: float = 10) -> list[dict[str, Any]]:
    """The ended executions of a state machine, once there are so many."""
    states, deadline = client("stepfunctions"), time.time() + seconds
    while time.time() < deadline:
        found = states.list_executions(stateMachineArn=arn)["executions"]
        if len(found) >= count and all(each["status"] != "RUNNING" for each in found):
            return [states.describe_execution(executionArn=each["executionArn"]) for each in found]
        time.sleep(0.1)
    return []


def test_a_stack_makes_a_state_machine_that_logs(client: Client) -> None:
    group = f"/kickstand/{uuid.uuid4().hex[:8]}"
    logging = {
        "Level": "ALL",
        "IncludeExecutionData": True,
        "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": ["Group", "Arn"]}}}],
    }
    status, ids, reasons = deploy(
        client,
        {
            "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": group}},
            "Role": role("states.amazonaws.com", statement(list(DELIVERY_ACTIONS), "*")),
            "Machine": machine(
                {
                    "DefinitionString": PASS,
                    "DefinitionSubstitutions": {"Word": "hello"},
                    "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                    "LoggingConfiguration": logging,
                }
            ),
        },
    )
    assert status == "CREATE_COMPLETE", reasons
    described = client("stepfunctions").describe_state_machine(stateMachineArn=ids["Machine"])
    assert described["loggingConfiguration"]["level"] == "ALL"
    assert described["loggingConfiguration"]["includeExecutionData"] is True

    client("stepfunctions").start_execution(stateMachineArn=ids["Machine"], input='{"a": {"b": []}}')
    [end] = executions(client, ids["Machine"])

    assert json.loads(end["output"]) == {"said": "hello", "got": {"a": {"b": []}}}
    events = client("logs").filter_log_events(logGroupName=group)["events"]
    records = [json.loads(event["message"]) for event in events]
    assert [record["type"] for record in records] == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]
    assert {record["execution_arn"] for record in records} == {end["executionArn"]}
    assert records[0]["details"]["input"] == '{"a": {"b": []}}'
    assert records[3]["details"] == {"output": end["output"]}


def test_a_stack_is_refused_what_the_api_refuses(client: Client) -> None:
    logging = {
        "Level": "ERROR",
        "Destinations": [
            {"CloudWatchLogsLogGroup": {"LogGroupArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/g:*"}}
        ],
    }
    of_role = {"Fn::GetAtt": ["Role", "Arn"]}
    untrusting = deploy(
        client,
        {
            "Role": role("sagemaker.amazonaws.com"),
            "Machine": machine({"DefinitionString": PASS, "RoleArn": of_role}),
        },
    )
    silent = deploy(
        client,
        {
            "Role": role("states.amazonaws.com"),
            "Machine": machine({"DefinitionString": PASS, "RoleArn": of_role, "LoggingConfiguration": logging}),
        },
    )
    broken = deploy(
        client,
        {
            "Role": role("states.amazonaws.com"),
            "Machine": machine(
                {"DefinitionString": PASS.replace("$states.input", "$states.input +"), "RoleArn": of_role}
            ),
        },
    )

    assert (untrusting[0], silent[0], broken[0]) == ("ROLLBACK_COMPLETE",) * 3
    assert any("Neither the global service principal states.amazonaws.com" in reason for reason in untrusting[2])
    assert any("is not authorized to access the Log Destination" in reason for reason in silent[2])
    assert any("INVALID_JSONATA_EXPRESSION" in reason for reason in broken[2])


def started_by(client: Client, service: str, *statements: dict[str, Any]) -> tuple[str, str]:
    """A state machine, and a role that a service may start it with: (machine's ARN, role's ARN)."""
    iam, states = client("iam"), client("stepfunctions")
    arn = states.create_state_machine(
        name=f"m-{uuid.uuid4().hex[:8]}", roleArn=new_role(client), definition=PASS.replace("${Word}", "hello")
    )["stateMachineArn"]
    starter = new_role(client, service)
    if statements:
        document = {"Version": "2012-10-17", "Statement": [{**each, "Resource": arn} for each in statements]}
        iam.put_role_policy(
            RoleName=starter.rpartition("/")[2], PolicyName="start", PolicyDocument=json.dumps(document)
        )
    return arn, starter


START = {"Effect": "Allow", "Action": "states:StartExecution"}


def test_a_new_object_starts_a_state_machine_through_the_rules_role(client: Client) -> None:
    s3, events, bucket = client("s3"), client("events"), f"b-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket]}, "object": {"key": [{"prefix": "manifests/"}]}},
    }
    allowed, with_role = started_by(client, "events.amazonaws.com", START)
    refused, without_policy = started_by(client, "events.amazonaws.com")
    untrusted, with_other_trust = started_by(client, "lambda.amazonaws.com", START)
    rule = f"rule-{uuid.uuid4().hex[:8]}"
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    transformer = {"InputPathsMap": {"key": "$.detail.object.key"}, "InputTemplate": '{"Manifest": <key>}'}
    targets = [(allowed, with_role), (refused, without_policy), (untrusted, with_other_trust)]
    events.put_targets(
        Rule=rule,
        Targets=[
            {"Id": str(number), "Arn": arn, "RoleArn": starter, "InputTransformer": transformer}
            for number, (arn, starter) in enumerate(targets)
        ],
    )

    s3.put_object(Bucket=bucket, Key="data/a.csv", Body=b"1,2")
    s3.put_object(Bucket=bucket, Key="manifests/a.json", Body=b"{}")

    [end] = executions(client, allowed)
    assert json.loads(end["output"])["got"] == {"Manifest": "manifests/a.json"}
    assert executions(client, refused, seconds=1) == []
    assert executions(client, untrusted, seconds=0.1) == []


def test_a_schedule_starts_a_state_machine_through_its_role(client: Client) -> None:
    scheduler = client("scheduler")
    allowed, with_role = started_by(client, "scheduler.amazonaws.com", START)
    refused, without_policy = started_by(client, "scheduler.amazonaws.com")
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - 1))
    for arn, starter in ((allowed, with_role), (refused, without_policy)):
        scheduler.create_schedule(
            Name=f"s-{uuid.uuid4().hex[:8]}",
            ScheduleExpression=f"at({moment})",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": arn, "RoleArn": starter, "Input": '{"Manifest": "latest/manifest.json"}'},
        )

    [end] = executions(client, allowed, seconds=15)

    assert json.loads(end["output"])["got"] == {"Manifest": "latest/manifest.json"}
    assert executions(client, refused, seconds=0.5) == []


@pytest.mark.parametrize("level", ["ERROR", "FATAL"])
def test_a_level_leaves_out_what_is_below_it(client: Client, level: str) -> None:
    group = f"/kickstand/{uuid.uuid4().hex[:8]}"
    client("logs").create_log_group(logGroupName=group)
    fail = {"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "E", "Cause": "C"}}}
    arn = client("stepfunctions").create_state_machine(
        name=f"m-{uuid.uuid4().hex[:8]}",
        roleArn=new_role(client, policy=LOGGED),
        definition=json.dumps(fail),
        loggingConfiguration={
            "level": level,
            "includeExecutionData": False,
            "destinations": [
                {"cloudWatchLogsLogGroup": {"logGroupArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}:*"}}
            ],
        },
    )["stateMachineArn"]
    client("stepfunctions").start_execution(stateMachineArn=arn)
    executions(client, arn)

    events = client("logs").filter_log_events(logGroupName=group)["events"]

    types = [json.loads(event["message"])["type"] for event in events]
    assert types == {"ERROR": ["FailStateEntered", "ExecutionFailed"], "FATAL": ["ExecutionFailed"]}[level]
