"""The server stays on this machine, and keeps the ends of its clients' connections out of its log."""

from __future__ import annotations

import asyncio
import logging
import ssl
import subprocess
import sys

import pytest

from localcloud.server.http import ignore_disconnects, is_loopback


def _tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: {reason}]")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (_tls("APPLICATION_DATA_AFTER_CLOSE_NOTIFY"), False),
        (TimeoutError("SSL shutdown timed out"), False),
        (_tls("BAD_RECORD_MAC"), True),
        (TimeoutError("another one"), True),
        (ValueError("boom"), True),
    ],
)
def test_only_how_a_client_left_is_not_told(error: Exception, told: bool, caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.new_event_loop()
    ignore_disconnects(loop)
    with caplog.at_level(logging.ERROR, logger="asyncio"):
        loop.call_exception_handler({"message": "Unhandled exception in client_connected_cb", "exception": error})
    loop.close()
    assert ("Unhandled exception" in caplog.text) is told


@pytest.mark.parametrize(
    ("address", "local"),
    [
        (("127.0.0.1", 80), True),
        (("127.9.9.9", 80), True),
        (("::1", 80, 0, 0), True),
        (("localhost", 80), True),
        ("/run/some.sock", True),
        (("0.0.0.0", 80), False),  # noqa: S104
        (("", 80), False),
        (("::", 80, 0, 0), False),
        (("10.0.0.1", 80), False),
        (("169.254.169.254", 80), False),
        (("pypi.org", 443), False),
    ],
)
def test_is_loopback(address: object, local: bool) -> None:
    assert is_loopback(address) is local


@pytest.mark.parametrize(
    ("call", "outcome"),
    [
        ("socket.socket().bind(('127.0.0.1', 0))", "allowed"),
        ("socket.socket().bind(('0.0.0.0', 0))", "refused"),
        ("socket.socket().bind(('', 0))", "refused"),
        ("socket.socket().connect(('192.0.2.1', 443))", "refused"),
        ("socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('192.0.2.1', 53))", "refused"),
        ("socket.getaddrinfo('pypi.org', 443)", "refused"),
        ("socket.getaddrinfo('localhost', 443)", "allowed"),
    ],
)
def test_a_confined_process_neither_listens_nor_connects_elsewhere(call: str, outcome: str) -> None:
    program = f"""
import socket
from localcloud.server.http import confine_to_loopback
confine_to_loopback()
try:
    {call}
    print("allowed")
except PermissionError:
    print("refused")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == outcome
