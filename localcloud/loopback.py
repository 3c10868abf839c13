"""Keeps a process on this machine: it can neither listen nor connect anywhere but on the loopback."""

from __future__ import annotations

import sys
from ipaddress import ip_address
from typing import Any

_LOCAL_NAMES = frozenset({"localhost", "localhost.localdomain"})


def is_loopback(address: object) -> bool:
    """Whether a socket address stays on this machine: a Unix socket, 127.0.0.0/8, ::1 or `localhost`."""
    if not isinstance(address, tuple) or not address:
        return True
    host = address[0]
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if not isinstance(host, str):
        return True
    if host in _LOCAL_NAMES:
        return True
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def confine_to_loopback() -> None:
    """Refuse every other address from here on, in this process, for good (PEP 578 hooks cannot be removed).

    The emulator has code that would download, mirror, forward or listen on all interfaces; none of it is needed,
    and none of it is to be found out by a surprised user.
    """

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("socket.bind", "socket.connect") and not is_loopback(arguments[1]):
            raise PermissionError(f"the local cloud stays on this machine: {event} {arguments[1]!r} is refused")
        if event == "socket.sendto" and not is_loopback(arguments[1]):
            raise PermissionError(f"the local cloud stays on this machine: {event} {arguments[1]!r} is refused")
        if event == "socket.getaddrinfo" and arguments[0] is not None and not is_loopback((arguments[0],)):
            raise PermissionError(f"the local cloud stays on this machine: {arguments[0]!r} is not looked up")

    sys.addaudithook(hook)
