"""HTTP to a local cloud below the SDKs: a request as it is, the headers that sign one, bytes on a connection."""

from __future__ import annotations

import contextlib
import http.client
import socket
from contextlib import closing
from ssl import SSLError, create_default_context
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from local_client import ACCOUNT, REGION

from localcloud.cloud import LocalCloud


def sent(
    cloud: LocalCloud, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, str]:
    """What is answered to a request: status and text."""
    connection = http.client.HTTPSConnection(
        "127.0.0.1", urlsplit(cloud.url).port, context=create_default_context(cafile=str(cloud.folder.ca)), timeout=30
    )
    with closing(connection):
        connection.request(method, target, body=body or None, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def signature(
    cloud: LocalCloud, service: str, method: str, target: str, body: bytes = b"", **headers: str
) -> dict[str, str]:
    """The headers of a request that the root of ACCOUNT signs for a service."""
    request = AWSRequest(method=method, url=f"{cloud.url}{target}", data=body, headers=headers)
    auth = S3SigV4Auth if service == "s3" else SigV4Auth
    auth(Credentials(ACCOUNT, cloud.root_key(ACCOUNT)["SecretAccessKey"]), service, REGION).add_auth(request)
    return dict(request.headers.items())


def exchanged(connection: socket.socket, request: bytes, *, rest: float | None = None) -> bytes:
    """Everything that is answered to some bytes, until the server ends the connection.

    The client ends its own direction behind them, which TLS cannot: there give `rest`, the seconds without a further
    byte that end an answer. TimeoutError where nothing comes within the connection's timeout.
    """
    received = b""
    with contextlib.suppress(ConnectionError, SSLError):  # refused before all of it was sent
        connection.sendall(request)
        if rest is None:
            connection.shutdown(socket.SHUT_WR)
    with contextlib.suppress(ConnectionError, SSLError):
        while block := _received(connection, begun=bool(received)):
            received += block
            if rest is not None:
                connection.settimeout(rest)
    return received


def _received(connection: socket.socket, *, begun: bool) -> bytes:
    try:
        return connection.recv(1 << 16)
    except TimeoutError:
        if not begun:
            raise
        return b""
