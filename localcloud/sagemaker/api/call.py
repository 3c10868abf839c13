"""One call of an operation: where it acts, what it requests, in whose name; and the errors that SageMaker answers.

Codes and messages are AWS's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from kickstand.names import partition


@dataclass(frozen=True, slots=True)
class Scope:
    """An account (12 digits) and a region."""

    account: str
    region: str

    @property
    def partition(self) -> str:
        return partition(self.region)

    def arn(self, kind: str, name: str) -> str:
        """The ARN of a SageMaker resource, such as `scope.arn("endpoint", "Bikes")`.

        SageMaker lowers the name in its ARNs, and IAM compares them so: a policy that names
        `endpoint/Bikes` never matches (API reference, CreateEndpoint, "EndpointName").
        """
        return f"arn:{self.partition}:sagemaker:{self.region}:{self.account}:{kind}/{name.lower()}"

    def service_arn(self, service: str, resource: str) -> str:
        """The ARN of another service's resource in this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


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


NOT_SUPPORTED = "not supported by the local cloud yet"


class ServiceError(Exception):
    """An error that the caller is answered: AWS's code, its message, the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        self.code = code
        self.message = message
        self.status = status
        super().__init__(f"{code}: {message}")


def validation_error(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)


def missing(kind: str, arn: str) -> ServiceError:
    """What describing, updating or deleting an absent model, endpoint or endpoint configuration answers."""
    return validation_error(f'Could not find {kind} "{arn}".')


def already_existing(kind: str, arn: str) -> ServiceError:
    return validation_error(f'Cannot create already existing {kind} "{arn}".')


def unsupported(what: str) -> ServiceError:
    """A part of SageMaker that exists on AWS and is not imitated: refused by name rather than ignored."""
    return validation_error(f"{what} is {NOT_SUPPORTED}.")


def unknown_operation(name: str) -> ServiceError:
    return ServiceError("UnknownOperationException", f"The operation {name} is {NOT_SUPPORTED}.")


def resource_in_use(message: str) -> ServiceError:
    return ServiceError("ResourceInUse", message)


def resource_limit_exceeded(limit: str, most: int, requested: int) -> ServiceError:
    """limit: the quota's name."""
    return ServiceError(
        "ResourceLimitExceeded",
        f"The account-level service limit '{limit}' is {most} Instances, with current utilization of 0 Instances and a "
        f"request delta of {requested} Instances. Please use AWS Service Quotas to request an increase for this quota. "
        "If AWS Service Quotas is not available, contact AWS support to request an increase for this quota.",
    )


def conflict(message: str) -> ServiceError:
    return ServiceError("ConflictException", message)


def access_denied(message: str) -> ServiceError:
    return ServiceError("AccessDeniedException", message)
