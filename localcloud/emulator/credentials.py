"""Temporary credentials of a role, for a process that works in its name."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import iam, sts

from localcloud.emulator.context import region


@dataclass(frozen=True, slots=True)
class Credentials:
    """Temporary credentials of an assumed role."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: datetime
    account: str
    role_arn: str


class RoleNotAssumable(Exception):  # noqa: N818 - the condition's name at AWS
    """The role does not exist, or its trust policy does not name the service. The message is for the user."""


class AccessDenied(Exception):  # noqa: N818 - the error code's name at AWS
    """The caller may not do it. The message is IAM's own wording."""


def issue_role_credentials(
    role_arn: str,
    session_name: str,
    seconds: int = 3600,
    *,
    service: str = "sagemaker.amazonaws.com",
    source_arn: str = "",
) -> Credentials:
    """Credentials of `role_arn` as a service gets them: its trust policy must let `service` assume it.

    source_arn: the resource on whose behalf the service asks, aws:SourceArn of a trust policy's conditions. Its
                account, else the role's, is aws:SourceAccount.

    Raises RoleNotAssumable, worded as SageMaker words it.
    """
    account, name = _place(role_arn)
    role = iam._roles.get_scoped(account, None, name)
    trusted = role is not None and _trusts(role["AssumeRolePolicyDocument"], service, role_arn, source_arn)
    if role is None or role["Arn"] != role_arn or not trusted:
        raise RoleNotAssumable(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'{service}' to assume the role."
        )
    expiration = time.time() + seconds
    key = "ASIA" + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16))
    secret, token = secrets.token_urlsafe(30), secrets.token_urlsafe(96)
    partition = role_arn.split(":")[1]
    sts.register_session(
        key,
        {
            "Arn": f"arn:{partition}:sts::{account}:assumed-role/{name}/{session_name}",
            "AccountId": account,
            "UserId": f"{role['RoleId']}:{session_name}",
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": expiration,
            "PrincipalType": "AssumedRole",
        },
    )
    return Credentials(key, secret, token, datetime.fromtimestamp(expiration, UTC), account, role_arn)


def _place(role_arn: str) -> tuple[str, str]:
    parts = role_arn.split(":", 5)
    if len(parts) != 6 or not parts[5].startswith("role/"):
        raise RoleNotAssumable(f"{role_arn!r} is not the ARN of a role.")
    return parts[4], parts[5].rpartition("/")[2]


def _trusts(document: str | dict[str, Any], service: str, role_arn: str, source_arn: str) -> bool:
    """Whether a trust policy lets a service principal assume the role.

    The emulator's own evaluation lets root through any service principal, so the question is answered here:
    statements that name the service and whose conditions hold, a matching Deny wins.
    """
    policy = json.loads(document) if isinstance(document, str) else document
    account = role_arn.split(":")[4]
    source = {"aws:sourceaccount": source_arn.split(":")[4] if source_arn else account}
    asked = iam_evaluator.EvalContext(
        principal_arn=service,
        principal_type="Service",
        principal_account=account,
        action="sts:AssumeRole",
        resource_arn=role_arn,
        region=region(),
        secure_transport=True,
        service_context=source | ({"aws:sourcearn": source_arn} if source_arn else {}),
    )
    statements = policy.get("Statement", [])
    allowed = False
    for statement in [statements] if isinstance(statements, dict) else statements:
        actions = _listed(statement.get("Action"))
        principal = statement.get("Principal", {})
        services = ["*"] if principal == "*" else _listed(principal.get("Service"))
        if not {"sts:AssumeRole", "sts:*", "*"} & set(actions) or not {service, "*"} & set(services):
            continue
        if not iam_evaluator._conditions_met(statement.get("Condition", {}), asked):
            continue
        if statement.get("Effect") == "Deny":
            return False
        allowed = True
    return allowed


def _listed(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)
