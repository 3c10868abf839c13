"""Two ways in which clients end a TLS connection that are no errors, and that the server's log is spared.

A client that has all it wants may close its end while the answer's last bytes are on their way, or never say goodbye.
The loop's TLS may report both as exceptions that nobody handled, and writes each down with a traceback.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any


def spare_log(loop: asyncio.AbstractEventLoop) -> None:
    """Let the loop pass over these two; every other unhandled exception is written down as before."""
    loop.set_exception_handler(_handle)


def harmless(error: BaseException | None) -> bool:
    """Whether an exception only tells how a client left."""
    if isinstance(error, ssl.SSLError):
        return error.reason == "APPLICATION_DATA_AFTER_CLOSE_NOTIFY"
    return isinstance(error, TimeoutError) and str(error) == "SSL shutdown timed out"


def _handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not harmless(context.get("exception")):
        loop.default_exception_handler(context)
