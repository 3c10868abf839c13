"""Executions of state machines: language, retries, stopping, time limits, names, and a restart."""

from __future__ import annotations

import json
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from state_machines import Client, allow, ended, new_machine, new_role, run

WAIT = {"Type": "Wait", "Seconds": 30, "End": True}


def test_jsonata_hands_whole_maps_on_unchanged(client: Client) -> None:
    given = {
        "HyperParameters": {"num_round": "150", "eta": "0.1", "_tuning.metric": "rmse"},
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/k"}}}],
        "Empty": {},
        "None": [],
    }
    states = {"Keep": {"Type": "Pass", "Output": "{% $states.input %}", "End": True}}

    end = run(client, new_machine(client, new_role(client), states), given)

    assert (end["status"], json.loads(end["output"])) == ("SUCCEEDED", given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [({"Manifest": "manifests/a.json"}, "manifest"), ({"TrainingJobName": "a"}, "named"), ({}, "neither")],
)
def test_choice_on_jsonata(client: Client, given: dict[str, str], expected: str) -> None:
    states = {
        "Which": {
            "Type": "Choice",
            "Choices": [
                {"Condition": "{% $exists($states.input.Manifest) %}", "Next": "manifest"},
                {"Condition": "{% $exists($states.input.TrainingJobName) %}", "Next": "named"},
            ],
            "Default": "neither",
        },
        **{name: {"Type": "Pass", "Output": name, "End": True} for name in ("manifest", "named", "neither")},
    }

    end = run(client, new_machine(client, new_role(client), states), given)

    assert json.loads(end["output"]) == expected


def test_retry_and_catch_by_error_name(client: Client) -> None:
    read = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Arguments": {"Bucket": f"missing-{uuid.uuid4().hex}", "Key": "k"},
        "Retry": [{"ErrorEquals": ["S3.NoSuchBucketException"], "IntervalSeconds": 1, "MaxAttempts": 1}],
        "Catch": [
            {"ErrorEquals": ["S3.S3Exception"], "Next": "Wrong"},
            {
                "ErrorEquals": ["S3.NoSuchBucketException"],
                "Assign": {"why": "{% $states.errorOutput.Error %}"},
                "Next": "Right",
            },
        ],
        "End": True,
    }
    fail = {"Type": "Fail", "Error": "Own", "Cause": "{% 'caught ' & $why %}"}
    states = {"Read": read, "Wrong": {"Type": "Succeed"}, "Right": fail}
    role = new_role(client, policy=allow("s3:*", "*"))
    machine = new_machine(client, role, states)

    end = run(client, machine)

    assert (end["status"], end["error"], end["cause"]) == ("FAILED", "Own", "caught S3.NoSuchBucketException")
    history = client("stepfunctions").get_execution_history(executionArn=end["executionArn"])["events"]
    assert [event["type"] for event in history].count("TaskScheduled") == 2


def test_a_stopped_execution_stays_aborted_with_its_cause(client: Client) -> None:
    states = client("stepfunctions")
    machine = new_machine(client, new_role(client), {"Wait": {**WAIT, "Seconds": 1}})
    arn = states.start_execution(stateMachineArn=machine)["executionArn"]
    time.sleep(0.4)

    states.stop_execution(executionArn=arn, error="Stopped", cause="by me")
    time.sleep(1.2)

    end = states.describe_execution(executionArn=arn)
    assert (end["status"], end["error"], end["cause"]) == ("ABORTED", "Stopped", "by me")
    history = states.get_execution_history(executionArn=arn)["events"]
    assert history[-1]["type"] == "ExecutionAborted"


@pytest.mark.contract("Y04")
def test_a_stop_ends_an_execution_that_waits(client: Client) -> None:
    states = client("stepfunctions")
    wait = {"Type": "Wait", "Seconds": "{% 3600 %}", "Next": "Never"}
    machine = new_machine(client, new_role(client), {"Wait": wait, "Never": {"Type": "Succeed"}})
    arn = states.start_execution(stateMachineArn=machine)["executionArn"]
    wait_until_in(client, arn, "WaitStateEntered")

    states.stop_execution(executionArn=arn)

    history = states.get_execution_history(executionArn=arn)["events"]
    assert [event["type"] for event in history] == ["ExecutionStarted", "WaitStateEntered", "ExecutionAborted"]


def wait_until_in(client: Client, arn: str, event: str) -> None:
    deadline = time.time() + 10
    while event not in str(client("stepfunctions").get_execution_history(executionArn=arn)["events"]):
        assert time.time() < deadline
        time.sleep(0.02)


@pytest.mark.contract("Y04")
@pytest.mark.parametrize("timestamp", ["2020-01-01T00:00:00Z", "{% $states.input.until %}"])
def test_a_wait_ends_at_its_moment(client: Client, timestamp: str) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)  # stopDate has whole milliseconds
    states = {"Wait": {"Type": "Wait", "Timestamp": timestamp, "End": True}}
    machine = new_machine(client, new_role(client), states)

    end = run(client, machine, {"until": until.isoformat()})

    assert end["status"] == "SUCCEEDED"
    waited = (end["stopDate"] - end["startDate"]).total_seconds()
    assert end["stopDate"] >= until if "input" in timestamp else waited < 0.9


@pytest.mark.contract("Y05")
def test_an_execution_keeps_the_definition_that_it_began_with(client: Client) -> None:
    states = client("stepfunctions")
    until = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    wait = {"Type": "Wait", "Timestamp": until, "Next": "Last"}
    old = {"Wait": wait, "Last": {"Type": "Pass", "Output": "old", "End": True}}
    machine = new_machine(client, new_role(client), old)
    arn = states.start_execution(stateMachineArn=machine)["executionArn"]
    wait_until_in(client, arn, "WaitStateEntered")

    new = {"Last": {"Type": "Pass", "Output": "new", "End": True}}
    definition = {"QueryLanguage": "JSONata", "StartAt": "Last", "States": new}
    states.update_state_machine(stateMachineArn=machine, definition=json.dumps(definition))

    assert json.loads(ended(client, arn)["output"]) == "old"
    assert json.loads(run(client, machine)["output"]) == "new"


def test_a_state_machine_has_a_time_limit(client: Client) -> None:
    machine = new_machine(client, new_role(client), {"Wait": {**WAIT, "Seconds": 3}}, TimeoutSeconds=1)

    end = run(client, machine)

    assert (end["status"], end["error"]) == ("TIMED_OUT", "States.Timeout")


def test_the_same_name_and_input_is_the_same_execution_while_it_runs(client: Client) -> None:
    states = client("stepfunctions")
    machine = new_machine(client, new_role(client), {"Wait": {**WAIT, "Seconds": 2}})
    first = states.start_execution(stateMachineArn=machine, name="one", input='{"a": 1}')

    again = states.start_execution(stateMachineArn=machine, name="one", input='{"a": 1}')

    assert (again["executionArn"], again["startDate"]) == (first["executionArn"], first["startDate"])
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(stateMachineArn=machine, name="one", input='{"a": 2}')
    assert ended(client, first["executionArn"])["status"] == "SUCCEEDED"
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(stateMachineArn=machine, name="one", input='{"a": 1}')


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [("a b", "{}", "InvalidName"), ("a/b", "{}", "InvalidName"), ("ok", "{", "InvalidExecutionInput")],
)
def test_bad_names_and_inputs_are_refused(client: Client, name: str, given: str, code: str) -> None:
    machine = new_machine(client, new_role(client), {"Done": {"Type": "Succeed"}})

    with pytest.raises(ClientError) as refused:
        client("stepfunctions").start_execution(stateMachineArn=machine, name=name, input=given)

    assert refused.value.response["Error"]["Code"] == code
