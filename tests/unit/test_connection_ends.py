"""Which ends of a connection the server's log is spared."""

from __future__ import annotations

import asyncio
import logging
import ssl

import pytest

from localcloud.connection_ends import spare_log


def _tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: {reason}]")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (_tls("APPLICATION_DATA_AFTER_CLOSE_NOTIFY"), False),
        (TimeoutError("SSL shutdown timed out"), False),
        (_tls("BAD_RECORD_MAC"), True),
        (TimeoutError("another one"), True),
        (ValueError("boom"), True),
    ],
)
def test_only_how_a_client_left_is_not_told(error: Exception, told: bool, caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.new_event_loop()
    spare_log(loop)
    with caplog.at_level(logging.ERROR, logger="asyncio"):
        loop.call_exception_handler({"message": "Unhandled exception in client_connected_cb", "exception": error})
    loop.close()
    assert ("Unhandled exception" in caplog.text) is told
