"""`kickstand transform` in a deployed project: its answers are those of `kickstand predict`, line by line."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from deployed_project import DeployedProject, make_deployed_project
from sagemaker_world import ACCOUNT

from localcloud.cloud import LocalCloud


@pytest.fixture(scope="module")
def project(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> DeployedProject:
    """Both stacks of a project with a model, and its test channel without the label as `rows.csv`."""
    made = make_deployed_project(tmp_path_factory.mktemp("transform"), cloud)
    fitted = made.kickstand(made.cloud.root_key(ACCOUNT), "fit", "dev")
    assert fitted.code == 0, fitted.err
    made.deploy("hosting")
    lines = (made.folder / "test.csv").read_text().splitlines()
    (made.folder / "rows.csv").write_text("".join(f"{line.split(',', 1)[1]}\n" for line in lines))
    return made


@pytest.fixture(scope="module")
def transformer(project: DeployedProject) -> dict[str, Any]:
    """The access key of somebody who holds the transformer policy alone."""
    iam, name = project.client("iam"), f"{project.names.prefix}-transformer-{uuid.uuid4().hex[:6]}"
    iam.create_user(UserName=name)
    policy = project.names.managed_policy("transformer")
    iam.attach_user_policy(UserName=name, PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/{policy}")
    return {**iam.create_access_key(UserName=name)["AccessKey"]}


@pytest.fixture(scope="module")
def predicted(project: DeployedProject) -> list[str]:
    done = project.kickstand(project.cloud.root_key(ACCOUNT), "predict", "dev", str(project.folder / "rows.csv"))
    assert done.code == 0, done.err
    return done.out.splitlines()


@pytest.mark.contract("B07")
def test_the_test_channel_transformed_is_the_test_channel_predicted(
    project: DeployedProject, transformer: dict[str, Any], predicted: list[str]
) -> None:
    rows, answers = project.folder / "rows.csv", project.folder / "answers.csv"
    done = project.kickstand(transformer, "transform", "dev", str(rows), "-o", str(answers))
    assert done.code == 0, done.err
    assert len(predicted) == 30
    assert answers.read_text() == "".join(f"{line}\n" for line in predicted)
    first, hint, started, ended = done.out.splitlines()
    assert first.startswith("30 rows  uploaded  s3://") and first.endswith("/rows.csv")
    job = started.split()[2]
    assert started == f"transform job {job} on 1 x ml.m5.large"
    assert (
        hint
        == f"Ctrl-C leaves it running; follow it again: kickstand --config {project.toml} transform dev --follow {job}"
    )
    assert ended.startswith("  Completed after ")


def test_joined_on_standard_output_and_followed_again(
    project: DeployedProject, transformer: dict[str, Any], predicted: list[str]
) -> None:
    rows = project.folder / "rows.csv"
    joined = project.kickstand(transformer, "transform", "dev", str(rows), "--join")
    assert joined.code == 0, joined.err
    given = rows.read_text().splitlines()
    expected = [f"{row},{answer}" for row, answer in zip(given, predicted, strict=True)]
    assert joined.out.splitlines() == expected
    job = joined.err.split("--follow ")[1].split()[0]
    again = project.kickstand(transformer, "transform", "dev", "--follow", job)
    assert again.out.splitlines() == expected
    stopped = project.kickstand(transformer, "transform", "dev", "--stop", job)
    assert stopped.out == f"{job} does not run.\n"


def test_an_s3_prefix_leaves_its_results_in_s3(
    project: DeployedProject, transformer: dict[str, Any], predicted: list[str]
) -> None:
    bucket, body = project.names.bucket, (project.folder / "rows.csv").read_bytes()
    prefix = f"transform/input/{uuid.uuid4().hex}/"
    for name in ("a.csv", "b.csv"):
        project.client("s3").put_object(Bucket=bucket, Key=f"{prefix}{name}", Body=body)
    done = project.kickstand(transformer, "transform", "dev", f"s3://{bucket}/{prefix}")
    assert done.code == 0, done.err
    results = done.out.splitlines()[3:]
    jobs = project.client("sagemaker").list_transform_jobs()["TransformJobSummaries"]
    refused = project.kickstand(transformer, "transform", "dev", f"s3://{bucket}/{prefix}", "-o", "answers.csv")
    assert refused.code == 2
    assert f"Several files lie there, {prefix}a.csv, {prefix}b.csv; -o takes the answers of one." in refused.err
    assert project.client("sagemaker").list_transform_jobs()["TransformJobSummaries"] == jobs
    assert [uri.rpartition("/")[2] for uri in results] == ["a.csv.out", "b.csv.out"]
    one = project.kickstand(
        transformer, "transform", "dev", f"s3://{bucket}/{prefix}a.csv", "--accept", "json", "-o", "-"
    )
    assert one.code == 0, one.err
    assert one.out.splitlines() == [f'{{"score": {answer}}}' for answer in predicted]


def test_a_failed_job_says_what_the_data_log_says(project: DeployedProject, transformer: dict[str, Any]) -> None:
    bucket, prefix = project.names.bucket, f"transform/input/{uuid.uuid4().hex}/"
    project.client("s3").put_object(Bucket=bucket, Key=f"{prefix}bad.csv", Body=b"1,2,3,4,5\n")
    done = project.kickstand(transformer, "transform", "dev", f"s3://{bucket}/{prefix}")
    assert done.code == 1
    assert "The transform job failed: ClientError: See job logs for more information" in done.err
    assert f"{bucket}/{prefix}bad.csv: ClientError: 400" in done.err


def test_what_is_refused_before_anything_starts(project: DeployedProject, transformer: dict[str, Any]) -> None:
    elsewhere = f"s3://{project.names.bucket}/data/"
    done = project.kickstand(transformer, "transform", "dev", elsewhere)
    assert done.code == 2
    assert f"The model's role may only read s3://{project.names.bucket}/transform/input/." in done.err
    labelled = project.kickstand(transformer, "transform", "dev", str(project.folder / "test.csv"))
    assert labelled.code == 2 and "Is the label still there?" in labelled.err


def test_the_transformer_does_nothing_else(project: DeployedProject, transformer: dict[str, Any]) -> None:
    done = project.kickstand(transformer, "predict", "dev", str(project.folder / "rows.csv"))
    assert done.code == 1 and "sagemaker:InvokeEndpoint" in done.err
    s3, bucket = project.client("s3", transformer), project.names.bucket
    for key in ("models/x", "transform/output/x"):
        with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"")
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket=bucket, Prefix="data/")
