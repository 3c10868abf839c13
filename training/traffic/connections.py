"""Connections to one HTTPS or HTTP address, each with one request on its way at any time, opened as they are needed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import httptools

IDLE_SECONDS = 4.0
"""A connection that has had no request for this long is not used again: servers close those idle for 5 s or more, and a
request that meets the closing would fail for no fault of the endpoint."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where requests go. tls: None for plain HTTP."""

    host: str
    port: int
    tls: ssl.SSLContext | None


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A whole answer. headers: by their names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connections:
    """Sends requests to one address. As many connections are open as requests were on their way at one time.

    Used on one event loop; whoever sends bounds how many requests are on their way.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._idle: list[tuple[float, _Connection]] = []
        self._all: set[_Connection] = set()
        self.opened = 0
        """How many connections were opened so far."""

    async def send(self, request: bytes) -> HttpAnswer:
        """The answer to a request, given as the bytes that go over the wire.

        Raises OSError (ConnectionError, ssl.SSLError, socket.gaierror) where there is none. A connection whose request
        is cancelled is closed.
        """
        connection = self._take() or await self._open()
        try:
            answer = await connection.send(request)
        except BaseException:
            connection.close()
            raise
        if connection.reusable:
            self._idle.append((asyncio.get_running_loop().time(), connection))
        else:
            connection.close()
        return answer

    async def close(self) -> None:
        """Close all connections; what is on its way is lost."""
        for connection in self._all:
            connection.abort()
        while self._all:
            await asyncio.sleep(0)

    def _take(self) -> _Connection | None:
        """The connection that was used last; None where none is open, or all were idle for too long."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            since, connection = self._idle.pop()
            if connection.reusable and now - since < IDLE_SECONDS:
                return connection
            connection.close()
        return None

    async def _open(self) -> _Connection:
        loop, address = asyncio.get_running_loop(), self._address
        name = address.host if address.tls else None
        _, connection = await loop.create_connection(
            lambda: _Connection(loop, self._all), address.host, address.port, ssl=address.tls, server_hostname=name
        )
        self.opened += 1
        return connection


class _Connection(asyncio.Protocol):
    """One connection and the answer that is coming in on it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, all_open: set[_Connection]) -> None:
        """all_open: holds it as long as it is open."""
        self._loop, self._all_open = loop, all_open
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[HttpAnswer] | None = None
        self.reusable = True
        """Whether a further request may go over it."""

    def send(self, request: bytes) -> asyncio.Future[HttpAnswer]:
        self._answer = self._loop.create_future()
        if self._transport is None or self._transport.is_closing():
            self._fail(ConnectionResetError("closed"))
            return self._answer
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        self.reusable = False
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._all_open.add(self)

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():  # more than was requested: it is nobody's answer
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail(ConnectionError("no HTTP"))
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._all_open.discard(self)
        self.reusable = False
        self._fail(error if isinstance(error, OSError) else ConnectionResetError("closed"))

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, part: bytes) -> None:
        self._body += part

    def on_message_complete(self) -> None:
        self.reusable = self.reusable and self._parser.should_keep_alive()
        if self._answer is not None and not self._answer.done():
            status = self._parser.get_status_code()
            self._answer.set_result(HttpAnswer(status, self._headers, bytes(self._body)))

    def _fail(self, error: OSError) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
