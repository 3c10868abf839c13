"""Hosted models as processes: fetched, asked, replaced, stopped, orphaned."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
import xgboost
from platform_role import LOGS, bucket, reading, role_environment

from benchmarks.measure import is_running
from localcloud.cloud import LocalCloud
from localcloud.jobs.hosting.model_process import HostingError
from localcloud.jobs.hosting.model_server import ModelContainer, ModelServer

Client = Callable[..., Any]

FEATURES = np.random.default_rng(5).normal(size=(50, 3)).round(4)
BOOSTER = xgboost.train({}, xgboost.DMatrix(FEATURES, label=FEATURES[:, 0] * 2), 5)
ROWS = "".join(",".join(map(str, row)) + "\n" for row in FEATURES.tolist()).encode()
EXPECTED = "".join(f"{value}\n" for value in BOOSTER.predict(xgboost.DMatrix(FEATURES)).tolist()).encode()
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"


def _archive(*names: str, content: bytes | None = None) -> bytes:
    content = bytes(BOOSTER.save_raw("ubj")) if content is None else content
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name in names or ("xgboost-model",):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


class Place:
    """A bucket with models, and servers made for them."""

    def __init__(self, cloud: LocalCloud, client: Client, folder: Path) -> None:
        self.bucket = bucket(client)
        self.environment = role_environment(cloud, client, reading(self.bucket, "models/"), LOGS)
        self.s3 = client("s3")
        self._folder = folder
        self._servers: list[ModelServer] = []

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def server(self, key: str = "models/model.tar.gz", group: str = "", **variables: str) -> ModelServer:
        server = ModelServer(
            ModelContainer(IMAGE, f"s3://{self.bucket}/{key}", variables),
            variant="AllTraffic",
            folder=self._folder / uuid4().hex,
            environment=lambda: self.environment,
            log_group=group or f"/aws/sagemaker/Endpoints/e-{uuid4().hex[:8]}",
            log_stream="AllTraffic/i-0123",
            startup_seconds=20,
        )
        self._servers.append(server)
        return server

    def stop(self) -> None:
        for server in self._servers:
            server.stop()


@pytest.fixture
def place(cloud: LocalCloud, client: Client, tmp_path: Path) -> Iterator[Place]:
    made = Place(cloud, client, tmp_path)
    made.put("models/model.tar.gz", _archive())
    yield made
    made.stop()


@pytest.mark.contract("H03")
def test_a_model_is_hosted_and_answers_as_xgboost_does(place: Place) -> None:
    server = place.server()
    server.start()
    answer = server.invoke(ROWS, "text/csv")
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, "text/csv; charset=utf-8", EXPECTED)
    as_json = server.invoke(ROWS, "text/csv", "application/json")
    assert [item["score"] for item in json.loads(as_json.body)["predictions"]] == [float(x) for x in EXPECTED.split()]
    assert server.invoke(b"", "text/csv").status == 204
    assert server.invoke(b"x" * 7_000_000, "text/csv").status == 413
    assert server.invoke(b"1,2,3,4", "text/csv").status == 400


def test_many_callers_are_answered_at_once(place: Place) -> None:
    server = place.server(SAGEMAKER_MODEL_SERVER_WORKERS="2")
    server.start()
    wrong: list[bytes] = []
    large, expected = ROWS * 100, EXPECTED * 100

    def ask(body: bytes, right: bytes) -> None:
        for _ in range(10):
            if (answer := server.invoke(body, "text/csv").body) != right:
                wrong.append(answer)

    callers = [threading.Thread(target=ask, args=pair) for pair in [(ROWS, EXPECTED), (large, expected)] * 4]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert wrong == []


def test_the_programs_log_is_in_cloudwatch(place: Place, client: Client) -> None:
    group = f"/aws/sagemaker/Endpoints/e-{uuid4().hex[:8]}"
    server = place.server(group=group)
    server.start()
    server.invoke(b"a,b,c", "text/csv")
    server.stop()
    events = client("logs").get_log_events(logGroupName=group, logStreamName="AllTraffic/i-0123", startFromHead=True)
    messages = [event["message"] for event in events["events"]]
    assert any("Model loaded successfully" in message for message in messages)
    assert any("could not convert string to float: np.str_('a')" in message for message in messages)


@pytest.mark.parametrize("may_make", [True, False])
def test_the_last_lines_come_when_the_group_is_gone_and_make_it_again_where_the_role_may(
    place: Place, cloud: LocalCloud, client: Client, may_make: bool
) -> None:
    logs, group = client("logs"), f"/aws/sagemaker/Endpoints/e-{uuid4().hex[:8]}"
    logs.create_log_group(logGroupName=group)
    actions = ["logs:CreateLogStream", "logs:PutLogEvents", *(["logs:CreateLogGroup"] if may_make else [])]
    place.environment = role_environment(cloud, client, reading(place.bucket, "models/"), (actions, ["*"]))
    server = place.server(group=group)
    server.start()
    server.stop()
    assert "Model loaded" in str(logs.filter_log_events(logGroupName=group)["events"])
    logs.delete_log_group(logGroupName=group)

    for sending in [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]:
        sending.join(30)

    found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert [(one["logGroupName"], one.get("retentionInDays")) for one in found] == [(group, None)] * may_make
    if may_make:
        events = logs.filter_log_events(logGroupName=group)["events"]
        assert [one["message"] for one in events] == ["[INFO] Handling signal: term"]


@pytest.mark.contract("H41", "H74", "H76")
@pytest.mark.parametrize(
    ("key", "body", "reason"),
    [
        ("models/junk.tar.gz", _archive(content=b"junk"), "did not pass the ping health check"),
        ("models/junk.tar.gz", _archive(content=b"junk"), "The model server ended with exit code 1. "),
        ("models/junk.tar.gz", _archive(content=b"junk"), "cannot be loaded"),
        ("models/pickle.tar.gz", _archive(content=b"\x80\x04."), "is a pickle"),
        ("models/unsafe.tar.gz", _archive("../../model"), "Member '../../model' climbs out of its folder."),
        ("models/empty.tar.gz", _archive("code/inference.py"), "No model file in"),
        ("models/two.tar.gz", _archive("xgboost-model", "README", content=b"junk"), "README cannot be loaded"),
        ("models/plain.tar.gz", b"no archive", "not a whole gzipped tar archive"),
        ("other/model.tar.gz", _archive(), "AccessDenied (403)"),
        ("models/absent.tar.gz", None, "NoSuchKey (404)"),
    ],
    ids=lambda value: "archive" if isinstance(value, bytes) else None,  # with the time of its making
)
def test_a_model_that_cannot_be_hosted_gives_the_reason(
    place: Place, key: str, body: bytes | None, reason: str
) -> None:
    if body is not None:
        place.put(key, body)
    with pytest.raises(HostingError) as error:
        place.server(key).start()
    assert reason in str(error.value)


@pytest.mark.contract("H88")
def test_an_environment_that_is_not_supported_is_refused_by_name(place: Place) -> None:
    with pytest.raises(HostingError, match=r"SAGEMAKER_PROGRAM \(script mode\) is not supported by the local cloud"):
        place.server(SAGEMAKER_PROGRAM="inference.py").start()


@pytest.mark.contract("H59", "H86")
def test_output_is_selected_and_encoded_as_asked(place: Place) -> None:
    server = place.server(SAGEMAKER_INFERENCE_OUTPUT="predicted_score")
    server.start()
    answer = server.invoke(ROWS, "text/csv", "application/jsonlines")
    assert answer.headers["content-type"] == "application/jsonlines"
    assert [json.loads(line)["predicted_score"] for line in answer.body.splitlines()] == list(
        map(float, EXPECTED.split())
    )


@pytest.mark.contract("H16", "H71")
def test_the_models_of_a_cross_validation_are_an_ensemble(place: Place) -> None:
    place.put("models/folds.tar.gz", _archive("xgboost-model-0", "xgboost-model-1"))
    server = place.server("models/folds.tar.gz")
    server.start()
    assert server.invoke(ROWS, "text/csv").body == EXPECTED  # the mean of two that agree
    libsvm = "".join(f"{row[0]} 0:{row[0]} 1:{row[1]} 2:{row[2]}\n" for row in FEATURES.tolist()).encode()
    assert server.invoke(libsvm, "text/libsvm").body == EXPECTED
    assert server.invoke(libsvm).body == EXPECTED  # no content type means libsvm


def test_a_program_that_dies_is_replaced(place: Place) -> None:
    server = place.server()
    server.start()
    first = server.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + 15
    while True:
        try:
            if server.pid != first and server.invoke(ROWS, "text/csv").body == EXPECTED:
                break
        except HostingError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_stopped_server_is_gone_and_says_so(place: Place) -> None:
    server = place.server()
    server.start()
    pid = server.pid
    assert pid is not None
    server.stop()
    assert not is_running(pid)
    with pytest.raises(HostingError, match="is not running"):
        server.invoke(ROWS, "text/csv")


def test_no_program_outlives_its_parent(tmp_path: Path, place: Place) -> None:
    script = (
        "import json, sys, time\n"
        "from pathlib import Path\n"
        "from localcloud.jobs.hosting.model_server import ModelContainer, ModelServer\n"
        "order = json.loads(sys.stdin.readline())\n"
        "server = ModelServer(ModelContainer('', order['url']), variant='a', folder=Path(order['folder']),\n"
        "    environment=order['environment'], log_group='/g', log_stream='s')\n"
        "server.start()\n"
        "print(server.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdin is not None
    assert parent.stdout is not None
    order = {
        "url": f"s3://{place.bucket}/models/model.tar.gz",
        "folder": str(tmp_path),
        "environment": place.environment,
    }
    parent.stdin.write(json.dumps(order) + "\n")
    parent.stdin.flush()
    program = int(parent.stdout.readline())
    assert is_running(program)
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 1
    while is_running(program):
        assert time.monotonic() < deadline
        time.sleep(0.02)
