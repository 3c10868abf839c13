"""One call of an operation: where it acts, what it asks for, in whose name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from localcloud.sagemaker.scope import Scope


class Caller(Protocol):
    """Who calls: a person's or a role's credentials, CloudFormation, a state machine."""

    def require(self, action: str, resource: str, context: Mapping[str, str] | None = None) -> None:
        """Nothing, if the caller may do `action` on the ARN `resource`; else a ServiceError (AccessDenied)."""

    def identity(self) -> Mapping[str, str]:
        """The caller as an IamIdentity: `Arn` and `PrincipalId`; empty for a service that works in its own name."""


@dataclass(frozen=True, slots=True)
class Call:
    """A validated request. `request` has the members of the operation's input shape, as JSON gives them."""

    scope: Scope
    request: Mapping[str, Any]
    caller: Caller
