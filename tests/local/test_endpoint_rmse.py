"""The RMSE of an endpoint's own answers over the validation channel is the training job's last logged one, to all
printed digits: for CSV, and for libsvm with its indices from 0 and from 1 on.
"""

from __future__ import annotations

import importlib.util
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sagemaker_world import Client, World, make_world

REPOSITORY = Path(__file__).resolve().parents[2]
ROUNDS = 20


def _prepare() -> ModuleType:
    spec = importlib.util.spec_from_file_location("prepare", REPOSITORY / "data/prepare.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bike() -> dict[str, list[list[str]]]:
    """The cells of the bike data's train and validation channel, the label first."""
    channels = _prepare().prepare()
    return {name: [line.split(",") for line in channels[name].splitlines()] for name in ("train", "validation")}


@pytest.fixture(scope="module")
def world(client: Client) -> World:
    return make_world(client, f"rmse-{uuid.uuid4().hex[:8]}")


@dataclass(frozen=True)
class Form:
    """One way of writing rows down."""

    content_type: str
    written: Callable[[list[str]], str]
    asked: Callable[[list[str]], str]


def _libsvm(first: int) -> Form:
    """`label index:value …` with indices from `first` on, in training and in requests.

    Image 3.2-0 takes 1 off the indices of a request without an index 0: `0:nan`, a missing value, is one.
    """

    def written(row: list[str]) -> str:
        return " ".join([row[0], *(f"{place}:{cell}" for place, cell in enumerate(row[1:], first))])

    def asked(row: list[str]) -> str:
        return written(row) if first == 0 else written(row).replace(" ", " 0:nan ", 1)

    return Form("text/libsvm", written, asked)


FORMS = {
    "csv": Form("text/csv", ",".join, lambda row: ",".join(row[1:])),
    "libsvm-from-0": _libsvm(0),
    "libsvm-from-1": _libsvm(1),
}


@dataclass(frozen=True)
class Hosted:
    """Completed jobs by form, and one endpoint that serves each job's model as a variant of the form's name."""

    endpoint: str
    jobs: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def hosted(world: World, bike: dict[str, list[list[str]]]) -> Hosted:
    endpoint, s3 = f"bike-{uuid.uuid4().hex[:8]}", world.client("s3")
    for name, form in FORMS.items():
        channels = []
        for channel, rows in bike.items():
            text = "".join(form.written(row) + "\n" for row in rows)
            s3.put_object(Bucket=world.bucket, Key=f"{name}/{channel}/part", Body=text.encode())
            source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{world.bucket}/{name}/{channel}/"}
            given = {"ChannelName": channel, "ContentType": form.content_type}
            channels.append({**given, "DataSource": {"S3DataSource": source}})
        parameters = {"num_round": str(ROUNDS), "objective": "reg:squarederror", "eta": "0.3", "max_depth": "6"}
        request = world.training_job(f"{endpoint}-{name}", InputDataConfig=channels, HyperParameters=parameters)
        world.sagemaker.create_training_job(**request)
    jobs = {name: world.wait_for_job(f"{endpoint}-{name}", 120) for name in FORMS}
    assert [job["TrainingJobStatus"] for job in jobs.values()] == ["Completed"] * len(jobs), jobs
    artifacts = {name: job["ModelArtifacts"]["S3ModelArtifacts"] for name, job in jobs.items()}
    variants = [(name, world.model(f"{endpoint}-{name}", uri), 1) for name, uri in artifacts.items()]
    config = world.config(endpoint, *variants)
    world.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    assert world.wait_for_endpoint(endpoint)["EndpointStatus"] == "InService"
    return Hosted(endpoint, jobs)


@pytest.mark.contract("H98", "F1")
@pytest.mark.parametrize("name", FORMS)
def test_the_answers_have_the_rmse_that_the_job_logged_last(
    world: World, bike: dict[str, list[list[str]]], hosted: Hosted, name: str
) -> None:
    form, rows, job = FORMS[name], bike["validation"], hosted.jobs[name]
    answer = world.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=hosted.endpoint,
        TargetVariant=name,
        ContentType=form.content_type,
        Body="".join(form.asked(row) + "\n" for row in rows).encode(),
    )
    predicted = np.array([float(line) for line in answer["Body"].read().splitlines()])
    label = np.array([float(row[0]) for row in rows])
    assert len(predicted) == len(label) > 3000
    rmse = f"{np.sqrt(np.mean((predicted - label) ** 2)):.5f}"

    metrics = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert f"{metrics['validation:rmse']:.5f}" == rmse
    logs, place = world.client("logs"), {"logGroupName": "/aws/sagemaker/TrainingJobs"}
    (stream,) = logs.describe_log_streams(**place, logStreamNamePrefix=f"{job['TrainingJobName']}/")["logStreams"]
    events = logs.get_log_events(**place, logStreamName=stream["logStreamName"], startFromHead=True)["events"]
    found = [re.search(r"\[(\d+)\].*#011validation-rmse:(\S+)", event["message"]) for event in events]
    rounds = [(int(one[1]), one[2]) for one in found if one]
    assert rounds[-1] == (ROUNDS - 1, rmse)
    assert len(rounds) == ROUNDS
