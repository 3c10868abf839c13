"""What the training stack makes, made by hand for tests: bucket, model package group, role, training trigger."""

from __future__ import annotations

import io
import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from sagemaker_world import IMAGE, TRUST
from samples import environment
from state_machines import trust
from workspaces import workspace

from infra.state_machines.training_definition import training_definition
from kickstand.config.model import Data, Environment
from kickstand.console import make_console
from kickstand.names import Names
from kickstand.release.file import release_path
from kickstand.release.model import Release
from training.job.fit import Fit
from training.job.jobs import JobDescription
from training.upload.upload import SentData


def rows(count: int, seed: int) -> str:
    draw = random.Random(seed)
    pairs = ((draw.uniform(0, 1), draw.uniform(0, 1)) for _ in range(count))
    return "".join(f"{3 * x + y:.5f},{x:.5f},{y:.5f}\n" for x, y in pairs)


@dataclass
class FitWorld:
    """A project of its own, deployed by hand, and the work on its jobs."""

    folder: Path
    project: str
    client: Any
    hyperparameters: dict[str, str] = field(default_factory=lambda: {"num_round": "5", "objective": "reg:squarederror"})
    told: io.StringIO = field(default_factory=io.StringIO)
    content_type: str = "text/csv"

    def __post_init__(self) -> None:
        for seed, (name, count) in enumerate({"train": 200, "validation": 50, "test": 30}.items()):
            (self.folder / f"{name}.csv").write_text(rows(count, seed))

    @property
    def environment(self) -> Environment:
        data = Data(
            train=self.folder / "train.csv",
            validation=self.folder / "validation.csv",
            test=self.folder / "test.csv",
            content_type=self.content_type,
            golden_rows=3,
        )
        return environment(project=self.project, data=data, hyperparameters=self.hyperparameters)

    @property
    def names(self) -> Names:
        return Names(self.environment)

    @property
    def role(self) -> str:
        return f"arn:aws:iam::{self.environment.account}:role/{self.project}"

    def deploy(self) -> None:
        """Make what the training stack makes."""
        names, iam = self.names, self.client("iam")
        self.client("s3").create_bucket(Bucket=names.bucket)
        self.client("sagemaker").create_model_package_group(ModelPackageGroupName=names.model_package_group)
        _role(iam, self.project, json.dumps(TRUST), ["s3:*", "logs:*"])
        _role(iam, f"{self.project}-t", trust("states.amazonaws.com"), ["sagemaker:*", "iam:PassRole", "events:*"])
        job = {
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "RoleArn": self.role,
            "OutputDataConfig": {"S3OutputPath": f"s3://{names.bucket}/training"},
            "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        }
        definition = training_definition(
            partition="aws",
            project=self.project,
            environment="dev",
            bucket=names.bucket,
            job_prefix=names.prefix,
            job=job,
            tags={},
        )
        self.client("stepfunctions").create_state_machine(
            name=names.state_machine, roleArn=f"{self.role}-t", definition=json.dumps(definition)
        )

    @property
    def work(self) -> Fit:
        import time

        session, releases = boto3.Session(region_name="us-east-1"), self.folder / "releases"
        return Fit(
            workspace(session, releases, of=self.environment),
            console=make_console(self.told),
            sleep=lambda seconds: time.sleep(min(seconds, 0.2)),
        )

    def release(self, job: JobDescription, known: SentData | None = None) -> Release:
        return self.work.release(job, known, release_file=self.release_file, source_commit="c0ffee")

    @property
    def release_file(self) -> Path:
        return release_path(self.folder / "releases", "dev")


def _role(iam: Any, name: str, trusted: str, actions: list[str]) -> None:
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted)
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=name, PolicyName="work", PolicyDocument=policy)
