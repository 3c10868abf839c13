"""One model trained by several hosts: as good as by one, whatever the data's distribution; and how such jobs fail."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
import xgboost
from platform_role import LOGS, bucket, reading, role_environment, writing
from training_jobs import Job, children, programs_in, wait_until_gone

from data.prepare import prepare
from localcloud.cloud import LocalCloud
from localcloud.jobs.training.hosts import SHARDED
from training.model.inspection.archive import extract_model

Client = Callable[..., Any]
Place = tuple[str, dict[str, str]]

REPLICATED = "FullyReplicated"
BIKES = {"objective": "reg:squarederror", "num_round": "40", "max_depth": "5", "eta": "0.3"}
ENDLESS = {**BIKES, "num_round": "200000"}

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="several hosts need Linux's namespaces")


@pytest.fixture(scope="module")
def bikes() -> dict[str, str]:
    return prepare()


@pytest.fixture(scope="module")
def place(cloud: LocalCloud, client: Client, bikes: dict[str, str]) -> Place:
    """A bucket with the bike data, each channel in four files, and the environment of an execution role."""
    name = bucket(client)
    for channel in ("train", "validation"):
        rows = bikes[channel].splitlines(keepends=True)
        for part in range(4):
            client("s3").put_object(Bucket=name, Key=f"data/{channel}/{part}.csv", Body="".join(rows[part::4]).encode())
    client("s3").put_object(Bucket=name, Key="two/train/0.csv", Body=bikes["train"].encode())
    client("s3").put_object(Bucket=name, Key="two/train/1.csv", Body=bikes["validation"].encode())
    client("s3").put_object(Bucket=name, Key="broken/train/0.csv", Body=bikes["train"].encode())
    client("s3").put_object(Bucket=name, Key="broken/train/1.csv", Body=b"1,2,3\n1,two,3\n")
    statements = [reading(name, prefix) for prefix in ("data/", "two/", "broken/")]
    return name, role_environment(cloud, client, *statements, writing(name, "training/"), LOGS)


def _request(
    name: str,
    instances: int,
    distribution: str,
    *,
    prefix: str = "data",
    channels: tuple[str, ...] = ("train", "validation"),
    hyperparameters: dict[str, str] = BIKES,
) -> dict[str, Any]:
    return {
        "TrainingJobName": f"hosts-{uuid4().hex[:8]}",
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
                        "S3Uri": f"s3://{name}/{prefix}/{channel}/",
                        "S3DataDistributionType": distribution,
                    }
                },
            }
            for channel in channels
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{name}/training"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": instances, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }


def _log(client: Client, request: dict[str, Any], host: str) -> list[str]:
    logs, group = client("logs"), "/aws/sagemaker/TrainingJobs"
    prefix = f"{request['TrainingJobName']}/{host}-"
    (stream,) = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)["logStreams"]
    found = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)
    return [event["message"] for event in found["events"]]


def _model(client: Client, place: Place, artifact: str, folder: Path) -> xgboost.Booster:
    key = artifact.removeprefix(f"s3://{place[0]}/")
    archive = io.BytesIO(client("s3").get_object(Bucket=place[0], Key=key)["Body"].read())
    (file,) = extract_model(archive, folder)
    return xgboost.Booster(model_file=bytearray(file.read_bytes()))


def _test_rmse(model: xgboost.Booster, text: str) -> float:
    rows = np.loadtxt(io.StringIO(text), delimiter=",")
    return float(np.sqrt(np.mean((model.inplace_predict(rows[:, 1:]) - rows[:, 0]) ** 2)))


@pytest.fixture(scope="module")
def of_one(
    tmp_path_factory: pytest.TempPathFactory, client: Client, place: Place, bikes: dict[str, str]
) -> tuple[float, float]:
    """What one instance reaches: validation RMSE as logged, RMSE over the test rows."""
    folder = tmp_path_factory.mktemp("one")
    job = Job(_request(place[0], 1, REPLICATED), folder / "job", place[1])
    end = job.end()
    model = _model(client, place, end.artifact, folder / "model")
    return dict(event.metric for event in job.events if event.metric)["validation:rmse"], _test_rmse(
        model, bikes["test"]
    )


@pytest.mark.contract("T74", "T76")
@pytest.mark.parametrize("distribution", [REPLICATED, SHARDED])
@pytest.mark.parametrize("instances", [2, 4])
def test_several_instances_train_a_model_as_good_as_one(
    tmp_path: Path,
    client: Client,
    place: Place,
    bikes: dict[str, str],
    of_one: tuple[float, float],
    instances: int,
    distribution: str,
) -> None:
    request = _request(place[0], instances, distribution)
    job = Job(request, tmp_path / "job", place[1])
    end = job.end()

    assert (end.outcome, end.failure_reason) == ("Completed", "")
    metrics = dict(event.metric for event in job.events if event.metric)
    model = _model(client, place, end.artifact, tmp_path / "model")
    assert model.num_boosted_rounds() == 40
    assert metrics["validation:rmse"] == pytest.approx(of_one[0], rel=0.03)
    assert _test_rmse(model, bikes["test"]) == pytest.approx(of_one[1], rel=0.03)
    rows = bikes["train"].count("\n")
    for number in range(1, instances + 1):
        log = _log(client, request, f"algo-{number}")
        part = -(-rows // 4) if instances == 4 else rows // 2 + (number == 1) * (rows % 2)
        held = part if distribution == SHARDED else rows
        assert sum(f"Train matrix has {count} rows" in line for line in log for count in (held, held - 1)) == 1
        # the first host alone tells the rounds
        assert sum("#011train-rmse" in line for line in log) == (40 if number == 1 else 0)


@pytest.mark.contract("T75")
def test_a_host_without_data_leaves_and_the_others_train(tmp_path: Path, client: Client, place: Place) -> None:
    request = _request(place[0], 3, SHARDED, prefix="two", channels=("train",))
    job = Job(request, tmp_path, place[1])
    assert job.end().outcome == "Completed"
    log = _log(client, request, "algo-3")
    assert any(line.endswith("WARNING] Host algo-3 not being used for distributed training.") for line in log)
    assert not any("Train matrix" in line for line in log)
    assert any("Distributed node training with 3 hosts" in line for line in _log(client, request, "algo-1"))


@pytest.mark.contract("T77")
def test_a_killed_host_fails_the_job_by_its_name_and_ends_the_others(tmp_path: Path, place: Place) -> None:
    job = Job(_request(place[0], 3, SHARDED, hyperparameters=ENDLESS), tmp_path, place[1])
    job.wait_for("[5]#011")
    programs = programs_in(tmp_path, job.run.pid)
    hosts = {Path(f"/proc/{program}/cwd").readlink().name: program for program in programs}
    assert sorted(hosts) == ["algo-1", "algo-2", "algo-3"]
    os.kill(hosts["algo-2"], signal.SIGKILL)
    end = job.end()
    assert end.failure_reason == (
        "AlgorithmError: Exit Code: 137. Host algo-2 of 3 was ended by SIGKILL; the others were stopped"
    )
    wait_until_gone(*programs)


def test_one_hosts_bad_data_is_the_jobs_reason(tmp_path: Path, place: Place) -> None:
    job = Job(_request(place[0], 2, SHARDED, prefix="broken", channels=("train",)), tmp_path, place[1])
    reason = job.end().failure_reason
    assert reason.startswith("AlgorithmError: framework error: \nUserError: Failed to load csv data with exception:")
    assert reason.endswith(", exit code: 1. Host algo-2 of 2 failed; the others were stopped")


def test_a_stopped_job_keeps_the_model_of_all_hosts(tmp_path: Path, client: Client, place: Place) -> None:
    hyperparameters = {**ENDLESS, "save_model_on_termination": "true"}
    job = Job(_request(place[0], 2, SHARDED, hyperparameters=hyperparameters), tmp_path / "job", place[1])
    job.wait_for("[5]#011")
    job.run.stop()
    end = job.end()
    assert (end.outcome, end.failure_reason) == ("Stopped", "")
    rounds = sum("#011train-rmse" in event.message for event in job.events if event.kind == "log")
    assert _model(client, place, end.artifact, tmp_path / "model").num_boosted_rounds() == rounds


def test_an_interrupted_job_starts_over_on_all_of_its_hosts(tmp_path: Path, client: Client, place: Place) -> None:
    request = _request(place[0], 2, SHARDED, hyperparameters={**BIKES, "num_round": "3000", "max_depth": "2"})
    request |= {"EnableManagedSpotTraining": True}
    job = Job(request, tmp_path, place[1])
    job.wait_for("[5]#011")
    first = programs_in(tmp_path, job.run.pid)
    assert len(first) == 2
    job.run.interrupt()
    job.wait_for("Interrupted")
    job.wait_for("The job starts over")
    job.run.stop()
    end = job.end()
    assert end.outcome == "Stopped"
    assert job.statuses().count("Training") == 2
    over = [line for line in (event.message for event in job.events) if "The job starts over" in line]
    assert len(over) == 2  # each host's own log says so
    wait_until_gone(*first)


@pytest.mark.contract("T24")
def test_a_metric_of_the_containers_is_the_mean_of_the_hosts_own(
    tmp_path: Path, client: Client, place: Place, bikes: dict[str, str]
) -> None:
    """xgboost adds up its own metrics over all rows; of any other it takes the mean of the hosts' figures."""
    few = {**BIKES, "num_round": "4", "eval_metric": "mae"}
    request = _request(place[0], 2, SHARDED, prefix="two", channels=("train",), hyperparameters=few)
    job = Job(request, tmp_path / "job", place[1])
    end = job.end()
    assert (end.outcome, end.failure_reason) == ("Completed", "")
    model = _model(client, place, end.artifact, tmp_path / "model")
    shares = [np.loadtxt(io.StringIO(bikes[name]), delimiter=",") for name in ("train", "validation")]
    left = [np.abs(model.inplace_predict(rows[:, 1:]) - rows[:, 0]) for rows in shares]
    found = dict(event.metric for event in job.events if event.metric)
    assert list(found) == ["train:rmse", "train:mae"]
    assert found["train:rmse"] == pytest.approx(np.sqrt(np.mean(np.concatenate(left) ** 2)), abs=1e-5)
    assert found["train:mae"] == pytest.approx(np.mean([share.mean() for share in left]), abs=1e-5)
    assert found["train:mae"] != pytest.approx(np.concatenate(left).mean(), abs=1e-5)


def test_cross_validation_on_two_hosts_makes_a_model_for_each_fold(
    tmp_path: Path, client: Client, place: Place
) -> None:
    request = _request(place[0], 2, REPLICATED, hyperparameters={**BIKES, "num_round": "3", "_kfold": "2"})
    job = Job(request, tmp_path / "job", place[1])
    end = job.end()
    assert (end.outcome, end.failure_reason) == ("Completed", "")
    key = end.artifact.removeprefix(f"s3://{place[0]}/")
    archive = io.BytesIO(client("s3").get_object(Bucket=place[0], Key=key)["Body"].read())
    assert sorted(file.name for file in extract_model(archive, tmp_path / "model")) == [
        "xgboost-model-0",
        "xgboost-model-1",
    ]


def test_what_several_instances_do_not_train_is_refused_before_they_meet(tmp_path: Path, place: Place) -> None:
    job = Job(_request(place[0], 2, SHARDED, hyperparameters={**BIKES, "tree_method": "exact"}), tmp_path, place[1])
    assert (
        "UserError: tree_method exact looks at all rows at once: xgboost refuses it on several instances. "
        "Use hist or approx, or train on one instance."
    ) in job.end().failure_reason


@pytest.mark.usefixtures("started_programs")
def test_hosts_listen_where_nobody_else_can_reach_them(tmp_path: Path, place: Place) -> None:
    job = Job(_request(place[0], 2, SHARDED, hyperparameters=ENDLESS), tmp_path, place[1])
    job.wait_for("[1]#011")
    programs = children(job.run.pid)
    networks = {Path(f"/proc/{program}/ns/net").readlink() for program in programs}
    ours = Path("/proc/self/ns/net").readlink()
    assert len(networks) == 1
    assert ours not in networks
    interfaces = Path(f"/proc/{programs[0]}/net/dev").read_text().splitlines()[2:]
    assert [line.split(":")[0].strip() for line in interfaces] == ["lo"]
    variables = Path(f"/proc/{programs[1]}/environ").read_text().split("\0")
    assert not any(variable.startswith("AWS_ACCESS") for variable in variables)
    job.run.terminate()
    job.end()
    wait_until_gone(*programs)


def test_a_machine_without_namespaces_refuses_several_instances_by_name(tmp_path: Path, place: Place) -> None:
    forbidden = subprocess.run(
        [
            *("unshare", "--user", "--map-root-user", "sh", "-c"),
            'echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" -c "$1"',
            sys.executable,
            "from localcloud.jobs.process.namespace import host_network\nwith host_network(2): pass",
        ],
        capture_output=True,
        text=True,
    )
    assert (
        "JobFailure: ClientError: Training on 2 instances is not possible on this machine: its hosts would listen on "
        "every network address, and a network of their own, with loopback alone, cannot be made for them "
        "(unshare: No space left on device)."
    ) in forbidden.stderr
