"""Executions of the training trigger: their names, their start, their end."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from samples import environment
from workspaces import workspace

from infra.state_machines.training_definition import training_job
from kickstand.config.model import Training
from kickstand.errors import KickstandError
from kickstand.names import Names
from training.job.execution import _SETTINGS, Execution, Trigger, _deployed, _written
from training.job.kind import attempts_of, job_of

NAMES = Names(environment())
MACHINE = "arn:aws:states:us-east-1:111122223333:stateMachine:bikes-dev-training"
EXECUTION = "arn:aws:states:us-east-1:111122223333:execution:bikes-dev-training:job"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def states() -> Any:
    return boto3.client(
        "stepfunctions", region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none"
    )


def trigger(states: Any) -> Trigger:
    return Trigger(workspace(), states)


def definition(request: dict[str, Any]) -> str:
    """A state machine whose job has this part of its request."""
    return json.dumps({"StartAt": "Train", "States": {"Train": {"Type": "Task", "Arguments": request}}})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"States": {"Train": {}}}', definition({"ResourceConfig": None})])
def test_a_state_machine_that_is_not_ours_says_nothing_of_settings(states: Any, text: str) -> None:
    machine = {
        "stateMachineArn": MACHINE,
        "name": "bikes-dev-training",
        "definition": text or " ",
        "roleArn": "arn:aws:iam::111122223333:role/trigger",
        "type": "STANDARD",
        "creationDate": 0,
    }
    with Stubber(states) as stub:
        stub.add_response("describe_state_machine", machine)
        trigger(states).require_settings()


def test_what_the_stack_fixes_is_read_where_the_stack_writes_it() -> None:
    """Every setting has its place in the request that infra makes."""
    chosen = Training(
        instance_type="ml.m5.large",
        instance_count=2,
        volume_size_gb=30,
        max_runtime_seconds=60,
        max_wait_seconds=90,
        spot=True,
        encrypt_inter_container_traffic=True,
    )
    request = training_job(Names(environment(training=chosen)), role_arn="arn:aws:iam::1:role/r")
    found = {setting: _written(_deployed(request, setting)) for setting in _SETTINGS}
    assert list(found.values()) == ["3.2-0", "ml.m5.large", "2", "30", "60", "90", "true", "true"]


def test_attempts_belong_to_their_job() -> None:
    assert attempts_of("job") == ("job", "job-r1", "job-r2")
    assert [job_of(name) for name in attempts_of("job")] == ["job"] * 3
    assert [job_of(name) for name in ("job-r12", "job-run1")] == ["job-r12", "job-run1"]


def test_starting_gives_the_job_s_name_to_the_execution(states: Any) -> None:
    given = {"TrainingJobName": "job", "InputDataConfig": [{"ChannelName": "train"}], "HyperParameters": {"a": "1"}}
    expected = {"stateMachineArn": MACHINE, "name": "job", "input": json.dumps(given, sort_keys=True)}
    with Stubber(states) as stub:
        stub.add_response("start_execution", {"executionArn": EXECUTION, "startDate": NOW}, expected)
        trigger(states).start("job", [{"ChannelName": "train"}], {"a": "1"})
        stub.assert_no_pending_responses()


@pytest.mark.parametrize("operation", ["describe_state_machine", "start_execution"])
def test_a_stack_that_is_not_deployed_is_told_with_the_command(states: Any, operation: str) -> None:
    with Stubber(states) as stub:
        stub.add_client_error(operation, "StateMachineDoesNotExist", "State Machine Does Not Exist")
        with pytest.raises(KickstandError, match="bikes-dev-training is not deployed in account 111122223333") as told:
            if operation == "start_execution":
                trigger(states).start("job", [], {})
            else:
                trigger(states).require_settings()
    assert told.value.problems[0].fix == "Deploy it: kickstand deploy dev"


def test_an_execution_is_found_by_its_job_s_name(states: Any) -> None:
    answer = {
        "executionArn": EXECUTION,
        "stateMachineArn": MACHINE,
        "name": "job",
        "status": "FAILED",
        "startDate": NOW,
        "error": "States.TaskFailed",
        "cause": "boom",
    }
    with Stubber(states) as stub:
        stub.add_response("describe_execution", answer, {"executionArn": EXECUTION})
        assert trigger(states).find("job") == Execution(EXECUTION, "FAILED", "States.TaskFailed", "boom")


def test_no_execution_is_none(states: Any) -> None:
    with Stubber(states) as stub:
        stub.add_client_error("describe_execution", "ExecutionDoesNotExist")
        assert trigger(states).find("job") is None


@pytest.mark.parametrize(("status", "stopped"), [("RUNNING", True), ("SUCCEEDED", False)])
def test_only_a_running_execution_is_stopped(states: Any, status: str, stopped: bool) -> None:
    answer = {
        "executionArn": EXECUTION,
        "stateMachineArn": MACHINE,
        "name": "job",
        "status": status,
        "startDate": NOW,
    }
    with Stubber(states) as stub:
        stub.add_response("describe_execution", answer, {"executionArn": EXECUTION})
        if stopped:
            expected = {"executionArn": EXECUTION, "error": "Stopped", "cause": "by hand"}
            stub.add_response("stop_execution", {"stopDate": NOW}, expected)
        assert trigger(states).stop("job", "by hand") is stopped
        stub.assert_no_pending_responses()


@pytest.mark.parametrize(("now", "raised"), [("SUCCEEDED", False), ("RUNNING", True)])
def test_an_execution_that_ends_before_it_is_stopped_is_not_stopped(states: Any, now: str, raised: bool) -> None:
    answer = {"executionArn": EXECUTION, "stateMachineArn": MACHINE, "name": "job", "startDate": NOW}
    with Stubber(states) as stub:
        stub.add_response("describe_execution", {**answer, "status": "RUNNING"}, {"executionArn": EXECUTION})
        stub.add_client_error("stop_execution", "ValidationException", "Execution is not running.")
        stub.add_response("describe_execution", {**answer, "status": now}, {"executionArn": EXECUTION})
        if raised:
            with pytest.raises(KickstandError, match="Execution is not running"):
                trigger(states).stop("job", "by hand")
        else:
            assert trigger(states).stop("job", "by hand") is False
        stub.assert_no_pending_responses()


@pytest.mark.parametrize(("deployed", "refused"), [("3.2-0", False), ("3.0-5", True), ("1.7-1", True)])
def test_a_stack_that_trains_with_another_image_than_chosen_is_told(states: Any, deployed: str, refused: bool) -> None:
    uri = f"683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:{deployed}"
    machine = {
        "stateMachineArn": "arn:aws:states:us-east-1:111122223333:stateMachine:bikes-dev-training",
        "name": "bikes-dev-training",
        "definition": definition({"AlgorithmSpecification": {"TrainingImage": uri, "TrainingInputMode": "File"}}),
        "roleArn": "arn:aws:iam::111122223333:role/trigger",
        "type": "STANDARD",
        "creationDate": 0,
    }
    with Stubber(states) as stub:
        stub.add_response("describe_state_machine", machine)
        if not refused:
            trigger(states).require_settings()
            return
        with pytest.raises(KickstandError) as told:
            trigger(states).require_settings()
    (problem,) = told.value.problems
    assert problem.message == f"The training stack that is deployed trains with image {deployed}; 3.2-0 is chosen."
    assert problem.fix == "Deploy it: kickstand deploy dev --training"


def test_every_setting_that_was_changed_since_the_stack_was_deployed_is_told(states: Any) -> None:
    fixed = {
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 4, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 90},
        "EnableManagedSpotTraining": True,
        "EnableInterContainerTrafficEncryption": True,
    }
    machine = {
        "stateMachineArn": MACHINE,
        "name": "bikes-dev-training",
        "definition": definition(fixed),
        "roleArn": "arn:aws:iam::111122223333:role/trigger",
        "type": "STANDARD",
        "creationDate": 0,
    }
    with Stubber(states) as stub:
        stub.add_response("describe_state_machine", machine)
        with pytest.raises(KickstandError) as told:
            trigger(states).require_settings()
    begins = "The training stack that is deployed trains with "
    assert [problem.message for problem in told.value.problems] == [
        f"{begins}instance_count 4; 1 is chosen.",
        f"{begins}max_runtime_seconds 60; 3600 is chosen.",
        f"{begins}spot true; false is chosen.",
        f"{begins}encrypt_inter_container_traffic true; false is chosen.",
    ]
    assert [problem.fix for problem in told.value.problems][-2:] == ["", "Deploy it: kickstand deploy dev --training"]


def test_a_stack_that_was_deployed_without_the_chosen_encryption_is_told(states: Any) -> None:
    given = environment(training=Training(encrypt_inter_container_traffic=True))
    machine = {
        "stateMachineArn": MACHINE,
        "name": "bikes-dev-training",
        "definition": definition({"EnableManagedSpotTraining": False}),
        "roleArn": "arn:aws:iam::111122223333:role/trigger",
        "type": "STANDARD",
        "creationDate": 0,
    }
    with Stubber(states) as stub:
        stub.add_response("describe_state_machine", machine)
        with pytest.raises(KickstandError) as told:
            Trigger(workspace(of=given), states).require_settings()
    assert [problem.message for problem in told.value.problems] == [
        "The training stack that is deployed trains with encrypt_inter_container_traffic false; true is chosen."
    ]
