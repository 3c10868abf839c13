"""Errors of AWS calls: explained in AWS's own words with what to do next, and which of them pass by themselves.

Where AWS is called: `with explained("reading the stack"):`, or `aws_error` by hand. A poll that meets a throttled or
unreachable service goes on for `patience` seconds (`is_transient`).
Error codes: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/CommonErrors.html and each service's own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from boto3.exceptions import Boto3Error, S3UploadFailedError
from botocore import exceptions as botocore
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from kickstand.console import system_explanation
from kickstand.errors import KickstandError, Problem

DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "403", "Forbidden"}
)
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
UNKNOWN_KEY = frozenset(
    {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
    | {"InvalidSignatureException", "AuthFailure", "InvalidToken", "MissingAuthenticationToken"}
)
THROTTLING = frozenset(
    {"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException"}
    | {"TooManyRequestsException", "RequestLimitExceeded", "SlowDown", "PriorRequestNotComplete"}
)
QUOTA = frozenset({"ResourceLimitExceeded", "LimitExceeded", "LimitExceededException", "ServiceQuotaExceededException"})

_KEY_FIX = (
    "The key's own policy does not allow it: its owner adds a statement (aws kms put-key-policy). kickstand doctor ENV "
    "names who needs what of an environment's keys."
)

_UNREACHABLE = (
    botocore.EndpointConnectionError,
    botocore.ConnectTimeoutError,
    botocore.ConnectionClosedError,
    botocore.ReadTimeoutError,
    botocore.ProxyConnectionError,
)
_SIGN_IN = (
    botocore.SSOError,
    botocore.TokenRetrievalError,
    botocore.NoAuthTokenError,
    botocore.LoginError,
)
AWS_FAILURES = (botocore.BotoCoreError, botocore.ClientError, Boto3Error)
"""Every exception that boto3 raises for something outside this program."""


@contextmanager
def explained(doing: str, where: str = "") -> Iterator[None]:
    """Turns what AWS refuses inside the block into a KickstandError. doing: "starting the training job"."""
    try:
        yield
    except AWS_FAILURES as error:
        raise aws_error(error, doing, where) from error


def aws_error(error: Exception, doing: str, where: str = "") -> KickstandError:
    """A failed AWS call as the error to show.

    error: a botocore or boto3 exception, or an OSError of a transfer. doing: what was tried, as it follows
    "while": "starting the training job bikes-dev-…". where: the place it is about, if any.
    """
    message, fix = _explanation(error)
    return KickstandError(Problem(f"Failed while {doing}: {message}", where, fix))


def error_code(error: BaseException) -> str:
    """AWS's own code of an answer (`AccessDenied`); empty for what is not an answer of AWS."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, botocore.ClientError) else ""


def _explanation(error: Exception) -> tuple[str, str]:
    if isinstance(error, botocore.ClientError):
        return _answer(error)
    # Some of botocore's connection errors are OSErrors too, by an old inheritance.
    if isinstance(error, OSError) and not isinstance(error, botocore.BotoCoreError):
        message, fix = system_explanation(error)
        return _sentence(message), fix
    words = _sentence(str(error))
    if isinstance(error, S3UploadFailedError):
        cause = error.__context__
        return _explanation(cause) if isinstance(cause, (*AWS_FAILURES, OSError)) else (words, "")
    if isinstance(error, botocore.NoCredentialsError | botocore.PartialCredentialsError):
        return words, (
            "Sign in (aws sso login, aws configure), or name a profile or role_arn in the environment's table. "
            "To try it without AWS: kickstand --local."
        )
    if isinstance(error, botocore.NoRegionError):
        return words, "Set AWS_DEFAULT_REGION, or a region in the profile."
    if isinstance(error, botocore.ProfileNotFound):
        return words, "Known ones: aws configure list-profiles."
    if isinstance(error, _SIGN_IN):
        return words, "Sign in again: aws sso login (with --profile where a profile is used)."
    if isinstance(error, botocore.CredentialRetrievalError | botocore.InvalidConfigError):
        return words, "Check the profile in ~/.aws/config."
    if isinstance(error, botocore.SSLError):
        return words, "Check AWS_CA_BUNDLE; for the local cloud take all of kickstand local env."
    if isinstance(error, _UNREACHABLE):
        return words, unreachable_fix()
    return words, ""


def unreachable_fix() -> str:
    """What to do where nothing answers: it depends on whether an endpoint was named by hand."""
    url = os.environ.get("AWS_ENDPOINT_URL")
    if url:
        return f"AWS_ENDPOINT_URL is {url}: start it (kickstand local start), or unset AWS_ENDPOINT_URL to reach AWS."
    return "Check the network, the proxy settings and the environment's region."


def _answer(error: Any) -> tuple[str, str]:
    code = error_code(error)
    words = str(error.response.get("Error", {}).get("Message", "") or error)
    operation = error.operation_name
    message = _sentence(f"{operation}: {code}: {words}" if code else f"{operation}: {words}")
    if code in DENIED:
        action = re.search(r"not authorized to perform:? ([a-zA-Z0-9-]+:\w+)", words)
        if action and action[1].startswith("kms:") and "resource-based polic" in words:
            return message, _KEY_FIX
        wanted = f"the permission {action[1]}" if action else f"the permission for {operation}"
        return message, f"These credentials lack {wanted}: attach the environment's policy for the job, or use others."
    if code.startswith("KMS."):
        return message, "The key cannot be used as it is: kickstand doctor ENV says what to do."
    if code in EXPIRED:
        return message, "The credentials have expired: sign in again, then run the same command."
    if code in UNKNOWN_KEY:
        return message, "AWS does not know these credentials: check the access key, or sign in again."
    if code in THROTTLING:
        return message, "AWS throttled the requests and every retry: wait a minute, then run the same command."
    if code in QUOTA:
        return message, "Ask for a higher quota in the Service Quotas console, or choose another instance type."
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if isinstance(status, int) and status >= 500:
        return message, "A fault on the service's side: run the same command again."
    return message, ""


def _sentence(words: str) -> str:
    words = " ".join(words.split())
    return words if words.endswith((".", "!", "?")) else f"{words}."


PATIENCE = 300.0
REFUSED_PATIENCE = 5.0
"""Where nothing listens, a server was ended on purpose: AWS's own are behind load balancers, which always do."""
_DEEPEST_CAUSE = 8
"""Errors around the system's own: botocore's, urllib3's."""

_CONNECTION = (ConnectionClosedError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError)


def is_transient(error: Exception) -> bool:
    """Whether the same request may well succeed in a while."""
    if isinstance(error, _CONNECTION):
        return True
    if not isinstance(error, ClientError):
        return False
    status = cast("dict[str, Any]", error.response).get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return error_code(error) in THROTTLING or (isinstance(status, int) and status >= 500)


def is_refused(error: Exception) -> bool:
    """Whether nothing listens at the endpoint: no fault of the network, which would let the request time out."""
    cause: BaseException | None = error
    for _ in range(_DEEPEST_CAUSE):
        if cause is None or isinstance(cause, ConnectionRefusedError):
            return cause is not None
        inner = getattr(cause, "kwargs", {}).get("error") or getattr(cause, "reason", None)
        cause = inner if isinstance(inner, BaseException) else cause.__cause__ or cause.__context__
    return False


def patience(error: Exception) -> float:
    """Seconds of nothing but errors such as this one before following is given up (the job is not)."""
    return REFUSED_PATIENCE if is_refused(error) else PATIENCE


def is_denied(error: Exception) -> bool:
    """Whether IAM refused."""
    return error_code(error) in DENIED


def error_message(error: Exception) -> str:
    """AWS's own words."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Message", "") or error)
    return str(error)
