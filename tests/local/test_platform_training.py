"""Training jobs as processes: data in, logs, metrics, artifact out."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
import xgboost
from platform_role import LOGS, reading, role_environment, writing
from training_jobs import Job, children, wait_until_gone
from training_place import TABLE, Client, Place, csv, training_place, training_request

from localcloud.cloud import LocalCloud
from training.model.inspection.archive import extract_model


@pytest.fixture
def place(cloud: LocalCloud, client: Client) -> Place:
    return training_place(cloud, client)


@pytest.mark.contract("T04", "T53")
def test_a_job_goes_from_csv_to_artifact(tmp_path: Path, client: Client, place: Place) -> None:
    name, environment = place
    request = training_request(name)
    job = Job(request, tmp_path / "job", environment)
    end = job.end()

    assert (end.outcome, end.failure_reason) == ("Completed", "")
    assert job.statuses() == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert end.training_seconds >= 1
    key = f"training/{request['TrainingJobName']}/output/model.tar.gz"
    assert end.artifact == f"s3://{name}/{key}"
    assert end.output == ""

    archive = io.BytesIO(client("s3").get_object(Bucket=name, Key=key)["Body"].read())
    (model,) = extract_model(archive, tmp_path / "model")
    # files come in the order of their names, whatever folders they are in
    (tmp_path / "train.csv").write_bytes(csv(TABLE[:150]))
    (tmp_path / "validation.csv").write_bytes(csv(TABLE[150:]))
    with xgboost.config_context(verbosity=0):  # it warns that its own reader of files will go
        train, validation = (
            xgboost.DMatrix(f"{tmp_path}/{channel}.csv?format=csv&label_column=0")
            for channel in ("train", "validation")
        )
    results: dict[str, Any] = {}
    watched = [(train, "train"), (validation, "validation")]
    bare = xgboost.train({}, train, 5, evals=watched, evals_result=results, verbose_eval=False)
    assert model.name == "xgboost-model"
    # the objective was given: one more word in the configuration, the same trees
    loaded = xgboost.Booster(model_file=bytearray(model.read_bytes()))
    assert loaded.get_dump() == bare.get_dump()

    metrics = dict(event.metric for event in job.events if event.metric)
    expected = {f"{channel}:rmse": float(f"{results[channel]['rmse'][-1]:.5f}") for channel in results}
    assert metrics == expected


@pytest.mark.contract("T51")
def test_the_log_is_in_cloudwatch_as_sagemaker_writes_it(tmp_path: Path, client: Client, place: Place) -> None:
    name, environment = place
    request = training_request(name, channels={"train": "data/train"})
    job = Job(request, tmp_path, environment)
    assert job.end().outcome == "Completed"
    logs, group = client("logs"), "/aws/sagemaker/TrainingJobs"
    prefix = f"{request['TrainingJobName']}/algo-1-"
    (stream,) = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)["logStreams"]
    assert stream["logStreamName"].removeprefix(prefix).isdigit()
    events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)[
        "events"
    ]
    lines = [event["message"] for event in events]
    assert lines == [event.message.replace(str(tmp_path), "") for event in job.events if event.kind == "log"]
    rounds = [line for line in lines if line.startswith("[") and line[1].isdigit() and "#011" in line]
    assert [line.split("#011train-rmse:")[0] for line in rounds] == [f"[{index}]" for index in range(5)]


@pytest.mark.usefixtures("started_programs")
def test_the_program_sees_no_credentials(tmp_path: Path, place: Place) -> None:
    name, environment = place
    request = training_request(name, hyperparameters={"num_round": "200000"}, Environment={"SAGEMAKER_COLOUR": "blue"})
    job = Job(request, tmp_path, environment)
    job.wait_for("[3]#011")
    (program,) = children(job.run.pid)
    variables = Path(f"/proc/{program}/environ").read_text().split("\0")
    seen = {variable.partition("=")[0] for variable in variables}
    assert {variable for variable in seen if variable.startswith("AWS_")} == {"AWS_REGION"}
    assert "SAGEMAKER_COLOUR=blue" in variables
    job.run.terminate()
    assert job.end().outcome == "Failed"
    wait_until_gone(program)


def test_the_same_data_makes_the_same_bytes(tmp_path: Path, client: Client, place: Place) -> None:
    name, environment = place
    jobs = [Job(training_request(name), tmp_path / str(number), environment) for number in range(2)]
    keys = [job.end().artifact.removeprefix(f"s3://{name}/") for job in jobs]
    digests = {hashlib.sha256(client("s3").get_object(Bucket=name, Key=key)["Body"].read()).hexdigest() for key in keys}
    assert len(set(keys)) == 2
    assert len(digests) == 1


def test_an_https_url_and_a_single_object_are_channels_too(tmp_path: Path, place: Place) -> None:
    name, environment = place
    url = f"https://s3.us-east-1.amazonaws.com/{name}/data/train/part-1.csv"
    job = Job(training_request(name, channels={"train": url}), tmp_path, environment)
    assert job.end().outcome == "Completed"
    assert [path.name for path in (tmp_path / "opt/ml/input/data/train").iterdir()] == ["part-1.csv"]
    assert any("Train matrix has 100 rows and 3 columns" in event.message for event in job.events)


def test_a_manifest_names_the_files(tmp_path: Path, client: Client, place: Place) -> None:
    name, environment = place
    manifest = [{"prefix": f"s3://{name}/data/train/"}, "nested/part-2.csv"]
    client("s3").put_object(Bucket=name, Key="data/manifest.json", Body=json.dumps(manifest))
    request = training_request(name, channels={"train": "data/manifest.json"})
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3DataType"] = "ManifestFile"
    job = Job(request, tmp_path, environment)
    assert job.end().outcome == "Completed"
    assert any("Train matrix has 50 rows" in event.message for event in job.events)


@pytest.mark.contract("T64", "T70")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"channels": {"train": "data/none/"}}, "ClientError: Data download failed:No S3 objects found under S3 URL"),
        ({"channels": {"train": "other/train/"}}, "ClientError: Data download failed:AccessDenied (403): "),
        ({"channels": {"train": "s3://no-such-bucket-here/x"}}, "ClientError: Data download failed:"),
        (
            {"hyperparameters": {"num_round": "5", "max_dept": "5"}},
            "AlgorithmError: framework error: \nUserError: Extraneous hyperparameter found: max_dept, exit code: 1",
        ),
        (
            {"OutputDataConfig": {"S3OutputPath": "s3://{bucket}/elsewhere"}},
            "ClientError: Artifact upload failed:AccessDenied (403): ",
        ),
    ],
)
def test_a_failed_job_gives_sagemakers_reason(
    tmp_path: Path, place: Place, changes: dict[str, Any], reason: str
) -> None:
    name, environment = place
    job = Job(
        training_request(name, **json.loads(json.dumps(changes).replace("{bucket}", name))), tmp_path, environment
    )
    end = job.end()
    assert (end.outcome, end.artifact) == ("Failed", "")
    assert end.failure_reason.startswith(reason)
    assert job.statuses()[-1] == "Failed"


def test_a_role_without_logs_loses_the_log_and_nothing_else(
    tmp_path: Path, cloud: LocalCloud, client: Client, place: Place
) -> None:
    name, _ = place
    environment = role_environment(cloud, client, reading(name, "data/"), writing(name, "training/"))
    request = training_request(name)
    job = Job(request, tmp_path, environment)
    assert job.end().outcome == "Completed"
    assert "No logs in /aws/sagemaker/TrainingJobs" in (tmp_path / "agent.log").read_text()


@pytest.mark.contract("F2")
def test_checkpoints_are_brought_and_uploaded(tmp_path: Path, client: Client, cloud: LocalCloud, place: Place) -> None:
    name, _ = place
    statements = [reading(name, "data/"), reading(name, "checkpoints/"), writing(name, "training/")]
    environment = role_environment(cloud, client, *statements, writing(name, "checkpoints/"), LOGS)
    s3 = client("s3")
    s3.put_object(Bucket=name, Key="checkpoints/job/earlier/file", Body=b"kept")
    accepted = {"KICKSTAND_KNOWN_FAULTS": '{"checkpoint-resume": "To see what the image writes."}'}
    checkpoints = {"CheckpointConfig": {"S3Uri": f"s3://{name}/checkpoints/job"}}
    refused = Job(training_request(name, **checkpoints), tmp_path / "refused", environment).end()
    assert "checkpoints do not work in image 3.2-0" in refused.failure_reason
    job = Job(training_request(name, Environment=accepted, **checkpoints), tmp_path / "job", environment)
    assert job.end().outcome == "Completed"
    assert (tmp_path / "job/opt/ml/checkpoints/earlier/file").read_bytes() == b"kept"
    found = s3.list_objects_v2(Bucket=name, Prefix="checkpoints/")["Contents"]
    assert [entry["Key"] for entry in found] == [
        "checkpoints/job/earlier/file",
        "checkpoints/job/xgboost-checkpoint_0.ubj",
    ]


@pytest.mark.contract("T04", "T59")
def test_output_data_becomes_output_tar_gz(tmp_path: Path, client: Client, place: Place) -> None:
    name, environment = place
    hyperparameters = {"num_round": "2", "objective": "reg:squarederror", "_kfold": "2"}
    request = training_request(name, hyperparameters=hyperparameters)
    end = Job(request, tmp_path / "job", environment).end()
    key = f"training/{request['TrainingJobName']}/output"
    assert (end.outcome, end.output) == ("Completed", f"s3://{name}/{key}/output.tar.gz")

    def packed(file: str) -> list[str]:
        body = io.BytesIO(client("s3").get_object(Bucket=name, Key=f"{key}/{file}")["Body"].read())
        with tarfile.open(fileobj=body) as archive:
            return list(archive.getnames())

    assert packed("output.tar.gz") == ["predictions.csv"]
    assert packed("model.tar.gz") == ["xgboost-model-0", "xgboost-model-1"]


def test_a_job_that_is_told_to_stop_before_it_is_started_ends_soon(tmp_path: Path, place: Place) -> None:
    name, environment = place
    request = training_request(name)
    request["HyperParameters"]["num_round"] = "1000000"
    job = Job(request, tmp_path / "job", environment, stopped=True)
    assert job.end().outcome == "Stopped"
    assert job.statuses()[-1] == "Stopped" and "Training" not in job.statuses()
