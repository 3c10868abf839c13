"""Which port the local cloud listens on, taken before anything else so that nobody takes it in between."""

from __future__ import annotations

import socket

from kickstand.errors import KickstandError, Problem
from localcloud.state import StateFolder

CUSTOMARY = 4566
"""Where people expect an AWS on the laptop."""


def bind(state: StateFolder, wanted: int | None) -> socket.socket:
    """A listening socket on 127.0.0.1.

    wanted: a port; 0 for any free one; None for the port of the last start, else 4566, else any free one.

    Raises KickstandError where the wanted or remembered port is taken.
    """
    if wanted is not None:
        return _listen(wanted)
    remembered = _remembered(state)
    if remembered:
        return _listen(remembered, remembered=True)
    try:
        return _listen(CUSTOMARY)
    except KickstandError:
        return _listen(0)


def _remembered(state: StateFolder) -> int:
    try:
        return int(state.port.read_text())
    except (FileNotFoundError, ValueError):
        return 0


def _listen(port: int, *, remembered: bool = False) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        # At once: two sockets may be bound to one port as long as neither listens.
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        why = " It was this local cloud's port at its last start." if remembered else ""
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise KickstandError(
            Problem(
                f"Port {port} of 127.0.0.1 cannot be used: {reason}.{why}",
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
