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

PATIENCE = 300.0
REFUSED_PATIENCE = 5.0
"""Where nothing listens, a server was ended on purpose: AWS's own are behind load balancers, which always do."""
_DEEPEST = 8
"""Errors around the system's own: botocore's, urllib3's."""

_CONNECTION = (ConnectionClosedError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError)


def transient(error: Exception) -> bool:
    """Whether the same request may well succeed in a while."""
    if isinstance(error, _CONNECTION):
        return True
    if not isinstance(error, ClientError):
        return False
    status = cast("dict[str, Any]", error.response).get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return error_code(error) in THROTTLING or (isinstance(status, int) and status >= 500)


def refused(error: Exception) -> bool:
    """Whether nothing listens at the endpoint: no fault of the network, which would let the request time out."""
    cause: BaseException | None = error
    for _ in range(_DEEPEST):
        if cause is None or isinstance(cause, ConnectionRefusedError):
            return cause is not None
        inner = getattr(cause, "kwargs", {}).get("error") or getattr(cause, "reason", None)
        cause = inner if isinstance(inner, BaseException) else cause.__cause__ or cause.__context__
    return False


def patience(error: Exception) -> float:
    """Seconds of nothing but errors such as this one before following is given up (the job is not)."""
    return REFUSED_PATIENCE if refused(error) else PATIENCE


def denied(error: Exception) -> bool:
    """Whether IAM refused."""
    return error_code(error) in DENIED


def error_message(error: Exception) -> str:
    """AWS's own words."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Message", "") or error)
    return str(error)
