"""Variables of a request's Environment: the image's own reach the program, others are refused by name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from sagemaker_fakes import IMAGE, ROLE, Plane, make_plane, refusal, training_request

from localcloud.jobs.process.program import (
    ForeignVariablesError,
    foreign_variables,
    program_environment,
    require_own_variables,
)

ALLOWED = (
    "SAGEMAKER_* (but SAGEMAKER_BASE_DIR), GOMP_SPINCOUNT, KICKSTAND_KNOWN_FAULTS, MAX_CONTENT_LENGTH, OMP_DYNAMIC, "
    "OMP_NUM_THREADS, OMP_PLACES, OMP_PROC_BIND, OMP_SCHEDULE, OMP_STACKSIZE, OMP_THREAD_LIMIT, OMP_WAIT_POLICY"
)
WHY = (
    "cannot be set in the local cloud: it runs the image's programs as processes of this machine, not in containers, "
    f"and passes on only {ALLOWED}."
)
TRANSFORM: dict[str, Any] = {
    "TransformJobName": "job",
    "ModelName": "m",
    "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in/"}}},
    "TransformOutput": {"S3OutputPath": "s3://b/out"},
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
}


@pytest.fixture
def plane(tmp_path: Path) -> Plane:
    return make_plane(tmp_path)


def container(**environment: str) -> dict[str, Any]:
    return {"Image": IMAGE, "ModelDataUrl": "s3://b/m.tar.gz", "Environment": environment}


@pytest.mark.contract("H89", "T07")
def test_a_preloaded_library_is_refused_by_name_in_every_request(plane: Plane) -> None:
    said = f"ValidationException: The environment variable LD_PRELOAD {WHY}"
    bad = {"LD_PRELOAD": "/tmp/evil.so"}
    assert refusal(plane, "CreateTrainingJob", **training_request("job"), Environment=bad) == said
    model = {"ModelName": "m", "ExecutionRoleArn": ROLE}
    assert refusal(plane, "CreateModel", **model, PrimaryContainer=container(**bad)) == said
    plane("CreateModel", **model, PrimaryContainer=container(SAGEMAKER_MODEL_SERVER_WORKERS="2"))
    assert refusal(plane, "CreateTransformJob", **TRANSFORM, Environment=bad) == said
    assert (plane.fakes.runs, plane.fakes.transforms) == ([], [])


def test_all_foreign_variables_are_named_at_once(plane: Plane) -> None:
    bad = {"PATH": "/tmp", "PYTHONPATH": "/tmp", "SAGEMAKER_BASE_DIR": "/", "OMP_NUM_THREADS": "2", "A\x1b[31m": "b"}
    with pytest.raises(ForeignVariablesError) as error:
        require_own_variables(bad)
    names = "A\\x1b[31m, PATH, PYTHONPATH, SAGEMAKER_BASE_DIR"
    assert str(error.value) == f"The environment variables {names} {WHY}"


@pytest.mark.parametrize(
    "name",
    [
        "LD_AUDIT",
        "DYLD_INSERT_LIBRARIES",
        "PYTHONSTARTUP",
        "HOME",
        "AWS_PROFILE",
        "OMP_TOOL_LIBRARIES",
        "TMPDIR",
        "sagemaker_x",
        "SAGEMAKER_",
        "XSAGEMAKER_A",
        "SM_MODEL_DIR",
        "MALLOC_CONF",
        "GCONV_PATH",
        "SAGEMAKER_A\n",
    ],
)
def test_what_could_choose_code_or_files_is_foreign(name: str) -> None:
    assert foreign_variables([name]) == [name]


def test_the_images_own_are_passed_on() -> None:
    own = ["SAGEMAKER_INFERENCE_OUTPUT", "KICKSTAND_KNOWN_FAULTS", "OMP_NUM_THREADS", "MAX_CONTENT_LENGTH"]
    assert foreign_variables(own) == []


def test_a_program_has_nothing_of_the_users_own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = {
        "HOME": "/home/anna",
        "PATH": "/home/anna/bin",
        "AWS_ACCESS_KEY_ID": "key",
        "GITHUB_TOKEN": "token",
        "LD_PRELOAD": "x.so",
        "PYTHONSTARTUP": "x.py",
        "VIRTUAL_ENV": "/home/anna/venv",
        "LANG": "C.UTF-8",
    }
    monkeypatch.setattr(os, "environ", owner)
    made = program_environment({"OMP_NUM_THREADS": "1", "PYTHONPATH": "/tmp/evil", "PATH": "/tmp/evil"})
    assert made == {
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "PATH": os.defpath,
        "PYTHONPATH": str(Path(__file__).resolve().parents[4]),
        "PYTHONUNBUFFERED": "1",
    }
