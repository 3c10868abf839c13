"""A bucket with a little data and an execution role, for tests that train and host."""

from __future__ import annotations

import io
import json
import random
import tarfile
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from once_a_run import once_a_run

ACCOUNT = "111122223333"
REGION = "us-east-1"
IMAGE = f"683313688378.dkr.ecr.{REGION}.amazonaws.com/sagemaker-xgboost:3.2-0"
Client = Callable[..., Any]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@dataclass(frozen=True)
class World:
    """One account's bucket and role, with clients."""

    bucket: str
    role: str
    client: Client

    @property
    def sagemaker(self) -> Any:
        return self.client("sagemaker")

    def training_job(self, name: str, **changes: Any) -> dict[str, Any]:
        """A CreateTrainingJob request that trains for 5 rounds on the world's data."""
        request: dict[str, Any] = {
            "TrainingJobName": name,
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "RoleArn": self.role,
            "HyperParameters": {"num_round": "5", "objective": "reg:squarederror"},
            "InputDataConfig": [self.channel("train"), self.channel("validation")],
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/training"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        }
        return {**request, **changes}

    def channel(self, name: str) -> dict[str, Any]:
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{self.bucket}/data/{name}/"}
        return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}

    def artifact(self) -> str:
        """An artifact as a job of `training_job` makes it: `s3://…/model.tar.gz`.

        It is that of a run's first job: training takes 3 s, and every world has the same data.
        """
        key = f"training/ready-{uuid.uuid4().hex[:8]}/output/model.tar.gz"
        trained = once_a_run("artifact of a training job", self._train)
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=trained)
        return f"s3://{self.bucket}/{key}"

    def _train(self) -> bytes:
        name = f"ready-{uuid.uuid4().hex[:8]}"
        self.sagemaker.create_training_job(**self.training_job(name))
        job = self.wait_for_job(name)
        assert job["TrainingJobStatus"] == "Completed", job
        key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{self.bucket}/")
        return bytes(self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def broken_artifact(self) -> str:
        """A whole archive whose model cannot be loaded."""
        archive, content = io.BytesIO(), b"no model"
        with tarfile.open(fileobj=archive, mode="w:gz") as packed:
            member = tarfile.TarInfo("xgboost-model")
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
        self.client("s3").put_object(Bucket=self.bucket, Key="models/broken/model.tar.gz", Body=archive.getvalue())
        return f"s3://{self.bucket}/models/broken/model.tar.gz"

    def model(self, name: str, artifact: str, **changes: Any) -> str:
        """Make a model of an artifact; gives its name."""
        container = {"Image": IMAGE, "ModelDataUrl": artifact}
        self.sagemaker.create_model(
            **{"ModelName": name, "ExecutionRoleArn": self.role, "PrimaryContainer": container, **changes}
        )
        return name

    def config(self, name: str, *variants: tuple[str, str, float]) -> str:
        """Make an endpoint configuration of (variant, model, weight); gives its name."""
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[
                {
                    "VariantName": variant,
                    "ModelName": model,
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": 1,
                    "InitialVariantWeight": weight,
                }
                for variant, model, weight in variants
            ],
        )
        return name

    def wait_for_job(self, name: str, seconds: float = 60) -> dict[str, Any]:
        """DescribeTrainingJob once the job has ended."""
        job: dict[str, Any] = wait_for(
            lambda: self.sagemaker.describe_training_job(TrainingJobName=name),
            lambda job: job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped"),
            seconds,
        )
        return job

    def wait_for_endpoint(self, name: str, seconds: float = 60) -> dict[str, Any]:
        """DescribeEndpoint once nothing is in progress."""
        endpoint: dict[str, Any] = wait_for(
            lambda: self.sagemaker.describe_endpoint(EndpointName=name),
            lambda endpoint: endpoint["EndpointStatus"] in ("InService", "Failed"),
            seconds,
        )
        return endpoint


def wait_for(ask: Any, done: Any, seconds: float) -> Any:
    """The first answer that is `done`; AssertionError with the last one after `seconds`.

    A question takes 10 ms of CPU in all: the longer it takes, the fewer are asked, for a twentieth of the time more.
    """
    began = time.monotonic()
    while True:
        answer = ask()
        if done(answer):
            return answer
        waited = time.monotonic() - began
        assert waited < seconds, answer
        time.sleep(min(max(0.1, waited / 20), 0.4))


def make_world(client: Client, name: str, policy: Mapping[str, Any] | None = None) -> World:
    """Make bucket and role. policy: the role's, default: all of S3 and of logs, and reading alarms."""
    bucket = f"{name}-{ACCOUNT}"
    s3, iam = client("s3"), client("iam")
    s3.create_bucket(Bucket=bucket)
    draw = random.Random(7)
    for channel, rows in (("train", 200), ("validation", 50)):
        lines = []
        for _ in range(rows):
            x, y = draw.uniform(0, 1), draw.uniform(0, 1)
            lines.append(f"{3 * x + y:.5f},{x:.5f},{y:.5f}\n")
        s3.put_object(Bucket=bucket, Key=f"data/{channel}/{channel}.csv", Body="".join(lines).encode())
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    everything = {"Effect": "Allow", "Action": ["s3:*", "logs:*", "cloudwatch:DescribeAlarms"], "Resource": "*"}
    document = policy or {"Version": "2012-10-17", "Statement": [everything]}
    iam.put_role_policy(RoleName=name, PolicyName="work", PolicyDocument=json.dumps(document))
    return World(bucket, role, client)
