"""A request that offers another protocol is answered as if it did not, whole, whatever parts it comes in."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import uvicorn

from localcloud.container.hosting.connection import HttpConnection, ServingConnection

OFFER = b"Host: x\r\nConnection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
"""As Java's HttpClient writes it, for an answer after which the connection is closed."""


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with what arrived: method, path, names of headers, body."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    names = ",".join(name.decode() for name, _ in scope["headers"])
    text = f"{scope['method']} {scope['path']} {names} {body.decode()}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
    await send({"type": "http.response.body", "body": text})


@pytest.fixture(scope="module", params=[HttpConnection, ServingConnection])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(echo, http=request.param, ws="none", lifespan="off", log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


def answers(port: int, parts: Sequence[bytes]) -> list[bytes]:
    """The last lines of the answers to what is sent, until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            client.sendall(part)
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while block := client.recv(65536):
                received += block
    return [answer.rpartition(b"\r\n\r\n")[2] for answer in received.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize("cut", [0, 40, 180, -3])
@pytest.mark.parametrize(
    ("length", "body"), [(b"Content-Length: 5", b"hello"), (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n")]
)
def test_the_body_behind_an_offer_is_read(port: int, length: bytes, body: bytes, cut: int) -> None:
    sent = b"POST /invocations HTTP/1.1\r\n" + OFFER + length + b"\r\n\r\n" + body
    name = length.partition(b":")[0].lower()
    expected = b"POST /invocations host,connection," + name + b" hello"
    assert answers(port, [sent[:cut], sent[cut:]] if cut else [sent]) == [expected]


def test_the_request_behind_one_with_an_offer_is_answered(port: int) -> None:
    first = b"GET /ping HTTP/1.1\r\n" + OFFER.replace(b"close, ", b"") + b"\r\n"
    second = b"GET /ping HTTP/1.1\r\nConnection: close\r\n\r\n"
    assert answers(port, [first + second]) == [b"GET /ping host,connection ", b"GET /ping connection "]


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", b"CONNECT is for proxies."),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"Invalid HTTP request received."),
    ],
)
def test_what_is_no_request_is_refused(port: int, sent: bytes, words: bytes) -> None:
    assert answers(port, [sent]) == [words]
