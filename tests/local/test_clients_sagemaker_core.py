"""SageMaker's Python SDK, unmodified: its resources made, waited for, updated, listed, stopped, deleted; and a job of
it adopted.

The SDK takes seconds to import and warns as it does, so the notebook is one process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from deployed_project import TOML
from fit_world import FitWorld
from printed_environment import printed_environment
from sagemaker_world import ACCOUNT, IMAGE, REGION, Client
from typed_command import type_here

from kickstand.config.load import load_project
from kickstand.release.file import read_release
from localcloud.cloud import LocalCloud

NOTEBOOK = Path(__file__).with_name("sagemaker_core_notebook.py")
ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:"


@pytest.fixture(scope="session")
def project(client: Client, tmp_path_factory: pytest.TempPathFactory) -> FitWorld:
    """A project's files, its bucket, model package group and training role."""
    made = FitWorld(tmp_path_factory.mktemp("notebook"), f"core{uuid.uuid4().hex[:6]}", client)
    made.deploy()
    (made.folder / "kickstand.toml").write_text(TOML.format(name=made.project))
    return made


@pytest.fixture(scope="session")
def shell(cloud: LocalCloud) -> dict[str, str]:
    return printed_environment(cloud)


@pytest.fixture(scope="session")
def found(project: FitWorld, shell: dict[str, str]) -> dict[str, Any]:
    """What the notebook saw."""
    given = {"name": project.project, "bucket": project.names.bucket, "role": project.role, "image": IMAGE}
    file = project.folder / "found.json"
    done = subprocess.run(
        [sys.executable, NOTEBOOK, json.dumps(given), project.folder, file],
        env=shell,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    seen: dict[str, Any] = json.loads(file.read_text())
    return {**seen, "printed": done.stdout + done.stderr}


def test_the_sdk_knows_the_image(found: dict[str, Any]) -> None:
    assert found["image"] == IMAGE


@pytest.mark.contract("C3", "C4")
def test_a_job_is_trained_and_its_log_shown(found: dict[str, Any], project: FitWorld) -> None:
    assert found["job"]["status"] == "Completed"
    assert found["job"]["artifact"] == f"s3://{project.names.bucket}/training/{project.project}/output/model.tar.gz"
    assert set(found["job"]["metrics"]) == {"train:rmse", "validation:rmse"}
    assert found["job"]["listed"] == [project.project]
    # What `wait(logs=True)` shows of the container's output.
    assert "[4]#011train-rmse:" in found["printed"]


def test_a_failed_job_is_an_exception_and_a_stopped_one_is_not(found: dict[str, Any]) -> None:
    assert "Extraneous hyperparameter found: max_dept" in found["failed"]
    assert found["stopped"] == "Stopped"


@pytest.mark.contract("C1", "C2", "H90")
def test_an_endpoint_is_made_asked_updated_and_deleted(found: dict[str, Any], project: FitWorld) -> None:
    assert found["endpoint"]["predicted"] == pytest.approx([2.0, 1.2], abs=0.5)
    assert found["endpoint"]["variant"] == "AllTraffic"
    assert found["endpoint"]["refusal"].startswith("Received client error (415) from primary with message")
    assert found["endpoint"]["updated"] == [f"{project.project}-2", 2]
    assert found["endpoint"]["tags"] == {"team": "a"}
    assert found["endpoint"]["gone"] == f'Could not find endpoint "{ARN}endpoint/{project.project}".'


def test_a_file_is_transformed_to_the_endpoints_own_answers(found: dict[str, Any]) -> None:
    assert found["transform"] == ["Completed", found["endpoint"]["predicted"]]


def test_model_packages_are_listed_and_approved(found: dict[str, Any], project: FitWorld) -> None:
    package = f"{ARN}model-package/{project.project}-dev/1"
    assert found["packages"] == [[package, "PendingManualApproval"]]
    assert found["approved"] == "Approved"


def test_its_job_is_adopted(found: dict[str, Any], project: FitWorld, shell: dict[str, str]) -> None:
    words = ("--config", project.folder / "kickstand.toml", "adopt", found["job"]["name"], "dev")
    done = type_here(project.folder, shell, *words)
    assert (done.code, done.err) == (0, ""), done.out
    environment = load_project(project.folder / "kickstand.toml").environments["dev"]
    release = read_release(project.folder / "releases" / "dev.json", environment)
    assert release.training_job.name == project.project
    assert dict(release.metrics) == found["job"]["metrics"]
    assert release.artifact.s3_uri == f"s3://{project.names.bucket}/models/{release.artifact.sha256}/model.tar.gz"
