"""The training trigger, run state by state against a SageMaker of the test's making."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from states_language import Run, TaskError

from infra.state_machines.training_definition import training_definition

JOB = {"AlgorithmSpecification": {"TrainingImage": "image"}, "RoleArn": "role", "EnableNetworkIsolation": True}
CHANNELS = [{"ChannelName": "train", "ContentType": "text/csv"}]
REQUEST = {
    "TrainingJobName": "bikes-dev-20261123-133054-abcd",
    "InputDataConfig": CHANNELS,
    "HyperParameters": {"num_round": "150", "eta": "0.1"},
}
NAME = REQUEST["TrainingJobName"]
FOLLOW = f"kickstand fit dev --follow {NAME}"
EXECUTION = "arn:aws:states:us-east-1:111122223333:execution:m:an-execution"
LOOK = f"aws stepfunctions describe-execution --execution-arn {EXECUTION}"
THROTTLED = TaskError(
    "SageMaker.AmazonSageMakerException",
    "Rate exceeded (Service: AmazonSageMaker; Status Code: 400; Error Code: ThrottlingException; Request ID: 1)",
)
INVALID = TaskError(
    "SageMaker.AmazonSageMakerException",
    "Bad S3Uri (Service: AmazonSageMaker; Status Code: 400; Error Code: ValidationException; Request ID: 1)",
)
BROKEN = TaskError(
    "SageMaker.AmazonSageMakerException",
    "null (Service: AmazonSageMaker; Status Code: 500; Error Code: InternalFailure; Request ID: 1)",
)
NO_QUOTA = TaskError("SageMaker.ResourceLimitExceededException", "The limit 'ml.m5.xlarge' is 0 (Status Code: 400)")


def definition(**changes: Any) -> dict[str, Any]:
    given = {
        "partition": "aws",
        "project": "bikes",
        "environment": "dev",
        "bucket": "the-bucket",
        "job_prefix": "bikes-dev",
        "job": JOB,
        "tags": {"team": "rides", "cost": "42"},
    }
    return training_definition(**{**given, **changes})


def failed(reason: str, status: str = "Failed", **more: Any) -> TaskError:
    """A job's end as `.sync` reports it."""
    job = {"TrainingJobName": "n", "TrainingJobStatus": status, "SecondaryStatus": status, **more}
    return TaskError("States.TaskFailed", json.dumps({**job, "FailureReason": reason} if reason else job))


def stopped(secondary: str = "MaxRuntimeExceeded", reason: str = "") -> dict[str, Any]:
    """A stopped job where `.sync` hands it on as a result."""
    job = {"TrainingJobStatus": "Stopped", "SecondaryStatus": secondary}
    return {**job, "FailureReason": reason} if reason else job


class World:
    """SageMaker, S3 and EventBridge: `ends` are the ends of the jobs in order: an error, what the job is described
    with, or None for success."""

    def __init__(
        self, ends: Iterable[TaskError | dict[str, Any] | None] = (None,), *, bus: TaskError | None = None
    ) -> None:
        self.ends, self.bus = list(ends), bus
        self.jobs: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.objects: dict[str, str] = {}

    def __call__(self, resource: str, arguments: Any) -> Any:
        tasks: dict[str, Callable[[Any], Any]] = {
            "arn:aws:states:::sagemaker:createTrainingJob.sync": self.train,
            "arn:aws:states:::events:putEvents": self.put_events,
            "arn:aws:states:::aws-sdk:s3:getObject": self.get_object,
        }
        return tasks[resource](arguments)

    def train(self, request: dict[str, Any]) -> dict[str, Any]:
        self.jobs.append(request)
        end = self.ends.pop(0)
        if isinstance(end, TaskError):
            raise end
        return {"TrainingJobName": request["TrainingJobName"], **(end or {"TrainingJobStatus": "Completed"})}

    def put_events(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.bus is not None:
            raise self.bus
        self.events += request["Entries"]
        return {"FailedEntryCount": 0}

    def get_object(self, request: dict[str, Any]) -> dict[str, Any]:
        assert request["Bucket"] == "the-bucket"
        if request["Key"] not in self.objects:
            raise TaskError("S3.S3Exception", "Access Denied (Service: S3, Status Code: 403)")
        return {"Body": self.objects[request["Key"]]}


def run(world: World, given: Any = REQUEST, **changes: Any) -> tuple[Run, Any]:
    execution = Run(definition(**changes), world)
    return execution, execution.start(given)


def run_to_failure(world: World, given: Any = REQUEST, **changes: Any) -> tuple[Run, TaskError]:
    execution = Run(definition(**changes), world)
    with pytest.raises(TaskError) as caught:
        execution.start(given)
    return execution, caught.value


def test_a_job_is_the_stacks_part_and_the_requests_part() -> None:
    world = World()
    _, output = run(world)
    assert world.jobs == [
        {
            **JOB,
            "TrainingJobName": NAME,
            "InputDataConfig": CHANNELS,
            "HyperParameters": {"num_round": "150", "eta": "0.1"},
            "Tags": [{"Key": "cost", "Value": "42"}, {"Key": "team", "Value": "rides"}],
        }
    ]
    assert output == {"TrainingJobName": NAME, "TrainingJobStatus": "Completed"}


def test_success_is_told_with_what_to_do_next() -> None:
    world = World()
    run(world)
    assert world.events == [
        {
            "Source": "kickstand",
            "DetailType": "Training Job Completed",
            "Detail": {
                "project": "bikes",
                "environment": "dev",
                "trainingJobName": NAME,
                "status": "Completed",
                "next": f"kickstand adopt {NAME} dev",
            },
        }
    ]


@pytest.mark.parametrize(
    ("own", "given", "expected"),
    [
        ({}, None, []),
        ({}, [{"Key": "a", "Value": "1"}], [{"Key": "a", "Value": "1"}]),
        ({"a": "stack"}, [{"Key": "a", "Value": "request"}], [{"Key": "a", "Value": "stack"}]),
        (
            {"a": "stack"},
            [{"Key": "b", "Value": "1"}, {"Key": "c", "Value": "2"}],
            [{"Key": "a", "Value": "stack"}, {"Key": "b", "Value": "1"}, {"Key": "c", "Value": "2"}],
        ),
    ],
)
def test_a_request_adds_tags_and_changes_none(own: Any, given: Any, expected: Any) -> None:
    world = World()
    run(world, REQUEST if given is None else {**REQUEST, "Tags": given}, tags=own)
    assert world.jobs[0]["Tags"] == expected


def test_throttling_is_waited_out_under_the_same_name() -> None:
    world = World([THROTTLED, THROTTLED, None])
    execution, _ = run(world)
    assert [job["TrainingJobName"] for job in world.jobs] == [NAME, NAME, NAME]
    assert execution.waits == [2, 4]


def test_throttling_is_not_waited_out_for_ever() -> None:
    world = World([THROTTLED] * 7)
    execution, error = run_to_failure(world)
    assert execution.waits == [2, 4, 8, 16, 32, 64]
    assert error.cause.startswith("Rate exceeded")
    assert world.events[0]["Detail"]["failureReason"] == error.cause


@pytest.mark.parametrize(
    "fault",
    [
        failed("CapacityError: Unable to provision requested ML compute capacity."),
        failed("InternalServerError: We encountered an internal error. Please try again."),
        BROKEN,
    ],
    ids=["capacity", "internal", "create"],
)
def test_faults_of_the_platform_are_retried_under_new_names(fault: TaskError) -> None:
    world = World([fault, fault, None])
    execution, output = run(world)
    assert [job["TrainingJobName"] for job in world.jobs] == [NAME, f"{NAME}-r1", f"{NAME}-r2"]
    assert execution.waits == [30, 60]
    assert output["TrainingJobName"] == world.events[0]["Detail"]["trainingJobName"] == f"{NAME}-r2"


def test_faults_of_the_platform_are_retried_twice() -> None:
    reason = "CapacityError: Unable to provision requested ML compute capacity."
    world = World([failed(reason)] * 3)
    _, error = run_to_failure(world)
    assert len(world.jobs) == 3
    assert (error.error, error.cause) == ("TrainingJobFailed", reason)
    assert world.events[0]["Detail"]["trainingJobName"] == f"{NAME}-r2"


def test_throttling_of_a_further_attempt_keeps_its_name() -> None:
    world = World([THROTTLED, failed("CapacityError: none"), THROTTLED, None])
    execution, _ = run(world)
    assert [job["TrainingJobName"] for job in world.jobs] == [NAME, NAME, f"{NAME}-r1", f"{NAME}-r1"]
    assert execution.waits == [2, 30, 2]


@pytest.mark.parametrize(
    ("end", "error", "cause", "status"),
    [
        (
            failed("AlgorithmError: rmse: InternalServerError"),
            "TrainingJobFailed",
            "AlgorithmError: rmse: InternalServerError",
            "Failed",
        ),
        (
            failed("ClientError: Rate exceeded in\nfile 'x'"),
            "TrainingJobFailed",
            "ClientError: Rate exceeded in\nfile 'x'",
            "Failed",
        ),
        (
            failed("", status="Stopped", SecondaryStatus="MaxRuntimeExceeded"),
            "TrainingJobStopped",
            "The job was stopped (MaxRuntimeExceeded).",
            "Stopped",
        ),
        (
            stopped("MaxRuntimeExceeded"),
            "TrainingJobStopped",
            "The job was stopped (MaxRuntimeExceeded).",
            "Stopped",
        ),
        (
            stopped("MaxWaitTimeExceeded", "No spot capacity came in time."),
            "TrainingJobStopped",
            "No spot capacity came in time.",
            "Stopped",
        ),
        (INVALID, INVALID.error, INVALID.cause, "Failed"),
        (NO_QUOTA, NO_QUOTA.error, NO_QUOTA.cause, "Failed"),
        (
            TaskError("States.TaskFailed", '{"TrainingJobStatus":"Failed", cut off'),
            "States.TaskFailed",
            '{"TrainingJobStatus":"Failed", cut off',
            "Failed",
        ),
    ],
    ids=[
        "algorithm",
        "client",
        "stopped",
        "stopped as a result",
        "waited as a result",
        "invalid",
        "quota",
        "truncated",
    ],
)
def test_every_other_failure_ends_with_its_own_reason(
    end: TaskError | dict[str, Any], error: str, cause: str, status: str
) -> None:
    world = World([end])
    execution, raised = run_to_failure(world)
    assert (raised.error, raised.cause) == (error, cause)
    assert execution.waits == []
    assert world.events == [
        {
            "Source": "kickstand",
            "DetailType": "Training Job Failed",
            "Detail": {
                "project": "bikes",
                "environment": "dev",
                "trainingJobName": NAME,
                "status": status,
                "failureReason": cause,
                "next": FOLLOW if error.startswith("TrainingJob") else LOOK,
            },
        }
    ]


def test_a_bus_that_fails_hides_neither_success_nor_reason() -> None:
    down = TaskError("EventBridge.EventBridgeException", "down")
    execution, output = run(World(bus=down))
    assert output == {"TrainingJobName": NAME, "TrainingJobStatus": "Completed"}
    assert execution.waits == [1, 2, 4]
    _, error = run_to_failure(World([failed("AlgorithmError: no")], bus=down))
    assert (error.error, error.cause) == ("TrainingJobFailed", "AlgorithmError: no")


def test_a_manifest_is_a_request_and_its_job_is_named_by_the_execution() -> None:
    world = World()
    world.objects["manifests/m.json"] = json.dumps({k: v for k, v in REQUEST.items() if k != "TrainingJobName"})
    run(world, {"Manifest": "manifests/m.json"})
    four = hashlib.sha256(b"an-execution").hexdigest()[:4]
    assert world.jobs[0]["TrainingJobName"] == f"bikes-dev-20261123-133054-{four}"
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", world.jobs[0]["TrainingJobName"])
    assert world.jobs[0]["InputDataConfig"] == CHANNELS
    assert world.jobs[0]["HyperParameters"] == REQUEST["HyperParameters"]


def test_a_manifest_that_is_not_there_is_told_too() -> None:
    world = World()
    _, error = run_to_failure(world, {"Manifest": "latest/manifest.json"})
    assert error.cause.startswith("Cannot read manifest latest/manifest.json (nothing uploaded yet?): Access Denied")
    assert world.jobs == []
    assert world.events[0]["Detail"]["failureReason"] == error.cause
    assert world.events[0]["Detail"]["next"] == LOOK


@pytest.mark.parametrize("given", [{}, {"InputDataConfig": CHANNELS}, {"HyperParameters": {}, "InputDataConfig": {}}])
def test_an_incomplete_request_starts_no_job(given: Any) -> None:
    world = World()
    _, error = run_to_failure(world, given)
    assert error.error == "InvalidRequest"
    assert world.jobs == []
    assert world.events[0]["DetailType"] == "Training Job Failed"


def test_a_partition_has_its_own_integrations() -> None:
    states = definition(partition="aws-cn")["States"].values()
    resources = {state["Resource"] for state in states if state["Type"] == "Task"}
    assert {resource.split(":")[1] for resource in resources} == {"aws-cn"}


def test_every_state_is_reached_and_every_reference_exists() -> None:
    whole = definition()
    states = whole["States"]
    targets = {whole["StartAt"]} | set(re.findall(r'"(?:Next|Default)": "([^"]+)"', json.dumps(states)))
    assert targets == set(states)
