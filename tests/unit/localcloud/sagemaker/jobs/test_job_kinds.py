"""A kind of job is its names and its rules: all else is common to the kinds."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sagemaker_fakes import ROLE, SCOPE, Fakes, Rows

from localcloud.jobs.events import JobEvent
from localcloud.sagemaker.api.call import Call, Scope, ServiceError
from localcloud.sagemaker.jobs.kind import KINDS, JobKind, JobRules, Record
from localcloud.sagemaker.jobs.operations import Jobs
from localcloud.sagemaker.jobs.runs import JobRuns
from localcloud.sagemaker.listing import Tags
from localcloud.sagemaker.processes import JobOrder
from localcloud.sagemaker.store import TABLES, Events, Stores

PROCESSING = JobKind(
    "ProcessingJob", "processing job", "processing-job", "processing_jobs", "processing", "processing", True
)
REQUEST = {"ProcessingJobName": "job", "RoleArn": ROLE}
ARN = "arn:aws:sagemaker:us-east-1:111122223333:processing-job/job"


class ProcessingJob(JobRules):
    kind = PROCESSING

    def admit(self, call: Call) -> None:
        call.caller.require("iam:PassRole", call.request["RoleArn"])

    def role(self, scope: Scope, request: Mapping[str, Any]) -> str:
        return str(request["RoleArn"])

    def order(self, call: Call) -> JobOrder:
        return JobOrder(call.request, call.request["RoleArn"], 60)

    def taken(self, arn: str) -> str:
        return f"{arn} exists."

    def absent(self, name: str) -> str:
        return f"{name} does not exist."

    def new(self, scope: Scope, request: Mapping[str, Any], now: float) -> Record:
        arn = scope.arn("processing-job", request["ProcessingJobName"])
        return {**request, "ProcessingJobArn": arn, "ProcessingJobStatus": "InProgress", "CreationTime": now}

    def stopping(self, record: Record, final: str, now: float) -> Record:
        return {**record, "ProcessingJobStatus": "Stopping", "ExitMessage": final}

    def after(self, record: Record, event: JobEvent) -> Record | None:
        return {**record, "ProcessingStartTime": event.time} if event.kind == "status" else None

    def finished(self, record: Record, event: JobEvent) -> Record:
        stopping = record["ProcessingJobStatus"] == "Stopping"
        status = "Stopped" if stopping else event.outcome
        return {**record, "ProcessingJobStatus": status, "FailureReason": event.failure_reason}

    def limits(self, record: Record, event: JobEvent | None) -> Iterable[tuple[float, str]]:
        return [(0.01, "TooLong")] if event is not None and event.message == "slow" else []


class World:
    def __init__(self, folder: Path) -> None:
        self.fakes = Fakes()
        stores = Stores({name: Rows() for name in (*TABLES, "processing_jobs")})
        rules, events, clock = ProcessingJob(), Events(self.fakes), self.fakes.clock
        self.runs = JobRuns(rules, stores, self.fakes, self.fakes, events, folder=folder, clock=clock)
        self.operations = Jobs(rules, stores, self.runs, Tags(stores), events, clock=clock).operations()

    def __call__(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.operations[operation](Call(SCOPE, request, self.fakes))

    def job(self) -> dict[str, Any]:
        return self("DescribeProcessingJob", ProcessingJobName="job")

    def refusal(self, operation: str, **request: Any) -> str:
        with pytest.raises(ServiceError) as caught:
            self(operation, **request)
        return caught.value.message

    def heard(self) -> list[tuple[str, str]]:
        return [(what, detail["ProcessingJobStatus"]) for what, _, detail in self.fakes.events]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_further_kind_is_its_names_and_its_rules(world: World) -> None:
    assert world("CreateProcessingJob", **REQUEST) == {"ProcessingJobArn": ARN}
    assert world.refusal("CreateProcessingJob", **REQUEST) == f"{ARN} exists."
    ((order, run),) = world.fakes.transforms
    assert (order.role, dict(run.environment)) == (ROLE, {"AWS_ACCESS_KEY_ID": ROLE, "SECONDS": "60"})
    run.say("status", "Working")
    assert world.job()["ProcessingStartTime"] == 1000.0
    run.say("finished", outcome="Failed", failure_reason="ClientError: no")
    assert (world.job()["ProcessingJobStatus"], world.job()["FailureReason"]) == ("Failed", "ClientError: no")
    (listed,) = world("ListProcessingJobs")["ProcessingJobSummaries"]
    assert listed["ProcessingJobName"] == "job"
    name = "SageMaker Processing Job State Change"
    assert world.heard() == [(name, "InProgress"), (name, "Failed")]
    assert world.refusal("DescribeProcessingJob", ProcessingJobName="other") == "other does not exist."
    assert world.refusal("StopProcessingJob", ProcessingJobName="job") == (
        "The request was rejected because the processing job is in status Failed."
    )


def test_its_limits_stop_it(world: World) -> None:
    world("CreateProcessingJob", **REQUEST)
    ((_, run),) = world.fakes.transforms
    run.say("status", "Working", "slow")
    deadline = time.monotonic() + 10
    while not run.stopped_as and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (run.stopped_as, world.job()["ExitMessage"]) == (["TooLong"], "TooLong")
    run.say("finished", outcome="Failed")
    assert world.job()["ProcessingJobStatus"] == "Stopped"
    assert [status for _, status in world.heard()] == ["InProgress", "Stopping", "Stopped"]


def test_it_is_closed_after_a_restart(world: World) -> None:
    world("CreateProcessingJob", **REQUEST)
    world.runs.shutdown()
    assert world.fakes.transforms[0][1].terminated and world.job()["ProcessingJobStatus"] == "InProgress"
    world.runs.fail_interrupted()
    assert world.job()["FailureReason"] == (
        "InternalServerError: The local cloud was stopped while this processing job was in status InProgress; its "
        "processes ended with it."
    )


def test_the_names_of_a_kind_are_its_own() -> None:
    kinds = (*KINDS, PROCESSING)
    for member in ("noun", "title", "resource", "table", "folder", "agent"):
        assert len({getattr(kind, member) for kind in kinds}) == len(kinds)
