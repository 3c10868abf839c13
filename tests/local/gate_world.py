"""Two accounts of the local cloud, each with a bucket, a model package and a live endpoint, made without stacks."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb
from fit_world import rows
from sagemaker_world import IMAGE, TRUST, Client, wait_for
from samples import release

from kickstand.config.load import load_project
from kickstand.config.model import EnvironmentName
from kickstand.names import Names
from kickstand.release.file import write_release
from kickstand.release.model import Artifact, Channel, DataFile, GoldenRows, Release
from localcloud.cloud import LocalCloud
from training.model.golden_rows import golden_digest

DEV, STAGING = "111122223333", "444455556666"
TOML = """\
[project]
name = "{name}"
[data]
train = "train.csv"
test = "test.csv"
columns = ["label", "x", "y"]
[hyperparameters]
objective = "reg:squarederror"
num_round = 30
[environments.dev]
account = "111122223333"
region = "us-east-1"
[environments.staging]
account = "444455556666"
region = "us-east-1"
promotes_from = "dev"
[environments.staging.gates]
metrics = ["validation:rmse <= 0.35"]
metric = "original:rmse"
max_regression = 0.05
resamples = 500
slices = ["x"]
max_slice_regression = 0.5
max_p99_ms = 2000
latency_requests = 100
min_age_hours = 0.00001
approval = true
"""


@dataclass(frozen=True)
class Model:
    """A trained model as its artifact, and its own answers to two rows."""

    archive: bytes
    golden: GoldenRows

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.archive).hexdigest()


def train(rounds: int) -> Model:
    """A model of the world's data in an artifact as the image writes it."""
    table = np.array([line.split(",") for line in rows(200, 0).splitlines()], dtype=np.float32)
    settings = {"max_depth": 3, "nthread": 1, "verbosity": 0}
    booster = xgb.train(settings, xgb.DMatrix(table[:, 1:], label=table[:, 0]), rounds)
    content, out = bytes(booster.save_raw("ubj")), io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        member = tarfile.TarInfo("xgboost-model")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    asked = ("0.25,0.75", "0.5,0.125")
    inputs = np.array([row.split(",") for row in asked], dtype=np.float32)
    given = tuple(booster.predict(xgb.DMatrix(inputs)).astype(float).tolist())
    return Model(out.getvalue(), GoldenRows(sha256=golden_digest(asked, given), rows=asked, predictions=given))


@dataclass
class GateWorld:
    """A project of its own name, dev and staging."""

    folder: Path
    cloud: LocalCloud
    client: Client
    name: str = field(default_factory=lambda: f"g{uuid.uuid4().hex[:8]}")

    @property
    def toml(self) -> Path:
        return self.folder / "kickstand.toml"

    def of(self, environment: EnvironmentName) -> Names:
        return Names(load_project(self.toml).environments[environment])

    def clients(self, environment: EnvironmentName, service: str) -> Any:
        return self.client(service, account=DEV if environment == "dev" else STAGING)

    def make(self) -> None:
        """Data, project file, and in each account a bucket, a role and a model package group."""
        (self.folder / "train.csv").write_text(rows(200, 0))
        (self.folder / "test.csv").write_text(rows(300, 9))
        self.toml.write_text(TOML.format(name=self.name))
        for environment in ("dev", "staging"):
            names = self.of(environment)
            self.clients(environment, "s3").create_bucket(Bucket=names.bucket)
            self.clients(environment, "sagemaker").create_model_package_group(
                ModelPackageGroupName=names.model_package_group
            )
            iam = self.clients(environment, "iam")
            iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=json.dumps(TRUST))
            everything = {"Effect": "Allow", "Action": ["s3:*", "logs:*"], "Resource": "*"}
            document = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
            iam.put_role_policy(RoleName=self.name, PolicyName="work", PolicyDocument=document)

    def serve(self, environment: EnvironmentName, model: Model) -> None:
        """Put the artifact in its place, and serve it: a new endpoint, or the endpoint's next configuration."""
        names, sagemaker = self.of(environment), self.clients(environment, "sagemaker")
        self.clients(environment, "s3").put_object(
            Bucket=names.bucket, Key=f"models/{model.sha256}/model.tar.gz", Body=model.archive
        )
        version = f"{names.prefix}-{uuid.uuid4().hex[:8]}"
        role = f"arn:aws:iam::{names.environment.account}:role/{self.name}"
        sagemaker.create_model(
            ModelName=version,
            ExecutionRoleArn=role,
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": self.uri(environment, model)},
        )
        variant = {"VariantName": "all", "ModelName": version, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        sagemaker.create_endpoint_config(EndpointConfigName=version, ProductionVariants=[variant])
        known = sagemaker.list_endpoints(NameContains=names.endpoint)["Endpoints"]
        put = sagemaker.update_endpoint if known else sagemaker.create_endpoint
        put(EndpointName=names.endpoint, EndpointConfigName=version)
        made = wait_for(
            lambda: sagemaker.describe_endpoint(EndpointName=names.endpoint),
            lambda endpoint: endpoint["EndpointStatus"] in ("InService", "Failed"),
            60,
        )
        assert (made["EndpointStatus"], made["EndpointConfigName"]) == ("InService", version), made

    def uri(self, environment: EnvironmentName, model: Model) -> str:
        return f"s3://{self.of(environment).bucket}/models/{model.sha256}/model.tar.gz"

    def release(self, model: Model) -> Release:
        """Register the model in dev, and write dev's release of it."""
        names = self.of("dev")
        package = self.clients("dev", "sagemaker").create_model_package(
            ModelPackageGroupName=names.model_package_group,
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification={
                "Containers": [{"Image": IMAGE, "ModelDataUrl": self.uri("dev", model)}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )["ModelPackageArn"]
        made = release(
            project=self.name,
            bucket=names.bucket,
            target_transform="none",
            channels=(self._channel(names.bucket),),
            artifact=Artifact(s3_uri=self.uri("dev", model), sha256=model.sha256, size=len(model.archive)),
            golden_rows=model.golden,
            model_package_arn=package,
        )
        return write_release(self.cloud.releases_folder(self.name) / "dev.json", made)

    def _channel(self, bucket: str) -> Channel:
        content = (self.folder / "test.csv").read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        listing = hashlib.sha256(f"{digest}  test.csv\n".encode()).hexdigest()
        self.clients("dev", "s3").put_object(Bucket=bucket, Key=f"data/{listing}/test/test.csv", Body=content)
        return Channel(
            name="test",
            s3_uri=f"s3://{bucket}/data/{listing}/test/",
            content_type="text/csv",
            sha256=listing,
            rows=300,
            columns=3,
            files=(DataFile(name="test.csv", sha256=digest, size=len(content), rows=300),),
        )
