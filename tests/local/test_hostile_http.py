"""Hostile HTTP to the local cloud's port and to the serving program: refused in few words, and nothing is changed."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from ssl import create_default_context
from typing import Any
from urllib.parse import urlsplit

import pytest
from hostile.http_requests import Body, bodies, raw_requests
from http_calls import exchanged, sent, signature
from local_client import Client
from test_serving_program import LINES, Program

from localcloud.cloud import LocalCloud
from localcloud.server.running import holder

LONGEST = 20.0
"""Seconds, for an answer or the end of the connection."""
MOST_LINES = 40
MOST_MEMORY = 1 << 30
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
WAITS = {
    "length beyond the body",
    "chunk that is cut",
    "cut in its head",
    "cut in its body",
    "nothing",
    "line ends alone",
    "HTTP/0.9",
}
"""Of whose rest a server waits over TLS, where a client cannot end one direction alone."""
BUCKET = "hostile-http"


def faults(answer: bytes) -> list[str]:
    """What is wrong with the answers on a connection; without any, it was closed."""
    found = []
    for each in re.split(rb"(?=HTTP/1\.1 \d{3} )", answer)[1:]:
        head, _, body = each.partition(b"\r\n\r\n")
        status, text = int(head.split()[1]), body.decode("utf-8", "replace")
        if status >= 500 and status not in (501, 505):
            found.append(f"status {status}")
        found += said(text)
    if answer and not answer.startswith(b"HTTP/1.1 "):
        found.append(f"{answer[:40]!r} is no answer")
    return found


def said(text: str) -> list[str]:
    found = [f"control characters {sorted(set(CONTROL.findall(text)))}"] if CONTROL.search(text) else []
    if (lines := text.count("\n") + 1) > MOST_LINES:
        found.append(f"{lines} lines")
    if len(text) > 10_000:
        found.append(f"{len(text):,} characters")
    return found


def memory(pid: int) -> int:
    """Most bytes that a process has held."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0  # not on this system
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())
    return int(peak) * 1024


def faults_of(requests: Mapping[str, bytes], connect: Callable[[], socket.socket], *, tls: bool = False) -> list[str]:
    found = []
    for name, request in requests.items():
        waits = tls and (name in WAITS or name.startswith("mutant"))
        with connect() as connection:
            connection.settimeout(0.3 if waits else LONGEST)
            try:
                answer = exchanged(connection, request, rest=0.1 if tls else None)
                found += [f"{name}: {fault}" for fault in faults(answer)]
            except TimeoutError:
                found += [] if waits else [f"{name}: no end in {LONGEST:.0f} s"]
    return found


def records(client: Client) -> list[Any]:
    """What the requests would have made."""
    return [
        client("sagemaker").list_models()["Models"],
        client("sagemaker").list_training_jobs()["TrainingJobSummaries"],
        client("sagemaker").list_endpoint_configs()["EndpointConfigs"],
        client("ssm").describe_parameters()["Parameters"],
        client("iam").list_roles()["Roles"],
        client("stepfunctions").list_state_machines()["stateMachines"],
        client("events").list_rules()["Rules"],
        [each["Name"] for each in client("s3").list_buckets()["Buckets"]],
        client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", []),
    ]


@pytest.fixture(scope="module", autouse=True)
def bucket(client: Client) -> None:
    client("s3").create_bucket(Bucket=BUCKET)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    made = Program(tmp_path_factory.mktemp("hostile"), SAGEMAKER_MODEL_SERVER_TIMEOUT="2")
    yield made
    _, log = made.stop()
    assert "Traceback" not in log


def test_the_local_cloud_refuses_what_is_no_request(cloud: LocalCloud, client: Client) -> None:
    context, port = create_default_context(cafile=str(cloud.folder.ca)), urlsplit(cloud.url).port
    requests, before = raw_requests("/", b"Action=ListUsers&Version=2010-05-08"), records(client)

    def connect() -> socket.socket:
        plain = socket.create_connection(("127.0.0.1", port), LONGEST)
        return context.wrap_socket(plain, server_hostname="127.0.0.1")

    assert faults_of(requests, connect, tls=True) == []
    assert records(client) == before
    pid = holder(cloud.folder.lock)
    assert pid is not None and memory(pid) < MOST_MEMORY


def test_the_serving_program_refuses_what_is_no_request(program: Program) -> None:
    requests = raw_requests("/invocations", LINES[0].encode(), damaged=40)
    assert faults_of(requests, program.connect) == []
    assert program.alive()
    assert memory(program.process.pid) < MOST_MEMORY


def test_a_signed_body_that_no_service_can_read_is_refused(cloud: LocalCloud, client: Client) -> None:
    before, found = records(client), []
    for body in bodies(BUCKET):
        began = time.monotonic()
        found += [f"{body.name}: {fault}" for fault in refused(cloud, body)]
        if time.monotonic() - began > LONGEST:
            found.append(f"{body.name}: {time.monotonic() - began:.0f} s")
    assert found == [], "\n".join(found)
    assert records(client) == before
    pid = holder(cloud.folder.lock)
    assert pid is not None and memory(pid) < MOST_MEMORY


def refused(cloud: LocalCloud, body: Body) -> list[str]:
    headers = signature(cloud, body.service, body.method, body.target, body.content, **body.headers)
    status, text = sent(cloud, body.method, body.target, body.content, headers)
    return [*([] if 400 <= status < 500 else [f"status {status}"]), *said(text)]
