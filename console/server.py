"""The console's server: a socket on 127.0.0.1, the address with its token, and an end by Ctrl-C.

It logs no request: an address has the token in it.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from console.application import Application
from console.guard import LOOPBACK, Guard, new_token
from console.reading import Source, View
from console.views.bucket import BUCKET
from console.views.costs import COST
from console.views.endpoint import ENDPOINT
from console.views.jobs import JOBS
from console.views.metrics import METRICS
from console.views.releases import RELEASES
from kickstand.errors import InputError, Problem

if TYPE_CHECKING:
    from kickstand.workspace import Workspace

VIEWS: Sequence[View] = (ENDPOINT, JOBS, METRICS, RELEASES, BUCKET, COST)
"""In the order of the navigation."""
_END_SECONDS = 2
"""That an answer may still take when the console ends."""


def listen(port: int) -> socket.socket:
    """A socket that listens on the loopback address. port: 0 takes a free one.

    Raises InputError: the port is taken, or only root may have it.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(64)
    except OSError as error:
        listener.close()
        taken = error.errno == errno.EADDRINUSE
        message = f"Port {port} of {LOOPBACK} is taken." if taken else f"Port {port}: {error.strerror}."
        fix = "Name another one, or leave --port away: a free one is then taken."
        raise InputError(Problem(message, "--port", fix)) from None
    return listener


class ConsoleServer:
    """The console of one environment on a socket that listens.

    reopen: opens the environment anew, for credentials that have expired. reviews: its review's folder.
    """

    def __init__(
        self, listener: socket.socket, workspace: Workspace, reopen: Callable[[], Workspace], reviews: Path
    ) -> None:
        self._listener = listener
        self._guard = Guard(new_token(), listener.getsockname()[1])
        self._source = Source(workspace, reopen, reviews)
        self._end: Callable[[], object] = lambda: None

    @property
    def address(self) -> str:
        """What a person opens, with the token."""
        return self._guard.address

    def end(self) -> None:
        """Let `run` return, from another thread."""
        self._end()

    def run(self, ready: Callable[[], None]) -> None:
        """Serve until SIGINT or SIGTERM, in the main thread, or until `end`. ready: called once it is served."""
        asyncio.run(self._run(ready))

    async def _run(self, ready: Callable[[], None]) -> None:
        import uvicorn

        application = Application(self._guard, self._source, VIEWS)
        loop = asyncio.get_running_loop()

        class Server(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                ready()

            def handle_exit(self, sig: int, frame: FrameType | None) -> None:
                """Ctrl-C is how the console ends: live pages end first, and the signal is not raised again."""
                self.should_exit = True
                loop.call_soon_threadsafe(application.ended.set)

        configuration = uvicorn.Config(
            application,
            http="httptools",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=_END_SECONDS,
        )
        server = Server(configuration)
        self._end = lambda: server.handle_exit(signal.SIGINT, None)
        await server.serve(sockets=[self._listener])
