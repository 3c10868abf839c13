"""InvokeEndpoint as boto3 users meet it: variants, headers, errors, limits, crowds, clients that stall."""

from __future__ import annotations

import io
import os
import resource
import signal
import socket
import ssl
import sys
import tarfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import numpy as np
import pytest
import xgboost
from botocore.config import Config
from botocore.exceptions import ClientError
from sagemaker_world import ACCOUNT, IMAGE, REGION, Client, World, make_world
from server_processes import listening, model_servers

from benchmarks.measure import descendants
from localcloud.cloud import LocalCloud
from localcloud.sagemaker.service import AT_WORK, WAITING
from localcloud.server.running import holder

FEATURES = np.random.default_rng(5).normal(size=(64, 3)).round(4)
ROWS = [",".join(map(str, row)) + "\n" for row in FEATURES.tolist()]
BOOSTERS = {
    variant: xgboost.train({}, xgboost.DMatrix(FEATURES, label=FEATURES[:, column]), 5)
    for column, variant in enumerate(("One", "Two"))
}
ANSWERS = {
    variant: [f"{value}\n".encode() for value in booster.predict(xgboost.DMatrix(FEATURES)).tolist()]
    for variant, booster in BOOSTERS.items()
}
MARK = uuid.uuid4().hex
"""Is in the environment of this module's model servers, by which their processes are found."""


@pytest.fixture(scope="module")
def world(client: Client) -> World:
    return make_world(client, f"invoke-{uuid.uuid4().hex[:8]}")


@pytest.fixture(scope="module")
def endpoint(world: World) -> str:
    """An endpoint of two variants; `Two` gets no requests but those that ask for it."""
    name = f"ep-{uuid.uuid4().hex[:8]}"
    for variant, booster in BOOSTERS.items():
        out, content = io.BytesIO(), bytes(booster.save_raw("ubj"))
        with tarfile.open(fileobj=out, mode="w:gz") as tar:
            member = tarfile.TarInfo("xgboost-model")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        key = f"models/{variant}/model.tar.gz"
        world.client("s3").put_object(Bucket=world.bucket, Key=key, Body=out.getvalue())
        container: dict[str, Any] = {
            "Image": IMAGE,
            "ModelDataUrl": f"s3://{world.bucket}/{key}",
            "Environment": {"SAGEMAKER_MARK": MARK},
        }
        world.model(f"{name}-{variant}", container["ModelDataUrl"], PrimaryContainer=container)
    config = world.config(name, ("One", f"{name}-One", 1), ("Two", f"{name}-Two", 0))
    world.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    described = world.wait_for_endpoint(name)
    assert described["EndpointStatus"] == "InService", described
    return name


@pytest.fixture(scope="module")
def runtime(world: World) -> Any:
    return world.client("sagemaker-runtime")


def ask(runtime: Any, endpoint: str, body: bytes = ROWS[0].encode(), **given: Any) -> tuple[bytes, dict[str, Any]]:
    """The answer's body, and the rest of it."""
    answer = runtime.invoke_endpoint(EndpointName=endpoint, **{"ContentType": "text/csv", "Body": body, **given})
    return answer.pop("Body").read(), answer


def refused(runtime: Any, endpoint: str, body: bytes, **given: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        ask(runtime, endpoint, body, **given)
    response: dict[str, Any] = dict(caught.value.response)
    return response


@pytest.mark.contract("H92", "H93")
def test_the_variant_that_answered_is_told_and_another_can_be_asked_for(runtime: Any, endpoint: str) -> None:
    whole = "".join(ROWS).encode()
    for given, variant in (({}, "One"), ({"TargetVariant": "Two"}, "Two"), ({"TargetVariant": "One"}, "One")):
        body, answer = ask(runtime, endpoint, whole, **given)
        assert body == b"".join(ANSWERS[variant])
        assert (answer["InvokedProductionVariant"], answer["ContentType"]) == (variant, "text/csv; charset=utf-8")
    assert refused(runtime, endpoint, b"1", TargetVariant="Three")["Error"] == {
        "Code": "ValidationError",
        "Message": f"Variant Three not found for Endpoint {endpoint} of account {ACCOUNT}.",
    }


@pytest.mark.contract("H94", "H95")
def test_custom_attributes_and_inference_id_are_taken_and_not_the_containers_to_give_back(
    runtime: Any, endpoint: str
) -> None:
    body, answer = ask(runtime, endpoint, CustomAttributes="c000b4f9-df62-4c85-a0bf-7c525f9104a4", InferenceId="id-1")
    assert body == ANSWERS["One"][0]
    assert "CustomAttributes" not in answer and "InferenceId" not in answer
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert not [name for name in headers if "inference-id" in name or "custom" in name]


@pytest.mark.contract("H90")
@pytest.mark.parametrize(
    ("body", "given", "status", "words"),
    [
        (b"1,2,3,4\n", {}, 400, "Unable to evaluate payload provided: Check failed: learner_model_param_.num_feature"),
        (b"1,2,3\n", {"Accept": "image/png"}, 406, "Accept type image/png is not supported."),
        (b"1,x,3\n", {}, 415, "could not convert string to float: np.str_('x')"),
        (b"1,1e400,3\n", {}, 415, "Input data contains `inf` or a value too large"),
        (b"\xff\xfe\x00", {}, 415, "codec can't decode"),
        (b"\xff\xfe\x00", {"ContentType": "application/x-recordio-protobuf"}, 415, "Truncated record at offset 0"),
        (b"1:1 2147483648:1\n", {"ContentType": "text/libsvm"}, 400, "(3 vs. 2147483648)"),
        (b"{}", {"ContentType": "application/json"}, 415, "application/json is not an accepted ContentType"),
    ],
)
def test_a_refusal_of_the_model_is_a_model_error_with_its_own_status_and_words(
    runtime: Any, endpoint: str, body: bytes, given: dict[str, Any], status: int, words: str
) -> None:
    response = refused(runtime, endpoint, body, **given)
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    original = response["OriginalMessage"]
    assert words in original
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == status
    assert response["LogStreamArn"] == f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    assert response["Error"] == {
        "Code": "ModelError",
        "Message": f'Received client error ({status}) from primary with message "{original}". See '
        f"https://{REGION}.console.aws.amazon.com/cloudwatch/home?region={REGION}#logEventViewer:group={group} "
        f"in account {ACCOUNT} for more information.",
    }


@pytest.mark.contract("H30")
def test_an_empty_body_has_an_empty_answer(runtime: Any, endpoint: str) -> None:
    body, answer = ask(runtime, endpoint, b"")
    assert (body, answer["ResponseMetadata"]["HTTPStatusCode"]) == (b"", 204)


@pytest.mark.contract("H91")
def test_a_body_of_7_mb_is_too_large_and_one_of_6_mib_is_not(runtime: Any, endpoint: str) -> None:
    response = refused(runtime, endpoint, bytes(7_000_000))
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert response["Error"] == {"Code": "413", "Message": "HTTP content length exceeded 6291456 bytes."}
    lines = ROWS[0] * (6 * 1024**2 // len(ROWS[0]))
    body, _ = ask(runtime, endpoint, lines.encode().ljust(6 * 1024**2, b"\n"))
    assert body == ANSWERS["One"][0] * (6 * 1024**2 // len(ROWS[0]))


@pytest.mark.contract("H31")
def test_a_row_of_a_million_columns_is_refused(runtime: Any, endpoint: str) -> None:
    response = refused(runtime, endpoint, b"1," * 999_999 + b"1")
    assert response["OriginalStatusCode"] == 400
    assert "(3 vs. 1000000)" in response["OriginalMessage"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_servers_processes_listen_on_its_port_alone(cloud: LocalCloud, endpoint: str) -> None:
    server = holder(cloud.folder.lock)
    assert server is not None
    started = [server, *descendants(server)]
    servers = [pid for pid in model_servers(MARK) if pid in started]
    assert len(servers) == 2
    port = urlsplit(cloud.url).port
    assert [place for pid in started for place in listening(pid)] == [("0100007F", port)]
    for pid in servers:
        variables = {line.partition("=")[0] for line in Path(f"/proc/{pid}/environ").read_text().split("\0") if line}
        allowed = {
            "PATH",
            "PYTHONPATH",
            "PYTHONUNBUFFERED",
            "LANG",
            "LC_ALL",
            "TZ",
            "TMPDIR",
            "LD_LIBRARY_PATH",
            "OMP_WAIT_POLICY",
        }
        assert variables - allowed == {"SAGEMAKER_MARK", "SAGEMAKER_BASE_DIR"}
        folder = Path(f"/proc/{pid}/cwd").readlink()
        assert (folder / "http.sock").is_socket()
        assert folder.stat().st_mode & 0o777 == 0o700


@pytest.fixture
def many_files() -> Iterator[None]:
    """Lets this process have a thousand connections, whose usual limit is 1,024 files in all."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.contract("H96")
@pytest.mark.usefixtures("many_files")
@pytest.mark.skipif(sys.platform != "linux", reason="looks for the processes in /proc")
def test_a_thousand_at_once_are_answered_or_throttled(cloud: LocalCloud, runtime: Any, endpoint: str) -> None:
    key = cloud.root_key(ACCOUNT)
    crowd = boto3.session.Session().client(
        "sagemaker-runtime",
        region_name=REGION,
        endpoint_url=cloud.url,
        verify=str(cloud.folder.ca),
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=1000),
    )
    outcomes: Counter[str] = Counter()
    throttled, lock = threading.Event(), threading.Lock()

    def one(place: int) -> None:
        row = place % len(ROWS)
        try:
            body, _ = ask(crowd, endpoint, ROWS[row].encode())
            outcome = "answered" if body == ANSWERS["One"][row] else "wrong"
        except ClientError as error:
            outcome = error.response["Error"]["Code"]
        with lock:
            outcomes[outcome] += 1
            if outcomes["ThrottlingException"] == 1000 - AT_WORK - WAITING:
                throttled.set()

    servers = model_servers(MARK)
    assert len(servers) == 2
    try:
        for server in servers:
            os.kill(server, signal.SIGSTOP)  # a model that takes its time: all thousand are there at once
        with ThreadPoolExecutor(1000) as pool:
            asked = [pool.submit(one, place) for place in range(1000)]
            assert throttled.wait(50)
            for server in servers:
                os.kill(server, signal.SIGCONT)
            for each in asked:
                each.result()
    finally:
        for server in servers:
            os.kill(server, signal.SIGCONT)
    assert outcomes == {"answered": AT_WORK + WAITING, "ThrottlingException": 1000 - AT_WORK - WAITING}
    assert ask(runtime, endpoint)[0] == ANSWERS["One"][0]
    assert model_servers(MARK) == servers


def _connect(cloud: LocalCloud) -> ssl.SSLSocket:
    place = urlsplit(cloud.url)
    context = ssl.create_default_context(cafile=str(cloud.folder.ca))
    plain = socket.create_connection((place.hostname, place.port), 20)
    return context.wrap_socket(plain, server_hostname=place.hostname)


@pytest.mark.contract("H44")
@pytest.mark.parametrize("leave", [True, False])
def test_clients_that_stall_or_leave_half_way_harm_nobody(
    cloud: LocalCloud, runtime: Any, endpoint: str, leave: bool
) -> None:
    head = f"POST /endpoints/{endpoint}/invocations HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n".encode()
    stalling = [_connect(cloud) for _ in range(40)]
    try:
        for place, connection in enumerate(stalling):
            connection.sendall([head, head + b"Content-Type: text/csv\r\n\r\n1,2,3\n", b""][place % 3])
            if leave:
                connection.close()
        began = time.monotonic()
        assert ask(runtime, endpoint)[0] == ANSWERS["One"][0]
        assert time.monotonic() - began < 10
    finally:
        for connection in stalling:
            connection.close()
