"""One connection to a server of the local cloud: uvicorn's own, corrected where it loses what a client sent.

uvicorn closes a connection that idles between requests. It waits for ever for the rest of a request, it drops the
answer to a client that closed its own direction after asking, and it takes the body of a request that offers another
protocol (`Upgrade: h2c`, as Java's HttpClient sends it) for that protocol's.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_OFFER = (b"upgrade", b"http2-settings")


class HttpConnection(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol over httptools, which takes no offer of another protocol (RFC 9110, section 7.8)."""

    def data_received(self, data: bytes) -> None:
        """As uvicorn's; a request whose head has an offer is read again without it."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            if self.parser.get_method() == b"CONNECT":
                self.send_400_response("CONNECT is for proxies.")
            else:
                self._read_without_offer(data[offer.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")

    def on_headers_complete(self) -> None:
        """Begin to answer the request, unless its head is to be read again."""
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End the request's body, unless its head is to be read again."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _read_without_offer(self, rest: bytes) -> None:
        head = [self.parser.get_method(), b" ", self.url, b" HTTP/", self.parser.get_http_version().encode(), b"\r\n"]
        for name, value in self.headers:
            if name == b"connection":
                value = b", ".join(word for word in map(bytes.strip, value.split(b",")) if word.lower() not in _OFFER)
            if name not in _OFFER:
                head += [name, b": ", value, b"\r\n"]
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"".join([*head, b"\r\n", rest]))


class ServingConnection(HttpConnection):
    """A connection to the serving program, with patience for half-closed ones and an end to it for others."""

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
