"""What an AWS refusal means: whether to try again, and how to say it to a person.

Codes: https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html, Step Functions' and
CloudWatch Logs' own throttling codes, and S3's `SlowDown`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from kickstand.errors import KickstandError, Problem

_THROTTLING = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
    }
)
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})
_CONNECTION = (ConnectionClosedError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError)


def error_code(error: Exception) -> str:
    """AWS's own code of an error (`ThrottlingException`); empty for one that is not an AWS answer."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return ""


def error_message(error: Exception) -> str:
    """AWS's own words."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Message", "") or error)
    return str(error)


def transient(error: Exception) -> bool:
    """Whether the same request may well succeed in a while: throttling, a fault of the service, the network."""
    if isinstance(error, _CONNECTION):
        return True
    if not isinstance(error, ClientError):
        return False
    response = cast("dict[str, Any]", error.response)
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return error_code(error) in _THROTTLING or (isinstance(status, int) and status >= 500)


def denied(error: Exception) -> bool:
    """Whether IAM refused."""
    return error_code(error) in _DENIED


def explain(error: Exception, action: str, *, where: str = "", fix: str = "") -> Problem:
    """An AWS error as a Problem: what was tried, AWS's words, and what to do.

    action: the thing that was tried, as the end of "Could not …".
    """
    if error_code(error) in _EXPIRED:
        fix = "The credentials have expired: sign in again, then run the same command."
    elif denied(error):
        fix = fix or "Attach the environment's fitter policy to these credentials, or use others (profile, role_arn)."
    elif isinstance(error, _CONNECTION):
        fix = fix or "Check the network, or the local cloud (`kickstand local status`), then run the same command."
    code = error_code(error)
    return Problem(f"Could not {action}: {f'{code}: ' if code else ''}{error_message(error)}", where, fix)


@contextmanager
def explained(action: str, *, where: str = "", fix: str = "") -> Iterator[None]:
    """Turn whatever AWS refuses inside into a KickstandError that says what was tried."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise KickstandError(explain(error, action, where=where, fix=fix)) from error
