"""Requests through an update of an endpoint, and what is captured of them: rows, answers, and the right model."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import tarfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import xgboost
from gate_world import DEV, GateWorld, Model, train
from live_site import ONE, Endpoint, Site, blue_green
from live_traffic import VARIANT
from sagemaker_world import IMAGE, TRUST, Client, wait_for
from typed import Terminal

from localcloud.cloud import LocalCloud
from training.captured.objects import captured_objects, read_lines
from training.captured.records import read_record

DIGESTS = {"a": "aa" * 32, "b": "bb" * 32}
REQUESTS = 300


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, client_of: Client) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("captured"), client_of)
    yield made
    made.cloud.stop()


def narrow_role(site: Site) -> str:
    """A role that may read models, write logs, and write below capture/ and nowhere else."""
    bucket = f"arn:aws:s3:::{site.world.bucket}"
    iam, name = site.world.client("iam"), f"narrow-{uuid.uuid4().hex[:8]}"
    role: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    allowed = [("s3:GetObject", f"{bucket}/models/*"), ("s3:PutObject", f"{bucket}/capture/*"), ("logs:*", "*")]
    statements = [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in allowed]
    document = {"Version": "2012-10-17", "Statement": statements}
    iam.put_role_policy(RoleName=name, PolicyName="work", PolicyDocument=json.dumps(document))
    return role


def put_config(site: Site, role: str, model: str, folder: str = "capture") -> str:
    """A configuration of two instances of a model that captures everything, under the digest of the model."""
    name = f"{model}-{uuid.uuid4().hex[:8]}"
    site.world.model(name, site.artifacts[model], ExecutionRoleArn=role)
    variant = {"VariantName": VARIANT, "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 2}
    site.world.sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[variant],
        DataCaptureConfig={
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{site.world.bucket}/{folder}/{DIGESTS[model]}",
            "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
            "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
        },
    )
    return name


def make_endpoint(site: Site, config: str) -> Endpoint:
    endpoint = Endpoint(site, f"ep-{uuid.uuid4().hex[:8]}")
    site.world.sagemaker.create_endpoint(EndpointName=endpoint.name, EndpointConfigName=config)
    assert endpoint.settled()["EndpointStatus"] == "InService"
    return endpoint


def delete(endpoint: Endpoint) -> None:
    """Delete an endpoint and wait until it is gone: what its instances answered is written by then."""
    endpoint.sagemaker.delete_endpoint(EndpointName=endpoint.name)
    listed = lambda: endpoint.sagemaker.list_endpoints(NameContains=endpoint.name)["Endpoints"]  # noqa: E731
    wait_for(listed, lambda found: found == [], 60)


class Sender:
    """Sends rows that are each another one, from several threads, until it is left; keeps what was answered."""

    def __init__(self, site: Site, endpoint: str, threads: int = 4) -> None:
        self._runtime, self._endpoint = site.world.client("sagemaker-runtime"), endpoint
        self._numbers, self._ended, self._enough = count(), threading.Event(), threading.Condition()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]
        self.answers: dict[str, str] = {}

    def __enter__(self) -> Sender:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def wait(self, requests: int) -> None:
        with self._enough:
            assert self._enough.wait_for(lambda: len(self.answers) >= requests, 120)

    def _run(self) -> None:
        while not self._ended.is_set():
            number = next(self._numbers)
            row = f"{number / 1000},{(number * 7) % 100 / 100}"
            body = self._runtime.invoke_endpoint(
                EndpointName=self._endpoint, ContentType="text/csv", Accept="text/csv", Body=row.encode()
            )["Body"].read()
            with self._enough:
                self.answers[row] = body.decode().strip()
                self._enough.notify_all()


def model_of(site: Site, answers: dict[str, str]) -> dict[str, str]:
    """Which model gave each answer, by xgboost itself; of equal ones, the first."""
    rows = np.array([[float(cell) for cell in row.split(",")] for row in answers])
    found: dict[str, str] = {}
    for name in ("b", "a"):
        key = site.artifacts[name].partition(f"{site.world.bucket}/")[2]
        packed = site.world.client("s3").get_object(Bucket=site.world.bucket, Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            member = archive.extractfile("xgboost-model")
            assert member is not None
            booster = xgboost.Booster(model_file=bytearray(member.read()))
        for row, value in zip(answers, booster.predict(xgboost.DMatrix(rows)), strict=True):
            if np.float32(float(answers[row])) == value:
                found[row] = name
    assert set(found) == set(answers)
    return found


def captured(site: Site, endpoint: str) -> Counter[tuple[str, str, str]]:
    """How often each row, answer and digest is captured."""
    s3, bucket = site.world.client("s3"), site.world.bucket
    found: Counter[tuple[str, str, str]] = Counter()
    for one in captured_objects(s3, bucket, "capture", endpoint, None):
        for line in read_lines(s3, bucket, one.key):
            record = read_record(line)
            assert record.rows is not None and record.answers is not None, record
            found[",".join(record.rows[0]), ",".join(record.answers[0]), one.model] += 1
    return found


@pytest.mark.contract("Q07", "Q09", "Q18")
def test_captured_rows_and_answers_are_those_that_were_sent_each_under_the_model_that_answered(site: Site) -> None:
    role = narrow_role(site)
    endpoint = make_endpoint(site, put_config(site, role, "a"))
    with Sender(site, endpoint.name) as sender:
        sender.wait(REQUESTS // 3)
        new = put_config(site, role, "b")
        canary = blue_green("CANARY", 120, CanarySize=ONE)
        endpoint.sagemaker.update_endpoint(EndpointName=endpoint.name, EndpointConfigName=new, DeploymentConfig=canary)
        shown = endpoint.settled()
        assert (shown["EndpointConfigName"], shown["DataCaptureConfig"]["CaptureStatus"]) == (new, "Started")
        sender.wait(max(REQUESTS, len(sender.answers) + REQUESTS // 3))
    delete(endpoint)
    models = model_of(site, sender.answers)
    assert Counter(models.values()).keys() == {"a", "b"}
    expected = Counter((row, answer, DIGESTS[models[row]]) for row, answer in sender.answers.items())
    assert captured(site, endpoint.name) == expected


@pytest.mark.contract("Q18")
def test_the_role_writes_where_it_may_and_nowhere_else(site: Site) -> None:
    config = put_config(site, narrow_role(site), "a", folder="models/captured")
    endpoint = make_endpoint(site, config)
    with Sender(site, endpoint.name) as sender:
        sender.wait(20)
    shown = endpoint.settled()
    delete(endpoint)
    assert shown["DataCaptureConfig"]["CaptureStatus"] == "Started"
    found = site.world.client("s3").list_objects_v2(Bucket=site.world.bucket, Prefix="models/captured/")
    assert found["KeyCount"] == 0
    log = site.cloud.log.read_text("utf-8")
    assert f"endpoint {endpoint.name}: {len(sender.answers)} captured requests are lost" in log
    assert "is not authorized to perform: s3:PutObject" in log.split(f"endpoint {endpoint.name}:")[1]


@pytest.mark.contract("Q09")
def test_what_was_answered_before_the_server_stops_is_written_before_it(tmp_path: Path, client_of: Client) -> None:
    site = Site(tmp_path, client_of)
    try:
        endpoint = make_endpoint(site, put_config(site, site.world.role, "a"))
        with Sender(site, endpoint.name) as sender:
            sender.wait(20)
        site.cloud.stop()
        site.cloud.start(port=0)
        assert captured(site, endpoint.name) == Counter((*sent, DIGESTS["a"]) for sent in sender.answers.items())
    finally:
        site.cloud.stop()


# `kickstand captured`.


PAGE = Path(__file__).resolve().parents[2] / "docs" / "capture.md"
COMMANDS = re.findall(r"^    kickstand (.*?)(?: *#.*)?$", PAGE.read_text("utf-8"), re.MULTILINE)
SENT: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("text/csv", "0.25,0.75\n0.5,0.125\n", {"InferenceId": "order-7"}),
    ("text/csv", "0.250,1e-1", {}),
    ("text/csv", "1,2,3", {}),
    ("text/libsvm", "0:0.5 1:0.25", {}),
)


@pytest.fixture(scope="module")
def model() -> Model:
    return train(5)


@pytest.fixture(scope="module")
def project(
    cloud: LocalCloud, client: Client, model: Model, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GateWorld]:
    """dev of a project whose endpoint has answered SENT; everything is captured and written."""
    before = dict(os.environ)
    os.environ["KICKSTAND_LOCAL_STATE"] = str(cloud.folder.root)
    world = GateWorld(tmp_path_factory.mktemp("project"), cloud, client)
    world.make()
    world.release(model)
    names, sagemaker, runtime = world.of("dev"), client("sagemaker"), client("sagemaker-runtime")
    client("s3").put_object(Bucket=names.bucket, Key=f"models/{model.sha256}/model.tar.gz", Body=model.archive)
    role = f"arn:aws:iam::{names.environment.account}:role/{world.name}"
    container = {"Image": IMAGE, "ModelDataUrl": world.uri("dev", model)}
    sagemaker.create_model(ModelName=world.name, ExecutionRoleArn=role, PrimaryContainer=container)
    variant = {"VariantName": "all", "ModelName": world.name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    capture = {
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": names.capture_uri(model.sha256),
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
    }
    sagemaker.create_endpoint_config(
        EndpointConfigName=world.name, ProductionVariants=[variant], DataCaptureConfig=capture
    )
    sagemaker.create_endpoint(EndpointName=names.endpoint, EndpointConfigName=world.name)
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName=names.endpoint, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    for content_type, body, more in SENT:
        with suppress(sagemaker.exceptions.ClientError):  # the model refuses three features
            runtime.invoke_endpoint(EndpointName=names.endpoint, ContentType=content_type, Body=body.encode(), **more)
    sagemaker.delete_endpoint(EndpointName=names.endpoint)
    wait_for(lambda: sagemaker.list_endpoints(NameContains=names.endpoint)["Endpoints"], lambda found: found == [], 60)
    yield world
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def terminal(project: GateWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    monkeypatch.chdir(project.folder)
    return Terminal(monkeypatch, capsys)


def test_rows_come_back_as_they_were_sent_with_their_answers(model: Model, terminal: Terminal) -> None:
    screen = terminal.type("--local", "captured", "dev", "--join-answers")
    assert screen.code == 0, screen
    first, *lines = csv.reader(io.StringIO(screen.out))
    assert first == ["inference_time", "model_sha256", "request_id", "request_row", "x", "y", "prediction"]
    assert [line[1:2] + line[3:6] for line in lines] == [
        [model.sha256, "1", "0.25", "0.75"],
        [model.sha256, "2", "0.5", "0.125"],
        [model.sha256, "1", "0.250", "1e-1"],
    ]
    assert [line[2] for line in lines[:2]] == ["order-7", "order-7"] != [lines[2][2]] * 2
    assert [np.float32(line[6]) for line in lines[:2]] == [
        np.float32(one) for one in np.ravel(model.golden.predictions)
    ]
    assert screen.err.splitlines() == [
        "3 rows of 2 requests, answered by 1 model.",
        "Left out: 1 request (rows of another number of columns than 2).",
        "Left out: 1 request (text/libsvm, not CSV).",
    ]


def test_the_commands_of_the_page_read_what_was_captured(project: GateWorld, terminal: Terminal) -> None:
    assert len(COMMANDS) == 3
    for command in COMMANDS:
        words = shlex.split(command.replace("prod", "dev").replace("2026-11-29T14:00", "2020-01-01T00:00"))
        file = project.folder / "captured.csv"
        file.unlink(missing_ok=True)
        screen = terminal.type("--local", *words)
        assert screen.code == 0, screen
        text = file.read_text() if "-o" in words else screen.out
        assert len(text.splitlines()) == 4
        assert ("prediction" in text) == ("--join-answers" in words)


def test_what_lies_before_a_moment_is_not_read(terminal: Terminal) -> None:
    # A record's moment is a whole second: what was sent last may be of this one.
    time.sleep(1 - datetime.now(UTC).microsecond / 1e6)
    screen = terminal.type("--local", "captured", "dev", "--since", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}")
    assert (screen.code, len(screen.out.splitlines())) == (0, 1)
    assert screen.err.startswith(
        "0 rows of 0 requests, answered by 0 models.\nSageMaker delivers requests some minutes"
    )
    late = terminal.type("--local", "captured", "dev", "--since", "2999-01-01")
    assert late.code != 0 and "error: --since: 2999-01-01 has not come yet: it is " in late.err
    odd = terminal.type("--local", "captured", "dev", "--since", "last week", "-o", "none/here.csv")
    assert odd.code != 0 and "Expected a moment, found 'last week'." in odd.err


def test_who_may_not_read_is_shown_the_policy(
    project: GateWorld, terminal: Terminal, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    iam = client("iam")
    iam.create_user(UserName=f"{project.name}-nosy")
    allowed = {"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName=f"{project.name}-nosy", PolicyName="little", PolicyDocument=document)
    key = iam.create_access_key(UserName=f"{project.name}-nosy")["AccessKey"]
    environment = project.cloud.environment(DEV, "us-east-1")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    screen = terminal.type("captured", "dev")
    assert screen.code == 1, screen
    assert "These credentials may not read captured requests." in screen.err
    assert f"Attach the policy {project.of('dev').managed_policy('captured')} to your role" in screen.err
