"""The console on a socket: where it listens, what it asks of AWS, and how it ends."""

from __future__ import annotations

import http.client
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from console_world import NOW, Clients
from sample_cloud import JOB, SampleCloud
from samples import environment, release
from workspaces import workspace

from console.reading import Source
from console.server import VIEWS, ConsoleServer, listen
from console.views.jobs import JOB as ONE_JOB
from infra.policies.drift import drift_statements
from infra.policies.reviewer import reviewer_statements
from kickstand.errors import InputError
from kickstand.release.file import write_release

PAGE = Path(__file__).resolve().parents[3] / "docs" / "console.md"


@contextmanager
def serving(clients: Clients, folder: Path) -> Iterator[ConsoleServer]:
    opened = workspace(clients, folder)
    with listen(0) as listener:
        server = ConsoleServer(listener, opened, lambda: opened, folder)
        ready = threading.Event()
        thread = threading.Thread(target=server.run, args=(ready.set,))
        thread.start()
        try:
            assert ready.wait(20)
            yield server
        finally:
            server.end()
            thread.join(20)
            assert not thread.is_alive()


def test_a_port_that_is_taken_is_said() -> None:
    with listen(0) as first:
        port = first.getsockname()[1]
        assert first.getsockname()[0] == "127.0.0.1"
        with pytest.raises(InputError) as caught:
            listen(port)
    assert caught.value.problems[0].message == f"Port {port} of 127.0.0.1 is taken."
    assert caught.value.problems[0].where == "--port"
    assert caught.value.exit_code == 2


def test_it_answers_on_its_address_and_ends_while_a_page_is_live(tmp_path: Path) -> None:
    with ExitStack() as kept:
        with serving(SampleCloud().clients(), tmp_path) as server:
            place = urlsplit(server.address)
            connection = kept.enter_context(closing(http.client.HTTPConnection(place.netloc, timeout=10)))
            connection.request("GET", f"{place.path}jobs")
            answer = connection.getresponse()
            assert (answer.status, JOB in answer.read().decode()) == (200, True)
            connection.request("GET", f"{place.path}live/jobs")
            live = kept.enter_context(connection.getresponse())
            assert live.readline() == b"event: view\n"
        assert live.read().endswith(b"\n\n")
    with socket.socket() as after, pytest.raises(ConnectionRefusedError):
        after.connect(("127.0.0.1", place.port or 0))


@pytest.mark.parametrize("request_line", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\xa5\x01\r\n\r\n"])
def test_what_is_no_request_of_a_browser_gets_an_error(request_line: bytes, tmp_path: Path) -> None:
    clients = SampleCloud().clients()
    with (
        serving(clients, tmp_path) as server,
        socket.create_connection(("127.0.0.1", urlsplit(server.address).port or 0), timeout=10) as plain,
    ):
        plain.sendall(request_line)
        assert re.match(rb"HTTP/1.1 (400|421) ", plain.recv(1000))
    assert clients.calls == []


_READS = {
    "s3.list_objects_v2": "s3:ListBucket",
    "sagemaker.get_paginator": "sagemaker:ListTransformJobs",
    "stepfunctions.get_paginator": "states:ListExecutions",
    "stepfunctions.describe_execution": "states:DescribeExecution",
}
"""Calls whose permission has another name; what is listed is read page by page."""


def action(call: str) -> str:
    service, _, operation = call.partition(".")
    return _READS.get(call) or f"{service}:{''.join(word.capitalize() for word in operation.split('_'))}"


def test_the_reviewers_policy_has_all_that_is_read_and_the_page_lists_it(tmp_path: Path) -> None:
    """Also what is called where there are transform jobs, a stack was rolled back, or an endpoint stops by itself.

    The last is in the policy of drift, which reviewers have too.
    """
    write_release(tmp_path / "dev.json", release())
    clients = SampleCloud(step="Baking for 300 seconds").clients()
    page = {"executions": [{"executionArn": "arn:watch", "startDate": NOW}]}
    clients.answers["stepfunctions.get_paginator"] = SimpleNamespace(paginate=lambda **_: [page])
    clients.answers["stepfunctions.describe_execution"] = {"input": '{"Reason": "watch"}'}
    opened = workspace(clients, tmp_path, of=environment(expires_after="8h"))
    source = Source(opened, lambda: opened, tmp_path)
    for view in (*VIEWS, ONE_JOB):
        assert source.read_now(view, {"job": JOB}).problems == (), view.name
    read = {action(call) for call, _ in clients.calls} | {
        "sagemaker:DescribeTransformJob",
        "cloudformation:DescribeStackEvents",
    }
    names = opened.names
    held = {one for each in (*reviewer_statements(names), *drift_statements(names)) for one in each.actions}
    assert read <= held
    section = PAGE.read_text("utf-8").partition("## What it may read")[2].partition("\n## ")[0]
    assert set(re.findall(r"`(\w+:\w+)`", section)) == read
