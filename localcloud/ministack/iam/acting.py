"""In whose name the emulator works: the caller of a request, or the role that a service assumes; and iam:PassRole.

Whoever gives a service a role must be allowed to pass that role to that service.
"""

from __future__ import annotations

import contextvars
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from localcloud.ministack.door.core import iam_actions, iam_evaluator, router
from localcloud.ministack.door.names import correct
from localcloud.ministack.door.services import sts
from localcloud.ministack.iam.sts import AccessDenied, Credentials, issue_role_credentials
from localcloud.ministack.registry import account_id, region

_caller_key: contextvars.ContextVar[str | None] = contextvars.ContextVar("kickstand_caller_key", default=None)
_role: contextvars.ContextVar[Credentials | None] = contextvars.ContextVar("kickstand_role", default=None)


def install() -> None:
    """Remember who calls, for as long as the request and what it starts are at work."""

    def pin_request_caller(
        original: Callable[..., Any], headers: dict[str, str], query_params: dict[str, Any] | None = None
    ) -> None:
        original(headers, query_params)
        _caller_key.set(router.extract_access_key_id(headers, query_params))
        _role.set(None)

    correct(iam_evaluator.pin_request_caller, pin_request_caller)


@contextmanager
def acting_as(role_arn: str, service: str, session_name: str, source_arn: str) -> Iterator[Credentials]:
    """Work with a role as a service does: everything inside that is asked of IAM is asked for its session.

    role_arn:     the role; it must trust `service`, else RoleNotAssumable.
    source_arn:   on whose behalf: the state machine, the rule, the schedule's group. aws:SourceArn of the trust.
    session_name: as it shows in the principal's ARN (other characters than IAM's become `-`, 64 at most).
    A service calls others by TLS, from wherever it was started: a timer has no request to take that from.
    """
    name = re.sub(r"[^\w+=,.@-]", "-", session_name)[:64]
    credentials = issue_role_credentials(role_arn, name, 3600, service=service, source_arn=source_arn)
    origin: contextvars.ContextVar[tuple[str, bool]] = iam_evaluator.request_origin
    tokens = _role.set(credentials), origin.set(("127.0.0.1", True))
    try:
        yield credentials
    finally:
        _role.reset(tokens[0])
        origin.reset(tokens[1])
        _forget(credentials)


def _forget(credentials: Credentials) -> None:
    sts.sessions.pop(credentials.access_key_id, None)


@contextmanager
def acting_as_the_service() -> Iterator[None]:
    """Work as a service in its own name: what its caller may not do is not asked."""
    tokens = _role.set(None), _caller_key.set(None)
    try:
        yield
    finally:
        _role.reset(tokens[0])
        _caller_key.reset(tokens[1])


def access_key() -> str | None:
    """The access key on whose behalf the code runs: the acting role's, else the caller's; None: a service itself."""
    role = _role.get()
    return role.access_key_id if role is not None else _caller_key.get()


def identity() -> tuple[str, str] | None:
    """ARN and principal id of the one on whose behalf the code runs; None for a service itself, or a key now gone."""
    key = access_key()
    if key is None:
        return None
    found = iam_evaluator.resolve_credential.original()(key, account_id())
    return (found.principal_arn, found.principal_id) if hasattr(found, "principal_arn") else None


def acting_role() -> Credentials | None:
    """The credentials of the role that a service is working with; None where it works for its caller."""
    return _role.get()


def require(action: str, resource: str, *, context: Mapping[str, Any] | None = None) -> None:
    """Ask IAM whether the one on whose behalf the code runs may do `action` on `resource`.

    Raises AccessDenied with IAM's own wording. A service that works in its own name may.
    """
    key = access_key()
    if key is None:
        return

    service = action.partition(":")[0]
    refused = iam_evaluator.enforce(key, action, service, region(), resource_arn=resource, service_context=context)
    if refused is None:
        return
    principal = getattr(refused, "principal_arn", "")
    if not principal:
        raise AccessDenied(getattr(refused, "message", str(refused)))
    explicit = getattr(refused, "decision", "") == "Deny"
    raise AccessDenied(iam_actions_message(action, principal, resource, explicit))


def iam_actions_message(action: str, principal: str, resource: str, explicit: bool) -> str:
    """IAM's message for a refusal by identity policies."""
    return str(iam_actions.identity_denial_message(action, principal, resource, explicit))


def check_pass_role(role_arn: str, service: str) -> None:
    """Ask IAM whether the one who asks may pass `role_arn` to `service` (`sagemaker.amazonaws.com`).

    The one who asks is the caller of the request, or the role that a state machine's task works with;
    CloudFormation and other services that work in their own name are not asked.

    Raises AccessDenied, worded as IAM words it; a service answers it with AccessDeniedException.
    """
    require("iam:PassRole", role_arn, context={"iam:PassedToService": service})
