"""What is sent to a model's program and read of it, against a socket that says exactly what a test wants."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.jobs.hosting.model_connections import ModelConnections, NotListeningError

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"


class Program:
    """Listens, and answers the n-th request of all with the n-th answer: parts that are sent one after the other.

    An answer that ends with None closes the connection. connections: how many were made. received: each request.
    """

    def __init__(self, path: Path, *answers: list[bytes | None]) -> None:
        self.answers, self.received, self.connections = list(answers), list[bytes](), 0
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while self.answers:
            connection, _ = self._listener.accept()
            self.connections += 1
            with connection:
                while self.answers and (request := self._request(connection)):
                    self.received.append(request)
                    parts = self.answers.pop(0)
                    for part in filter(None, parts):
                        connection.sendall(part)
                    if parts[-1:] == [None]:
                        break

    def _request(self, connection: socket.socket) -> bytes:
        found = b""
        while b"\r\n\r\n" not in found or not found.endswith(b"end"):
            if not (part := connection.recv(1 << 16)):
                return b""
            found += part
        return found

    def close(self) -> None:
        self.answers.clear()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as last:
            last.connect(self._listener.getsockname())
        self._thread.join()
        self._listener.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "http.sock"


@pytest.fixture
def programs(path: Path) -> Iterator[list[Program]]:
    """Those that a test starts; they end with it."""
    started: list[Program] = []
    yield started
    for program in started:
        program.close()


def ask(connections: ModelConnections, timeout: float = 30.0) -> tuple[int, dict[str, str], bytes]:
    return connections.request("POST", "/invocations", b"end", {"Content-Type": "text/csv"}, timeout)


def test_a_request_is_sent_whole_and_its_connection_is_used_again(path: Path, programs: list[Program]) -> None:
    programs.append(Program(path, [OK + b"ab"], [OK[:20], OK[20:] + b"c", b"d"]))
    connections = ModelConnections(str(path), 4)
    assert ask(connections) == (200, {"content-length": "2"}, b"ab")
    assert ask(connections) == (200, {"content-length": "2"}, b"cd")
    assert programs[0].connections == 1
    assert programs[0].received[0] == (
        b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: 3\r\n\r\nend"
    )
    connections.close()


def test_every_form_of_an_answer_is_read(path: Path, programs: list[Program]) -> None:
    chunked = b"HTTP/1.1 500 No\r\nX-A: 1\r\nx-a: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    empty = b"HTTP/1.1 204 No Content\r\n\r\n"
    closing = b"HTTP/1.1 503 Busy\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx"
    programs.append(Program(path, [chunked], [empty], [closing], [OK + b"ab"]))
    connections = ModelConnections(str(path), 4)
    assert ask(connections) == (500, {"x-a": "1, 2", "transfer-encoding": "chunked"}, b"abc")
    assert ask(connections) == (204, {}, b"")
    assert ask(connections)[::2] == (503, b"x")
    assert ask(connections)[::2] == (200, b"ab")
    assert programs[0].connections == 2
    connections.close()


def test_a_connection_that_the_program_closed_meanwhile_is_not_used(path: Path, programs: list[Program]) -> None:
    programs.append(Program(path, [OK + b"ab", None], [OK + b"cd"]))
    connections = ModelConnections(str(path), 4)
    assert ask(connections)[2] == b"ab"
    (idle,) = connections._idle
    assert idle.recv(1, socket.MSG_PEEK) == b""  # its end has come
    assert ask(connections)[2] == b"cd"
    assert programs[0].connections == 2
    connections.close()


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([None], "the program closed it before its answer was complete"),
        ([OK + b"a", None], "the program closed it before its answer was complete"),
        ([b"SSH-2.0\r\n\r\n", None], "its answer is no HTTP"),
    ],
)
def test_a_broken_answer_is_an_error_and_the_request_is_sent_once(
    path: Path, programs: list[Program], parts: list[bytes | None], message: str
) -> None:
    programs.append(Program(path, parts, [OK + b"ab"]))
    connections = ModelConnections(str(path), 4)
    with pytest.raises(ConnectionError, match=message) as caught:
        ask(connections)
    assert not isinstance(caught.value, NotListeningError)
    assert len(programs[0].received) == 1
    assert ask(connections)[2] == b"ab"
    connections.close()


def test_a_program_that_does_not_answer_in_time_is_given_up(path: Path, programs: list[Program]) -> None:
    programs.append(Program(path, [OK + b"a"], [OK + b"never asked for"]))
    with pytest.raises(TimeoutError):
        ask(ModelConnections(str(path), 4), timeout=0.05)


def test_without_a_program_nothing_is_sent(path: Path) -> None:
    with pytest.raises(NotListeningError, match="the program does not listen: No such file or directory"):
        ask(ModelConnections(str(path), 4))


def test_an_answer_before_the_end_of_the_body_is_heard(path: Path) -> None:
    """The program refuses a body without reading it, and closes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()

        def refuse() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 413 Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        answer = ModelConnections(str(path), 4).request("POST", "/", b"x" * (8 << 20), {}, 30)
        thread.join()
    assert answer == (413, {"connection": "close", "content-length": "0"}, b"")


def test_only_so_many_are_kept_and_none_after_the_end(path: Path, programs: list[Program]) -> None:
    programs.append(Program(path, [OK + b"ab"], [OK + b"cd"]))
    connections = ModelConnections(str(path), 0)
    ask(connections)
    assert not connections._idle
    connections = ModelConnections(str(path), 4)
    connections.close()
    assert ask(connections)[2] == b"cd"
    assert not connections._idle


def test_a_header_of_two_lines_is_not_sent(path: Path, programs: list[Program]) -> None:
    programs.append(Program(path, [OK + b"ab"]))
    with pytest.raises(ConnectionError, match="a header has a line break in it"):
        ModelConnections(str(path), 4).request("POST", "/", b"", {"X-A": "1\r\nX-B: 2"}, 30)
    assert programs[0].received == []
