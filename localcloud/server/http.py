"""The HTTP server of the local cloud: uvicorn over TLS, on the loopback interface alone.

Two ways in which clients end a TLS connection are no errors, and stay out of the log: a client that has all it wants
may close its end while the last bytes are on their way, or never send close_notify.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import uvicorn

from localcloud.container.hosting.connection import HttpConnection

_KEEP_ALIVE_SECONDS = 75


class HttpServer(uvicorn.Server):
    """Serves an ASGI application on a bound socket, over TLS 1.2 or later, HTTP/1.1 alone.

    Awaiting `answer()` ends only with an error: signals are the caller's.
    """

    def __init__(self, application: Any, listener: socket.socket, *, certificate: Path, key: Path) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                interface="asgi3",
                http=HttpConnection,
                ws="none",
                lifespan="on",
                ssl_certfile=certificate,
                ssl_keyfile=key,
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,  # the emulator has written one, and clients know their clock's skew from it
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                backlog=2048,
            )
        )
        self._listener = listener

    async def answer(self) -> None:
        """Serve until cancelled."""
        await self.serve(sockets=[self._listener])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone: uvicorn would end the program before the state is saved."""
        yield


def ignore_disconnects(loop: asyncio.AbstractEventLoop) -> None:
    """Let the loop pass over these two; every other unhandled exception is written down as before."""
    loop.set_exception_handler(_handle_exception)


def is_disconnect(error: BaseException | None) -> bool:
    """Whether an exception only tells how a client left."""
    if isinstance(error, ssl.SSLError):
        return error.reason == "APPLICATION_DATA_AFTER_CLOSE_NOTIFY"
    return isinstance(error, TimeoutError) and str(error) == "SSL shutdown timed out"


def _handle_exception(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not is_disconnect(context.get("exception")):
        loop.default_exception_handler(context)


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
