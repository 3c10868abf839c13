"""A server whose latencies are known: of a thousand requests in a row, each takes another of a thousand times.

`python -m benchmarks.programs.known_latency` prints its port and answers every request with a prediction, as an
endpoint would, until it is ended.
"""

from __future__ import annotations

import asyncio
import math
import random
import sys
from typing import cast

import httptools

from training.traffic.sender import run_on_time

COUNT = 1000
_LEAST, _MEAN = 0.45, 0.3
"""Seconds: the least, and the mean of what comes on top, which falls off exponentially.

Long beside what a busy machine adds to each: so a few per cent of them can be seen beside other work, too.
"""
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv; charset=utf-8\r\nContent-Length: 4\r\n\r\n1.5\n"


def latencies() -> list[float]:
    """The thousand times in seconds, in the order of the requests."""
    ordered = [_LEAST - _MEAN * math.log(1 - (place + 0.5) / COUNT) for place in range(COUNT)]
    random.Random(3).shuffle(ordered)
    return ordered


class _Connection(asyncio.Protocol):
    """One connection, with one request at a time. shared: what is left of the thousand."""

    def __init__(self, shared: list[float]) -> None:
        self._shared = shared

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        if not self._shared:
            self._shared.extend(reversed(latencies()))
        asyncio.get_running_loop().call_later(self._shared.pop(), self._transport.write, _ANSWER)


async def _serve() -> None:
    shared: list[float] = []
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(shared), "127.0.0.1", 0, backlog=512)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    run_on_time(_serve())
