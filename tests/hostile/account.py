"""An AWS account in memory, with what the commands of the cases read: a training job, its archive, an endpoint."""

# ruff: noqa: N803  boto3's parameters

from __future__ import annotations

import io
from typing import Any

from job_shapes import channel, described
from memory_s3 import EPOCH, MemoryS3, refusal
from samples import ACCOUNT, BUCKET, DIGEST

JOB = "bikes-dev-20260101-000000-0a1b"
ARTIFACT = f"s3://{BUCKET}/training/{JOB}/output/model.tar.gz"
SERVED = f"s3://{BUCKET}/models/{DIGEST}/model.tar.gz"
TRAIN = "s3://notebook/train/"
PACKAGE = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package/bikes-dev/1"
ACCOUNTS = {"dev": ACCOUNT, "staging": "444455556666"}


class Account(MemoryS3):
    """Every client of one account in one object.

    answer: what the endpoint answers, whatever it is sent. package: further fields of the model package.
    job: further fields of DescribeTrainingJob.
    """

    def __init__(self) -> None:
        super().__init__()
        self.answer: bytes = b"1.0\n"
        self.package: dict[str, Any] = {}
        self.job: dict[str, Any] = {}
        self.arn = f"arn:aws:iam::{ACCOUNT}:user/ana"
        self.put(f"{TRAIN}train.csv", b"1,2,3,4\n5,6,7,8\n")

    def artifact(self, body: bytes) -> None:
        self.put(ARTIFACT, body)
        self.put(SERVED, body)

    def session(self, environment: Any) -> Account:
        """In the place of `open_session`."""
        return self

    def client(self, service: str, **_: Any) -> Account:
        return self

    def models(self) -> dict[tuple[str, str], bytes]:
        """What is kept under models/: nothing of a refused input is."""
        return {place: stored.body for place, stored in self.objects.items() if place[1].startswith("models/")}

    def get_caller_identity(self) -> dict[str, str]:
        return {"Arn": self.arn, "Account": ACCOUNT}

    def get_paginator(self, operation: str) -> Any:
        if operation != "list_objects_v2":
            raise refusal("AccessDenied", operation, 403, "not authorized")
        return super().get_paginator(operation)

    def get_object_tagging(self, **_: Any) -> Any:
        return {"TagSet": []}

    def describe_training_job(self, TrainingJobName: str) -> dict[str, Any]:
        fields = {
            "HyperParameters": {"num_round": "2", "objective": "reg:squarederror"},
            "InputDataConfig": [channel("train", TRAIN)],
            "ModelArtifacts": {"S3ModelArtifacts": ARTIFACT},
            "FinalMetricDataList": [{"MetricName": "train:rmse", "Value": 0.25, "Timestamp": EPOCH}],
        }
        return described(TrainingJobName, **{**fields, **self.job})

    def describe_log_streams(self, **_: Any) -> dict[str, Any]:
        raise refusal("ResourceNotFoundException", "DescribeLogStreams", 400, "no such group")

    filter_log_events = get_log_events = describe_log_streams

    def list_model_packages(self, **_: Any) -> dict[str, Any]:
        return {"ModelPackageSummaryList": []}

    def create_model_package(self, **_: Any) -> dict[str, Any]:
        return {"ModelPackageArn": PACKAGE}

    def describe_model_package(self, ModelPackageName: str) -> dict[str, Any]:
        package = {
            "ModelPackageArn": ModelPackageName,
            "ModelApprovalStatus": "Approved",
            "ApprovalDescription": f"arn:aws:iam::{ACCOUNT}:user/eve: fine",
            "InferenceSpecification": {"Containers": [{"Image": "x", "ModelDataUrl": SERVED}]},
        }
        return {**package, **self.package}

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:
        return {"EndpointStatus": "InService", "EndpointConfigName": "config", "CreationTime": EPOCH}

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:
        return {"ProductionVariants": [{"ModelName": "model"}], "CreationTime": EPOCH}

    def describe_model(self, ModelName: str) -> dict[str, Any]:
        return {"PrimaryContainer": {"ModelDataUrl": SERVED}}

    def invoke_endpoint(self, *, Body: bytes, **_: Any) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.answer), "ContentType": "text/csv"}

    def describe_alarms(self, AlarmNames: list[str]) -> dict[str, Any]:
        return {"MetricAlarms": [{"AlarmName": name, "StateValue": "OK"} for name in AlarmNames]}

    def describe_stacks(self, **_: Any) -> dict[str, Any]:
        raise refusal("ValidationError", "DescribeStacks", 400, "Stack does not exist")

    describe_state_machine = get_template = describe_stack_resources = describe_stacks
