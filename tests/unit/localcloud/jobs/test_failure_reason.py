"""No path of this machine in a FailureReason, whoever wrote the reason: a program, the platform, a library."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest
from sagemaker_fakes import Plane, make_plane

from localcloud.jobs.events import inside_container, without_machine_paths

REPOSITORY = Path(__file__).resolve().parents[4]
JOB = Path("/var/My State/work/sagemaker/jobs/1/us-east-1/job")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"Cannot read {JOB}/opt/ml/input/data/train/a.csv:3", "Cannot read /opt/ml/input/data/train/a.csv:3"),
        (
            f"File not found: '{tempfile.gettempdir()}/x/algo-2/opt/ml/model'",
            "File not found: '/opt/ml/model'",
        ),
        (
            f"ClientError: No space left on device ({JOB}/channels/train/a.csv)",
            "ClientError: No space left on device (…/channels/train/a.csv)",
        ),
        (f"No module named x ({REPOSITORY}/localcloud/a.py, line 3)", "No module named x (…/a.py, line 3)"),
        (f"cannot open {sys.prefix}/lib/libxgboost.so: no such file", "cannot open …/libxgboost.so: no such file"),
        (f"[Errno 13] Permission denied: '{Path.home()}/.cache/key'", "[Errno 13] Permission denied: '…/key'"),
        (
            "Artifact upload failed (s3://bucket/tmp/home/model.tar.gz)",
            "Artifact upload failed (s3://bucket/tmp/home/model.tar.gz)",
        ),
        ("Column 3 of /opt/ml/input/data/train/a.csv", "Column 3 of /opt/ml/input/data/train/a.csv"),
    ],
)
def test_a_reason_speaks_of_the_container_and_not_of_this_machine(text: str, shown: str) -> None:
    assert without_machine_paths(text, JOB) == shown


def test_a_line_of_the_log_has_the_containers_paths() -> None:
    line = f"INFO] Loading the model from {tempfile.gettempdir()}/a/server/opt/ml/model/xgboost-model"
    assert inside_container(line) == "INFO] Loading the model from /opt/ml/model/xgboost-model"
    assert inside_container("[0]#011train-rmse:1.0") == "[0]#011train-rmse:1.0"


def test_every_kind_of_failure_is_told_so(tmp_path: Path) -> None:
    plane = make_plane(tmp_path)
    plane.train()
    (run,) = plane.fakes.runs
    folder = tmp_path / "jobs" / "111122223333" / "us-east-1" / "job"
    run.say("finished", outcome="Failed", failure_reason=f"ClientError: {folder}/opt/ml/input/data/train is empty")
    assert plane.job()["FailureReason"] == "ClientError: /opt/ml/input/data/train is empty"

    plane.host("c", ("blue", "m.tar.gz", 1.0))
    source = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}}}
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 1}
    request = {"ModelName": "c-blue", "TransformInput": source, "TransformResources": resources}
    plane("CreateTransformJob", TransformJobName="t", TransformOutput={"S3OutputPath": "s3://b/out"}, **request)
    ((_, transform),) = plane.fakes.transforms
    transform.say(
        "finished", outcome="Failed", failure_reason=f"InternalServerError: {REPOSITORY}/localcloud/x.py broke"
    )
    described = plane("DescribeTransformJob", TransformJobName="t")
    assert described["FailureReason"] == "InternalServerError: …/x.py broke"
    assert failed_endpoint(plane, tmp_path) == "cannot open …/libxgboost.so"


def failed_endpoint(plane: Plane, folder: Path) -> str:
    """The FailureReason of an endpoint whose server names a file of this machine."""

    def broken() -> None:
        raise OSError(f"cannot open {sys.prefix}/lib/libxgboost.so")

    hosting = plane.fakes.hosting

    def host(order: object) -> object:
        server = hosting(order)  # type: ignore[arg-type]
        server.start = broken  # type: ignore[method-assign]
        return server

    plane.fakes.hosting = host  # type: ignore[method-assign,assignment]
    plane("CreateEndpoint", EndpointName="ep", EndpointConfigName="c")
    return str(plane.endpoint()["FailureReason"])
