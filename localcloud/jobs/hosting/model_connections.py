"""HTTP/1.1 over a Unix socket to the serving program, with connections that are kept open.

Each invocation of an endpoint takes this way, on a thread of its own. A general client takes 0.2 ms of the processor
for it, half of what the program itself needs for one row; this one takes a quarter of that.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections import deque
from collections.abc import Mapping

import httptools

_PART = 1 << 16


class NotListeningError(ConnectionError):
    """No program takes connections: nothing was sent."""


class ModelConnections:
    """The connections to one program. Use it from any thread.

    address: the Unix socket. kept: how many are kept open; more are opened when they are needed.
    """

    def __init__(self, address: str, kept: int) -> None:
        self._address, self._kept = address, kept
        self._idle: deque[socket.socket] = deque()
        self._lock = threading.Lock()
        self._closed = False

    def request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout: float
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in lower case) and body of the answer, whatever it is.

        timeout: seconds without a sign of the program. Raises NotListeningError where nothing was sent; TimeoutError;
        any other OSError where the connection broke or what came is no HTTP. No request is sent twice.
        """
        connection = self._open(timeout)
        try:
            connection.settimeout(timeout)
            with contextlib.suppress(BrokenPipeError):  # answered before its end came: the answer is there
                connection.sendall(_head(method, path, body, headers) + (body or b""))
            answer = _Answer()
            while not answer.complete:
                part = connection.recv(_PART)
                if not part:
                    raise ConnectionError("the program closed it before its answer was complete")
                answer.feed(part)
        except BaseException:
            connection.close()
            raise
        if answer.keeps_alive:
            self._keep(connection)
        else:
            connection.close()
        return answer.status, answer.headers, b"".join(answer.parts)

    def close(self) -> None:
        """Close those that nobody uses; the others close with their answers."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, deque()
        for connection in idle:
            connection.close()

    def _open(self, timeout: float) -> socket.socket:
        """The one that was used last, or a new one."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                break
            if not _ended(connection):
                return connection
            connection.close()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(timeout)
            connection.connect(self._address)
        except OSError as error:
            connection.close()
            raise NotListeningError(f"the program does not listen: {error.strerror or error}") from error
        return connection

    def _keep(self, connection: socket.socket) -> None:
        with self._lock:
            keep = not self._closed and len(self._idle) < self._kept
            if keep:
                self._idle.append(connection)
        if not keep:
            connection.close()


def _ended(connection: socket.socket) -> bool:
    """Whether the program closed it, or said what nobody asked for."""
    poll = select.poll()  # unlike select, it takes descriptors beyond 1,023
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _head(method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
    """The request up to its body. Raises ConnectionError for a header that would be several."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers.items())]
    if any("\r" in line or "\n" in line for line in lines):
        raise ConnectionError("a header has a line break in it")
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class _Answer:
    """One answer while it comes in; the parser calls the methods that begin with `on_`."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.status, self.complete, self.keeps_alive = 0, False, False
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []

    def feed(self, part: bytes) -> None:
        """Raises ConnectionError for what is no HTTP."""
        try:
            self._parser.feed_data(part)
        except httptools.HttpParserError as error:
            raise ConnectionError(f"its answer is no HTTP: {error}") from None

    def on_header(self, name: bytes, value: bytes) -> None:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_body(self, part: bytes) -> None:
        self.parts.append(part)

    def on_message_complete(self) -> None:
        if self.complete:
            return  # more than one answer: `_ended` would see it, but this came in the same part
        self.status = self._parser.get_status_code()
        self.keeps_alive, self.complete = self._parser.should_keep_alive(), True
