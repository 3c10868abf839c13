"""The local cloud's HTTP server: uvicorn over TLS, its end left to the local cloud."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
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
