"""One connection to the serving program: uvicorn's own, with patience for half-closed ones and an end to it for others.

uvicorn closes a connection that idles between requests. It waits for ever for the rest of a request, and it drops the
answer to a client that closed its own direction after asking.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class ServingConnection(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol over httptools."""

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer a client that will send no more, then close; True keeps the connection open until then."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete or cycle.more_body:
            return False
        cycle.keep_alive = False
        return True

    def is_owed(self) -> bool:
        """Whether the client has begun a request, or connected, and not sent all of it."""
        if self.timeout_keep_alive_task is not None:
            return False  # idle between two requests, which uvicorn watches
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body


class Patience:
    """Closes connections whose client has owed the rest of a request for too long.

    Looks at all connections now and then rather than setting a timer for each request, which would cost every one.
    """

    def __init__(self, connections: set[Any], seconds: float) -> None:
        self._connections, self._seconds = connections, seconds
        self._since: dict[ServingConnection, tuple[Any, float]] = {}

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(min(self._seconds / 4, 5.0))
            self.look(asyncio.get_running_loop().time())

    def look(self, now: float) -> None:
        """Close who has owed the rest of the same request for longer than allowed."""
        since: dict[ServingConnection, tuple[Any, float]] = {}
        for connection in [connection for connection in self._connections if connection.is_owed()]:
            request, began = self._since.get(connection, (connection.cycle, now))
            if request is not connection.cycle:
                began = now
            if now - began > self._seconds:
                connection.transport.abort()
            else:
                since[connection] = connection.cycle, began
        self._since = since
