"""Which port the local cloud listens on, taken before anything else so that nobody takes it in between."""

from __future__ import annotations

import socket

from kickstand.errors import KickstandError, Problem
from localcloud.state import StateFolder

CUSTOMARY = 4566
"""Where people expect an AWS on the laptop."""
_TRIED = 100
"""Ports, one after the other, before any free one is taken."""


def bind(state: StateFolder, wanted: int | None) -> socket.socket:
    """A listening socket on 127.0.0.1.

    wanted: a port; 0 for any free one; None for the usual one, and where another program has that, the next free one.

    Raises KickstandError where the wanted port is taken.
    """
    if wanted is not None:
        return _listen(wanted)
    first = usual(state)
    for port in range(first, min(first + _TRIED, 65536)):
        try:
            return _listen(port)
        except KickstandError:
            continue
    return _listen(0)


def usual(state: StateFolder) -> int:
    """The port of the last start, else 4566."""
    try:
        remembered = int(state.port.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return CUSTOMARY
    return remembered if 0 < remembered < 65536 else CUSTOMARY


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        # At once: two sockets may be bound to one port as long as neither listens.
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise KickstandError(
            Problem(
                f"Port {port} of 127.0.0.1 cannot be used: {reason}.",
                fix="End the program that has it, or choose another: kickstand local start --port N",
            )
        ) from error
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def listens(port: int) -> bool:
    """Whether anybody accepts connections on a port of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True
