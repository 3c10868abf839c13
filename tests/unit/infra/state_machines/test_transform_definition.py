"""The transform trigger, run state by state against a SageMaker of the test's making."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from states_language import Run, TaskError

from infra.state_machines.transform_definition import transform_definition

NAME = "bikes-dev-20261123-133054-abcd"
INPUT = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/x"}}, "SplitType": "Line"}
REQUEST = {"TransformJobName": NAME, "TransformInput": INPUT}
JOB = {"ModelName": "m", "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1}}


def definition(kms_key_arn: str | None = None) -> dict[str, Any]:
    return transform_definition(
        partition="aws",
        project="bikes",
        environment="dev",
        job_prefix="bikes-dev",
        job=JOB,
        output_uri="s3://b/transform/output",
        kms_key_arn=kms_key_arn,
        tags={"team": "rides"},
    )


def failed(reason: str, status: str = "Failed") -> TaskError:
    job = {"TransformJobName": "n", "TransformJobStatus": status, **({"FailureReason": reason} if reason else {})}
    return TaskError("States.TaskFailed", json.dumps(job))


class World:
    """SageMaker and EventBridge: `ends` are the ends of the jobs in order, an error, a status, or None for success."""

    def __init__(self, ends: Iterable[TaskError | str | None] = (None,)) -> None:
        self.ends = list(ends)
        self.jobs: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []

    def __call__(self, resource: str, arguments: Any) -> Any:
        if resource == "arn:aws:states:::events:putEvents":
            self.events += arguments["Entries"]
            return {}
        assert resource == "arn:aws:states:::sagemaker:createTransformJob.sync"
        self.jobs.append(arguments)
        end = self.ends.pop(0)
        if isinstance(end, TaskError):
            raise end
        return {**arguments, "TransformJobStatus": end or "Completed"}


def test_a_job_is_the_stacks_part_and_the_requests_part() -> None:
    world = World()
    output = Run(definition(), world).start({**REQUEST, "Tags": [{"Key": "a", "Value": "b"}]})
    assert world.jobs == [
        {
            **JOB,
            "TransformJobName": NAME,
            "TransformInput": INPUT,
            "TransformOutput": {
                "S3OutputPath": f"s3://b/transform/output/{NAME}",
                "Accept": "text/csv",
                "AssembleWith": "Line",
            },
            "DataProcessing": {},
            "Tags": [{"Key": "team", "Value": "rides"}, {"Key": "a", "Value": "b"}],
        }
    ]
    assert output["TransformJobStatus"] == "Completed"
    (event,) = world.events
    assert (event["DetailType"], event["Detail"]) == (
        "Transform Job Completed",
        {
            "project": "bikes",
            "environment": "dev",
            "transformJobName": NAME,
            "status": "Completed",
            "output": f"s3://b/transform/output/{NAME}",
        },
    )


def test_what_the_request_says_of_answers_and_the_stack_of_keys() -> None:
    world = World()
    processing = {"JoinSource": "Input"}
    given = {
        "TransformInput": {**INPUT, "SplitType": "None"},
        "Accept": "application/json",
        "DataProcessing": processing,
    }
    Run(definition("key"), world).start(given)
    (job,) = world.jobs
    assert job["TransformJobName"] == "bikes-dev-20261123-133054-" + job["TransformJobName"][-4:]
    assert job["TransformOutput"] == {
        "KmsKeyId": "key",
        "S3OutputPath": f"s3://b/transform/output/{job['TransformJobName']}",
        "Accept": "application/json",
        "AssembleWith": "None",
    }
    assert job["DataProcessing"] == processing


def test_capacity_is_waited_for_under_other_names_and_other_places() -> None:
    world = World([failed("CapacityError: none"), failed("InternalServerError: oops"), None])
    execution = Run(definition(), world)
    execution.start(REQUEST)
    names = [job["TransformJobName"] for job in world.jobs]
    assert names == [NAME, f"{NAME}-r1", f"{NAME}-r2"]
    assert [job["TransformOutput"]["S3OutputPath"].rpartition("/")[2] for job in world.jobs] == names
    assert execution.waits == [30, 60]


@pytest.mark.parametrize(
    ("end", "error", "cause", "status"),
    [
        (failed("ClientError: See job logs"), "TransformJobFailed", "ClientError: See job logs", "Failed"),
        (failed("", "Stopped"), "TransformJobStopped", "The job was stopped.", "Stopped"),
        ("Stopped", "TransformJobStopped", "The job was stopped.", "Stopped"),
    ],
)  # fmt: skip
def test_a_job_that_fails_fails_the_execution_and_tells(
    end: TaskError | str, error: str, cause: str, status: str
) -> None:
    world = World([end])
    with pytest.raises(TaskError) as caught:
        Run(definition(), world).start(REQUEST)
    assert (caught.value.error, caught.value.cause) == (error, cause)
    detail = world.events[0]["Detail"]
    assert (detail["status"], detail["failureReason"]) == (status, cause)
    assert detail["next"] == f"kickstand transform dev --follow {NAME}"


def test_a_request_without_input_is_refused_and_named() -> None:
    world = World()
    with pytest.raises(TaskError) as caught:
        Run(definition(), world).start({"Accept": "text/csv"})
    assert (caught.value.error, world.jobs) == ("InvalidRequest", [])
