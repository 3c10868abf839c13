"""The local cloud stays on this machine."""

from __future__ import annotations

import subprocess
import sys

import pytest

from localcloud.loopback import is_loopback


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
from localcloud.loopback import confine_to_loopback
confine_to_loopback()
try:
    {call}
    print("allowed")
except PermissionError:
    print("refused")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == outcome
