"""STS: AssumeRoleWithWebIdentity, refusals as STS words them, and a role's credentials for a process."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localcloud.ministack.door.core import iam_evaluator
from localcloud.ministack.door.names import correct
from localcloud.ministack.door.services import iam, sts
from localcloud.ministack.registry import region
from localcloud.root_keys import RootKeys


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
    role = iam.roles.get_scoped(account, None, name)
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
    requested = iam_evaluator.EvalContext(
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
        if not iam_evaluator.conditions_met(statement.get("Condition", {}), requested):
            continue
        if statement.get("Effect") == "Deny":
            return False
        allowed = True
    return allowed


def _listed(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)


GITHUB = "token.actions.githubusercontent.com"
GITHUB_CLAIMS = (
    *("actor", "actor_id", "enterprise_id", "environment", "job_workflow_ref"),
    *("ref", "repository", "repository_id", "workflow"),
)
"""Claims of GitHub's that STS validates, in the partition aws alone.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
"""


_keys: RootKeys | None = None


def trust(keys: RootKeys) -> None:
    """Take the tokens that were made with these keys for genuine. Without a call none is."""
    global _keys
    _keys = keys


def install_web_identity() -> None:
    """Ask before the trust policy is asked."""
    correct(sts.web_identity_trust_denied, _with_provider)
    correct(sts.web_identity_principal, _with_claims)


def _with_provider(original: Callable[..., Any], role_arn: str, params: dict[str, Any], use_json: bool) -> Any:
    token = params.get("WebIdentityToken", [""])
    code, message = token_fault(role_arn, str(token[0] if isinstance(token, list) else token))
    if code:
        return sts.error.original()(400, code, message, ns="sts")
    return original(role_arn, params, use_json)


def _with_claims(original: Callable[..., Any], token: str, provider_id: str, role_arn: str) -> Any:
    principal, keys = original(token, provider_id, role_arn)
    return principal, {**keys, **github_keys(role_arn, token)}


def github_keys(role_arn: str, token: str) -> dict[str, Any]:
    """The condition keys of the claims that STS takes from a token of GitHub's besides `aud` and `sub`."""
    claims = _claims(token) or {}
    if str(claims.get("iss", "")).removeprefix("https://").rstrip("/") != GITHUB or role_arn.split(":")[1] != "aws":
        return {}
    return {f"{GITHUB}:{name}": claims[name] for name in GITHUB_CLAIMS if name in claims}


def token_fault(role_arn: str, token: str) -> tuple[str, str]:
    """Error code and message of a token that the role's account does not take; both empty: it does."""
    claims = _claims(token)
    if claims is None:
        return "InvalidIdentityToken", "The ID Token provided is not a valid JWT."
    if float(claims.get("exp", 0)) <= time.time():
        return "ExpiredTokenException", "Token expired: current date/time must be before the expiration date/time"
    account, partition = role_arn.split(":")[4], role_arn.split(":")[1]
    issuer = str(claims.get("iss", "")).removeprefix("https://").rstrip("/")
    # Providers are kept under ARNs of the partition aws.
    names = {f"arn:{one}:iam::{account}:oidc-provider/{issuer}" for one in ("aws", partition)}
    found = next((p for n in names if (p := iam.oidc_providers.get_scoped(account, None, n)) is not None), None)
    if found is None:
        return "InvalidIdentityToken", f"No OpenIDConnect provider found in your account for https://{issuer}"
    if claims.get("aud") not in found["ClientIDList"]:
        return "InvalidIdentityToken", "Incorrect token audience"
    if _keys is None or not _keys.is_own_token(token):
        return "InvalidIdentityToken", "The signature of the token is not that of its issuer."
    return "", ""


def _claims(token: str) -> Mapping[str, Any] | None:
    try:
        payload = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return None
    return found if isinstance(found, dict) else None


_NOBODY = b"User: is not authorized"


def install_sts_denials() -> None:
    """Put the caller's ARN into the message."""
    correct(sts.handle_request, _named)


async def _named(
    original: Callable[..., Any], method: str, path: str, headers: dict[str, str], body: bytes, query_params: Any
) -> Any:
    status, answer, content = await original(method, path, headers, body, query_params)
    text = content.encode() if isinstance(content, str) else content
    if status == 403 and _NOBODY in text:
        caller = sts.caller_identity.original()(headers, query_params)
        if isinstance(caller, dict) and caller.get("userArn"):
            text = text.replace(_NOBODY, f"User: {caller['userArn']} is not authorized".encode())
        return status, {name: value for name, value in answer.items() if name.lower() != "content-length"}, text
    return status, answer, content
