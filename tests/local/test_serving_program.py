"""The serving program as a process: crowds, clients that stall or leave half-way, junk, a fast start."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import xgboost
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

REPOSITORY = Path(__file__).resolve().parents[2]
FEATURES = np.random.default_rng(5).normal(size=(200, 3)).round(4)
BOOSTER = xgboost.train({}, xgboost.DMatrix(FEATURES, label=FEATURES[:, 0] * 2), 5)
LINES = [",".join(map(str, row)) + "\n" for row in FEATURES.tolist()]
ANSWERS = [f"{value}\n".encode() for value in BOOSTER.predict(xgboost.DMatrix(FEATURES)).tolist()]
TIMEOUT = 2


class Program:
    """One serving program and ways of talking to it."""

    def __init__(self, folder: Path, **variables: str) -> None:
        (folder / "model").mkdir()
        (folder / "model/xgboost-model").write_bytes(BOOSTER.save_raw("ubj"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        environment = {"SAGEMAKER_BASE_DIR": str(folder), "SAGEMAKER_BIND_TO_PORT": str(self.port), **variables}
        command = [sys.executable, "-m", "localcloud.container.serve"]
        own = {**os.environ, **environment}
        self.process = subprocess.Popen(command, cwd=REPOSITORY, env=own, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 20
        while self.ask("GET", "/ping") != (200, b""):
            assert self.process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def ask(
        self, method: str, path: str, body: bytes | None = None, content_type: str = "text/csv"
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {"Content-Type": content_type} if body is not None else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except ConnectionError:
            return 0, b""
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 20)

    def alive(self) -> bool:
        row = self.ask("POST", "/invocations", LINES[0].encode())
        return self.process.poll() is None and row == (200, ANSWERS[0])

    def stop(self) -> tuple[int, str]:
        """End it: exit code and log."""
        self.process.terminate()
        _, log = self.process.communicate(timeout=20)
        return self.process.returncode, log.decode()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    made = Program(tmp_path_factory.mktemp("serving"), SAGEMAKER_MODEL_SERVER_TIMEOUT=str(TIMEOUT))
    yield made
    assert made.alive()
    _, log = made.stop()
    assert "Traceback" not in log


def read_all(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def request(body: bytes, *, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return (
        b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\nContent-Length: %d\r\n\r\n" % size + body
    )


def test_a_thousand_requests_at_once_are_all_answered_each_with_its_own(program: Program) -> None:
    connections = [program.connect() for _ in range(1000)]
    try:
        for place, connection in enumerate(connections):
            connection.sendall(request(LINES[place % len(LINES)].encode()))
        answers = []
        for connection in connections:
            with connection.makefile("rb") as stream:
                response = http.client.HTTPResponse(connection)
                response.begin()
                answers.append((response.status, response.read()))
                response.close()
                stream.close()
    finally:
        for connection in connections:
            connection.close()
    assert answers == [(200, ANSWERS[place % len(ANSWERS)]) for place in range(1000)]


def test_large_and_small_bodies_at_once_get_their_own_answers(program: Program) -> None:
    def ask(place: int) -> bool:
        start, count = (place * 7) % 100, 100 if place % 3 == 0 else 1
        body = "".join(LINES[start : start + count]).encode() * (20 if count > 1 else 1)
        expected = b"".join(ANSWERS[start : start + count]) * (20 if count > 1 else 1)
        return program.ask("POST", "/invocations", body) == (200, expected)

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(200)))


@pytest.mark.contract("H44", "H82")
@pytest.mark.parametrize(
    "sent",
    [b"", b"POST /invocations HTTP/1.1\r\nHost: a\r\nX-Slow: ", request(b"1,2,3", length=100), request(b"", length=9)],
)
def test_who_stalls_is_cut_off_and_others_are_answered_meanwhile(program: Program, sent: bytes) -> None:
    stalling = [program.connect() for _ in range(20)]
    for connection in stalling:
        connection.sendall(sent)
    assert program.alive()
    for connection in stalling:
        try:
            answer = read_all(connection)
        except ConnectionResetError:
            answer = b""
        assert answer == b"" or answer.startswith(b"HTTP/1.1 504 ")
        connection.close()


@pytest.mark.contract("H44")
def test_a_client_that_drips_its_headers_is_cut_off(program: Program) -> None:
    with program.connect() as connection:
        connection.sendall(b"GET /ping HTTP/1.1\r\n")
        ended = threading.Event()

        def drip() -> None:
            for number in range(200):
                try:
                    connection.sendall(b"X-%d: a\r\n" % number)
                except OSError:
                    break
                time.sleep(0.05)
            ended.set()

        threading.Thread(target=drip, daemon=True).start()
        assert ended.wait(4 * TIMEOUT)
        assert program.alive()


@pytest.mark.contract("H44")
def test_a_client_that_closes_its_own_direction_is_still_answered(program: Program) -> None:
    with program.connect() as connection:
        connection.sendall(request(LINES[0].encode()))
        connection.shutdown(socket.SHUT_WR)
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(ANSWERS[0])


@pytest.mark.contract("H44")
def test_a_client_that_leaves_in_the_middle_of_its_body_harms_nobody(program: Program) -> None:
    for _ in range(20):
        with program.connect() as connection:
            connection.sendall(request(b"1,2,3\n" * 1000, length=100_000))
    with program.connect() as connection:
        connection.sendall(request(b"1,2,3\n", length=100_000))
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection) == b""
    assert program.alive()


def test_an_idle_connection_is_kept_for_longer_than_a_request_may_take(program: Program) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=20)
    for wait in (0, 2 * TIMEOUT):
        time.sleep(wait)
        connection.request("POST", "/invocations", LINES[0].encode(), {"Content-Type": "text/csv"})
        assert connection.getresponse().read() == ANSWERS[0]
    assert connection.sock is not None
    connection.close()


@pytest.mark.contract("H43")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    some.one_of(some.binary(max_size=400), some.text("0123456789,.;\t\n eE+-naif:", max_size=100).map(str.encode)),
    some.sampled_from(["text/csv", "text/libsvm", "application/x-recordio-protobuf", "application/json", "a/b"]),
)
def test_no_body_under_any_content_type_is_a_server_error(program: Program, body: bytes, content_type: str) -> None:
    status, answer = program.ask("POST", "/invocations", body, content_type)
    assert status in ((200, 204) if not body else (200, 400, 415))
    assert (status == 204) == (answer == b"")


@pytest.mark.contract("H43")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some.binary(max_size=300), some.sampled_from([b"", b"GET ", b"POST /invocations HTTP/1.1\r\n", b"GET /ping HT"]))
def test_no_bytes_make_the_server_fail(program: Program, junk: bytes, before: bytes) -> None:
    with program.connect() as connection:
        connection.sendall(before + junk)
        connection.shutdown(socket.SHUT_WR)
        try:
            answer = read_all(connection)
        except ConnectionResetError:
            answer = b""
    assert answer == b"" or answer.split()[1] in (b"200", b"204", b"400", b"404", b"405", b"415")


def test_it_starts_without_numpy_arrow_or_the_xgboost_package() -> None:
    script = (
        "import sys\n"
        "import localcloud.container.serve, localcloud.container.hosting.served_model\n"
        "import localcloud.container.hosting.application, localcloud.container.hosting.connection\n"
        "from localcloud.container.hosting.booster import library\n"
        "library()\n"
        "print([name for name in ('numpy', 'pyarrow', 'scipy', 'pandas', 'xgboost') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.contract("H80")
def test_sigterm_ends_it(tmp_path: Path) -> None:
    made = Program(tmp_path)
    made.process.send_signal(signal.SIGTERM)
    code, log = made.stop()
    assert code in (0, -signal.SIGTERM)
    assert "Model loaded successfully for worker" in log
    assert "Traceback" not in log
