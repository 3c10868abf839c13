"""EventBridge Scheduler: what it refuses, its role, its calls, their dead letters, and its resource type."""

from __future__ import annotations

import json
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from state_machines import ACCOUNT, Client, allow, new_machine, new_role, trust

SERVICE = "scheduler.amazonaws.com"
OFF = {"Mode": "OFF"}
PAST = "at(2020-01-01T00:00:00)"
PASS = {"Keep": {"Type": "Pass", "End": True}}


def new_name(kind: str) -> str:
    return f"{kind}-{uuid.uuid4().hex[:8]}"


def new_queue(client: Client) -> tuple[str, str]:
    """URL and ARN."""
    name = new_name("dead")
    return client("sqs").create_queue(QueueName=name)["QueueUrl"], f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def create(client: Client, target: dict[str, Any], expression: str = PAST, **more: Any) -> str:
    name = new_name("s")
    client("scheduler").create_schedule(
        Name=name, ScheduleExpression=expression, FlexibleTimeWindow=OFF, Target=target, **more
    )
    return name


def inputs(client: Client, machine: str, count: int, seconds: float = 10) -> list[Any]:
    """The inputs of a state machine's first executions, once there are so many."""
    states, deadline = client("stepfunctions"), time.time() + seconds
    while len(found := states.list_executions(stateMachineArn=machine)["executions"]) < count:
        assert time.time() < deadline, found
        time.sleep(0.05)
    return [json.loads(states.describe_execution(executionArn=one["executionArn"])["input"]) for one in found]


def letter(client: Client, url: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Body and attributes of the next dead letter."""
    deadline = time.time() + 15
    while time.time() < deadline:
        found = client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=2, MessageAttributeNames=["All"])
        for message in found.get("Messages", []):
            attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
            return json.loads(message["Body"]), attributes
    raise AssertionError("no dead letter came")


def refusal(client: Client, **request: Any) -> tuple[str, str]:
    target = {"Arn": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m", "RoleArn": new_role(client, SERVICE)}
    given = {"ScheduleExpression": "rate(1 hour)", "Target": {**target, **request.pop("Target", {})}, **request}
    with pytest.raises(ClientError) as refused:
        client("scheduler").create_schedule(Name=new_name("s"), FlexibleTimeWindow=OFF, **given)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.contract("Z03")
def test_what_can_never_be_due_is_refused(client: Client) -> None:
    zone = refusal(client, ScheduleExpressionTimezone="Europe/Atlantis")
    assert zone == ("ValidationException", "Invalid Schedule Expression Timezone Europe/Atlantis.")
    expression = refusal(client, ScheduleExpression="every day")
    assert expression == ("ValidationException", "Invalid Schedule Expression every day.")
    now = datetime.now(UTC)
    bounds = refusal(client, StartDate=now, EndDate=now - timedelta(hours=1))
    assert bounds == ("ValidationException", "EndDate must be after StartDate.")


@pytest.mark.contract("Z04")
def test_a_role_that_does_not_trust_the_scheduler_is_refused(client: Client) -> None:
    role = new_role(client, "states.amazonaws.com")
    assert refusal(client, Target={"RoleArn": role}) == (
        "ValidationException",
        "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
    )


@pytest.mark.contract("Z05")
@pytest.mark.parametrize(("group", "trusted"), [("default", True), ("other", False)])
def test_the_role_is_assumed_for_the_schedules_group(client: Client, group: str, trusted: bool) -> None:
    role = new_role(client, SERVICE)
    document = json.loads(trust(SERVICE))
    arn = f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule-group/{group}"
    document["Statement"][0]["Condition"] = {"ArnEquals": {"aws:SourceArn": arn}}
    client("iam").update_assume_role_policy(RoleName=role.rpartition("/")[2], PolicyDocument=json.dumps(document))
    target = {"Arn": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m", "RoleArn": role}
    if trusted:
        create(client, target, "cron(0 0 1 1 ? 2199)")
    else:
        assert refusal(client, Target=target)[0] == "ValidationException"


@pytest.mark.contract("Z06", "Z09")
def test_targets_that_cannot_be_called_are_refused(client: Client) -> None:
    read = refusal(client, Target={"Arn": "arn:aws:scheduler:::aws-sdk:cloudformation:describeStacks"})
    assert read[0] == "ValidationException"
    retries = refusal(client, Target={"RetryPolicy": {"MaximumRetryAttempts": 186}})
    assert retries == (
        "ValidationException",
        "1 validation error detected: Value '186' at 'target.retryPolicy.maximumRetryAttempts' failed to satisfy "
        "constraint: Member must have value less than or equal to 185",
    )
    fifo = refusal(client, Target={"DeadLetterConfig": {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q.fifo"}})
    assert fifo[0] == "ValidationException"


@pytest.mark.contract("Z02", "Z06")
def test_a_rate_calls_at_once_and_gives_its_input(client: Client) -> None:
    """ "If you do not provide a StartDate for a rate-based schedule, your schedule starts invoking immediately"."""
    machine = new_machine(client, new_role(client), PASS)
    role = new_role(client, SERVICE, allow("states:StartExecution", machine))
    given = '{"schedule": "<aws.scheduler.schedule-arn>", "attempt": <aws.scheduler.attempt-number>}'

    name = create(client, {"Arn": machine, "RoleArn": role, "Input": given}, "rate(1 hour)")

    arn = f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/default/{name}"
    assert inputs(client, machine, 1) == [{"schedule": arn, "attempt": 1}]
    kept = client("scheduler").get_schedule(Name=name)
    assert kept["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
    assert [key for key in kept if key.startswith("kickstand")] == []


@pytest.mark.contract("Z02")
def test_a_change_of_anything_but_its_times_calls_nobody(client: Client) -> None:
    machine = new_machine(client, new_role(client), PASS)
    role = new_role(client, SERVICE, allow("states:StartExecution", machine))
    target = {"Arn": machine, "RoleArn": role, "Input": '"first"'}
    name = create(client, target, "rate(1 hour)")
    inputs(client, machine, 1)
    kept = {"Name": name, "FlexibleTimeWindow": OFF}

    client("scheduler").update_schedule(
        **kept, ScheduleExpression="rate(1 hour)", Target={**target, "Input": '"second"'}
    )
    client("scheduler").update_schedule(
        **kept, ScheduleExpression="rate(2 hours)", Target={**target, "Input": '"third"'}
    )

    assert sorted(inputs(client, machine, 2)) == ["first", "third"]


@pytest.mark.contract("Z01", "Z02")
def test_a_schedule_that_is_not_due_or_not_enabled_calls_nobody(client: Client) -> None:
    machine = new_machine(client, new_role(client), PASS)
    target = {"Arn": machine, "RoleArn": new_role(client, SERVICE, allow("states:StartExecution", machine))}
    later = datetime.now(UTC) + timedelta(hours=1)
    create(client, {**target, "Input": '"later"'}, "rate(1 hour)", StartDate=later)
    create(client, {**target, "Input": '"disabled"'}, State="DISABLED")
    # In a zone whose clock is ahead of UTC's the moment of now is past, in one that is behind it is not yet.
    now = f"{datetime.now(UTC):at(%Y-%m-%dT%H:%M:%S)}"
    create(client, {**target, "Input": '"west"'}, now, ScheduleExpressionTimezone="America/New_York")

    create(client, {**target, "Input": '"east"'}, now, ScheduleExpressionTimezone="Asia/Tokyo")

    assert inputs(client, machine, 1) == ["east"]


@pytest.mark.contract("Z09")
def test_a_universal_target_is_any_operation(client: Client) -> None:
    name = new_name("stack")
    cloudformation = client("cloudformation")
    parameter = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "1"}}
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"P": parameter}}))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    role = new_role(client, SERVICE, allow("*", "*"))
    arn = "arn:aws:scheduler:::aws-sdk:cloudformation:deleteStack"

    once = create(
        client,
        {"Arn": arn, "RoleArn": role, "Input": json.dumps({"StackName": name})},
        ActionAfterCompletion="DELETE",
    )

    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    deadline = time.time() + 5
    with pytest.raises(client("scheduler").exceptions.ResourceNotFoundException):
        while time.time() < deadline:
            client("scheduler").get_schedule(Name=once)
            time.sleep(0.05)


@pytest.mark.contract("Z06", "Z07")
@pytest.mark.parametrize("why", ["no permission", "target gone"])
def test_a_call_that_fails_is_in_the_dead_letter_queue(client: Client, why: str) -> None:
    url, queue = new_queue(client)
    machine = new_machine(client, new_role(client), PASS)
    role = new_role(client, SERVICE, allow("sqs:SendMessage", queue))
    if why == "target gone":
        machine += "-gone"
        role = new_role(client, SERVICE, allow("*", "*"))
    target = {"Arn": machine, "RoleArn": role, "Input": '{"a": 1}', "DeadLetterConfig": {"Arn": queue}}

    name = create(client, {**target, "RetryPolicy": {"MaximumRetryAttempts": 1}})

    body, attributes = letter(client, url)
    assert body == {"StateMachineArn": machine, "Input": '{"a": 1}'}
    code = {"no permission": "AccessDeniedException", "target gone": "StateMachineDoesNotExist"}[why]
    assert attributes.pop("ERROR_MESSAGE")
    assert len(attributes.pop("EXECUTION_ID")) == 36
    assert attributes == {
        "ERROR_CODE": code,
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": "1",
        "SCHEDULED_TIME": "2020-01-01T00:00:00Z",
        "SCHEDULE_ARN": f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/default/{name}",
        "TARGET_ARN": machine,
    }


@pytest.mark.contract("Z08")
def test_a_letter_is_sent_with_the_role_too(client: Client) -> None:
    """Without sqs:SendMessage, or without the role, a call that failed is lost, which a metric tells."""
    url, queue = new_queue(client)
    group = new_name("group")
    client("scheduler").create_schedule_group(Name=group)
    machine = new_machine(client, new_role(client), PASS)
    target = {"Arn": machine, "RoleArn": new_role(client, SERVICE), "DeadLetterConfig": {"Arn": queue}}
    create(client, {**target, "RetryPolicy": {"MaximumRetryAttempts": 0}}, GroupName=group)

    deadline = time.time() + 10
    wanted = {"InvocationAttemptCount", "TargetErrorCount", "InvocationDroppedCount"}
    wanted |= {"InvocationsFailedToBeSentToDeadLetterCount"}
    watch, dimensions = client("cloudwatch"), [{"Name": "ScheduleGroup", "Value": group}]
    found: set[str] = set()
    while found != wanted:
        assert time.time() < deadline, found
        listed = watch.list_metrics(Namespace="AWS/Scheduler", Dimensions=dimensions)["Metrics"]
        found = {metric["MetricName"] for metric in listed}
        time.sleep(0.05)
    assert "Messages" not in client("sqs").receive_message(QueueUrl=url)


def stack_template(**properties: Any) -> str:
    return json.dumps({"Resources": {"S": {"Type": "AWS::Scheduler::Schedule", "Properties": properties}}})


@pytest.mark.contract("Z10")
def test_a_template_keeps_all_that_it_says(client: Client) -> None:
    scheduler, cloudformation = client("scheduler"), client("cloudformation")
    _, queue = new_queue(client)
    machine = new_machine(client, new_role(client), PASS)
    role = new_role(client, SERVICE, allow("*", "*"))
    target = {
        "Arn": machine,
        "RoleArn": role,
        "Input": "{}",
        "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 600},
        "DeadLetterConfig": {"Arn": queue},
    }
    name, stack = new_name("s"), new_name("stack")
    first = {
        "Name": name,
        "ScheduleExpression": "cron(0 19 ? * MON-FRI *)",
        "ScheduleExpressionTimezone": "Europe/Berlin",
        "StartDate": "2026-01-01T00:00:00Z",
        "EndDate": "2099-01-01T00:00:00.000Z",
        "State": "DISABLED",
        "Description": "Evenings",
        "FlexibleTimeWindow": OFF,
        "Target": target,
    }
    cloudformation.create_stack(StackName=stack, TemplateBody=stack_template(**first))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})

    made = scheduler.get_schedule(Name=name)
    kept = ("ScheduleExpression", "ScheduleExpressionTimezone", "State", "Description", "Target")
    assert {key: made[key] for key in kept} == {key: first[key] for key in kept}
    assert (made["StartDate"], made["EndDate"]) == (datetime(2026, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC))

    second = {key: first[key] for key in ("Name", "FlexibleTimeWindow", "Target")}
    second["ScheduleExpression"] = "cron(0 7 * * ? *)"
    cloudformation.update_stack(StackName=stack, TemplateBody=stack_template(**second))
    cloudformation.get_waiter("stack_update_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})

    changed = scheduler.get_schedule(Name=name)
    assert changed["CreationDate"] == made["CreationDate"], "updated in place"
    assert (changed["ScheduleExpression"], changed["ScheduleExpressionTimezone"]) == ("cron(0 7 * * ? *)", "UTC")
    assert (changed["State"], "EndDate" in changed) == ("ENABLED", False)
    cloudformation.delete_stack(StackName=stack)


@pytest.mark.contract("Z03")
def test_a_template_with_a_zone_that_there_is_not_fails(client: Client) -> None:
    cloudformation, stack = client("cloudformation"), new_name("stack")
    properties = {
        "ScheduleExpression": "rate(1 hour)",
        "ScheduleExpressionTimezone": "Europe/Atlantis",
        "FlexibleTimeWindow": OFF,
        "Target": {
            "Arn": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m",
            "RoleArn": new_role(client, SERVICE),
        },
    }
    cloudformation.create_stack(StackName=stack, TemplateBody=stack_template(**properties), OnFailure="DO_NOTHING")

    deadline = time.time() + 15
    while cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] != "CREATE_FAILED":
        assert time.time() < deadline
        time.sleep(0.1)
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    reasons = [event.get("ResourceStatusReason", "") for event in events if event["LogicalResourceId"] == "S"]
    assert any("Invalid Schedule Expression Timezone Europe/Atlantis." in reason for reason in reasons), reasons
