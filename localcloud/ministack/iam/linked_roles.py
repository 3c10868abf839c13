"""Service-linked roles by AWS's own names; ministack makes one name of a service's first word alone.

https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-service-linked-roles.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.ministack.door.names import correct_entry
from localcloud.ministack.door.services import iam
from localcloud.ministack.registry import request_scope
from localcloud.sagemaker.api.call import Caller, Scope

SCALING_SERVICE = "sagemaker.application-autoscaling.amazonaws.com"
_NAMES = {SCALING_SERVICE: "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"}
_CREATE = "CreateServiceLinkedRole"


def install() -> None:
    """Once, before the emulator starts."""
    correct_entry(iam.IAM_HANDLERS, _CREATE, _create, "IAM_HANDLERS")


def is_missing(service: str) -> bool:
    """Whether the request's account has no role for a service yet."""
    return _NAMES[service] not in iam.roles


def role_arn(scope: Scope, service: str) -> str:
    """The ARN that a service's role has in an account."""
    return f"arn:{scope.partition}:iam::{scope.account}:role/aws-service-role/{service}/{_NAMES[service]}"


class LinkedRoles:
    """Makes the roles that services need, in the name of whoever needs the service first."""

    def ensure(self, scope: Scope, service: str, caller: Caller) -> str:
        """The ARN of a service's role, made where there is none. Raises ServiceError where the caller may not."""
        arn = role_arn(scope, service)
        with request_scope(scope.account, scope.region):
            if is_missing(service):
                caller.require(f"iam:{_CREATE}", arn, {"iam:AWSServiceName": service})
                iam.IAM_HANDLERS[_CREATE]({"AWSServiceName": [service]})
        return arn


def _create(original: Callable[..., Any], params: Any) -> Any:
    service = iam.p(params, "AWSServiceName")
    name = _NAMES.get(service)
    if name is None:
        return original(params)
    taken = f"AWSServiceRoleFor{service.split('.')[0].capitalize()}"
    if name in iam.roles:
        message = f"Service role name {name} has been taken in this account, please try a different suffix."
        return iam.error(400, "InvalidInput", message, ns="iam")
    before = iam.roles.get(taken)
    status, headers, body = original(params)
    made = dict(iam.roles.pop(taken))
    if before is not None:
        iam.roles[taken] = before
    iam.roles[name] = {**made, "RoleName": name, "Arn": str(made["Arn"]).replace(f"/{taken}", f"/{name}")}
    return status, headers, body.replace(taken.encode(), name.encode())
