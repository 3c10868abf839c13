"""Training jobs as processes: data in, logs, metrics, artifact out; stopped, and orphaned."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
import xgboost
from platform_role import LOGS, bucket, reading, role_environment, writing
from training_jobs import Job, children, wait_until_gone

from localcloud.cloud import LocalCloud
from training.model.inspection.archive import extract_model

Client = Callable[..., Any]

TABLE = np.random.default_rng(11).normal(size=(200, 4)).round(4)


def _csv(table: Any) -> bytes:
    return "".join(",".join(map(str, row)) + "\n" for row in table.tolist()).encode()


@pytest.fixture
def place(cloud: LocalCloud, client: Client) -> Iterator[tuple[str, dict[str, str]]]:
    """A bucket with data, and the environment of a role that may read `data/` and write `training/`."""
    name = bucket(client)
    s3 = client("s3")
    s3.put_object(Bucket=name, Key="data/train/part-1.csv", Body=_csv(TABLE[:100]))
    s3.put_object(Bucket=name, Key="data/train/nested/part-2.csv", Body=_csv(TABLE[100:150]))
    s3.put_object(Bucket=name, Key="data/train/", Body=b"")
    s3.put_object(Bucket=name, Key="data/validation/v.csv", Body=_csv(TABLE[150:]))
    s3.put_object(Bucket=name, Key="other/train/secret.csv", Body=_csv(TABLE))
    yield name, role_environment(cloud, client, reading(name, "data/"), writing(name, "training/"), LOGS)


def _request(name: str, **changes: Any) -> dict[str, Any]:
    channels = changes.pop("channels", {"train": "data/train/", "validation": "data/validation/"})
    hyperparameters = changes.pop("hyperparameters", {"num_round": "5", "objective": "reg:squarederror"})
    return {
        "TrainingJobName": f"job-{uuid4().hex[:8]}",
        "RoleArn": "arn:aws:iam::111122223333:role/execution",
        "AlgorithmSpecification": {
            "TrainingImage": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
            "TrainingInputMode": "File",
        },
        "HyperParameters": hyperparameters,
        "InputDataConfig": [
            {
                "ChannelName": channel,
                "ContentType": "text/csv",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": key if "://" in key else f"s3://{name}/{key}",
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
            }
            for channel, key in channels.items()
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{name}/training"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        **changes,
    }


@pytest.mark.contract("T04", "T53")
def test_a_job_goes_from_csv_to_artifact(tmp_path: Path, client: Client, place: tuple[str, dict[str, str]]) -> None:
    name, environment = place
    request = _request(name)
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
    (tmp_path / "train.csv").write_bytes(_csv(TABLE[:150]))
    (tmp_path / "validation.csv").write_bytes(_csv(TABLE[150:]))
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
def test_the_log_is_in_cloudwatch_as_sagemaker_writes_it(
    tmp_path: Path, client: Client, place: tuple[str, dict[str, str]]
) -> None:
    name, environment = place
    request = _request(name, channels={"train": "data/train"})
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


def test_the_program_sees_no_credentials(tmp_path: Path, place: tuple[str, dict[str, str]]) -> None:
    name, environment = place
    request = _request(name, hyperparameters={"num_round": "200000"}, Environment={"SAGEMAKER_COLOUR": "blue"})
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


def test_the_same_data_makes_the_same_bytes(tmp_path: Path, client: Client, place: tuple[str, dict[str, str]]) -> None:
    name, environment = place
    jobs = [Job(_request(name), tmp_path / str(number), environment) for number in range(2)]
    keys = [job.end().artifact.removeprefix(f"s3://{name}/") for job in jobs]
    digests = {hashlib.sha256(client("s3").get_object(Bucket=name, Key=key)["Body"].read()).hexdigest() for key in keys}
    assert len(set(keys)) == 2
    assert len(digests) == 1


def test_an_https_url_and_a_single_object_are_channels_too(tmp_path: Path, place: tuple[str, dict[str, str]]) -> None:
    name, environment = place
    url = f"https://s3.us-east-1.amazonaws.com/{name}/data/train/part-1.csv"
    job = Job(_request(name, channels={"train": url}), tmp_path, environment)
    assert job.end().outcome == "Completed"
    assert [path.name for path in (tmp_path / "opt/ml/input/data/train").iterdir()] == ["part-1.csv"]
    assert any("Train matrix has 100 rows and 3 columns" in event.message for event in job.events)


def test_a_manifest_names_the_files(tmp_path: Path, client: Client, place: tuple[str, dict[str, str]]) -> None:
    name, environment = place
    manifest = [{"prefix": f"s3://{name}/data/train/"}, "nested/part-2.csv"]
    client("s3").put_object(Bucket=name, Key="data/manifest.json", Body=json.dumps(manifest))
    request = _request(name, channels={"train": "data/manifest.json"})
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
    tmp_path: Path, place: tuple[str, dict[str, str]], changes: dict[str, Any], reason: str
) -> None:
    name, environment = place
    job = Job(_request(name, **json.loads(json.dumps(changes).replace("{bucket}", name))), tmp_path, environment)
    end = job.end()
    assert (end.outcome, end.artifact) == ("Failed", "")
    assert end.failure_reason.startswith(reason)
    assert job.statuses()[-1] == "Failed"


def test_a_role_without_logs_loses_the_log_and_nothing_else(
    tmp_path: Path, cloud: LocalCloud, client: Client, place: tuple[str, dict[str, str]]
) -> None:
    name, _ = place
    environment = role_environment(cloud, client, reading(name, "data/"), writing(name, "training/"))
    request = _request(name)
    job = Job(request, tmp_path, environment)
    assert job.end().outcome == "Completed"
    assert "No logs in /aws/sagemaker/TrainingJobs" in (tmp_path / "agent.log").read_text()


@pytest.mark.contract("T66", "T67")
@pytest.mark.parametrize("keep", [True, False])
def test_stopping_keeps_the_model_only_when_asked(
    tmp_path: Path, place: tuple[str, dict[str, str]], keep: bool
) -> None:
    name, environment = place
    hyperparameters = {"num_round": "200000", "save_model_on_termination": str(keep).lower()}
    job = Job(_request(name, hyperparameters=hyperparameters), tmp_path, environment)
    job.wait_for("[5]#011")
    job.run.stop(final_status="MaxRuntimeExceeded")
    job.run.stop()
    end = job.end()
    assert (end.outcome, end.failure_reason, bool(end.artifact)) == ("Stopped", "", keep)
    assert job.statuses()[-2:] == ["Stopping", "MaxRuntimeExceeded"]


def test_a_job_stopped_before_training_ends_stopped(tmp_path: Path, place: tuple[str, dict[str, str]]) -> None:
    name, environment = place
    job = Job(_request(name), tmp_path, environment)
    job.run.stop()
    end = job.end()
    assert (end.outcome, end.artifact) == ("Stopped", "")
    assert "Training" not in job.statuses()


@pytest.mark.contract("T64")
def test_a_killed_program_fails_the_job_with_its_exit_code(tmp_path: Path, place: tuple[str, dict[str, str]]) -> None:
    name, environment = place
    job = Job(_request(name, hyperparameters={"num_round": "200000"}), tmp_path, environment)
    job.wait_for("[3]#011")
    (program,) = children(job.run.pid)
    os.kill(program, signal.SIGKILL)
    assert job.end().failure_reason == "AlgorithmError: Exit Code: 137"


@pytest.mark.contract("T73")
def test_an_interrupted_spot_job_starts_over_and_the_log_says_so(
    tmp_path: Path, client: Client, place: tuple[str, dict[str, str]]
) -> None:
    name, environment = place
    quick = {"num_round": "2000", "max_depth": "1", "nthread": "1"}
    request = _request(name, hyperparameters=quick, channels={"train": "data/train"})
    job = Job(request, tmp_path, environment)
    job.wait_for("[3]#011")
    job.run.interrupt()
    assert job.end().outcome == "Completed"
    attempt = ["Starting", "Downloading", "Training"]
    assert job.statuses() == [*attempt, "Interrupted", *attempt, "Uploading", "Completed"]
    lines = [event.message for event in job.events if event.kind == "log"]
    (over,) = [place for place, line in enumerate(lines) if "The managed spot training instances were" in line]
    assert lines[over].endswith("The job starts over: training begins at round 0.")
    rounds = [int(line[1 : line.index("]")]) for line in lines[over:] if "#011train-rmse" in line]
    assert rounds == list(range(2000))


@pytest.mark.contract("F2")
def test_checkpoints_are_brought_and_uploaded(
    tmp_path: Path, client: Client, cloud: LocalCloud, place: tuple[str, dict[str, str]]
) -> None:
    name, _ = place
    statements = [reading(name, "data/"), reading(name, "checkpoints/"), writing(name, "training/")]
    environment = role_environment(cloud, client, *statements, writing(name, "checkpoints/"), LOGS)
    s3 = client("s3")
    s3.put_object(Bucket=name, Key="checkpoints/job/earlier/file", Body=b"kept")
    accepted = {"KICKSTAND_KNOWN_FAULTS": '{"checkpoint-resume": "To see what the image writes."}'}
    checkpoints = {"CheckpointConfig": {"S3Uri": f"s3://{name}/checkpoints/job"}}
    refused = Job(_request(name, **checkpoints), tmp_path / "refused", environment).end()
    assert "checkpoints do not work in image 3.2-0" in refused.failure_reason
    job = Job(_request(name, Environment=accepted, **checkpoints), tmp_path / "job", environment)
    assert job.end().outcome == "Completed"
    assert (tmp_path / "job/opt/ml/checkpoints/earlier/file").read_bytes() == b"kept"
    found = s3.list_objects_v2(Bucket=name, Prefix="checkpoints/")["Contents"]
    assert [entry["Key"] for entry in found] == [
        "checkpoints/job/earlier/file",
        "checkpoints/job/xgboost-checkpoint_0.ubj",
    ]


@pytest.mark.contract("T04", "T59")
def test_output_data_becomes_output_tar_gz(tmp_path: Path, client: Client, place: tuple[str, dict[str, str]]) -> None:
    name, environment = place
    hyperparameters = {"num_round": "2", "objective": "reg:squarederror", "_kfold": "2"}
    request = _request(name, hyperparameters=hyperparameters)
    end = Job(request, tmp_path / "job", environment).end()
    key = f"training/{request['TrainingJobName']}/output"
    assert (end.outcome, end.output) == ("Completed", f"s3://{name}/{key}/output.tar.gz")

    def packed(file: str) -> list[str]:
        body = io.BytesIO(client("s3").get_object(Bucket=name, Key=f"{key}/{file}")["Body"].read())
        with tarfile.open(fileobj=body) as archive:
            return list(archive.getnames())

    assert packed("output.tar.gz") == ["predictions.csv"]
    assert packed("model.tar.gz") == ["xgboost-model-0", "xgboost-model-1"]


@pytest.mark.parametrize("victim", ["parent", "agent"])
def test_no_process_outlives_its_parent(tmp_path: Path, place: tuple[str, dict[str, str]], victim: str) -> None:
    name, environment = place
    request = _request(name, hyperparameters={"num_round": "10000000"})
    script = (
        "import json, sys, time\n"
        "from pathlib import Path\n"
        "from localcloud.jobs.runs import JobRun\n"
        "order = json.loads(sys.stdin.readline())\n"
        "def told(event):\n"
        "    print(event.message, flush=True)\n"
        "run = JobRun('training', order['request'], folder=Path(order['folder']), environment=order['environment'],\n"
        "    on_event=told)\n"
        "run.start()\n"
        "print('agent', run.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdin is not None
    assert parent.stdout is not None
    order = {"request": request, "folder": str(tmp_path), "environment": environment}
    parent.stdin.write(json.dumps(order) + "\n")
    parent.stdin.flush()
    agent = 0
    for line in parent.stdout:
        if line.startswith("agent "):
            agent = int(line.split()[1])
        if line.startswith("[3]#011"):
            break
    (program,) = children(agent)
    os.kill(parent.pid if victim == "parent" else agent, signal.SIGKILL)
    try:
        wait_until_gone(agent, program)
    finally:
        parent.kill()
        parent.communicate()
