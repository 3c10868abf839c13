"""The errors that SageMaker answers, with AWS's codes and words.

Codes and statuses: the `errors` of each operation in botocore's SageMaker model, and the common errors of the
API reference. The control plane speaks JSON 1.1, where every client error is HTTP 400.
"""

from __future__ import annotations

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


def resource_limit_exceeded(limit: str, most: int, asked: int) -> ServiceError:
    """limit: the quota's name."""
    return ServiceError(
        "ResourceLimitExceeded",
        f"The account-level service limit '{limit}' is {most} Instances, with current utilization of 0 Instances and a "
        f"request delta of {asked} Instances. Please use AWS Service Quotas to request an increase for this quota. If "
        "AWS Service Quotas is not available, contact AWS support to request an increase for this quota.",
    )


def resource_not_found(message: str) -> ServiceError:
    return ServiceError("ResourceNotFound", message)


def conflict(message: str) -> ServiceError:
    return ServiceError("ConflictException", message)


def access_denied(message: str) -> ServiceError:
    return ServiceError("AccessDeniedException", message)
