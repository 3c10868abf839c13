"""The `aws` command, unmodified, in a shell that was pointed at the local cloud: files, hosting, logs, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from printed_environment import printed_environment
from sagemaker_world import ACCOUNT, IMAGE, REGION, Client, World, make_world, wait_for
from warm_server import AWS, shared_python

from localcloud.cloud import LocalCloud

ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:"
PROGRAM: tuple[str, ...] = ("aws",)
REFUSED = 255
"""How the command ends when the service answered an error."""


@pytest.fixture(scope="module")
def shell(cloud: LocalCloud) -> dict[str, str]:
    return printed_environment(cloud)


@pytest.fixture(scope="module")
def world(client: Client) -> World:
    return make_world(client, f"aws-{uuid.uuid4().hex[:8]}")


@pytest.fixture(scope="module")
def artifact(world: World) -> str:
    return world.artifact()


@pytest.fixture(scope="module", autouse=True)
def warm_aws() -> Iterator[None]:
    """Beginning the command takes 0.7 s of CPU: here its Python has imported it. Refusals are told by `aws` itself."""
    with patch.object(sys.modules[__name__], "PROGRAM", (*shared_python(*AWS), "-m", "awscli")):
        yield


def aws(shell: dict[str, str], *words: str | Path, program: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    line = [*(program or PROGRAM), *map(str, words)]
    return subprocess.run(line, env=shell, capture_output=True, text=True, timeout=120, check=False)


def said(shell: dict[str, str], *words: str | Path) -> Any:
    """What a command that succeeds prints, parsed; None for nothing."""
    done = aws(shell, *words, "--output", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


def test_files_are_copied_in_parts_synchronised_and_signed(shell: dict[str, str], world: World, tmp_path: Path) -> None:
    """Given a file of three parts; when it is sent and fetched; then it is the same, and so is a folder."""
    (tmp_path / "up").mkdir()
    large = tmp_path / "up" / "large.bin"
    large.write_bytes(os.urandom(20_000_000))
    (tmp_path / "up" / "small.csv").write_text("1,2\n")
    target = f"s3://{world.bucket}/scratch"
    done = aws(shell, "s3", "sync", tmp_path / "up", target, "--no-progress", "--sse", "AES256")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2), done.stderr
    assert aws(shell, "s3", "sync", tmp_path / "up", target).stdout == ""
    head = world.client("s3").head_object(Bucket=world.bucket, Key="scratch/large.bin")
    assert head["ETag"].endswith('-3"')
    assert aws(shell, "s3", "cp", f"{target}/large.bin", tmp_path / "down.bin").returncode == 0
    assert (tmp_path / "down.bin").read_bytes() == large.read_bytes()
    listed = aws(shell, "s3", "ls", f"{target}/").stdout.splitlines()
    assert [line.split()[2:] for line in listed] == [["20000000", "large.bin"], ["4", "small.csv"]]
    assert aws(shell, "s3", "rm", target, "--recursive").returncode == 0
    assert aws(shell, "s3", "ls", f"{target}/").returncode == 1


def test_a_model_is_hosted_asked_and_deleted(
    shell: dict[str, str], world: World, artifact: str, tmp_path: Path
) -> None:
    name, body, answer = f"cli-{uuid.uuid4().hex[:8]}", tmp_path / "rows.csv", tmp_path / "answer.csv"
    body.write_text("0.5,0.5\n0.1,0.9\n")
    made = said(
        shell,
        *("sagemaker", "create-model", "--model-name", name, "--execution-role-arn", world.role),
        *("--primary-container", f"Image={IMAGE},ModelDataUrl={artifact}"),
    )
    assert made == {"ModelArn": f"{ARN}model/{name}"}
    variant = f"VariantName=AllTraffic,ModelName={name},InstanceType=ml.m5.large,InitialInstanceCount=1"
    named = ("--endpoint-config-name", name)
    said(shell, "sagemaker", "create-endpoint-config", *named, "--production-variants", variant)
    said(shell, "sagemaker", "create-endpoint", "--endpoint-name", name, *named)
    world.wait_for_endpoint(name)  # the command's own waiter looks twice a minute
    said(shell, "sagemaker", "wait", "endpoint-in-service", "--endpoint-name", name)
    invoke = ("sagemaker-runtime", "invoke-endpoint", "--endpoint-name", name, "--content-type", "text/csv")
    told = said(shell, *invoke, "--accept", "application/json", "--body", f"fileb://{body}", answer)
    assert told == {"ContentType": "application/json", "InvokedProductionVariant": "AllTraffic"}
    assert len(json.loads(answer.read_text())["predictions"]) == 2
    refused = aws(shell, *invoke, "--target-variant", "Other", "--body", f"fileb://{body}", answer)
    assert (refused.returncode, "(ValidationError)" in refused.stderr) == (REFUSED, True), refused.stderr
    log = said(shell, "logs", "filter-log-events", "--log-group-name", f"/aws/sagemaker/Endpoints/{name}")
    assert any("Model loaded successfully" in event["message"] for event in log["events"])
    for noun in ("endpoint", "endpoint-config", "model"):
        assert said(shell, "sagemaker", f"delete-{noun}", f"--{noun}-name", name) is None
    said(shell, "sagemaker", "wait", "endpoint-deleted", "--endpoint-name", name)


def test_a_job_is_described_from_a_file_and_its_log_is_read(
    shell: dict[str, str], world: World, tmp_path: Path
) -> None:
    name, file = f"cli-{uuid.uuid4().hex[:8]}", tmp_path / "job.json"
    file.write_text(json.dumps(world.training_job(name)))
    made = said(shell, "sagemaker", "create-training-job", "--cli-input-json", f"file://{file}")
    assert made == {"TrainingJobArn": f"{ARN}training-job/{name}"}
    world.wait_for_job(name)
    said(shell, "sagemaker", "wait", "training-job-completed-or-stopped", "--training-job-name", name)
    described = said(shell, "sagemaker", "describe-training-job", "--training-job-name", name)
    assert described["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{world.bucket}/training/{name}/output/model.tar.gz"
    listing = ("sagemaker", "list-training-jobs", "--name-contains", name, "--query", "TrainingJobSummaries[].*[]")
    assert name in said(shell, *listing)
    reading = ("logs", "filter-log-events", "--log-group-name", "/aws/sagemaker/TrainingJobs")
    one = (
        "--log-stream-name-prefix",
        f"{name}/",
        "--filter-pattern",
        '"#011train-rmse"',
        "--query",
        "events[].message",
    )
    lines = said(shell, *reading, *one)
    assert [line.partition("#011")[0] for line in lines] == [f"[{number}]" for number in range(5)]


def test_a_file_is_transformed(shell: dict[str, str], world: World, artifact: str, tmp_path: Path) -> None:
    name, file = f"cli-{uuid.uuid4().hex[:8]}", tmp_path / "rows.csv"
    world.model(name, artifact)
    file.write_text("0.5,0.5\n0.1,0.9\n")
    assert aws(shell, "s3", "cp", file, f"s3://{world.bucket}/{name}/rows.csv").returncode == 0
    source = f"DataSource={{S3DataSource={{S3DataType=S3Prefix,S3Uri=s3://{world.bucket}/{name}/rows.csv}}}}"
    made = said(
        shell,
        *("sagemaker", "create-transform-job", "--transform-job-name", name, "--model-name", name),
        *("--transform-input", f"{source},ContentType=text/csv,SplitType=Line"),
        *("--transform-output", f"S3OutputPath=s3://{world.bucket}/{name}/out,AssembleWith=Line"),
        *("--transform-resources", "InstanceType=ml.m5.large,InstanceCount=1"),
    )
    assert made == {"TransformJobArn": f"{ARN}transform-job/{name}"}
    wait_for(  # the command's own waiter looks once a minute
        lambda: world.sagemaker.describe_transform_job(TransformJobName=name)["TransformJobStatus"],
        lambda status: status != "InProgress",
        60,
    )
    said(shell, "sagemaker", "wait", "transform-job-completed-or-stopped", "--transform-job-name", name)
    assert aws(shell, "s3", "cp", f"s3://{world.bucket}/{name}/out/rows.csv.out", tmp_path / "out").returncode == 0
    assert [float(line) for line in (tmp_path / "out").read_text().split()] == pytest.approx([2.0, 1.2], abs=0.3)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("sagemaker", "describe-endpoint", "--endpoint-name", "none"), "(ValidationException)"),
        (("sagemaker", "list-apps"), "(UnknownOperationException)"),
        (("cloudformation", "describe-stacks", "--stack-name", "none"), "Stack with id none does not exist"),
        (
            ("sagemaker-runtime", "invoke-endpoint", "--endpoint-name", "none", "--body", "1", "/dev/null"),
            f"Endpoint none of account {ACCOUNT} not found.",
        ),
    ],
)
def test_what_is_refused_is_told(shell: dict[str, str], words: tuple[str, ...], error: str) -> None:
    done = aws(shell, *words, program=("aws",))
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert error in done.stderr
