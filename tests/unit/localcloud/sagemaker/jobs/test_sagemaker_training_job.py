"""Training jobs in the control plane: what is refused, how a record goes from Starting to its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sagemaker_fakes import IMAGE, ROLE, SCOPE, Fakes, Plane, make_plane, training_request

from localcloud.sagemaker.api.call import ServiceError
from localcloud.sagemaker.jobs.kind import TRAINING

ARN = "arn:aws:sagemaker:us-east-1:111122223333:training-job/job"


@pytest.fixture
def plane(tmp_path: Path) -> Plane:
    return make_plane(tmp_path)


def refusal(plane: Plane, **changes: Any) -> str:
    with pytest.raises(ServiceError) as caught:
        plane.train(**changes)
    assert plane.rows["training_jobs"].data == {}
    assert plane.fakes.runs == []
    return f"{caught.value.code}: {caught.value.message}"


@pytest.mark.contract("T78")
def test_more_instances_than_the_quota_are_refused_before_any_starts(plane: Plane) -> None:
    resources = {"InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
    assert refusal(plane, ResourceConfig={**resources, "InstanceCount": 21}) == (
        "ResourceLimitExceeded: The account-level service limit 'Number of instances for a training job' is 20 "
        "Instances, with current utilization of 0 Instances and a request delta of 21 Instances. Please use AWS "
        "Service Quotas to request an increase for this quota. If AWS Service Quotas is not available, contact AWS "
        "support to request an increase for this quota."
    )
    plane.train(ResourceConfig={**resources, "InstanceCount": 20})


@pytest.mark.contract("C3")
def test_a_volume_key_for_local_disks_and_an_arm_processor_are_refused_by_name(plane: Plane) -> None:
    resources = {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10, "VolumeKmsKeyId": "alias/k"}
    assert refusal(plane, ResourceConfig=resources) == (
        "ValidationException: VolumeKmsKeyId cannot be specified with instance type ml.g5.xlarge: its local storage is "
        "encrypted by the instance."
    )
    grace = {"InstanceType": "ml.p6e-gb200.36xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10}
    assert refusal(plane, ResourceConfig=grace) == (
        "ValidationException: InstanceType ml.p6e-gb200.36xlarge (an ARM processor, which the image is not built for) "
        "is not supported by the local cloud yet."
    )


def test_a_job_from_start_to_end(plane: Plane, tmp_path: Path) -> None:
    clock = plane.fakes.clock
    assert plane.train(Tags=[{"Key": "a", "Value": "b"}]) == {"TrainingJobArn": ARN}
    run = plane.fakes.runs[0]
    assert run.started and run.request["HyperParameters"] == {"num_round": "5"}
    assert plane.job()["TrainingJobStatus"] == "InProgress"
    assert plane.job()["SecondaryStatus"] == "Starting"
    assert "ModelArtifacts" not in plane.job() and "TrainingStartTime" not in plane.job()
    for now, status in ((1010.0, "Downloading"), (1020.0, "Training")):
        clock.now = now
        run.say("status", status, f"{status} now")
    for value in (0.5, 0.25):
        run.say("metric", metric=("train:rmse", value))
    clock.now = 1030.0
    run.say("status", "Uploading", "Uploading now")
    run.say("status", "Completed", "Training job completed")
    assert plane.job()["SecondaryStatus"] == "Uploading"  # the end comes whole, with "finished"
    clock.now = 1040.5
    run.say("finished", outcome="Completed", artifact="s3://b/training/job/output/model.tar.gz")
    job = plane.job()
    algorithm = job.pop("AlgorithmSpecification")
    assert (algorithm["TrainingImage"], algorithm["TrainingInputMode"]) == (IMAGE, "File")
    assert "train:rmse" in [definition["Name"] for definition in algorithm["MetricDefinitions"]]
    assert job == {
        **{name: value for name, value in training_request().items() if name != "AlgorithmSpecification"},
        "OutputDataConfig": {"KmsKeyId": "", "S3OutputPath": "s3://b/training"},
        "TrainingJobArn": ARN,
        "TrainingJobStatus": "Completed",
        "SecondaryStatus": "Completed",
        "ModelArtifacts": {"S3ModelArtifacts": "s3://b/training/job/output/model.tar.gz"},
        "CreationTime": 1000.0,
        "TrainingStartTime": 1010.0,
        "TrainingEndTime": 1040.5,
        "LastModifiedTime": 1040.5,
        "TrainingTimeInSeconds": 31,
        "BillableTimeInSeconds": 31,
        "FinalMetricDataList": [{"MetricName": "train:rmse", "Value": 0.25, "Timestamp": 1020.0}],
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        "SecondaryStatusTransitions": [
            {
                "Status": "Starting",
                "StartTime": 1000.0,
                "EndTime": 1010.0,
                "StatusMessage": "Starting the training job",
            },
            {"Status": "Downloading", "StartTime": 1010.0, "EndTime": 1020.0, "StatusMessage": "Downloading now"},
            {"Status": "Training", "StartTime": 1020.0, "EndTime": 1030.0, "StatusMessage": "Training now"},
            {"Status": "Uploading", "StartTime": 1030.0, "EndTime": 1040.5, "StatusMessage": "Uploading now"},
            {"Status": "Completed", "StartTime": 1040.5, "EndTime": 1040.5, "StatusMessage": "Training job completed"},
        ],
    }
    assert plane("ListTags", ResourceArn=ARN) == {"Tags": [{"Key": "a", "Value": "b"}]}
    assert not (tmp_path / "jobs" / "111122223333" / "us-east-1" / "job").exists()
    assert [(kind, detail["SecondaryStatus"]) for kind, _, detail in plane.fakes.events] == [
        ("SageMaker Training Job State Change", status)
        for status in ("Starting", "Downloading", "Training", "Uploading", "Completed")
    ]
    assert plane.fakes.events[-1][2]["TrainingEndTime"] == 1040500


@pytest.mark.contract("T64")
def test_a_failed_job_has_its_reason_cut_to_1024_characters(plane: Plane) -> None:
    plane.train()
    plane.fakes.runs[0].say("finished", outcome="Failed", failure_reason="AlgorithmError: " + "x" * 2000)
    job = plane.job()
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: " + "x" * 1008
    assert "BillableTimeInSeconds" not in job  # it never reached its instance


def test_a_stopped_job_keeps_its_artifact(plane: Plane) -> None:
    plane.train()
    assert plane("StopTrainingJob", TrainingJobName="job") == {}
    assert plane.fakes.runs[0].stopped_as == ["Stopped"]
    assert (plane.job()["TrainingJobStatus"], plane.job()["SecondaryStatus"]) == ("Stopping", "Stopping")
    plane("StopTrainingJob", TrainingJobName="job")
    assert plane.fakes.runs[0].stopped_as == ["Stopped"]  # the second call changes nothing
    plane.fakes.runs[0].say("finished", outcome="Completed", artifact="s3://b/m")
    job = plane.job()
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert job["ModelArtifacts"] == {"S3ModelArtifacts": "s3://b/m"}
    assert "FailureReason" not in job
    with pytest.raises(ServiceError) as caught:
        plane("StopTrainingJob", TrainingJobName="job")
    assert caught.value.message == "The request was rejected because the training job is in status Stopped."


def while_starting(plane: Plane, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Do something when a job's record is there and its run is not."""
    environment = plane.fakes.environment

    def act_first(*given: Any) -> Any:
        with suppress(ServiceError):  # the role is tried once before the record is there
            act()
        return environment(*given)

    monkeypatch.setattr(plane.fakes, "environment", act_first)


def test_a_job_that_is_stopped_while_it_is_started_is_stopped(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    while_starting(plane, monkeypatch, lambda: plane("StopTrainingJob", TrainingJobName="job"))
    plane.train()
    (run,) = plane.fakes.runs
    assert (run.started, run.stopped_as) == (True, ["Stopped"])
    run.say("status", "Starting", "")
    run.say("status", "Downloading", "")
    assert (plane.job()["TrainingJobStatus"], plane.job()["SecondaryStatus"]) == ("Stopping", "Stopping")
    run.say("finished", outcome="Stopped")
    assert [one["Status"] for one in plane.job()["SecondaryStatusTransitions"]] == ["Starting", "Stopping", "Stopped"]


@pytest.mark.contract("T71")
def test_the_maximum_runtime_stops_a_job(plane: Plane) -> None:
    plane.train(StoppingCondition={"MaxRuntimeInSeconds": 1})
    run = plane.fakes.runs[0]
    run.say("status", "Downloading", "")
    deadline = time.monotonic() + 5
    while not run.stopped_as and time.monotonic() < deadline:
        time.sleep(0.02)
    assert run.stopped_as == ["MaxRuntimeExceeded"]
    run.say("finished", outcome="Stopped")
    job = plane.job()
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert job["SecondaryStatusTransitions"][-1]["StatusMessage"] == (
        "Training job runtime exceeded MaxRuntimeInSeconds provided"
    )


def test_an_unknown_job(plane: Plane) -> None:
    for operation in ("DescribeTrainingJob", "StopTrainingJob"):
        with pytest.raises(ServiceError) as caught:
            plane(operation, TrainingJobName="none")
        assert str(caught.value) == "ValidationException: Requested resource not found."


def test_a_taken_name_is_resource_in_use_whatever_its_case(plane: Plane) -> None:
    plane.train()
    with pytest.raises(ServiceError) as caught:
        plane.train("JOB")
    assert str(caught.value) == (
        "ResourceInUse: Training job names must be unique within an AWS account and region, and a training job with "
        f"this name already exists ({ARN})"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "Pipe"}}, "TrainingInputMode Pipe"),
        (
            {"AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "FastFile"}},
            "TrainingInputMode FastFile",
        ),
        (
            {"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/tmp/checkpoints"}},
            "CheckpointConfig.LocalPath /tmp/checkpoints (outside /opt/ml)",
        ),
        ({"RetryStrategy": {"MaximumRetryAttempts": 1}}, "RetryStrategy"),
        (
            {"AlgorithmSpecification": {"AlgorithmName": "mine", "TrainingInputMode": "File"}},
            "AlgorithmName (an algorithm of one's own)",
        ),
        (
            {"OutputDataConfig": {"S3OutputPath": "s3://b/o", "CompressionType": "NONE"}},
            "OutputDataConfig.CompressionType NONE",
        ),
    ],
)
def test_what_is_not_there_yet_is_refused_by_name(plane: Plane, changes: dict[str, Any], message: str) -> None:
    assert refusal(plane, **changes) == f"ValidationException: {message} is not supported by the local cloud yet."


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"InputMode": "Pipe"}, "Channel train: InputMode Pipe"),
        ({"CompressionType": "Gzip"}, "Channel train: CompressionType Gzip"),
        ({"RecordWrapperType": "RecordIO"}, "Channel train: RecordWrapperType RecordIO"),
        ({"ShuffleConfig": {"Seed": 1}}, "Channel train: ShuffleConfig"),
        (
            {"DataSource": {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": "s3://b/m"}}},
            "Channel train: S3DataType ManifestFile",
        ),
    ],
)
def test_channels_are_refused_by_name(plane: Plane, changes: dict[str, Any], message: str) -> None:
    channel = {**training_request()["InputDataConfig"][0], **changes}
    assert refusal(plane, InputDataConfig=[channel]) == (
        f"ValidationException: {message} is not supported by the local cloud yet."
    )


@pytest.mark.contract("T72")
def test_spot_training_needs_a_waiting_time(plane: Plane) -> None:
    message = refusal(plane, EnableManagedSpotTraining=True)
    assert message == (
        "ValidationException: Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
        "MaxRuntimeInSeconds"
    )
    stopping = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120}
    assert "only allowed when EnableManagedSpotTraining" in refusal(plane, StoppingCondition=stopping)
    plane.train(EnableManagedSpotTraining=True, StoppingCondition=stopping)
    assert plane.job()["EnableManagedSpotTraining"] is True
    plane.fakes.runs[0].say("finished", outcome="Completed")


@pytest.mark.contract("T52")
def test_the_metrics_of_a_built_in_algorithm_are_its_own(plane: Plane) -> None:
    own = [{"Name": "mine", "Regex": "x=(.*)"}]
    algorithm = {**training_request()["AlgorithmSpecification"], "MetricDefinitions": own}
    assert "You can't override the metric definitions" in refusal(plane, AlgorithmSpecification=algorithm)


def test_creating_with_tags_asks_for_the_right_to_tag(plane: Plane) -> None:
    plane.fakes.denied = {"sagemaker:AddTags"}
    assert refusal(plane, Tags=[{"Key": "a", "Value": "b"}]) == (
        f"AccessDeniedException: not authorized to perform: sagemaker:AddTags on resource: {ARN}"
    )
    plane.train()
    plane.fakes.runs[0].say("finished", outcome="Completed")


def test_role_and_passing_it(plane: Plane) -> None:
    plane.fakes.denied = {"iam:PassRole"}
    assert refusal(plane) == f"AccessDeniedException: not authorized to perform: iam:PassRole on resource: {ROLE}"
    plane.fakes.denied = set()
    nobody = "arn:aws:iam::111122223333:role/nobody"
    assert refusal(plane, RoleArn=nobody) == f"ValidationException: Could not assume role {nobody}."
    foreign = "arn:aws:iam::999999999999:role/train"
    assert refusal(plane, RoleArn=foreign) == "AccessDeniedException: Cross-account pass role is not allowed."


@pytest.mark.parametrize("why", ["missing", "forbidden"])
def test_a_channel_without_data(plane: Plane, why: str) -> None:
    getattr(plane.fakes, why).add("b/data/train/")
    assert refusal(plane) == (
        'ValidationException: No S3 objects found under S3 URL "s3://b/data/train/" given in input data source. Please '
        "ensure that the bucket exists in the selected region (us-east-1), that objects exist under that S3 prefix, "
        f'and that the role "{ROLE}" has "s3:ListBucket" permissions on bucket "b".'
    )


def test_lists(plane: Plane) -> None:
    for second, name in enumerate(("one", "two")):
        plane.fakes.clock.now = 1000.0 + second
        plane.train(name)
    plane.fakes.runs[0].say("finished", outcome="Failed", failure_reason="x")
    summaries = plane("ListTrainingJobs", StatusEquals="Failed")["TrainingJobSummaries"]
    assert summaries == [
        {
            "TrainingJobName": "one",
            "TrainingJobArn": "arn:aws:sagemaker:us-east-1:111122223333:training-job/one",
            "CreationTime": 1000.0,
            "TrainingEndTime": 1001.0,
            "LastModifiedTime": 1001.0,
            "TrainingJobStatus": "Failed",
            "SecondaryStatus": "Failed",
        }
    ]
    assert [job["TrainingJobName"] for job in plane("ListTrainingJobs")["TrainingJobSummaries"]] == ["two", "one"]


def test_a_stop_of_the_server_fails_the_job_at_the_next_start(plane: Plane, tmp_path: Path) -> None:
    plane.train()
    run = plane.fakes.runs[0]
    run.say("status", "Downloading", "")
    plane.control.shutdown()
    assert run.terminated
    assert plane.job()["TrainingJobStatus"] == "InProgress"
    fakes = Fakes()
    fakes.clock.now = 1060.0
    restarted = make_plane(tmp_path, fakes, plane.rows)
    restarted.control.resume()
    job = restarted.job()
    assert (job["TrainingJobStatus"], job["TrainingEndTime"]) == ("Failed", 1060.0)
    assert job["FailureReason"] == (
        "InternalServerError: The local cloud was stopped while this training job was in status Downloading; "
        "its processes ended with it."
    )
    assert restarted.control.runs[TRAINING].wait(SCOPE, "job", 1) is not None


def tag(plane: Plane, key: str) -> None:
    plane("AddTags", ResourceArn=ARN, Tags=[{"Key": key, "Value": "now"}])


SPOT: dict[str, Any] = {
    "EnableManagedSpotTraining": True,
    "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120},
}


@pytest.mark.contract("T73")
def test_an_interruption_of_a_spot_job_can_be_asked_for(plane: Plane) -> None:
    plane.train(**SPOT)
    run = plane.fakes.runs[0]
    tag(plane, "colour")
    assert run.interruptions == 0
    tag(plane, "kickstand:interrupt")
    assert run.interruptions == 1
    told = ("Downloading", "Training", "Interrupted", "Starting", "Downloading", "Training")
    for number, status in enumerate(told):
        plane.fakes.clock.now = 1010.0 + number
        run.say("status", status, f"{status} now")
    job = plane.job()
    assert [one["Status"] for one in job["SecondaryStatusTransitions"]] == ["Starting", *told]
    assert job["TrainingJobStatus"] == "InProgress"
    assert job["TrainingStartTime"] == 1010.0
    run.say("finished", outcome="Completed", artifact="s3://b/x/model.tar.gz")
    with pytest.raises(ServiceError, match="The training job job is in status Completed"):
        tag(plane, "kickstand:interrupt")


def test_a_job_that_is_interrupted_while_it_is_started_is_interrupted(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    while_starting(plane, monkeypatch, lambda: tag(plane, "kickstand:interrupt"))
    plane.train(**SPOT)
    assert [(run.started, run.interruptions) for run in plane.fakes.runs] == [(True, 1)]


def test_a_job_that_is_not_on_spot_is_not_interrupted(plane: Plane) -> None:
    plane.train()
    with pytest.raises(ServiceError, match="The training job job is not a managed spot training job"):
        tag(plane, "kickstand:interrupt")
    assert plane.fakes.runs[0].interruptions == 0


def test_encryption_between_instances_is_described_as_it_was_asked_for(plane: Plane) -> None:
    plane.train(EnableInterContainerTrafficEncryption=True)
    assert plane.job()["EnableInterContainerTrafficEncryption"] is True
