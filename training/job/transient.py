"""Which AWS errors pass by themselves: throttling, a fault of the service, the network."""

from __future__ import annotations

from typing import Any, cast

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from kickstand.aws_errors import DENIED, THROTTLING, error_code

_CONNECTION = (ConnectionClosedError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError)


def transient(error: Exception) -> bool:
    """Whether the same request may well succeed in a while."""
    if isinstance(error, _CONNECTION):
        return True
    if not isinstance(error, ClientError):
        return False
    status = cast("dict[str, Any]", error.response).get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return error_code(error) in THROTTLING or (isinstance(status, int) and status >= 500)


def denied(error: Exception) -> bool:
    """Whether IAM refused."""
    return error_code(error) in DENIED


def error_message(error: Exception) -> str:
    """AWS's own words."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Message", "") or error)
    return str(error)
