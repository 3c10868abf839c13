"""SageMaker's SDK v2, unmodified, from its own locked environment: the flow of the notebooks that most people have."""

from __future__ import annotations

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
from fit_world import FitWorld
from printed_environment import printed_environment
from sagemaker_world import ACCOUNT, REGION, TRUST, Client
from sdk_startup import sdk_startup

from kickstand.errors import KickstandError
from localcloud.clients.environment import client_python
from localcloud.cloud import LocalCloud

NOTEBOOK = Path(__file__).with_name("sdk_v2_notebook.py")
SETTINGS = """
SchemaVersion: "1.0"
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
      Session:
        DefaultS3Bucket: {bucket}
"""


@pytest.fixture(scope="module")
def python() -> Path:
    try:
        return client_python("sdk-v2")
    except KickstandError as error:
        pytest.skip(f"the package registry cannot be reached for SDK v2: {error}")


@pytest.fixture(scope="module")
def project(client: Client, tmp_path_factory: pytest.TempPathFactory) -> FitWorld:
    """Files, a bucket whose name has `sagemaker` in it, and the role of most notebooks: AmazonSageMakerFullAccess."""
    made = FitWorld(tmp_path_factory.mktemp("v2"), f"sagemaker{uuid.uuid4().hex[:6]}", client)
    client("s3").create_bucket(Bucket=made.names.bucket)
    iam = client("iam")
    iam.create_role(RoleName=made.project, AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.attach_role_policy(RoleName=made.project, PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    return made


@pytest.fixture(scope="module")
def found(python: Path, cloud: LocalCloud, project: FitWorld) -> dict[str, Any]:
    """What the notebook saw."""
    given = {"name": project.project, "bucket": project.names.bucket, "role": project.role}
    (project.folder / "sdk.yaml").write_text(SETTINGS.format(bucket=project.names.bucket))
    shell = {
        **printed_environment(cloud),
        "HOME": str(project.folder),
        "PYTHONPATH": str(sdk_startup(project.folder)),
        "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(project.folder / "sdk.yaml"),
    }
    file = project.folder / "found.json"
    done = subprocess.run(
        [python, NOTEBOOK, json.dumps(given), project.folder, file],
        env=shell,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    said = "\n".join(line for line in done.stderr.splitlines() if not line.startswith("INFO:botocore"))
    assert done.returncode == 0, f"{done.stdout[-1500:]}\n{said[-3000:]}"
    seen: dict[str, Any] = json.loads(file.read_text())
    return {**seen, "printed": done.stdout + done.stderr}


RETRIEVED = f"683313688378.dkr.ecr.{REGION}.amazonaws.com/sagemaker-xgboost:3.0-5"


@pytest.mark.contract("C3", "C4", "C6")
def test_a_job_is_fitted_and_attached(found: dict[str, Any], project: FitWorld) -> None:
    job, bucket = found["job"], project.names.bucket
    assert found["image"] == RETRIEVED  # the newest that SDK v2 knows
    assert (job["status"], job["artifact"]) == (
        "Completed",
        f"s3://{bucket}/training/{job['name']}/output/model.tar.gz",
    )
    assert "[4]#011train-rmse:" in found["printed"]
    assert found["attached"] == {
        "artifact": job["artifact"],
        "hyperparameters": {"objective": "reg:squarederror", "num_round": "5", "eta": "0.5"},
        "settings": ["ml.m5.large", 1, 600, ""],
    }


def test_its_endpoint_answers_what_each_serializer_sends(found: dict[str, Any]) -> None:
    first, second = (float(line) for line in found["csv"].splitlines())
    assert [first, second] == pytest.approx([2.0, 1.2], abs=0.3)
    scores = {"predictions": [{"score": first}, {"score": second}]}
    assert json.loads(found["text"]) == found["identity"] == scores
    assert [[float(cell) for cell in row] for row in found["cells"]] == [[first], [second]]
    for serializer in ("data", "string", "libsvm", "records"):
        assert found[serializer] == found["csv"], serializer
    for serializer, kind in (("JSONSerializer", "application/json"), ("NumpySerializer", "application/x-npy")):
        assert f'Received client error (415) from primary with message "{kind} is not' in found[serializer]


def test_the_endpoint_is_updated_to_a_second_model(found: dict[str, Any], project: FitWorld) -> None:
    assert found["updated"] == {
        "config changed": True,
        "models": [True, [f"{project.project}-second"]],
        "csv": found["csv"],
    }


def test_rows_are_transformed(found: dict[str, Any], project: FitWorld) -> None:
    assert found["transformed"] == found["csv"]
    model, output, assembled = found["transformer"]
    assert model.startswith(f"{project.project}-")
    assert (output, assembled) == (f"s3://{project.names.bucket}/transformed", "Line")


def test_a_model_is_registered_approved_and_served(found: dict[str, Any], project: FitWorld) -> None:
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{project.project}/1"
    assert found["package"] == [arn, "Approved"]
    assert found["registered"] == found["csv"]
