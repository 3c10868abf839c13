"""SageMaker's ModelTrainer, unmodified, from its own locked environment: trained, read back, hosted, asked, deleted."""

from __future__ import annotations

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
from fit_world import FitWorld
from printed_environment import printed_environment
from sagemaker_world import ACCOUNT, IMAGE, REGION, TRUST, Client
from sdk_startup import sdk_startup

from kickstand.errors import KickstandError
from localcloud.clients.environment import client_python
from localcloud.cloud import LocalCloud

NOTEBOOK = Path(__file__).with_name("model_trainer_notebook.py")
SETTINGS = """
SchemaVersion: "1.0"
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
      Session:
        DefaultS3Bucket: {name}-default
"""
"""The SDK's own settings: what it would ask AWS for at a fixed address, wherever the endpoint is."""
WIDE = ("s3:*", "logs:*", "cloudwatch:PutMetricData", "ec2:*", "ecr:*")
"""What the SDK's own check wants of a training role."""


@pytest.fixture(scope="module")
def python() -> Path:
    try:
        return client_python("model-trainer")
    except KickstandError as error:
        pytest.skip(f"the package registry cannot be reached for ModelTrainer: {error}")


@pytest.fixture(scope="module")
def project(client: Client, tmp_path_factory: pytest.TempPathFactory) -> FitWorld:
    """Files, a bucket, and two roles: one that the SDK is content with, one that has what training needs."""
    made = FitWorld(tmp_path_factory.mktemp("trainer"), f"mt{uuid.uuid4().hex[:6]}", client)
    bucket = made.names.bucket
    client("s3").create_bucket(Bucket=bucket)
    _role(client, made.project, {"Action": WIDE, "Resource": "*"})
    own = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    logs = {"Action": "logs:*", "Resource": "*"}
    _role(client, f"{made.project}-narrow", {"Action": "s3:*", "Resource": own}, logs)
    return made


def _role(client: Client, name: str, *allowed: dict[str, Any]) -> None:
    client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in allowed]}
    client("iam").put_role_policy(RoleName=name, PolicyName="work", PolicyDocument=json.dumps(document))


@pytest.fixture(scope="module")
def found(python: Path, cloud: LocalCloud, project: FitWorld) -> dict[str, Any]:
    """What the notebook saw."""
    given = {
        "name": project.project,
        "bucket": project.names.bucket,
        "role": project.role,
        "narrow": f"{project.role}-narrow",
    }
    (project.folder / "sdk.yaml").write_text(SETTINGS.format(name=project.project))
    shell = {
        **printed_environment(cloud),
        "HOME": str(project.folder),
        "PYTHONPATH": str(sdk_startup(project.folder)),
        "COLUMNS": "200",  # the SDK folds the log's lines to the terminal
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(project.folder / "sdk.yaml"),
    }
    file = project.folder / "found.json"
    done = subprocess.run(
        [python, NOTEBOOK, json.dumps(given), project.folder, file],
        env=shell,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    seen: dict[str, Any] = json.loads(file.read_text())
    return {**seen, "printed": done.stdout + done.stderr}


@pytest.mark.contract("C5")
def test_the_constructor_asks_iam_what_the_role_may_do(found: dict[str, Any], project: FitWorld) -> None:
    """IAM's answers to SimulatePrincipalPolicy, as the SDK words them: what is denied, action by action."""
    first, missing, *_ = found["narrow"].splitlines()
    assert first == f"IAM role '{project.role}-narrow' cannot be used for 'training' workloads."
    assert missing == (
        "Missing permissions: cloudwatch:PutMetricData, ec2:CreateNetworkInterface, "
        "ec2:CreateNetworkInterfacePermission, ec2:DeleteNetworkInterface, ec2:DeleteNetworkInterfacePermission, "
        "ec2:DescribeDhcpOptions, ec2:DescribeNetworkInterfaces, ec2:DescribeSecurityGroups, ec2:DescribeSubnets, "
        "ec2:DescribeVpcs, ecr:GetAuthorizationToken"
    )
    assert found["absent"] == f"IAM role '{project.role}-narrow-absent' cannot be used for 'training' workloads."


@pytest.mark.contract("C3", "C4", "C6")
def test_a_job_is_trained_and_its_log_shown(found: dict[str, Any], project: FitWorld) -> None:
    job, bucket = found["job"], project.names.bucket
    assert (found["image"], job["status"]) == (IMAGE, "Completed")
    assert job["artifact"] == f"s3://{bucket}/training/{job['name']}/output/model.tar.gz"
    assert job["hyperparameters"] == {"objective": "reg:squarederror", "num_round": "5", "eta": "0.5"}
    assert set(job["metrics"]) == {"train:rmse", "validation:rmse"}
    last = found["printed"].rpartition("[4]#011train-rmse:")[2].split()[0].partition("#011validation-rmse:")
    assert job["metrics"] == pytest.approx({"train:rmse": float(last[0]), "validation:rmse": float(last[2])})
    assert found["again"] == job


def test_a_role_that_reads_one_bucket_trains_on_files_of_this_machine(found: dict[str, Any], project: FitWorld) -> None:
    """The SDK asks IAM for its default bucket, hears no, and sends the files to where the job's output goes."""
    stem = f"s3://{project.names.bucket}/training/{project.project}-files/"
    assert [place.startswith(stem) for place in found["sent"]["data"]] == [True, True], found["sent"]["data"]
    assert found["sent"]["status"] == "Completed"
    assert found["sent"]["metrics"] == found["job"]["metrics"]


@pytest.mark.contract("C6")
def test_its_model_is_hosted_asked_and_deleted(found: dict[str, Any], project: FitWorld) -> None:
    assert found["predicted"] == pytest.approx([2.0, 1.2], abs=0.3)
    gone = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{project.project}"
    assert found["gone"] == f'Could not find endpoint "{gone}".'
